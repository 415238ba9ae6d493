"""Merging and sealing: nothing changes for a reader, chunks become few, and no failure ends it."""

import asyncio
from functools import partial
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from trackql_server.domain import metrics, runs
from trackql_server.domain.context import Context, Services
from trackql_server.domain.metrics import Rows
from trackql_server.models import RunStatus
from trackql_server.store import append, seal
from trackql_server.store import metrics as store
from trackql_server.store.append import CHUNK_POINTS
from trackql_server.store.metrics import Window
from trackql_server.store.seal import CHUNK, SERIES


async def log(ctx: Context, run_id: str, start: int, count: int, keys: str = "a") -> None:
    steps = np.arange(start, start + count)
    table = Rows(list(keys), steps, steps, np.repeat(steps.astype(np.float64), len(keys)))
    await metrics.append(ctx, run_id, [table], None)


async def chunks(services: Services) -> list[tuple[int, bool]]:
    """Points of each chunk of the only series, and whether it is sealed."""

    def read(connection: Any) -> list[tuple[int, bool]]:
        rows = connection.execute(
            select(CHUNK.c.count.label("length"), CHUNK.c.sealed).order_by(CHUNK.c.start)
        )
        return [(row.length, row.sealed) for row in rows]

    return await services.database.run_read(read)


async def until_sealed(services: Services, count: int) -> None:
    """Until all points lie in one sealed chunk."""
    while await chunks(services) != [(count, True)]:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def open_chunks(services: Services) -> tuple[int, int]:
    """As the series count them, and as they are."""

    def read(connection: Any) -> tuple[int, int]:
        told = connection.execute(select(func.sum(SERIES.c.open_chunks))).scalar()
        there = select(func.count()).select_from(CHUNK).where(CHUNK.c.sealed.is_(False))
        return int(told or 0), int(connection.execute(there).scalar())

    return await services.database.run_read(read)


async def values(ctx: Context, run_id: str, key: str = "a") -> list[float]:
    [found] = await metrics.histories(ctx, [run_id], [key], 0, 1_000_000)
    return list(found.column("values").tolist())


async def test_a_series_that_grows_keeps_few_open_chunks(services: Services) -> None:
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    for start in range(0, 600, 2):
        await log(ctx, run_id, start, 2)
    await services.sealer.settle()
    found = await chunks(services)
    assert len(found) <= seal.OPEN_CHUNKS + 10
    assert not any(sealed for _, sealed in found)
    assert await values(ctx, run_id) == list(range(600))
    told, there = await open_chunks(services)
    assert told == there


async def test_full_chunks_are_sealed_and_left_alone(services: Services) -> None:
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    for start in range(0, 2 * CHUNK_POINTS, CHUNK_POINTS // 30):
        await log(ctx, run_id, start, CHUNK_POINTS // 30)
    await services.sealer.settle()
    found = await chunks(services)
    assert found[0] == (CHUNK_POINTS, True)
    assert len(await values(ctx, run_id)) == sum(count for count, _ in found)
    assert (await open_chunks(services))[0] == sum(not sealed for _, sealed in found)


async def test_the_end_of_a_run_its_resumption_and_points_after_it(services: Services) -> None:
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    for start in range(10):
        await log(ctx, run_id, start, 1)
    await runs.finish(ctx, run_id, RunStatus.FINISHED)
    await services.sealer.settle()
    assert await chunks(services) == [(10, True)]
    await log(ctx, run_id, 10, 1)  # late, of another process
    await runs.resume(ctx, run_id)
    for start in range(11, 15):
        await log(ctx, run_id, start, 1)
    assert await chunks(services) == [(10, True)] + [(1, False)] * 5
    await runs.finish(ctx, run_id, RunStatus.FINISHED)
    await services.sealer.settle()
    assert await chunks(services) == [(10, True), (5, True)]
    assert await open_chunks(services) == (0, 0)
    assert await values(ctx, run_id) == list(range(15))


async def test_what_was_left_open_is_merged_after_a_restart(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = await Services.open(database_url)
    run_id = (await runs.create(services.context(), runs.NewRun())).id
    with monkeypatch.context() as patch:
        patch.setattr(services.sealer, "ended", lambda _: None)  # as if it had been killed
        for start in range(20):
            await log(services.context(), run_id, start, 1)
        await runs.finish(services.context(), run_id, RunStatus.KILLED)
        await services.close()
    services = await Services.open(database_url)
    try:
        async with asyncio.timeout(30):
            await until_sealed(services, 20)
        assert await values(services.context(), run_id) == list(range(20))
    finally:
        await services.close()


async def test_a_long_backlog_takes_several_transactions(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "POINTS_A_MERGE", 500)
    monkeypatch.setattr(append, "CHUNK_POINTS", 100)
    monkeypatch.setattr(seal, "CHUNK_POINTS", 100)
    monkeypatch.setattr(seal, "OPEN_CHUNKS", 10_000)
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    for start in range(0, 2_100, 30):
        await log(ctx, run_id, start, 30, keys="abc")
    await runs.finish(ctx, run_id, RunStatus.FINISHED)
    await services.sealer.settle()
    assert await open_chunks(services) == (0, 0)
    assert max(count for count, _ in await chunks(services)) == 100
    for key in "abc":
        assert await values(ctx, run_id, key) == list(range(2_100))


async def test_a_failure_is_not_the_last_merge(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    await log(ctx, run_id, 0, 1)
    with monkeypatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise ValueError("a packed column is damaged")

        patch.setattr(seal, "_think", fail)
        await runs.finish(ctx, run_id, RunStatus.FINISHED)
        async with asyncio.timeout(30):
            while "merging chunks failed" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    await runs.finish(ctx, run_id, RunStatus.FINISHED)
    async with asyncio.timeout(30):
        await until_sealed(services, 1)


async def test_a_curve_ends_where_its_next_offset_says(services: Services) -> None:
    """Points logged while a curve is made belong to who follows it, or they would come twice."""
    ctx = services.context()
    run_id = (await runs.create(ctx, runs.NewRun())).id
    one = np.zeros(1, np.int64)
    for value in range(5):
        table = Rows(["a"], one, one, np.array([float(value)]))
        await metrics.append(ctx, run_id, [table], None)
        if value == 2:
            async with ctx.read() as session:
                [row] = await store.series(session, [run_id], None)
    ids = await services.database.run_read(lambda connection: seal._open_series(connection, run_id))
    await seal.merge(services.database, ids)
    for smoothing in (0.0, 0.5):
        window = Window("steps", 0, 0, 100, smoothing)
        [curve] = await services.database.run_read(partial(store.curves, asked=[(row, window)]))
        assert curve.total_in_range == row.count == 3
        assert curve.points.offsets[-1] == 2
