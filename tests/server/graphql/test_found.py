"""A search that is followed: its page, then whatever of it changes, by either transport."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.client import GraphQL
from tests.server.graphql.sample import listening
from trackql_server.domain import found, runs
from trackql_server.domain.context import Services
from trackql_server.domain.search import Question, Where
from trackql_server.filters.parse import parse

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id } }"
APPEND = "mutation($input: AppendMetricsInput!) { appendMetrics(input: $input) { nextRecord } }"
RENAME = "mutation($input: UpdateRunInput!) { updateRun(input: $input) { id } }"
UPDATE = "mutation($input: UpdateRunsInput!) { updateRuns(input: $input) { count } }"
FOLLOW = """subscription { runsFound(%s) {
  ids entered { id name } changed { id name tags { nodes { key } } } left hasNextPage } }"""
BY_LOSS = 'filter: "metrics.loss < 10", orderBy: [{by: "metrics.loss"}], first: 3'

Events = AsyncIterator[dict[str, Any]]
Follow = Callable[[str], AbstractAsyncContextManager[Events]]


@asynccontextmanager
async def over_websocket(address: str, document: str) -> AsyncIterator[Events]:
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(f"ws://{address}/graphql", subprotocols=[protocol], proxy=None) as socket:
        await socket.send('{"type": "connection_init"}')
        payload = {"query": document}
        message = {"type": "subscribe", "id": "1", "payload": payload}
        await socket.send(orjson.dumps(message).decode())

        async def events() -> Events:
            async for text in socket:
                message = orjson.loads(text)
                if message["type"] == "next":
                    yield message["payload"]
                elif message["type"] == "error":
                    yield {"errors": message["payload"]}

        yield events()


@asynccontextmanager
async def over_sse(address: str, document: str) -> AsyncIterator[Events]:
    async with (
        httpx.AsyncClient() as client,
        client.stream(
            "POST",
            f"http://{address}/graphql",
            json={"query": document},
            headers={"Accept": "text/event-stream"},
        ) as response,
    ):

        async def events() -> Events:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    yield orjson.loads(line.removeprefix("data: "))

        yield events()


@pytest.fixture(params=[over_websocket, over_sse], ids=["websocket", "sse"])
async def follow(
    request: pytest.FixtureRequest, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Follow]:
    """Subscribes to `runsFound` with some arguments."""
    monkeypatch.setattr(found, "PAUSE", 0.01)
    async with listening(app) as address:
        yield lambda arguments: request.param(address, FOLLOW % arguments)


async def following(events: Events) -> dict[str, Any]:
    """The next event."""
    async with asyncio.timeout(20):
        message = await anext(events)
    assert "errors" not in message, message
    event: dict[str, Any] = message["data"]["runsFound"]
    return event


def named(event: dict[str, Any], part: str) -> list[str]:
    return sorted(run["name"] for run in event[part])


async def made(graphql: GraphQL, name: str, loss: float | None = None, **given: Any) -> str:
    run = {"experimentName": "e", "name": name} | given
    run_id = str((await graphql(CREATE, input=run))["createRun"]["id"])
    if loss is not None:
        await logged(graphql, run_id, loss)
    return run_id


async def logged(graphql: GraphQL, run_id: str, loss: float, step: int = 0) -> None:
    table = {"keys": ["loss"], "steps": [step], "times": [step], "values": [loss]}
    await graphql(APPEND, input={"runId": run_id, "tables": [table]})


async def test_a_page_is_kept_up_to_date(graphql: GraphQL, follow: Follow) -> None:
    a, b, c = [await made(graphql, name, loss) for name, loss in (("a", 3), ("b", 1), ("c", 2))]
    async with follow(BY_LOSS) as events:
        event = await following(events)
        assert event == {
            "ids": [b, c, a],
            "entered": [{"id": b, "name": "b"}, {"id": c, "name": "c"}, {"id": a, "name": "a"}],
            "changed": [], "left": [], "hasNextPage": False,
        }  # fmt: skip
        # A new run enters, and the last one has no place any more.
        d = await made(graphql, "d", 1.5)
        event = await following(events)
        assert (event["ids"], event["left"], event["hasNextPage"]) == ([b, d, c], [a], True)
        assert (named(event, "entered"), named(event, "changed")) == (["d"], [])
        # A metric moves a run. That the new one was made, then logged to, may still be told.
        await logged(graphql, c, 0.5, step=1)
        event = await following(events)
        while event["ids"] == [b, d, c]:
            assert named(event, "changed") == ["d"]
            event = await following(events)
        assert (event["ids"], event["left"], event["entered"]) == ([c, b, d], [], [])
        assert {"c"} <= set(named(event, "changed")) <= {"c", "d"}
        # One that changes stays where it is.
        await graphql(RENAME, input={"id": b, "name": "b2"})
        event = await following(events)
        assert (event["ids"], named(event, "changed")) == ([c, b, d], ["b2"])
        # A deleted run leaves, and so does one that the filter no longer finds.
        await graphql(UPDATE, input={"runIds": [c], "lifecycle": "DELETED"})
        event = await following(events)
        assert (event["ids"], event["left"], event["hasNextPage"]) == ([b, d, a], [c], False)
        await logged(graphql, d, 99, step=1)
        event = await following(events)
        assert (event["ids"], event["left"]) == ([b, a], [d])
        await graphql(UPDATE, input={"runIds": [c], "lifecycle": "ACTIVE"})
        event = await following(events)
        assert (event["ids"], named(event, "entered")) == ([c, b, a], ["c"])


async def test_nothing_is_told_where_nothing_on_the_page_changes(
    graphql: GraphQL, follow: Follow
) -> None:
    ids = [
        await made(graphql, name, loss) for name, loss in (("a", 1), ("b", 2), ("c", 3), ("d", 4))
    ]
    async with follow(BY_LOSS) as events:
        assert (await following(events))["ids"] == ids[:3]
        for change in range(3):
            await made(graphql, "not found")
            await made(graphql, "behind", 5 + change)
            await graphql(RENAME, input={"id": ids[3], "name": f"d{change}"})
            await logged(graphql, ids[3], 4.5, step=change + 1)
            await asyncio.sleep(0.1)  # more than an event takes, which would be heard next
        tag = {"key": "t", "value": "1"}
        await graphql(UPDATE, input={"runIds": ids[:1], "setTags": [tag]})
        event = await following(events)
        assert event == {
            "ids": ids[:3], "entered": [], "left": [], "hasNextPage": True,
            "changed": [{"id": ids[0], "name": "a", "tags": {"nodes": [{"key": "t"}]}}],
        }  # fmt: skip


async def test_an_empty_page_fills_in_order(graphql: GraphQL, follow: Follow) -> None:
    where = 'folder: "e", filter: "tags.t = \'x\'", orderBy: [{field: NAME, direction: ASC}]'
    async with follow(where) as events:
        event = await following(events)
        assert event == {
            "ids": [], "entered": [], "changed": [], "left": [], "hasNextPage": False,
        }  # fmt: skip
        tags = [{"key": "t", "value": "x"}]
        b = await made(graphql, "b", tags=tags)
        assert (await following(events))["ids"] == [b]
        await made(graphql, "elsewhere", tags=tags, experimentName="f")
        a = await made(graphql, "a", tags=tags, experimentName="e/inner")
        event = await following(events)
        assert (event["ids"], named(event, "entered")) == ([a, b], ["a"])
        await graphql(UPDATE, input={"runIds": [a, b], "deleteTags": ["t"]})
        left: list[str] = []
        while len(left) < 2:
            left += (await following(events))["left"]
        assert sorted(left) == sorted([a, b])


async def test_trees_are_followed_too(
    graphql: GraphQL, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "AGAIN", 0.05)
    parent = await made(graphql, "parent")
    async with follow("filter: \"name = 'child'\", tree: true") as events:
        assert (await following(events))["ids"] == []
        await made(graphql, "child", parentRunId=parent)
        assert (await following(events))["ids"] == [parent]


async def test_a_run_that_falls_silent_changes_the_page(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no experiment is named, and in one that was made later."""
    monkeypatch.setattr(found, "PAUSE", 0.01)
    now = datetime(2026, 11, 1, tzinfo=UTC)
    services = await Services.open(database_url, clock=lambda: now)
    ctx, node = services.context(), parse("name = 'new' OR status = 'STALLED'")
    try:
        old = await runs.create(ctx, runs.NewRun(name="old"))
        follow = found.follow(ctx, Question(Where(node=node)), 10)
        async with aclosing(follow) as events, asyncio.timeout(20):
            assert (await anext(events)).ids == []
            new = await runs.create(ctx, runs.NewRun(experiment_name="later", name="new"))
            assert (await anext(events)).ids == [new.id]
            now += timedelta(minutes=2)
            await services.stalls.look()
            event = await anext(events)
            assert {run.id for run in (*event.entered, *event.changed)} == {old.id, new.id}
    finally:
        await services.close()


