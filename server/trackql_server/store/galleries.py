"""Rich values by their steps: many runs at one of them, and at which steps there are any."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.models import ValueKind
from trackql_server.store.columns import Int64s
from trackql_server.store.listed import one_of
from trackql_server.store.values import (
    LIGHT,
    LISTS,
    NAMED,
    SERIES,
    VALUE,
    Logged,
    Range,
    Which,
    among,
    of_series,
)

# Steps of many series that one statement reads.
STEPS = 100_000


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
        where = await among(session, [(*which, cell.step) for which, cell in some])
        rows = await session.execute(
            select(*LIGHT).where(where).order_by(*VALUE.primary_key.columns)
        )
        for row in rows:
            cell = found[row.run_number, row.label_id]
            if len(cell.values) < places:
                cell.values.append(Logged(*row))
    return list(found.values())


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
            .where(or_(*map(of_series, some)), *steps.conditions())
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
    statement = select(VALUE.c.step).where(of_series(which), *steps.conditions()).distinct()
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
