"""Rows `latency` and `subscribers`: from the log call to whoever watches.

A training script logs, as a metric's value, the moment of each call by the clock that all processes
of the machine share; a watcher in another process notes the moment at which it has that value.

`latency`: twenty calls a second for ten seconds. Our watcher subscribes over a WebSocket; a peer's
asks its server's chart request again and again, as fast as it answers.

`subscribers`: two hundred WebSockets subscribe to one run that logs a hundred steps a second for
ten seconds; each must get every point once and in order. The times are those of all points at all
subscribers.
"""

import asyncio
import base64
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import Any

import numpy as np
import orjson
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from scripts.benchmarks.charts import intervals, logs
from scripts.benchmarks.report import Figure, in_turn, median, percentile
from scripts.benchmarks.systems import System, Trackql
from scripts.benchmarks.workspace import Workspace

RATE, CALLS = 20.0, 200
SUBSCRIBERS, STEPS, STEP_RATE = 200, 1000, 100.0

FOLLOW = """
subscription Follow($run: ID!) {
  metricsLogged(runIds: [$run]) {
    series {
      offset
      nextOffset
      steps(encoding: BASE64)
      values(encoding: BASE64)
    }
  }
}
"""


def latency(space: Workspace) -> list[Figure]:
    p50: dict[str, list[float]] = defaultdict(list)
    p99: dict[str, list[float]] = defaultdict(list)

    def once(system: System) -> None:
        driver = system.drive("beat", rate=RATE, count=CALLS)
        run = driver.run
        if isinstance(system, Trackql):
            delays = asyncio.run(_subscribe(system, run, driver.go))
        else:
            delays = _poll(system, run, driver.go)
        driver.go()
        driver.result()
        p50[system.name].append(median(delays) * 1000)
        p99[system.name].append(percentile(delays, 0.99) * 1000)

    with space.everyone() as (ours, peers):
        for system in (*peers, *in_turn(3, [ours])):
            once(system)

    def figure(measure: str, samples: dict[str, list[float]], most: float) -> Figure:
        others = {name: median(found) for name, found in samples.items() if name != ours.name}
        own = samples[ours.name]
        return Figure(
            "latency", measure, "ms", median(own), at_most=most, peers=others, samples=own
        )

    return [
        figure("log call to subscriber, p50", p50, 10),
        figure("log call to subscriber, p99", p99, 50),
    ]


def subscribers(space: Workspace) -> list[Figure]:
    p99: list[float] = []
    p50: list[float] = []

    def once(ours: Trackql) -> None:
        driver = ours.drive("beat", rate=STEP_RATE, count=STEPS)
        delays = asyncio.run(_crowd(ours, driver.run, driver.go))
        driver.go()
        driver.result()
        p50.append(median(delays) * 1000)
        p99.append(percentile(delays, 0.99) * 1000)

    with space.running(Trackql) as ours:
        for _ in range(3):
            once(ours)
    row = "subscribers"
    note = f"all {SUBSCRIBERS} complete and in order"
    return [
        Figure(row, "log call to subscriber, p50", "ms", median(p50), samples=p50, note=note),
        Figure(row, "log call to subscriber, p99", "ms", median(p99), at_most=250, samples=p99),
    ]


async def _follow(system: Trackql, run: str) -> AsyncIterator[tuple[float, Any]]:
    """The series of each event and the moment it came; first an empty one, when subscribed."""
    address = system.server.url.replace("http", "ws") + "/graphql"
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(address, subprotocols=protocols, max_size=None) as socket:
        await socket.send(orjson.dumps({"type": "connection_init"}).decode())
        await socket.recv()
        payload = {"query": FOLLOW, "variables": {"run": run}}
        await socket.send(
            orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode()
        )
        yield time.monotonic(), []
        async for message in socket:
            now = time.monotonic()
            frame = orjson.loads(message)
            if frame["type"] == "ping":
                await socket.send('{"type":"pong"}')
                continue
            if frame["type"] != "next" or frame["payload"].get("errors"):
                raise RuntimeError(f"the subscription ended: {frame}")
            yield now, frame["payload"]["data"]["metricsLogged"]["series"]


async def _watch(system: Trackql, run: str, count: int, subscribed: asyncio.Event) -> list[float]:
    """How late each point was; raises unless all come once and in order."""
    delays: list[float] = []
    async for now, deltas in _follow(system, run):
        subscribed.set()
        for delta in deltas:
            if int(delta["offset"]) != len(delays):
                raise RuntimeError(f"offset {delta['offset']} came after {len(delays)} points")
            steps = np.frombuffer(base64.b64decode(delta["steps"]), "<i8")
            if not np.array_equal(steps, np.arange(len(delays), len(delays) + len(steps))):
                raise RuntimeError(f"steps {steps} came after {len(delays)} points")
            moments = np.frombuffer(base64.b64decode(delta["values"]), "<f8")
            delays += (now - moments).tolist()
        if len(delays) >= count:
            break
    return delays


async def _subscribe(system: Trackql, run: str, go: Any) -> list[float]:
    subscribed = asyncio.Event()
    watching = asyncio.create_task(_watch(system, run, CALLS, subscribed))
    await subscribed.wait()
    await asyncio.sleep(0.5)
    go()
    return await asyncio.wait_for(watching, 60)


async def _crowd(system: Trackql, run: str, go: Any) -> list[float]:
    events = [asyncio.Event() for _ in range(SUBSCRIBERS)]
    watching = [asyncio.create_task(_watch(system, run, STEPS, event)) for event in events]
    for event in events:
        await event.wait()
    await asyncio.sleep(1)
    go()
    every = await asyncio.wait_for(asyncio.gather(*watching), 120)
    return [delay for delays in every for delay in delays]


def _poll(system: System, run: str, go: Any) -> list[float]:
    seen: dict[float, float] = {}
    stop = Event()

    def ask() -> None:
        while not stop.is_set() and len(seen) < CALLS:
            if system.tracker == "mlflow":
                points = [point["value"] for point in intervals(system, run, ["moment"])]
            else:
                points = [row["moment"] for row in logs(system, run)]
            now = time.monotonic()
            for point in points:
                seen.setdefault(point, now)

    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(ask)
        time.sleep(0.5)
        go()
        wait([polling], 60)
        stop.set()
        polling.result()
    if len(seen) < CALLS:
        raise RuntimeError(f"{system.name} showed {len(seen)} of {CALLS} points")
    return [now - moment for moment, now in seen.items()]
