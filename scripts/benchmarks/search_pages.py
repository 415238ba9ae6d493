"""Row `pages`: many runs read without a filter; see `search.py` for the data and how time counts.

The first hundred runs with all 45 columns, newest first, as a table shows them. On from there by
cursor to the 5,000th run, fifty requests in all, newest first and by a metric; the last three pages
of each walk against its first three. 30,000 runs with five columns as a pandas frame. A page of
1,000 runs with 2,000 metrics each: fifty of them, sorted by another.
"""

import base64
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from scripts.benchmarks import search_sets as sets
from scripts.benchmarks import search_terms
from scripts.benchmarks.report import Figure, median
from scripts.benchmarks.search_asking import (
    PAGE,
    TABLE,
    check_ids,
    check_table,
    cold_and_warm,
    figure,
    from_cold,
    table,
)
from scripts.benchmarks.search_data import Runs
from scripts.benchmarks.search_mlflow import DEEP, mlflow
from scripts.benchmarks.search_sets import ALL_COLUMNS, LARGE, SMALL, WIDE_METRICS, WIDE_RUNS
from scripts.benchmarks.search_terms import Fields
from scripts.benchmarks.systems import Mlflow, Trackql
from scripts.benchmarks.workspace import Workspace
from trackql import Client

ROW = "pages"

FRAME = 30_000
FRAME_COLUMNS = ("metrics.acc", "metrics.loss", "params.lr", "params.optimizer", "tags.team")


def pages(space: Workspace) -> list[Figure]:
    taken = mlflow(space) if space.peers else None
    with space.seeded(Trackql, "small", sets.seed_small) as ours:
        figures = [
            *_first(ours, sets.ordinary(SMALL), None, {Mlflow.name: taken.first} if taken else {}),
            figure(
                ROW,
                f"to run {DEEP:,} of {SMALL:,}, newest first",
                [sum(_walk(ours, sets.ordinary(SMALL), None)) for _ in range(3)],
                unit="s",
                peers={Mlflow.name: taken.deep} if taken else {},
            ),
        ]
    with space.seeded(Trackql, "large", sets.seed_large) as ours:
        runs = sets.ordinary(LARGE)
        figures += _first(ours, runs, 40, {})
        figures += _walks(ours, runs, "newest first", None)
        figures += _walks(ours, runs, "by accuracy", "acc")
        figures += _frame(ours, runs)
    with space.seeded(Trackql, "wide", sets.seed_wide) as ours:
        figures += _wide(ours)
    return figures


def _first(
    ours: Trackql, runs: Runs, at_most: float | None, peers: dict[str, float]
) -> list[Figure]:
    experiment = sets.experiment(ours)
    times = from_cold(
        ours,
        lambda: table(ours, experiment, ALL_COLUMNS),
        lambda answer: check_table(answer, runs, runs.newest(PAGE), ALL_COLUMNS, "first page"),
        11,
    )
    title = f"first page of {len(runs):,}, all 45 columns"
    return cold_and_warm(ROW, title, times, at_most=at_most, peers=peers)


def _walks(ours: Trackql, runs: Runs, title: str, key: str | None) -> list[Figure]:
    walks = [_walk(ours, runs, key) for _ in range(5)]
    # The ends of several walks, so that one slow request decides nothing.
    begin = [took for walk in walks for took in walk[:3]]
    end = [took for walk in walks for took in walk[-3:]]
    return [
        figure(ROW, f"to run {DEEP:,} of {len(runs):,}, {title}", [sum(walk) for walk in walks],
               unit="s", at_most=1),
        Figure(ROW, "its last pages against its first", "×", median(end) / median(begin),
               at_most=1.5, samples=[median(begin), median(end)]),
    ]  # fmt: skip


def _walk(ours: Trackql, runs: Runs, key: str | None) -> list[float]:
    """Milliseconds of each page to the deep run: newest first, or by a metric from its greatest."""
    experiment = sets.experiment(ours)
    orders, wanted = [], runs.newest(DEEP)
    if key is not None:
        fields = Fields(runs)
        order = fields.by_metric(key, descending=True)
        question = search_terms.ask(fields.everything(), order, start=fields.by_start())
        orders, wanted = [order.text], question.answer[:DEEP]
    found: list[str] = []
    times, after = [], None
    while len(found) < DEEP:
        before = time.perf_counter()
        page = table(ours, experiment, ("name", "metrics.acc"), orders, after=after)
        times.append((time.perf_counter() - before) * 1000)
        found += page["runIds"]
        after = page["endCursor"]
    check_ids(found, runs, wanted, "paging")
    return times


def _frame(ours: Trackql, runs: Runs) -> list[Figure]:
    experiment, places = sets.experiment(ours), runs.newest(FRAME)
    read = getattr(Client, "runs_table", None)

    def ask() -> Any:
        if read is None:
            return _frame_by_hand(ours, experiment)
        with Client(ours.server.url) as client:
            return read(
                client,
                experiment_ids=[experiment],
                columns=list(FRAME_COLUMNS),
                max_results=FRAME,
                as_="pandas",
            )

    times = from_cold(ours, ask, lambda frame: _check_frame(frame, runs, places), 3)
    return cold_and_warm(
        ROW,
        f"{FRAME:,} runs × {len(FRAME_COLUMNS)} columns into pandas",
        times,
        unit="s",
        at_most=1,
        note="through the SDK" if read else "over GraphQL, without the SDK",
    )


def _frame_by_hand(ours: Trackql, experiment: str) -> Any:
    document = TABLE.replace("kind numbers texts missing", "kind numbers(encoding: BASE64) texts")
    answer = ours.ask(document, experiment=experiment, columns=FRAME_COLUMNS, rows=FRAME)
    columns: dict[str, Any] = {"run_id": answer["runTable"]["runIds"]}
    for column in answer["runTable"]["columns"]:
        packed, texts = column["numbers"], column["texts"]
        if texts is None:
            texts = np.frombuffer(base64.b64decode(packed), "<f8")
        columns[column["field"]] = texts
    return pd.DataFrame(columns)


def _check_frame(frame: Any, runs: Runs, newest: Sequence[int]) -> None:
    if len(frame) != FRAME:
        raise RuntimeError(f"the frame has {len(frame)} rows")
    places = np.array(newest)
    for field in FRAME_COLUMNS:
        entity, _, key = field.partition(".")
        column = frame[field]
        if entity == "metrics":
            values, has = runs.metric(key)
            wanted = np.where(has, values, np.nan)[places]
            same = np.array_equal(column.to_numpy(float), wanted, equal_nan=True)
        elif field == "params.lr":
            wanted = runs.text(field)[places].astype(float)
            same = np.array_equal(column.to_numpy().astype(float), wanted)
        else:
            same = column.tolist() == runs.text(field)[places].tolist()
        if not same:
            raise RuntimeError(f"{field} of the frame is not what was seeded")


def _wide(ours: Trackql) -> list[Figure]:
    runs, experiment = sets.wide_runs(), sets.experiment(ours)
    fields = Fields(runs)
    columns = [f"metrics.{key}" for key in runs.metric_keys[100:1100:20]]
    order = fields.by_metric(runs.metric_keys[1500], descending=True)
    question = search_terms.ask(fields.everything(), order, start=fields.by_start())
    times = from_cold(
        ours,
        lambda: table(ours, experiment, columns, question.orders),
        lambda answer: check_table(answer, runs, question.answer[:PAGE], columns, "wide page"),
    )
    title = f"page of {WIDE_RUNS:,} × {WIDE_METRICS:,} metrics: {len(columns)} of them, by another"
    return cold_and_warm(ROW, title, times)
