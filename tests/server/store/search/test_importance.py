"""What a param tells of a metric: all, nothing, or as much as the textbook says."""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackql_server.filters.parse import field
from trackql_server.store.search.columns import RunColumn
from trackql_server.store.search.importance import BINS, Importance, importance


def told(values: Sequence[Any], metric: Sequence[float]) -> Importance | None:
    """Of a param as it is stored: text, and a number where the text is one."""
    texts = np.empty(len(values), object)
    texts[:] = [None if each is None else str(each) for each in values]
    present = np.array([each is not None for each in values], bool)
    plain = [each if isinstance(each, int | float) else np.nan for each in values]
    column = RunColumn(field("params.p"), present, np.array(plain, np.float64), texts)
    return importance(column, np.array(metric, np.float64))


def sure(values: Sequence[Any], metric: Sequence[float]) -> Importance:
    found = told(values, metric)
    assert found is not None
    return found


RANDOM = Random(7)
NOISE = [RANDOM.gauss(0, 1) for _ in range(400)]


def test_a_param_that_determines_the_metric() -> None:
    found = sure([place % 4 for place in range(400)], [place % 4 * 2.0 for place in range(400)])
    assert found.share == pytest.approx(1.0)
    assert found.correlation == pytest.approx(1.0)
    assert found.runs == 400
    found = sure([-place for place in range(400)], [place**3 for place in range(400)])
    assert found.share > 0.95
    assert found.correlation == pytest.approx(-1.0)
    found = sure(["abc"[place % 3] for place in range(400)], [place % 3 for place in range(400)])
    assert found.share == pytest.approx(1.0)
    assert found.correlation is None


def test_noise_tells_next_to_nothing() -> None:
    for values in (
        [RANDOM.random() for _ in NOISE],
        [RANDOM.choice("abcd") for _ in NOISE],
        [RANDOM.randrange(3) for _ in NOISE],
        [str(RANDOM.randrange(150)) + "x" for _ in NOISE],
    ):
        found = sure(values, NOISE)
        assert 0 <= found.share < 0.1
        assert found.correlation is None or abs(found.correlation) < 0.15


def test_a_part_of_the_variance() -> None:
    groups = [place % 2 for place in range(400)]
    found = sure(groups, [each + noise for each, noise in zip(groups, NOISE, strict=True)])
    assert found.share == pytest.approx(0.2, abs=0.08)  # 0.25 of 1.25


@pytest.mark.parametrize("runs", range(4, 14))
def test_numbers_that_differ_in_each_of_a_few_runs_are_not_left_out(runs: int) -> None:
    found = sure([0.1 * place for place in range(runs)], [float(place) for place in range(runs)])
    assert found.share > 0.4
    assert found.correlation == pytest.approx(1.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_that_are_nearly_all_alike(sign: int) -> None:
    values = [0.0] * 95 + [sign * (1.0 + place) for place in range(20)]
    found = sure(values, [0.0] * 95 + [1.0] * 20)
    assert found.share == pytest.approx(1.0)
    assert found.correlation is not None
    assert found.correlation * sign > 0.8


def test_what_tells_nothing_is_left_out() -> None:
    assert told([1] * 9, NOISE[:9]) is None
    assert told(["a"] * 9, NOISE[:9]) is None
    assert told(list(range(9)), [5.0] * 9) is None
    assert told(["abcdefghi"[place] for place in range(9)], NOISE[:9]) is None
    assert told([1, 2], [1.0, 2.0]) is None
    assert told([None] * 9, NOISE[:9]) is None
    assert told([], []) is None


def test_only_runs_that_have_both_count() -> None:
    values = [0, 0, 1, 1, None, 5, 5, 5]
    found = sure(values, [1.0, 1.0, 2.0, 2.0, 9.0, np.nan, np.inf, -np.inf])
    assert found.share == pytest.approx(1.0)
    assert found.runs == 4
    # One text among the numbers makes them all texts.
    assert sure([0, 0, 1, 1, "x", "x"], [1, 1, 2, 2, 3, 3]).correlation is None


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.none(),
                st.floats(allow_nan=False, allow_infinity=False),
                st.integers(0, 3),
                st.sampled_from("ab"),
            ),
            st.floats() | st.integers(0, 3).map(float),
        ),
        max_size=40,
    )
)
def test_shares_and_correlations_keep_within_bounds(runs: list[tuple[Any, float]]) -> None:
    found = told([value for value, _ in runs], [metric for _, metric in runs])
    if found is not None:
        assert 0 <= found.share <= 1
        assert found.correlation is None or -1.0000001 <= found.correlation <= 1.0000001
        assert found.runs >= 3


@given(st.permutations(range(30)))
def test_the_order_of_the_runs_does_not_matter(places: list[int]) -> None:
    values, metric = [place % (BINS + 3) for place in range(30)], NOISE[:30]
    one = sure(values, metric)
    other = sure([values[place] for place in places], [metric[place] for place in places])
    assert one.share == pytest.approx(other.share)
    assert one.correlation == pytest.approx(other.correlation)
