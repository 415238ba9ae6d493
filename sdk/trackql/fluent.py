"""The verbs of a training script, with MLflow's names and meanings.

What is logged goes to the active run of this thread; one is begun when there is none.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from . import _capture, _listen, _session, _system, config, runs, values
from ._listen import OnStop
from ._table import Format
from ._transport import connect
from .client import Client
from .entities import ActiveExperiment, Experiment, ViewType
from .errors import InvalidInput, NotAvailable, RunActive
from .runs import Run

_experiment: ActiveExperiment | None = None
_last = threading.local()
_clients: dict[str, Client] = {}


def _client() -> Client:
    url = config.url()
    if url not in _clients:
        _clients[url] = Client(url)
    return _clients[url]


def _forget_clients() -> None:
    _clients.clear()


os.register_at_fork(after_in_child=_forget_clients)

# -- the server


def set_tracking_uri(uri: str | Path) -> None:
    """Log to another server from now on; runs under way stay with theirs."""
    text = str(uri)
    if not text.startswith(("http://", "https://")):
        raise InvalidInput(
            f"{text!r} is not a server's address: start one with `trackql server` and give its "
            f"address, like {config.URL.default}",
            argument="uri",
        )
    connect(text).close()  # refuses what is no address
    global _experiment
    if text.rstrip("/") != config.url() and _experiment is not None and _experiment._name:
        _experiment = _chosen(_experiment._name, None)
    config.use_url(text)


def get_tracking_uri() -> str:
    """The address of the server that is logged to."""
    return config.url()


def is_tracking_uri_set() -> bool:
    """An address was given, in code or by TRACKQL_URL."""
    return config.is_url_set()


# -- experiments


def set_experiment(
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    trace_location: None = None,
) -> Experiment:
    """Choose the experiment of the runs to come; made when it is missing. Does not wait."""
    global _experiment
    _refuse("trace_location", trace_location, "traces are not stored by this release")
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidInput(
            "give experiment_name or experiment_id, one of the two", argument="experiment_name"
        )
    if experiment_name is not None:
        values.name(experiment_name, "experiment_name")
    _experiment = _chosen(experiment_name, experiment_id)
    return _experiment  # type: ignore[return-value]  # has every attribute of one


def _chosen(name: str | None, experiment_id: str | None) -> ActiveExperiment:
    def resolve() -> Experiment:
        if name is not None:
            return _client().ensure_experiment(name)
        assert experiment_id is not None
        return _client().experiment(id=experiment_id)

    return ActiveExperiment(name, None if experiment_id is None else str(experiment_id), resolve)


def _place(experiment_id: str | None = None) -> dict[str, str]:
    """Where a new run goes, in the words of createRun."""
    if experiment_id is not None:
        return {"experimentId": str(experiment_id)}
    if _experiment is not None and _experiment._id is not None:
        return {"experimentId": _experiment._id}
    name = _experiment._name if _experiment is not None else config.EXPERIMENT.read()
    return {"experimentName": name} if name else {}


def _active_experiment_id() -> str:
    """The id of the experiment that runs go to now."""
    if _experiment is not None:
        return _experiment.experiment_id
    return _client().ensure_experiment(config.EXPERIMENT.read() or "Default").experiment_id


def _settle_experiment() -> None:
    # A name that was chosen and not used yet is made before anyone lists or looks it up.
    if _experiment is not None and _experiment._name is not None:
        _experiment._experiment()


def get_experiment(experiment_id: str) -> Experiment:
    """An experiment by its id; raises NotFound."""
    return _client().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """An experiment by its name, or None."""
    _settle_experiment()
    return _client().get_experiment_by_name(name)


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: list[str] | None = None,
) -> list[Experiment]:
    """Every experiment of a lifecycle stage."""
    _settle_experiment()
    return list(_client().search_experiments(view_type, max_results, filter_string, order_by))


def create_experiment(
    name: str,
    artifact_location: str | None = None,
    tags: dict[str, Any] | None = None,
    trace_location: None = None,
) -> str:
    """Make an experiment and return its id; raises AlreadyExists."""
    _refuse("trace_location", trace_location, "traces are not stored by this release")
    return _client().create_experiment(name, artifact_location, tags)


def delete_experiment(experiment_id: str) -> None:
    """Delete an experiment; its name is free again, and restore_experiment brings it back."""
    _client().delete_experiment(experiment_id)


def restore_experiment(experiment_id: str) -> None:
    """Bring a deleted experiment back; where its name is taken by now, Client gives it another."""
    _client().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the active experiment."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: dict[str, Any]) -> None:
    """Set tags of the active experiment."""
    _client().set_experiment_tags(_active_experiment_id(), tags)


# -- runs


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: dict[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
    *,
    on_stop: OnStop | None = None,
    capture: bool | Collection[str] | None = None,
    console: bool | None = None,
) -> Run:
    """Begin a run, or take one up again by its id; it becomes the active run of this thread.

    Never waits. Without an id, the first run of a process takes up TRACKQL_RUN_ID if it is set.
    With `on_stop` it listens: asked to stop, "flag" turns `should_stop`, and "raise" has the next
    call that logs raise RunStopped. `capture` turns on or off, or names the parts of, what is
    captured without being asked; `console` and `log_system_metrics` turn those two on or off.
    """
    _capture.parts(capture)
    on_stop = _listen.checked(on_stop)
    stack = runs.active()
    if stack and not nested and parent_run_id is None:
        raise RunActive(
            f"run {stack[-1].id} is active already: end it with end_run(), or begin a child of it "
            "with start_run(nested=True)"
        )
    if run_id is None and not stack:
        # MLflow's meaning: only the first run of a process is meant by the variable.
        run_id = os.environ.pop(config.RUN_ID.name, None) or None
    url = config.url()
    if run_id is not None:
        begun = runs.resume(url, run_id, run_name or "")
        if run_name:
            begun.set_tag(runs.NAME_TAG, run_name)
        if tags:
            begun.set_tags(tags)
    else:
        parent = parent_run_id or (stack[-1].id if stack and nested else None)
        if parent is not None:
            values.run_id(parent)
        if experiment_id is None and stack and nested and stack[-1]._experiment:
            experiment_id = stack[-1]._experiment
        begun = runs.begin(url, _place(experiment_id), run_name, parent, tags, description)
    stack.append(begun)
    _last.run = begun
    _capture.begin(
        begun,
        resumed=run_id is not None,
        capture=capture,
        console=console,
        system_metrics=log_system_metrics,
    )
    if on_stop is not None:
        begun._heed(on_stop)
    return begun


def end_run(status: str = "FINISHED") -> None:
    """End the active run of this thread; nothing happens when there is none."""
    stack = runs.active()
    if stack:
        stack[-1].finish(status)


def active_run() -> Run | None:
    """The active run of this thread."""
    stack = runs.active()
    return stack[-1] if stack else None


def last_active_run() -> Run | None:
    """The run that was begun last in this thread, ended or not, as the server has it."""
    last: Run | None = getattr(_last, "run", None)
    if last is None:
        return None
    return last if last._finished is None else Client(last._server).run(last.id)


def get_run(run_id: str) -> Run:
    """A run by its id, with what was logged to it; raises NotFound."""
    return _client().run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """The parent of a run, or None."""
    return _client().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Delete a run; restore_run brings it back."""
    _client().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Bring a deleted run back."""
    _client().restore_run(run_id)


def search_runs(
    experiment_ids: list[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: list[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: list[str] | None = None,
) -> Any:
    """Runs of experiments, of the active one when none is named: a data frame, or a list."""
    if output_format not in ("pandas", "list"):
        raise InvalidInput("output_format must be 'pandas' or 'list'", argument="output_format")
    if experiment_ids and experiment_names:
        raise InvalidInput(
            "give experiment_ids or experiment_names, one of the two", argument="experiment_ids"
        )
    ask = _client()
    ids: list[str] | None = list(experiment_ids or ())
    if experiment_names:
        named = [(name, get_experiment_by_name(name)) for name in experiment_names]
        ids = [experiment.experiment_id for _, experiment in named if experiment is not None]
        for name in [name for name, experiment in named if experiment is None]:
            _session.log.warning("there is no experiment %r", name)
    elif not ids:
        ids = None if search_all_experiments else [_active_experiment_id()]
    if output_format == "pandas":
        return ask._frame(ids, filter_string, run_view_type, max_results, order_by)
    return list(ask.search_runs(ids, filter_string, run_view_type, max_results, order_by))


def runs_table(
    experiment_ids: list[str] | None = None,
    columns: Sequence[str] = (),
    filter: str | None = None,
    order_by: list[str] | None = None,
    folder: str | None = None,
    max_results: int = 100_000,
    as_: Format = "pandas",
) -> Any:
    """Some fields of many runs in one request, for analysis over tens of thousands of them.

    `columns` are fields as in a filter, like `metrics.loss.min`, `params.lr`, `start_time`;
    experiments by id or by folder, every active one without. `as_` is pandas, polars, arrow or
    dict. A param is a column of numbers when each of its values is one.
    """
    return _client().runs_table(experiment_ids, columns, filter, order_by, folder, max_results, as_)


# -- logging


class RunOperations:
    """What a call returns that was asked to be asynchronous: wait until the server has it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def wait(self) -> None:
        self._run.flush()


