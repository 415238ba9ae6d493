"""Many small bodies in one file, because a file system takes its time to make a file.

A segment is written once and never added to. Each body begins at a page, so that its bytes can be
given back alone: a hole is punched where it lay. Behind the bodies stands where they lie, and at
the very end how long that is; the segment goes when no body is left in it.

A body that was given back reads as zeros, and so do those of a copy that left zeros out: whether a
body is there is told by its bytes alone. Bodies of nothing but zeros therefore have no place here.
"""

import ctypes
import ctypes.util
import errno
import json
import os
import re
import secrets
import struct
from collections.abc import Sequence
from pathlib import Path

PAGE = 4096
TAIL = struct.Struct(">Q8s")
MAGIC = b"trackql1"

# A small body among many: larger ones are worth a file.
SMALL = 256 * 1024

_PLACE = re.compile(r"segments/([0-9a-f]{2}/[0-9a-f]{32})/(\d+)-(\d+)")
_KEEP_SIZE, _PUNCH_HOLE = 1, 2

Place = tuple[Path, int, int]


def parsed(root: Path, place: str) -> Place | None:
    """The file, the offset and the size of a body; None for a place that is a file of its own."""
    found = _PLACE.fullmatch(place)
    return None if found is None else (root / "segments" / found[1], int(found[2]), int(found[3]))


def fits(body: bytes) -> bool:
    """Whether a body may lie in a segment: an empty one, or one that is not all zeros."""
    return body.count(0) < len(body) or not body


def write(root: Path, draft: Path, bodies: Sequence[bytes]) -> list[str]:
    """Write bodies as one segment; their places."""
    pieces: list[bytes] = []
    spans: list[tuple[int, int]] = []
    offset = 0
    for body in bodies:
        spans.append((offset, len(body)))
        padding = -len(body) % PAGE
        pieces += (body, bytes(padding))
        offset += len(body) + padding
    index = json.dumps(spans).encode()
    pieces += (index, TAIL.pack(len(index), MAGIC))
    draft.write_bytes(b"".join(pieces))
    name = secrets.token_hex(16)
    target = root / "segments" / name[:2] / name
    target.parent.mkdir(parents=True, exist_ok=True)
    draft.rename(target)
    return [f"segments/{name[:2]}/{name}/{start}-{size}" for start, size in spans]


def read(place: Place) -> bytes:
    """A body as a whole. Raises FileNotFoundError."""
    path, offset, size = place
    if size == 0:  # it may have outlived its segment
        return b""
    with path.open("rb", buffering=0) as file:
        body = os.pread(file.fileno(), size, offset)
    if not fits(body):
        raise FileNotFoundError(errno.ENOENT, "the bytes were given back", str(path))
    return body


def delete(places: Sequence[Place]) -> None:
    """Give the bytes of bodies back; those that are gone are passed over."""
    by_file: dict[Path, list[tuple[int, int]]] = {}
    for path, offset, size in places:
        by_file.setdefault(path, []).append((offset, size))
    for path, spans in by_file.items():
        try:
            with path.open("r+b", buffering=0) as file:
                for offset, size in spans:
                    if size:
                        _punch(file.fileno(), offset, size + -size % PAGE)
                index, _ = _index(file.fileno())
                empty = _data(file.fileno(), 0) >= index
        except FileNotFoundError:
            continue
        if empty:
            path.unlink(missing_ok=True)


def listing(path: Path) -> list[tuple[int, int]]:
    """Where the bodies lie, with their sizes, that a segment still has."""
    with path.open("rb", buffering=0) as file:
        _, spans = _index(file.fileno())
        return [
            (offset, size)
            for offset, size in spans
            if size and _data(file.fileno(), offset) < offset + size
        ]


def _index(descriptor: int) -> tuple[int, list[tuple[int, int]]]:
    end = os.fstat(descriptor).st_size
    size, magic = TAIL.unpack(os.pread(descriptor, TAIL.size, end - TAIL.size))
    if magic != MAGIC:
        raise OSError(errno.EIO, "a segment of the artifact store is damaged")
    start = end - TAIL.size - size
    spans = json.loads(os.pread(descriptor, size, start))
    return start, [(int(offset), int(length)) for offset, length in spans]


def _data(descriptor: int, offset: int) -> int:
    """Where the next bytes are that are no hole."""
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return os.fstat(descriptor).st_size
        raise


def supported(root: Path) -> bool:
    """Whether the file system of a folder gives bytes within a file back."""
    if not hasattr(os, "SEEK_DATA"):
        return False
    probe = root / f".{secrets.token_hex(8)}"
    try:
        probe.write_bytes(b"x" * PAGE)
        with probe.open("r+b", buffering=0) as file:
            _punch(file.fileno(), 0, PAGE)
            return _data(file.fileno(), 0) == PAGE
    except (OSError, AttributeError):
        return False
    finally:
        probe.unlink(missing_ok=True)


def _punch(descriptor: int, offset: int, size: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate64.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if libc.fallocate64(descriptor, _KEEP_SIZE | _PUNCH_HOLE, offset, size) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
