"""Metrics: summaries, exact histories, curves for drawing, and appending points."""

from enum import Enum
from typing import Annotated, Any

import numpy as np
import strawberry
from strawberry.types.nodes import FragmentSpread, InlineFragment, Selection

from trackql_server import models
from trackql_server.domain import metrics as domain
from trackql_server.domain.metrics import Drawn, History, Rows
from trackql_server.domain.records import Position
from trackql_server.errors import InvalidInput
from trackql_server.graphql.context import Info
from trackql_server.graphql.paging import Given
from trackql_server.graphql.scalars import (
    ColumnEncoding,
    Int64,
    Int64Column,
    MetricColumn,
    MetricValue,
    write_ints,
    write_values,
)

Encoding = Annotated[ColumnEncoding, strawberry.argument(description="How the column is written.")]
RunIds = Annotated[list[strawberry.ID], strawberry.argument(description="Of these runs.")]
MetricKeys = Annotated[list[str], strawberry.argument(description="With these keys.")]


FIRST_OFFSET = Int64(0)


@strawberry.enum(description="What lies along the x axis of a curve.")
class MetricAxis(Enum):
    STEP = strawberry.enum_value("STEP", description="The step that was logged.")
    TIME = strawberry.enum_value("TIME", description="Unix milliseconds.")
    OFFSET = strawberry.enum_value("OFFSET", description="How many points came before.")


@strawberry.type(description="One point of a metric.")
class MetricPoint:
    step: Int64 = strawberry.field(description="The step that was logged.")
    time: Int64 = strawberry.field(description="Unix milliseconds.")
    value: MetricValue = strawberry.field(description="The value.")


def _point(step: int, time: int, value: float | None) -> MetricPoint:
    number = float("nan") if value is None else value
    return MetricPoint(step=Int64(step), time=Int64(time), value=MetricValue(number))


def _extreme(step: int | None, time: int | None, value: float | None) -> MetricPoint | None:
    if step is None or time is None or value is None:
        return None
    return _point(step, time, value)


Series = strawberry.Parent[models.MetricSeries]


@strawberry.type(description="The summary of one metric of one run, kept as points arrive.")
class Metric:
    run_id: strawberry.ID = strawberry.field(description="The run that logged it.")
    key: str = strawberry.field(description="The name it was logged by.")
    count: Int64 = strawberry.field(description="Points in the series.")
    nan_count: Int64 = strawberry.field(description="Points whose value is NaN.")
    steps_rise: bool = strawberry.field(description="Whether steps never fall as points arrive.")

    @strawberry.field(description="The point with the least step, then time, then value.")
    @staticmethod
    def first(root: Series) -> MetricPoint:
        return _point(root.first_step, root.first_time, root.first_value)

    @strawberry.field(description="The point with the greatest step, then time, then value.")
    @staticmethod
    def last(root: Series) -> MetricPoint:
        return _point(root.last_step, root.last_time, root.last_value)

    @strawberry.field(description="The first point with the least value; null if all are NaN.")
    @staticmethod
    def min(root: Series) -> MetricPoint | None:
        return _extreme(root.min_step, root.min_time, root.min_value)

    @strawberry.field(description="The first point with the greatest value; null if all are NaN.")
    @staticmethod
    def max(root: Series) -> MetricPoint | None:
        return _extreme(root.max_step, root.max_time, root.max_value)

    @strawberry.field(description="Mean of the values that are not NaN; null if all are.")
    @staticmethod
    def mean(root: Series) -> MetricValue | None:
        numbers = root.count - root.nan_count
        if not numbers:
            return None
        return MetricValue(float("nan") if root.total is None else root.total / numbers)

    @strawberry.field(description="Sum of the values that are not NaN.")
    @staticmethod
    def sum(root: Series) -> MetricValue:
        return MetricValue(float("nan") if root.total is None else root.total)


@strawberry.type(description="Exact points of a series in the order they arrived.")
class MetricHistory:
    @strawberry.field(description="The run.")
    @staticmethod
    def run_id(root: strawberry.Parent[History]) -> strawberry.ID:
        return strawberry.ID(root.series.run_id)

    @strawberry.field(description="The metric.")
    @staticmethod
    def key(root: strawberry.Parent[History]) -> str:
        return root.series.key

    @strawberry.field(description="Offset of the first point returned.")
    @staticmethod
    def offset(root: strawberry.Parent[History]) -> Int64:
        return Int64(root.offset)

    @strawberry.field(description="Ask for this offset next; equal to `total` at the end.")
    @staticmethod
    def next_offset(root: strawberry.Parent[History]) -> Int64:
        return Int64(root.next_offset)

    @strawberry.field(description="Points in the series now.")
    @staticmethod
    def total(root: strawberry.Parent[History]) -> Int64:
        return Int64(root.series.count)

    @strawberry.field(description="The step of each point.")
    @staticmethod
    def steps(
        root: strawberry.Parent[History], encoding: Encoding = ColumnEncoding.ARRAY
    ) -> Int64Column:
        return Int64Column(write_ints(root.column("steps"), encoding))

    @strawberry.field(description="The time of each point, Unix milliseconds.")
    @staticmethod
    def times(
        root: strawberry.Parent[History], encoding: Encoding = ColumnEncoding.ARRAY
    ) -> Int64Column:
        return Int64Column(write_ints(root.column("times"), encoding))

    @strawberry.field(description="The value of each point.")
    @staticmethod
    def values(
        root: strawberry.Parent[History], encoding: Encoding = ColumnEncoding.ARRAY
    ) -> MetricColumn:
        return MetricColumn(write_values(root.column("values"), encoding))