def _current(run_id: str | None = None) -> Run:
    if run_id is not None:
        for each in runs.active():
            if each.id == run_id:
                return each
        return _attached(run_id)
    stack = runs.active()
    return stack[-1] if stack else start_run()


def _attached(run_id: str) -> Run:
    key = (config.url(), values.run_id(run_id))
    found = _handles.get(key)
    if found is None:
        found = _handles[key] = Run(key[1], key[0])
    return found


_handles: dict[tuple[str, str], Run] = {}


def _answer(target: Run, synchronous: bool | None) -> RunOperations | None:
    if synchronous:
        target.flush()
    return RunOperations(target) if synchronous is False else None


def log_metrics(
    metrics: Mapping[str, Any],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: None = None,
) -> RunOperations | None:
    """Log several metrics at one step (0 when none is given) to the active run."""
    if model_id is not None or dataset is not None:
        _refuse("model_id", model_id, _MODELS)
        _refuse("dataset", dataset, _DATASETS)
    target = _current(run_id)
    target.log_metrics(metrics, step, timestamp)
    return None if synchronous is None else _answer(target, synchronous)


def log_metric(
    key: str,
    value: Any,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: None = None,
) -> RunOperations | None:
    """Log one metric at a step (0 when none is given) to the active run."""
    return log_metrics({key: value}, step, synchronous, run_id, timestamp, model_id, dataset)


