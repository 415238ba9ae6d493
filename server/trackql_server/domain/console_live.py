"""What subscribers hear of a run's console: new lines in order, and the lines that are open."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from trackql_server.domain import access, console
from trackql_server.domain.console import OpenLine
from trackql_server.domain.context import Context
from trackql_server.domain.events import ConsoleGrew, console_topic
from trackql_server.domain.live import beat
from trackql_server.errors import InvalidInput, NotFound
from trackql_server.store import runs as run_store

# Lines of one event. Who is further behind than so many events is shown the newest lines instead.
EVENT_LINES = console.LARGEST_PAGE
LATE_LINES = 4 * EVENT_LINES

# Between two events: what came meanwhile comes as one.
PAUSE = 0.02


@dataclass(slots=True)
class Grown:
    """Lines `first` up to `next` - 1, where `skipped` before them were left out; open lines."""

    first: int
    next: int
    skipped: int
    open: list[OpenLine]
    times: list[int] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    writers: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


async def follow(ctx: Context, run_id: str, after: int | None) -> AsyncGenerator[Grown, None]:
    """Lines of a run from number `after` on, or only new ones, for as long as the caller listens.

    The first event comes at once and says where the console stands.
    """
    access.require_read(ctx.viewer)
    bus = ctx.services.bus
    listener = bus.listen([console_topic(run_id)])
    try:
        async with ctx.read() as session:
            run = (await run_store.by_ids(session, [run_id])).get(run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        state = await console.page(ctx, run.number, 0, 1)
        total, opened = state.total, state.open
        at = total if after is None else after
        if not 0 <= at <= total:
            raise InvalidInput(
                f"after: run {run_id} has {total} lines, not {at}; follow it from the start",
                argument="after",
            )
        told: list[OpenLine] | None = None
        while True:
            for event in listener.take():
                if isinstance(event, ConsoleGrew):
                    total, opened = event.total, console.opened(event.open_lines)
            if at < total or opened != told:
                grown = await _read(ctx, run.number, at, total, opened)
                yield grown
                at, told = grown.next, opened
            elif listener.closed:
                return
            if at >= total:
                for event in await listener.wait():
                    if isinstance(event, ConsoleGrew):
                        total, opened = event.total, console.opened(event.open_lines)
            await beat(bus.listeners, PAUSE)
    finally:
        bus.leave(listener)


async def _read(ctx: Context, number: int, at: int, total: int, opened: list[OpenLine]) -> Grown:
    skipped = 0
    if total - at > LATE_LINES:
        skipped = total - EVENT_LINES - at
    start = at + skipped
    if start == total:
        return Grown(start, start, skipped, opened)
    page = await _shared(ctx, number, start, min(total - start, EVENT_LINES))
    after = start + len(page.texts)
    return Grown(start, after, skipped, opened, page.times, page.streams, page.writers, page.texts)


async def _shared(ctx: Context, number: int, start: int, lines: int) -> console.Page:
    """Subscribers who wait for the same lines share one reading of them."""
    question = ("console", number, start, lines)
    reading: asyncio.Task[Any] | None = ctx.services.shared.get(question)
    if reading is None:
        reading = asyncio.create_task(console.page(ctx, number, start, lines))
        ctx.services.shared.put(question, reading)
    try:
        page: console.Page = await asyncio.shield(reading)
    except BaseException:
        if reading.done() and (reading.cancelled() or reading.exception()):
            ctx.services.shared.put(question, None)
        raise
    return page
