"""Several processes that log to one run: forked, spawned, attached by its id."""

import pytest

import trackql
from scripts.process import Server
from tests.sdk.conftest import Script

FORK = """
import os, sys
import trackql
run = trackql.start_run()
trackql.log_metrics({"parent": 0.0}, step=0)
pid = os.fork()
if pid == 0:
    assert trackql.active_run() is run
    for step in range(500):
        trackql.log_metrics({"child": step}, step)
    sys.exit(0)
for step in range(1, 500):
    trackql.log_metrics({"parent": step}, step)
os.waitpid(pid, 0)
assert trackql.flush(30)
assert trackql.Client().run(run.id).info.status == "RUNNING"
print(run.id)
"""

POOL = """
import multiprocessing, sys
import trackql

def work(run_id, number):
    for step in range(300):
        trackql.log_metrics({f"worker {number}": step}, step, run_id=run_id)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with trackql.start_run() as run:
        workers = [context.Process(target=work, args=(run.id, number)) for number in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        assert trackql.Client().run(run.id).info.status == "RUNNING"
    print(run.id)
"""

BUSY = """
import os, sys, threading, time
import trackql
run = trackql.start_run()

def log(place):
    for step in range(3_000):
        run.log_metrics({f"parent {place}": step}, step)

threads = [threading.Thread(target=log, args=(place,)) for place in range(3)]
for thread in threads:
    thread.start()
children = []
for number in range(10):
    pid = os.fork()
    if pid == 0:
        for step in range(50):
            run.log_metrics({f"child {number}": step}, step)
        sys.exit(0)
    children.append(pid)
    time.sleep(0.005)
for thread in threads:
    thread.join()
for pid in children:
    assert os.waitpid(pid, 0)[1] == 0
trackql.end_run()
print(run.id)
"""

TERMINATED = """
import multiprocessing, time
import trackql

def work(ready):
    for step in range(300):
        trackql.log_metrics({"x": step}, step)
    ready.set()
    time.sleep(60)

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    run = trackql.start_run()
    worker = context.Process(target=work, args=(ready,))
    worker.start()
    ready.wait()
    worker.terminate()
    worker.join()
    trackql.flush(30)
    assert trackql.Client().run(run.id).info.status == "RUNNING"
    print(run.id)
"""


def test_a_forked_child_logs_to_its_parents_run(server: Server, script: Script) -> None:
    run_id = script.run(FORK, TRACKQL_URL=server.url).stdout.strip()
    client = trackql.Client(server.url)
    assert list(client.history(run_id, "parent").values) == list(range(500))
    assert list(client.history(run_id, "child").values) == list(range(500))
    assert client.run(run_id).info.status == "FINISHED"


def test_a_child_that_leaves_the_block_does_not_end_the_run(server: Server, script: Script) -> None:
    source = """
import os, sys
import trackql
with trackql.start_run() as run:
    pid = os.fork()
    if pid == 0:
        trackql.log_metric("child", 1.0)
        sys.exit(0)
    os.waitpid(pid, 0)
    assert trackql.flush(30)
    found = trackql.Client().run(run.id)
    assert found.info.status == "RUNNING"
    assert found.data.metrics == {"child": 1.0}
print(run.id)
"""
    run_id = script.run(source, TRACKQL_URL=server.url).stdout.strip()
    assert trackql.Client(server.url).run(run_id).info.status == "FINISHED"


def test_forking_while_threads_log_and_the_sender_sends(server: Server, script: Script) -> None:
    run_id = script.run(BUSY, TRACKQL_URL=server.url).stdout.strip()
    client = trackql.Client(server.url)
    for place in range(3):
        assert list(client.history(run_id, f"parent {place}").values) == list(range(3_000))
    for number in range(10):
        assert list(client.history(run_id, f"child {number}").values) == list(range(50))
    assert client.run(run_id).info.status == "FINISHED"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_log_to_one_run(server: Server, script: Script, method: str) -> None:
    run_id = script.run(POOL, method, TRACKQL_URL=server.url).stdout.strip()
    client = trackql.Client(server.url)
    for number in range(4):
        history = client.history(run_id, f"worker {number}")
        assert list(history.values) == list(range(300))
    assert client.run(run_id).info.status == "FINISHED"
    assert script.trackql("sync", "--all") == "Nothing waits to be delivered.\n"


def test_a_terminated_worker_delivers_and_ends_nothing(server: Server, script: Script) -> None:
    run_id = script.run(TERMINATED, TRACKQL_URL=server.url).stdout.strip()
    client = trackql.Client(server.url)
    assert list(client.history(run_id, "x").values) == list(range(300))
    assert client.run(run_id).info.status == "FINISHED"


def test_the_environment_hands_a_run_to_another_script(server: Server, script: Script) -> None:
    first = "import trackql; run = trackql.start_run(); trackql.log_metric('a', 1); print(run.id)"
    second = "import trackql; trackql.log_metric('b', 2)"
    run_id = script.run(first, TRACKQL_URL=server.url).stdout.strip()
    script.run(second, TRACKQL_URL=server.url, TRACKQL_RUN_ID=run_id)
    found = trackql.Client(server.url).run(run_id)
    assert found.data.metrics == {"a": 1.0, "b": 2.0}
    assert found.info.status == "FINISHED"
