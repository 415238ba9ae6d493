"""kill -9 of the script and of the server at random moments: nothing lost, nothing doubled."""

import mmap
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import trackql
from scripts.process import Server, trackql_server
from tests.sdk.conftest import Script

pytestmark = pytest.mark.slow

# After each call that returned the script notes how many did, in memory that outlives it.
LOGGER = """
import mmap, struct, sys, threading, time
import trackql
file = open(sys.argv[1], "r+b")
notes = mmap.mmap(file.fileno(), 4096)
pause = float(sys.argv[2])
run = trackql.start_run()
trackql.log_param("p", 1)
print(run.id, flush=True)
stop = threading.Event()

def log(place):
    step = 0
    while not stop.is_set():
        if step % 7 == 3:
            run.log_metrics({f"{place}/a": step}, step)
            run.log_metrics({f"{place}/b": -step, f"{place}/c": step / 3}, step)
        else:
            run.log_metrics({f"{place}/a": step, f"{place}/b": -step, f"{place}/c": step / 3}, step)
        step += 1
        struct.pack_into("<q", notes, 8 * place, step)
        if pause:
            time.sleep(pause)

threads = [threading.Thread(target=log, args=(place,), daemon=True) for place in range(2)]
for thread in threads:
    thread.start()
sys.stdin.readline()
stop.set()
for thread in threads:
    thread.join()
trackql.end_run()
"""


VALUES: dict[str, Callable[[int], float]] = {
    "a": lambda step: step,
    "b": lambda step: -step,
    "c": lambda step: step / 3,
}


class Logger:
    """The script above, and the number of calls that returned to it."""

    def __init__(self, script: Script, notes: Path, url: str, pause: float) -> None:
        notes.write_bytes(bytes(4096))
        self.file = notes.open("r+b")
        self.notes = mmap.mmap(self.file.fileno(), 4096)
        self.process = subprocess.Popen(
            script_command(script, notes, pause),
            env={**script.env, "TRACKQL_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.run_id = self.process.stdout.readline().strip()

    def returned(self, place: int) -> int:
        return int(struct.unpack_from("<q", self.notes, 8 * place)[0])

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def stop(self) -> None:
        self.process.communicate("stop\n", timeout=120)
        assert self.process.returncode == 0

    def close(self) -> None:
        self.notes.close()
        self.file.close()


def script_command(script: Script, notes: Path, pause: float) -> list[str]:
    file = script.folder / "logger.py"
    file.write_text(LOGGER)
    return [sys.executable, str(file), str(notes), str(pause)]


def check(client: trackql.Client, logger: Logger, unfinished: int) -> None:
    """All that was logged is there, once, in order; at most one call more than had returned."""
    for place in range(2):
        returned = logger.returned(place)
        for key, value in VALUES.items():
            try:
                history = client.history(logger.run_id, f"{place}/{key}")
            except trackql.errors.NotFound:
                assert returned == 0
                continue
            count = len(history)
            assert returned <= count <= returned + unfinished
            assert list(history.steps) == list(range(count))
            assert list(history.values) == [value(step) for step in range(count)]


def test_kill_the_script(server: Server, script: Script, tmp_path: Path) -> None:
    chance = random.Random(20)
    client = trackql.Client(server.url)
    loggers = []
    for number in range(24):
        # A third of them never reach a server: all is in the journal.
        url = server.url if number % 3 else "http://127.0.0.1:9"
        logger = Logger(script, tmp_path / f"notes{number}", url, chance.choice((0, 0, 0.0005)))
        time.sleep(chance.uniform(0, 0.4))
        logger.kill()
        loggers.append(logger)
    assert "no answer" not in script.trackql("sync", "--all", "--to", server.url)
    for logger in loggers:
        check(client, logger, unfinished=1)
        assert client.run(logger.run_id).data.params == {"p": "1"}
        logger.close()
    assert list((tmp_path / "spool").iterdir()) == []


def test_kill_the_server(script: Script, tmp_path: Path) -> None:
    chance = random.Random(21)
    with trackql_server(tmp_path / "home") as server:
        loggers = [
            Logger(script, tmp_path / f"notes{number}", server.url, 0.001) for number in range(2)
        ]
        for _ in range(22):
            time.sleep(chance.uniform(0, 0.4))
            server.kill()
            if chance.random() < 0.3:
                time.sleep(chance.uniform(0, 0.5))
            server.start()
        for logger in loggers:
            logger.stop()
        client = trackql.Client(server.url)
        for logger in loggers:
            check(client, logger, unfinished=0)
            assert client.run(logger.run_id).info.status == "FINISHED"
            assert client.run(logger.run_id).problems == []
            logger.close()
    assert list((tmp_path / "spool").iterdir()) == []
