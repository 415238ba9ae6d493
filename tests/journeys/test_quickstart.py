"""The README's first command, on a fresh clone, in a home where nothing is set up."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Timer

import httpx
import pytest

ROOT = Path(__file__).parents[2]

Start = Callable[..., "subprocess.Popen[str]"]

PATIENCE = 240

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is committed, and nothing else."""
    folder = tmp_path_factory.mktemp("fresh") / "trackql"
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A home with nothing in it but pip's cache of what was downloaded before."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRACKQL_", "VIRTUAL_ENV", "PYTHON"))
    }
    cache = os.environ.get("PIP_CACHE_DIR", Path.home() / ".cache" / "pip")
    home = tmp_path_factory.mktemp("home")
    return {**kept, "HOME": str(home), "PIP_CACHE_DIR": str(cache)}


def test_a_fresh_clone_trains_and_proves_what_it_stored(
    clone: Path, environment: dict[str, str]
) -> None:
    done = subprocess.run(
        ["scripts/quickstart", "--no-wait", "--seconds", "6"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Runs +3\n", done.stdout)
    sent = re.search(r"Points sent +([\d,]+)\n", done.stdout)
    stored = re.search(r"Points stored +([\d,]+), equal, value for value\n", done.stdout)
    assert sent
    assert stored
    assert sent[1] == stored[1]
    assert int(sent[1].replace(",", "")) > 300
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


@pytest.fixture
def quickstart(clone: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Starts the command in the clone, which the first test has set up by then."""
    running: list[subprocess.Popen[str]] = []
    timers: list[Timer] = []

    def start(*options: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            ["scripts/quickstart", *options],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        # Whoever reads its output must come to an end, whatever happens.
        timers.append(Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL)))
        timers[-1].start()
        return process

    yield start
    for timer in timers:
        timer.cancel()
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)


def test_it_shows_its_address_at_once_and_leaves_on_an_interrupt(quickstart: Start) -> None:
    running = quickstart("--seconds", "300")
    assert running.stdout
    url = found(running.stdout, r"Dashboard +(\S+)")
    found(running.stdout, r"run linear (http\S+)")
    assert "<html" in httpx.get(url, headers={"Accept": "text/html"}).text
    os.killpg(running.pid, signal.SIGINT)
    left = running.stdout.read()
    assert running.wait(60) == 128 + signal.SIGINT, left  # nothing was compared yet
    assert "Traceback" not in left
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_server_that_is_killed_and_started_again_misses_nothing(
    quickstart: Start, clone: Path, environment: dict[str, str]
) -> None:
    running = quickstart("--seconds", "9")
    assert running.stdout
    server = int(found(running.stdout, r"kill -9 (\d+)"))
    again = found(running.stdout, r"(TRACKQL_HOME=.*)")
    found(running.stdout, r"run linear (http\S+)")
    os.kill(server, signal.SIGKILL)
    found(running.stdout, r"(Waiting for you)")
    second = subprocess.Popen(
        ["bash", "-c", f"exec env {again}"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        left = running.stdout.read()
        assert running.wait(60) == 0, left
        assert "equal, value for value" in left
    finally:
        second.terminate()
        second.wait(60)


def found(lines: Iterable[str], pattern: str) -> str:
    """The group in the first line that matches; the lines before it are passed over."""
    seen = []
    for line in lines:
        seen.append(line)
        if match := re.search(pattern, line):
            return match[1]
    raise AssertionError(f"{pattern} was not printed:\n{''.join(seen)}")
