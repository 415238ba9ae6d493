"""Finds out what a run's source and surroundings are, and reports it; runs in a thread."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _environment, _git, _redact, _session, _source
from ._capture import clean, note

if TYPE_CHECKING:
    from .runs import Run

LOCK = "trackql/requirements.txt"
DIFF = "trackql/diff.patch"
ASIDE = "trackql/diff-redacted.patch"
UNTRACKED = "trackql/untracked.zip"
SNAPSHOT = "trackql/source.zip"

FILE = 1024 * 1024  # bytes of one file that is taken along
FILES = 10 * 1024 * 1024  # of all
MOST = 2_000  # files
SCANNED = 20_000  # entries of folders that are looked at for a snapshot
SECONDS = 3.0
DEPTH = 6  # folders below one another
DATA = 256 * 1024  # bytes of a file of settings in a snapshot

CODE = {".py", ".pyi", ".ipynb", ".sh", ".r", ".jl", ".sql", ".pyx", ".c", ".cc", ".cpp", ".h",
        ".cu", ".cuh"}  # fmt: skip
SETTINGS = {".yaml", ".yml", ".toml", ".json", ".cfg", ".ini", ".txt", ".md"}
SECRET_NAMES = (
    ".env", ".netrc", ".pypirc", ".npmrc", ".htpasswd", ".pgpass", ".git-credentials",
    "credentials", "secret", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "service-account",
    "service_account", "kubeconfig", "authorized_keys", "known_hosts", "token", "password",
    "passwd", ".dockercfg", ".s3cfg", ".boto", "client_secret",
)  # fmt: skip
SECRET_ENDINGS = (
    ".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".asc", ".gpg",
    ".tfvars", ".tfstate", ".ovpn", ".crt", ".cer", ".der",
)  # fmt: skip
FOLDERS = {"__pycache__", "node_modules", "site-packages", "venv", "env", "trackql-data", "mlruns",
           "wandb", "build", "dist"}  # fmt: skip


class Start(NamedTuple):
    """What a script changes as it goes on: how it was when it began its first run."""

    arguments: tuple[str, ...]
    working_folder: str


def report(run: Run, chosen: frozenset[str], start: Start) -> None:
    """Tell the run's server; what one part fails at does not keep the others from being told."""
    if "source" in chosen:
        found, files = _found(start, "diff" in chosen, "files" in chosen)
        _tell(run, "source", found, files)
    if "environment" in chosen:
        surroundings, files = _surroundings("packages" in chosen)
        _tell(run, "environment", surroundings, files)


def _tell(run: Run, kind: str, found: dict[str, Any], files: dict[str, tuple[bytes, str]]) -> None:
    note(run, {kind: found})
    for path, (data, media_type) in files.items():
        _session.session.outbox(run._server).add_bytes(run, path, data, media_type)


# Both are as the process found them: runs that it begins later were made by the same code.


@cache
def _found(
    start: Start, with_diff: bool, with_files: bool
) -> tuple[dict[str, Any], dict[str, tuple[bytes, str]]]:
    folder = _source.folder()
    source = Source(folder, start)
    state = _git.look(folder)
    if state is not None:
        source.commit(state)
        if with_diff and state.changed and state.commit:
            source.diff(state.root)
        if with_files and state.untracked and state.commit:
            source.untracked(state)
    if with_files and (state is None or not state.commit):
        source.snapshot()
    return source.facts, source.files


@cache
def _surroundings(with_packages: bool) -> tuple[dict[str, Any], dict[str, tuple[bytes, str]]]:
    facts = _environment.describe()
    if not with_packages:
        return facts, {}
    installed = _environment.packages()
    facts["packages"] = [
        {"name": clean(each.name), "version": clean(each.version)} for each in installed
    ]
    facts["lockPath"] = LOCK
    return facts, {LOCK: (_environment.lock(installed).encode(errors="replace"), "text/plain")}


