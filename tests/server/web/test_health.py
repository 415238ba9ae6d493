"""What machines ask about the server."""

import logging

import httpx
import pytest
from starlette.applications import Starlette

from trackql_server.errors import Unavailable
from trackql_server.web.health import routes


async def get(path: str, failure: Exception | None = None) -> httpx.Response:
    async def check() -> None:
        if failure is not None:
            raise failure

    app = Starlette(routes=routes("1.2.3", check))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path)


async def test_health_does_not_ask_the_database() -> None:
    response = await get("/health", RuntimeError("down"))
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_version() -> None:
    assert (await get("/version")).json() == {"version": "1.2.3"}


async def test_ready_follows_the_check(caplog: pytest.LogCaptureFixture) -> None:
    assert (await get("/ready")).json() == {"status": "ready"}

    old = await get("/ready", Unavailable("Run trackql db upgrade."))
    assert old.status_code == 503
    assert old.json()["errors"][0]["message"] == "Run trackql db upgrade."

    with caplog.at_level(logging.ERROR, "trackql.web"):
        down = await get("/ready", RuntimeError("password=hunter2"))
    assert down.status_code == 503
    assert down.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert "hunter2" not in down.text
    assert "hunter2" in caplog.text
