"""Artifacts into the trash, out of it again, and away for good."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.domain import access, paths, runs
from trackql_server.domain.context import Context
from trackql_server.errors import AlreadyExists, InvalidInput, NotFound
from trackql_server.models import Artifact
from trackql_server.store import artifacts as store

# Files and folders, or artifacts of the trash, that one request may name.
MOST = 1_000


async def delete(ctx: Context, run_id: str, given: Sequence[str]) -> int:
    """Put files, and folders with all in them, into the trash; how many files that were.

    Their paths are free at once. Raises NotFound, and moves nothing, when one is not there.
    """
    access.require_write(ctx.viewer)
    _few(given, "paths")
    plain = list(dict.fromkeys(paths.checked(path, "paths") for path in given))
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        there = set(await store.at(work.session, run.number, plain))
        there |= set(await store.folders_at(work.session, run.number, plain))
        missing = next((path for path in plain if path not in there), None)
        if missing is not None:
            raise NotFound(f"run {run_id} has no artifact {missing!r}")
        condition = store.chosen(run.number, plain)
        deltas = await store.by_folder(work.session, condition)
        await store.trash(work.session, condition, ctx.now())
        gone = {folder: (-count, -size) for folder, (count, size) in deltas.items()}
        await store.fold(work.session, run.number, gone)
        work.announce(run)
    return sum(count for count, _ in deltas.values())


async def restore(ctx: Context, run_id: str, ids: Sequence[str]) -> list[Artifact]:
    """Take artifacts out of the trash.

    Raises AlreadyExists, and restores none, when the path of one is taken.
    """
    access.require_write(ctx.viewer)
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        rows = await _trashed(work.session, run.number, ids)
        places = [row.path for row in rows]
        taken = set(await store.at(work.session, run.number, places))
        taken |= set(await store.folders_at(work.session, run.number, places))
        above = sorted({each for path in places for each in paths.ancestors(path) if each})
        taken |= set(await store.at(work.session, run.number, above))
        if len(set(places)) < len(places) or taken:
            name = next(iter(sorted(taken)), places[0])
            raise AlreadyExists(
                f"run {run_id} has an artifact {name!r} again, or twice in the trash: delete that"
                " first, or restore one of them"
            )
        await store.restore(work.session, [row.number for row in rows])
        await store.fold(work.session, run.number, _sums(rows))
        for row in rows:
            row.trashed, row.trashed_at = 0, None
        work.announce(run)
    return rows


async def purge(ctx: Context, run_id: str, ids: Sequence[str]) -> int:
    """Remove artifacts of the trash for good; the bytes that this frees, free at once."""
    access.require_write(ctx.viewer)
    async with ctx.write() as work:
        run = await runs.known(work.session, run_id)
        rows = await _trashed(work.session, run.number, ids)
        await store.remove(work.session, [row.number for row in rows])
        sizes = {row.digest: row.size for row in rows}
        held = await store.hold(work.session, (row.digest for row in rows if row.digest))
        gone = await store.free(work.session, (row.digest for row in rows))
        work.announce(run)
    await ctx.services.blobs.delete(gone)
    freed = set(gone)
    return sum(sizes[digest] for digest, place in held.items() if place in freed)


async def _trashed(session: AsyncSession, owner: int, ids: Sequence[str]) -> list[Artifact]:
    _few(ids, "ids")
    try:
        numbers = list(dict.fromkeys(int(each) for each in ids))
    except ValueError as error:
        raise InvalidInput("ids holds what is no id of an artifact", argument="ids") from error
    found = await store.trashed(session, owner, numbers)
    if len(found) < len(numbers):
        raise NotFound("one of the artifacts is not in the trash of this run")
    return found


def _sums(rows: Sequence[Artifact]) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        count, size = sums.get(row.folder, (0, 0))
        sums[row.folder] = (count + 1, size + max(0, row.size))
    return sums


def _few(things: Sequence[str], argument: str) -> None:
    if not things or len(things) > MOST:
        raise InvalidInput(
            f"{argument} names {len(things):,} things: name 1 to {MOST:,}", argument=argument
        )
