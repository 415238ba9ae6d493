"""One question while its statements are made: which runs, in what order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    not_,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.sql.selectable import FromClause

from trackql_server.filters.order import Order
from trackql_server.filters.tree import EVERYTHING, Entity, Field, Node
from trackql_server.store.listed import Listed, one_of
from trackql_server.store.search import patterns, sorting
from trackql_server.store.search.predicates import Predicates, plain
from trackql_server.store.search.scope import Scope, runs

NEWEST = (Order(Field(Entity.ATTRIBUTE, "start_time"), descending=True),)

# What a run is sorted by, its number last.
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked: which runs, in what order; with `whole` the outermost runs of those found."""

    scope: Scope
    node: Node = EVERYTHING
    orders: Sequence[Order] = NEWEST
    whole: bool = False


class Asked:
    """Conditions, keys and statements of a search, for one connection."""

    def __init__(self, connection: Connection, search: Search) -> None:
        self.connection = connection
        self.search = search
        self.sqlite = connection.dialect.name == "sqlite"
        matched = patterns.matched(connection, search.scope, search.node)
        self.sets = Predicates(search.scope, sqlite=self.sqlite, matched=matched)
        self.probes = Predicates(search.scope, sqlite=self.sqlite, matched=matched, probing=True)
        self.run = runs()
        self.keys, self._joins = sorting.keys(search.scope, search.orders, self.run)

    @property
    def everything(self) -> bool:
        """Whether every run in scope is found."""
        return self.search.node == EVERYTHING and not self.search.whole

    def within(self, predicates: Predicates, *, walked: bool = False) -> list[ColumnElement[bool]]:
        """That a run is in scope and satisfies the filter.

        Runs that were `walked` to are known by number; that an index begins with the experiment
        would only tempt SQLite to read all of that.
        """
        scope, node, run = self.search.scope, self.search.node, self.run
        held = scope.holds(run)
        if walked and self.sqlite:
            experiment = plain(run.c.experiment_id)
            held = and_(scope.in_use(run), one_of(experiment, scope.experiment_ids))
        if not self.search.whole:
            return [held, predicates.holds(node, run)]
        inner, root = runs("inner_run"), runs("root_run")
        above = select(inner.c.root_number).where(scope.holds(inner), self.sets.holds(node, inner))
        outermost = run.c.number == run.c.root_number
        if node != EVERYTHING:
            outermost = and_(outermost, run.c.number.in_(above))
        # Whose outermost run is elsewhere, or in the trash, stands for itself.
        homeless = and_(
            run.c.number != run.c.root_number,
            predicates.holds(node, run),
            not_(exists().where(root.c.number == run.c.root_number, scope.holds(root))),
        )
        return [held, or_(outermost, homeless)]

    def unsorted(self, predicates: Predicates, *, walked: bool = False) -> Select[Any]:
        """The keys of all runs found."""
        table: FromClause = self.run
        for each in self._joins:
            table = table.outerjoin(each.table, each.condition)
        columns = [key.column.label(f"k{place}") for place, key in enumerate(self.keys)]
        return select(*columns).select_from(table).where(*self.within(predicates, walked=walked))

    def sorted(self, wanted: int, after: Row | None, offset: int) -> list[Row]:
        """The keys of runs in order, by one statement whatever the order and the filter."""
        statement = self.unsorted(self.sets)
        if self.search.orders[0].field.entity is not Entity.ATTRIBUTE:
            statement = statement.where(*self.by_number())
        if after is not None:
            statement = statement.where(*sorting.after(self.keys, after))
        statement = statement.order_by(*sorting.ordered(self.keys)).limit(wanted)
        if offset:
            statement = statement.offset(offset)
        return [tuple(row) for row in self.connection.execute(statement)]

    def by_number(self) -> list[ColumnElement[bool]]:
        """What is true of every run, and lets SQLite read all of them about as they were made.

        By another index it would look up what it knows of each run here and there in the file.
        """
        start = type_coerce(self.run.c.start_time, BigInteger)
        return [start > -(2**62)] if self.sqlite else []

    def passing(self, some: Sequence[int]) -> set[int]:
        """Which of these runs, that were walked to, are found."""
        listed = Listed(self.run.c.number, some)
        statement = select(self.run.c.number).where(listed, *self.within(self.probes, walked=True))
        return {int(row[0]) for row in raw(self.connection, statement)}


def raw(connection: Connection, statement: Select[Any]) -> list[Any]:
    """Rows as the driver gives them: for very many numbers and texts."""
    result: Any = connection.execute(statement)
    return list(result.cursor.fetchall())
