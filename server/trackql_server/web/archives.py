"""A folder as one ZIP archive, written while it is sent: stored, not compressed."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any

from trackql_server.domain import packs
from trackql_server.domain.context import Context
from trackql_server.domain.packs import Member

# The archive's own date for each file: equal files make equal archives.
DATE = (1980, 1, 1, 0, 0, 0)
FLUSH = 256 * 1024


class _Target(io.RawIOBase):
    """A file that can't seek and hands on what is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self.held = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        self.held += len(part)
        return len(part)

    def take(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts, self.held = self._parts, [], 0
        return b"".join(parts)


async def zipped(ctx: Context, members: list[Member]) -> AsyncIterator[bytes]:
    """The archive in chunks."""
    target = _Target()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        async for member, chunks in packs.bodies(ctx, members):
            info = zipfile.ZipInfo(member.name, DATE)
            info.file_size = member.size
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=member.size >= 2**31) as file:
                async for chunk in chunks:
                    if len(chunk) > FLUSH:
                        await asyncio.to_thread(file.write, chunk)
                    else:
                        file.write(chunk)
                    if target.held >= FLUSH:
                        yield target.take()
        archive.comment = b""
    yield target.take()
