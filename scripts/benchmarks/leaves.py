"""Rows `images`, `console` and `capture`: what a run leaves behind beside its metrics.

`images`: a thousand images of 100 kB, one a step of 2 ms; the time that each call keeps the loop
from going on, and how many images were stored with which bytes.

`console`: 10,000 printed lines a second for a minute. Added: the median of a call with a run minus
that without one, both into the null device. A subscriber in another process notes when it has each
line; afterwards every line is read back and compared.

`capture`: what `start_run` takes of a script with everything that is captured by default, and
with capture off; in a git repository with changes, the two in turn.
"""

import asyncio
import subprocess
import time
from pathlib import Path
from typing import Any

import orjson
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from scripts.benchmarks.artifacts import DRIVER, drive
from scripts.benchmarks.report import Figure, in_turn, median, percentile
from scripts.benchmarks.systems import Driver, Trackql
from scripts.benchmarks.workspace import Workspace

IMAGES, IMAGE = 1_000, 100_000
RATE, LINES = 10_000.0, 600_000

VALUES = """
query Values($run: ID!, $after: String) {
  run(id: $run) { values(first: 1) { nodes { key count values(first: 1000, after: $after) {
    nodes { step artifact { size } }
    pageInfo { hasNextPage endCursor }
  } } } }
}
"""
GROWN = """
subscription Grown($run: ID!) { consoleGrew(runId: $run, after: 0) { first texts skipped } }
"""
CONSOLE = """
query Console($run: ID!, $from: Int64) {
  run(id: $run) { console(from: $from, first: 5000) { total texts } }
}
"""


def images(space: Workspace) -> list[Figure]:
    worst: list[float] = []
    usual: list[float] = []
    for _ in range(3):
        with space.running(Trackql) as ours:
            driver = drive(ours, "images", count=IMAGES, size=IMAGE)
            run = driver.run
            driver.go()
            took = [each * 1000 for each in driver.result()["took"]]
            worst.append(percentile(took, 0.99))
            usual.append(median(took))
            _check_images(ours, run)
    return [
        Figure("images", "1,000 × 100 kB, call p50", "ms", median(usual), at_most=1, samples=usual),
        Figure("images", "call p99", "ms", median(worst), at_most=1, samples=worst),
    ]


def _check_images(ours: Trackql, run: str) -> None:
    [series] = ours.ask(VALUES, run=run)["run"]["values"]["nodes"]
    found = [
        (int(each["step"]), int(each["artifact"]["size"])) for each in series["values"]["nodes"]
    ]
    if found != [(step, IMAGE) for step in range(IMAGES)] or int(series["count"]) != IMAGES:
        raise RuntimeError(f"{len(found)} images were stored, {series['count']} counted")


def console(space: Workspace) -> list[Figure]:
    with space.running(Trackql) as ours:
        driver = drive(ours, "lines", rate=RATE, count=LINES)
        run = driver.run
        delays, watched = asyncio.run(_watch(ours, run, driver))
        answer = driver.result()
        lost = LINES - _stored(ours, run)
    plain, took = median(answer["plain"]) * 1e6, median(answer["took"]) * 1e6
    late = percentile(answer["took"], 0.99) * 1e6
    mean = (sum(answer["took"]) / len(answer["took"]) - sum(answer["plain"]) / 2000) * 1e6
    return [
        Figure("console", "lines lost of 600,000", "", lost, at_most=0),
        Figure("console", "added a line, p50", "µs", took - plain, at_most=10),
        Figure("console", "added a line, mean", "µs", mean, at_most=10, note=f"p99 {late:.0f} µs"),
        Figure("console", "seen live, p50", "ms", median(delays) * 1000),
        Figure(
            "console",
            "seen live, p99",
            "ms",
            percentile(delays, 0.99) * 1000,
            at_most=200,
            note=f"of {watched:,} lines seen",
        ),
    ]


async def _watch(ours: Trackql, run: str, driver: Driver) -> tuple[list[float], int]:
    """How late each line is at a subscriber, until the last one is there."""
    address = ours.server.url.replace("http", "ws", 1) + "/graphql"
    protocol = Subprotocol("graphql-transport-ws")
    delays: list[float] = []
    async with connect(address, subprotocols=[protocol], max_size=None, proxy=None) as socket:
        await socket.send('{"type":"connection_init"}')
        await socket.recv()
        payload = {"query": GROWN, "variables": {"run": run}}
        await socket.send(
            orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode()
        )
        driver.go()
        while True:
            message = orjson.loads(await asyncio.wait_for(socket.recv(), 60))
            if message["type"] != "next":
                continue
            now = time.monotonic()
            grown = message["payload"]["data"]["consoleGrew"]
            moments = [text.split(" ", 2)[:2] for text in grown["texts"]]
            delays += [now - float(moment) for _, moment in moments]
            if moments and int(moments[-1][0]) == LINES - 1:
                return delays, len(delays)


def _stored(ours: Trackql, run: str) -> int:
    """Lines that are read back as they were printed."""
    good, total = 0, 1
    start = 0
    while start < total:
        page = ours.ask(CONSOLE, run=run, **{"from": start})["run"]["console"]
        total = int(page["total"])
        texts = page["texts"]
        if not texts:
            break
        good += sum(text.startswith(f"{start + place} ") for place, text in enumerate(texts))
        start += len(texts)
    return good


def capture(space: Workspace) -> list[Figure]:
    took: dict[bool, list[float]] = {True: [], False: []}
    with space.folder("capture") as folder, space.running(Trackql) as ours:
        script = _repository(folder)
        _start(ours, script, captured=True)  # bytecode and pages of this machine are warm after it
        for captured in in_turn(9, [True, False]):
            took[captured].append(_start(ours, script, captured=captured) * 1000)
    added = median(took[True]) - median(took[False])
    return [
        Figure(
            "capture",
            "added to a script's start",
            "ms",
            added,
            at_most=50,
            samples=took[True],
            note=f"without {median(took[False]):.1f} ms",
        )
    ]


def _repository(folder: Path) -> Path:
    script = folder / "train.py"
    script.write_bytes(DRIVER.read_bytes())
    git: list[Any] = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    with script.open("a") as file:
        file.write("\n# a change that is not committed\n")
    return script


def _start(ours: Trackql, script: Path, *, captured: bool) -> float:
    env = ours.env if captured else {**ours.env, "TRACKQL_CAPTURE": "0", "TRACKQL_CONSOLE": "0"}
    return float(Driver(ours.python, "trackql", "start", env, script=script).result()["seconds"])
