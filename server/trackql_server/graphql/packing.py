"""Compresses replies where that saves the reader time."""

import asyncio
import gzip
from ipaddress import ip_address

import zstandard
from starlette.datastructures import Headers
from starlette.types import Scope

# Below this a reply fits into a few packets anyway.
SMALLEST = 4_096

# gzip packs base64 columns slower than most networks carry them; zstd has no such bound.
LARGEST_GZIP = 1_000_000

# From here on the work is given to a thread, so that other requests go on.
BACKGROUND = 65_536

_VARY = (b"vary", b"accept-encoding")


async def pack(
    body: bytes, headers: Headers, scope: Scope
) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    """The body as it goes out, and the headers that say how."""
    if len(body) < SMALLEST or _near(headers, scope):
        return body, ()
    accepted = headers.get("accept-encoding", "")
    if "zstd" in accepted:
        encoding, compress = b"zstd", _zstd
    elif "gzip" in accepted and len(body) <= LARGEST_GZIP:
        encoding, compress = b"gzip", _gzip
    else:
        return body, (_VARY,)
    if len(body) < BACKGROUND:
        packed = compress(body)
    else:
        packed = await asyncio.to_thread(compress, body)
    return packed, ((b"content-encoding", encoding), _VARY)


def _near(headers: Headers, scope: Scope) -> bool:
    """Whether the reader is on this machine, where copying is cheaper than compressing."""
    client = scope.get("client")
    if client is None or "x-forwarded-for" in headers or "forwarded" in headers:
        return False
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(body)


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=1, mtime=0)
