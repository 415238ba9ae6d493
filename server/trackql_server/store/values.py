"""Rich values as rows: added exactly once, with what is known of their series; read by step."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Text,
    and_,
    cast,
    func,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from trackql_server.models import Artifact, LabelKind, LoggedValue, Run, ValueKind, ValueSeries
from trackql_server.models.columns import table_of
from trackql_server.store.labels import Labels
from trackql_server.store.listed import one_of
from trackql_server.store.paging import Order, Page, Paged, contains, read_cursor, write_cursor

SERIES, VALUE = table_of(ValueSeries), table_of(LoggedValue)

# Lists that one statement reads; SQLite takes no more than 500 selects in one.
LISTS = 100
# Values that one statement names one by one.
NAMED = 5_000

# A series by the number of its run and that of its label.
Which = tuple[int, int]
# A value: its series, its step and its place.
Identity = tuple[int, int, int, int]

Asked = TypeVar("Asked")


@dataclass(frozen=True, slots=True)
class NewValue:
    """A value as it is to be stored."""

    key: str
    kind: ValueKind
    step: int
    place: int
    time: datetime
    caption: str
    path: str | None
    body: Any


@dataclass(frozen=True, slots=True)
class Series:
    """A row of `value_series`."""

    run_number: int
    key: str
    label_id: int
    kind: ValueKind
    count: int
    first_step: int
    last_step: int


@dataclass(frozen=True, slots=True)
class Logged:
    """A value as it is stored, without its body, which `bodies` reads."""

    run_number: int
    label_id: int
    step: int
    place: int
    kind: ValueKind
    time: datetime
    path: str | None
    caption: str

    @property
    def identity(self) -> Identity:
        """What it is known by."""
        return (self.run_number, self.label_id, self.step, self.place)


# All of a value but its body, which may be large.
LIGHT = (
    VALUE.c.run_number,
    VALUE.c.label_id,
    VALUE.c.step,
    VALUE.c.place,
    VALUE.c.kind,
    VALUE.c.time,
    VALUE.c.path,
    VALUE.c.caption,
)


# -- adding


def known(connection: Connection, run_number: int, keys: Sequence[str]) -> dict[str, Series]:
    """The series of a run with these keys."""
    rows = connection.execute(
        select(SERIES).where(SERIES.c.run_number == run_number, one_of(SERIES.c.key, keys))
    )
    return {row.key: Series(*row) for row in rows}


def add(
    connection: Connection,
    run: Run,
    values: Sequence[NewValue],
    before: dict[str, Series],
) -> None:
    """Store values of a run that is locked; each (key, step, place) only once among them.

    What was logged before at the same key, step and place is replaced. `before` are the series of
    these keys as they are; whoever changes one holds the run.
    """
    labels = Labels(LabelKind.VALUE)
    rows = {}
    for each in sorted(values, key=lambda each: (each.key, each.step, each.place)):
        label = labels.add(run.experiment_id, each.key)
        rows[label, each.step, each.place] = {
            "run_number": run.number,
            "label_id": label,
            "step": each.step,
            "place": each.place,
            "kind": each.kind,
            "time": each.time,
            "path": each.path,
            "caption": each.caption,
            "body": each.body,
        }
    labels.store(connection)
    fresh = _insert(connection, rows)
    counts: dict[str, int] = defaultdict(int)
    ranges: dict[str, tuple[int, int]] = {}
    kinds: dict[str, ValueKind] = {}
    for each in values:
        label = labels.add(run.experiment_id, each.key)
        counts[each.key] += (label, each.step, each.place) in fresh
        low, high = ranges.get(each.key, (each.step, each.step))
        ranges[each.key] = (min(low, each.step), max(high, each.step))
        kinds[each.key] = each.kind
    series = []
    for key, (low, high) in sorted(ranges.items()):
        old = before.get(key)
        series.append(
            {
                "run_number": run.number,
                "key": key,
                "label_id": labels.add(run.experiment_id, key),
                "kind": kinds[key],
                "count": counts[key] + (old.count if old else 0),
                "first_step": min(low, old.first_step) if old else low,
                "last_step": max(high, old.last_step) if old else high,
            }
        )
    adding = _dialect(connection).insert(SERIES)
    changed = ("count", "first_step", "last_step")
    connection.execute(
        adding.on_conflict_do_update(
            index_elements=["run_number", "key"],
            set_={name: getattr(adding.excluded, name) for name in changed},
        ),
        series,
    )


def _insert(
    connection: Connection, rows: dict[tuple[int, int, int], dict[str, Any]]
) -> set[tuple[int, int, int]]:
    """Store rows; those that were not there before."""
    adding = _dialect(connection).insert(VALUE)
    found = connection.execute(
        adding.on_conflict_do_nothing().returning(VALUE.c.label_id, VALUE.c.step, VALUE.c.place),
        list(rows.values()),
    )
    fresh = {(row.label_id, row.step, row.place) for row in found}
    again = [row for which, row in rows.items() if which not in fresh]
    if again:
        changed = ("kind", "time", "path", "caption", "body")
        connection.execute(
            adding.on_conflict_do_update(
                index_elements=["run_number", "label_id", "step", "place"],
                set_={name: getattr(adding.excluded, name) for name in changed},
            ),
            again,
        )
    return fresh


def _dialect(connection: Connection) -> Any:
    return sqlite if connection.dialect.name == "sqlite" else postgresql


# -- series


def _wanted(
    kinds: Sequence[ValueKind] | None, keys: Sequence[str] | None, search: str | None
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if kinds is not None:
        found.append(SERIES.c.kind.in_(kinds))
    if keys is not None:
        found.append(one_of(SERIES.c.key, keys))
    if search:
        found.append(contains(SERIES.c.key, search))
    return found


def listing(
    run_number: int,
    kinds: Sequence[ValueKind] | None,
    keys: Sequence[str] | None,
    search: str | None,
) -> Select[Any]:
    """Series of a run, of some kinds, with these keys, and with keys that contain `search`."""
    statement = select(SERIES.c.key).where(SERIES.c.run_number == run_number)
    return statement.where(*_wanted(kinds, keys, search))


KEY_ORDER = [Order("key", SERIES.c.key)]
PLACE_ORDER = [Order("step", VALUE.c.step), Order("place", VALUE.c.place)]


async def series_of_runs(
    session: AsyncSession,
    run_numbers: Sequence[int],
    kinds: Sequence[ValueKind] | None,
    keys: Sequence[str] | None,
    search: str | None,
    page: Page,
) -> dict[int, Paged[Series]]:
    """For each run a page of its series by key; as many statements as there are LISTS."""
    conditions = _wanted(kinds, keys, search)
    if page.after is not None:
        conditions.append(SERIES.c.key > read_cursor(page.after, KEY_ORDER)[0])

    def one(number: int) -> Select[Any]:
        statement = select(SERIES).where(SERIES.c.run_number == number, *conditions)
        return statement.order_by(SERIES.c.key).limit(page.first + 1)

    found: dict[int, list[Series]] = {number: [] for number in run_numbers}
    for statement in _together([one(number) for number in run_numbers]):
        for row in await session.execute(statement):
            found[row.run_number].append(Series(*row))
    return {
        number: _paged(sorted(rows, key=lambda row: row.key), KEY_ORDER, page)
        for number, rows in found.items()
    }


async def one_series(session: AsyncSession, run_number: int, key: str) -> Series | None:
    """The series of a run with a key."""
    found = await session.execute(
        select(SERIES).where(SERIES.c.run_number == run_number, SERIES.c.key == key)
    )
    row = found.one_or_none()
    return None if row is None else Series(*row)


# -- values


@dataclass(frozen=True, slots=True)
class Range:
    """Steps of a series; None leaves an end open."""

    first: int | None = None
    last: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What a value must satisfy."""
        found: list[ColumnElement[bool]] = []
        if self.first is not None:
            found.append(VALUE.c.step >= self.first)
        if self.last is not None:
            found.append(VALUE.c.step <= self.last)
        return found


