"""A server in a process of its own: started on a free port, awaited, killed, started again."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

# A proxy named in the environment has no business with loopback.
_opener = build_opener(ProxyHandler({}))


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether an HTTP server answers there with anything but a failure of its own."""
    try:
        with _opener.open(url, timeout=5):
            return True
    except HTTPError as error:
        return error.code < 500
    except (URLError, OSError):
        return False


class Server:
    """`command` with `{port}` filled in, its output in a file, up once `health` answers."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        health: str = "/health",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        port: int | None = None,
        patience: float = 60,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._command = [part.format(port=self.port) for part in command]
        self._health = self.url + health
        self._env = {**os.environ, **(env or {})}
        self._cwd = cwd
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, "the server was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process that was started lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> float:
        """Start it and wait until it answers; the seconds that took."""
        assert self._process is None, "the server runs already"
        begun = time.perf_counter()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )
        while not answers(self._health):
            waited = time.perf_counter() - begun
            if self._process.poll() is not None or waited > self._patience:
                code = self._process.poll()
                self.kill()
                raise RuntimeError(
                    f"{self._health} does not answer after {waited:.1f} s (exit code {code}):\n"
                    + self.log.read_text(errors="replace")[-4000:]
                )
            time.sleep(0.01)
        return time.perf_counter() - begun

    def wait(self) -> None:
        """Return when it has ended by itself or by another's hand."""
        if self._process is not None:
            self._process.wait()

    def stop(self) -> int:
        """Ask it to end (SIGTERM), wait, and give its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            _kill_session(process)
            raise

    def kill(self) -> None:
        """End it and what it started at once (SIGKILL)."""
        process, self._process = self._process, None
        if process is not None:
            _kill_session(process)

    def restart(self) -> float:
        """Stop it in good order and start it again on the same port and data."""
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


def trackql_server(
    home: Path,
    *arguments: str,
    port: int | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Server:
    """`trackql server` of this environment, its data under `home`."""
    home.mkdir(parents=True, exist_ok=True)
    return Server(
        [str(Path(sys.executable).parent / "trackql"), "server", "--port", "{port}", *arguments],
        log=log or home / "server.log",
        env={"TRACKQL_HOME": str(home), **(env or {})},
        port=port,
    )


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # it ended meanwhile
        os.killpg(process.pid, 9)
    process.wait()
