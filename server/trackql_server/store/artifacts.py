"""Artifacts as rows: what lies where, in which folders, and whose bytes nobody has any more."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from sys import intern

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped
from sqlmodel import col

from trackql_server.models import Artifact, ArtifactFolder, Blob
from trackql_server.models.columns import table_of
from trackql_server.store.listed import one_of

ARTIFACT, FOLDER, BLOB = table_of(Artifact), table_of(ArtifactFolder), table_of(Blob)

FOLDERS_A_STATEMENT = 100

# Files and bytes by folder: what a change adds to what is known of it.
Deltas = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class NewBlob:
    """Bytes that lie in the store under a place of their own."""

    digest: str
    size: int
    place: str


async def claim(session: AsyncSession, blobs: Iterable[NewBlob], now: datetime) -> None:
    """Make blobs that are not there; `hold` then tells where the bytes of each digest lie.

    Whoever loses the race for a digest finds another's place, and removes his own bytes.
    """
    new = {each.digest: each for each in blobs}
    if not new:
        return
    connection = await session.connection()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    await connection.execute(
        dialect.insert(BLOB).on_conflict_do_nothing(index_elements=["digest"]),
        [
            {"digest": digest, "size": new[digest].size, "place": new[digest].place,
             "created_at": now}
            for digest in sorted(new)
        ],
    )  # fmt: skip


async def hold(session: AsyncSession, digests: Iterable[str]) -> dict[str, str]:
    """Where the bytes of digests lie, of those that are there.

    The rows are held until the transaction ends, so that no purge frees them before they are used;
    in the order of the digests, so that nobody waits for one who waits for him.
    """
    found = await session.execute(
        select(BLOB.c.digest, BLOB.c.place)
        .where(one_of(BLOB.c.digest, sorted(set(digests))))
        .order_by(BLOB.c.digest)
        .with_for_update()
    )
    return {row.digest: row.place for row in found}


async def places(session: AsyncSession, digests: Iterable[str]) -> dict[str, Blob]:
    """The blobs of digests, of those that are there."""
    wanted = sorted(set(digests))
    found = await session.execute(select(Blob).where(one_of(col(Blob.digest), wanted)))
    return {blob.digest: blob for blob in found.scalars()} if wanted else {}


async def free(session: AsyncSession, digests: Iterable[str | None]) -> list[str]:
    """Forget those of these blobs that no artifact has; the places of their bytes.

    They are held first and looked at in a statement of its own: an artifact that got one of them
    meanwhile is seen. The bytes may go after the commit, since no place is ever used again.
    """
    held = await hold(session, (digest for digest in digests if digest is not None))
    if not held:
        return []
    used = set(
        (
            await session.execute(
                select(ARTIFACT.c.digest).distinct().where(one_of(ARTIFACT.c.digest, list(held)))
            )
        ).scalars()
    )
    gone = [digest for digest in held if digest not in used]
    if gone:
        await session.execute(delete(BLOB).where(one_of(BLOB.c.digest, gone)))
    return [held[digest] for digest in gone]


# -- reading


def active(owner: int) -> ColumnElement[bool]:
    """Artifacts of a run that are not in the trash."""
    return and_(col(Artifact.owner_number) == owner, col(Artifact.trashed) == 0)


def below(column: ColumnElement[str] | Mapped[str], folder: str) -> ColumnElement[bool]:
    """Paths within a folder, at any depth; "" is the root."""
    if not folder:
        return literal(True)
    return and_(column > f"{folder}/", column < f"{folder}0")  # "0" is what follows "/"


async def at(session: AsyncSession, owner: int, paths: Sequence[str]) -> dict[str, Artifact]:
    """The artifacts of a run at these paths."""
    if not paths:
        return {}
    found = await session.execute(
        select(Artifact).where(active(owner), one_of(col(Artifact.path), list(paths)))
    )
    return {each.path: each for each in found.scalars()}


async def folders_at(
    session: AsyncSession, owner: int, paths: Sequence[str]
) -> dict[str, ArtifactFolder]:
    """The folders of a run at these paths."""
    if not paths:
        return {}
    found = await session.execute(
        select(ArtifactFolder).where(
            col(ArtifactFolder.owner_number) == owner,
            one_of(col(ArtifactFolder.path), list(paths)),
        )
    )
    return {each.path: each for each in found.scalars()}


async def roots(session: AsyncSession, owners: Sequence[int]) -> dict[int, ArtifactFolder]:
    """What runs have in all."""
    found = await session.execute(
        select(ArtifactFolder).where(
            one_of(col(ArtifactFolder.owner_number), list(owners)), col(ArtifactFolder.path) == ""
        )
    )
    return {each.owner_number: each for each in found.scalars()}


def folders_in(owner: int, folder: str) -> Select[ArtifactFolder]:
    """The folders that lie right in a folder."""
    return select(ArtifactFolder).where(
        col(ArtifactFolder.owner_number) == owner, col(ArtifactFolder.parent) == folder
    )


def files_in(owner: int, folder: str) -> Select[Artifact]:
    """The files that lie right in a folder."""
    return select(Artifact).where(active(owner), col(Artifact.folder) == folder)


def files_below(owner: int, folder: str) -> Select[Artifact]:
    """The files within a folder at any depth."""
    return select(Artifact).where(active(owner), below(col(Artifact.path), folder))


def in_trash(owner: int) -> Select[Artifact]:
    """What a run has in the trash."""
    return select(Artifact).where(
        col(Artifact.owner_number) == owner, col(Artifact.trashed_at).is_not(None)
    )


# -- changing


async def replace(
    session: AsyncSession, owner: int, new: Sequence[Artifact], old: Sequence[Artifact]
) -> None:
    """Take artifacts out and put others in, their folders with them."""
    if old:
        numbers = [each.number for each in old]
        await session.execute(delete(ARTIFACT).where(one_of(ARTIFACT.c.number, numbers)))
    if new:
        columns = [column.name for column in ARTIFACT.columns]
        await session.execute(
            insert(ARTIFACT), [{name: getattr(each, name) for name in columns} for each in new]
        )
    changes: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for sign, rows in ((1, new), (-1, old)):
        for each in rows:
            change = changes[each.folder]
            change[0] += sign
            change[1] += sign * max(0, each.size)
    await fold(session, owner, {path: (count, size) for path, (count, size) in changes.items()})


async def fold(session: AsyncSession, owner: int, changes: Deltas) -> None:
    """Add changes of folders to them and to those they lie in; the last file takes its folder."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for path, (count, size) in changes.items():
        for each in _upwards(path):
            sums[each][0] += count
            sums[each][1] += size
    rows = [
        {
            "owner_number": owner,
            "path": path,
            "parent": None if not path else path.rpartition("/")[0],
            "name": path.rpartition("/")[2],
            "files": count,
            "size": size,
        }
        for path, (count, size) in sorted(sums.items())
        if count or size
    ]
    if not rows:
        return
    connection = await session.connection()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    adding = dialect.insert(FOLDER)
    await connection.execute(
        adding.on_conflict_do_update(
            index_elements=["owner_number", "path"],
            set_={
                "files": FOLDER.c.files + adding.excluded.files,
                "size": FOLDER.c.size + adding.excluded.size,
            },
        ),
        rows,
    )
    shrunk = sorted(path for path, (count, _) in sums.items() if count < 0)
    if shrunk:
        await session.execute(
            delete(FOLDER).where(
                FOLDER.c.owner_number == owner, FOLDER.c.files <= 0, one_of(FOLDER.c.path, shrunk)
            )
        )


