"""Files of found runs hold what `runTable` tells, value for value."""

import csv
import io
import math
from datetime import datetime
from typing import Any

import httpx
import pytest
from pyarrow import BufferReader
from pyarrow.ipc import open_stream
from pyarrow.parquet import read_table

from tests.client import GraphQL
from trackql_server.domain import export, search

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id experimentId } }"
APPEND = "mutation($input: AppendMetricsInput!) { appendMetrics(input: $input) { nextRecord } }"
FINISH = "mutation($input: FinishRunInput!) { finishRun(input: $input) { id } }"
DELETE = "mutation($id: ID!) { deleteRun(input: {id: $id}) { id } }"
TABLE = """query($columns: [String!]!, $filter: String, $order: [RunOrder!], $folder: String,
                  $lifecycle: LifecycleFilter! = ACTIVE) {
  runTable(columns: $columns, filter: $filter, orderBy: $order, folder: $folder,
           lifecycle: $lifecycle) {
    runIds columns { field kind numbers texts missing } } }"""

NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
TEXTS = [
    "",
    "plain",
    'a "quoted", text',
    "two\nlines\r\nand\ttabs",
    "ü ☃ 🚀",
    "'=1+1",
    "null",
    "NaN",
]
VALUES: list[float | str | None] = [0.1, -0.0, "NaN", "Infinity", "-Infinity", 1e300, None, 5]
COLUMNS = [
    "name", "status", "start_time", "end_time", "duration", "git_commit", "dropped_points",
    "params.p", "params.`key, \"odd\"`", "tags.t", "metrics.m", "metrics.m.count", "metrics.nope",
    "config.c.v", "run_id",
]  # fmt: skip


async def runs(graphql: GraphQL) -> list[str]:
    """Eight of all sorts in experiments `e` and `e/f`, and one in the trash."""
    ids = []
    configs: list[Any] = [1, 2.5, True, False, "text", None, 1e300, "1"]
    for place, (text, value) in enumerate(zip(TEXTS, VALUES, strict=True)):
        run = {
            "experimentName": "e" if place % 2 else "e/f",
            "name": text or "empty",
            "startTime": f"2024-01-01T00:00:0{place}.123Z",
            "gitCommit": None if place % 3 else text,
            "tags": [{"key": "t", "value": text}][: place % 4],
            "params": [
                {"key": "p", "value": text},
                {"key": 'key, "odd"', "value": str(place)},
                {"key": "c", "value": "?", "config": {"v": configs[place]}},
            ],
        }
        ids.append(str((await graphql(CREATE, input=run))["createRun"]["id"]))
        table = {"keys": ["m"], "steps": [0], "times": [0], "values": [value]}
        if value is not None:
            await graphql(APPEND, input={"runId": ids[-1], "tables": [table]})
        if place % 2:
            ended = {"id": ids[-1], "endTime": f"2024-01-02T00:00:0{place}.5Z"}
            await graphql(FINISH, input=ended)
    gone = str(
        (await graphql(CREATE, input={"experimentName": "e", "name": "gone"}))["createRun"]["id"]
    )
    await graphql(DELETE, id=gone)
    return ids


async def download(graphql: GraphQL, form: str, **given: Any) -> httpx.Response:
    return await graphql.http.get(f"/export/runs.{form}", params=given)


