"""Making artifacts of bytes that are in the store, and of references: the one way in.

Who comes at the same time:

- The same bytes by two uploads: both write them, each to a place of its own. The row of the blob
  can be made once; who comes second finds the first's place there and removes his own bytes after
  the commit.
- A purge while an artifact gets the same bytes: both hold the row of the blob. Who comes second
  either finds the artifact, and the bytes stay, or finds no row, and the bytes are sent again.
  A place is never used twice, so a late deletion hits nothing else.
- Two runs that take each other's bytes: rows are held in the order of their digests, the run first,
  and new ones are made before any is held.

And who goes away in between:

- Before the bytes are whole: a draft, which whoever wrote it removes, or `trackql db gc`.
- Between the bytes and the commit: bytes at a place that no row names, for `trackql db gc`, which
  leaves those of the last day alone. They are removed at once where it is certain that nothing was
  committed; where that can't be known (a connection that breaks at the commit) they stay.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.domain import paths, runs, values
from trackql_server.domain.context import Context, Work
from trackql_server.domain.files import File
from trackql_server.domain.media_types import media_type
from trackql_server.errors import InvalidInput, TooLarge, Unavailable
from trackql_server.models import Artifact, Run
from trackql_server.store import artifacts as store
from trackql_server.store.artifacts import NewBlob

log = logging.getLogger(__name__)

# What sums of sizes stay below, references told of too.
MOST_BYTES = 2**62

# How often bytes are claimed while others purge the same ones at the same moment.
CLAIMS = 5


async def publish(
    ctx: Context,
    run_id: str,
    files: Sequence[File],
    fresh: Sequence[NewBlob],
    rich: Sequence[Mapping[str, Any]] = (),
) -> tuple[list[Artifact], set[str]]:
    """Make artifacts of bytes that have just been written; the paths that are new or changed.

    What is not needed of these bytes is removed again, all of them when it fails. `rich` are values
    that go with the files.
    """
    certain = False
    try:
        for tried in range(1, CLAIMS + 1):
            with suppress(Purged):
                async with ctx.write() as work:
                    try:
                        run = await runs.active(work.session, run_id)
                        await store.claim(work.session, fresh, ctx.now())
                        rows = [of_file(file, ctx.now()) for file in files]
                        placing = await Placing.prepare(ctx, work, run, rows)
                        _require_held(files, fresh, placing.held, last=tried == CLAIMS)
                        freed = await placing.carry_out()
                        await values.apply(work, run, rich)
                    except BaseException:
                        certain = True  # it is rolled back
                        raise
                break
            certain = False
    except BaseException:
        if certain:
            await discard(ctx, [each.place for each in fresh])
        raise
    double = [each.place for each in fresh if placing.held[each.digest] != each.place]
    await discard(ctx, [*freed, *double])
    return placing.made, placing.changed


class Purged(Exception):
    """A blob was there when it was claimed, and gone before it could be held."""


def _require_held(
    files: Sequence[File], fresh: Sequence[NewBlob], held: Mapping[str, str], *, last: bool
) -> None:
    """Raise Purged where the same bytes were purged at the same moment.

    The transaction is begun anew then: whoever claims must not hold anything. Raises Unavailable
    where it does not help.
    """
    if not last and any(each.digest not in held for each in fresh):
        raise Purged
    lost = next((file.path for file in files if file.digest not in held), None)
    if lost is not None:  # purged since it was looked up
        raise Unavailable(f"the bytes of {lost!r} were just purged: send them again")


async def discard(ctx: Context, places: Sequence[str]) -> None:
    """Remove bytes that nothing names; what fails of that is left to `trackql db gc`."""
    if not places:
        return
    try:
        await ctx.services.blobs.delete(places)
    except Exception:
        log.exception("bytes that nothing names stay in the artifact store until trackql db gc")


class Placing:
    """Artifacts about to be at their paths, in place of what is there, in one transaction.

    `held` has by digest where bytes lie, of all that the new and the old artifacts name; `made` are
    the artifacts as they will be, `changed` the paths of those that are new or other than before.
    """

    def __init__(
        self,
        ctx: Context,
        work: Work,
        run: Run,
        rows: Sequence[Artifact],
        former: Mapping[str, Artifact],
        held: Mapping[str, str],
    ) -> None:
        self._ctx, self._work, self._run = ctx, work, run
        self.held = held
        self._wanted = {row.path: row for row in rows}
        self._new = [row for path, row in self._wanted.items() if not _same(former.get(path), row)]
        self._old = [former[row.path] for row in self._new if row.path in former]
        self._former = former
        self.changed = {row.path for row in self._new}
        self.made = [
            self._wanted[row.path] if row.path in self.changed else former[row.path] for row in rows
        ]

    @classmethod
    async def prepare(
        cls, ctx: Context, work: Work, run: Run, rows: Sequence[Artifact]
    ) -> "Placing":
        """Look at what is there, and hold the blobs of old and new at once."""
        former = await store.at(work.session, run.number, [row.path for row in rows])
        digests = {each.digest for each in (*rows, *former.values()) if each.digest is not None}
        held = await store.hold(work.session, digests)
        return cls(ctx, work, run, rows, former, held)

    def only(self, rows: Sequence[Artifact]) -> "Placing":
        """The same of some of the artifacts."""
        return Placing(self._ctx, self._work, self._run, rows, self._former, self.held)

    async def carry_out(self) -> list[str]:
        """Make the rows; the places of bytes that nobody has any more."""
        session, run = self._work.session, self._run
        fresh = [path for path in self._wanted if path not in self._former]
        await require_places(session, run.number, fresh)
        _require_no_nesting(self._wanted)
        await require_room(self._ctx, session, run, self._new, self._old)
        for row in self._new:
            row.owner_number = run.number
        await store.replace(session, run.number, self._new, self._old)
        if self._new:
            self._work.announce(run)
        return await store.free(session, (each.digest for each in self._old))


def of_file(file: File, now: datetime) -> Artifact:
    """An artifact that is not placed yet, of bytes that are here."""
    row = new_row(file.path, file.media_type, now)
    row.size, row.digest = file.size, file.digest
    return row


def new_row(path: str, given: str | None, now: datetime) -> Artifact:
    """An artifact that is not placed yet."""
    folder, name = paths.parts(path)
    return Artifact(
        owner_number=0,
        path=path,
        folder=folder,
        name=name,
        size=0,
        media_type=media_type(path, given),
        created_at=now,
    )


def _same(former: Artifact | None, row: Artifact) -> bool:
    return (
        former is not None
        and (former.digest, former.uri, former.size) == (row.digest, row.uri, row.size)
        and former.media_type == row.media_type
    )


async def require_fit(ctx: Context, session: AsyncSession, run: Run, path: str, size: int) -> None:
    """Raise InvalidInput or TooLarge where a file won't be let in, before its bytes are sent."""
    former = await store.at(session, run.number, [path])
    if not former:
        await require_places(session, run.number, [path])
    row = new_row(path, None, ctx.now())
    row.size = size
    await require_room(ctx, session, run, [row], list(former.values()))


async def require_places(session: AsyncSession, owner: int, new: Sequence[str]) -> None:
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
    more = len(new) - len(old)
    grown = sum(max(0, each.size) for each in new) - sum(max(0, each.size) for each in old)
    files, size = (root.files, root.size) if root else (0, 0)
    files, size = files + more, size + grown
    if more > 0 and files > quotas.run_files:
        raise TooLarge(
            f"run {run.id} would have {files:,} artifacts; it may have {quotas.run_files:,}"
            " (TRACKQL_LIMIT_RUN_FILES)",
            limit="run_files",
        )
    most = quotas.run_bytes or MOST_BYTES
    if grown > 0 and size > most:
        raise TooLarge(
            f"run {run.id} would have {size:,} bytes of artifacts; it may have"
            f" {most:,} (TRACKQL_LIMIT_RUN_ARTIFACTS)",
            limit="run_artifacts",
        )
