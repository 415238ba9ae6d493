"""kill -9 of the script and of the server while files travel: nothing lost, nothing half there."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.process import Server, free_port, trackql_server
from tests.sdk.conftest import Script
from trackql import Client

pytestmark = pytest.mark.slow

# Every line is printed behind the call it tells of.
LOGGER = """
import os, sys, trackql
source = sys.argv[1]
run = trackql.start_run()
print(run.id, flush=True)
number = 0
while True:
    if number % 10 == 9:
        with open(source, "wb") as file:
            file.write(bytes([number % 256]) * 9_000_000)
        run.log_artifact(source, f"large/{number}")
        os.unlink(source)
    else:
        run.log_text(f"text {number}", f"small/{number}")
    number += 1
    print(number, flush=True)
"""


def expected(number: int) -> tuple[str, bytes]:
    if number % 10 == 9:
        return f"large/{number}/source", bytes([number % 256]) * 9_000_000
    return f"small/{number}", f"text {number}".encode()


def files(client: Client, run_id: str, target: Path) -> dict[str, bytes]:
    root = Path(client.download_artifacts(run_id, "", target))
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("up", [True, False])
def test_kill_the_script(server: Server, script: Script, tmp_path: Path, up: bool) -> None:
    chance = random.Random(7)
    client = Client(server.url)
    for turn in range(3):
        url = server.url if up else "http://127.0.0.1:9"
        process = script.start(LOGGER, str(tmp_path / "source"), TRACKQL_URL=url)
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        for _ in range(chance.randrange(1, 60)):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        # Lines of the pipe tell at least what was read before.
        lines = [int(line) for line in out.split() if line.isdigit()]
        script.trackql("sync", "--all", "--to", server.url)
        found = files(client, run_id, tmp_path / f"got{turn}")
        count = len(found)
        assert count >= (lines[-1] if lines else 1)
        assert found == dict(expected(number) for number in range(count))
        assert script.trackql("sync", "--all") == "Nothing waits to be delivered.\n"


def test_right_after_the_call(script: Script, server: Server, tmp_path: Path) -> None:
    source = """
import os, signal, sys, trackql
run = trackql.start_run()
print(run.id, flush=True)
with open(sys.argv[1], "wb") as file:
    file.write(os.urandom(20_000_000))
run.log_artifact(sys.argv[1])
run.log_text("small", "small")
os.kill(os.getpid(), signal.SIGKILL)
"""
    model = tmp_path / "model"
    done = script.run(source, str(model), code=-signal.SIGKILL, TRACKQL_URL="http://127.0.0.1:9")
    run_id = done.stdout.strip()
    script.trackql("sync", "--all", "--to", server.url)
    found = files(Client(server.url), run_id, tmp_path / "got")
    assert found == {"model": model.read_bytes(), "small": b"small"}


BIG = """
import sys, trackql
with trackql.start_run() as run:
    print(run.id, flush=True)
    trackql.log_artifact(sys.argv[1])
    print("logged", flush=True)
    sys.stdin.readline()
uploader = trackql._session.session.uploads()[1]
print(uploader.moved - uploader.spared)
"""


def begin(script: Script, path: Path, url: str) -> subprocess.Popen[str]:
    file = script.folder / "big.py"
    file.write_text(BIG)
    return subprocess.Popen(
        [sys.executable, str(file), str(path)],
        env={**script.env, "TRACKQL_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def big(tmp_path: Path, size: int = 300) -> tuple[Path, str]:
    path = tmp_path / "big.bin"
    block = os.urandom(1 << 20)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(size):
            chunk = block[number:] + block[:number]
            file.write(chunk)
            digest.update(chunk)
    return path, digest.hexdigest()


def received(home: Path) -> int:
    """Bytes that a server keeps, published or not."""
    return sum(
        path.stat().st_blocks * 512 for path in (home / "artifacts").rglob("*") if path.is_file()
    )


def check(client: Client, run_id: str, digest: str, target: Path) -> None:
    got = client.download_artifacts(run_id, "big.bin", target)
    with open(got, "rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest


def test_kill_the_server_within_a_big_upload(script: Script, tmp_path: Path) -> None:
    path, digest = big(tmp_path)
    home, port = tmp_path / "home", free_port()
    with trackql_server(home, port=port) as server:
        process = begin(script, path, server.url)
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        for least in (40 << 20, 120 << 20):
            while received(home) < least and process.poll() is None:
                time.sleep(0.005)
            server.kill()
            server.start()
        out, _ = process.communicate("end\n", timeout=120)
        assert process.returncode == 0
        # What had arrived was not sent again, but for the parts that were under way.
        assert 300 << 20 <= int(out.split()[-1]) <= 420 << 20
        client = Client(server.url)
        check(client, run_id, digest, tmp_path / "got")
        assert client.run(run_id).info.status == "FINISHED"
        assert client.run(run_id).problems == []
        assert script.trackql("sync", "--all") == "Nothing waits to be delivered.\n"


def test_kill_the_script_within_a_big_upload(script: Script, tmp_path: Path) -> None:
    path, digest = big(tmp_path)
    home = tmp_path / "home"
    with trackql_server(home) as server:
        process = begin(script, path, server.url)
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        assert process.stdout.readline() == "logged\n"
        while received(home) < 40 << 20 and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        process.communicate()
        path.unlink()
        client = Client(server.url)
        script.trackql("sync", "--all")
        check(client, run_id, digest, tmp_path / "got")
