"""Requests put to the app as a server would hand them on, byte for byte.

HTTP clients tidy paths up before they send them; what must be refused has to arrive as it is.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson
from starlette.types import ASGIApp


class Gone(Exception):
    """Raised by a body: the client goes away at this place."""


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the one error."""
        [error] = self.json()["errors"]
        return str(error["extensions"]["code"])


async def ask(
    app: ASGIApp,
    method: str,
    target: str,
    body: bytes | AsyncIterator[bytes] = b"",
    headers: Mapping[str, str] | None = None,
    port: int = 4000,
) -> Answer:
    """One request; `target` goes out as it is, and is decoded once, as every server does it."""
    raw, _, query = target.partition("?")
    chunks = _whole(body) if isinstance(body, bytes) else body
    sent = {"host": f"127.0.0.1:{port}", **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in sent.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", port),
        "extensions": {},
        "state": {},
    }
    answer = Answer()
    ended = asyncio.Event()
    over = False

    async def receive() -> dict[str, Any]:
        nonlocal over
        if over:
            await ended.wait()
            return {"type": "http.disconnect"}
        try:
            chunk = await anext(chunks, None)
        except Gone:
            over = True
            ended.set()
            return {"type": "http.disconnect"}
        over = chunk is None
        return {"type": "http.request", "body": chunk or b"", "more_body": not over}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode(): v.decode("latin-1") for k, v in message["headers"]}
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")
            if not message.get("more_body"):
                ended.set()

    await app(scope, receive, send)
    return answer


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