CurveRow = strawberry.Parent[Drawn]


@strawberry.type(
    description=(
        "A series reduced for drawing: of every bucket the first, least, greatest and last point"
        " and the first NaN. Buckets lie on a fixed grid, so what is drawn does not dance."
    )
)
class MetricCurve:
    bucket_width: Int64 = strawberry.field(
        description="Width of a bucket in units of the axis: a power of two."
    )

    @strawberry.field(description="The run.")
    @staticmethod
    def run_id(root: CurveRow) -> strawberry.ID:
        return strawberry.ID(root.series.run_id)

    @strawberry.field(description="The metric.")
    @staticmethod
    def key(root: CurveRow) -> str:
        return root.series.key

    @strawberry.field(
        description="The axis of the buckets: OFFSET when STEP was asked but steps do not move."
    )
    @staticmethod
    def axis(root: CurveRow) -> MetricAxis:
        return MetricAxis(root.axis)

    @strawberry.field(description="Points returned.")
    @staticmethod
    def points(root: CurveRow) -> int:
        return len(root.curve.points)

    @strawberry.field(description="Points of the series in the range asked for.")
    @staticmethod
    def total_in_range(root: CurveRow) -> Int64:
        return Int64(root.curve.total_in_range)

    @strawberry.field(description="Points in the series when the curve was read.")
    @staticmethod
    def total(root: CurveRow) -> Int64:
        return Int64(root.series.count)

    @strawberry.field(description="Follow the series live from this offset.")
    @staticmethod
    def next_offset(root: CurveRow) -> Int64:
        return Int64(root.series.count)

    @strawberry.field(description="The offset of each point in the series.")
    @staticmethod
    def offsets(root: CurveRow, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        return Int64Column(write_ints(root.curve.points.offsets, encoding))

    @strawberry.field(description="The step of each point.")
    @staticmethod
    def steps(root: CurveRow, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        return Int64Column(write_ints(root.curve.points.steps, encoding))

    @strawberry.field(description="The time of each point, Unix milliseconds.")
    @staticmethod
    def times(root: CurveRow, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        return Int64Column(write_ints(root.curve.points.times, encoding))

    @strawberry.field(description="The value of each point.")
    @staticmethod
    def values(root: CurveRow, encoding: Encoding = ColumnEncoding.ARRAY) -> MetricColumn:
        return MetricColumn(write_values(root.curve.points.values, encoding))

    @strawberry.field(
        description=(
            "Debiased moving average over the whole series along the axis, at each point; null"
            " unless smoothing was asked for."
        )
    )
    @staticmethod
    def smoothed(root: CurveRow, encoding: Encoding = ColumnEncoding.ARRAY) -> MetricColumn | None:
        column = root.curve.points.smoothed
        return None if column is None else MetricColumn(write_values(column, encoding))


@strawberry.input(description="A part of an axis, both ends included.")
class MetricRange:
    start: Int64 | None = strawberry.field(
        default=None, description="Where it begins, in units of the axis; open when left out."
    )
    end: Int64 | None = strawberry.field(
        default=None, description="Where it ends, in units of the axis; open when left out."
    )


@strawberry.type
class MetricQuery:
    @strawberry.field(
        graphql_type=list[MetricHistory],
        description=(
            "Exact points by offset, run by run and key by key; series that do not exist are left"
            " out. At most 1,000,000 points in all."
        ),
    )
    async def metric_histories(
        self,
        info: Info,
        run_ids: RunIds,
        keys: MetricKeys,
        offset: Annotated[
            Int64, strawberry.argument(description="Offset of the first point of each series.")
        ] = FIRST_OFFSET,
        limit: Annotated[int, strawberry.argument(description="Points of each series.")] = 10_000,
    ) -> list[History]:
        names = set(_names(info.selected_fields))
        return await domain.histories(
            info.context.ctx,
            run_ids,
            keys,
            offset,
            limit,
            steps="steps" in names,
            times="times" in names,
            values="values" in names,
        )

    @strawberry.field(
        graphql_type=list[MetricCurve],
        description=(
            "Curves reduced to a pixel budget, run by run and key by key; every extreme stays."
            " Series that do not exist are left out."
        ),
    )
    async def metric_curves(
        self,
        info: Info,
        run_ids: RunIds,
        keys: MetricKeys,
        axis: Annotated[
            MetricAxis, strawberry.argument(description="What lies along x.")
        ] = MetricAxis.STEP,
        range: Annotated[
            MetricRange | None,
            strawberry.argument(description="Only this part of the axis, at full pixels."),
        ] = None,
        pixels: Annotated[
            int, strawberry.argument(description="Buckets at most, 1 to 20,000.")
        ] = 1000,
        smoothing: Annotated[
            float,
            strawberry.argument(description="Weight of the moving average, 0 (none) to below 1."),
        ] = 0.0,
    ) -> list[Drawn]:
        return await domain.curves(
            info.context.ctx,
            run_ids,
            keys,
            axis=str(axis.value),
            start=None if range is None else range.start,
            end=None if range is None else range.end,
            pixels=pixels,
            smoothing=smoothing,
        )


def _names(selections: list[Selection]) -> Any:
    """The names of the fields one level below, through fragments."""
    for selection in selections:
        for inner in selection.selections:
            if isinstance(inner, FragmentSpread | InlineFragment):
                yield from _names([inner])
            else:
                yield inner.name


@strawberry.input(
    description=(
        "Where a batch stands in its writer's journal. Records are numbered 0, 1, 2 … per run and"
        " writer; what was stored before is passed over, so a batch may be sent again."
    )
)
class JournalPosition:
    writer: strawberry.ID = strawberry.field(
        description="1 to 64 letters, digits, - or _; a new one for each process."
    )
    first: Int64 = strawberry.field(description="Number of the first record.")
    count: int = strawberry.field(description="How many records; at least 1.")


def position(given: JournalPosition | None) -> Position | None:
    """A journal position as the domain takes it."""
    return None if given is None else Position(given.writer, given.first, given.count)


@strawberry.input(
    description="Points of several keys logged together: n rows of one value for each of k keys."
)
class MetricTableInput:
    keys: list[str] = strawberry.field(description="The k keys, each once.")
    steps: Int64Column = strawberry.field(description="n steps.")
    times: Int64Column = strawberry.field(description="n times, Unix milliseconds.")
    values: MetricColumn = strawberry.field(description="n times k values, row by row.")
    records: Int64Column | None = strawberry.field(
        default=None,
        description=(
            "For each row the journal record it came from, counted from journal.first and never"
            " falling; 0, 1, 2 … when left out."
        ),
    )


@strawberry.input(description="Points to append to a run as columns.")
class AppendMetricsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    tables: list[MetricTableInput] = strawberry.field(
        description="One for each set of keys; rows of different tables are ordered by record."
    )
    journal: JournalPosition | None = strawberry.field(
        default=None, description="Makes sending again harmless."
    )


@strawberry.input(description="One point.")
class MetricInput:
    key: str = strawberry.field(description="The metric.")
    value: MetricValue = strawberry.field(description="The value.")
    step: Int64 = strawberry.field(default=Int64(0), description="The step.")
    time: Int64 | None = strawberry.field(
        default=None, description="Unix milliseconds; now when left out."
    )


@strawberry.input(description="Points to append to a run, written out one by one.")
class LogMetricsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    metrics: list[MetricInput] = strawberry.field(description="The points, in order.")


@strawberry.type(description="What became of appended points.")
class AppendResult:
    next_record: Int64 | None = strawberry.field(
        description="The next journal record expected of the writer; null without a journal."
    )
    points: int = strawberry.field(description="Points newly stored.")


@strawberry.type
class MetricMutation:
    @strawberry.mutation(
        description=(
            "Append points as columns, the fast way. SEQUENCE_GAP when journal records before"
            " the batch are missing."
        )
    )
    async def append_metrics(self, info: Info, input: Given[AppendMetricsInput]) -> AppendResult:
        tables = [
            Rows(
                table.keys,
                _column(table.steps),
                _column(table.times),
                _column(table.values),
                None if table.records is None else _column(table.records),
            )
            for table in input.tables
        ]
        stored = await domain.append(
            info.context.ctx, input.run_id, tables, position(input.journal)
        )
        return _result(stored)

    @strawberry.mutation(
        description="Append points written out one by one, for GraphQL written by hand."
    )
    async def log_metrics(self, info: Info, input: Given[LogMetricsInput]) -> AppendResult:
        now = domain.now_ms(info.context.ctx)
        points: dict[str, list[MetricInput]] = {}
        for each in input.metrics:
            points.setdefault(each.key, []).append(each)
        if not points:
            raise InvalidInput("metrics is empty; give at least one point", argument="metrics")
        tables = [
            Rows(
                [key],
                np.array([each.step for each in some], np.int64),
                np.array([now if each.time is None else each.time for each in some], np.int64),
                np.array([each.value for each in some], np.float64),
            )
            for key, some in points.items()
        ]
        return _result(await domain.append(info.context.ctx, input.run_id, tables, None))


def _column(column: object) -> Any:
    """A column scalar was parsed into an array; GraphQL's types can't say so."""
    return column


def _result(stored: domain.Stored) -> AppendResult:
    record = stored.next_record
    return AppendResult(next_record=None if record is None else Int64(record), points=stored.points)
