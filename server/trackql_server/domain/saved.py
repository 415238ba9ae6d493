"""Verbs about saved views."""

import secrets
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.domain import access, words
from trackql_server.domain.context import Context
from trackql_server.errors import InvalidInput, NotFound
from trackql_server.models import SavedView
from trackql_server.store import experiments as experiment_store
from trackql_server.store import paging
from trackql_server.store import saved as store

# Bytes of a view's state as JSON.
LARGEST_STATE = 200_000


async def get(ctx: Context, view_id: str) -> SavedView | None:
    """One view; None when there is none."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.by_id(session, view_id)


async def listed(
    ctx: Context, experiment_id: str | None, page: paging.Page
) -> paging.Paged[SavedView]:
    """Views of an experiment by name, or those that are of none."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.page(session, experiment_id or "", page)


async def count(ctx: Context, experiment_id: str | None) -> int:
    """How many `listed` has in all."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await paging.count(session, store.listing(experiment_id or ""))


async def save(
    ctx: Context,
    view_id: str | None,
    name: str,
    experiment_id: str | None,
    description: str,
    state: Any,
) -> SavedView:
    """A new view, or with an id that one changed. Raises NotFound."""
    access.require_write(ctx.viewer)
    words.name(name, "name")
    words.description(description, "description")
    _state(state)
    async with ctx.write() as work:
        if experiment_id is not None:
            known = await experiment_store.by_ids(work.session, [experiment_id])
            if not known:
                raise NotFound(f"there is no experiment {experiment_id}")
        now = ctx.now()
        if view_id is None:
            row = SavedView(
                id=secrets.token_hex(8),
                experiment_id=experiment_id or "",
                name=name,
                description=description,
                state=state,
                created_at=now,
                updated_at=now,
            )
        else:
            row = await _known(work.session, view_id)
            row.name, row.description, row.state = name, description, state
            row.experiment_id, row.updated_at = experiment_id or "", now
        work.session.add(row)
    return row


async def delete(ctx: Context, view_id: str) -> None:
    """Forget a view. Raises NotFound."""
    access.require_write(ctx.viewer)
    async with ctx.write() as work:
        await work.session.delete(await _known(work.session, view_id))


def _state(state: Any) -> None:
    try:
        size = len(orjson.dumps(state))
    except TypeError as error:
        raise InvalidInput(f"state can't be kept as JSON: {error}", argument="state") from error
    if size > LARGEST_STATE:
        raise InvalidInput(f"state has more than {LARGEST_STATE:,} bytes", argument="state")


async def _known(session: AsyncSession, view_id: str) -> SavedView:
    found = await store.locked(session, view_id)
    if found is None:
        raise NotFound(f"there is no saved view {view_id}")
    return found
