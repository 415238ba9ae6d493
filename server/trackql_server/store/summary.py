"""What is known of a series without reading its points, and how more points change it."""

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

    def columns(self) -> dict[str, Any]:
        """As columns of `metric_series`, where null stands for NaN."""
        low = self.low or (None, None, None)
        high = self.high or (None, None, None)
        return {
            "count": self.count,
            "first_step": self.first[0],
            "first_time": self.first[1],
            "first_value": _stored(self.first[2]),
            "last_step": self.last[0],
            "last_time": self.last[1],
            "last_value": _stored(self.last[2]),
            "min_step": low[0],
            "min_time": low[1],
            "min_value": low[2],
            "max_step": high[0],
            "max_time": high[1],
            "max_value": high[2],
            "total": _stored(self.total),
            "nan_count": self.nan_count,
            "steps_rise": self.steps_rise,
            "tail_step": self.tail_step,
        }


def of_row(row: Any) -> Summary:
    """The summary that a row of `metric_series` holds."""
    low = high = None
    if row.min_step is not None and row.min_time is not None and row.min_value is not None:
        low = (row.min_step, row.min_time, row.min_value)
    if row.max_step is not None and row.max_time is not None and row.max_value is not None:
        high = (row.max_step, row.max_time, row.max_value)
    return Summary(
        count=row.count,
        first=(row.first_step, row.first_time, loaded(row.first_value)),
        last=(row.last_step, row.last_time, loaded(row.last_value)),
        low=low,
        high=high,
        total=loaded(row.total),
        nan_count=row.nan_count,
        steps_rise=row.steps_rise,
        head_step=row.first_step,
        tail_step=row.tail_step,
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


def _stored(value: float) -> float | None:
    return None if value != value else value


def loaded(value: float | None) -> float:
    """A stored first, last or total: null is NaN."""
    return float("nan") if value is None else value


COLUMNS = tuple(
    of_table(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros((1, 1)))[0].columns()
)
