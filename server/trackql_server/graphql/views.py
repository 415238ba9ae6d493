"""The GraphQL endpoint: HTTP and server-sent events, and WebSockets at the same path."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs

import orjson
from graphql import ExecutionResult
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send
from strawberry import Schema

from trackql_server.errors import CostLimit, InvalidInput, NotFound, TrackqlError
from trackql_server.graphql import errors
from trackql_server.graphql.limits import Limits
from trackql_server.graphql.operations import QUERIES, Operations, Refused, Request
from trackql_server.graphql.packing import pack
from trackql_server.graphql.sockets import Sockets

# A stream that says nothing for this long says ": ping", lest something between us cuts it.
PING_EVERY = 15.0

_JSON = (b"content-type", b"application/json")
_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


class _Rejected(Exception):
    """An HTTP request that does not carry an operation."""

    def __init__(self, error: TrackqlError, status: int, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(error.message)
        self.error = error
        self.status = status
        self.headers = headers


class View:
    """An ASGI endpoint; `context` makes what resolvers find in `info.context`."""

    def __init__(
        self,
        schema: Schema,
        context: Callable[[], object],
        *,
        limits: Limits | None = None,
        limit_request: int = 64 * 1024 * 1024,
        page: Path | None = None,
        page_headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        self._operations = Operations(schema, limits or Limits())
        self._context = context
        self._limit = limit_request
        self._page = page
        self._page_headers = page_headers
        self._sockets = Sockets(schema, self._operations, context)
        self._closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
            return
        try:
            await self._answer(scope, receive, send)
        except _Rejected as rejected:
            body = _encode({"errors": [rejected.error.formatted]})
            await _reply(send, body, rejected.status, *rejected.headers)
        except TrackqlError as error:
            await _reply(send, _encode({"errors": [error.formatted]}), error.status)

    async def warm(self, query: str) -> None:
        """Answers a query that nobody asked."""
        with suppress(Refused):  # who asks the same will be told
            await self._operations.execute(Request(query), self._context())

    async def close(self) -> None:
        """Ends every stream so that its client asks again elsewhere or later."""
        self._closing.set()
        await self._sockets.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        accept = headers.get("accept", "")
        if scope["method"] == "POST":
            request = _read_body(await self._body(headers, receive), headers)
        elif scope["method"] == "GET":
            if b"query=" not in scope["query_string"] and "text/html" in accept:
                await self._show_page(send)
                return
            request = _read_query(scope["query_string"])
        else:
            raise _Rejected(
                InvalidInput("GraphQL is asked by POST, or by GET for queries."),
                405,
                (b"allow", b"GET, POST"),
            )
        # Who takes JSON too gets a query's or a mutation's answer whole, once it is known.
        if (
            scope["method"] == "POST"
            and "text/event-stream" in accept
            and ("json" not in accept or self._operations.streams(request))
        ):
            await self._stream(request, receive, send)
            return
        try:
            if scope["method"] == "GET":
                result = await self._operations.execute(request, self._context(), QUERIES)
            else:
                result = await self._operations.execute(request, self._context())
        except Refused as refused:
            result = ExecutionResult(None, refused.errors)
        body, encoding = await pack(_told(result), headers, scope)
        await _reply(send, body, 200, *encoding)

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        if int(headers.get("content-length", 0)) > self._limit:
            raise self._too_large()
        message = await receive()
        body = cast(bytes, message.get("body", b""))
        if not message.get("more_body"):
            if len(body) > self._limit:
                raise self._too_large()
            return body
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limit:
                raise self._too_large()
        return b"".join(parts)

    def _too_large(self) -> _Rejected:
        error = CostLimit(
            f"The request is larger than the {self._limit:,} bytes allowed; send it in parts.",
            limit="request",
        )
        return _Rejected(error, 413, (b"connection", b"close"))

    async def _show_page(self, send: Send) -> None:
        if self._page is None or not self._page.is_file():
            raise _Rejected(NotFound("GraphiQL is not built; run scripts/build."), 404)
        page = await asyncio.to_thread(self._page.read_bytes)
        html = (b"content-type", b"text/html; charset=utf-8")
        await _reply(send, page, 200, *self._page_headers, content_type=html)

    async def _stream(self, request: Request, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _STREAM})
        async with aclosing(self._operations.stream(request, self._context())) as results:
            gone = asyncio.create_task(_disconnected(receive))
            closing = asyncio.create_task(self._closing.wait())
            try:
                finished = await _send_events(results, send, {gone, closing})
            finally:
                gone.cancel()
                closing.cancel()
        if finished:
            await send(_event(b"event: complete\ndata:\n\n"))
        await send({"type": "http.response.body", "body": b""})


async def _send_events(
    results: AsyncIterator[ExecutionResult], send: Send, ends: set[asyncio.Task[object]]
) -> bool:
    """Sends until the results end (true) or one of the tasks ends (false)."""
    upcoming: asyncio.Task[ExecutionResult | None] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.create_task(_next(results))
            done, _ = await asyncio.wait(
                {upcoming, *ends}, timeout=PING_EVERY, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                await send(_event(b": ping\n\n"))
            elif upcoming in done:
                try:
                    result = upcoming.result()
                except Refused as refused:
                    result = ExecutionResult(None, refused.errors)
                if result is None:
                    return True
                upcoming = None
                await send(_event(b"event: next\ndata: %b\n\n" % _told(result)))
            if not ends.isdisjoint(done):
                return False
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.wait({upcoming})


async def _next(results: AsyncIterator[ExecutionResult]) -> ExecutionResult | None:
    return await anext(results, None)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _read_body(body: bytes, headers: Headers) -> Request:
    # A form or text/plain is what a foreign page can post without asking; no client needs them.
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in ("application/json", "application/graphql-response+json"):
        error = InvalidInput("GraphQL is posted as Content-Type: application/json.")
        raise _Rejected(error, 415)
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _Rejected(InvalidInput(f"The body is not JSON: {error}."), 400) from None
    return _request(payload)


def _read_query(query_string: bytes) -> Request:
    try:
        values = parse_qs(query_string.decode(), keep_blank_values=True, max_num_fields=16)
        payload: dict[str, object] = {
            name: values[name][-1] for name in ("query", "operationName") if name in values
        }
        if values.get("variables"):
            payload["variables"] = orjson.loads(values["variables"][-1])
    except ValueError as error:
        raise _Rejected(InvalidInput(f"The query string cannot be read: {error}."), 400) from None
    return _request(payload)


def _request(payload: object) -> Request:
    try:
        return Request.read(payload)
    except InvalidInput as error:
        raise _Rejected(error, 400) from None


def _told(result: ExecutionResult) -> bytes:
    try:
        return _encode(result.formatted)
    except TypeError as error:  # a resolver gave what JSON cannot say
        return _encode({"data": None, "errors": [errors.internal(error).formatted]})


def _encode(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def _event(text: bytes) -> Message:
    return {"type": "http.response.body", "body": text, "more_body": True}


async def _reply(
    send: Send,
    body: bytes,
    status: int,
    *headers: tuple[bytes, bytes],
    content_type: tuple[bytes, bytes] = _JSON,
) -> None:
    size = (b"content-length", str(len(body)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [content_type, size, *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})
