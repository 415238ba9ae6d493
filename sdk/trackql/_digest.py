"""Digests of what data holds: the same content gives the same digest, in any process.

Files are read whole. Of a frame of more than 10,000 rows (or a million values) every n-th row
counts, of a larger array every n-th element; the names, types and numbers of all count always.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from ._schema import Table, named

ROWS = 10_000
CELLS = 1_000_000
ELEMENTS = 1_000_000
# Bytes of a folder's files that are read; of a larger one their names and sizes count.
FOLDER = 2**30
LENGTH = 32


class Files(NamedTuple):
    """The digest of a file or of all files of a folder, how many they are and how large."""

    digest: str
    number: int
    size: int


def text(given: str) -> str:
    """Of a text."""
    return sha256(given.encode()).hexdigest()[:LENGTH]


def table(given: Table) -> str:
    """Of a frame."""
    hashed = sha256(f"table {given.rows}".encode())
    rows = min(ROWS, max(100, CELLS // max(1, len(given.columns))))
    step = max(1, -(-given.rows // rows))
    for column in given.columns:
        hashed.update(f"\0{len(column.name)} {column.name} {column.type}\0".encode())
        hashed.update(_bytes(column.every(step)))
    return hashed.hexdigest()[:LENGTH]


def arrays(features: Any, targets: Any = None) -> str:
    """Of one array or several by name."""
    hashed = sha256(b"arrays")
    for role, given in (("features", features), ("targets", targets)):
        if given is None:
            continue
        for name, array in sorted(named(given).items()):
            hashed.update(f"\0{role} {name} {array.dtype.str} {array.shape}\0".encode())
            step = max(1, -(-array.size // ELEMENTS))
            hashed.update(_bytes(array.flat[::step] if step > 1 else array))
    return hashed.hexdigest()[:LENGTH]


def files(place: str) -> Files:
    """Of a file's bytes; of a folder, of the paths in it and their bytes."""
    if not os.path.isdir(place):
        return Files(_file(place), 1, os.path.getsize(place))
    found = sorted(_walk(place))
    size = sum(each for _, each in found)
    hashed = sha256(b"folder")
    for path, length in found:
        hashed.update(f"\0{path}\0{length}\0".encode("utf-8", "surrogateescape"))
        if size <= FOLDER:
            hashed.update(_file(os.path.join(place, path)).encode())
    return Files(hashed.hexdigest(), len(found), size)


def _walk(place: str) -> Iterator[tuple[str, int]]:
    for folder, _, names in os.walk(place):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield os.path.relpath(path, place).replace(os.sep, "/"), os.path.getsize(path)


def _file(path: str) -> str:
    hashed = sha256()
    with open(path, "rb", buffering=0) as file:
        room = memoryview(bytearray(2**18))
        while read := file.readinto(room):
            hashed.update(room[:read])
    return hashed.hexdigest()


def _bytes(found: Any) -> bytes:
    """Values in a form that is the same on every machine."""
    dtype = getattr(found, "dtype", None)
    if dtype is not None and dtype.kind in "biufcmMSU":
        plain: bytes = found.astype(dtype.newbyteorder("<"), copy=False).tobytes()
        return plain
    listed = found.tolist() if dtype is not None else found
    return b"".join(map(_one, _flat(listed)))


def _flat(found: Any) -> Iterator[Any]:
    for each in found if isinstance(found, list) else [found]:
        if isinstance(each, list):
            yield "["
            yield from _flat(each)
            yield "]"
        else:
            yield each


def _one(value: Any) -> bytes:
    if isinstance(value, str):
        plain, kind = value.encode("utf-8", "surrogatepass"), "s"
    elif isinstance(value, bytes):
        plain, kind = value, "b"
    elif value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
        return b"0n"
    else:
        told = repr(value)
        # What tells only where it lies in memory is another in every process.
        plain, kind = (type(value).__qualname__ if " at 0x" in told else told).encode(), "r"
    return f"{len(plain)}{kind}".encode() + plain
