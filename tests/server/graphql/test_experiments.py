"""Experiments over GraphQL on both databases."""

from typing import Any

import pytest

from tests.client import GraphQL

CREATE = "mutation($input: CreateExperimentInput!) { createExperiment(input: $input) { id name } }"
UPDATE = """mutation($input: UpdateExperimentInput!) {
  updateExperiment(input: $input) { name description } }"""
SEARCH = """query($search: String, $lifecycle: LifecycleFilter!) {
  experiments(search: $search, lifecycle: $lifecycle) { nodes { name } totalCount } }"""


async def made(graphql: GraphQL, name: str, **given: Any) -> str:
    answer = await graphql(CREATE, input={"name": name, **given})
    return str(answer["createExperiment"]["id"])


async def names(graphql: GraphQL, search: str | None, lifecycle: str = "ACTIVE") -> list[str]:
    page = (await graphql(SEARCH, search=search, lifecycle=lifecycle))["experiments"]
    assert page["totalCount"] == len(page["nodes"])
    return [each["name"] for each in page["nodes"]]


async def test_there_is_one_called_default(graphql: GraphQL) -> None:
    assert (await graphql('{ experiment(name: "Default") { id } }'))["experiment"] == {"id": "0"}
    deleted = await graphql.refused('mutation { deleteExperiment(input: {id: "0"}) { id } }')
    assert (deleted["code"], deleted["argument"]) == ("INVALID_INPUT", "id")


CHANGE = "mutation($id: ID!) { %s(input: {id: $id}) { lifecycle trashedAt } }"
RESTORE = """mutation($id: ID!, $newName: String) {
  restoreExperiment(input: {id: $id, newName: $newName}) { name lifecycle trashedAt } }"""
BY_NAME = "query($name: String!) { experiment(name: $name) { id } }"


async def test_names_are_unique_among_those_in_use(graphql: GraphQL) -> None:
    one = await made(graphql, "one")
    two = await made(graphql, "two", description="d", tags=[{"key": "k", "value": "v"}])
    assert (await graphql.refused(CREATE, input={"name": "one"}))["code"] == "ALREADY_EXISTS"
    refused = await graphql.refused(UPDATE, input={"id": two, "name": "one"})
    assert refused["code"] == "ALREADY_EXISTS"
    await graphql(CHANGE % "deleteExperiment", id=one)
    assert await names(graphql, None) == ["Default", "two"]
    assert await names(graphql, None, "DELETED") == ["one"]
    await graphql(RESTORE, id=one)
    await graphql('mutation { createRun(input: {experimentName: "one"}) { id } }')
    answer = await graphql(UPDATE, input={"id": two, "name": "three"})
    assert answer["updateExperiment"] == {"name": "three", "description": "d"}


async def test_a_deleted_name_is_free_at_once(graphql: GraphQL) -> None:
    first = await made(graphql, "one")
    deleted = (await graphql(CHANGE % "deleteExperiment", id=first))["deleteExperiment"]
    assert deleted["lifecycle"] == "DELETED"
    again = (await graphql(CHANGE % "deleteExperiment", id=first))["deleteExperiment"]
    assert again == deleted, "the time of the first deletion stands"
    assert (await graphql(BY_NAME, name="one"))["experiment"] == {"id": first}

    second = await made(graphql, "one")
    assert (await graphql(BY_NAME, name="one"))["experiment"] == {"id": second}
    refused = await graphql.refused(RESTORE, id=first)
    assert refused["code"] == "ALREADY_EXISTS"
    assert "newName" in refused["message"]
    restored = (await graphql(RESTORE, id=first, newName="first"))["restoreExperiment"]
    assert restored == {"name": "first", "lifecycle": "ACTIVE", "trashedAt": None}
    assert await names(graphql, None) == ["Default", "first", "one"]

    # Several of a name in the trash; each name is once in use.
    await graphql(CHANGE % "deleteExperiment", id=second)
    third = await made(graphql, "one")
    await graphql(CHANGE % "deleteExperiment", id=third)
    assert await names(graphql, None, "DELETED") == ["one", "one"]
    assert (await graphql(BY_NAME, name="one"))["experiment"] == {"id": third}
    run = 'mutation { createRun(input: {experimentName: "one"}) { experiment { id } } }'
    fourth = (await graphql(run))["createRun"]["experiment"]["id"]
    assert fourth not in (first, second, third)
    bad = await graphql.refused(RESTORE, id=third, newName="")
    assert (bad["code"], bad["argument"]) == ("INVALID_INPUT", "newName")


