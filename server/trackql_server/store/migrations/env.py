"""What Alembic runs: the migrations, on the connection that `store.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

import trackql_server.models  # noqa: F401  (fills the metadata)
from trackql_server.store.migrate import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
