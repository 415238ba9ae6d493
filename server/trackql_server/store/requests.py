"""What is asked of running scripts, and their live parameters, as rows."""

from collections.abc import Sequence

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from trackql_server.models import LiveParam, RequestKind, RunRequest
from trackql_server.store.listed import one_of
from trackql_server.store.paging import Order, Page, Paged


async def open_of(session: AsyncSession, run_ids: Sequence[str]) -> list[RunRequest]:
    """What holds of what was asked of runs, oldest first; read off one small index."""
    rows = await session.execute(
        select(RunRequest)
        .where(one_of(col(RunRequest.run_id), run_ids), col(RunRequest.open))
        .order_by(col(RunRequest.run_id), col(RunRequest.number))
    )
    return list(rows.scalars())


async def by_numbers(session: AsyncSession, numbers: Sequence[int]) -> list[RunRequest]:
    """Requests by number, in that order; unknown ones are left out."""
    rows = await session.execute(
        select(RunRequest)
        .where(one_of(col(RunRequest.number), numbers))
        .order_by(col(RunRequest.number))
    )
    return list(rows.scalars())


async def unseen(session: AsyncSession, numbers: Sequence[int]) -> list[RunRequest]:
    """Those of these requests that no script saw yet, locked until the transaction ends."""
    rows = await session.execute(
        select(RunRequest)
        .where(one_of(col(RunRequest.number), numbers), col(RunRequest.seen_at).is_(None))
        .order_by(col(RunRequest.number))
        .with_for_update()
    )
    return list(rows.scalars())


async def settle_stops(session: AsyncSession, run_ids: Sequence[str]) -> None:
    """Requests to stop hold no longer."""
    await _settle(session, run_ids, RequestKind.STOP, "")


async def settle_param(session: AsyncSession, run_id: str, key: str) -> None:
    """Requests for a live parameter hold no longer."""
    await _settle(session, [run_id], RequestKind.SET_PARAM, key)


async def _settle(
    session: AsyncSession, run_ids: Sequence[str], kind: RequestKind, key: str
) -> None:
    await session.execute(
        update(RunRequest)
        .where(
            one_of(col(RunRequest.run_id), run_ids),
            col(RunRequest.open),
            col(RunRequest.kind) == kind,
            col(RunRequest.key) == key,
        )
        .values(open=False)
        .execution_options(synchronize_session=False)
    )


async def asked_to_stop(session: AsyncSession, run_ids: Sequence[str]) -> set[str]:
    """Which of these runs are asked to stop."""
    rows = await session.execute(
        select(col(RunRequest.run_id)).where(
            one_of(col(RunRequest.run_id), run_ids),
            col(RunRequest.open),
            col(RunRequest.kind) == RequestKind.STOP,
        )
    )
    return {row[0] for row in rows}


def listing(run_number: int) -> Select[RunRequest]:
    """All that was asked of a run."""
    return select(RunRequest).where(col(RunRequest.run_number) == run_number)


async def page(session: AsyncSession, run_number: int, page: Page) -> Paged[RunRequest]:
    """A page of `listing`, newest first."""
    orders = [Order("number", col(RunRequest.number), descending=True)]
    return await page.run(session, listing(run_number), orders)


async def params(session: AsyncSession, run_numbers: Sequence[int]) -> dict[int, list[LiveParam]]:
    """Live parameters by run, by key."""
    rows = await session.execute(
        select(LiveParam)
        .where(one_of(col(LiveParam.run_number), run_numbers))
        .order_by(col(LiveParam.run_number), col(LiveParam.key))
    )
    found: dict[int, list[LiveParam]] = {each: [] for each in run_numbers}
    for row in rows.scalars():
        found[row.run_number].append(row)
    return found
