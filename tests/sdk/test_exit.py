"""How a run ends when its process does: real scripts, real signals, a real server."""

import signal
import time

import pytest

import trackql
from scripts.process import Server
from tests.sdk.conftest import Script

BEGIN = """
import os, signal, sys, threading, time
import trackql
run = trackql.start_run()
print(run.id, flush=True)
trackql.log_metrics({"x": 1.0}, step=0)
"""


@pytest.mark.parametrize(
    ("end", "code", "status"),
    [
        ("", 0, "FINISHED"),
        ("sys.exit(0)", 0, "FINISHED"),
        ("sys.exit(3)", 3, "FAILED"),
        ("sys.exit('no')", 1, "FAILED"),
        ("threading.Thread(target=sys.exit, args=(3,)).start()", 0, "FINISHED"),
        ("raise ValueError('no')", 1, "FAILED"),
        ("raise KeyboardInterrupt", None, "KILLED"),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(5)", None, "KILLED"),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)", -signal.SIGTERM, "KILLED"),
        ("trackql.end_run('FAILED')", 0, "FAILED"),
        ("with run: raise ValueError('no')", 1, "FAILED"),
        ("threading.Thread(target=trackql.start_run).start()", 0, "FINISHED"),
        ("child = trackql.start_run(nested=True); raise ValueError", 1, "FAILED"),
    ],
)
def test_the_end_of_the_process_is_the_end_of_the_run(
    server: Server, script: Script, end: str, code: int | None, status: str
) -> None:
    done = script.run(BEGIN + end, code=code, TRACKQL_URL=server.url)
    found = trackql.Client(server.url).run(done.stdout.split()[0])
    assert found.info.status == status
    assert found.info.end_time is not None
    assert found.data.metrics == {"x": 1.0}


def test_sigterm_while_logging_loses_nothing(server: Server, script: Script) -> None:
    source = BEGIN + "for step in range(10**9): trackql.log_metrics({'y': step}, step)"
    process = script.start(source, TRACKQL_URL=server.url)
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    time.sleep(0.3)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    client = trackql.Client(server.url)
    assert client.run(run_id).info.status == "KILLED"
    steps = list(client.history(run_id, "y").steps)
    assert len(steps) > 100
    assert steps == list(range(len(steps)))


def test_a_handler_of_the_script_stays(server: Server, script: Script) -> None:
    source = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
import trackql
print(trackql.start_run().id, flush=True)
os.kill(os.getpid(), signal.SIGTERM)
"""
    done = script.run(source, code=7, TRACKQL_URL=server.url)
    run_id = done.stdout.split()[0]
    assert trackql.Client(server.url).run(run_id).info.status == "FAILED"


def test_a_run_begun_while_another_is_open_in_a_thread_is_ended_too(
    server: Server, script: Script
) -> None:
    source = """
import threading, trackql
runs = [trackql.start_run()]
def work():
    runs.append(trackql.start_run())
    trackql.log_metric("x", 2.0)
thread = threading.Thread(target=work); thread.start(); thread.join()
print(*[run.id for run in runs])
"""
    done = script.run(source, TRACKQL_URL=server.url)
    client = trackql.Client(server.url)
    assert [client.run(each).info.status for each in done.stdout.split()] == ["FINISHED"] * 2


def test_the_end_is_told_with_what_was_not_delivered(script: Script) -> None:
    done = script.run(BEGIN, TRACKQL_URL="http://127.0.0.1:9")
    assert "http://127.0.0.1:9 does not answer" in done.stderr
    assert "trackql sync" in done.stderr
    quiet = script.run(BEGIN, TRACKQL_URL="http://127.0.0.1:9", TRACKQL_QUIET="1")
    assert quiet.stderr == ""
