"""Runs as a table: chosen fields of many runs as arrays, in order, a part at a time."""

import base64
import struct
from typing import Any

import pytest

from tests.client import GraphQL
from tests.server.graphql.test_search import CREATE, LOG, populate, statements

TABLE = """query($ids: [ID!], $folder: String, $runs: [ID!], $columns: [String!]!, $filter: String,
                 $where: RunFilter, $order: [RunOrder!], $rows: Int = 100, $after: String,
                 $offset: Int = 0, $tree: Boolean = false, $encoding: ColumnEncoding = ARRAY) {
  runTable(experimentIds: $ids, folder: $folder, runIds: $runs, columns: $columns, filter: $filter,
           where: $where, orderBy: $order, rows: $rows, after: $after, offset: $offset,
           tree: $tree) {
    runIds totalCount hasNextPage endCursor
    columns { field kind numbers(encoding: $encoding) missing texts } } }"""


async def asked(graphql: GraphQL, **given: Any) -> dict[str, Any]:
    table: dict[str, Any] = (await graphql(TABLE, **given))["runTable"]
    return table


async def test_columns_as_they_are_asked_for(graphql: GraphQL) -> None:
    made = await populate(graphql)
    columns = [
        "metrics.loss", "params.lr", "tags.team", "tags.none", "config.o.on", "config.o.n", "name",
        "start_time", "status", "end_time", "metrics.`loss`.count",
    ]  # fmt: skip
    order = [{"field": "START_TIME", "direction": "ASC"}]
    table = await asked(graphql, ids=[made["experiment"]], columns=columns, order=order)
    assert table["runIds"] == [made[str(number)] for number in range(6)]
    assert table["totalCount"] == 6
    assert not table["hasNextPage"]
    found = {column["field"]: column for column in table["columns"]}
    assert list(found) == columns

    def cells(field: str) -> tuple[Any, ...]:
        column = found[field]
        return column["kind"], column["numbers"], column["missing"], column["texts"]

    losses = [5, "NaN", 1, None, "Infinity", 1]
    assert cells("metrics.loss") == ("NUMBER", losses, [3], None)
    lr = ["0.5", "2", "10", "a", "b", "é"]
    assert cells("params.lr") == ("TEXT", [0.5, 2, 10, None, None, None], [], lr)
    assert cells("tags.team") == ("TEXT", None, [], ["red"] * 2 + ["blue"] * 4)
    assert cells("tags.none") == ("TEXT", None, [0, 1, 2, 3, 4, 5], [None] * 6)
    assert cells("config.o.on") == ("TEXT", [None] * 6, [], ["true", "false"] * 3)
    assert cells("config.o.n") == ("TEXT", [0, 1, 2, 3, 4, 5], [], [None] * 6)
    assert cells("name") == ("TEXT", None, [], ["0", "1", "2", "3", "4", "5"])
    day, first = 86_400_000, 1_767_225_600_000
    assert cells("start_time") == ("TIME", [first + day * n for n in range(6)], [], None)
    assert cells("status") == ("TEXT", None, [], ["RUNNING"] * 6)
    assert cells("end_time") == ("TIME", [None] * 6, [0, 1, 2, 3, 4, 5], None)
    assert cells("metrics.`loss`.count") == ("NUMBER", [1, 1, 1, None, 1, 1], [3], None)


async def test_what_two_params_say_of_one_path_is_all_shown(graphql: GraphQL) -> None:
    params = [
        {"key": "o", "value": "{}", "config": {"n": 1, "t": "a", "on": True}},
        {"key": "o.n", "value": "b", "config": "b"},
        {"key": "o.t", "value": "2", "config": 2},
        {"key": "o.on", "value": "3", "config": 3},
    ]
    await graphql(CREATE, input={"experimentName": "e", "params": params})
    table = await asked(graphql, columns=["config.o.n", "config.o.t", "config.o.on"])
    told = [(each["numbers"], each["texts"]) for each in table["columns"]]
    assert told == [([1], ["b"]), ([2], ["a"]), ([3], ["true"])]


async def test_base64_has_nan_for_both(graphql: GraphQL) -> None:
    made = await populate(graphql)
    table = await asked(
        graphql,
        ids=[made["experiment"]],
        columns=["metrics.loss", "name"],
        order=[{"by": "name"}],
        encoding="BASE64",
    )
    loss, name = table["columns"]
    numbers = struct.unpack("<6d", base64.b64decode(loss["numbers"]))
    assert [each if each == each else "NaN" for each in numbers] == [
        5, "NaN", 1, "NaN", float("inf"), 1,
    ]  # fmt: skip
    assert loss["missing"] == [3]
    assert name["numbers"] is None


