"""Rows `chart`, `charts` and `export`: reading long series back, to look at and to keep.

`chart`: one series of 1,000,000 points; `charts`: ten of 100,000 in one run. Each sample is the
first request after a restart of the server, over a new connection, until the whole answer is
parsed. Ours asks for 1,000 pixels and is checked bucket by bucket: the least and the greatest value
of each must be there. A peer is asked what its own page asks for, as its page asks it: MLflow for
320 points of each metric (six requests at a time, as a browser does), Trackio for 3,000 rows. The
memory is that of all the server's processes, sampled every 5 ms: the most during the request, less
what was resident before it.

`export`: every point of one long series through the SDK, in a training script's process, compared
by the bits of the values. MLflow has a shorter series (it must stay under 30 seconds); points a
second compare.
"""

import base64
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Event, Thread
from typing import Any

import numpy as np

from scripts.benchmarks.report import Figure, in_turn, median
from scripts.benchmarks.systems import Floats, Mlflow, System, Trackio, Trackql
from scripts.benchmarks.workspace import Workspace

POINTS = 1_000_000
SERIES = 10
PIXELS = 1000

# MLflow exports some 8,000 points a second.
EXPORT = {"trackql": 1_000_000, "trackio": 1_000_000, "mlflow": 100_000}

CURVES = """
query Curves($run: ID!, $keys: [String!]!, $pixels: Int!) {
  metricCurves(runIds: [$run], keys: $keys, pixels: $pixels) {
    key
    bucketWidth
    totalInRange
    steps(encoding: BASE64)
    values(encoding: BASE64)
  }
}
"""


def chart(space: Workspace) -> list[Figure]:
    figures = _cold(space, "chart", {"loss": _walk(POINTS, 1)}, at_most=60)
    figures[1].at_most = 100
    return figures


