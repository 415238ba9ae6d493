"""Datasets as inputs of runs over GraphQL on both databases."""

from typing import Any

import pytest

from tests.client import GraphQL

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id experimentId } }"
EXPERIMENT = "mutation($name: String!) { createExperiment(input: {name: $name}) { id } }"
DELETE = "mutation($id: ID!) { deleteRun(input: {id: $id}) { id } }"
FACTS = "experimentId name digest sourceType source schema profile"
USED = f"dataset {{ {FACTS} }} context tags {{ key value }}"
LOG = (
    f"mutation($input: LogInputsInput!) {{ logInputs(input: $input) {{ datasets {{ {USED} }} }} }}"
)
RUN = f"query($id: ID!) {{ run(id: $id) {{ datasets {{ {USED} }} }} }}"
LIST = """query($experiments: [ID!], $search: String, $first: Int! = 100, $after: String) {
  datasets(experimentIds: $experiments, search: $search, first: $first, after: $after) {
    nodes { experimentId name digest runCount runs(first: 2) { nodes { id } totalCount } }
    totalCount pageInfo { hasNextPage endCursor } } }"""
ONE = f"""query($experiment: ID!, $name: String!, $digest: String!) {{
  dataset(experimentId: $experiment, name: $name, digest: $digest) {{ {FACTS} createdAt runCount }}
}}"""
FOUND = "query($filter: String) { runs(filter: $filter) { nodes { id } } }"

IRIS: dict[str, Any] = {
    "name": "iris ☃",
    "digest": "d1",
    "sourceType": "local",
    "source": '{"uri": "iris.csv"}',
    "schema": '{"mlflow_colspec": []}  ',
    "profile": '{"num_rows": 150, "num_elements": 600}',
    "context": "training",
    "tags": [{"key": "b", "value": "2"}, {"key": "a", "value": "ü"}],
}


async def new_run(graphql: GraphQL, **given: Any) -> str:
    return str((await graphql(CREATE, input=given))["createRun"]["id"])


async def log(graphql: GraphQL, run_id: str, *datasets: dict[str, Any]) -> list[dict[str, Any]]:
    given = {"runId": run_id, "datasets": list(datasets)}
    found: list[dict[str, Any]] = (await graphql(LOG, input=given))["logInputs"]["datasets"]
    return found


async def of(graphql: GraphQL, run_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await graphql(RUN, id=run_id))["run"]["datasets"]
    return found


async def test_a_dataset_is_kept_as_it_was_told(graphql: GraphQL) -> None:
    run_id = await new_run(graphql)
    logged = await log(graphql, run_id, IRIS, {"name": "bare", "digest": "x"})
    facts = {key: IRIS[key] for key in FACTS.split() if key != "experimentId"}
    assert logged == [
        {
            "dataset": {"experimentId": "0", **facts},
            "context": "training",
            "tags": [{"key": "a", "value": "ü"}, {"key": "b", "value": "2"}],
        },
        {
            "dataset": {
                "experimentId": "0",
                "name": "bare",
                "digest": "x",
                "sourceType": "",
                "source": "",
                "schema": None,
                "profile": None,
            },
            "context": "",
            "tags": [],
        },
    ]
    assert await of(graphql, run_id) == logged


async def test_logging_again_changes_nothing(graphql: GraphQL) -> None:
    run_id, other = await new_run(graphql), await new_run(graphql)
    first = await log(graphql, run_id, IRIS, IRIS)
    assert len(first) == 1
    told = {**IRIS, "schema": "other", "profile": None, "tags": []}
    assert await log(graphql, run_id, told) == first
    # The first facts stay for every run of the experiment; a use in another context is another.
    [again] = await log(graphql, other, told)
    assert again == {**first[0], "tags": []}
    both = await log(graphql, run_id, {**IRIS, "context": "eval"}, {**IRIS, "digest": "d2"})
    assert [(each["dataset"]["digest"], each["context"]) for each in both] == [
        ("d1", "training"),
        ("d1", "eval"),
        ("d2", "training"),
    ]
    assert await log(graphql, run_id) == both


async def test_filters_find_runs_by_what_they_used(graphql: GraphQL) -> None:
    a, b, c = [await new_run(graphql, name=name) for name in "abc"]
    await log(graphql, a, IRIS)
    await log(graphql, b, {**IRIS, "digest": "d2", "context": "eval"})
    for text, found in (
        ("datasets.name = 'iris ☃'", {a, b}),
        ("datasets.digest = 'd2'", {b}),
        ("datasets.context = 'training'", {a}),
        ("datasets.name LIKE 'iris%' AND datasets.context != 'eval'", {a}),
        ("NOT datasets.name = 'iris ☃'", {c}),
    ):
        nodes = (await graphql(FOUND, filter=text))["runs"]["nodes"]
        assert {each["id"] for each in nodes} == found, text


