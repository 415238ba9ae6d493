"""Operations over WebSockets: the protocol, its failures, and its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.server.graphql.sample import Signals, listening, schema
from trackql_server.graphql.sockets import OPERATIONS_EACH
from trackql_server.graphql.views import View
from trackql_server.web.guard import Guard

PROTOCOL = Subprotocol("graphql-transport-ws")


async def tell(socket: ClientConnection, **message: object) -> None:
    await socket.send(orjson.dumps(message).decode())


async def hear(socket: ClientConnection) -> dict[str, object]:
    async with asyncio.timeout(10):
        text = await socket.recv()
    assert isinstance(text, str)
    message = orjson.loads(text)
    assert isinstance(message, dict)
    return message


async def subscribe(socket: ClientConnection, query: str, id: str = "1") -> None:
    await tell(socket, type="subscribe", id=id, payload={"query": query})


@asynccontextmanager
async def connected(view: View) -> AsyncIterator[ClientConnection]:
    async with (
        listening(view) as address,
        connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL], proxy=None) as socket,
    ):
        await tell(socket, type="connection_init")
        assert await hear(socket) == {"type": "connection_ack"}
        yield socket


async def test_a_subscription_to_its_end() -> None:
    async with connected(View(schema, Signals)) as socket:
        await subscribe(socket, "subscription { count(to: 2) }")
        assert [await hear(socket) for _ in range(3)] == [
            {"id": "1", "type": "next", "payload": {"data": {"count": 0}}},
            {"id": "1", "type": "next", "payload": {"data": {"count": 1}}},
            {"id": "1", "type": "complete"},
        ]


async def test_queries_and_mutations_too() -> None:
    async with connected(View(schema, Signals)) as socket:
        await subscribe(socket, "{ hello column(size: 2) }")
        message = await hear(socket)
        assert message["payload"] == {"data": {"hello": "hello you", "column": [0, 1]}}
        assert (await hear(socket))["type"] == "complete"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { counts }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { refuses }", "NOT_FOUND"),
        ("subscription ($to: Int!) { count(to: $to) }", "INVALID_INPUT"),
        ("subscription { " + " ".join(f"a{n}: count" for n in range(300)) + " }", "COST_LIMIT"),
    ],
)
async def test_failures_leave_the_connection_open(query: str, code: str) -> None:
    async with connected(View(schema, Signals)) as socket:
        await subscribe(socket, query)
        message = await hear(socket)
        while message["type"] == "next" and "errors" not in message["payload"]:  # type: ignore[operator]
            message = await hear(socket)
        payload = message["payload"]
        errors = payload if isinstance(payload, list) else payload["errors"]  # type: ignore[index]
        assert errors[0]["extensions"]["code"] == code

        await subscribe(socket, "{ hello }", id="2")
        while (message := await hear(socket))["id"] != "2":
            pass
        assert message["payload"] == {"data": {"hello": "hello you"}}


async def test_a_broken_stream_is_masked() -> None:
    async with connected(View(schema, Signals)) as socket:
        await subscribe(socket, "subscription { breaks }")
        messages = [await hear(socket) for _ in range(3)]
    assert [message["type"] for message in messages] == ["next", "next", "complete"]
    assert "INTERNAL" in str(messages[1])
    assert "hunter2" not in str(messages)


@pytest.mark.parametrize("query", [None, 3, ["{ hello }"]])
async def test_what_is_no_operation_is_refused(query: object) -> None:
    async with connected(View(schema, Signals)) as socket:
        await tell(socket, type="subscribe", id="1", payload={"query": query})
        message = await hear(socket)
    assert message["type"] == "error"
    assert "INVALID_INPUT" in str(message["payload"])


async def test_operations_of_a_connection_are_bounded() -> None:
    async with connected(View(schema, Signals)) as socket:
        for number in range(OPERATIONS_EACH):
            await subscribe(socket, "subscription { endless }", id=str(number))
            await hear(socket)
        await subscribe(socket, "subscription { endless }", id="one more")
        message = await hear(socket)
        assert (message["id"], message["type"]) == ("one more", "error")
        assert "COST_LIMIT" in str(message["payload"])

        await tell(socket, type="complete", id="0")
        await subscribe(socket, "{ hello }", id="in its place")
        assert (await hear(socket))["payload"] == {"data": {"hello": "hello you"}}


async def test_a_client_who_leaves_ends_its_subscriptions() -> None:
    signals = Signals()
    view = View(schema, lambda: signals)
    async with listening(view) as address:
        async with connect(
            f"ws://{address}/graphql", subprotocols=[PROTOCOL], proxy=None
        ) as socket:
            await tell(socket, type="connection_init")
            await hear(socket)
            await subscribe(socket, "subscription { endless }")
            await hear(socket)
        async with asyncio.timeout(10):
            await signals.ended.wait()


async def test_closing_says_going_away() -> None:
    signals = Signals()
    view = View(schema, lambda: signals)
    async with connected(view) as socket:
        await subscribe(socket, "subscription { endless }")
        await hear(socket)
        await view.close()
        with pytest.raises(ConnectionClosed) as closed:
            await hear(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        async with asyncio.timeout(10):
            await signals.ended.wait()


async def test_a_client_who_stops_reading_holds_nobody_up() -> None:
    signals = Signals()
    view = View(schema, lambda: signals)
    async with connected(view) as socket:
        await subscribe(socket, "subscription { flood }")
        sent = -1
        while sent != signals.sent:  # until all buffers on the way are full
            sent = signals.sent
            await asyncio.sleep(0.2)
        async with asyncio.timeout(30):
            await view.close()
        socket.transport.abort()
    assert signals.sent == sent


async def test_the_legacy_protocol_is_not_spoken() -> None:
    legacy = Subprotocol("graphql-ws")
    async with (
        listening(View(schema, Signals)) as address,
        connect(f"ws://{address}/graphql", subprotocols=[legacy], proxy=None) as socket,
    ):
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4406


async def test_a_foreign_page_gets_no_connection() -> None:
    async with listening(Guard(View(schema, Signals))) as address:
        for origin in (Origin("http://evil.example"), Origin("http://localhost:1")):
            with pytest.raises(InvalidStatus) as refused:
                await connect(
                    f"ws://{address}/graphql", subprotocols=[PROTOCOL], origin=origin, proxy=None
                )
            assert refused.value.response.status_code == 403
            assert b"FORBIDDEN" in (refused.value.response.body or b"")
        async with connect(
            f"ws://{address}/graphql",
            subprotocols=[PROTOCOL],
            origin=Origin(f"http://{address}"),
            proxy=None,
        ) as socket:
            assert socket.subprotocol == PROTOCOL
