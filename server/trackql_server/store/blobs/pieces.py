"""Chunks of any size as pieces that are worth a hop to a thread."""

from collections.abc import AsyncIterator

# One hop costs some 50 µs, and a piece is what a request holds in memory a few times over.
PIECE = 1024 * 1024


async def pieces(chunks: AsyncIterator[bytes], size: int = PIECE) -> AsyncIterator[bytes]:
    """The same bytes in pieces of at least `size`, but for the last."""
    held: list[bytes] = []
    waiting = 0
    async for chunk in chunks:
        if waiting == 0 and len(chunk) >= size:
            yield chunk
            continue
        held.append(chunk)
        waiting += len(chunk)
        if waiting >= size:
            yield b"".join(held)
            held, waiting = [], 0
    if waiting:
        yield b"".join(held)
