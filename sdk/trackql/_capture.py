"""What is captured of a run without being asked: its source, its surroundings, its failure.

All of it is found out in a thread of its own, so that a run begins at once; the end of a run waits
for it. What is printed and the machine's metrics are kept by `_console` and `_system`.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from . import _console, _session, _source, _system, config
from ._spool import FACTS, Sealed
from ._transport import _importing
from .errors import InvalidInput, RunStopped

if TYPE_CHECKING:
    from .runs import Run

log = logging.getLogger("trackql")

PARTS = (
    "source",
    "diff",
    "files",
    "environment",
    "packages",
    "failure",
    "console",
    "system_metrics",
)
FOUND_OUT = frozenset(("source", "environment"))  # by the thread

# The thread gives way to what a script does first.
REST = 0.1
# How long the end of a run waits for it.
WAIT = 20.0
TRACEBACK = 256 * 1024  # bytes


def parts(given: bool | Collection[str] | None) -> frozenset[str]:
    """What is to be captured: as given in code, or by the environment. Raises InvalidInput."""
    if given is None:
        return _chosen(config.CAPTURE.read(), None)
    if isinstance(given, bool):
        return frozenset(PARTS if given else ())
    if isinstance(given, str):
        return _chosen(given, "capture")
    return _chosen(",".join(map(str, given)), "capture")


def _chosen(text: str, argument: str | None) -> frozenset[str]:
    words = [word for word in text.replace(",", " ").lower().split() if word]
    if words in (["0"], ["false"], ["no"], ["off"], ["none"]):
        return frozenset()
    if words in (["1"], ["true"], ["yes"], ["on"], ["all"]):
        return frozenset(PARTS)
    plain = {word.lstrip("-+") for word in words}
    if unknown := sorted(plain - set(PARTS)):
        message = f"{unknown[0]!r} can't be captured; the parts are {', '.join(PARTS)}"
        if argument is not None:
            raise InvalidInput(message, argument=argument)
        _session.session._once(f"{config.CAPTURE.name}: {message}")
    without = {word[1:] for word in words if word[0] == "-"}
    chosen = plain - without or set(PARTS)
    return frozenset(chosen & set(PARTS) - without)


class Job:
    """What is found out about one run."""

    def __init__(self, run: Run, chosen: frozenset[str]) -> None:
        self.run = run
        self.chosen = chosen
        self.arguments, self.working_folder = tuple(sys.argv[1:]), _source.working_folder()
        self.hurry = threading.Event()
        self.thread = threading.Thread(target=self._work, name="trackql-capture", daemon=True)

    def _work(self) -> None:
        try:
            self.hurry.wait(REST)
            # A process that forks while a thread imports would leave its child waiting for that.
            with _importing:
                from . import _findings
            start = _findings.Start(self.arguments, self.working_folder)
            _findings.report(self.run, self.chosen, start)
        except Exception as error:
            log.warning("run %s: trackql could not capture its source: %r", self.run.id, error)


def begin(
    run: Run,
    *,
    resumed: bool = False,
    capture: bool | Collection[str] | None = None,
    console: bool | None = None,
    system_metrics: bool | None = None,
) -> None:
    """Begin to capture what is wanted of a run that has just begun."""
    chosen = parts(capture)
    run._captured = chosen
    # Whoever takes a run up again adds to it; it was begun by other code, maybe.
    if chosen & FOUND_OUT and (capture is not None or not resumed):
        job = run._job = Job(run, chosen)
        try:
            job.thread.start()
        except RuntimeError:  # at the interpreter's exit
            run._job = None
    if _printing(chosen, console):
        _tried(run, "console", _print)
    if _measuring(chosen, system_metrics):
        _tried(run, "system metrics", _system.begin)


def _tried(run: Run, what: str, begin: Callable[[Run], object]) -> None:
    """Whatever a script did to its streams, its run begins."""
    try:
        begin(run)
    except Exception as error:
        log.warning("run %s: trackql does not capture its %s: %r", run.id, what, error)


def _print(run: Run) -> None:
    if _by_descriptor():
        from . import _descriptors

        _descriptors.begin(run)
    else:
        _console.begin(run)


def attached(run: Run) -> None:
    """A process logs to a run that another one began: what its workers print is the run's."""
    fresh = run._printed is None and run._finished is None and _console.child()
    # Where descriptors are led through `tee`, those of workers are too.
    if fresh and not _by_descriptor() and _printing(parts(None), None):
        _tried(run, "console", _console.begin)


