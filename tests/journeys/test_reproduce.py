"""From a run's page alone a colleague checks out the code, rebuilds the environment, reads on.

The script is MLflow's classic one with its import changed. It runs in a repository with changes
that nobody has committed; afterwards only what the server tells is used.
"""

import io
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.process import Server

EXAMPLE = Path(__file__).parents[2] / "sdk" / "examples" / "classic.py"

PAGE = """{ runs(experimentIds: null, first: 1) { nodes {
  id name status
  params { nodes { key value } }
  tags(keys: ["stage"]) { nodes { key value } }
  metrics(keys: ["loss"]) { nodes { key count last { step value } } }
  source {
    commit branch remote dirty diffPath untrackedPath entryPoint arguments
  }
  environment { python hostname lockPath packages { name version } variables { name value } }
  failure { message }
  console(first: 1000) { texts }
} } }"""
FILES = """query($run: ID!, $folder: String!) { run(id: $run) {
  artifacts(folder: $folder) { nodes { path isFolder size sha256 url } }
} }"""

GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*GIT, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def ask(http: httpx.Client, document: str, **variables: Any) -> dict[str, Any]:
    reply = http.post("/graphql", json={"query": document, "variables": variables}).json()
    assert "errors" not in reply, reply["errors"]
    data: dict[str, Any] = reply["data"]
    return data


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A work tree whose commit is pushed, with a change and a new file on top."""
    bare, work = tmp_path / "origin.git", tmp_path / "work"
    begin = ["git", "init", "--quiet", "--bare", "--initial-branch", "main", str(bare)]
    subprocess.run(begin, check=True)
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch", "main")
    (work / "train.py").write_text(EXAMPLE.read_text())
    (work / "settings.toml").write_text("depth = 3\n")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "A script to train with")
    git(work, "remote", "add", "origin", bare.as_uri())
    git(work, "push", "--quiet", "origin", "main")
    (work / "settings.toml").write_text("depth = 4\n")
    (work / "helper.py").write_text("ANSWER = 42\n")
    return work


def test_a_run_can_be_repeated_from_its_page(
    server: Server, repository: Path, tmp_path: Path
) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("TRACKQL_")}
    done = subprocess.run(
        [sys.executable, "train.py", "--token=hf_abcdefghijklmnopqrstuvwxyz123456"],
        cwd=repository,
        env={**env, "TRACKQL_URL": server.url, "TRACKQL_SPOOL": str(tmp_path / "spool")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with httpx.Client(base_url=server.url, timeout=60) as http:
        [run] = ask(http, PAGE)["runs"]["nodes"]
        what_was_logged(http, run)
        what_it_printed(run, done.stdout)
        the_code(http, run, repository, tmp_path / "checkout")
        the_environment(http, run)


def what_was_logged(http: httpx.Client, run: dict[str, Any]) -> None:
    assert run["status"] == "FINISHED"
    assert run["failure"] is None
    assert run["params"]["nodes"] == [
        {"key": "epochs", "value": "30"},
        {"key": "lr", "value": "0.1"},
    ]
    assert run["tags"]["nodes"] == [{"key": "stage", "value": "example"}]
    [loss] = run["metrics"]["nodes"]
    assert (loss["count"], loss["last"]["step"]) == (30, 29)
    top = ask(http, FILES, run=run["id"], folder="")["run"]["artifacts"]["nodes"]
    assert [node["path"] for node in top] == ["models", "trackql", "confusion_matrix.png"]
    picture = http.get(top[2]["url"])
    assert picture.content.startswith(b"\x89PNG")
    assert len(picture.content) == top[2]["size"]
    models = ask(http, FILES, run=run["id"], folder="models")["run"]["artifacts"]["nodes"]
    assert [node["path"] for node in models] == ["models/labels.txt", "models/weights.txt"]
    assert http.get(models[0]["url"]).text == "cat\ndog\nowl"


def what_it_printed(run: dict[str, Any], printed: str) -> None:
    assert printed.count("epoch") == 3
    texts = run["console"]["texts"]
    assert [text for text in texts if text.startswith("epoch")] == printed.splitlines()


def the_code(http: httpx.Client, run: dict[str, Any], original: Path, checkout: Path) -> None:
    source = run["source"]
    assert source["dirty"]
    assert source["branch"] == "main"
    assert source["entryPoint"] == "train.py"
    assert "hf_abcdefghijklmnopqrstuvwxyz123456" not in str(source["arguments"])
    subprocess.run(["git", "clone", "--quiet", source["remote"], str(checkout)], check=True)
    git(checkout, "checkout", "--quiet", source["commit"])
    artifacts = f"/artifacts/runs/{run['id']}"
    diff = http.get(f"{artifacts}/{source['diffPath']}")
    subprocess.run(["git", "apply"], cwd=checkout, input=diff.content, check=True)
    untracked = http.get(f"{artifacts}/{source['untrackedPath']}")
    with zipfile.ZipFile(io.BytesIO(untracked.content)) as archive:
        archive.extractall(checkout)
    assert tree(checkout) == tree(original)


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def plain(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def the_environment(http: httpx.Client, run: dict[str, Any]) -> None:
    environment = run["environment"]
    assert environment["python"] == ".".join(map(str, sys.version_info[:3]))
    here = {plain(each.metadata["Name"]): each.version for each in distributions()}
    packages = {plain(each["name"]): each["version"] for each in environment["packages"]}
    assert packages == here
    lock = http.get(f"/artifacts/runs/{run['id']}/{environment['lockPath']}")
    pinned = [line for line in lock.text.splitlines() if line and not line.startswith("#")]
    assert len(pinned) > len(here) * 0.9
    # pip reads the lock, and finds that this environment is the one it describes.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--no-deps"),
            *("--disable-pip-version-check", "--requirement", "/dev/stdin"),
        ],
        input=lock.text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout
