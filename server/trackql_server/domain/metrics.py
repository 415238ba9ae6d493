"""Verbs about metrics: appending points, summaries, exact histories, curves for drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from trackql_server.domain import access, records, words
from trackql_server.domain.context import Context
from trackql_server.errors import CostLimit, InvalidInput
from trackql_server.models import MetricSeries
from trackql_server.models.columns import millis
from trackql_server.store import metrics as store
from trackql_server.store import paging
from trackql_server.store import runs as run_store
from trackql_server.store.append import Batch, Table
from trackql_server.store.append import Stored as Stored
from trackql_server.store.columns import Float64s, Int64s
from trackql_server.store.journal import Position
from trackql_server.store.metrics import Columns, Curve, Span, Window
from trackql_server.store.runs import Keyed

# Points that one request for exact histories may return: 24 MB of columns.
HISTORY_POINTS = 1_000_000

# Series that one request for curves or histories may name.
SERIES = 10_000

# No screen has more; a curve has at most five points a pixel.
PIXELS = 20_000

AXES = {"STEP": "steps", "TIME": "times", "OFFSET": "offsets"}


@dataclass(frozen=True)
class Rows:
    """Points as a client gives them: for each row a step, a time and a value for each key."""

    keys: Sequence[str]
    steps: Int64s
    times: Int64s
    values: Float64s
    records: Int64s | None = None


@dataclass(frozen=True)
class History:
    """Exact points of a series from `offset` on; a column not asked for is None."""

    series: MetricSeries
    offset: int
    columns: Columns

    length: int

    @property
    def next_offset(self) -> int:
        """The offset after the last point."""
        return self.offset + self.length

    def column(self, name: str) -> npt.NDArray[Any]:
        """One of the columns asked for: "steps", "times" or "values"."""
        column: npt.NDArray[Any] | None = getattr(self.columns, name)
        if column is None:
            raise LookupError(f"the column {name} was not asked for")
        return column


@dataclass(frozen=True)
class Drawn:
    """A curve with the series it shows and how it was cut."""

    series: MetricSeries
    axis: str
    bucket_width: int
    curve: Curve


def now_ms(ctx: Context) -> int:
    """Unix milliseconds, for points that were given no time."""
    return millis(ctx.now())


async def append(
    ctx: Context, run_id: str, tables: Sequence[Rows], position: Position | None
) -> Stored:
    """Append points in the order of their records.

    Exactly once where a journal position is given: what was stored before is passed over. Raises
    SequenceGap when records before `position.first` are missing, InvalidInput for columns that do
    not fit, NotFound, RunDeleted. Where a position is given, a table that does not fit is noted on
    the run and passed over, the others are stored, and the writer's journal goes on.
    """
    access.require_write(ctx.viewer)
    if position is not None:
        records.checked_position(position)
    checked: list[Table] = []
    refusal: InvalidInput | None = None
    for place, table in enumerate(tables):
        try:
            checked.append(_checked(table, place, position))
        except InvalidInput as error:
            if position is None:
                raise
            refusal = refusal or error
    stored = await ctx.services.writer.append(Batch(run_id, checked, position))
    if refusal is not None:
        await records.note(ctx, run_id, refusal)
        raise refusal
    return stored


def _checked(rows: Rows, place: int, position: Position | None) -> Table:
    at = f"tables[{place}]"
    for number, key in enumerate(rows.keys):
        words.key(key, f"{at}.keys[{number}]")
    if len(set(rows.keys)) != len(rows.keys):
        raise InvalidInput(f"{at}.keys names a key twice", argument=f"{at}.keys")
    length, width = len(rows.steps), len(rows.keys)
    if not width:
        raise InvalidInput(f"{at}.keys is empty", argument=f"{at}.keys")
    if len(rows.times) != length:
        raise InvalidInput(
            f"{at}.times has {len(rows.times)} numbers, steps has {length}", argument=f"{at}.times"
        )
    if rows.values.size != length * width:
        raise InvalidInput(
            f"{at}.values has {rows.values.size} numbers; {length} rows of {width} keys need"
            f" {length * width}",
            argument=f"{at}.values",
        )
    numbers = np.arange(length) if rows.records is None else rows.records
    if len(numbers) != length:
        raise InvalidInput(
            f"{at}.records has {len(numbers)} numbers, steps has {length}", argument=f"{at}.records"
        )
    if length and bool((numbers[1:] < numbers[:-1]).any()):
        raise InvalidInput(f"{at}.records must not fall", argument=f"{at}.records")
    if position is not None and length and not 0 <= numbers[0] <= numbers[-1] < position.count:
        raise InvalidInput(
            f"{at}.records must lie between 0 and journal.count - 1", argument=f"{at}.records"
        )
    return Table(rows.keys, numbers, rows.steps, rows.times, rows.values.reshape(length, width))


async def of_runs(
    ctx: Context,
    table: type[Keyed],
    run_ids: Sequence[str],
    keys: Sequence[str] | None,
    search: str | None,
    page: paging.Page,
) -> dict[str, paging.Paged[Keyed]]:
    """For each run a page of its params, tags or metric summaries, by key."""
    access.require_read(ctx.viewer)
    words.few(keys or (), "keys")
    async with ctx.read() as session:
        return await run_store.of_runs(session, table, run_ids, keys, search, page)


async def counts(
    ctx: Context,
    table: type[Keyed],
    run_ids: Sequence[str],
    keys: Sequence[str] | None,
    search: str | None,
) -> dict[str, int]:
    """How many params, tags or metrics of each run `of_runs` finds in all."""
    access.require_read(ctx.viewer)
    words.few(keys or (), "keys")
    async with ctx.read() as session:
        return await run_store.keyed_counts(session, table, run_ids, keys, search)


async def histories(
    ctx: Context,
    run_ids: Sequence[str],
    keys: Sequence[str],
    offset: int,
    limit: int,
    *,
    steps: bool = True,
    times: bool = True,
    values: bool = True,
) -> list[History]:
    """Exact points in arrival order, run by run and key by key; unknown series are left out.

    Raises InvalidInput for a negative offset or limit, CostLimit beyond HISTORY_POINTS in all.
    """
    if offset < 0:
        raise InvalidInput("offset is negative", argument="offset")
    if limit < 0:
        raise InvalidInput("limit is negative", argument="limit")
    found = await _series(ctx, run_ids, keys)
    spans = [Span(row.id, min(offset, row.count), min(offset + limit, row.count)) for row in found]
    points = sum(span.stop - span.start for span in spans)
    if points > HISTORY_POINTS:
        raise CostLimit(
            f"the request covers {points} points; ask for at most {HISTORY_POINTS} at once, by a"
            " smaller limit or fewer series",
            limit="history_points",
        )

    def read(connection: Connection) -> list[Columns]:
        return [
            store.columns(connection, span, steps=steps, times=times, values=values)
            for span in spans
        ]

    read_columns = await ctx.services.database.run_read(read)
    return [
        History(row, span.start, columns, span.stop - span.start)
        for row, span, columns in zip(found, spans, read_columns, strict=True)
    ]


async def curves(
    ctx: Context,
    run_ids: Sequence[str],
    keys: Sequence[str],
    *,
    axis: str = "STEP",
    start: int | None = None,
    end: int | None = None,
    pixels: int = 1000,
    smoothing: float = 0.0,
) -> list[Drawn]:
    """Curves reduced to a pixel budget, run by run and key by key; unknown series are left out.

    `axis` is STEP, TIME or OFFSET, `start` and `end` are inclusive in its units. A series whose
    steps do not move is drawn by offset, whole. `smoothing` is the weight of the moving average,
    0 for none.
    """
    if not 1 <= pixels <= PIXELS:
        raise InvalidInput(f"pixels must lie between 1 and {PIXELS}", argument="pixels")
    if not 0 <= smoothing < 1:
        raise InvalidInput("smoothing must be at least 0 and below 1", argument="smoothing")
    if start is not None and end is not None and start > end:
        raise InvalidInput("range.start lies after range.end", argument="range")
    found = await _series(ctx, run_ids, keys)
    extents = {}
    if axis == "TIME" and found:
        extents = await ctx.services.database.run_read(
            lambda connection: store.time_extents(connection, [row.id for row in found])
        )
    asked: list[tuple[MetricSeries, Window]] = []
    for row in found:
        column, low, high = AXES[axis], 0, row.count - 1
        if axis == "STEP":
            low, high = row.first_step, row.last_step
            if low == high and row.count > 1:
                column, low, high = "offsets", 0, row.count - 1
        elif axis == "TIME":
            low, high = extents[row.id]
        if column == AXES[axis]:
            low = low if start is None else max(low, start)
            high = high if end is None else min(high, end)
        asked.append((row, Window(column, low, high, pixels, smoothing)))
    drawn = await ctx.services.database.run_read(lambda connection: store.curves(connection, asked))
    names = {column: name for name, column in AXES.items()}
    return [
        Drawn(row, names[window.axis], 1 << window.shift, curve)
        for (row, window), curve in zip(asked, drawn, strict=True)
    ]


async def _series(ctx: Context, run_ids: Sequence[str], keys: Sequence[str]) -> list[MetricSeries]:
    access.require_read(ctx.viewer)
    if max(1, len(run_ids)) * max(1, len(keys)) > SERIES:
        raise CostLimit(
            f"{len(run_ids)} runs with {len(keys)} keys are more than {SERIES} series; ask for"
            " fewer at once",
            limit="series",
        )
    async with ctx.read() as session:
        rows = await store.series(session, run_ids, keys)
    found = {(row.run_id, row.key): row for row in rows}
    return [
        found[run_id, key]
        for run_id in dict.fromkeys(run_ids)
        for key in dict.fromkeys(keys)
        if (run_id, key) in found
    ]
