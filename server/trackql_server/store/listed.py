"""Conditions on very many values, sent as one parameter on both databases.

Either takes some 32,000 parameters a statement; a list of runs or labels may be longer.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean, TypeDecorator

# A list as short as this is sent value by value: the databases plan better what they can count.
SHORT = 100


class _List(TypeDecorator[Any]):
    """A list: JSON for SQLite, an array for PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, texts: bool) -> None:
        super().__init__()
        self.texts = texts

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(ARRAY(Text() if self.texts else BigInteger()))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return orjson.dumps(value).decode() if dialect.name == "sqlite" else value


class Listed(FunctionElement[bool]):
    """Whether a column's value is one of a list."""

    # What tells one from another are the column and the list's kind, which are its clauses.
    inherit_cache = True
    name = "listed"
    type = Boolean()

    def __init__(
        self, column: ColumnElement[Any] | Mapped[Any], values: Sequence[int] | Sequence[str]
    ) -> None:
        kept = list(values)
        texts = bool(kept) and isinstance(kept[0], str)  # an empty list is of numbers
        super().__init__(column, bindparam(None, kept, type_=_List(texts)))

    def self_group(self, against: Any = None) -> Any:
        """A condition already: SQLite would not use an index for `… IN (…) = 1`."""
        return self


@compiles(Listed)
def _as_array(element: Listed, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(Listed, "sqlite")
def _as_json(element: Listed, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


def one_of(
    column: ColumnElement[Any] | Mapped[Any], values: Sequence[int] | Sequence[str]
) -> ColumnElement[bool]:
    """Whether a column's value is one of these, however many they are."""
    if len(values) == 1:  # an equality, unlike a list of one, lets an index deliver the order
        found: ColumnElement[bool] = column == values[0]
        return found
    return column.in_(values) if len(values) <= SHORT else Listed(column, values)