async def test_tags(graphql: GraphQL) -> None:
    given = [{"key": "b", "value": "1"}, {"key": "a", "value": "2"}]
    experiment = await made(graphql, "e", tags=given)
    answer = await graphql(
        """mutation($input: SetExperimentTagsInput!) {
          setExperimentTags(input: $input) { tags { nodes { key value } } } }""",
        input={"id": experiment, "tags": [{"key": "b", "value": "3"}, {"key": "c", "value": ""}]},
    )
    found = [(tag["key"], tag["value"]) for tag in answer["setExperimentTags"]["tags"]["nodes"]]
    assert found == [("a", "2"), ("b", "3"), ("c", "")]


async def test_search_takes_text_as_it_is(graphql: GraphQL) -> None:
    for name in ("100%", "100 of", "a_b", "aXb", "ÄPFEL/Öl", "back\\slash", "ẞ"):
        await made(graphql, name)
    assert await names(graphql, "0%") == ["100%"]
    assert await names(graphql, "A_B") == ["a_b"]
    assert await names(graphql, "\\") == ["back\\slash"]
    assert await names(graphql, "PFEL/") == ["ÄPFEL/Öl"]
    assert await names(graphql, "pfel/Ö") == ["ÄPFEL/Öl"]
    assert await names(graphql, "ÄP") == ["ÄPFEL/Öl"]
    assert await names(graphql, "ẞ") == ["ẞ"]
    assert await names(graphql, "x") == ["aXb"]


async def test_names_sort_by_code_point(graphql: GraphQL) -> None:
    for name in ("b", "B", "a", "é", "Z", "_", "10", "9"):
        await made(graphql, name)
    assert await names(graphql, None) == ["10", "9", "B", "Default", "Z", "_", "a", "b", "é"]


@pytest.mark.parametrize("name", ["", " ", "a\0b", "n" * 501])
async def test_bad_names(graphql: GraphQL, name: str) -> None:
    refused = await graphql.refused(CREATE, input={"name": name})
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "name")


async def test_keys_of_an_experiment(graphql: GraphQL) -> None:
    for number in range(3):
        await graphql(
            "mutation($input: CreateRunInput!) { createRun(input: $input) { id } }",
            input={
                "experimentName": "e",
                "tags": [{"key": key, "value": ""} for key in ("t", f"t{number}")],
                "params": [{"key": key, "value": ""} for key in ("100%", f"p_{number}", "pX0")],
            },
        )
    document = """query($search: String, $after: String) { experiment(name: "e") {
      tagKeys { nodes } metricKeys { nodes }
      paramKeys(first: 2, search: $search, after: $after) {
        nodes pageInfo { hasNextPage endCursor } } } }"""
    found: list[str] = []
    after = None
    while True:
        page = (await graphql(document, after=after))["experiment"]
        found += page["paramKeys"]["nodes"]
        after = page["paramKeys"]["pageInfo"]["endCursor"]
        if not page["paramKeys"]["pageInfo"]["hasNextPage"]:
            break
    assert found == ["100%", "pX0", "p_0", "p_1", "p_2"]
    assert page["tagKeys"]["nodes"] == ["t", "t0", "t1", "t2"]
    assert page["metricKeys"]["nodes"] == []
    page = (await graphql(document, search="p_"))["experiment"]["paramKeys"]
    assert page["nodes"] == ["p_0", "p_1"]


async def test_which_one(graphql: GraphQL) -> None:
    assert (await graphql('{ experiment(id: "nope") { id } }'))["experiment"] is None
    assert (await graphql('{ experiment(name: "nope") { id } }'))["experiment"] is None
    assert (await graphql.refused("{ experiment { id } }"))["code"] == "INVALID_INPUT"
