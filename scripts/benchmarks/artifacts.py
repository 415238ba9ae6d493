"""Rows `file`, `files` and `listing`: artifacts through the server.

`file`: one file of 1 GiB of random bytes, logged until the server has it (the SDK's own snapshot
and hashing counted in), fetched by another process, and logged again by another run. Beside it
MLflow with its proxied artifacts, and a bare Starlette app that only streams a body into a file and
back, driven by `http.client`. Server memory: the most that the server's processes held above what
they held before.

`files`: a folder with a thousand files of 10 KiB, each with bytes of its own.

`listing`: the first page (100 entries) of a run with 50,000 artifacts, over HTTP as a page asks.

Everything that is fetched is compared with what was logged by its SHA-256.
"""

import http.client
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections import defaultdict
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from scripts.benchmarks.report import Figure, in_turn, median
from scripts.benchmarks.systems import CREATE, Driver, Mlflow, System, Trackql
from scripts.benchmarks.workspace import Workspace
from scripts.process import Server, free_port

MIB = 1024 * 1024
LARGE = 1024 * MIB
FILES, EACH = 1_000, 10 * 1024
LISTED, PAGE = 50_000, 100
DRIVER = Path(__file__).with_name("driver_files.py")

LISTING = """
query Listing($run: ID!, $folder: String!, $first: Int!) {
  run(id: $run) {
    artifacts(folder: $folder, first: $first) {
      nodes { path name isFolder size sha256 mediaType createdAt url }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }
}
"""


def drive(system: System, command: str, **arguments: Any) -> Driver:
    """Start the script about files in a system's environment."""
    return Driver(system.python, system.tracker, command, system.env, script=DRIVER, **arguments)


