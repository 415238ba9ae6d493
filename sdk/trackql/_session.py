"""What one process has under way: its journals and sender, and how it ends, forks or is killed."""

from __future__ import annotations

import atexit
import logging
import math
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from . import _progress, config
from ._outbox import Box, Outbox
from ._outgoing import Outgoing
from ._sender import Lane, Sender, lane_of
from ._spool import Journal, Quota
from ._uploads import Uploader
from .errors import RunStopped

if TYPE_CHECKING:
    from ._console_lane import ConsoleLane
    from ._media.encoder import Encoder
    from .runs import Run

log = logging.getLogger("trackql")

# A process that is being terminated has little time before it is killed.
TERMINATION = 10.0

# Bytes of what was printed that wait to be sent, so that metrics always find room.
PRINTED = 512 * 2**20


class Session:
    """Everything that must not be shared with another process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.sender = Sender()
        self.quota = Quota(int(config.SPOOL_LIMIT.number()))
        self.lanes: dict[tuple[str, str], Lane] = {}
        self.consoles: dict[tuple[str, str], ConsoleLane] = {}
        self.runs: list[Run] = []  # begun here and not ended, in order
        self.verdict = "FINISHED"
        self._lock = threading.RLock()
        self._warned: set[str] = set()
        self._uploads: tuple[Outbox, Uploader] | None = None
        self._outgoing: dict[str, Outgoing] = {}
        self._encoder: Encoder | None = None
        self.tables: dict[tuple[str, str, str], dict[str, list[Any]]] = {}

    def lane(self, url: str, run_id: str, first: tuple[int, dict[str, Any]] | None = None) -> Lane:
        """The way of this process to a run; `first` is journalled before anything else."""
        with self._lock:
            lane = self.lanes.get((url, run_id))
            if lane is None or lane.journal.closed:
                lane = self._begin(url, run_id, first)
            elif first is not None:
                lane.journal.append(*first)
        return lane

    def _begin(self, url: str, run_id: str, first: tuple[int, dict[str, Any]] | None) -> Lane:
        journal = self._journal(url, run_id)
        journal.warned = self._full
        if first is not None:
            journal.append(*first)
        lane = Lane(journal, self.sender.route(url), self.sender)
        self.lanes[url, run_id] = lane
        self.sender.add(lane)
        _finish_with_worker()
        return lane

    def console(self, url: str, run_id: str, label: str) -> ConsoleLane:
        """The way of what this process prints to a run."""
        with self._lock:
            found = self.consoles.get((url, run_id))
            if found is not None and not found.journal.closed and not found.removed:
                return found
            quota = Quota(min(PRINTED, self.quota.limit))
            journal = self._journal(url, run_id, {"console": label}, quota)
            lane = lane_of(journal, self.sender.route(url), self.sender)
            self.consoles[url, run_id] = lane  # type: ignore[assignment]
            self.sender.add(lane)
            _finish_with_worker()
        return lane  # type: ignore[return-value]

    def _journal(
        self,
        url: str,
        run_id: str,
        more: dict[str, Any] | None = None,
        quota: Quota | None = None,
    ) -> Journal:
        meta = {
            "url": url,
            "run": run_id,
            "writer": os.urandom(16).hex(),
            "pid": self.pid,
            "created": time.time_ns() // 1_000_000,
            **(more or {}),
        }
        try:
            return Journal.create(config.spool(), meta, quota or self.quota)
        except Exception as error:
            self._once(
                f"no journal can be kept in {config.spool()} ({error}); what is logged is held "
                "in memory and lost with this process if the server does not get it before"
            )
            return Journal.create(None, meta, Quota(64 * 2**20))

    def _full(self, reason: str) -> None:
        self._once(f"{reason}: new points are dropped and counted until there is room again")

    def _once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            log.warning("%s", text)

    def flush(
        self, lanes: list[Lane], timeout: float | None = None, most: float = math.inf
    ) -> bool:
        """Wait until the server has what was logged; False when it did not come to that.

        Without a timeout a server that does not answer is not waited for.
        """
        default = min(most, config.FLUSH_TIMEOUT.number())
        return (not lanes or self.sender.wait(lanes, timeout, default)) and not any(
            lane.parked for lane in lanes
        )

    # -- files

    def uploads(self) -> tuple[Outbox, Uploader]:
        """The outbox of this process and who delivers it; begun when first needed."""
        with self._lock:
            if self._uploads is None:
                outbox = Outbox(config.spool(), int(config.SPOOL_LIMIT.number()))
                self._uploads = (outbox, Uploader(outbox, self.sender))
                _finish_with_worker()
            return self._uploads

    def encoder(self) -> Encoder:
        """Who encodes the rich values that this process logs; begun when first needed."""
        with self._lock:
            if self._encoder is None:
                from ._media.encoder import Encoder

                self._encoder = Encoder()
                _finish_with_worker()
            return self._encoder

    def encoded(
        self, url: str | None = None, run_id: str | None = None, timeout: float | None = None
    ) -> bool:
        """Wait until the outbox has what is being encoded: of everything, a server, or a run."""
        return self._encoder is None or self._encoder.wait(url, run_id, timeout)

    def outbox(self, url: str) -> Outgoing:
        """Where files for runs of a server are put."""
        outgoing = self._outgoing.get(url)
        if outgoing is None:
            outgoing = self._outgoing[url] = Outgoing(self, url)
        return outgoing

    def boxes(self, url: str | None = None, run_id: str | None = None) -> list[Box]:
        """What waits to be uploaded: of everything, of a server, of a run."""
        if self._uploads is None:
            return []
        return [
            box
            for box in list(self._uploads[0].boxes.values())
            if box.pending() and url in (None, box.url) and run_id in (None, box.run_id)
        ]

    def upload(
        self, boxes: Sequence[Box], timeout: float | None = None, most: float = math.inf
    ) -> bool:
        """Wait until the server has these files; False when it did not come to that.

        Without a timeout it is waited as long as bytes move.
        """
        if self._uploads is None or not boxes:
            return True
        stall = min(most, config.FLUSH_TIMEOUT.number())
        if timeout is None and most < math.inf:
            timeout = most
        with _progress.bar("uploading") as watch:
            return self._uploads[1].wait(boxes, timeout, stall, watch)

    def stop_uploads(self) -> None:
        """End the threads that upload; what is not delivered stays in the outbox."""
        if self._uploads is not None:
            self._uploads[1].stop()
            self._uploads[0].tidy()
            self._uploads[0].abandon()

    def close(self, lane: Lane) -> None:
        """Nothing more will be logged: its journal is deleted once it is delivered."""
        lane.open = False
        lane.journal.closed = True
        for lanes in (self.lanes, self.consoles):
            for place, known in list(lanes.items()):
                if known is lane:
                    del lanes[place]

    def finish(self, status: str, timeout: float | None = None, most: float = math.inf) -> None:
        """The process ends: end its runs, deliver what can be delivered, name what is left."""
        for each in endings:
            each(most)
        hurried = most < math.inf
        with suppress(KeyboardInterrupt):
            self.encoded(timeout=most / 4 if hurried else timeout)
        if not hurried:  # a run ends when its files are there; its end is what is told last
            with suppress(KeyboardInterrupt):
                self.upload(self.boxes(), timeout)
        runs, self.runs = self.runs[::-1], []
        for run in runs:
            run._ended(run._ending or status)
        sender = self.sender
        for lane in list(sender.lanes):
            self.close(lane)
        lanes = self._flush_all(timeout, most) if sender.lanes or sender.parked else []
        if hurried:
            self.upload(self.boxes(), timeout, most / 2)
        for run in runs:
            run._farewell()
        self._tell_rest(lanes)
        if self._uploads is not None:
            self._uploads[0].tidy()

    def _flush_all(self, timeout: float | None, most: float) -> list[Lane]:
        sender = self.sender
        begun = time.monotonic()
        while self.flush(lanes := list(sender.lanes), timeout, most):
            # Journals that were put aside are taken up as others are done.
            if not sender.lanes and not sender.parked:
                break
            time.sleep(0.01)
            if timeout is not None and time.monotonic() - begun > timeout:
                break
        return lanes

    def _tell_rest(self, lanes: list[Lane]) -> None:
        rest = [lane for lane in lanes if not lane.removed]
        lost = sum(lane.journal.path is None for lane in rest)
        boxes = self.boxes()
        named = {(lane.route.url, lane.run_id) for lane in rest if lane.journal.path is not None}
        named |= {(box.url, box.run_id) for box in boxes}
        files = sum(box.files() for box in boxes)
        left = len(named) + len(self.sender.parked)
        if left:
            waiting = f" ({_files(files)} not uploaded)" if files else ""
            say(
                f"trackql: the server does not have everything of {_runs(left)} yet{waiting}; "
                "deliver it with: trackql sync"
            )
        if lost:
            say(f"trackql: what {_runs(lost)} logged last is lost: no journal could be kept")

    def abandon(self) -> None:
        """In a forked child: this belongs to the parent."""
        for lane in self.sender.lanes:
            lane.journal.abandon()
        if self._uploads is not None:
            self._uploads[0].abandon()


session = Session()
# What is done before the runs of a process are ended, given the seconds that there are.
endings: list[Callable[[float], None]] = []
# Who is told of the exception that ends the process.
failures: list[Callable[[BaseException], None]] = []
# Every run object of this process, so that a forked child can take its own way to the server.
handles: weakref.WeakSet[Run] = weakref.WeakSet()
_installed = False
_worker = 0


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def say(text: str) -> None:
    """One line for the person at the terminal."""
    if not config.QUIET.flag():
        with suppress(Exception):
            print(text, file=sys.stderr, flush=True)


def watch() -> None:
    """See how the process ends, from its first run on."""
    global _installed
    if not _installed:
        _installed = True
        previous = sys.excepthook

        def uncaught(
            kind: type[BaseException], error: BaseException, trace: TracebackType | None
        ) -> None:
            stopped = issubclass(kind, KeyboardInterrupt | RunStopped)
            session.verdict = "KILLED" if stopped else "FAILED"
            for each in failures:
                each(error)
            previous(kind, error, trace)

        sys.excepthook = uncaught
        leave = sys.exit

        def leaving(status: Any = None, /) -> NoReturn:
            # The code of an exit reaches no hook; in another thread it only ends the thread.
            if threading.current_thread() is threading.main_thread():
                session.verdict = "FINISHED" if status in (None, 0) else "FAILED"
            leave(status)

        sys.exit = leaving
    with suppress(ValueError):  # only the main thread may ask for signals
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    session.finish("KILLED", most=TERMINATION)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _at_exit() -> None:
    session.finish(session.verdict)


def _finish_with_worker() -> None:
    """Workers of multiprocessing leave without the interpreter's exit: hook into theirs."""
    global _worker
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is None or process is None or process.parent_process() is None:
        return
    if _worker != os.getpid():
        _worker = os.getpid()
        util.Finalize(None, _at_exit, exitpriority=0)


def _forked() -> None:
    global session
    former, session = session, Session()
    former.abandon()
    for run in list(handles):
        run._lane = None
        run._deafen()
        run._mine = False


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_forked)
