"""Row `wide`: a run of 10,000 metric keys, and a key of 10,000,000 points.

Each sample is what a page asks: the run with its first metrics, a search among its keys, the last
page of them, the charts of a first screen, and the chart of the long series, whole and zoomed. The
slowest of them counts, cold (first request after a restart) and again when warm.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from scripts.benchmarks.report import Figure
from scripts.benchmarks.systems import KEYS as KEYS_PAGE
from scripts.benchmarks.systems import Trackql
from scripts.benchmarks.workspace import Workspace

KEYS = 10_000
POINTS = 10_000_000

PAGE = """
query Page($run: ID!, $search: String, $after: String) {
  run(id: $run) {
    id name status
    experiment { id name }
    params(first: 100) { nodes { key value } }
    tags(first: 100) { nodes { key value } }
    metrics(first: 100, search: $search, after: $after) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { key count last { step value } min { step value } max { step value } }
    }
  }
}
"""

CHARTS = """
query Charts($run: ID!, $keys: [String!]!, $range: MetricRange) {
  metricCurves(runIds: [$run], keys: $keys, range: $range, pixels: 1000) {
    key points total
    steps(encoding: BASE64)
    values(encoding: BASE64)
  }
}
"""


def wide(space: Workspace) -> list[Figure]:
    source = np.random.default_rng(1)
    names = [f"layer{number // 10:04d}/weight{number % 10}" for number in range(KEYS)]
    with space.running(Trackql) as ours:
        many = ours.seed("many keys", {name: source.normal(size=20) for name in names}, rows=10)
        long = ours.seed("long", {"loss": source.normal(size=POINTS)}, rows=100_000)
        late = _late(ours, many)
        questions: dict[str, Callable[[], Any]] = {
            "page": lambda: _page(ours, many, total=KEYS),
            "search": lambda: _page(ours, many, total=10, search="layer0999/"),
            "last page": lambda: _page(ours, many, total=KEYS, after=late),
            "charts": lambda: _charts(ours, many, names[:20]),
            "long chart": lambda: _charts(ours, long, ["loss"]),
            "long zoom": lambda: _charts(
                ours, long, ["loss"], {"start": POINTS // 2, "end": POINTS // 2 + 100_000}
            ),
        }
        cold, warm = {}, {}
        for name, question in questions.items():
            ours.restart()
            cold[name] = _time(question)
            warm[name] = min(_time(question) for _ in range(3))
    row = "wide"
    title = f"{KEYS:,} keys, {POINTS:,} points"
    figures = []
    for state, times in (("cold", cold), ("warm", warm)):
        slowest = max(times, key=times.__getitem__)
        figures.append(
            Figure(row, f"{title}: slowest query, {state}", "s", times[slowest], at_most=1,
                   samples=list(times.values()), note=slowest)
        )  # fmt: skip
    return figures


def _time(question: Callable[[], Any]) -> float:
    before = time.perf_counter()
    question()
    return time.perf_counter() - before


def _page(ours: Trackql, run: str, total: int, **variables: Any) -> None:
    metrics = ours.ask(PAGE, run=run, **variables)["run"]["metrics"]
    if metrics["totalCount"] != total or not metrics["nodes"]:
        raise RuntimeError(f"a page of metrics is wrong: {metrics['totalCount']} of {total}")


def _late(ours: Trackql, run: str) -> str:
    """A cursor near the end of the keys."""
    after = None
    for _ in range(KEYS // 1000 - 1):
        page = ours.ask(KEYS_PAGE, run=run, after=after)["run"]["metrics"]["pageInfo"]
        after = page["endCursor"]
    return str(after)


def _charts(ours: Trackql, run: str, keys: list[str], span: dict[str, int] | None = None) -> None:
    curves = ours.ask(CHARTS, run=run, keys=keys, range=span)["metricCurves"]
    if len(curves) != len(keys):
        raise RuntimeError(f"{len(curves)} of {len(keys)} curves came back")
