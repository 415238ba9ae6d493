"""Row `watch`: how soon a run is in a page that is watched; see `search.py` for the data.

A WebSocket watches the newest fifty of 100,000 runs while twenty runs are made, then the best fifty
of those that satisfy a filter while twenty values sort these runs in, one by one. A delay counts
from the sending of the mutation to the event that lists the run as entered. Then a run that never
satisfies the filter logs values: what the server's processor has to do for each while the page is
watched, less what it has to do without.
"""

import asyncio
import base64
import time
from typing import Any

import numpy as np
import orjson
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from scripts.benchmarks import search_sets as sets
from scripts.benchmarks.report import Figure, median
from scripts.benchmarks.search_sets import LARGE
from scripts.benchmarks.systems import APPEND, CREATE, Trackql
from scripts.benchmarks.workspace import Workspace

ROW = "watch"

TIMES = 20

# Between two samples, so that none waits for what the one before still causes.
PAUSE = 0.25

# A page that a value can sort a run into.
BEST, BY_ACCURACY = "metrics.acc > 0.9", [{"by": "metrics.acc DESC"}]

# Values that change nothing on the page.
APPENDS, APPENDS_A_SECOND = 60, 30

FOUND = """
subscription Found($experiment: ID!, $filter: String, $orders: [RunOrder!]) {
  runsFound(experimentIds: [$experiment], filter: $filter, orderBy: $orders, first: 50) {
    ids
    entered { id name }
    left
  }
}
"""


def watch(space: Workspace) -> list[Figure]:
    with space.seeded(Trackql, "large", sets.seed_large, copy=True) as ours:
        experiment = sets.experiment(ours)
        made, sorted_in = asyncio.run(_entering(ours, experiment))
        alone, watched = asyncio.run(_elsewhere(ours, experiment))
    figures = []
    for title, delays in (
        (f"a new run enters a page of {LARGE:,}", made),
        ("a value sorts a run into a filtered page", sorted_in),
    ):
        figures += [
            Figure(ROW, f"{title}, p50", "ms", median(delays), at_most=100, samples=delays),
            Figure(ROW, f"{title}, worst", "ms", max(delays)),
        ]
    title = "more CPU for a logged value that is none of the page's business"
    samples = [watched, alone]
    return [*figures, Figure(ROW, title, "ms", max(0.0, watched - alone), samples=samples)]


async def _entering(ours: Trackql, experiment: str) -> tuple[list[float], list[float]]:
    """Milliseconds until runs are in the page: as they are made, then as a value sorts them in."""
    made, sorted_in = [], []
    runs = []
    async with _Page(ours, experiment) as page:
        for place in range(TIMES):
            run, sent = await asyncio.to_thread(_create, ours, experiment, f"new {place}")
            made.append((await page.first_with(run) - sent) * 1000)
            runs.append(run)
            await asyncio.sleep(PAUSE)
        page.check(runs[::-1])
    async with _Page(ours, experiment, BEST, BY_ACCURACY) as page:
        for place, run in enumerate(runs):
            sent = await asyncio.to_thread(_log, ours, run, 2.0 + place)
            sorted_in.append((await page.first_with(run) - sent) * 1000)
            await asyncio.sleep(PAUSE)
        page.check(runs[::-1])
    return made, sorted_in


async def _elsewhere(ours: Trackql, experiment: str) -> tuple[float, float]:
    """CPU milliseconds of the server for a value of a run outside the page, without and with it.

    The run is in the experiment that is watched, and never satisfies the filter.
    """
    run, _ = await asyncio.to_thread(_create, ours, experiment, "elsewhere")
    process = psutil.Process(ours.server.pid)

    async def spent() -> float:
        before = process.cpu_times()
        for place in range(APPENDS):
            await asyncio.to_thread(_log, ours, run, place / APPENDS / 2)
            await asyncio.sleep(1 / APPENDS_A_SECOND)
        after = process.cpu_times()
        return (after.user + after.system - before.user - before.system) * 1000 / APPENDS

    await spent()
    alone = await spent()
    async with _Page(ours, experiment, BEST, BY_ACCURACY):
        return alone, await spent()


class _Page:
    """A watched page: which runs it has, and since when."""

    def __init__(
        self,
        ours: Trackql,
        experiment: str,
        filter: str | None = None,
        orders: list[dict[str, str]] | None = None,
    ) -> None:
        self._address = ours.server.url.replace("http", "ws") + "/graphql"
        self._variables = {"experiment": experiment, "filter": filter, "orders": orders}
        self._ids: list[str] = []
        self._since: dict[str, float] = {}
        self._changed = asyncio.Event()

    async def __aenter__(self) -> "_Page":
        protocols = [Subprotocol("graphql-transport-ws")]
        self._socket = await connect(self._address, subprotocols=protocols, max_size=None)
        await self._socket.send(orjson.dumps({"type": "connection_init"}).decode())
        await self._socket.recv()
        payload = {"query": FOUND, "variables": self._variables}
        await self._socket.send(
            orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode()
        )
        self._reading = asyncio.create_task(self._read(self._socket))
        await self._next()
        if len(self._ids) != 50:
            raise RuntimeError(f"the watched page begins with {len(self._ids)} runs")
        await asyncio.sleep(PAUSE)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await self._socket.close()

    async def first_with(self, run: str) -> float:
        """The moment of the event that had the run in the page."""
        while run not in self._since:
            await self._next()
        return self._since[run]

    def check(self, first: list[str]) -> None:
        """Raise unless the page begins with these runs."""
        if self._ids[: len(first)] != first:
            raise RuntimeError("the watched page is not in its order")

    async def _next(self) -> None:
        self._changed.clear()
        waiting = asyncio.create_task(self._changed.wait())
        done, _ = await asyncio.wait(
            (waiting, self._reading), timeout=30, return_when=asyncio.FIRST_COMPLETED
        )
        if self._reading in done:
            self._reading.result()
        if not done:
            raise RuntimeError("the watched page does not change")

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            now = time.perf_counter()
            frame = orjson.loads(message)
            if frame["type"] == "ping":
                await socket.send('{"type":"pong"}')
                continue
            if frame["type"] != "next" or frame["payload"].get("errors"):
                raise RuntimeError(f"the subscription ended: {frame}")
            event = frame["payload"]["data"]["runsFound"]
            self._ids = event["ids"]
            for run in event["entered"]:
                if run["id"] not in self._ids:
                    raise RuntimeError("a run entered that is not in the page")
                self._since.setdefault(run["id"], now)
            self._changed.set()


def _create(ours: Trackql, experiment: str, name: str) -> tuple[str, float]:
    """A new run, and the moment at which it was asked for."""
    sent = time.perf_counter()
    made: Any = ours.ask(CREATE, input={"experimentId": experiment, "name": name})
    return str(made["createRun"]["id"]), sent


def _log(ours: Trackql, run: str, value: float) -> float:
    """One point of the accuracy; the moment of the call."""
    packed = [
        base64.b64encode(np.array([each], kind).tobytes()).decode()
        for each, kind in ((0, "<i8"), (int(time.time() * 1000), "<i8"), (value, "<f8"))
    ]
    steps, times, values = packed
    table = {"keys": ["acc"], "steps": steps, "times": times, "values": values}
    sent = time.perf_counter()
    ours.ask(APPEND, input={"runId": run, "tables": [table]})
    return sent
