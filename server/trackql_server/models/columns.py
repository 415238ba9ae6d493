"""The column types that rows share: code-point text, UTC instants kept as milliseconds, JSON."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, Table, Text
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Text sorts by code point on both databases: SQLite does so by itself, PostgreSQL by "C".
CodePointText = Text().with_variant(Text(collation="C"), "postgresql")
Bytes = LargeBinary

# On SQLite a primary key of just this type is the row's own place in the file.
RowNumber = BigInteger().with_variant(Integer, "sqlite")


def millis(moment: datetime) -> int:
    """Whole milliseconds since 1970-01-01 UTC, exact where `datetime.timestamp` would round."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def instant(milliseconds: int) -> datetime:
    """The inverse of `millis`."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def table_of(row: type[SQLModel]) -> Table:
    """The table behind a row class, for statements that need no rows."""
    return SQLModel.metadata.tables[str(row.__tablename__)]


class Instant(TypeDecorator[datetime]):
    """An aware datetime in UTC, kept as Unix milliseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else millis(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else instant(value)


class JsonText(TypeDecorator[Any]):
    """Any JSON value as text, so that both databases keep it as it was given."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)


class EnumText(TypeDecorator[StrEnum]):
    """A closed set kept as the names of its members."""

    impl = CodePointText
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.members(value)
