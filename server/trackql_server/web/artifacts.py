"""Bytes of artifacts over HTTP: `/artifacts/runs/…` and `/artifacts/uploads/…`.

A plain ASGI app: bodies of any size go through in pieces, with nothing between them and the store.
"""

import asyncio
import base64
import binascii
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from urllib.parse import parse_qs, unquote
from uuid import uuid4

import orjson
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from trackql_server.domain import artifacts, files, packs, uploads
from trackql_server.domain.artifacts import Content
from trackql_server.domain.context import Context
from trackql_server.errors import InvalidInput, NotFound, TrackqlError, Unavailable
from trackql_server.models import Artifact
from trackql_server.web import archives, previews, ranges, showing
from trackql_server.web.replies import refuse, reply

log = logging.getLogger(__name__)

PACK = "application/vnd.trackql.pack"

_RUN = re.compile(r"/artifacts/runs/([^/]+)(?:/(.*))?", re.DOTALL)
_UPLOAD = re.compile(r"/artifacts/uploads/([0-9a-f]{1,64})/(\d{1,9})")
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]+):")


# What is read of a body that is refused, so that its sender sees why.
DRAINED = 64 * 1024 * 1024


class Failed(TrackqlError):
    """The server's own fault."""

    code = "INTERNAL"
    status = 500


class Disconnected(Exception):
    """The client went away in the middle of its body."""


class Artifacts:
    """An ASGI app for every path below `/artifacts/`."""

    def __init__(self, context: Callable[[], Context]) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(scope, receive, send)
        try:
            await self._answer(exchange)
        except Disconnected:
            return
        except Exception as error:
            if exchange.begun:  # too late for another answer: the connection breaks off
                raise
            told = error if isinstance(error, TrackqlError) else _masked(error)
            # Who still sends would not see the answer; only very much is not waited for.
            extra = [] if await exchange.drained() else [(b"connection", b"close")]
            await refuse(send, told, headers=extra)

    async def _answer(self, exchange: "_Exchange") -> None:
        ctx, method = self._context(), exchange.method
        exchange.read_path()
        if (upload := _UPLOAD.fullmatch(exchange.path)) is not None:
            if method != "PUT":
                await _not_allowed(exchange, "PUT")
                return
            await uploads.receive(ctx, upload[1], int(upload[2]), exchange.chunks())
            await exchange.reply(b"", 204)
            return
        run = _RUN.fullmatch(exchange.path)
        if run is None:
            raise NotFound("artifacts lie at /artifacts/runs/{run}/{path}")
        run_id, path = run[1], run[2] or ""
        if method in ("GET", "HEAD"):
            if path == "" or path.endswith("/"):
                await _folder(ctx, exchange, run_id, path)
            elif exchange.asked("preview") is not None:
                await _preview(ctx, exchange, run_id, path)
            else:
                await _file(ctx, exchange, run_id, path)
        elif method == "PUT" and path:
            await _put(ctx, exchange, run_id, path)
        elif method == "POST" and not path:
            await _pack(ctx, exchange, run_id)
        else:
            await _not_allowed(exchange, "GET, HEAD, PUT" if path else "GET, HEAD, POST")


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path = ""
        self._raw: bytes = scope.get("raw_path") or scope["path"].encode()
        self.headers = Headers(scope=scope)
        self.send = send
        self.begun = False
        self.read_all = self.method in ("GET", "HEAD")
        self._receive = receive
        self._query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)

    def read_path(self) -> None:
        """Decode the path, just once, from the bytes that were sent: what it says is what it is."""
        try:
            self.path = unquote(self._raw.partition(b"?")[0].decode("ascii"), errors="strict")
        except UnicodeDecodeError as error:
            raise InvalidInput("the path is not UTF-8", argument="path") from error

    def asked(self, name: str) -> str | None:
        """A parameter of the query."""
        return self._query[name][0] if name in self._query else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises Disconnected when it breaks off."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            body = message.get("body", b"")
            if not message.get("more_body", False):
                self.read_all = True
            if body:
                yield body
            if self.read_all:
                return

    async def drained(self) -> bool:
        """Read what is left of a body, if it is not very much; whether it is read."""
        left = DRAINED
        while not self.read_all and left > 0:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            left -= len(message.get("body", b""))
            self.read_all = not message.get("more_body", False)
        return self.read_all

    async def reply(self, body: bytes, status: int = 200) -> None:
        """A short answer in JSON, or none."""
        self.begun = True
        await reply(self.send, body, status=status)

    async def start(self, status: int, headers: showing.Headers) -> None:
        """The head of an answer whose body follows."""
        self.begun = True
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, chunks: AsyncIterator[bytes], first: bytes | None = None) -> None:
        """The body, and its end. Nothing more is read once the client is gone."""
        gone = asyncio.ensure_future(self._gone())
        try:
            if first is not None:
                await self._send_more(first)
            async for chunk in chunks:
                if gone.done():
                    raise Disconnected
                await self._send_more(chunk)
            await self.end()
        finally:
            gone.cancel()
            if isinstance(chunks, AsyncGenerator):  # a file that is read is closed at once
                await chunks.aclose()

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue

    async def _send_more(self, chunk: bytes) -> None:
        await self.send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self) -> None:
        await self.send({"type": "http.response.body", "body": b""})


