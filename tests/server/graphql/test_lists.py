"""Pages of runs: complete and in order under inserts, filtered, and cheap in statements."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, event

from tests.client import GraphQL

LIST = """query($ids: [ID!]!, $first: Int!, $after: String, $order: [RunOrder!],
                $search: String, $statuses: [RunStatus!]) {
  runs(experimentIds: $ids, first: $first, after: $after, orderBy: $order, search: $search,
       statuses: $statuses) {
    nodes { id name } edges { cursor } totalCount
    pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id experimentId } }"
FINISH = "mutation($input: FinishRunInput!) { finishRun(input: $input) { id } }"

ORDERS = [
    {"field": field, "direction": direction}
    for field in ("START_TIME", "NAME", "STATUS", "DURATION")
    for direction in ("ASC", "DESC")
]


async def made(graphql: GraphQL, number: int) -> str:
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=number // 2)
    run = {
        "id": f"{(number * 7919) % 2**32:032x}",
        "experimentName": "e",
        "name": f"run {number // 3 % 5}",
        "startTime": start.isoformat(),
    }
    run_id = str((await graphql(CREATE, input=run))["createRun"]["id"])
    if number % 3:
        status = "FAILED" if number % 2 else "FINISHED"
        end = (start + timedelta(seconds=number % 4)).isoformat()
        await graphql(FINISH, input={"id": run_id, "status": status, "endTime": end})
    return run_id


async def experiment_id(graphql: GraphQL) -> str:
    return str((await graphql('{ experiment(name: "e") { id } }'))["experiment"]["id"])


@pytest.mark.parametrize("order", [None, *ORDERS], ids=str)
async def test_pages_are_complete_while_runs_come_and_go(
    graphql: GraphQL, order: dict[str, str] | None
) -> None:
    there = {await made(graphql, number) for number in range(20)}
    given = {"ids": [await experiment_id(graphql)], "order": order}
    whole = (await graphql(LIST, first=100, **given))["runs"]
    assert whole["totalCount"] == 20
    assert not whole["pageInfo"]["hasNextPage"]
    in_order = [run["id"] for run in whole["nodes"]]
    assert set(in_order) == there
    found: list[str] = []
    after, number = None, 20
    while True:
        page = (await graphql(LIST, first=3, after=after, **given))["runs"]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        found += [run["id"] for run in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        await made(graphql, number)
        number += 1
    assert len(found) == len(set(found))
    assert [each for each in found if each in there] == in_order


async def test_filters(graphql: GraphQL) -> None:
    for number in range(12):
        await made(graphql, number)
    ids = [await experiment_id(graphql)]

    async def count(**given: Any) -> int:
        page = (await graphql(LIST, ids=ids, first=0, **given))["runs"]
        assert page["nodes"] == []
        assert page["pageInfo"]["hasNextPage"] == (page["totalCount"] > 0)
        return int(page["totalCount"])

    assert await count() == 12
    assert await count(statuses=["RUNNING"]) == 4
    assert await count(statuses=["FAILED", "FINISHED"]) == 8
    assert await count(statuses=["STALLED"]) == await count(statuses=[]) == 0
    assert await count(search="RUN 3") == 3
    assert await count(search="%") == await count(search="run_") == 0
    none = (await graphql(LIST, ids=[], first=10))["runs"]
    assert none["totalCount"] == 0
    assert (await graphql(LIST, ids=["nope", *ids], first=1))["runs"]["totalCount"] == 12


def cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


@pytest.mark.parametrize(
    "after",
    [
        "", "garbage", "☃", "AAAA", base64.b64encode(b"5").decode(), cursor(), cursor("a"),
        cursor("a", "b"), cursor(1, "b"), cursor(None, None), cursor({"inf": True}, 2),
    ],
)  # fmt: skip
async def test_what_is_no_cursor_is_refused(graphql: GraphQL, after: str) -> None:
    for field in ("START_TIME", "DURATION", "NAME"):
        order = {"field": field}
        refused = await graphql.refused(LIST, ids=["0"], first=1, after=after, order=order)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "after")


