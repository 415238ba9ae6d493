"""Runs, their params and tags, over GraphQL on both databases."""

from datetime import datetime
from typing import Any

import pytest

from tests.client import GraphQL

CREATE = """mutation($input: CreateRunInput!) { createRun(input: $input) {
  id experimentId name status startTime endTime parentRunId } }"""
RUN = """query($id: ID!) { run(id: $id) { id name description status lifecycle startTime endTime
  heartbeatTime durationMs user sourceName gitCommit parentRunId droppedPoints
  problems { code message } experiment { id name } parent { id }
  children { nodes { id } totalCount }
  params { nodes { key value number config } totalCount } tags { nodes { key value } }
  metrics { nodes { key count } } } }"""
PARAMS = "mutation($input: LogParamsInput!) { logParams(input: $input) { nextRecord } }"
TAGS = "mutation($input: SetTagsInput!) { setTags(input: $input) { nextRecord } }"
UNTAG = "mutation($input: DeleteTagsInput!) { deleteTags(input: $input) { nextRecord } }"
FINISH = """mutation($input: FinishRunInput!) {
  finishRun(input: $input) { id status endTime durationMs } }"""
REPORT = """mutation($input: ReportProblemsInput!) {
  reportProblems(input: $input) { droppedPoints problems { code message time } } }"""
APPEND = "mutation($input: AppendMetricsInput!) { appendMetrics(input: $input) { nextRecord } }"


async def made(graphql: GraphQL, **given: Any) -> str:
    return str((await graphql(CREATE, input=given))["createRun"]["id"])


async def seen(graphql: GraphQL, run_id: str) -> dict[str, Any]:
    run: dict[str, Any] = (await graphql(RUN, id=run_id))["run"]
    return run


async def test_a_run_is_as_it_was_made(graphql: GraphQL) -> None:
    run_id = await made(
        graphql,
        id="00" * 16,
        experimentName="a/b ☃",
        name="ü 🚀",
        description="# *hi*",
        startTime="2024-02-29T12:00:00.123+02:00",
        user="me",
        sourceName="train.py",
        gitCommit="abc",
        tags=[{"key": "t", "value": "1"}, {"key": "t", "value": "2"}],
        params=[{"key": "lr", "value": "1e-3"}, {"key": "c", "value": "[1]", "config": [1, None]}],
    )
    run = await seen(graphql, run_id)
    assert run["id"] == "00" * 16
    assert datetime.fromisoformat(run["startTime"]) == datetime.fromisoformat(
        "2024-02-29T10:00:00.123+00:00"
    )
    expected: dict[str, Any] = {
        "name": "ü 🚀", "description": "# *hi*", "status": "RUNNING", "lifecycle": "ACTIVE",
        "endTime": None, "user": "me", "sourceName": "train.py", "gitCommit": "abc",
        "parentRunId": None, "parent": None, "droppedPoints": 0, "problems": [],
        "tags": {"nodes": [{"key": "t", "value": "2"}]},
        "metrics": {"nodes": []}, "children": {"nodes": [], "totalCount": 0},
    }  # fmt: skip
    assert {name: run[name] for name in expected} == expected
    assert run["experiment"]["name"] == "a/b ☃"
    assert run["params"] == {
        "totalCount": 2,
        "nodes": [
            {"key": "c", "value": "[1]", "number": None, "config": [1, None]},
            {"key": "lr", "value": "1e-3", "number": 0.001, "config": None},
        ],
    }


async def test_a_run_is_made_once_however_often_it_is_sent(graphql: GraphQL) -> None:
    first = await graphql(CREATE, input={"id": "ab" * 16, "name": "one", "experimentName": "e"})
    again = await graphql(CREATE, input={"id": "ab" * 16, "name": "one", "experimentName": "e"})
    assert first == again
    page = await graphql('{ experiment(name: "e") { runCount runs { totalCount } } }')
    assert page["experiment"] == {"runCount": 1, "runs": {"totalCount": 1}}


