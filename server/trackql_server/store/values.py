"""Rich values as rows: added exactly once, with what is known of their series; read by step."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    func,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from trackql_server.models import Artifact, LabelKind, LoggedValue, Run, ValueKind, ValueSeries
from trackql_server.models.columns import table_of
from trackql_server.store.columns import Int64s
from trackql_server.store.labels import Labels
from trackql_server.store.listed import one_of
from trackql_server.store.paging import Order, Page, Paged, contains, read_cursor, write_cursor

SERIES, VALUE = table_of(ValueSeries), table_of(LoggedValue)

# Lists that one statement reads; SQLite takes no more than 500 selects in one.
LISTS = 100
# Values that one statement names one by one.
NAMED = 500
# Steps of many series that one statement reads.
STEPS = 100_000

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


def known(connection: Connection, run_number: int, keys: Sequence[str]) -> dict[str, ValueSeries]:
    """The series of a run with these keys."""
    rows = connection.execute(
        select(SERIES).where(SERIES.c.run_number == run_number, one_of(SERIES.c.key, keys))
    )
    return {row.key: ValueSeries(**row._mapping) for row in rows}


def add(
    connection: Connection,
    run: Run,
    values: Sequence[NewValue],
    before: dict[str, ValueSeries],
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
) -> dict[int, Paged[ValueSeries]]:
    """For each run a page of its series by key; as many statements as there are LISTS."""
    conditions = _wanted(kinds, keys, search)
    if page.after is not None:
        conditions.append(SERIES.c.key > read_cursor(page.after, KEY_ORDER)[0])

    def one(number: int) -> Select[Any]:
        statement = select(SERIES).where(SERIES.c.run_number == number, *conditions)
        return statement.order_by(SERIES.c.key).limit(page.first + 1)

    found: dict[int, list[ValueSeries]] = {number: [] for number in run_numbers}
    for statement in _together([one(number) for number in run_numbers]):
        for row in await session.execute(statement):
            found[row.run_number].append(ValueSeries(**row._mapping))
    return {
        number: _paged(sorted(rows, key=lambda row: row.key), KEY_ORDER, page)
        for number, rows in found.items()
    }


async def one_series(session: AsyncSession, run_number: int, key: str) -> ValueSeries | None:
    """The series of a run with a key."""
    found = await session.execute(
        select(ValueSeries).where(
            col(ValueSeries.run_number) == run_number, col(ValueSeries.key) == key
        )
    )
    return found.scalar_one_or_none()


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


def _is(which: Which) -> ColumnElement[bool]:
    return and_(VALUE.c.run_number == which[0], VALUE.c.label_id == which[1])


def values_in(which: Which, steps: Range) -> Select[Any]:
    """The values of a series within some steps."""
    return select(VALUE.c.step).where(_is(which), *steps.conditions())


async def values_of(
    session: AsyncSession, asked: Sequence[Which], steps: Range, page: Page
) -> dict[Which, Paged[Logged]]:
    """For each series a page of its values by step and place."""
    conditions = steps.conditions()
    if page.after is not None:
        step, place = read_cursor(page.after, PLACE_ORDER)
        conditions.append(VALUE.c.step >= step)  # what the index can seek by
        conditions.append(or_(VALUE.c.step > step, VALUE.c.place > place))

    def one(which: Which) -> Select[Any]:
        statement = select(*LIGHT).where(_is(which), *conditions)
        return statement.order_by(VALUE.c.step, VALUE.c.place).limit(page.first + 1)

    found: dict[Which, list[Logged]] = {which: [] for which in asked}
    for statement in _together([one(which) for which in asked]):
        for row in await session.execute(statement):
            found[row.run_number, row.label_id].append(Logged(*row))
    return {
        which: _paged(sorted(rows, key=lambda row: (row.step, row.place)), PLACE_ORDER, page)
        for which, rows in found.items()
    }


@dataclass(frozen=True, slots=True)
class Cell:
    """The values of a run and key at one step; `total` may be more than `values` holds."""

    run_number: int
    key: str
    kind: ValueKind
    step: int
    total: int
    values: list[Logged]


async def at_step(
    session: AsyncSession,
    run_numbers: Sequence[int],
    keys: Sequence[str],
    step: int | None,
    places: int,
    most: int,
) -> list[Cell] | None:
    """For each run and key its values at the last step up to `step`; None if they are too many."""
    earlier = [] if step is None else [VALUE.c.step <= step]
    series_value = and_(
        VALUE.c.run_number == SERIES.c.run_number, VALUE.c.label_id == SERIES.c.label_id
    )
    last = select(func.max(VALUE.c.step)).where(series_value, *earlier).correlate(SERIES)
    reached = (
        select(
            SERIES.c.run_number,
            SERIES.c.label_id,
            SERIES.c.key,
            SERIES.c.kind,
            last.scalar_subquery().label("at_step"),
        )
        .where(one_of(SERIES.c.run_number, run_numbers), one_of(SERIES.c.key, keys))
        .cte("reached")
    )
    there = and_(
        VALUE.c.run_number == reached.c.run_number,
        VALUE.c.label_id == reached.c.label_id,
        VALUE.c.step == reached.c.at_step,
    )
    total = select(func.count()).select_from(VALUE).where(there).correlate(reached)
    cells = await session.execute(
        select(reached, total.scalar_subquery().label("total")).where(
            reached.c.at_step.is_not(None)
        )
    )
    found = {
        (row.run_number, row.label_id): Cell(
            row.run_number, row.key, row.kind, row.at_step, row.total, []
        )
        for row in cells
    }
    if sum(min(cell.total, places) for cell in found.values()) > most:
        return None
    for begin in range(0, len(found), NAMED):
        some = list(found.items())[begin : begin + NAMED]
        where = tuple_(VALUE.c.run_number, VALUE.c.label_id, VALUE.c.step).in_(
            [(*which, cell.step) for which, cell in some]
        )
        rows = await session.execute(
            select(*LIGHT).where(where).order_by(*VALUE.primary_key.columns)
        )
        for row in rows:
            cell = found[row.run_number, row.label_id]
            if len(cell.values) < places:
                cell.values.append(Logged(*row))
    return list(found.values())


async def bodies(
    session: AsyncSession, which: Sequence[Identity], most: int
) -> dict[Identity, Any]:
    """The bodies of values; raises OverflowError when they have more than `most` bytes."""
    size = 0
    found: dict[Identity, Any] = {}
    key = tuple_(*VALUE.primary_key.columns)
    for begin in range(0, len(which), NAMED):
        some = key.in_(which[begin : begin + NAMED])
        sized = await session.execute(
            select(func.sum(func.length(VALUE.c.body))).where(some, VALUE.c.body.is_not(None))
        )
        size += sized.scalar_one() or 0
        if size > most:
            raise OverflowError
        rows = await session.execute(
            select(*VALUE.primary_key.columns, VALUE.c.body).where(some, VALUE.c.body.is_not(None))
        )
        for row in rows:
            found[row.run_number, row.label_id, row.step, row.place] = row.body
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


# -- steps


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of a series at which there are values, evenly thinned where there are too many."""

    steps: Int64s
    total: int


