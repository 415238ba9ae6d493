"""Operations over server-sent events, one connection each."""

import asyncio

import httpx
import orjson
import pytest

from tests.server.graphql.sample import Signals, asking, listening, schema
from trackql_server.graphql import views
from trackql_server.graphql.views import View

HEADERS = {"Content-Type": "application/json", "Accept": "text/event-stream"}


def events(text: str) -> list[tuple[str, object]]:
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(":", 1) for line in block.split("\n"))
        data = fields.get("data", "").strip()
        found.append((fields.get("event", "").strip(), orjson.loads(data) if data else None))
    return found


async def stream(query: str, accept: str = "text/event-stream") -> httpx.Response:
    headers = HEADERS | {"Accept": accept}
    async with asking(View(schema, Signals)) as client:
        return await client.post("/graphql", json={"query": query}, headers=headers)


async def test_a_subscription_to_its_end() -> None:
    response = await stream("subscription { count(to: 2) }")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert events(response.text) == [
        ("next", {"data": {"count": 0}}),
        ("next", {"data": {"count": 1}}),
        ("complete", None),
    ]


async def test_a_query_is_a_stream_of_one() -> None:
    response = await stream("{ hello }")
    assert events(response.text) == [
        ("next", {"data": {"hello": "hello you"}}),
        ("complete", None),
    ]


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("{ hello }", "application/json"),
        ("{ hell", "application/json"),
        ("subscription { count(to: 2) }", "text/event-stream"),
    ],
)
async def test_who_takes_both_gets_a_stream_only_for_a_subscription(query: str, kind: str) -> None:
    response = await stream(query, "application/json, text/event-stream")
    assert response.headers["content-type"].startswith(kind)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { counts }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { refuses }", "NOT_FOUND"),
        ("{ crash }", "INTERNAL"),
    ],
)
async def test_failures_are_in_the_stream(query: str, code: str) -> None:
    (_, payload), last = events((await stream(query)).text)
    assert isinstance(payload, dict)
    assert payload["errors"][0]["extensions"]["code"] == code
    assert last == ("complete", None)


async def test_a_silent_stream_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "PING_EVERY", 0.01)
    request = {"query": "subscription { endless }"}
    async with (
        listening(View(schema, Signals)) as address,
        httpx.AsyncClient() as client,
        client.stream(
            "POST", f"http://{address}/graphql", json=request, headers=HEADERS
        ) as response,
    ):
        lines = response.aiter_lines()
        assert await anext(lines) == "event: next"
        async with asyncio.timeout(10):
            while await anext(lines) != ": ping":
                pass


async def test_a_reader_who_leaves_ends_the_subscription() -> None:
    signals = Signals()
    request = {"query": "subscription { endless }"}
    async with listening(View(schema, lambda: signals)) as address:
        async with (
            httpx.AsyncClient() as client,
            client.stream(
                "POST", f"http://{address}/graphql", json=request, headers=HEADERS
            ) as response,
        ):
            await anext(response.aiter_lines())
        async with asyncio.timeout(10):
            await signals.ended.wait()


async def test_closing_ends_streams_without_completing_them() -> None:
    """A stream that just ends is asked for again; one that completes is not."""
    signals = Signals()
    view = View(schema, lambda: signals)
    request = {"query": "subscription { endless }"}
    async with (
        listening(view) as address,
        httpx.AsyncClient() as client,
        client.stream(
            "POST", f"http://{address}/graphql", json=request, headers=HEADERS
        ) as response,
    ):
        lines = response.aiter_lines()
        assert await anext(lines) == "event: next"
        await view.close()
        rest = [line async for line in lines]
    assert "event: complete" not in rest
    assert signals.ended.is_set()
