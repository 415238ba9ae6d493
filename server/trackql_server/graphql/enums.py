"""Enums of rows as GraphQL enums: the rows know no GraphQL, so the words are added here."""

from enum import StrEnum
from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

E = TypeVar("E", bound=StrEnum)


def row_enum(
    members: type[E], description: str, /, *, called: str | None = None, **values: str
) -> type[E]:
    """The same enum, known to GraphQL; `values` describes each member by its name.

    It is `called` as in Python if nothing else is said.

    Raises KeyError when a member is not described.
    """
    made = strawberry.enum(members, name=called, description=description)
    definition: StrawberryEnumDefinition = made.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]
    return made
