"""What git knows of a folder: commit, branch, remote, and what differs from the commit.

Nothing of the repository is run or changed: no hook, no pager, no filter of diffs, no lock.
"""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

from . import _redact, _source

TIMEOUT = 15.0
LISTED = 4 * 1024 * 1024  # bytes of a list of files
DIFF = 10 * 1024 * 1024

OPTIONS = (
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.quotePath=true",
    "-c",
    "diff.noprefix=false",
    "-c",
    "diff.mnemonicPrefix=false",
    "-c",
    "diff.relative=false",
    "-c",
    "color.ui=false",
)


class TooMuch(Exception):
    """The output is larger than it may be."""


@dataclass
class State:
    """Where a repository stands."""

    root: Path
    commit: str | None = None
    branch: str | None = None
    remote: str | None = None
    dirty: bool | None = None
    changed: bool = False  # a tracked file differs
    untracked: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def run(folder: Path, *arguments: str, limit: int = LISTED) -> bytes:
    """The output of a git command. Raises OSError, TooMuch, subprocess errors."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in ("GIT_CEILING_DIRECTORIES", "GIT_EXEC_PATH")
    }
    env |= {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "GIT_ASKPASS": "true",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }
    command = ["git", *OPTIONS, *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        alarm = threading.Timer(TIMEOUT, process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            output = process.stdout.read(limit + 1)
            if len(output) > limit:
                process.kill()
                raise TooMuch
            code = process.wait()
        finally:
            alarm.cancel()
    if code < 0:
        raise subprocess.TimeoutExpired(command, TIMEOUT)
    if code:
        raise subprocess.CalledProcessError(code, command)
    return output


def look(folder: Path) -> State | None:
    """The repository that a folder lies in; None when there is none."""
    root = _source.repository(folder)
    if root is None:
        return None
    state = State(root)
    try:
        listed = run(root, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all")
    except TooMuch:
        state.notes.append("files that git does not know are too many to be listed")
        try:
            listed = run(root, "status", "--porcelain=v2", "--branch", "-z", "-uno")
        except (OSError, TooMuch, subprocess.SubprocessError) as error:
            return _without_git(state, error)
    except (OSError, subprocess.SubprocessError) as error:
        return _without_git(state, error)
    _read(state, listed)
    state.remote = _remote(root)
    return state


def _without_git(state: State, error: Exception) -> State:
    """Where git itself is missing or fails: what its files say."""
    state.notes.append(f"git did not answer ({type(error).__name__}); changes are not captured")
    state.commit, state.branch = _source.head(state.root)
    return state


def _read(state: State, listed: bytes) -> None:
    fields = iter(listed.decode("utf-8", "surrogateescape").split("\0"))
    for each in fields:
        kind, _, rest = each.partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            if name == "branch.oid" and value != "(initial)":
                state.commit = value
            elif name == "branch.head" and value != "(detached)":
                state.branch = value
        elif kind == "?":
            state.untracked.append(rest)
        elif kind in ("1", "2", "u"):
            state.changed = True
            if kind == "2":
                next(fields, None)  # where it was renamed from
    state.dirty = state.changed or bool(state.untracked)


def _remote(root: Path) -> str | None:
    try:
        listed = run(root, "config", "--get-regexp", r"^remote\..*\.url$").decode(errors="replace")
    except (OSError, TooMuch, subprocess.SubprocessError):
        return None
    remotes = dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)
    found = remotes.get("remote.origin.url") or next(iter(remotes.values()), None)
    return None if found is None else _redact.text(found)


def diff(root: Path) -> bytes:
    """What differs from the commit, staged or not, for `git apply`. Raises as `run` does."""
    return run(
        root,
        "diff",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--no-renames",
        "--binary",
        "--full-index",
        "--ignore-submodules=dirty",
        "HEAD",
        "--",
        limit=DIFF,
    )


def harmless(patch: bytes) -> tuple[bytes, bytes, list[str]]:
    """A diff without secrets: what still applies, what no longer does, and whose that is.

    A secret in an added line is taken out. One in a line that is the commit's can't be, or the
    diff would not apply: the diff of that file is put aside, without the secret.
    """
    applies: list[bytes] = []
    aside: list[bytes] = []
    names: list[str] = []
    for section in _sections(patch):
        lines = section.decode("utf-8", "surrogateescape")
        clean = _redact.code(lines)
        if clean == lines:
            applies.append(section)
            continue
        told = [_added(line) for line in lines.split("\n")]
        kept = "\n".join(told)
        if _redact.code(kept) == kept:
            applies.append(kept.encode("utf-8", "surrogateescape"))
        else:
            aside.append(clean.encode("utf-8", "surrogateescape"))
            names.append(lines.partition("\n")[0].rpartition(" b/")[2])
    return b"".join(applies), b"".join(aside), names


def _added(line: str) -> str:
    if line.startswith("+") and not line.startswith("+++ "):
        return "+" + _redact.code(line[1:])
    return line


def _sections(patch: bytes) -> list[bytes]:
    """The diff of each file."""
    starts = []
    at = 0 if patch.startswith(b"diff --git ") else patch.find(b"\ndiff --git ") + 1
    while at >= 0 and patch[at : at + 11] == b"diff --git ":
        starts.append(at)
        found = patch.find(b"\ndiff --git ", at)
        if found < 0:
            break
        at = found + 1
    return [patch[start:stop] for start, stop in zip(starts, [*starts[1:], None], strict=True)]
