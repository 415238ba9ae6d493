"""Random runs to be searched, and random filters and orders that some of them satisfy."""

from datetime import UTC, datetime, timedelta
from math import inf, nan
from random import Random
from typing import Any as AnyJson

import numpy as np
from hypothesis import strategies as st
from sqlalchemy import insert

from tests.server.store.search.evaluator import Config, Point, Record
from trackql_server.domain import metrics, runs
from trackql_server.domain.context import Services
from trackql_server.domain.metrics import Rows
from trackql_server.domain.params import ParamSpec
from trackql_server.filters import fields
from trackql_server.filters.fields import Kind
from trackql_server.filters.order import Order
from trackql_server.filters.tree import (
    All,
    Any,
    Comparison,
    Entity,
    Field,
    Moment,
    Node,
    Not,
    Operator,
    Relation,
    Span,
    Statistic,
)
from trackql_server.models import DatasetInput, Experiment, Lifecycle, Run, RunStatus
from trackql_server.models.columns import instant, millis, table_of

NOW = millis(datetime(2026, 11, 1, 12, tzinfo=UTC))
STALLED_AFTER = 60
EXPERIMENTS = ("100", "200")

RUNS = 60
IDS = [f"{place * 0x9E3779B97F4A7C15 % 2**64:032x}" for place in range(1, RUNS + 1)]
LONG = "x" * 256
TEXTS = [
    "", "a", "A", "ab", "aB", "a%b", "a_b", "a\\b", "[a]*?", "10", "9", "1e1", " 7 ", "-0.0", "nan",
    "é", "É", "e\u0301", "ключ", "КЛЮЧ", "データ", "🚀", "\uffee", "\U0001f680a", "a\nb", "'", '"',
    "1.5", "2", "true", LONG[:255], LONG, LONG + "a", LONG + "b", LONG[:254] + "yz", LONG * 2,
]  # fmt: skip
NUMBERS = [-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 7.0, 9.0, 10.0, 1e300, 1e-300, 5e-324]
STEPS = [-(2**63), -5, 0, 1, 2, 3, 2**53 + 1, 2**63 - 1]
KEYS = {
    Entity.METRIC: ["loss", "acc/ü", "rare", "never"],
    Entity.PARAM: ["lr", "opt", "rare", "o.lr", "o", "never"],
    Entity.TAG: ["team", "rare", "never"],
    Entity.CONFIG: ["o.lr", "o.name", "o.on", "o.deep.0", "o.deep.1.x", "lr", "opt", "never"],
}


def population(seed: int) -> list[Record]:
    """Runs in the order in which they are made; parents may come after their children."""
    random = Random(seed)
    return [_record(random, run_id) for run_id in IDS]


def _record(random: Random, run_id: str) -> Record:
    def sometimes(chance: float) -> bool:
        return random.random() < chance

    start = NOW - random.choice(
        [0, 1, 1, 59_999, 60_000, 60_001, 3_600_000, random.randrange(10**9)]
    )
    run = Record(run_id, EXPERIMENTS[sometimes(0.3)], random.choice(TEXTS[1:]), start)
    run.deleted = sometimes(0.15)
    run.status = random.choice(["SCHEDULED", "RUNNING", "RUNNING", "FINISHED", "FAILED", "KILLED"])
    run.description = random.choice(["", "", *TEXTS])
    run.user, run.source_name = random.choice(["", "ann", "Bob"]), random.choice(TEXTS)
    run.git_commit = random.choice([None, "abc", "abd", "é"])
    run.dropped_points = random.choice([0, 0, 1, 2, 2**62])
    if sometimes(0.7):
        run.heartbeat_time = NOW - random.choice([-5, 0, 59_999, 60_000, 60_001, 10**6])
    if run.status in ("FINISHED", "FAILED", "KILLED") or sometimes(0.05):
        run.end_time = start + random.choice([-5, 0, 1, 1_000, 7_200_000])
    if sometimes(0.5):
        # Of a greater id, so that nobody is their own ancestor.
        others = [each for each in IDS if each > run.id]
        run.parent_run_id = random.choice([*others[:4], "f" * 32])
    for key in ("loss", "acc/ü", "rare"):
        if sometimes(0.1 if key == "rare" else 0.7):
            run.metrics[key] = _points(random)
    for key in ("lr", "opt", "rare", "o.lr", "o"):
        if sometimes(0.1 if key == "rare" else 0.6):
            run.params[key] = _param(random, key)
    for key in ("team", "rare"):
        if sometimes(0.1 if key == "rare" else 0.7):
            run.tags[key] = random.choice(TEXTS)
    for _ in range(random.choice([0, 0, 1, 2])):
        run.datasets.append(
            (random.choice("abé"), random.choice(TEXTS), random.choice(["", "train"]))
        )
    return run


