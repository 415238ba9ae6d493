"""Artifacts into the trash, out of it again, and away for good."""

import re
from collections import Counter
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.domain import access, paths, publishing, runs
from trackql_server.domain.context import Context
from trackql_server.errors import AlreadyExists, InvalidInput, NotFound
from trackql_server.models import Artifact
from trackql_server.store import artifacts as store

# Files and folders, or artifacts of the trash, that one request may name.
MOST = 1_000

_ID = re.compile(r"[0-9]{1,19}")
_BEYOND = 2**63  # of what the databases call a number


async def delete(ctx: Context, run_id: str, given: Sequence[str]) -> int:
    """Put files, and folders with all in them, into the trash; how many files that were.

    Their paths are free at once. Raises NotFound, and moves nothing, when one is not there.
    """
    access.require_write(ctx.viewer)
    _few(given, "paths")
    plain = list(dict.fromkeys(paths.checked(path, "paths") for path in given))
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        files = set(await store.at(work.session, run.number, plain))
        folders = set(await store.folders_at(work.session, run.number, plain))
        missing = next((path for path in plain if path not in files | folders), None)
        if missing is not None:
            raise NotFound(f"run {run_id} has no artifact {missing!r}")
        moved = 0
        for condition in store.chosen(run.number, sorted(files), sorted(folders)):
            deltas = await store.by_folder(work.session, condition)
            await store.trash(work.session, condition, ctx.now())
            gone = {folder: (-count, -size) for folder, (count, size) in deltas.items()}
            await store.fold(work.session, run.number, gone)
            moved += sum(count for count, _ in deltas.values())
        work.announce(run)
    return moved


async def restore(ctx: Context, run_id: str, ids: Sequence[str]) -> list[Artifact]:
    """Take artifacts out of the trash.

    Raises AlreadyExists, and restores none, when the path of one is taken; TooLarge when the run
    has no room for them.
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
        if taken:
            raise AlreadyExists(
                f"run {run_id} has an artifact {min(taken)!r} again: delete that first"
            )
        _require_apart(places, above)
        await publishing.require_room(ctx, work.session, run, rows)
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
    await publishing.discard(ctx, gone)
    freed = set(gone)
    return sum(sizes[digest] for digest, place in held.items() if place in freed)


async def _trashed(session: AsyncSession, owner: int, ids: Sequence[str]) -> list[Artifact]:
    _few(ids, "ids")
    if not all(_ID.fullmatch(each) and int(each) < _BEYOND for each in ids):
        raise InvalidInput("ids holds what is no id of an artifact", argument="ids")
    numbers = list(dict.fromkeys(int(each) for each in ids))
    found = await store.trashed(session, owner, numbers)
    if len(found) < len(numbers):
        raise NotFound("one of the artifacts is not in the trash of this run")
    return found


def _require_apart(places: Sequence[str], above: Sequence[str]) -> None:
    """Raise AlreadyExists where paths to restore get in each other's way."""
    double = next((path for path, count in Counter(places).items() if count > 1), None)
    if double is not None:
        raise AlreadyExists(f"{double!r} is among them twice: restore one of the two")
    nested = set(places).intersection(above)
    if nested:
        raise AlreadyExists(
            f"{min(nested)!r} would be a file and a folder: restore it, or what lay in it"
        )


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
