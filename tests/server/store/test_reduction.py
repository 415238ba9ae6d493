"""A reduced curve keeps every extreme, and what is drawn does not change as more is drawn."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackql_server.store.reduction import Points, Smoother, ordered, reduce, shift_for

LEAST, GREATEST = -(2**63), 2**63 - 1

values = st.one_of(
    st.floats(width=64),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0]),
    st.integers(-3, 3).map(float),
)
axes = st.one_of(
    st.integers(0, 60),
    st.integers(-1000, 1000),
    st.integers(LEAST, GREATEST),
    st.sampled_from([LEAST, GREATEST, 0]),
)
shifts = st.sampled_from([0, 1, 2, 3, 5, 8, 40, 62])


def points(pairs: list[tuple[int, float]]) -> Points:
    axis = np.array([at for at, _ in pairs], np.int64)
    offsets = np.arange(len(pairs))
    return Points(axis, offsets, axis, offsets * 10, np.array([v for _, v in pairs], np.float64))


series = st.lists(st.tuples(axes, values), min_size=1, max_size=80)


def kept_by_hand(pairs: list[tuple[int, float]], shift: int) -> list[int]:
    """The offsets that stay, by the definition, slowly."""
    buckets: dict[int, list[int]] = {}
    for offset in sorted(range(len(pairs)), key=lambda offset: (pairs[offset][0], offset)):
        buckets.setdefault(pairs[offset][0] >> shift, []).append(offset)
    stay = []
    for bucket in buckets.values():
        numbers = [offset for offset in bucket if not math.isnan(pairs[offset][1])]
        chosen = {bucket[0], bucket[-1]}
        if numbers:
            chosen.add(min(numbers, key=lambda offset: pairs[offset][1]))
            chosen.add(max(numbers, key=lambda offset: pairs[offset][1]))
        chosen.update([each for each in bucket if each not in numbers][:1])
        stay += [offset for offset in bucket if offset in chosen]
    return stay


@given(series, shifts)
def test_exactly_first_least_greatest_last_and_a_nan_of_each_bucket(
    pairs: list[tuple[int, float]], shift: int
) -> None:
    reduced = reduce(points(pairs), shift)
    assert reduced.offsets.tolist() == kept_by_hand(pairs, shift)
    for place, offset in enumerate(reduced.offsets.tolist()):
        at, value = pairs[offset]
        assert int(reduced.axis[place]) == int(reduced.steps[place]) == at
        assert int(reduced.times[place]) == offset * 10
        assert repr(float(reduced.values[place])) == repr(value)


@given(series, shifts)
def test_the_extremes_of_the_whole_stay(pairs: list[tuple[int, float]], shift: int) -> None:
    whole = points(pairs)
    reduced = reduce(whole, shift)
    if np.isnan(whole.values).all():
        assert np.isnan(reduced.values).all()
    else:
        assert np.nanmin(reduced.values) == np.nanmin(whole.values)
        assert np.nanmax(reduced.values) == np.nanmax(whole.values)
    assert reduced.axis[0] == whole.axis.min()
    assert reduced.axis[-1] == whole.axis.max()


@given(series, shifts, st.lists(st.integers(0, 80), max_size=6))
def test_by_pieces_as_the_whole(
    pairs: list[tuple[int, float]], shift: int, cuts: list[int]
) -> None:
    whole = points(pairs)
    edges = [0, *sorted(min(cut, len(pairs)) for cut in cuts), len(pairs)]
    pieces = [whole.take(slice(a, b)) for a, b in itertools.pairwise(edges) if a < b]
    by_pieces = reduce(Points.join([reduce(piece, shift) for piece in pieces]), shift)
    assert by_pieces.offsets.tolist() == reduce(whole, shift).offsets.tolist()


@given(series, st.integers(0, 61))
def test_at_twice_the_width_a_subset_stays(pairs: list[tuple[int, float]], shift: int) -> None:
    whole = points(pairs)
    narrow, wide = reduce(whole, shift), reduce(whole, shift + 1)
    assert set(wide.offsets.tolist()) <= set(narrow.offsets.tolist())
    assert reduce(narrow, shift + 1).offsets.tolist() == wide.offsets.tolist()


@given(st.lists(st.tuples(st.integers(0, 5), values), min_size=2, max_size=80), shifts)
def test_a_closed_bucket_never_changes(moves: list[tuple[int, float]], shift: int) -> None:
    at, pairs = 0, []
    for move, value in moves:
        at += move
        pairs.append((at, value))
    whole = reduce(points(pairs), shift)
    for length in range(1, len(pairs)):
        so_far = reduce(points(pairs[:length]), shift)
        open_bucket = pairs[length - 1][0] >> shift
        closed = so_far.offsets[(so_far.axis >> shift) < open_bucket]
        same = whole.offsets[(whole.axis >> shift) < open_bucket]
        assert closed.tolist() == same.tolist()


@given(axes, axes, st.integers(1, 2000))
def test_the_width_fits_the_pixels_and_is_the_least_that_does(
    one: int, other: int, pixels: int
) -> None:
    low, high = min(one, other), max(one, other)
    shift = shift_for(low, high, pixels)
    buckets = (high >> shift) - (low >> shift) + 1
    assert buckets <= pixels or shift == 62
    assert 1 << shift <= GREATEST
    assert shift == 0 or (high >> shift - 1) - (low >> shift - 1) + 1 > pixels


def test_an_unsorted_series_is_drawn_in_order_with_ties_by_offset() -> None:
    drawn = ordered(points([(3, 1.0), (1, 2.0), (3, 3.0), (1, 4.0)]))
    assert drawn.offsets.tolist() == [1, 3, 0, 2]


def smoothed_by_hand(numbers: list[float], weight: float) -> list[float]:
    last, seen, result = 0.0, 0, []
    for number in numbers:
        if math.isnan(number):
            result.append(math.nan)
            continue
        last = weight * last + (1 - weight) * number
        seen += 1
        result.append(last / (1 - weight**seen))
    return result


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), max_size=200),
    st.floats(0.01, 0.999),
    st.lists(st.integers(0, 200), max_size=4),
    st.integers(1, 60),
)
def test_smoothing_by_pieces_is_the_plain_recurrence(
    numbers: list[float], weight: float, cuts: list[int], times: int
) -> None:
    numbers = numbers * times
    smoother = Smoother(weight)
    edges = [0, *sorted(min(cut, len(numbers)) for cut in cuts), len(numbers)]
    pieces = [
        smoother.feed(np.array(numbers[a:b], np.float64)) for a, b in itertools.pairwise(edges)
    ]
    found = np.concatenate(pieces)
    np.testing.assert_allclose(found, smoothed_by_hand(numbers, weight), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("weight", [5e-324, 1e-300, 0.5, 1 - 2**-53])
def test_extreme_weights_and_values_stay_numbers(weight: float) -> None:
    given = np.array([1.0, math.inf, -math.inf, 1e308, math.nan, -1.0] * 2000)
    smoothed = Smoother(weight).feed(given)
    assert np.isnan(smoothed).tolist() == np.isnan(given).tolist()
