"""Artifacts, rich values, console, surroundings, datasets, requests and alerts; times of the trash.

The name of an experiment in the trash is free again.
"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _time_the_trash()
    _free_names()
    op.create_table(
        "artifact",
        sa.Column("number", ROW_NUMBER, nullable=False, autoincrement=False),
        sa.Column("owner_number", sa.BigInteger(), nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("folder", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", TEXT, nullable=True),
        sa.Column("media_type", TEXT, nullable=False),
        sa.Column("uri", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("trashed", sa.BigInteger(), nullable=False),
        sa.Column("trashed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_artifact_digest", "artifact", ["digest"])
    op.create_index("ix_artifact_folder", "artifact", ["owner_number", "trashed", "folder", "name"])
    op.create_index(
        "ix_artifact_path", "artifact", ["owner_number", "path", "trashed"], unique=True
    )
    op.create_index(
        "ix_artifact_trashed",
        "artifact",
        ["trashed_at"],
        sqlite_where=sa.text("trashed_at IS NOT NULL"),
        postgresql_where=sa.text("trashed_at IS NOT NULL"),
    )
    op.create_table(
        "artifact_folder",
        sa.Column("owner_number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("parent", TEXT, nullable=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_number", "path"),
    )
    op.create_index(
        "ix_artifact_folder_parent", "artifact_folder", ["owner_number", "parent", "name"]
    )
    op.create_table(
        "blob",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("place"),
    )
    op.create_table(
        "upload",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("media_type", TEXT, nullable=False),
        sa.Column("part_size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_upload_touched", "upload", ["touched_at"])
    op.create_table(
        "upload_part",
        sa.Column("upload_id", TEXT, nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("upload_id", "part"),
    )
    op.create_table(
        "logged_value",
        sa.Column("run_number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("label_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("step", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("place", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("path", TEXT, nullable=True),
        sa.Column("caption", TEXT, nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_number", "label_id", "step", "place"),
    )
    op.create_table(
        "value_series",
        sa.Column("run_number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("label_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", "key"),
    )
    op.create_index("ix_value_series_label", "value_series", ["label_id", "run_number"])
    op.create_table(
        "console_chunk",
        sa.Column("run_number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("start", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("first_time", sa.BigInteger(), nullable=False),
        sa.Column("last_time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", "start"),
    )
    op.create_table(
        "console_state",
        sa.Column("run_number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.Column("open_lines", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_number"),
    )
    op.create_table(
        "run_fact",
        sa.Column("run_number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", "kind"),
    )
    op.create_table(
        "dataset",
        sa.Column("experiment_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("source_type", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("data_schema", TEXT, nullable=True),
        sa.Column("profile", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "name", "digest"),
    )
    op.add_column("dataset_input", sa.Column("tags", sa.Text(), nullable=True))
    op.create_index(
        "ix_dataset_input_digest",
        "dataset_input",
        ["experiment_id", "name", "digest", "run_number"],
    )
    op.create_table(
        "run_request",
        sa.Column("number", ROW_NUMBER, nullable=False, autoincrement=False),
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("asked_by", TEXT, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_run_request_run", "run_request", ["run_number", "number"])
    op.create_index("ix_run_request_open", "run_request", ["run_id", "open", "number"])
    op.create_table(
        "live_param",
        sa.Column("run_number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_number", "key"),
    )
    op.create_table(
        "alert",
        sa.Column("number", ROW_NUMBER, nullable=False, autoincrement=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("run_number", sa.BigInteger(), nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("experiment_id", TEXT, nullable=False),
        sa.Column("level", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("rule_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_alert_experiment", "alert", ["experiment_id", "number"])
    op.create_index("ix_alert_run", "alert", ["run_number", "number"])
    op.create_table(
        "alert_rule",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("experiment_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("level", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("comparator", TEXT, nullable=False),
        sa.Column("bound", sa.Float(), nullable=True),
        sa.Column("patience", sa.BigInteger(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alert_rule_experiment", "alert_rule", ["experiment_id", "name", "id"])


def _time_the_trash() -> None:
    """Nobody noted when it was; what lies there counts from now."""
    now = int(time.time() * 1000)
    for table in ("experiment", "run"):
        op.add_column(table, sa.Column("trashed_at", sa.BigInteger(), nullable=True))
        op.execute(f"UPDATE {table} SET trashed_at = {now} WHERE lifecycle = 'DELETED'")
    op.create_index(
        "ix_run_trashed",
        "run",
        ["trashed_at"],
        sqlite_where=sa.text("trashed_at IS NOT NULL"),
        postgresql_where=sa.text("trashed_at IS NOT NULL"),
    )


def _free_names() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_experiments()
    else:
        op.drop_constraint("experiment_name_key", "experiment", type_="unique")
    op.create_index(
        "ix_experiment_used_name",
        "experiment",
        ["name"],
        unique=True,
        sqlite_where=sa.text("lifecycle = 'ACTIVE'"),
        postgresql_where=sa.text("lifecycle = 'ACTIVE'"),
    )
    op.create_index("ix_experiment_name", "experiment", ["name", "id"])


def _rebuild_experiments() -> None:
    """SQLite can't drop a constraint. Runs refer to the table, so the rows leave and come back."""
    kept = "id, name, description, lifecycle, created_at, updated_at, trashed_at"
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute(f"CREATE TEMP TABLE kept_experiment AS SELECT {kept} FROM experiment")
    op.drop_table("experiment")
    op.create_table(
        "experiment",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("lifecycle", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("trashed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(f"INSERT INTO experiment ({kept}) SELECT {kept} FROM kept_experiment")
    op.execute("DROP TABLE kept_experiment")
