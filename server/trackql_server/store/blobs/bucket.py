"""Artifact bytes in a bucket: S3, Google Cloud Storage, Azure, a folder, or memory, by obstore.

Keys of objects are made by the server: places of blobs, and parts of uploads until they are
joined. obstore's own errors may show addresses with signatures; of them only the kind is told.
"""

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from trackql_server.errors import DiskFull, InvalidInput, StoreUnavailable
from trackql_server.store.blobs.pieces import pieces
from trackql_server.store.blobs.protocol import Arrived, Chunks, Signed, Stored, new_place

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = logging.getLogger(__name__)

T = TypeVar("T")

SETTING = "TRACKQL_ARTIFACT_ROOT"
SCHEMES = ("s3", "gs", "az", "file", "memory")

# What one request to the bucket carries, and how many of them are on their way for one file.
# A bucket takes 10,000 requests for a file: files of unknown length may have 50 GB.
PART = 5 * 1024 * 1024
PARTS_AT_ONCE = 2
MOST_PARTS = 10_000

# Requests for many small objects that are on their way at once.
REQUESTS = 16

# Bytes handed on at once while reading.
CHUNK = 1024 * 1024

# Objects that a listing asks for at once.
LISTED = 1_000

# A bucket that does not answer is told of after some seconds, not after minutes.
CONNECT_TIMEOUT = timedelta(seconds=5)
RETRY_TIMEOUT = timedelta(seconds=15)
RETRIES = 3
CHECK_TIMEOUT = 10.0

# How long a signed address works.
SIGNED = timedelta(hours=1)

_STATUS = re.compile(r"status code: (\d{3})")


