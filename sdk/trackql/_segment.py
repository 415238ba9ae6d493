"""A file that small things are appended to: what a killed process wrote half is told from whole."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zlib import crc32

from ._wire import Buffer

MAGIC = b"TRACKQLA"
START = 4096
ACK_AT, ACK = 16, struct.Struct("=QI")
META_AT = 64
ENTRY = struct.Struct("=IQI")  # size of the words, size of the body, crc of both and the words
# Words of items that travel together: they become one manifest.
WORDS = 8 << 20
BREATH = 16


class Item:
    """Something small as it lies in a segment: what the wire is told of it, and its bytes."""

    __slots__ = ("body", "end", "meta")

    def __init__(self, meta: dict[str, Any], body: memoryview, end: int) -> None:
        self.meta = meta
        self.body = body
        self.end = end

    @property
    def path(self) -> str | None:
        return self.meta.get("path")


class Segment:
    """A file that items of one run are appended to; gone as soon as all are delivered."""

    def __init__(self, path: Path, number: int, descriptor: int, own: bool) -> None:
        self.path = path
        self.number = number
        self.tail = START
        self.done = START
        self._descriptor = descriptor
        self._own = own
        self._lock = threading.RLock()

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, opened anew for this once where it was put aside."""
        with self._lock:
            if self._descriptor >= 0:
                yield self._descriptor
                return
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                yield descriptor
            finally:
                os.close(descriptor)

    @classmethod
    def create(cls, path: Path, number: int, meta: dict[str, Any]) -> Segment:
        words = json.dumps(meta).encode()
        if META_AT + 4 + len(words) > START:
            raise ValueError("the address of the server is too long")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        head = bytearray(START)
        head[: len(MAGIC)] = MAGIC
        head[META_AT : META_AT + 4 + len(words)] = len(words).to_bytes(4, "little") + words
        try:
            os.pwrite(descriptor, head, 0)
        except BaseException:
            os.close(descriptor)
            path.unlink()
            raise
        return cls(path, number, descriptor, own=True)

    @classmethod
    def adopt(cls, path: Path, number: int) -> tuple[Segment, dict[str, Any]] | None:
        """What a dead process left; None when it was cut off before anything was in it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        head = os.pread(descriptor, START, 0)
        try:
            if len(head) < START or head[: len(MAGIC)] != MAGIC:
                raise ValueError(path)
            size = int.from_bytes(head[META_AT : META_AT + 4], "little")
            meta: dict[str, Any] = json.loads(head[META_AT + 4 : META_AT + 4 + size])
        except ValueError:
            os.close(descriptor)
            return None
        segment = cls(path, number, descriptor, own=False)
        done, crc = ACK.unpack_from(head, ACK_AT)
        segment.tail = os.fstat(descriptor).st_size
        if crc32(head[ACK_AT : ACK_AT + 8]) == crc and START <= done <= segment.tail:
            segment.done = done
        return segment, meta

    def append(self, words: bytes, body: Buffer) -> None:
        """Add an item; one that is written in part is not there."""
        sizes = struct.pack("=IQ", len(words), len(body))
        head = sizes + struct.pack("=I", crc32(words, crc32(sizes))) + words
        size = len(head) + len(body)
        with self._opened() as descriptor:
            try:
                written = os.pwritev(descriptor, [head, body] if len(body) else [head], self.tail)
                if written != size:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, self.tail)
                raise
            self.tail += size

    def take(self, count: int, most: int) -> list[Item]:
        """The next items, at least one where there is one, at most so many and so many bytes."""
        size = min(self.tail - self.done, most)
        window = self._bytes(size)
        found: list[Item] = []
        at = told = 0
        while len(found) < count and told < WORDS:
            sizes = self._sizes(window, at)
            if sizes is None:
                break
            words, body = sizes
            end = at + ENTRY.size + words + body
            if end > len(window):
                if found or self.done + end > self.tail:
                    break
                window = self._bytes(end)
                if len(window) < end:
                    break
            text = window[at + ENTRY.size : at + ENTRY.size + words]
            meta = self._meta(window[at : at + ENTRY.size], text)
            content = window[at + ENTRY.size + words : end]
            if meta is None or not (self._own or _whole(meta, content)):
                break
            found.append(Item(meta, content, self.done + end))
            if not len(found) % BREATH:
                time.sleep(5e-5)  # whoever logs waits for the interpreter's lock meanwhile
            at = end
            told += words
        if not found and not self._own:
            self.tail = self.done  # the rest was cut off when the process died
        return found

    def _bytes(self, size: int) -> memoryview:
        with self._opened() as descriptor:
            return memoryview(os.pread(descriptor, size, self.done))

    @staticmethod
    def _sizes(window: memoryview, at: int) -> tuple[int, int] | None:
        if at + ENTRY.size > len(window):
            return None
        words, body, _ = ENTRY.unpack_from(window, at)
        return words, body

    @staticmethod
    def _meta(head: memoryview, text: memoryview) -> dict[str, Any] | None:
        _, _, crc = ENTRY.unpack(head)
        if crc32(text, crc32(head[:12])) != crc:
            return None
        meta: dict[str, Any] = json.loads(bytes(text))
        return meta

    def acknowledge(self, end: int) -> None:
        """The server has everything before this place."""
        place = struct.pack("=Q", end)
        with self._opened() as descriptor:
            os.pwrite(descriptor, place + struct.pack("=I", crc32(place)), ACK_AT)
        self.done = end

    def put_aside(self) -> None:
        """Do not hold the file open; who needs it opens it."""
        with self._lock:
            self.close()

    def close(self) -> None:
        # Without the lock: in a forked child it may be held by a thread that is not there.
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


def _whole(meta: dict[str, Any], body: memoryview) -> bool:
    digest = meta.get("sha256")
    if digest is None or "uri" in meta:
        return not len(body)
    return hashlib.sha256(body).hexdigest() == str(digest)
