"""Many files in one request, published in one transaction; and many files out again.

A pack is a length (8 bytes, big-endian), that many bytes of JSON, the manifest
`{"entries": [{"path", "size", "sha256", "mediaType", "value"}]}`, then the bodies one after the
other. An entry without `path` has no body: it is a rich value alone.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from trackql_server.domain import access, files, paths, publishing, runs
from trackql_server.domain.context import Context
from trackql_server.domain.files import File
from trackql_server.errors import InvalidInput, NotFound, TooLarge
from trackql_server.models import Artifact
from trackql_server.store import artifacts as store
from trackql_server.store.artifacts import NewBlob
from trackql_server.store.blobs.protocol import Arrived, Blobs, new_place

HEAD = struct.Struct(">Q")
LARGEST_MANIFEST = 16 * 1024 * 1024

# Bodies up to this size wait in memory, at most BATCH bytes of them, to be written together.
SMALL = 256 * 1024
BATCH = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a manifest; `file` is None for a value alone."""

    file: File | None
    value: Mapping[str, Any] | None


async def receive(ctx: Context, run_id: str, chunks: AsyncIterator[bytes]) -> list[Artifact]:
    """Keep all files of a pack, or none. Raises InvalidInput, WrongDigest, TooLarge, DiskFull."""
    access.require_write(ctx.viewer)
    source = _Source(chunks)
    size = HEAD.unpack(await source.exactly(HEAD.size))[0]
    if size > LARGEST_MANIFEST:
        raise TooLarge(
            f"the manifest has {size:,} bytes, more than {LARGEST_MANIFEST:,}: send several packs",
            limit="manifest",
        )
    entries = _entries(ctx, await source.exactly(size))
    async with ctx.read() as session:
        run = await runs.found_active(session, run_id)
        known = await store.places(
            session, {each.file.digest for each in entries if each.file is not None}
        )
    keeping = _Keeping(ctx.services.blobs, set(known))
    try:
        for each in entries:
            if each.file is not None:
                await keeping.take(each.file, source)
        await keeping.flush()
        await source.end()
    except BaseException:
        await publishing.discard(ctx, [each.place for each in keeping.fresh])
        raise
    named = [each.file for each in entries if each.file is not None]
    rich = [each.value for each in entries if each.value is not None]
    made, _ = await publishing.publish(ctx, run.id, named, keeping.fresh, rich)
    return made