class Source:
    """The code of this process: facts, and files that go along."""

    def __init__(self, folder: Path, start: Start) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self.files: dict[str, tuple[bytes, str]] = {}
        self.facts: dict[str, Any] = {
            "entryPoint": clean(entry_point(start.working_folder)),
            "arguments": [clean(each) for each in _redact.arguments(start.arguments)],
            "workingFolder": clean(start.working_folder),
            "notebook": notebook(),
            "notes": self.notes,
        }

    def commit(self, state: _git.State) -> None:
        self.notes += state.notes
        self.facts |= {
            "commit": state.commit,
            "branch": None if state.branch is None else clean(state.branch),
            "remote": None if state.remote is None else clean(state.remote),
            "dirty": state.dirty,
        }

    def diff(self, root: Path) -> None:
        try:
            patch = _git.diff(root)
        except _git.TooMuch:
            self.notes.append(f"what is not committed is larger than {_git.DIFF >> 20} MiB")
            return
        except (OSError, subprocess.SubprocessError) as error:
            self.notes.append(f"git could not tell what is not committed: {type(error).__name__}")
            return
        applies, aside, names = _git.harmless(patch)
        if applies:
            self.files[DIFF] = (applies, "text/x-diff")
            self.facts["diffPath"] = DIFF
        if names:
            self.files[ASIDE] = (aside, "text/x-diff")
            told = clean(", ".join(names[:10]))
            self.notes.append(
                f"changes of {told} show a secret that is committed; they are kept without it in"
                f" {ASIDE}, which git can't apply"
            )

    def untracked(self, state: _git.State) -> None:
        names = (name for name in state.untracked if not _theirs(name))
        data = self._zip(state.root, names, FILE)
        if data:
            self.files[UNTRACKED] = (data, "application/zip")
            self.facts["untrackedPath"] = UNTRACKED

    def snapshot(self) -> None:
        if _source.main() is None and notebook() is None:
            return
        data = self._zip(self.folder, _sources(self.folder), FILE)
        if data:
            self.files[SNAPSHOT] = (data, "application/zip")
            self.facts["snapshotPath"] = SNAPSHOT

    def _zip(self, root: Path, names: Iterable[str], most: int) -> bytes:
        """Files below a folder in a zip; notes tell which are left out."""
        buffer = io.BytesIO()
        left = {"secret": 0, "large": 0}
        total = count = 0
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                if hidden(name):
                    left["secret"] += 1
                    continue
                data = _read(root / name, most)
                if data is None:
                    continue
                if len(data) > most or total + len(data) > FILES or count == MOST:
                    left["large"] += 1
                    continue
                if _redact.SHAPES.search(data.decode("utf-8", "replace")):
                    left["secret"] += 1
                    continue
                archive.writestr(zipfile.ZipInfo(name.encode(errors="replace").decode()), data)
                total, count = total + len(data), count + 1
        if left["secret"]:
            self.notes.append(f"{left['secret']} files that may hold secrets are not kept")
        if left["large"]:
            self.notes.append(
                f"{left['large']} files are not kept: they have more than {most >> 20} MiB, or all"
                f" together more than {FILES >> 20} MiB"
            )
        return buffer.getvalue() if count else b""


def _read(path: Path, most: int) -> bytes | None:
    """A regular file's content, one byte more than `most` at the most; None for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        if not os.path.isfile(file.fileno()):
            return None
        return file.read(most + 1)


def hidden(name: str) -> bool:
    """Whether a file's name says that it holds secrets."""
    base = name.rpartition("/")[2].lower()
    if base.endswith(SECRET_ENDINGS):
        return True
    stem, _, ending = base.rpartition(".")
    code = f".{ending}" in CODE and stem not in ("credentials", "secrets", "secret")
    return not code and any(base.startswith(each) or stem == each for each in SECRET_NAMES)


def _theirs(name: str) -> bool:
    """Caches, packages, and data of trackers."""
    return any(part in FOLDERS for part in name.split("/")[:-1])


def _sources(folder: Path) -> Iterator[str]:
    """Names of source files below a folder; of that alone where it is everyone's."""
    flat = folder in (Path.home(), Path(folder.anchor), Path(tempfile.gettempdir()).resolve())
    deadline, scanned = time.monotonic() + SECONDS, 0
    waiting = [""]
    while waiting:
        prefix = waiting.pop(0)
        try:
            entries = sorted(os.scandir(folder / prefix), key=lambda each: each.name)
        except OSError:
            continue
        if any(each.name == "pyvenv.cfg" for each in entries):
            continue
        for entry in entries:
            scanned += 1
            if scanned > SCANNED or time.monotonic() > deadline:
                return
            name = f"{prefix}{entry.name}"
            if entry.is_symlink():
                continue
            if entry.is_dir():
                deep = flat or name.count("/") >= DEPTH
                if not deep and entry.name[0] != "." and entry.name not in FOLDERS:
                    waiting.append(f"{name}/")
                continue
            ending = os.path.splitext(entry.name)[1].lower()
            if ending in CODE or (ending in SETTINGS and entry.stat().st_size <= DATA):
                yield name


def entry_point(working_folder: str) -> str:
    """What was started, as one would type it."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:
        return f"python -m {spec.name.removesuffix('.__main__')}"
    if (name := notebook()) is not None:
        return name
    file = _source.main()
    if file is None:
        return _source.script()
    path = Path(file)
    if path.suffix == "" and path.parent.name in ("bin", "Scripts"):
        return path.name  # a command that a package installed
    path = path.resolve()
    here = Path(working_folder)
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def notebook() -> str | None:
    """The notebook that runs; its kernel knows the name only where it was told."""
    if "ipykernel" not in sys.modules:
        return None
    for name in ("JPY_SESSION_NAME", "VSCODE_NOTEBOOK", "COLAB_NOTEBOOK_ID"):
        if value := os.environ.get(name):
            return clean(value)
    main = sys.modules.get("__main__")
    given = getattr(main, "__vsc_ipynb_file__", None)
    return clean(str(given)) if given else "<notebook>"
