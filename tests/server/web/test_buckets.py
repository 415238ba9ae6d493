"""Artifacts of runs in a bucket: a whole journey through the app, past it, and without a bucket."""

import socket
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.buckets import SECRET, Endpoint, s3_endpoint
from tests.client import GraphQL
from trackql_server.app import create_app
from trackql_server.settings import Settings
from trackql_server.store.blobs.opening import opened

RUN = "mutation { createRun(input: {}) { id } }"
BEGIN = """mutation($input: BeginUploadInput!) { beginUpload(input: $input) {
  id partSize parts receivedParts directUrl directHeaders { name value } artifact { path } } }"""
COMPLETE = "mutation($id: ID!) { completeUpload(input: {id: $id}) { path size sha256 mediaType } }"
TRASH = "mutation($ids: [ID!]!) { updateRuns(input: {runIds: $ids, lifecycle: DELETED}) { count } }"
PURGE = """mutation($ids: [ID!]!) { purgeRuns(input: {runIds: $ids}) {
  runs artifacts freedBytes } }"""
LARGE = bytes(range(256)) * 80_000  # 20 MB: more than one part


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with s3_endpoint() as running:
        yield running


@pytest.fixture
def root(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in endpoint.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{endpoint.bucket()}/trackql"


@pytest.fixture
async def graphql(root: str, database_url: str, tmp_path: Path) -> AsyncIterator[GraphQL]:
    built = create_app(
        Settings(
            home=tmp_path,
            database_url=database_url,
            artifact_root=root,
            artifact_direct=True,
        )
    )
    async with built.router.lifespan_context(built):
        transport = httpx.ASGITransport(built, raise_app_exceptions=False)
        address = "http://127.0.0.1:4000"
        async with httpx.AsyncClient(transport=transport, base_url=address) as http:
            yield GraphQL(http)


@pytest.fixture
async def past() -> AsyncIterator[httpx.AsyncClient]:
    """A client of the bucket itself."""
    async with httpx.AsyncClient() as http:
        yield http


async def begun(graphql: GraphQL, run: str, path: str, body: bytes) -> dict[str, Any]:
    given = {"runId": run, "path": path, "size": len(body), "sha256": sha256(body).hexdigest()}
    upload: dict[str, Any] = (await graphql(BEGIN, input=given))["beginUpload"]
    return upload


async def objects(root: str) -> dict[str, int]:
    return {each.place: each.size async for each in opened(root).listing()}


async def put(past: httpx.AsyncClient, upload: dict[str, Any], body: bytes) -> httpx.Response:
    headers = {each["name"]: each["value"] for each in upload["directHeaders"]}
    return await past.put(upload["directUrl"], content=body, headers=headers)


async def test_through_the_server(graphql: GraphQL, root: str) -> None:
    run = (await graphql(RUN))["createRun"]["id"]
    base = f"/artifacts/runs/{run}"
    made = await graphql.http.put(f"{base}/small.txt", content=b"hello")
    assert (made.status_code, made.json()["sha256"]) == (201, sha256(b"hello").hexdigest())
    assert (await graphql.http.get(f"{base}/small.txt")).content == b"hello"
    await graphql.http.put(f"{base}/again/small.txt", content=b"hello")

    upload = await begun(graphql, run, "large.bin", LARGE)
    size, count = int(upload["partSize"]), upload["parts"]
    assert count > 1
    for part in reversed(range(int(count))):
        sent = await graphql.http.put(
            f"/artifacts/uploads/{upload['id']}/{part}",
            content=LARGE[part * size : (part + 1) * size],
        )
        assert sent.status_code == 204
    done = (await graphql(COMPLETE, id=upload["id"]))["completeUpload"]
    assert (done["path"], done["sha256"]) == ("large.bin", sha256(LARGE).hexdigest())
    assert (await graphql.http.get(f"{base}/large.bin")).content == LARGE
    part_of_it = await graphql.http.get(f"{base}/large.bin", headers={"Range": "bytes=99-9999999"})
    assert (part_of_it.status_code, part_of_it.content) == (206, LARGE[99:10_000_000])
    # Equal bytes once, and nothing of the parts is left.
    assert sorted((await objects(root)).values()) == [5, len(LARGE)]

    await graphql(TRASH, ids=[run])
    purged = (await graphql(PURGE, ids=[run]))["purgeRuns"]
    assert purged == {"runs": 1, "artifacts": 3, "freedBytes": 5 + len(LARGE)}
    assert await objects(root) == {}


async def test_past_the_server(graphql: GraphQL, root: str, past: httpx.AsyncClient) -> None:
    run = (await graphql(RUN))["createRun"]["id"]
    upload = await begun(graphql, run, "m/large.bin", LARGE)
    early = "mutation($id: ID!) { completeUpload(input: {id: $id}) { path } }"
    refused = await graphql.refused(early, id=upload["id"])
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "id")
    assert (await put(past, upload, LARGE)).status_code == 200
    done = (await graphql(COMPLETE, id=upload["id"]))["completeUpload"]
    assert done["size"] == len(LARGE)
    # The address works on for a while, but leads to nothing that is an artifact.
    await put(past, upload, b"something else")
    address = f"/artifacts/runs/{run}/m/large.bin"
    assert (await graphql.http.get(address)).content == LARGE

    led = await graphql.http.get(f"{address}?direct")
    assert led.status_code == 307
    assert (await past.get(led.headers["location"])).content == LARGE
    assert SECRET not in led.headers["location"] + upload["directUrl"]
    for through in (f"{address}?direct&inline", address):
        assert (await graphql.http.get(through)).status_code == 200
    small = f"/artifacts/runs/{run}/small.txt"
    await graphql.http.put(small, content=b"hello")
    assert (await graphql.http.get(f"{small}?direct")).content == b"hello"


