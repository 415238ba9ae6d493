"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import typer


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table, or a sentence when there is nothing to show."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        typer.echo(empty)
        return
    grid = Table(box=None, pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(str(cell)) for cell in row))
    Console().print(grid)


def document(data: Any) -> None:
    """JSON on standard output; numbers that JSON has no word for are named."""
    typer.echo(json.dumps(_plain(data), indent=2, ensure_ascii=False))


def time(moment: int | None) -> str:
    """Unix milliseconds as a person reads them."""
    if moment is None:
        return ""
    return datetime.fromtimestamp(moment / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def cell(kind: str, value: Any) -> str:
    """One value of a run's field as a person reads it."""
    if value is None:
        return ""
    if kind == "TIME":
        return time(value)
    if kind == "DURATION":
        return f"{value / 1000:g} s"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return "NaN" if math.isnan(data) else "Infinity" if data > 0 else "-Infinity"
    return data
