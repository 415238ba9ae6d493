"""The script of the benchmarks about files, images and lines: runs in each tracker's environment.

The verbs have the same names in both SDKs, so it is one script. It imports only the standard
library and the tracker; one JSON object a line on standard output, `ready` waits for a line on
standard input, as in `driver.py`.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from hashlib import file_digest
from importlib import import_module
from pathlib import Path
from typing import Any


def say(**facts: Any) -> None:
    print(json.dumps(facts), file=sys.__stdout__, flush=True)


def ready(**facts: Any) -> None:
    """Tell that everything before the measurement is done, and wait to be let go."""
    say(ready=True, **facts)
    sys.stdin.readline()


def begin(sdk: Any, name: str) -> str:
    """A run that its server knows, so that nothing of its making is measured."""
    sdk.set_experiment("bench")
    run = sdk.start_run(run_name=name)
    if hasattr(sdk, "flush"):
        sdk.flush()
    return str(run.info.run_id)


def stored(sdk: Any) -> None:
    """Wait until the server has what was logged; MLflow's calls have waited already."""
    if hasattr(sdk, "flush") and not sdk.flush(120):
        raise SystemExit("the server does not have everything after two minutes")


def up(sdk: Any, path: str, name: str) -> None:
    """Log a file, or a folder of files, until the server has it."""
    run = begin(sdk, name)
    log = sdk.log_artifacts if Path(path).is_dir() else sdk.log_artifact
    ready(run=run)
    before = time.perf_counter()
    log(path)
    returned = time.perf_counter()
    stored(sdk)
    after = time.perf_counter()
    sdk.end_run()
    say(seconds=after - before, blocked=returned - before)


def down(sdk: Any, run: str, path: str, target: str) -> None:
    """Fetch a file, or everything (path ""), and hash what arrived."""
    sdk.artifacts.list_artifacts(run_id=run)  # connects, and loads what the first call loads
    ready()
    before = time.perf_counter()
    found = sdk.artifacts.download_artifacts(run_id=run, artifact_path=path, dst_path=target)
    seconds = time.perf_counter() - before
    root = Path(found)
    files = sorted(root.rglob("*")) if root.is_dir() else [root]
    digests = {}
    for file in files:
        if file.is_file() and file.relative_to(target).parts[0] != "trackql":
            with file.open("rb") as content:
                digests[file.name] = file_digest(content, "sha256").hexdigest()
    say(seconds=seconds, digests=digests)


def images(sdk: Any, count: int, size: int) -> None:
    """Log one image of `size` bytes a step; what each call takes of the training loop."""
    source = random.Random(1)
    run = begin(sdk, "images")
    took = []
    ready(run=run)
    before = time.perf_counter()
    for step in range(count):
        image = b"\x89PNG\r\n\x1a\n" + source.randbytes(size - 8)
        start = time.perf_counter()
        sdk.active_run().log({"sample": sdk.Image(image, format="png")}, step=step)
        took.append(time.perf_counter() - start)
        time.sleep(0.002)  # a step of training
    looped = time.perf_counter()
    stored(sdk)
    after = time.perf_counter()
    sdk.end_run()
    say(took=took, seconds=after - before, tail=after - looped)


def lines(sdk: Any, rate: float, count: int) -> None:
    """Print `rate` lines a second, each with its moment; what a call takes with and without a run.

    The moments are of the clock that all processes of the machine share.
    """
    sink = open(os.devnull, "w")  # noqa: SIM115  (standard output until the process ends)
    sys.stdout = sink
    plain = _printed(rate, 2_000)
    run = begin(sdk, "console")
    ready(run=run)
    took = _printed(rate, count)
    stored(sdk)
    sdk.end_run()
    say(plain=plain, took=took)


def _printed(rate: float, count: int) -> list[float]:
    took = []
    begun = time.monotonic()
    for number in range(count):
        text = f"{number} {time.monotonic():.6f} step of an epoch, loss 0.123, accuracy 0.987"
        before = time.perf_counter()
        print(text)
        took.append(time.perf_counter() - before)
        if number % 10 == 9:  # ten at once: a sleep is not exact enough for each
            time.sleep(max(0.0, begun + (number + 1) / rate - time.monotonic()))
    return took


def start(sdk: Any) -> None:
    """What the first start_run of a script takes, its import counted in."""
    before = time.perf_counter()
    sdk.start_run(run_name="start")
    begun = time.perf_counter()
    sdk.end_run()
    say(seconds=begun - before)


COMMANDS: dict[str, Callable[..., None]] = {
    "up": up,
    "down": down,
    "images": images,
    "lines": lines,
    "start": start,
}


def main() -> None:
    tracker, command, arguments = sys.argv[1:]
    sys.stdout = sys.stderr  # standard output is the protocol
    COMMANDS[command](import_module(tracker), **json.loads(arguments))


if __name__ == "__main__":
    main()