async def test_datasets_are_listed_with_the_runs_that_used_them(graphql: GraphQL) -> None:
    other = (await graphql(EXPERIMENT, name="other"))["createExperiment"]["id"]
    ids = [await new_run(graphql) for _ in range(4)]
    elsewhere = await new_run(graphql, experimentId=other)
    for run_id in ids:
        await log(graphql, run_id, IRIS, {**IRIS, "context": "eval"})
    await log(graphql, ids[0], {"name": "a", "digest": "1"}, {"name": "a", "digest": "0"})
    await log(graphql, elsewhere, IRIS)
    await graphql(DELETE, id=ids[1])

    async def names(**given: Any) -> list[tuple[str, str, str]]:
        nodes = (await graphql(LIST, **given))["datasets"]["nodes"]
        return [(each["experimentId"], each["name"], each["digest"]) for each in nodes]

    iris = ("iris ☃", "d1")
    all_of_them = [("0", "a", "0"), ("0", "a", "1"), *sorted([("0", *iris), (other, *iris)])]
    assert await names() == all_of_them
    assert await names(experiments=[other]) == [(other, *iris)]
    assert await names(experiments=["0"], search="IRI") == [("0", *iris)]
    [shown] = (await graphql(LIST, experiments=["0"], search="iris"))["datasets"]["nodes"]
    assert shown["runCount"] == 3
    assert shown["runs"] == {"nodes": [{"id": ids[3]}, {"id": ids[2]}], "totalCount": 3}
    found: list[tuple[str, str, str]] = []
    after = None
    while True:
        page = (await graphql(LIST, first=1, after=after))["datasets"]
        assert page["totalCount"] == 4
        found += [(e["experimentId"], e["name"], e["digest"]) for e in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == all_of_them
    which = {"experiment": "0", "name": "iris ☃", "digest": "d1"}
    one = (await graphql(ONE, **which))["dataset"]
    assert (one["profile"], one["runCount"]) == (IRIS["profile"], 3)
    assert (await graphql(ONE, **{**which, "digest": "nope"}))["dataset"] is None


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 501}, "name"),
        ({"digest": ""}, "digest"),
        ({"digest": "x" * 65}, "digest"),
        ({"source": "x" * 65_536}, "source"),
        ({"source": "a\0b"}, "source"),
        ({"schema": "x" * 1_048_576}, "schema"),
        ({"profile": "x" * 16_777_216}, "profile"),
        ({"context": "x" * 501}, "context"),
        ({"tags": [{"key": "", "value": "x"}]}, "tags"),
        ({"tags": [{"key": "a", "value": "x" * 501}]}, "tags"),
    ],
)
async def test_what_does_not_fit_is_refused(
    graphql: GraphQL, changed: dict[str, Any], argument: str
) -> None:
    run_id = await new_run(graphql)
    given = {"runId": run_id, "datasets": [IRIS, {**IRIS, **changed}]}
    refused = await graphql.refused(LOG, input=given)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", f"datasets[1].{argument}")
    assert await of(graphql, run_id) == []


async def test_the_longest_facts_fit(graphql: GraphQL) -> None:
    given = {
        "name": "☃" * 500,
        "digest": "x" * 64,
        "source": "x" * 65_535,
        "schema": "x" * 1_048_575,
        "profile": "x" * 16_777_215,
    }
    [used] = await log(graphql, await new_run(graphql), given)
    assert {key: used["dataset"][key] for key in given} == given


async def test_runs_that_can_not_be_logged_to(graphql: GraphQL) -> None:
    run_id = await new_run(graphql)
    await graphql(DELETE, id=run_id)
    given = {"runId": run_id, "datasets": [IRIS]}
    assert (await graphql.refused(LOG, input=given))["code"] == "RUN_DELETED"
    assert (await graphql.refused(LOG, input={**given, "runId": "nope"}))["code"] == "NOT_FOUND"
    given = {"runId": await new_run(graphql), "datasets": [IRIS] * 101}
    assert (await graphql.refused(LOG, input=given))["argument"] == "datasets"


async def test_a_run_has_a_bounded_number_of_datasets(graphql: GraphQL) -> None:
    run_id = await new_run(graphql)
    for part in range(10):
        some = [{"name": f"{part}", "digest": f"{number}"} for number in range(100)]
        await log(graphql, run_id, *some)
    given = {"runId": run_id, "datasets": [IRIS]}
    refused = await graphql.refused(LOG, input=given)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "datasets")
    assert len(await log(graphql, run_id, {"name": "3", "digest": "7"})) == 1_000
