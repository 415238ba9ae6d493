"""Finding artifacts over GraphQL: in folders, by text, over many runs, in the trash."""

from typing import Any

import pytest

from tests.client import GraphQL

CREATE = (
    "mutation($name: String!) { createRun(input: {experimentName: $name}) { id experimentId } }"
)
REFER = """mutation($input: LogArtifactReferencesInput!) {
  logArtifactReferences(input: $input) { id path } }"""
DELETE = "mutation($input: DeleteArtifactsInput!) { deleteArtifacts(input: $input) { files } }"
DELETE_RUN = "mutation($id: ID!) { deleteRun(input: {id: $id}) { id } }"
FIELDS = "id runId path name folder isFolder files size mediaType uri url createdAt trashedAt"
ALL = f"""query(
  $experiments: [ID!], $search: String, $types: [String!], $first: Int!, $after: String
) {{
  artifacts(experimentIds: $experiments, search: $search, mediaTypes: $types, first: $first,
            after: $after) {{ nodes {{ {FIELDS} }} pageInfo {{ hasNextPage endCursor }} }}
}}"""
INSIDE = f"""query(
  $run: ID!, $folder: String! = "", $search: String, $first: Int! = 100, $after: String
) {{
  run(id: $run) {{ artifacts(folder: $folder, search: $search, first: $first, after: $after) {{
    nodes {{ {FIELDS} }} totalCount pageInfo {{ hasNextPage endCursor }} }} }}
}}"""
TRASH = f"""query($run: ID!, $first: Int!, $after: String) {{ run(id: $run) {{
  trashedArtifacts(first: $first, after: $after) {{
    nodes {{ {FIELDS} }} totalCount pageInfo {{ hasNextPage endCursor }} }} }} }}"""


async def begun(graphql: GraphQL, experiment: str = "one") -> dict[str, str]:
    made: dict[str, str] = (await graphql(CREATE, name=experiment))["createRun"]
    return made


async def refer(graphql: GraphQL, run: str, *paths: str, **fields: Any) -> None:
    references = [{"path": path, "uri": "s3://b/k", "size": 1, **fields} for path in paths]
    await graphql(REFER, input={"runId": run, "references": references})


async def walked(
    graphql: GraphQL, document: str, *place: str, first: int, **variables: Any
) -> list[dict[str, Any]]:
    """All nodes of a list, page by page."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page: Any = await graphql(document, first=first, after=after, **variables)
        for name in place:
            page = page[name]
        assert len(page["nodes"]) <= first
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            assert page.get("totalCount", len(found)) == len(found)
            return found
        after = page["pageInfo"]["endCursor"]
        assert after is not None


async def test_artifacts_of_many_runs(graphql: GraphQL) -> None:
    one, two, gone = await begun(graphql), await begun(graphql, "two"), await begun(graphql)
    await refer(graphql, one["id"], "model/a.onnx", "b.csv")
    await refer(graphql, two["id"], "c.csv", "d.txt")
    await refer(graphql, gone["id"], "e.csv")
    await graphql(DELETE_RUN, id=gone["id"])
    await graphql(DELETE, input={"runId": two["id"], "paths": ["d.txt"]})

    async def found(**variables: Any) -> list[str]:
        nodes = await walked(graphql, ALL, "artifacts", first=1, **variables)
        assert all(node["runId"] in (one["id"], two["id"]) for node in nodes)
        return [node["path"] for node in nodes]

    assert await found() == ["c.csv", "b.csv", "model/a.onnx"]
    assert await found(experiments=[one["experimentId"]]) == ["b.csv", "model/a.onnx"]
    assert await found(experiments=[]) == []
    assert await found(search="CSV") == ["c.csv", "b.csv"]
    assert await found(types=["text/csv"]) == ["c.csv", "b.csv"]
    assert await found(types=["text/csv"], search="b") == ["b.csv"]
    assert await found(types=[]) == []
    refused = await graphql.refused(ALL, first=1, after="bad")
    assert refused["code"] == "INVALID_INPUT"


async def test_the_trash_by_the_page(graphql: GraphQL) -> None:
    run = (await begun(graphql))["id"]
    paths = [f"d/{n}" for n in range(5)]
    await refer(graphql, run, *paths)
    await graphql(DELETE, input={"runId": run, "paths": ["d"]})
    await refer(graphql, run, "d/1")  # a path is free again at once
    await graphql(DELETE, input={"runId": run, "paths": ["d"]})
    for first in (1, 2, 100):
        nodes = await walked(graphql, TRASH, "run", "trashedArtifacts", first=first, run=run)
        assert sorted(node["path"] for node in nodes) == sorted([*paths, "d/1"])
        assert len({node["id"] for node in nodes}) == 6
        assert all(node["trashedAt"] and node["url"] is None for node in nodes)


async def test_what_is_not_there(graphql: GraphQL) -> None:
    run = (await begun(graphql))["id"]
    nothing = (await graphql(INSIDE, run=run, folder="none"))["run"]["artifacts"]
    assert (nothing["nodes"], nothing["totalCount"]) == ([], 0)
    for change in ({"paths": ["none"]}, {"paths": ["a", "none/x"]}):
        refused = await graphql.refused(DELETE, input={"runId": run, **change})
        assert refused["code"] == "NOT_FOUND"
    for paths in ([], ["a"] * 1001):
        refused = await graphql.refused(DELETE, input={"runId": run, "paths": paths})
        assert refused["code"] == "INVALID_INPUT"
    refused = await graphql.refused(DELETE, input={"runId": "0" * 32, "paths": ["a"]})
    assert refused["code"] == "NOT_FOUND"
    await graphql(DELETE_RUN, id=run)
    logged = {"runId": run, "references": [{"path": "a", "uri": "s3://b/k"}]}
    assert (await graphql.refused(REFER, input=logged))["code"] == "RUN_DELETED"


@pytest.mark.parametrize("text", ["%", "_", "A", "é", "É", "\\", "'", "a/"])
async def test_search_takes_texts_as_they_are(graphql: GraphQL, text: str) -> None:
    run = (await begun(graphql))["id"]
    paths = ["a/100%.txt", "a/x_y", "b/É", "b/é", "c'd", "plain", "aa"]
    await refer(graphql, run, *paths)
    nodes = await walked(graphql, INSIDE, "run", "artifacts", first=2, run=run, search=text)

    def folded(given: str) -> str:  # as the databases do it: ASCII alone
        return "".join(each.lower() if each.isascii() else each for each in given)

    assert [node["path"] for node in nodes] == sorted(
        path for path in paths if folded(text) in folded(path)
    )


async def test_pages_of_folders_in_the_order_of_code_points(graphql: GraphQL) -> None:
    run = (await begun(graphql))["id"]
    names = ["a", "b", "a b", "a-", "a.", "a0", "A", "é", "\U0001f680", "\uffff", "z"]
    await refer(graphql, run, *(f"{name}/x" for name in names), *(f"{name}.f" for name in names))
    wanted = [*sorted(names), *sorted(f"{name}.f" for name in names)]
    for first in (1, 3, 10, 11, 12, 21, 22, 23):
        nodes = await walked(graphql, INSIDE, "run", "artifacts", first=first, run=run)
        assert [node["name"] for node in nodes] == wanted
    for bad in ("x", "W10", "WzAsMV0"):
        refused = await graphql.refused(INSIDE, run=run, after=bad)
        assert refused["code"] == "INVALID_INPUT"
