"""The command `trackql`: its own commands, and those that extras bring by entry point."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from trackql import __version__
from trackql.errors import TrackqlError

from . import artifacts, runs, sync

GROUP = "trackql.commands"
# Which extra brings a command, so that its absence names the remedy.
EXTRAS = {"db": "server", "server": "server"}


def _found() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


class Commands(TyperGroup):
    """Looks a command up among the entry points when it is not one of the SDK's own."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted({*super().list_commands(ctx), *_found(), *EXTRAS})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            return command
        entry = _found().get(cmd_name)
        if entry is None and cmd_name not in EXTRAS:
            return None
        try:
            assert entry is not None
            loaded = entry.load()
        except (AssertionError, ImportError):
            return _missing(cmd_name)
        app = loaded
        if not isinstance(loaded, typer.Typer):
            app = typer.Typer(add_completion=False)
            app.command()(loaded)
        command = typer.main.get_command(app)
        command.name = cmd_name
        return command


def _missing(name: str) -> Any:
    extra = EXTRAS.get(name, name)
    app = typer.Typer(add_completion=False)

    @app.command(
        name=name,
        help=f"Not installed; it comes with the extra {extra!r}.",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def missing(ctx: typer.Context) -> None:
        typer.echo(
            f"trackql {name} is not installed; install it with: pip install 'trackql[{extra}]'",
            err=True,
        )
        raise typer.Exit(2)

    return typer.main.get_command(app)


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False)
app.command("sync")(sync.sync)
app.command("experiments")(runs.experiments)
app.command("runs")(runs.runs)
app.command("run")(runs.run)
app.add_typer(artifacts.app, name="artifacts")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Track training runs and watch them live."""


def main() -> None:
    """The entry point; an error of the family is told in its own words, not by a traceback."""
    try:
        app()
    except TrackqlError as error:
        typer.echo(f"trackql: {error}", err=True)
        raise SystemExit(1) from None
