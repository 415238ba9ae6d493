"""Conditions on text that mean the same on both databases.

Text compares by code point; LIKE heeds letter case and ILIKE folds that of ASCII; a backslash in a
pattern is a backslash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_

from trackql_server.filters.tree import Comparison, Operator
from trackql_server.models.run import HEAD
from trackql_server.store.paging import LOWER, contains

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A text column, and its head where it has one: the index holds the head alone."""

    whole: ColumnElement[Any]
    head: ColumnElement[Any] | None = None

    @property
    def value(self) -> ColumnElement[Any]:
        """The text; the row is looked up only where the head is not all of it."""
        if self.head is None:
            return self.whole
        return case((func.length(self.head) < HEAD, self.head), else_=self.whole)


def compare(text: TextColumn, node: Comparison, sqlite: bool) -> Condition:
    """What a comparison asks of a text that is there, its negation left aside."""
    values = [str(value) for value in node.values]
    match node.operator:
        case Operator.EQ:
            return _equal(text, values[0])
        case Operator.IN:
            return _one_of(text, values)
        case Operator.LIKE if sqlite:
            return text.value.op("GLOB", is_comparison=True)(_glob(values[0]))
        case Operator.LIKE:
            return text.value.like(values[0], escape="")
        case Operator.ILIKE if sqlite:
            return text.value.op("LIKE", is_comparison=True)(values[0])
        case Operator.ILIKE:
            return func.lower(text.value).like(values[0].translate(LOWER), escape="")
        case Operator.CONTAINS:
            return contains(text.value, values[0])
        case Operator.BETWEEN:
            return and_(
                _ordered(text, Operator.GE, values[0]), _ordered(text, Operator.LE, values[1])
            )
    return _ordered(text, node.operator, values[0])


def _equal(text: TextColumn, value: str) -> Condition:
    if text.head is None:
        return text.whole == value
    if len(value) < HEAD:
        return text.head == value
    return and_(text.head == value[:HEAD], text.whole == value)


def _one_of(text: TextColumn, values: Sequence[str]) -> Condition:
    if text.head is None:
        return text.whole.in_(values)
    short = text.head.in_([value for value in values if len(value) < HEAD])
    long = [value for value in values if len(value) >= HEAD]
    if not long:
        return short
    heads = sorted({value[:HEAD] for value in long})
    return or_(short, and_(text.head.in_(heads), text.whole.in_(long)))


def _ordered(text: TextColumn, operator: Operator, value: str) -> Condition:
    # A head that is not the whole text is longer than a short value: it decides as the text does.
    column = text.whole if text.head is None or len(value) >= HEAD else text.head
    match operator:
        case Operator.LT:
            return column < value
        case Operator.LE:
            return column <= value
        case Operator.GT:
            return column > value
    return column >= value


def _glob(pattern: str) -> str:
    """The pattern of a LIKE as one of SQLite's GLOB, which heeds letter case."""
    signs = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(signs.get(sign, sign) for sign in pattern)
