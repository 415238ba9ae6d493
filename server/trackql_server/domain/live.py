"""What subscribers hear: new points of runs, exactly once and in order, and changed runs.

A subscription is an offset per series. An announcement only says that there is more; the points
are read from the offset on, out of the tail in memory or, for the backlog, from the log. Who can't
keep up gets bigger pieces, never a queue.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection

from trackql_server.domain import access
from trackql_server.domain.context import Context
from trackql_server.domain.events import (
    Event,
    SeriesGrew,
    experiment_topic,
    points_topic,
    run_topic,
)
from trackql_server.errors import InvalidInput
from trackql_server.models import MetricSeries, Run
from trackql_server.store import metrics as store
from trackql_server.store import runs as run_store
from trackql_server.store.metrics import Columns, Span
from trackql_server.store.reduction import Points, reduce, shift_for

# Points in one event, over all its series: 1.2 MB of columns.
EVENT_POINTS = 50_000

# Points read for one event, where most are left out by reduction: 24 MB of columns.
READ_POINTS = 1_000_000

# An event as small as those of the live edge is kept for other subscribers; a backlog is not.
SHARED_POINTS = 5_000

# Every subscriber costs the server about this much per event, so they share the time: with one
# the next event may follow at once, with 200 after 100 ms.
SECONDS_A_SUBSCRIBER = 0.0005
LONGEST_PAUSE = 0.5

# Changes of runs are shown in tables: four times a second is alive, more is noise.
RUNS_PAUSE = 0.25

# Runs in one event; more come with the next.
EVENT_RUNS = 200


@dataclass(frozen=True)
class Delta:
    """Points of one series from `offset` up to `next_offset` - 1; fewer where `reduced`."""

    run_id: str
    key: str
    offset: int
    next_offset: int
    reduced: bool
    columns: Columns


@dataclass(frozen=True)
class Deltas:
    """One event; subscribers at the same offsets get the same object.

    `memo` is for faces: what they made of it once serves all of them.
    """

    series: list[Delta]
    memo: dict[object, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Place:
    """Where a subscriber is in one series."""

    series_id: int | None
    offset: int
    total: int


async def follow_points(
    ctx: Context,
    run_ids: Sequence[str],
    keys: Sequence[str] | None,
    after: dict[tuple[str, str], int],
    *,
    backlog: bool,
    max_points: int | None,
) -> AsyncGenerator[Deltas, None]:
    """New points of runs for as long as the caller listens.

    A series starts at its offset in `after`, else at 0 with `backlog`, else at its present end;
    series that appear later start at 0. With `max_points` a series' piece is reduced to about that
    many points, its spikes kept; without, every point comes exactly once and in order.
    """
    access.require_read(ctx.viewer)
    if max_points is not None and max_points < 4:
        raise InvalidInput("maxPoints must be at least 4", argument="maxPoints")
    services = ctx.services
    wanted = None if keys is None else set(keys)
    listener = services.bus.listen(points_topic(run_id) for run_id in run_ids)
    services.tail.watch(run_ids)
    try:
        places = await _places(ctx, run_ids, keys, after, backlog=backlog)
        behind = [each for each, place in places.items() if place.offset < place.total]
        while True:
            if not behind:
                _hear(places, await listener.wait(), wanted)
            else:
                _hear(places, listener.take(), wanted)
            behind = [each for each, place in places.items() if place.offset < place.total]
            if behind:
                yield await _deltas(ctx, places, behind, max_points)
            elif listener.closed:
                return
            behind = [each for each, place in places.items() if place.offset < place.total]
            await beat(services.bus.listeners)
    finally:
        services.tail.unwatch(run_ids)
        services.bus.leave(listener)


async def beat(listeners: int, least: float = 0.0) -> None:
    """Wait for the next beat of a clock that all subscribers share.

    Who wakes together stands at the same offsets, so an event is made once for all of them.
    """
    pause = max(least, min(LONGEST_PAUSE, listeners * SECONDS_A_SUBSCRIBER))
    loop = asyncio.get_running_loop()
    woken = loop.create_future()
    timer = loop.call_at((loop.time() // pause + 1) * pause, _wake, woken)
    try:
        await woken
    finally:
        timer.cancel()


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def _hear(
    places: dict[tuple[str, str], Place], news: Sequence[Event], wanted: set[str] | None
) -> None:
    for event in news:
        if isinstance(event, SeriesGrew) and (wanted is None or event.key in wanted):
            place = places.setdefault((event.run_id, event.key), Place(None, 0, 0))
            place.total = max(place.total, event.total)


async def _places(
    ctx: Context,
    run_ids: Sequence[str],
    keys: Sequence[str] | None,
    after: dict[tuple[str, str], int],
    *,
    backlog: bool,
) -> dict[tuple[str, str], Place]:
    async with ctx.read() as session:
        rows = await store.series(session, run_ids, keys)
    places = {}
    for row in rows:
        offset = after.get((row.run_id, row.key), 0 if backlog else row.count)
        places[row.run_id, row.key] = Place(row.id, offset, row.count)
    for (run_id, key), offset in after.items():
        if run_id not in run_ids or (keys is not None and key not in keys):
            continue
        place = places.setdefault((run_id, key), Place(None, offset, 0))
        if offset > place.total:
            raise InvalidInput(
                f"after: {key!r} of run {run_id} has {place.total} points, not {offset};"
                " follow it from the start",
                argument="after",
            )
    return places


async def _deltas(
    ctx: Context,
    places: dict[tuple[str, str], Place],
    behind: Sequence[tuple[str, str]],
    max_points: int | None,
) -> Deltas:
    left, room = EVENT_POINTS, READ_POINTS
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    for each in behind:
        place = places[each]
        stop = min(place.total, place.offset + left)
        if max_points is not None:
            # What is reduced anyway may be read in longer pieces.
            stop = min(place.total, place.offset + EVENT_POINTS, place.offset + room)
        spans[each] = (place.offset, stop)
        left -= min(stop - place.offset, max_points or EVENT_POINTS)
        room -= stop - place.offset
        if left <= 0 or room <= 0:
            break
    question = (max_points, tuple(spans.items()))
    deltas = ctx.services.shared.get(question)
    if deltas is None:
        deltas = Deltas([])
        columns = await _read(ctx, places, spans)
        for (run_id, key), (start, stop) in spans.items():
            found, reduced = columns[run_id, key], False
            if max_points is not None and stop - start > max_points:
                found, reduced = _reduced(found, start, max_points), True
            deltas.series.append(Delta(run_id, key, start, stop, reduced, found))
        if sum(stop - start for start, stop in spans.values()) <= SHARED_POINTS:
            ctx.services.shared.put(question, deltas)
    for each, (_, stop) in spans.items():
        place = places[each]
        place.offset = stop
        if stop < place.total:  # it has had its turn; the others come first now
            places[each] = places.pop(each)
    return deltas


async def _read(
    ctx: Context,
    places: dict[tuple[str, str], Place],
    spans: dict[tuple[str, str], tuple[int, int]],
) -> dict[tuple[str, str], Columns]:
    found: dict[tuple[str, str], Columns] = {}
    for (run_id, key), (start, stop) in spans.items():
        columns = ctx.services.tail.read(run_id, key, start, stop)
        if columns is not None:
            found[run_id, key] = columns
    missing = [each for each in spans if each not in found]
    unknown = [each for each in missing if places[each].series_id is None]
    if unknown:
        async with ctx.read() as session:
            rows: list[MetricSeries] = await store.series(
                session, list({r for r, _ in unknown}), list({k for _, k in unknown})
            )
        for row in rows:
            if (row.run_id, row.key) in places:
                places[row.run_id, row.key].series_id = row.id
    if missing:

        def read(connection: Connection) -> list[Columns]:
            return [
                store.columns(connection, Span(places[each].series_id or 0, *spans[each]))
                for each in missing
            ]

        found.update(zip(missing, await ctx.services.database.run_read(read), strict=True))
    return found


def _reduced(columns: Columns, start: int, max_points: int) -> Columns:
    assert columns.steps is not None
    assert columns.times is not None
    assert columns.values is not None
    offsets = np.arange(start, start + len(columns.values))
    points = Points(offsets, offsets, columns.steps, columns.times, columns.values)
    shift = shift_for(int(offsets[0]), int(offsets[-1]), max(1, max_points // 4))
    kept = reduce(points, shift)
    return Columns(kept.steps, kept.times, kept.values)


async def follow_runs(
    ctx: Context, experiment_ids: Sequence[str], run_ids: Sequence[str]
) -> AsyncGenerator[list[Run], None]:
    """Runs that were made or changed, of these experiments and among these runs."""
    access.require_read(ctx.viewer)
    topics = [experiment_topic(each) for each in experiment_ids] + [run_topic(e) for e in run_ids]
    services = ctx.services
    listener = services.bus.listen(topics)
    services.stalls.watch(experiment_ids, run_ids)
    try:
        while not listener.closed:
            changed = list({event.run_id for event in await listener.wait()})
            for begin in range(0, len(changed), EVENT_RUNS):
                async with ctx.read() as session:
                    found = await run_store.by_ids(session, changed[begin : begin + EVENT_RUNS])
                if found:
                    yield list(found.values())
            await asyncio.sleep(RUNS_PAUSE)
    finally:
        services.stalls.unwatch(experiment_ids, run_ids)
        services.bus.leave(listener)
