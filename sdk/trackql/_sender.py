"""The one thread that delivers journals: drain, batch, send, retry; and the heartbeat of runs."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from . import _batch, errors
from ._batch import Batch
from ._head import START, Position
from ._spool import CREATE, RESUME, Journal
from ._transport import Transport, connect

if TYPE_CHECKING:
    from ._listen import Listening

log = logging.getLogger("trackql")

# Between two departures of one process: what is logged meanwhile leaves together.
PACE = 0.010
HEARTBEAT = 10.0
BACKOFF = (0.1, 3.0)
# A worker may attach to a run before the process that began it has reached the server.
ABSENT = 60.0
# How long the end of a run waits for a server that does not answer at all.
GRACE = 2.0
# A journal holds three files open: more of them are put aside when their runs have ended.
LANES = 64
IDLE = 60.0


class Backoff:
    """When to try again: doubling, with jitter so that many clients do not return at once."""

    def __init__(self, least: float = BACKOFF[0], most: float = BACKOFF[1]) -> None:
        self.least, self.most = least, most
        self.failures = 0
        self.since = 0.0
        self.latest = 0.0
        self.due = 0.0

    def fail(self) -> None:
        now = time.monotonic()
        self.latest = now
        if not self.failures:
            self.since = now
        pause = min(self.most, self.least * 2**self.failures)
        self.failures = min(self.failures + 1, 30)
        self.due = now + pause * random.uniform(0.5, 1.0)

    def clear(self) -> None:
        self.failures = 0
        self.due = 0.0


class Route:
    """The way to one server, shared by the journals that are meant for it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.transport: Transport = connect(url)
        self.backoff = Backoff()
        self.told = False
        self.error: errors.TrackqlError | None = None

    def lost(self, since: float) -> bool:
        """Tried after a moment, and without an answer for longer than a run's end should wait."""
        backoff = self.backoff
        if not backoff.failures or backoff.latest < since:
            return False
        return time.monotonic() - backoff.since > GRACE

    def fail(self, error: errors.TrackqlError) -> None:
        self.error = error
        self.backoff.fail()
        if isinstance(error, errors.Forbidden) and not self.told:
            self.told = True
            log.warning("%s; what is logged waits in the journal", error)

    def answered(self) -> None:
        self.backoff.clear()


