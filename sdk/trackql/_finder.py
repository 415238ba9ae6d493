"""The part of a client that finds runs: one, many, some fields of very many, groups of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Literal

from . import _frame, _paths, _search, values
from ._connection import Connection
from ._search import Groups, Scope
from ._table import Format, Table
from .entities import Page, RunData, RunInfo, ViewType, milliseconds, real
from .errors import InvalidInput, NotFound
from .runs import Run, Snapshot

EACH = 100  # params, tags and metrics that come with a run at once; the rest is paged
RUNS = 100
LIFECYCLES = {
    ViewType.ACTIVE_ONLY: "ACTIVE",
    ViewType.DELETED_ONLY: "DELETED",
    ViewType.ALL: "ALL",
}
Lifecycle = Literal["ACTIVE", "DELETED", "ALL"]


class Finder(Connection):
    """Runs of a server."""

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
        experiments: Sequence[str] | None = None,
        search: str | None = None,
        statuses: Sequence[str] | None = None,
        lifecycle: Lifecycle = "ACTIVE",
        order_by: Sequence[str] | None = None,
        filter: str | None = None,
        folder: str | None = None,
    ) -> Iterator[Run]:
        """Runs of experiments (by ids or folder), page by page; of all when none is named.

        Newest first, or sorted like `order_by=["metrics.loss.min", "start_time DESC"]`.
        """
        self._settle()
        scope = Scope(experiments, filter, folder, lifecycle)
        after: str | None = None
        while True:
            page = self._page(scope, RUNS, after, order_by, search, statuses)
            yield from page
            if page.token is None:
                return
            after = page.token

    def _page(
        self,
        scope: Scope,
        first: int,
        after: str | None,
        order_by: Sequence[str] | None,
        search: str | None = None,
        statuses: Sequence[str] | None = None,
    ) -> Page[Run]:
        page = _search.ask(
            self._ask,
            "runs",
            **scope,
            first=first,
            after=after,
            statuses=None if statuses is None else list(statuses),
            search=search,
            orderBy=_search.orders(order_by),
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
            artifact_uri=_paths.uri(run_id, ""),
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
        experiment_ids: Sequence[str] | None,
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Page[Run]:
        """Runs of experiments that a filter holds for; its `token` is the next `page_token`."""
        self._settle()
        scope = Scope(experiment_ids, filter_string, None, lifecycle_of(run_view_type))
        found: list[Run] = []
        token = page_token
        while len(found) < max_results:
            page = self._page(scope, min(RUNS, max_results - len(found)), token, order_by)
            found += page
            token = page.token
            if token is None:
                break
        return Page(found, token)

    def _frame(
        self,
        experiment_ids: Sequence[str] | None,
        filter_string: str,
        run_view_type: int,
        max_results: int,
        order_by: list[str] | None,
    ) -> Any:
        """What search_runs finds, as a data frame."""
        self._settle()
        scope = Scope(experiment_ids, filter_string, None, lifecycle_of(run_view_type))
        runs = self.runs(experiment_ids, None, None, scope["lifecycle"], order_by, filter_string)
        return _frame.frame(
            self, scope, order_by, max_results, lambda: list(islice(runs, max_results))
        )

    def runs_table(
        self,
        experiment_ids: Sequence[str] | None = None,
        columns: Sequence[str] = (),
        filter: str | None = None,
        order_by: Sequence[str] | None = None,
        folder: str | None = None,
        max_results: int = 100_000,
        as_: Format = "pandas",
        lifecycle: Lifecycle = "ACTIVE",
    ) -> Any:
        """Some fields of many runs, in one request: see trackql.runs_table."""
        return self._table(
            experiment_ids, columns, filter, order_by, folder, max_results, lifecycle
        ).to(as_)

    def _table(
        self,
        experiment_ids: Sequence[str] | None,
        columns: Sequence[str],
        filter: str | None = None,
        order_by: Sequence[str] | None = None,
        folder: str | None = None,
        max_results: int = 100_000,
        lifecycle: Lifecycle = "ACTIVE",
    ) -> Table:
        self._settle()
        scope = Scope(experiment_ids, filter, folder, lifecycle)
        return _search.table(self._ask, scope, columns, order_by, max_results)

    def run_groups(
        self,
        by: Sequence[str],
        measures: Sequence[str] = (),
        experiment_ids: Sequence[str] | None = None,
        filter: str | None = None,
        folder: str | None = None,
        order_by: str | None = None,
        first: int = 100,
        offset: int = 0,
        lifecycle: Lifecycle = "ACTIVE",
    ) -> Groups:
        """Runs grouped by fields: a row per group, the largest first, for any data frame.

        Columns are the fields, `runs`, and for each measure `n(…)`, `mean(…)`, `std(…)` (of a
        sample), `min(…)`, `max(…)`, `median(…)`; `order_by` is one of those, like
        `mean(metrics.accuracy) DESC`.
        """
        self._settle()
        scope = Scope(experiment_ids, filter, folder, lifecycle)
        return _search.groups(self._ask, scope, by, measures, order_by, first, offset)

    def count_runs(
        self,
        experiment_ids: Sequence[str] | None = None,
        filter: str | None = None,
        folder: str | None = None,
        lifecycle: Lifecycle = "ACTIVE",
    ) -> int:
        """How many runs there are, without reading them."""
        self._settle()
        scope = Scope(experiment_ids, filter, folder, lifecycle)
        return int(_search.ask(self._ask, "count_runs", **scope)["totalCount"])


def lifecycle_of(view_type: int) -> str:
    try:
        return LIFECYCLES[view_type]
    except KeyError:
        raise InvalidInput(
            "view_type must be ACTIVE_ONLY, DELETED_ONLY or ALL of ViewType", argument="view_type"
        ) from None
