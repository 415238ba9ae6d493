"""Mean curves with bands agree with a naive computation, bucket by bucket."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackql_server.store.columns import Float64s, Int64s
from trackql_server.store.search.bands import Band, band, extent

Series = list[tuple[int, float]]

STEPS = st.integers(-40, 40) | st.sampled_from([-(2**63), 2**63 - 1, 2**53])
VALUES = st.floats(-1e6, 1e6) | st.just(math.nan)
SERIES = st.lists(
    st.lists(st.tuples(STEPS, VALUES), min_size=1, max_size=20), min_size=1, max_size=6
)


def columns(series: Series) -> tuple[Int64s, Float64s]:
    return (
        np.array([step for step, _ in series], np.int64),
        np.array([value for _, value in series], np.float64),
    )


def made(some: list[Series], low: int, high: int, points: int) -> Band:
    return band([columns(series) for series in some], low, high, points)


def naive(some: list[Series], low: int, high: int, width: int) -> dict[int, list[float]]:
    """By bucket, what each series has there."""
    found: dict[int, list[float]] = {}
    for series in some:
        own: dict[int, list[float]] = {}
        for step, value in series:
            if low <= step <= high and not math.isnan(value):
                own.setdefault(step // width * width, []).append(value)
        for step, values in own.items():
            found.setdefault(step, []).append(sum(values) / len(values))
    return found


@given(SERIES, st.integers(2, 50), st.none() | STEPS, st.none() | STEPS)
@example([[(0, 1.0)]], 2, None, None)
@example([[(5, math.nan)], [(2**63 - 1, 1.0), (-(2**63), 2.0)]], 2, None, None)
def test_a_band_is_what_each_bucket_holds(
    some: list[Series], points: int, low: int | None, high: int | None
) -> None:
    steps = [step for series in some for step, _ in series]
    low = min(steps) if low is None else low
    high = max(steps) if high is None else max(low, high)
    found = made(some, low, high, points)
    assert len(found.steps) <= points
    width = found.width
    assert width & (width - 1) == 0
    assert width == 1 or (high // (width // 2)) - (low // (width // 2)) + 1 > points
    expected = dict(sorted(naive(some, low, high, width).items()))
    assert found.steps.tolist() == list(expected)
    assert found.n.tolist() == [len(values) for values in expected.values()]
    for place, values in enumerate(expected.values()):
        assert found.mean[place] == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
        assert found.low[place] == pytest.approx(min(values), rel=1e-9, abs=1e-6)
        assert found.high[place] == pytest.approx(max(values), rel=1e-9, abs=1e-6)
        if len(values) == 1:
            assert math.isnan(found.std[place])
        else:
            assert found.std[place] == pytest.approx(statistics.stdev(values), rel=1e-9, abs=1e-6)


@given(st.lists(VALUES, min_size=1, max_size=60), st.integers(-100, 100), st.integers(2, 20))
def test_points_do_not_move_as_a_series_grows(values: list[float], start: int, points: int) -> None:
    """What is drawn stays, until buckets are put together two by two."""
    series = [(start + place, value) for place, value in enumerate(values)]
    former: Band | None = None
    for length in range(1, len(series) + 1):
        found = made([series[:length]], start, start + length - 1, points)
        if former is not None:
            assert found.width in (former.width, 2 * former.width)
            wide = {step // found.width * found.width for step in former.steps.tolist()}
            assert wide <= set(found.steps.tolist())
            if found.width == former.width:
                # All but the last bucket, which may have got one more point.
                known = min(len(former.steps) - 1, len(found.steps))
                assert found.steps[:known].tolist() == former.steps[:known].tolist()
                assert found.mean[:known].tolist() == former.mean[:known].tolist()
        former = found


def test_a_small_spread_around_a_large_mean() -> None:
    found = made([[(0, 1e9 + number)] for number in range(10)], 0, 0, 2)
    assert found.std[0] == pytest.approx(statistics.stdev(range(10)), rel=1e-9)


@pytest.mark.parametrize("values", [(math.inf, 1, 2), (1, math.inf, 2), (1, 2, math.inf)])
def test_an_infinite_point_makes_an_infinite_mean(values: tuple[float, ...]) -> None:
    found = made([[(0, value)] for value in values], 0, 0, 2)
    assert (found.mean[0], found.low[0], found.high[0]) == (math.inf, 1, math.inf)
    assert math.isnan(found.std[0])
    found = made([[(0, math.inf)], [(0, -math.inf)], [(0, 1.0)]], 0, 0, 2)
    assert math.isnan(found.mean[0])


def test_nothing_but_nan_has_no_points() -> None:
    assert made([[(0, math.nan), (7, math.nan)]], 0, 7, 10).steps.tolist() == []


def test_extents() -> None:
    assert extent([]) is None
    assert extent([(3, 5), (-1, 4)]) == (-1, 5)
