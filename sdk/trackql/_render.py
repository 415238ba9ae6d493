"""Objects as the bytes of a file: dictionaries, figures, images and tables."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from . import _optional
from .errors import InvalidInput, NotInstalled

log = logging.getLogger("trackql")

Columns = dict[str, list[Any]]


def suffix(path: str) -> str:
    """What comes behind the last dot, in lower case."""
    return os.path.splitext(path)[1].lower()


def text(value: object) -> bytes:
    if not isinstance(value, str):
        raise InvalidInput(f"text must be a string, not {value!r:.60}", argument="text")
    return value.encode("utf-8", "surrogatepass")


def dictionary(value: object, path: str) -> bytes:
    """YAML or JSON, as the file's name says; what neither has a word for becomes text."""
    if suffix(path) in (".yml", ".yaml"):
        import yaml

        try:
            made = yaml.safe_dump(value, indent=2, default_flow_style=False, allow_unicode=True)
        except yaml.YAMLError:
            plain = json.loads(_json(value))
            made = yaml.safe_dump(plain, indent=2, default_flow_style=False, allow_unicode=True)
        return str(made).encode()
    return _json(value).encode()


def _json(value: object) -> str:
    try:
        return json.dumps(value, indent=2, default=str, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"dictionary cannot be written as JSON: {error}", argument="dictionary"
        ) from error


# -- pictures


def figure(value: Any, path: str, options: Mapping[str, Any] | None) -> bytes:
    """A figure of matplotlib or plotly in the format that the file's name says."""
    chosen = dict(options or {})
    kind = suffix(path).removeprefix(".")
    buffer = BytesIO()
    if callable(getattr(value, "savefig", None)):  # matplotlib, seaborn
        chosen.setdefault("format", kind or "png")
        try:
            value.savefig(buffer, **chosen)
        except ValueError as error:
            raise InvalidInput(f"artifact_file {path!r}: {error}", argument="artifact_file") from (
                error
            )
        return buffer.getvalue()
    if callable(getattr(value, "to_plotly_json", None)):
        return _plotly(value, path, kind, chosen)
    raise InvalidInput(
        f"figure must be one of matplotlib or plotly, not {type(value).__name__}",
        argument="figure",
    )


def _plotly(value: Any, path: str, kind: str, options: dict[str, Any]) -> bytes:
    if kind in ("html", "htm"):
        # The page is shown where no network is: it brings all it needs.
        options.setdefault("include_plotlyjs", True)
        options.pop("auto_open", None)
        return str(value.to_html(**options)).encode()
    if kind == "json":
        return str(value.to_json(**options)).encode()
    if kind in ("png", "jpg", "jpeg", "webp", "svg", "pdf"):
        try:
            return bytes(value.to_image(format="jpeg" if kind == "jpg" else kind, **options))
        except (ImportError, ValueError, RuntimeError) as error:
            raise NotInstalled(
                f"plotly needs kaleido to write {kind}: install it with `pip install kaleido`, or "
                f"log the figure as .html or .json ({str(error).splitlines()[0]})",
                package="kaleido",
            ) from error
    raise InvalidInput(
        f"artifact_file {path!r} must end in .html, .json, .png, .jpeg, .webp, .svg or .pdf for a "
        "figure of plotly",
        argument="artifact_file",
    )


def image(value: Any, path: str) -> bytes:
    """A picture in the format that the file's name says; PNG without one."""
    if callable(getattr(value, "to_pil", None)):
        value = value.to_pil()
    if not callable(getattr(value, "save", None)):
        value = _picture(value)
    ending = suffix(path)
    kind = _optional.load(
        "PIL.Image", "log_image", "log the file of an image with log_artifact"
    ).registered_extensions()
    format = kind.get(ending or ".png")
    if format is None:
        raise InvalidInput(
            f"artifact_file {path!r} must end like an image: .png, .jpg, .webp, .gif",
            argument="artifact_file",
        )
    if format == "JPEG" and value.mode not in ("L", "RGB", "CMYK"):
        value = value.convert("RGB")
    buffer = BytesIO()
    value.save(buffer, format=format)
    return buffer.getvalue()


