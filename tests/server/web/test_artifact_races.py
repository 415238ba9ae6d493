"""Several clients at once, and what a server that died left behind."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.asgi import Gone, ask
from tests.client import GraphQL
from trackql_server.app import create_app
from trackql_server.settings import Settings
from trackql_server.store.blobs.local import LocalBlobs

CREATE = "mutation { createRun(input: {}) { id } }"
LOG = "mutation($input: LogArtifactsInput!) { logArtifacts(input: $input) { missing } }"
DELETE = "mutation($input: DeleteArtifactsInput!) { deleteArtifacts(input: $input) { files } }"
TRASH = "query($run: ID!) { run(id: $run) { trashedArtifacts { nodes { id } } } }"
PURGE = "mutation($input: TrashedArtifactsInput!) { purgeArtifacts(input: $input) { freed } }"
BEGIN = """mutation($input: BeginUploadInput!) { beginUpload(input: $input) {
  id parts receivedParts artifact { path } } }"""
COMPLETE = "mutation($input: CompleteUploadInput!) { completeUpload(input: $input) { path } }"
ABORT = "mutation($input: AbortUploadInput!) { abortUpload(input: $input) { id } }"
PACK = {"content-type": "application/vnd.trackql.pack"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def digest(body: bytes) -> str:
    return sha256(body).hexdigest()


def packed(path: str, body: bytes) -> bytes:
    manifest = json.dumps(
        {"entries": [{"path": path, "size": len(body), "sha256": digest(body)}]}
    ).encode()
    return struct.pack(">Q", len(manifest)) + manifest + body


async def runs(graphql: GraphQL, count: int) -> list[str]:
    return [str((await graphql(CREATE))["createRun"]["id"]) for _ in range(count)]


async def kept(home: Path) -> list[str]:
    """All that lies below the artifact root."""
    return sorted([each.place async for each in LocalBlobs(home / "artifacts").listing()])


async def test_equal_bytes_at_once_are_kept_once(
    app: Starlette, graphql: GraphQL, home: Path
) -> None:
    body = b"the same" * 100_000
    many = await runs(graphql, 12)
    answers = await asyncio.gather(
        *(ask(app, "PUT", f"/artifacts/runs/{run}/a.bin", body) for run in many),
        *(ask(app, "POST", f"/artifacts/runs/{run}", packed("b.bin", body), PACK) for run in many),
    )
    assert {answer.status for answer in answers} <= {200, 201}
    assert len(await kept(home)) == 1
    for run in many:
        for name in ("a.bin", "b.bin"):
            assert (await graphql.http.get(f"/artifacts/runs/{run}/{name}")).content == body


async def test_one_path_from_many_clients(app: Starlette, graphql: GraphQL, home: Path) -> None:
    [run] = await runs(graphql, 1)
    bodies = [f"body {n}".encode() * 1000 for n in range(8)]
    answers = await asyncio.gather(
        *(ask(app, "PUT", f"/artifacts/runs/{run}/a.bin", body) for body in bodies)
    )
    assert {answer.status for answer in answers} == {201}
    assert (await graphql.http.get(f"/artifacts/runs/{run}/a.bin")).content in bodies
    assert len(await kept(home)) == 1  # what was replaced is freed


async def test_runs_that_take_each_others_bytes(app: Starlette, graphql: GraphQL) -> None:
    many = await runs(graphql, 4)
    for turn in range(6):
        answers = await asyncio.gather(
            *(
                ask(
                    app,
                    "PUT",
                    f"/artifacts/runs/{run}/{name}",
                    f"{(number + turn + at) % 3}".encode(),
                )
                for number, run in enumerate(many)
                for at, name in enumerate("ab")
            )
        )
        assert {answer.status for answer in answers} <= {200, 201}, answers


async def test_purging_beside_logging_loses_nothing(app: Starlette, graphql: GraphQL) -> None:
    first, *others = await runs(graphql, 4)
    body = b"wanted by many"
    file = {"path": "a.bin", "size": len(body), "sha256": digest(body)}

    async def purge() -> None:
        await graphql(DELETE, input={"runId": first, "paths": ["a.bin"]})
        [node] = (await graphql(TRASH, run=first))["run"]["trashedArtifacts"]["nodes"]
        await graphql(PURGE, input={"runId": first, "ids": [node["id"]]})

    async def log(run: str) -> None:
        missing = (await graphql(LOG, input={"runId": run, "files": [file]}))["logArtifacts"]
        if missing["missing"]:
            sent = await ask(app, "POST", f"/artifacts/runs/{run}", packed("a.bin", body), PACK)
            while sent.status == 503:  # purged since: send again, as is told
                sent = await ask(app, "POST", f"/artifacts/runs/{run}", packed("a.bin", body), PACK)
            assert sent.status == 200, sent

    for _ in range(6):
        assert (await ask(app, "PUT", f"/artifacts/runs/{first}/a.bin", body)).status == 201
        await asyncio.gather(purge(), *map(log, others))
        for run in others:
            got = await graphql.http.get(f"/artifacts/runs/{run}/a.bin")
            assert got.content == body
            await graphql(DELETE, input={"runId": run, "paths": ["a.bin"]})
            trash = (await graphql(TRASH, run=run))["run"]["trashedArtifacts"]["nodes"]
            await graphql(PURGE, input={"runId": run, "ids": [each["id"] for each in trash]})


async def begun(graphql: GraphQL, run: str, body: bytes) -> dict[str, Any]:
    file = {"runId": run, "path": "a.bin", "size": len(body), "sha256": digest(body)}
    answer: dict[str, Any] = (await graphql(BEGIN, input=file))["beginUpload"]
    return answer


async def test_an_upload_is_completed_once(graphql: GraphQL, home: Path) -> None:
    [run] = await runs(graphql, 1)
    body = b"a" * 1000
    upload = await begun(graphql, run, body)
    assert (await begun(graphql, run, body))["id"] == upload["id"]
    await graphql.http.put(f"/artifacts/uploads/{upload['id']}/0", content=body)
    question = {"query": COMPLETE, "variables": {"input": {"id": upload["id"]}}}
    answers = await asyncio.gather(
        *(graphql.http.post("/graphql", json=question) for _ in range(4))
    )
    codes = [
        error["extensions"]["code"] for each in answers for error in each.json().get("errors", ())
    ]
    assert len(codes) == 3
    assert set(codes) <= {"NOT_FOUND", "UPLOAD_BUSY"}
    assert (await graphql.http.get(f"/artifacts/runs/{run}/a.bin")).content == body
    assert len(await kept(home)) == 1


async def test_parts_that_break_off_are_sent_again(
    app: Starlette, graphql: GraphQL, home: Path
) -> None:
    [run] = await runs(graphql, 1)
    body = b"0123456789" * 1000
    upload = await begun(graphql, run, body)
    address = f"/artifacts/uploads/{upload['id']}/0"

    async def broken() -> AsyncIterator[bytes]:
        yield body[:5000]
        raise Gone

    assert (await ask(app, "PUT", address, broken())).status == 0
    assert (await begun(graphql, run, body))["receivedParts"] == []
    assert (await graphql.refused(COMPLETE, input={"id": upload["id"]}))["code"] == "INVALID_INPUT"
    for _ in range(2):
        assert (await ask(app, "PUT", address, body)).status == 204
    assert (await begun(graphql, run, body))["receivedParts"] == [0]
    for wrong in (body[:-1], body + b"x"):
        assert (await ask(app, "PUT", address, wrong)).status == 400
    assert (await begun(graphql, run, body))["receivedParts"] == []
    assert (await ask(app, "PUT", f"{address}1", body)).status == 400
    assert (await ask(app, "PUT", address, body)).status == 204
    await graphql(COMPLETE, input={"id": upload["id"]})
    assert (await graphql.http.get(f"/artifacts/runs/{run}/a.bin")).content == body
    assert len(await kept(home)) == 1


async def test_an_upload_that_would_not_fit_is_refused_at_once(graphql: GraphQL) -> None:
    [run] = await runs(graphql, 1)
    await graphql.http.put(f"/artifacts/runs/{run}/a/b", content=b"1")
    for path in ("a", "a/b/c"):
        file = {"runId": run, "path": path, "size": 1, "sha256": "0" * 64}
        assert (await graphql.refused(BEGIN, input=file))["code"] == "INVALID_INPUT"


async def test_an_aborted_upload_leaves_nothing(graphql: GraphQL, home: Path) -> None:
    [run] = await runs(graphql, 1)
    upload = await begun(graphql, run, b"abc")
    assert len(await kept(home)) == 1
    await graphql(ABORT, input={"id": upload["id"]})
    assert await kept(home) == []
    assert (await graphql.refused(ABORT, input={"id": upload["id"]}))["code"] == "NOT_FOUND"


async def test_an_upload_whose_bytes_are_lost_is_begun_anew(graphql: GraphQL, home: Path) -> None:
    """A server died between moving the bytes and telling the database, or before it made room."""
    [run] = await runs(graphql, 1)
    body = b"a" * 1000
    upload = await begun(graphql, run, body)
    address = f"/artifacts/uploads/{upload['id']}/0"
    for lost in (home / "artifacts" / "uploads").iterdir():
        lost.unlink()
    assert (await graphql.http.put(address, content=body)).status_code == 404
    assert (await begun(graphql, run, body))["id"] == upload["id"]
    assert (await graphql.http.put(address, content=body)).status_code == 204
    for lost in (home / "artifacts" / "uploads").iterdir():
        lost.unlink()
    assert (await graphql.refused(COMPLETE, input={"id": upload["id"]}))["code"] == "NOT_FOUND"
    fresh = await begun(graphql, run, body)
    assert fresh["id"] != upload["id"]
    await graphql.http.put(f"/artifacts/uploads/{fresh['id']}/0", content=body)
    await graphql(COMPLETE, input={"id": fresh["id"]})
    assert (await graphql.http.get(f"/artifacts/runs/{run}/a.bin")).content == body


async def test_bytes_that_are_lost_are_told_of(graphql: GraphQL, home: Path) -> None:
    [run] = await runs(graphql, 1)
    await graphql.http.put(f"/artifacts/runs/{run}/a.bin", content=b"abc")
    for lost in (home / "artifacts" / "blobs").glob("*/*"):
        lost.unlink()
    got = await graphql.http.get(f"/artifacts/runs/{run}/a.bin")
    assert (got.status_code, got.json()["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")


@pytest.fixture
def broken_root(home: Path) -> Path:
    """A file where the folder of the artifacts should be."""
    home.mkdir()
    (home / "artifacts").write_bytes(b"")
    return home / "artifacts"


async def test_a_folder_that_is_no_folder(database_url: str, home: Path, broken_root: Path) -> None:
    """Nothing is half visible while the store is out of order, and all works when it is back."""
    app = create_app(Settings(home=home, database_url=database_url))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4000"
        ) as http,
    ):
        graphql = GraphQL(http)
        [run] = await runs(graphql, 1)
        file = {"runId": run, "path": "a.bin", "size": 3, "sha256": digest(b"abc")}
        for _ in range(2):
            put = await ask(app, "PUT", f"/artifacts/runs/{run}/a.bin", b"abc")
            assert (put.status, put.code) == (503, "STORE_UNAVAILABLE")
            pack = await ask(app, "POST", f"/artifacts/runs/{run}", packed("a.bin", b"abc"), PACK)
            assert (pack.status, pack.code) == (503, "STORE_UNAVAILABLE")
            assert (await graphql.refused(BEGIN, input=file))["code"] == "STORE_UNAVAILABLE"
            assert (await http.get(f"/artifacts/runs/{run}/a.bin")).status_code == 404
        await asyncio.to_thread(broken_root.unlink)
        assert (await ask(app, "PUT", f"/artifacts/runs/{run}/a.bin", b"abc")).status == 201
        assert (await http.get(f"/artifacts/runs/{run}/a.bin")).content == b"abc"


async def test_empty_files(graphql: GraphQL, app: Starlette) -> None:
    [run] = await runs(graphql, 1)
    address = f"/artifacts/runs/{run}"
    assert (await ask(app, "PUT", f"{address}/put", b"")).status == 201
    assert (await ask(app, "POST", address, packed("pack", b""), PACK)).status == 200
    [other] = await runs(graphql, 1)
    file = {"runId": other, "path": "part", "size": 0, "sha256": digest(b"")}
    assert (await graphql(BEGIN, input=file))["beginUpload"]["artifact"] == {"path": "part"}
    for name in ("put", "pack"):
        got = await graphql.http.get(f"{address}/{name}")
        assert (got.status_code, got.content, got.headers["content-length"]) == (200, b"", "0")
        part = await graphql.http.get(f"{address}/{name}", headers={"range": "bytes=0-"})
        assert part.status_code == 416
    for form in ("zip", "pack"):
        assert (await graphql.http.get(f"{address}/?format={form}")).status_code == 200


async def test_an_empty_file_by_an_upload(graphql: GraphQL) -> None:
    [run] = await runs(graphql, 1)
    upload = await begun(graphql, run, b"")
    assert upload["parts"] == 1
    assert (await graphql.http.put(f"/artifacts/uploads/{upload['id']}/0")).status_code == 204
    await graphql(COMPLETE, input={"id": upload["id"]})
    assert (await graphql.http.get(f"/artifacts/runs/{run}/a.bin")).content == b""
