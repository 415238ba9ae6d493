"""The README's first command, on a fresh clone, in a home where nothing is set up."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]

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


def test_it_shows_its_address_at_once_and_leaves_on_an_interrupt(
    clone: Path, environment: dict[str, str]
) -> None:
    """Runs after the first test, in the clone that is set up by then."""
    running = subprocess.Popen(
        ["scripts/quickstart", "--seconds", "300"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        lines = _lines(running)
        url = next(line.split()[-1] for line in lines if "Dashboard" in line)
        next(line for line in lines if "run linear http" in line)
        assert "<html" in httpx.get(url, headers={"Accept": "text/html"}).text
        os.killpg(running.pid, signal.SIGINT)
        left = list(lines)
        assert running.wait(60) == 0, left
        assert "Traceback" not in "".join(left)
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
    finally:
        running.kill()
        running.communicate()


def _lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stdout
    return iter(process.stdout)
