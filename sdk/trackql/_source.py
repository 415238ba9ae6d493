"""Where a run comes from: who runs which script of which commit; read without any subprocess."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user() -> str:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if value := os.environ.get(name):
            return value
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return ""


_main: str | None = None


def main() -> str | None:
    """The file of the script; once asked for, also when Python has forgotten it at its end."""
    global _main
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if file:
        _main = str(file)
    return _main


def script() -> str:
    if file := main():
        return file
    return "<notebook>" if "ipykernel" in sys.modules else "<interactive>"


def commit() -> str | None:
    """The commit that is checked out where the script lies, if it lies in a git repository."""
    try:
        root = repository(folder())
    except OSError:
        return None
    return None if root is None else head(root)[0]


def folder() -> Path:
    """Where the script lies, or the folder that an interactive session is in."""
    file = main()
    return Path(file).resolve().parent if file else Path.cwd()


def working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def repository(here: Path) -> Path | None:
    """The root of the git repository that a folder lies in."""
    try:
        return next((each for each in (here, *here.parents) if (each / ".git").exists()), None)
    except OSError:
        return None


def head(root: Path) -> tuple[str | None, str | None]:
    """The commit and the branch that are checked out, as git's files say."""
    try:
        return _head(root / ".git")
    except OSError:
        return None, None


def _head(git: Path) -> tuple[str | None, str | None]:
    if git.is_file():  # a worktree or a submodule points to its folder
        git = (git.parent / git.read_text().partition(":")[2].strip()).resolve()
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head or None, None
    name = head.partition(":")[2].strip()
    branch = name.removeprefix("refs/heads/")
    common = git
    if (git / "commondir").exists():
        common = (git / (git / "commondir").read_text().strip()).resolve()
    for folder in (git, common):
        if (folder / name).exists():
            return (folder / name).read_text().strip(), branch
    packed = common / "packed-refs"
    if packed.exists():
        for line in packed.read_text().splitlines():
            commit, _, ref = line.partition(" ")
            if ref == name:
                return commit, branch
    return None, branch
