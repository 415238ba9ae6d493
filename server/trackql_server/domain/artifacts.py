"""Verbs about the artifacts of runs: logging them, finding them, reading their bytes.

Bytes go to the store first, under a place that nobody knows; the transaction that makes the rows
publishes them. What breaks off before leaves nothing that can be seen, at most bytes without an
owner, which `trackql db gc` removes.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from trackql_server.domain import access, paths, publishing, runs, words
from trackql_server.domain.context import Context
from trackql_server.domain.files import (
    File,
    checked_digest,
    checked_files,
    few,
    require_digest,
    require_size,
)
from trackql_server.domain.media_types import media_type
from trackql_server.errors import ArtifactElsewhere, InvalidInput, NotFound, TrackqlError
from trackql_server.models import Artifact
from trackql_server.store import artifacts as store
from trackql_server.store.artifacts import NewBlob
from trackql_server.store.blobs.protocol import new_place

LONGEST_URI = 10_000

# A download of less is not worth another address.
DIRECT_FROM = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that lies elsewhere and stays there."""

    path: str
    uri: str
    size: int | None = None
    digest: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """An artifact whose bytes are here, and where they lie."""

    artifact: Artifact
    size: int
    place: str


async def content(ctx: Context, run_id: str, path: str) -> Content:
    """An artifact to read. Raises NotFound, and ArtifactElsewhere for a reference."""
    access.require_read(ctx.viewer)
    plain = paths.checked(path)
    async with ctx.read() as session:
        run = await runs.found(session, run_id)
        artifact = (await store.at(session, run.number, [plain])).get(plain)
        if artifact is None:
            raise NotFound(f"run {run_id} has no artifact {plain!r}")
        if artifact.digest is None or artifact.uri is not None:
            raise ArtifactElsewhere(
                f"{plain!r} is a reference to {artifact.uri}, whose bytes are not here"
            )
        blob = (await store.places(session, [artifact.digest]))[artifact.digest]
    return Content(artifact, blob.size, blob.place)


def read(ctx: Context, found: Content, start: int, end: int) -> AsyncIterator[bytes]:
    """The bytes of an artifact from `start` up to `end`."""
    return ctx.services.blobs.read(found.place, start, end)


async def direct(ctx: Context, found: Content) -> str | None:
    """An address of the bytes past this server, for a while; None where they come through it."""
    access.require_read(ctx.viewer)
    if not ctx.services.direct_downloads or found.size < DIRECT_FROM:
        return None
    signed = await ctx.services.blobs.signed("GET", found.place)
    return None if signed is None else signed.url


# -- logging


async def receive(
    ctx: Context,
    run_id: str,
    path: str,
    chunks: AsyncIterator[bytes],
    *,
    given_type: str | None = None,
    digest: str | None = None,
    size: int | None = None,
) -> tuple[Artifact, bool]:
    """Keep bytes as an artifact; whether it is new or has other bytes than before.

    Raises WrongDigest, TooLarge or DiskFull; then nothing is kept.
    """
    access.require_write(ctx.viewer)
    plain = paths.checked(path)
    kind = media_type(plain, given_type)
    if digest is not None:
        checked_digest(digest, "digest")
    if size is not None:
        require_size(ctx, size, plain)
    async with ctx.read() as session:  # before the bytes are sent in vain
        run = await runs.found_active(session, run_id)
        await publishing.require_fit(ctx, session, run, plain, size or 0)
    place = new_place(digest or "0" * 64)
    arrived = await ctx.services.blobs.write(place, _limited(ctx, chunks, plain))
    try:
        if size is not None and arrived.size != size:
            raise InvalidInput(
                f"{plain!r} has {arrived.size:,} bytes where {size:,} were announced",
                argument="size",
            )
        require_digest(arrived, digest, plain)
    except TrackqlError:
        await publishing.discard(ctx, [place])
        raise
    file = File(plain, arrived.size, arrived.digest, kind)
    fresh = [NewBlob(arrived.digest, arrived.size, place)]
    made, changed = await publishing.publish(ctx, run_id, [file], fresh)
    return made[0], bool(changed)


async def _limited(ctx: Context, chunks: AsyncIterator[bytes], path: str) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        require_size(ctx, size, path)
        yield chunk


async def log_known(
    ctx: Context, run_id: str, files: Sequence[File]
) -> tuple[list[Artifact], list[str]]:
    """Log files whose bytes the store has; the paths of those whose bytes it lacks.

    All in one transaction. The size has to be that of the bytes.
    """
    access.require_write(ctx.viewer)
    checked = checked_files(ctx, files)
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        rows = [publishing.of_file(file, ctx.now()) for file in checked]
        every = await publishing.Placing.prepare(ctx, work, run, rows)
        known = [row for row in rows if row.digest in every.held]
        sizes = await store.places(work.session, every.held)
        for row in known:
            if sizes[row.digest or ""].size != row.size:
                raise InvalidInput(
                    f"{row.path!r}: bytes with this SHA-256 have another size than {row.size:,}",
                    argument="size",
                )
        placing = every.only(known)
        freed = await placing.carry_out()
    await publishing.discard(ctx, freed)
    return placing.made, [row.path for row in rows if row.digest not in every.held]


async def log_references(
    ctx: Context, run_id: str, references: Sequence[Reference]
) -> list[Artifact]:
    """Log things that lie elsewhere; nothing of them is fetched, now or later."""
    access.require_write(ctx.viewer)
    few(references, "references")
    now = ctx.now()
    rows: dict[str, Artifact] = {}
    for place, each in enumerate(references):
        argument = f"references[{place}]"
        path = paths.checked(each.path, f"{argument}.path")
        row = publishing.new_row(path, each.media_type, now)
        row.uri = _uri(each.uri, f"{argument}.uri")
        row.size = -1 if each.size is None else each.size
        if row.size < -1 or each.size == -1:
            raise InvalidInput(f"{argument}.size is negative", argument=f"{argument}.size")
        if each.digest is not None:
            row.digest = checked_digest(each.digest, f"{argument}.sha256")
        rows[row.path] = row
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        placing = await publishing.Placing.prepare(ctx, work, run, list(rows.values()))
        freed = await placing.carry_out()
    await publishing.discard(ctx, freed)
    return placing.made


_URI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s]+", re.IGNORECASE)


def _uri(uri: str, argument: str) -> str:
    words.value(uri, argument)
    if len(uri) > LONGEST_URI or not _URI.fullmatch(uri):
        raise InvalidInput(
            f"{argument} is no address: write it like s3://bucket/data.parquet", argument=argument
        )
    if re.match(r"[a-z0-9+.-]+://[^/]*:[^/]*@", uri, re.IGNORECASE):
        raise InvalidInput(
            f"{argument} holds a password, which everyone could read: leave it out",
            argument=argument,
        )
    return uri
