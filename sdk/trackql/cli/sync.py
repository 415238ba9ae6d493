"""`trackql sync`: deliver what dead processes left in their journals."""

from __future__ import annotations

from typing import Annotated

import typer

from trackql import _sync, config

from . import output


def sync(
    all: Annotated[
        bool, typer.Option("--all", help="Everything, each to the server it was meant for.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(help="Deliver to this server instead, when it has moved.", show_default=False),
    ] = None,
    discard: Annotated[
        bool,
        typer.Option(
            "--discard", help="Delete what the server refuses for good: of runs that are deleted."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Deliver to the server what processes that are gone could not deliver.

    Points and files, for the server in TRACKQL_URL alone, unless --all is given. Safe to repeat.
    """
    deliveries = list(_sync.sync(None if all else config.url(), to and to.rstrip("/"), discard))
    failed = [each for each in deliveries if each.error is not None]
    if json:
        output.document(
            [
                {
                    "run": each.run_id,
                    "url": each.url,
                    "points": each.points,
                    "files": each.files,
                    "droppedPoints": each.dropped,
                    "error": None
                    if each.error is None
                    else {"code": each.error.code, "message": str(each.error)},
                }
                for each in deliveries
            ]
        )
    else:
        output.table(
            ("run", "points", "server", "outcome"),
            [
                (each.run_id, each.points, each.url, str(each.error or _delivered(each.files)))
                for each in deliveries
            ],
            "Nothing waits to be delivered.",
        )
    if failed:
        raise typer.Exit(1)


def _delivered(files: int) -> str:
    return f"{files} file{'s' * (files != 1)} delivered" if files else "delivered"