def _upwards(path: str) -> Iterable[str]:
    yield path
    while path:
        path = path.rpartition("/")[0]
        yield path


def chosen(
    owner: int, files: Sequence[str], folders: Sequence[str]
) -> Iterator[ColumnElement[bool]]:
    """Artifacts at the paths of files, and all within folders: conditions to go through in turn.

    SQLite takes expressions of a thousand parts at most.
    """
    if files:
        yield and_(active(owner), one_of(col(Artifact.path), files))
    for start in range(0, len(folders), FOLDERS_A_STATEMENT):
        some = folders[start : start + FOLDERS_A_STATEMENT]
        yield and_(active(owner), or_(*(below(col(Artifact.path), folder) for folder in some)))


async def by_folder(session: AsyncSession, condition: ColumnElement[bool]) -> Deltas:
    """How many artifacts there are in each folder, and their bytes."""
    known = func.coalesce(func.sum(func.nullif(ARTIFACT.c.size, -1)), literal(0, BigInteger))
    found = await session.execute(
        select(ARTIFACT.c.folder, func.count(), known).where(condition).group_by(ARTIFACT.c.folder)
    )
    return {folder: (int(count), int(total)) for folder, count, total in found}


async def trash(session: AsyncSession, condition: ColumnElement[bool], now: datetime) -> None:
    """Put artifacts into the trash."""
    await session.execute(
        update(ARTIFACT).where(condition).values(trashed=ARTIFACT.c.number, trashed_at=now)
    )


async def restore(session: AsyncSession, numbers: Sequence[int]) -> None:
    """Take artifacts out of the trash."""
    await session.execute(
        update(ARTIFACT)
        .where(one_of(ARTIFACT.c.number, list(numbers)))
        .values(trashed=0, trashed_at=None)
    )


async def trashed(session: AsyncSession, owner: int, numbers: Sequence[int]) -> list[Artifact]:
    """Those of these artifacts of a run that are in the trash, locked."""
    found = await session.execute(
        in_trash(owner).where(one_of(col(Artifact.number), list(numbers))).with_for_update()
    )
    return list(found.scalars())


async def remove(session: AsyncSession, numbers: Sequence[int]) -> None:
    """Forget artifacts of the trash."""
    await session.execute(delete(ARTIFACT).where(one_of(ARTIFACT.c.number, list(numbers))))


@dataclass(frozen=True, slots=True)
class Kept:
    """A file whose bytes are here, as little of it as a run with very many files bears."""

    path: str
    size: int
    digest: str
    place: str
    media_type: str


async def kept(session: AsyncSession, owner: int, folder: str) -> list[Kept]:
    """The files within a folder whose bytes are here, by path."""
    columns = ARTIFACT.c
    found = await session.execute(
        select(columns.path, columns.size, columns.digest, BLOB.c.place, columns.media_type)
        .join(BLOB, BLOB.c.digest == columns.digest)
        .where(active(owner), columns.uri.is_(None), below(columns.path, folder))
        .order_by(columns.path)
    )
    return [Kept(*row[:4], intern(row[4])) for row in found]
