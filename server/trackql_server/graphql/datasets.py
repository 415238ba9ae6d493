"""Datasets: types, queries, logging them as inputs of a run."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from trackql_server import models
from trackql_server.domain import datasets as domain
from trackql_server.domain.datasets import Identity, NewInput, Used, identity
from trackql_server.graphql.context import Info
from trackql_server.graphql.experiments import Tag, TagInput, pairs
from trackql_server.graphql.listing import ExperimentIds, RunConnection
from trackql_server.graphql.paging import (
    After,
    Connection,
    First,
    Given,
    Search,
    connection,
    page,
)

DatasetRow = strawberry.Parent[models.Dataset]
UsedRow = strawberry.Parent[Used]
RunRow = strawberry.Parent[models.Run]


@strawberry.type(description="What runs of an experiment read, known by its name and digest.")
class Dataset:
    experiment_id: strawberry.ID = strawberry.field(description="The experiment it is known in.")
    name: str = strawberry.field(description="What it is called.")
    digest: str = strawberry.field(description="Tells its content from another's.")
    source_type: str = strawberry.field(
        description="What kind of place it comes from, like `local`, `http`, `s3` or `code`."
    )
    source: str = strawberry.field(description="Where it comes from: JSON, as a rule, as given.")
    created_at: datetime = strawberry.field(description="When a run first used it.")

    @strawberry.field(description="Its columns or tensors: JSON, as a rule, as given.")
    @staticmethod
    async def schema(root: DatasetRow, info: Info) -> str | None:
        return (await info.context.own(domain.texts).load(identity(root)))[0]

    @strawberry.field(description="Its size and the like: JSON, as a rule, as given.")
    @staticmethod
    async def profile(root: DatasetRow, info: Info) -> str | None:
        return (await info.context.own(domain.texts).load(identity(root)))[1]

    @strawberry.field(description="How many runs used it, deleted ones left out.")
    @staticmethod
    async def run_count(root: DatasetRow, info: Info) -> int:
        return await info.context.own(domain.run_counts).load(identity(root))

    @strawberry.field(graphql_type=RunConnection, description="Runs that used it, newest first.")
    @staticmethod
    async def runs(
        root: DatasetRow, info: Info, first: First = 50, after: After = None
    ) -> Connection[models.Run]:
        ctx, which = info.context.ctx, identity(root)
        paged = await domain.users(ctx, which, page(first, after))

        async def count() -> int:
            return (await domain.run_counts(ctx, [which]))[which]

        return connection(paged, count)


@strawberry.type(description="That a run used a dataset, and what for.")
class DatasetInput:
    @strawberry.field(graphql_type=Dataset, description="The dataset.")
    @staticmethod
    def dataset(root: UsedRow) -> Any:
        return root.dataset

    @strawberry.field(description="What for, like `training` or `eval`; empty if not told.")
    @staticmethod
    def context(root: UsedRow) -> str:
        return root.input.context

    @strawberry.field(description="What the run noted of this use, by key.")
    @staticmethod
    def tags(root: UsedRow) -> list[Tag]:
        return [Tag(key=key, value=value) for key, value in sorted((root.input.tags or {}).items())]


@strawberry.type
class RunDatasets:
    @strawberry.field(
        graphql_type=list[DatasetInput],
        description="Datasets that it used, in the order in which they were logged.",
    )
    @staticmethod
    async def datasets(root: RunRow, info: Info) -> list[Used]:
        return await info.context.own(domain.of_runs).load(root.number)


@strawberry.type
class DatasetQuery:
    @strawberry.field(
        graphql_type=Connection[Dataset],
        description="Datasets of experiments, by name and digest.",
    )
    async def datasets(
        self,
        info: Info,
        experiment_ids: ExperimentIds = None,
        search: Search = None,
        first: First = 100,
        after: After = None,
    ) -> Connection[models.Dataset]:
        ctx = info.context.ctx
        paged = await domain.listed(ctx, experiment_ids, search, page(first, after))
        return connection(paged, lambda: domain.count(ctx, experiment_ids, search))

    @strawberry.field(
        graphql_type=Dataset | None, description="One dataset; null when there is none."
    )
    async def dataset(
        self,
        info: Info,
        experiment_id: Annotated[
            strawberry.ID, strawberry.argument(description="The experiment it is known in.")
        ],
        name: Annotated[str, strawberry.argument(description="What it is called.")],
        digest: Annotated[str, strawberry.argument(description="Its digest.")],
    ) -> models.Dataset | None:
        which: Identity = (experiment_id, name, digest)
        return await domain.get(info.context.ctx, which)


@strawberry.input(description="A dataset that a run used.")
class DatasetInputInput:
    name: str = strawberry.field(description="What it is called; 1 to 500 characters.")
    digest: str = strawberry.field(
        description="Tells its content from another's; 1 to 64 characters."
    )
    source_type: str = strawberry.field(
        default="", description="What kind of place it comes from; at most 500 characters."
    )
    source: str = strawberry.field(
        default="", description="Where it comes from; at most 65,535 characters."
    )
    schema: str | None = strawberry.field(
        default=None, description="Its columns or tensors; at most 1,048,575 characters."
    )
    profile: str | None = strawberry.field(
        default=None, description="Its size and the like; at most 16,777,215 characters."
    )
    context: str = strawberry.field(default="", description="What for, like `training`.")
    tags: list[TagInput] | None = strawberry.field(
        default=None, description="What to note of this use; values of at most 500 characters."
    )


@strawberry.input(description="Datasets that a run used; logged again, nothing changes.")
class LogInputsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    datasets: list[DatasetInputInput] = strawberry.field(description="At most 100 at once.")


@strawberry.type(description="What a run used.")
class LoggedInputs:
    datasets: list[DatasetInput] = strawberry.field(description="All that it used so far.")


@strawberry.type
class DatasetMutation:
    @strawberry.mutation(
        description=(
            "Note datasets that a run used. Of a dataset known in the experiment the first facts"
            " stay; the same dataset in the same context is noted once."
        )
    )
    async def log_inputs(self, info: Info, input: Given[LogInputsInput]) -> LoggedInputs:
        given = [
            NewInput(
                each.name,
                each.digest,
                each.source_type,
                each.source,
                each.schema,
                each.profile,
                each.context,
                dict(pairs(each.tags)),
            )
            for each in input.datasets
        ]
        used = await domain.log(info.context.ctx, input.run_id, given)
        return LoggedInputs(datasets=used)  # type: ignore[arg-type]