def log_params(
    params: dict[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> RunOperations | None:
    """Log params to the active run; a param keeps its first value."""
    target = _current(run_id)
    target.log_params(params)
    return _answer(target, synchronous)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log one param and return its value."""
    answer = log_params({key: value}, synchronous)
    return value if answer is None else answer


def set_tags(tags: dict[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """Set tags of the active run."""
    target = _current()
    target.set_tags(tags)
    return _answer(target, synchronous)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Set a tag of the active run."""
    return set_tags({key: value}, synchronous)


def delete_tag(key: str) -> None:
    """Remove a tag of the active run."""
    _current().delete_tag(key)


def flush(timeout: float | None = None) -> bool:
    """Wait until the server has all that this process logged; False when it has not."""
    session, begun = _session.session, time.monotonic()
    logged = session.flush(list(session.sender.lanes), timeout) and not session.sender.parked
    left = None if timeout is None else max(0.0, begun + timeout - time.monotonic())
    encoded = session.encoded(timeout=left)
    return session.upload(session.boxes(), left) and logged and encoded


def flush_async_logging() -> None:
    """Wait until the server has all that this process logged."""
    flush()


def flush_artifact_async_logging() -> None:
    """Wait until the server has every file that this process logged."""
    _session.session.encoded()
    _session.session.upload(_session.session.boxes())


def enable_system_metrics_logging() -> None:
    """Log metrics of the machine to the runs to come; so it is unless it was turned off."""
    _system.Settings.enabled = True


def disable_system_metrics_logging() -> None:
    """Log no metrics of the machine to the runs to come."""
    _system.Settings.enabled = False


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Seconds between two samples of the machine's metrics; 10 when None."""
    _system.set_interval(interval)


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """How many samples are averaged before they are logged; 1 when None."""
    _system.set_samples(samples)


def set_system_metrics_node_id(node_id: str | None) -> None:
    """Which of several machines this is: its metrics are `system/<node_id>/…`."""
    _system.set_node(node_id)


_MODELS = "models are not stored by this release: log to the run and name the model in a tag"
_DATASETS = "a metric is not tied to a dataset by this release: note the dataset with log_input"


def _refuse(argument: str, value: object, reason: str) -> None:
    if value is not None:
        raise NotAvailable(f"{argument}: {reason}", argument=argument)
