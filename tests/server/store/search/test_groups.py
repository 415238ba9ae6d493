"""Groups are what a dictionary would make of the same runs, measures what the textbook says."""

import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackql_server.filters.parse import field
from trackql_server.store.search.columns import RunColumn
from trackql_server.store.search.groups import Measure, group, measure

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.sampled_from([-0.0, 0.0, 1.0, 1.5, -2.0, 1e300, math.inf, -math.inf, math.nan])
TEXTS = st.sampled_from(["", "a", "b", "1", "1.5", "nan", "é", "🚀"])


def of_texts(texts: Sequence[str | None]) -> RunColumn:
    made = np.empty(len(texts), object)
    made[:] = texts
    return RunColumn(field("tags.t"), np.array([t is not None for t in texts], bool), None, made)


def of_numbers(numbers: Sequence[float | None]) -> RunColumn:
    plain = np.array([math.nan if each is None else each for each in numbers], np.float64)
    present = np.array([each is not None for each in numbers], bool)
    return RunColumn(field("metrics.m"), present, plain, None)


def of_either(values: Sequence[str | float | None]) -> RunColumn:
    texts = of_texts([each if isinstance(each, str) else None for each in values])
    numbers = of_numbers([None if isinstance(each, str) else each for each in values])
    present = texts.present | numbers.present
    return RunColumn(field("config.c"), present, numbers.numbers, texts.texts)


def spelled(value: str | float | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, list[list[str | None]], list[RunColumn]]:
    """Columns of some runs, and their cells as texts."""
    size = draw(st.integers(0, 30))
    cells: list[list[str | None]] = []
    columns = []
    for shape in draw(st.lists(st.sampled_from(["text", "number", "either"]), max_size=4)):
        column: list[str | float | None]
        if shape == "text":
            texts = draw(st.lists(st.none() | TEXTS, min_size=size, max_size=size))
            columns.append(of_texts(texts))
            column = list(texts)
        elif shape == "number":
            numbers = draw(st.lists(st.none() | NUMBERS, min_size=size, max_size=size))
            columns.append(of_numbers(numbers))
            column = list(numbers)
        else:
            whole = st.none() | TEXTS | NUMBERS.filter(lambda number: number == number)
            column = draw(st.lists(whole, min_size=size, max_size=size))
            columns.append(of_either(column))
        cells.append([spelled(each) for each in column])
    return size, cells, columns


@given(tables())
def test_a_dictionary_makes_the_same_groups(
    table: tuple[int, list[list[str | None]], list[RunColumn]],
) -> None:
    size, cells, columns = table
    expected: dict[tuple[str | None, ...], list[int]] = {}
    for place in range(size):
        expected.setdefault(tuple(column[place] for column in cells), []).append(place)
    found = group(columns, size)
    assert len(found) == len(expected)
    assert {tuple(each.values): each.places.tolist() for each in found} == expected


def test_very_many_values_of_many_fields_are_kept_apart() -> None:
    """The product of the vocabularies is far beyond 64 bits."""
    texts = [[str(number * factor % 997) for number in range(997)] for factor in range(1, 9)]
    found = group([of_texts(each) for each in texts], 997)
    assert sorted(each.places.tolist() for each in found) == [[place] for place in range(997)]


@given(st.lists(FINITE, min_size=2, max_size=30), st.floats(0, 1))
def test_measures_of_finite_numbers(numbers: list[float], q: float) -> None:
    made = Measure(np.sort(np.array(numbers)), 0)
    assert (made.n, made.min, made.max) == (len(numbers), min(numbers), max(numbers))
    size = max(map(abs, numbers))
    mean, std, sem = made.mean, made.std, made.sem
    assert mean is not None
    assert std is not None
    assert sem == std / math.sqrt(len(numbers))
    assert mean == pytest.approx(statistics.mean(numbers), rel=1e-9, abs=size * 1e-12 + 1e-320)
    # Within what sums of squares of this size can hold.
    spread = math.dist([each / (size or 1) for each in numbers], [mean / (size or 1)] * made.n)
    told = spread / math.sqrt(len(numbers) - 1) * size
    if size > 1e-150 and told < 1e308:
        assert std == pytest.approx(told, rel=1e-6, abs=size * 1e-7)
    quantile = made.quantile(q)
    assert quantile is not None
    assert min(numbers) <= quantile <= max(numbers)
    if size < 1e300:
        expected = float(np.quantile(np.array(numbers), q))
        assert quantile == pytest.approx(expected, rel=1e-9, abs=size * 1e-12 + 1e-320)


def test_numbers_near_the_end_of_their_range() -> None:
    made = Measure(np.array([1e308, 1e308, 1.7e308]), 0)
    assert made.mean == pytest.approx(1.2333e308, rel=1e-4)
    assert made.std == pytest.approx(0.40415e308, rel=1e-4)
    assert Measure(np.array([-1e308, 1e308]), 0).quantile(0.5) == 0


def test_infinities() -> None:
    some = Measure(np.array([-math.inf, 1.0, 2.0, math.inf]), 0)
    assert (some.quantile(0.5), some.quantile(1 / 3), some.quantile(2 / 3)) == (1.5, 1.0, 2.0)
    assert (some.quantile(0), some.quantile(0.1)) == (-math.inf, -math.inf)
    assert (some.quantile(1), some.quantile(0.9)) == (math.inf, math.inf)
    assert (some.min, some.max) == (-math.inf, math.inf)
    assert some.mean is not None
    assert math.isnan(some.mean)
    one_way = Measure(np.array([1.0, 2.0, math.inf]), 0)
    assert (one_way.mean, one_way.quantile(0.5)) == (math.inf, 2.0)
    assert one_way.std is not None
    assert math.isnan(one_way.std)
    assert Measure(np.array([math.inf, math.inf]), 0).quantile(0.5) == math.inf


def test_few_runs() -> None:
    none = Measure(np.array([]), 2)
    assert (none.n, none.nan_count) == (0, 2)
    assert {none.mean, none.std, none.sem, none.min, none.max, none.quantile(0.5)} == {None}
    one = Measure(np.array([3.0]), 0)
    assert (one.mean, one.std, one.sem, one.quantile(0.3)) == (3.0, None, None, 3.0)


def test_a_measure_tells_nan_from_what_is_missing() -> None:
    places = np.array([0, 1, 2, 4])
    made = measure(of_numbers([2.0, None, math.nan, 9.0, 1.0]), places)
    assert (made.sorted.tolist(), made.nan_count) == ([1.0, 2.0], 1)
    # A text is no number, but no NaN either.
    made = measure(of_either([2.0, None, "adam", 9.0, 1.0]), places)
    assert (made.sorted.tolist(), made.nan_count) == ([1.0, 2.0], 0)
