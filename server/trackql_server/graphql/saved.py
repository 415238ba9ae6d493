"""Saved views: type, queries, mutations."""

from datetime import datetime
from typing import Annotated

import strawberry

from trackql_server import models
from trackql_server.domain import saved as domain
from trackql_server.graphql.context import Info
from trackql_server.graphql.paging import After, Connection, First, Given, connection, page
from trackql_server.graphql.scalars import JSON

ViewRow = strawberry.Parent[models.SavedView]


@strawberry.type(description="How somebody wants to look at runs, under a name.")
class SavedView:
    id: strawberry.ID = strawberry.field(description="Never changes; may stand in a URL.")
    name: str = strawberry.field(description="Need not be unique.")
    description: str = strawberry.field(description="Markdown.")
    state: JSON = strawberry.field(
        description="Filter, columns, order, grouping, charts: whatever the client keeps."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last saved.")

    @strawberry.field(description="The experiment it is of; null for none in particular.")
    @staticmethod
    def experiment_id(root: ViewRow) -> strawberry.ID | None:
        return strawberry.ID(root.experiment_id) if root.experiment_id else None


@strawberry.type
class SavedViewQuery:
    @strawberry.field(
        graphql_type=Connection[SavedView],
        description="Views of an experiment by name, or those of none in particular.",
    )
    async def saved_views(
        self,
        info: Info,
        experiment_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Of this experiment.")
        ] = None,
        first: First = 100,
        after: After = None,
    ) -> Connection[models.SavedView]:
        ctx = info.context.ctx
        paged = await domain.listed(ctx, experiment_id, page(first, after))
        return connection(paged, lambda: domain.count(ctx, experiment_id))

    @strawberry.field(
        graphql_type=SavedView | None, description="One view; null when there is none."
    )
    async def saved_view(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],
    ) -> models.SavedView | None:
        return await domain.get(info.context.ctx, id)


@strawberry.input(description="A view to save.")
class SaveViewInput:
    name: str = strawberry.field(description="What it is called.")
    state: JSON = strawberry.field(description="What is kept; at most 200,000 bytes as JSON.")
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The view that changes; a new one when left out."
    )
    experiment_id: strawberry.ID | None = strawberry.field(
        default=None, description="The experiment it is of; null for none in particular."
    )
    description: str = strawberry.field(default="", description="Markdown.")


@strawberry.input(description="A view.")
class SavedViewIdInput:
    id: strawberry.ID = strawberry.field(description="Which.")


@strawberry.type(description="A view that is gone.")
class DeletedView:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.type
class SavedViewMutation:
    @strawberry.mutation(graphql_type=SavedView, description="Save a view, new or changed.")
    async def save_view(self, info: Info, input: Given[SaveViewInput]) -> models.SavedView:
        return await domain.save(
            info.context.ctx,
            input.id,
            input.name,
            input.experiment_id,
            input.description,
            input.state,
        )

    @strawberry.mutation(description="Forget a view.")
    async def delete_view(self, info: Info, input: Given[SavedViewIdInput]) -> DeletedView:
        await domain.delete(info.context.ctx, input.id)
        return DeletedView(id=input.id)
