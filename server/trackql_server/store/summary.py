"""What is known of a series without reading its points, and how more points change it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trackql_server.store.columns import Float64s, Int64s

Moment = tuple[int, int, float]


def _rank(moment: Moment) -> Moment:
    """First and last compare (step, time, value), where NaN takes part as 0, as in MLflow."""
    step, time, value = moment
    return (step, time, 0.0 if value != value else value)


@dataclass(slots=True)
class Summary:
    """The summary of one or more points; moments are (step, time, value)."""

    count: int
    first: Moment
    last: Moment
    low: Moment | None
    high: Moment | None
    total: float
    nan_count: int
    steps_rise: bool
    head_step: int
    tail_step: int

    def add(self, more: "Summary") -> None:
        """Take in the points that follow."""
        self.steps_rise = self.steps_rise and more.steps_rise and self.tail_step <= more.head_step
        self.tail_step = more.tail_step
        self.count += more.count
        self.total += more.total
        self.nan_count += more.nan_count
        if _rank(more.first) < _rank(self.first):
            self.first = more.first
        if _rank(more.last) > _rank(self.last):
            self.last = more.last
        if more.low is not None and (self.low is None or more.low[2] < self.low[2]):
            self.low = more.low
        if more.high is not None and (self.high is None or more.high[2] > self.high[2]):
            self.high = more.high

    def columns(self) -> tuple[Any, ...]:
        """The values of COLUMNS, where null stands for NaN."""
        low = self.low or NONE
        high = self.high or NONE
        first, last, total = self.first, self.last, self.total
        return (
            self.count,
            first[0],
            first[1],
            None if first[2] != first[2] else first[2],
            last[0],
            last[1],
            None if last[2] != last[2] else last[2],
            low[0],
            low[1],
            low[2],
            high[0],
            high[1],
            high[2],
            None if total != total else total,
            self.nan_count,
            self.steps_rise,
            self.tail_step,
        )


NAN = float("nan")
NONE = (None, None, None)

# The columns of `metric_series` that hold a summary.
COLUMNS = (
    "count",
    "first_step",
    "first_time",
    "first_value",
    "last_step",
    "last_time",
    "last_value",
    "min_step",
    "min_time",
    "min_value",
    "max_step",
    "max_time",
    "max_value",
    "total",
    "nan_count",
    "steps_rise",
    "tail_step",
)


def of_columns(columns: Sequence[Any]) -> Summary:
    """The inverse of `Summary.columns`."""
    (
        count,
        first_step,
        first_time,
        first_value,
        last_step,
        last_time,
        last_value,
        min_step,
        min_time,
        min_value,
        max_step,
        max_time,
        max_value,
        total,
        nan_count,
        steps_rise,
        tail_step,
    ) = columns
    return Summary(
        count,
        (first_step, first_time, NAN if first_value is None else first_value),
        (last_step, last_time, NAN if last_value is None else last_value),
        None if min_value is None else (min_step, min_time, min_value),
        None if max_value is None else (max_step, max_time, max_value),
        NAN if total is None else total,
        nan_count,
        bool(steps_rise),
        first_step,
        tail_step,
    )


def of_table(steps: Int64s, times: Int64s, table: Float64s) -> list[Summary]:
    """The summary of each column of `table`, whose rows share `steps` and `times`.

    `table` has one row a point and one column a series; at least one row.
    """
    count, width = table.shape
    nan = np.isnan(table)
    with np.errstate(invalid="ignore", over="ignore"):
        totals = np.where(nan, 0.0, table).sum(axis=0).tolist()
    nan_counts = nan.sum(axis=0).tolist()
    lowest = np.where(nan, np.inf, table).argmin(axis=0)
    highest = np.where(nan, -np.inf, table).argmax(axis=0)
    columns = np.arange(width)
    # An infinity ties with what stands for NaN; then the first number is the extreme.
    for extremes in (lowest, highest):
        tied = nan[extremes, columns]
        if tied.any():
            extremes[tied] = (~nan[:, tied]).argmax(axis=0)
    firsts = _extreme_rows(steps, times, table, nan, least=True)
    lasts = _extreme_rows(steps, times, table, nan, least=False)

    def moments(rows: Any) -> list[Moment]:
        return list(
            zip(
                steps[rows].tolist(),
                times[rows].tolist(),
                table[rows, columns].tolist(),
                strict=True,
            )
        )

    rises = count == 1 or bool((steps[1:] >= steps[:-1]).all())
    head, tail = int(steps[0]), int(steps[-1])
    return [
        Summary(
            count=count,
            first=first,
            last=last,
            low=None if nans == count else low,
            high=None if nans == count else high,
            total=total,
            nan_count=nans,
            steps_rise=rises,
            head_step=head,
            tail_step=tail,
        )
        for first, last, low, high, total, nans in zip(
            moments(firsts),
            moments(lasts),
            moments(lowest),
            moments(highest),
            totals,
            nan_counts,
            strict=True,
        )
    ]


def _extreme_rows(steps: Int64s, times: Int64s, table: Float64s, nan: Any, *, least: bool) -> Any:
    """For each column the row with the least (or greatest) step, time and value."""
    edge = steps.min() if least else steps.max()
    rows = np.flatnonzero(steps == edge)
    if len(rows) > 1:
        edge = times[rows].min() if least else times[rows].max()
        rows = rows[times[rows] == edge]
    if len(rows) == 1:
        return np.full(table.shape[1], rows[0])
    ranked = np.where(nan[rows], 0.0, table[rows])
    return rows[ranked.argmin(axis=0) if least else ranked.argmax(axis=0)]
