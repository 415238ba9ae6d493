"""Who may ask: Host, Origin and Sec-Fetch-Site, on HTTP and on the WebSocket handshake."""

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from trackql_server.web.guard import Guard, is_loopback
from trackql_server.web.replies import reply


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await reply(send, b'"inside"')


async def ask(guard: Guard, host: str | None, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=guard)
    async with httpx.AsyncClient(transport=transport, base_url="http://placeholder") as client:
        request = client.build_request("GET", "/graphql", headers=headers)
        del request.headers["host"]
        if host is not None:
            request.headers["host"] = host
        return await client.send(request)


LOOPBACK = Guard(answer, allowed_hosts=["trackql.example.com"])
OPEN = Guard(answer, any_host=True)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4000",
        "127.8.9.10:4000",
        "localhost:4000",
        "LOCALHOST:4000",
        "localhost.:4000",
        "tracker.localhost:4000",
        "[::1]:4000",
        "localhost:8080",
        "trackql.example.com",
    ],
)
async def test_names_of_this_machine_are_served(host: str) -> None:
    assert (await ask(LOOPBACK, host)).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:4000",
        "127.0.0.1.evil.example:4000",
        "localhost.evil.example",
        "notlocalhost:4000",
        "evil.example#localhost",
        "evil.example@127.0.0.1:4000",
        "127.0.0.1:4000:5000",
        "192.168.1.7:4000",
        "0.0.0.0:4000",
        "[::1",
    ],
)
async def test_foreign_and_malformed_hosts_are_refused(host: str | None) -> None:
    response = await ask(LOOPBACK, host)
    assert response.status_code == 403
    assert response.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_second_host_header_is_refused() -> None:
    scope = {"type": "http", "headers": [(b"host", b"localhost"), (b"host", b"evil.example")]}
    assert LOOPBACK.objection(scope) is not None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:4000", "http://localhost:4000"),
        ("[::1]:4000", "http://[::1]:4000"),
        ("localhost", "http://localhost"),
        ("localhost:80", "http://localhost"),
        ("trackql.example.com", "https://trackql.example.com"),
    ],
)
async def test_the_dashboards_own_origin_is_served(host: str, origin: str) -> None:
    assert (await ask(LOOPBACK, host, Origin=origin)).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost:8888",
        "http://127.0.0.1:4000",
        "https://localhost",
        "file://",
        "chrome-extension://localhost:4000",
        "http://localhost:4000@evil.example",
    ],
)
async def test_other_origins_are_refused(origin: str) -> None:
    response = await ask(LOOPBACK, "localhost:4000", Origin=origin)
    assert response.status_code == 403
    assert "origin" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_page_elsewhere_may_link_here_but_not_load_from_here(site: str) -> None:
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    image = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert (await ask(LOOPBACK, "localhost:4000", **link)).status_code == 200
    assert (await ask(LOOPBACK, "localhost:4000", **image)).status_code == 403


async def test_off_loopback_any_host_is_served_but_only_its_own_origin() -> None:
    assert (await ask(OPEN, "gpu-7:4000")).status_code == 200
    assert (await ask(OPEN, "gpu-7:4000", Origin="http://gpu-7:4000")).status_code == 200
    assert (await ask(OPEN, "gpu-7:4000", Origin="http://evil.example")).status_code == 403


async def shake(guard: Guard, *, extension: bool, **headers: str) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope: Scope = {
        "type": "websocket",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "extensions": {"websocket.http.response": {}} if extension else {},
    }
    await guard(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:4000"},
        {"host": "localhost:4000", "origin": "http://evil.example"},
        {"host": "localhost:4000", "origin": "http://localhost:8888"},
    ],
)
async def test_a_foreign_handshake_is_refused(headers: dict[str, str]) -> None:
    start, body = await shake(LOOPBACK, extension=True, **headers)
    assert start["status"] == 403
    assert b"FORBIDDEN" in body["body"]
    assert [message["type"] for message in await shake(LOOPBACK, extension=False, **headers)] == [
        "websocket.close"
    ]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_what_counts_as_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
