"""The verbs of files on the true app: what was logged is there, byte for byte, whatever happens."""

import base64
import hashlib
import inspect
import io
import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trackql
from scripts.process import Server, trackql_server
from tests.sdk.conftest import Script
from trackql import Client, _session, errors
from trackql.errors import InvalidInput

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def stored(run_id: str) -> dict[str, bytes]:
    """Every file of a run as the server has it."""
    root = Path(trackql.download_artifacts(run_id=run_id))
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_each_verb_makes_the_file_that_it_says(memory: Client, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    (folder / "deep").mkdir(parents=True)
    (folder / "weights").write_bytes(b"\0" * 1000)
    (folder / "deep/config").write_text("x")
    (folder / "empty").write_bytes(b"")
    with trackql.start_run() as run:
        trackql.log_artifact(str(folder / "weights"))
        trackql.log_artifact(folder / "weights", "in/a folder/")
        trackql.log_artifact(str(folder))
        trackql.log_artifacts(str(folder), artifact_path="copy")
        trackql.log_text("grüße", "notes/hello.txt")
        trackql.log_dict({"b": [1, None], "a": Path("p")}, "config.json")
        trackql.log_dict({"b": [1, None], "a": {1, 2}}, "config.yaml")
        trackql.log_stream(io.BytesIO(b"stream"), "stream.bin")
    files = stored(run.id)
    weights = b"\0" * 1000
    inner = {"weights": weights, "deep/config": b"x", "empty": b""}
    assert files.pop("config.yaml").decode().startswith("a:")
    assert json.loads(files.pop("config.json")) == {"b": [1, None], "a": "p"}
    assert files == {
        "weights": weights,
        "in/a folder/weights": weights,
        **{f"models/{name}": data for name, data in inner.items()},
        **{f"copy/{name}": data for name, data in inner.items()},
        "notes/hello.txt": "grüße".encode(),
        "stream.bin": b"stream",
    }


def test_what_is_logged_may_be_changed_at_once(memory: Client, tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    content = os.urandom(9_000_000)
    with trackql.start_run() as run:
        for number in range(3):
            small.write_bytes(b"%d" % number)
            trackql.log_artifact(small, f"{number}")
            small.write_bytes(b"changed")
        large.write_bytes(content)
        trackql.log_artifact(large)
        large.unlink()
        small.unlink()
    files = stored(run.id)
    assert files.pop("large") == content
    assert files == {"0/small": b"0", "1/small": b"1", "2/small": b"2"}


def test_the_last_that_was_logged_under_a_path_is_what_counts(
    memory: Client, tmp_path: Path
) -> None:
    source = tmp_path / "model"
    with trackql.start_run() as run:
        for number in range(3):
            trackql.log_text(f"small {number}", "model")
            source.write_bytes(b"%d" % number * 9_000_000)
            trackql.log_artifact(source)
        for number in range(5):
            trackql.log_text(f"{number}", "text")
        trackql.log_text("last", "model")
        trackql.log_text("first", "other")
        source.write_bytes(b"z" * 9_000_000)
        trackql.log_artifact(source, "sub")
        trackql.log_text("then", "sub/model")
    files = stored(run.id)
    assert files == {"model": b"last", "text": b"4", "other": b"first", "sub/model": b"then"}


def test_lists_and_addresses(memory: Client, tmp_path: Path) -> None:
    with trackql.start_run() as run:
        trackql.log_text("a", "x/y/a.txt")
        trackql.log_text("bb", "x/b.txt")
        trackql.log_text("ccc", "c.txt")
        assert trackql.get_artifact_uri() == f"runs:/{run.id}" == run.info.artifact_uri
        address = trackql.get_artifact_uri("x/b.txt")
        assert trackql.artifacts.load_text(address) == "bb"  # reads wait for what was logged
    info = trackql.artifacts.FileInfo
    assert run.list_artifacts() == [info("x", True, None), info("c.txt", False, 3)]
    assert memory.list_artifacts(run.id, "x") == [
        info("x/y", True, None),
        info("x/b.txt", False, 2),
    ]
    assert trackql.artifacts.list_artifacts(f"runs:/{run.id}/x/y") == [info("x/y/a.txt", False, 1)]
    # By address or run a file lies under its name, by the client under its whole path.
    got = trackql.artifacts.download_artifacts(address, dst_path=tmp_path / "1")
    assert got == str(tmp_path / "1/b.txt")
    got = memory.download_artifacts(run.id, "x/b.txt", str(tmp_path / "2"))
    assert got == str(tmp_path / "2/x/b.txt")
    got = run.download_artifacts("x", tmp_path / "3")
    assert got == str(tmp_path / "3/x")
    assert (tmp_path / "3/x/y/a.txt").read_text() == "a"
    with pytest.raises(errors.NotFound, match="no artifact 'x/z'"):
        run.download_artifacts("x/z")
    with pytest.raises(errors.NotFound, match="no run"):
        memory.list_artifacts("0" * 32)
    for bad in ("s3://bucket/x", "runs:/abc/x", f"runs:/{run.id}/../x", "models:/m/1"):
        with pytest.raises(InvalidInput):
            trackql.artifacts.download_artifacts(bad)
    with pytest.raises(InvalidInput, match="one of the two"):
        trackql.artifacts.download_artifacts()
    with pytest.raises(InvalidInput, match="artifact_path goes with run_id"):
        trackql.artifacts.list_artifacts(address, artifact_path="x")


def test_arguments_are_refused_at_once(memory: Client, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    run = trackql.start_run()
    for argument, call in (
        ("local_path", lambda: run.log_artifact(tmp_path / "missing")),
        ("local_path", lambda: run.log_artifact("a\0b")),
        ("local_path", lambda: run.log_artifact("/dev/null")),
        ("local_path", lambda: run.log_artifact(7)),  # type: ignore[arg-type]
        ("local_dir", lambda: run.log_artifacts(file)),
        ("local_dir", lambda: run.log_artifacts("nowhere")),
        ("artifact_path", lambda: run.log_artifact(file, "../up")),
        ("artifact_path", lambda: run.log_artifact(file, "/etc")),
        ("artifact_path", lambda: run.log_artifacts(tmp_path, "a\\b")),
        ("artifact_file", lambda: run.log_text("x", "a/../b")),
        ("artifact_file", lambda: run.log_text("x", "")),
        ("artifact_file", lambda: run.log_text("x", "%2e%2e/b")),
        ("artifact_file", lambda: run.log_dict({}, "file:///etc/passwd")),
        ("text", lambda: run.log_text(7, "a")),  # type: ignore[arg-type]
        ("stream", lambda: run.log_stream(io.StringIO("x"), "a")),
        ("figure", lambda: run.log_figure("x", "a.png")),
        ("image", lambda: run.log_image("x", "a.png")),
        ("artifact_file", lambda: run.log_image(None)),
        ("artifact_file", lambda: run.log_image(None, "a.png", key="a")),
        ("data", lambda: run.log_table(7, "a.json")),
        ("artifact_file", lambda: run.log_table({}, "a.csv")),
        ("uri", lambda: run.log_artifact_reference("relative")),
        ("sha256", lambda: run.log_artifact_reference("s3://b/k", sha256="zz")),
        ("size", lambda: run.log_artifact_reference("s3://b/k", size=-1)),
        ("artifact_path", lambda: run.log_artifact_reference("s3://b/k", "../k")),
        ("artifact_path", lambda: run.get_artifact_uri("..")),
        ("dst_path", lambda: run.download_artifacts("", file)),
    ):
        with pytest.raises(InvalidInput) as caught:
            call()
        assert caught.value.argument == argument, caught.value
    trackql.end_run()
    assert run.list_artifacts() == []


def test_the_names_of_mlflow_take_its_arguments() -> None:
    mlflow = pytest.importorskip("mlflow")
    verbs = (
        "log_artifact", "log_artifacts", "log_dict", "log_text", "log_figure", "log_image",
        "log_stream", "log_table", "load_table", "get_artifact_uri",
    )  # fmt: skip
    for name in verbs:
        theirs = inspect.signature(getattr(mlflow, name)).parameters
        ours = inspect.signature(getattr(trackql, name)).parameters
        assert list(ours)[: len(theirs)] == list(theirs), name
        assert [each.default for each in ours.values()][: len(theirs)] == [
            each.default for each in theirs.values()
        ], name
        if name == "get_artifact_uri":
            continue
        theirs = inspect.signature(getattr(mlflow.MlflowClient, name)).parameters
        ours = inspect.signature(getattr(Client, name)).parameters
        assert list(ours)[: len(theirs)] == list(theirs), name
    for name in trackql.artifacts.__all__:
        if name[0].islower():
            theirs = inspect.signature(getattr(mlflow.artifacts, name)).parameters
            ours = inspect.signature(getattr(trackql.artifacts, name)).parameters
            assert list(ours) == list(theirs), name


# -- references, equal bytes, refusals


def test_references_stay_where_they_are(
    memory: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with trackql.start_run() as run:
        run.log_artifact_reference("s3://bucket/deep/data.parquet", size=7)
        run.log_artifact_reference("https://example.org/a?b=c", "in/there", sha256="ab" * 32)
        trackql.log_text("x", "in/here")
    assert [each.path for each in run.list_artifacts()] == ["in", "data.parquet"]
    assert run.list_artifacts()[1].file_size == 7
    with pytest.raises(InvalidInput, match="s3://bucket/deep/data"):
        run.download_artifacts("data.parquet")
    got = Path(run.download_artifacts("", tmp_path / "all"))
    assert [path.name for path in got.rglob("*") if path.is_file()] == ["here"]


def test_what_the_server_refuses_is_shown_on_the_run(
    memory: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with trackql.start_run() as run:
        trackql.log_text("a file", "place")
        trackql.flush()
        for number in range(5):
            trackql.log_text("x", f"before/{number}")
        trackql.log_text("a folder is wanted here", "place/inner")
        trackql.log_text("behind", "behind")
    assert sorted(stored(run.id)) == [*(f"before/{n}" for n in range(5)), "behind", "place"]
    [problem] = memory.run(run.id).problems
    assert "place/inner was not stored" in problem["message"]
    assert "place/inner was not stored" in caplog.text


NAMES = st.lists(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"),
        min_size=1,
        max_size=12,
    ).filter(lambda part: part not in (".", "..")),
    min_size=1,
    max_size=4,
).map("/".join)


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(files=st.dictionaries(NAMES, st.binary(max_size=50), min_size=1, max_size=6))
def test_any_path_makes_its_way_and_back(memory: Client, files: dict[str, bytes]) -> None:
    with trackql.start_run() as run:
        kept: dict[str, bytes] = {}
        for path, data in files.items():
            parts = path.split("/")
            above = {"/".join(parts[:count]) for count in range(1, len(parts))}
            if above & kept.keys() or any(each.startswith(f"{path}/") for each in kept):
                continue
            try:
                trackql.log_stream(io.BytesIO(data), path)
            except InvalidInput:
                continue  # it begins like an address, or hides something
            kept[path] = data
    if kept:
        assert stored(run.id) == kept
    for path, data in kept.items():
        assert Path(run.download_artifacts(path)).read_bytes() == data


# -- with a server of its own


def test_parts_travel_and_equal_bytes_do_not(
    server: Server, session: _session.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACKQL_URL", server.url)
    source = tmp_path / "model.bin"
    block = os.urandom(1 << 20)
    source.write_bytes(b"".join(block[number:] + block[:number] for number in range(70)))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    with trackql.start_run() as first:
        trackql.log_artifact(source)
    uploader = session.uploads()[1]
    assert uploader.moved >= 70 << 20
    assert uploader.spared == 0
    got = first.download_artifacts("model.bin", tmp_path / "got")
    with open(got, "rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest
    stamp = os.stat(got).st_ino
    assert first.download_artifacts("model.bin", tmp_path / "got") == got
    assert os.stat(got).st_ino == stamp
    with trackql.start_run() as second:
        trackql.log_artifact(source, "again")
    assert [each.file_size for each in second.list_artifacts("again")] == [70 << 20]
    assert uploader.spared == 70 << 20
    # A folder too: what it shares with another is not sent again.
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}").write_bytes(block[number : number + 100_000])
    with trackql.start_run():
        trackql.log_artifacts(folder)
    (folder / "7").write_bytes(b"other")
    spared = uploader.spared
    with trackql.start_run() as third:
        trackql.log_artifacts(folder)
    assert spared + 30 * 100_000 <= uploader.spared <= spared + 39 * 100_000
    assert len(third.list_artifacts()) == 40
    assert not session.boxes()


def test_many_runs_in_many_threads(memory: Client, tmp_path: Path) -> None:
    parent = trackql.start_run()
    runs = [trackql.start_run(nested=True) for _ in range(3)]

    def work(run: trackql.Run) -> None:
        for number in range(100):
            run.log_text(f"{run.id} {number}", f"{number % 50}.txt")

    threads = [threading.Thread(target=work, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in reversed(runs):
        run.finish()
    parent.finish()
    for run in runs:
        files = stored(run.id)
        assert files == {f"{n}.txt": f"{run.id} {n + 50}".encode() for n in range(50)}


def test_the_run_ends_when_its_files_are_there(memory: Client) -> None:
    with trackql.start_run() as run:
        for number in range(20):
            trackql.log_text("x" * 100_000, f"{number}")
    found = memory.run(run.id)
    assert found.info.status == "FINISHED"
    assert len(run.list_artifacts()) == 20
    assert found.info.end_time is not None


def test_without_room_files_are_sent_before_the_call_returns(
    memory: Client,
    session: _session.Session,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TRACKQL_SPOOL_LIMIT", "2000000")
    source = tmp_path / "large"
    source.write_bytes(b"l" * 9_000_000)
    with trackql.start_run() as run:
        trackql.log_artifact(source)
        source.unlink()
        assert not session.boxes()
        trackql.log_text("m" * 3_000_000, "medium")
        trackql.log_text("s", "small")
    files = stored(run.id)
    assert {name: len(data) for name, data in files.items()} == {
        "large": 9_000_000,
        "medium": 3_000_000,
        "small": 1,
    }
    assert "before the call that logs them returns" in caplog.text


def test_a_fork_sends_its_own_and_nothing_twice(server: Server, script: Script) -> None:
    source = """
import os, trackql
run = trackql.start_run()
for number in range(200):
    run.log_text("parent", f"parent/{number}")
child = os.fork()
if not child:
    for number in range(50):
        run.log_text("child", f"child/{number}")
    assert run.flush()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
run.log_text("after", "after")
trackql.end_run()
print(run.id)
"""
    run_id = script.run(source, TRACKQL_URL=server.url).stdout.strip()
    client = Client(server.url)
    assert len(client.list_artifacts(run_id, "parent")) == 200
    assert len(client.list_artifacts(run_id, "child")) == 50
    assert client.list_artifacts(run_id)[-1].path == "after"
    assert script.trackql("sync", "--all") == "Nothing waits to be delivered.\n"


def test_workers_deliver_what_they_log(server: Server, script: Script) -> None:
    source = """
import multiprocessing, sys, trackql

def work(run_id, number):
    trackql.log_text(f"{number}" * 1000, f"worker/{number}.txt", run_id=run_id)

if __name__ == "__main__":
    with trackql.start_run() as run:
        for method in ("fork", "spawn"):
            context = multiprocessing.get_context(method)
            workers = [
                context.Process(target=work, args=(run.id, f"{method}{n}")) for n in range(2)
            ]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
                assert worker.exitcode == 0
    print(run.id)
"""
    run_id = script.run(source, TRACKQL_URL=server.url).stdout.strip()
    listed = [each.path for each in Client(server.url).list_artifacts(run_id, "worker")]
    assert listed == [f"worker/{name}.txt" for name in ("fork0", "fork1", "spawn0", "spawn1")]
    assert script.trackql("sync", "--all") == "Nothing waits to be delivered.\n"


OFFLINE = """
import trackql
with trackql.start_run() as run:
    trackql.log_metric("x", 1)
    trackql.log_text("small", "small.txt")
    trackql.log_text("x" * 9_000_000, "large.txt")
    run.log_artifact_reference("s3://bucket/key")
print(run.id)
"""


def test_without_a_server_files_wait_for_sync(script: Script, tmp_path: Path, spool: Path) -> None:
    address = "http://127.0.0.1:9"
    done = script.run(OFFLINE, TRACKQL_URL=address)
    assert "2 files" not in done.stdout
    assert "3 files not uploaded" in done.stderr
    assert "trackql sync" in done.stderr
    run_id = done.stdout.strip()
    assert "no answer" in script.trackql("sync", code=1, TRACKQL_URL=address)
    with trackql_server(tmp_path / "home") as server:
        told = json.loads(script.trackql("sync", "--all", "--to", server.url, "--json"))
        assert [(each["run"], each["points"], each["files"]) for each in told] == [
            (run_id, 1, 0),
            (run_id, 0, 3),
        ]
        client = Client(server.url)
        listed = {each.path: each.file_size for each in client.list_artifacts(run_id)}
        assert listed == {"key": None, "large.txt": 9_000_000, "small.txt": 5}
        again = script.trackql("sync", "--all", "--to", server.url)
        assert again == "Nothing waits to be delivered.\n"
    assert list(spool.iterdir()) == []
