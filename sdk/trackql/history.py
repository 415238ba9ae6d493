"""Exact points of a series as columns, bit for bit as they were logged."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _optional
from .entities import Metric

if TYPE_CHECKING:
    import numpy as np


@dataclass(slots=True)
class History:
    """Points of one series in the order in which they arrived, from `offset` on."""

    run_id: str
    key: str
    offset: int = 0
    steps: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    @property
    def next_offset(self) -> int:
        """Where the series continues."""
        return self.offset + len(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def extend(self, data: dict[str, Any]) -> None:
        """Add the columns of an answer."""
        _extend(self.steps, data["steps"])
        _extend(self.times, data["times"])
        _extend(self.values, data["values"])

    def points(self) -> list[Metric]:
        """The points one by one."""
        return [
            Metric(self.key, value, time, step, self.run_id)
            for step, time, value in zip(self.steps, self.times, self.values, strict=True)
        ]

    def numpy(self) -> dict[str, np.ndarray[Any, Any]]:
        """The columns as numpy arrays."""
        np = _optional.load("numpy", "arrays", "use .steps, .times and .values")
        columns = {"step": self.steps, "time": self.times, "value": self.values}
        return {name: np.array(column) for name, column in columns.items()}

    def pandas(self) -> Any:
        """The columns as a data frame."""
        pd = _optional.load("pandas", "a data frame", "use .numpy() or the columns")
        return pd.DataFrame(self.numpy())


def _extend(column: array[Any], data: str | list[Any]) -> None:
    if not isinstance(data, str):
        kind = float if column.typecode == "d" else int
        column.extend(kind(item) for item in data)
        return
    part = array(column.typecode)
    part.frombytes(b64decode(data))
    if sys.byteorder == "big":
        part.byteswap()
    column.extend(part)
