"""What runs are sorted by, in MLflow's spelling: `metrics.loss.min DESC`."""

import re
from dataclasses import dataclass

from trackql_server.errors import InvalidFilter
from trackql_server.filters import fields, grammar
from trackql_server.filters.fields import Misfit
from trackql_server.filters.parse import segments
from trackql_server.filters.spell import spell_field
from trackql_server.filters.tree import Entity, Field, Relation

LONGEST = 2_000
DIRECTIONS = ("ASC", "DESC")
REST = re.compile(r"(?:\s+(\w+))?\s*")


@dataclass(frozen=True, slots=True)
class Order:
    """One field to sort by; runs that lack it come last either way."""

    field: Field
    descending: bool = False


def parse_order(text: str) -> Order:
    """A field and, if said, its direction. Raises InvalidFilter."""
    if len(text) > LONGEST:
        raise _wrong(f"an order has at most {LONGEST:,} characters", LONGEST, len(text) - LONGEST)
    start = len(text) - len(text.lstrip())
    name = grammar.terminal("FIELD").match(text, start)
    if name is None:
        raise _wrong("expected a field like metrics.loss", start, len(text) - start, "a field")
    rest = REST.fullmatch(text, name.end())
    direction = ((rest and rest[1]) or "ASC").upper()
    if rest is None or direction not in DIRECTIONS:
        at = name.end() + len(text[name.end() :]) - len(text[name.end() :].lstrip())
        raise _wrong(
            f"{text[at : at + 40]!r} is not expected here: one field stands before ASC or DESC,"
            " a key with a blank or a sign in it in backticks",
            at,
            len(text.rstrip()) - at,
            *DIRECTIONS,
        )
    try:
        found = fields.field(segments(name[0]))
    except Misfit as misfit:
        raise _wrong(str(misfit), start, len(name[0]), *misfit.expected) from None
    unsortable = {Relation.PARENT: "fields of a parent", Relation.CHILDREN: "fields of children"}
    what = "datasets" if found.entity is Entity.DATASET else unsortable.get(found.relation)
    if what:
        raise _wrong(f"runs can't be sorted by {what}; use a field of the run", start, len(name[0]))
    return Order(found, direction == "DESC")


def spell_order(order: Order) -> str:
    """The text of an order."""
    return f"{spell_field(order.field)} {DIRECTIONS[order.descending]}"


def _wrong(message: str, position: int, length: int, *expected: str) -> InvalidFilter:
    return InvalidFilter(
        f"{message} (at character {position + 1})",
        argument="orderBy",
        position=position,
        length=length,
        expected=expected,
    )