async def steps_of(
    session: AsyncSession, asked: Sequence[tuple[Which, int]], steps: Range, most: int
) -> dict[Which, Steps]:
    """For each series, given with its count of values, the steps of its values."""
    small = [which for which, count in asked if count <= most]
    large = [which for which, count in asked if count > most]
    found: dict[Which, list[int]] = {which: [] for which in small}
    for some in _shares(asked, most):
        rows = await session.execute(
            select(VALUE.c.run_number, VALUE.c.label_id, VALUE.c.step)
            .where(or_(*map(_is, some)), *steps.conditions())
            .distinct()
        )
        for row in rows:
            found[row.run_number, row.label_id].append(row.step)
    columns = {
        which: Steps(np.array(sorted(rows), np.int64), len(rows)) for which, rows in found.items()
    }
    for which in large:
        columns[which] = await thinned_steps(session, which, steps, most)
    return columns


def _shares(asked: Sequence[tuple[Which, int]], most: int) -> Iterator[list[Which]]:
    """Series that are small enough, in parts that one statement reads."""
    some: list[Which] = []
    size = 0
    for which, count in asked:
        if count > most:
            continue
        if some and (size + count > STEPS or len(some) == LISTS):
            yield some
            some, size = [], 0
        some.append(which)
        size += count
    if some:
        yield some


async def thinned_steps(
    session: AsyncSession, which: Which, steps: Range, most: int, place: int | None = None
) -> Steps:
    """At most so many steps of a series, evenly, the first and the last among them."""
    statement = select(VALUE.c.step).where(_is(which), *steps.conditions()).distinct()
    if place is not None:
        statement = statement.where(VALUE.c.place == place)
    distinct = statement.subquery()
    counted = await session.execute(select(func.count()).select_from(distinct))
    total = int(counted.scalar_one())
    numbered = select(
        distinct.c.step, func.row_number().over(order_by=distinct.c.step).label("number")
    ).subquery()
    stride = max(1, -(-(total - 1) // max(1, most - 1)))
    chosen = await session.execute(
        select(numbered.c.step)
        .where(or_((numbered.c.number - 1) % stride == 0, numbered.c.number == total))
        .order_by(numbered.c.step)
    )
    return Steps(np.array(chosen.scalars().all(), np.int64), total)


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
