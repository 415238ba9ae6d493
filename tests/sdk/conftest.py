"""The true SDK on the true app in memory, and scripts in processes of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import trackql
from scripts.process import Server, trackql_server
from trackql import _session, _transport, config, fluent, runs
from trackql._memory import MemoryServer
from trackql_server.app import create_app
from trackql_server.settings import Settings

MEMORY = "http://127.0.0.1:1"


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spool of the test's own, and no other setting."""
    for name in [name for name in os.environ if name.startswith("TRACKQL_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "spool"
    monkeypatch.setenv("TRACKQL_SPOOL", str(folder))
    monkeypatch.setenv("TRACKQL_QUIET", "1")
    monkeypatch.setenv("TRACKQL_CAPTURE", "0")  # its own tests turn it on
    return folder


@pytest.fixture
def session(spool: Path) -> Iterator[_session.Session]:
    """This process as if it had just begun to track."""
    former = _session.session
    fresh = _session.session = _session.Session()
    fluent._experiment = None
    config.use_url(None)
    try:
        yield fresh
    finally:
        _session.session.finish("FINISHED", timeout=5)
        _session.session.stop_uploads()
        _session.session.sender.stop()
        for lane in _session.session.sender.lanes:
            lane.journal.abandon()
        runs.active().clear()
        fluent._handles.clear()
        fluent._clients.clear()
        fluent._experiment = None
        config.use_url(None)
        _session.session = former


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryServer]:
    """The server's app in memory, with an embedded database."""
    server = MemoryServer(create_app(Settings(home=tmp_path_factory.mktemp("home"))), MEMORY)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def memory(
    app: MemoryServer, session: _session.Session, monkeypatch: pytest.MonkeyPatch
) -> Iterator[trackql.Client]:
    """Everything that is logged goes to the app in memory; a client that asks it."""
    _transport.mount(MEMORY, app)
    monkeypatch.setenv("TRACKQL_URL", MEMORY)
    try:
        yield trackql.Client()
        session.finish("FINISHED", timeout=5)
    finally:
        _transport.unmount(MEMORY)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real server for all tests here that do not stop it."""
    with trackql_server(tmp_path_factory.mktemp("server")) as running:
        yield running


class Script:
    """Python source that runs in a process of its own."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self.count = 0

    def start(self, source: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
        self.count += 1
        file = self.folder / f"script{self.count}.py"
        file.write_text(source)
        return subprocess.Popen(
            [sys.executable, "-W", "error", str(file), *arguments],
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, source: str, *arguments: str, code: int | None = 0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(source, *arguments, **env)
        out, err = process.communicate(timeout=120)
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        if code is not None:
            assert done.returncode == code, f"exit code {done.returncode}\n{out}\n{err}"
        return done

    def trackql(self, *arguments: str, code: int | None = 0, **env: str) -> str:
        """What the command prints."""
        done = subprocess.run(
            [str(Path(sys.executable).parent / "trackql"), *arguments],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if code is not None:
            assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def script(tmp_path: Path, spool: Path) -> Script:
    """Runs scripts against no server until an address is given."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith("TRACKQL_")}
    return Script(folder, {**env, "TRACKQL_SPOOL": str(spool), "TRACKQL_CAPTURE": "0"})
