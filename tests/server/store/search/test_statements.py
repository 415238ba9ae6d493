"""What is sent to the databases: no literal within the text, and statements that indexes answer."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, text

from trackql_server.domain import experiments
from trackql_server.domain.context import Services
from trackql_server.filters.order import parse_order
from trackql_server.filters.parse import parse
from trackql_server.models import (
    Label,
    LabelKind,
    Lifecycle,
    MetricSeries,
    Param,
    Run,
    RunStatus,
    Tag,
)
from trackql_server.models.columns import instant, table_of
from trackql_server.models.numbers import label_id
from trackql_server.store.paging import Page
from trackql_server.store.search import columns, facets, pages
from trackql_server.store.search.pages import Search
from trackql_server.store.search.scope import Scope

Sent = list[tuple[str, Any]]

NOW = instant(1_793_534_400_000)
RUNS = 4_000


@contextmanager
def sending() -> Iterator[Sent]:
    """Statements and their parameters as the drivers get them meanwhile."""
    sent: Sent = []

    def note(*given: Any) -> None:
        if given[2].lstrip().startswith(("SELECT", "WITH")):
            sent.append((given[2], given[3]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


SENTINELS = [
    "metrics.sentinel_key > 8123.5",
    "metrics.sentinel_key.min NOT IN (8123.5, 8123.25)",
    "params.sentinel_key = 'sentinel text'",
    "params.sentinel_key = 8123.5 AND params.sentinel_key BETWEEN 8123 AND 8123.75",
    "tags.`sentinel_key` LIKE 'sentinel%' OR tags.sentinel_key NOT ILIKE '_sentinel'",
    "tags.sentinel_key CONTAINS 'sentinel' AND tags.sentinel_key !~ 'sentinel|text'",
    "config.sentinel_key.a IN ('sentinel', 'text') OR config.sentinel_key != true",
    "name IN ('sentinel', 'text') AND user > 'sentinel'",
    "datasets.name = 'sentinel' OR parent.params.sentinel_key = 'sentinel'",
    "children.metrics.sentinel_key.count >= 8123 AND start_time < '2026-01-01'",
    "start_time BETWEEN 8123 AND 8123777 AND duration > 8123ms",
    "dropped_points NOT BETWEEN 8123 AND 8123.5",
]


@pytest.mark.parametrize("filter", SENTINELS)
async def test_no_literal_stands_in_a_statement(services: Services, filter: str) -> None:
    experiment = await experiments.create(services.context(), "sentinel experiment")
    scope = Scope([experiment.id], Lifecycle.ACTIVE, NOW, NOW)
    asked = [parse_order("params.sentinel_key DESC"), parse_order("start_time")]
    search = Search(scope, parse(filter), asked)
    fields = [order.field for order in asked]

    def ask(connection: Connection) -> None:
        page = pages.page(connection, search, 5)
        walked = Search(scope, parse(filter), asked[:1])
        pages.page(connection, walked, 5)
        pages.count(connection, search)
        columns.columns(connection, scope, fields, page.numbers)

    with sending() as sent:
        await services.database.run_read(ask)
    assert len(sent) > 3
    for statement, _ in sent:
        assert "sentinel" not in statement
        assert "8123" not in statement
        assert "text'" not in statement
        assert experiment.id not in statement


Ask = Callable[[Connection, Scope], object]


def page(filter: str, order: str, first: int = 100, after: int = 0) -> Ask:
    """A page, or with `after` the one behind so many runs."""

    def ask(connection: Connection, scope: Scope) -> None:
        search = Search(scope, parse(filter), [parse_order(order)])
        if not after:
            pages.page(connection, search, first)
            return
        former = pages.page(connection, search, after)
        pages.page(connection, search, first, former.cursors[-1])

    return ask


def count(filter: str) -> Ask:
    return lambda connection, scope: pages.count(connection, Search(scope, parse(filter)))


def cells(*fields: str) -> Ask:
    def ask(connection: Connection, scope: Scope) -> None:
        found = pages.page(connection, Search(scope), 100)
        asked = [parse_order(each).field for each in fields]
        columns.columns(connection, scope, asked, found.numbers)

    return ask


MAIN = {
    "named": page("metrics.acc > 0.9 AND params.optimizer = 'adam'", "metrics.acc DESC"),
    "newest": page("", "start_time DESC"),
    "newest, further on": page("", "start_time DESC", after=900),
    "name": page("", "name ASC"),
    "status": page("", "status DESC"),
    "duration": page("", "duration DESC"),
    "metric": page("", "metrics.acc DESC"),
    "metric, further on": page("", "metrics.acc ASC", after=900),
    "param as text": page("", "params.optimizer ASC"),
    "param as number": page("params.lr < 0.01", "params.lr ASC"),
    "tag": page("", "tags.team DESC"),
    "equal param": count("params.seed = 17"),
    "equal text": count("params.optimizer = 'rare'"),
    "equal tag": count("tags.team = 'rare'"),
    "bound on a metric": count("metrics.acc > 0.995"),
    "columns": cells("params.lr", "metrics.acc", "metrics.acc.min", "tags.team", "name"),
}


@pytest.fixture
def seeded(database_url: str) -> Iterator[tuple[asyncio.Runner, Services, str]]:
    """Two experiments of a few thousand runs each, of which PostgreSQL has its statistics."""
    with asyncio.Runner() as runner:
        services = runner.run(Services.open(database_url, clock=lambda: NOW))
        yield runner, services, runner.run(seed(services))
        runner.run(services.close())


def test_indexes_answer_the_main_searches(
    seeded: tuple[asyncio.Runner, Services, str],
) -> None:
    runner, services, experiment_id = seeded
    scope = Scope([experiment_id], Lifecycle.ACTIVE, NOW, NOW)
    for name, ask in MAIN.items():

        def explained(connection: Connection, ask: Ask = ask) -> list[str]:
            with sending() as sent:
                ask(connection, scope)
            return [plan(connection, *each) for each in sent]

        for told in runner.run(services.database.run_read(explained)):
            assert not scanned(told), f"{name}:\n{told}"


def test_an_index_answers_key_suggestions(
    seeded: tuple[asyncio.Runner, Services, str],
) -> None:
    runner, services, experiment_id = seeded
    scope = Scope([experiment_id], Lifecycle.ACTIVE, NOW, NOW)

    async def suggest() -> Sent:
        async with services.database.read() as session:
            with sending() as sent:
                found = await facets.keys(session, scope, LabelKind.METRIC, "key/1", None, Page(20))
            assert len(found.rows) == 20
        return sent

    for statement, parameters in runner.run(suggest()):
        told = runner.run(
            services.database.run_read(lambda c, s=statement, p=parameters: plan(c, s, p))  # type: ignore[misc]
        )
        assert not scanned(told), told


def plan(connection: Connection, statement: str, parameters: Any) -> str:
    sqlite = connection.dialect.name == "sqlite"
    asked = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    rows: Sequence[Any] = connection.exec_driver_sql(f"{asked} {statement}", parameters).all()
    return "\n".join(str(row[-1]) for row in rows)


def scanned(told: str) -> list[str]:
    """Lines of a plan that read a whole table without an index."""
    return [
        line
        for line in told.splitlines()
        if "Seq Scan on" in line
        or (line.startswith("SCAN ") and "INDEX" not in line and "json_each" not in line)
    ]


async def seed(services: Services) -> str:
    ctx = services.context()
    ids = [(await experiments.create(ctx, name)).id for name in ("a", "b", "c")]
    rows: dict[Any, list[dict[str, Any]]] = {
        each: [] for each in (Run, Label, MetricSeries, Param, Tag)
    }
    for experiment in ids:
        keys = [(LabelKind.METRIC, "acc"), (LabelKind.TAG, "team")]
        keys += [(LabelKind.PARAM, key) for key in ("lr", "optimizer", "seed")]
        keys += [(LabelKind.METRIC, f"key/{number}") for number in range(2_000)]
        rows[Label] += [
            {
                "id": label_id(experiment, kind, key),
                "experiment_id": experiment,
                "kind": str(kind),
                "key": key,
            }
            for kind, key in keys
        ]
    for number in range(3 * RUNS):
        _add(rows, number, ids[number % 3])
    async with services.database.write() as session:
        for table, some in rows.items():
            await session.execute(insert(table_of(table)), some)
    if not services.database.sqlite:
        async with services.database.writers.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("VACUUM ANALYZE"))
    return ids[0]


def _add(rows: dict[Any, list[dict[str, Any]]], number: int, experiment: str) -> None:
    run_id, chance = f"{number:032x}", number * 7919 % 10_007 / 10_007
    own = {"run_id": run_id, "run_number": number}
    rows[Run].append(
        {
            "number": number,
            "root_number": number,
            "id": run_id,
            "experiment_id": experiment,
            "name": f"run {number * 31 % 997}",
            "description": "",
            "status": RunStatus.FINISHED if number % 3 else RunStatus.FAILED,
            "lifecycle": Lifecycle.ACTIVE,
            "start_time": instant(number * 1_000),
            "duration_ms": number * 13 % 5_000,
            "user": "",
            "source_name": "",
            "dropped_points": 0,
            "problems": [],
        }
    )

    def metric(key: str, value: float) -> None:
        rows[MetricSeries].append(
            {
                **own,
                "key": key,
                "id": len(rows[MetricSeries]),
                "experiment_id": experiment,
                "label_id": label_id(experiment, LabelKind.METRIC, key),
                **dict.fromkeys(("count", "open_chunks"), 1),
                **dict.fromkeys(("first_step", "last_step", "min_step", "max_step"), 0),
                **dict.fromkeys(("first_time", "last_time", "min_time", "max_time"), 0),
                **dict.fromkeys(("first_value", "last_value", "total"), value),
                **dict.fromkeys(("min_value", "max_value"), value),
                **dict.fromkeys(("nan_count", "tail_step"), 0),
                "steps_rise": True,
            }
        )

    metric("acc", chance)
    metric(f"key/{number // 3 % 2_000}", chance)
    texts = {
        "lr": str(chance / 10),
        "optimizer": "rare" if number % 1_000 < 3 else ("adam", "sgd")[number % 2],
        "seed": str(number // 3),
    }
    for key, value in texts.items():
        spelled = None if key == "optimizer" else float(value)
        label = label_id(experiment, LabelKind.PARAM, key)
        both = {"head": value, "value": value, "number": spelled}
        rows[Param].append({**own, "key": key, "label_id": label, **both})
    team = "rare" if number % 1_000 < 3 else f"team {number % 7}"
    for key, value in {"team": team, "a": "1", "b": "2", "c": "3"}.items():
        label = label_id(experiment, LabelKind.TAG, key)
        rows[Tag].append({**own, "key": key, "label_id": label, "head": value, "value": value})
