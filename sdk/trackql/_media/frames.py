"""Data frames and tables as JSON in columns and rows, or as Parquet where they are long."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from trackql._render import _cell, _plain
from trackql.errors import InvalidInput

# Frames with more rows become Parquet, where that can be written.
LONG = 10_000


def is_frame(value: Any) -> bool:
    """Whether it is a data frame of pandas or polars, or a table of pyarrow."""
    return hasattr(value, "columns") and hasattr(value, "shape") and not hasattr(value, "dtype")


def copied(frame: Any) -> Any:
    """A frame that nobody else will change; those of polars and pyarrow share what is fixed."""
    for name in ("copy", "clone"):
        if callable(copy := getattr(frame, name, None)):
            return copy()
    return frame


def names(frame: Any) -> list[str]:
    found = frame.column_names if hasattr(frame, "column_names") else frame.columns
    return [str(each) for each in found]


def rows(frame: Any) -> list[list[Any]]:
    """The rows of a frame."""
    if callable(getattr(frame, "rows", None)):  # polars
        return [list(row) for row in frame.rows()]
    if callable(getattr(frame, "to_pylist", None)):  # pyarrow
        columns = [column.to_pylist() for column in frame.columns]
        return [list(row) for row in zip(*columns, strict=True)]
    columns = [frame.iloc[:, place].tolist() for place in range(frame.shape[1])]
    return [list(row) for row in zip(*columns, strict=True)]


def parquet(frame: Any) -> bytes | None:
    """A frame as Parquet; None where that can't be written."""
    buffer = BytesIO()
    try:
        if callable(getattr(frame, "write_parquet", None)):
            frame.write_parquet(buffer)
        elif callable(getattr(frame, "to_parquet", None)):
            frame.to_parquet(buffer, index=False)
        else:
            from pyarrow.parquet import write_table

            write_table(frame, buffer)
    except Exception:  # no writer, two columns of a name, cells of no one type: JSON takes it
        return None
    return buffer.getvalue()


def write(columns: Sequence[str], data: Sequence[Sequence[Any]]) -> bytes:
    """A table as JSON: {"columns", "data"}."""
    try:
        return json.dumps(
            {"columns": list(columns), "data": _plain(list(map(list, data)))},
            default=_cell,
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"rows cannot be written as JSON: {error}", argument="rows") from error


def of_columns(found: Mapping[Any, Any]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of a dictionary of columns."""
    cells = [list(column) for column in found.values()]
    if len(set(map(len, cells))) > 1:
        raise InvalidInput("columns have different lengths", argument="columns")
    return [str(name) for name in found], [list(row) for row in zip(*cells, strict=True)]
