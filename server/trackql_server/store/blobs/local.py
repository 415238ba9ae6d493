"""Artifact bytes in a folder of this machine.

`blobs/` holds what is kept, `segments/` what is kept of many small files, `drafts/` what is being
written, `uploads/` what arrives in parts; a rename makes a draft or an upload a blob. All of them
lie on one file system.
"""

import asyncio
import errno
import logging
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import aiofiles
import aiofiles.os

from trackql_server.errors import DiskFull, StoreUnavailable, UploadBusy
from trackql_server.store.blobs import segments
from trackql_server.store.blobs.pieces import PIECE, pieces
from trackql_server.store.blobs.protocol import Arrived, Chunks, Signed, Stored, new_place

if TYPE_CHECKING:
    from hashlib import _Hash

log = logging.getLogger(__name__)

# Failures of whoever sends, and bytes that are not there.
NOT_THE_DISK = (FileNotFoundError, ConnectionError, TimeoutError)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class LocalBlobs:
    """A folder; it is made with the first bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._hashing: dict[str, _Hashing] = {}
        self._segments: bool | None = None  # whether its file system can give parts of files back

    async def write(self, place: str, chunks: Chunks) -> Arrived:
        digest, size = sha256(), 0
        draft = self._draft()
        with _told(), _dropped(draft):
            await asyncio.to_thread(self._ready, draft)
            async with aiofiles.open(draft, "xb") as file:
                keeping: asyncio.Future[None] = asyncio.ensure_future(asyncio.sleep(0))
                try:
                    async for piece in pieces(chunks):
                        await keeping
                        size += len(piece)
                        # The next piece is received while this one is written and hashed, each in
                        # a thread: both let go of the interpreter.
                        keeping = asyncio.ensure_future(_both(file.write(piece), digest, piece))
                    await keeping
                finally:
                    await asyncio.wait([keeping])
            await asyncio.to_thread(self._publish, draft, place)
        return Arrived(size, digest.hexdigest())

    async def write_many(self, bodies: Sequence[tuple[str, bytes]]) -> list[str]:
        with _told():
            return await asyncio.to_thread(self._write_many, bodies)

    def _write_many(self, bodies: Sequence[tuple[str, bytes]]) -> list[str]:
        draft = self._draft()
        self._ready(draft)
        if self._segments is None:
            self._segments = segments.supported(draft.parent)
        places = [new_place(digest) for digest, _ in bodies]
        some = [n for n, (_, body) in enumerate(bodies) if self._segments and segments.fits(body)]
        together = some if len(some) > 1 else []
        written: list[str] = []
        try:
            if together:
                with _dropped(draft):
                    written = segments.write(self.root, draft, [bodies[n][1] for n in together])
                for number, place in zip(together, written, strict=True):
                    places[number] = place
            for number in sorted(set(range(len(bodies))).difference(together)):
                # A draft of its own each: whoever lists the folder sees whole blobs alone.
                with _dropped(draft):
                    draft.write_bytes(bodies[number][1])
                    self._publish(draft, places[number])
                written.append(places[number])
        except BaseException:
            self._delete(written)
            raise
        return places

    async def read(self, place: str, start: int, end: int) -> AsyncIterator[bytes]:
        if (within := segments.parsed(self.root, place)) is not None:
            yield (await asyncio.to_thread(segments.read, within))[start:end]
            return
        with _told():
            async with aiofiles.open(self.root / place, "rb") as file:
                await file.seek(start)
                ahead = asyncio.ensure_future(file.read(min(PIECE, end - start)))
                try:
                    while start < end:
                        piece = await ahead
                        if not piece:
                            raise StoreUnavailable("the artifact store has lost the end of a file")
                        start += len(piece)
                        # The next piece is read while this one is sent.
                        ahead = asyncio.ensure_future(file.read(min(PIECE, end - start)))
                        yield piece
                finally:
                    await asyncio.wait([ahead])

    async def read_many(self, places: Sequence[str]) -> list[bytes]:
        with _told():
            return await asyncio.to_thread(lambda: [self._read(place) for place in places])

    def _read(self, place: str) -> bytes:
        within = segments.parsed(self.root, place)
        return (self.root / place).read_bytes() if within is None else segments.read(within)

    async def delete(self, places: Sequence[str]) -> None:
        with _told():
            await asyncio.to_thread(self._delete, places)

    def _delete(self, places: Sequence[str]) -> None:
        inside = [segments.parsed(self.root, place) for place in places]
        segments.delete([each for each in inside if each is not None])
        for place, within in zip(places, inside, strict=True):
            if within is None:
                (self.root / place).unlink(missing_ok=True)

    async def listing(self) -> AsyncIterator[Stored]:
        for kind in ("blobs", "segments", "drafts", "uploads"):
            folder = self.root / kind
            # A folder at a time: two hex digits part the blobs into 256.
            for each in await asyncio.to_thread(_folders, folder):
                for found in await asyncio.to_thread(self._files, each):
                    yield found

    def _files(self, folder: Path) -> list[Stored]:
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # it was removed meanwhile
                    if entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        place = Path(entry.path).relative_to(self.root).as_posix()
                        moment = datetime.fromtimestamp(status.st_mtime, UTC)
                        if not place.startswith("segments/"):
                            found.append(Stored(place, status.st_size, moment))
                            continue
                        found += [
                            Stored(f"{place}/{offset}-{size}", size, moment)
                            for offset, size in segments.listing(Path(entry.path))
                        ]
        return found

    async def signed(self, method: Literal["GET", "PUT"], place: str) -> Signed | None:
        return None

    # -- uploads in parts

    async def begin(self, upload_id: str, size: int) -> None:
        path = self._upload(upload_id)

        def make() -> None:
            self._ready(path)
            fresh = not path.exists()
            try:
                with path.open("ab") as file:
                    if size and hasattr(os, "posix_fallocate"):
                        os.posix_fallocate(file.fileno(), 0, size)
            except OSError:
                if fresh:  # what was begun before keeps its parts
                    path.unlink(missing_ok=True)
                raise

        with _told():
            await asyncio.to_thread(make)

    async def write_part(self, upload_id: str, part: int, offset: int, chunks: Chunks) -> int:
        size = 0
        hashing = self._hash(upload_id)
        hashing.begin(offset)
        digest, whole = hashing.lend(offset), False
        try:
            with _told():
                async with aiofiles.open(self._upload(upload_id), "r+b") as file:
                    await file.seek(offset)
                    writing: asyncio.Future[Any] = asyncio.ensure_future(asyncio.sleep(0))
                    try:
                        async for piece in pieces(chunks):
                            await writing
                            size += len(piece)
                            # The next piece is received while this one is written.
                            writing = asyncio.ensure_future(
                                file.write(piece)
                                if digest is None
                                else _both(file.write(piece), digest, piece)
                            )
                        await writing
                        whole = True
                    finally:
                        await asyncio.wait([writing])
        finally:
            hashing.end(offset, size, digest, whole=whole)
        return size

    async def finish(self, upload_id: str, parts: int, place: str) -> Arrived:
        path = self._upload(upload_id)
        hashing = self._hash(upload_id)
        hashing.seal()
        try:
            with _told():
                size = (await aiofiles.os.stat(path)).st_size
                digest = await hashing.rest(size)
                await asyncio.to_thread(self._publish, path, place)
        finally:
            self._hashing.pop(upload_id, None)
        return Arrived(size, digest)

    async def drop(self, upload_id: str) -> None:
        if (hashing := self._hashing.pop(upload_id, None)) is not None:
            await hashing.close()
        with _told():
            await asyncio.to_thread(self._upload(upload_id).unlink, missing_ok=True)

    def _hash(self, upload_id: str) -> "_Hashing":
        found = self._hashing.get(upload_id)
        if found is None:
            found = self._hashing[upload_id] = _Hashing(self._upload(upload_id))
        return found

    # -- the folder

    async def check(self) -> None:
        """It is made when it is needed."""

    async def close(self) -> None:
        for hashing in self._hashing.values():
            await hashing.close()
        self._hashing.clear()

    def _upload(self, upload_id: str) -> Path:
        return self.root / "uploads" / upload_id

    def _draft(self) -> Path:
        return self.root / "drafts" / secrets.token_hex(16)

    def _ready(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)

    def _publish(self, draft: Path, place: str) -> None:
        target = self.root / place
        try:
            draft.rename(target)
        except FileNotFoundError:
            self._ready(target)
            draft.rename(target)


class _Hashing:
    """Hashes an upload from its beginning on while its parts arrive, in whatever order.

    What it says of the bytes has to be true of what is published, whoever sends what: a part counts
    once nobody writes it, one that is sent again after it was hashed, or while it is, makes the
    hash begin anew, and nothing is written any more once it is sealed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest: _Hash = sha256()
        self._upto = 0
        self._until = 0  # the end of what is hashed just now
        self._ends: dict[int, int] = {}  # where a part that is there begins and ends
        self._writers: Counter[int] = Counter()  # by where their parts begin
        self._sealed = False
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def begin(self, offset: int) -> None:
        """Bytes from `offset` on are about to change. Raises UploadBusy when it is too late."""
        if self._sealed:
            raise UploadBusy("the upload is being completed; its parts can't change any more")
        self._writers[offset] += 1
        self._ends.pop(offset, None)
        if offset < max(self._upto, self._until):
            self._digest, self._upto, self._until = sha256(), 0, 0

    def lend(self, offset: int) -> "_Hash | None":
        """The digest, where the part at `offset` is just what comes next: its writer adds the bytes
        as they pass, and nobody need read them again. None where that is not so."""
        idle = self._task is None or self._task.done()
        if not idle or offset != self._upto or self._until > offset or self._writers[offset] > 1:
            return None
        self._until = offset + 1  # whoever sends this part too makes the hash begin anew
        return self._digest

    def end(
        self, offset: int, size: int, lent: "_Hash | None" = None, *, whole: bool = True
    ) -> None:
        """They have changed, `size` of them; `lent` has them too, if it was and `whole` is true."""
        if lent is not None and lent is self._digest:  # and not begun anew meanwhile
            if whole:
                self._upto = self._until = offset + size
            else:
                self._digest, self._upto, self._until = sha256(), 0, 0
        self._writers[offset] -= 1
        if self._writers[offset]:
            return
        del self._writers[offset]
        self._ends[offset] = offset + size
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())

    def seal(self) -> None:
        """No part may change from now on. Raises UploadBusy while one does."""
        if self._writers or self._sealed:
            raise UploadBusy("a part of the upload still arrives; complete it when all are there")
        self._sealed = True

    async def _follow(self) -> None:
        with suppress(OSError):  # whoever needs the rest reads it again, and is told
            while not self._closed and (end := self._ends.get(self._upto)) is not None:
                if end == self._upto:
                    return
                await self._advance(end)

    async def _advance(self, end: int) -> None:
        digest, self._until = self._digest, end
        upto = await asyncio.to_thread(self._read, digest, self._upto, end)
        if digest is self._digest:  # and not begun anew meanwhile
            self._upto = self._until = upto

    def _read(self, digest: "_Hash", start: int, end: int) -> int:
        with self._path.open("rb", buffering=0) as file:
            file.seek(start)
            while start < end and not self._closed:
                piece = file.read(min(4 * PIECE, end - start))
                if not piece:
                    break
                digest.update(piece)
                start += len(piece)
        return start

    async def rest(self, size: int) -> str:
        """The digest of all `size` bytes, once what is not hashed yet is."""
        if self._task is not None:
            await asyncio.wait([self._task])
        if self._upto < size:
            await self._advance(size)
        return self._digest.hexdigest()

    async def close(self) -> None:
        self._closed = True
        if self._task is not None:
            await asyncio.wait([self._task])


async def _both(writing: Awaitable[int], digest: "_Hash", piece: bytes) -> None:
    await asyncio.gather(writing, asyncio.to_thread(digest.update, piece))


@contextmanager
def _told() -> Iterator[None]:
    """A full disk is said to be full, and one that does not do as it should, to be out of order."""
    try:
        yield
    except NOT_THE_DISK:
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(
                "the artifact store has no room left: free some, for instance by `trackql db gc`"
            ) from error
        log.exception("the artifact store failed")
        raise StoreUnavailable(
            f"the artifact store can't be used ({error.strerror}); its folder needs a look"
        ) from error


@contextmanager
def _dropped(draft: Path) -> Iterator[None]:
    """No draft outlives what made it."""
    try:
        yield
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _folders(folder: Path) -> list[Path]:
    """A folder and those in it; none when it is not there."""
    try:
        with os.scandir(folder) as entries:
            return [folder, *sorted(Path(entry.path) for entry in entries if entry.is_dir())]
    except FileNotFoundError:
        return []
