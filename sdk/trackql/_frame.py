"""The data frame of search_runs, with MLflow's columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from . import _optional, _search
from ._connection import Connection
from ._search import Scope
from .runs import Run

# With more keys than this, most cells of a table would be empty: runs are read one by one then.
MOST_KEYS = 5_000

INFO = ("experiment_id", "status", "start_time", "end_time")


def frame(
    client: Connection,
    scope: Scope,
    order_by: Sequence[str] | None,
    most: int,
    one_by_one: Callable[[], list[Run]],
) -> Any:
    """Runs as a data frame; by columns, or when there are too many of those by runs."""
    pd = _optional.load("pandas", "a data frame", "call with output_format='list'")
    keys = _search.keys(client._read, scope, MOST_KEYS)
    if keys is None:
        return _of_runs(pd, one_by_one())
    named = [(kind, key) for kind, some in keys.items() for key in sorted(some)]
    fields = [*INFO, *(f"{kind}.{_quoted(key)}" for kind, key in named)]
    table = _search.table(client._ask, scope, fields, order_by, most)
    columns: dict[str, Any] = {"run_id": table.run_ids}
    for name, column in zip(INFO, table.columns, strict=False):
        columns[name] = column.pandas()
    for (kind, key), column in zip(named, table.columns[len(INFO) :], strict=True):
        if not column.empty:  # a param is text here, as it is in MLflow
            columns[f"{kind}.{key}"] = column.numpy() if kind == "metrics" else column.texts
    return pd.DataFrame(columns)


def _quoted(key: str) -> str:
    """A key in the filter language; without quotes `loss.min` would be the least loss."""
    return "`" + key.replace("`", "``") + "`"


def _of_runs(pd: Any, runs: list[Run]) -> Any:
    rows = [run.info for run in runs]
    columns: dict[str, Any] = {
        "run_id": [each.run_id for each in rows],
        "experiment_id": [each.experiment_id for each in rows],
        "status": [each.status for each in rows],
        "start_time": pd.to_datetime([each.start_time for each in rows], unit="ms", utc=True),
        "end_time": pd.to_datetime([each.end_time for each in rows], unit="ms", utc=True),
    }
    for kind in _search.KINDS:
        missing = math.nan if kind == "metrics" else None
        found: dict[str, list[Any]] = {}
        for at, run in enumerate(runs):
            for key, value in getattr(run.data, kind).items():
                if key not in found:
                    found[key] = [missing] * len(runs)
                found[key][at] = value
        columns.update((f"{kind}.{key}", found[key]) for key in sorted(found))
    return pd.DataFrame(columns)
