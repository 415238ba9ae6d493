"""Finding artifacts: a folder's content, what has a text in its path, what is in the trash."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import BigInteger, literal
from sqlmodel import col

from trackql_server.domain import access, paths
from trackql_server.domain.context import Context
from trackql_server.domain.pages import Page, Paged
from trackql_server.models import Artifact, ArtifactFolder, Run
from trackql_server.store import artifacts as store
from trackql_server.store import paging, scans

# In a folder, folders come before files.
FOLDERS, FILES = 0, 1
_PLACE = [
    paging.Order("kind", literal(0, BigInteger)),
    paging.Order("name", col(Artifact.name)),
]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder as it is listed; a folder's `files` and `size` are of all within it."""

    id: str
    run_id: str
    path: str
    name: str
    folder: str
    is_folder: bool
    files: int
    size: int | None
    sha256: str | None
    media_type: str | None
    uri: str | None
    created_at: datetime | None
    trashed_at: datetime | None

    @property
    def url(self) -> str | None:
        """Where its bytes are, relative to the server; a folder's as a ZIP archive."""
        if self.uri is not None or self.trashed_at is not None:
            return None
        address = f"/artifacts/runs/{self.run_id}/{quote(self.path, safe='/')}"
        return f"{address.rstrip('/')}/?format=zip" if self.is_folder else address


@dataclass(frozen=True, slots=True)
class Found:
    """What a search over many runs found, whether more may follow, and behind which cursor."""

    entries: list[Entry]
    has_next: bool
    end: str | None


def of_file(run_id: str, row: Artifact) -> Entry:
    """A file as it is listed."""
    return Entry(
        id=str(row.number),
        run_id=run_id,
        path=row.path,
        name=row.name,
        folder=row.folder,
        is_folder=False,
        files=1,
        size=None if row.size < 0 else row.size,
        sha256=row.digest,
        media_type=row.media_type,
        uri=row.uri,
        created_at=row.created_at,
        trashed_at=row.trashed_at,
    )


def of_folder(run_id: str, row: ArtifactFolder) -> Entry:
    """A folder as it is listed."""
    return Entry(
        id=f"{run_id}/{row.path}/",
        run_id=run_id,
        path=row.path,
        name=row.name,
        folder=row.parent or "",
        is_folder=True,
        files=row.files,
        size=row.size,
        sha256=None,
        media_type=None,
        uri=None,
        created_at=None,
        trashed_at=None,
    )


async def within(ctx: Context, run: Run, folder: str, page: Page) -> Paged[Entry]:
    """What lies right in a folder: folders, then files, each by name."""
    access.require_read(ctx.viewer)
    plain = paths.folder(folder)
    kind, name = FOLDERS, None
    if page.after is not None:
        kind, name = paging.read_cursor(page.after, _PLACE)
    entries: list[Entry] = []
    async with ctx.read() as session:
        if kind == FOLDERS:
            found = store.folders_in(run.number, plain).order_by(col(ArtifactFolder.name))
            if name is not None:
                found = found.where(col(ArtifactFolder.name) > name)
            rows = (await session.execute(found.limit(page.first + 1))).scalars()
            entries = [of_folder(run.id, row) for row in rows]
        if len(entries) <= page.first:
            files = store.files_in(run.number, plain).order_by(col(Artifact.name))
            if kind == FILES:
                files = files.where(col(Artifact.name) > name)
            some = await session.execute(files.limit(page.first + 1 - len(entries)))
            entries += [of_file(run.id, row) for row in some.scalars()]
    shown = entries[: page.first]
    cursors = [
        paging.write_cursor([FOLDERS if each.is_folder else FILES, each.name]) for each in shown
    ]
    return Paged(shown, cursors, len(entries) > page.first, page.after is not None)


async def count_within(ctx: Context, run: Run, folder: str) -> int:
    """How many things lie right in a folder."""
    access.require_read(ctx.viewer)
    plain = paths.folder(folder)
    async with ctx.read() as session:
        folders = await paging.count(session, store.folders_in(run.number, plain))
        return folders + await paging.count(session, store.files_in(run.number, plain))


async def searched(ctx: Context, run: Run, folder: str, text: str, page: Page) -> Paged[Entry]:
    """Files within a folder, at any depth, whose path contains a text; by path."""
    access.require_read(ctx.viewer)
    plain = paths.folder(folder)
    statement = store.files_below(run.number, plain).where(
        paging.contains(col(Artifact.path), text)
    )
    async with ctx.read() as session:
        found = await page.run(session, statement, [paging.Order("path", col(Artifact.path))])
    return _entries(run.id, found)


async def count_searched(ctx: Context, run: Run, folder: str, text: str) -> int:
    """How many `searched` finds in all."""
    access.require_read(ctx.viewer)
    plain = paths.folder(folder)
    statement = store.files_below(run.number, plain).where(
        paging.contains(col(Artifact.path), text)
    )
    async with ctx.read() as session:
        return await paging.count(session, statement)


async def trashed(ctx: Context, run: Run, page: Page) -> Paged[Entry]:
    """What a run has in the trash; what was made last comes first."""
    access.require_read(ctx.viewer)
    order = [paging.Order("number", col(Artifact.number), descending=True)]
    async with ctx.read() as session:
        found = await page.run(session, store.in_trash(run.number), order)
    return _entries(run.id, found)


async def count_trashed(ctx: Context, run: Run) -> int:
    """How much a run has in the trash."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await paging.count(session, store.in_trash(run.number))


async def entry(ctx: Context, run: Run, path: str) -> Entry | None:
    """A file or a folder of a run; None when there is neither."""
    access.require_read(ctx.viewer)
    plain = paths.folder(path, "path")
    async with ctx.read() as session:
        file = (await store.at(session, run.number, [plain])).get(plain)
        if file is not None:
            return of_file(run.id, file)
        folder = (await store.folders_at(session, run.number, [plain])).get(plain)
    return None if folder is None else of_folder(run.id, folder)


async def totals(ctx: Context, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Files and bytes of runs, by the number of the run."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        found = await store.roots(session, numbers)
    none = (0, 0)
    sums = {number: (row.files, row.size) for number, row in found.items()}
    return {number: sums.get(number, none) for number in numbers}


async def everywhere(
    ctx: Context,
    experiment_ids: Sequence[str] | None,
    text: str | None,
    media_types: Sequence[str] | None,
    page: Page,
) -> Found:
    """Artifacts of many runs, the newest first.

    A page looks at a bounded number of artifacts: it may be short, or empty, while more follow.
    """
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        found = await scans.newest(session, experiment_ids, text, media_types, page)
    return Found([of_file(run_id, row) for row, run_id in found.rows], found.has_next, found.end)


def _entries(run_id: str, found: Paged[Artifact]) -> Paged[Entry]:
    return Paged(
        [of_file(run_id, row) for row in found.rows],
        found.cursors,
        found.has_next,
        found.has_previous,
    )
