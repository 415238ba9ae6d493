"""Summaries, kept as points arrive, equal what a look at all points would say."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trackql_server.store import summary
from trackql_server.store.summary import Summary

Point = tuple[int, int, float]

LEAST, GREATEST = -(2**63), 2**63 - 1

few = st.integers(0, 3)
places = few | st.sampled_from([LEAST, GREATEST]) | st.integers(LEAST, GREATEST)
values = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0, -1.0]),
    st.floats(width=64),
)
points = st.tuples(places, places, values)


def by_hand(log: list[Point]) -> dict[str, object]:
    """First and last rank NaN as 0, as MLflow does; min and max leave NaN out; first of a tie."""

    def rank(point: Point) -> Point:
        return (point[0], point[1], 0.0 if math.isnan(point[2]) else point[2])

    numbers = [point for point in log if not math.isnan(point[2])]
    steps = [point[0] for point in log]
    return {
        "count": len(log),
        "first": min(log, key=rank),
        "last": max(log, key=rank),
        "low": min(numbers, key=lambda point: point[2], default=None),
        "high": max(numbers, key=lambda point: point[2], default=None),
        "nan_count": len(log) - len(numbers),
        "steps_rise": steps == sorted(steps),
        "tail_step": steps[-1],
    }


def compare(found: Summary, log: list[Point]) -> None:
    expected = by_hand(log)
    # repr, because a NaN equals nothing, itself included.
    assert {name: repr(getattr(found, name)) for name in expected} == {
        name: repr(value) for name, value in expected.items()
    }
    numbers = [value for _, _, value in log if not math.isnan(value)]
    if all(math.isfinite(number) and abs(number) < 1e300 for number in numbers):
        exact = float(sum(map(Fraction, numbers)))
        scale = float(sum(abs(Fraction(number)) for number in numbers))
        assert abs(found.total - exact) <= 1e-12 * scale
    elif not math.isfinite(sum(numbers)) and not any(1e300 <= abs(n) < math.inf for n in numbers):
        assert repr(found.total) == repr(float(sum(numbers)))


def of(log: list[Point]) -> Summary:
    steps, times, numbers = (list(column) for column in zip(*log, strict=True))
    table = np.array(numbers, np.float64)[:, None]
    [found] = summary.of_table(np.array(steps, np.int64), np.array(times, np.int64), table)
    return found


@given(st.lists(st.lists(points, min_size=1, max_size=8), min_size=1, max_size=6))
def test_kept_by_pieces_as_seen_at_once(pieces: list[list[Point]]) -> None:
    log: list[Point] = []
    kept: Summary | None = None
    for piece in pieces:
        log += piece
        if kept is None:
            kept = of(piece)
        else:
            kept.add(of(piece))
        compare(kept, log)
        compare(of(log), log)


@given(st.lists(points, min_size=1, max_size=8))
def test_columns_and_back(log: list[Point]) -> None:
    found = of(log)
    again = summary.of_columns(found.columns())
    again.head_step = found.head_step  # only of use while a table is put together
    assert repr(again) == repr(found)


@given(
    st.lists(st.tuples(few, few), min_size=1, max_size=8),
    st.lists(st.lists(values, min_size=3, max_size=3), min_size=8, max_size=8),
)
def test_columns_of_a_table_do_not_mix(
    shared: list[tuple[int, int]], rows: list[list[float]]
) -> None:
    table = np.array(rows[: len(shared)], np.float64)
    steps = np.array([step for step, _ in shared], np.int64)
    times = np.array([time for _, time in shared], np.int64)
    for place, found in enumerate(summary.of_table(steps, times, table)):
        log = [(step, time, row[place]) for (step, time), row in zip(shared, rows, strict=False)]
        compare(found, log)
