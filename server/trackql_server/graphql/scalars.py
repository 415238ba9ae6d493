"""Numbers that GraphQL's own scalars can't carry: 64-bit integers, NaN, and columns of them.

A column passes through GraphQL as one leaf, so a million points cost no more than one field.
"""

import base64
import binascii
import math
from enum import Enum
from typing import Any, NewType

import numpy as np
import numpy.typing as npt
import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

Int64 = NewType("Int64", int)
MetricValue = NewType("MetricValue", float)
Int64Column = NewType("Int64Column", object)
MetricColumn = NewType("MetricColumn", object)
TextColumn = NewType("TextColumn", object)

# Beyond this JavaScript and many JSON readers round.
SAFE = 2**53

NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@strawberry.enum(description="How a column of numbers is written in the reply.")
class ColumnEncoding(Enum):
    ARRAY = strawberry.enum_value("ARRAY", description="A JSON array.")
    BASE64 = strawberry.enum_value(
        "BASE64",
        description="Base64 of the little-endian 64-bit numbers: fastest, and bit for bit.",
    )


def write_int(number: int) -> int | str:
    """As JSON: a number where every reader keeps it exact, else decimal text."""
    return number if -SAFE <= number <= SAFE else str(number)


def read_int(given: object) -> int:
    """The inverse of `write_int`; raises ValueError."""
    if isinstance(given, str):
        number = int(given)
    elif isinstance(given, int) and not isinstance(given, bool):
        number = given
    elif isinstance(given, float) and given.is_integer():
        number = int(given)
    else:
        raise ValueError(f"{given!r} is no whole number")
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{number} does not fit into 64 bits")
    return number


def write_value(number: float) -> float | str:
    """As JSON: a number, or the name of what JSON has no number for."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def read_value(given: object) -> float:
    """The inverse of `write_value`; raises ValueError."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        try:
            return float(given)
        except OverflowError:
            raise ValueError(f"{given} does not fit into a float") from None
    if isinstance(given, str) and given in NAMED:
        return NAMED[given]
    raise ValueError(f"{given!r} is no number; NaN is written as 'NaN', likewise 'Infinity'")


def write_ints(column: npt.NDArray[np.int64], encoding: ColumnEncoding) -> object:
    """A column of integers in the encoding asked for."""
    if encoding is ColumnEncoding.BASE64:
        return base64.b64encode(np.ascontiguousarray(column, "<i8").data).decode()
    if len(column) and (int(column.max()) > SAFE or int(column.min()) < -SAFE):
        return [write_int(number) for number in column.tolist()]
    return np.ascontiguousarray(column, np.int64)


def write_values(column: npt.NDArray[np.float64], encoding: ColumnEncoding) -> object:
    """A column of metric values in the encoding asked for."""
    if encoding is ColumnEncoding.BASE64:
        return base64.b64encode(np.ascontiguousarray(column, "<f8").data).decode()
    if not np.isfinite(column).all():
        return [write_value(number) for number in column.tolist()]
    return np.ascontiguousarray(column, np.float64)


def write_known(column: npt.NDArray[np.float64], known: npt.NDArray[np.bool_]) -> object:
    """A column of metric values as an array with null where none is known."""
    if known.all():
        return write_values(column, ColumnEncoding.ARRAY)
    return [
        write_value(number) if there else None
        for number, there in zip(column.tolist(), known.tolist(), strict=True)
    ]


def write_texts(column: npt.NDArray[np.object_]) -> object:
    """A column of texts as an array."""
    return column.tolist()


def read_ints(given: object) -> npt.NDArray[np.int64]:
    """A column of integers from an array or from base64; raises ValueError."""
    if isinstance(given, str):
        return np.frombuffer(_packed(given), "<i8")
    if not isinstance(given, list):
        raise ValueError("a column is an array of whole numbers, or base64 of 64-bit integers")
    return np.array([read_int(each) for each in given], np.int64)


def read_values(given: object) -> npt.NDArray[np.float64]:
    """A column of metric values from an array or from base64; raises ValueError."""
    if isinstance(given, str):
        return np.frombuffer(_packed(given), "<f8")
    if not isinstance(given, list):
        raise ValueError("a column is an array of numbers, or base64 of 64-bit floats")
    return np.array([read_value(each) for each in given], np.float64)


def _packed(text: str) -> bytes:
    try:
        packed = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the column is no base64: {error}") from error
    if len(packed) % 8:
        raise ValueError(f"the column has {len(packed)} bytes, which is no multiple of 8")
    return packed


def _as_is(value: Any) -> Any:
    return value


SCALARS: dict[object, ScalarDefinition] = {
    Int64: strawberry.scalar(
        name="Int64",
        description="A 64-bit integer: a JSON number up to 2^53, decimal text above.",
        serialize=write_int,
        parse_value=read_int,
    ),
    MetricValue: strawberry.scalar(
        name="MetricValue",
        description='A 64-bit float: a JSON number, or "NaN", "Infinity", "-Infinity".',
        serialize=write_value,
        parse_value=read_value,
    ),
    Int64Column: strawberry.scalar(
        name="Int64Column",
        description=(
            "Many 64-bit integers at once: an array of Int64, or base64 of little-endian int64."
            " Both are understood as input; `encoding` chooses for output."
        ),
        serialize=_as_is,
        parse_value=read_ints,
    ),
    MetricColumn: strawberry.scalar(
        name="MetricColumn",
        description=(
            "Many metric values at once: an array of MetricValue, or base64 of little-endian"
            " float64. Both are understood as input; `encoding` chooses for output."
        ),
        serialize=_as_is,
        parse_value=read_values,
    ),
    TextColumn: strawberry.scalar(
        name="TextColumn",
        description="Many texts at once: an array of strings and nulls.",
        serialize=_as_is,
        parse_value=_as_is,
    ),
}

__all__ = [
    "JSON",
    "SCALARS",
    "ColumnEncoding",
    "Int64",
    "Int64Column",
    "MetricColumn",
    "MetricValue",
    "TextColumn",
]
