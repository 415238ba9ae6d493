"""Pages by key: a cursor is the sort values of a row, so a page costs the same wherever it is."""

import base64
import binascii
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.errors import InvalidInput
from trackql_server.models.columns import Instant, instant, millis

T = TypeVar("T")

LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Order:
    """One sort column, which is never null, by the name it has on a row, and its direction."""

    name: str
    column: SQLColumnExpression[Any]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """Rows of one page with the cursor of each, and whether more follow."""

    rows: Sequence[T]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True)
class Page:
    """`first` rows after the row of cursor `after` (None: from the start)."""

    first: int
    after: str | None = None

    async def run(
        self, session: AsyncSession, statement: Select[T], orders: Sequence[Order]
    ) -> Paged[T]:
        """The page of what `statement` selects, in the order of `orders`, which must be total."""
        if self.after is not None:
            statement = statement.where(_beyond(orders, read_cursor(self.after, orders)))
        statement = statement.order_by(
            *(order.column.desc() if order.descending else order.column.asc() for order in orders)
        )
        found = await session.execute(statement.limit(self.first + 1))
        rows = list(found.scalars())
        shown = rows[: self.first]
        cursors = [write_cursor([getattr(row, order.name) for order in orders]) for row in shown]
        return Paged(shown, cursors, len(rows) > self.first, self.after is not None)


def _beyond(orders: Sequence[Order], values: Sequence[Any]) -> ColumnElement[bool]:
    """Rows after the one with these values: (a > x) or (a = x and b > y) or …"""
    ways = []
    for place, order in enumerate(orders):
        equal = [
            former.column == value
            for former, value in zip(orders[:place], values[:place], strict=True)
        ]
        further = order.column < values[place] if order.descending else order.column > values[place]
        ways.append(and_(*equal, further))
    # Said once more as a bound on the leading column, which is what an index can seek by.
    lead = orders[0].column <= values[0] if orders[0].descending else orders[0].column >= values[0]
    return and_(lead, or_(*ways))


def write_cursor(values: Sequence[Any]) -> str:
    """Opaque to clients: the sort values as JSON in URL-safe base64."""
    plain = [{"ms": millis(value)} if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def read_cursor(cursor: str, orders: Sequence[Order]) -> list[Any]:
    """The inverse of `write_cursor`; raises InvalidInput for what is no cursor of this order."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        plain = orjson.loads(base64.urlsafe_b64decode(padded))
        if len(plain) != len(orders):
            raise ValueError("another number of sort values")
        return [_sort_value(order, each) for order, each in zip(orders, plain, strict=True)]
    except (binascii.Error, ValueError, TypeError, KeyError, OverflowError) as error:
        raise _no_cursor() from error


def _sort_value(order: Order, plain: Any) -> Any:
    """A value by which `order` may sort; raises ValueError, KeyError or OverflowError."""
    kind: object = order.column.label(None).type
    if isinstance(kind, Instant) and isinstance(plain, dict) and type(plain["ms"]) is int:
        return instant(plain["ms"])
    if isinstance(kind, BigInteger) and type(plain) is int and -(2**63) <= plain < 2**63:
        return plain
    text = not isinstance(kind, Instant | BigInteger)
    if text and isinstance(plain, str) and "\0" not in plain:
        return plain
    raise ValueError(f"{order.name} has no such value")


def _no_cursor() -> InvalidInput:
    return InvalidInput(
        "after is not a cursor of this list; take one from pageInfo.endCursor of the same order",
        argument="after",
    )


async def count(session: AsyncSession, statement: Select[Any]) -> int:
    """How many rows a statement selects."""
    found = await session.execute(select(func.count()).select_from(statement.subquery()))
    return int(found.scalar_one())


def contains(column: Any, text: str) -> ColumnElement[bool]:
    """Whether a text column contains `text`, letter case of ASCII aside."""
    text = text.translate(LOWER)  # as the databases do it; `str.lower` folds more than they
    folded: ColumnElement[bool] = func.lower(column).contains(text, autoescape=True)
    return folded