class Lane:
    """One journal on its way to its server."""

    prints = False  # it is of what was printed

    def __init__(self, journal: Journal, route: Route, sender: Sender) -> None:
        self.journal = journal
        self.route = route
        self.sender = sender
        self.run_id = str(journal.meta["run"])
        self.position, self.base, self.writer = journal.head.acknowledged()
        self.backoff = Backoff(0.2, 30.0)
        self.stopped: errors.TrackqlError | None = None
        self.removed = False
        self.parked = False
        self.waiting = False
        self.backlog = False
        self.open = False
        self.known = self.position > Position(0, START, 0)
        self.sent_at = time.monotonic()
        self.points = _batch.POINTS
        self.delivered = 0
        self.problems: list[dict[str, str]] = []
        self._refused: int | None = None
        self._absent_since: float | None = None

    @property
    def dropped(self) -> int:
        """Points that found no room."""
        return self.journal.head.dropped

    def pending(self) -> bool:
        """Something is to be sent and nothing keeps it from being sent."""
        if self.stopped is not None or self.removed:
            return False
        journal = self.journal
        return journal.window(self.position) is not None or self._unreported() or journal.closed

    def ready(self) -> bool:
        """Something can be sent at once."""
        return not self.waiting and self.due <= time.monotonic() and self.pending()

    def reached(self, target: Position) -> bool:
        """The server has everything before a place in the journal."""
        return self.position >= target or self.journal.window(self.position) is None

    def _unreported(self) -> bool:
        head = self.journal.head
        return self.known and (bool(self.problems) or head.dropped > head.reported)

    @property
    def due(self) -> float:
        return max(self.route.backoff.due, self.backoff.due)

    def step(self) -> bool:
        """Send one request, if there is one and it is time; True when it was answered."""
        self.backlog = False
        if self.stopped is not None or self.removed or time.monotonic() < self.due:
            return False
        batch = _batch.take(self.journal, self.position, self.points)
        if batch is None:
            return self._rest()
        if self.waiting:
            return False
        self.backlog = self.journal.window(batch.next) is not None
        try:
            self._send(batch)
        except errors.TrackqlError as error:
            self._failed(batch, error)
            return False
        except Exception as error:  # the thread outlives any single failure
            log.exception("trackql could not send a batch and tries again later")
            self.backoff.fail()
            self._failed_since(error)
            return False
        return True

    def parent(self) -> str | None:
        """The run that must exist before this one can be created."""
        if self.known:
            return None
        batch = _batch.take(self.journal, self.position, 1)
        if batch is None or batch.kind != CREATE:
            return None
        return batch.input.get("parentRunId")

    def _send(self, batch: Batch) -> None:
        message = dict(batch.input)
        message["id" if batch.kind in _batch.BY_ID else "runId"] = self.run_id
        if batch.records:
            message["journal"] = {
                "writer": self.writer,
                "first": batch.start.record - self.base,
                "count": batch.records,
            }
        self.route.transport.execute(batch.operation, {"input": message})
        self._acknowledged(batch)
        self.delivered += batch.points

    def _acknowledged(self, batch: Batch) -> None:
        self.route.answered()
        self.backoff.clear()
        self._absent_since = None
        self.known = True
        self.sent_at = time.monotonic()
        self.points = min(_batch.POINTS, self.points * 2)
        self.position = batch.next
        self.journal.acknowledge(batch.next, self.base, self.writer)

    def _rest(self) -> bool:
        """Nothing is left to send: report what was lost; delete what is closed."""
        if self._unreported():
            head = self.journal.head
            dropped = head.dropped
            message = {
                "runId": self.run_id,
                "writer": self.journal.meta["writer"],
                **self._losses(),
            }
            try:
                self.route.transport.execute("report_problems", {"input": message})
            except errors.TrackqlError as error:
                self._failed(None, error)
                return False
            self.route.answered()
            self.problems = []
            head.reported = dropped
            return True
        return self.retire()

    def _losses(self) -> dict[str, Any]:
        return {"droppedPoints": self.journal.head.dropped, "problems": self.problems}

    def retire(self) -> bool:
        """Delete the journal, if it is closed and the server has all of it."""
        if not self.journal.closed or self._unreported() or not self.journal.seal(self.position):
            return False
        self.journal.remove()
        self.removed = True
        return True

    def _failed(self, batch: Batch | None, error: errors.TrackqlError) -> None:
        match error:
            case errors.Unreachable() | errors.Unavailable() | errors.Forbidden():
                self.route.fail(error)
                return
        self.route.answered()
        match error:
            case errors.SequenceGap() if batch is not None:
                self._rewind(batch, error.expected)
            case errors.CostLimit() if batch is not None and self.points > 1 and batch.points > 1:
                self.points = max(1, min(self.points, batch.points) // 2)
            case errors.NotFound() if not self.known and self._absent_for() < ABSENT:
                self.backoff.fail()
            case errors.NotFound() | errors.RunDeleted() | errors.AlreadyExists():
                self._stop(error)
            case errors.ParamConflict() | errors.InvalidInput() | errors.CostLimit():
                if batch is None or batch.kind in (CREATE, RESUME):
                    self._stop(error)
                    return
                log.warning("run %s: %s", self.run_id, error)
                if batch.kind in _batch.UNNOTED:
                    self.problems.append({"code": error.code, "message": error.message})
                self._refused = batch.start.record if batch.records else None
                self._acknowledged(batch)
            case _:
                self.backoff.fail()
                self._failed_since(error)

    def _absent_for(self) -> float:
        now = time.monotonic()
        if self._absent_since is None:
            self._absent_since = now
        return now - self._absent_since

    def _failed_since(self, error: Exception) -> None:
        if self.backoff.failures == 3:
            log.warning("run %s: %s; what is logged waits in the journal", self.run_id, error)

    def _stop(self, error: errors.TrackqlError) -> None:
        self.stopped = error
        where = f" in {self.journal.path}" if self.journal.path else ""
        log.warning(
            "run %s: %s; nothing more is sent, the journal%s is kept", self.run_id, error, where
        )

    def _rewind(self, batch: Batch, expected: int) -> None:
        """Go back to the record that the server expects, or begin anew behind what is lost."""
        record = self.base + expected
        place = None
        if record != self._refused and record < batch.start.record:
            place = self.journal.find(record)
        if place is not None:
            self.position = place
            return
        lost = batch.start.record - record
        self.base, self.writer = batch.start.record, os.urandom(16).hex()
        self.journal.acknowledge(self.position, self.base, self.writer)
        if record == self._refused:
            return
        text = f"the server no longer has {lost} records that it had acknowledged"
        log.warning("run %s: %s, and neither has the journal", self.run_id, text)
        self.problems.append({"code": "RECORDS_LOST", "message": text})

    def beat(self) -> bool:
        """A heartbeat is due."""
        idle = time.monotonic() - self.sent_at
        return self.open and self.known and self.stopped is None and idle >= HEARTBEAT


def lane_of(journal: Journal, route: Route, sender: Sender) -> Lane:
    """The lane of a journal, whichever kind it is."""
    if "console" not in journal.meta:
        return Lane(journal, route, sender)
    from ._console_lane import ConsoleLane

    return ConsoleLane(journal, route, sender)


class Sender:
    """Delivers the journals of this process in the background."""

    def __init__(self) -> None:
        self.lanes: list[Lane] = []
        self.parked: list[tuple[Path, Route]] = []
        self.routes: dict[str, Route] = {}
        self.inbox: SimpleQueue[None] = SimpleQueue()
        self.asleep = False
        self.thread: threading.Thread | None = None
        self.listening: Listening | None = None  # made by the first run that listens
        self._waiters: list[SimpleQueue[None]] = []
        self._stopping = False
        # Re-entrant: a signal's handler may end runs while this thread is beginning one.
        self._lock = threading.RLock()

    def route(self, url: str) -> Route:
        route = self.routes.get(url)
        if route is None:
            route = self.routes[url] = Route(url)
        return route

    def add(self, lane: Lane) -> None:
        with self._lock:
            self.lanes.append(lane)
            if self.thread is None:
                thread = threading.Thread(target=self._run, name="trackql-sender", daemon=True)
                # At interpreter exit no thread can be started: the journal is left for sync.
                with suppress(RuntimeError):
                    thread.start()
                    self.thread = thread
        self.wake()

    def wake(self) -> None:
        self.asleep = False
        self.inbox.put(None)

    def stop(self) -> None:
        """End the thread; what is not delivered stays in the journals."""
        self._stopping = True
        self.wake()
        if self.thread is not None:
            self.thread.join()

    def wait(self, lanes: list[Lane], timeout: float | None, default: float) -> bool:
        """Until the server has what these lanes hold now; False when the deadline came first.

        Without a timeout the wait ends early once the server is lost.
        """
        begun = time.monotonic()
        deadline = begun + (default if timeout is None else timeout)
        targets = [(lane, lane.journal.end()) for lane in lanes]
        signal: SimpleQueue[None] = SimpleQueue()
        self._waiters.append(signal)
        try:
            for lane in lanes:
                lane.route.backoff.due = 0.0
            self.wake()
            while True:
                targets = [(lane, end) for lane, end in targets if not _done(lane, end)]
                if not targets:
                    return all(lane.stopped is None for lane in lanes)
                left = deadline - time.monotonic()
                if timeout is None:
                    targets = [pair for pair in targets if not pair[0].route.lost(begun)]
                if left <= 0 or not targets or self.thread is None:
                    return False
                with suppress(Empty):
                    signal.get(timeout=min(left, 0.1))
        finally:
            self._waiters.remove(signal)

    def _run(self) -> None:
        while not self._stopping:
            started = time.monotonic()
            busy = self._round()
            for signal in tuple(self._waiters):
                signal.put(None)
            if busy:
                rest = started + PACE - time.monotonic()
                # What was there already when the former left has waited long enough.
                if rest > 0 and not any(lane.backlog for lane in self.lanes):
                    time.sleep(rest)
                continue
            self.asleep = True
            if not any(lane.ready() for lane in self.lanes):
                with suppress(Empty):
                    self.inbox.get(timeout=self._idle())
            self.asleep = False
            with suppress(Empty):
                while True:
                    self.inbox.get_nowait()

    def _round(self) -> bool:
        busy = False
        for lane in tuple(self.lanes):
            lane.waiting = not lane.known and self._blocked(lane)
            try:
                busy |= lane.step()
            except Exception:  # one journal's trouble is not the others'
                log.exception("run %s: trackql could not read its journal", lane.run_id)
                lane.backoff.fail()
            self._tidy(lane)
        self._beat()
        if self.listening is not None:
            self.listening.ask()
        return self._unpark() or busy

    def _tidy(self, lane: Lane) -> None:
        """Hold no more files open than needed: of what is done, of what is idle, of the many."""
        many = len(self.lanes) > LANES
        idle = time.monotonic() - lane.sent_at
        if lane.removed:
            self.lanes.remove(lane)
        elif lane.journal.closed:
            path = lane.journal.path
            away = many and path is not None and lane.route.backoff.failures > 0
            if away and path is not None and lane.journal.put_aside():
                self.parked.append((path, lane.route))
                self.lanes.remove(lane)
                lane.parked = True
        elif not lane.open and lane.known and not lane.pending() and (many or idle > IDLE):
            # Attached and quiet: whoever logs to it again begins another journal.
            lane.journal.closed = True

    def _unpark(self) -> bool:
        """Take up journals that were put aside while their server did not answer."""
        taken = False
        while self.parked and len(self.lanes) <= LANES // 2:
            path, route = self.parked[0]
            if route.backoff.failures:
                return taken
            journal = Journal.adopt(path)
            if journal is not None:
                self.lanes.append(lane_of(journal, route, self))
                taken = True
            del self.parked[0]
        return taken

    def _blocked(self, lane: Lane) -> bool:
        """An earlier journal of the same run, or the parent's creation, must arrive first."""
        parent = lane.parent()
        for other in self.lanes:
            if other is lane:
                return False
            if other.route is not lane.route or other.stopped is not None:
                continue
            if other.run_id == lane.run_id and other.prints == lane.prints:
                return True
            # What is printed waits only until the run is known, and nothing waits for it.
            first = other.run_id == parent or (lane.prints and other.run_id == lane.run_id)
            if first and not other.prints and not other.known:
                return True
        return False

    def _beat(self) -> None:
        for route in tuple(self.routes.values()):
            lanes = [lane for lane in self.lanes if lane.route is route and lane.beat()]
            if not lanes or time.monotonic() < route.backoff.due:
                continue
            ids = sorted({lane.run_id for lane in lanes})
            try:
                route.transport.execute("heartbeat", {"input": {"runIds": ids}})
                route.answered()
            except errors.Unreachable as error:
                route.fail(error)
                continue
            except errors.TrackqlError as error:
                log.debug("heartbeat refused: %s", error)
            for lane in lanes:
                lane.sent_at = time.monotonic()

    def _idle(self) -> float | None:
        """Seconds until something is due without a call; None when nothing is."""
        now = time.monotonic()
        return min((max(0.001, at - now) for at in self._appointments()), default=None)

    def _appointments(self) -> Iterator[float]:
        if self.listening is not None and (next := self.listening.next()) is not None:
            yield next
        for lane in tuple(self.lanes):
            if lane.stopped is not None:
                continue
            if lane.pending():
                yield max(lane.due, time.monotonic() + (5 * PACE if lane.waiting else PACE))
            elif lane.open and lane.known:
                yield max(lane.due, lane.sent_at + HEARTBEAT)


def _done(lane: Lane, end: Position) -> bool:
    if lane.stopped is not None:
        return True
    if not lane.journal.closed:
        return lane.reached(end)
    # A signal's handler runs within the call that it interrupts, and that holds the journal.
    return lane.removed or (lane.reached(end) and lane.retire())


def deliver(lane: Lane) -> None:
    """Send everything of a journal now, in this thread; raises what keeps it from arriving."""
    while not lane.removed:
        sent = lane.step()
        if lane.stopped is not None:
            raise lane.stopped
        if sent or lane.removed:
            continue
        if lane.route.backoff.failures:
            raise lane.route.error or errors.Unreachable(f"no answer from {lane.route.url}")
        if lane.backoff.failures > 3:
            raise errors.ServerError(f"{lane.route.url} keeps failing on run {lane.run_id}")
        time.sleep(max(0.0, lane.due - time.monotonic()))
