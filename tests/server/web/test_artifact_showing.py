"""How artifacts are shown: nothing in them may run as if it were the server's own."""

import pytest
from httpx import Response

from tests.client import GraphQL

CREATE = "mutation { createRun(input: {}) { id } }"
REFER = """mutation($input: LogArtifactReferencesInput!) {
  logArtifactReferences(input: $input) { path uri url size } }"""
HOSTILE = b"<script>fetch('/graphql')</script>"


async def got(graphql: GraphQL, name: str, query: str = "", **headers: str) -> Response:
    run = (await graphql(CREATE))["createRun"]["id"]
    address = f"/artifacts/runs/{run}/{name}"
    put = await graphql.http.put(address, content=HOSTILE, headers=headers)
    assert put.status_code == 201, put.text
    return await graphql.http.get(address + query)


def policy(response: Response) -> dict[str, str]:
    """The directives of the content security policy."""
    parts = response.headers["content-security-policy"].split(";")
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in parts)}


@pytest.mark.parametrize(
    "name", ["a.html", "a.svg", "a.md", "a.csv", "a.js", "a.xml", "a.pdf", "a.png", "a", "a.json"]
)
async def test_by_default_it_is_a_download(graphql: GraphQL, name: str) -> None:
    response = await got(graphql, name)
    assert response.headers["content-disposition"].startswith("attachment;")
    assert response.headers["content-type"] not in ("text/html", "image/svg+xml", "text/xml")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert policy(response)["sandbox"] == ""
    assert policy(response)["default-src"] == "'none'"


@pytest.mark.parametrize(
    ("name", "kind", "sandbox"),
    [
        ("a.html", "text/html; charset=utf-8", "allow-scripts"),
        ("a.htm", "text/html; charset=utf-8", "allow-scripts"),
        ("a.xhtml", "text/html; charset=utf-8", "allow-scripts"),
        ("a.svg", "image/svg+xml", ""),
        ("a.md", "text/plain; charset=utf-8", ""),
        ("a.csv", "text/plain; charset=utf-8", ""),
        ("a.js", "text/plain; charset=utf-8", ""),
        ("a.css", "text/plain; charset=utf-8", ""),
        ("a.xml", "text/plain; charset=utf-8", ""),
        ("a.py", "text/plain; charset=utf-8", ""),
        ("a.json", "text/plain; charset=utf-8", ""),
        ("a.yaml", "text/plain; charset=utf-8", ""),
        ("a.ipynb", "text/plain; charset=utf-8", ""),
        ("a.png", "image/png", ""),
        ("a.mp4", "video/mp4", ""),
        ("a.wav", "audio/wav", ""),
    ],
)
async def test_inline_it_is_harmless(graphql: GraphQL, name: str, kind: str, sandbox: str) -> None:
    response = await got(graphql, name, "?inline")
    assert response.headers["content-type"] == kind
    assert response.headers["content-disposition"].startswith("inline;")
    assert response.headers["x-content-type-options"] == "nosniff"
    directives = policy(response)
    assert directives["sandbox"] == sandbox  # never allow-same-origin
    assert directives["default-src"] == "'none'"
    assert "connect-src" not in directives


async def test_a_pdf_has_no_sandbox_and_reaches_nothing(graphql: GraphQL) -> None:
    directives = policy(await got(graphql, "a.pdf", "?inline"))
    assert "sandbox" not in directives
    assert directives["default-src"] == "'none'"
    assert "script-src" not in directives


@pytest.mark.parametrize("name", ["a.bin", "a", "a.swf", "a.exe"])
async def test_what_is_unknown_stays_a_download(graphql: GraphQL, name: str) -> None:
    response = await got(graphql, name, "?inline")
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("text/html", "text/html; charset=utf-8"),
        ("TEXT/HTML; charset=utf-7", "text/html; charset=utf-8"),
        ("application/xhtml+xml", "text/html; charset=utf-8"),
        ("text/xsl", "text/plain; charset=utf-8"),
        ("image/svg+xml", "image/svg+xml"),
        ("text/javascript", "text/plain; charset=utf-8"),
        ("multipart/x-mixed-replace", "application/octet-stream"),
    ],
)
async def test_what_clients_say_is_shown_no_other_way(
    graphql: GraphQL, told: str, kind: str
) -> None:
    response = await got(graphql, "a.png", "?inline", **{"content-type": told})
    assert response.headers["content-type"] == kind
    assert "sandbox" in policy(response)


@pytest.mark.parametrize("told", ["a", "text/", "text/html\x80", "x" * 300, "a/b\tc"])
async def test_what_is_no_media_type(graphql: GraphQL, told: str) -> None:
    run = (await graphql(CREATE))["createRun"]["id"]
    answer = await graphql.http.put(
        f"/artifacts/runs/{run}/a",
        content=b"",
        headers={b"content-type": told.encode("latin-1")},
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("name", ['a"b.txt', "é☃🚀.txt", "a;b.txt", "a%25b", "x\u202etxt.exe"])
async def test_names_in_headers(graphql: GraphQL, name: str) -> None:
    run = (await graphql(CREATE))["createRun"]["id"]
    put = await graphql.http.put(f"/artifacts/runs/{run}/{name}", content=b"1")
    assert put.status_code == 201, put.text
    response = await graphql.http.get(f"/artifacts/runs/{run}/{name}")
    disposition = response.headers["content-disposition"]
    assert disposition.isascii()
    assert disposition.count('"') == 2
    assert "filename*=UTF-8''" in disposition


async def test_references_are_told_and_never_fetched(graphql: GraphQL) -> None:
    run = (await graphql(CREATE))["createRun"]["id"]
    references = [{"path": "data/a", "uri": "http://127.0.0.1:1/x", "size": 5}]
    [made] = (await graphql(REFER, input={"runId": run, "references": references}))[
        "logArtifactReferences"
    ]
    assert made == {"path": "data/a", "uri": "http://127.0.0.1:1/x", "url": None, "size": 5}
    answer = await graphql.http.get(f"/artifacts/runs/{run}/data/a")
    assert answer.status_code == 409
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "ARTIFACT_ELSEWHERE"
    assert "http://127.0.0.1:1/x" in error["message"]
    for uri in ("", "a", "no uri", "http://u:p@host/x", "s3://" + "x" * 10_000, "a\0:b", "ü:x"):
        given = {"runId": run, "references": [{"path": "b", "uri": uri}]}
        assert (await graphql.refused(REFER, input=given))["code"] == "INVALID_INPUT", uri


async def test_what_addresses_take(graphql: GraphQL) -> None:
    run = (await graphql(CREATE))["createRun"]["id"]
    for method, path, allowed in (
        ("DELETE", f"runs/{run}/a", "PUT"),
        ("POST", f"runs/{run}/a", "PUT"),
        ("PATCH", f"runs/{run}", "POST"),
        ("GET", f"uploads/{'0' * 32}/0", "PUT"),
    ):
        answer = await graphql.http.request(method, f"/artifacts/{path}")
        assert answer.status_code == 405, path
        assert allowed in answer.headers["allow"]
    for path in ("", "x", "runs", "runs/", "uploads", f"uploads/{'0' * 32}", "uploads/../0"):
        assert (await graphql.http.get(f"/artifacts/{path}")).status_code in (400, 404), path
    assert (await graphql.http.put(f"/artifacts/uploads/{'0' * 32}/0")).status_code == 404
    for unknown in ("0" * 32, "none", "0" * 31 + "G"):
        for method in ("GET", "PUT"):
            answer = await graphql.http.request(method, f"/artifacts/runs/{unknown}/a")
            assert answer.status_code in (400, 404)
