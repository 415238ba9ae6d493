"""Plain replies: JSON bodies, and failures in the shape that GraphQL gives them."""

from collections.abc import Iterable

import orjson
from starlette.types import Send

from trackql_server.errors import TrackqlError

Headers = Iterable[tuple[bytes, bytes]]


async def reply(
    send: Send,
    body: bytes,
    *,
    status: int = 200,
    media_type: bytes = b"application/json",
    headers: Headers = (),
) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", media_type),
                (b"content-length", str(len(body)).encode()),
                (b"x-content-type-options", b"nosniff"),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def refuse(
    send: Send, error: TrackqlError, *, status: int | None = None, headers: Headers = ()
) -> None:
    await reply(send, refusal(error), status=status or error.status, headers=headers)


def refusal(error: TrackqlError) -> bytes:
    return orjson.dumps({"errors": [error.formatted]})
