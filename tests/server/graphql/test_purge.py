"""Runs and experiments removed for good over GraphQL."""

from typing import Any

from tests.client import GraphQL

RUNS = """mutation($ids: [ID!]!) { purgeRuns(input: {runIds: $ids}) {
  experiments runs artifacts freedBytes } }"""
EXPERIMENTS = """mutation($ids: [ID!]!) { purgeExperiments(input: {ids: $ids}) {
  experiments runs artifacts freedBytes } }"""
CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id experiment { id } } }"
TRASH = "mutation($ids: [ID!]!) { updateRuns(input: {runIds: $ids, lifecycle: DELETED}) { count } }"
TRASH_EXPERIMENT = "mutation($id: ID!) { deleteExperiment(input: {id: $id}) { id } }"
FOUND = "{ runs(lifecycle: ALL) { nodes { id } totalCount } }"


async def made(graphql: GraphQL, experiment: str = "e", **given: Any) -> tuple[str, str]:
    """The id of a new run and of its experiment."""
    fields = {
        "experimentName": experiment,
        "params": [{"key": "a", "value": "1"}, {"key": "c", "value": "x", "config": {"x": [1, 2]}}],
        "tags": [{"key": "t", "value": "v"}],
    }
    run = (await graphql(CREATE, input=fields | given))["createRun"]
    return run["id"], run["experiment"]["id"]


async def ids(graphql: GraphQL) -> set[str]:
    return {each["id"] for each in (await graphql(FOUND))["runs"]["nodes"]}


async def test_runs_of_the_trash_are_removed(graphql: GraphQL) -> None:
    one, two, three = [(await made(graphql))[0] for _ in range(3)]
    await graphql(TRASH, ids=[one, two])
    purged = (await graphql(RUNS, ids=[one, two, one]))["purgeRuns"]
    assert purged == {"experiments": 0, "runs": 2, "artifacts": 0, "freedBytes": 0}
    assert await ids(graphql) == {three}
    assert (await graphql.refused(RUNS, ids=[one]))["code"] == "NOT_FOUND"
    # The id is free again, and nothing of the old run is left under it.
    again, _ = await made(graphql, id=one, params=[{"key": "a", "value": "2"}])
    assert again == one


async def test_what_is_in_use_is_not_removed_nor_what_was_named_with_it(graphql: GraphQL) -> None:
    trashed, used = [(await made(graphql))[0] for _ in range(2)]
    await graphql(TRASH, ids=[trashed])
    refused = await graphql.refused(RUNS, ids=[trashed, used])
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "runIds")
    assert "delete it first" in refused["message"]
    assert (await graphql.refused(RUNS, ids=[trashed, "f" * 32]))["code"] == "NOT_FOUND"
    assert await ids(graphql) == {trashed, used}
    restore = "mutation($id: ID!) { restoreRun(input: {id: $id}) { lifecycle } }"
    assert (await graphql(restore, id=trashed))["restoreRun"] == {"lifecycle": "ACTIVE"}
    assert (await graphql(RUNS, ids=[]))["purgeRuns"]["runs"] == 0
    many = [f"{number:032x}" for number in range(1_001)]
    assert (await graphql.refused(RUNS, ids=many))["argument"] == "runIds"
    assert (await graphql.refused(EXPERIMENTS, ids=many[:101]))["argument"] == "ids"


async def test_an_experiment_goes_with_its_runs(graphql: GraphQL) -> None:
    (one, experiment), (two, _), (other, _) = [
        await made(graphql, name) for name in ("e", "e", "other")
    ]
    await graphql(TRASH, ids=[one])
    refused = await graphql.refused(EXPERIMENTS, ids=[experiment])
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "ids")
    await graphql(TRASH_EXPERIMENT, id=experiment)
    purged = (await graphql(EXPERIMENTS, ids=[experiment]))["purgeExperiments"]
    assert purged == {"experiments": 1, "runs": 2, "artifacts": 0, "freedBytes": 0}
    assert await ids(graphql) == {other}
    gone = await graphql("query($id: ID!) { experiment(id: $id) { id } }", id=experiment)
    assert gone["experiment"] is None
    _, new = await made(graphql, "e")
    assert new != experiment
    assert two not in await ids(graphql)