async def test_nested_runs(graphql: GraphQL) -> None:
    parent = await made(graphql, startTime="2024-01-01T00:00:00Z")
    children = [
        await made(graphql, parentRunId=parent, startTime=f"2024-01-0{day}T00:00:00Z")
        for day in (2, 3, 4)
    ]
    run = await seen(graphql, parent)
    assert [child["id"] for child in run["children"]["nodes"]] == children[::-1]
    assert run["children"]["totalCount"] == 3
    assert (await seen(graphql, children[0]))["parent"] == {"id": parent}
    orphan = await made(graphql, parentRunId="f" * 32)  # its parent's journal may come later
    assert (await seen(graphql, orphan))["parent"] is None


async def test_the_life_of_a_run(graphql: GraphQL) -> None:
    run_id = await made(graphql, startTime="2024-01-01T00:00:00Z")
    ended = {"id": run_id, "status": "FAILED", "endTime": "2024-01-01T00:01:00Z"}
    for _ in range(2):
        run = (await graphql(FINISH, input=ended))["finishRun"]
        assert (run["status"], run["durationMs"]) == ("FAILED", 60_000)
    # Sent again without a time, it does not end a second time.
    run = (await graphql(FINISH, input={"id": run_id, "status": "FAILED"}))["finishRun"]
    assert run["durationMs"] == 60_000
    resumed = await graphql(
        "mutation($id: ID!) { resumeRun(input: {id: $id}) { status endTime } }", id=run_id
    )
    assert resumed["resumeRun"] == {"status": "RUNNING", "endTime": None}


async def test_the_trash(graphql: GraphQL) -> None:
    run_id = await made(graphql, experimentName="e")
    change = "mutation($id: ID!) { %s(input: {id: $id}) { lifecycle } }"
    listed = '{ experiment(name: "e") { runs(lifecycle: %s) { totalCount } runCount } }'
    for _ in range(2):
        await graphql(change % "deleteRun", id=run_id)
    assert (await seen(graphql, run_id))["lifecycle"] == "DELETED"
    assert (await graphql(listed % "ACTIVE"))["experiment"] == {
        "runs": {"totalCount": 0}, "runCount": 0,
    }  # fmt: skip
    assert (await graphql(listed % "DELETED"))["experiment"]["runs"] == {"totalCount": 1}
    assert (await graphql(listed % "ALL"))["experiment"]["runs"] == {"totalCount": 1}
    table = {"keys": ["a"], "steps": [0], "times": [0], "values": [1]}
    for document, given in (
        (APPEND, {"tables": [table]}),
        (APPEND, {"tables": [table], "journal": {"writer": "w", "first": 0, "count": 1}}),
        (PARAMS, {"params": [{"key": "a", "value": "b"}]}),
        (TAGS, {"tags": [{"key": "a", "value": "b"}]}),
        (UNTAG, {"keys": ["a"]}),
    ):
        refused = await graphql.refused(document, input={"runId": run_id, **given})
        assert refused["code"] == "RUN_DELETED"
    await graphql(change % "restoreRun", id=run_id)
    await graphql(APPEND, input={"runId": run_id, "tables": [table]})


async def test_a_param_is_set_once(graphql: GraphQL) -> None:
    run_id = await made(graphql)

    def given(*pairs: tuple[str, str], first: int | None = None) -> dict[str, Any]:
        params = [{"key": key, "value": value} for key, value in pairs]
        journal = None if first is None else {"writer": "w", "first": first, "count": 1}
        return {"runId": run_id, "params": params, "journal": journal}

    answer = await graphql(PARAMS, input=given(("a", "1"), ("a", "1")))
    assert answer["logParams"]["nextRecord"] is None
    await graphql(PARAMS, input=given(("a", "1")))
    # Without a journal nothing of a request that conflicts is stored.
    refused = await graphql.refused(PARAMS, input=given(("b", "2"), ("a", "other")))
    assert (refused["code"], refused["key"]) == ("PARAM_CONFLICT", "a")
    assert [p["key"] for p in (await seen(graphql, run_id))["params"]["nodes"]] == ["a"]
    # With one all but the param itself is, and the journal goes on.
    refused = await graphql.refused(PARAMS, input=given(("b", "2"), ("a", "other"), first=0))
    assert (refused["code"], refused["key"]) == ("PARAM_CONFLICT", "a")
    run = await seen(graphql, run_id)
    assert [(p["key"], p["value"]) for p in run["params"]["nodes"]] == [("a", "1"), ("b", "2")]
    assert [problem["code"] for problem in run["problems"]] == ["PARAM_CONFLICT"]
    # Sent again it is known, whatever it was.
    answer = await graphql(PARAMS, input=given(("b", "2"), ("a", "other"), first=0))
    assert answer["logParams"]["nextRecord"] == 1
    assert len((await seen(graphql, run_id))["problems"]) == 1
    answer = await graphql(PARAMS, input=given(("c", "3"), first=1))
    assert answer["logParams"]["nextRecord"] == 2
    refused = await graphql.refused(PARAMS, input=given(("d", "4"), first=5))
    assert (refused["code"], refused["expected"]) == ("SEQUENCE_GAP", 2)


