"""The outbox on disk: files on their way to the server outlive the process that logged them.

An outbox is a folder of one process, below `outbox` in the spool, locked as long as it lives. What
is small is appended to a segment of its run, whatever the number of files; what is large is a copy
of its own beside a few words about it, and counts from the moment these words get their name.
Everything has a digest, so that what a killed process wrote half is told from what is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

from . import _snapshot
from ._sender import Backoff
from ._snapshot import Digest
from ._wire import Body, Buffer, Buffers, Slice
from .errors import TrackqlError

FOLDER = "outbox"
MAGIC = b"TRACKQLA"
START = 4096
ACK_AT, ACK = 16, struct.Struct("=QI")
META_AT = 64
ENTRY = struct.Struct("=IQI")  # size of the words, size of the body, crc of both and the words
SMALL = 8 << 20
SEGMENT = 64 << 20
# One request carries no more than this of what is small.
PACK = 16 << 20
PACK_ITEMS = 10_000
WORDS = 8 << 20
# Kept free on the disk, for the journals and for everybody else.
FREE = 256 << 20


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class NoRoom(Exception):
    """The disk is full, the bound is reached, or there is no folder to write to."""


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
        try:
            written = os.pwritev(self._descriptor, [head, body] if len(body) else [head], self.tail)
            if written != size:
                raise OSError(28, "No space left on device")
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.tail)
            raise
        self.tail += size

    def take(self, count: int, most: int) -> list[Item]:
        """The next items, at least one where there is one, at most so many and so many bytes."""
        size = min(self.tail - self.done, most)
        window = memoryview(os.pread(self._descriptor, size, self.done))
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
                window = memoryview(os.pread(self._descriptor, end, self.done))
                if len(window) < end:
                    break
            text = window[at + ENTRY.size : at + ENTRY.size + words]
            meta = self._meta(window[at : at + ENTRY.size], text)
            content = window[at + ENTRY.size + words : end]
            if meta is None or not (self._own or _whole(meta, content)):
                break
            found.append(Item(meta, content, self.done + end))
            at = end
            told += words
        if not found and not self._own:
            self.tail = self.done  # the rest was cut off when the process died
        return found

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
        os.pwrite(self._descriptor, place + struct.pack("=I", crc32(place)), ACK_AT)
        self.done = end

    def close(self) -> None:
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


class Large:
    """A file that travels by itself: a copy of ours, or borrowed from who waits for it."""

    def __init__(
        self,
        number: int,
        meta: dict[str, Any],
        digest: Digest,
        words: Path | None = None,
        data: Buffer | None = None,
    ) -> None:
        self.number = number
        self.meta = meta
        self.digest = digest
        self.words = words
        self.data = data
        self.wrong = 0
        self.dropped = False

    @property
    def path(self) -> str:
        return str(self.meta["path"])

    @property
    def size(self) -> int:
        return int(self.meta["size"])

    def body(self, offset: int = 0, size: int | None = None) -> Body:
        size = self.size - offset if size is None else size
        if self.data is not None:
            return Buffers([memoryview(self.data)[offset : offset + size]])
        return Slice(self.digest.path, offset, size)

    def sha256(self) -> str:
        if self.data is not None:
            return hashlib.sha256(self.data).hexdigest()
        return self.digest.value()

    def remove(self) -> None:
        if self.words is not None:
            self.words.unlink(missing_ok=True)
            self.digest.path.unlink(missing_ok=True)


class Box:
    """What one run has in the outbox: two queues, each delivered in order."""

    def __init__(self, url: str, run_id: str) -> None:
        self.url = url
        self.run_id = run_id
        self.segments: deque[Segment] = deque()
        self.large: deque[Large] = deque()
        self.lock = threading.RLock()
        # Of what is small and of what is large: how many came, how many went.
        self.came = [0, 0]
        self.went = [0, 0]
        self.bytes = 0  # that wait
        self.delivered = 0
        self.backoff = Backoff(0.2, 30.0)
        self.stopped: TrackqlError | None = None
        self.known = False
        self.absent_since: float | None = None
        self.most = PACK_ITEMS

    def pending(self) -> bool:
        return self.came != self.went

    def files(self) -> int:
        """How many wait."""
        return self.came[0] - self.went[0] + self.came[1] - self.went[1]


class Outbox:
    """The outbox of one process; or, adopted, that of one that is gone."""

    def __init__(self, spool: Path, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.root: Path | None = None
        self.boxes: dict[tuple[str, str], Box] = {}
        self.adopted = False
        self._spool = spool
        self._number = 0
        self._lock = threading.RLock()
        self._descriptor = -1

    # -- the folder and its lock

    def _open(self) -> Path:
        """The folder of this process, made when it is first needed."""
        if self.root is None:
            name = f"{time.time_ns() // 1_000_000:013x}-{os.urandom(4).hex()}"
            folder = self._spool / FOLDER
            folder.mkdir(parents=True, exist_ok=True)
            draft = folder / f".{name}"
            draft.mkdir(mode=0o700)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(draft / "lock", flags, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            draft.rename(folder / name)
            self._descriptor = descriptor
            self.root = folder / name
        return self.root

    @classmethod
    def adopt(cls, root: Path) -> Outbox | None:
        """The outbox of a dead process, locked for this one; None while its owner lives."""
        try:
            descriptor = os.open(root / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another sync may have delivered and deleted it between our open and our lock.
            if os.stat(root / "lock").st_ino != os.fstat(descriptor).st_ino:
                raise FileNotFoundError(root)
        except OSError:
            os.close(descriptor)
            return None
        outbox = cls(root.parent.parent, 0)
        outbox.root, outbox._descriptor, outbox.adopted = root, descriptor, True
        outbox._load(root)
        return outbox

    def _load(self, root: Path) -> None:
        for path in sorted(root.iterdir()):
            if path.name.startswith("."):
                path.unlink()  # words that were not finished
            if not path.stem.isdigit():
                continue
            number = int(path.stem)
            self._number = max(self._number, number)
            if path.suffix == ".log":
                found = Segment.adopt(path, number)
                if found is None:
                    path.unlink()
                    continue
                segment, meta = found
                box = self.box(meta["url"], meta["run"])
                box.segments.append(segment)
                box.bytes += segment.tail - segment.done
                box.came[0] += 1  # not counted one by one
            elif path.suffix == ".json":
                words = json.loads(path.read_bytes())
                meta = words["meta"]
                box = self.box(words["url"], words["run"])
                digest = Digest(path.with_suffix(".data"), meta.pop("sha256", None))
                box.large.append(Large(number, meta, digest, path))
                box.bytes += int(meta["size"])
                box.came[1] += 1
            elif path.suffix == ".data" and not path.with_suffix(".json").exists():
                path.unlink()

    def tidy(self) -> None:
        """Remove the folder, once nothing is in it."""
        with self._lock:
            root = self.root
            if root is None or any(box.pending() for box in self.boxes.values()):
                return
            for box in self.boxes.values():
                if box.segments or box.large:
                    return
            with suppress(OSError):
                (root / "lock").unlink()
                root.rmdir()
                root.parent.rmdir()
            self.abandon()

    def abandon(self) -> None:
        """Let go of the files without a trace: the lock falls, what is written stays."""
        for box in self.boxes.values():
            for segment in box.segments:
                segment.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self.root = None

    # -- adding

    def box(self, url: str, run_id: str) -> Box:
        with self._lock:
            box = self.boxes.get((url, run_id))
            if box is None:
                box = self.boxes[url, run_id] = Box(url, run_id)
            return box

    def _reserve(self, size: int) -> None:
        """Claim bytes of the bound; what is written later fails if the disk has less."""
        with self._lock:
            if self.used + size > self.limit:
                raise NoRoom(f"the files that wait reached their bound of {self.limit} bytes")
            self.used += size

    def release(self, size: int) -> None:
        with self._lock:
            self.used -= size

    def append(self, box: Box, meta: dict[str, Any], body: Buffer) -> None:
        """One item more; raises NoRoom."""
        words = _encode(meta).encode()
        size = ENTRY.size + len(words) + len(body)
        self._reserve(size)
        try:
            with box.lock:
                segment = box.segments[-1] if box.segments else None
                if segment is None or not self._fits(box, segment, size):
                    segment = self._segment(box)
                segment.append(words, body)
                box.came[0] += 1
                box.bytes += size
        except OSError as error:
            self.release(size)
            raise NoRoom(f"no files can be kept in {self._spool} ({error.strerror})") from error

    @staticmethod
    def _fits(box: Box, segment: Segment, size: int) -> bool:
        # What is appended behind something large must not come before it.
        late = box.large and box.large[-1].number > segment.number
        return not late and segment.tail + size <= SEGMENT

    def _segment(self, box: Box) -> Segment:
        with self._lock:
            root = self._open()
            self._number += 1
            number = self._number
        meta = {"url": box.url, "run": box.run_id}
        segment = Segment.create(root / f"{number:08d}.log", number, meta)
        box.segments.append(segment)
        return segment

    def copy(self, box: Box, meta: dict[str, Any], source: int | Buffer) -> Large:
        """Keep a copy of something large: an open file, or bytes; raises NoRoom."""
        size = os.fstat(source).st_size if isinstance(source, int) else len(source)
        self._reserve(size)
        data: Path | None = None
        try:
            with self._lock:
                root = self._open()
                self._number += 1
                number = self._number
            room = os.statvfs(root)
            if size + FREE > room.f_bavail * room.f_frsize:
                raise NoRoom(f"there is no room for a copy of {size} bytes in {self._spool}")
            data = root / f"{number:08d}.data"
            if isinstance(source, int):
                copied, digest = _snapshot.take(source, data)
            else:
                data.write_bytes(source)
                copied, digest = size, Digest(data, hashlib.sha256(source).hexdigest())
            meta = {**meta, "size": copied}
            words = data.with_suffix(".json")
            known = digest.known()
            told = {**meta, "sha256": known} if known else meta
            draft = root / f".{number:08d}"
            draft.write_text(json.dumps({"url": box.url, "run": box.run_id, "meta": told}))
            draft.rename(words)
        except BaseException as error:
            self.release(size)
            if data is not None:
                data.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise NoRoom(f"no files can be kept in {self._spool} ({error.strerror})") from error
            raise
        self.release(size - copied)
        large = Large(number, meta, digest, words)
        self._queue(box, large)
        return large

    def lend(self, box: Box, meta: dict[str, Any], source: Path | Buffer) -> Large:
        """Something that found no room: it is sent from where it is while its owner waits."""
        with self._lock:
            self._number += 1
            number = self._number
        if isinstance(source, Path):
            large = Large(number, {**meta, "size": source.stat().st_size}, Digest(source))
        else:
            large = Large(number, {**meta, "size": len(source)}, Digest(Path()), data=source)
        self._queue(box, large)
        return large

    @staticmethod
    def _queue(box: Box, large: Large) -> None:
        with box.lock:
            # Copies of several threads may end in another order than they began.
            box.large.append(large)
            box.came[1] += 1
            box.bytes += large.size

    # -- what is done

    def sent_small(self, box: Box, segment: Segment, end: int, count: int) -> None:
        """The server has the items of a segment before a place."""
        with box.lock:
            size = end - segment.done
            segment.acknowledge(end)
            box.delivered += count
            box.bytes -= size
            if not self.adopted:
                box.went[0] += count
                self.release(size)
            self.clear(box, segment)

    def clear(self, box: Box, segment: Segment) -> None:
        """Remove a segment, if nothing in it waits."""
        with box.lock:
            if segment.done >= segment.tail and segment in box.segments:
                box.segments.remove(segment)
                segment.remove()
                if self.adopted:
                    box.went[0] += 1

    def sent_large(self, box: Box, large: Large) -> None:
        with box.lock:
            if large in box.large:
                box.large.remove(large)
                box.went[1] += 1
                box.delivered += 1
                box.bytes -= large.size
                if large.words is not None and not self.adopted:
                    self.release(large.size)
        large.remove()

    def discard(self, box: Box) -> None:
        """Delete what waits of a run: nobody will ever take it."""
        with box.lock:
            for segment in box.segments:
                segment.remove()
            for large in box.large:
                large.remove()
            box.segments.clear()
            box.large.clear()
            box.went = list(box.came)


def left(spool: Path) -> Iterator[Path]:
    """The outboxes in a spool, oldest first; those of living processes too."""
    folder = spool / FOLDER
    if folder.is_dir():
        yield from sorted(
            path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."
        )
