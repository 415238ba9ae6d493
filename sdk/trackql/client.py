"""Client: ask the server and change what it holds; its calls wait for the answer and raise."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from . import _session, config, values
from ._sender import Backoff
from ._transport import connect
from .entities import (
    Experiment,
    Metric,
    Page,
    Param,
    RunData,
    RunInfo,
    RunTag,
    ViewType,
    milliseconds,
    moment,
    real,
)
from .errors import AlreadyExists, InvalidInput, NotAvailable, NotFound, Unavailable, Unreachable
from .history import History
from .runs import NAME_TAG, Run, Snapshot

EACH = 100  # params, tags and metrics that come with a run at once; the rest is paged
RUNS = 100
POINTS = 250_000
LIFECYCLES = {
    ViewType.ACTIVE_ONLY: "ACTIVE",
    ViewType.DELETED_ONLY: "DELETED",
    ViewType.ALL: "ALL",
}
ORDERS = {
    "start_time": "START_TIME",
    "run_name": "NAME",
    "status": "STATUS",
    "duration": "DURATION",
}


class Client:
    """A server's experiments, runs and metrics; also under MLflow's names."""

    def __init__(self, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        if registry_uri is not None:
            raise NotAvailable("this release has no model registry: leave registry_uri out")
        self.url = (tracking_uri or config.url()).rstrip("/")
        self._transport = connect(self.url)

    @property
    def tracking_uri(self) -> str:
        return self.url

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, operation: str, **variables: Any) -> Any:
        """The one field of a query or mutation."""
        data = self._transport.execute(operation, variables)
        return next(iter(data.values()))

    def _change(self, operation: str, **fields: Any) -> Any:
        return self._ask(operation, input=fields)

    def _settle(self, run_ids: Iterable[str] | None = None) -> None:
        """Let the server have what this process logged, so that a read finds it."""
        wanted = None if run_ids is None else set(run_ids)
        session = _session.session
        lanes = [
            lane
            for lane in list(session.sender.lanes)
            if lane.route.url == self.url and (wanted is None or lane.run_id in wanted)
        ]
        session.flush(lanes)

    # -- experiments

    def experiments(
        self, search: str | None = None, lifecycle: Literal["ACTIVE", "DELETED", "ALL"] = "ACTIVE"
    ) -> Iterator[Experiment]:
        """Every experiment, page by page; `search` looks in the names."""
        after: str | None = None
        while True:
            page = self._ask(
                "experiments", first=RUNS, after=after, search=search, lifecycle=lifecycle
            )
            yield from (Experiment.read(node) for node in page["nodes"])
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    def experiment(self, id: str | None = None, name: str | None = None) -> Experiment:
        """One experiment by id or by name; raises NotFound."""
        found = self._ask("experiment", id=id, name=name)
        if found is None:
            raise NotFound(f"there is no experiment {id if id is not None else name!r}")
        return Experiment.read(found)

    def ensure_experiment(self, name: str) -> Experiment:
        """The experiment of a name, made when it is missing."""
        try:
            return self.experiment(name=name)
        except NotFound:
            try:
                return Experiment.read(self._change("create_experiment", name=name))
            except AlreadyExists:
                return self.experiment(name=name)

    def get_experiment(self, experiment_id: str) -> Experiment:
        return self.experiment(id=str(experiment_id))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        try:
            return self.experiment(name=name)
        except NotFound:
            return None

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = 1000,
        filter_string: str | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Page[Experiment]:
        """Experiments of a lifecycle stage, newest change first as the server lists them."""
        if filter_string:
            raise NotAvailable(
                "filter strings come with a later release: use Client().experiments(search=...)"
                " or filter the list in Python"
            )
        if order_by:
            raise NotAvailable("order_by is not there yet: sort the list in Python")
        found: list[Experiment] = []
        token = page_token
        while max_results is None or len(found) < max_results:
            left = RUNS if max_results is None else min(RUNS, max_results - len(found))
            page = self._ask(
                "experiments",
                first=left,
                after=token,
                search=None,
                lifecycle=_lifecycle(view_type),
            )
            found += [Experiment.read(node) for node in page["nodes"]]
            token = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return Page(found)
        return Page(found, token)

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> str:
        """A new experiment's id; raises AlreadyExists."""
        if artifact_location is not None:
            raise NotAvailable("artifacts are not stored by this release: leave it out")
        fields: dict[str, Any] = {"name": values.name(name, "name")}
        if tags:
            fields["tags"] = _tags(tags)
        return str(self._change("create_experiment", **fields)["id"])

    def delete_experiment(self, experiment_id: str) -> None:
        self._change("delete_experiment", id=str(experiment_id))

    def restore_experiment(self, experiment_id: str) -> None:
        self._change("restore_experiment", id=str(experiment_id))

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        self._change("update_experiment", id=str(experiment_id), name=new_name)

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        self.set_experiment_tags(experiment_id, {key: value})

    def set_experiment_tags(self, experiment_id: str, tags: Mapping[str, Any]) -> None:
        self._change("set_experiment_tags", id=str(experiment_id), tags=_tags(tags))

    # -- runs

    def run(self, run_id: str) -> Run:
        """A run with all that was logged to it, metrics by their last value."""
        run_id = values.run_id(run_id)
        self._settle([run_id])
        found = self._ask("run", id=run_id, each=10 * EACH)
        if found is None:
            raise NotFound(f"there is no run {run_id}")
        return self._run(found)

    def runs(
        self,
        experiments: Sequence[str] = (),
        search: str | None = None,
        statuses: Sequence[str] | None = None,
        lifecycle: Literal["ACTIVE", "DELETED", "ALL"] = "ACTIVE",
        order: tuple[str, Literal["ASC", "DESC"]] = ("START_TIME", "DESC"),
    ) -> Iterator[Run]:
        """Runs of experiments (ids), page by page; of every experiment when none is named."""
        self._settle()
        ids = list(experiments) or [found.experiment_id for found in self.experiments()]
        after: str | None = None
        while ids:
            page = self._page(ids, RUNS, after, lifecycle, order, search, statuses)
            yield from page
            if page.token is None:
                return
            after = page.token

    def _page(
        self,
        ids: list[str],
        first: int,
        after: str | None,
        lifecycle: str,
        order: tuple[str, str],
        search: str | None = None,
        statuses: Sequence[str] | None = None,
    ) -> Page[Run]:
        page = self._ask(
            "runs",
            experimentIds=ids,
            first=first,
            after=after,
            statuses=None if statuses is None else list(statuses),
            lifecycle=lifecycle,
            search=search,
            orderBy={"field": order[0], "direction": order[1]},
            each=EACH,
        )
        more = page["pageInfo"]["hasNextPage"]
        runs = [self._run(node) for node in page["nodes"]]
        return Page(runs, page["pageInfo"]["endCursor"] if more else None)

    def _run(self, data: dict[str, Any]) -> Run:
        run_id = data["id"]
        metrics = {
            node["key"]: real(node["last"]["value"])
            for node in self._all(run_id, "metrics", data["metrics"])
        }
        params = {
            node["key"]: node["value"] for node in self._all(run_id, "params", data["params"])
        }
        tags = {node["key"]: node["value"] for node in self._all(run_id, "tags", data["tags"])}
        info = RunInfo(
            run_id=run_id,
            run_name=data["name"],
            status=data["status"],
            start_time=milliseconds(data["startTime"]) or 0,
            end_time=milliseconds(data["endTime"]),
            user_id=data["user"],
            lifecycle_stage=data["lifecycle"].lower(),
            experiment_id=data["experimentId"],
        )
        snapshot = Snapshot(
            info,
            RunData(metrics, params, tags),
            data["parentRunId"],
            int(data["droppedPoints"]),
            data["problems"],
        )
        return Run(run_id, self.url, data["name"], snapshot)

    def _all(self, run_id: str, noun: str, first: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every node of a run's list, of which the first page is at hand."""
        page = first
        while True:
            yield from page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]
            page = self._ask(f"run_{noun}", id=run_id, first=1000, after=after)[noun]

    def get_run(self, run_id: str) -> Run:
        return self.run(run_id)

    def get_parent_run(self, run_id: str) -> Run | None:
        parent = self.run(run_id).parent_run_id
        return None if parent is None else self.run(parent)

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Page[Run]:
        """Runs of experiments; sorted by start_time, run_name, status or duration."""
        if filter_string:
            raise NotAvailable(
                "filter strings come with a later release: use Client().runs(search=..., "
                "statuses=...) or filter the list in Python"
            )
        self._settle()
        found: list[Run] = []
        token = page_token
        while len(found) < max_results:
            page = self._page(
                [str(each) for each in experiment_ids],
                min(RUNS, max_results - len(found)),
                token,
                _lifecycle(run_view_type),
                _order(order_by),
            )
            found += page
            token = page.token
            if token is None:
                break
        return Page(found, token)

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """A new run that the server knows when this returns."""
        fields: dict[str, Any] = {"experimentId": str(experiment_id)}
        name = run_name or (tags or {}).get(NAME_TAG)
        if name:
            fields["name"] = values.name(name, "run_name")
        if start_time is not None:
            fields["startTime"] = moment(start_time)
        if tags:
            fields["tags"] = _tags(tags)
        return self.run(self._change("create_run", **fields)["id"])

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        self._settle([run_id])
        if name is not None:
            self._change("update_run", id=run_id, name=name)
        if status == "RUNNING":
            self._change("resume_run", id=run_id)
        elif status is not None:
            self.set_terminated(run_id, status)

    def set_terminated(
        self, run_id: str, status: str | None = None, end_time: int | None = None
    ) -> None:
        self._settle([run_id])
        ended = {} if end_time is None else {"endTime": moment(end_time)}
        self._change("finish_run", id=run_id, status=status or "FINISHED", **ended)

    def delete_run(self, run_id: str) -> None:
        self._settle([run_id])
        self._change("delete_run", id=run_id)

    def restore_run(self, run_id: str) -> None:
        self._change("restore_run", id=run_id)

    # -- logging to a run by its id: by way of the journal, as everything that is logged

    def _to(self, run_id: str) -> Run:
        return Run(values.run_id(run_id), self.url)

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: Any,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        run = self._to(run_id)
        run.log_metric(key, value, step, timestamp)
        if synchronous:
            run.flush()

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        run = self._to(run_id)
        run.log_param(key, value)
        if synchronous:
            run.flush()
        return value

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> None:
        run = self._to(run_id)
        run.set_tag(key, value)
        if synchronous:
            run.flush()

    def delete_tag(self, run_id: str, key: str) -> None:
        self._to(run_id).delete_tag(key)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> None:
        run = self._to(run_id)
        for metric in metrics:
            run.log_metric(metric.key, metric.value, metric.step, metric.timestamp)
        run.log_params({param.key: param.value for param in params})
        run.set_tags({tag.key: tag.value for tag in tags})
        if synchronous:
            run.flush()

    # -- metrics

    def history(self, run_id: str, key: str, offset: int = 0, limit: int | None = None) -> History:
        """Points of one series exactly as they were logged, in the order of their arrival."""
        run_id = values.run_id(run_id)
        self._settle([run_id])
        history = History(run_id, key, offset)
        while limit is None or len(history) < limit:
            left = POINTS if limit is None else min(POINTS, limit - len(history))
            found = self._ask(
                "metric_histories",
                runIds=[run_id],
                keys=[key],
                offset=history.next_offset,
                limit=left,
            )
            if not found:
                raise NotFound(f"run {run_id} has no metric {key!r}")
            before = len(history)
            history.extend(found[0])
            if len(history) == before or history.next_offset >= int(found[0]["total"]):
                break
        return history

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        try:
            return self.history(run_id, key).points()
        except NotFound:
            return []

    def follow(
        self,
        run_ids: Sequence[str],
        keys: Sequence[str] | None = None,
        after: Mapping[tuple[str, str], int] | None = None,
        backlog: bool = True,
    ) -> Iterator[History]:
        """New points of runs as they arrive, each exactly once and in order; without an end.

        `after` names the offset to go on from, series by series, as `next_offset` of the last
        part told it; series that are not named begin at their first point, or with
        `backlog=False` at what they have now. A cut connection is taken up again.
        """
        ids = [values.run_id(run_id) for run_id in run_ids]
        cursors = dict(after or {})
        if not backlog:
            for run_id in ids:
                for noun in self._all(run_id, "metrics", _NOTHING_YET):
                    cursors.setdefault((run_id, noun["key"]), int(noun["count"]))
        backoff = Backoff()
        while True:
            places = [
                {"runId": run_id, "key": key, "offset": offset}
                for (run_id, key), offset in cursors.items()
            ]
            asked = {
                "runIds": ids,
                "keys": None if keys is None else list(keys),
                "after": places,
                "backlog": True,
            }
            try:
                for event in self._transport.subscribe("metrics_logged", asked):
                    backoff.clear()
                    for delta in event["metricsLogged"]["series"]:
                        part = History(delta["runId"], delta["key"], int(delta["offset"]))
                        part.extend(delta)
                        cursors[part.run_id, part.key] = int(delta["nextOffset"])
                        yield part
            except (Unreachable, Unavailable):
                pass
            backoff.fail()
            time.sleep(max(0.0, backoff.due - time.monotonic()))


_NOTHING_YET: dict[str, Any] = {
    "nodes": [],
    "pageInfo": {"hasNextPage": True, "endCursor": None},
}


def _tags(tags: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"key": values.key(key), "value": values.text(f"tag {key!r}", value)}
        for key, value in tags.items()
    ]


def _lifecycle(view_type: int) -> str:
    try:
        return LIFECYCLES[view_type]
    except KeyError:
        raise InvalidInput(
            "view_type must be ACTIVE_ONLY, DELETED_ONLY or ALL of ViewType", argument="view_type"
        ) from None


def _order(order_by: Sequence[str] | None) -> tuple[str, str]:
    if not order_by:
        return "START_TIME", "DESC"
    if len(order_by) == 1:
        name, _, direction = order_by[0].strip().partition(" ")
        name = name.rpartition(".")[2].strip('`"')
        direction = direction.strip().upper() or "ASC"
        if name in ORDERS and direction in ("ASC", "DESC"):
            return ORDERS[name], direction
    raise NotAvailable(
        f"runs are sorted by one of {', '.join(ORDERS)} in this release, not by {order_by}: "
        "sort the list in Python"
    )
