"""trackql and its peers: how each is installed, served, written to, read back and seeded.

Every system gets a folder of its own and a server on a free port of loopback; telemetry is off.
"""

import base64
import json
import os
import sqlite3
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from numpy.typing import NDArray

from scripts.process import Server, trackql_server

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "bench"
DRIVER = Path(__file__).with_name("driver.py")

Floats = NDArray[np.float64]


class Driver:
    """A training script in one tracker's environment: awaited, let go, asked for its result."""

    def __init__(
        self,
        python: Path,
        tracker: str,
        command: str,
        env: dict[str, str],
        *,
        script: Path = DRIVER,
        **arguments: Any,
    ) -> None:
        self._process = subprocess.Popen(
            [str(python), str(script), tracker, command, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )
        self._ready: dict[str, Any] | None = None

    @property
    def run(self) -> str:
        """The run it has started; waits until it is ready to begin."""
        return str(self.ready()["run"])

    def ready(self) -> dict[str, Any]:
        """Wait until it is ready to begin."""
        if self._ready is None:
            self._ready = self._line()
        return self._ready

    def go(self) -> None:
        """Let it begin, or end what it holds back."""
        self.ready()
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """What it measured, once it has ended well."""
        answer = self._line()
        self._process.communicate()
        if self._process.returncode != 0:
            raise RuntimeError(f"the training script ended with {self._process.returncode}")
        return answer

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            raise RuntimeError(f"the training script failed:\n{errors[-4000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


class System(ABC):
    """One tracker with its data in `home`."""

    name: str
    tracker: str

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.server = self._server()
        self.http = httpx.Client(timeout=120, trust_env=False)

    @property
    @abstractmethod
    def python(self) -> Path:
        """The interpreter of its environment."""

    @property
    @abstractmethod
    def env(self) -> dict[str, str]:
        """What its training scripts find it by."""

    @abstractmethod
    def _server(self) -> Server: ...

    @abstractmethod
    def stored(self, run: str) -> dict[str, Floats]:
        """Every value of a run, by key, in order of step."""

    @abstractmethod
    def count(self, run: str) -> int:
        """How many points of a run are stored and readable."""

    def drive(self, command: str, *, tracker: str = "", **arguments: Any) -> Driver:
        """Start a training script."""
        return Driver(self.python, tracker or self.tracker, command, self.env, **arguments)

    def restart(self) -> None:
        """Restart the server; the next request opens a new connection."""
        self.http.close()
        self.server.restart()
        self.http = httpx.Client(timeout=120, trust_env=False)

    def resident(self) -> int:
        """Bytes resident in the server and all its processes."""
        main = psutil.Process(self.server.pid)
        resident = 0
        for process in [main, *main.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):  # it ended between the two calls
                resident += process.memory_info().rss
        return resident


class Trackql(System):
    """This repository, from this environment."""

    name = "trackql"
    tracker = "trackql"

    @property
    def python(self) -> Path:
        return Path(sys.executable)

    @property
    def env(self) -> dict[str, str]:
        # Series of the machine come by themselves after ten seconds; the readers here compare every
        # series of a run with what the script logged.
        return {
            "TRACKQL_URL": self.server.url,
            "TRACKQL_SPOOL": str(self.home / "spool"),
            "TRACKQL_SYSTEM_METRICS": "0",
        }

    def _server(self) -> Server:
        return trackql_server(self.home)

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """One GraphQL request over HTTP."""
        reply = self.http.post(
            f"{self.server.url}/graphql", json={"query": document, "variables": variables}
        )
        answer = reply.json()
        if answer.get("errors"):
            raise RuntimeError(f"GraphQL errors: {answer['errors']}")
        data: dict[str, Any] = answer["data"]
        return data

    def stored(self, run: str) -> dict[str, Floats]:
        keys: list[str] = []
        page: dict[str, Any] = {"endCursor": None, "hasNextPage": True}
        while page["hasNextPage"]:
            connection = self.ask(KEYS, run=run, after=page["endCursor"])["run"]["metrics"]
            keys += [metric["key"] for metric in connection["nodes"]]
            page = connection["pageInfo"]
        return {key: np.concatenate([v for _, v in self.points(run, key)]) for key in keys}

    def points(self, run: str, key: str) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """The exact steps and values of a series, page by page."""
        offset, total = 0, 1
        while offset < total:
            [page] = self.ask(HISTORY, run=run, key=key, offset=offset)["metricHistories"]
            yield (
                np.frombuffer(base64.b64decode(page["steps"]), "<i8"),
                np.frombuffer(base64.b64decode(page["values"]), "<f8"),
            )
            offset, total = int(page["nextOffset"]), int(page["total"])

    def count(self, run: str) -> int:
        found, page = 0, {"endCursor": None, "hasNextPage": True}
        while page["hasNextPage"]:
            connection = self.ask(KEYS, run=run, after=page["endCursor"])["run"]["metrics"]
            found += sum(int(metric["count"]) for metric in connection["nodes"])
            page = connection["pageInfo"]
        return found

    def seed(self, run: str, table: dict[str, Floats], rows: int = 10_000) -> str:
        """A finished run that holds these columns, written through the public mutation."""
        created = self.ask(CREATE, input={"experimentName": "bench", "name": run})
        identifier = str(created["createRun"]["id"])
        keys, columns = list(table), np.column_stack(list(table.values()))
        begun = int(time.time() * 1000) - len(columns)
        for start in range(0, len(columns), rows):
            part = columns[start : start + rows]
            steps = np.arange(start, start + len(part), dtype="<i8")
            self.ask(
                APPEND,
                input={
                    "runId": identifier,
                    "tables": [
                        {
                            "keys": keys,
                            "steps": base64.b64encode(steps.tobytes()).decode(),
                            "times": base64.b64encode((steps + begun).tobytes()).decode(),
                            "values": base64.b64encode(part.astype("<f8").tobytes()).decode(),
                        }
                    ],
                },
            )
        self.ask(FINISH, input={"id": identifier})
        return identifier


class Trackio(System):
    """The release of the day; training scripts write its SQLite file, its server reads it."""

    name = "Trackio"
    tracker = "trackio"

    @property
    def python(self) -> Path:
        return CACHE / "trackio" / "bin" / "python"

    @property
    def env(self) -> dict[str, str]:
        return {
            "TRACKIO_DIR": str(self.home),
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "1",
        }

    def _server(self) -> Server:
        show = "import trackio; trackio.show(open_browser=False, block_thread=True"
        return Server(
            [str(self.python), "-c", show + ", host='127.0.0.1', server_port={port})"],
            log=self.home / "server.log",
            health="/version",
            env=self.env,
        )

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.home / "bench.db") as database:
            return database.execute(query, values).fetchall()

    def stored(self, run: str) -> dict[str, Floats]:
        columns: dict[str, list[float]] = {}
        for (row,) in self._rows("SELECT metrics FROM metrics WHERE run_id = ? ORDER BY step", run):
            for key, value in json.loads(row).items():
                columns.setdefault(key, []).append(value)
        return {key: np.array(values) for key, values in columns.items()}

    def count(self, run: str) -> int:
        # Its rows hold a whole call each; a row of this benchmark's runs holds equally many.
        [(rows,)] = self._rows("SELECT count(*) FROM metrics WHERE run_id = ?", run)
        first = self._rows("SELECT metrics FROM metrics WHERE run_id = ? LIMIT 1", run)
        return int(rows) * (len(json.loads(first[0][0])) if first else 0)

    def seed(self, run: str, table: dict[str, Floats]) -> str:
        """A run that holds these columns: its own SDK makes the run, SQL the rest."""
        driver = self.drive("loop", keys=1, steps=1, seed=0)
        identifier = driver.run
        driver.go()
        driver.result()
        keys = list(table)
        moment = datetime.now(UTC).isoformat()
        rows = zip(*(column.tolist() for column in table.values()), strict=True)
        with sqlite3.connect(self.home / "bench.db") as database:
            database.execute("DELETE FROM metrics WHERE run_id = ?", (identifier,))
            database.executemany(
                "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics, log_id)"
                " VALUES (?, ?, 'loop-0', ?, ?, lower(hex(randomblob(16))))",
                (
                    (
                        identifier,
                        moment,
                        step,
                        json.dumps(dict(zip(keys, row, strict=True))).encode(),
                    )
                    for step, row in enumerate(rows)
                ),
            )
        return identifier


class Mlflow(System):
    """The release of the day; its server with its default workers on an SQLite file."""

    name = "MLflow"
    tracker = "mlflow"

    @property
    def python(self) -> Path:
        return CACHE / "mlflow" / "bin" / "python"

    @property
    def env(self) -> dict[str, str]:
        return {
            "MLFLOW_TRACKING_URI": self.server.url,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
            "GIT_PYTHON_REFRESH": "quiet",
        }

    def _server(self) -> Server:
        return Server(
            [
                str(self.python.with_name("mlflow")),
                "server",
                *("--backend-store-uri", f"sqlite:///{self.home}/mlflow.db"),
                *("--artifacts-destination", str(self.home / "artifacts")),
                *("--host", "127.0.0.1", "--port", "{port}"),
            ],
            log=self.home / "server.log",
            env={"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"},
            cwd=self.home,
            patience=180,
        )

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.home / "mlflow.db") as database:
            return database.execute(query, values).fetchall()

    def stored(self, run: str) -> dict[str, Floats]:
        columns: dict[str, list[float]] = {}
        for key, value in self._rows(
            "SELECT key, value FROM metrics WHERE run_uuid = ? ORDER BY step", run
        ):
            columns.setdefault(key, []).append(value)
        return {key: np.array(values) for key, values in columns.items()}

    def count(self, run: str) -> int:
        [(points,)] = self._rows("SELECT count(*) FROM metrics WHERE run_uuid = ?", run)
        return int(points)

    def seed(self, run: str, table: dict[str, Floats]) -> str:
        """A run that holds these columns: its own SDK makes the run, SQL the rest."""
        driver = self.drive("loop", keys=1, steps=1, seed=0)
        identifier = driver.run
        driver.go()
        driver.result()
        begun = int(time.time() * 1000)
        with sqlite3.connect(self.home / "mlflow.db") as database:
            for key, column in table.items():
                database.executemany(
                    "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)"
                    " VALUES (?, ?, ?, ?, ?, 0)",
                    (
                        (key, value, begun + step, identifier, step)
                        for step, value in enumerate(column.tolist())
                    ),
                )
                last = len(column) - 1
                database.execute(
                    "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
                    " VALUES (?, ?, ?, ?, 0, ?)",
                    (key, float(column[-1]), begun + last, last, identifier),
                )
        return identifier


def install(names: Sequence[str]) -> dict[str, str]:
    """Give each peer an environment with its newest release; the versions."""
    versions = {}
    for name in names:
        home = CACHE / name
        python = home / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--upgrade", name],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        report = f"import importlib.metadata as m; print(m.version({name!r}))"
        done = subprocess.run(
            [str(python), "-c", report], check=True, capture_output=True, text=True
        )
        versions[name] = done.stdout.strip()
    return versions


KEYS = """
query Keys($run: ID!, $after: String) {
  run(id: $run) {
    metrics(first: 1000, after: $after) {
      nodes { key count }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

HISTORY = """
query History($run: ID!, $key: String!, $offset: Int64!) {
  metricHistories(runIds: [$run], keys: [$key], offset: $offset, limit: 100000) {
    nextOffset
    total
    steps(encoding: BASE64)
    values(encoding: BASE64)
  }
}
"""

CREATE = "mutation Create($input: CreateRunInput!) { createRun(input: $input) { id } }"
APPEND = "mutation Append($input: AppendMetricsInput!) { appendMetrics(input: $input) { points } }"
FINISH = "mutation Finish($input: FinishRunInput!) { finishRun(input: $input) { id } }"
