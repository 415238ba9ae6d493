"""`trackql artifacts`: list, fetch, add and remove the files of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from trackql import _download, _paths, _session, config, values
from trackql._download import Artifacts
from trackql.client import Client
from trackql.entities import milliseconds
from trackql.errors import InvalidInput, NotFound
from trackql.runs import Run

from . import output

app = typer.Typer(no_args_is_help=True, help="List, fetch, add and remove the files of a run.")

RunId = Annotated[str, typer.Argument(help="Id of the run, or how it begins.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Order(StrEnum):
    """What a list is sorted by."""

    name = "name"
    size = "size"
    created = "created"


@app.command()
def ls(
    run_id: RunId,
    path: Annotated[str, typer.Argument(help="A folder or a file of the run.")] = "",
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Every file, at any depth.")
    ] = False,
    search: Annotated[
        str | None,
        typer.Option(help="Only files whose path contains this, at any depth.", show_default=False),
    ] = None,
    sort: Annotated[
        Order, typer.Option(help="Sort by name, by size or by time, the most first.")
    ] = Order.name,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="Show at most this many.")
    ] = 10_000,
    json: Json = False,
) -> None:
    """List the files of a run: those in its root, or in a folder."""
    folder = _paths.folder(path, "path")
    with Artifacts(config.url(), _run(run_id)) as artifacts:
        node = artifacts.existing(folder)
        found = [node] if not node["isFolder"] else _found(artifacts, node, recursive, search)
        nodes = _sorted(list(islice(found, limit)), sort)
    if json:
        output.document([_document(each) for each in nodes])
        return
    output.table(
        ("path", "size", "type", "created"),
        [
            (
                each["path"] + "/" * each["isFolder"],
                _size(each["size"]),
                _kind(each),
                output.time(milliseconds(each["createdAt"])),
            )
            for each in nodes
        ],
        "There are no such files.",
    )


def _found(
    artifacts: Artifacts, node: dict[str, Any], recursive: bool, search: str | None
) -> Iterator[dict[str, Any]]:
    if search is not None or not recursive:
        return artifacts.nodes(node["path"], search)
    return artifacts.files(node)


def _sorted(nodes: list[dict[str, Any]], order: Order) -> list[dict[str, Any]]:
    if order is Order.size:
        return sorted(nodes, key=lambda node: int(node["size"] or 0), reverse=True)
    if order is Order.created:
        return sorted(nodes, key=lambda node: node["createdAt"] or "", reverse=True)
    return sorted(nodes, key=lambda node: (not node["isFolder"], node["path"]))


def _kind(node: dict[str, Any]) -> str:
    if node["isFolder"]:
        count = int(node["files"] or 0)
        return f"{count} file{'s' * (count != 1)}"
    return str(node["uri"] or node["mediaType"] or "")


def _document(node: dict[str, Any]) -> dict[str, Any]:
    size = node["size"]
    return {
        "path": node["path"],
        "isFolder": bool(node["isFolder"]),
        "files": None if node["files"] is None else int(node["files"]),
        "size": None if size is None or int(size) < 0 else int(size),
        "sha256": node["sha256"],
        "mediaType": node["mediaType"],
        "uri": node["uri"],
        "createdAt": milliseconds(node["createdAt"]),
    }


def _size(size: Any) -> str:
    """Bytes as a person reads them."""
    if size is None or int(size) < 0:
        return ""
    number = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if number < 1024 or unit == "TiB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return ""


@app.command()
def get(
    run_id: RunId,
    path: Annotated[str, typer.Argument(help="A file or a folder; without it, all.")] = "",
    to: Annotated[
        Path | None,
        typer.Option("--to", "-o", help="Folder to write into; default: here.", show_default=False),
    ] = None,
) -> None:
    """Fetch a file or a folder of a run, and print where it lies.

    What is there already with the same bytes is not fetched again.
    """
    run = _run(run_id)
    wanted = _paths.folder(path, "path")
    # All files of a run would be strewn about here: they get a folder of their own.
    target = to if to is not None else Path(".") if wanted else Path(run)
    typer.echo(os.path.relpath(_download.download(config.url(), run, wanted, target)))


@app.command()
def put(
    run_id: RunId,
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.", show_default=False)],
    to: Annotated[str, typer.Option("--to", "-t", help="Folder of the run to put them into.")] = "",
) -> None:
    """Add files and folders to a run; a file that is there already is replaced."""
    run = Run(_run(run_id), config.url())
    folder = _paths.folder(to, "--to") or None
    for path in paths:
        if not path.exists():
            raise InvalidInput(f"there is no {str(path)!r} here", argument="paths")
    for path in paths:
        run.log_artifact(path, folder)
    session = _session.session
    there = session.upload(session.boxes(run._server, run.id))
    refused = session.uploads()[1].refused
    if refused:
        raise typer.Exit(1)  # each was told of as it happened
    if not there:
        typer.echo(
            f"trackql: {config.url()} does not have everything yet; deliver it with: trackql sync",
            err=True,
        )
        raise typer.Exit(1)


@app.command()
def rm(
    run_id: RunId,
    paths: Annotated[
        list[str], typer.Argument(help="Files and folders of the run.", show_default=False)
    ],
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete for good and free the space, not to the trash.")
    ] = False,
    json: Json = False,
) -> None:
    """Put files and folders of a run in the trash, from where the dashboard can restore them."""
    wanted = [_paths.check(path.removesuffix("/"), "paths") for path in paths]
    gone = _download.remove(config.url(), _run(run_id), wanted, purge)
    if json:
        output.document({"files": gone, "purged": purge})
        return
    what = "deleted for good" if purge else "put in the trash"
    typer.echo(f"{gone} file{'s' * (gone != 1)} {what}")


def _run(text: str) -> str:
    """The run that an id, or the beginning of one, names."""
    plain = text.strip().lower().replace("-", "")
    if len(plain) >= 32 or not plain or not set(plain) <= set("0123456789abcdef"):
        return values.run_id(text)
    found = list(islice(Client().runs(filter=f"attributes.run_id LIKE '{plain}%'"), 2))
    if not found:
        raise NotFound(f"there is no run whose id begins with {text!r}")
    if len(found) > 1:
        raise InvalidInput(
            f"several runs have ids that begin with {text!r}: give more digits", argument="run_id"
        )
    return found[0].id