def _by_descriptor() -> bool:
    return config.CONSOLE.read().strip().lower() == "fd"


def _printing(chosen: frozenset[str], console: bool | None) -> bool:
    if console is not None:
        return console
    given = os.environ.get(config.CONSOLE.name, "").strip().lower()
    if given:
        return given not in ("0", "false", "no", "off")
    return "console" in chosen


def _measuring(chosen: frozenset[str], asked: bool | None) -> bool:
    if asked is not None:
        return asked
    if _system.Settings.enabled is not None:
        return _system.Settings.enabled
    given = os.environ.get(config.SYSTEM_METRICS.name, "").strip().lower()
    if given:
        return given not in ("0", "false", "no", "off")
    return "system_metrics" in chosen


def ending(run: Run, most: float = math.inf) -> None:
    """A run ends: wait for what is found out about it, and take in what it printed last."""
    job, run._job = run._job, None
    if job is not None and job.thread is not threading.current_thread():
        job.hurry.set()
        with suppress(RuntimeError):  # it never began
            job.thread.join(min(WAIT, most / 4))
        if job.thread.is_alive():
            log.warning("run %s: finding out about its source takes too long", run.id)
    sampler, run._sampler = run._sampler, None
    if sampler is not None:
        sampler.end(run)


def failed(run: Run, error: BaseException) -> None:
    """Note the exception that ends a run."""
    if "failure" not in run._captured or run._failure is error:
        return
    if isinstance(error, SystemExit | RunStopped):  # as was wanted
        return
    run._failure = error
    try:
        note(run, {"failure": _told(error)})
    except Exception as problem:
        log.warning("run %s: its failure is not noted: %r", run.id, problem)


def note(run: Run, facts: dict[str, Any]) -> None:
    """Put facts of a run on their way, without what a logging call of the script may raise."""
    for _ in range(2):
        lane = _session.session.lane(run._server, run.id)
        with suppress(Sealed):  # it was quiet for long: another journal is begun
            lane.journal.append(FACTS, facts)
            lane.sender.wake()
            return


def _told(error: BaseException) -> dict[str, Any]:
    import traceback

    from . import _redact

    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    trace = _redact.text("".join(traceback.format_exception(error)))
    return {
        "kind": clean(name),
        "message": cut(clean(_redact.text(str(error))), 10_000),
        "traceback": cut(clean(trace), TRACEBACK),
        "time": time.time_ns() // 1_000_000,
    }


def clean(text: str) -> str:
    """A text that can be kept: without NUL and halves of characters."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def cut(text: str, most: int) -> str:
    """At most so many bytes of a text; its middle goes."""
    data = text.encode()
    if len(data) <= most:
        return text
    half = (most - 100) // 2
    head, tail = data[:half].decode(errors="ignore"), data[-half:].decode(errors="ignore")
    return f"{head}\n… {len(data) - 2 * half:,} bytes are left out …\n{tail}"


def _finish(most: float) -> None:
    """The process ends."""
    for run in _session.session.runs[::-1]:
        ending(run, most)
    _console.finish()


def _uncaught(error: BaseException) -> None:
    for run in list(_session.session.runs):
        failed(run, error)


def _forked() -> None:
    for run in list(_session.handles):
        run._job = run._sampler = None


_session.endings.append(_finish)
_session.failures.append(_uncaught)
os.register_at_fork(after_in_child=_forked)
