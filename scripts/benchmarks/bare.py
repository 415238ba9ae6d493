"""A bare Starlette app that streams bodies into a file and a file into bodies: the yardstick.

Run as `python -m scripts.benchmarks.bare FOLDER PORT`, on uvicorn as trackql itself.
"""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiofiles
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

PIECE = 1024 * 1024


def app(folder: Path) -> Starlette:
    """`PUT /{name}` keeps a body, `GET /{name}` gives it back; nothing else is done to it."""

    async def put(request: Request) -> Response:
        with (folder / request.path_params["name"]).open("wb") as file:
            async for chunk in request.stream():
                file.write(chunk)
        return Response(status_code=201)

    async def get(request: Request) -> Response:
        path = folder / request.path_params["name"]

        async def pieces() -> AsyncIterator[bytes]:
            async with aiofiles.open(path, "rb") as file:
                while piece := await file.read(PIECE):
                    yield piece

        length = {"content-length": str(path.stat().st_size)}
        return StreamingResponse(pieces(), headers=length)

    async def health(request: Request) -> Response:
        return Response("up")

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/{name}", put, methods=["PUT"]),
            Route("/{name}", get, methods=["GET"]),
        ]
    )


if __name__ == "__main__":
    uvicorn.run(app(Path(sys.argv[1])), port=int(sys.argv[2]), log_level="warning", lifespan="off")
