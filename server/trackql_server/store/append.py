"""The one writer of metric points: batches that wait are committed together.

Points, summaries and the writer's cursor of a batch move in one transaction, so a batch is stored
once and whole or not at all. A group that fails is tried again batch by batch, so that nobody's
bad batch costs a neighbour's.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError

from trackql_server.errors import NotFound, RunDeleted, TrackqlError, Unavailable
from trackql_server.models import (
    LabelKind,
    Lifecycle,
    MetricChunk,
    MetricSeries,
    Run,
    WriterCursor,
)
from trackql_server.models.columns import table_of
from trackql_server.models.numbers import rising_number
from trackql_server.store import journal, summary
from trackql_server.store.bulk import Bulk
from trackql_server.store.columns import Float64s, Int64s, pack_floats, pack_ints
from trackql_server.store.database import Database
from trackql_server.store.labels import Labels

log = logging.getLogger(__name__)

# A chart decodes chunk by chunk; this many points (512 KiB a column) stay in the processor's cache.
CHUNK_POINTS = 65_536

# What one transaction takes in: enough to spread its cost, little enough to answer soon.
GROUP_POINTS = 2_000_000

# Above this many points the arithmetic of a group leaves the event loop.
THREAD_POINTS = 50_000

# Both databases take some 32,000 parameters a statement.
KEYS_A_STATEMENT = 10_000

# A heartbeat this fresh is not written again with every batch.
HEARTBEAT_FRESH = timedelta(seconds=5)

# A lost race for a new series or a deadlock is over at the second try; the third is for luck.
TRIES = 3

RUN, SERIES = table_of(Run), table_of(MetricSeries)
CHUNK, CURSOR = table_of(MetricChunk), table_of(WriterCursor)

NEW_SERIES_COLUMNS = (
    "run_id",
    "key",
    "id",
    "experiment_id",
    "label_id",
    "run_number",
    "open_chunks",
    *summary.COLUMNS,
)
INSERT_SERIES = Bulk(insert(SERIES), NEW_SERIES_COLUMNS)
UPDATE_SERIES = Bulk(
    update(SERIES)
    .where(SERIES.c.id == bindparam("series_id"))
    .values({name: bindparam(name) for name in ("open_chunks", *summary.COLUMNS)}),
    ("series_id", "open_chunks", *summary.COLUMNS),
)
CHUNK_COLUMNS = (
    "series_id",
    "start",
    "count",
    "sealed",
    "low_step",
    "high_step",
    "low_time",
    "high_time",
    "steps",
    "times",
    "points",
)
INSERT_CHUNKS = Bulk(insert(CHUNK), CHUNK_COLUMNS)


@dataclass(frozen=True, slots=True)
class Table:
    """Points of several keys that were logged together: n rows, k keys.

    `records` says for each row which journal record it came from, counted from the batch's first;
    `steps` and `times` (Unix ms) hold n numbers, `values` n rows of k.
    """

    keys: Sequence[str]
    records: Int64s
    steps: Int64s
    times: Int64s
    values: Float64s

    def since(self, record: int) -> "Table":
        """The rows from `record` on."""
        rows = self.records >= record
        return Table(
            self.keys, self.records[rows], self.steps[rows], self.times[rows], self.values[rows]
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request appends to one run."""

    run_id: str
    tables: Sequence[Table]
    position: journal.Position | None = None

    @property
    def points(self) -> int:
        """How many points it holds."""
        return sum(table.values.size for table in self.tables)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch: the next record expected of its writer, points newly stored."""

    next_record: int | None
    points: int


@dataclass(frozen=True, slots=True)
class Appended:
    """Points that a commit added to a series, from offset `start` on."""

    run_id: str
    experiment_id: str
    key: str
    start: int
    steps: Int64s
    times: Int64s
    values: Float64s

    @property
    def end(self) -> int:
        """The offset after the last point."""
        return self.start + len(self.values)


@dataclass(frozen=True, slots=True)
class Target:
    """What appending needs to know of a run."""

    id: str
    number: int
    experiment_id: str
    lifecycle: Lifecycle
    heartbeat_time: datetime | None


@dataclass(slots=True)
class Growth:
    """A series while a group is put together."""

    id: int
    experiment_id: str
    stored: bool
    summary: summary.Summary | None
    open_chunks: int

    @property
    def count(self) -> int:
        return 0 if self.summary is None else self.summary.count


@dataclass(slots=True)
class Plan:
    """What a group writes, gathered before the first row is written."""

    runs: dict[str, Target]
    series: dict[tuple[str, str], Growth]
    cursors: dict[tuple[str, str], int]
    moved: dict[tuple[str, str], int] = field(default_factory=dict)
    grown: dict[tuple[str, str], Growth] = field(default_factory=dict)
    chunks: list[tuple[Any, ...]] = field(default_factory=list)
    appended: list[Appended] = field(default_factory=list)
    outcomes: list[Stored | TrackqlError] = field(default_factory=list)


@dataclass(slots=True)
class Waiting:
    batch: Batch
    outcome: asyncio.Future[Stored]


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did: points by series, and the open chunks of each series it touched."""

    appended: Sequence[Appended]
    open_chunks: dict[int, tuple[str, int, int]]


