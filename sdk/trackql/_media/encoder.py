"""The thread that encodes what was logged, so that the training loop need not wait for it.

What waits is bounded: who logs faster than can be encoded is held up until there is room again.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackql import _paths

if TYPE_CHECKING:
    from trackql.runs import Run

    from .base import Media

log = logging.getLogger("trackql")

# Bytes that may wait to be encoded.
WAITING = 256 << 20
IDLE = 10.0


@dataclass(frozen=True, slots=True)
class Task:
    """A value on its way: whose it is, where it goes, and what it was when it was logged."""

    run: Run
    key: str
    step: int
    place: int
    time: int
    media: Media
    size: int


class Encoder:
    """One thread, begun when there is something to encode; it ends when there was nothing long."""

    def __init__(self, limit: int = WAITING) -> None:
        self.limit = limit
        self._tasks: deque[Task] = deque()
        self._waiting = 0
        self._open: Counter[tuple[str, str]] = Counter()  # tasks of a run that are not done
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, task: Task) -> None:
        """Take a value; waits while too much is waiting already."""
        with self._changed:
            while self._waiting and self._waiting + task.size > self.limit:
                self._changed.wait()
            self._tasks.append(task)
            self._waiting += task.size
            self._open[task.run._server, task.run.id] += 1
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="trackql-encoder", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def wait(
        self, url: str | None = None, run_id: str | None = None, timeout: float | None = None
    ) -> bool:
        """Until all is encoded, of everything, of a server or of a run; False at the deadline."""
        if threading.current_thread() is self._thread:
            return True
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while any(
                url in (None, server) and run_id in (None, run) for server, run in self._open
            ):
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._tasks:
                    self._changed.wait(IDLE)
                if not self._tasks:
                    self._thread = None
                    return
                task = self._tasks.popleft()
            try:
                deliver(task)
            except Exception as error:
                _failed(task, error)
            whose = (task.run._server, task.run.id)
            with self._changed:
                self._waiting -= task.size
                self._open[whose] -= 1
                if not self._open[whose]:
                    del self._open[whose]
                self._changed.notify_all()
            del task  # what was logged is not held while nothing is to do


def deliver(task: Task) -> None:
    """Encode a value and put it into the outbox."""
    made = task.media._encode()
    value: dict[str, Any] = {
        "key": task.key,
        "kind": task.media.kind,
        "step": task.step,
        "place": task.place,
        "time": task.time,
    }
    if task.media.caption:
        value["caption"] = task.media.caption
    if made.body is not None:
        value["body"] = made.body
    if made.data is None:
        task.run._outbox.add_value(task.run.id, value)
        return
    path = path_of(task.key, task.step, task.place, made.ending)
    value["path"] = path
    task.run._outbox.add_bytes(task.run.id, path, made.data, made.media_type, value)


def path_of(key: str, step: int, place: int, ending: str) -> str:
    """Where the file of a value lies; a key that is no path is there by its digest."""
    name = f"{step}_{place}.{ending}"
    path = f"media/{key}/{name}"
    # A folder must not be called like a file that another key may have.
    clash = any(
        part[:1] in "-0123456789" and "_" in part and "." in part for part in key.split("/")
    )
    if clash or _paths.fault(path) is not None:
        return f"media/{hashlib.sha256(key.encode()).hexdigest()[:16]}/{name}"
    return path


def _failed(task: Task, error: Exception) -> None:
    text = (
        f"{task.key!r} at step {task.step} is not stored: a value of {task.media.kind.lower()}"
        f" can't be encoded: {error}"
    )
    log.warning("run %s: %s", task.run.id, text)
    try:
        lane = task.run._lane or task.run._attach()
        lane.problems.append({"code": "NOT_ENCODED", "message": text[:1000]})
        lane.sender.wake()
    except Exception:  # what went wrong is told above
        log.debug("the problem is not shown on the run", exc_info=True)
