"""Bringing a database to this release's tables; Alembic is imported only when there is work."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from trackql_server.errors import Unavailable
from trackql_server.store.database import Database

# The newest file in migrations/versions, and all of them; known here so that a start need not
# import Alembic.
HEAD = "0004"
KNOWN = ("0001", "0002", "0003", HEAD)
VERSION_TABLE = "trackql_version"


async def current(database: Database) -> str | None:
    """The revision the database is at; None when it holds nothing of ours."""

    def look(connection: Connection) -> str | None:
        if not inspect(connection).has_table(VERSION_TABLE):
            return None
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
        return None if found is None else str(found)

    async with database.writers.connect() as connection:
        return await connection.run_sync(look)


async def ready(database: Database) -> None:
    """Bring an embedded database to HEAD; raise Unavailable when a server database is not there."""
    if database.file is not None:
        database.file.parent.mkdir(parents=True, exist_ok=True)
        await upgrade(database)
        return
    found = await current(database)
    _require_known(found)
    if found != HEAD:
        raise Unavailable(
            f"the database is at revision {found or 'none'}, this release needs {HEAD}:"
            " run `trackql db upgrade`"
        )


async def upgrade(database: Database) -> None:
    """Bring the database to HEAD; a file that holds data is copied beside itself before."""
    found = await current(database)
    _require_known(found)
    if found == HEAD:
        return
    if found is not None and database.file is not None:
        await _back_up(database, found)

    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))

    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)

    async with database.writers.begin() as connection:
        await connection.run_sync(run)


def _require_known(found: str | None) -> None:
    if found is not None and found not in KNOWN:
        raise Unavailable(
            f"the database is at revision {found}, of a later release than this one:"
            " install that release, or go back to a backup"
        )


async def _back_up(database: Database, found: str) -> None:
    source = database.file
    assert source is not None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    await asyncio.to_thread(
        _copy, source, source.with_name(f"{source.name}.{found}-{stamp}.backup")
    )


def _copy(source: Path, target: Path) -> None:
    """By SQLite itself: a copy of the file alone would lack what is still in its log."""
    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)
