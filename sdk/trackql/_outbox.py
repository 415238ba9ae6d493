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
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import _snapshot
from ._segment import ENTRY, Segment
from ._sender import Backoff
from ._snapshot import Digest
from ._wire import Body, Buffer, Buffers, Slice
from .errors import TrackqlError

FOLDER = "outbox"
SMALL = 8 << 20
SEGMENT = 64 << 20
# One request carries no more than this of what is small.
PACK = 16 << 20
PACK_ITEMS = 10_000
# Runs that end while no server answers leave a segment each: so many are held open.
OPEN = 64
# Kept free on the disk, for the journals and for everybody else.
FREE = 256 << 20


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class NoRoom(Exception):
    """The disk is full, the bound is reached, or there is no folder to write to."""


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

    @property
    def lent(self) -> bool:
        """It is sent from where its owner has it, who may change it."""
        return self.words is None

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
        self._held: deque[Segment] = deque()

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
                segment.put_aside()
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
        with self._lock:
            self._held.append(segment)
            while len(self._held) > OPEN:
                self._held.popleft().put_aside()
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
