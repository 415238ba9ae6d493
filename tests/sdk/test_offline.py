"""Without a server: nothing waits, nothing is lost, `trackql sync` delivers it once."""

import json
import subprocess
import sys
from pathlib import Path

import trackql
from scripts.process import Server, trackql_server
from tests.sdk.conftest import Script

WORK = """
import trackql
trackql.set_experiment("off/line")
with trackql.start_run(run_name="parent") as parent:
    trackql.log_params({"lr": 0.1})
    trackql.set_tag("a", "b")
    for step in range(1_000):
        trackql.log_metrics({"loss": step, "nan": float("nan")}, step=step)
    with trackql.start_run(nested=True, run_name="child") as child:
        trackql.log_metric("x", 1.0)
print(parent.id, child.id)
"""


def test_a_script_runs_without_a_server_and_is_delivered_later(
    script: Script, tmp_path: Path
) -> None:
    server = trackql_server(tmp_path / "home")
    parent, child = script.run(WORK, TRACKQL_URL=server.url).stdout.split()
    refused = script.trackql("sync", code=1, TRACKQL_URL=server.url)
    assert "no answer" in refused
    with server:
        elsewhere = script.trackql("sync", TRACKQL_URL="http://127.0.0.1:9")
        assert elsewhere == "Nothing waits to be delivered.\n"
        told = json.loads(script.trackql("sync", "--json", TRACKQL_URL=server.url))
        assert [(each["run"], each["points"], each["error"]) for each in told] == [
            (parent, 2_000, None),
            (child, 1, None),
        ]
        again = script.trackql("sync", "--all")
        assert again == "Nothing waits to be delivered.\n"
        client = trackql.Client(server.url)
        found = client.run(parent)
        assert found.info.status == "FINISHED"
        assert found.data.params == {"lr": "0.1"}
        assert found.data.tags == {"a": "b"}
        assert list(client.history(parent, "loss").values) == list(range(1_000))
        assert client.run(child).parent_run_id == parent
        assert client.experiment(name="off/line").experiment_id == found.info.experiment_id
    assert list((tmp_path / "spool").iterdir()) == []


def test_two_syncs_at_once_deliver_once(script: Script, tmp_path: Path) -> None:
    server = trackql_server(tmp_path / "home")
    ids = [script.run(WORK, TRACKQL_URL=server.url).stdout.split()[0] for _ in range(3)]
    command = [str(Path(sys.executable).parent / "trackql"), "sync", "--all", "--json"]
    with server:
        syncs = [
            subprocess.Popen(command, env=script.env, stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        told = [each for sync in syncs for each in json.loads(sync.communicate(timeout=120)[0])]
        assert [each["error"] for each in told] == [None] * 6
        client = trackql.Client(server.url)
        for run_id in ids:
            assert list(client.history(run_id, "loss").values) == list(range(1_000))


def test_a_server_that_comes_late_gets_everything(script: Script, tmp_path: Path) -> None:
    server = trackql_server(tmp_path / "home")
    source = """
import sys, trackql
run = trackql.start_run()
for step in range(100):
    trackql.log_metric("x", step, step)
print(run.id, flush=True)
sys.stdin.readline()
assert trackql.flush(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        env={**script.env, "TRACKQL_URL": server.url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    with server:
        process.communicate("go\n", timeout=120)
        assert process.returncode == 0
        client = trackql.Client(server.url)
        assert list(client.history(run_id, "x").values) == list(range(100))
        assert client.run(run_id).info.status == "FINISHED"


def test_no_place_for_a_journal_is_told_and_the_server_still_gets_it(
    server: Server, script: Script, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    source = """
import trackql
with trackql.start_run() as run:
    for step in range(100):
        trackql.log_metric("x", step, step)
print(run.id)
"""
    done = script.run(source, TRACKQL_URL=server.url, TRACKQL_SPOOL=str(tmp_path / "file" / "no"))
    assert "no journal can be kept" in done.stderr
    history = trackql.Client(server.url).history(done.stdout.strip(), "x")
    assert list(history.values) == list(range(100))
    nowhere = str(tmp_path / "file" / "no")
    alone = script.run(source, TRACKQL_URL="http://127.0.0.1:9", TRACKQL_SPOOL=nowhere)
    assert "1 run logged last is lost" in alone.stderr
    assert "trackql sync" not in alone.stderr


def test_hundreds_of_runs_without_a_server_hold_few_files_open(
    script: Script, tmp_path: Path
) -> None:
    source = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
import trackql
ids = []
for number in range(300):
    with trackql.start_run() as run:
        trackql.log_metric("x", number)
    ids.append(run.id)
print(*ids, flush=True)
sys.stdin.readline()
"""
    server = trackql_server(tmp_path / "home")
    file = script.folder / "many.py"
    file.write_text(source)
    process = subprocess.Popen(
        [sys.executable, str(file)],
        env={**script.env, "TRACKQL_URL": server.url, "TRACKQL_QUIET": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ids = process.stdout.readline().split()
    assert len(ids) == 300
    with server:
        _, told = process.communicate("go\n", timeout=120)
        assert told == ""
        client = trackql.Client(server.url)
        for number in (0, 1, 150, 299):
            found = client.run(ids[number])
            assert found.data.metrics == {"x": float(number)}
            assert found.info.status == "FINISHED"
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_a_server_refuses_for_good_can_be_discarded(server: Server, script: Script) -> None:
    source = "import trackql; trackql.log_metric('x', 1); print(trackql.active_run().id)"
    run_id = script.run(source, TRACKQL_URL="http://127.0.0.1:9").stdout.strip()
    client = trackql.Client(server.url)
    assert run_id in script.trackql("sync", "--all", "--to", server.url)
    again = f"import trackql; trackql.log_metrics({{'x': 2}}, run_id={run_id!r})"
    script.run(again, TRACKQL_URL="http://127.0.0.1:9")
    client.delete_run(run_id)
    assert "deleted" in script.trackql("sync", "--all", "--to", server.url, code=1)
    script.trackql("sync", "--all", "--to", server.url, "--discard", code=1)
    assert script.trackql("sync", "--all") == "Nothing waits to be delivered.\n"