async def test_a_forged_cursor_is_refused(graphql: GraphQL) -> None:
    for number in range(3):
        await made(graphql, number)
    ids = [await experiment_id(graphql)]
    ends = {}
    for field in ("START_TIME", "DURATION", "NAME"):
        page = (await graphql(LIST, ids=ids, first=1, order={"field": field}))["runs"]
        ends[field] = page["pageInfo"]["endCursor"]
    order = {"field": "NAME"}
    mark, name, number = orjson.loads(base64.urlsafe_b64decode(ends["NAME"] + "=="))
    forged = [
        ends["DURATION"], cursor(mark), cursor(mark, 1, number), cursor(mark, name, "1"),
        cursor(mark, name, number, 1), cursor(mark, f"{name}\0", number), cursor(mark, name, 2**63),
        cursor(mark, [name], number), cursor(mark, name, 1.5), cursor(mark, name, True),
        cursor("other", name, number),
    ]  # fmt: skip
    for after in forged:
        refused = await graphql.refused(LIST, ids=ids, first=1, after=after, order=order)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "after")
    await graphql(LIST, ids=ids, first=1, after=cursor(mark, "zzz", 0), order=order)


@pytest.mark.parametrize("first", [-1, 1001])
async def test_the_size_of_a_page_is_bounded(graphql: GraphQL, first: int) -> None:
    refused = await graphql.refused(LIST, ids=["0"], first=first)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "first")


@pytest.mark.parametrize(
    "document",
    [
        '{ experiment(id: "a\\u0000") { id } }',
        '{ experiment(name: "a\\u0000") { id } }',
        '{ experiments(search: "a\\u0000") { totalCount } }',
        '{ run(id: "a\\u0000") { id } }',
        '{ runsByIds(ids: ["a\\u0000"]) { id } }',
        '{ runs(experimentIds: ["a\\u0000"]) { totalCount } }',
        '{ runs(experimentIds: ["0"], search: "\\u0000") { totalCount } }',
        '{ metricHistories(runIds: ["\\u0000"], keys: ["a"]) { total } }',
        '{ metricCurves(runIds: ["a"], keys: ["\\u0000"]) { total } }',
        '{ experiment(id: "0") { metricKeys(after: "\\u0000") { nodes } } }',
    ],
)
async def test_a_nul_finds_nothing_or_is_refused(graphql: GraphQL, document: str) -> None:
    answer = (await graphql.http.post("/graphql", json={"query": document})).json()
    for error in answer.get("errors", ()):
        assert error["extensions"]["code"] == "INVALID_INPUT"


async def test_what_one_question_may_name_is_bounded(graphql: GraphQL) -> None:
    many = [str(number) for number in range(40_000)]
    refused = await graphql.refused(LIST, ids=many, first=1)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "experimentIds")
    run_id = (await graphql(CREATE, input={}))["createRun"]["id"]
    keyed = """query($id: ID!, $keys: [String!]!) {
      run(id: $id) { params(keys: $keys) { nodes { key } } } }"""
    refused = await graphql.refused(keyed, id=run_id, keys=many)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "keys")


PAGE = """query($first: Int!, $ids: [ID!]!) { runs(experimentIds: $ids, first: $first) {
  totalCount nodes { id name status durationMs experiment { name tags { nodes { key } } }
    parent { id } problems { code } params { nodes { key value } totalCount }
    tags(keys: ["t"]) { nodes { key value } } metrics(first: 5) {
      nodes { key last { value } } } } } }"""
EXPERIMENTS = """query($first: Int!) { experiments(first: $first) {
  totalCount nodes { name runCount activeRunCount tags { nodes { key } } } } }"""


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to databases meanwhile."""
    sent: list[str] = []

    def note(*given: Any) -> None:
        sent.append(given[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def reads(sent: list[str]) -> list[str]:
    return [each for each in sent if not each.startswith("BEGIN")]


async def test_a_page_costs_as_many_statements_however_long_it_is(graphql: GraphQL) -> None:
    log = "mutation($input: LogMetricsInput!) { logMetrics(input: $input) { points } }"
    parent = None
    for number in range(50):
        run = {
            "experimentName": f"e{number % 4}",
            "parentRunId": parent,
            "tags": [{"key": "t", "value": "1"}],
            "params": [{"key": f"p{number % 3}", "value": "1"}, {"key": "q", "value": "2"}],
        }
        parent = (await graphql(CREATE, input=run))["createRun"]["id"]
        points = [{"key": key, "value": 1} for key in "ab"]
        await graphql(log, input={"runId": parent, "metrics": points})
    listed = (await graphql("{ experiments { nodes { id } } }"))["experiments"]["nodes"]
    ids = [each["id"] for each in listed]
    for document, most in ((PAGE, 10), (EXPERIMENTS, 6)):
        counts = []
        for first in (2, 50):
            with statements() as sent:
                await graphql(document, first=first, ids=ids)
            counts.append(len(reads(sent)))
        assert counts[0] == counts[1] <= most
