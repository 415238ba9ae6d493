"""Which values are numbers, and how they are kept."""

import math
import struct
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import trackql
from trackql import Client, values
from trackql.errors import InvalidInput, InvalidValue


class Tensor:
    """A scalar as deep learning frameworks have them: only `item` tells the number."""

    def __init__(self, value: object) -> None:
        self.value = value

    def item(self) -> object:
        return self.value


NUMBERS = [
    (1, 1.0),
    (True, 1.0),
    (-0.0, -0.0),
    (2**53 + 1, float(2**53)),
    (Decimal("0.5"), 0.5),
    (Fraction(1, 4), 0.25),
    (np.float32(0.1), float(np.float32(0.1))),
    (np.float16(1.5), 1.5),
    (np.int64(-3), -3.0),
    (np.bool_(True), 1.0),
    (np.array(2.5), 2.5),
    (np.array([2.5]), 2.5),
    (Tensor(3.5), 3.5),
    (Tensor(np.float64(4.5)), 4.5),
    (math.inf, math.inf),
    (-math.inf, -math.inf),
    (math.nan, math.nan),
]


@pytest.mark.parametrize(("given", "kept"), NUMBERS)
def test_scalars_are_kept_to_the_bit(memory: Client, given: object, kept: float) -> None:
    run = trackql.start_run()
    trackql.log_metric("x", given)
    values = memory.history(run.id, "x").values
    assert struct.pack("<d", values[0]) == struct.pack("<d", kept)


@pytest.mark.parametrize(
    "value", ["1.0", b"1", None, [1.0], {}, np.array([1.0, 2.0]), Tensor("1"), Tensor([1])]
)
def test_anything_else_is_refused_by_the_name_of_its_key(memory: Client, value: object) -> None:
    trackql.start_run()
    with pytest.raises(InvalidValue, match="'bad'"):
        trackql.log_metrics({"good": 1.0, "bad": value})


def test_the_payload_of_a_nan_survives(memory: Client) -> None:
    odd = struct.unpack("<d", bytes.fromhex("010000000000f87f"))[0]
    run = trackql.start_run()
    trackql.log_metric("x", odd)
    assert memory.history(run.id, "x").values.tobytes().hex() == "010000000000f87f"


@pytest.mark.parametrize("step", [5, np.int32(5), 5.0, True + 4, np.array(5)])
def test_steps_are_integers_of_any_kind(memory: Client, step: int) -> None:
    run = trackql.start_run()
    run.log_metrics({"x": 1.0}, step)
    assert list(memory.history(run.id, "x").steps) == [5]


def test_run_ids_are_read_with_and_without_dashes() -> None:
    plain = "0123456789abcdef0123456789abcdef"
    assert values.run_id("01234567-89AB-cdef-0123-456789abcdef") == plain
    with pytest.raises(InvalidInput, match="32 hex digits"):
        values.run_id("nonsense")


@pytest.mark.parametrize("value", ["a\0b", "x" * 65_537, "\udfff"])
def test_texts_that_cannot_be_stored_are_refused(memory: Client, value: str) -> None:
    run = trackql.start_run()
    with pytest.raises(InvalidInput, match="param 'p'"):
        run.log_param("p", value)
    with pytest.raises(InvalidInput, match="tag 't'"):
        run.set_tag("t", value)
