"""The endpoint over HTTP: what it reads, what it answers, what it refuses."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest
import zstandard

from tests.server.graphql.sample import Signals, asking, schema
from trackql_server.graphql.views import View

JSON = {"Content-Type": "application/json"}


def view(*, limit_request: int = 1_000_000, page: Path | None = None) -> View:
    headers = ((b"content-security-policy", b"default-src 'self'"),)
    return View(schema, Signals, limit_request=limit_request, page=page, page_headers=headers)


async def post(app: View, payload: object, **headers: str) -> httpx.Response:
    async with asking(app) as client:
        return await client.post("/graphql", content=orjson.dumps(payload), headers=JSON | headers)


def code(response: httpx.Response) -> object:
    return response.json()["errors"][0]["extensions"]["code"]


async def test_a_query() -> None:
    query = "query Greet($name: String!) { hello(name: $name) } query Other { missing }"
    payload = {"query": query, "variables": {"name": "Ada"}, "operationName": "Greet"}
    response = await post(view(), payload)
    assert (response.status_code, response.json()) == (200, {"data": {"hello": "hello Ada"}})
    assert response.headers["content-type"] == "application/json"


async def test_errors_of_graphql_are_in_a_good_reply() -> None:
    response = await post(view(), {"query": "{ missing }"})
    assert response.status_code == 200
    assert response.json()["data"] == {"missing": None}
    assert code(response) == "NOT_FOUND"


async def test_columns_are_written_from_arrays() -> None:
    response = await post(view(), {"query": "{ column(size: 5) }"})
    assert response.json() == {"data": {"column": [0, 1, 2, 3, 4]}}


async def test_what_json_cannot_say_is_an_internal_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = await post(view(), {"query": "{ unspeakable }"})
    assert (response.status_code, code(response)) == (200, "INTERNAL")
    assert "not JSON serializable" in caplog.text


async def test_a_query_by_get() -> None:
    async with asking(view()) as client:
        params = {"query": "query ($n: String!) { hello(name: $n) }", "variables": '{"n": "Ada"}'}
        assert (await client.get("/graphql", params=params)).json()["data"]["hello"] == "hello Ada"


async def test_a_mutation_by_get_is_refused() -> None:
    query = 'mutation { append(table: {keys: [], values: "x"}) }'
    async with asking(view()) as client:
        response = await client.get("/graphql", params={"query": query})
    assert code(response) == "INVALID_INPUT"
    assert "POST" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_what_a_foreign_page_can_post_is_refused(content_type: str) -> None:
    body = orjson.dumps({"query": "{ hello }"})
    async with asking(view()) as client:
        headers = {"Content-Type": content_type}
        response = await client.post("/graphql", content=body, headers=headers)
    assert response.status_code == 415
    assert code(response) == "INVALID_INPUT"


@pytest.mark.parametrize(
    "payload",
    [
        [],
        [{"query": "{ hello }"}],
        "{ hello }",
        {},
        {"query": 3},
        {"query": "{ hello }", "variables": []},
        {"query": "{ hello }", "operationName": 1},
    ],
)
async def test_what_is_no_operation_is_refused(payload: object) -> None:
    response = await post(view(), payload)
    assert (response.status_code, code(response)) == (400, "INVALID_INPUT")


@pytest.mark.parametrize("body", [b"", b"{", b'{"query": NaN}', b"\xff"])
async def test_what_is_not_json_is_refused(body: bytes) -> None:
    async with asking(view()) as client:
        response = await client.post("/graphql", content=body, headers=JSON)
    assert (response.status_code, code(response)) == (400, "INVALID_INPUT")


async def test_other_methods_are_refused() -> None:
    async with asking(view()) as client:
        response = await client.put("/graphql", content=b"{}", headers=JSON)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("declared", [True, False])
async def test_too_large_a_request_is_refused(declared: bool) -> None:
    body = orjson.dumps({"query": "{ hello }", "variables": {"x": "x" * 2_000}})

    async def pieces() -> AsyncIterator[bytes]:
        yield body[:500]
        yield body[500:]

    async with asking(view(limit_request=1_000)) as client:
        content = body if declared else pieces()
        response = await client.post("/graphql", content=content, headers=JSON)
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"] == {
        "code": "COST_LIMIT",
        "limit": "request",
    }


async def test_browsers_get_graphiql(tmp_path: Path) -> None:
    page = tmp_path / "graphiql.html"
    page.write_text("<title>GraphiQL</title>")
    async with asking(view(page=page)) as client:
        response = await client.get("/graphql", headers={"Accept": "text/html"})
        plain = await client.get("/graphql", headers={"Accept": "*/*"})
    assert response.text == "<title>GraphiQL</title>"
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == "default-src 'self'"
    assert (plain.status_code, code(plain)) == (400, "INVALID_INPUT")


async def test_without_a_build_there_is_no_graphiql(tmp_path: Path) -> None:
    async with asking(view(page=tmp_path / "graphiql.html")) as client:
        response = await client.get("/graphql", headers={"Accept": "text/html"})
    assert response.status_code == 404
    assert "scripts/build" in response.text


@pytest.mark.parametrize(
    ("size", "client", "accepted", "encoding"),
    [
        (5_000, "192.168.1.7", "gzip, zstd", "zstd"),
        (5_000, "192.168.1.7", "gzip", "gzip"),
        (500_000, "192.168.1.7", "gzip, zstd", "zstd"),
        (500_000, "192.168.1.7", "gzip", None),
        (5_000, "192.168.1.7", "br", None),
        (5_000, "127.0.0.1", "gzip, zstd", None),
        (10, "192.168.1.7", "gzip, zstd", None),
    ],
)
async def test_replies_are_packed_where_it_pays(
    size: int, client: str, accepted: str, encoding: str | None
) -> None:
    transport = httpx.ASGITransport(app=view(), client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asker:
        request = asker.build_request(
            "POST",
            "/graphql",
            json={"query": "query ($n: Int!) { column(size: $n) }", "variables": {"n": size}},
            headers={"Accept-Encoding": accepted},
        )
        response = await asker.send(request, stream=True)
        body = b"".join([part async for part in response.aiter_raw()])
    assert response.headers.get("content-encoding") == encoding
    assert int(response.headers["content-length"]) == len(body)
    if encoding == "zstd":
        body = zstandard.ZstdDecompressor().decompress(body)
    elif encoding == "gzip":
        body = gzip.decompress(body)
    assert orjson.loads(body)["data"]["column"] == list(range(size))


async def test_a_proxied_reader_is_not_on_this_machine() -> None:
    payload = {"query": "{ column(size: 5000) }"}
    headers = {"Accept-Encoding": "gzip", "X-Forwarded-For": "192.168.1.7"}
    response = await post(view(), payload, **headers)
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["vary"] == "accept-encoding"
