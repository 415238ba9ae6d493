"""What can be logged: numbers, keys, steps and texts, checked and made plain."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from .errors import InvalidInput, InvalidValue

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
KEY_LENGTH = 500
NAME_LENGTH = 500
TEXT_LENGTH = 65_536
METRIC_KEYS = 100_000


def number(key: object, value: object) -> float:
    """A float from a number, or from a scalar of numpy, torch and the like."""
    if isinstance(value, str | bytes | bytearray):
        raise InvalidValue(key, value)
    if hasattr(value, "columns"):  # a data frame of one cell is a table all the same
        raise InvalidValue(key, value)
    try:
        item = getattr(value, "item", None)
        plain = item() if callable(item) else value
        if isinstance(plain, str | bytes):
            raise InvalidValue(key, value)
        return float(plain)  # type: ignore[arg-type]
    except InvalidValue:
        raise
    except OverflowError as error:
        raise InvalidValue(key, value, "it is too large for a 64-bit float") from error
    except Exception as error:
        raise InvalidValue(key, value) from error


def numbers(metrics: Mapping[str, Any]) -> list[float]:
    """The values of a mapping, one by one: the slow and thorough way."""
    return [number(key, value) for key, value in metrics.items()]


def step(value: object) -> int:
    """A step as an int64."""
    try:
        plain = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        if isinstance(value, str | bytes):
            raise InvalidInput(f"step must be an integer, not {value!r}", argument="step") from None
        real = number("step", value)
        if not real.is_integer():
            raise InvalidInput(f"step must be an integer, not {value!r}", argument="step") from None
        plain = int(real)
    return _int64(plain, "step")


def timestamp(value: object) -> int:
    """A moment in Unix milliseconds as an int64."""
    try:
        plain = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        plain = int(number("timestamp", value))
    return _int64(plain, "timestamp")


def key(value: object, argument: str = "key") -> str:
    """The name of a metric, param or tag."""
    if not isinstance(value, str):
        kind = type(value).__name__
        raise InvalidInput(
            f"{argument} must be a string, not {value!r} ({kind})", argument=argument
        )
    if not value:
        raise InvalidInput(f"{argument} must not be empty", argument=argument)
    _fits(value, f"{argument} {value[:40]!r}", KEY_LENGTH)
    return value


def keys(names: tuple[object, ...]) -> tuple[str, ...]:
    """The keys of one call of log_metrics."""
    if len(names) > METRIC_KEYS:
        raise InvalidInput(
            f"one call holds {len(names)} metrics; log at most {METRIC_KEYS} at once",
            argument="metrics",
        )
    return tuple(key(name) for name in names)


def name(value: object, argument: str) -> str:
    """The name of an experiment or run."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{argument} must be a text that is not empty", argument=argument)
    _fits(value, argument, NAME_LENGTH)
    return value


def text(argument: str, value: object) -> str:
    """The value of a param or tag as text."""
    plain = value if isinstance(value, str) else str(value)
    _fits(plain, argument, TEXT_LENGTH)
    return plain


def _fits(value: str, argument: str, longest: int) -> None:
    if len(value) > longest:
        raise InvalidInput(
            f"{argument} has {len(value)} characters; at most {longest} are kept",
            argument=argument,
        )
    if "\0" in value:
        raise InvalidInput(
            f"{argument} holds a NUL character, which cannot be stored", argument=argument
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"{argument} is not valid Unicode text", argument=argument) from None


def _int64(value: int, argument: str) -> int:
    if not INT64_MIN <= value <= INT64_MAX:
        raise InvalidInput(
            f"{argument} must fit in 64 bits, and {value} does not", argument=argument
        )
    return value


def run_id(value: object) -> str:
    """The id of a run: 32 hex digits."""
    plain = str(value).strip().lower().replace("-", "")
    if len(plain) != 32 or not set(plain) <= set("0123456789abcdef"):
        raise InvalidInput(f"{value!r} is not a run id: 32 hex digits", argument="run_id")
    return plain
