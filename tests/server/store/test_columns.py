"""Every number that was logged comes out of a packed column as the same 64 bits."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackql_server.store import columns
from trackql_server.store.columns import Int64s

LEAST, GREATEST = -(2**63), 2**63 - 1

int64s = st.one_of(
    st.integers(LEAST, GREATEST),
    st.integers(-300, 300),
    st.sampled_from([LEAST, LEAST + 1, -(2**62), -1, 0, 1, 2**62, GREATEST - 1, GREATEST]),
)
bits = st.integers(0, 2**64 - 1)


@st.composite
def walks(draw: st.DrawFn) -> list[int]:
    """Columns that advance by narrow steps, around any place, wrapping at the ends of int64."""
    at = draw(int64s)
    widths = st.sampled_from([1, 127, 128, 32_767, 32_768, 2**31 - 1, 2**31, 2**40, 2**63 - 1])
    width = draw(widths)
    moves = draw(st.lists(st.integers(-width - 1, width), max_size=50))
    column = [at]
    for move in moves:
        at = (at + move - LEAST) % 2**64 + LEAST
        column.append(at)
    return column


def same(found: Int64s, given: Int64s) -> None:
    assert found.dtype == np.int64
    assert found.tolist() == given.tolist()


@given(st.lists(int64s, min_size=1, max_size=60) | walks())
@example([LEAST, GREATEST])
@example([GREATEST, LEAST])
@example([GREATEST, LEAST, GREATEST])
@example([LEAST, 0, GREATEST])
@example([0, 2**62, -(2**63), -(2**62)])
@example(list(range(LEAST, LEAST + 5)))
@example([5, 5, 5, 5])
@example([7])
def test_integers_come_back(numbers: list[int]) -> None:
    column = np.array(numbers, np.int64)
    for packed in (columns.pack_ints(column), columns.seal_ints(column)):
        same(columns.unpack_ints(packed, len(column)), column)


@given(st.lists(bits, min_size=1, max_size=60), st.integers(1, 40))
@example([0x7FF8000000000001, 0xFFF800000000BEEF, 0x7FF0000000000001], 1)  # NaNs with payloads
@example([0x7FF0000000000000, 0xFFF0000000000000, 0x8000000000000000, 1], 30)
def test_every_float_bit_pattern_comes_back(patterns: list[int], times: int) -> None:
    given = np.array(patterns * times, np.uint64)
    column: npt.NDArray[np.float64] = given.view(np.float64)
    for packed in (columns.pack_floats(column), columns.seal_floats(column)):
        assert columns.unpack_floats(packed).view(np.uint64).tolist() == given.tolist()


@pytest.mark.parametrize("pack", [columns.pack_ints, columns.seal_ints])
def test_columns_that_are_not_contiguous(pack: Callable[[Int64s], bytes]) -> None:
    column = np.arange(40, dtype=np.int64).reshape(10, 4)[:, 1] ** 3
    same(columns.unpack_ints(pack(column), 10), column)


def test_even_steps_cost_next_to_nothing() -> None:
    assert len(columns.seal_ints(np.arange(0, 650_000, 10, dtype=np.int64))) == 17


def test_what_does_not_shrink_is_kept_raw() -> None:
    noise = np.random.default_rng(1).integers(0, 2**63, 10_000).view(np.float64)
    assert len(columns.seal_floats(noise)) == 80_001


def test_what_repeats_shrinks() -> None:
    assert len(columns.seal_floats(np.full(65_536, 0.25))) < 200