async def test_parts_of_a_table(graphql: GraphQL) -> None:
    made = await populate(graphql)
    given: dict[str, Any] = {
        "ids": [made["experiment"]],
        "columns": ["name"],
        "order": [{"by": "metrics.loss"}, {"field": "NAME"}],
    }
    whole = (await asked(graphql, **given))["columns"][0]["texts"]
    assert whole == ["5", "2", "0", "4", "1", "3"]
    for rows in (1, 2, 4, 6):
        found: list[str] = []
        after, more = None, True
        while more:
            part = await asked(graphql, rows=rows, after=after, **given)
            found += part["columns"][0]["texts"]
            after, more = part["endCursor"], part["hasNextPage"]
            assert part["totalCount"] == 6
        assert found == whole
        for offset in (1, 3, 6, 9):
            part = await asked(graphql, rows=rows, offset=offset, **given)
            assert part["columns"][0]["texts"] == whole[offset : offset + rows]
            assert part["hasNextPage"] == (offset + rows < 6)
    none = await asked(graphql, rows=0, **given)
    assert (none["runIds"], none["endCursor"], none["hasNextPage"]) == ([], None, True)


async def test_which_runs_a_table_has(graphql: GraphQL) -> None:
    made = await populate(graphql)

    async def names(**given: Any) -> str:
        table = await asked(graphql, columns=["name"], **given)
        assert table["totalCount"] == len(table["runIds"])
        return " ".join(table["columns"][0]["texts"])

    assert await names(folder="sweep") == "5 4 3 2 1 0"
    assert await names() == "other 5 4 3 2 1 0"
    assert await names(folder="sweep", tree=True, filter="name = '2'") == "0"
    where = {"tag": {"key": "team", "eq": "red"}}
    assert await names(folder="sweep", where=where) == "1 0"
    wanted = [made["2"], "none", made["other"], made["0"], made["2"]]
    assert await names(runs=wanted) == "2 other 0"
    assert await names(runs=[]) == ""


async def test_a_table_costs_as_many_statements_however_long_it_is(graphql: GraphQL) -> None:
    ids = []
    for number in range(8):
        run = {
            "experimentName": "e",
            "params": [{"key": f"p{each}", "value": str(number)} for each in range(20)],
            "tags": [{"key": f"t{each}", "value": str(number)} for each in range(3)],
        }
        created = (await graphql(CREATE, input=run))["createRun"]
        points = [{"key": f"m{each}", "value": number} for each in range(20)]
        await graphql(LOG, input={"runId": created["id"], "metrics": points})
        ids = [created["experimentId"]]
    columns = [f"params.p{each}" for each in range(20)] + [f"metrics.m{each}" for each in range(20)]
    columns += ["tags.t0", "tags.t1", "tags.t2", "name", "start_time"]
    counts = []
    for rows in (2, 8):
        with statements() as sent:
            table = await asked(graphql, ids=ids, columns=columns, rows=rows)
        assert len(table["columns"]) == 45
        assert len(table["runIds"]) == rows
        counts.append(len(sent))
    # One for the page, one for the count, one for attributes, one for each other column.
    assert counts[0] == counts[1] <= 46


async def test_what_is_not_selected_is_not_counted(graphql: GraphQL) -> None:
    made = await populate(graphql)
    document = "query($ids: [ID!]) { runTable(experimentIds: $ids, columns: []) { runIds } }"
    with statements() as sent:
        await graphql(document, ids=[made["experiment"]])
    assert len(sent) == 2
    for statement, _ in sent:
        assert "metric_series" not in statement
        assert "count(" not in statement


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ({"columns": ["nothing"]}, "INVALID_FILTER", "columns[0]"),
        ({"columns": ["metrics"]}, "INVALID_FILTER", "columns[0]"),
        ({"columns": [""]}, "INVALID_FILTER", "columns[0]"),
        ({"columns": ["parent.name"]}, "INVALID_FILTER", "columns[0]"),
        ({"columns": ["datasets.name"]}, "INVALID_FILTER", "columns[0]"),
        ({"columns": ["name"], "rows": -1}, "INVALID_INPUT", "rows"),
        ({"columns": ["name"], "rows": 100_001}, "INVALID_INPUT", "rows"),
        ({"columns": ["name"], "offset": -1}, "INVALID_INPUT", "offset"),
        ({"columns": ["name"], "offset": 1, "after": "a"}, "INVALID_INPUT", "offset"),
        ({"columns": ["name"], "after": "forged"}, "INVALID_INPUT", "after"),
        ({"columns": ["name"], "filter": "name"}, "INVALID_FILTER", "filter"),
        ({"columns": ["name"], "order": [{"by": "name"}] * 2}, "INVALID_FILTER", "orderBy"),
        ({"columns": [f"metrics.m{n}" for n in range(21)], "rows": 100_000}, "COST_LIMIT",
         "table_cells"),
        ({"columns": [f"metrics.m{n}" for n in range(2_001)], "rows": 1}, "COST_LIMIT",
         "table_columns"),
        ({"columns": ["name"], "runs": ["a"] * 10_001}, "INVALID_INPUT", "runIds"),
        ({"columns": ["nothing"], "runs": ["a"]}, "INVALID_FILTER", "columns[0]"),
        ({"columns": None}, "INVALID_INPUT", "columns"),
    ],
)  # fmt: skip
async def test_bad_input_is_refused_before_anything_is_sent(
    graphql: GraphQL, given: dict[str, Any], code: str, told: str
) -> None:
    with statements() as sent:
        refused = await graphql.refused(TABLE, **{"ids": ["0"], **given})
    assert refused["code"] == code, refused
    assert refused.get("argument", refused.get("limit")) == told
    assert not sent
