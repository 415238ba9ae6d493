"""Looking through the artifacts of many runs, a bounded stretch at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from trackql_server.models import Artifact, Lifecycle, Run
from trackql_server.store.listed import one_of
from trackql_server.store.paging import Order, Page, contains, read_cursor, write_cursor

# Artifacts that one page looks at, whatever it finds among them.
STRETCH = 20_000


@dataclass(frozen=True, slots=True)
class Scanned:
    """Artifacts with the ids of their runs, whether more may follow, and the cursor to go on by."""

    rows: list[tuple[Artifact, str]]
    has_next: bool
    end: str | None


async def newest(
    session: AsyncSession,
    experiment_ids: Sequence[str] | None,
    text: str | None,
    media_types: Sequence[str] | None,
    page: Page,
) -> Scanned:
    """Artifacts by when they were made, the newest first, of runs that are not in the trash."""
    number = col(Artifact.number)
    stretch = select(Artifact).where(col(Artifact.trashed) == 0)
    if page.after is not None:
        [before] = read_cursor(page.after, [Order("number", number, descending=True)])
        stretch = stretch.where(number < before)
    looked = stretch.order_by(number.desc()).limit(STRETCH).subquery()
    bounds = (
        await session.execute(select(looked.c.number).order_by(looked.c.number.asc()).limit(1))
    ).scalar()
    each = aliased(Artifact, looked)
    found = (
        select(each, col(Run.id))
        .join(Run, col(Run.number) == each.owner_number)
        .where(col(Run.lifecycle) == Lifecycle.ACTIVE)
    )
    if experiment_ids is not None:
        found = found.where(one_of(col(Run.experiment_id), list(experiment_ids)))
    if text:
        found = found.where(contains(each.path, text))
    if media_types is not None:
        found = found.where(one_of(looked.c.media_type, list(media_types)))
    ordered = found.order_by(looked.c.number.desc()).limit(page.first + 1)
    rows = [(artifact, run_id) for artifact, run_id in await session.execute(ordered)]
    shown = rows[: page.first]
    if len(rows) > page.first or bounds is None:
        end = write_cursor([shown[-1][0].number]) if shown else None
        return Scanned(shown, len(rows) > page.first, end)
    # The stretch is used up: go on behind its oldest artifact, if there may be more.
    further = await session.execute(
        select(number).where(number < bounds, col(Artifact.trashed) == 0).limit(1)
    )
    return Scanned(shown, further.scalar() is not None, write_cursor([bounds]))
