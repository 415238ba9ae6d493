"""Many files in one stream: eight bytes of length, a manifest in JSON, then every body in order.

The server takes packs and answers with packs; docs/sdk.md has nothing to say of them, since nobody
needs to write one by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from . import _paths
from .errors import ServerError

MEDIA = "application/vnd.trackql.pack"
ENTRIES = 10_000
MANIFEST = 16 * 2**20
# What a server may answer for a whole run is longer than what it takes at once.
ANSWERED = 1 << 30
CHUNK = 1 << 20

Read = Callable[[int], bytes]


def head(entries: list[dict[str, Any]]) -> bytes:
    """All of a pack that stands before its bodies."""
    text = json.dumps({"entries": entries}, ensure_ascii=False, separators=(",", ":")).encode()
    return len(text).to_bytes(8, "big") + text


class Reader:
    """A pack as it arrives; every path in it is checked before anything is written."""

    def __init__(self, read: Read) -> None:
        self._read = read
        size = int.from_bytes(self._exactly(8), "big")
        if size > ANSWERED:
            raise ServerError("the server's pack begins with an impossible length")
        try:
            manifest = json.loads(self._exactly(size))
            entries = [dict(entry) for entry in manifest["entries"]]
            self.entries = [entry for entry in entries if entry.get("path") is not None]
            for entry in self.entries:
                entry["size"] = int(entry["size"])
                entry["sha256"] = str(entry["sha256"])
        except (ValueError, TypeError, KeyError) as error:
            raise ServerError("the server's pack has a manifest that cannot be read") from error
        seen: set[str] = set()
        for entry in self.entries:
            path = entry["path"]
            reason = _paths.fault(path) if isinstance(path, str) else "is not text"
            if path in seen:
                reason = "is there twice"
            if reason is not None or entry["size"] < 0:
                raise ServerError(
                    f"the server's pack names a path that {reason or 'has no size'}: {path!r:.200}"
                )
            seen.add(path)

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._read(min(size, CHUNK))
            if not part:
                raise ServerError("the server's pack ends too early")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def body(self, entry: dict[str, Any]) -> Iterator[bytes]:
        """The bytes of the next entry."""
        left = entry["size"]
        while left:
            part = self._read(min(left, CHUNK))
            if not part:
                raise ServerError(f"the server's pack ends within {entry['path']!r}")
            left -= len(part)
            yield part
