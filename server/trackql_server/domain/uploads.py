"""Large files that arrive in parts, side by side, and are taken up again after any failure."""

import logging
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.domain import access, artifacts, files, publishing, runs
from trackql_server.domain.context import Context
from trackql_server.domain.files import File
from trackql_server.domain.media_types import media_type
from trackql_server.errors import InvalidInput, NotFound, TrackqlError
from trackql_server.models import Artifact, Upload
from trackql_server.store import uploads as store
from trackql_server.store.artifacts import NewBlob
from trackql_server.store.blobs.protocol import new_place

log = logging.getLogger(__name__)

SMALLEST_PART = 16 * 1024 * 1024
MOST_PARTS = 1_000

# Buckets take so much in one request, and copy so much by themselves.
LARGEST_DIRECT = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload under way, or the artifact where nothing has to be sent.

    `url` is an address that takes the whole file at once, past this server, with `headers`.
    """

    upload: Upload | None = None
    received: list[int] = field(default_factory=list)
    artifact: Artifact | None = None
    url: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


async def begin(ctx: Context, run_id: str, file: File) -> Begun:
    """Announce a file; the same one again finds the upload that was begun.

    Bytes that the store has already make the artifact at once.
    """
    access.require_write(ctx.viewer)
    [checked] = files.checked_files(ctx, [file])
    made, missing = await artifacts.log_known(ctx, run_id, [checked])
    if not missing:
        return Begun(artifact=made[0])
    received: list[int] = []
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        await publishing.require_fit(ctx, work.session, run, checked.path, checked.size)
        found = await store.like(work.session, run.id, checked.path, checked.digest, checked.size)
        if found is not None:
            await store.touch(work.session, found.id, ctx.now())
            received = await store.parts(work.session, found.id)
        upload = found or Upload(
            id=secrets.token_hex(16),
            run_id=run.id,
            path=checked.path,
            size=checked.size,
            digest=checked.digest,
            media_type=media_type(checked.path, checked.media_type),
            part_size=max(SMALLEST_PART, -(-checked.size // MOST_PARTS)),
            created_at=ctx.now(),
            touched_at=ctx.now(),
        )
        if found is None:
            work.session.add(upload)
    try:
        # Of an upload that is taken up again as well: whoever began it may not have come this far.
        await ctx.services.blobs.begin(upload.id, upload.size)
    except BaseException:
        if found is None:
            await _forget(ctx, upload.id)
        raise
    return await _begun(ctx, upload, received)


async def _begun(ctx: Context, upload: Upload, received: list[int]) -> Begun:
    if upload.size > LARGEST_DIRECT:
        return Begun(upload, received)
    signed = await ctx.services.blobs.signed("PUT", f"uploads/{upload.id}")
    if signed is None:
        return Begun(upload, received)
    return Begun(upload, received, None, signed.url, signed.headers)


def count(upload: Upload) -> int:
    """How many parts an upload has."""
    return max(1, -(-upload.size // upload.part_size))


async def receive(ctx: Context, upload_id: str, part: int, chunks: AsyncIterator[bytes]) -> None:
    """Keep a part; sent again, it takes the place of what was there. Raises InvalidInput."""
    access.require_write(ctx.viewer)
    async with ctx.read() as session:
        upload = await _known(session, upload_id)
    if not 0 <= part < count(upload):
        raise InvalidInput(
            f"the upload has the parts 0 to {count(upload) - 1}, and no part {part}",
            argument="part",
        )
    offset = part * upload.part_size
    wanted = min(upload.part_size, upload.size - offset)
    async with ctx.write() as work:
        await store.forget_part(work.session, upload_id, part)
    try:
        size = await ctx.services.blobs.write_part(
            upload_id, part, offset, _exactly(chunks, wanted, part)
        )
    except FileNotFoundError as error:
        raise _unknown() from error
    if size != wanted:
        raise InvalidInput(
            f"part {part} has {size:,} bytes where {wanted:,} belong: send it again",
            argument="body",
        )
    async with ctx.write() as work:
        if await store.by_id(work.session, upload_id) is None:
            raise _unknown()
        await store.note_part(work.session, upload_id, part, ctx.now())


async def _exactly(chunks: AsyncIterator[bytes], wanted: int, part: int) -> AsyncIterator[bytes]:
    """No more than belongs there: what follows is another part's."""
    async for chunk in chunks:
        wanted -= len(chunk)
        if wanted < 0:
            raise InvalidInput(f"part {part} has more bytes than belong there", argument="body")
        yield chunk


async def complete(ctx: Context, upload_id: str) -> tuple[str, Artifact]:
    """Publish an upload whose parts are all there; the id of its run, and what it became.

    Raises InvalidInput naming the parts that are missing; WrongDigest when its bytes are not those
    that were announced: then it is forgotten, and has to be begun anew.
    """
    access.require_write(ctx.viewer)
    async with ctx.read() as session:
        upload = await _known(session, upload_id)
        there = set(await store.parts(session, upload_id))
    missing = [part for part in range(count(upload)) if part not in there]
    direct = not there and await ctx.services.blobs.signed("PUT", f"uploads/{upload_id}")
    lacking = InvalidInput(
        f"the upload lacks {len(missing)} parts, the first of them {missing[0] if missing else 0}",
        argument="id",
    )
    if missing and not direct:
        raise lacking
    place = new_place(upload.digest)
    try:
        arrived = await ctx.services.blobs.finish(upload_id, 0 if direct else count(upload), place)
    except FileNotFoundError as error:
        if direct:  # nothing came past the server either
            raise lacking from error
        await _forget(ctx, upload_id)
        raise _unknown() from error
    try:
        files.require_digest(arrived, upload.digest, upload.path)
    except TrackqlError:
        await publishing.discard(ctx, [place])
        await _forget(ctx, upload_id)
        raise
    file = File(upload.path, upload.size, upload.digest, upload.media_type)
    fresh = [NewBlob(upload.digest, upload.size, place)]
    try:
        made, _ = await publishing.publish(ctx, upload.run_id, [file], fresh)
    finally:
        await _forget(ctx, upload_id)
    return upload.run_id, made[0]


async def abort(ctx: Context, upload_id: str) -> None:
    """Forget an upload with all that arrived of it. Raises NotFound."""
    access.require_write(ctx.viewer)
    async with ctx.read() as session:
        await _known(session, upload_id)
    await _forget(ctx, upload_id)


async def _forget(ctx: Context, upload_id: str) -> None:
    async with ctx.write() as work:
        await store.remove(work.session, upload_id)
    try:
        await ctx.services.blobs.drop(upload_id)
    except Exception:
        log.exception("what arrived of an upload stays in the artifact store until trackql db gc")


async def _known(session: AsyncSession, upload_id: str) -> Upload:
    found = await store.by_id(session, upload_id)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> NotFound:
    return NotFound("there is no such upload: it was completed or forgotten; begin it anew")
