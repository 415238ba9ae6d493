"""The journal on disk: what was logged and is not acknowledged yet outlives the process.

A journal is a folder that belongs to one process and one run: a `head` (whose journal it is,
how far the server has acknowledged it) and numbered segments of entries. Segments are allocated
before use and written through a memory map, so an append makes no system call, keeps the GIL,
and meets a full disk as an error when a segment is added, never as a signal.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any
from zlib import crc32

from . import values
from ._head import MAGIC, START, Head, Position, allocate

CREATE, RESUME, UPDATE, FINISH, SHAPE, PARAMS, TAGS, UNTAG = range(1, 9)
CONSOLE = 9  # a printed line; in a journal of its own
FACTS, INPUTS, ALERT, LIVE = range(
    10, 14
)  # not positioned: the server takes them twice without harm
POSITIONED = frozenset((PARAMS, TAGS, UNTAG, CONSOLE))
METRICS = 16  # kinds from here on are rows of metrics: METRICS + the number of their shape

HEADER = struct.Struct("=8sQQQI")  # magic, number, size, first record, crc of these
ENTRY = struct.Struct("=IIII")  # size, kind, crc, sequence
LINE = struct.Struct("=qII")  # time, stream, bytes of the text that follows
FIRST_SIZE = 256 * 1024
FULL_SIZE = 8 * 1024 * 1024
# Kept free of points at the end of every segment, so that a run can still end on a full disk.
RESERVE = 4096
END = 8  # every append also clears the word behind it, where readers stop
RETRY_FULL = 1.0
STAMP = struct.Struct("=II")  # crc and sequence of an entry
PADDING = tuple(bytes(size) for size in range(END + 1))

_M32 = 0xFFFFFFFF
_pack: dict[int, Callable[..., bytes]] = {}


class Full(Exception):
    """No room for another segment: the disk is full or the bound is reached."""


class Sealed(Exception):
    """Everything was delivered and the journal is gone; a new one must be begun."""


class Quota:
    """Bytes of segments that the journals of one process may hold together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int) -> None:
        if self.used + size > self.limit:
            raise Full(f"the journals of this process reached their bound of {self.limit} bytes")
        self.used += size

    def give(self, size: int) -> None:
        self.used -= size


class Segment:
    """One allocated stretch of a journal, mapped into memory."""

    __slots__ = ("limit", "number", "record", "shapes", "size", "tail", "view", "words")

    def __init__(self, area: mmap.mmap | memoryview, number: int, size: int, record: int) -> None:
        self.number = number
        self.size = size
        self.record = record
        self.view = memoryview(area)
        self.words = self.view.cast("Q")
        self.limit = size - END - RESERVE
        self.shapes: dict[tuple[str, ...], tuple[int, Callable[..., None], int, int]] = {}
        # offset, record and sequence of the next entry: replaced as one, after its commit word
        self.tail = (START, record, 0)

    @classmethod
    def create(cls, path: Path | None, number: int, size: int, record: int) -> Segment:
        area = allocate(path, size)
        segment = cls(area, number, size, record)
        head = HEADER.pack(MAGIC, number, size, record, 0)[:-4]
        segment.view[: len(head) + 4] = head + struct.pack("=I", crc32(head))
        return segment

    @classmethod
    def load(cls, path: Path) -> Segment | None:
        """A segment written by another process; None when it was cut off before its header."""
        with path.open("rb") as file:
            raw = file.read(HEADER.size)
            if len(raw) < HEADER.size:
                return None
            magic, number, size, record, crc = HEADER.unpack(raw)
            length = os.fstat(file.fileno()).st_size
            if magic != MAGIC or crc32(raw[:-4]) != crc or length < START:
                return None
            length -= length % 8
            area = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ)
        return cls(area, number, min(size, length), record)

    @classmethod
    def nothing(cls, number: int, record: int) -> Segment:
        """A segment without room, which holds no file open."""
        segment = cls(memoryview(bytes(START)), number, -1, record)
        segment.limit = -1
        return segment

    def scan(self) -> None:
        """Find the end of what was committed, by checking every entry."""
        offset, record, sequence = START, self.record, 0
        view, size = self.view, min(self.size, len(self.view))
        while offset + ENTRY.size <= size:
            length, kind, crc, stamp = ENTRY.unpack_from(view, offset)
            if length < ENTRY.size or length % 8 or offset + length > size or stamp != sequence:
                break
            body = view[offset + ENTRY.size : offset + length]
            if crc32(body, sequence ^ _salt(self.number, kind)) != crc:
                break
            offset += length
            record += kind >= METRICS or kind in POSITIONED
            sequence += 1
        self.tail = (offset, record, sequence)