async def test_params_and_metrics_share_a_journal(graphql: GraphQL) -> None:
    run_id = await made(graphql)

    def journal(first: int, count: int = 1) -> dict[str, Any]:
        return {"runId": run_id, "journal": {"writer": "w", "first": first, "count": count}}

    table = {"keys": ["a"], "steps": [0, 1], "times": [0, 1], "values": [1, "NaN"]}
    refused = await graphql.refused(APPEND, input={**journal(1, 2), "tables": [table]})
    assert (refused["code"], refused["expected"]) == ("SEQUENCE_GAP", 0)
    await graphql(PARAMS, input={**journal(0), "params": [{"key": "p", "value": "1"}]})
    answer = await graphql(APPEND, input={**journal(1, 2), "tables": [table]})
    assert answer["appendMetrics"]["nextRecord"] == 3
    answer = await graphql(TAGS, input={**journal(3), "tags": [{"key": "t", "value": "1"}]})
    assert answer["setTags"]["nextRecord"] == 4
    answer = await graphql(UNTAG, input={**journal(4), "keys": ["t", "unknown"]})
    assert answer["deleteTags"]["nextRecord"] == 5
    answer = await graphql(TAGS, input={**journal(3), "tags": [{"key": "t", "value": "late"}]})
    assert answer["setTags"]["nextRecord"] == 5
    run = await seen(graphql, run_id)
    assert run["tags"]["nodes"] == []
    assert run["metrics"]["nodes"] == [{"key": "a", "count": 2}]


async def test_a_record_that_can_never_be_stored_does_not_block_its_journal(
    graphql: GraphQL,
) -> None:
    run_id = await made(graphql)
    good = {"keys": ["good"], "steps": [0], "times": [0], "values": [1], "records": [0]}
    bad = {"keys": ["k" * 501], "steps": [0], "times": [0], "values": [1], "records": [1]}
    journal = {"writer": "w", "first": 0, "count": 2}
    given = {"runId": run_id, "tables": [good, bad], "journal": journal}
    refused = await graphql.refused(APPEND, input=given)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "tables[1].keys[0]")
    run = await seen(graphql, run_id)
    # What could be stored of the batch is.
    assert run["metrics"]["nodes"] == [{"key": "good", "count": 1}]
    assert [problem["code"] for problem in run["problems"]] == ["INVALID_INPUT"]
    journal = {"writer": "w", "first": 2, "count": 1}
    await graphql(
        APPEND, input={"runId": run_id, "tables": [{**good, "steps": [1]}], "journal": journal}
    )
    assert (await seen(graphql, run_id))["metrics"]["nodes"] == [{"key": "good", "count": 2}]


async def test_problems_and_dropped_points(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    for writer, dropped, total in (
        ("v", 5, 5),
        ("w", 2, 7),
        ("v", 5, 7),
        ("v", 4, 7),
        ("w", 9, 14),
    ):
        given = {"runId": run_id, "writer": writer, "droppedPoints": dropped}
        assert (await graphql(REPORT, input=given))["reportProblems"]["droppedPoints"] == total
    many = [{"code": "X", "message": str(number)} for number in range(150)]
    run = (await graphql(REPORT, input={"runId": run_id, "problems": many}))["reportProblems"]
    assert [problem["message"] for problem in run["problems"]] == [str(n) for n in range(50, 150)]
    refused = await graphql.refused(REPORT, input={"runId": run_id, "droppedPoints": -1})
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "droppedPoints")


