"""The same question asked with curl, TypeScript, R, Java and Python has the same answer."""

import filecmp
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

import trackql
from scripts.process import Server

ROOT = Path(__file__).parents[2]
ASK = ROOT / "sdk" / "examples" / "ask"
MODULES = ROOT / "dashboard" / "node_modules"
FOLDER = 'ask/this "one"'

Answer = tuple[list[tuple[float, str, str]], list[tuple[str, int, float]]]


@pytest.fixture
def expected(session: object, server: Server, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Logs a dozen runs of adam, some of sgd, one that says nothing, and some elsewhere."""
    monkeypatch.setenv("TRACKQL_URL", server.url)
    client = trackql.Client()
    if client.get_experiment_by_name(FOLDER) is None:
        for number in range(12):
            log(FOLDER, f"adam {number}", "adam", (number * 5 % 12) / 16)
        for number in range(3):
            log(FOLDER + "/more", f"sgd {number}", "sgd", (number + 1) / 8)
        log(FOLDER + "/more", "silent", None, None)
        log(FOLDER, "unfinished", "adam", None)
        log("ask/other", "best of all", "adam", 1.0)
    runs = {run.name: run.id for run in client.runs(folder=FOLDER)}
    assert len(runs) == 17
    adam = sorted((((n * 5 % 12) / 16, f"adam {n}") for n in range(12)), reverse=True)
    best = [(accuracy, name, runs[name]) for accuracy, name in adam[:10]]
    return best, [("adam", 13, 66 / 12 / 16), ("sgd", 3, 0.25)]


def log(experiment: str, name: str, optimizer: str | None, accuracy: float | None) -> None:
    trackql.set_experiment(experiment)
    with trackql.start_run(run_name=name) as run:
        if optimizer is not None:
            run.log_params({"optimizer": optimizer})
        if accuracy is not None:
            run.log_metrics({"accuracy": 0.0}, 0)
            run.log_metrics({"accuracy": accuracy}, 1)


def output(*command: str | Path, cwd: Path = ROOT) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} on this machine")
    done = subprocess.run(
        command, cwd=cwd, env=os.environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def read(text: str) -> Answer:
    """The answer in what an example prints: two tables, values between tabs."""
    best, means = ([line.split("\t") for line in part.splitlines()] for part in text.split("\n\n"))
    assert means.pop() == ["none", "1", ""]  # the run that says nothing comes last
    return (
        [(float(accuracy), name, run_id) for accuracy, name, run_id in best],
        [(name, int(runs), float(mean)) for name, runs, mean in means],
    )


def test_the_question_fits_the_schema() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    assert validate(schema, parse((ASK / "ask.graphql").read_text())) == []


def test_with_python(expected: Answer) -> None:
    assert read(output(sys.executable, ASK / "ask.py", FOLDER)) == expected


def test_with_curl(expected: Answer) -> None:
    if shutil.which("jq") is None or shutil.which("curl") is None:
        pytest.skip("there is no curl or no jq on this machine")
    assert read(output(ASK / "ask.sh", FOLDER)) == expected
    everywhere = output(ASK / "ask.sh").splitlines()  # what other tests logged among it
    assert everywhere[0].split("\t")[1] == "best of all"


def test_with_java(expected: Answer) -> None:
    data = json.loads(output("java", ASK / "Ask.java", FOLDER))["data"]
    best = [
        (run["metrics"]["nodes"][0]["last"]["value"], run["name"], run["id"])
        for run in data["best"]["nodes"]
    ]
    means = [
        (group["values"][0], group["runs"], group["measures"][0]["mean"])
        for group in data["optimizers"]["groups"]
        if group["values"][0] is not None
    ]
    assert (best, means) == expected


def test_with_r(expected: Answer) -> None:
    if shutil.which("Rscript") is not None:
        packages = "q(status = !all(c('httr2', 'jsonlite') %in% rownames(installed.packages())))"
        if subprocess.run(["Rscript", "-e", packages], check=False).returncode:
            pytest.skip("R has no httr2 or no jsonlite on this machine")
    assert read(output("Rscript", ASK / "ask.R", FOLDER)) == expected


def test_with_typescript(expected: Answer, tmp_path: Path) -> None:
    if not (MODULES / "typescript").is_dir():
        pytest.skip("the packages of the dashboard are not installed")
    copy = tmp_path / "ask" / "typescript"
    shutil.copytree(
        ASK / "typescript", copy, ignore=shutil.ignore_patterns("node_modules", "build")
    )
    shutil.copy(ASK / "ask.graphql", copy.parent)
    (copy / "node_modules").symlink_to(MODULES)
    output("node", "codegen.mjs", ROOT / "schema.graphql", cwd=copy)
    stale = "run npm run codegen in sdk/examples/ask/typescript"
    assert filecmp.cmp(copy / "generated.ts", ASK / "typescript" / "generated.ts", False), stale
    output("node", MODULES / "typescript" / "bin" / "tsc", cwd=copy)
    assert read(output("node", "build/ask.js", FOLDER, cwd=copy)) == expected


def test_a_refusal_is_told(expected: Answer, tmp_path: Path) -> None:
    if shutil.which("jq") is None or shutil.which("curl") is None:
        pytest.skip("there is no curl or no jq on this machine")
    shutil.copy(ASK / "ask.sh", tmp_path)
    wrong = (ASK / "ask.graphql").read_text().replace("IS NOT NULL", "IS NOT NIL")
    (tmp_path / "ask.graphql").write_text(wrong)
    done = subprocess.run([tmp_path / "ask.sh"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "'NIL' is not expected here" in done.stderr