class MetricWriter:
    """Takes batches from everyone, commits them in groups, tells `committed` after each commit."""

    def __init__(
        self,
        database: Database,
        committed: Callable[[Committed], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._committed = committed
        self._clock = clock
        self._waiting: list[Waiting] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._work(), name="metric writer")

    async def append(self, batch: Batch) -> Stored:
        """Store a batch; returns once it is committed.

        Raises NotFound, RunDeleted, SequenceGap for what is wrong with this batch, and Unavailable
        when the server is going down or the database can't take it.
        """
        if self._closing:
            raise Unavailable("the server is going down; send the batch again in a moment")
        waiting = Waiting(batch, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.outcome

    async def close(self) -> None:
        """Commit what was taken, then stop."""
        self._closing = True
        self._wake.set()
        await self._task

    async def _work(self) -> None:
        while self._waiting or not self._closing:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            group = self._take()
            if await self._settle(group):
                continue
            for waiting in group:
                for attempt in range(1, TRIES + 1):
                    if await self._settle([waiting], last=attempt == TRIES):
                        break

    def _take(self) -> list[Waiting]:
        taken = points = 0
        while taken < len(self._waiting) and points < GROUP_POINTS:
            points += self._waiting[taken].batch.points
            taken += 1
        group, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return group

    async def _settle(self, group: list[Waiting], *, last: bool = False) -> bool:
        """Commit a group and answer its senders; False when nothing of it was stored."""
        try:
            plan = await self._commit([waiting.batch for waiting in group])
        except DBAPIError as error:
            log.warning("a group of %d batches was rolled back: %s", len(group), error)
            if last:
                refusal = Unavailable("the database did not take the batch; send it again")
                refusal.__cause__ = error
                _answer(group, [refusal] * len(group))
            return False
        except Exception as error:  # whatever it was, the senders must hear of it
            log.exception("a group of %d batches failed", len(group))
            if len(group) > 1:
                return False
            _answer(group, [error])
            return True
        _answer(group, plan.outcomes)
        if plan.appended:
            self._tell(plan)
        return True

    def _tell(self, plan: Plan) -> None:
        open_chunks = {
            growth.id: (run_id, growth.open_chunks, growth.count)
            for (run_id, _), growth in plan.grown.items()
        }
        try:
            self._committed(Committed(plan.appended, open_chunks))
        except Exception:  # the points are stored; whoever listens must not stop the writer
            log.exception("announcing %d appended series failed", len(plan.appended))

    async def _commit(self, batches: list[Batch]) -> Plan:
        return await self._database.run_write(
            lambda connection: _look(connection, batches),
            lambda plan: _fill(plan, batches),
            lambda connection, plan: _write(connection, plan, self._clock()),
            heavy=sum(batch.points for batch in batches) > THREAD_POINTS,
        )


def _answer(group: list[Waiting], outcomes: Sequence[Stored | BaseException]) -> None:
    for waiting, outcome in zip(group, outcomes, strict=True):
        if waiting.outcome.done():  # the sender hung up; its batch is stored all the same
            continue
        if isinstance(outcome, BaseException):
            waiting.outcome.set_exception(outcome)
        else:
            waiting.outcome.set_result(outcome)


# Reading what a group needs to know


def _look(connection: Connection, batches: list[Batch]) -> Plan:
    return Plan(
        runs=_runs(connection, {batch.run_id for batch in batches}),
        series=_series(connection, batches),
        cursors=_cursors(connection, batches),
    )


def _runs(connection: Connection, run_ids: set[str]) -> dict[str, Target]:
    rows = connection.execute(
        select(
            RUN.c.id, RUN.c.number, RUN.c.experiment_id, RUN.c.lifecycle, RUN.c.heartbeat_time
        ).where(RUN.c.id.in_(run_ids))
    )
    return {row[0]: Target(*row) for row in rows}


def _series(connection: Connection, batches: list[Batch]) -> dict[tuple[str, str], Growth]:
    wanted: dict[str, set[str]] = {}
    for batch in batches:
        keys = wanted.setdefault(batch.run_id, set())
        for table in batch.tables:
            keys.update(table.keys)
    found: dict[tuple[str, str], Growth] = {}
    for run_id, keys in sorted(wanted.items()):
        for some in sliced(sorted(keys), KEYS_A_STATEMENT):
            rows = connection.execute(
                select(
                    SERIES.c.key,
                    SERIES.c.id,
                    SERIES.c.experiment_id,
                    SERIES.c.open_chunks,
                    *(SERIES.c[name] for name in summary.COLUMNS),
                )
                .where(SERIES.c.run_id == run_id, SERIES.c.key.in_(some))
                .order_by(SERIES.c.id)
                .with_for_update()
            )
            for key, series_id, experiment_id, open_chunks, *columns in rows:
                found[run_id, key] = Growth(
                    series_id, experiment_id, True, summary.of_columns(columns), open_chunks
                )
    return found


def _cursors(connection: Connection, batches: list[Batch]) -> dict[tuple[str, str], int]:
    writers = {
        (batch.run_id, batch.position.writer): 0 for batch in batches if batch.position is not None
    }
    if not writers:
        return writers
    rows = connection.execute(
        select(CURSOR)
        .where(
            CURSOR.c.run_id.in_({run_id for run_id, _ in writers}),
            CURSOR.c.writer.in_({writer for _, writer in writers}),
        )
        .order_by(CURSOR.c.run_id, CURSOR.c.writer)
        .with_for_update()
    )
    for row in rows:
        if (row.run_id, row.writer) in writers:
            writers[row.run_id, row.writer] = row.next_record
    return writers


# Deciding what to write: no database here, so it may run in a thread


def _fill(plan: Plan, batches: list[Batch]) -> None:
    for batch in batches:
        try:
            plan.outcomes.append(_fill_one(plan, batch))
        except TrackqlError as error:
            plan.outcomes.append(error)


def _fill_one(plan: Plan, batch: Batch) -> Stored:
    run = plan.runs.get(batch.run_id)
    if run is None:
        raise NotFound(f"there is no run {batch.run_id}")
    if run.lifecycle is Lifecycle.DELETED:
        raise RunDeleted(f"run {batch.run_id} is deleted; restore it to log to it")
    tables: Sequence[Table] = batch.tables
    position = batch.position
    if position is not None:
        skipped = position.skip(plan.cursors[batch.run_id, position.writer])
        if skipped:
            tables = [table.since(skipped) for table in tables]
    points = 0
    for table in _disjoint([table for table in tables if table.values.size]):
        points += table.values.size
        _append(plan, run, table)
    if position is None:
        return Stored(None, points)
    cursor = (batch.run_id, position.writer)
    if position.end > plan.cursors[cursor]:
        plan.cursors[cursor] = plan.moved[cursor] = position.end
    return Stored(plan.cursors[cursor], points)


def _disjoint(tables: list[Table]) -> Iterator[Table]:
    """The same points in tables that share no key, each key's points in the order of records."""
    seen: dict[str, int] = {}
    for table in tables:
        for key in table.keys:
            seen[key] = seen.get(key, 0) + 1
    shared = [key for key, times in seen.items() if times > 1]
    if not shared:
        yield from tables
        return
    for table in tables:
        own = [place for place, key in enumerate(table.keys) if seen[key] == 1]
        if own:
            keys = [table.keys[place] for place in own]
            yield Table(keys, table.records, table.steps, table.times, table.values[:, own])
    for key in shared:
        parts = [(table, table.keys.index(key)) for table in tables if key in table.keys]
        records = np.concatenate([table.records for table, _ in parts])
        order = np.argsort(records, kind="stable")
        yield Table(
            [key],
            records[order],
            np.concatenate([table.steps for table, _ in parts])[order],
            np.concatenate([table.times for table, _ in parts])[order],
            np.concatenate([table.values[:, place] for table, place in parts])[order][:, None],
        )


def _append(plan: Plan, run: Target, table: Table) -> None:
    columns = np.ascontiguousarray(table.values.T)
    pieces = [
        (begin, *_shared(table.steps[begin:end], table.times[begin:end]))
        for begin, end in _cuts(len(table.steps))
    ]
    summaries = summary.of_table(table.steps, table.times, table.values)
    for key, column, added in zip(table.keys, columns, summaries, strict=True):
        growth = plan.series.get((run.id, key))
        if growth is None:
            growth = Growth(rising_number(), run.experiment_id, False, None, 0)
            plan.series[run.id, key] = growth
        plan.grown[run.id, key] = growth
        start = growth.count
        plan.appended.append(
            Appended(run.id, run.experiment_id, key, start, table.steps, table.times, column)
        )
        for begin, count, *shared in pieces:
            points = pack_floats(column[begin : begin + count])
            plan.chunks.append((growth.id, start + begin, count, False, *shared, points))
        growth.open_chunks += len(pieces)
        if growth.summary is None:
            growth.summary = added
        else:
            growth.summary.add(added)


def _cuts(length: int) -> Iterator[tuple[int, int]]:
    for begin in range(0, length, CHUNK_POINTS):
        yield begin, min(length, begin + CHUNK_POINTS)


def _shared(steps: Int64s, times: Int64s) -> tuple[Any, ...]:
    """What the chunks of all keys of a table have in common, in the order of CHUNK_COLUMNS."""
    return (len(steps), *ranges(steps, times), pack_ints(steps), pack_ints(times))


def ranges(steps: Int64s, times: Int64s) -> tuple[int, int, int, int]:
    """The columns of a chunk by which a zoomed chart passes it by."""
    return int(steps.min()), int(steps.max()), int(times.min()), int(times.max())


# Writing


def _write(connection: Connection, plan: Plan, now: datetime) -> None:
    labels = Labels(LabelKind.METRIC)
    new: list[tuple[Any, ...]] = []
    old: list[tuple[Any, ...]] = []
    for (run_id, key), growth in sorted(plan.grown.items(), key=lambda item: item[1].id):
        assert growth.summary is not None
        columns = (growth.open_chunks, *growth.summary.columns())
        if growth.stored:
            old.append((growth.id, *columns))
        else:
            experiment_id, number = growth.experiment_id, plan.runs[run_id].number
            label = labels.add(experiment_id, key)
            new.append((run_id, key, growth.id, experiment_id, label, number, *columns))
    labels.store(connection)
    INSERT_SERIES.run(connection, new)
    UPDATE_SERIES.run(connection, old)
    INSERT_CHUNKS.run(connection, plan.chunks)
    journal.advance(
        connection, [(run_id, writer, record) for (run_id, writer), record in plan.moved.items()]
    )
    _touch(connection, [plan.runs[run_id] for run_id, _ in plan.grown], now)


def _touch(connection: Connection, runs: list[Target], now: datetime) -> None:
    stale = {
        run.id
        for run in runs
        if run.heartbeat_time is None or now - run.heartbeat_time > HEARTBEAT_FRESH
    }
    if stale:
        # Who logs a param holds the run and waits for a cursor that is held here; to wait for the
        # run as well would be a deadlock. A heartbeat can wait for the next batch.
        free = select(RUN.c.id).where(RUN.c.id.in_(stale)).with_for_update(skip_locked=True)
        ids = connection.execute(free).scalars().all()
        connection.execute(update(RUN).where(RUN.c.id.in_(ids)).values(heartbeat_time=now))


def sliced(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """`items` in slices of at most `size`."""
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