async def test_changes_at_once_come_as_one(
    graphql: GraphQL, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "PAUSE", 0.5)
    run_id = await made(graphql, "a", 5)
    async with follow(BY_LOSS) as events:
        await following(events)
        for step in range(1, 21):
            await logged(graphql, run_id, 5 - step / 10, step)
        heard = 0
        while (await metric(graphql, run_id)) > 3 or not heard:
            heard += bool(await following(events))
        assert heard < 20


async def metric(graphql: GraphQL, run_id: str) -> float:
    run = await graphql(
        "query($id: ID!) { run(id: $id) { metrics { nodes { last { value } } } } }", id=run_id
    )
    return float(run["run"]["metrics"]["nodes"][0]["last"]["value"])


async def test_what_can_not_be_followed_is_refused(follow: Follow) -> None:
    cases: list[tuple[str, dict[str, Any]]] = [
        ('filter: "user = "', {"code": "INVALID_FILTER", "argument": "filter", "position": 7}),
        ('orderBy: [{by: "x y"}]', {"code": "INVALID_FILTER", "argument": "orderBy[0]"}),
        (
            'where: {metric: {key: "", lt: 1}}',
            {"code": "INVALID_FILTER", "argument": "where.metric.key"},
        ),
        ("first: 0", {"code": "INVALID_INPUT", "argument": "first"}),
        ("first: 501", {"code": "INVALID_INPUT", "argument": "first"}),
        ('folder: "e", experimentIds: ["0"]', {"code": "INVALID_INPUT", "argument": "folder"}),
    ]
    for arguments, extensions in cases:
        async with follow(arguments) as events, asyncio.timeout(20):
            [error] = (await anext(events))["errors"]
        told = error["extensions"]
        assert {name: told.get(name) for name in extensions} == extensions
