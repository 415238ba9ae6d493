"""Fresh systems for every row, in a folder that goes when the run ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from scripts.benchmarks.systems import Mlflow, System, Trackio, Trackql

S = TypeVar("S", bound=System)


class Workspace:
    """Hands out servers with empty data and ends each with its row."""

    def __init__(self, folder: Path, console: Console, *, peers: bool) -> None:
        self.peers = peers
        self._folder = folder
        self._console = console
        self._numbers = count()

    def say(self, text: str) -> None:
        """One line of progress."""
        self._console.print(f"[dim]{text}[/]")

    def cold(self, kind: type[S]) -> S:
        """A system with empty data, its server not started."""
        return kind(self._folder / f"{next(self._numbers)}-{kind.tracker}")

    @contextmanager
    def running(self, kind: type[S]) -> Iterator[S]:
        """A system whose server is up."""
        system = self.cold(kind)
        with system.server:
            yield system

    @contextmanager
    def everyone(self) -> Iterator[tuple[Trackql, list[System]]]:
        """Ours, and the peers' unless they were left out."""
        with self.running(Trackql) as ours:
            if not self.peers:
                yield ours, []
                return
            with self.running(Trackio) as trackio, self.running(Mlflow) as mlflow:
                yield ours, [trackio, mlflow]
