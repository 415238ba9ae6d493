"""The fixtures that do nearly all: a database of each kind, the app on it, a client, a server."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from scripts.process import Server, trackql_server
from tests.client import GraphQL
from tests.postgres import TEMPLATE, Cluster
from trackql_server.app import create_app
from trackql_server.settings import Settings
from trackql_server.store.database import Database
from trackql_server.store.migrate import upgrade

# MLflow, whose verbs ours are compared with, would report that it was imported.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

# A shell that runs the tests in the background has them ignore interrupts, and a process hands that
# on to those it starts; the tests of what an interrupt does need it as in a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)

# `scripts/test --quick` sets this to sqlite alone.
DATABASES = os.environ.get("TRACKQL_TEST_DATABASES", "sqlite,postgresql").split(",")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The session's PostgreSQL, with a template database that is migrated already."""
    cluster = Cluster()
    try:
        _run(_migrate, cluster.url(cluster.create(TEMPLATE, "template0")))
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("template") / "trackql.db"
    _run(_migrate, f"sqlite+aiosqlite:///{file}")
    return file


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database of each kind in turn."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        yield f"sqlite+aiosqlite:///{shutil.copy(template, tmp_path / 'trackql.db')}"
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture
async def app(database_url: str, tmp_path: Path) -> AsyncIterator[Starlette]:
    """The whole app in memory, on a database of each kind in turn."""
    built = create_app(Settings(home=tmp_path / "home", database_url=database_url))
    async with built.router.lifespan_context(built):
        yield built


@pytest.fixture
async def graphql(app: Starlette) -> AsyncIterator[GraphQL]:
    """Asks the app in memory, over HTTP."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4000"
    ) as http:
        yield GraphQL(http)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A real `trackql server` on a free port, its data in a folder of the test's own."""
    with trackql_server(tmp_path / "home") as running:
        yield running


@pytest.fixture
def any_server(tmp_path: Path, database_url: str) -> Iterator[Server]:
    """The same on a database of each kind in turn."""
    with trackql_server(tmp_path / "home", "--database-url", database_url) as running:
        yield running


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await upgrade(database)
    finally:
        await database.close()


def _run(work: Callable[[str], Coroutine[None, None, None]], url: str) -> None:
    """In a thread and an event loop of its own, whatever loop the test has."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work(url))).result()
