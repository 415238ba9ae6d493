"""Pages of tables in CSV, TSV and Parquet files."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client import GraphQL
from trackql_server.app import create_app
from trackql_server.settings import Settings

CREATE = "mutation { createRun(input: {}) { id } }"


@pytest.fixture
async def run(graphql: GraphQL) -> str:
    return str((await graphql(CREATE))["createRun"]["id"])


async def shown(graphql: GraphQL, run: str, name: str, body: bytes, **query: int) -> dict[str, Any]:
    address = f"/artifacts/runs/{run}/{name}"
    await graphql.http.put(address, content=body)
    got = await graphql.http.get(address, params={"preview": "table", **query})
    assert got.status_code == 200, got.text
    assert got.headers["content-type"] == "application/json"
    answer: dict[str, Any] = got.json()
    return answer


async def test_rows_of_a_text_by_the_page(graphql: GraphQL, run: str) -> None:
    body = 'a,b\n1,"x, y"\n2,"line\nbreak"\n3,é☃\n'.encode()
    whole = await shown(graphql, run, "t.csv", body)
    rows = [["1", "x, y"], ["2", "line\nbreak"], ["3", "é☃"]]
    assert whole == {
        "columns": [{"name": "a", "type": ""}, {"name": "b", "type": ""}],
        "rows": rows,
        "totalRows": 3,
        "truncated": False,
    }
    part = await shown(graphql, run, "t.csv", body, offset=1, limit=1)
    assert (part["rows"], part["totalRows"]) == (rows[1:2], 3)
    beyond = await shown(graphql, run, "t.csv", body, offset=10)
    assert (beyond["rows"], beyond["totalRows"]) == ([], 3)
    tabs = await shown(graphql, run, "t.tsv", b"a\tb\n1,5\t2\n")
    assert tabs["rows"] == [["1,5", "2"]]


@pytest.mark.parametrize(
    "body", [b"", b"a,b", b"\xef\xbb\xbfa,b\n", b"\0\0", b"\xff\xfe,\n\r", b'"']
)
async def test_texts_that_are_hardly_tables(graphql: GraphQL, run: str, body: bytes) -> None:
    assert (await shown(graphql, run, "t.csv", body))["rows"] == []


async def test_wide_and_long_texts_are_cut(graphql: GraphQL, run: str) -> None:
    wide = ",".join(map(str, range(600))) + "\n" + ",".join(["x" * 5000] * 600) + "\n"
    found = await shown(graphql, run, "t.csv", wide.encode())
    assert (len(found["columns"]), len(found["rows"][0]), found["truncated"]) == (500, 500, True)
    assert all(20 <= len(cell) <= 2001 for cell in found["rows"][0])
    one = f"a\n{'x' * 2_000_000}\n".encode()
    await graphql.http.put(f"/artifacts/runs/{run}/u.csv", content=one)
    got = await graphql.http.get(f"/artifacts/runs/{run}/u.csv", params={"preview": "table"})
    assert (got.status_code, got.json()["errors"][0]["extensions"]["code"]) == (
        400,
        "INVALID_INPUT",
    )


@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=2
        ),
        max_size=30,
    ),
    st.integers(0, 40),
    st.integers(1, 40),
)
def test_any_rows_as_the_csv_module_has_them(
    rows: list[list[str]], offset: int, limit: int
) -> None:
    """Whatever the page, the same rows as when the whole is read."""
    from trackql_server.domain import previews

    text = io.StringIO(newline="")
    csv.writer(text).writerows([["a", "b"], *rows])
    body = text.getvalue().encode()

    class Given(io.BytesIO):
        size = len(body)

    found = previews._separated(Given(body), ",", offset, limit)  # type: ignore[arg-type]
    assert found.rows == rows[offset : offset + limit]
    assert found.total == len(rows)


def parquet(table: pa.Table, **options: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(table, target, **options)
    return target.getvalue()


async def test_rows_of_parquet_across_groups(graphql: GraphQL, run: str) -> None:
    table = pa.table(
        {"n": pa.array(range(1000), pa.int32()), "s": [f"row {n}" for n in range(1000)]}
    )
    body = parquet(table, row_group_size=70)
    for offset, limit in ((0, 10), (65, 10), (69, 200), (990, 100), (1000, 5), (2000, 5)):
        found = await shown(graphql, run, "t.parquet", body, offset=offset, limit=limit)
        assert found["columns"] == [{"name": "n", "type": "int32"}, {"name": "s", "type": "string"}]
        wanted = range(1000)[offset : offset + limit]
        assert found["rows"] == [[n, f"row {n}"] for n in wanted]
        assert (found["totalRows"], found["truncated"]) == (1000, False)


async def test_every_kind_of_cell(graphql: GraphQL, run: str) -> None:
    table = pa.table(
        {
            "float": [1.5, float("nan"), float("inf")],
            "int": [2**60, -1, None],
            "bool": [True, None, False],
            "bytes": [b"\xff", b"", None],
            "time": [datetime(2026, 1, 2, tzinfo=UTC)] * 3,
            "list": [[1, 2], [], None],
        }
    )
    found = await shown(graphql, run, "t.parquet", parquet(table))
    assert found["rows"] == [
        [1.5, str(2**60), True, "ff", "2026-01-02 00:00:00+00:00", "[1, 2]"],
        ["nan", -1, None, "", "2026-01-02 00:00:00+00:00", "[]"],
        ["inf", None, False, None, "2026-01-02 00:00:00+00:00", None],
    ]


async def test_what_is_refused(graphql: GraphQL, run: str) -> None:
    address = f"/artifacts/runs/{run}/t.csv"
    await graphql.http.put(address, content=b"a\n1\n")
    for query in (
        {"preview": "table", "limit": "1001"},
        {"preview": "table", "limit": "0"},
        {"preview": "table", "limit": "-1"},
        {"preview": "table", "offset": "x"},
        {"preview": "table", "offset": "٣"},
        {"preview": "other"},
    ):
        got = await graphql.http.get(address, params=query)
        assert got.status_code == 400, query
    for name, body in (("t.bin", b"a"), ("t.parquet", b"no parquet"), ("u.parquet", b"PAR1" * 9)):
        await graphql.http.put(f"/artifacts/runs/{run}/{name}", content=body)
        got = await graphql.http.get(f"/artifacts/runs/{run}/{name}", params={"preview": "table"})
        assert (got.status_code, got.json()["errors"][0]["extensions"]["code"]) == (
            400,
            "INVALID_INPUT",
        )


async def test_a_text_is_read_up_to_the_limit(database_url: str, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path / "home", database_url=database_url, limit_artifact_preview=1000
    )
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4000"
        ) as http,
    ):
        graphql = GraphQL(http)
        run = (await graphql(CREATE))["createRun"]["id"]
        body = b"a,b\n" + b"1,2\n" * 1000
        found = await shown(graphql, run, "t.csv", body, limit=1000)
        assert (len(found["rows"]), found["totalRows"], found["truncated"]) == (249, None, True)
