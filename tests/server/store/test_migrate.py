"""An embedded database is copied before it is changed; a server database is never changed."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.postgres import Cluster
from trackql_server.domain.context import Services
from trackql_server.errors import Unavailable
from trackql_server.store import migrate
from trackql_server.store.database import Database


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


def copies(folder: Path) -> list[Path]:
    return list(folder.glob("**/*.backup"))


async def test_a_fresh_file_needs_no_copy(tmp_path: Path) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path / 'deep' / 'a.db'}") as database:
        await migrate.ready(database)
        assert await migrate.current(database) == migrate.HEAD
        await migrate.ready(database)
    assert not copies(tmp_path)


async def test_a_file_that_holds_data_is_copied_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.db"
    async with opened(f"sqlite+aiosqlite:///{file}") as database:
        await migrate.ready(database)
        async with database.write() as session:
            await session.execute(text("UPDATE experiment SET description = 'kept'"))
            await session.execute(text("UPDATE trackql_version SET version_num = '0000'"))
        monkeypatch.setattr("alembic.command.upgrade", lambda *_: None)
        monkeypatch.setattr(migrate, "KNOWN", ("0000", migrate.HEAD))
        # Somebody reads meanwhile, so the log cannot be folded into the file.
        with closing(sqlite3.connect(file)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM run").fetchall()
            await migrate.upgrade(database)
    [copy] = copies(tmp_path)
    assert copy.name.startswith("a.db.0000-")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT description FROM experiment").fetchall() == [("kept",)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_database_of_a_later_release_is_left_alone(database_url: str) -> None:
    async with opened(database_url) as database, database.writers.begin() as connection:
        await connection.execute(text("UPDATE trackql_version SET version_num = '9999'"))
    for _ in range(2):
        with pytest.raises(Unavailable, match="9999"):
            await Services.open(database_url)
    async with opened(database_url) as database:
        with pytest.raises(Unavailable, match="later release"):
            await migrate.upgrade(database)
        assert await migrate.current(database) == "9999"


async def test_a_server_database_is_upgraded_only_by_hand(postgres: Cluster) -> None:
    name = postgres.create("by_hand", "template0")
    try:
        url = postgres.url(name)
        with pytest.raises(Unavailable, match="trackql db upgrade"):
            await Services.open(url)
        async with opened(url) as database:
            assert await migrate.current(database) is None
            await migrate.upgrade(database)
        await (await Services.open(url)).close()
    finally:
        postgres.drop(name)
