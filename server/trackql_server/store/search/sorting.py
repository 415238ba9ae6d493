"""Orders of runs: what is compared first, second and last, so that no two runs are alike.

A run that lacks a field comes last in both directions, one whose value is NaN just before it. A
param that spells a number is compared as a number, and before those that don't. Texts but names are
compared by their first 256 characters.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Float, and_, case, func, or_, type_coerce
from sqlalchemy.sql.selectable import FromClause

from trackql_server.errors import InvalidInput
from trackql_server.filters.order import Order, spell_order
from trackql_server.filters.tree import Entity
from trackql_server.models.columns import CodePointText
from trackql_server.models.run import HEAD
from trackql_server.store.search.predicates import COLUMNS
from trackql_server.store.search.scope import Scope
from trackql_server.store.search.sources import Source, sources
from trackql_server.store.search.texts import TextColumn

# Attributes that may be of any length, so that cursors would be. Names are short, and in an index.
LONG = ("description", "user", "source_name", "git_commit")

# Classes of values in the order in which they come, whatever the direction.
NUMBERS, TEXTS, FLAGS, NANS, MISSING = range(5)


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that is compared: never null, and of one type."""

    column: ColumnElement[Any]
    descending: bool
    kind: type


@dataclass(frozen=True, slots=True)
class Joined:
    """A source that a key reads, joined to the run."""

    table: FromClause
    condition: ColumnElement[bool]


def fingerprint(orders: Sequence[Order]) -> str:
    """What a cursor remembers of the order it belongs to."""
    spelled = "\n".join(spell_order(order) for order in orders)
    return blake2b(spelled.encode(), digest_size=6).hexdigest()


def keys(scope: Scope, orders: Sequence[Order], run: FromClause) -> tuple[list[Key], list[Joined]]:
    """All that is compared, the run's number last, and what must be joined for it."""
    found: list[Key] = []
    joins: list[Joined] = []
    for place, order in enumerate(orders):
        if order.field.entity is Entity.ATTRIBUTE:
            found += attribute_keys(order, run)
            continue
        for source in (some := sources(scope, order.field, f"o{place}")):
            joins.append(
                Joined(source.table, and_(source.holds, source.run_number == run.c.number))
            )
        found += source_keys(some, order)
    found.append(tie(orders, run.c.number))
    return found, joins


def tie(orders: Sequence[Order], number: ColumnElement[int]) -> Key:
    """What decides between runs that are alike: the newer first, or as the first order goes."""
    return Key(number, orders[0].descending if orders else True, int)


def attribute_keys(order: Order, run: FromClause) -> list[Key]:
    """What is compared for an attribute."""
    name, down = order.field.key, order.descending
    if name == "duration":
        # As it is stored, so that a list does not change under its reader: running ones are
        # shortest.
        return [Key(run.c.duration_ms, down, int)]
    column = run.c[COLUMNS.get(name, name)]
    if name in ("start_time", "end_time", "heartbeat_time", "dropped_points"):
        kind: type = int
        plain: ColumnElement[Any] = type_coerce(column, BigInteger)
    else:
        kind, plain = str, type_text(func.substr(column, 1, HEAD) if name in LONG else column)
    if not column.nullable:
        return [Key(plain, down, kind)]
    return [
        Key(case((column.is_(None), MISSING), else_=NUMBERS), False, int),
        Key(func.coalesce(plain, 0 if kind is int else ""), down, kind),
    ]


def type_text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as the text that it holds."""
    return type_coerce(column, CodePointText)


def begin(text: TextColumn) -> ColumnElement[Any]:
    """What texts are sorted by: their first HEAD characters."""
    return func.substr(text.whole, 1, HEAD) if text.head is None else text.head


def source_keys(some: Sequence[Source], order: Order) -> list[Key]:
    """What is compared for a metric, param, tag or config value."""
    down = order.descending
    numbers = [each.number for each in some if each.number is not None]
    texts = [each.text for each in some if each.text is not None]
    flags = [each.flag for each in some if each.flag is not None]
    ways: list[tuple[ColumnElement[bool], int]] = [
        (or_(*(each.is_not(None) for each in group)), rank)
        for group, rank in (
            (numbers, NUMBERS),
            ([begin(text) for text in texts], TEXTS),
            (flags, FLAGS),
        )
        if group
    ]
    if some[0].nan:
        ways.append((some[0].run_number.is_not(None), NANS))
    found = [Key(case(*ways, else_=MISSING), False, int)]
    if numbers:
        found.append(Key(func.coalesce(*numbers, type_coerce(0.0, Float)), down, float))
    if texts:
        # Where it is a number, the text that spells it does not matter.
        plain: ColumnElement[Any] = func.coalesce(*(begin(text) for text in texts), "")
        if numbers:
            plain = case((or_(*(each.is_not(None) for each in numbers)), ""), else_=plain)
        found.append(Key(type_text(plain), down, str))
    if flags:
        found.append(Key(case((func.coalesce(*flags, False), 1), else_=0), down, int))
    return found


def after(compared: Sequence[Key], values: Sequence[Any]) -> list[ColumnElement[bool]]:
    """Runs after the one with these values: (a > x) or (a = x and b > y) or …

    Said once more as a bound on the leading key, which is what an index can seek by.
    """
    ways = []
    for place, key in enumerate(compared):
        equal = [
            former.column == value
            for former, value in zip(compared[:place], values[:place], strict=True)
        ]
        further = key.column < values[place] if key.descending else key.column > values[place]
        ways.append(and_(*equal, further))
    lead = compared[0]
    bound = lead.column <= values[0] if lead.descending else lead.column >= values[0]
    return [bound, or_(*ways)]


def ordered(compared: Sequence[Key]) -> list[ColumnElement[Any]]:
    """The keys as an ORDER BY has them."""
    return [key.column.desc() if key.descending else key.column.asc() for key in compared]


def write_cursor(orders: Sequence[Order], values: Sequence[Any]) -> str:
    """Opaque to clients: the values of a run's keys, and of which order they are."""
    plain = [{"inf": each > 0} if each in (INF, -INF) else each for each in values]
    packed = orjson.dumps([fingerprint(orders), *plain])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


INF = float("inf")


def read_cursor(orders: Sequence[Order], kinds: Sequence[type], cursor: str) -> list[Any]:
    """The inverse of `write_cursor`; raises InvalidInput for what is no cursor of this order."""
    try:
        packed = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        mark, *plain = packed
        if mark != fingerprint(orders) or len(plain) != len(kinds):
            raise ValueError("of another order")
        return [_value(kind, each) for kind, each in zip(kinds, plain, strict=True)]
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidInput(
            "after is not a cursor of this list; take one from the same list in the same order",
            argument="after",
        ) from error


def _value(kind: type, plain: Any) -> Any:
    if kind is float and isinstance(plain, dict) and isinstance(plain.get("inf"), bool):
        return INF if plain["inf"] else -INF
    if kind is float and isinstance(plain, int | float) and not isinstance(plain, bool):
        return float(plain)
    if kind is int and type(plain) is int and -(2**63) <= plain < 2**63:
        return plain
    if kind is str and isinstance(plain, str) and "\0" not in plain:
        return plain
    raise ValueError("no such value")
