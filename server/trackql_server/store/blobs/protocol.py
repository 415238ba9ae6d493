"""What an artifact store can do, whichever it is.

A `place` names bytes within the store; the server makes it up and never uses it for other bytes, so
that nothing a user writes becomes part of a name. Bytes at a place are there whole or not at all.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Chunks = AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Stored:
    """Something that lies in a store."""

    place: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Signed:
    """An address that lets anyone do one thing with one object for a while."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Arrived:
    """How many bytes arrived, and their SHA-256 in hex digits."""

    size: int
    digest: str


class Blobs(Protocol):
    """An artifact store.

    What it can't do for want of room raises DiskFull, what it can't do because it does not answer
    StoreUnavailable; bytes that should be there and are not, FileNotFoundError.
    """

    async def write(self, place: str, chunks: Chunks) -> Arrived:
        """Keep what the chunks hold; nothing is left when they break off."""

    async def write_many(self, bodies: Sequence[tuple[str, bytes]]) -> list[str]:
        """Keep many small bodies, given with their digests; the places of each."""

    def read(self, place: str, start: int, end: int) -> Chunks:
        """The bytes from `start` up to `end`, in pieces that memory bears."""

    async def read_many(self, places: Sequence[str]) -> list[bytes]:
        """The whole bytes at many places; for small ones."""

    async def delete(self, places: Sequence[str]) -> None:
        """Remove bytes; places with none are passed over."""

    def listing(self) -> AsyncIterator[Stored]:
        """All that is kept, and all that was begun."""

    async def signed(self, method: Literal["GET", "PUT"], place: str) -> Signed | None:
        """An address to get or put bytes at past the server; None where there is none."""

    async def begin(self, upload_id: str, size: int) -> None:
        """Make room for an upload of so many bytes."""

    async def write_part(self, upload_id: str, part: int, offset: int, chunks: Chunks) -> int:
        """Keep a part, which lies at `offset` of the whole; how many bytes it had."""

    async def finish(self, upload_id: str, parts: int, place: str) -> Arrived:
        """Put the parts together at a place, and say what they are. Not to be undone by `drop`."""

    async def drop(self, upload_id: str) -> None:
        """Forget an upload, if it is there."""

    async def check(self) -> None:
        """Raise InvalidInput where the store can't be used as it is set up."""

    async def close(self) -> None:
        """End what goes on in the background."""


def new_place(digest: str) -> str:
    """A place for bytes with this digest that was never used before."""
    return f"blobs/{digest[:2]}/{digest}-{secrets.token_hex(4)}"
