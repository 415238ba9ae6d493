"""The head of a journal: its owner's lock, whose it is, and how far it is acknowledged."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

MAGIC = b"TRACKQL1"
START = 64  # where the first entry of a segment is


class Position(NamedTuple):
    """A place in a journal: the next entry to read and the number of its record."""

    segment: int
    offset: int
    record: int


class Head:
    """The first page of a journal: owner's lock, meta data, acknowledgement, points dropped."""

    SIZE = 8192
    SLOT = struct.Struct("=QQQQQ16sI")
    SLOTS = (64, 128)
    DROPPED = struct.Struct("=QQ")
    DROPPED_AT = 192
    META_AT = 512

    def __init__(self, area: mmap.mmap, descriptor: int | None) -> None:
        self.area: mmap.mmap | bytearray = area
        self.descriptor = descriptor
        self.turn = 0

    @classmethod
    def create(cls, path: Path) -> Head:
        area = allocate(path, cls.SIZE)
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return cls(area, descriptor)

    @classmethod
    def adopt(cls, path: Path) -> Head | None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another sync may have delivered and deleted it between our open and our lock.
            if os.stat(path).st_ino != os.fstat(descriptor).st_ino:
                raise FileNotFoundError(path)
            if os.fstat(descriptor).st_size < cls.SIZE:
                raise FileNotFoundError(path)
        except (BlockingIOError, FileNotFoundError):
            os.close(descriptor)
            return None
        head = cls(mmap.mmap(descriptor, cls.SIZE), descriptor)
        head.turn = max((turn for turn, *_ in head._slots()), default=0)
        return head

    def write_meta(self, meta: dict[str, Any]) -> None:
        body = json.dumps(meta).encode()
        if len(body) + self.META_AT + 4 > self.SIZE:
            raise ValueError("the address of the server is too long")
        self.area[self.META_AT : self.META_AT + 4 + len(body)] = (
            len(body).to_bytes(4, "little") + body
        )
        self.area[:8] = MAGIC

    def read_meta(self) -> dict[str, Any]:
        at = self.META_AT + 4
        size = int.from_bytes(self.area[self.META_AT : at], "little")
        meta: dict[str, Any] = json.loads(self.area[at : at + size])
        return meta

    def _slots(self) -> Iterator[tuple[int, Position, int, str]]:
        for at in self.SLOTS:
            raw = self.area[at : at + self.SLOT.size]
            turn, segment, offset, record, base, writer, crc = self.SLOT.unpack(raw)
            if turn and crc32(raw[:-4]) == crc:
                yield turn, Position(segment, offset, record), base, writer.hex()

    def acknowledged(self) -> tuple[Position, int, str]:
        """Where the server is, the record its count starts from, and the writer it knows."""
        best = max(self._slots(), default=None)
        if best is None:
            return Position(0, START, 0), 0, str(self.read_meta()["writer"])
        return best[1], best[2], best[3]

    def acknowledge(self, position: Position, base: int, writer: str) -> None:
        # Two slots in turn: a process that dies while it writes one leaves the other whole.
        self.turn += 1
        at = self.SLOTS[self.turn % 2]
        raw = self.SLOT.pack(self.turn, *position, base, bytes.fromhex(writer), 0)[:-4]
        self.area[at : at + self.SLOT.size] = raw + struct.pack("=I", crc32(raw))

    @property
    def dropped(self) -> int:
        """Points dropped so far."""
        return int(self.DROPPED.unpack_from(self.area, self.DROPPED_AT)[0])

    @dropped.setter
    def dropped(self, count: int) -> None:
        self.DROPPED.pack_into(self.area, self.DROPPED_AT, count, self.reported)

    @property
    def reported(self) -> int:
        """Points dropped that the server knows of."""
        return int(self.DROPPED.unpack_from(self.area, self.DROPPED_AT)[1])

    @reported.setter
    def reported(self, count: int) -> None:
        self.DROPPED.pack_into(self.area, self.DROPPED_AT, self.dropped, count)

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
        # What it says can still be asked for; the file is not held open.
        self.area = bytearray(self.area[:])


def allocate(path: Path | None, size: int) -> mmap.mmap:
    if path is None:
        return mmap.mmap(-1, size)
    # An append that was interrupted may have left a segment that nothing was written to.
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            os.write(descriptor, bytes(size))
        return mmap.mmap(descriptor, size)
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)
