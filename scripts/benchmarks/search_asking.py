"""Asking trackql for pages of runs, timing it, and checking what comes."""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from scripts.benchmarks.report import Figure, median
from scripts.benchmarks.search_data import Runs
from scripts.benchmarks.systems import Trackql

T = TypeVar("T")

PAGE = 100

TABLE = """
query Table($experiment: ID!, $filter: String, $orders: [RunOrder!], $columns: [String!]!,
    $rows: Int!, $after: String) {
  runTable(experimentIds: [$experiment], filter: $filter, orderBy: $orders, columns: $columns,
      rows: $rows, after: $after) {
    runIds
    endCursor
    columns { field kind numbers texts missing }
  }
}
"""


def timed(ask: Callable[[], T], check: Callable[[T], object]) -> float:
    """Milliseconds until the answer is there; what it says is checked after that."""
    before = time.perf_counter()
    answer = ask()
    took = (time.perf_counter() - before) * 1000
    check(answer)
    return took


def rest(ours: Trackql) -> None:
    """Restart the server; what the start still does in the background is no request's."""
    ours.restart()
    time.sleep(0.5)


def from_cold(
    ours: Trackql, ask: Callable[[], T], check: Callable[[T], object], times: int = 5
) -> list[float]:
    """Milliseconds of the first request after a restart, then of the next ones."""
    rest(ours)
    return [timed(ask, check) for _ in range(1 + times)]


def warmed(ask: Callable[[], T], check: Callable[[T], object], times: int = 5) -> list[float]:
    """Milliseconds of requests after one that is not counted."""
    return [timed(ask, check) for _ in range(1 + times)][1:]


def figure(
    row: str,
    measure: str,
    times: Sequence[float],
    *,
    unit: str = "ms",
    at_most: float | None = None,
    peers: dict[str, float] | None = None,
    note: str = "",
) -> Figure:
    """The median of these milliseconds, in the unit; `peers` and `at_most` are in the unit."""
    samples = [each / 1000 if unit == "s" else each for each in times]
    return Figure(
        row,
        measure,
        unit,
        median(samples),
        at_most=at_most,
        peers=peers or {},
        samples=samples,
        note=note,
    )


def cold_and_warm(
    row: str, measure: str, times: Sequence[float], *, unit: str = "ms", **more: Any
) -> list[Figure]:
    """What `from_cold` measured: the median of the warm requests, and the cold one."""
    warm = figure(row, measure, times[1:], unit=unit, **more)
    return [warm, figure(row, "the same, cold", times[:1], unit=unit)]


def table(
    ours: Trackql, experiment: str, columns: Sequence[str], orders: Sequence[str] = (), **more: Any
) -> Any:
    """A page of runs as columns."""
    variables = {"rows": PAGE, "filter": None, "after": None, **more}
    spelled = [{"by": order} for order in orders] or None
    answer = ours.ask(TABLE, experiment=experiment, columns=columns, orders=spelled, **variables)
    return answer["runTable"]


def check_table(
    answer: Any, runs: Runs, places: Sequence[int], columns: Sequence[str], what: str
) -> None:
    """Raise unless these runs came in this order, each column as it was seeded."""
    check_ids(answer["runIds"], runs, places, what)
    check_columns(answer["columns"], runs, places, columns)


def check_ids(found: Sequence[str], runs: Runs, places: Sequence[int], what: str) -> None:
    """Raise unless these are the runs at those places, in that order."""
    wanted = [runs.ids[place] for place in places]
    if list(found) == wanted:
        return
    pairs = enumerate(zip(found, wanted, strict=False))
    at = next((place for place, (a, b) in pairs if a != b), min(len(found), len(wanted)))
    raise RuntimeError(
        f"{what}: {len(found)} runs came where {len(wanted)} should, and differ from place {at} on"
    )


def check_columns(
    found: Sequence[Any], runs: Runs, places: Sequence[int], columns: Sequence[str]
) -> None:
    """Raise unless each column holds what was seeded."""
    if [column["field"] for column in found] != list(columns):
        raise RuntimeError(f"columns {[column['field'] for column in found]} came for {columns}")
    rows = np.array(places, int)
    for column in found:
        kind, wanted = _seeded(runs, column["field"], rows)
        missing = [place for place, value in enumerate(wanted) if value is None]
        if column[kind] != wanted or column["missing"] != missing:
            raise RuntimeError(f"the column {column['field']} is not what was seeded")


def _seeded(runs: Runs, field: str, rows: Any) -> tuple[str, list[Any]]:
    """Which array of a column says it all, and what it holds."""
    entity, _, key = field.partition(".")
    if entity == "metrics":
        values, has = runs.metric(key)
        pairs = zip(values[rows].tolist(), has[rows].tolist(), strict=True)
        return "numbers", [
            None if not there else "NaN" if value != value else value for value, there in pairs
        ]
    if entity in ("start_time", "duration"):
        numbers = runs.starts if entity == "start_time" else runs.durations
        return "numbers", numbers[rows].tolist()
    return "texts", runs.text(field)[rows].tolist()
