"""Removing for good: all of a run goes, nothing of its neighbours; a dry run tells it before."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select

from tests.server.domain import rows
from trackql_server.domain import bulk, experiments, purge, runs
from trackql_server.domain.context import Context, Services
from trackql_server.domain.purge import Stock
from trackql_server.errors import InvalidInput, NotFound
from trackql_server.models import Lifecycle, Run
from trackql_server.models.columns import table_of
from trackql_server.models.numbers import rising_number
from trackql_server.store import purge as store
from trackql_server.store.blobs.opening import opened
from trackql_server.store.database import Database
from trackql_server.store.purge import ARTIFACT, BLOB, PART, UPLOAD, Removed, Until

FAR = datetime(2100, 1, 1, tzinfo=UTC)
TRASH = Until(FAR, FAR, FAR)


@pytest.fixture
def ctx(services: Services) -> Context:
    return services.context()


@pytest.fixture
def stock(services: Services, tmp_path: Path) -> Stock:
    return Stock(services.database, opened(str(tmp_path / "bytes")))


async def written(database: Database, work: Callable[[Connection], Any]) -> Any:
    return await database.run_write(work, lambda _: None, lambda *_: None)


async def furnished(ctx: Context, experiment: str, each: int = 3) -> str:
    """A run with rows in every table that holds something of runs."""
    run = await runs.create(ctx, runs.NewRun(experiment_name=experiment))

    def leave(connection: Connection) -> None:
        rows.leave(connection, run.number, run.id, run.experiment_id, each)

    await written(ctx.services.database, leave)
    return run.id


async def trashed(ctx: Context, run_id: str) -> None:
    await runs.set_lifecycle(ctx, run_id, Lifecycle.DELETED)


def test_no_table_is_forgotten() -> None:
    known = {table_of(row) for row in (*store.BY_NUMBER, *store.BY_ID, *store.OTHERWISE)}
    assert set(rows.tables()) == known, "a table holds rows of runs that purge does not remove"
    of_experiments = {table_of(row) for row in store.OF_EXPERIMENT}
    assert set(rows.of_experiments()) == of_experiments


async def test_all_of_a_run_goes_and_nothing_of_another(
    ctx: Context, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "ROWS", 4)
    read = ctx.services.database.run_read
    experiment = await experiments.create(ctx, "e")
    await written(ctx.services.database, lambda c: rows.furnish(c, experiment.id, 9))
    await furnished(ctx, "e")
    before = await read(rows.counts)
    for _ in range(3):
        await trashed(ctx, await furnished(ctx, "e", 9))
    assert await purge.survey(stock, TRASH) == Removed(runs=3, artifacts=27, uploads=27)
    assert await purge.collect(stock, TRASH) == Removed(runs=3, artifacts=27, uploads=27)
    assert await read(rows.counts) == before


async def test_all_of_an_experiment_goes_its_runs_in_use_too(
    ctx: Context, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, database = ctx.services.database.run_read, ctx.services.database
    kept = await experiments.create(ctx, "kept")
    await written(database, lambda c: rows.furnish(c, kept.id, 3))
    await furnished(ctx, "kept")
    before = await read(rows.counts)

    gone = await experiments.create(ctx, "gone", tags=[("a", "b")])
    await written(database, lambda c: rows.furnish(c, gone.id, 7))
    in_use, deleted = await furnished(ctx, "gone"), await furnished(ctx, "gone")
    await trashed(ctx, deleted)
    await experiments.delete(ctx, gone.id)
    monkeypatch.setattr(store, "ROWS", 5)
    monkeypatch.setattr(store, "RUNS", 1)
    found = await purge.survey(stock, Until(experiments=FAR))
    assert found == Removed(experiments=1, runs=2, artifacts=6, uploads=6)
    assert await purge.collect(stock, Until(experiments=FAR)) == found
    assert await read(rows.counts) == before
    assert await runs.by_ids(ctx, [in_use, deleted]) == {}
    assert (await experiments.create(ctx, "gone")).id != gone.id


async def test_what_was_nested_in_a_run_that_goes_stands_alone(ctx: Context, stock: Stock) -> None:
    async def made(parent: str | None) -> str:
        return (await runs.create(ctx, runs.NewRun(parent_run_id=parent))).id

    top = await made(None)
    middle = [await made(top), await made(top)]
    low = [await made(middle[0]), await made(middle[1])]
    lowest = await made(low[0])
    await trashed(ctx, top)
    await trashed(ctx, middle[1])
    assert (await purge.collect(stock, TRASH)).runs == 2
    found = await runs.by_ids(ctx, [top, *middle, *low, lowest])
    assert set(found) == {middle[0], *low, lowest}
    assert found[middle[0]].parent_run_id is None
    assert found[low[1]].parent_run_id is None
    root = found[middle[0]].number
    assert [found[each].root_number for each in (middle[0], low[0], lowest)] == [root] * 3
    assert found[low[1]].root_number == found[low[1]].number
    assert found[lowest].parent_run_id == low[0]


async def test_what_is_interrupted_cannot_be_restored_and_is_ended_later(
    ctx: Context, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "ROWS", 4)
    run_id = await furnished(ctx, "e", 9)
    await trashed(ctx, run_id)
    later = Until(runs=datetime.now(UTC) - timedelta(days=1))
    assert await purge.collect(stock, later) == await purge.survey(stock, later) == Removed()

    # As a process that is killed after its second transaction.
    numbers = await written(stock.database, lambda c: store.due_runs(c, FAR))
    step = await written(stock.database, lambda c: store.remove_runs(c, numbers))
    assert not step.done
    for lifecycle in (Lifecycle.ACTIVE, Lifecycle.DELETED):
        with pytest.raises(NotFound, match="removed for good"):
            await runs.set_lifecycle(ctx, run_id, lifecycle)
    with pytest.raises(NotFound, match="removed for good"):
        await bulk.update(ctx, [run_id], [], [], Lifecycle.ACTIVE)
    assert (await purge.survey(stock, later)).runs == 1
    assert (await purge.collect(stock, later)).runs == 1
    assert await runs.by_ids(ctx, [run_id]) == {}


async def test_only_what_is_long_enough_in_the_trash(ctx: Context, stock: Stock) -> None:
    old, new, used = [await furnished(ctx, "e", 1) for _ in range(3)]
    await trashed(ctx, old)
    between = datetime.now(UTC) + timedelta(milliseconds=2)
    ctx.services.clock = lambda: between + timedelta(days=1)
    await trashed(ctx, new)
    await trashed(ctx, used)
    await runs.set_lifecycle(ctx, used, Lifecycle.ACTIVE)
    assert (await purge.survey(stock, Until(runs=between))).runs == 1
    assert (await purge.collect(stock, Until(runs=between))).runs == 1
    assert set(await runs.by_ids(ctx, [old, new, used])) == {new, used}
    # Without a time for a kind the kind is left alone, however old it is.
    assert await purge.collect(stock, Until(experiments=FAR, artifacts=FAR)) == Removed()
    assert set(await runs.by_ids(ctx, [new, used])) == {new, used}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("30d", timedelta(days=30)),
        ("0d", timedelta()),
        ("1d12h", timedelta(hours=36)),
        ("1.5h", timedelta(minutes=90)),
        ("2w", timedelta(days=14)),
        ("90m", timedelta(minutes=90)),
        ("45s", timedelta(seconds=45)),
    ],
)
def test_spans(text: str, wanted: timedelta) -> None:
    assert purge.span(text, "x") == wanted


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "30 d", "1y", "1d!", "9" * 30 + "w"])
def test_no_spans(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        purge.span(text, "--older-than")
    assert refused.value.argument == "--older-than"


# What is drawn: for each run its files as numbers of contents, and where it lies.
SCENES = st.fixed_dictionaries(
    {
        "runs": st.lists(
            st.tuples(
                st.sampled_from(["used", "trashed", "old"]),
                st.booleans(),  # in the experiment that is deleted
                st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["used", "trashed", "old"]))),
                st.lists(st.integers(0, 3), max_size=2),  # parts of uploads
            ),
            max_size=5,
        ),
        "unused": st.lists(st.tuples(st.integers(6, 9), st.booleans()), unique_by=lambda x: x[0]),
        "lost": st.lists(st.integers(1, 50), max_size=3),
        "kinds": st.sets(st.sampled_from(["runs", "experiments", "artifacts", "idle"])),
        "orphans": st.booleans(),
    }
)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD, NEW = NOW - timedelta(days=40), NOW - timedelta(days=1, hours=-1)


@given(scene=SCENES)
@settings(max_examples=30)
async def test_a_dry_run_tells_what_is_removed_and_no_bytes_are_lost(
    ctx: Context, stock: Stock, scene: dict[str, Any]
) -> None:
    await purge.collect(stock, Until(FAR, FAR, FAR, FAR), FAR)
    await _staged(ctx, stock, scene)
    edge = NOW - timedelta(days=30)
    kinds = dict.fromkeys(scene["kinds"] - {"idle"}, edge)
    until = Until(**kinds, idle=NOW - timedelta(days=1) if "idle" in scene["kinds"] else None)
    # Everything in the folder was written just now.
    orphans = FAR if scene["orphans"] else None
    read = stock.database.run_read
    before, bytes_before = await read(rows.counts), await _bytes(stock)
    told = await purge.survey(stock, until, orphans)
    assert (await read(rows.counts), await _bytes(stock)) == (before, bytes_before)
    assert await purge.collect(stock, until, orphans) == told
    assert await purge.survey(stock, until, orphans) == Removed()

    after, bytes_after = await read(rows.counts), await _bytes(stock)
    assert sum(bytes_before.values()) - sum(bytes_after.values()) == (
        told.bytes + told.upload_bytes + told.orphan_bytes
    )
    for name, count in (("run", told.runs), ("artifact", told.artifacts), ("blob", told.blobs)):
        assert after.get(name, 0) == before.get(name, 0) - count
    held = await read(
        lambda c: {row.place: row.size for row in c.execute(select(BLOB.c.place, BLOB.c.size))}
    )
    blobs = {place: size for place, size in bytes_after.items() if "uploads/" not in place}
    if scene["orphans"]:
        assert blobs == held
    assert held.items() <= blobs.items()
    used = await read(
        lambda c: c.execute(
            select(func.count())
            .select_from(ARTIFACT)
            .where(ARTIFACT.c.digest.is_not(None), ARTIFACT.c.digest.not_in(select(BLOB.c.digest)))
        ).scalar_one()
    )
    assert used == 0, "an artifact lost its bytes"


def _the(moment: datetime) -> datetime:
    return moment


async def _bytes(stock: Stock) -> dict[str, int]:
    return {each.place: each.size async for each in stock.blobs.listing()}


async def _staged(ctx: Context, stock: Stock, scene: dict[str, Any]) -> None:
    """Makes what was drawn."""
    times = {"trashed": NEW, "old": OLD}
    used = await experiments.create(ctx, f"used {rising_number()}")
    gone = await experiments.create(ctx, f"gone {rising_number()}")
    wanted = dict(scene["unused"]) | {n: None for _, _, files, _ in scene["runs"] for n, _ in files}
    blobs = [(number, f"{number:064x}") for number in wanted]
    known = await stock.database.run_read(lambda c: set(c.execute(select(BLOB.c.digest)).scalars()))
    new = [(digest, b"x" * (10 + number)) for number, digest in blobs if digest not in known]
    places = dict(zip([each for each, _ in new], await stock.blobs.write_many(new), strict=True))
    await stock.blobs.write_many([("f" * 64, b"x" * size) for size in scene["lost"]])
    for state, in_gone, files, uploads in scene["runs"]:
        run = await runs.create(ctx, runs.NewRun(experiment_id=gone.id if in_gone else used.id))
        if state != "used":
            ctx.services.clock = partial(_the, times[state])
            await trashed(ctx, run.id)
            ctx.services.clock = lambda: NOW
        made = [(rising_number(), number, times.get(at)) for number, at in files]
        sent = [(secrets.token_hex(8), last) for last in uploads]

        def leave(
            connection: Connection, run: Run = run, made: Any = made, sent: Any = sent
        ) -> None:
            for number, content, at in made:
                connection.execute(insert(ARTIFACT).values(
                    number=number, owner_number=run.number, path=str(number), folder="",
                    name=str(number), size=10 + content, digest=f"{content:064x}", media_type="",
                    created_at=OLD, trashed=0 if at is None else number, trashed_at=at,
                ))  # fmt: skip
            for upload, last in sent:
                connection.execute(insert(UPLOAD).values(
                    id=upload, run_id=run.id, path="x", size=20 + last, digest="", media_type="",
                    part_size=10, created_at=OLD, touched_at=OLD if last % 2 else NEW,
                ))  # fmt: skip
                for part in range(3 if last else 2):
                    connection.execute(insert(PART).values(upload_id=upload, part=part))

        await written(stock.database, partial(leave, run=run, made=made, sent=sent))
        for upload, last in sent:
            await stock.blobs.begin(upload, 20 + last)

    def keep(connection: Connection) -> None:
        for number, digest in blobs:
            if digest in places:
                connection.execute(insert(BLOB).values(
                    digest=digest, size=10 + number, place=places[digest],
                    created_at=NEW if wanted[number] else OLD,
                ))  # fmt: skip

    await written(stock.database, keep)
    ctx.services.clock = lambda: OLD
    await experiments.delete(ctx, gone.id)
    ctx.services.clock = lambda: NOW
