"""The filter as typed input: the same tree that the text of a filter becomes."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry

from trackql_server.errors import InvalidFilter
from trackql_server.filters import fields, tree
from trackql_server.filters.fields import Misfit
from trackql_server.filters.parse import bounded, parse
from trackql_server.filters.tree import (
    Comparison,
    Entity,
    Field,
    Node,
    Operator,
    Relation,
    Scalar,
    Span,
    Statistic,
)
from trackql_server.graphql.enums import row_enum
from trackql_server.graphql.scalars import Int64, MetricValue

MetricStatistic = row_enum(
    Statistic,
    "One number of a metric's series.",
    called="MetricStatistic",
    LAST="The value of the point with the greatest step, then time, then value.",
    FIRST="The value of the point with the least step, then time, then value.",
    MIN="The least value.",
    MAX="The greatest value.",
    MEAN="The mean of the values that are not NaN.",
    SUM="The sum of the values that are not NaN.",
    COUNT="How many points there are.",
    NAN_COUNT="How many points are NaN.",
    ARGMIN="The step of the first point with the least value.",
    ARGMAX="The step of the first point with the greatest value.",
    FIRST_STEP="The least step.",
    LAST_STEP="The greatest step.",
)
RunRelation = row_enum(
    Relation,
    "Whose field it is.",
    called="RunRelation",
    SELF="The run's own.",
    PARENT="That of the run it is nested in.",
    CHILDREN="That of any run nested in it.",
)

# The name of each input field, with the operator it stands for and whether it is negated.
WORDS: dict[str, tuple[Operator, bool]] = {
    "eq": (Operator.EQ, False),
    "ne": (Operator.EQ, True),
    "lt": (Operator.LT, False),
    "le": (Operator.LE, False),
    "gt": (Operator.GT, False),
    "ge": (Operator.GE, False),
    "like": (Operator.LIKE, False),
    "not_like": (Operator.LIKE, True),
    "ilike": (Operator.ILIKE, False),
    "not_ilike": (Operator.ILIKE, True),
    "matches": (Operator.MATCHES, False),
    "not_matches": (Operator.MATCHES, True),
    "contains": (Operator.CONTAINS, False),
    "not_contains": (Operator.CONTAINS, True),
    "in_": (Operator.IN, False),
    "not_in": (Operator.IN, True),
    "between": (Operator.BETWEEN, False),
    "not_between": (Operator.BETWEEN, True),
}


def _op(description: str, name: str | None = None) -> Any:
    return strawberry.field(default=None, name=name, description=description)


@strawberry.input(description="What a number is compared with; several at once must all hold.")
class NumberCondition:
    eq: MetricValue | None = _op("Equal; 'NaN' asks whether it is NaN.")
    ne: MetricValue | None = _op("There, and not equal.")
    lt: MetricValue | None = _op("Less.")
    le: MetricValue | None = _op("Less or equal.")
    gt: MetricValue | None = _op("Greater.")
    ge: MetricValue | None = _op("Greater or equal.")
    in_: list[MetricValue] | None = _op("One of these; at most 1,000.", "in")
    not_in: list[MetricValue] | None = _op("There, and none of these.")
    between: list[MetricValue] | None = _op("Two bounds, both included.")
    not_between: list[MetricValue] | None = _op("There, and not between these two.")
    exists: bool | None = _op("Whether it is there at all.")


@strawberry.input(description="What text is compared with; several at once must all hold.")
class TextCondition:
    eq: str | None = _op("Equal.")
    ne: str | None = _op("There, and not equal.")
    lt: str | None = _op("Before it by code point.")
    le: str | None = _op("Before it by code point, or equal.")
    gt: str | None = _op("Behind it by code point.")
    ge: str | None = _op("Behind it by code point, or equal.")
    like: str | None = _op("Fits a pattern with % and _.")
    not_like: str | None = _op("There, and does not fit the pattern.")
    ilike: str | None = _op("Fits a pattern, letter case of ASCII aside.")
    not_ilike: str | None = _op("There, and does not fit the pattern, letter case aside.")
    matches: str | None = _op("Holds a match of a regular expression (RE2).")
    not_matches: str | None = _op("There, and holds no match of the expression.")
    contains: str | None = _op("Holds this text, letter case of ASCII aside.")
    not_contains: str | None = _op("There, and does not hold this text.")
    in_: list[str] | None = _op("One of these; at most 1,000.", "in")
    not_in: list[str] | None = _op("There, and none of these.")
    between: list[str] | None = _op("Two bounds by code point, both included.")
    not_between: list[str] | None = _op("There, and not between these two.")
    exists: bool | None = _op("Whether it is there at all.")


@strawberry.input(description="What a moment is compared with; several at once must all hold.")
class TimeCondition:
    eq: datetime | None = _op("Equal, to the millisecond.")
    ne: datetime | None = _op("There, and not equal.")
    lt: datetime | None = _op("Before.")
    le: datetime | None = _op("Before, or then.")
    gt: datetime | None = _op("After.")
    ge: datetime | None = _op("After, or then.")
    between: list[datetime] | None = _op("Two bounds, both included.")
    not_between: list[datetime] | None = _op("There, and not between these two.")
    within: Int64 | None = _op("In the last so many milliseconds.")
    exists: bool | None = _op("Whether it is there at all.")


@strawberry.input(description="What a duration in milliseconds is compared with.")
class DurationCondition:
    lt: Int64 | None = _op("Shorter.")
    le: Int64 | None = _op("Shorter or equal.")
    gt: Int64 | None = _op("Longer.")
    ge: Int64 | None = _op("Longer or equal.")
    between: list[Int64] | None = _op("Two bounds, both included.")


Key = Annotated[str, strawberry.argument(description="Its key.")]


def _key() -> Any:
    return strawberry.field(description="Its key.")


def _of() -> Any:
    return strawberry.field(default=Relation.SELF, description="Whose it is.")


@strawberry.input(description="A metric, by one statistic of its series.")
class MetricCondition(NumberCondition):
    key: str = _key()
    statistic: Statistic = strawberry.field(
        default=Statistic.LAST, description="Which number of the series."
    )
    of: Relation = _of()


@strawberry.input(description="A param, as text; under `number` as a number where it is one.")
class ParamCondition(TextCondition):
    key: str = _key()
    of: Relation = _of()
    number: NumberCondition | None = _op("Its value as a number.")


@strawberry.input(description="A value of typed configuration, by its path.")
class ConfigCondition(TextCondition):
    path: str = strawberry.field(description="Its path, as in optimizer.lr.")
    of: Relation = _of()
    number: NumberCondition | None = _op("Its value, where it is a number.")
    flag: bool | None = _op("Its value, where it is true or false.")


@strawberry.input(description="A tag.")
class TagCondition(TextCondition):
    key: str = _key()
    of: Relation = _of()


@strawberry.enum(description="An attribute of a run that is text.")
class TextAttribute(Enum):
    RUN_ID = strawberry.enum_value("run_id", description="Its id.")
    NAME = strawberry.enum_value("name", description="Its name.")
    STATUS = strawberry.enum_value(
        "status", description="Its status, STALLED among them; not in order, never absent."
    )
    USER = strawberry.enum_value("user", description="Who started it.")
    DESCRIPTION = strawberry.enum_value("description", description="Its description.")
    SOURCE_NAME = strawberry.enum_value("source_name", description="Its script or notebook.")
    GIT_COMMIT = strawberry.enum_value("git_commit", description="The commit of its source.")
    EXPERIMENT_ID = strawberry.enum_value("experiment_id", description="Its experiment.")
    PARENT_RUN_ID = strawberry.enum_value("parent_run_id", description="The run it is nested in.")


@strawberry.enum(description="An attribute of a run that is a point in time.")
class TimeAttribute(Enum):
    START_TIME = strawberry.enum_value("start_time", description="When it started.")
    END_TIME = strawberry.enum_value("end_time", description="When it ended.")
    HEARTBEAT_TIME = strawberry.enum_value("heartbeat_time", description="When last heard of.")


@strawberry.enum(description="What is known of a dataset that a run used.")
class DatasetAttribute(Enum):
    NAME = strawberry.enum_value("name", description="Its name.")
    DIGEST = strawberry.enum_value("digest", description="Its digest.")
    CONTEXT = strawberry.enum_value("context", description="What it was used for.")


@strawberry.input(description="An attribute that is text.")
class AttributeCondition(TextCondition):
    name: TextAttribute = strawberry.field(description="Which.")
    of: Relation = _of()


@strawberry.input(description="An attribute that is a point in time.")
class MomentCondition(TimeCondition):
    name: TimeAttribute = strawberry.field(description="Which.")
    of: Relation = _of()


@strawberry.input(description="How long a run took, up to now while it runs.")
class RunDurationCondition(DurationCondition):
    of: Relation = _of()


@strawberry.input(description="How many points the writers of a run had to drop.")
class DroppedPointsCondition(NumberCondition):
    of: Relation = _of()


@strawberry.input(description="A dataset that a run used.")
class DatasetCondition(TextCondition):
    name: DatasetAttribute = strawberry.field(description="What of it.")
    of: Relation = _of()


RunFilterInput = Annotated["RunFilter", strawberry.lazy("trackql_server.graphql.conditions")]


@strawberry.input(
    description=(
        "Which runs: whatever is given must hold. A run that lacks a field satisfies no condition"
        " on it but `exists: false`."
    )
)
class RunFilter:
    metric: MetricCondition | None = _op("A metric.")
    param: ParamCondition | None = _op("A param.")
    tag: TagCondition | None = _op("A tag.")
    config: ConfigCondition | None = _op("A value of typed configuration.")
    attribute: AttributeCondition | None = _op("An attribute that is text.")
    time: MomentCondition | None = _op("An attribute that is a point in time.")
    duration: RunDurationCondition | None = _op("How long it took.")
    dropped_points: DroppedPointsCondition | None = _op("Points that were dropped.")
    dataset: DatasetCondition | None = _op("A dataset it used.")
    all: list[RunFilterInput] | None = _op("Every one of these must hold.", "and")
    any: list[RunFilterInput] | None = _op("At least one of these must hold.", "or")
    negation: RunFilterInput | None = _op("This must not hold; so also without the field.", "not")


def read(where: RunFilter | None, text: str | None) -> Node:
    """What `where` and `filter` ask for together. Raises InvalidFilter."""
    nodes = [] if text is None else [parse(text)]
    if where is not None:
        nodes.append(_bounded(_filter(where, "where", 0)))
    return tree.conjunction(*nodes)


def _bounded(node: Node) -> Node:
    try:
        return bounded(node)
    except InvalidFilter as error:
        error.argument = "where"
        raise


def _filter(given: RunFilter, at: str, depth: int) -> Node:
    if depth > 50:
        raise InvalidFilter(f"{at} nests deeper than 50 levels; make it flatter", argument="where")
    parts: list[Node] = []
    for name, make in LEAVES.items():
        condition = getattr(given, name)
        if condition is not None:
            parts.extend(make(condition, f"{at}.{_called(name)}"))
    if given.all is not None:
        parts.append(_joined(tree.All, given.all, f"{at}.and", depth))
    if given.any is not None:
        parts.append(_joined(tree.Any, given.any, f"{at}.or", depth))
    if given.negation is not None:
        parts.append(tree.Not(_filter(given.negation, f"{at}.not", depth + 1)))
    return tree.conjunction(*parts)


def _joined(
    kind: type[tree.All | tree.Any], given: Sequence[RunFilter], at: str, depth: int
) -> Node:
    parts = [_filter(each, f"{at}[{place}]", depth + 1) for place, each in enumerate(given)]
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _called(name: str) -> str:
    """What an input field is called in GraphQL."""
    first, *others = name.strip("_").split("_")
    return first + "".join(each.title() for each in others)


def _compared(field: Field, condition: Any, at: str) -> Iterator[Comparison]:
    """A comparison for each operator that a condition gives."""
    for name, (operator, negated) in WORDS.items():
        given = getattr(condition, name, None)
        if given is None:
            continue
        values = tuple(given) if isinstance(given, list) else (given,)
        place = f"{at}.{_called(name)}"
        if operator is Operator.BETWEEN and len(values) != 2:
            raise InvalidFilter(f"{place} wants two bounds", argument=place)
        yield _checked(field, operator, values, place, negated=negated)
    exists = getattr(condition, "exists", None)
    if exists is not None:
        yield _checked(field, Operator.NULL, (), f"{at}.exists", negated=exists)


def _checked(
    field: Field, operator: Operator, values: tuple[Any, ...], at: str, *, negated: bool
) -> Comparison:
    try:
        return fields.comparison(
            field, operator, tuple(_scalar(value) for value in values), negated=negated
        )
    except Misfit as misfit:
        raise InvalidFilter(f"{at}: {misfit}", argument=at) from None


def _scalar(value: Any) -> Scalar:
    return value.isoformat() if isinstance(value, datetime) else value


def _keyed(entity: Entity) -> Callable[[Any, str], Iterator[Comparison]]:
    def make(condition: Any, at: str) -> Iterator[Comparison]:
        key = condition.path if entity is Entity.CONFIG else condition.key
        if not key:
            raise InvalidFilter(f"{at}: the key is empty", argument=f"{at}.key")
        statistic = condition.statistic if entity is Entity.METRIC else None
        field = Field(entity, key, statistic, condition.of)
        yield from _compared(field, condition, at)
        number = getattr(condition, "number", None)
        if number is not None:
            yield from _compared(field, number, f"{at}.number")
        flag = getattr(condition, "flag", None)
        if flag is not None:
            yield _checked(field, Operator.EQ, (flag,), f"{at}.flag", negated=False)

    return make


def _attribute(condition: AttributeCondition | MomentCondition, at: str) -> Iterator[Comparison]:
    field = fields.attribute(str(condition.name.value), condition.of)
    yield from _compared(field, condition, at)
    within = getattr(condition, "within", None)
    if within is not None:
        yield _checked(field, Operator.GT, (Span(-int(within)),), f"{at}.within", negated=False)


def _duration(condition: RunDurationCondition, at: str) -> Iterator[Comparison]:
    field = fields.attribute("duration", condition.of)
    for name, (operator, _) in WORDS.items():
        given = getattr(condition, name, None)
        if given is not None:
            values = given if isinstance(given, list) else [given]
            if operator is Operator.BETWEEN and len(values) != 2:
                raise InvalidFilter(f"{at}.between wants two bounds", argument=f"{at}.between")
            spans = tuple(Span(int(value)) for value in values)
            yield _checked(field, operator, spans, f"{at}.{name}", negated=False)


def _dropped(condition: DroppedPointsCondition, at: str) -> Iterator[Comparison]:
    yield from _compared(fields.attribute("dropped_points", condition.of), condition, at)


def _dataset(condition: DatasetCondition, at: str) -> Iterator[Comparison]:
    field = Field(Entity.DATASET, str(condition.name.value), None, condition.of)
    yield from _compared(field, condition, at)


LEAVES: dict[str, Callable[[Any, str], Iterator[Comparison]]] = {
    "metric": _keyed(Entity.METRIC),
    "param": _keyed(Entity.PARAM),
    "tag": _keyed(Entity.TAG),
    "config": _keyed(Entity.CONFIG),
    "attribute": _attribute,
    "time": _attribute,
    "duration": _duration,
    "dropped_points": _dropped,
    "dataset": _dataset,
}
