"""However batches arrive, the stored log is what was logged: each point once, in its order.

Writers log records (a row of values for some keys) to runs; a network sends them in batches that
are cut anew, repeated, late, ahead of their time or lost on the way back; the server merges, ends
runs and starts again in between. Then the log, its summaries and reads at any offset are compared
with a list in memory.
"""

import asyncio
import math
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackql_server.domain import metrics, runs
from trackql_server.domain.context import Services
from trackql_server.domain.metrics import Rows
from trackql_server.domain.records import Position
from trackql_server.errors import SequenceGap
from trackql_server.models import RunStatus
from trackql_server.store import append, seal

KEYS = ["a", "b", "ü/☃", "d"]
PAYLOAD = float(np.array([0x7FF8_0000_0000_BEEF], np.uint64).view(np.float64)[0])

Record = tuple[tuple[str, ...], int, int, list[float]]

values = st.one_of(
    st.floats(allow_nan=False),
    st.sampled_from([math.nan, PAYLOAD, math.inf, -math.inf, 0.0, -0.0]),
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    keys = tuple(draw(st.permutations(KEYS))[: draw(st.integers(1, 3))])
    step = draw(st.integers(0, 5) | st.integers(-(2**63), 2**63 - 1))
    row = draw(st.lists(values, min_size=len(keys), max_size=len(keys)))
    return keys, step, draw(st.integers(0, 3)), row


@dataclass(frozen=True)
class Send:
    """A batch of `count` records of a writer, from `shift` records before the next one on.

    It is sent `copies` times at once; when `lost`, its sender does not hear the reply.
    """

    writer: int
    shift: int
    count: int
    copies: int
    lost: bool


@dataclass(frozen=True)
class Disturb:
    """Something that happens to the server between batches."""

    what: str


sends = st.builds(
    Send,
    writer=st.integers(0, 2),
    shift=st.integers(-2, 4),
    count=st.integers(1, 5),
    copies=st.sampled_from([1, 1, 1, 2]),
    lost=st.booleans(),
)
disturbances = st.builds(
    Disturb, what=st.sampled_from(["reopen", "merge", "finish", "resume", "read"])
)
histories = st.lists(st.lists(sends, max_size=5) | disturbances, min_size=1, max_size=12)


@dataclass
class Writer:
    """A process that logs to one run; what it logged, and how far it believes the server to be."""

    name: str
    run: int
    journal: list[Record]
    believed: int = 0
    stored: int = 0


@dataclass
class World:
    url: str
    runs: list[str] = field(default_factory=list)
    writers: list[Writer] = field(default_factory=list)
    # What is stored, by (run, key): (step, time, value) in the order of their arrival.
    log: dict[tuple[str, str], list[tuple[int, int, float]]] = field(default_factory=dict)


def tables(batch: list[Record]) -> list[Rows]:
    """One table for each tuple of keys, as a sender packs them."""
    shapes: dict[tuple[str, ...], list[tuple[int, Record]]] = {}
    for number, record in enumerate(batch):
        shapes.setdefault(record[0], []).append((number, record))
    return [
        Rows(
            list(keys),
            np.array([record[1] for _, record in some], np.int64),
            np.array([record[2] for _, record in some], np.int64),
            np.array([record[3] for _, record in some], np.float64),
            np.array([number for number, _ in some], np.int64),
        )
        for keys, some in shapes.items()
    ]


def note(world: World, writer: Writer, until: int) -> None:
    """The model's append: records up to `until` are stored now."""
    run = world.runs[writer.run]
    for keys, step, time, row in writer.journal[writer.stored : until]:
        for key, value in zip(keys, row, strict=True):
            world.log.setdefault((run, key), []).append((step, time, value))
    writer.stored = max(writer.stored, until)


async def play(world: World, story: list[list[Send] | Disturb]) -> None:
    services = await Services.open(world.url)
    try:
        for chapter in story:
            if isinstance(chapter, Disturb):
                services = await disturb(world, services, chapter.what)
            else:
                for each in chapter:
                    await send(world, services, each)
        for writer in world.writers:
            await deliver(world, services, writer)
        await compare(world, services)
        for run in world.runs:
            await runs.finish(services.context(), run, RunStatus.FINISHED)
        await services.sealer.settle()
        await compare(world, services)
    finally:
        await services.close()


async def send(world: World, services: Services, each: Send) -> None:
    writer = world.writers[each.writer]
    first = max(0, writer.believed - each.shift)
    batch = writer.journal[first : first + each.count]
    if not batch:
        return
    position = Position(writer.name, first, len(batch))
    answers = await asyncio.gather(
        *(
            metrics.append(services.context(), world.runs[writer.run], tables(batch), position)
            for _ in range(each.copies)
        ),
        return_exceptions=True,
    )
    if first > writer.stored:
        for answer in answers:
            assert isinstance(answer, SequenceGap)
            assert answer.expected == writer.stored
        writer.believed = writer.stored
        return
    note(world, writer, first + len(batch))
    for answer in answers:
        assert isinstance(answer, append.Stored), answer
        assert answer.next_record == writer.stored
    if not each.lost:
        writer.believed = writer.stored


async def deliver(world: World, services: Services, writer: Writer) -> None:
    """What a writer does at last: send all that is not acknowledged, from where it believes."""
    while writer.stored < len(writer.journal) or writer.believed < writer.stored:
        await send(world, services, Send(world.writers.index(writer), 0, 7, 1, False))


async def disturb(world: World, services: Services, what: str) -> Services:
    ctx = services.context()
    if what == "reopen":
        await services.close()
        return await Services.open(world.url)
    if what == "merge":
        for run in world.runs:
            ids = await services.database.run_read(partial(seal._open_series, run_id=run))
            await seal.merge(services.database, ids)
    elif what == "finish":
        await runs.finish(ctx, world.runs[0], RunStatus.FAILED)
    elif what == "resume":
        await runs.resume(ctx, world.runs[0])
    else:
        await compare(world, services)
    return services


async def compare(world: World, services: Services) -> None:
    ctx = services.context()
    found = await metrics.histories(ctx, world.runs, KEYS, 0, 100)
    assert {(each.series.run_id, each.series.key) for each in found} == set(world.log)
    for each in found:
        log = world.log[each.series.run_id, each.series.key]
        assert each.series.count == len(log)
        assert points(each) == bits(log)
        numbers = [point[2] for point in log if not math.isnan(point[2])]
        assert each.series.nan_count == len(log) - len(numbers)
        assert each.series.min_value == min(numbers, default=None)
        assert each.series.max_value == max(numbers, default=None)
        ranked = sorted((s, t, 0.0 if math.isnan(v) else v) for s, t, v in log)
        assert (each.series.first_step, each.series.first_time) == ranked[0][:2]
        assert (each.series.last_step, each.series.last_time) == ranked[-1][:2]
        assert (each.series.first_value or 0.0) == ranked[0][2]
        assert (each.series.last_value or 0.0) == ranked[-1][2]
        steps = [point[0] for point in log]
        assert each.series.steps_rise == (steps == sorted(steps))
        for offset, limit in ((1, 3), (len(log) - 1, 5), (len(log) // 2, 1), (len(log) + 3, 2)):
            key = each.series.key
            [part] = await metrics.histories(ctx, [each.series.run_id], [key], offset, limit)
            assert points(part) == bits(log[offset : offset + limit])


def points(each: metrics.History) -> list[tuple[int, int, int]]:
    columns = each.columns
    assert columns.steps is not None
    assert columns.times is not None
    assert columns.values is not None
    values = columns.values.view(np.uint64)
    return list(zip(columns.steps.tolist(), columns.times.tolist(), values.tolist(), strict=True))


def bits(log: list[tuple[int, int, float]]) -> list[tuple[int, int, int]]:
    numbers = np.array([value for _, _, value in log], np.float64).view(np.uint64).tolist()
    return [(step, time, number) for (step, time, _), number in zip(log, numbers, strict=True)]


@settings(max_examples=25)
@given(
    journals=st.lists(st.lists(records(), min_size=1, max_size=14), min_size=3, max_size=3),
    story=histories,
)
def test_the_stored_log_is_what_was_logged(
    database_url: str, journals: list[list[Record]], story: list[list[Send] | Disturb]
) -> None:
    asyncio.run(_live_through(database_url, journals, story))


async def _live_through(
    url: str, journals: list[list[Record]], story: list[list[Send] | Disturb]
) -> None:
    world = World(url)
    services = await Services.open(url)
    for _ in range(2):
        world.runs.append((await runs.create(services.context(), runs.NewRun())).id)
    await services.close()
    # Two processes log to the first run, one to the second.
    world.writers = [
        Writer(f"w{number}", run, journal)
        for number, (run, journal) in enumerate(zip((0, 0, 1), journals, strict=True))
    ]
    await play(world, story)


async def test_rows_of_tables_that_share_keys_keep_the_order_of_their_records(
    services: Services,
) -> None:
    ctx = services.context()
    run = await runs.create(ctx, runs.NewRun())
    number = np.array
    tables = [
        Rows(["a", "b"], number([0, 4]), number([0, 4]), number([0.0, 10, 4, 14]), number([0, 4])),
        Rows(["b"], number([1, 3]), number([1, 3]), number([1.0, 3]), number([1, 3])),
        Rows(["c", "a"], number([2]), number([2]), number([20.0, 2]), number([2])),
    ]
    stored = await metrics.append(ctx, run.id, tables, Position("w", 0, 5))
    assert stored == append.Stored(5, 8)
    found = await metrics.histories(ctx, [run.id], ["a", "b", "c"], 0, 10)
    assert [each.column("steps").tolist() for each in found] == [[0, 2, 4], [0, 1, 3, 4], [2]]
    values = [each.column("values").tolist() for each in found]
    assert values == [[0.0, 2.0, 4.0], [10.0, 1.0, 3.0, 14.0], [20.0]]


async def test_a_batch_longer_than_a_chunk(services: Services) -> None:
    ctx = services.context()
    run = await runs.create(ctx, runs.NewRun())
    length = 2 * append.CHUNK_POINTS + 17
    steps = np.arange(length)
    noise = np.random.default_rng(3).standard_normal((length, 2))
    await metrics.append(ctx, run.id, [Rows(["a", "b"], steps, steps, noise)], None)
    for offset in (0, append.CHUNK_POINTS - 3, 2 * append.CHUNK_POINTS - 1, length - 4):
        found = await metrics.histories(ctx, [run.id], ["b", "a"], offset, 6)
        for each, place in zip(found, (1, 0), strict=True):
            expected = noise[offset : offset + 6, place]
            assert each.column("values").tolist() == expected.tolist()


async def test_many_keys_in_one_batch(services: Services) -> None:
    """More keys than a statement takes parameters."""
    ctx = services.context()
    run = await runs.create(ctx, runs.NewRun())
    keys = [f"key {number}" for number in range(35_000)]
    one = np.array([1])
    for step in (1, 2):
        row = np.arange(35_000, dtype=np.float64) + 0.5 * step
        position = Position("w", step - 1, 1)
        stored = await metrics.append(
            ctx, run.id, [Rows(keys, one * step, one, row[None, :])], position
        )
        assert stored == append.Stored(step, 35_000)
    [found] = await metrics.histories(ctx, [run.id], ["key 34999"], 0, 10)
    assert found.column("values").tolist() == [34_999.5, 35_000.0]


async def test_a_bad_batch_costs_its_neighbours_nothing(services: Services) -> None:
    ctx = services.context()
    kept = await runs.create(ctx, runs.NewRun())
    one = np.array([1])
    rows = [Rows(["a"], one, one, np.array([1.0]))]
    answers = await asyncio.gather(
        metrics.append(ctx, kept.id, rows, Position("w", 0, 1)),
        metrics.append(ctx, "0" * 32, rows, None),
        metrics.append(ctx, kept.id, rows, Position("late", 5, 1)),
        metrics.append(ctx, kept.id, rows, Position("v", 0, 1)),
        return_exceptions=True,
    )
    assert [type(answer).__name__ for answer in answers] == [
        "Stored", "NotFound", "SequenceGap", "Stored",
    ]  # fmt: skip
    [found] = await metrics.histories(ctx, [kept.id], ["a"], 0, 10)
    assert found.series.count == 2


async def test_who_stops_waiting_does_not_stop_the_batch(services: Services) -> None:
    ctx = services.context()
    run = await runs.create(ctx, runs.NewRun())
    one = np.array([1])
    rows = [Rows(["a"], one, one, np.array([1.0]))]
    gone = asyncio.create_task(metrics.append(ctx, run.id, rows, Position("w", 0, 1)))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    stored = await metrics.append(ctx, run.id, rows, Position("w", 0, 1))
    assert stored == append.Stored(1, 0)


async def test_what_was_accepted_is_committed_when_the_server_ends(database_url: str) -> None:
    services = await Services.open(database_url)
    ctx = services.context()
    run = await runs.create(ctx, runs.NewRun())
    one = np.array([1])
    waiting = [
        asyncio.create_task(
            metrics.append(ctx, run.id, [Rows(["a"], one * n, one, np.array([float(n)]))], None)
        )
        for n in range(20)
    ]
    await asyncio.sleep(0)
    await services.close()
    await asyncio.gather(*waiting)
    services = await Services.open(database_url)
    try:
        [found] = await metrics.histories(services.context(), [run.id], ["a"], 0, 100)
        assert found.column("steps").tolist() == list(range(20))
    finally:
        await services.close()
