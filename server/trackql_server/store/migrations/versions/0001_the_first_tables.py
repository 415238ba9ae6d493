"""The first tables: experiments, runs, metric series, and the experiment called Default."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "experiment",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("lifecycle", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "metric_chunk",
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("low_step", sa.BigInteger(), nullable=False),
        sa.Column("high_step", sa.BigInteger(), nullable=False),
        sa.Column("low_time", sa.BigInteger(), nullable=False),
        sa.Column("high_time", sa.BigInteger(), nullable=False),
        sa.Column("steps", sa.LargeBinary(), nullable=False),
        sa.Column("times", sa.LargeBinary(), nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "start"),
    )
    op.create_table(
        "metric_series",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("experiment_id", TEXT, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("first_time", sa.BigInteger(), nullable=False),
        sa.Column("first_value", sa.Float(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_time", sa.BigInteger(), nullable=False),
        sa.Column("last_value", sa.Float(), nullable=True),
        sa.Column("min_step", sa.BigInteger(), nullable=True),
        sa.Column("min_time", sa.BigInteger(), nullable=True),
        sa.Column("min_value", sa.Float(), nullable=True),
        sa.Column("max_step", sa.BigInteger(), nullable=True),
        sa.Column("max_time", sa.BigInteger(), nullable=True),
        sa.Column("max_value", sa.Float(), nullable=True),
        sa.Column("total", sa.Float(), nullable=True),
        sa.Column("nan_count", sa.BigInteger(), nullable=False),
        sa.Column("steps_rise", sa.Boolean(), nullable=False),
        sa.Column("tail_step", sa.BigInteger(), nullable=False),
        sa.Column("open_chunks", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "key"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_metric_series_key", "metric_series", ["experiment_id", "key", "run_id"])
    op.create_index(
        "ix_metric_series_open",
        "metric_series",
        ["run_id"],
        sqlite_where=sa.text("open_chunks > 1"),
        postgresql_where=sa.text("open_chunks > 1"),
    )

    op.create_table(
        "param",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("experiment_id", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("config", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "key"),
    )
    op.create_index("ix_param_key", "param", ["experiment_id", "key", "run_id"])

    op.create_table(
        "tag",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("experiment_id", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "key"),
    )
    op.create_index("ix_tag_key", "tag", ["experiment_id", "key", "run_id"])

    op.create_table(
        "writer_cursor",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("writer", TEXT, nullable=False),
        sa.Column("next_record", sa.BigInteger(), nullable=False),
        sa.Column("dropped_points", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("run_id", "writer"),
    )
    op.create_table(
        "experiment_tag",
        sa.Column("experiment_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiment.id"],
        ),
        sa.PrimaryKeyConstraint("experiment_id", "key"),
    )
    op.create_table(
        "run",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("experiment_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("lifecycle", TEXT, nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=True),
        sa.Column("heartbeat_time", sa.BigInteger(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("source_name", TEXT, nullable=False),
        sa.Column("git_commit", TEXT, nullable=True),
        sa.Column("parent_run_id", TEXT, nullable=True),
        sa.Column("dropped_points", sa.BigInteger(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiment.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_run_duration", "run", ["experiment_id", "lifecycle", "duration_ms", "id"])
    op.create_index("ix_run_name", "run", ["experiment_id", "lifecycle", "name", "id"])
    op.create_index("ix_run_parent", "run", ["parent_run_id", "start_time", "id"])
    op.create_index("ix_run_start", "run", ["experiment_id", "lifecycle", "start_time", "id"])
    op.create_index("ix_run_status", "run", ["experiment_id", "lifecycle", "status", "id"])
    op.execute(
        sa.text(
            "INSERT INTO experiment (id, name, description, lifecycle, created_at, updated_at)"
            " VALUES ('0', 'Default', '', 'ACTIVE', :now, :now)"
        ).bindparams(now=int(time.time() * 1000))
    )
