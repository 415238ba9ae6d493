"""Subscribers hear of every point once and in order, however they come, go and lag behind."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from trackql_server.domain import live, metrics, runs
from trackql_server.domain.context import Context, Services
from trackql_server.domain.metrics import Rows
from trackql_server.errors import InvalidInput
from trackql_server.models import Run, RunStatus
from trackql_server.store import append, seal, tail

Series = tuple[str, str]


async def log(ctx: Context, run_id: str, key: str, start: int, count: int = 1) -> None:
    """Points whose value is their offset."""
    steps = np.arange(start, start + count)
    await metrics.append(ctx, run_id, [Rows([key], steps, steps, steps.astype(float))], None)


class Reader:
    """Follows runs and keeps what it hears; checks that each piece begins where the last ended."""

    def __init__(self, ctx: Context, run_ids: list[str], keys: list[str] | None = None) -> None:
        self.ctx = ctx
        self.run_ids = run_ids
        self.keys = keys
        self.heard: dict[Series, list[float]] = {}
        self.offsets: dict[Series, int] = {}

    async def listen(self, until: dict[Series, int], *, events: int | None = None) -> None:
        """Until so many points of each series were heard, or for so many events."""
        stream = live.follow_points(
            self.ctx, self.run_ids, self.keys, self.offsets, backlog=True, max_points=None
        )
        async with aclosing(stream), asyncio.timeout(60):
            while any(self.offsets.get(each, 0) < count for each, count in until.items()):
                if events == 0:
                    return
                self._take(await anext(stream))
                events = None if events is None else events - 1

    def _take(self, deltas: live.Deltas) -> None:
        assert deltas.series
        for delta in deltas.series:
            each = (delta.run_id, delta.key)
            assert delta.offset == self.offsets.get(each, 0)
            assert not delta.reduced
            assert delta.columns.values is not None
            assert len(delta.columns.values) == delta.next_offset - delta.offset > 0
            self.heard.setdefault(each, []).extend(delta.columns.values.tolist())
            self.offsets = {**self.offsets, each: delta.next_offset}


def counting(count: int) -> list[float]:
    return [float(number) for number in range(count)]


async def listeners(services: Services, count: int) -> None:
    async with asyncio.timeout(30):
        while services.bus.listeners < count:  # noqa: ASYNC110 - nobody tells of listeners
            await asyncio.sleep(0.01)


@asynccontextmanager
async def background(task: asyncio.Task[None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_cut_off_at_random_while_runs_are_sealed(services: Services) -> None:
    ctx = services.context()
    ids = [(await runs.create(ctx, runs.NewRun())).id for _ in range(2)]
    chance = random.Random(5)
    counts = {(run, key): 300 for run in ids for key in ("loss", "late")}

    async def train() -> None:
        at = dict.fromkeys(counts, 0)
        while any(at[each] < count for each, count in counts.items()):
            each = chance.choice([each for each, count in counts.items() if at[each] < count])
            some = min(chance.randint(1, 20), counts[each] - at[each])
            await log(ctx, *each, at[each], some)
            at[each] += some
            if chance.random() < 0.2:
                run = await runs.finish(ctx, each[0], RunStatus.FINISHED)
                await services.sealer.settle()
                await runs.resume(ctx, run.id)
        for run_id in ids:
            await runs.finish(ctx, run_id, RunStatus.FINISHED)

    readers = [Reader(ctx, ids) for _ in range(3)]

    async def follow(reader: Reader) -> None:
        while any(reader.offsets.get(each, 0) < count for each, count in counts.items()):
            await reader.listen(counts, events=chance.randint(0, 4))

    await asyncio.gather(train(), *(follow(reader) for reader in readers))
    for reader in readers:
        assert reader.heard == {each: counting(count) for each, count in counts.items()}
    assert services.bus.listeners == 0
    assert not any(services.tail.watched(run_id) for run_id in ids)


async def test_the_log_serves_who_is_behind_the_tail(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "POINTS", 20)
    monkeypatch.setattr(live, "EVENT_POINTS", 50)
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    await log(ctx, run_id, "a", 0, 300)
    reader = Reader(ctx, [run_id])
    following = asyncio.create_task(reader.listen({(run_id, "a"): 1000}))
    async with background(following):
        for start in range(300, 1000, 7):
            await log(ctx, run_id, "a", start, min(7, 1000 - start))
        await following
    assert reader.heard == {(run_id, "a"): counting(1000)}


async def test_a_hole_in_the_tail_is_filled_from_the_log(services: Services) -> None:
    """A commit that nobody was told of must not cost a subscriber its points."""
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    services.tail.watch([run_id])
    await log(ctx, run_id, "a", 0, 10)
    told, services.writer._committed = services.writer._committed, lambda _: None
    await log(ctx, run_id, "a", 10, 10)
    services.writer._committed = told
    await log(ctx, run_id, "a", 20, 10)
    reader = Reader(ctx, [run_id])
    await reader.listen({(run_id, "a"): 30})
    assert reader.heard == {(run_id, "a"): counting(30)}
    services.tail.unwatch([run_id])


async def test_keys_that_come_later_and_keys_not_asked_for(services: Services) -> None:
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    await log(ctx, run_id, "early", 0, 5)
    stream = live.follow_points(
        ctx, [run_id], ["early", "late"], {}, backlog=False, max_points=None
    )
    async with aclosing(stream), asyncio.timeout(30):
        upcoming = asyncio.ensure_future(anext(stream))
        end = 5
        while not upcoming.done():  # from when on it listens, only its first event tells
            await log(ctx, run_id, "early", end)
            await asyncio.sleep(0.01)
            end += 1
        [early] = (await upcoming).series
        assert (early.key, early.offset >= 5) == ("early", True)
        await log(ctx, run_id, "other", 0, 2)
        await log(ctx, run_id, "late", 0, 2)
        found = {"early": early.next_offset}
        while "late" not in found or found["early"] < end:
            for delta in (await anext(stream)).series:
                found.setdefault(delta.key, delta.offset)
                if delta.key == "early":
                    found["early"] = delta.next_offset
        assert found == {"early": end, "late": 0}


async def test_a_cursor_beyond_the_end_is_refused(services: Services) -> None:
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    await log(ctx, run_id, "a", 0, 5)
    for after in ({(run_id, "a"): 6}, {(run_id, "unknown"): 1}):
        stream = live.follow_points(ctx, [run_id], None, after, backlog=True, max_points=None)
        async with aclosing(stream):
            with pytest.raises(InvalidInput, match="follow it from the start") as refused:
                await anext(stream)
        assert refused.value.argument == "after"
    assert services.bus.listeners == 0


async def test_reduced_pieces_keep_the_spikes(services: Services) -> None:
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    values = np.zeros(20_000)
    values[[7_777, 12_345]] = 1e9, -1e9
    steps = np.arange(20_000)
    await metrics.append(ctx, run_id, [Rows(["a"], steps, steps, values)], None)
    stream = live.follow_points(ctx, [run_id], None, {}, backlog=True, max_points=100)
    async with aclosing(stream), asyncio.timeout(30):
        [delta] = (await anext(stream)).series
    assert delta.reduced
    assert (delta.offset, delta.next_offset) == (0, 20_000)
    assert delta.columns.values is not None
    assert delta.columns.steps is not None
    assert len(delta.columns.values) <= 125
    assert {1e9, -1e9} <= set(delta.columns.values.tolist())
    assert [delta.columns.steps[0], delta.columns.steps[-1]] == [0, 19_999]


async def test_a_long_series_does_not_keep_others_waiting(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "EVENT_POINTS", 10)
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    await log(ctx, run_id, "a long one", 0, 1000)
    await log(ctx, run_id, "b", 0, 2)
    stream = live.follow_points(ctx, [run_id], None, {}, backlog=True, max_points=None)
    async with aclosing(stream), asyncio.timeout(30):
        seen = {delta.key for _ in range(3) for delta in (await anext(stream)).series}
    assert seen == {"a long one", "b"}


async def test_what_one_event_reads_is_bounded(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "EVENT_POINTS", 100)
    monkeypatch.setattr(live, "READ_POINTS", 1_000)
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    keys, steps = [f"k{n}" for n in range(50)], np.arange(100)
    await metrics.append(ctx, run_id, [Rows(keys, steps, steps, np.zeros((100, 50)))], None)
    stream = live.follow_points(ctx, [run_id], None, {}, backlog=True, max_points=4)
    covered: dict[str, int] = {}
    async with aclosing(stream), asyncio.timeout(30):
        while sum(covered.values()) < 5_000:
            series = (await anext(stream)).series
            assert sum(delta.next_offset - delta.offset for delta in series) <= 1_000
            for delta in series:
                assert delta.offset == covered.get(delta.key, 0)
                covered[delta.key] = delta.next_offset
    assert covered == dict.fromkeys(keys, 100)


async def test_two_hundred_subscribers(services: Services) -> None:
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    readers = [Reader(ctx, [run_id]) for _ in range(200)]
    following = [
        asyncio.create_task(reader.listen({(run_id, "a"): 200, (run_id, "b"): 200}))
        for reader in readers
    ]
    for step in range(200):
        await log(ctx, run_id, "a", step)
        await log(ctx, run_id, "b", step)
    await asyncio.gather(*following)
    for reader in readers:
        assert reader.heard == {(run_id, key): counting(200) for key in ("a", "b")}
    assert services.bus.listeners == 0


async def test_the_tail_stays_within_its_bounds(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long runs of many keys are watched, and however small their commits are."""
    monkeypatch.setattr(tail, "ALL_POINTS", 20_000)
    ctx = services.context()
    ids = [(await runs.create(ctx, runs.NewRun())).id for _ in range(2)]
    services.tail.watch(ids)
    keys, one, steps = [f"k{n}" for n in range(40)], np.array([1]), np.arange(3_000)
    for times in (100, 10):
        for _ in range(times):
            for run_id in ids:
                await metrics.append(ctx, run_id, [Rows(keys, one, one, np.zeros((1, 40)))], None)
        for run_id in ids:
            await metrics.append(
                ctx, run_id, [Rows(keys, steps, steps, np.ones((3_000, 40)))], None
            )
    await log(ctx, ids[0], "k0", 0)
    kept = [parts for run_id in ids for parts in services.tail._runs[run_id].series.values()]
    assert max(len(parts) for parts in kept) <= tail.PARTS
    assert sum(len(part.values) for parts in kept for part in parts) <= tail.ALL_POINTS
    services.tail.unwatch(ids)


