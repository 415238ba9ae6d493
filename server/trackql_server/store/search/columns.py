"""Fields of many runs as columns: for tables, groups and exports."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, ColumnElement, Connection, select, type_coerce

from trackql_server.filters.fields import Kind, kind
from trackql_server.filters.tree import Entity, Field
from trackql_server.models.columns import CodePointText
from trackql_server.store.columns import Float64s, Int64s
from trackql_server.store.listed import Listed
from trackql_server.store.search.asked import raw
from trackql_server.store.search.predicates import COLUMNS, Predicates
from trackql_server.store.search.scope import Scope, runs
from trackql_server.store.search.sources import Source, sources

# Up to as many runs are looked up one by one; for more, all of a key's rows are read in one go.
LOOKED_UP = 2_000

Texts = npt.NDArray[np.object_]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RunColumn:
    """One field of n runs; `present` says which runs have it.

    `numbers` is NaN where the value is, and where there is no number; `texts` is None there. A
    column has either or, for params and config values, both.
    """

    field: Field
    present: Flags
    numbers: Float64s | None
    texts: Texts | None


def columns(
    connection: Connection,
    scope: Scope,
    fields: Sequence[Field],
    numbers: Sequence[int] | Int64s,
    looked_up: int = LOOKED_UP,
) -> list[RunColumn]:
    """The fields of the runs with these numbers, in their order.

    Up to `looked_up` runs are looked up one by one; more is worth it for few among very many.
    """
    rows = _Rows(connection, scope, np.asarray(numbers, np.int64), looked_up)
    attributes = [each for each in fields if each.entity is Entity.ATTRIBUTE]
    known = rows.attributes(list(dict.fromkeys(attributes)))
    return [known[each] if each.entity is Entity.ATTRIBUTE else rows.keyed(each) for each in fields]


class _Rows:
    """The runs whose fields are asked for, and where each stands."""

    def __init__(
        self, connection: Connection, scope: Scope, numbers: Int64s, looked_up: int
    ) -> None:
        self._connection = connection
        self._sqlite = connection.dialect.name == "sqlite"
        self._scope = scope
        self._numbers = numbers
        self._reads_all = len(numbers) > looked_up
        self._order = np.argsort(numbers, kind="stable")
        self._sorted = numbers[self._order]

    def _asked(self, column: ColumnElement[int]) -> list[ColumnElement[bool]]:
        if self._reads_all:
            return [column.between(int(self._sorted[0]), int(self._sorted[-1]))]
        return [Listed(column, self._numbers.tolist())]

    def _places(self, found: Sequence[int]) -> tuple[Int64s, Flags]:
        """Where the runs of rows stand, and which rows are of runs that were asked for."""
        theirs = np.fromiter(found, np.int64, len(found))
        at = np.searchsorted(self._sorted, theirs)
        at[at == len(self._sorted)] = 0
        wanted = self._sorted[at] == theirs if len(self._sorted) else np.zeros(len(theirs), bool)
        return self._order[at] if len(self._order) else at, wanted

    def keyed(self, field: Field) -> RunColumn:
        """A metric, param, tag or config value."""
        size = len(self._numbers)
        some = sources(self._scope, field, "c")
        present = np.zeros(size, bool)
        numbers = np.full(size, np.nan) if any(e.number is not None for e in some) else None
        texts = np.full(size, None, object) if any(e.text is not None for e in some) else None
        for source in some:
            self._fill(source, present, numbers, texts)
        return RunColumn(field, present, numbers, texts)

    def _fill(
        self, source: Source, present: Flags, numbers: Float64s | None, texts: Texts | None
    ) -> None:
        asked: list[ColumnElement[Any]] = [source.run_number]
        if source.number is not None:
            asked.append(source.number)
        if source.text is not None:
            asked.append(source.text.value)
        if source.flag is not None:
            asked.append(source.flag)
        narrowed = self._asked(source.run_number)
        statement = select(*asked).where(source.holds, *narrowed)
        if self._reads_all and len(self._scope.experiment_ids) == 1:
            # The index that has the rows in this order has all that is read of them.
            statement = statement.order_by(source.run_number)
        found = raw(self._connection, statement)
        if not found:
            return
        given = _transposed(found, len(asked))
        places, wanted = self._places(given.pop(0))
        places = places[wanted]
        present[places] = True
        # What an earlier source says of a run stays.
        if source.number is not None:
            assert numbers is not None
            blank = np.isnan(numbers[places])
            told = np.array(given.pop(0), np.float64)[wanted]
            numbers[places[blank]] = told[blank]
        if source.text is not None:
            assert texts is not None
            blank = texts[places] == None  # noqa: E711 (elementwise)
            texts[places[blank]] = _objects(given.pop(0))[wanted][blank]
        if source.flag is not None:
            assert texts is not None
            flags = _objects(given.pop(0))
            for place, flag in zip(places, flags[wanted], strict=True):
                if flag is not None and texts[place] is None:
                    texts[place] = "true" if flag else "false"

    def attributes(self, fields: Sequence[Field]) -> dict[Field, RunColumn]:
        """Attributes, all by one statement."""
        if not fields:
            return {}
        run = runs()
        predicates = Predicates(self._scope, sqlite=self._sqlite)
        asked = [run.c.number, *(_attribute(predicates, each, run) for each in fields)]
        narrowed = self._asked(run.c.number)
        if self._reads_all:
            narrowed.append(self._scope.holds(run))
        found = raw(self._connection, select(*asked).where(*narrowed))
        given = _transposed(found, len(asked))
        places, wanted = self._places(given[0])
        size = len(self._numbers)
        made = {}
        for field, values in zip(fields, given[1:], strict=True):
            column = np.full(size, None, object)
            column[places[wanted]] = _objects(values)[wanted]
            present = column != None  # noqa: E711 (elementwise)
            if kind(field) in (Kind.TEXT, Kind.STATUS):
                made[field] = RunColumn(field, present, None, column)
            else:
                made[field] = RunColumn(field, present, column.astype(np.float64), None)
        return made


def _transposed(rows: Sequence[Any], width: int) -> list[list[Any]]:
    """Rows as columns; by picking, because `zip` would make an iterator for each row."""
    return [list(map(itemgetter(place), rows)) for place in range(width)]


def _objects(values: Sequence[Any]) -> Texts:
    made = np.empty(len(values), object)
    made[:] = values
    return made


def _attribute(predicates: Predicates, field: Field, run: Any) -> ColumnElement[Any]:
    """An attribute as plain text or a plain number, STALLED among the statuses."""
    if field.key == "duration":
        return predicates.duration(run)
    if field.key == "status":
        return predicates.status(run)
    column = run.c[COLUMNS.get(field.key, field.key)]
    return type_coerce(column, CodePointText if kind(field) is Kind.TEXT else BigInteger)