def charts(space: Workspace) -> list[Figure]:
    columns = {f"loss{number}": _walk(POINTS // SERIES, number) for number in range(SERIES)}
    return _cold(space, "charts", columns, at_most=100)


def export(space: Workspace) -> list[Figure]:
    rates: dict[str, list[float]] = defaultdict(list)
    seconds: list[float] = []

    with space.everyone() as (ours, peers):
        runs: dict[str, str] = {}
        columns = {name: _walk(points, 7) for name, points in EXPORT.items()}
        for system in [ours, *peers]:
            assert isinstance(system, Trackql | Trackio | Mlflow)
            runs[system.tracker] = system.seed("export", {"loss": columns[system.tracker]})

        def once(system: System) -> None:
            driver = system.drive("export", run=runs[system.tracker], key="loss")
            driver.go()
            result = driver.result()
            wanted = sha256(columns[system.tracker].tobytes()).hexdigest()
            if result["digest"] != wanted:
                raise RuntimeError(f"{system.name} does not give back what was stored")
            rates[system.name].append(result["count"] / result["seconds"])
            if system is ours:
                seconds.append(result["seconds"])

        quick = [system for system in (ours, *peers) if system.tracker != "mlflow"]
        for system in (*in_turn(1, (ours, *peers)), *in_turn(2, quick)):
            once(system)

    rate = {name: median(samples) for name, samples in rates.items()}
    return [
        Figure(
            "export", f"{POINTS:,} points, bit for bit", "s", median(seconds), at_most=1,
            peers={name: POINTS / number for name, number in rate.items() if name != ours.name},
            samples=seconds, note="peers: at their measured rate",
        )
    ]  # fmt: skip


def _cold(space: Workspace, row: str, columns: dict[str, Floats], at_most: float) -> list[Figure]:
    took: dict[str, list[float]] = defaultdict(list)
    grown: dict[str, list[float]] = defaultdict(list)

    def once(system: System, ask: Callable[[System], Any], check: Callable[[Any], None]) -> None:
        system.restart()
        time.sleep(1)  # what the start still does in the background is not the request's
        with _Memory(system) as memory:
            before = time.perf_counter()
            answer = ask(system)
            seconds = time.perf_counter() - before
        check(answer)
        took[system.name].append(seconds * 1000)
        grown[system.name].append(memory.growth / 1e6)

    with space.everyone() as (ours, peers):
        runs: dict[str, str] = {}
        for system in [ours, *peers]:
            assert isinstance(system, Trackql | Trackio | Mlflow)
            runs[system.tracker] = system.seed(row, columns)
        asks: dict[str, Callable[[System], Any]] = {
            "trackql": lambda s: _curves(s, runs["trackql"], list(columns)),
            "trackio": lambda s: logs(s, runs["trackio"]),
            "mlflow": lambda s: intervals(s, runs["mlflow"], list(columns)),
        }
        checks: dict[str, Callable[[Any], None]] = {
            "trackql": lambda answer: _every_extreme(answer, columns),
            "trackio": _not_empty,
            "mlflow": _not_empty,
        }
        for system in (*in_turn(2, (ours, *peers)), *in_turn(3, [ours])):
            once(system, asks[system.tracker], checks[system.tracker])

    def peer(samples: dict[str, list[float]]) -> dict[str, float]:
        return {name: median(found) for name, found in samples.items() if name != ours.name}

    own = ours.name
    size = f"{len(columns)} × {len(next(iter(columns.values()))):,} points, cold"
    return [
        Figure(row, size, "ms", median(took[own]), at_most=at_most, peers=peer(took),
               samples=took[own]),
        Figure(row, "more resident", "MB", median(grown[own]), peers=peer(grown),
               samples=grown[own]),
    ]  # fmt: skip


def _walk(points: int, seed: int) -> Floats:
    """A noisy descent with a few lonely spikes, the hard case for a reduction."""
    source = np.random.default_rng(seed)
    values = np.exp(-np.arange(points) / (points / 5)) + source.normal(0, 0.05, points)
    spikes = source.integers(0, points, 20)
    values[spikes] += source.choice([-9.0, 9.0], 20)
    return values.astype(np.float64)


def _curves(system: System, run: str, keys: list[str]) -> Any:
    assert isinstance(system, Trackql)
    curves = system.ask(CURVES, run=run, keys=keys, pixels=PIXELS)["metricCurves"]
    for curve in curves:
        curve["steps"] = np.frombuffer(base64.b64decode(curve["steps"]), "<i8")
        curve["values"] = np.frombuffer(base64.b64decode(curve["values"]), "<f8")
    return curves


def _every_extreme(curves: Any, columns: dict[str, Floats]) -> None:
    if {curve["key"] for curve in curves} != set(columns):
        raise RuntimeError("a curve is missing")
    for curve in curves:
        column = columns[curve["key"]]
        if int(curve["totalInRange"]) != len(column):
            raise RuntimeError(f"the curve of {curve['key']} covers too few points")
        width = max(1, int(curve["bucketWidth"]))
        buckets = np.arange(0, len(column), width)
        for extreme in (np.minimum, np.maximum):
            wanted = extreme.reduceat(column, buckets)
            place = curve["steps"] // width
            with np.errstate(invalid="ignore"):
                identity = np.inf if extreme is np.minimum else -np.inf
                got = np.full(len(buckets), identity)
                extreme.at(got, place, curve["values"])
            if not np.array_equal(got, wanted):
                raise RuntimeError(f"an extreme of {curve['key']} is missing from its curve")
        if not np.array_equal(column[curve["steps"]], curve["values"]):
            raise RuntimeError(f"the curve of {curve['key']} shows what was never logged")


def logs(system: System, run: str) -> Any:
    reply = system.http.post(
        f"{system.server.url}/api/get_logs_batch",
        json={
            "project": "bench",
            "runs": [{"run": None, "run_id": run}],
            "max_points": 3000,
            "scalar_only": True,
        },
    )
    return reply.raise_for_status().json()["data"][0]["logs"]


def intervals(system: System, run: str, keys: list[str]) -> Any:
    def one(key: str) -> Any:
        reply = system.http.get(
            f"{system.server.url}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
            params={"run_ids": run, "metric_key": key, "max_results": 320},
        )
        return reply.raise_for_status().json().get("metrics", [])

    with ThreadPoolExecutor(6) as browser:
        return [metric for part in browser.map(one, keys) for metric in part]


def _not_empty(answer: Any) -> None:
    if len(answer) < 300:
        raise RuntimeError(f"a peer's chart has only {len(answer)} points")


class _Memory:
    """The most that a server grows while something happens."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._done = Event()
        self._before = self._most = system.resident()
        self._thread = Thread(target=self._watch)

    @property
    def growth(self) -> int:
        return self._most - self._before

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._most = max(self._most, self._system.resident())
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self._most = max(self._most, self._system.resident())