def _masked(error: Exception) -> TrackqlError:
    """A failure that is not the client's to know, logged."""
    name = uuid4().hex[:12]
    log.error("internal error %s about artifacts", name, exc_info=error)
    return Failed(f"Something went wrong in the server; its log has the details under {name}.")


async def _not_allowed(exchange: _Exchange, allowed: str) -> None:
    error = InvalidInput(f"this address takes {allowed}, and no {exchange.method}")
    extra = [(b"allow", allowed.encode())]
    if not await exchange.drained():
        extra.append((b"connection", b"close"))
    exchange.begun = True
    await refuse(exchange.send, error, status=405, headers=extra)


# -- down


async def _file(ctx: Context, exchange: _Exchange, run_id: str, path: str) -> None:
    found = await artifacts.content(ctx, run_id, path)
    artifact = found.artifact
    tag = f'"{artifact.digest}"'
    headers = [
        *showing.headers(
            artifact.name, artifact.media_type, inline=exchange.asked("inline") is not None
        ),
        *_marks(found, tag),
    ]
    if ranges.matches(exchange.headers.get("if-none-match"), tag):
        await exchange.start(304, headers)
        await exchange.end()
        return
    wanted = exchange.headers.get("range")
    condition = exchange.headers.get("if-range")
    if condition is not None and condition.strip() != tag:
        wanted = None
    try:
        span = ranges.span(wanted, found.size)
    except ranges.Unsatisfiable:
        length = f"bytes */{found.size}".encode()
        error = InvalidInput(f"the artifact has {found.size:,} bytes", argument="Range")
        exchange.begun = True
        await refuse(exchange.send, error, status=416, headers=[(b"content-range", length)])
        return
    if _leads_away(exchange) and (address := await artifacts.direct(ctx, found)) is not None:
        # A range is asked of the bucket by whoever follows.
        await exchange.start(307, _elsewhere(address))
        await exchange.end()
        return
    start, end = (span.start, span.end) if span else (0, found.size)
    headers.append((b"content-length", str(end - start).encode()))
    if span is not None:
        headers.append((b"content-range", span.content_range.encode()))
    if exchange.method == "HEAD" or start == end:
        await exchange.start(206 if span else 200, headers)
        await exchange.end()
        return
    chunks = artifacts.read(ctx, found, start, end)
    # A store that does not answer is told of while there still is a status to tell it by.
    try:
        first = await anext(chunks)
    except FileNotFoundError as error:
        raise Unavailable(f"{path!r} was just replaced or removed: ask again") from error
    await exchange.start(206 if span else 200, headers)
    await exchange.body(chunks, first)


def _leads_away(exchange: _Exchange) -> bool:
    """Only who asks for it: clients that follow no redirection would find nothing, and a browser
    would show and name the bytes as the bucket does."""
    asked, inline = exchange.asked("direct"), exchange.asked("inline")
    return exchange.method == "GET" and asked is not None and inline is None


def _elsewhere(address: str) -> showing.Headers:
    return [
        (b"location", address.encode()),
        (b"content-length", b"0"),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
    ]


