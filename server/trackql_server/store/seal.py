"""Merging the small chunks of a series, so that a long series stays cheap to read.

While a series grows its newest chunks are merged so that each is a few times the one after it:
a point is rewritten a logarithmic number of times. Full chunks, and all chunks of a run that has
ended, are sealed: compressed and left alone. Reading never sees the difference.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.exc import DBAPIError

from trackql_server.models import MetricChunk, MetricSeries, Run, RunStatus
from trackql_server.models.columns import table_of
from trackql_server.store.append import (
    CHUNK_COLUMNS,
    CHUNK_POINTS,
    INSERT_CHUNKS,
    Committed,
    ranges,
)
from trackql_server.store.bulk import Bulk
from trackql_server.store.columns import (
    pack_floats,
    pack_ints,
    seal_floats,
    seal_ints,
    unpack_floats,
    unpack_ints,
)
from trackql_server.store.database import Database

log = logging.getLogger(__name__)

RUN, SERIES, CHUNK = table_of(Run), table_of(MetricSeries), table_of(MetricChunk)

SEALED = CHUNK_COLUMNS.index("sealed")

# Merged when this many chunks of a series are open: reading stays within a few dozen rows.
OPEN_CHUNKS = 48

# An older chunk joins a merge when it is at most this many times what follows it.
GROWTH = 4

# Series merged in one transaction: the writer waits only for a few milliseconds.
SERIES_A_MERGE = 50

# Points unpacked at once (48 MB of columns); a longer backlog takes several transactions.
POINTS_A_MERGE = 2_000_000

# Runs looked at on a start, when chunks were left open by the process before.
LEFT_OPEN = 10_000

ENDED = (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)


@dataclass(slots=True)
class Merge:
    """The open chunks of one series that become new ones."""

    series_id: int
    old: list[Any]
    new: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(slots=True)
class Work:
    """Merges of one transaction; `left` are series of which more is due than fits in."""

    merges: list[Merge]
    ended: set[int]
    left: list[int]


class Sealer:
    """Merges in the background; told of commits by `grew` and of ended runs by `ended`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._due: dict[int, None] = {}
        self._ended: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._one_step = asyncio.Lock()
        self._task = asyncio.create_task(self._work(), name="sealer")

    def grew(self, committed: Committed) -> None:
        """Look whether a series has too many open chunks."""
        for series_id, (_, open_chunks, _) in committed.open_chunks.items():
            if open_chunks >= OPEN_CHUNKS:
                self._due[series_id] = None
        if self._due:
            self._wake.set()

    def ended(self, run_id: str) -> None:
        """Seal what a run has left open."""
        self._ended[run_id] = None
        self._wake.set()

    async def close(self) -> None:
        """Stop after the merge that is under way."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def settle(self) -> None:
        """Merge and seal all that is due now."""
        while self._due or self._ended or self._one_step.locked():
            async with self._one_step:
                await self._step()

    async def _work(self) -> None:
        try:
            for run_id in await self._database.run_read(_left_open):
                self._ended[run_id] = None
        except DBAPIError:
            log.exception("looking for chunks left open failed; they wait for the next start")
        while True:
            if not self._due and not self._ended:
                self._wake.clear()
                await self._wake.wait()
            try:
                async with self._one_step:
                    await self._step()
            except Exception:  # reading works without; it must not be the last merge
                log.exception("merging chunks failed; tried again soon")
                await asyncio.sleep(1)

    async def _step(self) -> None:
        if self._ended:
            run_id = next(iter(self._ended))
            del self._ended[run_id]
            ids = await self._database.run_read(lambda connection: _open_series(connection, run_id))
        else:
            ids = list(self._due)[:SERIES_A_MERGE]
            for series_id in ids:
                del self._due[series_id]
        for begin in range(0, len(ids), SERIES_A_MERGE):
            try:
                await merge(self._database, ids[begin : begin + SERIES_A_MERGE])
            except DBAPIError:  # a lost race for the rows, say: the rest is due again
                self._due.update(dict.fromkeys(ids[begin:]))
                raise


async def merge(database: Database, series_ids: Sequence[int]) -> None:
    """Merge the open chunks of these series; seal them where their run has ended."""
    left = list(series_ids)
    while left:
        work = await database.run_write(partial(_look, series_ids=left), _think, _write, heavy=True)
        left = work.left


def _left_open(connection: Connection) -> list[str]:
    rows = connection.execute(
        select(SERIES.c.run_id).distinct().where(SERIES.c.open_chunks > 1).limit(LEFT_OPEN)
    )
    return [row[0] for row in rows]


def _open_series(connection: Connection, run_id: str) -> list[int]:
    rows = connection.execute(
        select(SERIES.c.id)
        .where(SERIES.c.run_id == run_id, SERIES.c.open_chunks > 0)
        .order_by(SERIES.c.id)
    )
    return [row[0] for row in rows]


def _look(connection: Connection, series_ids: Sequence[int]) -> Work:
    locked = connection.execute(
        select(SERIES.c.id, RUN.c.status)
        .join(RUN, RUN.c.id == SERIES.c.run_id)
        .where(SERIES.c.id.in_(series_ids))
        .order_by(SERIES.c.id)
        .with_for_update(of=SERIES)
    ).all()
    ended = {row.id for row in locked if row.status in ENDED}
    outlines: dict[int, list[Any]] = {row.id: [] for row in locked}
    for row in connection.execute(
        select(CHUNK.c.series_id, CHUNK.c.start, CHUNK.c.count.label("length"))
        .where(CHUNK.c.series_id.in_(list(outlines)), CHUNK.c.sealed.is_(False))
        .order_by(CHUNK.c.series_id, CHUNK.c.start)
    ):
        outlines[row.series_id].append(row)
    work, room = Work([], ended, []), POINTS_A_MERGE
    chosen: dict[int, list[Any]] = {}
    for series_id, outline in outlines.items():
        if not outline:
            continue
        some = _chosen(outline, room, ended=series_id in ended)
        room -= sum(chunk.length for chunk in some)
        if not some or some[-1].start != outline[-1].start:
            work.left.append(series_id)
        if some:
            chosen[series_id] = some
    for series_id, old in _whole(connection, outlines, chosen).items():
        work.merges.append(Merge(series_id, old))
    return work


def _chosen(outline: list[Any], room: int, *, ended: bool) -> list[Any]:
    """The chunks of a series to merge now: neighbours, about `room` points of them at most."""
    if not ended and sum(chunk.length for chunk in outline) < CHUNK_POINTS:
        outline = outline[_suffix([chunk.length for chunk in outline]) :]
    chosen = []
    for chunk in outline:
        if room <= 0:
            break
        chosen.append(chunk)
        room -= chunk.length
    return chosen


def _whole(
    connection: Connection, outlines: dict[int, list[Any]], chosen: dict[int, list[Any]]
) -> dict[int, list[Any]]:
    """The chosen chunks with their points; one statement for the series chosen entirely."""
    entire = [each for each, some in chosen.items() if len(some) == len(outlines[each])]
    found: dict[int, list[Any]] = {each: [] for each in chosen}
    count = CHUNK.c.count.label("length")
    statement = select(
        CHUNK.c.series_id, CHUNK.c.start, count, CHUNK.c.steps, CHUNK.c.times, CHUNK.c.points
    ).order_by(CHUNK.c.series_id, CHUNK.c.start)
    if entire:
        for row in connection.execute(
            statement.where(CHUNK.c.series_id.in_(entire), CHUNK.c.sealed.is_(False))
        ):
            found[row.series_id].append(row)
    for series_id in chosen.keys() - set(entire):
        some = chosen[series_id]
        found[series_id] = list(
            connection.execute(
                statement.where(
                    CHUNK.c.series_id == series_id,
                    CHUNK.c.start.between(some[0].start, some[-1].start),
                )
            )
        )
    return found


def _think(work: Work) -> None:
    for each in work.merges:
        each.new = list(_merged(each, seal_rest=each.series_id in work.ended))


def _suffix(counts: Sequence[int]) -> int:
    """Where the chunks to merge begin, given the points of each."""
    begin, following = len(counts) - 1, counts[-1] if counts else 0
    while begin > 0 and counts[begin - 1] <= GROWTH * following:
        begin -= 1
        following += counts[begin]
    return max(begin, 0)


def _merged(each: Merge, *, seal_rest: bool) -> Iterator[tuple[Any, ...]]:
    steps = np.concatenate([unpack_ints(chunk.steps, chunk.length) for chunk in each.old])
    times = np.concatenate([unpack_ints(chunk.times, chunk.length) for chunk in each.old])
    values = np.concatenate([unpack_floats(chunk.points) for chunk in each.old])
    start = each.old[0].start
    for begin in range(0, len(values), CHUNK_POINTS):
        part = slice(begin, begin + CHUNK_POINTS)
        count = len(values[part])
        sealed = seal_rest or count == CHUNK_POINTS
        yield (
            each.series_id,
            start + begin,
            count,
            sealed,
            *ranges(steps[part], times[part]),
            (seal_ints if sealed else pack_ints)(steps[part]),
            (seal_ints if sealed else pack_ints)(times[part]),
            (seal_floats if sealed else pack_floats)(values[part]),
        )


DELETE_CHUNKS = Bulk(
    delete(CHUNK).where(
        CHUNK.c.series_id == bindparam("of"),
        CHUNK.c.start >= bindparam("low"),
        CHUNK.c.start <= bindparam("high"),
    ),
    ("of", "low", "high"),
)
COUNT_OPEN = Bulk(
    update(SERIES)
    .where(SERIES.c.id == bindparam("of"))
    .values(open_chunks=SERIES.c.open_chunks + bindparam("more")),
    ("of", "more"),
)


def _write(connection: Connection, work: Work) -> None:
    DELETE_CHUNKS.run(
        connection,
        [(each.series_id, each.old[0].start, each.old[-1].start) for each in work.merges],
    )
    INSERT_CHUNKS.run(connection, [row for each in work.merges for row in each.new])
    COUNT_OPEN.run(
        connection,
        [
            (each.series_id, sum(not row[SEALED] for row in each.new) - len(each.old))
            for each in work.merges
        ],
    )