class Journal:
    """What one process logged to one run, in order; appended by any thread, read by the sender."""

    def __init__(self, path: Path | None, head: Head, meta: dict[str, Any], quota: Quota) -> None:
        self.path = path
        self.head = head
        self.meta = meta
        self.quota = quota
        self.lock = RLock()
        self.ends: dict[int, Segment | tuple[int, int]] = {}
        self.closed = False
        self.sealed = False
        self.warned: Callable[[str], None] | None = None
        self.full_until = 0.0
        self._reading: Segment | None = None
        self._shapes: tuple[int, dict[int, tuple[str, ...]]] = (-1, {})
        self.segment: Segment

    # -- making one, or taking over what a dead process left

    @classmethod
    def create(cls, spool: Path | None, meta: dict[str, Any], quota: Quota) -> Journal:
        """A new journal of this process; in memory alone when `spool` is None."""
        if spool is None:
            journal = cls(None, Head(allocate(None, Head.SIZE), None), meta, quota)
            journal.head.write_meta(meta)
        else:
            name = f"{time.time_ns() // 1_000_000:013x}-{os.urandom(4).hex()}"
            spool.mkdir(parents=True, exist_ok=True)
            draft = spool / f".{name}"
            draft.mkdir()
            journal = cls(spool / name, Head.create(draft / "head"), meta, quota)
            journal.head.write_meta(meta)
            draft.rename(spool / name)
        journal.head.acknowledge(Position(0, START, 0), 0, meta["writer"])
        journal.segment = journal._add(0, FIRST_SIZE, 0)
        return journal

    @classmethod
    def adopt(cls, path: Path) -> Journal | None:
        """The journal of a dead process, locked for this one; None while its owner lives."""
        head = Head.adopt(path / "head")
        if head is None:
            return None
        journal = cls(path, head, head.read_meta(), Quota(0))
        position, _, _ = head.acknowledged()
        present = sorted(int(file.stem) for file in path.glob("*.seg") if file.stem.isdigit())
        number, record = position.segment, position.record
        journal.segment = journal._load(number, record)
        while number + 1 in present:
            offset, record, _ = journal.segment.tail
            journal.ends[number] = (offset, journal.segment.record)
            number += 1
            journal.segment = journal._load(number, record)
        journal.closed = True
        return journal

    def _load(self, number: int, record: int) -> Segment:
        """A segment with its end found; an empty one where the file is not whole."""
        assert self.path is not None
        file = self.path / f"{number}.seg"
        segment = Segment.load(file) if file.exists() else None
        if segment is None or segment.number != number:
            return Segment.create(None, number, FIRST_SIZE, record)
        segment.scan()
        return segment

    # -- appending

    def metrics(self, metrics: Mapping[str, Any], step: Any, moment: Any) -> bool:
        """One row of metrics; False when there was no room and it was dropped."""
        keys = tuple(metrics)
        try:
            body = _pack[len(keys)](step, moment, *metrics.values())
        except Exception:
            metrics = dict(metrics)
            keys = tuple(metrics)
            body = _packer(len(keys))(
                values.step(step), values.timestamp(moment), *values.numbers(metrics)
            )
        with self.lock:
            segment = self.segment
            try:
                word, put, size, salt = segment.shapes[keys]
            except KeyError:
                word, put, size, salt = self._declare(keys)
                segment = self.segment
            offset, record, sequence = segment.tail
            end = offset + size
            if end > segment.limit:
                if not self._roll(size):
                    return self._drop(len(keys))
                return self.metrics(metrics, step, moment)
            put(segment.view, offset + 8, crc32(body, sequence ^ salt), sequence, body)
            segment.words[offset >> 3] = word
            segment.tail = (end, record + 1, sequence + 1)
        return True

    def append(self, kind: int, payload: Any) -> bool:
        """Any other operation; False when there was no room for it."""
        body = _text(payload)
        size = ENTRY.size + len(body)
        with self.lock:
            segment = self.segment
            if segment.tail[0] + size > segment.size - END:
                if not self._roll(size):
                    return False
                segment = self.segment
            self._write(segment, kind, body)
        return True

    def line(self, moment: int, stream: int, text: bytes) -> bool:
        """A printed line; False when there was no room and it was dropped."""
        body = LINE.pack(moment, stream, len(text)) + text + PADDING[-len(text) & 7]
        size = ENTRY.size + len(body)
        with self.lock:
            segment = self.segment
            offset, record, sequence = segment.tail
            end = offset + size
            if end > segment.limit:
                if not self._roll(size):
                    return self._drop(1)
                segment = self.segment
                offset, record, sequence = segment.tail
                end = offset + size
            crc = crc32(body, sequence ^ _salt(segment.number, CONSOLE))
            segment.view[offset + 8 : end + END] = STAMP.pack(crc, sequence) + body + PADDING[END]
            segment.words[offset >> 3] = size | CONSOLE << 32
            segment.tail = (end, record + 1, sequence + 1)
        return True

    def _write(self, segment: Segment, kind: int, body: bytes) -> None:
        offset, record, sequence = segment.tail
        size = ENTRY.size + len(body)
        crc = crc32(body, sequence ^ _salt(segment.number, kind))
        segment.view[offset + 8 : offset + size + END] = (
            struct.pack("=II", crc, sequence) + body + bytes(END)
        )
        segment.words[offset >> 3] = size | kind << 32
        counts = kind >= METRICS or kind in POSITIONED
        segment.tail = (offset + size, record + counts, sequence + 1)

    def _declare(self, keys: tuple[str, ...]) -> tuple[int, Callable[..., None], int, int]:
        """Journal a tuple of keys the first time a segment sees it."""
        names = values.keys(keys)
        body = _text([METRICS + len(self.segment.shapes), names])
        length = 16 + 8 * len(names)
        size = ENTRY.size + length
        segment = self.segment
        if segment.tail[0] + ENTRY.size + len(body) > segment.limit:
            if not self._roll(ENTRY.size + len(body) + size):
                # Nothing is written for this shape: the size makes the caller drop the row.
                return 0, _nothing, segment.size, 0
            segment = self.segment
            body = _text([METRICS, names])
        kind = METRICS + len(segment.shapes)
        self._write(segment, SHAPE, body)
        put = struct.Struct(f"=II{length}s{END}x").pack_into
        shape = (size | kind << 32, put, size, _salt(segment.number, kind))
        segment.shapes[keys] = shape
        return shape

    def _roll(self, need: int) -> bool:
        """Go on in a new segment that has room for `need` bytes."""
        if self.sealed:
            raise Sealed
        now = time.monotonic()
        if now < self.full_until:
            return False
        former = self.segment
        size = min(former.size * 4, FULL_SIZE)
        while size < START + need + RESERVE + END:
            size *= 2
        try:
            segment = self._add(former.number + 1, size, former.tail[1])
        except (Full, OSError) as error:
            self.full_until = now + RETRY_FULL
            if self.warned:
                self.warned(str(error))
            return False
        end = former.tail[0]
        self.ends[former.number] = former if self.path is None else (end, former.record)
        self.segment = segment
        return True

    def _add(self, number: int, size: int, record: int) -> Segment:
        self.quota.take(size)
        try:
            file = None if self.path is None else self.path / f"{number}.seg"
            return Segment.create(file, number, size, record)
        except BaseException:
            self.quota.give(size)
            raise

    def _drop(self, points: int) -> bool:
        self.head.dropped += points
        return False

    # -- reading and trimming, by the sender alone

    def end(self) -> Position:
        segment = self.segment
        offset, record, _ = segment.tail
        return Position(segment.number, offset, record)

    def window(self, position: Position) -> tuple[Segment, Position, int] | None:
        """The segment to read at a position and where what is committed ends in it."""
        while True:
            number = position.segment
            current = self.segment
            if number >= current.number:
                end = current.tail[0]
                return (current, position, end) if position.offset < end else None
            known = self.ends[number]
            end = known.tail[0] if isinstance(known, Segment) else known[0]
            if position.offset < end:
                return self._open(number), position, end
            position = Position(number + 1, START, position.record)

    def _open(self, number: int) -> Segment:
        known = self.ends[number]
        if isinstance(known, Segment):
            return known
        if self._reading is None or self._reading.number != number:
            assert self.path is not None
            segment = Segment.load(self.path / f"{number}.seg")
            assert segment is not None
            self._reading = segment
        return self._reading

    def shapes(self, segment: Segment, upto: int) -> dict[int, tuple[str, ...]]:
        """The keys of every kind of row that a segment declares before an offset."""
        number, known = self._shapes
        if number != segment.number:
            known = {}
            offset = START
            while offset < upto:
                length, kind, _, _ = ENTRY.unpack_from(segment.view, offset)
                if kind == SHAPE:
                    learn(known, segment.view[offset + ENTRY.size : offset + length])
                offset += length
            self._shapes = (segment.number, known)
        return known

    def find(self, record: int) -> Position | None:
        """Where a record is, if it is still held."""
        for number in (*sorted(self.ends), self.segment.number):
            segment = self.segment if number == self.segment.number else self._open(number)
            end = segment.tail[0] if number == self.segment.number else self._end(number)
            offset, at = START, segment.record
            if record < at:
                return None
            while offset < end:
                length, kind, _, _ = ENTRY.unpack_from(segment.view, offset)
                counts = kind >= METRICS or kind in POSITIONED
                if counts and at == record:
                    return Position(number, offset, at)
                at += counts
                offset += length
        return self.end() if record == self.end().record else None

    def _end(self, number: int) -> int:
        known = self.ends[number]
        return known.tail[0] if isinstance(known, Segment) else known[0]

    def acknowledge(self, position: Position, base: int, writer: str) -> None:
        """The server has everything before `position`: keep that, and let go of the rest."""
        self.head.acknowledge(position, base, writer)
        for number in [number for number in self.ends if number < position.segment]:
            known = self.ends.pop(number)
            if self.path is not None:
                file = self.path / f"{number}.seg"
                size = file.stat().st_size
                file.unlink()
                self.quota.give(size)
            elif isinstance(known, Segment):
                self.quota.give(known.size)
            self.full_until = 0.0

    def seal(self, position: Position) -> bool:
        """Refuse further appends, if nothing is held beyond a position."""
        if not self.lock.acquire(blocking=False):
            return False
        try:
            if self.sealed or self.window(position) is not None:
                return False
            self.sealed = True
            self.segment.limit = self.segment.size = -1
            return True
        finally:
            self.lock.release()

    def remove(self) -> None:
        """Delete what was delivered in full."""
        if self.path is not None:
            for file in self.path.glob("*.seg"):
                size = file.stat().st_size
                file.unlink()
                self.quota.give(size)
            (self.path / "head").unlink(missing_ok=True)
            self.path.rmdir()
        self.abandon()

    def abandon(self) -> None:
        """Let go of the files without a trace: the lock falls, what is written stays."""
        # Without the lock: in a forked child it may be held by a thread that is not there.
        self.closed = self.sealed = True
        tail = self.segment.tail
        self.segment = Segment.nothing(self.segment.number, tail[1])
        self.segment.tail = tail
        self._reading = None
        self.head.close()

    def put_aside(self) -> bool:
        """Let go of the files between two appends, to be adopted again later."""
        if not self.lock.acquire(blocking=False):
            return False
        try:
            self.abandon()
            return True
        finally:
            self.lock.release()


def learn(known: dict[int, tuple[str, ...]], body: memoryview) -> None:
    """Add a declared shape to those of its segment."""
    kind, keys = json.loads(bytes(body))
    known[kind] = tuple(keys)


def _packer(count: int) -> Callable[..., bytes]:
    pack = _pack.get(count)
    if pack is None:
        pack = _pack[count] = struct.Struct(f"=qq{count}d").pack
    return pack


def _salt(number: int, kind: int) -> int:
    return (number * 0x9E3779B1 ^ kind * 0x85EBCA6B) & _M32


def _text(payload: Any) -> bytes:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return body + b" " * (-len(body) % 8)


def _nothing(*_: object) -> None:
    """Stands where a row will be dropped."""
