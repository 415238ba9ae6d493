"""Reading series: summaries by run and key, exact points by offset, curves reduced for drawing."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import await_only
from sqlmodel import col

from trackql_server.models import MetricChunk, MetricSeries
from trackql_server.models.columns import table_of
from trackql_server.store.columns import Float64s, Int64s, unpack_floats, unpack_ints
from trackql_server.store.reduction import Points, Smoother, ordered, reduce, shift_for

CHUNK, SERIES = table_of(MetricChunk), table_of(MetricSeries)

# Rows fetched at a time: sixteen sealed chunks are 24 MiB, so memory stays flat on long series.
CHUNKS_A_FETCH = 16

# Series with at most this many chunks in all are read by one statement.
POINTS_A_STATEMENT = 500_000
SERIES_A_STATEMENT = 500


async def series(
    session: AsyncSession, run_ids: Sequence[str], keys: Sequence[str] | None
) -> list[MetricSeries]:
    """The series of these runs with these keys (None: all), ordered by run and key."""
    statement = select(MetricSeries).where(col(MetricSeries.run_id).in_(run_ids))
    if keys is not None:
        statement = statement.where(col(MetricSeries.key).in_(keys))
    found = await session.execute(
        statement.order_by(col(MetricSeries.run_id), col(MetricSeries.key))
    )
    return list(found.scalars())


@dataclass(frozen=True, slots=True)
class Extent:
    """A series as far as aligning it with others needs to know it."""

    id: int
    run_number: int
    count: int
    first_step: int
    last_step: int


def of_labels(
    connection: Connection, labels: Sequence[int], run_numbers: Sequence[int]
) -> list[Extent]:
    """The series of a key, given by its labels, in these runs."""
    rows = connection.execute(
        select(
            SERIES.c.id,
            SERIES.c.run_number,
            SERIES.c.count,
            SERIES.c.first_step,
            SERIES.c.last_step,
        ).where(SERIES.c.label_id.in_(labels), SERIES.c.run_number.in_(run_numbers))
    )
    return [Extent(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Span:
    """Points `start` up to `stop - 1` of a series."""

    series_id: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Columns:
    """Points in arrival order as columns; a column that was not asked for is None."""

    steps: Int64s | None
    times: Int64s | None
    values: Float64s | None


def columns(
    connection: Connection,
    span: Span,
    *,
    steps: bool = True,
    times: bool = True,
    values: bool = True,
) -> Columns:
    """The exact points of a span; only the columns asked for are read."""
    wanted = [
        column
        for column, asked in (
            (CHUNK.c.steps, steps),
            (CHUNK.c.times, times),
            (CHUNK.c.points, values),
        )
        if asked
    ]
    reach = func.coalesce(
        select(func.max(CHUNK.c.start))
        .where(CHUNK.c.series_id == span.series_id, CHUNK.c.start <= span.start)
        .scalar_subquery(),
        0,
    )
    statement = (
        select(CHUNK.c.start, CHUNK.c.count.label("length"), *wanted)
        .where(
            CHUNK.c.series_id == span.series_id, CHUNK.c.start >= reach, CHUNK.c.start < span.stop
        )
        .order_by(CHUNK.c.start)
    )
    length = max(0, span.stop - span.start)
    result = Columns(
        np.empty(length, np.int64) if steps else None,
        np.empty(length, np.int64) if times else None,
        np.empty(length, np.float64) if values else None,
    )
    filled = 0

    def unpack(row: Row[Any]) -> None:
        nonlocal filled
        begin = span.start + filled - row.start
        take = min(row.length - begin, length - filled)
        source, target = slice(begin, begin + take), slice(filled, filled + take)
        if result.steps is not None:
            result.steps[target] = unpack_ints(row.steps, row.length)[source]
        if result.times is not None:
            result.times[target] = unpack_ints(row.times, row.length)[source]
        if result.values is not None:
            result.values[target] = unpack_floats(row.points)[source]
        filled += take

    _each(connection, statement, unpack)
    if filled != length:
        raise RuntimeError(f"series {span.series_id} lacks points from {span.start + filled} on")
    return result


def time_extents(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """The least and greatest time of each series, which chunks know without being unpacked."""
    rows = connection.execute(
        select(CHUNK.c.series_id, func.min(CHUNK.c.low_time), func.max(CHUNK.c.high_time))
        .where(CHUNK.c.series_id.in_(ids))
        .group_by(CHUNK.c.series_id)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


@dataclass(frozen=True, slots=True)
class Window:
    """How a curve is cut: its axis ("steps", "times" or "offsets"), range and pixel budget.

    `low` and `high` are inclusive and in the units of the axis.
    """

    axis: str
    low: int
    high: int
    buckets: int
    smoothing: float = 0.0

    @property
    def shift(self) -> int:
        """Buckets are 2**shift wide; nothing to cut in an empty range."""
        if self.low > self.high:
            return 0
        return shift_for(self.low, self.high, self.buckets)


@dataclass(frozen=True, slots=True)
class Curve:
    """A reduced curve, and how many points of the series lie in its range."""

    points: Points
    total_in_range: int


def curves(connection: Connection, asked: Sequence[tuple[MetricSeries, Window]]) -> list[Curve]:
    """One curve for each series and window, in their order."""
    result: list[Curve | None] = [None] * len(asked)
    for places in _shares(asked):
        tracers = {}
        for place in places:
            row, window = asked[place]
            whole = window.smoothing > 0 and not _in_order(connection, row, window.axis)
            tracers[row.id] = Tracer(window, row.count, whole=whole)
        _trace(connection, tracers, _chunks([asked[place] for place in places]))
        for place in places:
            result[place] = tracers[asked[place][0].id].curve()
    return [curve for curve in result if curve is not None]


def _trace(connection: Connection, tracers: dict[int, "Tracer"], chunks: Select[Any]) -> None:
    _each(connection, chunks, lambda chunk: tracers[chunk.series_id].feed(chunk))


RANGES = {
    "steps": (CHUNK.c.low_step, CHUNK.c.high_step),
    "times": (CHUNK.c.low_time, CHUNK.c.high_time),
    "offsets": (CHUNK.c.start, CHUNK.c.start + CHUNK.c.count - 1),
}


def _in_order(connection: Connection, series: MetricSeries, axis: str) -> bool:
    """Whether chunk follows chunk along the axis, so that sorting within chunks sorts it all."""
    if axis == "offsets" or (axis == "steps" and series.steps_rise):
        return True
    low, high = RANGES[axis]
    rows = connection.execute(
        select(low, high).where(CHUNK.c.series_id == series.id).order_by(CHUNK.c.start)
    ).all()
    return all(former[1] <= latter[0] for former, latter in pairwise(rows))


class Tracer:
    """Reduces one series chunk by chunk, so that memory does not grow with its length.

    With `whole` all of it is sorted along the axis first, as the moving average may need.
    """

    def __init__(self, window: Window, count: int, *, whole: bool) -> None:
        self.window = window
        self.count = count
        self.shift = window.shift
        self.kept: list[Points] = []
        self.total = 0
        self.smoother = Smoother(window.smoothing) if window.smoothing > 0 else None
        self.whole: list[Points] | None = [] if whole else None

    def feed(self, row: Row[Any]) -> None:
        """Take in a chunk."""
        offsets = np.arange(row.start, row.start + row.length)
        steps = unpack_ints(row.steps, row.length)
        times = unpack_ints(row.times, row.length)
        axis = {"offsets": offsets, "steps": steps, "times": times}[self.window.axis]
        points = Points(axis, offsets, steps, times, unpack_floats(row.points))
        if row.start + row.length > self.count:
            # Logged after the series was looked up: who follows it from there on gets them.
            points = points.take(slice(0, max(0, self.count - row.start)))
        if not len(points):
            return
        if self.whole is not None:
            self.whole.append(points)
        else:
            self._keep(points)

    def _keep(self, points: Points) -> None:
        if self.smoother is not None:
            points = ordered(points)
            points = Points(
                points.axis,
                points.offsets,
                points.steps,
                points.times,
                points.values,
                self.smoother.feed(points.values),
            )
        low, high = self.window.low, self.window.high
        if low > int(points.axis.min()) or high < int(points.axis.max()):
            points = points.take((points.axis >= low) & (points.axis <= high))
        self.total += len(points)
        if len(points):
            self.kept.append(reduce(points, self.shift))

    def curve(self) -> Curve:
        """What is left after the last chunk."""
        if self.whole:
            self._keep(ordered(Points.join(self.whole)))
        if not self.kept:
            none = np.empty(0, np.int64)
            smoothed = None if self.smoother is None else np.empty(0)
            return Curve(Points(none, none, none, none, np.empty(0), smoothed), 0)
        return Curve(reduce(Points.join(self.kept), self.shift), self.total)


def _shares(asked: Sequence[tuple[MetricSeries, Window]]) -> Iterator[list[int]]:
    """Places in `asked` that one statement reads; a series stands once in each."""
    share: list[int] = []
    ids: set[int] = set()
    points = 0
    for place, (row, _) in enumerate(asked):
        full = points + row.count > POINTS_A_STATEMENT or len(share) >= SERIES_A_STATEMENT
        if share and (full or row.id in ids):
            yield share
            share, ids, points = [], set(), 0
        share.append(place)
        ids.add(row.id)
        points += row.count
    if share:
        yield share


def _chunks(asked: Sequence[tuple[MetricSeries, Window]]) -> Select[Any]:
    statement = select(
        CHUNK.c.series_id,
        CHUNK.c.start,
        CHUNK.c.count.label("length"),
        CHUNK.c.steps,
        CHUNK.c.times,
        CHUNK.c.points,
    ).order_by(CHUNK.c.series_id, CHUNK.c.start)
    if len(asked) > 1:
        return statement.where(CHUNK.c.series_id.in_([row.id for row, _ in asked]))
    row, window = asked[0]
    statement = statement.where(CHUNK.c.series_id == row.id)
    if window.smoothing > 0:
        return statement
    low, high = RANGES[window.axis]
    return statement.where(and_(high >= window.low, low <= window.high))


def _each(connection: Connection, statement: Select[Any], work: Callable[[Row[Any]], None]) -> None:
    """Do some work on each row, fetched a few at a time lest memory hold every column.

    On asyncpg a connection lives on the event loop; the work leaves the loop for a thread.
    """
    result = connection.execution_options(yield_per=CHUNKS_A_FETCH).execute(statement)

    def share(rows: Sequence[Row[Any]]) -> None:
        for row in rows:
            work(row)

    for rows in result.partitions(CHUNKS_A_FETCH):
        if connection.dialect.is_async:
            await_only(asyncio.to_thread(share, rows))
        else:
            share(rows)
