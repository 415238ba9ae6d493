"""What a param is: set once, text always, a number or typed JSON where it is one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from trackql_server.domain import words
from trackql_server.errors import InvalidInput
from trackql_server.store.runs import NewParam

# What is searched by of one param's JSON.
LEAVES = 1_000
DEEPEST = 20


@dataclass(frozen=True)
class ParamSpec:
    """A param as it was given."""

    key: str
    value: str
    config: Any = None


def checked(given: Sequence[ParamSpec]) -> list[ParamSpec]:
    """The params, each checked; a key twice with the same value counts once.

    Raises InvalidInput when a key is there twice with different values.
    """
    seen: dict[str, ParamSpec] = {}
    for place, each in enumerate(given):
        words.key(each.key, f"params[{place}].key")
        words.value(each.value, f"params[{place}].value")
        _json(each.config, f"params[{place}].config")
        former = seen.setdefault(each.key, each)
        if former.value != each.value:
            raise InvalidInput(
                f"params[{place}].key: {each.key!r} stands twice with different values",
                argument=f"params[{place}].key",
            )
    return list(seen.values())


def _json(config: Any, argument: str) -> None:
    try:
        orjson.dumps(config)
    except TypeError as error:
        raise InvalidInput(
            f"{argument} can't be kept as JSON: {error}", argument=argument
        ) from error


def prepared(given: Sequence[ParamSpec]) -> list[NewParam]:
    """Params as they are stored: with the number their text spells and the values in their JSON."""
    return [_prepared(each) for each in given]


def _prepared(given: ParamSpec) -> NewParam:
    """A single JSON value is told by the param itself, unless that says it in other words."""
    spelled, kind = number(given.value), scalar(given.config)
    inner = leaves(given.key, given.config)
    other = kind == "text" and given.value != given.config
    if other or (kind == "number" and spelled != given.config):
        kind, inner = None, {given.key: given.config} if _kept(given.config) else {}
    return NewParam(given.key, given.value, spelled, kind, given.config, inner)


def number(text: str) -> float | None:
    """The finite number that a text spells, if it does."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and "_" not in text else None


def scalar(config: Any) -> str | None:
    """Which kind of single value JSON is: "number", "text" or "flag"; None for another thing."""
    match config:
        case bool():
            return "flag"
        case int() | float():
            return "number"
        case str():
            return "text"
    return None


def leaves(key: str, config: Any) -> dict[str, str | float | bool]:
    """The single values within a JSON object or array by path, the first LEAVES of them.

    Null has no place among them, nor what lies deeper than DEEPEST levels or whose path could be no
    key; the param itself keeps its JSON whole.
    """
    found: dict[str, str | float | bool] = {}
    waiting: list[tuple[str, Any, int]] = [(key, config, 0)]
    while waiting and len(found) < LEAVES:
        path, value, depth = waiting.pop()
        if len(path) > words.LONGEST_KEY or "\0" in path or depth > DEEPEST:
            continue
        if isinstance(value, dict):
            inner = [(f"{path}.{name}", each, depth + 1) for name, each in value.items()]
            waiting.extend(reversed(inner))
        elif isinstance(value, list):
            inner = [(f"{path}.{place}", each, depth + 1) for place, each in enumerate(value)]
            waiting.extend(reversed(inner))
        elif depth and isinstance(value, str | bool | float | int) and _kept(value):
            found[path] = value
    return found


def _kept(value: str | float | bool) -> bool:
    if isinstance(value, str):
        return "\0" not in value and len(value) <= words.LONGEST_VALUE
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that is larger than any float64
        return False
