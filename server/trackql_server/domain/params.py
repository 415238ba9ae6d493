"""What a param is: set once, text always, a number or typed JSON where it is one."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trackql_server.domain import words
from trackql_server.errors import InvalidInput
from trackql_server.models import Param, Run


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
        former = seen.setdefault(each.key, each)
        if former.value != each.value:
            raise InvalidInput(
                f"params[{place}].key: {each.key!r} stands twice with different values",
                argument=f"params[{place}].key",
            )
    return list(seen.values())


def rows(run: Run, given: Iterable[ParamSpec]) -> list[Param]:
    """Rows for params that are not stored yet."""
    return [
        Param(
            run_id=run.id,
            experiment_id=run.experiment_id,
            key=each.key,
            value=each.value,
            number=number(each.value),
            config=each.config,
        )
        for each in given
    ]


def number(text: str) -> float | None:
    """The finite number that a text spells, if it does."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and "_" not in text else None
