"""Rich values: types, queries, logging them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import numpy as np
import strawberry

from trackql_server import models
from trackql_server.domain import galleries
from trackql_server.domain import values as domain
from trackql_server.domain.galleries import Histogram, Steps
from trackql_server.domain.listing import Entry
from trackql_server.domain.values import Logged, Range, Series
from trackql_server.graphql.artifacts import Artifact
from trackql_server.graphql.context import Info
from trackql_server.graphql.enums import row_enum
from trackql_server.graphql.metrics import Encoding
from trackql_server.graphql.paging import (
    After,
    Connection,
    First,
    Given,
    Keys,
    Search,
    connection,
    page,
)
from trackql_server.graphql.scalars import (
    JSON,
    ColumnEncoding,
    Int64,
    Int64Column,
    MetricColumn,
    write_ints,
    write_values,
)

ValueKind = row_enum(
    models.ValueKind,
    "What a rich value is.",
    IMAGE="A picture: PNG, JPEG, WebP and the like.",
    AUDIO="Sound: WAV and the like.",
    VIDEO="Moving pictures: MP4, WebM, GIF and the like.",
    TABLE='Rows and columns: JSON of the form {"columns", "data"}, CSV or Parquet.',
    TEXT="Text: in the body, or an artifact where it is long.",
    HTML="A page of HTML.",
    FIGURE="A figure: a picture, or one of plotly as JSON.",
    HISTOGRAM="Counts between edges.",
)

ValueRow = strawberry.Parent[Logged]
SeriesRow = strawberry.Parent[Series]
RunRow = strawberry.Parent[models.Run]

FromStep = Annotated[Int64 | None, strawberry.argument(description="Not before this step.")]
ToStep = Annotated[Int64 | None, strawberry.argument(description="Not behind this step.")]


def floats(numbers: Sequence[float], encoding: ColumnEncoding) -> MetricColumn:
    """Numbers as a column."""
    return MetricColumn(write_values(np.array(numbers, np.float64), encoding))


@strawberry.type(description="Counts of numbers between edges.")
class ValueHistogram:
    @strawberry.field(description="The edges of the bins, rising; one more than there are counts.")
    @staticmethod
    def edges(
        root: strawberry.Parent[Histogram], encoding: Encoding = ColumnEncoding.ARRAY
    ) -> MetricColumn:
        return floats(root.edges, encoding)

    @strawberry.field(description="How many numbers lie in each bin.")
    @staticmethod
    def counts(
        root: strawberry.Parent[Histogram], encoding: Encoding = ColumnEncoding.ARRAY
    ) -> MetricColumn:
        return floats(root.counts, encoding)

    @strawberry.field(description="How many more were NaN.")
    @staticmethod
    def nan_count(root: strawberry.Parent[Histogram]) -> Int64:
        return Int64(root.apart.get("nan", 0))

    @strawberry.field(description="How many more were infinite.")
    @staticmethod
    def infinite_count(root: strawberry.Parent[Histogram]) -> Int64:
        apart = root.apart
        return Int64(apart.get("positiveInfinity", 0) + apart.get("negativeInfinity", 0))


@strawberry.type(description="A rich value of a run at a step.")
class LoggedValue:
    step: Int64 = strawberry.field(description="The step it was logged at.")
    place: int = strawberry.field(description="Which of the values of its key and step, from 0.")
    kind: models.ValueKind = strawberry.field(description="What it is.")
    time: datetime = strawberry.field(description="When it was logged.")
    caption: str = strawberry.field(description="What was said of it; may be empty.")
    path: str | None = strawberry.field(
        description="The path of the artifact that it shows; null when it is all in its body."
    )

    @strawberry.field(
        graphql_type=Artifact | None,
        description="The artifact that it shows; null when it has none, or it is in the trash.",
    )
    @staticmethod
    async def artifact(root: ValueRow, info: Info) -> Entry | None:
        if root.path is None:
            return None
        return await info.context.own(domain.artifacts).load((root.run_number, root.path))

    @strawberry.field(
        description=(
            "What is small and kept with it: a text, a histogram, or facts about its artifact."
        )
    )
    @staticmethod
    async def body(root: ValueRow, info: Info) -> JSON | None:
        found: JSON | None = await info.context.own(domain.bodies).load(root.identity)
        return found

    @strawberry.field(
        graphql_type=ValueHistogram | None, description="The histogram, where it is one."
    )
    @staticmethod
    async def histogram(root: ValueRow, info: Info) -> Histogram | None:
        if root.kind is not models.ValueKind.HISTOGRAM:
            return None
        return galleries.histogram(await info.context.own(domain.bodies).load(root.identity))


@strawberry.type(description="Steps at which a series has values.")
class ValueSteps:
    total: Int64 = strawberry.field(description="How many there are.")

    @strawberry.field(
        description="They, rising; where there are too many, evenly chosen ones with both ends."
    )
    @staticmethod
    def steps(
        root: strawberry.Parent[Steps], encoding: Encoding = ColumnEncoding.ARRAY
    ) -> Int64Column:
        return Int64Column(write_ints(root.steps, encoding))

    @strawberry.field(description="Whether `steps` leaves some out.")
    @staticmethod
    def thinned(root: strawberry.Parent[Steps]) -> bool:
        return len(root.steps) < root.total


@strawberry.type(description="All rich values of a run with one key.")
class ValueSeries:
    key: str = strawberry.field(description="Their key.")
    kind: models.ValueKind = strawberry.field(description="What they are.")
    count: Int64 = strawberry.field(description="How many there are.")
    first_step: Int64 = strawberry.field(description="The least step.")
    last_step: Int64 = strawberry.field(description="The greatest step.")

    @strawberry.field(
        graphql_type=Connection[LoggedValue], description="The values, by step and place."
    )
    @staticmethod
    async def values(
        root: SeriesRow,
        info: Info,
        from_step: FromStep = None,
        to_step: ToStep = None,
        first: First = 100,
        after: After = None,
    ) -> Connection[Logged]:
        which = (root.run_number, root.label_id)
        within = Range(from_step, to_step)
        asked = domain.ValuePage(which, root.count, within, page(first, after))
        loaded = await info.context.own(domain.values).load(asked)
        ctx = info.context.ctx
        return connection(loaded, lambda: domain.count_values(ctx, asked))

    @strawberry.field(
        graphql_type=ValueSteps, description="The steps at which there are values, as a column."
    )
    @staticmethod
    async def steps(
        root: SeriesRow,
        info: Info,
        from_step: FromStep = None,
        to_step: ToStep = None,
        max_steps: Annotated[
            int, strawberry.argument(description="Choose from them if they are more; 10,000.")
        ] = 10_000,
    ) -> Steps:
        asked = galleries.steps_asked(root, Range(from_step, to_step), max_steps)
        return await info.context.own(galleries.steps).load(asked)


@strawberry.type
class RunValues:
    @strawberry.field(
        graphql_type=Connection[ValueSeries],
        description="Its rich values - images, tables, histograms and the like - by key.",
    )
    @staticmethod
    async def values(
        root: RunRow,
        info: Info,
        kinds: Annotated[
            list[models.ValueKind] | None,
            strawberry.argument(description="Only of these kinds."),
        ] = None,
        keys: Keys = None,
        search: Search = None,
        first: First = 100,
        after: After = None,
    ) -> Connection[Series]:
        chosen = None if kinds is None else tuple(dict.fromkeys(kinds))
        named = None if keys is None else tuple(keys)
        asked = domain.SeriesPage(root.number, chosen, named, search, page(first, after))
        loaded = await info.context.own(domain.series).load(asked)
        ctx = info.context.ctx
        return connection(loaded, lambda: domain.count_series(ctx, asked))


@strawberry.input(description="A rich value to log.")
class LoggedValueInput:
    key: str = strawberry.field(description="Its key; 1 to 500 characters.")
    kind: models.ValueKind = strawberry.field(
        description="What it is; all values of a run's key are of one kind."
    )
    step: Int64 = strawberry.field(default=Int64(0), description="At which step.")
    place: int = strawberry.field(
        default=0, description="Which of the values of its key and step, 0 to 999."
    )
    time: Int64 | None = strawberry.field(
        default=None, description="When, in Unix milliseconds; now when left out."
    )
    caption: str = strawberry.field(
        default="", description="What to say of it; at most 10,000 characters."
    )
    path: str | None = strawberry.field(
        default=None, description="The artifact of the run that it shows; logged before."
    )
    body: JSON | None = strawberry.field(
        default=None,
        description=(
            "What is small, at most 65,536 bytes as JSON: of TEXT the text; of HISTOGRAM"
            ' {"counts": [at most 512], "edges": [one more]} or {"counts", "min", "max"}, with'
            ' "nan", "positiveInfinity" and "negativeInfinity" counted apart; else facts.'
        ),
    )


@strawberry.input(description="Rich values to log to a run.")
class LogValuesInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    values: list[LoggedValueInput] = strawberry.field(description="At most 10,000 at once.")


@strawberry.type(description="Rich values that were logged.")
class LoggedValues:
    count: int = strawberry.field(description="How many.")


@strawberry.type
class ValueMutation:
    @strawberry.mutation(
        description=(
            "Log rich values to a run. One with a key, step and place that another had replaces"
            " it, so sending again is harmless."
        )
    )
    async def log_values(self, info: Info, input: Given[LogValuesInput]) -> LoggedValues:
        given = [
            {
                "key": each.key,
                "kind": str(each.kind),
                "step": each.step,
                "place": each.place,
                "time": each.time,
                "caption": each.caption,
                "path": each.path,
                "body": each.body,
            }
            for each in input.values
        ]
        count = await domain.log(info.context.ctx, input.run_id, given)
        return LoggedValues(count=count)
