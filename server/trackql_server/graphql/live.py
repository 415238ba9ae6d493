"""Subscriptions: new points of many runs at once, and changed runs."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import strawberry

from trackql_server.domain import found, live
from trackql_server.domain.live import Delta, Deltas
from trackql_server.domain.search import Question
from trackql_server.errors import InvalidInput
from trackql_server.graphql.context import Info
from trackql_server.graphql.listing import (
    ExperimentIds,
    FilterText,
    Folder,
    LifecycleFilter,
    Lifecycles,
    OrderBy,
    WhereGiven,
    Whole,
    orders,
)
from trackql_server.graphql.listing import where as chosen
from trackql_server.graphql.metrics import Encoding
from trackql_server.graphql.paging import Search
from trackql_server.graphql.runs import Run
from trackql_server.graphql.scalars import (
    ColumnEncoding,
    Int64,
    Int64Column,
    MetricColumn,
    write_ints,
    write_values,
)

# Runs that one subscription may follow.
RUNS = 1000

DeltaRow = strawberry.Parent[Delta]


@strawberry.type(description="New points of one series, in the order they arrived.")
class MetricDelta:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    key: str = strawberry.field(description="The metric.")
    offset: Int64 = strawberry.field(description="Offset of the first point covered.")
    next_offset: Int64 = strawberry.field(
        description="The cursor: resume the series from this offset."
    )
    reduced: bool = strawberry.field(
        description="Whether points were left out because of maxPoints; spikes stay."
    )

    @strawberry.field(description="The step of each point.")
    @staticmethod
    def steps(root: DeltaRow, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        assert root.columns.steps is not None
        return Int64Column(write_ints(root.columns.steps, encoding))

    @strawberry.field(description="The time of each point, Unix milliseconds.")
    @staticmethod
    def times(root: DeltaRow, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        assert root.columns.times is not None
        return Int64Column(write_ints(root.columns.times, encoding))

    @strawberry.field(description="The value of each point.")
    @staticmethod
    def values(root: DeltaRow, encoding: Encoding = ColumnEncoding.ARRAY) -> MetricColumn:
        assert root.columns.values is not None
        return MetricColumn(write_values(root.columns.values, encoding))


@strawberry.type(description="What was logged since the last event.")
class MetricsLogged:
    series: list[MetricDelta] = strawberry.field(description="The series that have new points.")


@strawberry.type(description="Runs that were made or changed since the last event.")
class RunsChanged:
    runs: list[Run] = strawberry.field(description="As they are now.")


@strawberry.type(description="A page of found runs that is kept up to date.")
class RunsFound:
    ids: list[strawberry.ID] = strawberry.field(description="The page in its order.")
    entered: list[Run] = strawberry.field(
        description="Runs that are new on the page; all of it in the first event."
    )
    changed: list[Run] = strawberry.field(
        description="Runs of the page of which anything is different."
    )
    left: list[strawberry.ID] = strawberry.field(description="Runs that are no longer on it.")
    has_next_page: bool = strawberry.field(description="Whether more runs are found.")


@strawberry.input(description="Where to resume a series.")
class MetricCursor:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    key: str = strawberry.field(description="The metric.")
    offset: Int64 = strawberry.field(description="The next offset not seen yet.")


@strawberry.type
class LiveSubscription:
    @strawberry.subscription(
        graphql_type=AsyncGenerator[MetricsLogged, None],
        description=(
            "New points of many runs at once, every one exactly once and in order unless maxPoints"
            " is given. After a break, resume with the last nextOffset of each series."
        ),
    )
    async def metrics_logged(
        self,
        info: Info,
        run_ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="Of these runs; at most 1,000.")
        ],
        keys: Annotated[
            list[str] | None,
            strawberry.argument(description="Only these; else all, also those that come later."),
        ] = None,
        after: Annotated[
            list[MetricCursor] | None,
            strawberry.argument(description="Where to resume, series by series."),
        ] = None,
        backlog: Annotated[
            bool,
            strawberry.argument(
                description="Whether series not named in `after` start at 0 or at their end."
            ),
        ] = True,
        max_points: Annotated[
            int | None,
            strawberry.argument(
                description="About as many points a series and event at most, reduced; at least 4."
            ),
        ] = None,
    ) -> AsyncGenerator[Deltas, None]:
        _bounded(run_ids)
        offsets = {(str(each.run_id), each.key): int(each.offset) for each in after or ()}
        if any(offset < 0 for offset in offsets.values()):
            raise InvalidInput("after: an offset is negative", argument="after")
        events = live.follow_points(
            info.context.ctx,
            list(dict.fromkeys(run_ids)),
            keys,
            offsets,
            backlog=backlog,
            max_points=max_points,
        )
        async with aclosing(events):
            async for deltas in events:
                yield deltas

    @strawberry.subscription(
        description=(
            "Runs of these experiments, and these runs, whenever they are made or anything a page"
            " shows of them changes; several changes of a run come as one."
        )
    )
    async def runs_changed(
        self,
        info: Info,
        experiment_ids: Annotated[
            list[strawberry.ID] | None, strawberry.argument(description="All of their runs.")
        ] = None,
        run_ids: Annotated[
            list[strawberry.ID] | None, strawberry.argument(description="These runs.")
        ] = None,
    ) -> AsyncGenerator[RunsChanged, None]:
        _bounded(experiment_ids or [])
        _bounded(run_ids or [])
        events = live.follow_runs(info.context.ctx, experiment_ids or [], run_ids or [])
        async with aclosing(events):
            async for runs in events:
                yield RunsChanged(runs=runs)  # type: ignore[arg-type]

    @strawberry.subscription(
        graphql_type=AsyncGenerator[RunsFound, None],
        description=(
            "The first runs that satisfy a filter, in an order, and every change of that page: runs"
            " that enter, move, change or leave. Several changes come as one."
        ),
    )
    async def runs_found(
        self,
        info: Info,
        experiment_ids: ExperimentIds = None,
        folder: Folder = None,
        lifecycle: Lifecycles = LifecycleFilter.ACTIVE,
        search: Search = None,
        filter: FilterText = None,
        where: WhereGiven = None,
        order_by: OrderBy = None,
        first: Annotated[
            int, strawberry.argument(description="Runs of the page, at most 500.")
        ] = 50,
        tree: Whole = False,
    ) -> AsyncGenerator[Any, None]:
        which = chosen(experiment_ids, folder, lifecycle, filter, where, search)
        question = Question(which, orders(order_by), tree)
        events = found.follow(info.context.ctx, question, first)
        async with aclosing(events):
            async for each in events:
                yield RunsFound(
                    ids=[strawberry.ID(run_id) for run_id in each.ids],
                    entered=each.entered,  # type: ignore[arg-type]
                    changed=each.changed,  # type: ignore[arg-type]
                    left=[strawberry.ID(run_id) for run_id in each.left],
                    has_next_page=each.has_next,
                )


def _bounded(ids: list[strawberry.ID]) -> None:
    if len(ids) > RUNS:
        raise InvalidInput(f"more than {RUNS} ids; subscribe in parts", argument="runIds")
