"""What is too much: for one file, for a run, for a pack, for the disk."""

import json
import resource
import signal
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.asgi import Answer, ask
from tests.client import GraphQL
from trackql_server.app import App, create_app
from trackql_server.settings import Settings
from trackql_server.store.blobs.local import LocalBlobs

CREATE = "mutation { createRun(input: {}) { id } }"
TOTALS = "query($run: ID!) { run(id: $run) { artifactFiles artifactSize } }"
LOG = "mutation($input: LogArtifactsInput!) { logArtifacts(input: $input) { missing } }"
REFER = """mutation($input: LogArtifactReferencesInput!) {
  logArtifactReferences(input: $input) { path } }"""
BEGIN = "mutation($input: BeginUploadInput!) { beginUpload(input: $input) { id } }"
DELETE = "mutation($input: DeleteArtifactsInput!) { deleteArtifacts(input: $input) { files } }"
RESTORE = "mutation($input: TrashedArtifactsInput!) { restoreArtifacts(input: $input) { path } }"
TRASH = "query($run: ID!) { run(id: $run) { trashedArtifacts { nodes { id } } } }"
PACK = {"content-type": "application/vnd.trackql.pack"}
MIB = 1024 * 1024


class World:
    """A server with limits, and one run."""

    def __init__(self, app: App, graphql: GraphQL, run: str, home: Path) -> None:
        self.app, self.graphql, self.run = app, graphql, run
        self.home = home

    async def put(self, path: str, body: bytes | AsyncIterator[bytes], **headers: str) -> Answer:
        return await ask(self.app, "PUT", f"/artifacts/runs/{self.run}/{path}", body, headers)

    async def pack(self, files: dict[str, bytes]) -> Answer:
        return await ask(self.app, "POST", f"/artifacts/runs/{self.run}", packed(files), PACK)

    async def totals(self) -> tuple[int, int]:
        run = (await self.graphql(TOTALS, run=self.run))["run"]
        return run["artifactFiles"], run["artifactSize"]

    async def kept(self) -> list[str]:
        return [each.place async for each in LocalBlobs(self.home / "artifacts").listing()]


def packed(files: dict[str, bytes]) -> bytes:
    entries = [
        {"path": path, "size": len(body), "sha256": sha256(body).hexdigest()}
        for path, body in files.items()
    ]
    manifest = json.dumps({"entries": entries}).encode()
    return struct.pack(">Q", len(manifest)) + manifest + b"".join(files.values())


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[World]:
    limits: dict[str, Any] = getattr(request, "param", {})
    home = tmp_path / "home"
    app = create_app(Settings(home=home, database_url=database_url, **limits))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4000"
        ) as http,
    ):
        graphql = GraphQL(http)
        yield World(app, graphql, (await graphql(CREATE))["createRun"]["id"], home)


async def chunked(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 10):
        yield body[at : at + 10]


@pytest.mark.parametrize("world", [{"limit_artifact": 100}], indirect=True)
async def test_the_largest_file(world: World) -> None:
    assert (await world.put("a", bytes(100))).status == 201
    for answer in (
        await world.put("b", bytes(101), **{"content-length": "101"}),
        await world.put("b", chunked(bytes(101))),
        await world.pack({"b": bytes(101)}),
    ):
        assert (answer.status, answer.code) == (413, "TOO_LARGE")
        [error] = answer.json()["errors"]
        assert error["extensions"]["limit"] == "artifact"
        assert "TRACKQL_LIMIT_ARTIFACT" in error["message"]
    file = {"path": "b", "size": 101, "sha256": "0" * 64}
    begun = await world.graphql.refused(BEGIN, input={"runId": world.run, **file})
    assert begun["code"] == "TOO_LARGE"
    logged = await world.graphql.refused(LOG, input={"runId": world.run, "files": [file]})
    assert logged["code"] == "TOO_LARGE"
    assert (await world.totals(), len(await world.kept())) == ((1, 100), 1)


