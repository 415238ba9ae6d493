"""What was measured, beside its peers and its target: a table for people, JSON for machines."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain, repeat
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

T = TypeVar("T")


@dataclass
class Figure:
    """One number of ours, what it must reach, and the same number of the peers."""

    row: str
    measure: str
    unit: str
    ours: float
    at_most: float | None = None
    at_least: float | None = None
    peers: dict[str, float] = field(default_factory=dict)
    samples: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the target is met; None when the number has none."""
        if self.at_most is not None:
            return self.ours <= self.at_most
        if self.at_least is not None:
            return self.ours >= self.at_least
        return None

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {_short(self.at_most)} {self.unit}".rstrip()
        if self.at_least is not None:
            return f"≥ {_short(self.at_least)} {self.unit}".rstrip()
        return ""


def median(samples: Iterable[float]) -> float:
    return statistics.median(samples)


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample below which that share of all lies."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def in_turn(times: int, items: Iterable[T]) -> Iterator[T]:
    """Each once, then all again: a slow minute of the machine is shared by all."""
    return chain.from_iterable(repeat(list(items), times))


def show(figures: Sequence[Figure], console: Console) -> None:
    """The table; peers stand in the columns in the order of their first appearance."""
    peers = list(dict.fromkeys(peer for figure in figures for peer in figure.peers))
    table = Table(title="trackql bench")
    for heading in ("row", "measure"):
        table.add_column(heading, overflow="fold")
    for heading in ("trackql", "target", "", *peers):
        table.add_column(heading, justify="right")
    row = ""
    for figure in figures:
        verdict = {True: "[green]✓[/]", False: "[bold red]✗[/]", None: ""}[figure.reached]
        table.add_row(
            figure.row if figure.row != row else "",
            figure.measure + (f" [dim]({figure.note})[/]" if figure.note else ""),
            f"{_short(figure.ours)} {figure.unit}",
            figure.target,
            verdict,
            *(
                _short(figure.peers[peer]) if peer in figure.peers else "[dim]–[/]"
                for peer in peers
            ),
            end_section=False,
        )
        row = figure.row
    console.print(table)


def save(figures: Sequence[Figure], versions: dict[str, str], seconds: float, file: Path) -> None:
    """The same as JSON, with the samples behind each median."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        json.dumps(
            {
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(seconds, 1),
                "machine": {
                    "cores": os.cpu_count(),
                    "system": platform.platform(),
                    "python": platform.python_version(),
                },
                "versions": versions,
                "figures": [
                    {**asdict(figure), "target": figure.target, "reached": figure.reached}
                    for figure in figures
                ],
            },
            indent=2,
        )
        + "\n"
    )


def _short(number: float) -> str:
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}"
