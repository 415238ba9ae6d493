"""Removing for good: mutations."""

import strawberry

from trackql_server.domain import purge as domain
from trackql_server.domain.purge import Removed
from trackql_server.graphql.context import Info
from trackql_server.graphql.paging import Given
from trackql_server.graphql.scalars import Int64


@strawberry.input(description="Runs to remove for good.")
class PurgeRunsInput:
    run_ids: list[strawberry.ID] = strawberry.field(
        description="Which; all of them in the trash; at most 1,000."
    )


@strawberry.input(description="Experiments to remove for good.")
class PurgeExperimentsInput:
    ids: list[strawberry.ID] = strawberry.field(
        description="Which; all of them in the trash; at most 100."
    )


@strawberry.type(description="What was removed for good.")
class Purged:
    experiments: int = strawberry.field(description="How many experiments.")
    runs: int = strawberry.field(description="How many runs, those of the experiments too.")
    artifacts: Int64 = strawberry.field(description="How many artifacts of these runs.")
    freed_bytes: Int64 = strawberry.field(
        description="Bytes of artifacts that nobody else has; they are gone from the store."
    )


def _purged(removed: Removed) -> Purged:
    return Purged(
        experiments=removed.experiments,
        runs=removed.runs,
        artifacts=Int64(removed.artifacts),
        freed_bytes=Int64(removed.bytes + removed.upload_bytes),
    )


@strawberry.type
class PurgeMutation:
    @strawberry.mutation(
        description=(
            "Remove runs of the trash for good, with all they left behind. INVALID_INPUT, and none"
            " is removed, when one is in use."
        )
    )
    async def purge_runs(self, info: Info, input: Given[PurgeRunsInput]) -> Purged:
        return _purged(await domain.runs(info.context.ctx, input.run_ids))

    @strawberry.mutation(
        description=(
            "Remove experiments of the trash for good, with all their runs, deleted or not."
            " INVALID_INPUT, and none is removed, when one is in use."
        )
    )
    async def purge_experiments(self, info: Info, input: Given[PurgeExperimentsInput]) -> Purged:
        return _purged(await domain.experiments(info.context.ctx, input.ids))
