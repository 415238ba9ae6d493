"""Whatever happens to artifacts: folders count what lies in them, and bytes stay as long as needed.

A history is lived through twice, by the server and by a dictionary.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.client import GraphQL
from trackql_server.app import create_app
from trackql_server.settings import Settings
from trackql_server.store.blobs.local import LocalBlobs

CREATE = "mutation { createRun(input: {}) { id } }"
LIST = """query($run: ID!, $folder: String!) { run(id: $run) {
  artifactFiles artifactSize
  artifacts(folder: $folder, first: 1000) { nodes { path isFolder files size sha256 uri } }
} }"""
TRASH = """query($run: ID!) { run(id: $run) {
  trashedArtifacts(first: 1000) { nodes { id path size sha256 } } } }"""
LOG = "mutation($input: LogArtifactsInput!) { logArtifacts(input: $input) { missing } }"
REFER = """mutation($input: LogArtifactReferencesInput!) {
  logArtifactReferences(input: $input) { path } }"""
DELETE = "mutation($input: DeleteArtifactsInput!) { deleteArtifacts(input: $input) { files } }"
RESTORE = "mutation($input: TrashedArtifactsInput!) { restoreArtifacts(input: $input) { path } }"
PURGE = "mutation($input: TrashedArtifactsInput!) { purgeArtifacts(input: $input) { freed } }"

# Few names, so that files, folders and what was deleted get in each other's way.
PATHS = st.sampled_from(["a", "a/b", "a/b/c", "a/d", "b", "b/a", "b/a/a", "0", "a0", "a-x"])
RUNS = st.integers(0, 1)
CONTENTS = st.integers(0, 3)

Step = tuple[Any, ...]

STEPS = st.one_of(
    st.tuples(st.just("put"), RUNS, PATHS, CONTENTS),
    st.tuples(st.just("pack"), RUNS, st.dictionaries(PATHS, CONTENTS, min_size=1, max_size=4)),
    st.tuples(st.just("log"), RUNS, PATHS, CONTENTS),
    st.tuples(st.just("refer"), RUNS, PATHS, st.sampled_from([None, 0, 7])),
    st.tuples(st.just("delete"), RUNS, st.lists(PATHS, min_size=1, max_size=2)),
    st.tuples(st.just("restore"), RUNS, st.sets(st.integers(0, 4), min_size=1, max_size=3)),
    st.tuples(st.just("purge"), RUNS, st.sets(st.integers(0, 4), min_size=1, max_size=3)),
)


@dataclass(frozen=True)
class File:
    """What lies at a path: bytes, by their digest, or a reference without one."""

    digest: str | None
    size: int | None


@dataclass
class Told:
    """What a run should have."""

    files: dict[str, File] = field(default_factory=dict)
    trash: list[tuple[str, File]] = field(default_factory=list)

    def fits(self, paths: list[str]) -> bool:
        """Whether no file would be a folder at the same time."""
        every = {*self.files, *paths}
        return not any(one.startswith(f"{other}/") for one in every for other in every)

    def within(self, path: str) -> list[str]:
        return [each for each in self.files if each == path or each.startswith(f"{path}/")]

    def folders(self) -> dict[str, tuple[int, int]]:
        """Files and bytes of every folder, counted anew."""
        found: dict[str, tuple[int, int]] = {}
        for path, file in self.files.items():
            place = path
            while place:
                place = place.rpartition("/")[0]
                count, size = found.get(place, (0, 0))
                found[place] = (count + 1, size + (file.size or 0))
        return found


class World:
    """The server, and what it should have of the runs of one history."""

    def __init__(self, http: httpx.AsyncClient, root: Path) -> None:
        self.http = http
        self.graphql = GraphQL(http)
        self.root = root
        self.runs: list[str] = []
        self.told: list[Told] = []

    async def begin(self) -> None:
        self.told = [Told(), Told()]
        self.runs = [str((await self.graphql(CREATE))["createRun"]["id"]) for _ in self.told]

    def body(self, content: int) -> bytes:
        """Bytes that no other history has; of some contents more than of others."""
        return self.runs[0].encode() * (content + 1)

    def file(self, content: int) -> File:
        body = self.body(content)
        return File(sha256(body).hexdigest(), len(body))

    async def kept(self) -> set[str]:
        """Digests of bytes that lie in the store, of this history."""
        mine = {str(self.file(content).digest) for content in range(4)}
        store = LocalBlobs(self.root)
        places = [each.place async for each in store.listing()]
        assert all(place.startswith(("blobs/", "segments/")) for place in places)
        every = [sha256(body).hexdigest() for body in await store.read_many(places)]
        assert len(set(every)) == len(every)
        return mine & set(every)

    async def step(self, kind: str, number: int, *rest: Any) -> None:
        await getattr(self, kind)(self.runs[number], self.told[number], *rest)

    async def put(self, run: str, told: Told, path: str, content: int) -> None:
        answer = await self.http.put(f"/artifacts/runs/{run}/{path}", content=self.body(content))
        same = told.files.get(path) == self.file(content)
        assert answer.status_code == (400 if not told.fits([path]) else 200 if same else 201)
        if told.fits([path]):
            told.files[path] = self.file(content)

    async def pack(self, run: str, told: Told, files: dict[str, int]) -> None:
        entries = [
            {"path": path, "size": self.file(c).size, "sha256": self.file(c).digest}
            for path, c in files.items()
        ]
        manifest = orjson.dumps({"entries": entries})
        body = len(manifest).to_bytes(8, "big") + manifest
        body += b"".join(self.body(content) for content in files.values())
        headers = {"content-type": "application/vnd.trackql.pack"}
        answer = await self.http.post(f"/artifacts/runs/{run}", content=body, headers=headers)
        fits = told.fits(list(files))
        assert answer.status_code == (200 if fits else 400), answer.text
        if fits:
            told.files |= {path: self.file(content) for path, content in files.items()}

    async def log(self, run: str, told: Told, path: str, content: int) -> None:
        file = self.file(content)
        entry = {"path": path, "size": file.size, "sha256": file.digest}
        given = {"runId": run, "files": [entry]}
        known = file.digest in self.needed()
        if known and not told.fits([path]):
            assert (await self.graphql.refused(LOG, input=given))["code"] == "INVALID_INPUT"
            return
        missing = (await self.graphql(LOG, input=given))["logArtifacts"]["missing"]
        assert missing == ([] if known else [path])
        if known:
            told.files[path] = file

    async def refer(self, run: str, told: Told, path: str, size: int | None) -> None:
        given = {"runId": run, "references": [{"path": path, "uri": "s3://b/k", "size": size}]}
        if told.fits([path]):
            await self.graphql(REFER, input=given)
            told.files[path] = File(None, size)
        else:
            assert (await self.graphql.refused(REFER, input=given))["code"] == "INVALID_INPUT"

    async def delete(self, run: str, told: Told, paths: list[str]) -> None:
        given = {"runId": run, "paths": paths}
        if not all(told.within(path) for path in paths):
            assert (await self.graphql.refused(DELETE, input=given))["code"] == "NOT_FOUND"
            return
        gone = {each for path in paths for each in told.within(path)}
        files = (await self.graphql(DELETE, input=given))["deleteArtifacts"]["files"]
        assert files == len(gone)
        told.trash += [(path, told.files.pop(path)) for path in sorted(gone)]

    async def chosen(self, run: str, told: Told, which: set[int]) -> list[dict[str, Any]]:
        found = (await self.graphql(TRASH, run=run))["run"]["trashedArtifacts"]["nodes"]
        assert sorted((e["path"], e["sha256"] or "", e["size"] or 0) for e in found) == sorted(
            (path, file.digest or "", file.size or 0) for path, file in told.trash
        )
        return [found[place] for place in which if place < len(found)]

    def take(self, told: Told, each: dict[str, Any]) -> tuple[str, File]:
        item = (each["path"], File(each["sha256"], each["size"]))
        told.trash.remove(item)
        return item

    async def restore(self, run: str, told: Told, which: set[int]) -> None:
        rows = await self.chosen(run, told, which)
        if not rows:
            return
        given = {"runId": run, "ids": [each["id"] for each in rows]}
        paths = [each["path"] for each in rows]
        free = len(set(paths)) == len(paths) and not set(paths) & set(told.files)
        if not (free and told.fits(paths)):
            assert (await self.graphql.refused(RESTORE, input=given))["code"] == "ALREADY_EXISTS"
            return
        await self.graphql(RESTORE, input=given)
        told.files |= dict(self.take(told, each) for each in rows)

    async def purge(self, run: str, told: Told, which: set[int]) -> None:
        rows = await self.chosen(run, told, which)
        if not rows:
            return
        before = self.needed()
        given = {"runId": run, "ids": [each["id"] for each in rows]}
        freed = (await self.graphql(PURGE, input=given))["purgeArtifacts"]["freed"]
        gone = {file.digest: file.size for _, file in (self.take(told, e) for e in rows)}
        lost = before - self.needed()
        assert freed == sum(gone[digest] or 0 for digest in lost)

    def needed(self) -> set[str]:
        """Digests that some artifact has, in use or in the trash."""
        every = [
            file
            for told in self.told
            for file in (*told.files.values(), *(file for _, file in told.trash))
        ]
        return {file.digest for file in every if file.digest is not None}

    async def check(self) -> None:
        assert await self.kept() == self.needed()
        for run, told in zip(self.runs, self.told, strict=True):
            folders = told.folders()
            listed: dict[str, File] = {}
            seen = {""}
            waiting = [""]
            while waiting:
                page = (await self.graphql(LIST, run=run, folder=waiting.pop()))["run"]
                assert (page["artifactFiles"], page["artifactSize"]) == folders.get("", (0, 0))
                for node in page["artifacts"]["nodes"]:
                    if node["isFolder"]:
                        assert (node["files"], node["size"]) == folders[node["path"]]
                        waiting.append(node["path"])
                        seen.add(node["path"])
                    else:
                        listed[node["path"]] = File(node["sha256"], node["size"])
            assert listed == told.files
            assert seen == {"", *folders}


@pytest.fixture
def standing(database_url: str, tmp_path: Path) -> Iterator[tuple[asyncio.Runner, World]]:
    """One server for all histories, and the loop that it lives in."""
    app = create_app(Settings(home=tmp_path / "home", database_url=database_url))
    lifespan = app.router.lifespan_context(app)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4000")
    with asyncio.Runner() as runner:
        runner.run(lifespan.__aenter__())
        yield runner, World(http, tmp_path / "home" / "artifacts")
        runner.run(http.aclose())
        runner.run(lifespan.__aexit__(None, None, None))


@settings(max_examples=25)
@example(
    history=[
        ("put", 0, "a", 1),
        ("delete", 0, ["a"]),
        ("put", 0, "a/b", 2),
        ("delete", 0, ["a"]),
        ("restore", 0, {0, 1}),
    ]
)
@given(history=st.lists(STEPS, min_size=1, max_size=14))
def test_folders_count_and_bytes_stay_as_long_as_needed(
    standing: tuple[asyncio.Runner, World], history: list[Step]
) -> None:
    runner, world = standing

    async def live() -> None:
        await world.begin()
        for step in history:
            await world.step(*step)
            await world.check()

    runner.run(live())


async def test_many_paths_at_once(graphql: GraphQL) -> None:
    run = (await graphql(CREATE))["createRun"]["id"]
    references = [{"path": f"{n % 700}/{n}", "uri": "s3://b/k", "size": 1} for n in range(2000)]
    await graphql(REFER, input={"runId": run, "references": references})
    paths = [*map(str, range(600)), *(f"{n % 700}/{n}" for n in range(650, 700))]
    given = {"runId": run, "paths": paths}
    deleted = (await graphql(DELETE, input=given))["deleteArtifacts"]["files"]
    left = (await graphql(LIST, run=run, folder=""))["run"]
    assert deleted + left["artifactFiles"] == 2000
    assert left["artifactSize"] == left["artifactFiles"]
    assert deleted == sum(n % 700 < 600 for n in range(2000)) + 50


@pytest.mark.parametrize("identity", ["", "x", "-1", "9" * 19, "9" * 30, "٣", "1e3", " 1"])
async def test_what_is_no_id(graphql: GraphQL, identity: str) -> None:
    run = (await graphql(CREATE))["createRun"]["id"]
    for document in (RESTORE, PURGE):
        refused = await graphql.refused(document, input={"runId": run, "ids": [identity]})
        assert refused["code"] == "INVALID_INPUT"
        unknown = await graphql.refused(document, input={"runId": run, "ids": ["1"]})
        assert unknown["code"] == "NOT_FOUND"
