"""Runs: type, queries, mutations; params and tags."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry

from trackql_server import models
from trackql_server.domain import bulk, records
from trackql_server.domain import runs as domain
from trackql_server.domain.params import ParamSpec
from trackql_server.domain.search import Question
from trackql_server.errors import InvalidInput
from trackql_server.graphql.alerts import RunAlerts
from trackql_server.graphql.artifacts import RunArtifacts
from trackql_server.graphql.console import RunConsole
from trackql_server.graphql.context import Info
from trackql_server.graphql.datasets import RunDatasets
from trackql_server.graphql.experiments import Experiment, Tag, TagInput, pairs
from trackql_server.graphql.facts import RunFacts
from trackql_server.graphql.listing import (
    ExperimentIds,
    FilterText,
    Folder,
    LifecycleFilter,
    Lifecycles,
    OrderBy,
    RunConnection,
    Statuses,
    WhereGiven,
    Whole,
    listed,
    orders,
)
from trackql_server.graphql.listing import where as chosen
from trackql_server.graphql.loaders import KeyedPage
from trackql_server.graphql.metrics import JournalPosition, Metric, position
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
from trackql_server.graphql.requests import RunListening
from trackql_server.graphql.scalars import JSON, Int64, MetricValue
from trackql_server.graphql.values import RunValues


@strawberry.enum(description="How a run ended.")
class FinalStatus(Enum):
    FINISHED = strawberry.enum_value("FINISHED", description="As it should.")
    FAILED = strawberry.enum_value("FAILED", description="By an error.")
    KILLED = strawberry.enum_value("KILLED", description="Stopped from outside.")


@strawberry.type(description="A setting of a run, set once.")
class Param:
    key: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value as text.")
    number: MetricValue | None = strawberry.field(
        description="Its value as a number, where the text is one."
    )
    config: JSON | None = strawberry.field(
        description="Its value as JSON, where it was logged as such."
    )


@strawberry.type(description="Something that was logged to a run and then refused.")
class RunProblem:
    code: str = strawberry.field(description="The stable code of the error.")
    message: str = strawberry.field(description="What was wrong.")
    time: datetime = strawberry.field(description="When it was refused.")


RunRow = strawberry.Parent[models.Run]


@strawberry.type(description="One execution of a training script.")
class Run(RunArtifacts, RunDatasets, RunListening, RunAlerts, RunConsole, RunFacts, RunValues):
    id: strawberry.ID = strawberry.field(description="32 hex digits; never changes.")
    experiment_id: strawberry.ID = strawberry.field(description="The experiment it belongs to.")
    name: str = strawberry.field(description="Need not be unique.")
    description: str = strawberry.field(description="Markdown.")
    lifecycle: models.Lifecycle = strawberry.field(description="In use or in the trash.")
    trashed_at: datetime | None = strawberry.field(
        description="When it was put into the trash; 1970 while it is being removed for good."
    )
    start_time: datetime = strawberry.field(description="When it started.")
    end_time: datetime | None = strawberry.field(description="When it ended; null before.")
    heartbeat_time: datetime | None = strawberry.field(
        description="When the server last heard of its writers."
    )
    user: str = strawberry.field(description="Who started it.")
    source_name: str = strawberry.field(description="The script or notebook.")
    git_commit: str | None = strawberry.field(description="The commit of the source.")
    parent_run_id: strawberry.ID | None = strawberry.field(
        description="The run this one is nested in."
    )
    dropped_points: Int64 = strawberry.field(
        description="Points its writers had to drop, because a disk was full or a bound reached."
    )

    @strawberry.field(
        graphql_type=models.RunStatus,
        description="The status; STALLED when it is running but its heartbeat has stopped.",
    )
    @staticmethod
    def status(root: RunRow, info: Info) -> models.RunStatus:
        return domain.status(info.context.ctx, root)

    @strawberry.field(description="Milliseconds from start to end, or up to now.")
    @staticmethod
    def duration_ms(root: RunRow, info: Info) -> Int64:
        return Int64(domain.duration_ms(info.context.ctx, root))

    @strawberry.field(description="What was refused after it was logged; the newest 100.")
    @staticmethod
    def problems(root: RunRow) -> list[RunProblem]:
        return [
            RunProblem(
                code=each["code"],
                message=each["message"],
                time=datetime.fromisoformat(each["time"]),
            )
            for each in root.problems
        ]

    @strawberry.field(graphql_type=Experiment, description="The experiment it belongs to.")
    @staticmethod
    async def experiment(root: RunRow, info: Info) -> models.Experiment | None:
        return await info.context.experiments.load(root.experiment_id)

    @strawberry.field(
        graphql_type=Annotated["Run", strawberry.lazy("trackql_server.graphql.runs")] | None,
        description="The run this one is nested in.",
    )
    @staticmethod
    async def parent(root: RunRow, info: Info) -> models.Run | None:
        if root.parent_run_id is None:
            return None
        return await info.context.runs.load(root.parent_run_id)

    @strawberry.field(
        graphql_type=RunConnection,
        description="Runs nested in this one, newest first.",
    )
    @staticmethod
    async def children(
        root: RunRow, info: Info, first: First = 50, after: After = None
    ) -> Connection[models.Run]:
        ctx, parent = info.context.ctx, root.id
        paged = await domain.children(ctx, parent, page(first, after))
        return connection(paged, lambda: domain.count_children(ctx, parent))

    @strawberry.field(graphql_type=Connection[Param], description="Its params, by key.")
    @staticmethod
    async def params(
        root: RunRow,
        info: Info,
        keys: Keys = None,
        search: Search = None,
        first: First = 100,
        after: After = None,
    ) -> Connection[models.Param]:
        return await _keyed(root, info, models.Param, keys, search, first, after)

    @strawberry.field(graphql_type=Connection[Tag], description="Its tags, by key.")
    @staticmethod
    async def tags(
        root: RunRow,
        info: Info,
        keys: Keys = None,
        search: Search = None,
        first: First = 100,
        after: After = None,
    ) -> Connection[models.Tag]:
        return await _keyed(root, info, models.Tag, keys, search, first, after)

    @strawberry.field(
        graphql_type=Connection[Metric], description="Summaries of its metrics, by key."
    )
    @staticmethod
    async def metrics(
        root: RunRow,
        info: Info,
        keys: Keys = None,
        search: Search = None,
        first: First = 100,
        after: After = None,
    ) -> Connection[models.MetricSeries]:
        return await _keyed(root, info, models.MetricSeries, keys, search, first, after)


async def _keyed(
    run: models.Run,
    info: Info,
    table: type[Any],
    keys: list[str] | None,
    search: str | None,
    first: int,
    after: str | None,
) -> Connection[Any]:
    chosen = None if keys is None else tuple(keys)
    asked = KeyedPage(run.id, table, chosen, search, page(first, after))
    loaders = info.context
    return connection(await loaders.keyed.load(asked), lambda: loaders.keyed_counts.load(asked))


@strawberry.type
class RunQuery:
    @strawberry.field(
        graphql_type=RunConnection,
        description="Runs of some experiments that satisfy a filter, in an order.",
    )
    async def runs(
        self,
        info: Info,
        experiment_ids: ExperimentIds = None,
        folder: Folder = None,
        first: First = 50,
        after: After = None,
        statuses: Statuses = None,
        lifecycle: Lifecycles = LifecycleFilter.ACTIVE,
        search: Search = None,
        filter: FilterText = None,
        where: WhereGiven = None,
        order_by: OrderBy = None,
        tree: Whole = False,
    ) -> Connection[models.Run]:
        which = chosen(experiment_ids, folder, lifecycle, filter, where, search, statuses)
        question = Question(which, orders(order_by), tree)
        return await listed(info, question, first, after)  # type: ignore[no-any-return]

    @strawberry.field(
        graphql_type=Run | None, description="One run, deleted or not; null when there is none."
    )
    async def run(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],
    ) -> models.Run | None:
        return await info.context.runs.load(id)

    @strawberry.field(
        graphql_type=list[Run],
        description="Runs by id, in the order asked; unknown ids are left out. At most 1,000.",
    )
    async def runs_by_ids(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids.")],
    ) -> list[models.Run]:
        if len(ids) > 1000:
            raise InvalidInput("ids names more than 1,000 runs; ask in parts", argument="ids")
        rows = await domain.by_ids(info.context.ctx, ids)
        return [rows[each] for each in dict.fromkeys(ids) if each in rows]


@strawberry.input(description="A param to log.")
class ParamInput:
    key: str = strawberry.field(description="Its name; 1 to 500 characters.")
    value: str = strawberry.field(description="Its value as text; at most 65,536 characters.")
    config: JSON | None = strawberry.field(
        default=None, description="Its value as JSON, kept as given."
    )


def _specs(params: list[ParamInput] | None) -> list[ParamSpec]:
    return [ParamSpec(each.key, each.value, each.config) for each in params or ()]


@strawberry.input(description="A new run.")
class CreateRunInput:
    id: strawberry.ID | None = strawberry.field(
        default=None,
        description="32 hex digits made by the client: made once however often it is sent.",
    )
    experiment_id: strawberry.ID | None = strawberry.field(
        default=None, description="Its experiment; the one called Default if none is named."
    )
    experiment_name: str | None = strawberry.field(
        default=None, description="Its experiment by name, made when there is none."
    )
    name: str | None = strawberry.field(default=None, description="Made up when left out.")
    description: str | None = strawberry.field(default=None, description="Markdown.")
    parent_run_id: strawberry.ID | None = strawberry.field(
        default=None, description="The run it is nested in."
    )
    start_time: datetime | None = strawberry.field(
        default=None, description="When it started; now when left out."
    )
    user: str | None = strawberry.field(default=None, description="Who started it.")
    source_name: str | None = strawberry.field(default=None, description="The script or notebook.")
    git_commit: str | None = strawberry.field(default=None, description="The commit of the source.")
    tags: list[TagInput] | None = strawberry.field(default=None, description="Its first tags.")
    params: list[ParamInput] | None = strawberry.field(
        default=None, description="Its first params."
    )


@strawberry.input(description="What changes of a run; what is left out stays.")
class UpdateRunInput:
    id: strawberry.ID = strawberry.field(description="Which run.")
    name: str | None = strawberry.field(default=None, description="Its new name.")
    description: str | None = strawberry.field(default=None, description="Markdown.")


@strawberry.input(description="A run.")
class RunIdInput:
    id: strawberry.ID = strawberry.field(description="Which run.")


@strawberry.input(description="A run that goes on.")
class ResumeRunInput:
    id: strawberry.ID = strawberry.field(description="Which run.")


@strawberry.input(description="A run that has ended.")
class FinishRunInput:
    id: strawberry.ID = strawberry.field(description="Which run.")
    status: FinalStatus = strawberry.field(
        default=FinalStatus.FINISHED, description="How it ended."
    )
    end_time: datetime | None = strawberry.field(
        default=None, description="When it ended; now when left out."
    )


@strawberry.input(description="Params to log to a run; each can be set once.")
class LogParamsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    params: list[ParamInput] = strawberry.field(description="The params.")
    journal: JournalPosition | None = strawberry.field(
        default=None, description="Makes sending again harmless."
    )


@strawberry.input(description="Tags to set on a run; others stay.")
class SetTagsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    tags: list[TagInput] = strawberry.field(description="The tags.")
    journal: JournalPosition | None = strawberry.field(
        default=None, description="Makes sending again harmless."
    )


@strawberry.input(description="Tags to remove from a run.")
class DeleteTagsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    keys: list[str] = strawberry.field(description="Their keys; unknown ones are passed over.")
    journal: JournalPosition | None = strawberry.field(
        default=None, description="Makes sending again harmless."
    )


@strawberry.input(description="Many runs, and what changes of all of them or none.")
class UpdateRunsInput:
    run_ids: list[strawberry.ID] = strawberry.field(description="Which; at most 10,000.")
    set_tags: list[TagInput] | None = strawberry.field(default=None, description="Tags to set.")
    delete_tags: list[str] | None = strawberry.field(
        default=None, description="Keys of tags to remove."
    )
    lifecycle: models.Lifecycle | None = strawberry.field(
        default=None, description="DELETED puts them into the trash, ACTIVE takes them out."
    )


@strawberry.type(description="Many runs that were changed.")
class UpdatedRuns:
    count: int = strawberry.field(description="How many there are.")


@strawberry.input(description="Something a client had to drop or that was refused.")
class ProblemInput:
    code: str = strawberry.field(description="The stable code of the error.")
    message: str = strawberry.field(description="What was wrong.")
    time: datetime | None = strawberry.field(default=None, description="When; now when left out.")


@strawberry.input(description="What a writer has to say of a run that went wrong.")
class ReportProblemsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    dropped_points: Int64 | None = strawberry.field(
        default=None, description="Points this writer had to drop so far, in all."
    )
    writer: strawberry.ID = strawberry.field(
        default=strawberry.ID("-"), description="The writer that dropped them."
    )
    problems: list[ProblemInput] | None = strawberry.field(
        default=None, description="What to show on the run."
    )


@strawberry.input(description="Runs that are alive.")
class HeartbeatInput:
    run_ids: list[strawberry.ID] = strawberry.field(description="Their ids; at most 1,000.")


@strawberry.type(description="What became of records of a journal.")
class JournalResult:
    next_record: Int64 | None = strawberry.field(
        description="The next journal record expected of the writer; null without a journal."
    )


def _result(record: int | None) -> JournalResult:
    return JournalResult(next_record=None if record is None else Int64(record))


@strawberry.type(description="That a heartbeat was heard.")
class HeartbeatResult:
    time: datetime = strawberry.field(description="When, by the server's clock.")


@strawberry.type
class RunMutation:
    @strawberry.mutation(
        description="Tag, untag, delete or restore many runs: all of them or, on an error, none."
    )
    async def update_runs(self, info: Info, input: Given[UpdateRunsInput]) -> UpdatedRuns:
        count = await bulk.update(
            info.context.ctx,
            input.run_ids,
            pairs(input.set_tags),
            input.delete_tags or [],
            input.lifecycle,
        )
        return UpdatedRuns(count=count)

    @strawberry.mutation(graphql_type=Run, description="Start a run; it is RUNNING.")
    async def create_run(self, info: Info, input: Given[CreateRunInput]) -> models.Run:
        return await domain.create(
            info.context.ctx,
            domain.NewRun(
                id=input.id,
                experiment_id=input.experiment_id,
                experiment_name=input.experiment_name,
                name=input.name,
                description=input.description or "",
                parent_run_id=input.parent_run_id,
                start_time=input.start_time,
                user=input.user or "",
                source_name=input.source_name or "",
                git_commit=input.git_commit,
                tags=pairs(input.tags),
                params=_specs(input.params),
            ),
        )

    @strawberry.mutation(graphql_type=Run, description="Rename or describe a run.")
    async def update_run(self, info: Info, input: Given[UpdateRunInput]) -> models.Run:
        return await domain.update(info.context.ctx, input.id, input.name, input.description)

    @strawberry.mutation(
        graphql_type=Run, description="Let a run go on: RUNNING again, without an end."
    )
    async def resume_run(self, info: Info, input: Given[ResumeRunInput]) -> models.Run:
        return await domain.resume(info.context.ctx, input.id)

    @strawberry.mutation(graphql_type=Run, description="End a run.")
    async def finish_run(self, info: Info, input: Given[FinishRunInput]) -> models.Run:
        status = models.RunStatus(input.status.name)
        return await domain.finish(info.context.ctx, input.id, status, input.end_time)

    @strawberry.mutation(graphql_type=Run, description="Put a run into the trash.")
    async def delete_run(self, info: Info, input: Given[RunIdInput]) -> models.Run:
        return await domain.set_lifecycle(info.context.ctx, input.id, models.Lifecycle.DELETED)

    @strawberry.mutation(graphql_type=Run, description="Take a run out of the trash.")
    async def restore_run(self, info: Info, input: Given[RunIdInput]) -> models.Run:
        return await domain.set_lifecycle(info.context.ctx, input.id, models.Lifecycle.ACTIVE)

    @strawberry.mutation(
        description=(
            "Log params. PARAM_CONFLICT when one has another value already: nothing is stored"
            " then, or, with a journal, all but that one, and the run shows the problem."
        )
    )
    async def log_params(self, info: Info, input: Given[LogParamsInput]) -> JournalResult:
        given, at = _specs(input.params), position(input.journal)
        return _result(await records.log_params(info.context.ctx, input.run_id, given, at))

    @strawberry.mutation(description="Set tags of a run.")
    async def set_tags(self, info: Info, input: Given[SetTagsInput]) -> JournalResult:
        given, at = pairs(input.tags), position(input.journal)
        return _result(await records.set_tags(info.context.ctx, input.run_id, given, at))

    @strawberry.mutation(description="Remove tags of a run.")
    async def delete_tags(self, info: Info, input: Given[DeleteTagsInput]) -> JournalResult:
        at = position(input.journal)
        return _result(await records.delete_tags(info.context.ctx, input.run_id, input.keys, at))

    @strawberry.mutation(
        graphql_type=Run, description="Show on a run what was dropped or refused on its way."
    )
    async def report_problems(self, info: Info, input: Given[ReportProblemsInput]) -> models.Run:
        ctx = info.context.ctx
        problems = [
            domain.Problem(each.code, each.message, each.time or ctx.now())
            for each in input.problems or ()
        ]
        return await domain.report(ctx, input.run_id, problems, input.dropped_points, input.writer)

    @strawberry.mutation(description="Say that runs are alive; SDKs do so every 10 seconds.")
    async def heartbeat(self, info: Info, input: Given[HeartbeatInput]) -> HeartbeatResult:
        if len(input.run_ids) > 1000:
            raise InvalidInput("runIds names more than 1,000 runs", argument="runIds")
        return HeartbeatResult(time=await domain.beat(info.context.ctx, input.run_ids))