def _points(random: Random) -> list[Point]:
    values = [nan] if random.random() < 0.15 else [nan, inf, -inf, *NUMBERS, *NUMBERS]
    places = random.sample(
        [(step, time) for step in STEPS for time in (0, 5)], random.randint(1, 5)
    )
    return [(step, time, random.choice(values)) for step, time in places]


def _param(random: Random, key: str) -> tuple[str, Config | None]:
    single = random.choice([None, 1, 2.5, 10, "a", "É", LONG + "a", "", True, False])
    if key == "o" and random.random() < 0.8:
        inner = {
            "lr": random.choice([1, 2.5, "a", LONG + "b", None, False]),
            "name": random.choice(TEXTS),
            "on": random.choice([True, False]),
            "deep": [random.choice([1, "b"]), {"x": random.choice(NUMBERS)}, []],
        }
        return random.choice(TEXTS), Config(inner)
    if single is None or random.random() < 0.5:
        return random.choice(TEXTS), None
    text = str(single).lower() if isinstance(single, bool) else str(single)
    return text, Config(single)


async def store(services: Services, records: list[Record]) -> None:
    """Make the runs, by the verbs where there is one; their numbers are noted."""
    ctx, now = services.context(), instant(NOW)
    async with services.database.write() as session:
        for each in EXPERIMENTS:
            session.add(
                Experiment(
                    id=each, name=each, lifecycle=Lifecycle.ACTIVE, created_at=now, updated_at=now
                )
            )
    for record in records:
        made = await runs.create(ctx, _new(record))
        record.number = made.number
        for key, points in record.metrics.items():
            await metrics.append(ctx, record.id, [_rows(key, points)], None)
    async with services.database.write() as session:
        for record in records:
            run = await session.get(Run, record.number)
            assert run is not None
            _put(run, record)
            used = [
                {
                    "run_number": record.number,
                    "place": place,
                    "experiment_id": record.experiment_id,
                    "name": name,
                    "digest": digest,
                    "context": context,
                }
                for place, (name, digest, context) in enumerate(record.datasets)
            ]
            if used:
                await session.execute(insert(table_of(DatasetInput)), used)


def _new(record: Record) -> runs.NewRun:
    return runs.NewRun(
        id=record.id,
        experiment_id=record.experiment_id,
        name="?",
        description=record.description,
        parent_run_id=record.parent_run_id,
        start_time=instant(record.start_time),
        user=record.user,
        source_name=record.source_name,
        git_commit=record.git_commit,
        tags=list(record.tags.items()),
        params=[
            ParamSpec(key, text, None if config is None else config.json)
            for key, (text, config) in record.params.items()
        ],
    )


def _rows(key: str, points: list[Point]) -> Rows:
    steps, times, values = zip(*points, strict=True)
    whole = np.int64
    return Rows([key], np.array(steps, whole), np.array(times, whole), np.array(values, np.float64))


