"""Tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from trackql.errors import InvalidInput

from . import frames
from .base import Encoded, Media


class Table(Media):
    """Rows and columns: names with rows, a dictionary of columns, or a data frame."""

    kind = "TABLE"

    def __init__(
        self,
        columns: Any,
        rows: Sequence[Sequence[Any]] | None = None,
        caption: str | None = None,
    ) -> None:
        super().__init__(caption)
        self._frame: Any = None
        self.columns: list[str]
        self._rows: list[list[Any]] | None = None
        if rows is not None:
            self.columns = [str(name) for name in columns]
            self._rows = [list(row) for row in rows]
            for place, row in enumerate(self._rows):
                if len(row) != len(self.columns):
                    raise InvalidInput(
                        f"rows[{place}] has {len(row)} cells; there are {len(self.columns)} "
                        "columns",
                        argument="rows",
                    )
        elif isinstance(columns, Mapping):
            self.columns, self._rows = frames.of_columns(columns)
        elif frames.is_frame(columns):
            self._frame = frames.copied(columns)
            self.columns = frames.names(columns)
        else:
            raise InvalidInput(
                "give columns and rows, a dictionary of columns, or a data frame",
                argument="columns",
            )

    @property
    def rows(self) -> list[list[Any]]:
        """The rows, cell by cell."""
        if self._rows is None:
            self._rows = frames.rows(self._frame)
        return self._rows

    def to_pandas(self) -> Any:
        """The table as a data frame of pandas."""
        from trackql._optional import load

        pandas = load("pandas", "to_pandas", "use columns and rows")
        return pandas.DataFrame(self.rows, columns=self.columns)

    def _encode(self) -> Encoded:
        height = len(self._frame) if self._frame is not None else len(self.rows)
        body = {"rows": height, "columns": len(self.columns)}
        if self._frame is not None and height > frames.LONG:
            data = frames.parquet(self._frame)
            if data is not None:
                return Encoded(data, "parquet", "application/vnd.apache.parquet", body)
        data = frames.write(self.columns, self.rows)
        return Encoded(data, "table.json", "application/json", body)

    def _size(self) -> int:
        if self._frame is not None:
            return int(math.prod(self._frame.shape)) * 16
        return len(self.rows) * len(self.columns) * 64

    def __len__(self) -> int:
        return len(self._frame) if self._frame is not None else len(self.rows)

    def __repr__(self) -> str:
        return f"<Table of {len(self)} rows: {', '.join(self.columns)}>"
