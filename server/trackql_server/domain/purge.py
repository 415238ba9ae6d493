"""Verbs that remove for good, and what looks after the trash with them."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from trackql_server.domain import access, words
from trackql_server.domain.context import Context
from trackql_server.errors import InvalidInput, NotFound
from trackql_server.models import Experiment, Lifecycle, Run
from trackql_server.models.columns import EPOCH
from trackql_server.store import experiments as experiment_store
from trackql_server.store import purge as store
from trackql_server.store import runs as run_store
from trackql_server.store import survey as survey_store
from trackql_server.store.blobs.protocol import Blobs, Stored
from trackql_server.store.database import Database
from trackql_server.store.purge import Removed, Step, Until

T = TypeVar("T")

# How many a request may name.
MOST_RUNS = 1_000
MOST_EXPERIMENTS = 100

# Whoever else waits for the database gets his turn between two transactions.
SHORTEST_PAUSE = 0.005

# Objects of the artifact store that are looked up at once.
LISTED = 1_000

# A transaction that lost a race for its rows is tried again.
TRIES = 5

# An upload or bytes without an owner are left alone for so long: somebody may go on with them.
IDLE = timedelta(days=1)


UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


@dataclass(frozen=True, slots=True)
class Stock:
    """The rows, and the bytes that some of them name."""

    database: Database
    blobs: Blobs


async def runs(ctx: Context, run_ids: Sequence[str]) -> Removed:
    """Remove runs of the trash for good, with all they left behind.

    Raises NotFound or InvalidInput, and removes none, when one is not there or in use.
    """
    access.require_write(ctx.viewer)
    ids = _named(run_ids, MOST_RUNS, "runIds")
    async with ctx.write() as work:
        found = await run_store.locked_many(work.session, ids)
        _require_trashed(found, ids, "run", "runIds")
        for run in found.values():
            run.trashed_at = EPOCH
            work.announce(run)
    numbers = sorted(run.number for run in found.values())
    removed = await _remove_runs(_stock(ctx), numbers)
    for run in found.values():
        ctx.services.run_changed(run.experiment_id, run.id)
    return removed


async def experiments(ctx: Context, experiment_ids: Sequence[str]) -> Removed:
    """Remove experiments of the trash for good, with all their runs, deleted or not.

    Raises NotFound or InvalidInput, and removes none, when one is not there or in use.
    """
    access.require_write(ctx.viewer)
    ids = _named(experiment_ids, MOST_EXPERIMENTS, "ids")
    async with ctx.write() as work:
        found = await experiment_store.locked_many(work.session, ids)
        _require_trashed(found, ids, "experiment", "ids")
        for experiment in found.values():
            experiment.trashed_at = EPOCH
    removed = Removed()
    for each in ids:
        removed.add(await _remove_experiment(_stock(ctx), each))
    return removed


def _named(ids: Sequence[str], most: int, argument: str) -> list[str]:
    words.few(ids, argument)
    found = sorted(set(ids))
    if len(found) > most:
        raise InvalidInput(
            f"{argument} names {len(found):,}; remove at most {most:,} at once", argument=argument
        )
    return found


def _require_trashed(
    found: dict[str, Run] | dict[str, Experiment], ids: Sequence[str], noun: str, argument: str
) -> None:
    for each in ids:
        row = found.get(each)
        if row is None:
            raise NotFound(f"there is no {noun} {each}")
        if row.lifecycle is not Lifecycle.DELETED:
            raise InvalidInput(
                f"{noun} {each} is in use; delete it first, then remove it for good",
                argument=argument,
            )


def _stock(ctx: Context) -> Stock:
    return Stock(ctx.services.database, ctx.services.blobs)


# Looking after the trash


async def collect(stock: Stock, until: Until, orphans: datetime | None = None) -> Removed:
    """Remove what is due, and what was claimed before by somebody who did not come to the end.

    With `orphans` also bytes in the artifact store that nothing names, written before that.
    """
    removed = Removed()
    while ids := await _write(
        stock, lambda c: store.due_experiments(c, until.experiments or EPOCH)
    ):
        for each in ids:
            removed.add(await _remove_experiment(stock, each))
    while numbers := await _write(stock, lambda c: store.due_runs(c, until.runs or EPOCH)):
        removed.add(await _remove_runs(stock, numbers))
    if (artifacts := until.artifacts) is not None:
        removed.add(await _drain(stock, lambda c: store.remove_artifacts(c, artifacts)))
    if (idle := until.idle) is not None:
        removed.add(await _drain(stock, lambda c: store.remove_uploads(c, idle)))
        removed.add(await _drain(stock, lambda c: store.remove_unused(c, idle)))
    if orphans is not None:
        removed.add(await _orphans(stock, orphans, remove=True))
    return removed


async def survey(stock: Stock, until: Until, orphans: datetime | None = None) -> Removed:
    """What `collect` would remove; nothing changes."""
    found = await stock.database.run_read(lambda connection: survey_store.survey(connection, until))
    if orphans is not None:
        found.add(await _orphans(stock, orphans, remove=False))
    return found


def counted(removed: Removed) -> dict[str, int]:
    """By name, as a command tells it; `bytes` are all that the artifact store gets back."""
    return {
        "experiments": removed.experiments,
        "runs": removed.runs,
        "artifacts": removed.artifacts,
        "uploads": removed.uploads,
        "blobs": removed.blobs,
        "orphans": removed.orphans,
        "bytes": removed.bytes + removed.upload_bytes + removed.orphan_bytes,
    }


def span(text: str, argument: str) -> timedelta:
    """A length of time like 30d, 12h, 90m, 45s or 1d12h. Raises InvalidInput."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([wdhms])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidInput(
            f"{argument} {text!r} is no length of time; write it like 30d, 12h or 0d",
            argument=argument,
        )
    try:
        return sum((float(n) * UNITS[unit] for n, unit in parts), timedelta())
    except OverflowError as error:
        raise InvalidInput(f"{argument} {text!r} is too long", argument=argument) from error