def _picture(value: Any) -> Any:
    """A picture of an array: height × width, or with 1, 3 or 4 channels behind."""
    numpy = _optional.load("numpy", "log_image", "log an image of Pillow")
    pillow = _optional.load("PIL.Image", "log_image", "log the file of an image with log_artifact")
    if callable(getattr(value, "detach", None)):  # a tensor, wherever it lies
        value = value.detach().cpu()
    try:
        array = numpy.asarray(value)
    except Exception as error:
        raise _no_image(value) from error
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype.kind not in "buif" or not (
        array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    ):
        raise _no_image(value, f" with shape {array.shape} of {array.dtype}")
    if array.size == 0:
        raise _no_image(value, " without pixels")
    if array.dtype.kind == "b":
        array = array.astype("uint8") * 255
    elif array.dtype.kind in "ui":
        if array.min() < 0 or array.max() > 255:
            raise InvalidInput(
                "image has integers outside 0…255; log floats between 0 and 1, or scale it",
                argument="image",
            )
        array = array.astype("uint8")
    else:
        if not numpy.isfinite(array).all():
            raise InvalidInput("image has values that are not finite", argument="image")
        low, high = float(array.min()), float(array.max())
        if low < 0 or high > 1:
            log.warning("log_image: floats outside 0…1 are scaled from %g…%g", low, high)
            array = (array - low) / ((high - low) or 1.0)
        array = (array * 255).astype("uint8")
    return pillow.fromarray(array)


def _no_image(value: Any, more: str = "") -> InvalidInput:
    return InvalidInput(
        "image must be an image of Pillow or an array of height × width, with 1, 3 or 4 channels "
        f"behind, not {type(value).__name__}{more}",
        argument="image",
    )


# -- tables


def columns(data: Any) -> Columns:
    """The columns of a dictionary or a data frame; a dictionary of single values is one row."""
    if callable(getattr(data, "to_dict", None)) and hasattr(data, "columns"):
        try:
            found = data.to_dict(orient="list")  # pandas
        except TypeError:
            found = data.to_dict(as_series=False)  # polars
        return {str(name): list(cells) for name, cells in found.items()}
    if not isinstance(data, Mapping):
        raise InvalidInput(
            f"data must be a dictionary or a data frame, not {type(data).__name__}",
            argument="data",
        )
    made = {str(name): _cells(cells) for name, cells in data.items()}
    lists = [cells for cells in made.values() if cells is not None]
    length = max(map(len, lists), default=1)
    if any(len(cells) != length for cells in lists):
        raise InvalidInput("data has columns of different lengths", argument="data")
    return {
        name: [data_of(data, name)] * length if cells is None else cells
        for name, cells in made.items()
    }


def data_of(data: Mapping[Any, Any], name: str) -> Any:
    return next(value for key, value in data.items() if str(key) == name)


def _cells(value: Any) -> list[Any] | None:
    """A column's cells; None for a single value."""
    if isinstance(value, str | bytes | Mapping):
        return None
    if callable(getattr(value, "tolist", None)):
        cells = value.tolist()
        return list(cells) if isinstance(cells, list) else None
    if isinstance(value, Sequence):
        return list(value)
    return None


def joined(first: Columns, second: Columns) -> Columns:
    """One table below another; what a table lacks is empty."""
    height = [len(next(iter(table.values()), [])) for table in (first, second)]
    return {
        name: first.get(name, [None] * height[0]) + second.get(name, [None] * height[1])
        for name in {**first, **second}
    }


def table(found: Columns, path: str) -> bytes:
    """A table as JSON in columns and rows, or as Parquet."""
    if suffix(path) == ".parquet":
        pandas = _optional.load("pandas", "a table as Parquet", "log it as .json")
        buffer = BytesIO()
        pandas.DataFrame(found).to_parquet(buffer, index=False)
        return buffer.getvalue()
    rows = [list(row) for row in zip(*found.values(), strict=True)]
    try:
        written = json.dumps(
            {"columns": list(found), "data": _plain(rows)},
            default=_cell,
            ensure_ascii=False,
            separators=(",", ":"),
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"data cannot be written as JSON: {error}", argument="data") from error
    return written.encode()


def read_table(raw: bytes, path: str) -> Columns:
    """The columns of a table as `table` wrote it."""
    if suffix(path) == ".parquet":
        pandas = _optional.load("pandas", "a table as Parquet", "log it as .json")
        return columns(pandas.read_parquet(BytesIO(raw)))
    found = json.loads(raw)
    return {
        str(name): [row[at] for row in found["data"]] for at, name in enumerate(found["columns"])
    }


def _plain(value: Any) -> Any:
    """JSON has no word for NaN: an empty cell."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return value


def _cell(value: Any) -> Any:
    """A cell that JSON does not know: a scalar or array of numpy, a moment, anything as text."""
    if callable(getattr(value, "isoformat", None)):
        return value.isoformat()
    if callable(getattr(value, "tolist", None)):
        return _plain(value.tolist())
    return str(value)
