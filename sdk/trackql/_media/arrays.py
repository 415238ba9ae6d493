"""Arrays of numpy, torch and the like: told from other things, and copied."""

from __future__ import annotations

from typing import Any

from trackql import _optional
from trackql.errors import InvalidInput


def is_array(value: Any) -> bool:
    """Whether it is an array, or a tensor that can become one."""
    return hasattr(value, "dtype") and hasattr(value, "shape") and not hasattr(value, "columns")


def copied(value: Any, argument: str) -> Any:
    """An array of numpy that nobody else will change."""
    numpy = _optional.load("numpy", argument, "give bytes or the path of a file")
    if callable(getattr(value, "detach", None)):  # a tensor, wherever it lies
        value = value.detach().cpu()
    try:
        array = numpy.array(value)
    except Exception as error:
        kind = type(value).__name__
        raise InvalidInput(f"{argument} is no array: {kind}: {error}", argument=argument) from error
    if array.dtype.kind not in "buif":
        raise InvalidInput(
            f"{argument} must be an array of numbers, not of {array.dtype}", argument=argument
        )
    return array


def shape_of(array: Any) -> str:
    return " × ".join(map(str, array.shape)) or "a single number"
