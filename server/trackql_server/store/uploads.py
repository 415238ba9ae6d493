"""Uploads under way as rows, and the parts of them that are there."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from trackql_server.models import Upload, UploadPart
from trackql_server.models.columns import table_of

UPLOAD, PART = table_of(Upload), table_of(UploadPart)


async def by_id(session: AsyncSession, upload_id: str) -> Upload | None:
    """An upload, if there is one."""
    found = await session.execute(select(Upload).where(col(Upload.id) == upload_id))
    return found.scalar_one_or_none()


async def like(
    session: AsyncSession, run_id: str, path: str, digest: str, size: int
) -> Upload | None:
    """An upload of the same file to the same path."""
    found = await session.execute(
        select(Upload)
        .where(
            col(Upload.run_id) == run_id,
            col(Upload.path) == path,
            col(Upload.digest) == digest,
            col(Upload.size) == size,
        )
        .order_by(col(Upload.id))
        .limit(1)
    )
    return found.scalar_one_or_none()


async def parts(session: AsyncSession, upload_id: str) -> list[int]:
    """The parts of an upload that are there, in order."""
    found = await session.execute(
        select(PART.c.part).where(PART.c.upload_id == upload_id).order_by(PART.c.part)
    )
    return list(found.scalars())


async def note_part(session: AsyncSession, upload_id: str, part: int, now: datetime) -> None:
    """A part is there."""
    connection = await session.connection()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    await connection.execute(
        dialect.insert(PART)
        .values(upload_id=upload_id, part=part)
        .on_conflict_do_nothing(index_elements=["upload_id", "part"])
    )
    await touch(session, upload_id, now)


async def touch(session: AsyncSession, upload_id: str, now: datetime) -> None:
    """Somebody goes on with an upload; one that was forgotten meanwhile stays so."""
    await session.execute(update(UPLOAD).where(UPLOAD.c.id == upload_id).values(touched_at=now))


async def forget_part(session: AsyncSession, upload_id: str, part: int) -> None:
    """A part is about to be written: until it is whole it is not there."""
    await session.execute(delete(PART).where(PART.c.upload_id == upload_id, PART.c.part == part))


async def remove(session: AsyncSession, upload_id: str) -> None:
    """Forget an upload and its parts."""
    await session.execute(delete(PART).where(PART.c.upload_id == upload_id))
    await session.execute(delete(UPLOAD).where(UPLOAD.c.id == upload_id))
