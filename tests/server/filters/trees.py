"""Random trees of the filter language, each as the parser would give it."""

from hypothesis import strategies as st

from trackql_server.filters import fields
from trackql_server.filters.fields import Kind
from trackql_server.filters.tree import (
    All,
    Any,
    Comparison,
    Entity,
    Field,
    Moment,
    Node,
    Not,
    Operator,
    Relation,
    Scalar,
    Span,
    Statistic,
)

texts = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.sampled_from(
        ["it's", "''", '"', "`", "a AND b", "NaN", "1", "%_\\", "ключ", "データ", "हिन्दी", "🚀"]
    ),
)
tricky = [
    "min",
    "loss.min",
    "a.last",
    "a b",
    "a`b",
    'a"b',
    ".",
    "a.",
    ".a",
    "a..b",
    "NOT",
    "not.in",
]
keys = st.one_of(texts.filter(len), st.sampled_from([*tricky, "val/loss", "lr", "a-b", "a:b@c"]))
relations = st.sampled_from(Relation)
finite = st.floats(allow_nan=False, allow_infinity=False)
ago = st.integers(-fields.LATEST, 0).map(Span)
moments = st.integers(fields.EARLIEST, fields.LATEST).map(Moment)

VALUES: dict[Kind, list[st.SearchStrategy[Scalar]]] = {
    Kind.TEXT: [texts],
    Kind.NUMBER: [st.floats(allow_nan=False)],
    Kind.TIME: [moments | ago],
    Kind.DURATION: [st.integers(0, fields.LATEST).map(Span)],
    Kind.STATUS: [st.sampled_from(fields.STATUSES)],
    Kind.PARAM: [texts, finite],
    Kind.CONFIG: [texts, finite],
}


@st.composite
def all_fields(draw: st.DrawFn) -> Field:
    """Any field that can be compared."""
    entity, relation = draw(st.sampled_from(Entity)), draw(relations)
    match entity:
        case Entity.ATTRIBUTE:
            return Field(entity, draw(st.sampled_from(sorted(fields.ATTRIBUTES))), None, relation)
        case Entity.DATASET:
            return Field(entity, draw(st.sampled_from(fields.DATASET_KEYS)), None, relation)
        case Entity.METRIC:
            return Field(entity, draw(keys), draw(st.sampled_from(Statistic)), relation)
    return Field(entity, draw(keys), None, relation)


def values(kind: Kind, operator: Operator) -> st.SearchStrategy[list[Scalar]]:
    """As many values, fit for one list, as the operator may have."""
    least, most = {Operator.NULL: (0, 0), Operator.BETWEEN: (2, 2), Operator.IN: (1, 4)}.get(
        operator, (1, 1)
    )
    each: list[st.SearchStrategy[Scalar]]
    if operator is Operator.MATCHES:
        each = [st.sampled_from(["^a.*b$", "a|b", "it's", r"\d+"])]
    elif operator in fields.TEXTUAL:
        each = [texts]
    else:
        each = VALUES[kind]
        if kind is Kind.CONFIG and operator in (Operator.EQ, Operator.IN):
            each = [*each, st.booleans()]
    return st.one_of(*(st.lists(one, min_size=least, max_size=most) for one in each))


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """Any comparison that fits together."""
    field = draw(all_fields())
    kind = fields.kind(field)
    operator = draw(st.sampled_from(fields.OPERATORS[kind]))
    negated = operator not in fields.ORDERINGS and draw(st.booleans())
    return Comparison(field, operator, tuple(draw(values(kind, operator))), negated)


def _joined(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(parts, min_size=2, max_size=4).map(tuple)
    return several.map(All) | several.map(Any) | parts.map(Not)


trees: st.SearchStrategy[Node] = st.recursive(comparisons(), _joined, max_leaves=12)
