"""Rows `logging` and `processes`: what a training loop pays, and when its points are stored.

In both, the clock starts when the run is known to the tracker: MLflow and Trackio wait for that
when a run begins; trackql, which does not, is flushed once.

`logging`: one process logs 20 metrics a call, as fast as the calls return, with each tracker's
default settings. A call's time is what `log_metrics` (Trackio: `log`) takes in that loop. Points a
second are all points over the time from the first call until the run is finished and a reader (a
query of ours, SQL for the peers) counts every one of them.

`processes`: the same from eight processes at once, each with a run of its own, let go together
after all have started their runs; until a reader counts every point of all of them.

Sizes are such that no peer needs more than 30 seconds for its part. After each measurement every
value is read back and compared bit for bit with what was logged.
"""

import time
from collections import defaultdict

import numpy as np

from scripts.benchmarks.driver import table
from scripts.benchmarks.report import Figure, in_turn, median
from scripts.benchmarks.systems import Driver, System
from scripts.benchmarks.workspace import Workspace

KEYS = 20

# Steps of one loop, by tracker.
LOOP = {"trackql": 5000, "trackio": 5000, "mlflow": 150, "mlflow-async": 400}

# Steps of each of the eight processes, by tracker.
EACH = {"trackql": 2500, "trackio": 2500, "mlflow": 20, "mlflow-async": 20}
PROCESSES = 8

# How long nothing more may arrive before what is missing counts as lost.
QUIET = 15.0

TITLES = {
    "trackql": "trackql",
    "trackio": "Trackio",
    "mlflow": "MLflow",
    "mlflow-async": "MLflow async",
}


def logging(space: Workspace) -> list[Figure]:
    calls50: dict[str, list[float]] = defaultdict(list)
    calls99: dict[str, list[float]] = defaultdict(list)
    rates: dict[str, list[float]] = defaultdict(list)
    lost: dict[str, int] = defaultdict(int)

    def once(system: System, tracker: str) -> None:
        steps = LOOP[tracker]
        seed = len(rates[tracker]) + 1
        driver = system.drive("loop", tracker=tracker, keys=KEYS, steps=steps, seed=seed)
        run = driver.run
        driver.go()
        result = driver.result()
        found, moment = _await({run: system}, steps * KEYS)
        calls50[tracker].append(result["p50"])
        calls99[tracker].append(result["p99"])
        rates[tracker].append(found / (moment - result["begun"]))
        lost[tracker] += steps * KEYS - found
        if found == steps * KEYS:
            _check(system, run, steps, seed)

    with space.everyone() as (ours, peers):
        who = [(system, system.tracker) for system in [ours, *peers]]
        who += [(system, "mlflow-async") for system in peers if system.tracker == "mlflow"]
        once(ours, "trackql")  # the first run of each warms the page cache and is not counted
        for samples in (calls50, calls99, rates):
            samples.clear()
        quick = [(system, tracker) for system, tracker in who if LOOP[tracker] >= 1000]
        for system, tracker in (*in_turn(3, who), *in_turn(2, quick)):
            once(system, tracker)

    micro = {tracker: median(samples) * 1e6 for tracker, samples in calls50.items()}
    micro99 = {tracker: median(samples) * 1e6 for tracker, samples in calls99.items()}
    rate = {tracker: median(samples) for tracker, samples in rates.items()}
    row = "logging"
    figures = [
        Figure(row, "one call, p50", "µs", micro["trackql"], at_most=15, peers=_peers(micro),
               samples=calls50["trackql"]),
        Figure(row, "one call, p99", "µs", micro99["trackql"], at_most=150, peers=_peers(micro99),
               samples=calls99["trackql"]),
        Figure(row, "until stored", "points/s", rate["trackql"], at_least=400_000,
               peers=_peers(rate), samples=rates["trackql"]),
        Figure(row, "points lost", "", lost["trackql"], at_most=0, peers=_peers(lost)),
    ]  # fmt: skip
    if "trackio" in rate:
        figures.insert(
            3, Figure(row, "of Trackio", "×", rate["trackql"] / rate["trackio"], at_least=3)
        )
        figures.insert(
            4, Figure(row, "of MLflow", "×", rate["trackql"] / rate["mlflow"], at_least=1000)
        )
    return figures


def processes(space: Workspace) -> list[Figure]:
    rates: dict[str, list[float]] = defaultdict(list)
    lost: dict[str, int] = defaultdict(int)

    def once(system: System, tracker: str) -> None:
        steps = EACH[tracker]
        seeds = [100 * (len(rates[tracker]) + 1) + number for number in range(PROCESSES)]
        drivers: list[Driver] = []
        try:
            for seed in seeds:
                script = system.drive("loop", tracker=tracker, keys=KEYS, steps=steps, seed=seed)
                drivers.append(script)
            runs = [driver.run for driver in drivers]
            for driver in drivers:
                driver.go()
            begun = min(driver.result()["begun"] for driver in drivers)
        finally:
            for driver in drivers:
                driver.kill()
        found, moment = _await(dict.fromkeys(runs, system), steps * KEYS * PROCESSES)
        rates[tracker].append(found / (moment - begun))
        lost[tracker] += steps * KEYS * PROCESSES - found
        if found == steps * KEYS * PROCESSES:
            for run, seed in zip(runs, seeds, strict=True):
                _check(system, run, steps, seed)

    with space.everyone() as (ours, peers):
        who = [(system, system.tracker) for system in [ours, *peers]]
        asynchronous = [(system, "mlflow-async") for system in peers if system.tracker == "mlflow"]
        for system, tracker in (*in_turn(3, who), *asynchronous):
            once(system, tracker)

    rate = {tracker: median(samples) for tracker, samples in rates.items()}
    row = "processes"
    figures = [
        Figure(row, "until stored", "points/s", rate["trackql"], peers=_peers(rate),
               samples=rates["trackql"]),
        Figure(row, "points lost", "", lost["trackql"], at_most=0, peers=_peers(lost)),
    ]  # fmt: skip
    if "trackio" in rate:
        figures.insert(
            1, Figure(row, "of Trackio", "×", rate["trackql"] / rate["trackio"], at_least=2)
        )
    return figures


def _await(runs: dict[str, System], expected: int) -> tuple[int, float]:
    """The points that a reader counts, and the moment when it counted the last."""
    found, moment = -1, time.monotonic()
    while found < expected and time.monotonic() - moment < QUIET:
        now = sum(system.count(run) for run, system in runs.items())
        if now != found:
            found, moment = now, time.monotonic()
        else:
            time.sleep(0.01)
    return found, moment


def _check(system: System, run: str, steps: int, seed: int) -> None:
    rows = table(KEYS, steps, seed)
    stored = system.stored(run)
    for key in rows[0]:
        logged = np.array([row[key] for row in rows])
        if stored[key].tobytes() != logged.tobytes():
            raise RuntimeError(f"{system.name} does not give back what was logged as {key}")


def _peers(numbers: dict[str, float] | dict[str, int]) -> dict[str, float]:
    return {TITLES[tracker]: float(n) for tracker, n in numbers.items() if tracker != "trackql"}
