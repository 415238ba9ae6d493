"""Which paths an artifact may have: relative, plain, and the same to whoever reads them.

No byte lies under a path on the server, so none can lead out of its folder; the rule keeps the
places safe where a path becomes a file again: on the machine of whoever fetches it.
"""

import re
from urllib.parse import unquote

from trackql_server.errors import InvalidInput

LONGEST = 1_000
LONGEST_PART = 255

# A drive of Windows, or the scheme of a URL.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def checked(path: str, argument: str = "path") -> str:
    """A path of a file or folder as it may be kept. Raises InvalidInput."""
    problem = _problem(path)
    if problem is None:
        spelled = path
        # What hides behind percent signs is looked at as well, however often they were put on.
        while problem is None and (plainer := unquote(spelled)) != spelled:
            spelled = plainer
            problem = _hidden(spelled)
    if problem is not None:
        raise InvalidInput(
            f"{argument} {path[:100]!r} {problem}: write it like models/best/weights.bin",
            argument=argument,
        )
    return path


def folder(path: str, argument: str = "folder") -> str:
    """A folder's path, "" for the root; a slash at its end is passed over."""
    plain = path.removesuffix("/")
    return checked(plain, argument) if plain else ""


def parts(path: str) -> tuple[str, str]:
    """The folder that a path lies in ("" for the root), and its name there."""
    head, _, name = path.rpartition("/")
    return head, name


def ancestors(path: str) -> list[str]:
    """The folders that a path lies in, the root "" first."""
    found = [""]
    place = path.find("/")
    while place >= 0:
        found.append(path[:place])
        place = path.find("/", place + 1)
    return found


def _problem(path: str) -> str | None:
    if not path:
        return "is empty"
    if len(path) > LONGEST:
        return f"has {len(path):,} characters, more than {LONGEST:,}"
    if _CONTROL.search(path):
        return "holds a control character"
    if "\\" in path:
        return "holds a backslash"
    if path[0] == "/" or path[-1] == "/":
        return "begins or ends with a slash"
    if _SCHEME.match(path):
        return "begins like a drive or the scheme of a URL"
    try:
        sizes = [len(part.encode()) for part in path.split("/")]
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if max(sizes) > LONGEST_PART:
        return f"has a part of more than {LONGEST_PART} bytes"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "has an empty part, `.` or `..`"
    return None


def _hidden(path: str) -> str | None:
    """What may not hide behind percent signs."""
    if "\\" in path or _CONTROL.search(path) or path[:1] == "/" or _SCHEME.match(path):
        return "hides what no path may hold behind percent signs"
    if any(part in (".", "..") for part in path.split("/")):
        return "hides `.` or `..` behind percent signs"
    return None
