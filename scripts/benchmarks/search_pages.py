"""Row `pages`: many runs read without a filter; see `search.py` for the data and how time counts.

The first hundred runs with all 45 columns, newest first, as a table shows them. On from there by
cursor to the 5,000th run, fifty requests in all, newest first and by a metric; then the last page
against the first, asked in turn. 30,000 runs with five columns as a pandas frame. A page of
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
from scripts.benchmarks.report import Figure, in_turn, median
from scripts.benchmarks.search_asking import (
    PAGE,
    TABLE,
    check_ids,
    check_table,
    cold_and_warm,
    figure,
    from_cold,
    table,
    timed,
)
from scripts.benchmarks.search_data import Runs
from scripts.benchmarks.search_mlflow import DEEP, mlflow
from scripts.benchmarks.search_sets import ALL_COLUMNS, LARGE, SMALL, WIDE_METRICS, WIDE_RUNS
from scripts.benchmarks.search_terms import Fields
from scripts.benchmarks.systems import Mlflow, Trackql
from scripts.benchmarks.workspace import Workspace
from trackql import Client

ROW = "pages"

# What a page of the walk shows.
SHOWN = ("name", "metrics.acc")

FRAME = 30_000
FRAME_COLUMNS = ("metrics.acc", "metrics.loss", "params.lr", "params.optimizer", "tags.team")


def pages(space: Workspace) -> list[Figure]:
    taken = mlflow(space) if space.peers else None
    with space.seeded(Trackql, "small", sets.seed_small) as ours:
        runs = sets.ordinary(SMALL)
        experiment, orders, wanted = _deep(ours, runs, None)
        figures = [
            *_first(ours, runs, None, {Mlflow.name: taken.first} if taken else {}),
            figure(
                ROW,
                f"to run {DEEP:,} of {SMALL:,}, newest first",
                [sum(_walk(ours, experiment, orders, runs, wanted)[0]) for _ in range(3)],
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
    experiment, orders, wanted = _deep(ours, runs, key)
    walks, before_last = [], ""
    for _ in range(5):
        times, before_last = _walk(ours, experiment, orders, runs, wanted)
        walks.append(sum(times))
    ends: dict[str | None, list[float]] = {None: [], before_last: []}
    for after in in_turn(15, ends):
        place = DEEP - PAGE if after else 0
        ends[after].append(
            timed(
                lambda after=after: table(ours, experiment, SHOWN, orders, after=after),  # type: ignore[misc]
                lambda answer, place=place: check_ids(  # type: ignore[misc]
                    answer["runIds"], runs, wanted[place : place + PAGE], "paging"
                ),
            )
        )
    first, last = (median(times) for times in ends.values())
    return [
        figure(ROW, f"to run {DEEP:,} of {len(runs):,}, {title}", walks, unit="s", at_most=1),
        Figure(ROW, "its last page against its first, asked in turn", "×", last / first,
               at_most=1.5, samples=[first, last]),
    ]  # fmt: skip


def _deep(ours: Trackql, runs: Runs, key: str | None) -> tuple[str, list[str], Sequence[int]]:
    """The experiment, the order and the runs that come: newest first, or by a metric."""
    experiment = sets.experiment(ours)
    if key is None:
        return experiment, [], runs.newest(DEEP)
    fields = Fields(runs)
    order = fields.by_metric(key, descending=True)
    question = search_terms.ask(fields.everything(), order, start=fields.by_start())
    return experiment, [order.text], question.answer[:DEEP]


def _walk(
    ours: Trackql, experiment: str, orders: Sequence[str], runs: Runs, wanted: Sequence[int]
) -> tuple[list[float], str]:
    """Milliseconds of each page to the deep run, and the cursor of the last."""
    found: list[str] = []
    times: list[float] = []
    cursors: list[str] = []
    while len(found) < DEEP:
        before = time.perf_counter()
        after = cursors[-1] if cursors else None
        page = table(ours, experiment, SHOWN, orders, after=after)
        times.append((time.perf_counter() - before) * 1000)
        found += page["runIds"]
        cursors.append(page["endCursor"])
    check_ids(found, runs, wanted, "paging")
    return times, cursors[-2]


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
