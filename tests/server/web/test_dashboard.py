"""The built dashboard over HTTP: what is cached, packed, protected, and what is the page."""

import gzip
from pathlib import Path

import httpx
import pytest

from trackql_server.web.dashboard import Dashboard

PAGE = "<!doctype html><title>trackql</title>" + "<p>a long page</p>" * 100
SCRIPT = "console.log('a long script');" * 100
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    root = tmp_path / "dist"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text(PAGE)
    (root / "favicon.svg").write_text("<svg/>")
    (root / "assets" / "main-1a2b.js").write_text(SCRIPT)
    (tmp_path / "secret.txt").write_text("not to be served")
    return root


async def get(
    root: Path | None, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> httpx.Response:
    transport = httpx.ASGITransport(app=Dashboard(root))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(
            method, path, headers={"Accept-Encoding": "identity", **(headers or {})}
        )


@pytest.mark.parametrize("path", ["/", "/runs/1f", "/experiments/resnet.v2", "/a/b?x=1"])
async def test_addresses_of_the_page_give_the_page(dist: Path, path: str) -> None:
    response = await get(dist, path, HTML)
    assert (response.status_code, response.text) == (200, PAGE)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"


async def test_the_page_can_load_and_be_framed_only_from_here(dist: Path) -> None:
    headers = (await get(dist, "/", HTML)).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["script-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "SAMEORIGIN"


async def test_hashed_assets_are_kept_for_ever(dist: Path) -> None:
    response = await get(dist, "/assets/main-1a2b.js")
    assert response.text == SCRIPT
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await get(dist, "/favicon.svg")).headers["cache-control"] == "no-cache"


async def test_a_known_copy_is_not_sent_again(dist: Path) -> None:
    tag = (await get(dist, "/", HTML)).headers["etag"]
    again = await get(dist, "/", {**HTML, "If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    (dist / "index.html").write_text(PAGE + "changed")
    changed = await get(dist, "/", {**HTML, "If-None-Match": tag})
    assert (changed.status_code, changed.text) == (200, PAGE + "changed")


async def test_text_is_packed_for_those_who_ask(dist: Path) -> None:
    packed = Dashboard(dist)
    transport = httpx.ASGITransport(app=packed)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for _ in range(2):
            response = await client.get("/assets/main-1a2b.js")
            assert response.headers["content-encoding"] == "gzip"
            assert response.headers["vary"] == "accept-encoding"
            assert int(response.headers["content-length"]) == len(
                gzip.compress(SCRIPT.encode(), mtime=0)
            )
            assert response.text == SCRIPT


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%00",
        "/assets/missing.js",
        "/api/2.0/mlflow/runs/get",
        "/artifacts/x",
    ],
)
async def test_what_is_not_there_is_not_found(dist: Path, path: str) -> None:
    response = await get(dist, path, HTML)
    assert response.status_code in (200, 404)
    assert "not to be served" not in response.text
    if response.status_code == 404:
        assert response.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    else:
        assert response.text == PAGE


async def test_a_program_does_not_get_the_page(dist: Path) -> None:
    assert (await get(dist, "/runs/1f", {"Accept": "application/json"})).status_code == 404


async def test_only_reading_is_allowed(dist: Path) -> None:
    response = await get(dist, "/", HTML, method="POST")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


async def test_without_a_build_the_page_says_what_to_do() -> None:
    response = await get(None, "/", HTML)
    assert response.status_code == 404
    assert "scripts/build" in response.text
