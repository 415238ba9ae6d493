"""What a script prints: still printed, and kept line by line with its run.

Standard output and error are wrapped: a write is passed on first, then its lines go into a journal
of the run's console, which is sent like the other one but does not wait for it or hold it up.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TextIO

from . import _session
from ._lines import Lines
from ._spool import Sealed

if TYPE_CHECKING:
    from ._console_lane import ConsoleLane
    from .runs import Run

STREAMS = ("stdout", "stderr")
LONGEST = 64 * 1024  # bytes of a line, as the server keeps them
LATER = 1_000  # writes kept that came while another was taken in by the same thread

_SURROGATES = dict.fromkeys(range(55296, 57344), "�")


class _Local(threading.local):
    """What a thread is doing."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.stack: list[Run] = []  # its active runs, outermost first

    writing: Tee | None = None  # the wrapper whose stream prints now
    taking = False  # lines are being taken in
    later: list[tuple[int, str]] | None = None


class Printed:
    """What this process prints while a run of it is active."""

    def __init__(self, run: Run, label: str) -> None:
        self.run_id = run.id
        self.url = run._server
        self.label = label
        self.lines = (Lines(), Lines())
        self.lane: ConsoleLane | None = None
        self.version = 0  # of the open lines
        self.ended = False
        self.lock = threading.RLock()

    def take(self, stream: int, text: str) -> None:
        """Take in a write."""
        with self.lock:
            if self.ended:
                return
            lane = self.lane
            if lane is None or lane.journal.closed:
                lane = self._lane()
            if ended := self.lines[stream].feed(text, local.thread):
                self._append(lane, time.time_ns() // 1_000_000, stream, ended)
            self.version += 1
        if not lane.told:
            lane.told = True
            if lane.sender.asleep:
                lane.sender.wake()

    def _append(self, lane: ConsoleLane, now: int, stream: int, ended: Iterable[str]) -> None:
        for line in ended:
            data = encoded(line)
            try:
                lane.journal.line(now, stream, data)
            except Sealed:  # it was quiet for long
                lane = self._lane()
                lane.journal.line(now, stream, data)

    def _lane(self) -> ConsoleLane:
        self.lane = _session.session.console(self.url, self.run_id, self.label)
        self.lane.source = self
        return self.lane

    def opened(self) -> list[dict[str, Any]]:
        """The lines that are not ended, as they are sent."""
        with self.lock:
            texts = [(stream, self.lines[stream].open()) for stream in (0, 1)]
        return [
            {
                "stream": STREAMS[stream].upper(),
                "time": time.time_ns() // 1_000_000,
                "text": encoded(text).decode(),
            }
            for stream, text in texts
            if text
        ]

    def end(self) -> ConsoleLane | None:
        """Take in nothing more; lines that are open have ended."""
        with self.lock:
            if not self.ended:
                self.ended = True
                now = time.time_ns() // 1_000_000
                for stream, lines in enumerate(self.lines):
                    if left := lines.drain():
                        self._append(self.lane or self._lane(), now, stream, left)
                self.version += 1
            lane = self.lane
        if lane is not None:
            _session.session.close(lane)
        return lane


class Tee:
    """Stands for a stream: prints as it does, and hands on what was written."""

    def __init__(self, inner: TextIO, stream: int) -> None:
        self._inner = inner
        self._stream = stream

    def write(self, text: str) -> int:
        state = local
        if state.writing is not None:
            # Within another write of this thread: of a wrapper around us, which takes it in
            # itself, or of a signal's handler.
            if state.taking or state.writing is self:
                _postpone(self._stream, text)
            return self._inner.write(text)
        state.writing = self
        try:
            count = self._inner.write(text)
            if _printing:
                state.taking = True
                for run in reversed(state.stack):
                    if run._printed is not None:
                        run._printed.take(self._stream, text)
                        break
                else:
                    for printed in _printing[-1:]:
                        printed.take(self._stream, text)
                if state.later:
                    _catch_up(state.later)
            return count
        except BaseException as error:
            if not state.taking or not isinstance(error, Exception):
                raise
            _give_up(error)
            return count
        finally:
            state.taking = False
            state.writing = None

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __iter__(self) -> Any:
        return iter(self._inner)

    def __enter__(self) -> Tee:
        return self

    def __exit__(self, *_: object) -> None:
        self._inner.close()

    def __repr__(self) -> str:
        return repr(self._inner)


# What each thread is doing, and which runs it has.
local = _Local()
_printing: list[Printed] = []  # of active runs of this process, in order of their beginning
_lock = threading.RLock()
_tees: list[Tee] = []
_broken = False
# Ends what keeps more than the wrappers do, if anything.
unhook: Callable[[], None] | None = None


def encoded(line: str) -> bytes:
    """A line as bytes that can be kept: no NUL, no half characters, not too long."""
    if "\0" in line:
        line = line.replace("\0", "\ufffd")
    try:
        data = line.encode()
    except UnicodeEncodeError:
        data = line.translate(_SURROGATES).encode()
    if len(data) <= LONGEST:
        return data
    mark = f"… ({len(data):,} bytes; the rest is cut off)".encode()
    return data[: LONGEST - len(mark)].decode(errors="ignore").encode() + mark


def _postpone(stream: int, text: str) -> None:
    if local.later is None:
        local.later = []
    if len(local.later) < LATER:
        local.later.append((stream, text))


def _catch_up(later: list[tuple[int, str]]) -> None:
    """Take in what was written while another write was taken in."""
    while later:
        printed = _target()
        stream, text = later.pop(0)
        if printed is not None:
            printed.take(stream, text)


def _give_up(error: Exception) -> None:
    """What goes wrong here must not keep a script from printing."""
    global _broken
    if not _broken:
        _broken = True
        _session.log.warning("trackql can't keep what is printed: %r", error)


def _target() -> Printed | None:
    """Whose line it is: the innermost run of this thread, or the latest of the process."""
    for run in reversed(local.stack):
        if run._printed is not None:
            return run._printed
    return _printing[-1] if _printing else None


def begin(run: Run, *, wrap: bool = True) -> None:
    """Keep what is printed with a run, until it ends."""
    with _lock:
        if run._printed is None:
            run._printed = Printed(run, label())
            _printing.append(run._printed)
        if wrap:
            _wrap()


def take(stream: int, text: str) -> None:
    """Take in what was written past the wrappers: it is of the latest run."""
    for printed in _printing[-1:]:
        printed.take(stream, text)


def end(run: Run) -> ConsoleLane | None:
    """No more; the journal that is left to deliver."""
    printed, run._printed = run._printed, None
    if printed is None:
        return None
    if _printing == [printed]:
        _let_go()
    lane = printed.end()
    with _lock:
        if printed in _printing:
            _printing.remove(printed)
        if not _printing:
            _unwrap()
    return lane


def finish() -> None:
    """The process ends: everything printed is taken in."""
    _let_go()
    for printed in _printing[:]:
        printed.end()
    with _lock:
        _printing.clear()
        _unwrap()


def _let_go() -> None:
    global unhook
    hook, unhook = unhook, None
    if hook is not None:
        hook()


def label() -> str:
    """Which of a run's processes this is; empty when it is the only one."""
    names = []
    for rank, world in (
        ("RANK", "WORLD_SIZE"),
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
        ("PMI_RANK", "PMI_SIZE"),
        ("SLURM_PROCID", "SLURM_NTASKS"),
    ):
        place, size = os.environ.get(rank, ""), os.environ.get(world, "")
        if place.isdigit() and size.isdigit() and int(size) > 1:
            names.append(f"rank {place}")
            break
    if child():
        names.append(f"pid {os.getpid()}")
    return " ".join(names)


def child() -> bool:
    """This process was forked from one that tracked, or is a worker of multiprocessing."""
    process = sys.modules.get("multiprocessing.process")
    return _forked_here or (process is not None and process.parent_process() is not None)


def _wrap() -> None:
    for number, name in enumerate(STREAMS):
        there = getattr(sys, name)
        if there is None or isinstance(there, Tee):
            continue
        tee = Tee(there, number)
        setattr(sys, name, tee)
        _tees.append(tee)
        _point_handlers(there, tee)


def _unwrap() -> None:
    """Put back the streams that were wrapped, where nobody else has put something since."""
    for tee in _tees:
        name = STREAMS[tee._stream]
        if getattr(sys, name) is tee:
            setattr(sys, name, tee._inner)
        _point_handlers(tee, tee._inner)
    _tees.clear()


def _point_handlers(old: Any, new: Any) -> None:
    """Handlers of logging that hold a stream go on with another one."""
    references: list[weakref.ref[logging.Handler]] = list(logging._handlerList)  # type: ignore[attr-defined]
    for reference in references:
        handler = reference()
        # Its own attribute: the handler of last resort looks its stream up each time.
        if isinstance(handler, logging.StreamHandler) and vars(handler).get("stream") is old:
            handler.stream = new


_forked_here = False


def _forked() -> None:
    """In a child: what it prints is its run's as soon as it logs to one."""
    global _lock, _forked_here
    _forked_here = True
    _lock = threading.RLock()
    local.thread = threading.get_ident()
    local.writing, local.taking, local.later = None, False, None
    _printing.clear()
    for run in list(_session.handles):
        run._printed = None


os.register_at_fork(after_in_child=_forked)
