"""What a live parameter may be: the spec that a script declares, and whether a value fits it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trackql_server.domain import words
from trackql_server.errors import InvalidInput

# Choices of one parameter, and characters of a text.
CHOICES = 100
LONGEST_TEXT = 65_536


class ParamType(StrEnum):
    """What values a live parameter takes."""

    NUMBER = "number"
    INTEGER = "integer"
    FLAG = "flag"
    TEXT = "text"
    CHOICE = "choice"


@dataclass(frozen=True)
class Spec:
    """A live parameter as a script declares it."""

    key: str
    type: ParamType
    value: Any
    least: float | None = None
    greatest: float | None = None
    choices: Sequence[Any] | None = None

    @property
    def stored(self) -> dict[str, Any]:
        """As JSON, without the key and the value."""
        given = {"min": self.least, "max": self.greatest, "choices": self.choices}
        return {"type": str(self.type)} | {
            name: value for name, value in given.items() if value is not None
        }

    @classmethod
    def read(cls, key: str, stored: dict[str, Any]) -> "Spec":
        """The inverse of `stored`."""
        return cls(
            key,
            ParamType(stored["type"]),
            None,
            stored.get("min"),
            stored.get("max"),
            stored.get("choices"),
        )


def check(spec: Spec, at: str) -> None:
    """Raise InvalidInput for a spec that makes no sense, or whose own value does not fit."""
    words.key(spec.key, f"{at}.key")
    numeric = spec.type in (ParamType.NUMBER, ParamType.INTEGER)
    for bound, name in ((spec.least, "min"), (spec.greatest, "max")):
        if bound is None:
            continue
        if not numeric:
            raise InvalidInput(
                f"{at}.{name}: only numbers and integers have one", argument=f"{at}.{name}"
            )
        if not math.isfinite(bound):
            raise InvalidInput(
                f"{at}.{name} is {bound}; leave it out for no bound", argument=f"{at}.{name}"
            )
    if spec.least is not None and spec.greatest is not None and spec.least > spec.greatest:
        raise InvalidInput(f"{at}.min is above max", argument=f"{at}.min")
    if (spec.type is ParamType.CHOICE) != (spec.choices is not None):
        raise InvalidInput(
            f"{at}.choices: give them for the type CHOICE, and for no other",
            argument=f"{at}.choices",
        )
    if spec.choices is not None:
        _check_choices(spec.choices, f"{at}.choices")
    fitting(spec, spec.value, f"{at}.value")


def _check_choices(choices: Sequence[Any], argument: str) -> None:
    if not 1 <= len(choices) <= CHOICES:
        raise InvalidInput(f"{argument} has {len(choices)}; give 1 to {CHOICES}", argument=argument)
    for place, choice in enumerate(choices):
        if isinstance(choice, str):
            words.fitting(choice, argument, LONGEST_TEXT)
        elif not isinstance(choice, bool | int | float) or not math.isfinite(choice):
            raise InvalidInput(
                f"{argument}[{place}] is no text, no number and no flag", argument=argument
            )
        if any(_same(choice, other) for other in choices[:place]):
            raise InvalidInput(f"{argument} names {choice!r} twice", argument=argument)


def fitting(spec: Spec, value: Any, argument: str) -> Any:
    """A value as the parameter takes it. Raises InvalidInput, which says what would fit."""
    found: Any
    match spec.type:
        case ParamType.FLAG:
            found = value if isinstance(value, bool) else None
        case ParamType.TEXT:
            found = words.fitting(value, argument, LONGEST_TEXT) if isinstance(value, str) else None
        case ParamType.CHOICE:
            found = next((each for each in spec.choices or () if _same(each, value)), None)
        case ParamType.INTEGER:
            found = _integer(value)
        case ParamType.NUMBER:
            found = _number(value)
    if found is None or not _within(spec, found):
        raise InvalidInput(
            f"{spec.key!r} takes {_told(spec)}, not {value!r:.100}", argument=argument
        )
    return found


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _integer(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and -(2**63) <= value < 2**63 else None


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        plain = float(value)
    except OverflowError:
        return None
    return plain if math.isfinite(plain) else None


def _within(spec: Spec, value: Any) -> bool:
    return (spec.least is None or value >= spec.least) and (
        spec.greatest is None or value <= spec.greatest
    )


def _told(spec: Spec) -> str:
    if spec.choices is not None:
        return "one of " + ", ".join(repr(each)[:50] for each in spec.choices)
    kind = {
        ParamType.FLAG: "true or false",
        ParamType.TEXT: "a text",
        ParamType.INTEGER: "a whole number",
    }.get(spec.type, "a number")
    if spec.least is not None and spec.greatest is not None:
        return f"{kind} from {spec.least:g} to {spec.greatest:g}"
    if spec.least is not None:
        return f"{kind} of at least {spec.least:g}"
    return kind if spec.greatest is None else f"{kind} of at most {spec.greatest:g}"
