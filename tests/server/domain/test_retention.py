"""The settings that empty the trash by themselves."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.client import GraphQL
from trackql_server.app import create_app
from trackql_server.domain import experiments, runs
from trackql_server.domain.context import Context, Services
from trackql_server.domain.purge import Stock
from trackql_server.domain.retention import Keep, Retention
from trackql_server.errors import NotFound
from trackql_server.models import Lifecycle
from trackql_server.settings import Settings
from trackql_server.store import purge as store
from trackql_server.store.blobs.opening import opened
from trackql_server.store.purge import Removed

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def ctx(services: Services) -> Context:
    services.clock = lambda: NOW
    return services.context()


@pytest.fixture
def stock(services: Services, tmp_path: Path) -> Stock:
    return Stock(services.database, opened(str(tmp_path / "bytes")))


async def trashed(ctx: Context, days: float, experiment: str = "e") -> str:
    """A run that was put into the trash so many days ago."""
    run = await runs.create(ctx, runs.NewRun(experiment_name=experiment))
    ctx.services.clock = lambda: NOW - timedelta(days=days)
    await runs.set_lifecycle(ctx, run.id, Lifecycle.DELETED)
    ctx.services.clock = lambda: NOW
    return run.id


async def looked(stock: Stock, keep: Keep) -> Removed:
    """What one look removes."""
    retention = Retention(stock, keep, lambda: NOW)
    await retention.close()
    return await retention.look()


async def test_what_lies_there_longer_is_removed_and_logged(
    ctx: Context, stock: Stock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    old, new = await trashed(ctx, 31), await trashed(ctx, 29)
    in_old = await trashed(ctx, 1, "gone")
    experiment = await experiments.get(ctx, name="gone")
    assert experiment is not None
    ctx.services.clock = lambda: NOW - timedelta(days=8)
    await experiments.delete(ctx, experiment.id)

    assert await looked(stock, Keep()) == Removed()
    assert await looked(stock, Keep.days(None, 9, 0)) == Removed()
    assert "removed for good" not in caplog.text
    assert await looked(stock, Keep.days(30, None, None)) == Removed(runs=1)
    assert "removed for good by retention: 0 experiments, 1 runs" in caplog.text
    assert set(await runs.by_ids(ctx, [old, new, in_old])) == {new, in_old}
    assert await looked(stock, Keep.days(None, 7.5, None)) == Removed(experiments=1, runs=1)
    assert set(await runs.by_ids(ctx, [new, in_old])) == {new}


async def test_what_was_begun_is_ended_without_any_setting(ctx: Context, stock: Stock) -> None:
    run_id = await trashed(ctx, 0)
    await trashed(ctx, 0, "gone")
    experiment = await experiments.get(ctx, name="gone")
    assert experiment is not None
    await experiments.delete(ctx, experiment.id)
    for claim in (
        lambda c: store.claim_runs(c, [run_id]),
        lambda c: store.claim_experiments(c, [experiment.id]),
    ):
        await stock.database.run_write(claim, lambda _: None, lambda *_: None)
    with pytest.raises(NotFound, match="removed for good"):
        await experiments.restore(ctx, experiment.id)
    assert await looked(stock, Keep()) == Removed(experiments=1, runs=2)
    assert await runs.by_ids(ctx, [run_id]) == {}


async def test_the_server_does_so_by_its_settings(database_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=database_url, retention_runs=0)
    run_id = ""
    for start in range(2):
        built = create_app(settings)
        async with built.router.lifespan_context(built):
            transport = httpx.ASGITransport(built)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:4000"
            ) as http:
                graphql = GraphQL(http)
                if start == 0:
                    made = await graphql("mutation { createRun(input: {}) { id } }")
                    run_id = made["createRun"]["id"]
                    delete = "mutation($id: ID!) { deleteRun(input: {id: $id}) { id } }"
                    await graphql(delete, id=run_id)
                    continue
                async with asyncio.timeout(30):
                    asked = "query($id: ID!) { run(id: $id) { id } }"
                    while (await graphql(asked, id=run_id))["run"] is not None:
                        pass
