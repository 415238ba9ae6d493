"""A small schema with one of everything that the endpoint has to cope with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NewType

import httpx
import numpy as np
import strawberry
import uvicorn
from starlette.types import ASGIApp
from strawberry.schema.config import StrawberryConfig

from trackql_server.errors import InvalidInput, NotFound, SequenceGap

Column = NewType("Column", object)


@strawberry.type
class Leaf:
    key: str = "loss"
    value: float = 0.5


@strawberry.type
class Leaves:
    @strawberry.field
    def nodes(self) -> list[Leaf]:
        return [Leaf()]

    @strawberry.field
    def total_count(self) -> int:
        return 1


@strawberry.type
class Branch:
    id: strawberry.ID = strawberry.ID("1")

    @strawberry.field
    def leaves(self, keys: list[str] | None = None, first: int = 100) -> Leaves:
        return Leaves()

    @strawberry.field
    def problems(self) -> list[Leaf]:
        return []

    @strawberry.field
    def parent(self) -> "Branch":
        return Branch()


@strawberry.type
class Branches:
    @strawberry.field
    def nodes(self) -> list[Branch]:
        return [Branch()]


@strawberry.input
class Table:
    keys: list[str]
    values: Column


@dataclass
class Signals:
    """What resolvers tell the test: whom they greeted, what they sent, the end of a stream."""

    greeted: list[str] = field(default_factory=list)
    sent: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@strawberry.type
class Query:
    @strawberry.field
    async def hello(self, info: strawberry.Info[Signals], name: str = "you") -> str:
        info.context.greeted.append(name)
        return f"hello {name}"

    @strawberry.field
    def branches(self, first: int = 50) -> Branches:
        return Branches()

    @strawberry.field
    def branches_by_ids(self, ids: list[strawberry.ID]) -> list[Branch]:
        return [Branch() for _ in ids]

    @strawberry.field
    def curves(self, run_ids: list[str], keys: list[str]) -> list[Leaf]:
        return [Leaf() for _ in run_ids for _ in keys]

    @strawberry.field
    def column(self, size: int) -> Column:
        return Column(np.arange(size, dtype=np.int64))

    @strawberry.field
    def unspeakable(self) -> Column:
        return Column(object())

    @strawberry.field
    async def crash(self) -> str:
        raise RuntimeError("the password is hunter2")

    @strawberry.field
    async def missing(self) -> str | None:
        raise NotFound("There is no such run.")

    @strawberry.field
    async def wrong(self) -> str | None:
        raise InvalidInput("pixels has to be positive.", argument="pixels")

    @strawberry.field
    async def gap(self) -> str | None:
        raise SequenceGap("Records are missing.", expected=7)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def append(self, table: Table) -> int:
        return len(table.keys)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int = 3) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def endless(self, info: strawberry.Info[Signals]) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            info.context.ended.set()

    @strawberry.subscription
    async def flood(self, info: strawberry.Info[Signals]) -> AsyncIterator[Column]:
        while True:
            info.context.sent += 1
            yield Column(np.zeros(100_000, dtype=np.int64))

    @strawberry.subscription
    async def breaks(self) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("the password is hunter2")

    @strawberry.subscription
    async def refuses(self, run: int = 0) -> AsyncIterator[int]:
        if run != 1:
            raise NotFound("There is no such run.")
        yield 1


_column = strawberry.scalar(name="Column", serialize=lambda value: value, parse_value=Column)
schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    config=StrawberryConfig(scalar_map={Column: _column}),
)


@asynccontextmanager
async def asking(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app without a network."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """The app on a free port of loopback, in this event loop; gives `host:port`."""
    config = uvicorn.Config(
        app,
        port=0,
        loop="none",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
        await asyncio.sleep(0.01)
    try:
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"{host}:{port}"
    finally:
        server.should_exit = True
        await task
