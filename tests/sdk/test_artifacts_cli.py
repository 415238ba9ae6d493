"""`trackql artifacts`: what it prints for people and for programs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import trackql
from trackql import Client
from trackql.cli import app, main


@pytest.fixture
def filled(memory: Client) -> trackql.Run:
    with trackql.start_run() as run:
        trackql.log_text("hello", "notes/hello.txt")
        trackql.log_text("x" * 5000, "notes/deep/long.txt")
        trackql.log_dict({"a": 1}, "config.json")
        trackql.log_artifact_reference("s3://bucket/key")
    return run


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["artifacts", *arguments], env={"COLUMNS": "200"})
    assert done.exit_code == 0, f"{done.output} {done.exception!r}"
    return done.output


def refused(
    *arguments: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> str:
    """The one line of an error."""
    monkeypatch.setattr("sys.argv", ["trackql", "artifacts", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    [line] = capsys.readouterr().err.splitlines()
    return line


def test_ls(filled: trackql.Run) -> None:
    shown = run("ls", filled.id)
    assert "notes/ " in shown
    assert "2 files" in shown
    assert "s3://bucket/key" in shown
    assert "config.json" in shown
    assert "4.9 KiB" in run("ls", filled.id, "notes/deep")
    listed = json.loads(run("ls", filled.id, "--json"))
    assert [each["path"] for each in listed] == ["notes", "config.json", "key"]
    assert [each["size"] for each in listed] == [5005, 12, None]
    assert listed[0] | {"createdAt": 0} == {
        "path": "notes",
        "isFolder": True,
        "files": 2,
        "size": 5005,
        "sha256": None,
        "mediaType": None,
        "uri": None,
        "createdAt": 0,
    }
    [one] = json.loads(run("ls", filled.id, "notes/hello.txt", "--json"))
    assert one["mediaType"] == "text/plain"
    assert len(one["sha256"]) == 64


def test_ls_at_any_depth(filled: trackql.Run) -> None:
    def paths(*arguments: str) -> list[str]:
        return [each["path"] for each in json.loads(run("ls", filled.id, "--json", *arguments))]

    every = ["config.json", "key", "notes/deep/long.txt", "notes/hello.txt"]
    assert paths("-r") == every
    assert paths("-r", "--sort", "size")[0] == "notes/deep/long.txt"
    assert paths("-r", "--sort", "created") == paths("-r", "--sort", "created")
    assert paths("notes", "-r") == every[2:]
    assert paths("--search", "ell") == ["notes/hello.txt"]
    assert len(paths("-r", "-n", "2")) == 2


def test_an_id_may_be_cut_short(
    filled: trackql.Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("ls", filled.id[:12]) == run("ls", filled.id)
    monkeypatch.setattr("sys.argv", ["trackql", "artifacts", "ls", "f" * 31])
    with pytest.raises(SystemExit):
        main()
    assert "no run whose id begins with" in capsys.readouterr().err
    told = refused("ls", "nonsense", capsys=capsys, monkeypatch=monkeypatch)
    assert told == "trackql: 'nonsense' is not a run id: 32 hex digits"


def test_get(filled: trackql.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("get", filled.id, "notes/hello.txt") == "hello.txt\n"
    assert Path("hello.txt").read_text() == "hello"
    assert run("get", filled.id, "notes", "--to", "there") == "there/notes\n"
    assert Path("there/notes/hello.txt").read_text() == "hello"
    assert run("get", filled.id) == f"{filled.id}\n"
    assert json.loads(Path(filled.id, "config.json").read_text()) == {"a": 1}


def test_put_and_rm(memory: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with trackql.start_run() as filled:
        pass
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("a")
    Path("folder").mkdir()
    Path("folder/b.txt").write_text("bb")
    run("put", filled.id, "a.txt", "folder")
    run("put", filled.id[:16], "a.txt", "--to", "kept/")
    listed = json.loads(run("ls", filled.id, "-r", "--json"))
    assert [each["path"] for each in listed] == ["a.txt", "folder/b.txt", "kept/a.txt"]
    assert run("rm", filled.id, "a.txt", "folder/") == "2 files put in the trash\n"
    assert json.loads(run("rm", filled.id, "kept/a.txt", "--purge", "--json")) == {
        "files": 1,
        "purged": True,
    }
    assert run("ls", filled.id) == "There are no such files.\n"
    run("put", filled.id, "a.txt")
    assert [each.path for each in filled.list_artifacts()] == ["a.txt"]


def test_mistakes_are_one_line(
    filled: trackql.Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*arguments: str) -> str:
        return refused(*arguments, capsys=capsys, monkeypatch=monkeypatch)

    assert "has no artifact 'none'" in told("ls", filled.id, "none")
    assert "has no artifact 'none'" in told("get", filled.id, "none")
    assert "no run" in told("ls", "0" * 32)
    assert "there is no 'nowhere' here" in told("put", filled.id, "nowhere")
    assert "lies elsewhere" in told("get", filled.id, "key")
    assert "a part '.' or '..'" in told("get", filled.id, "../x")
    assert "none" in told("rm", filled.id, "none")
