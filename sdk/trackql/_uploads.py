"""The threads that deliver an outbox: one for what is small, one for what is large."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from . import errors
from ._courier import Courier, Expired
from ._outbox import PACK, PACK_ITEMS, Box, Large, Outbox
from ._segment import Segment
from ._sender import ABSENT, PACE, Lane, Route, Sender
from ._wire import Shrunk

log = logging.getLogger("trackql")

SMALL, LARGE = 0, 1
# How often a file is sent again whose bytes did not arrive as its digest says.
WRONG = 3
# Codes of failures that may pass, beside those of the network.
PASSING = ("INTERNAL", "PROTOCOL", "ERROR", "UPLOAD_BUSY")
POLL = 0.010


class Queue:
    """One of the two ways out: its thread, its connections, and what wakes it."""

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self.routes: dict[str, Route] = {}
        self.couriers: dict[str, Courier] = {}
        self.inbox: SimpleQueue[None] = SimpleQueue()
        self.asleep = False
        self.thread: threading.Thread | None = None

    def wake(self) -> None:
        self.asleep = False
        self.inbox.put(None)


class Uploader:
    """Delivers what an outbox holds in the background, as soon as the runs exist."""

    def __init__(self, outbox: Outbox, sender: Sender | None) -> None:
        self.outbox = outbox
        self.sender = sender
        self.queues = (Queue(SMALL), Queue(LARGE))
        self.moved = 0
        self.spared = 0  # of these, what had not to be sent
        self.moved_at = time.monotonic()
        self.refused: list[errors.TrackqlError] = []
        # How long a run may be unknown: whoever began it may not have reached the server yet.
        self.patience = ABSENT if sender is not None else 0.0
        self._writer = os.urandom(16).hex()
        self._waiters: list[SimpleQueue[None]] = []
        self._stopping = False
        self._lock = threading.RLock()

    def wake(self, kind: int) -> None:
        """Something was added."""
        queue = self.queues[kind]
        if queue.thread is None:
            with self._lock:
                if queue.thread is None:
                    thread = threading.Thread(
                        target=self._run, args=(queue,), name="trackql-uploads", daemon=True
                    )
                    # At interpreter exit no thread can be started: it is left for sync.
                    with suppress(RuntimeError):
                        thread.start()
                        queue.thread = thread
        if queue.asleep:
            queue.wake()

    def stop(self) -> None:
        """End the threads; what is not delivered stays in the outbox."""
        self._stopping = True
        for queue in self.queues:
            queue.wake()
            if queue.thread is not None:
                queue.thread.join()

    # -- waiting

    def wait(
        self,
        boxes: Sequence[Box],
        timeout: float | None,
        stall: float,
        watch: Callable[[int, int], None] | None = None,
    ) -> bool:
        """Until the server has what these boxes hold now; False when it did not come to that.

        Without a timeout it is waited as long as bytes move. `watch` is told how many of how many
        bytes have moved.
        """
        begun = time.monotonic()
        targets = [(box, tuple(box.came)) for box in boxes if box.pending()]
        if not targets:
            return True
        base, total = self.moved, sum(box.bytes for box, _ in targets)
        signal: SimpleQueue[None] = SimpleQueue()
        self._waiters.append(signal)
        try:
            self._hurry(boxes)
            while True:
                targets = [(box, came) for box, came in targets if not _done(box, came)]
                if not targets:
                    return all(box.stopped is None for box in boxes)
                now = time.monotonic()
                if timeout is None:
                    targets = [pair for pair in targets if not self._lost(pair[0], begun)]
                    left = max(begun, self.moved_at) + stall - now
                else:
                    left = begun + timeout - now
                if left <= 0 or not targets or self._idle_threads(targets):
                    return False
                if watch is not None and now - begun > 1:
                    watch(min(self.moved - base, total), total)
                with suppress(Empty):
                    signal.get(timeout=min(left, 0.1))
        finally:
            self._waiters.remove(signal)

    def _hurry(self, boxes: Sequence[Box]) -> None:
        for box in boxes:
            box.backoff.due = 0.0
            if (lane := self._lane(box)) is not None:
                lane.route.backoff.due = 0.0
                lane.sender.wake()
        for queue in self.queues:
            for route in queue.routes.values():
                route.backoff.due = 0.0
            self.wake(queue.kind)
            queue.wake()

    def _idle_threads(self, targets: Sequence[tuple[Box, tuple[int, ...]]]) -> bool:
        """Nobody is there to deliver: no thread could be started."""
        return any(
            box.came[kind] != box.went[kind] and self.queues[kind].thread is None
            for box, _ in targets
            for kind in (SMALL, LARGE)
        )

    def _lost(self, box: Box, since: float) -> bool:
        """The server does not answer, to us or to the thread that must make the run first."""
        lane = self._lane(box)
        if lane is not None and lane.route.lost(since):
            return True
        routes = (queue.routes.get(box.url) for queue in self.queues)
        return any(route is not None and route.lost(since) for route in routes)

    # -- the threads

    def _run(self, queue: Queue) -> None:
        other = self.queues[1 - queue.kind]
        while not self._stopping:
            started = time.monotonic()
            busy = False
            for box in tuple(self.outbox.boxes.values()):
                busy |= self._attempt(box, queue)
            for signal in tuple(self._waiters):
                signal.put(None)
            if busy:
                if other.asleep and other.thread is not None:
                    other.wake()
                rest = started + PACE - time.monotonic()
                if rest > 0 and queue.kind == SMALL:
                    time.sleep(rest)  # what is logged meanwhile leaves together
                continue
            queue.asleep = True
            pause = self._pause(queue)
            if pause is None or pause > 0:
                with suppress(Empty):
                    queue.inbox.get(timeout=pause)
            queue.asleep = False
            with suppress(Empty):
                while True:
                    queue.inbox.get_nowait()

    def _pause(self, queue: Queue) -> float | None:
        """Seconds until something may be due; None when nothing waits."""
        now = time.monotonic()
        pause: float | None = None
        for box in tuple(self.outbox.boxes.values()):
            if box.stopped is not None or box.came[queue.kind] == box.went[queue.kind]:
                continue
            lane = self._lane(box)
            due = max(box.backoff.due, self._route(queue, box.url).backoff.due)
            if lane is not None:
                due = max(due, min(lane.route.backoff.due, now + 1))
            # Otherwise it waits for its run, or for something before it in the other queue.
            until = due - now if due > now else POLL
            pause = until if pause is None else min(pause, until)
        return pause

    def _attempt(self, box: Box, queue: Queue) -> bool:
        if box.stopped is not None or box.came[queue.kind] == box.went[queue.kind]:
            return False
        try:
            return self.step(box, queue)
        except Exception:  # one run's trouble is not the others'
            log.exception("run %s: trackql could not upload and tries again later", box.run_id)
            box.backoff.fail()
            return False

    def _lane(self, box: Box) -> Lane | None:
        """The lane that must make the run known to the server before anything is uploaded."""
        if self.sender is None or box.known:
            return None
        for lane in tuple(self.sender.lanes):
            if lane.run_id == box.run_id and lane.route.url == box.url and lane.stopped is None:
                if lane.known or not lane.pending():
                    return None
                return lane
        return None

    def _route(self, queue: Queue, url: str) -> Route:
        route = queue.routes.get(url)
        if route is None:
            route = queue.routes[url] = Route(url)
        return route

    def courier(self, queue: Queue, url: str) -> Courier:
        courier = queue.couriers.get(url)
        if courier is None:
            transport = self._route(queue, url).transport
            courier = queue.couriers[url] = Courier(transport, url, self._count, self._spare)
        return courier

    def _count(self, size: int) -> None:
        self.moved += size
        self.moved_at = time.monotonic()

    def _spare(self, size: int) -> None:
        self.spared += size
        self._count(size)

    # -- one delivery

    def step(self, box: Box, queue: Queue, to: str | None = None) -> bool:
        """Deliver the next of a box, if it is time; True when the server answered."""
        url = to or box.url
        route = self._route(queue, url)
        if max(box.backoff.due, route.backoff.due) > time.monotonic() or self._lane(box):
            return False
        if queue.kind == SMALL:
            return self._step_small(box, queue, url, route)
        return self._step_large(box, queue, url, route)

    def _step_small(self, box: Box, queue: Queue, url: str, route: Route) -> bool:
        with box.lock:
            segment = box.segments[0] if box.segments else None
            before = {
                large.path
                for large in box.large
                if segment is not None and large.number < segment.number
            }
        if segment is None:
            return False
        items = segment.take(box.most, PACK)
        if not items:
            self.outbox.clear(box, segment)
            return False
        for number, item in enumerate(items):
            if item.path in before:  # must not come before what it replaces
                items = items[:number]
                break
        if not items:
            return False
        try:
            count = self.courier(queue, url).items(box.run_id, items)
        except errors.TrackqlError as error:
            if not self._failed(box, route, error):
                return False
            if len(items) > 1:  # one of them is at fault
                box.most = max(1, len(items) // 2)
                return True
            self._refuse(box, route, items[0].path or "a value", error)
            count = 1
        else:
            self._arrived(box, route)
            box.most = min(PACK_ITEMS, box.most * 2)
        self.outbox.sent_small(box, segment, items[count - 1].end, count)
        return True

    def _step_large(self, box: Box, queue: Queue, url: str, route: Route) -> bool:
        with box.lock:
            item = box.large[0] if box.large else None
            if item is None or _behind(item, box.segments):
                return False
        try:
            self.courier(queue, url).large(box.run_id, item, lambda: self._stopping)
            if self._stopping:
                return False
        except errors.TrackqlError as error:
            if not self._failed(box, route, error, item):
                return False
            self._refuse(box, route, item.path, error)
        except Expired as error:
            route.answered()
            item.wrong += 1
            if item.wrong <= 3 * WRONG:
                box.backoff.fail()
                return False
            self._refuse(box, route, item.path, errors.TrackqlError(str(error)))
        except (Shrunk, OSError) as error:
            item.wrong += 1
            if item.lent:
                item.digest.forget()
            if item.wrong <= WRONG and not isinstance(error, FileNotFoundError):
                box.backoff.fail()
                return False
            self._refuse(box, route, item.path, errors.TrackqlError(f"cannot be read: {error}"))
        else:
            self._arrived(box, route)
        self.outbox.sent_large(box, item)
        return True

    def _arrived(self, box: Box, route: Route) -> None:
        route.answered()
        box.backoff.clear()
        box.known = True
        box.absent_since = None
        self.moved_at = time.monotonic()

    def _failed(
        self, box: Box, route: Route, error: errors.TrackqlError, item: Large | None = None
    ) -> bool:
        """What a failure means; True when what was sent is refused for good."""
        if isinstance(error, errors.Unreachable | errors.Unavailable | errors.Forbidden):
            route.fail(error)
            return False
        route.answered()
        if isinstance(error, errors.NotFound):
            if box.absent_since is None:
                box.absent_since = time.monotonic()
            if time.monotonic() - box.absent_since < self.patience:
                box.backoff.fail()
            else:
                self._stop(box, error)
            return False
        if isinstance(error, errors.RunDeleted):
            self._stop(box, error)
            return False
        if error.code == "WRONG_DIGEST" and item is not None and item.wrong < WRONG:
            item.wrong += 1
            if item.lent:
                item.digest.forget()
            box.backoff.fail()
            return False
        if error.code in PASSING:
            box.backoff.fail()
            if box.backoff.failures == 3:
                log.warning("run %s: %s; files wait in the outbox", box.run_id, error)
            return False
        return True

    def _stop(self, box: Box, error: errors.TrackqlError) -> None:
        box.stopped = error
        where = f" in {self.outbox.root}" if self.outbox.root else ""
        log.warning(
            "run %s: %s; no more of its files are sent, those that wait%s are kept",
            box.run_id,
            error,
            where,
        )

    def _refuse(self, box: Box, route: Route, what: str, error: errors.TrackqlError) -> None:
        """The server will never take it: say so here and on the run."""
        box.backoff.clear()
        self.refused.append(error)
        text = f"{what} was not stored: {error}"
        log.warning("run %s: %s", box.run_id, text)
        problem = {"code": error.code, "message": text[:1000]}
        message = {
            "runId": box.run_id,
            "writer": self._writer,
            "droppedPoints": 0,
            "problems": [problem],
        }
        with suppress(errors.TrackqlError):
            route.transport.execute("report_problems", {"input": message})


def _behind(item: Large, segments: Sequence[Segment]) -> bool:
    """Something small that came before waits, and may have the same path."""
    return any(segment.number < item.number and segment.done < segment.tail for segment in segments)


def _done(box: Box, came: tuple[int, ...]) -> bool:
    return box.stopped is not None or all(
        went >= count for went, count in zip(box.went, came, strict=True)
    )


def deliver(uploader: Uploader, box: Box, to: str | None = None) -> None:
    """Send everything of a box now, in this thread; raises what keeps it from arriving."""
    url = to or box.url
    while box.segments or box.large:
        sent = False
        for queue in uploader.queues:
            sent |= uploader.step(box, queue, to)
            route = queue.routes.get(url)
            if route is not None and route.backoff.failures:
                raise route.error or errors.Unreachable(f"no answer from {url}")
        if box.stopped is not None:
            raise box.stopped
        if not sent and (box.segments or box.large):
            if box.backoff.failures > 3 and box.absent_since is None:
                raise errors.ServerError(f"{url} keeps failing on files of run {box.run_id}")
            time.sleep(max(0.0, min(1.0, box.backoff.due - time.monotonic())))