async def test_wrong_bytes_past_the_server_are_discarded(
    graphql: GraphQL, root: str, past: httpx.AsyncClient
) -> None:
    run = (await graphql(RUN))["createRun"]["id"]
    upload = await begun(graphql, run, "large.bin", LARGE)
    await put(past, upload, LARGE[:-1] + b"x")
    refused = await graphql.refused(COMPLETE, id=upload["id"])
    assert refused["code"] == "WRONG_DIGEST"
    assert await objects(root) == {}
    assert (await graphql.http.get(f"/artifacts/runs/{run}/large.bin")).status_code == 404
    again = await begun(graphql, run, "large.bin", LARGE)
    assert again["id"] != upload["id"]
    await put(past, again, LARGE)
    assert (await graphql(COMPLETE, id=again["id"]))["completeUpload"]["size"] == len(LARGE)


async def test_a_bucket_that_stops_answering(
    graphql: GraphQL, root: str, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = (await graphql(RUN))["createRun"]["id"]
    address = f"/artifacts/runs/{run}/small.txt"
    await graphql.http.put(address, content=b"hello")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        settings = Settings(home=tmp_path, database_url=database_url, artifact_root=root)
        built = create_app(settings)
        async with built.router.lifespan_context(built):
            transport = httpx.ASGITransport(built)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:4000"
            ) as http:
                for reply in (await http.get(address), await http.put(address, content=b"other")):
                    [error] = reply.json()["errors"]
                    assert reply.status_code == 503
                    assert error["extensions"]["code"] == "STORE_UNAVAILABLE"
                    assert SECRET not in reply.text
                # All else works on.
                assert (await http.get("/health")).status_code == 200
                found = await GraphQL(http)(
                    "query($id: ID!) { run(id: $id) { artifacts { nodes { path } } } }", id=run
                )
                assert found["run"]["artifacts"]["nodes"] == [{"path": "small.txt"}]
    assert (await graphql.http.get(address)).content == b"hello"
