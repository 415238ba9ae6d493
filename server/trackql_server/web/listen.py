"""Listens on a socket with uvicorn, and ends in good order: nothing accepted is lost."""

import asyncio
import gc
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from types import FrameType
from typing import Protocol

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from trackql_server.errors import Unavailable

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Closable(Protocol):
    """An ASGI app that opens and closes what it needs, and ends its streams when told."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def opened(self) -> AbstractAsyncContextManager[None]: ...

    async def close_streams(self) -> None: ...

    async def warm(self) -> None: ...


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet; raises Unavailable with the remedy."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Unavailable(
            f"{host!r} is no address of this machine ({error}); choose another with --host."
        ) from None
    # A name like localhost has both kinds of address; most clients try the IPv4 one.
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"{host}:{port} cannot be listened on ({error.strerror or error}); stop what uses it, "
            "or choose another port with --port (0 takes a free one)."
        ) from None
    listener.setblocking(False)
    return listener


def listen(
    app: Closable,
    listener: socket.socket,
    *,
    listening: Callable[[], None],
    largest_message: int,
    shutdown_after: float,
    access_log: bool = False,
) -> None:
    """Serves until SIGINT or SIGTERM; `listening` is called once clients can connect."""
    config = uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=_Protocol,
        ws="websockets-sansio",
        ws_max_size=largest_message,
        # Packing small frames costs more time and memory a connection than it saves.
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=access_log,
        server_header=False,
        # Longer than clients pause between heartbeats, so that they need not connect anew for each.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(shutdown_after)),
    )
    server = _Server(config, app, listening)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve([listener]))


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 that answers who offers HTTP/2 in HTTP/1.1, as RFC 9110 §7.8 lets it.

    The parser would take the offer for the end of HTTP and drop the body: Java's client and
    `curl --http2` make it with their first request.
    """

    def data_received(self, data: bytes) -> None:
        former: RequestResponseCycle | None = self.cycle
        if former is None or former.response_complete:  # a request begins
            end = data.find(b"\r\n\r\n")
            if end > 0 and b"h2c" in data[:end]:
                data = _OFFER.sub(rb"\1Ignored:\2", data[:end]) + data[end:]
        super().data_received(data)


_OFFER = re.compile(rb"(\r\n)upgrade:(\s*h2c)", re.IGNORECASE)


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, app: Closable, listening: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._app = app
        self._listening = listening
        self._warming: asyncio.Task[None] | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        # The lifespan runs here and not by ASGI messages, so that its failure reaches the caller.
        with self.capture_signals():
            async with self._app.opened():
                await self._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What start-up made stays: the collector need never walk it.
        gc.freeze()
        gc.enable()
        if not self.should_exit:
            self._listening()
            # Beside the first requests, not before them.
            self._warming = asyncio.create_task(self._app.warm())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for each in self.servers:
            each.close()
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait([self._warming])
        await self._app.close_streams()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Unlike uvicorn's own, this ends with exit code 0 after a signal.
        before = {each: signal.signal(each, self.handle_exit) for each in _SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True


def log_to_stderr(level: str) -> None:
    """Log lines of this process; uvicorn's tell little below a warning."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("trackql").setLevel(level.upper())
    logging.getLogger("uvicorn.access").setLevel(logging.INFO)
