"""Saved views over GraphQL on both databases."""

from typing import Any

from tests.client import GraphQL

VIEW = "id name experimentId description state createdAt updatedAt"
SAVE = f"mutation($input: SaveViewInput!) {{ saveView(input: $input) {{ {VIEW} }} }}"
DELETE = "mutation($id: ID!) { deleteView(input: {id: $id}) { id } }"
ONE = f"query($id: ID!) {{ savedView(id: $id) {{ {VIEW} }} }}"
LIST = """query($experiment: ID, $first: Int! = 100, $after: String) {
  savedViews(experimentId: $experiment, first: $first, after: $after) {
    nodes { id name } totalCount pageInfo { hasNextPage endCursor } } }"""

STATE: dict[str, Any] = {
    "filter": "metrics.loss < 1 AND user = 'ü ☃ 🚀'",
    "columns": [{"field": "params.lr", "width": 120.5, "pinned": True}, None],
    "nested": {"": [], "a\u0000b": {"z": 1, "a": -0.0}, "big": 2**53 + 1},
}


async def saved(graphql: GraphQL, **given: Any) -> dict[str, Any]:
    view: dict[str, Any] = (await graphql(SAVE, input={"state": {}} | given))["saveView"]
    return view


async def names(graphql: GraphQL, **given: Any) -> list[str]:
    return [each["name"] for each in (await graphql(LIST, **given))["savedViews"]["nodes"]]


async def test_a_view_is_kept_as_it_was_given(graphql: GraphQL) -> None:
    for state in (STATE, [], {}, "text", 0, False, 1.5, [None]):
        view = await saved(graphql, name="Mine ☃", description="# hi", state=state)
        assert (await graphql(ONE, id=view["id"]))["savedView"] == view
        assert (view["name"], view["description"], view["state"]) == ("Mine ☃", "# hi", state)
        assert view["experimentId"] is None
        assert view["createdAt"] == view["updatedAt"]
    assert (await graphql(ONE, id="nope"))["savedView"] is None


async def test_a_view_changes_and_goes(graphql: GraphQL) -> None:
    view = await saved(graphql, name="a", experimentId="0", state=STATE)
    changed = await saved(graphql, id=view["id"], name="b", description="d", state=[1])
    assert (changed["id"], changed["createdAt"]) == (view["id"], view["createdAt"])
    assert (changed["name"], changed["state"], changed["experimentId"]) == ("b", [1], None)
    assert changed["updatedAt"] >= view["updatedAt"]
    assert (await graphql(ONE, id=view["id"]))["savedView"] == changed
    assert (await graphql(DELETE, id=view["id"]))["deleteView"] == {"id": view["id"]}
    assert (await graphql(ONE, id=view["id"]))["savedView"] is None
    for document, given in ((DELETE, {"id": view["id"]}), (SAVE, {"input": view_input(view)})):
        assert (await graphql.refused(document, **given))["code"] == "NOT_FOUND"


def view_input(view: dict[str, Any]) -> dict[str, Any]:
    return {"id": view["id"], "name": view["name"], "state": view["state"]}


async def test_views_are_listed_by_name_and_experiment(graphql: GraphQL) -> None:
    for name in ("b", "a", "é", "B", "a", "☃"):
        await saved(graphql, name=name, experimentId="0")
    await saved(graphql, name="of none")
    assert await names(graphql, experiment="0") == ["B", "a", "a", "b", "é", "☃"]
    assert await names(graphql) == ["of none"]
    assert await names(graphql, experiment="nope") == []
    found: list[str] = []
    after = None
    while True:
        page = (await graphql(LIST, experiment="0", first=2, after=after))["savedViews"]
        assert page["totalCount"] == 6
        found += [each["id"] for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(found) == len(set(found)) == 6
    refused = await graphql.refused(LIST, after="nonsense")
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "after")


async def test_what_can_not_be_saved_is_refused(graphql: GraphQL) -> None:
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    for given, argument in (
        ({"name": " "}, "name"),
        ({"name": "x" * 501}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"description": "x" * 1_000_001}, "description"),
        ({"description": "\0"}, "description"),
        ({"state": "x" * 200_000}, "state"),
        ({"state": deep}, "state"),
    ):
        refused = await graphql.refused(SAVE, input={"name": "a", "state": {}} | given)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)
    await saved(graphql, name="x", state="x" * 199_998)
    refused = await graphql.refused(SAVE, input={"name": "a", "state": 1, "experimentId": "nope"})
    assert refused["code"] == "NOT_FOUND"
    assert await names(graphql) == ["x"]


async def test_states_that_are_written_into_the_document(graphql: GraphQL) -> None:
    document = 'mutation { saveView(input: {name: "a", state: %s}) { state } }'
    kept = await graphql(document % '{a: [1, -2.5, "x", true, null, {b: []}], c: 9007199254740993}')
    assert kept["saveView"]["state"] == {
        "a": [1, -2.5, "x", True, None, {"b": []}], "c": 9007199254740993,
    }  # fmt: skip
    refused = await graphql.refused(document % "{a: 1180591620717411303424}")
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "state")
    refused = await graphql.refused(document % "null")
    assert refused["code"] == "GRAPHQL_VALIDATION_FAILED"
