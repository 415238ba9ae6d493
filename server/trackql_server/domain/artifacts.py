"""Verbs about the artifacts of runs: logging them, finding them, reading their bytes.

Bytes go to the store first, under a place that nobody knows; the transaction that makes the rows
publishes them. What breaks off before leaves nothing that can be seen, at most bytes without an
owner, which `trackql db gc` removes.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.domain import access, paths, runs, values, words
from trackql_server.domain.context import Context, Work
from trackql_server.domain.media_types import media_type
from trackql_server.errors import (
    ArtifactElsewhere,
    InvalidInput,
    NotFound,
    TooLarge,
    Unavailable,
    WrongDigest,
)
from trackql_server.models import Artifact, Run
from trackql_server.store import artifacts as store
from trackql_server.store.artifacts import NewBlob
from trackql_server.store.blobs.protocol import Arrived, new_place

DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_URI = 10_000

# A download of less is not worth another address.
DIRECT_FROM = 8 * 1024 * 1024

# Files that one request may name.
MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is announced: `size` in bytes, `digest` its SHA-256 in hex digits."""

    path: str
    size: int
    digest: str
    media_type: str | None = None


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


async def one(ctx: Context, run_id: str, path: str) -> Artifact | None:
    """The artifact of a run at a path; None when there is none."""
    access.require_read(ctx.viewer)
    plain = paths.checked(path)
    async with ctx.read() as session:
        run = await runs.found(session, run_id)
        return (await store.at(session, run.number, [plain])).get(plain)


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
        await _require_places(session, run.number, [plain])
    blobs = ctx.services.blobs
    place = new_place(digest or "0" * 64)
    arrived = await blobs.write(place, _limited(ctx, chunks, plain))
    try:
        if size is not None and arrived.size != size:
            raise InvalidInput(
                f"{plain!r} has {arrived.size:,} bytes where {size:,} were announced",
                argument="size",
            )
        require_digest(arrived, digest, plain)
        file = File(plain, arrived.size, arrived.digest, kind)
        made, changed = await publish(
            ctx, run_id, [file], [NewBlob(arrived.digest, arrived.size, place)]
        )
    except BaseException:
        await blobs.delete([place])
        raise
    return made[0], bool(changed)


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
        held = await store.hold(work.session, (file.digest for file in checked))
        known = [file for file in checked if file.digest in held]
        sizes = await store.places(work.session, held)
        for file in known:
            if sizes[file.digest].size != file.size:
                raise InvalidInput(
                    f"{file.path!r}: bytes with this SHA-256 have another size than {file.size:,}",
                    argument="size",
                )
        artifacts, _, freed = await _published(ctx, work, run, known)
    await ctx.services.blobs.delete(freed)
    return artifacts, [file.path for file in checked if file.digest not in held]


async def log_references(
    ctx: Context, run_id: str, references: Sequence[Reference]
) -> list[Artifact]:
    """Log things that lie elsewhere; nothing of them is fetched, now or later."""
    access.require_write(ctx.viewer)
    _few(references, "references")
    now = ctx.now()
    rows: dict[str, Artifact] = {}
    for place, each in enumerate(references):
        argument = f"references[{place}]"
        row = _row(0, paths.checked(each.path, f"{argument}.path"), each.media_type, now)
        row.uri = _uri(each.uri, f"{argument}.uri")
        row.size = -1 if each.size is None else each.size
        if row.size < -1:
            raise InvalidInput(f"{argument}.size is negative", argument=f"{argument}.size")
        if each.digest is not None:
            row.digest = checked_digest(each.digest, f"{argument}.sha256")
        rows[row.path] = row
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        made, _, freed = await _placed(ctx, work, run, list(rows.values()))
    await ctx.services.blobs.delete(freed)
    return made


async def publish(
    ctx: Context,
    run_id: str,
    files: Sequence[File],
    fresh: Sequence[NewBlob],
    rich: Sequence[Mapping[str, Any]] = (),
) -> tuple[list[Artifact], set[str]]:
    """Make artifacts of bytes that have just been written; the paths that are new or changed.

    Bytes that the store had already are removed again. `rich` are values that go with the files.
    """
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        places = await store.claim(work.session, fresh, ctx.now())
        held = places | await store.hold(
            work.session, {file.digest for file in files} - set(places)
        )
        lost = next((file.path for file in files if file.digest not in held), None)
        if lost is not None:  # purged since it was looked up
            raise Unavailable(f"the bytes of {lost!r} were just purged: send them again")
        made, changed, freed = await _published(ctx, work, run, files)
        await values.apply(work, run, rich)
    double = [each.place for each in fresh if places[each.digest] != each.place]
    await ctx.services.blobs.delete([*freed, *double])
    return made, changed


async def _published(
    ctx: Context, work: Work, run: Run, files: Sequence[File]
) -> tuple[list[Artifact], set[str], list[str]]:
    now = ctx.now()
    rows = []
    for file in files:
        row = _row(run.number, file.path, file.media_type, now)
        row.size, row.digest = file.size, file.digest
        rows.append(row)
    return await _placed(ctx, work, run, rows)


