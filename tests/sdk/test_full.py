"""A full disk or a reached bound: points are dropped, counted, told once and shown on the run."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import trackql
from scripts.process import Server, trackql_server
from tests.sdk.conftest import Script

WORK = """
import trackql
with trackql.start_run() as run:
    for step in range(20_000):
        trackql.log_metrics({"a": step, "b": -step}, step)
    trackql.set_tag("done", True)
print(run.id)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def check(script: Script, server: Server, told: str, run_id: str) -> None:
    """What was kept is a prefix; the rest is counted on the run."""
    with server:
        script.trackql("sync", "--all")
        client = trackql.Client(server.url)
        found = client.run(run_id)
        values = list(client.history(run_id, "a").values)
        assert values == list(range(len(values)))
        assert 1_000 < len(values) < 20_000
        assert found.dropped_points == 2 * (20_000 - len(values))
        assert found.info.status == "FINISHED"
        assert found.data.tags == {"done": "True"}
    assert told.count("new points are dropped") == 1
    assert f"{found.dropped_points} points dropped" in told


def test_a_full_disk(script: Script, disk: Path, tmp_path: Path) -> None:
    server = trackql_server(tmp_path / "home")
    script.env["TRACKQL_SPOOL"] = str(disk / "spool")
    done = script.run(WORK, TRACKQL_URL=server.url)
    assert "No space left" in done.stderr
    check(script, server, done.stderr, done.stdout.strip())


def test_the_bound(script: Script, tmp_path: Path) -> None:
    server = trackql_server(tmp_path / "home")
    done = script.run(WORK, TRACKQL_URL=server.url, TRACKQL_SPOOL_LIMIT="300000")
    check(script, server, done.stderr, done.stdout.strip())


def test_room_comes_back_when_the_server_does(
    server: Server, script: Script, tmp_path: Path
) -> None:
    source = """
import time, trackql
run = trackql.start_run()
for step in range(20_000):
    trackql.log_metrics({"a": step, "b": -step}, step)
    if step % 1000 == 0:
        trackql.flush()
trackql.end_run()
print(run.id)
"""
    done = script.run(source, TRACKQL_URL=server.url, TRACKQL_SPOOL_LIMIT="1400000")
    found = trackql.Client(server.url).run(done.stdout.strip())
    assert found.dropped_points == 0
    assert len(trackql.Client(server.url).history(found.id, "a")) == 20_000
