"""Groups of runs: statistics of their metrics, mean curves with bands, what params tell."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated

import numpy as np
import strawberry

from trackql_server.domain import groups as domain
from trackql_server.domain import search as search_domain
from trackql_server.domain.groups import Group, GroupCurve, GroupOrder, Groups, Measure
from trackql_server.errors import InvalidInput
from trackql_server.graphql.context import Info
from trackql_server.graphql.enums import row_enum
from trackql_server.graphql.listing import (
    ExperimentIds,
    FilterText,
    Folder,
    LifecycleFilter,
    Lifecycles,
    SortDirection,
    WhereGiven,
)
from trackql_server.graphql.listing import where as chosen
from trackql_server.graphql.metrics import Encoding, MetricRange
from trackql_server.graphql.paging import First, Search
from trackql_server.graphql.scalars import (
    ColumnEncoding,
    Int64Column,
    MetricColumn,
    MetricValue,
    TextColumn,
    write_ints,
    write_values,
)

GroupStatistic = row_enum(
    domain.GroupStatistic,
    "A number of a group's measure.",
    N="How many runs have it as a number.",
    MEAN="The mean.",
    STD="The standard deviation of a sample (ddof 1).",
    MIN="The least.",
    MAX="The greatest.",
    MEDIAN="The median.",
)


@strawberry.enum(description="What lies around a mean curve.")
class CurveBand(Enum):
    STD = strawberry.enum_value("STD", description="One standard deviation (ddof 1) either way.")
    SEM = strawberry.enum_value("SEM", description="One standard error of the mean either way.")
    MINMAX = strawberry.enum_value("MINMAX", description="From the least run to the greatest.")


def _value(number: float | None) -> MetricValue | None:
    return None if number is None else MetricValue(number)


@strawberry.type(description="A field's numbers over the runs of a group; NaN is left out.")
class GroupMeasure:
    field: str = strawberry.field(description="As it was asked for.")
    measure: strawberry.Private[Measure]

    @strawberry.field(description="Runs that have it as a number.")
    def n(self) -> int:
        return self.measure.n

    @strawberry.field(description="Runs where it is NaN.")
    def nan_count(self) -> int:
        return self.measure.nan_count

    @strawberry.field(description="The mean; null without runs.")
    def mean(self) -> MetricValue | None:
        return _value(self.measure.mean)

    @strawberry.field(description="Standard deviation of a sample (ddof 1); null below two runs.")
    def std(self) -> MetricValue | None:
        return _value(self.measure.std)

    @strawberry.field(description="Standard error of the mean; null below two runs.")
    def sem(self) -> MetricValue | None:
        return _value(self.measure.sem)

    @strawberry.field(description="The least.")
    def min(self) -> MetricValue | None:
        return _value(self.measure.min)

    @strawberry.field(description="The greatest.")
    def max(self) -> MetricValue | None:
        return _value(self.measure.max)

    @strawberry.field(description="The median.")
    def median(self) -> MetricValue | None:
        return _value(self.measure.quantile(0.5))

    @strawberry.field(description="The value below which a share of the runs lies (linear).")
    def quantile(
        self, q: Annotated[float, strawberry.argument(description="The share, from 0 to 1.")]
    ) -> MetricValue | None:
        if not 0 <= q <= 1:
            raise InvalidInput("q must lie between 0 and 1", argument="q")
        return _value(self.measure.quantile(q))


@strawberry.type(description="Runs that have the same values of the fields they are grouped by.")
class RunGroup:
    runs: int = strawberry.field(description="How many.")
    measures: list[GroupMeasure] = strawberry.field(description="In the order asked for.")
    group: strawberry.Private[Group]
    groups: strawberry.Private[Groups]

    @strawberry.field(description="The value of each field; null where the runs lack it.")
    def values(self) -> TextColumn:
        return TextColumn(list(self.group.values))

    @strawberry.field(description="Ids of its runs, oldest first.")
    async def run_ids(self, info: Info, first: First = 100) -> TextColumn:
        if not 0 <= first <= 1000:
            raise InvalidInput("first must lie between 0 and 1000", argument="first")
        numbers = self.groups.numbers[self.group.places[:first]]
        return TextColumn(await domain.run_ids(info.context.ctx, numbers))


@strawberry.type(description="A page of groups.")
class RunGroups:
    groups: list[RunGroup] = strawberry.field(description="In the order asked for.")
    total_count: int = strawberry.field(description="Groups in all pages.")
    run_count: int = strawberry.field(description="Runs in all groups.")


@strawberry.input(name="GroupOrder", description="What groups are sorted by.")
class GroupOrderInput:
    measure: str | None = strawberry.field(
        default=None, description="One of `measures`; left out, the number of runs."
    )
    statistic: domain.GroupStatistic = strawberry.field(
        default=domain.GroupStatistic.MEAN, description="Which number of the measure."
    )
    direction: SortDirection = strawberry.field(
        default=SortDirection.DESC, description="Which way."
    )


@strawberry.type(
    name="GroupCurve",
    description="The mean curve of a group's runs, aligned on step, with a band.",
)
class GroupMeanCurve:
    runs: int = strawberry.field(description="Runs of the group that have the metric.")
    bucket_width: int = strawberry.field(
        description="Steps that a point stands for; 1 where none were put together."
    )
    curve: strawberry.Private[GroupCurve]
    band: strawberry.Private[CurveBand]

    @strawberry.field(description="The value of each field; null where the runs lack it.")
    def values(self) -> TextColumn:
        return TextColumn(list(self.curve.values))

    @strawberry.field(description="Points of the curve.")
    def points(self) -> int:
        return len(self.curve.band.steps)

    @strawberry.field(description="The first step that each point stands for.")
    def steps(self, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        return Int64Column(write_ints(self.curve.band.steps, encoding))

    @strawberry.field(description="How many runs each point is the mean of.")
    def n(self, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        return Int64Column(write_ints(self.curve.band.n, encoding))

    @strawberry.field(description="The mean over the runs.")
    def mean(self, encoding: Encoding = ColumnEncoding.ARRAY) -> MetricColumn:
        return MetricColumn(write_values(self.curve.band.mean, encoding))

    @strawberry.field(description="The lower edge of the band; NaN for one run, but for MINMAX.")
    def low(self, encoding: Encoding = ColumnEncoding.ARRAY) -> MetricColumn:
        return MetricColumn(write_values(self._edge(-1), encoding))

    @strawberry.field(description="The upper edge of the band; NaN for one run, but for MINMAX.")
    def high(self, encoding: Encoding = ColumnEncoding.ARRAY) -> MetricColumn:
        return MetricColumn(write_values(self._edge(1), encoding))

    def _edge(self, sign: int) -> "np.typing.NDArray[np.float64]":
        band = self.curve.band
        if self.band is CurveBand.MINMAX:
            return band.low if sign < 0 else band.high
        spread = band.std if self.band is CurveBand.STD else band.std / np.sqrt(band.n)
        return band.mean + sign * spread


@strawberry.type(description="What a param tells of a metric.")
class ParamImportance:
    param: str = strawberry.field(description="Its key.")
    importance: float = strawberry.field(
        description=(
            "The share of the metric's variance that lies between the param's values (numbers in"
            " ten groups), less what chance alone would give (epsilon squared); from 0 to 1."
        )
    )
    correlation: MetricValue | None = strawberry.field(
        description="Spearman's rank correlation with the metric, of numeric params."
    )
    runs: int = strawberry.field(description="Runs that have both.")
    numeric: bool = strawberry.field(description="Whether the param is a number in all of them.")


By = Annotated[
    list[str],
    strawberry.argument(description="Fields whose text groups the runs: `params.optimizer`."),
]


@strawberry.type
class GroupQuery:
    @strawberry.field(
        description="The runs that are found in groups, with statistics of some fields."
    )
    async def run_groups(
        self,
        info: Info,
        by: By,
        measures: Annotated[
            list[str] | None,
            strawberry.argument(description="Numbers of a run: `metrics.acc.max`, `params.lr`."),
        ] = None,
        experiment_ids: ExperimentIds = None,
        folder: Folder = None,
        lifecycle: Lifecycles = LifecycleFilter.ACTIVE,
        search: Search = None,
        filter: FilterText = None,
        where: WhereGiven = None,
        first: First = 100,
        offset: Annotated[int, strawberry.argument(description="Groups to pass by first.")] = 0,
        order_by: Annotated[
            GroupOrderInput | None,
            strawberry.argument(description="What they are sorted by; the largest first."),
        ] = None,
    ) -> RunGroups:
        names = measures or []
        found = await domain.grouped(
            info.context.ctx,
            chosen(experiment_ids, folder, lifecycle, filter, where, search),
            search_domain.named_columns(by, "by"),
            search_domain.named_columns(names, "measures"),
            first,
            offset,
            _order(order_by, names),
        )
        return RunGroups(
            groups=[
                RunGroup(
                    runs=len(group.places),
                    measures=[
                        GroupMeasure(field=name, measure=measure)
                        for name, measure in zip(names, group.measures, strict=True)
                    ],
                    group=group,
                    groups=found,
                )
                for group in found.page
            ],
            total_count=found.total,
            run_count=len(found.numbers),
        )

    @strawberry.field(description="Mean curves of a metric over groups of runs, aligned on step.")
    async def group_curves(
        self,
        info: Info,
        key: Annotated[str, strawberry.argument(description="The metric.")],
        by: Annotated[
            list[str] | None,
            strawberry.argument(description="Fields that group the runs; else they are one group."),
        ] = None,
        experiment_ids: ExperimentIds = None,
        folder: Folder = None,
        lifecycle: Lifecycles = LifecycleFilter.ACTIVE,
        search: Search = None,
        filter: FilterText = None,
        where: WhereGiven = None,
        groups: Annotated[
            int, strawberry.argument(description="Of the largest groups, at most 100.")
        ] = 20,
        band: Annotated[
            CurveBand, strawberry.argument(description="What lies around the mean.")
        ] = CurveBand.STD,
        points: Annotated[
            int, strawberry.argument(description="About as many points a curve; at most 20,000.")
        ] = 500,
        range: Annotated[
            MetricRange | None, strawberry.argument(description="Only these steps, both included.")
        ] = None,
    ) -> list[GroupMeanCurve]:
        found = await domain.curves(
            info.context.ctx,
            chosen(experiment_ids, folder, lifecycle, filter, where, search),
            search_domain.named_columns(by or [], "by"),
            key,
            groups,
            points,
            (None, None) if range is None else (range.start, range.end),
        )
        return [
            GroupMeanCurve(runs=each.runs, bucket_width=each.band.width, curve=each, band=band)
            for each in found
        ]

    @strawberry.field(
        description=(
            "What the params of the runs that are found tell of a metric; of more than 20,000 runs"
            " as many are weighed, evenly chosen, and of more than 200 params the first by name."
        )
    )
    async def param_importance(
        self,
        info: Info,
        metric: Annotated[
            str, strawberry.argument(description="As the filter language spells it.")
        ],
        experiment_ids: ExperimentIds = None,
        folder: Folder = None,
        lifecycle: Lifecycles = LifecycleFilter.ACTIVE,
        search: Search = None,
        filter: FilterText = None,
        where: WhereGiven = None,
        first: Annotated[
            int, strawberry.argument(description="The most telling ones, at most 200.")
        ] = 50,
    ) -> list[ParamImportance]:
        found = await domain.importances(
            info.context.ctx,
            chosen(experiment_ids, folder, lifecycle, filter, where, search),
            search_domain.column(metric, "metric"),
            first,
        )
        return [
            ParamImportance(
                param=each.param,
                importance=each.share,
                correlation=_value(each.correlation),
                runs=each.runs,
                numeric=each.correlation is not None,
            )
            for each in found
        ]


def _order(given: GroupOrderInput | None, names: Sequence[str]) -> GroupOrder:
    if given is None:
        return GroupOrder()
    descending = given.direction is SortDirection.DESC
    if given.measure is None:
        return GroupOrder(None, given.statistic, descending)
    if given.measure not in names:
        raise InvalidInput(
            f"orderBy.measure: {given.measure!r} is none of the measures", argument="orderBy"
        )
    return GroupOrder(list(names).index(given.measure), given.statistic, descending)
