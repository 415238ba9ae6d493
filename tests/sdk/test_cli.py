"""The command `trackql`: what it prints for people and for programs."""

import json
import math
import time

import pytest
import typer
from typer.testing import CliRunner

import trackql
from trackql import Client
from trackql.cli import app, main
from trackql.cli.runs import _fields


@pytest.fixture
def filled(memory: Client) -> trackql.Run:
    memory.ensure_experiment("command/line")
    trackql.set_experiment("command/line")
    with trackql.start_run(run_name="shown [bold]") as run:
        run.log_params({"lr": 0.1})
        run.log_metrics({"loss": 0.5, "nan": math.nan, "inf": -math.inf})
        run.set_tag("a", "b")
    return run


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


def test_experiments(filled: trackql.Run) -> None:
    assert "command/line" in run("experiments")
    listed = json.loads(run("experiments", "--search", "command/", "--json"))
    assert [each["name"] for each in listed] == ["command/line"]


def test_runs(filled: trackql.Run) -> None:
    table = run("runs", "-e", "command/line")
    assert filled.id in table
    assert "shown [bold]" in table
    listed = json.loads(run("runs", "--experiment", "command/line", "-n", "1", "--json"))
    assert len(listed) == 1
    assert listed[0]["status"] == "FINISHED"


def test_runs_by_filter_and_columns(filled: trackql.Run) -> None:
    here = ("runs", "-e", "command/line", "--filter", "metrics.loss < 1 AND params.lr = 0.1")
    assert filled.id in run(*here, "--order-by", "metrics.loss DESC", "-o", "name")
    assert "There are no such runs." in run(*here[:-1], "metrics.loss > 1")
    asked = (
        "-c",
        "name,metrics.loss, params.lr",
        "-c",
        "metrics.nan",
        "-c",
        "start_time,tags.none",
    )
    table = run(*here, *asked)
    assert "shown [bold]" in table
    assert "0.5" in table
    listed = json.loads(run(*here, *asked, "--json"))
    assert len(listed) >= 1
    started = listed[0].pop("start_time")
    assert filled.info.start_time - 1_000 <= started <= time.time_ns() // 1_000_000
    assert listed[0] == {
        "run_id": filled.id,
        "name": "shown [bold]",
        "metrics.loss": 0.5,
        "params.lr": 0.1,
        "metrics.nan": "NaN",
        "tags.none": None,
    }
    done = CliRunner().invoke(app, ["runs", "--search", "x", "--columns", "name"])
    assert done.exit_code == 2


def test_columns_are_split_at_commas_outside_quotes() -> None:
    split = list(_fields(["a, b", "params.`x,y`,c", 'metrics."p,q"', "d`", ""]))
    assert split == ["a", "b", "params.`x,y`", "c", 'metrics."p,q"', "d`"]


def test_a_mistake_in_a_filter_is_pointed_at(
    memory: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, shown in (
        (["--filter", "metrics.loss >> 1"], ["  metrics.loss >> 1", "                ^"]),
        (["--order-by", "metrics.loss UP"], ["  metrics.loss UP", "               ^^"]),
        (["--columns", "name,foo"], ["  foo", "  ^^^"]),
    ):
        monkeypatch.setattr("sys.argv", ["trackql", "runs", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith("trackql: ")
        assert lines[1:3] == shown


def test_one_run(filled: trackql.Run) -> None:
    assert "param lr" in run("run", filled.id)
    shown = json.loads(run("run", filled.id, "--json"))
    assert shown["id"] == filled.id
    assert shown["params"] == {"lr": "0.1"}
    assert shown["tags"] == {"a": "b"}
    assert shown["metrics"] == {"loss": 0.5, "nan": "NaN", "inf": "-Infinity"}


def test_sync_without_anything_to_do(memory: Client) -> None:
    assert run("sync") == "Nothing waits to be delivered.\n"
    assert json.loads(run("sync", "--all", "--json")) == []


def test_the_version() -> None:
    assert run("--version").strip() == trackql.__version__


def test_commands_come_by_entry_point() -> None:
    listed = run("--help")
    for name in ("db", "experiments", "run", "runs", "server", "sync"):
        assert name in listed
    assert "--port" in run("server", "--help")


def test_a_command_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackql.cli.entry_points", lambda group: [])
    done = CliRunner().invoke(app, ["server", "--port", "1"])
    assert done.exit_code == 2
    assert "pip install 'trackql[server]'" in done.output
    assert "comes with the extra 'server'" in run("--help")
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_a_function_can_be_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        name = "hello"

        def load(self) -> object:
            return hello

    def hello(name: str) -> None:
        """Say hello."""
        typer.echo(f"hello {name}")

    monkeypatch.setattr("trackql.cli.entry_points", lambda group: [Entry()])
    assert run("hello", "you") == "hello you\n"


def test_an_error_is_one_line(
    memory: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["trackql", "run", "0" * 32])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert capsys.readouterr().err == f"trackql: there is no run {'0' * 32}\n"
