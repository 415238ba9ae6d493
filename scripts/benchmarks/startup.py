"""Row `startup`: what it costs to have the server at all, and to import the SDK.

Start: from the launch of the server's command, with empty data, until it answers. Idle memory: all
processes of the server, three seconds after that. Import: the first import in a new interpreter,
with its bytecode cached.
"""

import subprocess
import time
from collections import defaultdict
from pathlib import Path

from scripts.benchmarks.report import Figure, in_turn, median
from scripts.benchmarks.systems import Mlflow, System, Trackio, Trackql
from scripts.benchmarks.workspace import Workspace

IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def startup(space: Workspace) -> list[Figure]:
    starts: dict[str, list[float]] = defaultdict(list)
    idle: dict[str, list[float]] = defaultdict(list)
    imports: dict[str, list[float]] = defaultdict(list)

    def start(kind: type[System]) -> None:
        system = space.cold(kind)
        try:
            starts[kind.name].append(system.server.start())
            time.sleep(3)
            idle[kind.name].append(system.resident() / 1e6)
        finally:
            system.server.kill()

    def load(kind: type[System], python: Path) -> None:
        done = subprocess.run(
            [str(python), "-c", IMPORT.format(kind.tracker)],
            check=True,
            capture_output=True,
            text=True,
        )
        imports[kind.name].append(float(done.stdout) * 1000)

    kinds: list[type[System]] = [Trackql, Trackio, Mlflow] if space.peers else [Trackql]
    for kind in (*in_turn(2, kinds), *in_turn(3, kinds[:1])):
        start(kind)
    pythons = [(kind, space.cold(kind).python) for kind in kinds]
    for kind, python in pythons:
        load(kind, python)
    imports.clear()
    for kind, python in in_turn(5, pythons):
        load(kind, python)

    def figure(measure: str, unit: str, samples: dict[str, list[float]], most: float) -> Figure:
        peers = {name: median(found) for name, found in samples.items() if name != Trackql.name}
        own = samples[Trackql.name]
        return Figure("startup", measure, unit, median(own), at_most=most, peers=peers, samples=own)

    return [
        figure("cold start to health", "s", starts, 1.5),
        figure("idle, resident", "MB", idle, 120),
        figure("import", "ms", imports, 100),
    ]
