"""Bytes of artifacts over HTTP: up, down, ranges, packs, parts, and what breaks off."""

import base64
import io
import json
import struct
import zipfile
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

CREATE = "mutation { createRun(input: {}) { id } }"
LIST = """query(
  $run: ID!, $folder: String! = "", $search: String, $first: Int! = 100, $after: String
) {
  run(id: $run) { artifactFiles artifactSize
    artifacts(folder: $folder, search: $search, first: $first, after: $after) {
      nodes { path name isFolder files size sha256 mediaType uri url }
      pageInfo { hasNextPage endCursor } totalCount
} } }"""
BEGIN = """mutation($input: BeginUploadInput!) { beginUpload(input: $input) {
  id partSize parts receivedParts artifact { path } } }"""
COMPLETE = (
    "mutation($input: CompleteUploadInput!) { completeUpload(input: $input) { path sha256 } }"
)
PACK = {"content-type": "application/vnd.trackql.pack"}
PART = 16 * 1024 * 1024


def digest(body: bytes) -> str:
    return sha256(body).hexdigest()


def packed(files: dict[str, bytes], **changes: Any) -> bytes:
    entries = [
        {"path": path, "size": len(body), "sha256": digest(body), **changes}
        for path, body in files.items()
    ]
    manifest = json.dumps({"entries": entries}).encode()
    return struct.pack(">Q", len(manifest)) + manifest + b"".join(files.values())


def unpacked(body: bytes) -> dict[str, bytes]:
    [size] = struct.unpack_from(">Q", body)
    entries = json.loads(body[8 : 8 + size])["entries"]
    found, at = {}, 8 + size
    for each in entries:
        found[each["path"]] = body[at : at + each["size"]]
        at += each["size"]
    assert at == len(body)
    return found


def blobs(home: Path) -> list[Path]:
    """Every file below the artifact root."""
    return sorted(path for path in (home / "artifacts").rglob("*") if path.is_file())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
async def run(graphql: GraphQL) -> str:
    return str((await graphql(CREATE))["createRun"]["id"])


async def test_what_is_put_is_got(graphql: GraphQL, run: str, home: Path) -> None:
    address = f"/artifacts/runs/{run}/models/best%20one/weights.bin"
    body = bytes(range(256)) * 5000
    put = await graphql.http.put(address, content=body)
    assert put.status_code == 201, put.text
    told = {"path": "models/best one/weights.bin", "size": len(body), "sha256": digest(body)}
    assert put.json() == {**told, "mediaType": "application/octet-stream"}
    assert (await graphql.http.put(address, content=body)).status_code == 200

    got = await graphql.http.get(address)
    assert got.content == body
    assert got.headers["etag"] == f'"{digest(body)}"'
    encoded = base64.b64encode(bytes.fromhex(digest(body))).decode()
    assert got.headers["repr-digest"] == f"sha-256=:{encoded}:"
    assert got.headers["content-disposition"].startswith('attachment; filename="weights.bin"')
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    head = await graphql.http.head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(body))

    listed = (await graphql(LIST, run=run))["run"]
    assert (listed["artifactFiles"], listed["artifactSize"]) == (1, len(body))
    [folder] = listed["artifacts"]["nodes"]
    assert (folder["path"], folder["isFolder"], folder["files"]) == ("models", True, 1)
    inner = (await graphql(LIST, run=run, folder="models/best one"))["run"]["artifacts"]
    assert inner["nodes"][0]["url"] == address
    assert len(blobs(home)) == 1


@pytest.mark.parametrize(
    ("header", "status", "wanted"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=4-", 206, slice(4, None)),
        ("bytes=-2", 206, slice(8, None)),
        ("bytes=5-100", 206, slice(5, None)),
        ("bytes=-100", 206, slice(0, None)),
        ("bytes=9-9", 206, slice(9, 10)),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=3-1", 200, slice(0, None)),
        ("bytes=0-1,3-4", 200, slice(0, None)),
        ("lines=0-1", 200, slice(0, None)),
        ("bytes=-", 200, slice(0, None)),
        ("bytes=a-b", 200, slice(0, None)),
    ],
)
async def test_ranges(
    graphql: GraphQL, run: str, header: str, status: int, wanted: slice | None
) -> None:
    body = b"0123456789"
    address = f"/artifacts/runs/{run}/digits.txt"
    await graphql.http.put(address, content=body)
    got = await graphql.http.get(address, headers={"range": header})
    assert got.status_code == status
    if wanted is None:
        assert got.headers["content-range"] == "bytes */10"
        return
    assert got.content == body[wanted]
    if status == 206:
        start = wanted.start
        last = start + len(got.content) - 1
        assert got.headers["content-range"] == f"bytes {start}-{last}/10"