async def _placed(
    ctx: Context, work: Work, run: Run, rows: Sequence[Artifact]
) -> tuple[list[Artifact], set[str], list[str]]:
    """Artifacts at their paths in place of what was there: as they are now, which changed, and
    the places of bytes that nobody has any more."""
    wanted = {row.path: row for row in rows}
    former = await store.at(work.session, run.number, list(wanted))
    await _require_places(work.session, run.number, [p for p in wanted if p not in former])
    _require_no_nesting(wanted)
    new = [row for path, row in wanted.items() if not _same(former.get(path), row)]
    for row in new:
        row.owner_number = run.number
    old = [former[row.path] for row in new if row.path in former]
    await require_room(ctx, work.session, run, new, old)
    await store.replace(work.session, run.number, new, old)
    freed = await store.free(work.session, (each.digest for each in old))
    if new:
        work.announce(run)
    changed = {row.path for row in new}
    made = [wanted[row.path] if row.path in changed else former[row.path] for row in rows]
    return made, changed, freed


def _same(former: Artifact | None, row: Artifact) -> bool:
    return (
        former is not None
        and (former.digest, former.uri, former.size) == (row.digest, row.uri, row.size)
        and former.media_type == row.media_type
    )


def _row(owner: int, path: str, given: str | None, now: datetime) -> Artifact:
    folder, name = paths.parts(path)
    return Artifact(
        owner_number=owner,
        path=path,
        folder=folder,
        name=name,
        size=0,
        media_type=media_type(path, given),
        created_at=now,
    )


# -- checks


def checked_files(ctx: Context, files: Sequence[File]) -> list[File]:
    """Files as they may be logged; of one path the last counts. Raises InvalidInput or TooLarge."""
    _few(files, "files")
    found: dict[str, File] = {}
    for place, file in enumerate(files):
        argument = f"files[{place}]"
        path = paths.checked(file.path, f"{argument}.path")
        checked_digest(file.digest, f"{argument}.sha256")
        if file.size < 0:
            raise InvalidInput(f"{argument}.size is negative", argument=f"{argument}.size")
        require_size(ctx, file.size, path)
        media_type(path, file.media_type, f"{argument}.mediaType")
        found[path] = file
    return list(found.values())


def checked_digest(digest: str, argument: str) -> str:
    """A SHA-256 in hex digits."""
    if not DIGEST.fullmatch(digest):
        raise InvalidInput(
            f"{argument} must be a SHA-256: 64 hex digits in lower case", argument=argument
        )
    return digest


def require_digest(arrived: Arrived, wanted: str | None, path: str) -> None:
    """Raise WrongDigest unless the bytes are those that were announced."""
    if wanted is not None and arrived.digest != wanted:
        raise WrongDigest(
            f"the bytes of {path!r} have the SHA-256 {arrived.digest}, not {wanted}: they changed"
            " on their way; send them again",
            argument="sha256",
        )


def require_size(ctx: Context, size: int, path: str) -> None:
    """Raise TooLarge for a file that is larger than one may be."""
    most = ctx.services.quotas.artifact
    if most and size > most:
        raise TooLarge(
            f"{path!r} has {size:,} bytes; an artifact may have {most:,} here"
            " (TRACKQL_LIMIT_ARTIFACT)",
            limit="artifact",
        )


async def _limited(ctx: Context, chunks: AsyncIterator[bytes], path: str) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        require_size(ctx, size, path)
        yield chunk


async def _require_places(session: AsyncSession, owner: int, new: Sequence[str]) -> None:
    """Raise InvalidInput where a file would be a folder at the same time."""
    folder = next(iter(await store.folders_at(session, owner, new)), None)
    if folder is not None:
        raise InvalidInput(
            f"{folder!r} is a folder of the run already: log the file into it, or under another"
            " name",
            argument="path",
        )
    above = sorted({each for path in new for each in paths.ancestors(path) if each})
    file = next(iter(await store.at(session, owner, above)), None)
    if file is not None:
        raise InvalidInput(
            f"{file!r} is a file of the run already, so nothing can lie in it: choose another"
            " folder",
            argument="path",
        )


def _require_no_nesting(wanted: dict[str, Artifact]) -> None:
    for path in wanted:
        clash = next((each for each in paths.ancestors(path) if each in wanted), None)
        if clash is not None:
            raise InvalidInput(
                f"{clash!r} can't be a file and the folder of {path!r}", argument="path"
            )


async def require_room(
    ctx: Context,
    session: AsyncSession,
    run: Run,
    new: Sequence[Artifact],
    old: Sequence[Artifact] = (),
) -> None:
    """Raise TooLarge where a run would have more files or bytes than it may."""
    quotas = ctx.services.quotas
    root = (await store.roots(session, [run.number])).get(run.number)
    files = (root.files if root else 0) + len(new) - len(old)
    size = (root.size if root else 0) + sum(
        sign * max(0, each.size) for sign, rows in ((1, new), (-1, old)) for each in rows
    )
    if files > quotas.run_files and len(new) > len(old):
        raise TooLarge(
            f"run {run.id} would have {files:,} artifacts; it may have {quotas.run_files:,}"
            " (TRACKQL_LIMIT_RUN_FILES)",
            limit="run_files",
        )
    if quotas.run_bytes and size > quotas.run_bytes and new:
        raise TooLarge(
            f"run {run.id} would have {size:,} bytes of artifacts; it may have"
            f" {quotas.run_bytes:,} (TRACKQL_LIMIT_RUN_ARTIFACTS)",
            limit="run_artifacts",
        )


def _few(things: Sequence[object], argument: str) -> None:
    if len(things) > MOST_FILES:
        raise InvalidInput(
            f"{argument} names {len(things):,}; log at most {MOST_FILES:,} at once",
            argument=argument,
        )


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
