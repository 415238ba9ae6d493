"""A filter as a condition on a row of `run`, two-valued: a leaf is never null, so NOT is plain."""

import math
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.sql.selectable import FromClause

from trackql_server.filters import tree
from trackql_server.filters.fields import STATUSES
from trackql_server.filters.tree import (
    All,
    Comparison,
    Entity,
    Field,
    Moment,
    Node,
    Not,
    Operator,
    Relation,
    Span,
)
from trackql_server.models import DatasetInput, RunStatus
from trackql_server.models.columns import CodePointText, millis, table_of
from trackql_server.store.listed import Listed, one_of
from trackql_server.store.paging import LOWER
from trackql_server.store.search.scope import Scope, alias, runs
from trackql_server.store.search.sources import Source, sources
from trackql_server.store.search.texts import TextColumn, compare

DATASET = table_of(DatasetInput)

# What an attribute is called in the language, where the column is called otherwise.
COLUMNS = {"run_id": "id"}

Condition = ColumnElement[bool]


class Predicates:
    """Makes conditions for one statement.

    With `probing` a leaf is looked up run by run, which is cheap where few runs are looked at;
    without, it is the set of all runs that satisfy it, found once by its index. `matched` holds for
    each comparison by a regular expression the values that match it.
    """

    def __init__(
        self,
        scope: Scope,
        *,
        sqlite: bool,
        matched: Mapping[Comparison, Sequence[str]] | None = None,
        probing: bool = False,
    ) -> None:
        self._scope = scope
        self._sqlite = sqlite
        self._matched = matched or {}
        self._probing = probing
        self._names = count()

    def holds(self, node: Node, run: FromClause) -> Condition:
        """Whether the filter holds for a run."""
        match node:
            case Comparison():
                return self._leaf(node, run)
            case Not(part):
                return not_(self.holds(part, run))
            case All(parts):
                return and_(true(), *(self.holds(part, run) for part in parts))
        return or_(false(), *(self.holds(part, run) for part in node.parts))

    def _leaf(self, node: Comparison, run: FromClause) -> Condition:
        relation = node.field.relation
        if relation is Relation.SELF:
            return self._own(node, run)
        own = Comparison(
            Field(node.field.entity, node.field.key, node.field.statistic),
            node.operator,
            node.values,
            node.negated,
        )
        if node in self._matched:
            self._matched = {**self._matched, own: self._matched[node]}
        other = runs(f"{relation}{next(self._names)}")
        if relation is Relation.PARENT:
            # Keys are known of the experiments looked over; so other fields are too.
            within = one_of(other.c.experiment_id, self._scope.experiment_ids)
            above = select(other.c.id).where(within, self._own(own, other))
            return and_(run.c.parent_run_id.is_not(None), run.c.parent_run_id.in_(above))
        # Whether no child has a field is asked of all children, not of any of them.
        if own.operator is Operator.NULL and not own.negated:
            own = Comparison(own.field, Operator.NULL, (), negated=True)
            return not_(self._children(own, other, run))
        return self._children(own, other, run)

    def _children(self, own: Comparison, other: FromClause, run: FromClause) -> Condition:
        nested = select(other.c.parent_run_id).where(
            other.c.parent_run_id.is_not(None), self._scope.holds(other), self._own(own, other)
        )
        return run.c.id.in_(nested)

    def _own(self, node: Comparison, run: FromClause) -> Condition:
        match node.field.entity:
            case Entity.ATTRIBUTE:
                return self._attribute(node, run)
            case Entity.DATASET:
                return self._dataset(node, run)
        found = sources(self._scope, node.field, f"f{next(self._names)}")
        if node.operator is Operator.NULL:
            there = or_(*(self._among(each, true(), run) for each in found))
            return there if node.negated else not_(there)
        asked = [(each, self.asked(each, node)) for each in found]
        return or_(false(), *(self._among(e, w, run) for e, w in asked if w is not None))

    def _among(self, source: Source, condition: Condition, run: FromClause) -> Condition:
        """Whether the run has a row of the source that satisfies the condition."""
        if self._probing:
            return exists().where(source.holds, source.run_number == run.c.number, condition)
        rows = select(source.run_number).where(source.holds, condition)
        return run.c.number.in_(rows)

    def asked(self, source: Source, node: Comparison) -> Condition | None:
        """What a comparison asks of a source's row; None where it can hold no such value."""
        value = node.values[0]
        if isinstance(value, bool):
            if source.flag is None:
                return None
            chosen = source.flag.in_([bool(each) for each in node.values])
            return and_(source.flag.is_not(None), _signed(chosen, node))
        if isinstance(value, str):
            if source.text is None:
                return None
            text = self._unindexed(source.text, node)
            present = text.head if text.head is not None else text.whole
            return and_(present.is_not(None), self._text(text, node))
        if source.number is None:
            return None
        number = plain(source.number) if self._hides else source.number
        return _number(number, node, nan=source.nan)

    @property
    def _hides(self) -> bool:
        """Whether values are kept out of SQLite's choice of an index.

        Looking for one run's row it would rather read all rows whose value fits.
        """
        return self._probing and self._sqlite

    def _unindexed(self, text: TextColumn, node: Comparison) -> TextColumn:
        if not self._hides or node.operator in (Operator.EQ, Operator.IN):
            return text
        return TextColumn(text.whole, None if text.head is None else plain(text.head))

    def _text(self, text: TextColumn, node: Comparison) -> Condition:
        if node.operator is Operator.MATCHES:
            fits = self._matched[node]
            return _signed(Listed(text.value, fits) if fits else false(), node)
        return _signed(compare(text, node, self._sqlite), node)

    def _dataset(self, node: Comparison, run: FromClause) -> Condition:
        table = alias(DATASET, f"f{next(self._names)}_dataset")
        column = table.c[node.field.key]
        condition: Condition = true()
        if node.operator is not Operator.NULL:
            condition = self._text(TextColumn(column), node)
        used = run.c.number.in_(
            select(table.c.run_number).where(
                one_of(table.c.experiment_id, self._scope.experiment_ids), condition
            )
        )
        return not_(used) if node.operator is Operator.NULL and not node.negated else used

    def _attribute(self, node: Comparison, run: FromClause) -> Condition:
        key = node.field.key
        if key == "status":
            return self._status(node, run)
        column = run.c[COLUMNS.get(key, key)] if key != "duration" else self.duration(run)
        if node.operator is Operator.NULL:
            return column.is_not(None) if node.negated else column.is_(None)
        value = node.values[0]
        if isinstance(value, Moment | Span):
            whole = type_coerce(column, BigInteger)
            now = 0 if key == "duration" else millis(self._scope.now)
            at = [_milliseconds(each, now) for each in node.values]
            asked = _ordered(whole, node.operator, at)
        elif isinstance(value, str):
            return and_(column.is_not(None), self._text(TextColumn(column), node))
        else:
            return _number(column, node, nan=False)
        return and_(column.is_not(None), _signed(asked, node))

    def _status(self, node: Comparison, run: FromClause) -> Condition:
        if node.operator is Operator.MATCHES:
            wanted = set(self._matched[node])
        else:
            wanted = {each for each in STATUSES if told(node, each)}
        return _signed(self.has_status(run, wanted), node)

    def has_status(self, run: FromClause, wanted: set[str]) -> Condition:
        """Whether a run has one of these statuses, where a silent running run is STALLED."""
        ways: list[Condition] = []
        stored = [RunStatus(each) for each in sorted(wanted - {"RUNNING", "STALLED"})]
        if stored:
            ways.append(run.c.status.in_(stored))
        if wanted & {"RUNNING", "STALLED"}:
            running = run.c.status == RunStatus.RUNNING
            alive = self.alive(run)
            if "STALLED" not in wanted:
                running = and_(running, alive)
            elif "RUNNING" not in wanted:
                running = and_(running, not_(alive))
            ways.append(running)
        return or_(false(), *ways)

    def status(self, run: FromClause) -> ColumnElement[str]:
        """The status to show, as text."""
        stalled = self.has_status(run, {"STALLED"})
        return case((stalled, "STALLED"), else_=type_coerce(run.c.status, CodePointText))

    def alive(self, run: FromClause) -> Condition:
        """Whether a running run was heard of lately."""
        heard = func.coalesce(
            type_coerce(run.c.heartbeat_time, BigInteger), type_coerce(run.c.start_time, BigInteger)
        )
        return heard >= millis(self._scope.alive_since)

    def duration(self, run: FromClause) -> ColumnElement[int]:
        """Milliseconds from start to end, to now while it runs, to its last sign when stalled."""
        start = type_coerce(run.c.start_time, BigInteger)
        heard = func.coalesce(type_coerce(run.c.heartbeat_time, BigInteger), start)
        until = case(
            (and_(run.c.status == RunStatus.RUNNING, not_(self.alive(run))), heard),
            else_=literal(millis(self._scope.now), BigInteger),
        )
        return case(
            (run.c.end_time.is_not(None), run.c.duration_ms),
            (until > start, until - start),
            else_=0,
        )