async def test_conditions(graphql: GraphQL, run: str) -> None:
    address = f"/artifacts/runs/{run}/digits.txt"
    await graphql.http.put(address, content=b"0123456789")
    tag = f'"{digest(b"0123456789")}"'
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        got = await graphql.http.get(address, headers={"if-none-match": given})
        assert (got.status_code, got.content) == (304, b"")
    fresh = await graphql.http.get(address, headers={"if-none-match": '"other"'})
    assert fresh.status_code == 200
    part = {"range": "bytes=0-1"}
    same = await graphql.http.get(address, headers={**part, "if-range": tag})
    assert (same.status_code, same.content) == (206, b"01")
    changed = await graphql.http.get(address, headers={**part, "if-range": '"other"'})
    assert (changed.status_code, changed.content) == (200, b"0123456789")


async def test_wrong_digest_leaves_nothing(graphql: GraphQL, run: str, home: Path) -> None:
    encoded = base64.b64encode(bytes(32)).decode()
    for name in ("Repr-Digest", "Content-Digest"):
        put = await graphql.http.put(
            f"/artifacts/runs/{run}/a.txt",
            content=b"abc",
            headers={name: f"sha-256=:{encoded}:"},
        )
        assert put.status_code == 400
        assert put.json()["errors"][0]["extensions"]["code"] == "WRONG_DIGEST"
    wrong = packed({"a.txt": b"abc", "b.txt": b"def"}, sha256="0" * 64)
    sent = await graphql.http.post(f"/artifacts/runs/{run}", content=wrong, headers=PACK)
    assert sent.json()["errors"][0]["extensions"]["code"] == "WRONG_DIGEST"
    assert (await graphql(LIST, run=run))["run"]["artifactFiles"] == 0
    assert blobs(home) == []


async def test_interrupted_bodies_leave_nothing(
    app: Starlette, graphql: GraphQL, run: str, home: Path
) -> None:
    async def broken(begin: bytes) -> AsyncIterator[bytes]:
        yield begin
        raise Gone

    pack = packed({"a.bin": bytes(3_000_000)})
    for method, address, begin in (
        ("PUT", f"/artifacts/runs/{run}/a.bin", pack),
        ("POST", f"/artifacts/runs/{run}", pack[:-1]),
    ):
        answer = await ask(app, method, address, broken(begin), PACK)
        assert answer.status == 0  # nobody is there to hear one
    whole = packed({"a.txt": b"abc", "b.txt": b"def"})
    short = await graphql.http.post(f"/artifacts/runs/{run}", content=whole[:-1], headers=PACK)
    assert short.status_code == 400
    long = await graphql.http.post(f"/artifacts/runs/{run}", content=whole + b"x", headers=PACK)
    assert long.status_code == 400
    assert (await graphql(LIST, run=run))["run"]["artifactFiles"] == 0
    assert blobs(home) == []


async def test_packs_go_in_and_out(graphql: GraphQL, run: str, home: Path) -> None:
    files = {f"data/{n % 7}/{n:03}.txt": f"file {n % 50}".encode() for n in range(300)}
    files["big.bin"] = bytes(3_000_000)
    for _ in range(2):  # again is harmless
        sent = await graphql.http.post(
            f"/artifacts/runs/{run}", content=packed(files), headers=PACK
        )
        assert sent.status_code == 200, sent.text
    assert [each["path"] for each in sent.json()["artifacts"]] == list(files)
    assert len(blobs(home)) == 2  # small ones together, equal ones once
    got = await graphql.http.get(f"/artifacts/runs/{run}/?format=pack")
    assert int(got.headers["content-length"]) == len(got.content)
    assert unpacked(got.content) == files
    part = await graphql.http.get(f"/artifacts/runs/{run}/data/3/?format=pack")
    wanted = {p.rpartition("/")[2]: b for p, b in files.items() if p.startswith("data/3/")}
    assert unpacked(part.content) == wanted
    archive = await graphql.http.get(f"/artifacts/runs/{run}/")
    with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == files
    assert (await graphql.http.get(f"/artifacts/runs/{run}/none/")).status_code == 404