def of_series(which: Which) -> ColumnElement[bool]:
    """Values of a series."""
    return and_(VALUE.c.run_number == which[0], VALUE.c.label_id == which[1])


def values_in(which: Which, steps: Range) -> Select[Any]:
    """The values of a series within some steps."""
    return select(VALUE.c.step).where(of_series(which), *steps.conditions())


async def values_of(
    session: AsyncSession, asked: Sequence[tuple[Which, int]], steps: Range, page: Page
) -> dict[Which, Paged[Logged]]:
    """For each series, given with its count of values, a page of them by step and place."""
    conditions = steps.conditions()
    if page.after is not None:
        step, place = read_cursor(page.after, PLACE_ORDER)
        conditions.append(VALUE.c.step >= step)  # what the index can seek by
        conditions.append(or_(VALUE.c.step > step, VALUE.c.place > place))

    def one(which: Which) -> Select[Any]:
        statement = select(*LIGHT).where(of_series(which), *conditions)
        return statement.order_by(VALUE.c.step, VALUE.c.place).limit(page.first + 1)

    found: dict[Which, list[Logged]] = {which: [] for which, _ in asked}
    # Series that fit into a page whole need no list of their own.
    small = [which for which, count in asked if count <= page.first and len(asked) > 1]
    for begin in range(0, len(small), NAMED):
        some = await among(session, small[begin : begin + NAMED])
        for row in await session.execute(select(*LIGHT).where(some, *conditions)):
            found[row.run_number, row.label_id].append(Logged(*row))
    for statement in _together([one(which) for which in set(found).difference(small)]):
        for row in await session.execute(statement):
            found[row.run_number, row.label_id].append(Logged(*row))
    return {
        which: _paged(sorted(rows, key=lambda row: (row.step, row.place)), PLACE_ORDER, page)
        for which, rows in found.items()
    }


