"""Experiments: type, queries, mutations."""

from datetime import datetime
from typing import Annotated

import strawberry

from trackql_server import models
from trackql_server.domain import experiments as domain
from trackql_server.domain import facets
from trackql_server.domain.search import Question, Where
from trackql_server.graphql.context import Info
from trackql_server.graphql.listing import (
    FilterText,
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
from trackql_server.graphql.paging import (
    After,
    Connection,
    First,
    Given,
    KeyConnection,
    Keys,
    Paged,
    Search,
    connection,
    page,
    page_info,
)


@strawberry.type(description="A label of a run or an experiment; the last value set stands.")
class Tag:
    key: str = strawberry.field(description="What it labels.")
    value: str = strawberry.field(description="The label.")


@strawberry.input(description="A tag to set.")
class TagInput:
    key: str = strawberry.field(description="What it labels; 1 to 500 characters.")
    value: str = strawberry.field(description="The label; at most 65,536 characters.")


def pairs(tags: list[TagInput] | None) -> list[tuple[str, str]]:
    """Tags as the domain takes them."""
    return [(tag.key, tag.value) for tag in tags or ()]


@strawberry.type(description="A named group of runs. A `/` in its name makes folders.")
class Experiment:
    id: strawberry.ID = strawberry.field(description="Never changes.")
    name: str = strawberry.field(
        description="Unique among experiments in use; a deleted one's name is free again."
    )
    description: str = strawberry.field(description="Markdown.")
    lifecycle: models.Lifecycle = strawberry.field(description="In use or in the trash.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(
        description="When its name, description, tags or lifecycle last changed."
    )
    trashed_at: datetime | None = strawberry.field(
        description="When it was put into the trash; 1970 while it is being removed for good."
    )

    @strawberry.field(graphql_type=Connection[Tag], description="Its tags, by key.")
    @staticmethod
    async def tags(
        root: strawberry.Parent[models.Experiment],
        info: Info,
        keys: Keys = None,
        first: First = 100,
        after: After = None,
    ) -> Connection[models.ExperimentTag]:
        asked = page(first, after)
        found = [
            tag
            for tag in await info.context.experiment_tags.load(root.id)
            if (keys is None or tag.key in keys) and (after is None or tag.key > after)
        ]
        shown = found[: asked.first]

        async def count() -> int:
            return len(found)

        paged = Paged(shown, [t.key for t in shown], len(found) > len(shown), after is not None)
        return connection(paged, count)

    @strawberry.field(graphql_type=RunConnection, description="Its runs.")
    @staticmethod
    async def runs(
        root: strawberry.Parent[models.Experiment],
        info: Info,
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
        which = chosen([root.id], None, lifecycle, filter, where, search, statuses)
        question = Question(which, orders(order_by), tree)
        return await listed(info, question, first, after)  # type: ignore[no-any-return]

    @strawberry.field(description="How many runs it has, deleted ones left out.")
    @staticmethod
    async def run_count(root: strawberry.Parent[models.Experiment], info: Info) -> int:
        return await info.context.run_counts.load((root.id, False))

    @strawberry.field(description="How many of its runs are running and heard of.")
    @staticmethod
    async def active_run_count(root: strawberry.Parent[models.Experiment], info: Info) -> int:
        return await info.context.run_counts.load((root.id, True))

    @strawberry.field(description="Keys of metrics that its runs log.")
    @staticmethod
    async def metric_keys(
        root: strawberry.Parent[models.Experiment],
        info: Info,
        search: Search = None,
        first: First = 100,
        after: After = None,
    ) -> KeyConnection:
        return await _keys(info, root.id, "metric", search, first, after)

    @strawberry.field(description="Keys of params that its runs log.")
    @staticmethod
    async def param_keys(
        root: strawberry.Parent[models.Experiment],
        info: Info,
        search: Search = None,
        first: First = 100,
        after: After = None,
    ) -> KeyConnection:
        return await _keys(info, root.id, "param", search, first, after)

    @strawberry.field(description="Keys of tags that its runs carry.")
    @staticmethod
    async def tag_keys(
        root: strawberry.Parent[models.Experiment],
        info: Info,
        search: Search = None,
        first: First = 100,
        after: After = None,
    ) -> KeyConnection:
        return await _keys(info, root.id, "tag", search, first, after)


async def _keys(
    info: Info, experiment_id: str, kind: str, search: str | None, first: int, after: str | None
) -> KeyConnection:
    where, of = Where([experiment_id]), models.LabelKind(kind)
    found = await facets.keys(info.context.ctx, where, of, "", search, page(first, after))
    return KeyConnection(nodes=list(found.rows), page_info=page_info(found))


@strawberry.type
class ExperimentQuery:
    @strawberry.field(graphql_type=Connection[Experiment], description="Experiments, by name.")
    async def experiments(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        search: Search = None,
        lifecycle: Lifecycles = LifecycleFilter.ACTIVE,
    ) -> Connection[models.Experiment]:
        ctx, state = info.context.ctx, lifecycle.lifecycle
        paged = await domain.search(ctx, page(first, after), search, state)
        return connection(paged, lambda: domain.count(ctx, search, state))

    @strawberry.field(
        graphql_type=Experiment | None,
        description=(
            "One experiment by id or by name; null when there is none. Of those with the name the"
            " one in use, or else the one deleted last."
        ),
    )
    async def experiment(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,
        name: Annotated[str | None, strawberry.argument(description="Its name.")] = None,
    ) -> models.Experiment | None:
        return await domain.get(info.context.ctx, experiment_id=id, name=name)


@strawberry.input(description="A new experiment.")
class CreateExperimentInput:
    name: str = strawberry.field(
        description="Unique among experiments in use; a `/` makes folders."
    )
    description: str | None = strawberry.field(default=None, description="Markdown.")
    tags: list[TagInput] | None = strawberry.field(default=None, description="Its first tags.")


@strawberry.input(description="What changes of an experiment; what is left out stays.")
class UpdateExperimentInput:
    id: strawberry.ID = strawberry.field(description="Which experiment.")
    name: str | None = strawberry.field(default=None, description="Its new name.")
    description: str | None = strawberry.field(default=None, description="Markdown.")


@strawberry.input(description="Tags to set on an experiment; others stay.")
class SetExperimentTagsInput:
    id: strawberry.ID = strawberry.field(description="Which experiment.")
    tags: list[TagInput] = strawberry.field(description="The tags.")


@strawberry.input(description="An experiment to delete.")
class ExperimentIdInput:
    id: strawberry.ID = strawberry.field(description="Which experiment.")


@strawberry.input(description="An experiment to take out of the trash.")
class RestoreExperimentInput:
    id: strawberry.ID = strawberry.field(description="Which experiment.")
    new_name: str | None = strawberry.field(
        default=None, description="Its name from now on; where its own is taken by now."
    )


@strawberry.type
class ExperimentMutation:
    @strawberry.mutation(
        graphql_type=Experiment,
        description="Make an experiment. ALREADY_EXISTS when the name is taken.",
    )
    async def create_experiment(
        self, info: Info, input: Given[CreateExperimentInput]
    ) -> models.Experiment:
        return await domain.create(
            info.context.ctx, input.name, input.description or "", pairs(input.tags)
        )

    @strawberry.mutation(graphql_type=Experiment, description="Rename or describe an experiment.")
    async def update_experiment(
        self, info: Info, input: Given[UpdateExperimentInput]
    ) -> models.Experiment:
        return await domain.update(info.context.ctx, input.id, input.name, input.description)

    @strawberry.mutation(graphql_type=Experiment, description="Set tags of an experiment.")
    async def set_experiment_tags(
        self, info: Info, input: Given[SetExperimentTagsInput]
    ) -> models.Experiment:
        return await domain.set_tags(info.context.ctx, input.id, pairs(input.tags))

    @strawberry.mutation(
        graphql_type=Experiment,
        description="Put an experiment into the trash; its name is free at once.",
    )
    async def delete_experiment(
        self, info: Info, input: Given[ExperimentIdInput]
    ) -> models.Experiment:
        return await domain.delete(info.context.ctx, input.id)

    @strawberry.mutation(
        graphql_type=Experiment,
        description="Take one out of the trash. ALREADY_EXISTS when its name is taken by now.",
    )
    async def restore_experiment(
        self, info: Info, input: Given[RestoreExperimentInput]
    ) -> models.Experiment:
        return await domain.restore(info.context.ctx, input.id, input.new_name)