async def test_a_heartbeat_passes_over_unknown_runs(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    before = (await seen(graphql, run_id))["heartbeatTime"]
    beat = "mutation($ids: [ID!]!) { heartbeat(input: {runIds: $ids}) { time } }"
    answer = await graphql(beat, ids=["f" * 32, run_id])
    after = (await seen(graphql, run_id))["heartbeatTime"]
    assert after == answer["heartbeat"]["time"] >= before


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"id": "AB" * 16}, "id"),
        ({"id": "short"}, "id"),
        ({"name": "a\0b"}, "name"),
        ({"name": " "}, "name"),
        ({"name": "n" * 501}, "name"),
        ({"experimentName": "n" * 501}, "experimentName"),
        ({"experimentName": "a\0"}, "experimentName"),
        ({"experimentName": "a", "experimentId": "0"}, "experimentId"),
        ({"parentRunId": "x"}, "parentRunId"),
        ({"user": "\0"}, "user"),
        ({"params": [{"key": "", "value": "1"}]}, "params[0].key"),
        ({"params": [{"key": "k" * 501, "value": "1"}]}, "params[0].key"),
        ({"params": [{"key": "k", "value": "1" * 65_537}]}, "params[0].value"),
        ({"params": [{"key": "k", "value": v} for v in "12"]}, "params[1].key"),
        ({"tags": [{"key": "ok", "value": ""}, {"key": "k\0", "value": ""}]}, "tags[1].key"),
        ({"startTime": "9999-12-31T23:59:59-12:00"}, "startTime"),
        ({"startTime": "0001-01-01T00:00:00+12:00"}, "startTime"),
    ],
)
async def test_bad_input_is_named(graphql: GraphQL, given: dict[str, Any], argument: str) -> None:
    refused = await graphql.refused(CREATE, input=given)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)


async def test_a_time_without_a_zone_is_utc(graphql: GraphQL) -> None:
    run_id = await made(graphql, startTime="2024-01-01T00:00:00")
    started = datetime.fromisoformat((await seen(graphql, run_id))["startTime"])
    assert started == datetime.fromisoformat("2024-01-01T00:00:00+00:00")
    given = {"id": run_id, "endTime": "2024-01-01T00:00:01"}
    assert (await graphql(FINISH, input=given))["finishRun"]["durationMs"] == 1000


async def test_text_at_its_longest_and_widest(graphql: GraphQL) -> None:
    wide = "🚀" * 500
    run_id = await made(graphql, name=wide, tags=[{"key": wide, "value": "☃" * 65_536}])
    run = await seen(graphql, run_id)
    assert run["name"] == wide
    assert run["tags"]["nodes"] == [{"key": wide, "value": "☃" * 65_536}]


async def test_more_params_and_tags_than_a_statement_takes(graphql: GraphQL) -> None:
    run_id = await made(graphql)
    pairs = [{"key": f"k{number}", "value": str(number)} for number in range(33_000)]
    journal = {"writer": "w", "first": 0, "count": 1}
    await graphql(PARAMS, input={"runId": run_id, "params": pairs, "journal": journal})
    await graphql(TAGS, input={"runId": run_id, "tags": pairs})
    counts = "query($id: ID!) { run(id: $id) { params { totalCount } tags { totalCount } } }"
    found = await graphql(counts, id=run_id)
    assert found["run"] == {"params": {"totalCount": 33_000}, "tags": {"totalCount": 33_000}}


async def test_unknown_runs(graphql: GraphQL) -> None:
    assert (await graphql(RUN, id="f" * 32))["run"] is None
    table = {"keys": ["a"], "steps": [0], "times": [0], "values": [1]}
    for document, given in (
        (APPEND, {"runId": "f" * 32, "tables": [table]}),
        (PARAMS, {"runId": "f" * 32, "params": []}),
        (FINISH, {"id": "f" * 32}),
    ):
        assert (await graphql.refused(document, input=given))["code"] == "NOT_FOUND"