async def among(session: AsyncSession, rows: Sequence[tuple[int, ...]]) -> ColumnElement[bool]:
    """Values with these leading columns of the primary key; to be selected from `VALUE` alone.

    They are joined, since SQLite reads a table from end to end for an IN of tuples, and sent as one
    parameter or a few, so that the statement is the same for any number.
    """
    names = VALUE.primary_key.columns.keys()[: len(rows[0])]
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        each = func.json_each(orjson.dumps(rows).decode()).table_valued("value")
        given: list[ColumnElement[Any]] = [
            func.json_extract(each.c.value, f"$[{place}]") for place in range(len(names))
        ]
    else:
        arrays = [
            cast(list(numbers), postgresql.ARRAY(BigInteger)) for numbers in zip(*rows, strict=True)
        ]
        tuples = func.unnest(*arrays).table_valued(*names).render_derived(name="given")
        given = [tuples.c[name] for name in names]
    return and_(*(VALUE.c[name] == number for name, number in zip(names, given, strict=True)))


async def bodies(
    session: AsyncSession, which: Sequence[Identity], most: int
) -> dict[Identity, str]:
    """The bodies of values as JSON; raises OverflowError when they have more than `most` bytes."""
    size = 0
    found: dict[Identity, str] = {}
    there = VALUE.c.body.is_not(None)
    for begin in range(0, len(which), NAMED):
        some = await among(session, which[begin : begin + NAMED])
        sized = await session.execute(
            select(func.sum(func.length(VALUE.c.body))).where(some, there)
        )
        size += sized.scalar_one() or 0
        if size > most:
            raise OverflowError
        body = type_coerce(VALUE.c.body, Text)  # read by who asks, off the event loop
        rows = await session.execute(select(*VALUE.primary_key.columns, body).where(some, there))
        found |= {(row[0], row[1], row[2], row[3]): row[4] for row in rows}
    return found


async def artifacts(
    session: AsyncSession, which: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], Artifact]:
    """Artifacts by the number of their run and their path, of those that are there."""
    paths: dict[int, list[str]] = defaultdict(list)
    for owner, path in which:
        paths[owner].append(path)
    found: dict[tuple[int, str], Artifact] = {}
    owners = list(paths)
    for begin in range(0, len(owners), LISTS):
        conditions = [
            and_(col(Artifact.owner_number) == owner, one_of(col(Artifact.path), paths[owner]))
            for owner in owners[begin : begin + LISTS]
        ]
        rows = await session.execute(
            select(Artifact).where(or_(*conditions), col(Artifact.trashed) == 0)
        )
        found |= {(row.owner_number, row.path): row for row in rows.scalars()}
    return found


# -- many lists at once


def _together(lists: Sequence[Select[Any]]) -> Iterator[Select[Any] | CompoundSelect[Any]]:
    """The rows of many bounded lists, by as few statements as there are LISTS; in no order."""
    for begin in range(0, len(lists), LISTS):
        some = lists[begin : begin + LISTS]
        if len(some) == 1:
            yield some[0]
        else:
            yield union_all(*(select(each.subquery()) for each in some))


def _paged(rows: list[Asked], orders: Sequence[Order], page: Page) -> Paged[Asked]:
    shown = rows[: page.first]
    cursors = [write_cursor([getattr(row, order.name) for order in orders]) for row in shown]
    return Paged(shown, cursors, len(rows) > page.first, page.after is not None)
