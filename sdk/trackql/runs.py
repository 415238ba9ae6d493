"""Run: what a training script holds and logs to."""

from __future__ import annotations

import html
import os
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple

from . import _capture, _console, _names, _paths, _session, _source, _system, values
from ._alert import Alerts
from ._files import Files
from ._inputs import Inputs
from ._listen import Listens
from ._media.reading import Values
from ._sender import Lane
from ._spool import CREATE, FINISH, PARAMS, RESUME, TAGS, UNTAG, UPDATE, Sealed
from .entities import RunData, RunInfo, moment
from .errors import InvalidInput, InvalidValue, RunStopped

STATUSES = ("FINISHED", "FAILED", "KILLED")
# Tags that are fields of the run.
NAME_TAG = "mlflow.runName"
NOTE_TAG = "mlflow.note.content"


class Snapshot(NamedTuple):
    """A run as a read found it."""

    info: RunInfo
    data: RunData
    parent_id: str | None
    dropped: int
    problems: list[dict[str, str]]


class Run(Files, Inputs, Listens, Alerts, Values):
    """A run: log to it, end it, or read what it holds.

    Logging never waits for the server and never raises because of it. Used as a context
    manager the run ends with the block: FINISHED, FAILED by an exception, or KILLED where it was
    interrupted or asked to stop.
    """

    def __init__(self, run_id: str, url: str, name: str = "", snapshot: Snapshot | None = None):
        self.id = run_id
        self.name = name
        self._server = url
        self._lane: Lane | None = None
        self._snapshot = snapshot
        self._mine = False
        self._status = "RUNNING"
        self._started = time.time_ns() // 1_000_000
        self._finished: int | None = None
        self._parent: str | None = None
        self._experiment: str | None = None
        self._next_step = 0
        self._ending: str | None = None  # the status to come, while its files are waited for
        self._printed: _console.Printed | None = None
        self._captured: frozenset[str] = frozenset()
        self._job: _capture.Job | None = None
        self._sampler: _system.Sampler | None = None
        self._failure: BaseException | None = None
        _session.handles.add(self)

    # -- logging

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log values at a step; without one, at the step after the last that `log` used.

        Numbers are metrics. What is none may be rich: pictures, tables, figures and the like.
        """
        if step is None:
            step = self._next_step
        try:
            self.log_metrics(metrics, step)
            plain = True
        except InvalidValue:
            plain = False
        if not plain:
            from . import media

            media.log(self, metrics, step)
        self._next_step = values.step(step) + 1

    def log_metrics(
        self, metrics: Mapping[str, Any], step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Log several metrics at one step; step 0 when none is given."""
        if not metrics:
            return
        lane = self._lane or self._attach()
        try:
            lane.journal.metrics(
                metrics,
                0 if step is None else step,
                time.time_ns() // 1_000_000 if timestamp is None else timestamp,
            )
        except Sealed:
            self._lane = None
            self.log_metrics(metrics, step, timestamp)
            return
        sender = lane.sender
        if sender.asleep:
            sender.wake()

    def log_metric(
        self, key: str, value: Any, step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Log one metric; step 0 when none is given."""
        self.log_metrics({key: value}, step, timestamp)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params; a param keeps its first value, and a change is shown on the run."""
        entries = []
        for key, value in params.items():
            entry: dict[str, Any] = {
                "key": values.key(key),
                "value": values.text(f"param {key!r}", value),
            }
            if not isinstance(value, str) and (plain := _config(value)) is not None:
                entry["config"] = plain
            entries.append(entry)
        if entries:
            self._append(PARAMS, entries)

    def log_param(self, key: str, value: Any) -> None:
        self.log_params({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        entries = [
            {"key": values.key(key), "value": values.text(f"tag {key!r}", value)}
            for key, value in tags.items()
        ]
        if not entries:
            return
        self._append(TAGS, entries)
        if NAME_TAG in tags:
            self.name = str(tags[NAME_TAG])
            self._append(UPDATE, {"name": self.name})
        if NOTE_TAG in tags:
            self._append(UPDATE, {"description": str(tags[NOTE_TAG])})

    def set_tag(self, key: str, value: Any) -> None:
        self.set_tags({key: value})

    def delete_tag(self, key: str) -> None:
        self._append(UNTAG, [values.key(key)])

    def _append(self, kind: int, payload: Any) -> None:
        lane = self._lane or self._attach()
        try:
            if not lane.journal.append(kind, payload):
                _session.log.warning("run %s: no room in the journal; one call is lost", self.id)
        except Sealed:
            self._lane = None
            self._append(kind, payload)
            return
        if lane.sender.asleep:
            lane.sender.wake()

    def _attach(self, first: tuple[int, dict[str, Any]] | None = None) -> Lane:
        """This process's own way to the run; it neither begins nor ends the run."""
        if self._ear is not None and self._finished is None:
            self._ear.check()
        self._lane = _session.session.lane(self._server, self.id, first)
        if first is None:
            _capture.attached(self)
        return self._lane

    # -- ending and waiting

    def finish(self, status: str = "FINISHED", timeout: float | None = None) -> None:
        """End the run and wait for the server to have it, up to a deadline; for files first.

        Files are waited for as long as their bytes move.
        """
        if status not in STATUSES:
            raise InvalidInput(
                f"status must be one of {', '.join(STATUSES)}, not {status!r}", argument="status"
            )
        session = _session.session
        begun, ended = time.monotonic(), time.time_ns() // 1_000_000
        self._ending = status
        _capture.ending(self)
        console = _console.end(self)
        try:
            session.encoded(self._server, self.id, timeout)
            session.upload(session.boxes(self._server, self.id), timeout)
        finally:
            if self in session.runs:
                session.runs.remove(self)
            lane = self._ended(status, ended)
            session.close(lane)
            self._lane = None
        left = None if timeout is None else max(0.0, begun + timeout - time.monotonic())
        session.flush([lane] if console is None else [lane, console], left)
        self._farewell(lane)

    def _ended(self, status: str, at: int | None = None) -> Lane:
        self._status = status
        self._finished = at or time.time_ns() // 1_000_000
        stack = active()
        if self in stack:
            stack.remove(self)
        self._append(FINISH, {"status": status, "endTime": moment(self._finished)})
        lane = self._lane or self._attach()
        lane.open = False
        return lane

    def _farewell(self, lane: Lane | None = None) -> None:
        lane = lane or self._lane
        text = f"trackql: run {self.name} {self._status}"
        if lane is not None:
            if dropped := lane.dropped:
                text += f", {dropped} points dropped"
            if lane.stopped is not None:
                text += f", not delivered: {lane.stopped}"
            elif not lane.removed:
                text += f", not delivered yet: {lane.route.url} does not answer"
        files = sum(box.files() for box in _session.session.boxes(self._server, self.id))
        if files:
            text += f", {_session._files(files)} not uploaded yet; deliver with: trackql sync"
        _session.say(text)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the server has what this process logged to the run; False when it has not."""
        session, begun = _session.session, time.monotonic()
        console = None if self._printed is None else self._printed.lane
        lanes = [lane for lane in (self._lane, console) if lane is not None]
        logged = not lanes or session.flush(lanes, timeout)
        left = None if timeout is None else max(0.0, begun + timeout - time.monotonic())
        encoded = session.encoded(self._server, self.id, left)
        return session.upload(session.boxes(self._server, self.id), left) and logged and encoded

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._finished is not None:
            return
        if not self._mine:  # a forked child leaves the block of its parent's run
            self.flush()
        elif kind is None or (isinstance(error, SystemExit) and not error.code):
            self.finish("FINISHED")
        elif issubclass(kind, KeyboardInterrupt | RunStopped):
            self.finish("KILLED")
        else:
            if error is not None:
                _capture.failed(self, error)
            self.finish("FAILED")

    # -- reading

    @property
    def url(self) -> str:
        """The run's page."""
        return f"{self._server}/runs/{self.id}"

    @property
    def info(self) -> RunInfo:
        """What the run is; known here for a run of this process, else as it was read."""
        if self._snapshot is not None:
            return self._snapshot.info
        return RunInfo(
            run_id=self.id,
            run_name=self.name,
            status=self._status,
            start_time=self._started,
            end_time=self._finished,
            user_id=_source.user(),
            lifecycle_stage="active",
            experiment_id=self._experiment or (lambda: self._read().info.experiment_id),
            artifact_uri=_paths.uri(self.id, ""),
        )

    @property
    def data(self) -> RunData:
        """Last metrics, params and tags; asked of the server unless the run was read from it."""
        return (self._snapshot or self._read()).data

    @property
    def parent_run_id(self) -> str | None:
        return self._snapshot.parent_id if self._snapshot else self._parent

    @property
    def dropped_points(self) -> int:
        """Points that could not be kept, as the server knows."""
        return (self._snapshot or self._read()).dropped

    @property
    def problems(self) -> list[dict[str, str]]:
        """What was rejected after it was logged."""
        return (self._snapshot or self._read()).problems

    def _read(self) -> Snapshot:
        from .client import Client

        snapshot = Client(self._server).run(self.id)._snapshot
        assert snapshot is not None
        return snapshot

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.name!r} {self.info.status}>"

    def _repr_html_(self) -> str:
        name, link = html.escape(self.name or self.id), html.escape(self.url)
        status = html.escape(self.info.status)
        return f'<a href="{link}" target="_blank" rel="noopener">{name}</a> <code>{status}</code>'


def active() -> list[Run]:
    """The active runs of this thread, outermost first."""
    stack = _console.local.stack
    while stack and stack[-1]._finished is not None:  # ended by another thread
        stack.pop()
    return stack


def begin(
    url: str,
    experiment: dict[str, str],
    name: str | None = None,
    parent_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> Run:
    """Begin a run: its id and name are made here, so that no server is needed."""
    tags = dict(tags or {})
    name = name or str(tags.get(NAME_TAG) or _names.name())
    run = Run(os.urandom(16).hex(), url, values.name(name, "run_name"))
    run._mine = True
    run._parent = parent_id
    run._experiment = experiment.get("experimentId")
    first: dict[str, Any] = {
        **experiment,
        "name": run.name,
        "startTime": moment(run._started),
        "user": _source.user(),
        "sourceName": _source.script(),
        "tags": [
            {"key": values.key(key), "value": values.text(f"tag {key!r}", value)}
            for key, value in tags.items()
        ],
    }
    optional = {
        "gitCommit": _source.commit(),
        "parentRunId": parent_id,
        "description": description if description is not None else tags.get(NOTE_TAG),
    }
    first.update((key, value) for key, value in optional.items() if value)
    run._fresh = True
    return _opened(run, (CREATE, first))


def resume(url: str, run_id: str, name: str = "") -> Run:
    """Take a run up again: RUNNING, and ended by this process."""
    run = Run(values.run_id(run_id), url, name or run_id)
    run._mine = True
    return _opened(run, (RESUME, {}))


def _opened(run: Run, first: tuple[int, dict[str, Any]]) -> Run:
    _session.watch()
    lane = run._attach(first)
    lane.open = True
    _session.session.runs.append(run)
    _session.say(f"trackql: run {run.name} {run.url}")
    return run


def _config(value: Any) -> Any:
    """A param's value as JSON, where JSON can hold it exactly."""
    import json

    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return json.loads(text) if len(text) < 100_000 else None
