"""Bytes over HTTP beside GraphQL: bodies of any size, up and down, in memory that does not grow."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from .errors import ServerError, Unreachable

# A server may hash or assemble much before it answers; who waits for it counts on bytes that move.
TIMEOUT = 120.0
CHUNK = 1 << 20
KEPT = 8

Buffer = bytes | bytearray | memoryview
Moved = Callable[[int], None]


class Slice:
    """A stretch of a file as a body; the kernel sends it, where the connection is plain."""

    def __init__(self, path: Path, offset: int, size: int) -> None:
        self.path = path
        self.offset = offset
        self.size = size

    def send(self, connection: http.client.HTTPConnection, moved: Moved | None) -> None:
        with self.path.open("rb") as file:
            at, end = self.offset, self.offset + self.size
            while at < end:
                count = min(4 * CHUNK, end - at)
                if connection.sock.sendfile(file, at, count) != count:
                    raise Shrunk(self.path)
                at += count
                if moved:
                    moved(count)

    def chunks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(self.offset)
            left = self.size
            while left:
                part = file.read(min(CHUNK, left))
                if not part:
                    raise Shrunk(self.path)
                left -= len(part)
                yield part


class Shrunk(Exception):
    """A file has fewer bytes than it had when they were counted."""


class Buffers:
    """Pieces of memory as a body."""

    def __init__(self, pieces: Sequence[Buffer]) -> None:
        self.pieces = pieces
        self.size = sum(len(piece) for piece in pieces)

    def send(self, connection: http.client.HTTPConnection, moved: Moved | None) -> None:
        for chunk in self.chunks():
            connection.sock.sendall(chunk)
            if moved:
                moved(len(chunk))

    def chunks(self) -> Iterator[Buffer]:
        """Small pieces leave together: each send gives the GIL away once."""
        small: list[Buffer] = []
        held = 0
        for piece in self.pieces:
            if len(piece) >= CHUNK:
                if small:
                    yield b"".join(small)
                    small, held = [], 0
                yield piece
                continue
            small.append(piece)
            held += len(piece)
            if held >= CHUNK:
                yield b"".join(small)
                small, held = [], 0
        if small:
            yield b"".join(small)


Body = Slice | Buffers


class Reply:
    """An answer whose body is read piece by piece; leaving it early gives the connection up."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        read: Callable[[int], bytes],
        readinto: Callable[[memoryview], int],
        done: Callable[[], None],
    ) -> None:
        self.status = status
        self.headers = headers
        self._read = read
        self.readinto = readinto  # how many bytes came; 0 at the end
        self._done = done

    def read(self, size: int = -1) -> bytes:
        return self._read(size)

    def close(self) -> None:
        self._done()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Wire:
    """Kept connections to one server; each carries one request at a time, from any thread."""

    def __init__(self, url: str, open: Callable[[], http.client.HTTPConnection], base: str) -> None:
        self.url = url
        self._open = open
        self._base = base
        self._idle: list[http.client.HTTPConnection] = []

    def request(
        self,
        method: str,
        target: str,
        body: Body | None,
        headers: Mapping[str, str],
        moved: Moved | None = None,
    ) -> Reply:
        while True:
            try:
                connection, fresh = self._idle.pop(), False
            except IndexError:
                connection, fresh = self._open(), True
            try:
                return self._exchange(connection, method, target, body, headers, moved)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                # An idle connection may have been closed by the server; a new one tells.
                closed = isinstance(error, http.client.RemoteDisconnected | ConnectionError)
                if fresh or not closed:
                    reason = str(error) or type(error).__name__
                    raise Unreachable(f"no answer from {self.url}: {reason}") from error
            except BaseException:
                connection.close()
                raise

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: Body | None,
        headers: Mapping[str, str],
        moved: Moved | None,
    ) -> Reply:
        connection.putrequest(method, self._base + target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(body.size))
        connection.endheaders()
        cut: OSError | None = None
        if body is not None:
            try:
                body.send(connection, moved)
            except ConnectionError as error:
                cut = error  # perhaps an answer came before all was sent: a refusal
        try:
            response = connection.getresponse()
        except (OSError, http.client.HTTPException):
            if cut is not None:
                raise cut from None
            raise
        keep = cut is None

        def cut_off(error: Exception) -> Unreachable:
            nonlocal keep
            keep = False
            return Unreachable(f"the answer of {self.url} was cut off: {error}")

        def read(size: int) -> bytes:
            try:
                return response.read() if size < 0 else response.read(size)
            except (OSError, http.client.HTTPException) as error:
                raise cut_off(error) from error

        def readinto(buffer: memoryview) -> int:
            try:
                return response.readinto(buffer)
            except (OSError, http.client.HTTPException) as error:
                raise cut_off(error) from error

        def done() -> None:
            nonlocal keep
            whole = response.isclosed() or response.length == 0
            if keep and whole and not response.will_close and len(self._idle) < KEPT:
                response.close()
                self._idle.append(connection)
            else:
                response.close()
                connection.close()
            keep = False

        return Reply(response.status, _Headers(response), read, readinto, done)

    def close(self) -> None:
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()


class _Headers(Mapping[str, str]):
    """The headers of a response, whatever their case."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._of: Any = response.headers

    def __getitem__(self, name: str) -> str:
        found = self._of.get(name)
        if found is None:
            raise KeyError(name)
        return str(found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._of.keys())

    def __len__(self) -> int:
        return len(self._of)


def elsewhere(
    method: str, url: str, body: Body, headers: Mapping[str, str], moved: Moved | None
) -> None:
    """Give bytes to another place that the server named, without our credentials."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    host = parts.hostname or ""
    wire = Wire(host, lambda: kind(host, parts.port, timeout=TIMEOUT), "")
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        with wire.request(method, target, body, headers, moved) as reply:
            reply.read()
            if reply.status >= 300:
                raise ServerError(f"{host} answered with status {reply.status}")
    finally:
        wire.close()
