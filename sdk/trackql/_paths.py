"""Paths of artifacts: one rule for what a path may be, and writing below a folder and nowhere else.

A path is relative and POSIX, whatever the machine. The server keeps the same rule; it is checked
here so that a bad path is refused by the call that gives it.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote, unquote

from .errors import InvalidInput, TrackqlError

LENGTH = 1000
PART = 255

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# `file:` and the like, and a drive: what other programs would not read as a plain name.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


def check(path: object, argument: str) -> str:
    """A path as it is stored; raises InvalidInput, which names the argument."""
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
        if isinstance(path, str) and os.sep != "/":
            path = path.replace(os.sep, "/")
    if not isinstance(path, str):
        raise InvalidInput(f"{argument} must be text, not {path!r}", argument=argument)
    reason = fault(path)
    if reason is not None:
        raise InvalidInput(
            f"{argument} {_short(path)} {reason}; give a path like 'plots/loss.png'",
            argument=argument,
        )
    return path


def fault(path: str) -> str | None:
    """Why a text is no path of an artifact; None when it is one."""
    if not path:
        return "is empty"
    if len(path) > LENGTH:
        return f"is longer than {LENGTH} characters"
    try:
        path.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if _CONTROL.search(path):
        return "has a control character"
    if "\\" in path:
        return "has a backslash"
    parts = path.split("/")
    if "" in parts:
        return "begins or ends with a slash, or has two in a row"
    if "." in parts or ".." in parts:
        return "has a part '.' or '..'"
    if any(len(part.encode()) > PART for part in parts):
        return f"has a part of more than {PART} bytes"
    if _SCHEME.match(parts[0]):
        return "begins like an address or a drive"
    return _veiled(path)


def _veiled(path: str) -> str | None:
    """What percent-encoding hides; some program behind us may decode once more."""
    seen = path
    while "%" in seen:
        plain = unquote(seen)
        if plain == seen:
            return None
        seen = plain
        parts = seen.split("/")
        if parts[0] == "" or "." in parts or ".." in parts:
            return "hides '.', '..' or a leading slash behind percent signs"
        if "\\" in seen or _CONTROL.search(seen) or _SCHEME.match(seen):
            return "hides what no path may have behind percent signs"
    return None


def join(folder: object, name: str, argument: str = "artifact_path") -> str:
    """A path within a folder, which None or '' leaves out."""
    if folder is None or folder == "":
        return check(name, argument)
    parent = check(_tidy(folder), argument)
    return check(f"{parent}/{name}", argument)


def file(path: object, argument: str = "artifact_file") -> str:
    """The path of a file that is given whole."""
    return check(path, argument)


def folder(path: object, argument: str = "artifact_path") -> str:
    """A path where None and '' mean the whole run; a slash behind it is left out."""
    if path is None or path == "":
        return ""
    return check(_tidy(path), argument)


def _tidy(path: object) -> object:
    """A folder's name as people write it, like 'plots/'."""
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    return path.removesuffix("/") if isinstance(path, str) else path


def address(run_id: str, path: str) -> str:
    """Where the bytes of a path are asked for."""
    return f"/artifacts/runs/{run_id}/{quote(path, safe='/')}"


def uri(run_id: str, path: str) -> str:
    return f"runs:/{run_id}/{path}" if path else f"runs:/{run_id}"


def from_uri(text: str, argument: str = "artifact_uri") -> tuple[str, str]:
    """The run and the path that an address like `runs:/<run_id>/<path>` names."""
    from . import values

    if not str(text).startswith("runs:/"):
        raise InvalidInput(
            f"{argument} {_short(text)} is not of the form runs:/<run_id>/<path>; what lies "
            "elsewhere is fetched with that place's own tools",
            argument=argument,
        )
    run_id, _, path = text.removeprefix("runs:").lstrip("/").partition("/")
    return values.run_id(run_id), folder(path, argument)


def _short(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= 80 else shown[:77] + "..."


class Below:
    """Writes files below a folder; a link on the way is never followed."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._kept: tuple[str, int] | None = None

    def close(self) -> None:
        self._forget()
        os.close(self._root)

    def _forget(self) -> None:
        if self._kept is not None:
            os.close(self._kept[1])
            self._kept = None

    def __enter__(self) -> Below:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _folder(self, path: str, make: bool = True) -> int:
        """The folder that a file lies in, reached one part at a time and made on the way."""
        parent = posixpath.dirname(path)
        if self._kept is not None and self._kept[0] == parent:
            return self._kept[1]
        self._forget()
        at = os.dup(self._root)
        try:
            for part in parent.split("/") if parent else ():
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=at)
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                following = os.open(part, flags, dir_fd=at)
                os.close(at)
                at = following
        except BaseException as error:
            os.close(at)
            if make and isinstance(error, OSError):
                raise TrackqlError(
                    f"{path!r} is not written: in {self.root} its folder is a link or a file "
                    f"({error.strerror}); choose another dst_path"
                ) from error
            raise
        self._kept = (parent, at)
        return at

    def folder(self, path: str) -> None:
        """Make a folder, even if nothing is to lie in it."""
        self._folder(f"{path}/x")

    def existing(self, path: str) -> int | None:
        """A file that is there already, opened to be read; None for anything else."""
        try:
            at = self._folder(path, make=False)
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(posixpath.basename(path), flags, dir_fd=at)
        except OSError:
            return None
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        return None

    @contextmanager
    def writing(self, path: str) -> Iterator[int]:
        """A new file under a name of its own; it gets its true name once the block is left."""
        at = os.dup(self._folder(path))
        name = posixpath.basename(path)
        draft = f".trackql-{os.urandom(8).hex()}"
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(draft, flags, 0o666, dir_fd=at)
            try:
                yield descriptor
            except BaseException:
                os.unlink(draft, dir_fd=at)
                raise
            finally:
                os.close(descriptor)
            try:
                os.rename(draft, name, src_dir_fd=at, dst_dir_fd=at)
            except OSError as error:
                os.unlink(draft, dir_fd=at)
                raise TrackqlError(
                    f"{path!r} is not written: {error.strerror} in {self.root}; choose another "
                    "dst_path"
                ) from error
        finally:
            os.close(at)
