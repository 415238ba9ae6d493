"""Live parameters: values that a script reads again and again, and that people may change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import values
from .errors import InvalidInput

CHOICES = 100


class LiveParam:
    """The present value of a parameter: `value`, or float(), int(), bool() and str() of it."""

    __slots__ = ("key", "spec", "value")

    def __init__(self, key: str, spec: dict[str, Any]) -> None:
        self.key = key
        self.spec = spec
        self.value: Any = spec["value"]

    def take(self, value: Any) -> None:
        """Another value from now on, if it is one; what does not fit is passed over."""
        plain = fitting(self.spec, value)
        if plain is not None:
            self.value = plain

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __index__(self) -> int:
        if type(self.value) is not int:
            raise TypeError(f"live parameter {self.key!r} is no integer but {self.value!r}")
        return self.value

    def __bool__(self) -> bool:
        return bool(self.value)

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __repr__(self) -> str:
        return f"<LiveParam {self.key!r} {self.value!r}>"


def declared(
    key: object,
    value: Any,
    least: float | None = None,
    greatest: float | None = None,
    choices: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """What declareLiveParams takes. Raises InvalidInput for what makes no sense."""
    spec: dict[str, Any] = {"key": values.key(key), "type": "TEXT", "value": _plain(value)}
    if choices is not None:
        spec |= {"type": "CHOICE", "choices": [_plain(each) for each in choices]}
        if not 1 <= len(spec["choices"]) <= CHOICES:
            raise InvalidInput(f"choices must be 1 to {CHOICES}", argument="choices")
    elif isinstance(spec["value"], bool):
        spec["type"] = "FLAG"
    elif isinstance(spec["value"], int):
        spec["type"] = "INTEGER"
    elif isinstance(spec["value"], float):
        spec["type"] = "NUMBER"
    elif not isinstance(spec["value"], str):
        raise InvalidInput(
            f"value must be a number, a flag or a text, not {type(value).__name__}",
            argument="value",
        )
    for bound, name in ((least, "min"), (greatest, "max")):
        if bound is None:
            continue
        if spec["type"] not in ("INTEGER", "NUMBER"):
            raise InvalidInput(f"{name}: only numbers have one", argument=name)
        spec[name] = values.number(name, bound)
        if not math.isfinite(spec[name]):
            raise InvalidInput(f"{name} must be finite", argument=name)
    if fitting(spec, spec["value"]) is None:
        raise InvalidInput(
            f"value {value!r} does not lie within what the parameter takes", argument="value"
        )
    return spec


def fitting(spec: dict[str, Any], value: Any) -> Any:
    """A value as the parameter takes it; None for what does not fit."""
    kind = spec["type"]
    if kind == "CHOICE":
        return next((each for each in spec["choices"] if _same(each, value)), None)
    if kind in ("FLAG", "TEXT"):
        return value if isinstance(value, bool if kind == "FLAG" else str) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    plain = float(value) if kind == "NUMBER" else int(value)
    if plain != value or plain < spec.get("min", plain) or plain > spec.get("max", plain):
        return None
    return plain


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _plain(value: Any) -> Any:
    """A scalar of numpy or torch as Python's own."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value
