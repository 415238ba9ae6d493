"""Many rows through one statement, without SQLAlchemy's work for each row.

Building the parameters of a row costs SQLAlchemy more than SQLite takes to store it. A statement is
compiled once a dialect; rows then go to the driver as tuples. Only for columns whose Python values
the drivers take as they are: numbers, text, bytes.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.dml import Delete, Insert, Update


class Bulk:
    """An INSERT, UPDATE or DELETE whose bind parameters are `names`, for many rows at once."""

    def __init__(self, statement: Insert | Update | Delete, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = tuple(names)
        self._compiled: dict[str, tuple[str, tuple[int, ...]]] = {}

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Execute it for each row, whose values stand in the order of `names`."""
        if not rows:
            return
        text, places = self._text(connection)
        if places != tuple(range(len(self._names))):
            rows = [tuple(row[place] for place in places) for row in rows]
        connection.exec_driver_sql(text, list(rows))

    def _text(self, connection: Connection) -> tuple[str, tuple[int, ...]]:
        found = self._compiled.get(connection.dialect.name)
        if found is None:
            keys = list(self._names) if isinstance(self._statement, Insert) else None
            compiled = self._statement.compile(dialect=connection.dialect, column_keys=keys)
            order: Sequence[str] = getattr(compiled, "positiontup", None) or self._names
            found = (str(compiled), tuple(self._names.index(name) for name in order))
            self._compiled[connection.dialect.name] = found
        return found
