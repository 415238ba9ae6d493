"""The wire: what is sent, what answers mean, connections that were closed meanwhile."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from trackql import _transport
from trackql._memory import MemoryServer
from trackql.errors import (
    CostLimit,
    Forbidden,
    InvalidInput,
    NotFound,
    ServerError,
    TrackqlError,
    Unavailable,
    Unreachable,
)

Message = MutableMapping[str, Any]
DATA = b'{"data":{"server":{"version":"1"}}}'


class Listener:
    """A server that answers each request on a connection with the next of its replies."""

    def __init__(self, connections: list[list[bytes]], context: ssl.SSLContext | None = None):
        self.requests: list[bytes] = []
        self.connections = connections
        self.context = context
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        for replies in self.connections:
            connection, _ = self.socket.accept()
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                for reply in replies:
                    self.requests.append(self._read(connection))
                    connection.sendall(reply)

    def _read(self, connection: socket.socket) -> bytes:
        raw = b""
        while b"\r\n\r\n" not in raw:
            raw += connection.recv(65536)
        head, _, body = raw.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self.thread.join(10)
        self.socket.close()


def reply(status: int = 200, body: bytes = DATA) -> bytes:
    return b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    opened: list[Listener] = []

    def start(*connections: list[bytes], context: ssl.SSLContext | None = None) -> Listener:
        opened.append(Listener(list(connections), context))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_one_connection_carries_many_requests(
    listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKQL_TOKEN", "secret")
    listener = listen([reply()] * 3)
    transport = _transport.connect(f"http://127.0.0.1:{listener.port}/")
    for _ in range(3):
        assert transport.execute("server", {"a": "é"}) == {"server": {"version": "1"}}
    transport.close()
    head, _, body = listener.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /graphql HTTP/1.1\r\n")
    assert b"Authorization: Bearer secret" in head
    sent = json.loads(body)
    assert sent["variables"] == {"a": "é"}
    assert sent["query"].startswith("query Server")


def test_a_connection_that_was_closed_meanwhile_is_replaced(
    listen: Callable[..., Listener],
) -> None:
    listener = listen([reply()], [reply()])
    transport = _transport.connect(f"http://127.0.0.1:{listener.port}")
    for _ in range(2):
        assert transport.execute("server", {}) == {"server": {"version": "1"}}
    transport.close()


def test_an_address_may_have_a_path(listen: Callable[..., Listener]) -> None:
    listener = listen([reply()])
    transport = _transport.connect(f"http://127.0.0.1:{listener.port}/track/ql/")
    transport.execute("server", {})
    transport.close()
    assert listener.requests[0].startswith(b"POST /track/ql/graphql ")


def test_tls(
    listen: Callable[..., Listener], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    listener = listen([reply()], context=context)
    transport = _transport.connect(f"https://localhost:{listener.port}")
    assert transport.execute("server", {}) == {"server": {"version": "1"}}
    transport.close()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"<html>", ServerError),
        (200, b"[]", ServerError),
        (404, b"", ServerError),
        (401, b"{}", Forbidden),
        (413, b"", CostLimit),
        (429, b"", Unavailable),
        (503, b"starting", Unavailable),
        (200, b'{"errors":[{"message":"m","extensions":{"code":"NOT_FOUND"}}]}', NotFound),
        (400, b'{"errors":[{"message":"m"}],"data":null}', ServerError),
    ],
)
def test_what_answers_mean(
    listen: Callable[..., Listener], status: int, body: bytes, error: type[TrackqlError]
) -> None:
    listener = listen([reply(status, body)])
    transport = _transport.connect(f"http://127.0.0.1:{listener.port}")
    with pytest.raises(error) as caught:
        transport.execute("server", {})
    assert type(caught.value) is error
    transport.close()


def test_no_answer(listen: Callable[..., Listener]) -> None:
    listener = listen([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"])
    transport = _transport.connect(f"http://127.0.0.1:{listener.port}")
    with pytest.raises(Unreachable, match="no answer"):
        transport.execute("server", {})
    with pytest.raises(Unreachable):
        _transport.connect("http://127.0.0.1:9").execute("server", {})


@pytest.mark.parametrize("url", ["", "127.0.0.1:4000", "ftp://host", "http://"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InvalidInput, match="address"):
        _transport.connect(url)


def test_an_app_that_fails_to_start_says_so() -> None:
    async def app(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(RuntimeError, match="no database"):
        MemoryServer(app)
