"""A bar on the terminal while somebody waits for bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import config

Watch = Callable[[int, int], None]


def shown() -> bool:
    """There is a terminal to draw on, and nobody asked for quiet."""
    try:
        return not config.QUIET.flag() and sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


@contextmanager
def bar(what: str) -> Iterator[Watch | None]:
    """A bar that appears when it is first told how far it is; None where none is shown."""
    if not shown():
        yield None
        return
    progress: Any = None
    task: Any = None

    def watch(moved: int, total: int) -> None:
        nonlocal progress, task
        if progress is None:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
                TransferSpeedColumn,
            )

            progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
                auto_refresh=False,  # drawn by who waits: at exit no thread can be started
            )
            progress.start()
            task = progress.add_task(what, total=total)
        progress.update(task, completed=moved, total=total, refresh=True)

    try:
        yield watch
    finally:
        if progress is not None:
            progress.stop()
