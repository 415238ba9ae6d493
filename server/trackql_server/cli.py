"""The commands `trackql server` and `trackql db`; what they run is imported when they run."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

# The base install brings this file too, but not what its commands need.
if find_spec("pydantic_settings") is None:
    raise ImportError("the server is not installed: pip install 'trackql[server]'")

if TYPE_CHECKING:
    from trackql_server.settings import Settings
    from trackql_server.store.database import Database

server_app = typer.Typer(subcommand_metavar="", add_completion=False)
db_app = typer.Typer(help="Look after the database.", no_args_is_help=True, add_completion=False)

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        help="SQLAlchemy URL of the database; without it TRACKQL_DATABASE_URL, or SQLite in "
        "TRACKQL_HOME (./trackql-data).",
        show_default=False,
    ),
]


@server_app.callback(invoke_without_command=True)
def server(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; 0 takes a free one.", show_default="4000"),
    ] = None,
    database_url: DatabaseUrl = None,
    artifact_root: Annotated[
        str | None,
        typer.Option(
            help="Folder or URL of the artifact bytes.", show_default="TRACKQL_HOME/artifacts"
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes.", show_default="1")] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            help="Listen off loopback without accounts: whoever reaches the port may do all.",
            show_default=False,
        ),
    ] = False,
) -> None:
    """Start the server: dashboard, GraphQL and store in one process."""
    settings = _settings(
        host=host,
        port=port,
        database_url=database_url,
        artifact_root=artifact_root,
        workers=workers,
        insecure=insecure or None,
    )
    from trackql_server.web.guard import is_loopback

    if not is_loopback(settings.host) and not settings.insecure:
        _fail(
            f"Listening on {settings.host} would open the server to the network without accounts. "
            "Listen on 127.0.0.1, or add --insecure if everyone who reaches the port may do all."
        )
    if settings.workers > 1 and settings.embedded:
        _fail(
            "SQLite takes one server process. Use PostgreSQL (--database-url "
            "postgresql://…) for more, or leave --workers out."
        )
    if settings.workers > 1:
        _fail("More than one server process is not supported yet. Leave --workers out.")
    with _told(settings):
        _serve(settings)


def _serve(settings: "Settings") -> None:
    # Start-up only makes what stays; walking it again and again would take a sixth of the time.
    gc.disable()
    from trackql_server.web.listen import bind, listen, log_to_stderr

    log_to_stderr(settings.log_level)
    with bind(settings.host, settings.port) as listener:
        port = listener.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host

        from trackql_server.app import create_app

        listen(
            create_app(settings),
            listener,
            listening=lambda: print(f"trackql listens on http://{host}:{port}", flush=True),
            largest_message=settings.limit_request,
            shutdown_after=settings.shutdown_after,
            access_log=settings.access_log,
        )


@db_app.command()
def upgrade(database_url: DatabaseUrl = None) -> None:
    """Bring the database to this release's tables; SQLite is copied beside itself before."""
    settings = _settings(database_url=database_url)
    with _told(settings):
        print(asyncio.run(_upgrade(settings)))


@db_app.command()
def current(database_url: DatabaseUrl = None) -> None:
    """Show the revision of the database's tables and the one that this release needs."""
    settings = _settings(database_url=database_url)
    with _told(settings):
        print(asyncio.run(_current(settings)))


