"""Builds the ASGI app from the settings: the one file that knows every part."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from trackql_server.domain.context import Services
from trackql_server.errors import Unavailable
from trackql_server.graphql.limits import Limits
from trackql_server.graphql.schema import build_schema
from trackql_server.graphql.views import View
from trackql_server.settings import Settings
from trackql_server.web import dashboard, health
from trackql_server.web.guard import Guard, is_loopback


def create_app(settings: Settings) -> Starlette:
    """The whole server; its lifespan opens the database and closes it with all accepted work."""
    services: Services | None = None

    def opened() -> Services:
        if services is None:
            raise Unavailable("The server is not ready; try again in a moment.")
        return services

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        nonlocal services
        services = await Services.open(
            settings.database,
            journal_mode=settings.sqlite_journal,
            stalled_after=settings.stalled_after,
        )
        try:
            yield
        finally:
            await services.close()
            services = None

    dist = dashboard.find()
    graphql = View(
        build_schema(),
        lambda: opened().context(),
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

    async def check() -> None:
        await opened().check()

    app = Starlette(
        routes=[
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            *health.routes(version("trackql"), check),
            Route("/{path:path}", dashboard.Dashboard(dist)),
        ],
        middleware=[
            Middleware(
                Guard,
                any_host=not is_loopback(settings.host),
                allowed_hosts=settings.allowed_hosts,
            )
        ],
        lifespan=lifespan,
    )
    app.state.close_streams = graphql.close
    return app
