"""What is asked of running scripts: types, mutations, what scripts listen to."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any

import strawberry

from trackql_server import models
from trackql_server.domain import requests as domain
from trackql_server.domain.live_params import ParamType, Spec
from trackql_server.errors import InvalidInput
from trackql_server.graphql.context import Info
from trackql_server.graphql.enums import row_enum
from trackql_server.graphql.paging import After, Connection, First, Given, connection, page
from trackql_server.graphql.scalars import JSON, MetricValue

RunRow = strawberry.Parent[models.Run]
RequestRow = strawberry.Parent[models.RunRequest]
ParamRow = strawberry.Parent[models.LiveParam]

RequestKind = row_enum(
    models.RequestKind,
    "What is asked of a running script.",
    called="RunRequestKind",
    STOP="To stop when it suits it.",
    SET_PARAM="To go on with another value of a live parameter.",
)
LiveParamType = row_enum(
    ParamType,
    "What values a live parameter takes.",
    called="LiveParamType",
    NUMBER="Numbers.",
    INTEGER="Whole numbers.",
    FLAG="True and false.",
    TEXT="Texts.",
    CHOICE="One of a few texts, numbers or flags.",
)


@strawberry.type(description="Something that was asked of a run's script.")
class RunRequest:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    kind: models.RequestKind = strawberry.field(description="What is asked.")
    value: JSON | None = strawberry.field(description="The value that is asked for, if one is.")
    reason: str = strawberry.field(description="Why, in the words of who asked.")
    asked_by: str = strawberry.field(description="Who asked.")
    asked_at: datetime = strawberry.field(description="When.")
    seen_at: datetime | None = strawberry.field(
        description="When a script first saw it; null before."
    )
    open: bool = strawberry.field(
        description=(
            "Whether it holds: no later request took its place, and after one to stop the run was"
            " not taken up again."
        )
    )

    @strawberry.field(description="Never changes.")
    @staticmethod
    def id(root: RequestRow) -> strawberry.ID:
        return strawberry.ID(str(root.number))

    @strawberry.field(description="The live parameter that is meant, if one is.")
    @staticmethod
    def key(root: RequestRow) -> str | None:
        return root.key or None


@strawberry.type(description="A parameter that a running script reads again and again.")
class LiveParam:
    key: str = strawberry.field(description="Its name.")
    value: JSON = strawberry.field(
        description="The value asked for last, or the one it was declared with."
    )
    updated_at: datetime = strawberry.field(description="When it was last declared or asked for.")

    @strawberry.field(description="What values it takes.")
    @staticmethod
    def type(root: ParamRow) -> ParamType:
        return ParamType(root.spec["type"])

    @strawberry.field(description="The least value it takes, if there is one.")
    @staticmethod
    def min(root: ParamRow) -> MetricValue | None:
        return _bound(root.spec.get("min"))

    @strawberry.field(description="The greatest value it takes, if there is one.")
    @staticmethod
    def max(root: ParamRow) -> MetricValue | None:
        return _bound(root.spec.get("max"))

    @strawberry.field(description="The values it takes, for the type CHOICE.")
    @staticmethod
    def choices(root: ParamRow) -> list[JSON] | None:
        found: list[JSON] | None = root.spec.get("choices")
        return found


def _bound(given: float | None) -> MetricValue | None:
    return None if given is None else MetricValue(given)


@strawberry.type
class RunListening:
    @strawberry.field(
        graphql_type=Connection[RunRequest],
        description="All that was asked of its script, newest first.",
    )
    @staticmethod
    async def requests(
        root: RunRow, info: Info, first: First = 50, after: After = None
    ) -> Connection[models.RunRequest]:
        ctx, number = info.context.ctx, root.number
        paged = await domain.listed(ctx, number, page(first, after))
        return connection(paged, lambda: domain.count(ctx, number))

    @strawberry.field(
        graphql_type=list[LiveParam],
        description="Parameters that its script reads again and again, by key.",
    )
    @staticmethod
    async def live_params(root: RunRow, info: Info) -> list[models.LiveParam]:
        return await info.context.own(domain.params).load(root.number)

    @strawberry.field(description="Whether its script is asked to stop.")
    @staticmethod
    async def stop_requested(root: RunRow, info: Info) -> bool:
        return await info.context.own(domain.stop_requested).load(root.id)


Runs = Annotated[
    list[strawberry.ID], strawberry.argument(description="Of these runs; at most 1,000.")
]


@strawberry.type
class RequestQuery:
    @strawberry.field(
        graphql_type=list[RunRequest],
        description=(
            "What holds of all that was asked of runs, oldest first: for scripts that listen. Say"
            " what was seen with seeRequests."
        ),
    )
    async def open_requests(self, info: Info, run_ids: Runs) -> list[models.RunRequest]:
        return await domain.holding(info.context.ctx, list(dict.fromkeys(run_ids)))


@strawberry.input(description="Runs whose scripts are asked to stop.")
class RequestStopInput:
    run_ids: list[strawberry.ID] = strawberry.field(description="Which; at most 10,000.")
    reason: str = strawberry.field(
        default="", description="Why; at most 10,000 characters, shown to the script."
    )


@strawberry.type(description="What was asked of runs.")
class StopsRequested:
    requests: list[RunRequest] = strawberry.field(description="One for each run that was asked.")
    ended: list[strawberry.ID] = strawberry.field(
        description="Runs that could not be asked, because they have ended."
    )


@strawberry.input(description="Another value of a live parameter.")
class SetLiveParamInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    key: str = strawberry.field(description="The parameter; its script declared it.")
    value: JSON = strawberry.field(description="The value; it has to fit what was declared.")


@strawberry.input(description="A parameter that a script reads again and again.")
class LiveParamInput:
    key: str = strawberry.field(description="Its name; 1 to 500 characters.")
    type: ParamType = strawberry.field(description="What values it takes.")
    value: JSON = strawberry.field(description="The value that the script begins with.")
    min: MetricValue | None = strawberry.field(
        default=None, description="The least value it takes; of numbers and integers."
    )
    max: MetricValue | None = strawberry.field(
        default=None, description="The greatest value it takes; of numbers and integers."
    )
    choices: list[JSON] | None = strawberry.field(
        default=None, description="1 to 100 texts, numbers or flags, for the type CHOICE."
    )


@strawberry.input(description="Parameters that a script reads again and again.")
class DeclareLiveParamsInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    params: list[LiveParamInput] = strawberry.field(
        description="The parameters; a run may have 100. Declared again, nothing changes."
    )


@strawberry.type(description="What a script reads again and again.")
class DeclaredLiveParams:
    params: list[LiveParam] = strawberry.field(description="All that it declared so far, by key.")


@strawberry.input(description="Requests that a script saw.")
class SeeRequestsInput:
    ids: list[strawberry.ID] = strawberry.field(description="Which; at most 10,000.")


@strawberry.type(description="Requests that were seen.")
class SeenRequests:
    count: int = strawberry.field(description="How many no script had seen before.")


@strawberry.type
class RequestMutation:
    @strawberry.mutation(
        description=(
            "Ask the scripts of running runs to stop. They do when it suits them, if they listen."
            " Of several runs those that have ended are passed over; RUN_ENDED when all have."
        )
    )
    async def request_stop(self, info: Info, input: Given[RequestStopInput]) -> StopsRequested:
        asked = await domain.request_stop(info.context.ctx, input.run_ids, input.reason)
        return StopsRequested(
            requests=asked.requests,  # type: ignore[arg-type]
            ended=[strawberry.ID(each) for each in asked.ended],
        )

    @strawberry.mutation(
        graphql_type=RunRequest,
        description="Ask a running script for another value of a live parameter.",
    )
    async def set_live_param(
        self, info: Info, input: Given[SetLiveParamInput]
    ) -> models.RunRequest:
        return await domain.set_param(info.context.ctx, input.run_id, input.key, input.value)

    @strawberry.mutation(description="Tell which parameters a script reads again and again.")
    async def declare_live_params(
        self, info: Info, input: Given[DeclareLiveParamsInput]
    ) -> DeclaredLiveParams:
        given = [
            Spec(each.key, each.type, each.value, each.min, each.max, each.choices)
            for each in input.params
        ]
        params = await domain.declare(info.context.ctx, input.run_id, given)
        return DeclaredLiveParams(params=params)  # type: ignore[arg-type]

    @strawberry.mutation(description="Say that a script saw requests; again is harmless.")
    async def see_requests(self, info: Info, input: Given[SeeRequestsInput]) -> SeenRequests:
        numbers = [_number(each) for each in input.ids]
        return SeenRequests(count=await domain.see(info.context.ctx, numbers))


@strawberry.type
class RequestSubscription:
    @strawberry.subscription(
        graphql_type=AsyncGenerator[list[RunRequest], None],
        description=(
            "What is asked of these runs: first all that holds, then each request as it is made"
            " and again as a script sees it."
        ),
    )
    async def run_requests(self, info: Info, run_ids: Runs) -> AsyncGenerator[Any, None]:
        if len(run_ids) > domain.LISTENED:
            raise InvalidInput("runIds names more than 1,000 runs", argument="runIds")
        events = domain.follow(info.context.ctx, list(dict.fromkeys(run_ids)))
        async with aclosing(events):
            async for requests in events:
                yield requests


def _number(given: str) -> int:
    if not given.isascii() or not given.isdigit() or int(given) >= 2**63:
        raise InvalidInput(f"ids: {given!r:.50} is the id of no request", argument="ids")
    return int(given)
