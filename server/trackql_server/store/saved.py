"""Saved views as rows."""

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from trackql_server.models import SavedView
from trackql_server.store.paging import Order, Page, Paged


async def by_id(session: AsyncSession, view_id: str) -> SavedView | None:
    """A view, if there is one."""
    rows = await session.execute(select(SavedView).where(col(SavedView.id) == view_id))
    return rows.scalar_one_or_none()


async def locked(session: AsyncSession, view_id: str) -> SavedView | None:
    """A view, locked until the transaction ends."""
    rows = await session.execute(
        select(SavedView).where(col(SavedView.id) == view_id).with_for_update()
    )
    return rows.scalar_one_or_none()


def listing(experiment_id: str) -> Select[SavedView]:
    """Views of an experiment, or ("") those of none."""
    return select(SavedView).where(col(SavedView.experiment_id) == experiment_id)


async def page(session: AsyncSession, experiment_id: str, page: Page) -> Paged[SavedView]:
    """A page of `listing` by name."""
    orders = [Order("name", col(SavedView.name)), Order("id", col(SavedView.id))]
    return await page.run(session, listing(experiment_id), orders)
