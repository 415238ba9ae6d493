"""`trackql experiments`, `trackql runs`, `trackql run`: read what is tracked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer

from trackql._table import Table
from trackql.client import Client
from trackql.runs import Run

from . import output

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Search = Annotated[str | None, typer.Option(help="Only those whose name contains this.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="Show at most this many.")]


def experiments(search: Search = None, limit: Limit = 100, json: Json = False) -> None:
    """List experiments."""
    found = list(islice(Client().experiments(search), limit))
    if json:
        output.document(
            [
                {
                    "id": each.experiment_id,
                    "name": each.name,
                    "description": each.description,
                    "lifecycle": each.lifecycle_stage,
                    "tags": each.tags,
                    "createdAt": each.creation_time,
                    "updatedAt": each.last_update_time,
                }
                for each in found
            ]
        )
        return
    output.table(
        ("id", "name", "changed"),
        [(each.experiment_id, each.name, output.time(each.last_update_time)) for each in found],
        "There are no experiments yet.",
    )


def runs(
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", help="Only runs of this experiment.")
    ] = None,
    search: Search = None,
    filter: Annotated[
        str | None,
        typer.Option("--filter", "-f", help='Only those it holds for, like "metrics.loss < 0.1".'),
    ] = None,
    order_by: Annotated[
        list[str] | None,
        typer.Option("--order-by", "-o", help='Sort, like "metrics.loss.min DESC"; repeatable.'),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns", "-c", help="Show these fields, like params.lr; commas or repeatable."
        ),
    ] = None,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List runs, newest first, or those that a filter finds."""
    client = Client()
    ids = None if experiment is None else [client.experiment(name=experiment).experiment_id]
    if columns:
        if search is not None:
            raise typer.BadParameter("with --columns, search by --filter \"name CONTAINS '...'\"")
        fields = list(_fields(columns))
        _print_table(client._table(ids, fields, filter, order_by, None, limit), json)
        return
    found = list(islice(client.runs(ids, search, order_by=order_by, filter=filter), limit))
    if json:
        output.document([_document(each) for each in found])
        return
    output.table(
        ("id", "name", "status", "started", "metrics"),
        [
            (
                each.id,
                each.name,
                each.info.status,
                output.time(each.info.start_time),
                len(each.data.metrics),
            )
            for each in found
        ],
        _NONE,
    )


def _fields(columns: list[str]) -> Iterator[str]:
    """The fields that options name, each of which may have several between commas."""
    for each in columns:
        # A comma within quotes belongs to the key.
        parts = re.findall(r"""(?:`[^`]*`|"[^"]*"|[^,])+""", each)
        yield from filter(None, (part.strip() for part in parts))


def _print_table(table: Table, json: bool) -> None:
    rows = zip(table.run_ids, *(column.values() for column in table.columns), strict=True)
    names = ["run_id", *(column.field for column in table.columns)]
    if json:
        output.document([dict(zip(names, row, strict=True)) for row in rows])
        return
    kinds = ["TEXT", *(column.kind for column in table.columns)]
    output.table(
        names,
        [[output.cell(*pair) for pair in zip(kinds, row, strict=True)] for row in rows],
        _NONE,
    )


_NONE = "There are no such runs."


def run(
    run_id: Annotated[str, typer.Argument(help="Id of the run.", show_default=False)],
    json: Json = False,
) -> None:
    """Show one run: params, tags and the last value of each metric."""
    found = Client().run(run_id)
    if json:
        output.document(_document(found))
        return
    info = found.info
    rows: list[tuple[str, object]] = [
        ("id", found.id),
        ("name", found.name),
        ("status", info.status),
        ("started", output.time(info.start_time)),
        ("ended", output.time(info.end_time)),
        ("user", info.user_id),
        ("page", found.url),
    ]
    if found.dropped_points:
        rows.append(("dropped points", found.dropped_points))
    rows += [("problem", each["message"]) for each in found.problems]
    rows += [(f"param {key}", value) for key, value in sorted(found.data.params.items())]
    rows += [(f"tag {key}", value) for key, value in sorted(found.data.tags.items())]
    rows += [(f"metric {key}", value) for key, value in sorted(found.data.metrics.items())]
    output.table(("", ""), rows, "")


def _document(run: Run) -> dict[str, Any]:
    info, data = run.info, run.data
    return {
        "id": run.id,
        "name": run.name,
        "experimentId": info.experiment_id,
        "status": info.status,
        "lifecycle": info.lifecycle_stage,
        "startTime": info.start_time,
        "endTime": info.end_time,
        "user": info.user_id,
        "parentRunId": run.parent_run_id,
        "droppedPoints": run.dropped_points,
        "problems": run.problems,
        "params": data.params,
        "tags": data.tags,
        "metrics": data.metrics,
        "url": run.url,
    }
