"""Columns over many runs, as runTable answers them, and the tables of other packages."""

from __future__ import annotations

import math
import sys
from array import array
from base64 import b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from . import _optional
from .errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

Format = Literal["pandas", "polars", "arrow", "dict"]
INSTEAD = "ask for another format with as_='pandas', 'polars', 'arrow' or 'dict'"


class Column:
    """One field of every run of a table; numbers, texts, or both for a param."""

    def __init__(self, field: str) -> None:
        self.field = field
        self.kind = "TEXT"
        self.numbers: array[float] | None = None
        self.texts: list[str | None] | None = None
        self.missing: array[int] = array("q")
        self.length = 0

    def extend(self, data: dict[str, Any], rows: int) -> None:
        """Add what one answer has of the column."""
        if not self.length or data["kind"] != "TEXT":
            self.kind = data["kind"]
        self.missing.extend(at + self.length for at in _integers(data["missing"]))
        if data["numbers"] is not None:
            if self.numbers is None:
                self.numbers = array("d", [math.nan]) * self.length
            self.numbers.frombytes(_native(b64decode(data["numbers"])))
        elif self.numbers is not None:
            self.numbers.extend(array("d", [math.nan]) * rows)
        if data["texts"] is not None:
            if self.texts is None:
                self.texts = [None] * self.length
            self.texts.extend(data["texts"])
        elif self.texts is not None:
            self.texts.extend([None] * rows)
        self.length += rows

    @property
    def empty(self) -> bool:
        """No run has the field."""
        return len(self.missing) == self.length

    @property
    def numeric(self) -> bool:
        """Numbers say all of it: also of a param whose values are all numbers."""
        if self.numbers is None or self.texts is None:
            return self.texts is None
        return not self.empty and sum(map(math.isnan, self.numbers)) == len(self.missing)

    def numpy(self) -> np.ndarray[Any, Any]:
        """Its numbers; NaN where there is none."""
        import numpy as np

        if self.numbers is None:
            return np.full(self.length, np.nan)
        return np.array(self.numbers)

    def spelled(self) -> list[str | None]:
        """Its values as texts; of configuration a number comes without its text."""
        texts = self.texts or [None] * self.length
        if self.numbers is None or texts.count(None) == len(self.missing):
            return texts
        return [
            repr(number).removesuffix(".0") if text is None and not math.isnan(number) else text
            for text, number in zip(texts, self.numbers, strict=True)
        ]

    def values(self) -> list[Any]:
        """Its values; None where there is none. Times and durations are milliseconds."""
        if self.texts is not None and not self.numeric:
            return self.spelled()
        if self.numbers is None:
            return [None] * self.length
        if self.kind in ("TIME", "DURATION"):
            return [None if math.isnan(value) else round(value) for value in self.numbers]
        values: list[Any] = self.numbers.tolist()
        for at in self.missing:
            values[at] = None
        return values

    def pandas(self) -> Any:
        """What a data frame is made of."""
        if not self.numeric:
            return self.spelled()
        if self.kind not in ("TIME", "DURATION"):
            return self.numpy()
        import numpy as np
        import pandas as pd

        values = self.numpy()
        absent = np.isnan(values)
        whole = np.where(absent, 0, values).round().astype(np.int64)
        whole[absent] = np.iinfo(np.int64).min  # not a time
        if self.kind == "TIME":
            return pd.to_datetime(whole, unit="ms", utc=True)
        return pd.to_timedelta(whole, unit="ms")


class Table:
    """Runs in the order asked, and some of their fields."""

    def __init__(self, fields: list[str]) -> None:
        self.run_ids: list[str] = []
        self.columns = [Column(field) for field in fields]

    def __len__(self) -> int:
        return len(self.run_ids)

    def extend(self, data: dict[str, Any]) -> None:
        """Add one answer of runTable."""
        rows = len(data["runIds"])
        self.run_ids.extend(data["runIds"])
        for column, part in zip(self.columns, data["columns"], strict=True):
            column.extend(part, rows)

    def to(self, format: str) -> Any:
        """The table as another package has them, with the run's id before what was asked."""
        makers: dict[str, Callable[[], Any]] = {
            "pandas": self.pandas,
            "polars": self.polars,
            "arrow": self.arrow,
            "dict": self.plain,
        }
        if format not in makers:
            raise InvalidInput(
                f"as_ must be one of {', '.join(makers)}, not {format!r}", argument="as_"
            )
        return makers[format]()

    def plain(self) -> dict[str, list[Any]]:
        """Lists by name; None where a run lacks the field."""
        return {"run_id": self.run_ids, **{each.field: each.values() for each in self.columns}}

    def pandas(self) -> Any:
        """A data frame; numbers are NaN, all else is None or NaT, where a run lacks the field."""
        pd = _optional.load("pandas", "a data frame", INSTEAD)
        columns = {each.field: each.pandas() for each in self.columns}
        return pd.DataFrame({"run_id": self.run_ids, **columns})

    def polars(self) -> Any:
        """A data frame of polars; null where a run lacks the field."""
        pl = _optional.load("polars", "a data frame of polars", INSTEAD)
        times = {"TIME": pl.Datetime("ms", "UTC"), "DURATION": pl.Duration("ms")}

        def series(column: Column) -> Any:
            if not column.numeric:
                return pl.Series(column.field, column.spelled(), dtype=pl.String)
            if column.kind in times:
                whole = pl.Series(column.field, column.values(), dtype=pl.Int64)
                return whole.cast(times[column.kind])
            return pl.Series(column.field, column.values(), dtype=pl.Float64)

        ids = pl.Series("run_id", self.run_ids, dtype=pl.String)
        return pl.DataFrame([ids, *map(series, self.columns)])

    def arrow(self) -> Any:
        """A table of Arrow; null where a run lacks the field."""
        pa = _optional.load("pyarrow", "a table of Arrow", INSTEAD)
        times = {"TIME": pa.timestamp("ms", "UTC"), "DURATION": pa.duration("ms")}

        def kind(column: Column) -> Any:
            if not column.numeric:
                return pa.string()
            return times.get(column.kind, pa.float64())

        names = ["run_id", *(each.field for each in self.columns)]
        arrays = [pa.array(each.values(), type=kind(each)) for each in self.columns]
        return pa.table([pa.array(self.run_ids, type=pa.string()), *arrays], names=names)


def _native(data: bytes) -> bytes:
    if sys.byteorder == "little":
        return data
    swapped = array("d", data)
    swapped.byteswap()
    return swapped.tobytes()


def _integers(data: str | list[Any]) -> list[int]:
    if isinstance(data, str):
        return array("q", _native(b64decode(data))).tolist()
    return [int(each) for each in data]
