"""What is captured of a run without being asked, in repositories and without."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.process import Server
from tests.sdk.conftest import Script
from trackql import _capture, _environment, _findings, _git
from trackql.errors import InvalidInput

FACTS = """query($id: ID!) { run(id: $id) { status
  source { commit branch remote dirty diffPath untrackedPath snapshotPath entryPoint arguments
    workingFolder notebook notes }
  environment { python platform cpu cpuCount memory hostname packages { name version }
    variables { name value } lockPath }
  failure { kind message traceback time } } }"""

SECRET = "ghp_" + "abcDEF0123456789" * 3


class Project:
    """A folder with a script; a repository once `git` was used."""

    def __init__(self, folder: Path, script: Script, server: Server) -> None:
        folder.mkdir()
        self.folder = folder
        self.server = server
        self.env = {**script.env, "TRACKQL_URL": server.url, "TRACKQL_CAPTURE": "1"}
        self.write("train.py", "import trackql\nrun = trackql.start_run()\nprint(run.id)\n")

    def write(self, name: str, content: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def git(self, *arguments: str) -> str:
        name = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(
            ["git", *name, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self) -> str:
        if not (self.folder / ".git").exists():
            self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a")
        return self.git("rev-parse", "HEAD")

    def run(self, *arguments: str, code: int = 0, **env: str) -> dict[str, Any]:
        """Run the script; what the server knows of its run."""
        done = subprocess.run(
            [sys.executable, *(arguments or ("train.py",))],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, done.stderr
        self.id = done.stdout.split()[0]
        body = {"query": FACTS, "variables": {"id": self.id}}
        reply = httpx.post(f"{self.server.url}/graphql", json=body).json()
        assert "errors" not in reply, reply
        facts: dict[str, Any] = reply["data"]["run"]
        return facts

    def file(self, path: str) -> bytes:
        reply = httpx.get(f"{self.server.url}/artifacts/runs/{self.id}/{path}")
        assert reply.status_code == 200, (path, reply.text)
        return reply.content


@pytest.fixture
def project(tmp_path: Path, script: Script, server: Server) -> Project:
    return Project(tmp_path / "project", script, server)


def test_the_code_can_be_had_again(project: Project, tmp_path: Path) -> None:
    project.write("kept.txt", "a\nb\nc\n")
    project.write("binary.bin", bytes(range(256)))
    project.write("gone.py", "x = 1\n")
    project.write("ü ☃.py", "x = 1\n")
    project.write(".gitignore", "ignored/\n")
    commit = project.commit()
    project.git("remote", "add", "origin", f"https://me:{SECRET}@example.org/a.git")
    project.write("kept.txt", "a\nB\nc\n")
    project.write("binary.bin", bytes(range(255, -1, -1)) * 3)
    project.write("ü ☃.py", "x = 2\n")
    (project.folder / "gone.py").unlink()
    project.write("staged.py", "y = 1\n")
    project.git("add", "staged.py")
    project.write("new/untracked.py", "z = 1\n")
    project.write(".env", "PASSWORD=a\n")
    project.write("id_rsa", "a")
    project.write("server.pem", "a")
    project.write("notes.txt", f"my key is {SECRET}")
    project.write("ignored/data.csv", "1")
    project.write("large.bin", bytes(2 * 1024 * 1024))
    # Settings that would have a diff look otherwise, or run something.
    project.git("config", "diff.noprefix", "true")
    project.git("config", "diff.external", "false")
    project.git("config", "color.ui", "always")
    project.git("config", "core.fsmonitor", "touch watched")
    source = project.run("train.py", "--lr", "1", "--api-key", "abc")["source"]
    assert (source["commit"], source["branch"], source["dirty"]) == (commit, "main", True)
    assert source["remote"] == "https://example.org/a.git"
    assert source["arguments"] == ["--lr", "1", "--api-key", "[redacted]"]
    assert source["entryPoint"] == "train.py"
    assert source["workingFolder"] == str(project.folder)
    assert not (project.folder / "watched").exists()
    again = tmp_path / "again"
    subprocess.run(["git", "clone", "-q", project.folder, again], check=True)
    subprocess.run(["git", "checkout", "-q", source["commit"]], cwd=again, check=True)
    patch = project.file(source["diffPath"])
    subprocess.run(["git", "apply", "-"], cwd=again, input=patch, check=True)
    with zipfile.ZipFile(io.BytesIO(project.file(source["untrackedPath"]))) as archive:
        assert archive.namelist() == ["new/untracked.py"]
        archive.extractall(again)
    for name in ("kept.txt", "binary.bin", "ü ☃.py", "staged.py", "new/untracked.py", "train.py"):
        assert (again / name).read_bytes() == (project.folder / name).read_bytes()
    assert not (again / "gone.py").exists()
    assert any("may hold secrets" in note for note in source["notes"])
    assert any("more than 1 MiB" in note for note in source["notes"])


def test_a_clean_commit_needs_no_files(project: Project) -> None:
    commit = project.commit()
    project.git("checkout", "-q", "--detach")
    source = project.run()["source"]
    assert (source["commit"], source["branch"], source["dirty"]) == (commit, None, False)
    assert (source["diffPath"], source["untrackedPath"], source["snapshotPath"]) == (None,) * 3
    assert source["notes"] == []


def test_secrets_in_a_diff(project: Project) -> None:
    project.write("old.py", f"key = '{SECRET}'\nx = 1\n")
    project.write("other.py", "x = 1\n")
    project.commit()
    project.write("old.py", f"key = '{SECRET}'\nx = 2\n")
    project.write("other.py", f"x = 2\ntoken = '{SECRET}'\n")
    source = project.run()["source"]
    patch = project.file(source["diffPath"])
    assert SECRET.encode() not in patch
    assert b"+token = '[redacted]'" in patch
    assert b"old.py" not in patch
    aside = project.file("trackql/diff-redacted.patch")
    assert b"+x = 2" in aside
    assert SECRET.encode() not in aside
    assert any("old.py" in note for note in source["notes"])
    subprocess.run(
        ["git", "apply", "--check", "-R", "--exclude=other.py", "-"],
        cwd=project.folder,
        input=patch,
        check=True,
    )


def test_without_git_the_sources_are_kept(project: Project) -> None:
    project.write("lib/model.py", "x = 1\n")
    project.write("conf/a.yaml", "lr: 1\n")
    project.write("data.csv", "1")
    project.write("big.json", "1" * 300_000)
    project.write("venv/pyvenv.cfg", "")
    project.write("venv/lib/a.py", "")
    project.write("credentials.json", "{}")
    project.write(".hidden/a.py", "")
    source = project.run()["source"]
    assert (source["commit"], source["dirty"]) == (None, None)
    with zipfile.ZipFile(io.BytesIO(project.file(source["snapshotPath"]))) as archive:
        assert sorted(archive.namelist()) == ["conf/a.yaml", "lib/model.py", "train.py"]


def test_where_git_is_missing_its_files_tell(project: Project, tmp_path: Path) -> None:
    commit = project.commit()
    empty = tmp_path / "empty"
    empty.mkdir()
    source = project.run(PATH=str(empty))["source"]
    assert (source["commit"], source["branch"], source["dirty"]) == (commit, "main", None)
    assert any("git did not answer" in note for note in source["notes"])


def test_modules_and_failures(project: Project) -> None:
    project.write("pack/__init__.py", "")
    project.write(
        "pack/__main__.py",
        "import trackql\nwith trackql.start_run() as run:\n    print(run.id)\n"
        f"    raise ValueError('{SECRET} is wrong')\n",
    )
    facts = project.run("-m", "pack", "--x", code=1)
    assert facts["source"]["entryPoint"] == "python -m pack"
    assert facts["status"] == "FAILED"
    failure = facts["failure"]
    assert (failure["kind"], failure["message"]) == ("ValueError", "[redacted] is wrong")
    assert "__main__.py" in failure["traceback"]
    assert SECRET not in failure["traceback"]
    project.write("train.py", "import trackql\nprint(trackql.start_run().id)\n1 / 0\n")
    failure = project.run(code=1)["failure"]
    assert (failure["kind"], failure["message"]) == ("ZeroDivisionError", "division by zero")
    project.write("train.py", "import trackql\nprint(trackql.start_run().id)\nexit(3)\n")
    assert project.run(code=3)["failure"] is None


def test_the_surroundings(project: Project) -> None:
    environment = project.run(
        CUDA_VISIBLE_DEVICES="0,1",
        SLURM_JOB_ID="17",
        MY_SETTING="x",
        MY_TOKEN="abc",
        UNLISTED="y",
        TRACKQL_ENVIRONMENT_VARIABLES="MY_*",
    )["environment"]
    variables = {each["name"]: each["value"] for each in environment["variables"]}
    assert variables["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert variables["SLURM_JOB_ID"] == "17"
    assert (variables["MY_SETTING"], variables["MY_TOKEN"]) == ("x", "[redacted]")
    assert "UNLISTED" not in variables
    assert environment["python"] == ".".join(map(str, sys.version_info[:3]))
    assert environment["cpuCount"] >= 1
    assert environment["memory"] > 2**20
    packages = {each["name"]: each["version"] for each in environment["packages"]}
    assert packages["pytest"] == pytest.__version__
    lock = project.file(environment["lockPath"]).decode()
    assert f"\npytest=={pytest.__version__}\n" in lock
    for line in lock.splitlines():
        if not line.startswith("#"):
            assert "==" in line or " @ " in line


def test_every_package_is_listed_that_the_standard_library_finds() -> None:
    from importlib.metadata import distributions

    def plain(name: str) -> str:
        return name.lower().replace("_", "-").replace(".", "-")

    expected = {plain(each.metadata["Name"]): each.version for each in distributions()}
    assert {plain(each.name): each.version for each in _environment.packages()} == expected


def test_how_a_package_can_be_had_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "plain-1.0+cu118.dist-info": None,
        "by_git-2.0.dist-info": '{"url": "https://me:x@h/a.git",'
        ' "vcs_info": {"vcs": "git", "commit_id": "abc"}, "subdirectory": "b"}',
        "here-0.1.dist-info": '{"url": "file:///home/a", "dir_info": {"editable": true}}',
        "wheel_of-3.dist-info": '{"url": "https://h/a.whl?token=x", "archive_info": {}}',
    }
    for name, direct in told.items():
        (tmp_path / name).mkdir()
        if direct:
            (tmp_path / name / "direct_url.json").write_text(direct)
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "missing")])
    assert _environment.lock(_environment.packages()).splitlines()[1:] == [
        "by-git @ git+https://h/a.git@abc#subdirectory=b",
        "# here==0.1 was installed from -e file:///home/a",
        "plain==1.0+cu118",
        "wheel-of @ https://h/a.whl?token=[redacted]",
    ]


def test_parts_can_be_chosen(project: Project) -> None:
    project.commit()
    project.write("train.py", "import trackql\nrun = trackql.start_run()\nprint(run.id)\n# new\n")
    nothing = project.run(TRACKQL_CAPTURE="0")
    assert (nothing["source"], nothing["environment"]) == (None, None)
    some = project.run(TRACKQL_CAPTURE="source")
    assert some["source"]["dirty"] is True
    assert some["source"]["diffPath"] is None
    assert some["environment"] is None
    less = project.run(TRACKQL_CAPTURE="-diff,-packages")
    assert less["source"]["diffPath"] is None
    assert less["environment"]["packages"] == []


def test_names_of_parts(session: object) -> None:
    assert _capture.parts(True) == set(_capture.PARTS)
    assert _capture.parts(False) == set()
    assert _capture.parts(["source", "diff"]) == {"source", "diff"}
    assert _capture.parts("-console") == set(_capture.PARTS) - {"console"}
    assert _capture.parts(None) == set()  # as these tests have it
    with pytest.raises(InvalidInput, match="'sauce' can't be captured"):
        _capture.parts(["sauce"])


@pytest.mark.parametrize(
    "name",
    [".env", ".env.local", "a/.netrc", "id_rsa", "id_ed25519.pub", "x.pem", "credentials.json",
     "credentials", "secrets.yaml", "service-account.json", "a.tfvars", "token.txt", "secret.py"],
)  # fmt: skip
def test_names_that_tell_of_secrets(name: str) -> None:
    assert _findings.hidden(name)


@pytest.mark.parametrize("name", ["train.py", "tokenizer.py", "token_count.py", "a.json", "env.py"])
def test_names_that_do_not(name: str) -> None:
    assert not _findings.hidden(name)


def test_a_repository_is_left_as_it_is(project: Project) -> None:
    project.commit()
    project.write("train.py", "changed")
    index = project.folder / ".git" / "index"
    os.utime(project.folder / "train.py", (1, 1))
    before = index.read_bytes(), index.stat().st_mtime_ns
    state = _git.look(project.folder)
    assert state is not None
    assert state.changed
    assert _git.diff(project.folder)
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_what_is_cut_of_a_traceback() -> None:
    assert _capture.cut("a" * 100, 100) == "a" * 100
    kept = _capture.cut("é" * 200_000, 1000)
    assert len(kept.encode()) <= 1000
    assert "bytes are left out" in kept