async def columns(graphql: GraphQL, form: str, **given: Any) -> dict[str, list[Any]]:
    """The file as columns; times as milliseconds, and in CSV all as text."""
    reply = await download(graphql, form, **given)
    assert reply.status_code == 200, reply.text
    if form == "csv":
        names, *rows = csv.reader(io.StringIO(reply.text, newline=""))
        assert {len(row) for row in rows} <= {len(names)}
        return {name: [row[place] for row in rows] for place, name in enumerate(names)}
    source = BufferReader(reply.content)
    table = read_table(source) if form == "parquet" else open_stream(source).read_all()
    return {
        name: [millis(each) if isinstance(each, datetime) else each for each in column.to_pylist()]
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


async def expected(graphql: GraphQL, names: list[str], **given: Any) -> dict[str, list[Any]]:
    """The same by `runTable`, numbers of configuration spelled."""
    table = (await graphql(TABLE, columns=names, **given))["runTable"]
    found: dict[str, list[Any]] = {"run_id": table["runIds"]}
    for column in table["columns"]:
        numbers = [
            NAMED[each] if isinstance(each, str) else each for each in column["numbers"] or ()
        ]
        texts = column["texts"]
        if texts is not None and numbers:
            texts = [
                text if text is not None or number is None else spelled(number)
                for text, number in zip(texts, numbers, strict=True)
            ]
        found[column["field"]] = numbers if texts is None else texts
    return found


def spelled(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, float) and math.isnan(wanted):
        return isinstance(found, float) and math.isnan(found)
    return type(found) is not bool and bool(found == wanted)


@pytest.mark.parametrize("pieces", [20_000, 3])
@pytest.mark.parametrize("form", ["parquet", "arrow", "csv"])
async def test_a_file_holds_what_the_table_holds(
    graphql: GraphQL, form: str, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PIECE_ROWS", pieces)
    ids = await runs(graphql)
    order = "metrics.m DESC"
    found = await columns(graphql, form, column=[*COLUMNS, "params.p"], order=[order, "name"])
    wanted = await expected(graphql, COLUMNS, order=[{"by": order}, {"by": "name"}])
    assert list(found) == ["run_id", *COLUMNS[:-1]]
    assert sorted(wanted["run_id"]) == sorted(ids)
    for name, values in wanted.items():
        assert len(found[name]) == len(values)
        for place, (cell, value) in enumerate(zip(found[name], values, strict=True)):
            if name == "duration" and wanted["end_time"][place] is None:
                continue  # it goes on
            assert agrees(name, cell, value) if form == "csv" else same(cell, value), (name, cell)


def agrees(name: str, cell: str, value: Any) -> bool:
    """Whether a cell of CSV says this."""
    if value is None:
        return cell == ""
    if isinstance(value, str):
        return cell == value
    if name.endswith("_time"):
        return bool(millis(datetime.fromisoformat(cell)) == value)
    return same(float(cell), float(value))


async def test_csv_tells_empty_text_from_none(graphql: GraphQL) -> None:
    await graphql(CREATE, input={"name": "a", "params": [{"key": "p", "value": ""}]})
    await graphql(CREATE, input={"name": "b"})
    reply = await download(graphql, "csv", column=["name", "params.p"], order="name")
    _, first, second = reply.text.splitlines()
    assert first.endswith('"a",""')
    assert second.endswith('"b",')


async def test_the_columns_that_nobody_named(graphql: GraphQL) -> None:
    await runs(graphql)
    found = await columns(graphql, "arrow", order="start_time")
    assert list(found) == [
        "run_id", "experiment_id", "name", "status", "start_time", "end_time", "duration", "user",
        "params.c", "params.`key, \"odd\"`", "params.p", "metrics.m", "tags.t",
    ]  # fmt: skip
    wanted = await expected(graphql, list(found)[1:], order=[{"by": "start_time"}])
    wanted.pop("duration")  # of those that still run
    for name, values in wanted.items():
        assert all(map(same, found[name], values)), name
    assert list(await columns(graphql, "arrow", column="run_id")) == ["run_id"]


@pytest.mark.parametrize("form", ["parquet", "arrow", "csv"])
async def test_only_runs_that_are_meant(graphql: GraphQL, form: str) -> None:
    ids = await runs(graphql)
    experiment = (await graphql('{ experiment(name: "e") { id } }'))["experiment"]["id"]
    inner = (await graphql('{ experiment(name: "e/f") { id } }'))["experiment"]["id"]

    async def found(**given: Any) -> list[str]:
        names = await columns(graphql, form, column=["name", "start_time"], **given)
        assert list(names) == ["run_id", "name", "start_time"]
        return names["run_id"]

    assert await found(order="start_time") == ids
    assert await found(order="start_time DESC") == ids[::-1]
    assert await found() == ids[::-1]
    assert sorted(await found(experiment=experiment)) == sorted(ids[1::2])
    assert sorted(await found(experiment=[experiment, inner])) == sorted(ids)
    assert sorted(await found(folder="e/f")) == sorted(ids[::2])
    assert sorted(await found(folder="e")) == sorted(ids)
    assert await found(filter="metrics.m = NaN OR name = 'ü ☃ 🚀'", order="name") == [
        ids[2],
        ids[4],
    ]
    assert await found(search="PLAIN") == [ids[1]]
    assert len(await found(lifecycle="DELETED")) == 1
    assert len(await found(lifecycle="ALL")) == 9
    assert await found(filter="name = 'nobody'") == []


async def test_a_file_is_handed_out_as_one(graphql: GraphQL) -> None:
    await graphql(CREATE, input={})
    for form, kind in (
        ("csv", "text/csv; charset=utf-8"),
        ("parquet", "application/vnd.apache.parquet"),
        ("arrow", "application/vnd.apache.arrow.stream"),
    ):
        headers = (await download(graphql, form)).headers
        assert headers["content-type"] == kind
        assert headers["content-disposition"] == f'attachment; filename="runs.{form}"'
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_mistakes_are_told_as_json(graphql: GraphQL) -> None:
    await graphql(
        CREATE, input={"params": [{"key": f"p{place}", "value": ""} for place in range(3)]}
    )
    cases: list[tuple[dict[str, Any], int, dict[str, Any]]] = [
        (
            {"filter": "user = "},
            400,
            {"code": "INVALID_FILTER", "argument": "filter", "position": 7},
        ),
        ({"column": ["name", "nope"]}, 400, {"code": "INVALID_FILTER", "argument": "column[1]"}),
        ({"order": ["name", "x y"]}, 400, {"code": "INVALID_FILTER", "argument": "order[1]"}),
        ({"order": ["name", "name DESC"]}, 400, {"code": "INVALID_FILTER", "argument": "order"}),
        ({"lifecycle": "GONE"}, 400, {"code": "INVALID_INPUT", "argument": "lifecycle"}),
        ({"experiment": "0", "folder": "e"}, 400, {"code": "INVALID_INPUT", "argument": "folder"}),
        (
            {"column": ["name"] * 0 + [f"params.p{n}" for n in range(2_001)]},
            400,
            {"code": "COST_LIMIT"},
        ),
    ]
    for form in ("csv", "parquet", "arrow"):
        for given, status, extensions in cases:
            reply = await download(graphql, form, **given)
            assert reply.status_code == status
            assert reply.headers["content-type"] == "application/json"
            assert reply.headers["x-content-type-options"] == "nosniff"
            [error] = reply.json()["errors"]
            told = error["extensions"]
            assert {name: told.get(name) for name in extensions} == extensions
            assert error["message"]
    reply = await download(graphql, "xlsx")
    assert (reply.status_code, reply.json()["errors"][0]["extensions"]["code"]) == (
        404,
        "NOT_FOUND",
    )
    assert (await graphql.http.post("/export/runs.csv")).status_code == 405


async def test_runs_with_too_many_keys_ask_for_columns(
    graphql: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [{"key": f"p{place:02}", "value": str(place)} for place in range(30)]
    await graphql(CREATE, input={"params": given})
    assert len(await columns(graphql, "arrow")) == 38
    monkeypatch.setattr(search, "TABLE_COLUMNS", 20)
    reply = await download(graphql, "csv")
    assert (reply.status_code, reply.json()["errors"][0]["extensions"]) == (
        400, {"code": "COST_LIMIT", "limit": "table_columns"},
    )  # fmt: skip
    assert await columns(graphql, "arrow", column="params.p07") == {
        "run_id": (await columns(graphql, "arrow", column="run_id"))["run_id"],
        "params.p07": ["7"],
    }
