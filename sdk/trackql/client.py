"""Client: ask the server and change what it holds; its calls wait for the answer and raise."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from . import values
from ._files import ClientFiles
from ._finder import Finder, Lifecycle, lifecycle_of
from ._media.reading import ClientValues
from ._sender import Backoff
from .entities import (
    Experiment,
    Metric,
    Page,
    Param,
    RunTag,
    ViewType,
    moment,
)
from .errors import AlreadyExists, NotAvailable, NotFound, Unavailable, Unreachable
from .history import History
from .runs import NAME_TAG, Run

PAGE = 100
POINTS = 250_000


class Client(ClientFiles, ClientValues, Finder):
    """A server's experiments, runs and metrics; also under MLflow's names."""

    # -- experiments

    def experiments(
        self, search: str | None = None, lifecycle: Lifecycle = "ACTIVE"
    ) -> Iterator[Experiment]:
        """Every experiment, page by page; `search` looks in the names."""
        after: str | None = None
        while True:
            page = self._ask(
                "experiments", first=PAGE, after=after, search=search, lifecycle=lifecycle
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
        """The experiment in use of a name, made when it is missing."""
        with suppress(NotFound):
            found = self.experiment(name=name)
            if found.lifecycle_stage == "active":
                return found
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
                "experiments have no filter strings in this release: use"
                " Client().experiments(search=...) or filter the list in Python"
            )
        if order_by:
            raise NotAvailable("order_by is not there yet: sort the list in Python")
        found: list[Experiment] = []
        token = page_token
        while max_results is None or len(found) < max_results:
            left = PAGE if max_results is None else min(PAGE, max_results - len(found))
            page = self._ask(
                "experiments",
                first=left,
                after=token,
                search=None,
                lifecycle=lifecycle_of(view_type),
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
            raise NotAvailable(
                "artifact_location: files of every experiment lie in the server's artifact store, "
                "so leave it out"
            )
        fields: dict[str, Any] = {"name": values.name(name, "name")}
        if tags:
            fields["tags"] = _tags(tags)
        return str(self._change("create_experiment", **fields)["id"])

    def delete_experiment(self, experiment_id: str) -> None:
        self._change("delete_experiment", id=str(experiment_id))

    def restore_experiment(self, experiment_id: str, new_name: str | None = None) -> None:
        """Bring it back; raises AlreadyExists when its name is taken by now: give `new_name`."""
        fields = {} if new_name is None else {"newName": values.name(new_name, "new_name")}
        self._change("restore_experiment", id=str(experiment_id), **fields)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        self._change("update_experiment", id=str(experiment_id), name=new_name)

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        self.set_experiment_tags(experiment_id, {key: value})

    def set_experiment_tags(self, experiment_id: str, tags: Mapping[str, Any]) -> None:
        self._change("set_experiment_tags", id=str(experiment_id), tags=_tags(tags))

    # -- runs

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

    # -- asking something of running scripts

    def request_stop(self, run_ids: str | Sequence[str], reason: str = "") -> list[str]:
        """Ask runs to stop when it suits them; those of them that have ended already.

        Raises RunEnded when all have.
        """
        ids = [run_ids] if isinstance(run_ids, str) else list(run_ids)
        ids = [values.run_id(each) for each in ids]
        self._settle(ids)
        return list(self._change("request_stop", runIds=ids, reason=reason)["ended"])

    def set_live_param(self, run_id: str, key: str, value: Any) -> None:
        """Ask for another value of a live parameter; raises InvalidInput for one out of range."""
        self._settle([run_id])
        self._change("set_live_param", runId=values.run_id(run_id), key=key, value=value)

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