class _Source:
    """A body that is read by the byte, whatever chunks it arrives in."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._held = memoryview(b"")

    async def exactly(self, size: int) -> bytes:
        parts = [part async for part in self.up_to(size)]
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)

    async def up_to(self, size: int) -> AsyncIterator[bytes]:
        """The next `size` bytes, in the chunks they arrive in. Raises InvalidInput at the end."""
        while size:
            if not self._held:
                self._held = memoryview(await self._next())
                if not self._held:
                    raise InvalidInput(
                        f"the pack ends {size:,} bytes too early: send it again", argument="body"
                    )
            part, self._held = self._held[:size], self._held[size:]
            size -= len(part)
            yield bytes(part)

    async def _next(self) -> bytes:
        async for chunk in self._chunks:
            if chunk:
                return chunk
        return b""

    async def end(self) -> None:
        if self._held or await self._next():
            raise InvalidInput("the pack goes on behind its last entry", argument="body")


class _Keeping:
    """Writes the bodies of a pack: small ones in batches, large ones as they arrive."""

    def __init__(self, blobs: Blobs, known: set[str]) -> None:
        self.fresh: list[NewBlob] = []
        self._blobs = blobs
        self._known = known
        self._waiting: list[tuple[File, bytes]] = []
        self._held = 0

    async def take(self, file: File, source: _Source) -> None:
        if file.size > SMALL:
            await self._large(file, source)
            return
        self._waiting.append((file, await source.exactly(file.size)))
        self._held += file.size
        # Thousands of tiny files weigh by their number.
        if self._held >= BATCH or len(self._waiting) >= 2_000:
            await self.flush()

    async def flush(self) -> None:
        waiting, self._waiting, self._held = self._waiting, [], 0
        digests = await asyncio.to_thread(lambda: [sha256(body).hexdigest() for _, body in waiting])
        new: dict[str, bytes] = {}
        for (file, body), digest in zip(waiting, digests, strict=True):
            files.require_digest(Arrived(len(body), digest), file.digest, file.path)
            if digest not in self._known:
                new[digest] = body
        self._known.update(new)
        if new:
            places = await self._blobs.write_many(list(new.items()))
            for (digest, body), place in zip(new.items(), places, strict=True):
                self.fresh.append(NewBlob(digest, len(body), place))

    async def _large(self, file: File, source: _Source) -> None:
        place = new_place(file.digest)
        arrived = await self._blobs.write(place, source.up_to(file.size))
        self.fresh.append(NewBlob(file.digest, file.size, place))
        files.require_digest(arrived, file.digest, file.path)


def _entries(ctx: Context, manifest: bytes) -> list[Entry]:
    try:
        plain = orjson.loads(manifest)
        given = plain["entries"]
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise TypeError
    except (orjson.JSONDecodeError, TypeError, KeyError) as error:
        raise InvalidInput(
            'the manifest has to be JSON: {"entries": [{"path", "size", "sha256"}]}',
            argument="manifest",
        ) from error
    if len(given) > files.MOST_FILES:
        raise TooLarge(
            f"a pack has at most {files.MOST_FILES:,} entries: send several", limit="entries"
        )
    found = [_entry(each, f"entries[{place}]") for place, each in enumerate(given)]
    named = [each.file for each in found if each.file is not None]
    files.checked_files(ctx, named)
    if len({file.path for file in named}) != len(named):
        raise InvalidInput("a path stands twice in the pack", argument="entries")
    return found


def _entry(given: dict[str, Any], argument: str) -> Entry:
    value, path = given.get("value"), given.get("path")
    if value is not None and not isinstance(value, dict):
        raise InvalidInput(f"{argument}.value has to be an object", argument=f"{argument}.value")
    if path is None:
        if value is None:
            raise InvalidInput(
                f"{argument} has neither a path nor a value", argument=f"{argument}.path"
            )
        return Entry(None, value)
    for name, kind in (("path", str), ("size", int), ("sha256", str)):
        if type(given.get(name)) is not kind:
            raise InvalidInput(
                f"{argument}.{name} is missing, or of another kind", argument=f"{argument}.{name}"
            )
    media_type = given.get("mediaType")
    if media_type is not None and not isinstance(media_type, str):
        raise InvalidInput(f"{argument}.mediaType has to be text", argument=f"{argument}.mediaType")
    file = File(given["path"], given["size"], given["sha256"], media_type)
    return Entry(file, None if value is None else {**value, "path": file.path})


# -- out


@dataclass(frozen=True, slots=True)
class Member:
    """A file that goes out; `name` is its path below the folder that was asked for."""

    name: str
    size: int
    digest: str
    place: str
    media_type: str


async def members(ctx: Context, run_id: str, folder: str) -> list[Member]:
    """Every file in a folder, at any depth, that is here and not a reference; by path.

    Raises NotFound when there is no such folder.
    """
    access.require_read(ctx.viewer)
    plain = paths.folder(folder)
    async with ctx.read() as session:
        run = await runs.found(session, run_id)
        if plain and plain not in await store.folders_at(session, run.number, [plain]):
            raise NotFound(f"run {run_id} has no folder {plain!r}")
        rows = await store.kept(session, run.number, plain)
    cut = len(plain) + 1 if plain else 0
    return [Member(row.path[cut:], row.size, row.digest, row.place, row.media_type) for row in rows]


def manifest(members: Sequence[Member]) -> bytes:
    """The head of a pack of these files."""
    entries = [
        {"path": each.name, "size": each.size, "sha256": each.digest, "mediaType": each.media_type}
        for each in members
    ]
    plain = orjson.dumps({"entries": entries})
    return HEAD.pack(len(plain)) + plain


async def bodies(
    ctx: Context, members: Sequence[Member]
) -> AsyncIterator[tuple[Member, AsyncIterator[bytes]]]:
    """Files one after the other with their bytes; small ones are read together."""
    blobs = ctx.services.blobs
    start = 0
    while start < len(members):
        stop, held = start, 0
        while stop < len(members) and members[stop].size <= SMALL and held < BATCH:
            held += members[stop].size
            stop += 1
        if stop == start:
            each = members[start]
            yield each, blobs.read(each.place, 0, each.size)
            start += 1
            continue
        some = members[start:stop]
        for each, body in zip(
            some, await blobs.read_many([one.place for one in some]), strict=True
        ):
            yield each, _once(body)
        start = stop


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