def _put(run: Run, record: Record) -> None:
    run.name = record.name
    run.status = RunStatus(record.status)
    run.lifecycle = Lifecycle.DELETED if record.deleted else Lifecycle.ACTIVE
    run.dropped_points = record.dropped_points
    run.heartbeat_time = run.end_time = None
    run.duration_ms = -1
    if record.heartbeat_time is not None:
        run.heartbeat_time = instant(record.heartbeat_time)
    if record.end_time is not None:
        run.end_time = instant(record.end_time)
        run.duration_ms = max(0, (run.end_time - run.start_time) // timedelta(milliseconds=1))


def own_fields() -> st.SearchStrategy[Field]:
    """Fields of a run itself."""
    keyed = [
        st.builds(
            Field,
            st.just(entity),
            st.sampled_from(keys),
            st.sampled_from(Statistic) if entity is Entity.METRIC else st.none(),
        )
        for entity, keys in KEYS.items()
    ]
    attributes = st.sampled_from([Field(Entity.ATTRIBUTE, name) for name in fields.ATTRIBUTES])
    last = st.sampled_from([Field(Entity.METRIC, key, Statistic.LAST) for key in ("loss", "rare")])
    return st.one_of(attributes, last, *keyed)


@st.composite
def comparisons(draw: st.DrawFn, orders: list[Order]) -> Comparison:
    """A comparison with values as the runs have them, often of what they are sorted by."""
    sorted_by = st.sampled_from([order.field for order in orders])
    datasets = st.sampled_from([Field(Entity.DATASET, key) for key in fields.DATASET_KEYS])
    field = draw(st.one_of(sorted_by, own_fields(), own_fields(), own_fields(), datasets))
    relation = draw(st.sampled_from([Relation.SELF, Relation.SELF, *Relation]))
    field = Field(field.entity, field.key, field.statistic, relation)
    kind = fields.kind(field)
    operator = draw(st.sampled_from(fields.OPERATORS[kind]))
    negated = operator not in fields.ORDERINGS and draw(st.booleans())
    least, most = {Operator.NULL: (0, 0), Operator.BETWEEN: (2, 2), Operator.IN: (1, 4)}.get(
        operator, (1, 1)
    )
    each = draw(st.sampled_from(_values(field, kind, operator)))
    values = draw(st.lists(each, min_size=least, max_size=most))
    return fields.comparison(field, operator, tuple(values), negated=negated)


def _values(field: Field, kind: Kind, operator: Operator) -> list[st.SearchStrategy[AnyJson]]:
    one = st.sampled_from
    if operator is Operator.MATCHES:
        return [one(["a|b", "^$", "É", ".", "^x{256}$", "(?i)ключ", "^[0-9]+$", "ED$", "", "b$"])]
    if operator in fields.TEXTUAL:
        return [
            one(["%", "", "a%", "%b", "_", "a\\b", "%\\%", "[a]%", "A_", "É", "é", "%ключ", "к%"]),
            one(
                ["%x" * 100, LONG + "_", "x%a", "b", "k%", "\u212a", "%ED", "R_nn%", "e", "*", "?"]
            ),
        ]
    numbers = one(NUMBERS)
    match kind:
        case Kind.TEXT if field.key in ("run_id", "parent_run_id"):
            return [one(IDS[:9])]
        case Kind.TEXT if field.key == "experiment_id":
            return [one(EXPERIMENTS)]
        case Kind.TEXT:
            return [one(TEXTS), one(["ann", "Bob", "abc", "train", "é"])]
        case Kind.TIME:
            near = one([0, 1, 59_999, 60_000, 60_001, 3_600_000])
            return [near.map(lambda ago: Moment(NOW - ago)), near.map(lambda ago: Span(-ago))]
        case Kind.DURATION:
            return [one([0, 1, 1_000, 60_000, 60_001, 7_200_000]).map(Span)]
        case Kind.STATUS:
            return [one(fields.STATUSES)]
        case Kind.NUMBER:
            wide = [numbers, one([inf, -inf]), one([0.0, 1.0, 2.0, 3.0, 2.0**53, 2.0**62])]
            return [*wide, st.just(nan)] if operator is Operator.EQ else wide
        case Kind.CONFIG if operator in (Operator.EQ, Operator.IN):
            return [one(TEXTS), numbers, st.booleans()]
    return [one(TEXTS), numbers]


@st.composite
def trees(draw: st.DrawFn, orders: list[Order], depth: int = 3) -> Node:
    """A filter, which some of the runs may satisfy."""
    shape = draw(st.sampled_from(["leaf", "leaf", All, Any, Not])) if depth else "leaf"
    if shape == "leaf":
        return draw(comparisons(orders))
    if shape is Not:
        return Not(draw(trees(orders, depth - 1)))
    most = draw(st.integers(0, 3))
    parts = tuple(draw(trees(orders, depth - 1)) for _ in range(most))
    return All(parts) if shape is All else Any(parts)


def orders() -> st.SearchStrategy[list[Order]]:
    """One order, or several by different fields."""
    one = st.builds(Order, own_fields(), st.booleans())
    return st.lists(one, min_size=1, max_size=1) | st.lists(
        one, min_size=2, max_size=3, unique_by=lambda order: order.field
    )