async def test_streams_end_with_the_server(database_url: str) -> None:
    services = await Services.open(database_url)
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id

    async def drain() -> int:
        stream = live.follow_points(ctx, [run_id], None, {}, backlog=True, max_points=None)
        return len([deltas async for deltas in stream])

    async def watch() -> int:
        return len([each async for each in live.follow_runs(ctx, ["0"], [run_id])])

    streams = [asyncio.create_task(drain()), asyncio.create_task(watch())]
    await listeners(services, 2)
    services.bus.close()
    async with asyncio.timeout(30):
        assert await asyncio.gather(*streams) == [0, 0]
    assert services.bus.listeners == 0
    await services.close()


class Changes:
    """Follows runs; `until` reads events until one of them says so."""

    def __init__(self, ctx: Context, experiment_ids: list[str], run_ids: list[str]) -> None:
        self.ctx = ctx
        self.stream = live.follow_runs(ctx, experiment_ids, run_ids)
        self.events = 0
        self.upcoming: asyncio.Task[list[Run]] | None = None

    async def begin(self) -> None:
        before = self.ctx.services.bus.listeners
        self.upcoming = asyncio.create_task(anext(self.stream))
        await listeners(self.ctx.services, before + 1)

    async def until(self, run_id: str, status: RunStatus) -> Run:
        async with asyncio.timeout(30):
            while True:
                upcoming = self.upcoming or asyncio.create_task(anext(self.stream))
                self.upcoming = None
                self.events += 1
                for run in await upcoming:
                    if run.id == run_id and runs.status(self.ctx, run) is status:
                        return run


