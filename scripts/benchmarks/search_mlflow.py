"""What MLflow takes for the same runs, for the rows `search` and `pages`: measured once for both.

Its server starts once, and gets the large set when all is measured with the small one alone: its
searches read the runs of all experiments.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from scripts.benchmarks import search_sets as sets
from scripts.benchmarks import search_terms
from scripts.benchmarks.report import median
from scripts.benchmarks.search_asking import PAGE, check_ids, timed
from scripts.benchmarks.search_sets import LARGE, SMALL
from scripts.benchmarks.systems import Mlflow
from scripts.benchmarks.workspace import Workspace

# Runs that it is paged to, as ours is.
DEEP = 5_000


@dataclass(frozen=True)
class Taken:
    """The named question and the first page in milliseconds, the way to the deep run in seconds."""

    small: float
    large: float
    first: float
    deep: float


@cache
def mlflow(space: Workspace) -> Taken:
    """What it takes; every answer was right."""
    with space.running(Mlflow) as peer:
        experiment = sets.make(peer, sets.NAME)
        sets.write(peer, experiment, sets.ordinary(SMALL))
        small = _named(peer, experiment, SMALL, times=3)
        first = _first(peer, experiment)
        deep = _deep(peer, experiment)
        experiment = sets.make(peer, "large")
        sets.write(peer, experiment, sets.ordinary(LARGE))
        return Taken(small, _named(peer, experiment, LARGE, times=1), first, deep)


def _named(peer: Mlflow, experiment: str, count: int, times: int) -> float:
    runs = sets.ordinary(count)
    question = search_terms.named(runs)
    measured = [
        timed(
            lambda: _page(peer, experiment, question.filter, question.orders),
            lambda answer: check_ids(answer[0], runs, question.answer[:PAGE], peer.name),
        )
        for _ in range(times if times == 1 else times + 1)  # the first of several is not counted
    ]
    return median(measured[-times:])


def _first(peer: Mlflow, experiment: str) -> float:
    runs = sets.ordinary(SMALL)
    measured = [
        timed(
            lambda: _page(peer, experiment),
            lambda answer: check_ids(answer[0], runs, runs.newest(PAGE), peer.name),
        )
        for _ in range(4)
    ]
    return median(measured[1:])


def _deep(peer: Mlflow, experiment: str) -> float:
    found: list[str] = []
    token = None
    before = time.perf_counter()
    while len(found) < DEEP:
        page, token = _page(peer, experiment, token=token)
        found += page
    took = time.perf_counter() - before
    runs = sets.ordinary(SMALL)
    check_ids(found, runs, runs.newest(DEEP), peer.name)
    return took


def _page(
    peer: Mlflow,
    experiment: str,
    filter: str = "",
    orders: Sequence[str] = (),
    token: str | None = None,
) -> tuple[list[str], str | None]:
    """The ids of a page of whole runs, and what to ask for the next one with."""
    asked: dict[str, Any] = {"experiment_ids": [experiment], "max_results": PAGE}
    asked |= {"filter": filter, "order_by": list(orders)}
    if token:
        asked["page_token"] = token
    reply = peer.http.post(f"{peer.server.url}/api/2.0/mlflow/runs/search", json=asked)
    answer = reply.raise_for_status().json()
    found = [run["info"]["run_id"] for run in answer.get("runs", [])]
    return found, answer.get("next_page_token")
