"""scripts/bench: measures every row, or those named, and says which targets are met."""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from scripts.benchmarks import (
    artifacts,
    charts,
    ingest,
    leaves,
    live,
    painted,
    report,
    scroll,
    search,
    search_groups,
    search_live,
    search_pages,
    startup,
    wide,
)
from scripts.benchmarks.systems import ROOT, install
from scripts.benchmarks.workspace import Workspace

ROWS: dict[str, Callable[[Workspace], list[report.Figure]]] = {
    "logging": ingest.logging,
    "processes": ingest.processes,
    "chart": charts.chart,
    "charts": charts.charts,
    "export": charts.export,
    "latency": live.latency,
    "painted": painted.painted,
    "subscribers": live.subscribers,
    "startup": startup.startup,
    "wide": wide.wide,
    "search": search.search,
    "pages": search_pages.pages,
    "groups": search_groups.groups,
    "keys": search_groups.keys,
    "watch": search_live.watch,
    "scroll": scroll.scroll,
    "file": artifacts.file,
    "files": artifacts.files,
    "listing": artifacts.listing,
    "images": leaves.images,
    "console": leaves.console,
    "capture": leaves.capture,
}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(ROWS)}.")] = None,
    peers: Annotated[bool, typer.Option(help="Measure MLflow and Trackio too.")] = True,
    output: Annotated[Path | None, typer.Option(help="Where the JSON goes.")] = None,
) -> None:
    """Measure trackql beside its peers, each in its newest release."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    names = only or list(ROWS)
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise typer.BadParameter(f"no row {unknown[0]!r}: there are {', '.join(ROWS)}", None)
    begun = time.monotonic()
    versions = {"trackql": version("trackql")}
    if peers:
        versions |= install(["mlflow", "trackio"])
    figures: list[report.Figure] = []
    with tempfile.TemporaryDirectory(prefix="trackql-bench-") as folder:
        space = Workspace(Path(folder), console, peers=peers)
        for name in names:
            row = time.monotonic()
            figures += ROWS[name](space)
            space.say(f"{name}: {time.monotonic() - row:.0f} s")
    seconds = time.monotonic() - begun
    report.show(figures, console)
    stamp = datetime.now().astimezone().strftime("%Y%m%dT%H%M%S")
    file = output or ROOT / "bench-results" / f"{stamp}.json"
    report.save(figures, versions, seconds, file)
    missed = [figure for figure in figures if figure.reached is False]
    console.print(f"{len(missed)} targets missed; {seconds:.0f} s; {file}")
    raise typer.Exit(1 if missed else 0)


app()
