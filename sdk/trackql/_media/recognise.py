"""Objects of other packages that are rich values, known without importing those packages.

Who has such an object has imported its package: it is looked up among the modules that are there.
"""

from __future__ import annotations

import sys
from io import BytesIO
from types import ModuleType
from typing import Any

from .base import Encoded, Media
from .pictures import Image
from .tables import Table

FRAMES = (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "Table"))


class Figure(Media):
    """A figure, drawn when it was logged."""

    kind = "FIGURE"

    def __init__(self, data: bytes, ending: str, media_type: str, library: str) -> None:
        super().__init__()
        self._made = Encoded(data, ending, media_type, {"library": library})

    def _encode(self) -> Encoded:
        return self._made

    def _size(self) -> int:
        return len(self._made.data or b"")


def recognise(value: Any) -> Media | None:
    """A value as one of ours; None for what is none."""
    if isinstance(value, Media):
        return value
    if isinstance(value, float | int | str | list | tuple):
        return None
    if _is(value, "PIL.Image", "Image"):
        return Image(value)
    if any(_is(value, *frame) for frame in FRAMES):
        return Table(value)
    if _is(value, "matplotlib.figure", "Figure"):
        return _drawn(value)
    if isinstance(value, ModuleType) and value.__name__ == "matplotlib.pyplot":
        return _drawn(value.gcf())  # the current figure
    if _is(value, "seaborn.axisgrid", "Grid"):
        return _drawn(value.figure)
    if _is(value, "plotly.basedatatypes", "BaseFigure"):
        text = value.to_json()
        return Figure(text.encode(), "plotly.json", "application/vnd.plotly.v1+json", "plotly")
    return None


def _is(value: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)


def _drawn(figure: Any) -> Figure:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return Figure(buffer.getvalue(), "png", "image/png", "matplotlib")
