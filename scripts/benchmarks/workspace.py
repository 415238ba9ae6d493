"""Fresh systems for every row, in a folder that goes when the run ends."""

import shutil
from collections.abc import Callable, Iterator
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

    @contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """An empty folder that goes with the row."""
        made = self._folder / f"{next(self._numbers)}-{name}"
        made.mkdir()
        try:
            yield made
        finally:
            shutil.rmtree(made)

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
    def seeded(
        self, kind: type[S], name: str, seed: Callable[[S], None], *, copy: bool = False
    ) -> Iterator[S]:
        """A system that is up with data made once for all rows that name it.

        `seed` gets a system that is up; it may stop it. Who changes the data asks for a copy.
        """
        made = self._folder / f"{name}-{kind.tracker}"
        if not made.exists():
            first = kind(made)
            with first.server:
                seed(first)
                first.server.stop()
        system = self.cold(kind) if copy else kind(made)
        if copy:
            shutil.copytree(made, system.home, dirs_exist_ok=True)
        with system.server:
            yield system
            system.server.stop()

    @contextmanager
    def everyone(self) -> Iterator[tuple[Trackql, list[System]]]:
        """Ours, and the peers' unless they were left out."""
        with self.running(Trackql) as ours:
            if not self.peers:
                yield ours, []
                return
            with self.running(Trackio) as trackio, self.running(Mlflow) as mlflow:
                yield ours, [trackio, mlflow]
