"""What is asked of running scripts, over GraphQL on both databases."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event
from starlette.applications import Starlette

from tests.client import GraphQL
from tests.server.graphql.sample import listening
from tests.server.graphql.test_found import over_websocket
from trackql_server.domain.context import Services

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id } }"
FINISH = "mutation($id: ID!) { finishRun(input: {id: $id}) { id } }"
RESUME = "mutation($id: ID!) { resumeRun(input: {id: $id}) { id } }"
DELETE = "mutation($id: ID!) { deleteRun(input: {id: $id}) { id } }"
REQUEST = "id runId kind key value reason askedBy askedAt seenAt open"
STOP = f"""mutation($input: RequestStopInput!) {{
  requestStop(input: $input) {{ requests {{ {REQUEST} }} ended }} }}"""
SET = f"mutation($input: SetLiveParamInput!) {{ setLiveParam(input: $input) {{ {REQUEST} }} }}"
PARAM = "key type value min max choices"
DECLARE = f"""mutation($input: DeclareLiveParamsInput!) {{
  declareLiveParams(input: $input) {{ params {{ {PARAM} }} }} }}"""
SEE = "mutation($ids: [ID!]!) { seeRequests(input: {ids: $ids}) { count } }"
OPEN = f"query($ids: [ID!]!) {{ openRequests(runIds: $ids) {{ {REQUEST} }} }}"
RUN = f"""query($id: ID!, $first: Int! = 50, $after: String) {{ run(id: $id) {{
  stopRequested liveParams {{ {PARAM} }}
  requests(first: $first, after: $after) {{
    nodes {{ {REQUEST} }} totalCount pageInfo {{ hasNextPage endCursor }} }} }} }}"""

LR = {"key": "lr", "type": "NUMBER", "value": 0.001, "min": 1e-6, "max": 1}


async def new_run(graphql: GraphQL) -> str:
    return str((await graphql(CREATE, input={}))["createRun"]["id"])


async def stop(graphql: GraphQL, *ids: str, reason: str = "") -> dict[str, Any]:
    given = {"runIds": list(ids), "reason": reason}
    found: dict[str, Any] = (await graphql(STOP, input=given))["requestStop"]
    return found


async def declare(graphql: GraphQL, run_id: str, *params: dict[str, Any]) -> list[dict[str, Any]]:
    given = {"runId": run_id, "params": list(params)}
    found: list[dict[str, Any]] = (await graphql(DECLARE, input=given))["declareLiveParams"][
        "params"
    ]
    return found


async def ask(graphql: GraphQL, run_id: str, key: str, value: Any) -> dict[str, Any]:
    given = {"runId": run_id, "key": key, "value": value}
    found: dict[str, Any] = (await graphql(SET, input=given))["setLiveParam"]
    return found


async def shown(graphql: GraphQL, run_id: str, **page: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await graphql(RUN, id=run_id, **page))["run"]
    return found


async def holding(graphql: GraphQL, *ids: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await graphql(OPEN, ids=list(ids)))["openRequests"]
    return found


async def test_a_run_is_asked_to_stop_and_says_that_it_saw(graphql: GraphQL) -> None:
    run_id, other = await new_run(graphql), await new_run(graphql)
    assert not (await shown(graphql, run_id))["stopRequested"]
    [request] = (await stop(graphql, run_id, reason="diverged ☃"))["requests"]
    assert request["kind"] == "STOP"
    assert (request["runId"], request["reason"]) == (run_id, "diverged ☃")
    assert (request["askedBy"], request["key"], request["value"]) == ("local", None, None)
    assert request["askedAt"]
    assert request["seenAt"] is None
    assert request["open"]
    assert await holding(graphql, run_id, other) == [request]
    assert (await graphql(SEE, ids=[request["id"]]))["seeRequests"] == {"count": 1}
    assert (await graphql(SEE, ids=[request["id"], "7"]))["seeRequests"] == {"count": 0}
    [seen] = await holding(graphql, run_id)
    assert seen["seenAt"] >= request["askedAt"]
    found = await shown(graphql, run_id)
    assert found["stopRequested"]
    assert found["requests"]["nodes"] == [seen]
    assert not (await shown(graphql, other))["stopRequested"]


async def test_a_run_that_is_taken_up_again_is_not_asked_any_more(graphql: GraphQL) -> None:
    run_id = await new_run(graphql)
    await stop(graphql, run_id)
    await graphql(FINISH, id=run_id)
    assert (await shown(graphql, run_id))["stopRequested"]
    await graphql(RESUME, id=run_id)
    assert await holding(graphql, run_id) == []
    found = await shown(graphql, run_id)
    assert not found["stopRequested"]
    assert [each["open"] for each in found["requests"]["nodes"]] == [False]
    await stop(graphql, run_id)
    assert (await shown(graphql, run_id))["stopRequested"]


async def test_many_runs_are_asked_at_once(graphql: GraphQL) -> None:
    ids = [await new_run(graphql) for _ in range(3)]
    await graphql(FINISH, id=ids[1])
    asked = await stop(graphql, *ids, ids[0])
    assert [each["runId"] for each in asked["requests"]] == [ids[0], ids[2]]
    assert asked["ended"] == [ids[1]]
    # Asked again, the newest request holds and the former stay in the record.
    await stop(graphql, ids[0], reason="again")
    assert [each["reason"] for each in await holding(graphql, ids[0])] == ["again"]
    assert (await shown(graphql, ids[0]))["requests"]["totalCount"] == 2


async def test_who_can_not_be_asked(graphql: GraphQL) -> None:
    ended, deleted = await new_run(graphql), await new_run(graphql)
    await declare(graphql, ended, LR)
    await graphql(FINISH, id=ended)
    await graphql(DELETE, id=deleted)
    refused = await graphql.refused(STOP, input={"runIds": [ended]})
    assert refused["code"] == "RUN_ENDED"
    assert "resume" in refused["message"]
    running = await new_run(graphql)
    for ids, code in (
        ([], "INVALID_INPUT"),
        ([running, "nope"], "NOT_FOUND"),
        ([running, deleted], "RUN_DELETED"),
    ):
        assert (await graphql.refused(STOP, input={"runIds": ids}))["code"] == code
    assert not (await shown(graphql, running))["stopRequested"]
    refused = await graphql.refused(STOP, input={"runIds": [running], "reason": "x" * 10_001})
    assert refused["argument"] == "reason"
    for run_id, key, code in (
        (ended, "lr", "RUN_ENDED"),
        (deleted, "lr", "RUN_DELETED"),
        ("nope", "lr", "NOT_FOUND"),
        (running, "lr", "NOT_FOUND"),
    ):
        given = {"runId": run_id, "key": key, "value": 1}
        assert (await graphql.refused(SET, input=given))["code"] == code
    refused = await graphql.refused(OPEN, ids=[f"{each}" for each in range(1_001)])
    assert refused["argument"] == "runIds"
    for wrong in ("x", "-1", str(2**63), ""):
        assert (await graphql.refused(SEE, ids=[wrong]))["argument"] == "ids"


async def test_a_live_parameter_is_declared_and_asked_for(graphql: GraphQL) -> None:
    run_id = await new_run(graphql)
    assert await declare(graphql, run_id, LR) == [{**LR, "choices": None}]
    request = await ask(graphql, run_id, "lr", 0.5)
    assert (request["kind"], request["key"], request["value"]) == ("SET_PARAM", "lr", 0.5)
    found = await shown(graphql, run_id)
    assert [each["value"] for each in found["liveParams"]] == [0.5]
    assert not found["stopRequested"]
    # Only the newest value holds; all that were asked for stay in the record.
    await ask(graphql, run_id, "lr", 1)
    assert [each["value"] for each in await holding(graphql, run_id)] == [1.0]
    assert [each["value"] for each in (await shown(graphql, run_id))["requests"]["nodes"]] == [
        1.0,
        0.5,
    ]
    # Told again, by another process or a resumed one, the value asked for stays where it fits.
    assert (await declare(graphql, run_id, LR))[0]["value"] == 1.0
    assert (await declare(graphql, run_id, {**LR, "max": 0.9}))[0]["value"] == 0.001
    other = {"key": "a", "type": "FLAG", "value": True}
    bare = {"min": None, "max": None, "choices": None}
    assert (await declare(graphql, run_id, other))[0] == {**other, **bare}
    assert (await declare(graphql, run_id, {**other, "value": False}))[0]["value"] is False


INTEGER = {"key": "p", "type": "INTEGER", "value": 3, "min": 0}
FLAG = {"key": "p", "type": "FLAG", "value": False}
TEXT = {"key": "p", "type": "TEXT", "value": ""}
CHOICE = {"key": "p", "type": "CHOICE", "value": "a", "choices": ["a", 2, True]}


@pytest.mark.parametrize(
    ("spec", "fits", "does_not"),
    [
        (
            {**LR, "key": "p"},
            [(1, 1.0), (1e-6, 1e-6)],
            [0, 1.5, "1", True, None, [], 10**400, "NaN"],
        ),
        (INTEGER, [(0, 0), (7.0, 7), (2**60, 2**60)], [-1, 0.5, "1", False, 2**63, None]),
        (FLAG, [(True, True)], [0, 1, "true", None]),
        (TEXT, [("ü ☃", "ü ☃"), ("", "")], [1, None, ["a"], "x" * 65_537]),
        (CHOICE, [("a", "a"), (2, 2), (2.0, 2), (True, True)], ["b", 1, 3, False, None]),
    ],
    ids=["number", "integer", "flag", "text", "choice"],
)
async def test_a_value_has_to_fit(
    graphql: GraphQL, spec: dict[str, Any], fits: list[Any], does_not: list[Any]
) -> None:
    run_id = await new_run(graphql)
    await declare(graphql, run_id, spec)
    for value, kept in fits:
        request = await ask(graphql, run_id, "p", value)
        assert (request["value"], type(request["value"])) == (kept, type(kept))
    before = (await shown(graphql, run_id))["liveParams"]
    for value in does_not:
        given = {"runId": run_id, "key": "p", "value": value}
        refused = await graphql.refused(SET, input=given)
        # null and numbers that no JSON reader holds are refused before the verb is asked.
        assert refused["code"] in ("INVALID_INPUT", "GRAPHQL_VALIDATION_FAILED"), value
    assert (await shown(graphql, run_id))["liveParams"] == before


@pytest.mark.parametrize(
    ("spec", "argument"),
    [
        ({"key": ""}, "key"),
        ({"min": 2}, "min"),
        ({"value": 2}, "value"),
        ({"value": "x"}, "value"),
        ({"max": "NaN"}, "max"),
        ({"choices": [1]}, "choices"),
        ({"type": "TEXT", "value": "x"}, "min"),
        ({"type": "CHOICE", "value": 1, "min": None, "max": None}, "choices"),
        ({"type": "CHOICE", "value": 1, "min": None, "max": None, "choices": []}, "choices"),
        ({"type": "CHOICE", "value": 1, "min": None, "max": None, "choices": [1, 1.0]}, "choices"),
        ({"type": "CHOICE", "value": 1, "min": None, "max": None, "choices": [{}]}, "choices"),
        ({"type": "CHOICE", "value": 1, "min": None, "max": None, "choices": [2]}, "value"),
    ],
)
async def test_a_spec_has_to_make_sense(
    graphql: GraphQL, spec: dict[str, Any], argument: str
) -> None:
    given = {"runId": await new_run(graphql), "params": [LR, {**LR, **spec}]}
    refused = await graphql.refused(DECLARE, input=given)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", f"params[1].{argument}")


async def test_a_run_has_a_bounded_number_of_live_parameters(graphql: GraphQL) -> None:
    run_id = await new_run(graphql)
    many = [{**LR, "key": f"p{number}"} for number in range(100)]
    assert len(await declare(graphql, run_id, *many)) == 100
    assert len(await declare(graphql, run_id, *many)) == 100
    refused = await graphql.refused(DECLARE, input={"runId": run_id, "params": [LR]})
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "params")


async def test_requests_are_paged_newest_first(graphql: GraphQL) -> None:
    run_id = await new_run(graphql)
    await declare(graphql, run_id, LR)
    for number in range(1, 6):
        await ask(graphql, run_id, "lr", number / 10)
    found: list[float] = []
    after = None
    while True:
        page = (await shown(graphql, run_id, first=2, after=after))["requests"]
        assert page["totalCount"] == 5
        found += [each["value"] for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == [0.5, 0.4, 0.3, 0.2, 0.1]


async def test_requests_are_followed_as_they_are_made_and_seen(
    app: Starlette, graphql: GraphQL
) -> None:
    run_id, other = await new_run(graphql), await new_run(graphql)
    [first] = (await stop(graphql, run_id))["requests"]
    document = f'subscription {{ runRequests(runIds: ["{run_id}"]) {{ {REQUEST} }} }}'
    async with (
        listening(app) as address,
        over_websocket(address, document) as events,
        asyncio.timeout(30),
    ):
        assert (await anext(events))["data"]["runRequests"] == [first]
        await stop(graphql, other)
        await graphql(SEE, ids=[first["id"]])
        [seen] = (await anext(events))["data"]["runRequests"]
        assert (seen["id"], bool(seen["seenAt"])) == (first["id"], True)
        await declare(graphql, run_id, LR)
        asked = await ask(graphql, run_id, "lr", 0.5)
        assert (await anext(events))["data"]["runRequests"] == [asked]


async def test_what_scripts_ask_every_few_seconds_is_read_off_an_index(
    app: Starlette, graphql: GraphQL
) -> None:
    services: Services = app.services  # type: ignore[attr-defined]
    database = services.database
    asked: list[tuple[str, Any]] = []
    async with database.read() as session:
        engine = (await session.connection()).engine.sync_engine

    def note(connection: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        asked.append((statement, given))

    event.listen(engine, "before_cursor_execute", note)
    await holding(graphql, "a")
    await holding(graphql, "a", "b", "c")
    await holding(graphql, *(str(number) for number in range(1_000)))
    event.remove(engine, "before_cursor_execute", note)
    statements = [pair for pair in asked if "FROM run_request" in pair[0]]
    assert len(statements) == 3
    async with database.read() as session:
        connection = await session.connection()
        if not database.sqlite:  # it looks for no index in a table of a few rows
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if database.sqlite else "EXPLAIN"
        for statement, given in statements:
            plan = await connection.exec_driver_sql(f"{explain} {statement}", given)
            told = " ".join(str(tuple(row)[-1]) for row in plan)
            assert "ix_run_request_open" in told, told
