"""The training script of the benchmarks: the same loop, whichever tracker's environment runs it.

Run by the Python of each tracker's own environment, so it imports only the standard library and
that tracker. One JSON object a line on standard output; `ready` waits for a line on standard input.
"""

import json
import random
import sys
import time
from array import array
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Protocol


class Tracker(Protocol):
    """What a tracker's SDK must do here, by its public calls and with its default settings."""

    # The SDK's own function, so that nothing of this script is timed; set by start().
    log: Callable[..., object]

    def start(self, run: str) -> str: ...
    def finish(self) -> None: ...
    def series(self, run: str, key: str) -> "list[float] | array[float]": ...


class Trackql:
    """Finds its server by TRACKQL_URL."""

    log: Callable[..., object]

    def __init__(self) -> None:
        import trackql

        self._sdk = trackql

    def start(self, run: str) -> str:
        self._sdk.set_experiment("bench")
        self._run = self._sdk.start_run(run_name=run)
        # The peers' clients are connected and their run is known when this returns; so is ours.
        self._sdk.flush()
        self.log = self._sdk.log_metrics
        return str(self._run.info.run_id)

    def finish(self) -> None:
        self._sdk.end_run()

    def series(self, run: str, key: str) -> "list[float] | array[float]":
        return array("d", self._sdk.Client().history(run, key).values)


class Trackio:
    """Writes its database in this process, as it does by default; finds it by TRACKIO_DIR."""

    log: Callable[..., object]

    def __init__(self) -> None:
        import trackio

        self._sdk = trackio

    def start(self, run: str) -> str:
        started = self._sdk.init(project="bench", name=run, embed=False)
        self.log = self._sdk.log
        return str(started.id)

    def finish(self) -> None:
        self._sdk.finish()

    def series(self, run: str, key: str) -> "list[float] | array[float]":
        # What `trackio get metric` calls: the package has no public call for it.
        from trackio.sqlite_storage import SQLiteStorage

        rows = SQLiteStorage.get_metric_values("bench", None, key, run_id=run)
        return [row["value"] for row in rows]


class Mlflow:
    """Finds its server by MLFLOW_TRACKING_URI."""

    log: Callable[..., object]

    def __init__(self) -> None:
        import mlflow

        self._sdk = mlflow

    def start(self, run: str) -> str:
        self._sdk.set_experiment("bench")
        started = self._sdk.start_run(run_name=run)
        self.log = self._sdk.log_metrics
        return str(started.info.run_id)

    def finish(self) -> None:
        self._sdk.end_run()

    def series(self, run: str, key: str) -> "list[float] | array[float]":
        return [metric.value for metric in self._sdk.MlflowClient().get_metric_history(run, key)]


class MlflowAsync(Mlflow):
    """MLflow's asynchronous mode: the call returns, a thread sends."""

    def start(self, run: str) -> str:
        self._sdk.config.enable_async_logging()
        return super().start(run)

    def finish(self) -> None:
        self._sdk.flush_async_logging()
        super().finish()


TRACKERS: dict[str, Callable[[], Tracker]] = {
    "trackql": Trackql,
    "trackio": Trackio,
    "mlflow": Mlflow,
    "mlflow-async": MlflowAsync,
}


def say(**facts: Any) -> None:
    print(json.dumps(facts), file=sys.__stdout__, flush=True)


def ready(**facts: Any) -> None:
    """Tell that everything before the measurement is done, and wait to be let go."""
    say(ready=True, **facts)
    sys.stdin.readline()


def table(keys: int, steps: int, seed: int) -> list[dict[str, float]]:
    """The values of a run: the same for the same seed, so that the reader can check them."""
    source = random.Random(seed)
    names = [f"group{key // 5}/metric{key}" for key in range(keys)]
    return [{name: source.gauss(0, 1) for name in names} for _ in range(steps)]


def loop(tracker: Tracker, keys: int, steps: int, seed: int) -> None:
    """Log every step as fast as the calls return; time each call, and all until finish returns."""
    rows = table(keys, steps, seed)
    took = array("q", bytes(8 * steps))
    run = tracker.start(f"loop-{seed}")
    log = tracker.log
    clock = time.perf_counter_ns
    ready(run=run)
    begun = time.monotonic()
    for step, row in enumerate(rows):
        before = clock()
        log(row, step=step)
        took[step] = clock() - before
    looped = time.monotonic()
    tracker.finish()
    ended = time.monotonic()
    ordered = sorted(took)
    say(
        p50=ordered[steps // 2] / 1e9,
        p99=ordered[int(steps * 0.99)] / 1e9,
        begun=begun,
        looped=looped,
        ended=ended,
    )


def beat(tracker: Tracker, rate: float, count: int) -> None:
    """Log the moment of each call, by the clock that all processes share, `rate` times a second."""
    run = tracker.start("beat")
    ready(run=run)
    due = time.monotonic()
    for step in range(count):
        time.sleep(max(0.0, due - time.monotonic()))
        due += 1 / rate
        tracker.log({"moment": time.monotonic()}, step=step)
    sys.stdin.readline()
    tracker.finish()
    say(ended=True)


def export(tracker: Tracker, run: str, key: str) -> None:
    """Read one whole series through the SDK; the digest is of its values' bits."""
    ready()
    before = time.perf_counter()
    values = tracker.series(run, key)
    took = time.perf_counter() - before
    bits = array("d", values).tobytes()
    say(seconds=took, count=len(values), digest=sha256(bits).hexdigest())


COMMANDS: dict[str, Callable[..., None]] = {"loop": loop, "beat": beat, "export": export}


def main() -> None:
    tracker, command, arguments = sys.argv[1:]
    # Chatter goes elsewhere: standard output is the protocol.
    sys.stdout = sys.stderr
    COMMANDS[command](TRACKERS[tracker](), **json.loads(arguments))


if __name__ == "__main__":
    main()
