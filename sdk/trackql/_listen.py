"""A run that listens: it learns that it is asked to stop, or of another value of a parameter.

Nothing is asked of the server until a script listens; then the sender's thread asks for all runs
of a server at once, every few seconds, and notes what it finds where the script reads it.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from . import _live, _session, config, errors
from ._live import LiveParam
from ._spool import LIVE
from .errors import InvalidInput, RunStopped

if TYPE_CHECKING:
    from ._sender import Route, Sender
    from .runs import Run

log = logging.getLogger("trackql")

OnStop = Literal["flag", "raise"]
MOST = 1_000  # runs in one question


class Ear:
    """What was asked of one run, as this process knows."""

    __slots__ = ("armed", "asked", "heeds", "params", "raises", "reason", "run", "stop")

    def __init__(self, run: Run) -> None:
        self.run = weakref.ref(run)
        self.stop = False
        self.reason = ""
        self.params: dict[str, LiveParam] = {}
        self.asked: dict[str, Any] = {}  # values that were asked for, by key
        self.heeds = False  # the script reads whether it should stop
        self.raises = False
        self.armed = False  # the next call that logs raises

    def hear(self, request: dict[str, Any]) -> bool:
        """Take in what was asked; whether the script is one that takes notice of it."""
        if request["kind"] == "STOP":
            if not self.stop:
                self.reason = request["reason"]
                self.armed = self.raises
                self.stop = True
            run = self.run()
            if self.heeds and run is not None:
                run.__dict__["should_stop"] = True
            return self.heeds
        key, value = request["key"], request["value"]
        self.asked[key] = value
        param = self.params.get(key)
        if param is not None:
            param.take(value)
        return param is not None

    def check(self) -> None:
        """Raise RunStopped, once, when the run is asked to stop and is to raise then."""
        if self.armed:
            self.armed = False
            run = self.run()
            text = f"run {run.id if run else ''} was asked to stop"
            raise RunStopped(f"{text}: {self.reason}" if self.reason else text)


class Listening:
    """All runs of this process that listen; asked for by the sender's thread alone."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._ears: list[Ear] = []
        self.due = 0.0

    def ear(self, run: Run) -> Ear:
        """That of a run, which is asked for from now on."""
        ear = Ear(run)
        self._ears.append(ear)
        self.due = 0.0
        return ear

    def next(self) -> float | None:
        """When to ask again; None while nobody listens."""
        return self.due if self._ears else None

    def ask(self) -> None:
        """Ask every server of whose runs one listens, if it is time."""
        if not self._ears or time.monotonic() < self.due:
            return
        self.due = time.monotonic() + max(0.001, config.LISTEN_INTERVAL.number())
        by_server: dict[str, dict[str, list[Ear]]] = {}
        for ear in tuple(self._ears):
            run = ear.run()
            if run is None or run._finished is not None:
                self._ears.remove(ear)
            else:
                by_server.setdefault(run._server, {}).setdefault(run.id, []).append(ear)
        for url, ears in by_server.items():
            route = self._sender.route(url)
            if time.monotonic() < route.backoff.due:
                continue
            try:
                _ask(route, dict(list(ears.items())[:MOST]))
            except (errors.Unreachable, errors.Unavailable, errors.Forbidden) as error:
                route.fail(error)
            except errors.TrackqlError as error:
                log.debug("asking what was asked of runs failed: %s", error)


def _ask(route: Route, ears: dict[str, list[Ear]]) -> None:
    found = route.transport.execute("open_requests", {"runIds": sorted(ears)})
    route.answered()
    seen = []
    for request in found["openRequests"]:
        heard = [ear.hear(request) for ear in ears[request["runId"]]]
        if any(heard) and request["seenAt"] is None:
            seen.append(request["id"])
    for ear in (ear for several in ears.values() for ear in several):
        run = ear.run()
        if ear.armed and run is not None:
            run._lane = None  # so that the next call that logs comes by `Run._attach`
    if seen:
        route.transport.execute("see_requests", {"input": {"ids": seen}})


class ShouldStop:
    """Stands for the attribute until it is read first; then it is in the run itself.

    A training loop reads it at every step: no property is as cheap as an attribute.
    """

    @overload
    def __get__(self, run: None, owner: type[Listens]) -> ShouldStop: ...
    @overload
    def __get__(self, run: Listens, owner: type[Listens]) -> bool: ...
    def __get__(self, run: Listens | None, owner: type[Listens]) -> ShouldStop | bool:
        return self if run is None else run._heed()


class Listens:
    """What a run does that listens."""

    id: str
    _server: str
    _finished: int | None
    _ear: Ear | None = None

    def _append(self, kind: int, payload: Any) -> None:
        raise NotImplementedError

    should_stop = ShouldStop()
    """Whether somebody asked the run to stop; from the first look on this process listens."""

    @property
    def stop_reason(self) -> str:
        """Why, in the words of who asked; empty before."""
        return self._ear.reason if self._ear is not None else ""

    def live_param(
        self,
        key: str,
        value: Any,
        *,
        min: float | None = None,
        max: float | None = None,
        choices: Sequence[Any] | None = None,
    ) -> LiveParam:
        """A parameter that people may change while the script runs; begins with a value.

        Its type is that of the value: number, integer, flag or text, or one of `choices`.
        """
        spec = _live.declared(key, value, min, max, choices)
        ear = self._listen()
        param = ear.params.get(key)
        if param is not None and param.spec == spec:
            return param
        self._append(LIVE, {"params": [spec]})
        param = LiveParam(key, spec)
        ear.params[key] = param
        if key in ear.asked:
            param.take(ear.asked[key])
        return param

    def _heed(self, on_stop: OnStop = "flag") -> bool:
        """Begin to take notice of requests to stop; whether there is one."""
        if self._finished is not None:
            return self._ear is not None and self._ear.stop
        ear = self._listen()
        ear.raises = ear.raises or on_stop == "raise"
        # The sender's thread puts True there; should it do so in between, then again next time.
        self.__dict__["should_stop"] = ear.stop
        ear.heeds = True
        return ear.stop

    def _deafen(self) -> None:
        """In a forked child: this process does not listen."""
        self._ear = None
        self.__dict__.pop("should_stop", None)

    def _listen(self) -> Ear:
        if self._ear is None:
            sender = _session.session.sender
            if sender.listening is None:
                sender.listening = Listening(sender)
            run: Any = self
            if run._lane is None:
                run._attach()  # the sender's thread runs while there are journals
            self._ear = sender.listening.ear(run)
            sender.wake()
        return self._ear


def checked(on_stop: object) -> OnStop | None:
    """What a run should do when it is asked to stop. Raises InvalidInput."""
    if on_stop is None or on_stop == "flag" or on_stop == "raise":
        return on_stop
    raise InvalidInput(f"on_stop must be 'flag' or 'raise', not {on_stop!r}", argument="on_stop")


def should_stop() -> bool:
    """Whether somebody asked the active run to stop; False without one."""
    from .fluent import active_run

    run = active_run()
    return run is not None and run.should_stop


def live_param(
    key: str,
    value: Any,
    *,
    min: float | None = None,
    max: float | None = None,
    choices: Sequence[Any] | None = None,
) -> LiveParam:
    """A parameter of the active run that people may change while the script runs."""
    from .fluent import _current

    return _current().live_param(key, value, min=min, max=max, choices=choices)
