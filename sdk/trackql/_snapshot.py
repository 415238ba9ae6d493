"""A copy of a file as it is now, and its digest, made side by side."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path

FICLONE = 0x40049409
CHUNK = 8 << 20
READ = 1 << 20


class Digest:
    """The SHA-256 of a file that may still be written: a thread reads behind the writer."""

    def __init__(self, path: Path, value: str | None = None) -> None:
        self.path = path
        self._value = value
        self._thread: threading.Thread | None = None
        self._written = 0
        self._ended = threading.Event()
        self._more = threading.Event()
        self._error: BaseException | None = None

    def follow(self) -> None:
        """Begin to read; `reached` and `ended` tell how far."""
        thread = threading.Thread(target=self._run, name="trackql-digest", daemon=True)
        with suppress(RuntimeError):  # at interpreter exit no thread can be started
            thread.start()
            self._thread = thread

    def reached(self, size: int) -> None:
        self._written = size
        self._more.set()

    def ended(self) -> None:
        self._ended.set()
        self._more.set()

    def _run(self) -> None:
        try:
            whole = hashlib.sha256()
            buffer = memoryview(bytearray(READ))
            done = 0
            with self.path.open("rb", buffering=0) as file:
                while True:
                    last = self._ended.is_set()
                    if done < self._written:
                        count = file.readinto(buffer[: min(READ, self._written - done)])
                        if not count:
                            break
                        whole.update(buffer[:count])
                        done += count
                    elif last:
                        break
                    else:
                        self._more.wait()
                        self._more.clear()
            self._value = whole.hexdigest()
        except BaseException as error:
            self._error = error

    def known(self) -> str | None:
        """The digest, if it is known without waiting."""
        return self._value

    def value(self) -> str:
        """The digest; waits for the thread, or reads the file here."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._value is None:
            self._value = of(self.path)
        return self._value

    def forget(self) -> None:
        """Read again when asked: the bytes were not what the digest said."""
        self._value = None


def of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def take(source: int, target: Path) -> tuple[int, Digest]:
    """Copy an open file; its size, and its digest, which may be known only later."""
    digest = Digest(target)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(target, flags, 0o600)
    try:
        digest.follow()
        size = _clone(source, descriptor)
        if size is None:
            size = _copy(source, descriptor, digest)
        digest.reached(size)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        digest.ended()
        os.close(descriptor)
    return size, digest


def _clone(source: int, target: int) -> int | None:
    """Let both files share their blocks, where the file system can."""
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        return None
    return os.fstat(target).st_size


def _copy(source: int, target: int, digest: Digest) -> int:
    at = 0
    ranges = hasattr(os, "copy_file_range")
    while True:
        if ranges:
            try:
                count = os.copy_file_range(source, target, CHUNK, at, at)
            except OSError as error:
                if at or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise
                ranges = False
                continue
            if not count and not at and os.fstat(source).st_size:
                ranges = False  # some file systems answer so for files they make up
                continue
        else:
            data = os.pread(source, READ, at)
            count = os.pwrite(target, data, at) if data else 0
        if not count:
            return at
        at += count
        digest.reached(at)
