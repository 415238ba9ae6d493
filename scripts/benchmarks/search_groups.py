"""Rows `groups` and `keys`: what very many runs say together; see `search.py` for the data.

`groups`: all runs by two params with n, mean and deviation of two metrics; the mean curve of fifty
runs of 100,000 points each, written through the public mutation, with each of two bands.

`keys`: what an editor completes a key with, in an experiment with 100,000 keys: the slowest of the
keys that begin so, these with the number of their runs, and the completion of a filter. The keys
that contain some text. The number of runs of each experiment.
"""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scripts.benchmarks import search_sets as sets
from scripts.benchmarks.report import Figure, median
from scripts.benchmarks.search_asking import cold_and_warm, figure, from_cold, warmed
from scripts.benchmarks.search_data import METRICS, Runs
from scripts.benchmarks.search_sets import LARGE, MANY_KEYS, OTHERS, WIDE_METRICS, WIDE_RUNS
from scripts.benchmarks.systems import Floats, Trackql
from scripts.benchmarks.workspace import Workspace

# Runs of the mean curve, and points of each.
CURVES, POINTS = 50, 100_000

# Suggestions of one request.
FIRST = 50

GROUPS = """
query Groups($experiment: ID!, $by: [String!]!, $measures: [String!]!) {
  runGroups(experimentIds: [$experiment], by: $by, measures: $measures) {
    runCount
    groups { values runs measures { field n mean std } }
  }
}
"""

CURVE = """
query Curve($experiment: ID!, $band: CurveBand!) {
  groupCurves(experimentIds: [$experiment], key: "loss", band: $band, points: 500) {
    runs
    bucketWidth
    steps(encoding: BASE64)
    n(encoding: BASE64)
    mean(encoding: BASE64)
    low(encoding: BASE64)
    high(encoding: BASE64)
  }
}
"""

KEYS = """
query Keys($experiment: ID!, $prefix: String!, $search: String, $first: Int!, $counted: Boolean!) {
  runKeys(experimentIds: [$experiment], kind: METRIC, prefix: $prefix, search: $search,
      first: $first) {
    nodes { key runs @include(if: $counted) }
  }
}
"""

COMPLETE = """
query Complete($experiment: ID!, $filter: String!, $cursor: Int!, $first: Int!) {
  completeFilter(experimentIds: [$experiment], filter: $filter, cursor: $cursor, first: $first) {
    items { text kind }
  }
}
"""


def groups(space: Workspace) -> list[Figure]:
    by, measures = ("params.optimizer", "params.batch_size"), ("metrics.acc", "metrics.loss")
    with space.seeded(Trackql, "large", sets.seed_large) as ours:
        experiment = sets.experiment(ours)
        times = from_cold(
            ours,
            lambda: ours.ask(GROUPS, experiment=experiment, by=by, measures=measures)["runGroups"],
            lambda answer: _check_groups(answer, sets.ordinary(LARGE), by, measures),
        )
    title = f"{LARGE:,} runs by two params: n, mean, std of two metrics"
    figures = cold_and_warm("groups", title, times, at_most=500)
    with space.running(Trackql) as ours:
        columns = _seed_curves(ours)
        experiment = sets.experiment(ours, "bench")
        times = from_cold(
            ours,
            lambda: ours.ask(CURVE, experiment=experiment, band="STD"),
            lambda answer: _check_curve(answer["groupCurves"], columns, "STD"),
        )
        title = f"mean curve with band of {CURVES} × {POINTS:,} points"
        figures += cold_and_warm("groups", title, times, at_most=500)
        times = warmed(
            lambda: ours.ask(CURVE, experiment=experiment, band="MINMAX"),
            lambda answer: _check_curve(answer["groupCurves"], columns, "MINMAX"),
        )
        figures.append(figure("groups", "the same, band from least to greatest run", times))
    return figures


def keys(space: Workspace) -> list[Figure]:
    row = "keys"
    with space.seeded(Trackql, "many keys", sets.seed_many_keys) as ours:
        known = dict.fromkeys(sets.many_keys(), 1)
        asks = {
            "keys alone": _suggested(ours, known, prefix="layer04"),
            "with their runs": _suggested(ours, known, prefix="layer07", counted=True),
            "in a filter": _completed(ours, "layer09"),
        }
        times = {name: from_cold(ours, *ask, 11) for name, ask in asks.items()}
        contained = warmed(*_suggested(ours, known, search="r99/w"))
    slowest = max(times, key=lambda name: median(times[name][1:]))
    title = f"suggestions among {MANY_KEYS:,} keys: the slowest"
    figures = [
        *cold_and_warm(row, title, times[slowest], at_most=20, note=slowest),
        figure(row, f"part of a key among {MANY_KEYS:,}", contained),
    ]
    with space.seeded(Trackql, "wide", sets.seed_wide) as ours:
        known = dict.fromkeys(sets.wide_runs().metric_keys, WIDE_RUNS)
        contained = warmed(*_suggested(ours, known, search="37/w", counted=True))
    title = f"part of a key among {WIDE_METRICS:,} of {WIDE_RUNS:,} runs, with their runs"
    figures.append(figure(row, title, contained))
    with space.seeded(Trackql, "large", sets.seed_large) as ours:
        counts = from_cold(ours, lambda: ours.ask(sets.EXPERIMENTS), _check_run_counts, 11)
        title = f"run counts of {len(OTHERS)} experiments and one of {LARGE:,} runs"
        figures += cold_and_warm(row, title, counts, at_most=50)
        known = dict(zip(METRICS, sets.ordinary(LARGE).has.sum(axis=0).tolist(), strict=True))
        counted = warmed(*_suggested(ours, known, counted=True))
        figures.append(figure(row, f"20 keys of {LARGE:,} runs, with their runs", counted))
    return figures


