"""The one connection shape: a page of nodes, their cursors, and what lies around it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Generic, TypeVar

import strawberry

from trackql_server.domain.pages import LARGEST_PAGE, Page, Paged, page

T = TypeVar("T")

First = Annotated[int, strawberry.argument(description=f"Nodes a page, at most {LARGEST_PAGE}.")]
After = Annotated[
    str | None, strawberry.argument(description="Go on behind this cursor of the same list.")
]
Search = Annotated[
    str | None, strawberry.argument(description="Only where the name or key contains this text.")
]
Given = Annotated[T, strawberry.argument(description="What the mutation works with.")]
Keys = Annotated[list[str] | None, strawberry.argument(description="Only these keys.")]


@strawberry.type(description="What lies around a page.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more nodes follow.")
    has_previous_page: bool = strawberry.field(description="Whether nodes come before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first node.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last node; ask after it.")


@strawberry.type(description="A node and its cursor.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Opaque; for `after` of the same list.")
    node: T = strawberry.field(description="The node.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The nodes with their cursors.")
    nodes: list[T] = strawberry.field(description="The nodes.")
    page_info: PageInfo = strawberry.field(description="What lies around the page.")
    counter: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="Nodes in all pages; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.counter()


@strawberry.type(description="A page of keys.")
class KeyConnection:
    nodes: list[str] = strawberry.field(description="The keys, in the order of their letters.")
    page_info: PageInfo = strawberry.field(description="What lies around the page.")


def page_info(paged: Paged[T]) -> PageInfo:
    """What a page says of itself."""
    ends = (paged.cursors[0], paged.cursors[-1]) if paged.cursors else (None, None)
    return PageInfo(
        has_next_page=paged.has_next,
        has_previous_page=paged.has_previous,
        start_cursor=ends[0],
        end_cursor=ends[1],
    )


def connection(paged: Paged[T], counter: Callable[[], Awaitable[int]]) -> Connection[T]:
    """A page as a connection."""
    return Connection(
        edges=[
            Edge(cursor=cursor, node=row)
            for cursor, row in zip(paged.cursors, paged.rows, strict=True)
        ],
        nodes=list(paged.rows),
        page_info=page_info(paged),
        counter=counter,
    )


__all__ = [
    "After",
    "Connection",
    "First",
    "Given",
    "KeyConnection",
    "Keys",
    "Page",
    "Paged",
    "Search",
    "connection",
    "page",
    "page_info",
]