def told(node: Comparison, text: str) -> bool:
    """What a comparison other than by a regular expression says of a text, in Python."""
    values = [str(value) for value in node.values]
    match node.operator:
        case Operator.EQ | Operator.IN:
            return text in values
        case Operator.CONTAINS:
            return values[0].translate(LOWER) in text.translate(LOWER)
        case Operator.ILIKE:
            return like(values[0].translate(LOWER), text.translate(LOWER))
    return like(values[0], text)


def like(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern of % and _."""
    reached = {0}
    for sign in pattern:
        if sign == "%":
            reached = set(range(min(reached, default=len(text) + 1), len(text) + 1))
        else:
            reached = {
                at + 1 for at in reached if at < len(text) and (sign == "_" or text[at] == sign)
            }
    return len(text) in reached


def plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as a value that SQLite looks up in no index."""
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def _signed(condition: Condition, node: Comparison) -> Condition:
    return not_(condition) if node.negated else condition


def _number(column: ColumnElement[Any], node: Comparison, *, nan: bool) -> Condition:
    """What a comparison asks of a number, where null is NaN or no number at all."""
    value = node.values[0]
    if isinstance(value, float) and math.isnan(value):
        return column.is_not(None) if node.negated else column.is_(None)
    values = [bindparam(None, each, type_=Float) for each in node.values]
    asked = and_(column.is_not(None), _ordered(column, node.operator, values))
    if not node.negated:
        return asked
    there = true() if nan else column.is_not(None)
    return and_(there, not_(asked))


def _ordered(column: Any, operator: Operator, values: Sequence[Any]) -> Condition:
    found: Condition
    match operator:
        case Operator.EQ:
            found = column == values[0]
        case Operator.LT:
            found = column < values[0]
        case Operator.LE:
            found = column <= values[0]
        case Operator.GT:
            found = column > values[0]
        case Operator.GE:
            found = column >= values[0]
        case Operator.IN:
            found = column.in_(values)
        case _:
            found = and_(column >= values[0], column <= values[1])
    return found


def _milliseconds(value: tree.Scalar, now: int) -> int:
    if isinstance(value, Moment):
        return value.ms
    assert isinstance(value, Span)
    return now + value.ms
