"""Builds the ASGI app from the settings: the one file that knows every part."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from trackql_server.domain.context import Quotas, Services
from trackql_server.domain.purge import Stock
from trackql_server.domain.retention import Keep, Retention
from trackql_server.errors import Unavailable
from trackql_server.graphql.limits import Limits
from trackql_server.graphql.loaders import Loaders
from trackql_server.graphql.schema import build_schema
from trackql_server.graphql.views import View
from trackql_server.settings import Settings
from trackql_server.store import migrate
from trackql_server.web import artifacts, dashboard, export, health
from trackql_server.web.guard import Guard, is_loopback

# What a page asks first: of everything one, and of a run that is not there.
WARMING = """{
  experiments(first: 1) { totalCount nodes {
    id name runCount activeRunCount tags { nodes { key } }
  } }
  runs(experimentIds: ["0"], first: 1) { totalCount nodes {
    id name status durationMs
    params(first: 1) { nodes { key value } } tags(first: 1) { nodes { key value } }
    metrics(first: 1) { nodes { key last { step value } } }
  } }
  runTable(experimentIds: ["0"], columns: ["name"], rows: 1) { runIds totalCount columns { texts } }
  metricCurves(runIds: ["00000000000000000000000000000000"], keys: ["loss"]) { key steps values }
}"""


class App(Starlette):
    """Starlette for what is rare; GraphQL, the hot path, goes around its routing and its stack."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._services: Services | None = None
        dist = dashboard.find()
        self._graphql = View(
            build_schema(),
            lambda: Loaders(self.services.context()),
            limits=Limits(
                depth=settings.limit_depth,
                aliases=settings.limit_aliases,
                tokens=settings.limit_tokens,
                cost=settings.limit_cost,
            ),
            limit_request=settings.limit_request,
            page=dist and dist / "graphiql.html",
            page_headers=dashboard.PAGE_HEADERS,
        )
        super().__init__(
            routes=[
                *health.routes(version("trackql"), self.check),
                *export.routes(lambda: self.services.context()),
                Route("/{path:path}", dashboard.Dashboard(dist)),
            ],
            lifespan=lambda _: self.opened(),
        )
        self._artifacts = artifacts.Artifacts(lambda: self.services.context())
        self._guarded: ASGIApp = Guard(
            self._dispatch,
            any_host=not is_loopback(settings.host),
            allowed_hosts=settings.allowed_hosts,
        )

    @property
    def services(self) -> Services:
        if self._services is None:
            raise Unavailable("The server is not ready; try again in a moment.")
        return self._services

    async def check(self) -> None:
        """Raises unless the database answers and has this release's tables."""
        found = await migrate.current(self.services.database)
        if found != migrate.HEAD:
            raise Unavailable(
                f"The database is at revision {found}, this release needs {migrate.HEAD}; "
                "run trackql db upgrade."
            )

    async def close_streams(self) -> None:
        """Ends subscriptions, so that a shutdown need not wait for their clients."""
        await self._graphql.close()

    async def warm(self) -> None:
        """Asks once what pages ask first, so that the first visitor does not wait for what every
        process has to load and compile. Nothing of the answers is kept."""
        await self._graphql.warm(WARMING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guarded(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/graphql":
            await self._graphql(scope, receive, send)
        elif path.startswith("/artifacts/") and scope["type"] == "http":
            await self._artifacts(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """The database, open; on leaving, closed with all accepted work."""
        self._services = await Services.open(
            self._settings.database,
            artifact_root=self._settings.artifacts,
            quotas=Quotas(
                artifact=self._settings.limit_artifact,
                run_bytes=self._settings.limit_run_artifacts,
                run_files=self._settings.limit_run_files,
                preview=self._settings.limit_artifact_preview,
            ),
            journal_mode=self._settings.sqlite_journal,
            stalled_after=self._settings.stalled_after,
        )
        self._services.console_limit = self._settings.limit_console
        self._services.direct_downloads = self._settings.artifact_direct
        retention = self._retention(self._services)
        try:
            yield
        finally:
            await retention.close()
            services, self._services = self._services, None
            await services.close()

    def _retention(self, services: Services) -> Retention:
        keep = Keep.days(
            self._settings.retention_runs,
            self._settings.retention_experiments,
            self._settings.retention_artifacts,
        )
        return Retention(Stock(services.database, services.blobs), keep, services.clock)


def create_app(settings: Settings | None = None) -> App:
    """The whole server; its lifespan opens the database and closes it with all accepted work."""
    return App(settings or Settings())