async def test_listing_by_pages(graphql: GraphQL, run: str) -> None:
    files = {f"d{n}/x.txt": b"x" for n in range(5)} | {f"f{n}.txt": b"y" for n in range(5)}
    await graphql.http.post(f"/artifacts/runs/{run}", content=packed(files), headers=PACK)
    found: list[str] = []
    after = None
    while True:
        page = (await graphql(LIST, run=run, first=3, after=after))["run"]["artifacts"]
        assert page["totalCount"] == 10
        found += [node["name"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert found == [*(f"d{n}" for n in range(5)), *(f"f{n}.txt" for n in range(5))]
    page = (await graphql(LIST, run=run, search="X.t", first=3))["run"]["artifacts"]
    assert [node["path"] for node in page["nodes"]] == ["d0/x.txt", "d1/x.txt", "d2/x.txt"]
    assert page["totalCount"] == 5


async def test_a_path_is_a_file_or_a_folder(graphql: GraphQL, run: str) -> None:
    await graphql.http.put(f"/artifacts/runs/{run}/a/b", content=b"1")
    for path in ("a", "a/b/c"):
        refused = await graphql.http.put(f"/artifacts/runs/{run}/{path}", content=b"2")
        assert refused.status_code == 400, path
    both = await graphql.http.post(
        f"/artifacts/runs/{run}", content=packed({"x": b"1", "x/y": b"2"}), headers=PACK
    )
    assert both.status_code == 400


async def test_upload_in_parts_over_a_restart(
    graphql: GraphQL, run: str, home: Path, database_url: str, app: Starlette
) -> None:
    body = bytes(range(251)) * (2 * PART // 251 + 1000)
    file = {"runId": run, "path": "large.bin", "size": len(body), "sha256": digest(body)}
    begun = (await graphql(BEGIN, input=file))["beginUpload"]
    assert (begun["parts"], begun["receivedParts"]) == (3, [])
    parts = [body[n * PART : (n + 1) * PART] for n in range(3)]
    address = f"/artifacts/uploads/{begun['id']}"
    for number in (2, 0):
        sent = await graphql.http.put(f"{address}/{number}", content=parts[number])
        assert sent.status_code == 204, sent.text
    short = await graphql.http.put(f"{address}/1", content=parts[1][:-1])
    assert short.status_code == 400
    early = await graphql.refused(COMPLETE, input={"id": begun["id"]})
    assert "lacks 1 parts" in early["message"]
    assert (await graphql(LIST, run=run))["run"]["artifactFiles"] == 0

    again = create_app(Settings(home=home, database_url=database_url))
    async with (
        again.router.lifespan_context(again),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(again), base_url="http://127.0.0.1:4000"
        ) as http,
    ):
        later = GraphQL(http)
        resumed = (await later(BEGIN, input=file))["beginUpload"]
        assert (resumed["id"], resumed["receivedParts"]) == (begun["id"], [0, 2])
        assert (await http.put(f"{address}/1", content=parts[1])).status_code == 204
        done = (await later(COMPLETE, input={"id": begun["id"]}))["completeUpload"]
        assert done == {"path": "large.bin", "sha256": digest(body)}
        got = await http.get(f"/artifacts/runs/{run}/large.bin")
        assert got.content == body
        assert [path.stat().st_size for path in blobs(home)] == [len(body)]
        other = str((await later(CREATE))["createRun"]["id"])
        known = (await later(BEGIN, input={**file, "runId": other}))["beginUpload"]
        assert known["artifact"] == {"path": "large.bin"}
        assert known["id"] is None
        assert len(blobs(home)) == 1


async def test_upload_of_other_bytes_is_dropped(graphql: GraphQL, run: str, home: Path) -> None:
    file = {"runId": run, "path": "a.bin", "size": 3, "sha256": digest(b"abc")}
    begun = (await graphql(BEGIN, input=file))["beginUpload"]
    await graphql.http.put(f"/artifacts/uploads/{begun['id']}/0", content=b"abd")
    refused = await graphql.refused(COMPLETE, input={"id": begun["id"]})
    assert refused["code"] == "WRONG_DIGEST"
    assert (await graphql(LIST, run=run))["run"]["artifactFiles"] == 0
    assert blobs(home) == []
    gone = await graphql.http.put(f"/artifacts/uploads/{begun['id']}/0", content=b"abc")
    assert gone.status_code == 404
    fresh = (await graphql(BEGIN, input=file))["beginUpload"]
    # A part that is sent again counts as it was sent last.
    for body in (b"xyz", b"abc"):
        await graphql.http.put(f"/artifacts/uploads/{fresh['id']}/0", content=body)
    await graphql(COMPLETE, input={"id": fresh["id"]})
    assert (await graphql.http.get(f"/artifacts/runs/{run}/a.bin")).content == b"abc"