class Bucket:
    """Objects under one root of a bucket."""

    def __init__(self, root: str, store: "ObjectStore", signer: Literal["s3", "gs", "az"] | None):
        self.root = root
        self._store = store
        self._signer = signer

    # -- one object

    @asynccontextmanager
    async def writer(self, place: str, size: int | None = None) -> AsyncIterator["Writer"]:
        """Bytes written to it are an object when the block ends, and nothing when it raises."""
        import obstore

        part = PART if size is None else max(PART, -(-size // (MOST_PARTS - 1)))
        target: Any = obstore.open_writer_async(
            self._store, place, buffer_size=part, max_concurrency=PARTS_AT_ONCE
        )
        with self._told():
            await target.__aenter__()
        try:
            yield Writer(self, target)
        except BaseException as error:
            with suppress(Exception):  # what is told is why it broke off
                await target.__aexit__(type(error), error, error.__traceback__)
            raise
        with self._told():
            await target.__aexit__(None, None, None)

    async def write(self, place: str, chunks: Chunks, size: int | None = None) -> Arrived:
        digest = sha256()
        async with self.writer(place, size) as target:
            async for piece in pieces(chunks):
                await asyncio.gather(target.write(piece), asyncio.to_thread(digest.update, piece))
        return Arrived(target.size, digest.hexdigest())

    async def read(self, place: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`. Raises FileNotFoundError."""
        import obstore

        if start >= end:
            return
        with self._told():
            found = await obstore.get_async(self._store, place, options={"range": (start, end)})
        stream = found.stream(min_chunk_size=CHUNK)
        while True:
            with self._told():
                chunk = await anext(stream, None)
            if chunk is None:
                return
            yield bytes(chunk)

    async def _size(self, place: str) -> int:
        import obstore

        with self._told():
            return int((await obstore.head_async(self._store, place))["size"])

    async def _copy(self, source: str, target: str) -> None:
        """Copy within the bucket; no byte passes through here. Raises FileNotFoundError."""
        import obstore

        with self._told():
            await obstore.copy_async(self._store, source, target)

    # -- many

    async def write_many(self, bodies: Sequence[tuple[str, bytes]]) -> list[str]:
        import obstore

        async def write(place: str, body: bytes) -> None:
            with self._told():
                await obstore.put_async(self._store, place, body, use_multipart=False)

        places = [new_place(digest) for digest, _ in bodies]
        await _side_by_side(
            [partial(write, place, body) for place, (_, body) in zip(places, bodies, strict=True)]
        )
        return places

    async def read_many(self, places: Sequence[str]) -> list[bytes]:
        import obstore

        async def read(place: str) -> bytes:
            with self._told():
                found = await obstore.get_async(self._store, place)
                return bytes(await found.bytes_async())

        return await _side_by_side([partial(read, place) for place in places])

    async def delete(self, places: Sequence[str]) -> None:
        """Remove objects; those that are gone are passed over."""
        import obstore

        for begin in range(0, len(places), LISTED):
            some = list(places[begin : begin + LISTED])
            try:
                with self._told():
                    await obstore.delete_async(self._store, some)
            except FileNotFoundError:
                # Stores of one machine stop at the first that is gone.
                for place in some:
                    with self._told():
                        try:
                            await obstore.delete_async(self._store, place)
                        except FileNotFoundError:
                            continue

    async def listing(self) -> AsyncIterator[Stored]:
        async for each in self._listing(None):
            yield each

    async def _listing(self, prefix: str | None) -> AsyncIterator[Stored]:
        """Every object below a prefix that ends where a `/` is."""
        import obstore

        with self._told():
            pages = obstore.list(self._store, prefix, chunk_size=LISTED)
        while True:
            with self._told():
                page = await anext(pages, None)
            if page is None:
                return
            for each in page:
                yield Stored(str(each["path"]), int(each["size"]), each["last_modified"])

    # -- uploads in parts

    async def begin(self, upload_id: str, size: int) -> None:
        """A bucket has room."""

    async def write_part(self, upload_id: str, part: int, offset: int, chunks: Chunks) -> int:
        async with self.writer(f"{_folder(upload_id)}/{part}") as target:
            async for piece in pieces(chunks):
                await target.write(piece)
        return target.size

    async def finish(self, upload_id: str, parts: int, place: str) -> Arrived:
        """Without parts it is what was put at the signed address of `uploads/…`.

        What came past the server is copied before it is looked at: its sender may put other bytes
        there as long as his address works.
        """
        if parts <= 1:
            await self._copy(f"{_folder(upload_id)}/0" if parts else _folder(upload_id), place)
            try:
                return await self._hashed(place)
            except BaseException:
                with suppress(StoreUnavailable):
                    await self.delete([place])
                raise

        async def joined() -> AsyncIterator[bytes]:
            for part in range(parts):
                source = f"{_folder(upload_id)}/{part}"
                async for piece in self.read(source, 0, sizes[source]):
                    yield piece

        sizes = {each.place: each.size async for each in self._listing(_folder(upload_id))}
        if any(f"{_folder(upload_id)}/{part}" not in sizes for part in range(parts)):
            raise FileNotFoundError(f"a part of the upload is not in {self.root}")
        return await self.write(place, joined(), sum(sizes.values()))

    async def drop(self, upload_id: str) -> None:
        left = [each.place async for each in self._listing(_folder(upload_id))]
        if self._signer is not None:
            left.append(_folder(upload_id))
        await self.delete(left)

    async def _hashed(self, place: str) -> Arrived:
        digest, size = sha256(), 0
        async for piece in self.read(place, 0, await self._size(place)):
            size += len(piece)
            await asyncio.to_thread(digest.update, piece)
        return Arrived(size, digest.hexdigest())

    # -- past the server

    async def signed(self, method: Literal["GET", "PUT"], place: str) -> Signed | None:
        import obstore

        if self._signer is None:
            return None
        store: Any = self._store
        with self._told():
            url = str(await obstore.sign_async(store, method, place, SIGNED))
        headers: dict[str, str] = {}
        if method == "PUT":
            headers["Content-Type"] = "application/octet-stream"
            if self._signer == "az":
                headers["x-ms-blob-type"] = "BlockBlob"
        return Signed(url, headers)

    # -- the store itself

    async def check(self) -> None:
        """Raise InvalidInput where the server is not let in or there is no such bucket.

        A bucket that does not answer may answer later: that is logged.
        """
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                async for _ in self._listing("uploads"):
                    break
        except TimeoutError:
            log.warning("the artifact store %s does not answer (%s)", self.root, SETTING)
        except Refused as error:
            raise InvalidInput(error.message) from None
        except StoreUnavailable as error:
            log.warning("%s", error.message)

    async def close(self) -> None:
        """Nothing goes on in the background."""

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Failures of the store as such, without what they say."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            if isinstance(error, FileNotFoundError) and not _no_bucket(error):
                raise FileNotFoundError(f"there is no such object in {self.root}") from None
            # No cause: its text may hold a signature.
            raise self._failure(error) from None
        except Exception as error:
            if type(error).__name__ != "RustPanic":
                raise
            raise Refused(
                f"the artifact store {self.root} cannot be asked at all: check {SETTING}, and the"
                " endpoint in the server's environment"
            ) from None

    def _failure(self, error: Exception) -> StoreUnavailable | DiskFull:
        kind, text = type(error).__name__, str(error)
        if "os error 28" in text:
            return DiskFull(
                "the artifact store has no room left: free some, for instance by `trackql db gc`"
            )
        status = int(found[1]) if (found := _STATUS.search(text)) else None
        log.warning("the artifact store %s failed: %s %s", self.root, kind, status or "")
        if kind in ("PermissionDeniedError", "UnauthenticatedError") or status in (401, 403):
            return Refused(
                f"the artifact store {self.root} does not let the server in: check the credentials"
                f" that its environment gives, and {SETTING}"
            )
        if _no_bucket(error):
            return Refused(f"there is no bucket for {self.root}: create it, or change {SETTING}")
        return StoreUnavailable(
            f"the artifact store {self.root} does not answer as it should"
            f"{f' (status {status})' if status else ''}; try again in a moment"
        )


def _no_bucket(error: Exception) -> bool:
    return "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error)


async def _side_by_side(works: Sequence[Callable[[], Coroutine[Any, Any, T]]]) -> list[T]:
    """What they return, in order; some at once, and none goes on once one has failed."""
    room = asyncio.Semaphore(REQUESTS)

    async def one(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with room:
            return await work()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(work)) for work in works]
    except* (StoreUnavailable, FileNotFoundError, DiskFull) as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


def _folder(upload_id: str) -> str:
    """Where the parts of an upload lie, or as one object what comes past the server."""
    return f"uploads/{upload_id}"


class Refused(StoreUnavailable):
    """It won't be better in a moment: credentials or the bucket are wrong."""


class Writer:
    """An object that is being written."""

    def __init__(self, bucket: Bucket, target: Any) -> None:
        self._bucket = bucket
        self._target = target
        self.size = 0

    async def write(self, chunk: bytes) -> None:
        """Add bytes; waits while enough of them are on their way."""
        with self._bucket._told():
            await self._target.write(chunk)
        self.size += len(chunk)


def opened(root: str) -> Bucket:
    """The bucket of a root like `s3://bucket/prefix`. Raises InvalidInput naming the setting."""
    from obstore.exceptions import BaseError
    from obstore.store import LocalStore, MemoryStore, from_url

    parts = urlsplit(root)
    scheme = parts.scheme
    shown = f"{scheme}://{parts.hostname or ''}{parts.path}"
    if scheme not in SCHEMES:
        raise InvalidInput(
            f"{SETTING} {shown} is of no known kind; use a folder, or one of"
            f" {', '.join(f'{each}://' for each in SCHEMES)}"
        )
    if parts.query or parts.fragment or parts.username or parts.password:
        raise InvalidInput(
            f"{SETTING} {shown} may hold no user, query or fragment; credentials belong into the"
            " environment"
        )
    if scheme == "memory":
        return Bucket(shown, MemoryStore(), None)
    if scheme == "file":
        folder = Path(unquote(parts.path))
        if parts.netloc not in ("", "localhost") or not folder.is_absolute():
            raise InvalidInput(f"{SETTING} {shown} names no folder; write it like file:///data/x")
        folder.mkdir(parents=True, exist_ok=True)
        return Bucket(shown, LocalStore(folder, automatic_cleanup=True), None)
    try:
        store = from_url(
            root,
            client_options={
                "allow_http": _allows_http(scheme),
                "connect_timeout": CONNECT_TIMEOUT,
                "timeout": timedelta(minutes=10),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIMEOUT},
        )
    except (BaseError, ValueError) as error:
        raise InvalidInput(
            f"{SETTING} {shown} cannot be opened ({_reason(error)}): check it, and the credentials"
            " in the server's environment"
        ) from None
    signer: Any = scheme
    return Bucket(shown, store, signer)


def _allows_http(scheme: str) -> bool:
    names = {"s3": "AWS_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP"}
    return os.environ.get(names[scheme], "").lower() in ("1", "true", "yes")


def _reason(error: Exception) -> str:
    """The first line, which names what is missing and holds no secret."""
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return re.sub(r"^Generic \w+ error: ", "", line)[:200]
