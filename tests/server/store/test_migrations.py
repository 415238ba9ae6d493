"""What was stored before a migration is found after it."""

from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from trackql_server.domain import experiments, runs, search
from trackql_server.domain.context import Services
from trackql_server.domain.pages import page
from trackql_server.domain.search import Question, Where
from trackql_server.filters.parse import parse
from trackql_server.store import migrate
from trackql_server.store.database import Database

OLD = """
INSERT INTO experiment (id, name, description, lifecycle, created_at, updated_at) VALUES
  ('9', 'bin', '', 'DELETED', 1000, 2000);
INSERT INTO run (id, experiment_id, name, description, status, lifecycle, start_time, end_time,
  duration_ms, "user", source_name, parent_run_id, dropped_points, problems) VALUES
  ('{a}', '0', 'first', '', 'FINISHED', 'ACTIVE', 1000, 2000, 1000, '', '', NULL, 0, '[]'),
  ('{b}', '0', 'second', '', 'FINISHED', 'ACTIVE', 2000, 3000, 1000, '', '', '{a}', 0, '[]'),
  ('{c}', '0', 'third', '', 'FINISHED', 'ACTIVE', 3000, 4000, 1000, '', '', '{b}', 0, '[]'),
  ('{d}', '9', 'trash', '', 'FINISHED', 'DELETED', 1000, 2000, 1000, '', '', NULL, 0, '[]');
INSERT INTO param (run_id, key, experiment_id, value, number, config) VALUES
  ('{a}', 'lr', '0', '0.1', 0.1, '0.1'),
  ('{b}', 'model', '0', 'nested', NULL, '{{"depth": 3, "on": true, "names": ["x"]}}'),
  ('{c}', 'long', '0', '{long}', NULL, NULL);
INSERT INTO tag (run_id, key, experiment_id, value) VALUES ('{b}', 'team', '0', 'red');
INSERT INTO metric_series (run_id, key, id, experiment_id, count, first_step, first_time,
  first_value, last_step, last_time, last_value, min_step, min_time, min_value, max_step, max_time,
  max_value, total, nan_count, steps_rise, tail_step, open_chunks) VALUES
  ('{c}', 'loss', 7, '0', 1, 0, 0, 0.5, 0, 0, 0.5, 0, 0, 0.5, 0, 0, 0.5, 0.5, 0, TRUE, 0, 0)
"""
A, B, C, D = "a" * 32, "b" * 32, "c" * 32, "d" * 32


async def test_runs_of_the_first_tables_are_found(database_url: str) -> None:
    begun = datetime.now(UTC).replace(microsecond=0)
    database = Database(database_url)

    def back_and_fill(connection: Connection) -> None:
        for (name,) in connection.execute(text(TABLES[connection.dialect.name])).all():
            connection.execute(text(f'DROP TABLE "{name}"' + CASCADE[connection.dialect.name]))
        config = Config()
        config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in OLD.format(a=A, b=B, c=C, d=D, long="y" * 300).split(";"):
            connection.exec_driver_sql(statement)

    try:
        async with database.writers.begin() as connection:
            await connection.run_sync(back_and_fill)
        await migrate.upgrade(database)
    finally:
        await database.close()
    services = await Services.open(database_url)
    try:
        for asked, wanted in (
            ("params.lr < 0.2", [A]),
            ("config.lr = 0.1", [A]),
            (
                "config.model.depth = 3 AND config.model.on = true AND config.model.names.0 = 'x'",
                [B],
            ),
            (f"params.long = '{'y' * 300}'", [C]),
            ("parent.tags.team = 'red'", [C]),
            ("metrics.loss = 0.5", [C]),
            ("duration >= 1s", [C, B, A]),
        ):
            question = Question(Where(["0"], node=parse(asked)))
            found = await search.page(services.context(), question, page(10, None))
            assert [run.id for run in found.rows] == wanted, asked
        tree = Question(Where(["0"], node=parse("metrics.loss = 0.5")), whole=True)
        whole = await search.page(services.context(), tree, page(10, None))
        assert [run.id for run in whole.rows] == [A]
        # Whenever it was trashed: its time in the trash begins with the migration.
        ctx = services.context()
        trashed = (await runs.by_ids(ctx, [A, D]), await experiments.by_ids(ctx, ["0", "9"]))
        for rows in trashed:
            for row in rows.values():
                times = (row.trashed_at or begun, row.trashed_at is None)
                assert times[0] >= begun
                assert times[1] == (row.id in ("0", A))
        await experiments.create(ctx, "bin")
    finally:
        await services.close()


TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    " ORDER BY name = 'experiment', name",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}
CASCADE = {"sqlite": "", "postgresql": " CASCADE"}
