"""Verbs about experiments."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.domain import access, words
from trackql_server.domain.context import Context
from trackql_server.errors import AlreadyExists, InvalidInput, NotFound
from trackql_server.models import (
    DEFAULT_EXPERIMENT_ID,
    Experiment,
    ExperimentTag,
    Lifecycle,
    Run,
)
from trackql_server.models.columns import EPOCH
from trackql_server.store import experiments as store
from trackql_server.store import paging

Pairs = Sequence[tuple[str, str]]


async def get(
    ctx: Context, *, experiment_id: str | None = None, name: str | None = None
) -> Experiment | None:
    """An experiment by id or by name; None when there is none."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        if experiment_id is not None:
            return (await store.by_ids(session, [experiment_id])).get(experiment_id)
        if name is not None:
            return await store.by_name(session, name)
    raise InvalidInput("give id or name", argument="id")


async def by_ids(ctx: Context, ids: Sequence[str]) -> dict[str, Experiment]:
    """Experiments by id."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.by_ids(session, ids)


async def search(
    ctx: Context, page: paging.Page, text: str | None, lifecycle: Lifecycle | None
) -> paging.Paged[Experiment]:
    """A page of experiments by name."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.page(session, page, text, lifecycle)


async def count(ctx: Context, text: str | None, lifecycle: Lifecycle | None) -> int:
    """How many experiments `search` finds in all."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await paging.count(session, store.listing(text, lifecycle))


async def tags(ctx: Context, ids: Sequence[str]) -> dict[str, list[ExperimentTag]]:
    """Tags by experiment."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.tags(session, ids)


async def run_counts(ctx: Context, ids: Sequence[str], *, running: bool) -> dict[str, int]:
    """Active runs by experiment, or only those that run and are heard of."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.run_counts(session, ids, ctx.alive_since() if running else None)


async def create(ctx: Context, name: str, description: str = "", tags: Pairs = ()) -> Experiment:
    """A new experiment. Raises AlreadyExists when one in use has the name."""
    access.require_write(ctx.viewer)
    checked = checked_tags(tags)
    try:
        async with ctx.write() as work:
            row = fresh(ctx, name, description)
            work.session.add(row)
            await work.session.flush()
            _add_tags(work.session, row.id, checked)
    except IntegrityError as error:
        raise AlreadyExists(
            f"an experiment is named {name!r} already; choose another name"
        ) from error
    return row


async def update(
    ctx: Context, experiment_id: str, name: str | None, description: str | None
) -> Experiment:
    """Rename or describe an experiment."""
    access.require_write(ctx.viewer)
    try:
        async with ctx.write() as work:
            row = await _known(work.session, experiment_id)
            if name is not None:
                row.name = words.name(name, "name")
            if description is not None:
                row.description = words.description(description, "description")
            row.updated_at = ctx.now()
            work.session.add(row)
    except IntegrityError as error:
        raise AlreadyExists(f"an experiment is named {name!r} already") from error
    return row


async def set_tags(ctx: Context, experiment_id: str, tags: Pairs) -> Experiment:
    """Set tags; others stay."""
    access.require_write(ctx.viewer)
    checked = checked_tags(tags)
    async with ctx.write() as work:
        row = await _known(work.session, experiment_id)
        for key, value in checked.items():
            await work.session.merge(
                ExperimentTag(experiment_id=experiment_id, key=key, value=value)
            )
        row.updated_at = ctx.now()
        work.session.add(row)
    return row


async def delete(ctx: Context, experiment_id: str) -> Experiment:
    """Put an experiment into the trash; its name is free at once."""
    access.require_write(ctx.viewer)
    if experiment_id == DEFAULT_EXPERIMENT_ID:
        raise InvalidInput("the experiment called Default can't be deleted", argument="id")
    async with ctx.write() as work:
        row = await _known(work.session, experiment_id)
        place(row, Lifecycle.DELETED, ctx.now())
        row.updated_at = ctx.now()
        work.session.add(row)
    return row


async def restore(ctx: Context, experiment_id: str, new_name: str | None = None) -> Experiment:
    """Take an experiment out of the trash, under another name if one is given.

    Raises AlreadyExists when one in use has the name by now.
    """
    access.require_write(ctx.viewer)
    given = None if new_name is None else words.name(new_name, "newName")
    name = given
    try:
        async with ctx.write() as work:
            row = await _known(work.session, experiment_id)
            name = row.name = given or row.name
            place(row, Lifecycle.ACTIVE, ctx.now())
            row.updated_at = ctx.now()
            work.session.add(row)
    except IntegrityError as error:
        raise AlreadyExists(
            f"an experiment in use is named {name!r} by now: restore this one under another name"
            " (newName), or rename the other one"
        ) from error
    return row


def place(row: Experiment | Run, lifecycle: Lifecycle, now: datetime) -> None:
    """Put a row into the trash or take it out; raises NotFound while it is removed for good."""
    if row.trashed_at == EPOCH:
        raise NotFound(f"{row.id} is being removed for good; nothing of it can be kept")
    if lifecycle is Lifecycle.ACTIVE:
        row.trashed_at = None
    elif row.lifecycle is Lifecycle.ACTIVE:
        row.trashed_at = now
    row.lifecycle = lifecycle


def fresh(ctx: Context, name: str, description: str = "") -> Experiment:
    """A row for a new experiment."""
    now = ctx.now()
    return Experiment(
        # Eighteen digits, as MLflow's clients are used to.
        id=str(10**17 + secrets.randbelow(9 * 10**17)),
        name=words.name(name, "name"),
        description=words.description(description, "description"),
        created_at=now,
        updated_at=now,
    )


async def named(ctx: Context, session: AsyncSession, name: str) -> Experiment:
    """The experiment of that name in use, made when there is none; for use within a transaction."""
    row = await store.by_name(session, words.name(name, "experimentName"))
    if row is None or row.lifecycle is Lifecycle.DELETED:
        row = fresh(ctx, name)
        session.add(row)
        await session.flush()
    return row


def checked_tags(tags: Pairs) -> dict[str, str]:
    """Tags by key, each checked; the last of a key stands."""
    return {
        words.key(key, f"tags[{place}].key"): words.value(value, f"tags[{place}].value")
        for place, (key, value) in enumerate(tags)
    }


def _add_tags(session: AsyncSession, experiment_id: str, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        session.add(ExperimentTag(experiment_id=experiment_id, key=key, value=value))


async def _known(session: AsyncSession, experiment_id: str) -> Experiment:
    found = await store.locked(session, experiment_id)
    if found is None:
        raise NotFound(f"there is no experiment {experiment_id}")
    return found
