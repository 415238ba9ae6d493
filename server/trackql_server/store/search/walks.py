"""Walks along an index in the order asked for; the runs it names are probed in lots.

Where too few of them are found a walk gives up, so that its cost has a bound.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, not_, select

from trackql_server.filters.tree import All, Comparison, Entity, Field, Operator
from trackql_server.store.search import sorting
from trackql_server.store.search.asked import Asked, Row, Search, raw
from trackql_server.store.search.sorting import MISSING, NANS, NUMBERS, TEXTS, Key
from trackql_server.store.search.sources import Source, sources

# Attributes whose index delivers the runs of an experiment in their order.
INDEXED = ("start_time", "name", "status", "duration")

# Runs that a walk probes, lot by lot, before it gives up: some 10 ms in all.
LOTS = (500, 4_500)


def walks(asked: Asked) -> list["Walk"]:
    """The walks that one after the other make the order; none where no index does."""
    scope, orders = asked.search.scope, asked.search.orders
    if len(orders) != 1 or len(scope.experiment_ids) != 1:
        return []
    field = orders[0].field
    if field.entity is Entity.ATTRIBUTE:
        return [RunWalk(asked)] if field.key in INDEXED and scope.lifecycle is not None else []
    if field.entity is Entity.CONFIG:
        return []
    [source] = sources(scope, field, "w")
    found: list[Walk] = []
    if source.number is not None:
        found.append(ValueWalk(asked, source, NUMBERS, source.number))
    if source.text is not None:
        found.append(ValueWalk(asked, source, TEXTS, sorting.begin(source.text)))
    if source.nan:
        found.append(ValueWalk(asked, source, NANS, None))
    if not _wanted(asked.search, field):
        found.append(MissingWalk(asked, source))
    return found


def found(asked: Asked, walk: "Walk", wanted: int, after: Row | None) -> list[Row] | None:
    """The keys of the next runs of a walk that are found; None when it gave up."""
    if asked.everything and isinstance(walk, RunWalk | MissingWalk):
        return walk.lot(wanted, after)
    kept: list[Row] = []
    for size in (wanted, *LOTS) if asked.everything else LOTS:
        candidates = walk.lot(size, after)
        if not candidates:
            return kept
        passing = asked.passing([int(row[-1]) for row in candidates])
        kept += [row for row in candidates if int(row[-1]) in passing]
        if len(kept) >= wanted:
            return kept[:wanted]
        if len(candidates) < size:
            return kept
        after = candidates[-1]
    return None


class RunWalk:
    """All runs of an experiment by an attribute."""

    rank = None

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def lot(self, size: int, after: Row | None) -> list[Row]:
        """The keys of the next runs, found or not."""
        asked, keys = self._asked, self._asked.keys
        statement = select(*(key.column for key in keys)).where(asked.search.scope.holds(asked.run))
        if after is not None:
            statement = statement.where(*sorting.after(keys, after))
        return raw(asked.connection, statement.order_by(*sorting.ordered(keys)).limit(size))


class ValueWalk:
    """Runs that have a metric, param or tag: those of numbers, of texts, or of NaN."""

    def __init__(
        self, asked: Asked, source: Source, rank: int, column: ColumnElement[Any] | None
    ) -> None:
        self.rank = rank
        self._asked = asked
        self._source = source
        [order] = asked.search.orders
        self._field = order.field
        self._tie = Key(source.run_number, order.descending, int)
        kind = str if rank == TEXTS else float
        self._value = None if column is None else Key(column, order.descending, kind)
        # Where the value stands among all keys: a param has one for numbers and one for texts.
        kinds = [key.kind for key in asked.keys]
        self._place = None if column is None else kinds.index(kind)
        self._blank = [self.rank, *("" if kind is str else 0.0 for kind in kinds[1:-1])]

    def lot(self, size: int, after: Row | None) -> list[Row]:
        """The keys of the next runs, found or not."""
        keys = [self._tie] if self._value is None else [self._value, self._tie]
        statement = select(*(key.column for key in keys)).where(
            self._source.holds, *self._class(), *self._narrowed()
        )
        if after is not None:
            own = after[-1:] if self._place is None else (after[self._place], after[-1])
            statement = statement.where(*sorting.after(keys, own))
        found = raw(self._asked.connection, statement.order_by(*sorting.ordered(keys)).limit(size))
        if self._place is None:
            return [(*self._blank, row[0]) for row in found]
        before, behind = self._blank[: self._place], self._blank[self._place + 1 :]
        return [(*before, row[0], *behind, row[1]) for row in found]

    def _class(self) -> Iterator[ColumnElement[bool]]:
        number = self._source.number
        if number is not None:
            yield number.is_not(None) if self.rank == NUMBERS else number.is_(None)

    def _narrowed(self) -> Iterator[ColumnElement[bool]]:
        """What the filter asks of the very field that is walked along."""
        for part in _wanted(self._asked.search, self._field):
            condition = self._asked.sets.asked(self._source, part) if part.values else None
            if condition is not None:
                yield condition


class MissingWalk:
    """Runs that lack the field, by their number."""

    rank = MISSING

    def __init__(self, asked: Asked, source: Source) -> None:
        self._asked = asked
        self._source = source
        [order] = asked.search.orders
        self._tie = Key(asked.run.c.number, order.descending, int)
        self._blank = [
            MISSING, *("" if key.kind is str else 0.0 for key in asked.keys[1:-1])
        ]  # fmt: skip

    def lot(self, size: int, after: Row | None) -> list[Row]:
        """The keys of the next runs, found or not."""
        asked, run = self._asked, self._asked.run
        has = select(self._source.run_number).where(self._source.holds)
        statement: Select[Any] = select(run.c.number).where(
            asked.search.scope.holds(run), not_(run.c.number.in_(has))
        )
        if after is not None:
            statement = statement.where(*sorting.after([self._tie], after[-1:]))
        statement = statement.order_by(*sorting.ordered([self._tie])).limit(size)
        return [(*self._blank, row[0]) for row in raw(asked.connection, statement)]


# Each takes runs of one class of values, the `rank` of its keys; RunWalk all.
Walk = RunWalk | ValueWalk | MissingWalk


def _wanted(search: Search, field: Field) -> list[Comparison]:
    """What the filter asks of a field, where only runs that have it can be found.

    An outermost run is found for the runs within it, whatever it has itself.
    """
    if search.whole:
        return []
    parts = search.node.parts if isinstance(search.node, All) else (search.node,)
    return [
        part
        for part in parts
        if isinstance(part, Comparison)
        and part.field == field
        and (part.operator is not Operator.NULL or part.negated)
    ]
