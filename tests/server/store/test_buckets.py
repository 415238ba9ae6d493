"""Artifact bytes in buckets: S3 by an emulator that speaks its protocol, a folder, memory."""

import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.buckets import SECRET, Endpoint, s3_endpoint
from trackql_server.errors import InvalidInput, StoreUnavailable
from trackql_server.store.blobs.opening import opened
from trackql_server.store.blobs.protocol import Arrived, Blobs, new_place

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with s3_endpoint() as running:
        yield running


@pytest.fixture
def s3(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> str:
    """The root of a new bucket."""
    for name, value in endpoint.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{endpoint.bucket()}/some where/deep"


@pytest.fixture(params=["local", "s3", "file", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "s3":
        return opened(request.getfixturevalue("s3"))
    roots = {
        "local": str(tmp_path / "root"),
        "file": f"file://{tmp_path}/with%20space",
        "memory": "memory://",
    }
    return opened(roots[request.param])


async def chunks(size: int, start: int = 0, each: int = MIB // 3) -> AsyncIterator[bytes]:
    for at in range(start, start + size, each):
        yield content(at, min(each, start + size - at))


def content(start: int, length: int) -> bytes:
    """Bytes in which a wrong place shows."""
    first, end = start // 251, start + length
    lines = (bytes([number % 256]) * 251 for number in range(first, end // 251 + 1))
    return b"".join(lines)[start - first * 251 :][:length]


def digest(size: int) -> str:
    return hashlib.sha256(content(0, size)).hexdigest()


async def whole(blobs: Blobs, place: str, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(place, start, end)])


async def places(blobs: Blobs) -> list[str]:
    return sorted([each.place async for each in blobs.listing()])


@pytest.mark.parametrize("size", [0, 1, MIB, 20 * MIB + 17])
async def test_what_is_written_is_read(blobs: Blobs, size: int) -> None:
    place = new_place(digest(size))
    assert await blobs.write(place, chunks(size)) == Arrived(size, digest(size))
    assert await whole(blobs, place, 0, size) == content(0, size)
    if size > MIB:
        at = 8 * MIB - 3
        assert await whole(blobs, place, at, at + 3 * MIB) == content(at, 3 * MIB)
        assert await whole(blobs, place, size - 1, size) == content(size - 1, 1)
    [found] = [each async for each in blobs.listing()]
    assert (found.place, found.size) == (place, size)
    assert abs(found.modified - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("size", [10, 20 * MIB])
async def test_what_breaks_off_is_nowhere(blobs: Blobs, size: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for chunk in chunks(size):
            yield chunk
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await blobs.write("blobs/aa/one", broken())
    with pytest.raises(FileNotFoundError):
        await whole(blobs, "blobs/aa/one", 0, 1)
    assert await places(blobs) == []
    await blobs.write("blobs/aa/one", chunks(5))
    with pytest.raises(ZeroDivisionError):
        await blobs.write("blobs/aa/one", broken())
    assert await whole(blobs, "blobs/aa/one", 0, 5) == content(0, 5)


@pytest.mark.parametrize("sizes", [[9 * MIB, 9 * MIB, 100], [7 * MIB], [5]])
async def test_parts_in_any_order_are_put_together(blobs: Blobs, sizes: list[int]) -> None:
    total = sum(sizes)
    await blobs.begin("u1", total)
    for part in reversed(range(len(sizes))):
        start = sum(sizes[:part])
        # The first time wrong: sent again, a part replaces what came before.
        for at in (start + 1, start):
            body = chunks(sizes[part], at)
            assert await blobs.write_part("u1", part, start, body) == sizes[part]
    place = new_place(digest(total))
    assert await blobs.finish("u1", len(sizes), place) == Arrived(total, digest(total))
    await blobs.drop("u1")
    await blobs.drop("u1")
    assert await places(blobs) == [place]
    assert await whole(blobs, place, 0, total) == content(0, total)


async def test_an_upload_that_is_dropped_leaves_nothing(blobs: Blobs) -> None:
    for upload in ("u1", "u2"):
        await blobs.begin(upload, 20)
        await blobs.write_part(upload, 1, 10, chunks(10, 10))
    await blobs.drop("u1")
    assert {place.split("/")[1] for place in await places(blobs)} == {"u2"}
    assert all(place.startswith("uploads/u2") for place in await places(blobs))


async def test_many_small_ones(blobs: Blobs) -> None:
    bodies = [(digest(size), content(0, size)) for size in range(1, 101)]
    names = await blobs.write_many(bodies)
    assert await blobs.read_many(names) == [body for _, body in bodies]
    assert await places(blobs) == sorted(names)
    await blobs.delete([*names[:60], "blobs/aa/none"])
    await blobs.delete(["blobs/aa/none"])
    await blobs.delete([])
    assert await places(blobs) == sorted(names[60:])
    with pytest.raises(FileNotFoundError):
        await whole(blobs, names[1], 0, 1)
    with pytest.raises(FileNotFoundError):
        await blobs.read_many(names[59:])
    await blobs.write_many([])
    assert await blobs.read_many([]) == []


async def test_an_empty_store_lists_nothing(blobs: Blobs) -> None:
    await blobs.check()
    assert await places(blobs) == []
    await blobs.close()


async def test_s3_is_reached_past_the_server(s3: str) -> None:
    blobs = opened(s3)
    to = await blobs.signed("PUT", "uploads/u1")
    assert to is not None
    place = new_place(digest(MIB))
    async with httpx.AsyncClient() as http:
        reply = await http.put(to.url, content=content(0, MIB), headers=to.headers)
        assert reply.status_code == 200
        assert await blobs.finish("u1", 0, place) == Arrived(MIB, digest(MIB))
        # The address still works, but not for what was looked at.
        await http.put(to.url, content=b"other bytes", headers=to.headers)
        await blobs.drop("u1")
        back = await blobs.signed("GET", place)
        assert back is not None
        assert (await http.get(back.url)).content == content(0, MIB)
        part = await http.get(back.url, headers={"Range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, content(5, 5))
    assert await places(blobs) == [place]
    assert SECRET not in to.url + back.url
    with pytest.raises(FileNotFoundError):
        await blobs.finish("u2", 0, place)


async def test_a_folder_and_memory_are_reached_through_the_server(tmp_path: Path) -> None:
    for root in (str(tmp_path), f"file://{tmp_path}", "memory://"):
        assert await opened(root).signed("GET", "x") is None


async def test_a_store_that_is_not_there_is_told_of(
    s3: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        blobs = opened(s3)
        await blobs.check()
        assert "does not answer" in caplog.text
        attempts: list[Callable[[], Awaitable[object]]] = [
            lambda: blobs.write("one", chunks(10)),
            lambda: blobs.write("one", chunks(20 * MIB)),
            lambda: blobs.write_many([("one", b"x"), ("two", b"y")]),
            lambda: whole(blobs, "one", 0, 10),
            lambda: blobs.read_many(["one", "two"]),
            lambda: blobs.write_part("u", 0, 0, chunks(10)),
            lambda: blobs.finish("u", 2, "one"),
            lambda: blobs.finish("u", 0, "one"),
            lambda: blobs.drop("u"),
            lambda: blobs.delete(["one"]),
            lambda: places(blobs),
        ]
        for attempt in attempts:
            with pytest.raises(StoreUnavailable, match="again in a moment") as failed:
                await attempt()
            assert failed.value.__cause__ is None
            assert SECRET not in failed.value.message
    assert SECRET not in caplog.text


async def test_a_bucket_that_is_not_there_is_named(s3: str) -> None:
    blobs = opened("s3://no-such-bucket/x")
    with pytest.raises(InvalidInput, match=r"no bucket for s3://no-such-bucket/x.*ARTIFACT_ROOT"):
        await blobs.check()
    with pytest.raises(StoreUnavailable, match="create it"):
        await blobs.write("one", chunks(3))


async def test_an_endpoint_that_is_none_is_told_of(
    s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://:80")
    with pytest.raises(InvalidInput, match="endpoint"):
        await opened(s3).check()


@pytest.mark.parametrize("status", [401, 403])
async def test_wrong_credentials_are_named(
    s3: str, status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """moto checks no signature, so a server of two lines refuses in S3's words."""
    with refusing(status) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(InvalidInput, match=r"credentials.*TRACKQL_ARTIFACT_ROOT") as refused:
            await opened(s3).check()
    assert SECRET not in refused.value.message
    assert "AKIA" not in refused.value.message + caplog.text


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ("ftp://host/x", "no known kind"),
        ("s3://", "s3://"),
        ("s3://key:secret@bucket/x", "credentials belong into the environment"),
        ("s3://bucket/x?token=secret", "credentials belong into the environment"),
        ("az://container/x", "Account must be specified"),
        ("file://elsewhere/x", "names no folder"),
    ],
)
def test_roots_that_lead_nowhere(root: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(InvalidInput, match="TRACKQL_ARTIFACT_ROOT") as refused:
        opened(root)
    assert said in refused.value.message
    assert "secret" not in refused.value.message


async def test_azure_and_google_are_constructed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
    to = await opened("az://container/x").signed("PUT", "uploads/u/direct")
    assert to is not None
    assert to.url.startswith("https://account.blob.core.windows.net/container/x/uploads/u/direct?")
    assert to.headers["x-ms-blob-type"] == "BlockBlob"
    assert opened("gs://bucket/x") is not None


def refusing(status: int) -> "Refusing":
    return Refusing(status)


class Refusing:
    """Answers every request with S3's refusal, its request's key within."""

    def __init__(self, status: int) -> None:
        self._status = status

    def __enter__(self) -> str:
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        from threading import Thread

        status = self._status

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = (
                    b"<Error><Code>SignatureDoesNotMatch</Code>"
                    b"<AWSAccessKeyId>AKIAIOSFODNN7EXAMPLE</AWSAccessKeyId></Error>"
                )
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


async def test_a_store_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a package brings it: a module, and what its installation says of it."""
    (tmp_path / "own_store.py").write_text(
        "from pathlib import Path\n"
        "from trackql_server.store.blobs.local import LocalBlobs\n"
        "def opened(root):\n"
        f"    return LocalBlobs(Path({str(tmp_path)!r}) / root.removeprefix('swift://'))\n"
    )
    told = tmp_path / "own_store-1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: own-store\nVersion: 1\n")
    (told / "entry_points.txt").write_text("[trackql.artifact_stores]\nswift = own_store:opened\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    blobs = opened("swift://here")
    await blobs.write("blobs/aa/one", chunks(5))
    assert (tmp_path / "here" / "blobs" / "aa" / "one").read_bytes() == content(0, 5)
