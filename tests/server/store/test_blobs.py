"""The folder that artifact bytes lie in: whole or not at all, and never another's."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackql_server.errors import DiskFull, StoreUnavailable, UploadBusy
from trackql_server.store.blobs.local import LocalBlobs
from trackql_server.store.blobs.pieces import PIECE, pieces
from trackql_server.store.blobs.protocol import new_place

MIB = 1024 * 1024


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "artifacts")


async def some(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def breaking(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    raise ConnectionResetError


async def read(blobs: LocalBlobs, place: str, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in blobs.read(place, start, end)])


def files(blobs: LocalBlobs) -> list[str]:
    root = blobs.root
    return sorted(each.relative_to(root).as_posix() for each in root.rglob("*") if each.is_file())


def digest(body: bytes) -> str:
    return sha256(body).hexdigest()


async def test_bytes_are_kept_and_read_by_the_stretch(blobs: LocalBlobs) -> None:
    body = os.urandom(3 * MIB + 17)
    place = new_place(digest(body))
    arrived = await blobs.write(place, some(body[:5], body[5 : 2 * MIB], body[2 * MIB :]))
    assert (arrived.size, arrived.digest) == (len(body), digest(body))
    assert files(blobs) == [place]
    for start, end in ((0, len(body)), (1, 2), (MIB - 1, 2 * MIB + 1), (len(body), len(body))):
        assert await read(blobs, place, start, end) == body[start:end]


async def test_nothing_is_left_of_what_broke_off(blobs: LocalBlobs) -> None:
    with pytest.raises(ConnectionResetError):
        await blobs.write(new_place("0" * 64), breaking(b"a" * 2 * MIB))
    assert files(blobs) == []


async def test_reading_may_break_off(blobs: LocalBlobs) -> None:
    place = new_place("0" * 64)
    await blobs.write(place, some(bytes(4 * MIB)))
    reading = blobs.read(place, 0, 4 * MIB)
    assert isinstance(reading, AsyncIterator)
    assert len(await anext(reading)) == PIECE
    await reading.aclose()  # type: ignore[attr-defined]


async def test_many_small_bodies(blobs: LocalBlobs) -> None:
    contents = [b"", b"a" * 4096, b"b" * 4097, *(b"%d" % n * n for n in range(500))]
    places = await blobs.write_many([(digest(body), body) for body in contents])
    assert await blobs.read_many(places) == contents
    assert [await read(blobs, p, 0, len(c)) for p, c in zip(places, contents, strict=True)] == (
        contents
    )
    assert await read(blobs, places[2], 4090, 4097) == contents[2][4090:]
    kept = {place for place, body in zip(places, contents, strict=True) if body}
    assert {each.place async for each in blobs.listing()} == kept
    assert len(files(blobs)) == 1  # all of them in one file


async def test_small_bodies_give_their_bytes_back(blobs: LocalBlobs) -> None:
    contents = [b"%d" % n * 5000 for n in range(100)]
    places = await blobs.write_many([(digest(body), body) for body in contents])
    [file] = (blobs.root / name for name in files(blobs))
    whole = file.stat().st_blocks
    await blobs.delete(places[:90])
    assert file.stat().st_blocks < whole / 5
    assert await blobs.read_many(places[90:]) == contents[90:]
    assert [each.place async for each in blobs.listing()] == places[90:]
    await blobs.delete(places)
    assert files(blobs) == []
    with pytest.raises(FileNotFoundError):
        await blobs.read_many(places[:1])


async def test_deleting_passes_over_what_is_gone(blobs: LocalBlobs) -> None:
    place = new_place("0" * 64)
    await blobs.write(place, some(b"a"))
    await blobs.delete([place, new_place("1" * 64), place])
    assert files(blobs) == []
    with pytest.raises(FileNotFoundError):
        await read(blobs, place, 0, 1)


async def test_everything_is_listed(blobs: LocalBlobs) -> None:
    assert [each async for each in blobs.listing()] == []
    places = [new_place(f"{n:064x}") for n in (1, 2**255)]
    for place in places:
        await blobs.write(place, some(b"abc"))
    await blobs.begin("an-upload", 10)
    listed = {each.place: each.size async for each in blobs.listing()}
    assert listed == {**dict.fromkeys(places, 3), "uploads/an-upload": 10}


async def test_parts_in_any_order_become_a_whole(blobs: LocalBlobs) -> None:
    body = os.urandom(5 * MIB)
    await blobs.begin("u", len(body))
    offsets = range(0, len(body), MIB)
    await asyncio.gather(
        *(
            blobs.write_part("u", part, offset, some(body[offset : offset + MIB]))
            for part, offset in reversed(list(enumerate(offsets)))
        )
    )
    place = new_place(digest(body))
    arrived = await blobs.finish("u", 5, place)
    assert (arrived.size, arrived.digest) == (len(body), digest(body))
    assert files(blobs) == [place]
    assert await read(blobs, place, 0, len(body)) == body


async def test_parts_are_hashed_again_after_a_restart(blobs: LocalBlobs) -> None:
    body = os.urandom(2 * MIB)
    await blobs.begin("u", len(body))
    await blobs.write_part("u", 0, 0, some(body[:MIB]))
    await blobs.close()
    after = LocalBlobs(blobs.root)
    await after.write_part("u", 1, MIB, some(body[MIB:]))
    assert (await after.finish("u", 2, new_place(digest(body)))).digest == digest(body)


class Gate:
    """A body that stops behind its first half until it is let go on."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self) -> AsyncIterator[bytes]:
        half = len(self.body) // 2
        yield self.body[:half]
        self.begun.set()
        await self.go.wait()
        yield self.body[half:]