def _marks(found: Content, tag: str) -> showing.Headers:
    digest = base64.b64encode(bytes.fromhex(found.artifact.digest or "")).decode()
    return [
        (b"etag", tag.encode()),
        (b"repr-digest", f"sha-256=:{digest}:".encode()),
        (b"accept-ranges", b"bytes"),
        (b"cache-control", b"private, no-cache"),
    ]


async def _folder(ctx: Context, exchange: _Exchange, run_id: str, path: str) -> None:
    form = exchange.asked("format") or "zip"
    if form not in ("zip", "pack"):
        raise InvalidInput("format is zip or pack", argument="format")
    members = await packs.members(ctx, run_id, path)
    folder = path.strip("/").rpartition("/")[2] or run_id
    kind = "application/zip" if form == "zip" else PACK
    headers = showing.headers(f"{folder}.{form}", kind, inline=False)
    headers = [(b"content-type", kind.encode()), *headers[1:], (b"cache-control", b"no-store")]
    if form == "pack":
        head = packs.manifest(members)
        size = len(head) + sum(each.size for each in members)
        headers.append((b"content-length", str(size).encode()))
    await exchange.start(200, headers)
    if exchange.method == "HEAD":
        await exchange.end()
    elif form == "zip":
        await exchange.body(archives.zipped(ctx, members))
    else:
        await exchange.body(_packed(ctx, head, members))


async def _packed(ctx: Context, head: bytes, members: list[packs.Member]) -> AsyncIterator[bytes]:
    held, size = [head], len(head)
    async for _, chunks in packs.bodies(ctx, members):
        async for chunk in chunks:
            held.append(chunk)
            size += len(chunk)
            if size >= archives.FLUSH:
                yield b"".join(held)
                held, size = [], 0
    yield b"".join(held)


async def _preview(ctx: Context, exchange: _Exchange, run_id: str, path: str) -> None:
    if exchange.asked("preview") != "table":
        raise InvalidInput("preview is table", argument="preview")
    table = await previews.table(
        ctx, run_id, path, exchange.asked("offset"), exchange.asked("limit")
    )
    exchange.begun = True
    await reply(
        exchange.send, orjson.dumps(table), headers=[(b"cache-control", b"private, no-cache")]
    )


# -- up


async def _put(ctx: Context, exchange: _Exchange, run_id: str, path: str) -> None:
    length = exchange.headers.get("content-length")
    made, changed = await artifacts.receive(
        ctx,
        run_id,
        path,
        exchange.chunks(),
        given_type=_given_type(exchange.headers.get("content-type")),
        digest=_digest(exchange.headers),
        size=int(length) if length is not None and length.isdecimal() else None,
    )
    await exchange.reply(orjson.dumps(_told(made)), 201 if changed else 200)


async def _pack(ctx: Context, exchange: _Exchange, run_id: str) -> None:
    kind = (exchange.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind != PACK:
        raise InvalidInput(
            f"send one file by PUT to its path, or many as {PACK}", argument="Content-Type"
        )
    made = await packs.receive(ctx, run_id, exchange.chunks())
    await exchange.reply(orjson.dumps({"artifacts": [_told(each) for each in made]}))


def _told(artifact: Artifact) -> dict[str, object]:
    return {
        "path": artifact.path,
        "size": artifact.size,
        "sha256": artifact.digest,
        "mediaType": artifact.media_type,
    }


def _given_type(header: str | None) -> str | None:
    """What the client says of the bytes; what its tool says of every body says nothing."""
    vague = ("application/x-www-form-urlencoded", "application/octet-stream")
    return None if header is None or header.partition(";")[0].strip().lower() in vague else header


def _digest(headers: Headers) -> str | None:
    """The SHA-256 that the client announces: RFC 9530."""
    for name in ("repr-digest", "content-digest"):
        if (given := headers.get(name)) is None:
            continue
        found = _DIGEST.search(given)
        if found is None:
            if "sha-256" in given.lower():
                raise InvalidInput(f"{name} has to be written like sha-256=:BASE64:", argument=name)
            continue
        try:
            digest = base64.b64decode(found[1], validate=True).hex()
        except binascii.Error as error:
            raise InvalidInput(f"{name} is no base64", argument=name) from error
        return files.checked_digest(digest, name)
    return None
