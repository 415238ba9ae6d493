"""Many runs changed at once: all of them or none, and seen by the next search."""

from typing import Any

import pytest

from tests.client import GraphQL
from trackql_server.domain import bulk

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id } }"
UPDATE = "mutation($input: UpdateRunsInput!) { updateRuns(input: $input) { count } }"
RUN = "query($id: ID!) { run(id: $id) { lifecycle tags { nodes { key value } } } }"
FOUND = """query($filter: String, $lifecycle: LifecycleFilter! = ACTIVE) {
  runs(filter: $filter, lifecycle: $lifecycle) { nodes { name } totalCount } }"""


async def made(graphql: GraphQL, count: int, **tags: str) -> list[str]:
    """Runs named by their places."""
    given = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
    return [
        str((await graphql(CREATE, input=given | {"name": str(place)}))["createRun"]["id"])
        for place in range(count)
    ]


async def updated(graphql: GraphQL, ids: list[str], **given: Any) -> int:
    if "setTags" in given:
        given["setTags"] = [{"key": key, "value": each} for key, each in given["setTags"].items()]
    return int((await graphql(UPDATE, input={"runIds": ids} | given))["updateRuns"]["count"])


async def seen(graphql: GraphQL, run_id: str) -> tuple[str, dict[str, str]]:
    run = (await graphql(RUN, id=run_id))["run"]
    return run["lifecycle"], {each["key"]: each["value"] for each in run["tags"]["nodes"]}


async def found(graphql: GraphQL, text: str | None = None, **given: Any) -> list[str]:
    page = (await graphql(FOUND, filter=text, **given))["runs"]
    names = sorted(each["name"] for each in page["nodes"])
    assert page["totalCount"] == len(names)
    return names


async def test_tags_are_set_and_removed(graphql: GraphQL) -> None:
    ids = await made(graphql, 4, team="red", old="1")
    assert await found(graphql, "tags.team = 'red'") == ["0", "1", "2", "3"]
    tags = {"team": "blue ☃", "new": "x" * 300}
    assert await updated(graphql, [*ids[:2], ids[0]], setTags=tags, deleteTags=["old", "?"]) == 2
    assert await seen(graphql, ids[0]) == ("ACTIVE", tags)
    assert await seen(graphql, ids[2]) == ("ACTIVE", {"team": "red", "old": "1"})
    assert await found(graphql, "tags.team = 'red'") == ["2", "3"]
    assert await found(graphql, "tags.team LIKE 'blue%'") == ["0", "1"]
    assert await found(graphql, "tags.old IS NULL") == ["0", "1"]
    # What is set and removed at once is gone.
    await updated(graphql, ids[:1], setTags={"team": "green"}, deleteTags=["team"])
    assert await found(graphql, "tags.team IS NULL") == ["0"]


async def test_the_trash(graphql: GraphQL) -> None:
    ids = await made(graphql, 3)
    for _ in range(2):
        assert await updated(graphql, ids[:2], lifecycle="DELETED") == 2
    assert (await found(graphql), await found(graphql, lifecycle="DELETED")) == (["2"], ["0", "1"])
    for given in ({"setTags": [{"key": "a", "value": "1"}]}, {"deleteTags": ["a"]}):
        refused = await graphql.refused(UPDATE, input={"runIds": ids} | given)
        assert refused["code"] == "RUN_DELETED"
    assert await seen(graphql, ids[2]) == ("ACTIVE", {})
    await updated(graphql, ids[:1], lifecycle="ACTIVE", setTags={"a": "1"})
    assert await found(graphql, "tags.a = '1'") == ["0"]
    assert await seen(graphql, ids[0]) == ("ACTIVE", {"a": "1"})
    await updated(graphql, ids[:1], lifecycle="DELETED", setTags={"a": "2"})
    assert await seen(graphql, ids[0]) == ("DELETED", {"a": "2"})


async def test_all_of_them_or_none(graphql: GraphQL) -> None:
    ids = await made(graphql, 3, team="red")
    given = {
        "lifecycle": "DELETED",
        "setTags": [{"key": "a", "value": "1"}],
        "deleteTags": ["team"],
    }
    refused = await graphql.refused(UPDATE, input={"runIds": [*ids, "f" * 32], **given})
    assert refused["code"] == "NOT_FOUND"
    assert "f" * 32 in refused["message"]
    for run_id in ids:
        assert await seen(graphql, run_id) == ("ACTIVE", {"team": "red"})
    assert await updated(graphql, ids) == 3


async def test_nobody_is_no_mistake(graphql: GraphQL) -> None:
    assert await updated(graphql, [], lifecycle="DELETED") == 0
    assert await updated(graphql, [], setTags={"a": "1"}, deleteTags=["b"]) == 0


async def test_what_one_request_may_change_is_bounded(
    graphql: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    [run_id] = await made(graphql, 1, team="red")
    many = [f"{number:032x}" for number in range(10_001)]
    tag = {"key": "a", "value": "1"}
    for given, argument in (
        ({"runIds": many, "lifecycle": "DELETED"}, "runIds"),
        (
            {"runIds": many[:10_000], "setTags": [tag | {"key": str(n)} for n in range(11)]},
            "runIds",
        ),
        ({"runIds": [run_id], "setTags": [tag | {"key": ""}]}, "tags[0].key"),
        ({"runIds": [run_id], "setTags": [tag, tag | {"value": "a\0b"}]}, "tags[1].value"),
        ({"runIds": [run_id], "setTags": [tag | {"value": "x" * 65_537}]}, "tags[0].value"),
        ({"runIds": [run_id], "deleteTags": [str(n) for n in range(40_000)]}, "deleteTags"),
        ({"runIds": [run_id], "deleteTags": ["a", "a\0b"]}, "deleteTags[1]"),
    ):
        refused = await graphql.refused(UPDATE, input=given)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)
    assert await seen(graphql, run_id) == ("ACTIVE", {"team": "red"})
    monkeypatch.setattr(bulk, "MOST_TAGS", 2)
    assert await updated(graphql, [run_id], setTags={"a": "1"}, deleteTags=["b"]) == 1


async def test_hundreds_of_runs(graphql: GraphQL) -> None:
    ids = await made(graphql, 300)
    count = "{ runs(filter: \"tags.team = 'red'\", first: 0) { totalCount } }"
    assert await updated(graphql, ids[::-1], setTags={"team": "red", "x": "1"}) == 300
    assert (await graphql(count))["runs"] == {"totalCount": 300}
    assert await updated(graphql, ids[:200], lifecycle="DELETED") == 200
    assert (await graphql(count))["runs"] == {"totalCount": 100}
    assert await updated(graphql, ids[200:], deleteTags=["team"]) == 100
    assert (await graphql(count))["runs"] == {"totalCount": 0}


async def test_a_nul_in_an_id_is_what_the_caller_has_to_repair(graphql: GraphQL) -> None:
    """PostgreSQL takes it for no text; on SQLite there is no such run."""
    refused = await graphql.refused(
        "mutation($ids: [ID!]!) { updateRuns(input: {runIds: $ids}) { count } }", ids=["a\0"]
    )
    assert refused["code"] in ("INVALID_INPUT", "NOT_FOUND")
