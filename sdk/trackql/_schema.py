"""Columns and tensors of data, in the words of MLflow's schemas; imports none of the libraries.

What a thing is, is told by the names of its classes: whoever holds a frame has imported its
library already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .errors import InvalidInput

# Values of a column looked at when its type does not say what they are.
LOOKED_AT = 1_000

_TYPES: tuple[tuple[str, str], ...] = (
    (r"bool", "boolean"),
    (r"u?int8|u?int16|int32", "integer"),
    (r"uint32|u?int64", "long"),
    (r"halffloat|float16|float32|float", "float"),
    (r"float64|double", "double"),
    (r"datetime|timestamp|date", "datetime"),
    (r"str|large_string|utf8|categor|enum|dictionary", "string"),
    (r"binary|large_binary|bytes", "binary"),
)
_PATTERNS = [(re.compile(rf"(?:{pattern})(?![a-z0-9])"), kind) for pattern, kind in _TYPES]
_PREFIXES = [
    (re.compile(pattern), kind)
    for pattern, kind in _TYPES
    if kind in ("boolean", "datetime", "string", "binary")
]


class Column(NamedTuple):
    """A column: its name, its type as its library writes it, whether every row has a value.

    `every` gives every n-th of its values as a list, or as an array of numpy where it has numbers.
    """

    name: str
    type: str
    required: bool
    every: Callable[[int], Any]


class Table(NamedTuple):
    """A frame of any library."""

    columns: Sequence[Column]
    rows: int

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return [column.name for column in self.columns]

    def schema(self, longest: int) -> dict[str, Any] | None:
        """Its columns as MLflow writes them; None where they have more characters."""
        found = {
            "mlflow_colspec": [
                {"type": _type(column, self.rows), "name": column.name, "required": column.required}
                for column in self.columns
            ]
        }
        return found if len(json.dumps(found)) <= longest else None


def of_arrays(features: Any, targets: Any = None) -> dict[str, Any]:
    """The tensors of arrays as MLflow writes them, which is JSON within JSON."""
    return {
        "mlflow_tensorspec": {
            "features": json.dumps(_tensors(features)),
            "targets": None if targets is None else json.dumps(_tensors(targets)),
        }
    }


def profile_of_arrays(features: Any, targets: Any = None) -> dict[str, Any]:
    """How large arrays are."""
    found: dict[str, Any] = {}
    first = next(iter(named(features).values()), None)
    if first is not None:
        found["num_rows"] = int(first.shape[0]) if first.shape else 1
        found["num_elements"] = sum(int(each.size) for each in named(features).values())
    for role, given in (("features", features), ("targets", targets)):
        if given is None:
            continue
        for what in ("shape", "size", "nbytes"):
            told = {name: _plain(getattr(each, what)) for name, each in named(given).items()}
            found[f"{role}_{what}"] = told if isinstance(given, Mapping) else told[""]
    return found


def named(arrays: Any) -> dict[str, Any]:
    """Arrays by name; a single one has the name "". Raises InvalidInput for what is none."""
    found = dict(arrays) if isinstance(arrays, Mapping) else {"": arrays}
    for name, each in found.items():
        if not is_array(each):
            kind = type(each).__name__
            raise InvalidInput(f"{name or 'features'} is no array of numpy but {kind}")
    return {str(name): each for name, each in found.items()}


def is_array(thing: Any) -> bool:
    """Whether it is an array of numpy."""
    return ("numpy", "ndarray") in _classes(thing)


def table(thing: Any) -> Table | None:
    """A frame or series of pandas, polars or pyarrow; None for anything else."""
    classes = _classes(thing)
    if ("pandas", "Series") in classes:
        return _pandas(thing.to_frame())
    if ("pandas", "DataFrame") in classes:
        return _pandas(thing)
    if ("polars", "LazyFrame") in classes:
        raise InvalidInput("a lazy frame holds no data yet: collect() it first", argument="df")
    if ("polars", "Series") in classes:
        return _polars(thing.to_frame())
    if ("polars", "DataFrame") in classes:
        return _polars(thing)
    if ("pyarrow", "Table") in classes or ("pyarrow", "RecordBatch") in classes:
        return _arrow(thing)
    return None


def _classes(thing: Any) -> set[tuple[str, str]]:
    return {(each.__module__.partition(".")[0], each.__name__) for each in type(thing).__mro__}


def _pandas(frame: Any) -> Table:
    def column(place: int, name: object) -> Column:
        series = frame.iloc[:, place]

        def every(step: int) -> Any:
            return series.iloc[::step].to_numpy()

        return Column(str(name), str(series.dtype), not bool(series.isna().any()), every)

    columns = [column(place, name) for place, name in enumerate(frame.columns)]
    return Table(columns, len(frame))


def _polars(frame: Any) -> Table:
    def column(series: Any) -> Column:
        full = series.null_count() == 0

        def every(step: int) -> Any:
            some = series.gather_every(step)
            numbers = full and (some.dtype.is_numeric() and not some.dtype.is_decimal())
            return some.to_numpy() if numbers else some.to_list()

        return Column(series.name, str(series.dtype), full, every)

    return Table([column(series) for series in frame.get_columns()], frame.height)


def _arrow(frame: Any) -> Table:
    def column(name: str, values: Any) -> Column:
        def every(step: int) -> Any:
            some = values if step == 1 else values.take(list(range(0, len(values), step)))
            return some.to_pylist()

        return Column(name, str(values.type), values.null_count == 0, every)

    columns = [column(name, frame.column(place)) for place, name in enumerate(frame.schema.names)]
    return Table(columns, frame.num_rows)


def _type(column: Column, rows: int) -> str:
    spelled = column.type.lower()
    if spelled in ("object", "o"):
        return _seen(column.every(max(1, rows // LOOKED_AT)))
    for pattern, kind in _PATTERNS:
        if pattern.match(spelled):
            return kind
    for pattern, kind in _PREFIXES:
        if pattern.match(spelled):
            return kind
    return "any"


def _seen(found: Iterable[Any]) -> str:
    """The type of a column of Python's objects, by those that are there."""
    kinds = {type(each) for each in found if each is not None and each == each}
    for plain, kind in ((str, "string"), (bytes, "binary"), (bool, "boolean")):
        if kinds == {plain}:
            return kind
    return "any"


def _tensors(arrays: Any) -> list[dict[str, Any]]:
    found = []
    for name, array in named(arrays).items():
        shape = [-1, *array.shape[1:]]
        # Of texts MLflow leaves the length out.
        dtype = {"U": "str", "S": "bytes"}.get(array.dtype.kind, array.dtype.name)
        spec = {"dtype": dtype, "shape": shape}
        found.append({**({"name": name} if name else {}), "type": "tensor", "tensor-spec": spec})
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else int(value)
