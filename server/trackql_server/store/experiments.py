"""Experiments and their tags as rows; which keys their runs use."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from trackql_server.models import (
    Experiment,
    ExperimentTag,
    Lifecycle,
    Run,
    RunStatus,
)
from trackql_server.store.paging import Order, Page, Paged, contains


async def by_ids(session: AsyncSession, ids: Sequence[str]) -> dict[str, Experiment]:
    """Experiments by id; unknown ids are left out."""
    rows = await session.execute(select(Experiment).where(col(Experiment.id).in_(ids)))
    return {row.id: row for row in rows.scalars()}


async def by_name(session: AsyncSession, name: str) -> Experiment | None:
    """The experiment of that name in use, or else the one that was deleted last."""
    rows = await session.execute(
        select(Experiment)
        .where(col(Experiment.name) == name)
        .order_by(
            col(Experiment.lifecycle) != Lifecycle.ACTIVE,
            col(Experiment.trashed_at).desc(),
            col(Experiment.id),
        )
        .limit(1)
    )
    return rows.scalar_one_or_none()


async def locked(session: AsyncSession, experiment_id: str) -> Experiment | None:
    """An experiment, locked until the transaction ends."""
    rows = await session.execute(
        select(Experiment).where(col(Experiment.id) == experiment_id).with_for_update()
    )
    return rows.scalar_one_or_none()


async def ids(session: AsyncSession, folder: str | None, most: int) -> list[str]:
    """Ids of experiments in use, by name: all, or one called `folder` and those within it."""
    name = col(Experiment.name)
    statement = select(col(Experiment.id)).where(col(Experiment.lifecycle) == Lifecycle.ACTIVE)
    if folder is not None:
        inside = folder.rstrip("/") + "/"
        # "0" is the character behind "/".
        within = and_(name > inside, name < inside[:-1] + "0")
        statement = statement.where(or_(name == folder.rstrip("/"), within))
    rows = await session.execute(statement.order_by(name).limit(most))
    return [str(row[0]) for row in rows]


async def locked_many(session: AsyncSession, ids: Sequence[str]) -> dict[str, Experiment]:
    """Experiments by id, locked in the order of their ids; unknown ones are left out."""
    rows = await session.execute(
        select(Experiment)
        .where(col(Experiment.id).in_(ids))
        .order_by(col(Experiment.id))
        .with_for_update()
    )
    return {row.id: row for row in rows.scalars()}


def listing(search: str | None, lifecycle: Lifecycle | None) -> Select[Experiment]:
    """Experiments whose name contains `search`."""
    statement = select(Experiment)
    if lifecycle is not None:
        statement = statement.where(col(Experiment.lifecycle) == lifecycle)
    if search:
        statement = statement.where(contains(col(Experiment.name), search))
    return statement


async def page(
    session: AsyncSession, page: Page, search: str | None, lifecycle: Lifecycle | None
) -> Paged[Experiment]:
    """A page of `listing` by name."""
    orders = [Order("name", col(Experiment.name)), Order("id", col(Experiment.id))]
    return await page.run(session, listing(search, lifecycle), orders)


async def tags(session: AsyncSession, ids: Sequence[str]) -> dict[str, list[ExperimentTag]]:
    """Tags by experiment, ordered by key."""
    rows = await session.execute(
        select(ExperimentTag)
        .where(col(ExperimentTag.experiment_id).in_(ids))
        .order_by(col(ExperimentTag.key))
    )
    found: dict[str, list[ExperimentTag]] = {each: [] for each in ids}
    for row in rows.scalars():
        found[row.experiment_id].append(row)
    return found


async def run_counts(
    session: AsyncSession, ids: Sequence[str], alive_since: datetime | None = None
) -> dict[str, int]:
    """Active runs by experiment; with `alive_since` only running ones heard of since then."""
    statement = (
        select(col(Run.experiment_id), func.count())
        .where(col(Run.experiment_id).in_(ids), col(Run.lifecycle) == Lifecycle.ACTIVE)
        .group_by(col(Run.experiment_id))
    )
    if alive_since is not None:
        statement = statement.where(
            col(Run.status) == RunStatus.RUNNING, col(Run.heartbeat_time) >= alive_since
        )
    rows = await session.execute(statement)
    return dict.fromkeys(ids, 0) | {row[0]: row[1] for row in rows}
