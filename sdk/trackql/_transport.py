"""The seam to the server: `execute` and `subscribe`; the only file that imports gql.

gql's client runs every operation. Its HTTP transport is one of our own: operations are prepared
documents, so each is parsed once and posted as text over one kept connection, at a third of the
cost of a general HTTP client. gql is imported by whoever first talks to a server, which is the
sender's thread, since it takes longer to import than a script takes to start.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from . import _wire, config
from ._wire import Body, Moved, Reply, Wire
from .errors import (
    CostLimit,
    Forbidden,
    InvalidInput,
    ServerError,
    TrackqlError,
    Unavailable,
    Unreachable,
    from_code,
)

if TYPE_CHECKING:
    from gql.client import SyncClientSession
    from gql.transport.websockets_protocol import WebsocketsProtocolTransportBase

    from ._memory import MemoryServer

TIMEOUT = 30.0
# A subscriber that does not keep up holds the stream back, instead of filling memory.
AHEAD = 16

# A process that forks while a thread imports leaves its child waiting for that import for ever.
# What the sender's thread needs is imported before it starts (sockets import this codec); gql is
# imported under a lock that a fork waits for.
"".encode("idna")
_importing = threading.Lock()
os.register_at_fork(
    before=_importing.acquire,
    after_in_parent=_importing.release,
    after_in_child=_importing.release,
)

_documents: dict[str, str] = {}
_requests: dict[str, Any] = {}
_mounted: dict[str, MemoryServer] = {}


class Transport(Protocol):
    """What the rest of the SDK knows of the wire."""

    def execute(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data that the server answers to a prepared operation; raises its errors."""

    def subscribe(self, operation: str, variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The data of each event, until the stream ends; raises Unreachable when it is cut."""

    def request(
        self,
        method: str,
        target: str,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        moved: Moved | None = None,
    ) -> Reply:
        """Bytes up or down, at an address of the server; raises its errors."""

    def close(self) -> None:
        """Give the connection back."""


def connect(url: str) -> Transport:
    """A transport to a server by its address; nothing is sent yet."""
    server = _mounted.get(url)
    return HttpTransport(url) if server is None else MemoryTransport(server)


def mount(url: str, server: MemoryServer) -> None:
    """Answer an address from memory: tests run the true SDK on the true app."""
    _mounted[url] = server


def unmount(url: str) -> None:
    _mounted.pop(url, None)


def document(operation: str) -> str:
    """The text of an operation."""
    text = _documents.get(operation)
    if text is None:
        path = Path(__file__).parent / "_operations" / f"{operation}.graphql"
        text = _documents[operation] = path.read_text(encoding="utf-8")
    return text


Post = Callable[[bytes], tuple[int, bytes]]


class Executor:
    """gql's client over a function that posts a body and returns status and reply."""

    def __init__(self, url: str, post: Post) -> None:
        self._url = url
        self._post = post
        self._session: SyncClientSession | None = None

    def __call__(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data that the server answers to a prepared operation; raises its errors."""
        if self._session is None:
            self._session = self._open()
        from gql import GraphQLRequest

        parsed = _requests.get(operation)
        if parsed is None:
            parsed = _requests[operation] = GraphQLRequest(document(operation)).document
        message = GraphQLRequest(parsed, variable_values=variables)
        data: dict[str, Any] = self._session.execute(message, operation=operation)
        return data

    def _open(self) -> SyncClientSession:
        with _importing:
            import gql
            from gql.transport import Transport
            from graphql import ExecutionResult

        post, url = self._post, self._url

        class Prepared(Transport):
            """Posts the document's text as it stands in its file; gql would print it each time."""

            def execute(
                self, request: gql.GraphQLRequest, *args: Any, operation: str, **_: Any
            ) -> ExecutionResult:
                body = {"query": document(operation), "variables": request.variable_values}
                status, reply = post(json.dumps(body, separators=(",", ":")).encode())
                return ExecutionResult(answer(status, reply, url), None)

        session: SyncClientSession = gql.Client(transport=Prepared()).connect_sync()  # type: ignore[no-untyped-call]
        return session


def answer(status: int, body: bytes, url: str) -> dict[str, Any]:
    """The data in a response, or the error that it tells."""
    try:
        reply = json.loads(body)
    except ValueError:
        reply = None
    if isinstance(reply, dict) and reply.get("errors"):
        raise _error(reply["errors"][0])
    if status == 200 and isinstance(reply, dict) and isinstance(reply.get("data"), dict):
        data: dict[str, Any] = reply["data"]
        return data
    raise _refusal(status, url)


def _refusal(status: int, url: str) -> TrackqlError:
    """The error that a status tells when nothing else does."""
    text = f"{url} answered with status {status}"
    if status in (401, 403):
        return Forbidden(f"{text}: check {config.TOKEN.name}", status=status)
    if status == 413:
        return CostLimit(f"{text}: the request is too large", status=status)
    if status == 429 or status >= 500:
        return Unavailable(text, status=status)
    return ServerError(f"{text}, which is not a trackql server's answer", status=status)


def checked(reply: Reply, url: str) -> Reply:
    """A reply of success; raises the error that another tells."""
    if reply.status < 400:
        return reply
    with reply:
        body = reply.read(1 << 20)
    try:
        told = json.loads(body)["errors"][0]
    except (ValueError, LookupError, TypeError):
        raise _refusal(reply.status, url) from None
    raise _error(told)


def _error(error: dict[str, Any]) -> TrackqlError:
    extensions = error.get("extensions") or {}
    code = extensions.get("code", "PROTOCOL")
    return from_code(str(code), str(error.get("message", "no message")), extensions)


class _Connection(http.client.HTTPConnection):
    """Sends head and body of a request as one: each send gives the GIL away once."""

    def __init__(self, host: str, port: int | None, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._parts: list[bytes] = []

    def send(self, data: Any) -> None:
        self._parts.append(data)

    def getresponse(self) -> http.client.HTTPResponse:
        parts, self._parts = self._parts, []
        super().send(b"".join(parts))
        return super().getresponse()


class _SecureConnection(_Connection, http.client.HTTPSConnection):
    """The same over TLS."""


class HttpTransport:
    """HTTP over one kept connection, and a WebSocket for each subscription."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url.rstrip("/"))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(
                f"{url!r} is not a server's address; write it like {config.URL.default}",
                argument="url",
            )
        self.url = url.rstrip("/")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._path = f"{parts.path}/graphql"
        self._connection: http.client.HTTPConnection | None = None
        self._lock = threading.Lock()
        self._executor = Executor(self.url, self._post)
        self._wire = Wire(self.url, self._plain, parts.path)

    def execute(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return self._executor(operation, variables)

    def request(
        self,
        method: str,
        target: str,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        moved: Moved | None = None,
    ) -> Reply:
        sent = {**_authorization(), **(headers or {})}
        return checked(self._wire.request(method, target, body, sent, moved), self.url)

    def subscribe(self, operation: str, variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
        def open_socket() -> WebsocketsProtocolTransportBase:
            from gql.transport.websockets import WebsocketsTransport

            return WebsocketsTransport(
                "ws" + self.url.removeprefix("http") + "/graphql",
                headers=_authorization(),
                subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
                ping_interval=10,
                connect_args={"max_size": None},
            )

        return _stream(open_socket, operation, variables)

    def close(self) -> None:
        self._wire.close()
        with self._lock:
            self._disconnect()

    def __del__(self) -> None:
        if getattr(self, "_connection", None) is not None:
            self._disconnect()

    def _post(self, body: bytes) -> tuple[int, bytes]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            **_authorization(),
        }
        while True:
            fresh = self._connection is None
            connection = self._connection or self._open()
            self._connection = connection
            try:
                connection.request("POST", self._path, body, headers)
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                self._disconnect()
                # An idle connection may have been closed by the server; a new one tells.
                closed = isinstance(error, http.client.RemoteDisconnected | ConnectionError)
                if fresh or not closed:
                    raise Unreachable(f"no answer from {self.url}: {_reason(error)}") from error
            except BaseException:
                self._disconnect()
                raise

    def _open(self) -> http.client.HTTPConnection:
        kind = _SecureConnection if self._secure else _Connection
        return kind(self._host, self._port, TIMEOUT)

    def _plain(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=_wire.TIMEOUT)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class MemoryTransport:
    """An ASGI app in this process: no port, the same requests."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self._executor = Executor(server.url, self._post)

    def execute(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        return self._executor(operation, variables)

    def _post(self, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", **_authorization()}
        return self._server.post("/graphql", body, headers)

    def request(
        self,
        method: str,
        target: str,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        moved: Moved | None = None,
    ) -> Reply:
        sent = {**_authorization(), **(headers or {})}
        if body is not None:
            sent["Content-Length"] = str(body.size)
        chunks = iter(()) if body is None else body.chunks()
        status, answered, data = self._server.request(method, target, chunks, sent)
        if moved and body is not None:
            moved(body.size)
        from io import BytesIO

        held = BytesIO(data)
        reply = Reply(status, answered, held.read, held.readinto, _nothing)
        return checked(reply, self._server.url)

    def subscribe(self, operation: str, variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
        def open_socket() -> WebsocketsProtocolTransportBase:
            from gql.transport.common.adapters.connection import AdapterConnection
            from gql.transport.exceptions import TransportConnectionFailed
            from gql.transport.websockets_protocol import WebsocketsProtocolTransportBase

            server = self._server

            class Adapter(AdapterConnection):
                async def connect(self) -> None:
                    assert self.subprotocols is not None
                    try:
                        self.socket = await server.open(
                            "/graphql", self.subprotocols, _authorization()
                        )
                    except ConnectionError as error:
                        raise TransportConnectionFailed(str(error)) from error

                async def send(self, message: str) -> None:
                    await self.socket.send(message)

                async def receive(self) -> str:
                    try:
                        return await self.socket.receive()
                    except ConnectionError as error:
                        raise TransportConnectionFailed(str(error)) from error

                async def close(self) -> None:
                    await self.socket.close()

                @property
                def response_headers(self) -> dict[str, str]:
                    return {"sec-websocket-protocol": self.socket.subprotocol}

            class Socket(WebsocketsProtocolTransportBase):
                def __init__(self, adapter: AdapterConnection) -> None:
                    self.adapter = adapter
                    super().__init__(adapter=adapter, subprotocols=[self.GRAPHQLWS_SUBPROTOCOL])

            return Socket(Adapter(server.url, None))

        return _stream(open_socket, operation, variables)

    def close(self) -> None:
        """Nothing is held."""


def _authorization() -> dict[str, str]:
    token = config.TOKEN.read()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _nothing() -> None:
    """Nothing is held."""


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _stream(
    open_socket: Callable[[], WebsocketsProtocolTransportBase],
    operation: str,
    variables: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    """A subscription as an iterator; a thread with its own event loop reads the socket."""
    import asyncio

    from gql import Client, GraphQLRequest
    from gql.transport.exceptions import TransportError, TransportQueryError

    events: queue.Queue[dict[str, Any] | BaseException | None] = queue.Queue()
    room = asyncio.Semaphore(AHEAD)
    loop = asyncio.new_event_loop()

    async def read() -> None:
        message = GraphQLRequest(document(operation), variable_values=variables)
        async with Client(transport=open_socket()) as session:
            async for data in session.subscribe(message):
                await room.acquire()
                events.put(data)

    async def pump() -> None:
        try:
            await read()
        except asyncio.CancelledError:
            return
        except TransportQueryError as error:
            events.put(_error(dict((error.errors or [{}])[0])))
        except (TimeoutError, TransportError, OSError) as error:
            events.put(Unreachable(f"the stream was cut: {_reason(error)}"))
        except BaseException as error:
            events.put(error)
        else:
            events.put(None)

    task = loop.create_task(pump())

    def run() -> None:
        try:
            loop.run_until_complete(task)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    thread = threading.Thread(target=run, name="trackql-stream", daemon=True)
    thread.start()
    try:
        while True:
            event = events.get()
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(room.release)
            yield event
    finally:
        with suppress(RuntimeError):  # the loop has closed by itself
            loop.call_soon_threadsafe(task.cancel)
        thread.join(timeout=10)
