"""Hostile paths, on every address and mutation that takes one: nothing outside is ever touched."""

import asyncio
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.asgi import Answer, ask
from tests.client import GraphQL
from trackql_server.app import App, create_app
from trackql_server.domain import paths
from trackql_server.errors import InvalidInput
from trackql_server.settings import Settings

SECRET = b"the canary sings"
BODY = b"harmless"
DIGEST = sha256(BODY).hexdigest()
PACK = "application/vnd.trackql.pack"

CREATE = 'mutation { createRun(input: {name: "a"}) { id } }'
FIELDS = "path name folder isFolder size sha256 url"
FIND = f"""query($id: ID!, $path: String!) {{ run(id: $id) {{
  artifact(path: $path) {{ {FIELDS} }}
  artifacts(folder: $path) {{ nodes {{ {FIELDS} }} }}
  found: artifacts(folder: $path, search: "a") {{ nodes {{ {FIELDS} }} }}
  searched: artifacts(search: $path) {{ nodes {{ {FIELDS} }} }}
}} }}"""
LOG = "mutation($input: LogArtifactsInput!) { logArtifacts(input: $input) { missing } }"
REFER = """mutation($input: LogArtifactReferencesInput!) {
  logArtifactReferences(input: $input) { path }
}"""
BEGIN = "mutation($input: BeginUploadInput!) { beginUpload(input: $input) { id } }"
DELETE = """mutation($input: DeleteArtifactsInput!) {
  deleteArtifacts(input: $input) { __typename }
}"""

PARTS = st.sampled_from(
    [
        "..", ".", "", "a", "canary", "home", "artifacts", "blobs", "uploads", "trackql.db", "etc",
        "passwd", "\0", "canary\0.png", "C:", "c:", "C:\\canary", "file:", "http:", "\\\\host",
        "..\\..", "\u2024\u2024", "\uff0e\uff0e", "\u2025", "\u2026", "\uff0f", "\u2215", "\u202e",
        "~", "$HOME", "%2e%2e", "%c0%ae%c0%ae", "%u002e", "x" * 255, "x" * 256, "é" * 128, "\n",
        "\x7f", "🚀", "..;", "... ", "-", "CON", "a:b", "?", "#", "*", "'\"", "<script>",
    ]
)  # fmt: skip
SEPARATORS = st.sampled_from(["/", "/", "/", "\\", "//", "%2f", "%5c", "/./", "\uff0f"])


@st.composite
def hostile(draw: st.DrawFn) -> str:
    """Parts that lead elsewhere somewhere, encoded up to four times over."""
    parts = draw(st.lists(st.one_of(PARTS, st.text(max_size=8)), min_size=1, max_size=6))
    text = draw(st.sampled_from(["", "", "/", "//", "file:///", "C:/", "\\\\host\\"]))
    for each in parts:
        text += each + draw(SEPARATORS)
    text = text if draw(st.booleans()) else text.rstrip("/\\")
    for _ in range(draw(st.integers(0, 4))):
        text = quote(text.encode("utf-8", "replace").decode(), safe=draw(st.sampled_from("/.")))
    return text


def sent(text: str) -> str:
    """As a client would send it: with as little encoded as HTTP allows."""
    return quote(text.encode("utf-8", "replace"), safe="/%\\:;.,~!$'()*+=@&")


class World:
    """A server whose folder stands in another one, with canaries around."""

    def __init__(self, tmp_path: Path, app: App, http: httpx.AsyncClient) -> None:
        self.root = tmp_path
        self.app = app
        self.graphql = GraphQL(http)
        for folder in (tmp_path, tmp_path / "home", tmp_path / "home" / "artifacts"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "canary").write_bytes(SECRET)
        self.before = self.outside()

    def outside(self) -> dict[str, tuple[bytes, int]]:
        """All that lies around what the server keeps."""
        kept = ("home/artifacts/blobs", "home/artifacts/drafts", "home/artifacts/uploads")
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                place = path.relative_to(self.root).as_posix()
                if not place.startswith(kept) and not name.startswith("trackql.db"):
                    found[place] = (path.read_bytes(), path.stat().st_mtime_ns)
        return found

    async def attack(self, run: str, path: str) -> list[Answer]:
        """The path in every place that takes one."""
        raw = f"/artifacts/runs/{run}/{sent(path)}"
        answers = [
            await ask(self.app, method, raw + query, body)
            for method, query, body in (
                ("PUT", "", BODY),
                ("GET", "", b""),
                ("GET", "?inline", b""),
                ("HEAD", "", b""),
                ("GET", "?preview=table", b""),
                ("GET", "?format=zip", b""),
                ("GET", "/?format=pack", b""),
                ("DELETE", "", b""),
            )
        ]
        answers += [
            await ask(self.app, "PUT", f"/artifacts/uploads/{sent(path)}/0", BODY),
            await ask(self.app, "GET", f"/artifacts/runs/{sent(path)}", b""),
            await ask(self.app, "GET", f"/artifacts/{sent(path)}", b""),
            await ask(self.app, "GET", f"/{sent(path)}", b""),
        ]
        entry = {"path": path, "size": len(BODY), "sha256": DIGEST}
        manifest = orjson.dumps({"entries": [entry]})
        pack = len(manifest).to_bytes(8, "big") + manifest + BODY
        headers = {"content-type": PACK}
        answers.append(await ask(self.app, "POST", f"/artifacts/runs/{run}", pack, headers))
        file = {"path": path, "size": len(BODY), "sha256": DIGEST}
        other = {"path": path, "size": len(BODY), "sha256": "0" * 64}
        reference = {"path": path, "uri": "s3://bucket/key"}
        for document, variables in (
            (LOG, {"input": {"runId": run, "files": [file]}}),
            (FIND, {"id": run, "path": path}),
            (REFER, {"input": {"runId": run, "references": [reference]}}),
            (BEGIN, {"input": {"runId": run, **other}}),
            (DELETE, {"input": {"runId": run, "paths": [path]}}),
        ):
            question = orjson.dumps({"query": document, "variables": variables})
            kind = {"content-type": "application/json"}
            answers.append(await ask(self.app, "POST", "/graphql", question, kind))
            for error in answers[-1].json().get("errors", ()):
                assert error["extensions"]["code"] != "INTERNAL", (error, variables)
        return answers


