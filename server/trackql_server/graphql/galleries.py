"""Rich values by their steps: galleries of many runs, heat maps of histograms."""

from typing import Annotated, Any

import numpy as np
import strawberry

from trackql_server import models
from trackql_server.domain import galleries as domain
from trackql_server.domain.galleries import Cell, Histograms
from trackql_server.domain.values import Logged, Range
from trackql_server.graphql.context import Info
from trackql_server.graphql.metrics import Encoding, RunIds
from trackql_server.graphql.scalars import (
    ColumnEncoding,
    Int64,
    Int64Column,
    MetricColumn,
    write_ints,
)
from trackql_server.graphql.values import FromStep, LoggedValue, ToStep, ValueSeries, floats

CellRow = strawberry.Parent[tuple[models.Run, Cell]]


@strawberry.type(description="The rich values of a run and a key at one step.")
class ValuesAtStep:
    @strawberry.field(description="The run.")
    @staticmethod
    def run_id(root: CellRow) -> strawberry.ID:
        return strawberry.ID(root[0].id)

    @strawberry.field(description="The key.")
    @staticmethod
    def key(root: CellRow) -> str:
        return root[1].key

    @strawberry.field(graphql_type=models.ValueKind, description="What they are.")
    @staticmethod
    def kind(root: CellRow) -> models.ValueKind:
        return root[1].kind

    @strawberry.field(description="The step they were logged at.")
    @staticmethod
    def step(root: CellRow) -> Int64:
        return Int64(root[1].step)

    @strawberry.field(description="How many there are at that step.")
    @staticmethod
    def total(root: CellRow) -> int:
        return root[1].total

    @strawberry.field(
        graphql_type=list[LoggedValue], description="They by place; the first `places` of them."
    )
    @staticmethod
    def values(root: CellRow) -> list[Logged]:
        return root[1].values


HistogramsRow = strawberry.Parent[Histograms]


@strawberry.type(
    description="Histograms along the steps of a series as columns, for drawing a heat map."
)
class HistogramSeries:
    @strawberry.field(graphql_type=ValueSeries, description="The series.")
    @staticmethod
    def series(root: HistogramsRow) -> Any:
        return root.series

    @strawberry.field(description="How many histograms there are; `steps` may leave some out.")
    @staticmethod
    def total(root: HistogramsRow) -> Int64:
        return Int64(root.steps.total)

    @strawberry.field(description="The step of each histogram.")
    @staticmethod
    def steps(root: HistogramsRow, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        return Int64Column(write_ints(root.steps.steps, encoding))

    @strawberry.field(description="How many bins each histogram has.")
    @staticmethod
    def bins(root: HistogramsRow, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        bins = np.array([len(each.counts) for each in root.histograms], np.int64)
        return Int64Column(write_ints(bins, encoding))

    @strawberry.field(
        description="The edges of all bins, one histogram after the other: `bins` + 1 of each."
    )
    @staticmethod
    def edges(root: HistogramsRow, encoding: Encoding = ColumnEncoding.ARRAY) -> MetricColumn:
        return floats([edge for each in root.histograms for edge in each.edges], encoding)

    @strawberry.field(
        description="The counts of all bins, one histogram after the other: `bins` of each."
    )
    @staticmethod
    def counts(root: HistogramsRow, encoding: Encoding = ColumnEncoding.ARRAY) -> MetricColumn:
        return floats([count for each in root.histograms for count in each.counts], encoding)

    @strawberry.field(description="The least edge of the histograms shown.")
    @staticmethod
    def min(root: HistogramsRow) -> float | None:
        return min((each.edges[0] for each in root.histograms), default=None)

    @strawberry.field(description="The greatest edge of the histograms shown.")
    @staticmethod
    def max(root: HistogramsRow) -> float | None:
        return max((each.edges[-1] for each in root.histograms), default=None)


@strawberry.type
class GalleryQuery:
    @strawberry.field(
        graphql_type=list[ValuesAtStep],
        description=(
            "For each run and key the values at its last step up to a step: a gallery with one"
            " slider. Runs that have none of a key are left out."
        ),
    )
    async def values_at(
        self,
        info: Info,
        run_ids: RunIds,
        keys: Annotated[list[str], strawberry.argument(description="With these keys; at most 50.")],
        step: Annotated[
            Int64 | None, strawberry.argument(description="The last of each when left out.")
        ] = None,
        places: Annotated[
            int, strawberry.argument(description="Values of each run and key, at most 1,000.")
        ] = 100,
    ) -> list[tuple[models.Run, Cell]]:
        return await domain.at_step(info.context.ctx, run_ids, keys, step, places)

    @strawberry.field(
        graphql_type=HistogramSeries | None,
        description="Histograms of a run and key; null when there are none.",
    )
    async def histogram_series(
        self,
        info: Info,
        run_id: Annotated[strawberry.ID, strawberry.argument(description="The run.")],
        key: Annotated[str, strawberry.argument(description="Their key.")],
        max_steps: Annotated[
            int,
            strawberry.argument(
                description="Choose evenly from them if they are more; at most 1,000."
            ),
        ] = 200,
        place: Annotated[
            int, strawberry.argument(description="Which of the values of each step.")
        ] = 0,
        from_step: FromStep = None,
        to_step: ToStep = None,
    ) -> Histograms | None:
        return await domain.histograms(
            info.context.ctx, run_id, key, max_steps, place, Range(from_step, to_step)
        )
