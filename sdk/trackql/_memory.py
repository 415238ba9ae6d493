"""Runs an ASGI app in memory, on an event loop of its own, for tests and embedding."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from typing import Any, TypeVar
from urllib.parse import unquote

Message = MutableMapping[str, Any]
App = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]
T = TypeVar("T")


class MemoryServer:
    """An app that is started, answers requests and sockets, and is shut down."""

    def __init__(self, app: App, url: str = "http://127.0.0.1") -> None:
        self.app = app
        self.url = url
        self.state: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._replies: asyncio.Queue[Message] = asyncio.Queue()
        try:
            self.run(self._start())
        except BaseException:
            self._end()
            raise

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the app's own loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        return self.run(self._post(path, body, headers))

    def request(
        self, method: str, target: str, body: Iterable[Any], headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """Any request: its status, headers by their lower-case names, and body."""
        return self.run(self._request(method, target, body, headers))

    async def open(
        self, path: str, subprotocols: list[str], headers: dict[str, str]
    ) -> MemorySocket:
        socket = MemorySocket(self, self._scope("websocket", path, headers), subprotocols)
        await self.cross(socket.start())
        return socket

    async def cross(self, work: Coroutine[Any, Any, T]) -> T:
        """Await, from another loop, what runs on the app's."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def close(self) -> None:
        self.run(self._stop())
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        self._life = asyncio.ensure_future(self.app(scope, self._events.get, self._replies.put))
        await self._lifespan("startup")

    async def _stop(self) -> None:
        await self._lifespan("shutdown")
        await self._life

    async def _lifespan(self, stage: str) -> None:
        await self._events.put({"type": f"lifespan.{stage}"})
        reply = asyncio.ensure_future(self._replies.get())
        await asyncio.wait({reply, self._life}, return_when=asyncio.FIRST_COMPLETED)
        if not reply.done():
            reply.cancel()
            self._life.result()
        elif reply.result()["type"] != f"lifespan.{stage}.complete":
            raise RuntimeError(f"{stage} failed: {reply.result().get('message', '')}")

    def _scope(self, kind: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
        host = self.url.split("//", 1)[1].split("/")[0]
        pairs = {"host": host, **{name.lower(): value for name, value in headers.items()}}
        name, _, port = host.partition(":")
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http" if kind == "http" else "ws",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
            "client": ("127.0.0.1", 1),
            "server": (name, int(port or 80)),
            "state": dict(self.state),
            "extensions": {},
        }

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        scope = self._scope("http", path, {**headers, "content-length": str(len(body))})
        sent: list[Message] = []
        inbox: asyncio.Queue[Message] = asyncio.Queue()
        inbox.put_nowait({"type": "http.request", "body": body, "more_body": False})

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, inbox.get, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])

    async def _request(
        self, method: str, target: str, body: Iterable[Any], headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        path, _, query = target.partition("?")
        scope = self._scope("http", unquote(path), headers)
        scope |= {"method": method, "raw_path": path.encode(), "query_string": query.encode()}
        sent: list[Message] = []
        chunks = iter(body)
        answered = asyncio.Event()

        async def receive() -> Message:
            for chunk in chunks:
                return {"type": "http.request", "body": bytes(chunk), "more_body": True}
            if "ended" not in scope:
                scope["ended"] = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await answered.wait()  # who still listens is told when nobody reads any more
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        try:
            await self.app(scope, receive, send)
        finally:
            answered.set()
        found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], found, b"".join(each.get("body", b"") for each in sent[1:])


class MemorySocket:
    """One WebSocket to the app."""

    def __init__(
        self, server: MemoryServer, scope: dict[str, Any], subprotocols: list[str]
    ) -> None:
        self.server = server
        self.scope = {**scope, "subprotocols": subprotocols}
        self.subprotocol = ""
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()

    async def start(self) -> None:
        self._inbox.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.ensure_future(self._run())
        reply = await self._outbox.get()
        if reply["type"] != "websocket.accept":
            raise ConnectionError("the app refused the socket")
        self.subprotocol = reply.get("subprotocol") or ""

    async def _run(self) -> None:
        try:
            await self.server.app(self.scope, self._inbox.get, self._outbox.put)
        finally:
            self._outbox.put_nowait({"type": "websocket.close"})

    async def send(self, text: str) -> None:
        await self.server.cross(self._inbox.put({"type": "websocket.receive", "text": text}))

    async def receive(self) -> str:
        message = await self.server.cross(self._outbox.get())
        if message["type"] != "websocket.send":
            raise ConnectionError("the app closed the socket")
        return str(message["text"])

    async def close(self) -> None:
        await self.server.cross(self._stop())

    async def _stop(self) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait({self._task}, timeout=5)
        self._task.cancel()
