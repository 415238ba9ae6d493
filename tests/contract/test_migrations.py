"""A database that all migrations made is the one that the models describe."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlmodel import SQLModel

import trackql_server.models  # noqa: F401  (fills the metadata)
from trackql_server.store.database import Database
from trackql_server.store.migrate import HEAD, VERSION_TABLE, current


async def test_migrations_end_where_the_models_are(database_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        return list(compare_metadata(context, SQLModel.metadata))

    database = Database(database_url)
    try:
        assert await current(database) == HEAD
        async with database.writers.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await database.close()