async def test_a_part_that_still_arrives_holds_the_end_up(blobs: LocalBlobs) -> None:
    await blobs.begin("u", 10)
    gate = Gate(b"0123456789")
    writing = asyncio.create_task(blobs.write_part("u", 0, 0, gate()))
    await gate.begun.wait()
    with pytest.raises(UploadBusy):
        await blobs.finish("u", 1, new_place("0" * 64))
    gate.go.set()
    await writing
    assert (await blobs.finish("u", 1, new_place("0" * 64))).digest == digest(b"0123456789")


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), min_size=1, max_size=12
    )
)
def test_the_digest_is_that_of_the_bytes_however_parts_were_sent(
    tmp_path: Path, sendings: list[tuple[int, int, bool]]
) -> None:
    """Parts that are sent again, with other bytes, and twice at the same time."""

    async def live() -> None:
        blobs = LocalBlobs(tmp_path / os.urandom(4).hex())
        await blobs.begin("u", 3 * MIB)
        waiting: list[asyncio.Task[int]] = []
        for part, content, aside in sendings:
            body = bytes([content]) * MIB
            task = asyncio.create_task(
                blobs.write_part("u", part, part * MIB, some(body[:100], body[100:]))
            )
            waiting.append(task)
            if not aside:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
        place = new_place("0" * 64)
        arrived = await blobs.finish("u", 3, place)
        assert arrived.digest == digest((blobs.root / place).read_bytes())

    asyncio.run(live())


async def test_an_upload_that_is_dropped_is_gone(blobs: LocalBlobs) -> None:
    await blobs.begin("u", 10)
    await blobs.write_part("u", 0, 0, some(b"0123456789"))
    await blobs.drop("u")
    await blobs.drop("u")
    assert files(blobs) == []
    with pytest.raises(FileNotFoundError):
        await blobs.finish("u", 1, new_place("0" * 64))


async def test_a_disk_without_room_is_told_of_at_once(blobs: LocalBlobs) -> None:
    """More than any disk has; some file systems call it too large, others full."""
    with pytest.raises(DiskFull):
        await blobs.begin("u", 2**62)
    assert files(blobs) == []


async def test_a_disk_that_fills_up_leaves_nothing(blobs: LocalBlobs) -> None:
    async def full() -> AsyncIterator[bytes]:
        yield b"a"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull):
        await blobs.write(new_place("0" * 64), full())
    assert files(blobs) == []


@given(st.lists(st.binary(max_size=50), max_size=40), st.integers(1, 40))
def test_pieces_hold_the_same_bytes(chunks: list[bytes], size: int) -> None:
    async def collected() -> list[bytes]:
        return [piece async for piece in pieces(some(*chunks), size)]

    found = asyncio.run(collected())
    assert b"".join(found) == b"".join(chunks)
    assert all(len(each) >= size for each in found[:-1])


async def test_what_is_empty_or_all_zeros_is_kept_among_many(blobs: LocalBlobs) -> None:
    """A place that was given back reads as zeros; these must not be taken for one."""
    several = [b"", b"a", bytes(5000), bytes(5000) + b"a", b"\0", b"a" * 5000]
    places = await blobs.write_many([(digest(body), body) for body in several])
    assert await blobs.read_many(places) == several
    listed = [each.place async for each in blobs.listing()]
    assert {place for place, body in zip(places, several, strict=True) if body} <= set(listed)
    await blobs.delete([place for place, body in zip(places, several, strict=True) if any(body)])
    kept = [(place, body) for place, body in zip(places, several, strict=True) if not any(body)]
    assert await blobs.read_many([place for place, _ in kept]) == [body for _, body in kept]
    for place, body in zip(places, several, strict=True):
        if any(body):
            with pytest.raises(FileNotFoundError):
                await blobs.read_many([place])
    assert not list(blobs.root.glob("segments/*/*"))


async def test_a_folder_that_is_none_is_told_of(tmp_path: Path) -> None:
    root = tmp_path / "artifacts"
    root.write_bytes(b"a file")
    blobs = LocalBlobs(root)
    place = new_place("0" * 64)
    with pytest.raises(StoreUnavailable):
        await blobs.write(place, some(b"a"))
    with pytest.raises(StoreUnavailable):
        await blobs.begin("u", 10)
    with pytest.raises(StoreUnavailable):
        await read(blobs, place, 0, 1)
    with pytest.raises(StoreUnavailable):
        await blobs.read_many([place])
