"""Says whether the server lives, whether it can work, and which release it is."""

import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from trackql_server.errors import TrackqlError, Unavailable

_log = logging.getLogger("trackql.web")


def routes(version: str, check: Callable[[], Awaitable[None]]) -> list[Route]:
    """`/health` never touches the database; `/ready` answers 503 while `check` raises."""

    async def health(request: Request) -> JSONResponse:
        return _fresh({"status": "ok"})

    async def ready(request: Request) -> JSONResponse:
        try:
            await check()
        except TrackqlError as error:
            return _fresh({"errors": [error.formatted]}, error.status)
        except Exception:
            _log.exception("the database does not answer")
            silent = Unavailable("The database does not answer; the server's log says why.")
            return _fresh({"errors": [silent.formatted]}, silent.status)
        return _fresh({"status": "ready"})

    async def release(request: Request) -> JSONResponse:
        return _fresh({"version": version})

    return [Route("/health", health), Route("/ready", ready), Route("/version", release)]


def _fresh(content: dict[str, object], status: int = 200) -> JSONResponse:
    return JSONResponse(content, status, headers={"cache-control": "no-store"})