class Peak:
    """The most memory that a system's server holds while the block runs, above what it held."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._done = threading.Event()
        self.growth = 0.0

    def __enter__(self) -> "Peak":
        self._before = self._system.resident()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.growth = max(self.growth, (self._system.resident() - self._before) / 1e6)


def file(space: Workspace) -> list[Figure]:
    rates: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    growth: list[float] = []

    def once(system: System, source: Path, digest: str) -> None:
        run, seconds = _up(system, source, "first", growth)
        rates["up"][system.name].append(LARGE / MIB / seconds)
        _, seconds = _up(system, source, "again", growth)
        rates["again"][system.name].append(seconds)
        target = system.home / "fetched"
        target.mkdir()
        driver = drive(system, "down", run=run, path=source.name, target=str(target))
        driver.ready()
        _ready(system.home)
        with Peak(system) as peak:
            driver.go()
            answer = driver.result()
        if system.name == Trackql.name:
            growth.append(peak.growth)
        _check(system, answer["digests"], {source.name: digest})
        rates["down"][system.name].append(LARGE / MIB / answer["seconds"])
        shutil.rmtree(target)

    with space.folder("file") as folder:
        source, digest = _random_file(folder / "large.bin", LARGE)
        kinds = _kinds(space)
        bare: dict[str, list[float]] = defaultdict(list)
        for kind in kinds:
            for way, seconds in _bare(folder, source).items():
                bare[way].append(LARGE / MIB / seconds)
            with space.running(kind) as system:
                once(system, source, digest)
                system.server.stop()
            shutil.rmtree(system.home)

    figures = []
    for way, least in (("up", 2.0), ("down", 2.0)):
        own = rates[way][Trackql.name]
        peers = {name: median(found) for name, found in rates[way].items() if name != Trackql.name}
        figures.append(
            Figure("file", f"1 GiB {way}", "MiB/s", median(own), peers=peers, samples=own)
        )
        if peers:
            times = median(own) / peers[Mlflow.name]
            figures.append(Figure("file", f"{way}, times MLflow", "×", times, at_least=least))
        share = median(own) / median(bare[way]) * 100
        figures.append(
            Figure(
                "file",
                f"{way}, share of a bare stream",
                "%",
                share,
                at_least=60,
                note=f"bare: {median(bare[way]):,.0f} MiB/s",
            )
        )
    own = rates["again"][Trackql.name]
    peers = {n: median(found) for n, found in rates["again"].items() if n != Trackql.name}
    most = peers[Mlflow.name] / 4 if peers else None
    return [
        *figures,
        Figure("file", "logged again", "s", median(own), at_most=most, peers=peers, samples=own),
        Figure("file", "server memory grows", "MB", max(growth), at_most=64, samples=growth),
    ]


def files(space: Workspace) -> list[Figure]:
    rates: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def once(system: System, source: Path, digests: dict[str, str]) -> None:
        run, seconds = _up(system, source, "many", [])
        rates["up"][system.name].append(FILES / seconds)
        target = system.home / "fetched"
        target.mkdir()
        driver = drive(system, "down", run=run, path="", target=str(target))
        driver.go()
        answer = driver.result()
        _check(system, answer["digests"], digests)
        rates["down"][system.name].append(FILES / answer["seconds"])
        shutil.rmtree(target)

    with space.folder("files") as folder:
        source = folder / "many"
        source.mkdir()
        maker = random.Random(7)
        digests = {}
        for number in range(FILES):
            content = maker.randbytes(EACH)
            (source / f"{number:04}.bin").write_bytes(content)
            digests[f"{number:04}.bin"] = sha256(content).hexdigest()
        for kind in _kinds(space):
            with space.running(kind) as system:
                once(system, source, digests)
                system.server.stop()

    figures = []
    for way in ("up", "down"):
        own = rates[way][Trackql.name]
        peers = {name: median(found) for name, found in rates[way].items() if name != Trackql.name}
        figures.append(
            Figure("files", f"1,000 × 10 KiB {way}", "files/s", median(own), None, None, peers, own)
        )
        if peers:
            times = median(own) / peers[Mlflow.name]
            figures.append(Figure("files", f"{way}, times MLflow", "×", times, at_least=20))
    return figures


def listing(space: Workspace) -> list[Figure]:
    took: list[float] = []
    with space.running(Trackql) as ours:
        made = ours.ask(CREATE, input={"experimentName": "bench", "name": "listing"})
        run = str(made["createRun"]["id"])
        for start in range(0, LISTED, 10_000):
            _pack(ours, run, [f"flat/{number:06}.txt" for number in range(start, start + 10_000)])
        for _ in range(21):
            before = time.perf_counter()
            page = ours.ask(LISTING, run=run, folder="flat", first=PAGE)["run"]["artifacts"]
            took.append((time.perf_counter() - before) * 1000)
            names = [node["name"] for node in page["nodes"]]
            if names != [f"{number:06}.txt" for number in range(PAGE)]:
                raise RuntimeError(f"another page was listed: {names[:3]} …")
            if int(page["totalCount"]) != LISTED:
                raise RuntimeError(f"{page['totalCount']} artifacts were counted, not {LISTED}")
    return [
        Figure("listing", "first page of 50,000", "ms", median(took[1:]), at_most=50, samples=took)
    ]


def _ready(folder: Path) -> None:
    """Have the machine find the memory that files of this size take, before it is timed.

    A virtual machine gives memory back that it does not use; who touches it next pays for that,
    which says nothing about him.
    """
    file = folder / "memory"
    piece = bytes(16 * MIB)
    with file.open("wb") as output:
        for _ in range(2 * LARGE // len(piece)):
            output.write(piece)
    file.unlink()


def _kinds(space: Workspace) -> list[type[System]]:
    """Each three times in turn: memory that the machine has to find first makes a round slow."""
    kinds: list[type[System]] = [Mlflow, Trackql] if space.peers else [Trackql]
    return list(in_turn(3, kinds))


def _up(system: System, source: Path, name: str, growth: list[float]) -> tuple[str, float]:
    driver = drive(system, "up", path=str(source), name=name)
    run = driver.run
    if source.is_file():
        _ready(system.home)
    with Peak(system) as peak:
        driver.go()
        seconds = float(driver.result()["seconds"])
    if system.name == Trackql.name:
        growth.append(peak.growth)
    return run, seconds


def _check(system: System, found: dict[str, str], wanted: dict[str, str]) -> None:
    if found != wanted:
        wrong = [name for name in wanted if found.get(name) != wanted[name]]
        raise RuntimeError(f"{system.name} gave {len(wrong)} other files back: {wrong[:5]}")


def _random_file(path: Path, size: int) -> tuple[Path, str]:
    with path.open("wb") as output:
        for _ in range(size // (16 * MIB)):
            output.write(os.urandom(16 * MIB))
    with path.open("rb") as content:
        return path, file_digest(content, "sha256").hexdigest()


def _bare(folder: Path, source: Path) -> dict[str, float]:
    """Seconds that a bare stream takes, up and down."""
    kept = folder / "bare"
    kept.mkdir()
    port = free_port()
    module = "scripts.benchmarks.bare"
    command = [sys.executable, "-m", module, str(kept), "{port}"]
    with Server(command, log=folder / "bare.log", port=port, cwd=Path(__file__).parents[2]):
        connection = http.client.HTTPConnection("127.0.0.1", port, blocksize=MIB)
        _ready(folder)
        before = time.perf_counter()
        with source.open("rb") as body:
            length = {"content-length": str(source.stat().st_size)}
            connection.request("PUT", "/body", body, length)
            connection.getresponse().read()
        up = time.perf_counter() - before
        _ready(folder)
        before = time.perf_counter()
        connection.request("GET", "/body")
        reply = connection.getresponse()
        with (folder / "back").open("wb") as back:
            while piece := reply.read(MIB):
                back.write(piece)
        down = time.perf_counter() - before
    same = subprocess.run(["cmp", "--silent", str(folder / "back"), str(source)], check=False)
    if same.returncode != 0:
        raise RuntimeError("the bare stream gave other bytes back")
    (folder / "back").unlink()
    shutil.rmtree(kept)
    return {"up": up, "down": down}


def _pack(ours: Trackql, run: str, paths: list[str]) -> None:
    """Many small files in one request, each with its own path as its content."""
    bodies = [path.encode() for path in paths]
    entries = [
        {"path": path, "size": len(body), "sha256": sha256(body).hexdigest()}
        for path, body in zip(paths, bodies, strict=True)
    ]
    manifest = json.dumps({"entries": entries}).encode()
    reply = ours.http.post(
        f"{ours.server.url}/artifacts/runs/{run}",
        content=struct.pack(">Q", len(manifest)) + manifest + b"".join(bodies),
        headers={"content-type": "application/vnd.trackql.pack"},
    )
    reply.raise_for_status()