async def _orphans(stock: Stock, before: datetime, *, remove: bool) -> Removed:
    """Bytes in the store that no row names, of before: what a process left that died between."""
    found = Removed()
    async for some in _listed(stock.blobs, before):
        places = [each.place for each in some]
        named = await stock.database.run_read(partial(survey_store.named, places=places))
        lost = [each for each in some if each.place not in named]
        found.orphans += len(lost)
        found.orphan_bytes += sum(each.size for each in lost)
        if remove:
            await stock.blobs.delete([each.place for each in lost])
    return found


async def _listed(blobs: Blobs, before: datetime) -> AsyncIterator[list[Stored]]:
    some: list[Stored] = []
    async for each in blobs.listing():
        if each.modified <= before:
            some.append(each)
        if len(some) == LISTED:
            yield some
            some = []
    if some:
        yield some


async def _remove_experiment(stock: Stock, experiment_id: str) -> Removed:
    removed = Removed()
    while True:
        while numbers := await _write(stock, lambda c: store.runs_of(c, experiment_id)):
            removed.add(await _remove_runs(stock, numbers))
        try:
            removed.add(await _drain(stock, lambda c: store.remove_experiment(c, experiment_id)))
        except IntegrityError:  # a run was begun in it at the last moment
            continue
        return removed


async def _remove_runs(stock: Stock, numbers: Sequence[int]) -> Removed:
    removed = Removed()
    for begin in range(0, len(numbers), store.RUNS):
        some = numbers[begin : begin + store.RUNS]
        removed.add(await _drain(stock, partial(store.remove_runs, numbers=some)))
    return removed


async def _drain(stock: Stock, work: Callable[[Connection], Step]) -> Removed:
    """Transactions until nothing is left; bytes are freed after each."""
    removed = Removed()
    while True:
        step = await _write(stock, work)
        await stock.blobs.delete(step.places)
        for upload in step.uploads:
            await stock.blobs.drop(upload)
        removed.add(step.removed)
        if step.done:
            return removed


async def _write(stock: Stock, work: Callable[[Connection], T]) -> T:
    for tried in range(1, TRIES + 1):
        begun = time.monotonic()
        try:
            found = await stock.database.run_write(work, lambda _: None, lambda *_: None)
        except IntegrityError:
            raise
        except DBAPIError:
            if tried == TRIES:
                raise
            await asyncio.sleep(0.1 * tried)
            continue
        # SQLite hands its one lock to whoever asks at the right moment: as much time to others.
        await asyncio.sleep(max(SHORTEST_PAUSE, time.monotonic() - begun))
        return found
    raise AssertionError("unreachable")


__all__ = [
    "IDLE",
    "Removed",
    "Stock",
    "collect",
    "counted",
    "experiments",
    "runs",
    "span",
    "survey",
]
