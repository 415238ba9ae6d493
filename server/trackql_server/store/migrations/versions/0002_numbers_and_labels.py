"""Numbers for runs, labels for keys, heads of texts: what makes runs quick to search.

Also the single values of typed configuration, and datasets.
"""

from collections.abc import Iterable
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from trackql_server.models.numbers import label_id

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HEAD = 256
LEAVES = 1_000


def upgrade() -> None:
    _number_runs()
    op.create_table(
        "label",
        sa.Column("id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("experiment_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_label_key", "label", ["experiment_id", "kind", "key"], unique=True)
    op.create_table(
        "config_value",
        sa.Column("label_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("run_number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("head", TEXT, nullable=True),
        sa.Column("value", TEXT, nullable=True),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("flag", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("label_id", "run_number"),
    )
    op.create_table(
        "dataset_input",
        sa.Column("run_number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("place", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("experiment_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("context", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("run_number", "place"),
    )
    op.create_index(
        "ix_dataset_input_name", "dataset_input", ["experiment_id", "name", "run_number"]
    )

    for table in ("metric_series", "param", "tag"):
        for name in ("label_id", "run_number"):
            _add(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    for table in ("param", "tag"):
        _add(table, sa.Column("head", TEXT, nullable=False, server_default=""))
    _add("param", sa.Column("scalar", TEXT, nullable=True))
    _label()
    _spread_configs()
    for table in ("metric_series", "param", "tag"):
        op.drop_index(f"ix_{table}_key", table)
    for table in ("param", "tag"):
        op.drop_column(table, "experiment_id")
    _index()


def _add(table: str, column: sa.Column[Any]) -> None:
    op.add_column(table, column)


def _number_runs() -> None:
    """The run's number becomes its primary key, which SQLite can't change in place."""
    op.create_table(
        "numbered_run",
        sa.Column("number", NUMBER, nullable=False, autoincrement=False),
        sa.Column("root_number", sa.BigInteger(), nullable=False),
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
        sa.ForeignKeyConstraint(["experiment_id"], ["experiment.id"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    kept = (
        "id, experiment_id, name, description, status, lifecycle, start_time, end_time,"
        ' heartbeat_time, duration_ms, "user", source_name, git_commit, parent_run_id,'
        " dropped_points, problems"
    )
    op.execute(
        f"INSERT INTO numbered_run (number, root_number, {kept})"
        f" SELECT row_number() OVER (ORDER BY start_time, id), 0, {kept} FROM run"
    )
    op.drop_table("run")
    op.rename_table("numbered_run", "run")
    # From the outermost runs inwards; a run whose parent is unknown, or that is nested in itself,
    # is its own root.
    op.execute(
        "UPDATE run SET root_number = number WHERE parent_run_id IS NULL"
        " OR parent_run_id NOT IN (SELECT id FROM run)"
    )
    inwards = sa.text(
        "UPDATE run SET root_number = (SELECT root_number FROM run AS above"
        " WHERE above.id = run.parent_run_id) WHERE root_number = 0 AND parent_run_id IN"
        " (SELECT id FROM run WHERE root_number <> 0)"
    )
    while op.get_bind().execute(inwards).rowcount:
        pass
    op.execute("UPDATE run SET root_number = number WHERE root_number = 0")
    for name, column in (
        ("start", "start_time"),
        ("name", "name"),
        ("status", "status"),
        ("duration", "duration_ms"),
    ):
        op.create_index(f"ix_run_{name}", "run", ["experiment_id", "lifecycle", column, "number"])
    op.create_index("ix_run_parent", "run", ["parent_run_id", "start_time", "number"])
    op.create_index("ix_run_root", "run", ["root_number", "number"])


def _label() -> None:
    connection = op.get_bind()
    for table, kind in (("metric_series", "metric"), ("param", "param"), ("tag", "tag")):
        head = "" if kind == "metric" else f", head = substr(value, 1, {HEAD})"
        connection.execute(
            sa.text(
                f"UPDATE {table} SET run_number ="
                f" (SELECT number FROM run WHERE run.id = {table}.run_id){head}"
            )
        )
        used = connection.execute(
            sa.text(f"SELECT DISTINCT experiment_id, key FROM {table} ORDER BY experiment_id, key")
        )
        for experiment_id, key in used.all():
            number = _make_label(experiment_id, kind, key)
            connection.execute(
                sa.text(
                    f"UPDATE {table} SET label_id = :number"
                    " WHERE experiment_id = :experiment_id AND key = :key"
                ),
                {"number": number, "experiment_id": experiment_id, "key": key},
            )


def _make_label(experiment_id: str, kind: str, key: str) -> int:
    number = label_id(experiment_id, kind, key)
    op.get_bind().execute(
        sa.text(
            "INSERT INTO label (id, experiment_id, kind, key)"
            " VALUES (:id, :experiment_id, :kind, :key) ON CONFLICT DO NOTHING"
        ),
        {"id": number, "experiment_id": experiment_id, "kind": kind, "key": key},
    )
    return number


def _spread_configs() -> None:
    connection = op.get_bind()
    given = connection.execute(
        sa.text(
            "SELECT run_id, run_number, experiment_id, key, config FROM param"
            " WHERE config IS NOT NULL"
        )
    )
    for run_id, number, experiment_id, key, config in given.all():
        value = orjson.loads(config)
        if isinstance(value, dict | list):
            for path, leaf in _leaves(key, value, 0):
                connection.execute(
                    sa.text(
                        "INSERT INTO config_value (label_id, run_number, head, value, number, flag)"
                        " VALUES (:label, :run, :head, :value, :number, :flag)"
                        " ON CONFLICT DO NOTHING"
                    ),
                    _row(_make_label(experiment_id, "config", path), number, leaf),
                )
        elif value is not None:
            scalar = "flag" if isinstance(value, bool) else "text" if isinstance(value, str) else ""
            connection.execute(
                sa.text("UPDATE param SET scalar = :scalar WHERE run_id = :run AND key = :key"),
                {"scalar": scalar or "number", "run": run_id, "key": key},
            )


def _row(label: int, run: int, leaf: Any) -> dict[str, Any]:
    text = leaf if isinstance(leaf, str) else None
    flag = leaf if isinstance(leaf, bool) else None
    return {
        "label": label,
        "run": run,
        "head": None if text is None else text[:HEAD],
        "value": text,
        "number": float(leaf) if text is None and flag is None else None,
        "flag": flag,
    }


def _leaves(path: str, value: Any, depth: int) -> Iterable[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in inner:
            if depth < 20 and len(found) < LEAVES:
                found.extend(_leaves(f"{path}.{name}", each, depth + 1))
    elif value is not None and len(path) <= 500 and not (isinstance(value, str) and "\0" in value):
        found.append((path, value))
    return found[:LEAVES]


def _index() -> None:
    op.create_index(
        "ix_metric_series_last", "metric_series", ["label_id", "last_value", "run_number"]
    )
    op.create_index(
        "ix_metric_series_run",
        "metric_series",
        [
            "label_id",
            "run_number",
            "last_value",
            "first_value",
            "min_value",
            "max_value",
            "total",
            "count",
            "nan_count",
        ],
    )
    op.create_index("ix_param_run", "param", ["label_id", "run_number", "head", "number"])
    op.create_index("ix_param_head", "param", ["label_id", "head", "run_number"])
    op.create_index(
        "ix_param_number",
        "param",
        ["label_id", "number", "run_number"],
        sqlite_where=sa.text("number IS NOT NULL"),
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_index("ix_tag_run", "tag", ["label_id", "run_number", "head"])
    op.create_index("ix_tag_head", "tag", ["label_id", "head", "run_number"])
    op.create_index("ix_config_head", "config_value", ["label_id", "head", "run_number"])
    op.create_index("ix_config_number", "config_value", ["label_id", "number", "run_number"])
