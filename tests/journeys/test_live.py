"""A subscriber on a real WebSocket, through a killed and restarted server: each point once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from scripts.process import Server
from tests.client import GraphQL

CREATE = "mutation { createRun(input: {}) { id } }"
APPEND = "mutation($input: AppendMetricsInput!) { appendMetrics(input: $input) { nextRecord } }"
FOLLOW = """subscription($ids: [ID!]!, $after: [MetricCursor!]) {
  metricsLogged(runIds: $ids, after: $after) {
    series { runId key offset nextOffset values reduced } } }"""
POINTS = 300


@asynccontextmanager
async def subscribed(url: str, **variables: Any) -> AsyncIterator[AsyncIterator[Any]]:
    """The data of the events of FOLLOW."""
    address = url.replace("http", "ws") + "/graphql"
    async with connect(
        address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None
    ) as socket:
        await socket.send('{"type": "connection_init"}')
        assert orjson.loads(await socket.recv())["type"] == "connection_ack"
        payload = {"query": FOLLOW, "variables": variables}
        await socket.send(
            orjson.dumps({"type": "subscribe", "id": "1", "payload": payload}).decode()
        )

        async def events() -> AsyncIterator[Any]:
            async for text in socket:
                message = orjson.loads(text)
                if message["type"] == "complete":
                    return
                assert message["type"] == "next", message
                yield message["payload"]["data"]["metricsLogged"]["series"]

        yield events()


async def follow(url: str, run_id: str, heard: dict[str, list[float]]) -> None:
    """Until all points of both series were heard, connecting again whenever the line is cut."""
    while any(len(values) < POINTS for values in heard.values()):
        after = [{"runId": run_id, "key": key, "offset": len(heard[key])} for key in heard]
        known = [each for each in after if each["offset"]]
        try:
            async with subscribed(url, ids=[run_id], after=known) as events:
                async for series in events:
                    for delta in series:
                        assert delta["offset"] == len(heard[delta["key"]])
                        assert not delta["reduced"]
                        heard[delta["key"]] += delta["values"]
                        assert delta["nextOffset"] == len(heard[delta["key"]])
                    if all(len(values) == POINTS for values in heard.values()):
                        return
        except (OSError, WebSocketException):
            await asyncio.sleep(0.05)


async def log(url: str, run_id: str) -> None:
    """As an SDK does: one batch in flight, sent again until the server says that it has it."""
    stored = 0
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        while stored < POINTS:
            steps = list(range(stored, min(stored + 3, POINTS)))
            table = {
                "keys": ["a", "b"],
                "steps": steps,
                "times": steps,
                "values": [step for step in steps for _ in "ab"],
            }
            journal = {"writer": "w", "first": stored, "count": len(steps)}
            given = {"runId": run_id, "tables": [table], "journal": journal}
            try:
                answer = await GraphQL(http)(APPEND, input=given)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            stored = answer["appendMetrics"]["nextRecord"]
            await asyncio.sleep(0.005)


async def test_a_subscriber_through_a_restart(any_server: Server) -> None:
    async with httpx.AsyncClient(base_url=any_server.url) as http:
        run_id = (await GraphQL(http)(CREATE))["createRun"]["id"]
    heard: list[dict[str, list[float]]] = [{"a": [], "b": []} for _ in range(3)]
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        for each in heard:
            tasks.create_task(follow(any_server.url, run_id, each))
        logging = tasks.create_task(log(any_server.url, run_id))
        for end in (any_server.kill, any_server.stop):
            before = len(heard[0]["a"])
            while len(heard[0]["a"]) < before + 50:  # noqa: ASYNC110 - what was heard is a list
                await asyncio.sleep(0.01)
            assert not logging.done()
            await asyncio.to_thread(end)
            await asyncio.to_thread(any_server.start)
    expected = [float(number) for number in range(POINTS)]
    assert heard == [{"a": expected, "b": expected}] * 3