@db_app.command(name="gc")
def collect(
    older_than: Annotated[
        str | None,
        typer.Option(
            help="Remove what lies in the trash longer than that: 30d, 12h, 0d; without it as long "
            "as the settings TRACKQL_RETENTION_* say, or 30d.",
            show_default=False,
        ),
    ] = None,
    runs: Annotated[bool, typer.Option("--runs", help="Remove runs of the trash.")] = False,
    experiments: Annotated[
        bool, typer.Option("--experiments", help="Remove experiments of the trash.")
    ] = False,
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="Remove artifacts of the trash.")
    ] = False,
    orphans: Annotated[
        bool,
        typer.Option(
            "--orphans",
            help="Remove uploads nobody went on with for a day, and bytes that nothing names.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    database_url: DatabaseUrl = None,
    artifact_root: Annotated[
        str | None,
        typer.Option(
            help="Folder or URL of the artifact bytes.", show_default="TRACKQL_HOME/artifacts"
        ),
    ] = None,
) -> None:
    """Remove for good what lies in the trash long enough; safe beside a running server.

    Without --runs, --experiments, --artifacts, --orphans: all of them.
    """
    settings = _settings(database_url=database_url, artifact_root=artifact_root)
    kinds = {"runs": runs, "experiments": experiments, "artifacts": artifacts, "orphans": orphans}
    chosen = [kind for kind, wanted in kinds.items() if wanted] or list(kinds)
    with _told(settings):
        removed = asyncio.run(_collect(settings, chosen, older_than, dry_run))
    if as_json:
        print(json.dumps({"dryRun": dry_run, **removed}))
        return
    print("Would remove for good:" if dry_run else "Removed for good:")
    for name in ("experiments", "runs", "artifacts", "uploads", "blobs", "orphans"):
        print(f"  {removed[name]:,} {name}")
    print(f"  {removed['bytes']:,} bytes of artifacts {'would be ' if dry_run else ''}freed")


async def _collect(
    settings: "Settings", kinds: list[str], older_than: str | None, dry_run: bool
) -> dict[str, int]:
    from datetime import UTC, datetime, timedelta

    from trackql_server.domain import purge
    from trackql_server.errors import Unavailable
    from trackql_server.store import migrate
    from trackql_server.store.blobs.opening import opened
    from trackql_server.store.purge import Until

    given = None if older_than is None else purge.span(older_than, "--older-than")
    now = datetime.now(UTC)

    def until(kind: str) -> datetime | None:
        if kind not in kinds:
            return None
        days = getattr(settings, f"retention_{kind}")
        return now - (given if given is not None else timedelta(days=30 if days is None else days))

    idle = now - purge.IDLE if "orphans" in kinds else None
    dates = Until(until("runs"), until("experiments"), until("artifacts"), idle)
    async with _database(settings) as database:
        if database.file is not None and not database.file.exists():
            raise Unavailable(f"there is no database {database.file}; see --database-url")
        if (found := await migrate.current(database)) != migrate.HEAD:
            raise Unavailable(
                f"the database is at revision {found or 'nothing'}, this release needs"
                f" {migrate.HEAD}: run `trackql db upgrade`"
            )
        stock = purge.Stock(database, opened(settings.artifacts))
        work = purge.survey if dry_run else purge.collect
        return purge.counted(await work(stock, dates, idle))


async def _upgrade(settings: "Settings") -> str:
    from trackql_server.store import migrate

    async with _database(settings) as database:
        if database.file is not None:
            database.file.parent.mkdir(parents=True, exist_ok=True)
        before = await migrate.current(database)
        await migrate.upgrade(database)
    if before == migrate.HEAD:
        return f"The database is at {migrate.HEAD} already."
    return f"The database went from {before or 'nothing'} to {migrate.HEAD}."


async def _current(settings: "Settings") -> str:
    from trackql_server.store import migrate

    async with _database(settings) as database:
        missing = database.file is not None and not database.file.exists()
        found = None if missing else await migrate.current(database)
    return f"{found or 'nothing'} (this release needs {migrate.HEAD})"


@asynccontextmanager
async def _database(settings: "Settings") -> "AsyncIterator[Database]":
    from trackql_server.store.database import Database

    database = Database(settings.database, journal_mode=settings.sqlite_journal)
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _told(settings: "Settings") -> Iterator[None]:
    """Turns what a person can mend into one line and exit code 2."""
    from trackql_server.errors import TrackqlError

    try:
        yield
    except TrackqlError as error:
        _fail(error.message)
    except Exception as error:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import SQLAlchemyError

        if not isinstance(error, SQLAlchemyError | OSError):
            raise
        url = make_url(settings.database).render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", None) or error)
        _fail(f"The database {url} cannot be opened ({reason}); see --database-url.")


def _settings(**options: Any) -> "Settings":
    """The environment's settings, the options given winning over them."""
    from pydantic import ValidationError

    from trackql_server.settings import Settings

    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = (
            f"TRACKQL_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors()
        )
        _fail("; ".join(problems))


def _fail(message: str) -> NoReturn:
    typer.echo(f"trackql: {message}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """The same commands without the SDK's command line."""
    app = typer.Typer(no_args_is_help=True, add_completion=False)
    app.add_typer(server_app, name="server")
    app.add_typer(db_app, name="db")
    app()


if __name__ == "__main__":
    main()