@pytest.mark.parametrize("world", [{"limit_run_artifacts": 100}], indirect=True)
async def test_the_bytes_of_a_run(world: World) -> None:
    assert (await world.put("a", b"a" * 60)).status == 201
    for answer in (await world.put("b", b"b" * 41), await world.pack({"b": b"c" * 41})):
        assert (answer.status, answer.code) == (413, "TOO_LARGE")
    file = {"path": "b", "size": 60, "sha256": sha256(b"a" * 60).hexdigest()}
    asked: list[tuple[str, dict[str, Any]]] = [
        (BEGIN, {"path": "b", "size": 41, "sha256": "0" * 64}),
        (LOG, {"files": [file]}),
        (REFER, {"references": [{"path": "b", "uri": "s3://b/k", "size": 41}]}),
    ]
    for document, given in asked:
        refused = await world.graphql.refused(document, input={"runId": world.run, **given})
        assert refused["code"] == "TOO_LARGE"
    assert (await world.totals(), len(await world.kept())) == ((1, 60), 1)
    assert (await world.put("a", b"d" * 100)).status == 201  # in place of the other
    assert (await world.put("a", b"e" * 99)).status == 201
    # What comes out of the trash needs room as well.
    await world.graphql(DELETE, input={"runId": world.run, "paths": ["a"]})
    assert (await world.put("b", b"b" * 50)).status == 201
    [node] = (await world.graphql(TRASH, run=world.run))["run"]["trashedArtifacts"]["nodes"]
    back = {"runId": world.run, "ids": [node["id"]]}
    assert (await world.graphql.refused(RESTORE, input=back))["code"] == "TOO_LARGE"


@pytest.mark.parametrize("world", [{"limit_run_files": 3}], indirect=True)
async def test_the_files_of_a_run(world: World) -> None:
    assert (await world.pack({"a": b"1", "b": b"2", "c": b"3"})).status == 200
    refused = await world.put("d", b"4")
    assert (refused.status, refused.code) == (413, "TOO_LARGE")
    assert (await world.put("a", b"4")).status == 201
    assert await world.totals() == (3, 3)


async def test_sums_stay_numbers(world: World) -> None:
    huge = {"uri": "s3://b/k", "size": str(2**61)}
    references = [{"path": "a", **huge}, {"path": "b", **huge}]
    await world.graphql(REFER, input={"runId": world.run, "references": references})
    given = {"runId": world.run, "references": [{"path": "c", **huge}]}
    assert (await world.graphql.refused(REFER, input=given))["code"] == "TOO_LARGE"


async def test_packs_that_are_none(world: World) -> None:
    def headed(manifest: bytes, size: int | None = None) -> bytes:
        return struct.pack(">Q", len(manifest) if size is None else size) + manifest

    entry = {"path": "a", "size": 1, "sha256": "0" * 64}

    def of(*entries: object) -> bytes:
        return headed(json.dumps({"entries": entries}).encode())

    for body in (
        b"",
        b"\0" * 7,
        headed(b""),
        headed(b"{"),
        headed(b"[]"),
        headed(b'{"entries": 1}'),
        headed(b'{"entries": [1]}'),
        headed(b"{}", 10),
        headed(b"\xff"),
        of({}),
        of({**entry, "path": 1}),
        of({**entry, "path": ""}),
        of({**entry, "size": -1}),
        of({**entry, "size": 2**70}),
        of({**entry, "size": "1"}),
        of({**entry, "size": True}),
        of({**entry, "sha256": "x"}),
        of({**entry, "sha256": None}),
        of({**entry, "mediaType": "no type"}),
        of({**entry, "mediaType": 1}),
        of({**entry, "value": 1}),
        of({"value": {}}),
        of(entry, entry),
        of(entry, {**entry, "path": "a/b"}) + b"xx",
        of(entry) + b"x",
    ):
        answer = await ask(world.app, "POST", f"/artifacts/runs/{world.run}", body, PACK)
        assert (answer.status, answer.code in ("INVALID_INPUT", "WRONG_DIGEST")) == (400, True), (
            body
        )
    long = await ask(
        world.app, "POST", f"/artifacts/runs/{world.run}", headed(b"", 2**24 + 1), PACK
    )
    assert (long.status, long.code) == (413, "TOO_LARGE")
    many = of(*({**entry, "path": str(n)} for n in range(10_001)))
    answer = await ask(world.app, "POST", f"/artifacts/runs/{world.run}", many, PACK)
    assert (answer.status, answer.code) == (413, "TOO_LARGE")
    other = await ask(world.app, "POST", f"/artifacts/runs/{world.run}", b"", {})
    assert other.status == 400
    assert (await world.totals(), await world.kept()) == ((0, 0), [])


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file may grow beyond a size: what this process writes fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


async def test_a_full_disk(world: World) -> None:
    body = b"a" * 12 * MIB
    file = {"path": "a", "size": len(body), "sha256": sha256(body).hexdigest()}
    with small_disk(8 * MIB):
        for answer in (
            await world.put("a", body),
            await world.pack({"a": body}),
            await world.pack({f"a{n}": b"%02d" % n + b"a" * 250_000 for n in range(40)}),
        ):
            assert (answer.status, answer.code) == (507, "DISK_FULL")
        begun = await world.graphql.refused(BEGIN, input={"runId": world.run, **file})
        assert begun["code"] == "DISK_FULL"
    assert (await world.totals(), await world.kept()) == ((0, 0), [])
    assert (await world.put("a", body)).status == 201  # once there is room again