async def test_changes_of_a_run_come_as_one(services: Services) -> None:
    ctx = services.context()
    changes = Changes(ctx, ["0"], [])
    await changes.begin()
    async with aclosing(changes.stream):
        run_id = (await runs.create(ctx, runs.NewRun())).id
        await changes.until(run_id, RunStatus.RUNNING)
        for step in range(200):
            await log(ctx, run_id, "a", step)
        await runs.finish(ctx, run_id, RunStatus.FINISHED)
        await changes.until(run_id, RunStatus.FINISHED)
    assert changes.events < 100
    assert services.bus.listeners == 0


@pytest.mark.parametrize("by", ["experiment", "run"])
async def test_a_run_that_falls_silent_is_told_of(database_url: str, by: str) -> None:
    now = [datetime.now(UTC)]
    services = await Services.open(database_url, clock=lambda: now[0])
    try:
        ctx = services.context()
        run_id = (await runs.create(ctx, runs.NewRun())).id
        other = (await runs.create(ctx, runs.NewRun())).id
        changes = Changes(ctx, ["0"] if by == "experiment" else [], [run_id] * (by == "run"))
        await changes.begin()
        async with aclosing(changes.stream):
            now[0] += timedelta(seconds=50)
            await runs.beat(ctx, [other])
            now[0] += timedelta(seconds=15)
            await services.stalls.look()
            await changes.until(run_id, RunStatus.STALLED)
            await log(ctx, run_id, "a", 0)
            await changes.until(run_id, RunStatus.RUNNING)
            assert runs.status(ctx, (await runs.by_ids(ctx, [other]))[other]) is RunStatus.RUNNING
        assert not services.stalls.watched
    finally:
        await services.close()


async def test_sealing_while_points_are_read(services: Services) -> None:
    """Exact reads and curves see one state of a series, whatever is merged meanwhile."""
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    for start in range(0, 400, 5):
        await log(ctx, run_id, "a", start, 5)

    async def merging() -> None:
        for start in range(400, 800, 5):
            await log(ctx, run_id, "a", start, 5)
            ids = await services.database.run_read(lambda c: seal._open_series(c, run_id))
            await seal.merge(services.database, ids)

    async def reading() -> None:
        count = 0
        while count < 800:
            [found] = await metrics.histories(ctx, [run_id], ["a"], 0, 1000)
            assert found.column("values").tolist() == counting(found.length)
            assert found.length >= count
            count = found.length
            [drawn] = await metrics.curves(ctx, [run_id], ["a"], pixels=1000)
            assert drawn.curve.points.values.tolist() == counting(drawn.series.count)

    await asyncio.gather(merging(), reading(), reading())
    assert append.CHUNK_POINTS > 800