def _seed_curves(ours: Trackql) -> Floats:
    """A noisy descent in each of the runs; one row a run."""
    source = np.random.default_rng(5)
    descent = np.exp(-np.arange(POINTS) / (POINTS / 5))
    columns: Floats = descent + source.normal(0, 0.05, (CURVES, POINTS))
    for place, column in enumerate(columns):
        ours.seed(f"curve {place}", {"loss": column}, rows=POINTS)
    return columns


Question = tuple[Callable[[], Any], Callable[[Any], None]]


def _suggested(
    ours: Trackql,
    known: dict[str, int],
    *,
    prefix: str = "",
    search: str = "",
    counted: bool = False,
) -> Question:
    """Which of the known keys come, with how many runs each."""
    experiment = sets.experiment(ours)
    wanted = [
        {"key": key, "runs": known[key]} if counted else {"key": key}
        for key in sorted(known)
        if key.startswith(prefix) and search in key
    ][:FIRST]

    def ask() -> Any:
        variables = {"prefix": prefix, "search": search or None, "counted": counted}
        return ours.ask(KEYS, experiment=experiment, first=FIRST, **variables)

    def check(answer: Any) -> None:
        nodes = answer["runKeys"]["nodes"]
        if not wanted or nodes != wanted:
            raise RuntimeError(f"{prefix or search} suggests {nodes} instead of {wanted}")

    return ask, check


def _completed(ours: Trackql, prefix: str) -> Question:
    experiment = sets.experiment(ours)
    text = f"metrics.{prefix}"

    def ask() -> Any:
        variables = {"filter": text, "cursor": len(text), "first": FIRST}
        return ours.ask(COMPLETE, experiment=experiment, **variables)

    def check(answer: Any) -> None:
        items = answer["completeFilter"]["items"]
        if not items or not all(prefix in item["text"] for item in items):
            raise RuntimeError(f"{text} is completed by {items}")

    return ask, check


def _check_run_counts(answer: Any) -> None:
    nodes = answer["experiments"]["nodes"]
    counts = {node["name"]: node["runCount"] for node in nodes}
    others = [count for name, count in sorted(counts.items()) if name.startswith("other/")]
    if others != OTHERS or counts[sets.NAME] != LARGE:
        raise RuntimeError(f"the experiments have {counts} runs")


def _check_groups(answer: Any, runs: Runs, by: Sequence[str], measures: Sequence[str]) -> None:
    members: dict[tuple[str | None, ...], list[int]] = {}
    texts = [runs.text(field).tolist() for field in by]
    for place, values in enumerate(zip(*texts, strict=True)):
        members.setdefault(values, []).append(place)
    found = {tuple(group["values"]): group for group in answer["groups"]}
    if answer["runCount"] != len(runs) or found.keys() != members.keys():
        raise RuntimeError(f"groups {list(found)} came for {list(members)}")
    for values, places in members.items():
        group = found[values]
        if group["runs"] != len(places):
            raise RuntimeError(f"group {values} has {group['runs']} runs, not {len(places)}")
        for field, measure in zip(measures, group["measures"], strict=True):
            column, has = runs.metric(field.removeprefix("metrics."))
            some = column[places][has[places]]
            some = some[~np.isnan(some)]
            wanted = (some.mean(), some.std(ddof=1))
            got = (measure["mean"], measure["std"])
            if measure["n"] != len(some) or not np.allclose(got, wanted, rtol=1e-9):
                raise RuntimeError(f"{values}: {measure}, not {wanted} of {len(some)}")


def _check_curve(answer: Any, columns: Floats, band: str) -> None:
    """Raise unless it is the band of the runs, each with its mean in each bucket of steps."""
    [curve] = answer
    steps = np.frombuffer(base64.b64decode(curve["steps"]), "<i8")
    n = np.frombuffer(base64.b64decode(curve["n"]), "<i8")
    width = int(curve["bucketWidth"])
    if curve["runs"] != CURVES or not 200 < len(steps) <= 500 or not (n == CURVES).all():
        raise RuntimeError(f"the curve has {curve['runs']} runs and {len(steps)} points")
    if not np.array_equal(steps, np.arange(0, POINTS, width)):
        raise RuntimeError("the curve's steps are not evenly apart")
    sizes = np.diff(np.append(steps, POINTS))
    own = np.add.reduceat(columns, steps, axis=1) / sizes
    mean, apart = own.mean(axis=0), own.std(axis=0, ddof=1)
    bounds = (mean - apart, mean + apart) if band == "STD" else (own.min(axis=0), own.max(axis=0))
    for name, wanted in zip(("mean", "low", "high"), (mean, *bounds), strict=True):
        got = np.frombuffer(base64.b64decode(curve[name]), "<f8")
        if not np.allclose(got, wanted, rtol=1e-9, atol=1e-12):
            raise RuntimeError(f"the {name} of the curve is not that of the runs")