@pytest.fixture
def standing(database_url: str, tmp_path: Path) -> Iterator[tuple[asyncio.Runner, World]]:
    """One server for all examples, and the loop that it lives in."""
    app = create_app(Settings(home=tmp_path / "home", database_url=database_url))
    lifespan = app.router.lifespan_context(app)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4000")
    with asyncio.Runner() as runner:
        runner.run(lifespan.__aenter__())
        yield runner, World(tmp_path, app, http)
        runner.run(http.aclose())
        runner.run(lifespan.__aexit__(None, None, None))


@settings(max_examples=60)
@example(attempts=["../../canary", "..%2f..%2fcanary", "%252e%252e/%252e%252e/canary", "/canary"])
@example(attempts=["C:\\canary", "file:///etc/passwd", "a/../../canary", "canary\0", "a//b", "."])
@given(attempts=st.lists(hostile(), min_size=1, max_size=3))
def test_no_path_leads_out(standing: tuple[asyncio.Runner, World], attempts: list[str]) -> None:
    runner, world = standing

    async def live() -> None:
        run = str((await world.graphql(CREATE))["createRun"]["id"])
        for path in attempts:
            for answer in await world.attack(run, path):
                assert 200 <= answer.status < 500, (path, answer)
                assert SECRET not in answer.body, (path, answer)
            assert world.outside() == world.before, path
        await _all_is_plain(world.graphql, run)

    runner.run(live())


async def _all_is_plain(graphql: GraphQL, run: str) -> None:
    """Whatever was let in has a path that is safe on every machine."""
    document = f"""query($id: ID!) {{ run(id: $id) {{
      artifacts(search: "", first: 1000) {{ nodes {{ {FIELDS} }} }}
      trashedArtifacts(first: 1000) {{ nodes {{ {FIELDS} }} }}
    }} }}"""
    found: dict[str, Any] = (await graphql(document, id=run))["run"]
    for each in (*found["artifacts"]["nodes"], *found["trashedArtifacts"]["nodes"]):
        assert paths.checked(each["path"]) == each["path"]
        assert not {"", ".", ".."} & set(each["path"].split("/"))


REFUSED = [
    "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/..", "./a", "a\\b", "a\0b", "a\nb",
    "\x7f", "C:", "c:/a", "file:/a", "http://a", "s3://b/k", "\ud800", "x" * 256, "é" * 128,
    "a/" * 500 + "a", "%2e%2e/a", "%2E%2e", "a/%252e%252e/b", "%252525252e%252525252e", "%5ca",
    "a%00", "a%2500b", "%2fa", "%252fa", "..%2f",
]  # fmt: skip
ALLOWED = [
    "a", "a/b/c.txt", "...", "..a", "a..", " ", "a b", "100%", "50%/x", "%41", "é/☃/🚀",
    "\u2024\u2024/a", "\uff0e\uff0e/a", "a/b:c", "-", "~", "x" * 255, "$(rm)", "a?b#c", "'\"",
    ".hidden", "CON",
]  # fmt: skip


@pytest.mark.parametrize("path", REFUSED)
def test_what_no_path_may_be(path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        paths.checked(path)
    assert caught.value.argument == "path"
    caught.value.message.encode()  # can be sent


@pytest.mark.parametrize("path", ALLOWED)
def test_what_a_path_may_be(path: str) -> None:
    assert paths.checked(path) == path
