"""What surrounds runs, over GraphQL on both databases."""

from typing import Any

from tests.client import GraphQL

CREATE = 'mutation { createRun(input: {name: "a"}) { id } }'
LOG = "mutation($input: LogRunFactsInput!) { logRunFacts(input: $input) { runId } }"
SOURCE = """commit branch remote dirty diffPath untrackedPath snapshotPath entryPoint arguments
  workingFolder notebook notes"""
ENVIRONMENT = """python implementation platform cpu cpuCount memory gpus { name memory driver }
  hostname packages { name version } variables { name value } lockPath"""
RUN = f"""query($id: ID!) {{ run(id: $id) {{ source {{ {SOURCE} }} environment {{ {ENVIRONMENT} }}
  failure {{ kind message traceback time }} }} }}"""

A_SOURCE: dict[str, Any] = {
    "commit": "c" * 40,
    "branch": "main",
    "remote": "https://example.org/a.git",
    "dirty": True,
    "diffPath": "trackql/diff.patch",
    "untrackedPath": "trackql/untracked.zip",
    "snapshotPath": None,
    "entryPoint": "python -m train",
    "arguments": ["--lr", "ü ☃ 🚀", ""],
    "workingFolder": "/home/me",
    "notebook": None,
    "notes": ["the diff is too large"],
}
AN_ENVIRONMENT: dict[str, Any] = {
    "python": "3.11.7",
    "implementation": "CPython",
    "platform": "Linux",
    "cpu": "a processor",
    "cpuCount": 64,
    "memory": 2**40,
    "gpus": [{"name": "a card", "memory": 80 * 2**30, "driver": "550"}],
    "hostname": "node1",
    "packages": [{"name": "numpy", "version": "2.0"}, {"name": "a", "version": "1+local"}],
    "variables": [{"name": "RANK", "value": "0"}],
    "lockPath": "trackql/requirements.txt",
}
A_FAILURE = {"kind": "ValueError", "message": "no", "traceback": "Traceback …\n", "time": 2**41}


async def begun(graphql: GraphQL) -> str:
    return str((await graphql(CREATE))["createRun"]["id"])


async def found(graphql: GraphQL, run: str) -> dict[str, Any]:
    facts: dict[str, Any] = (await graphql(RUN, id=run))["run"]
    return facts


async def test_facts_are_kept_and_replaced_by_kind(graphql: GraphQL) -> None:
    run = await begun(graphql)
    assert await found(graphql, run) == {"source": None, "environment": None, "failure": None}
    for _ in range(2):  # sending again changes nothing
        await graphql(LOG, input={"runId": run, "source": A_SOURCE, "environment": AN_ENVIRONMENT})
        assert await found(graphql, run) == {
            "source": A_SOURCE,
            "environment": AN_ENVIRONMENT,
            "failure": None,
        }
    await graphql(LOG, input={"runId": run, "failure": A_FAILURE, "source": {"entryPoint": "b"}})
    facts = await found(graphql, run)
    assert facts["failure"] == A_FAILURE
    assert facts["source"]["entryPoint"] == "b"
    assert facts["source"]["commit"] is None
    assert facts["environment"] == AN_ENVIRONMENT


async def test_facts_of_many_runs_at_once(graphql: GraphQL) -> None:
    names = []
    for number in range(3):
        run = await begun(graphql)
        names.append(f"{number}.py")
        await graphql(LOG, input={"runId": run, "source": {"entryPoint": names[-1]}})
    await begun(graphql)
    document = '{ runs(experimentIds: ["0"]) { nodes { source { entryPoint } } } }'
    nodes = (await graphql(document))["runs"]["nodes"]
    assert [node["source"] and node["source"]["entryPoint"] for node in nodes] == [
        None,
        *reversed(names),
    ]


async def test_what_can_not_be_kept_is_refused(graphql: GraphQL) -> None:
    run = await begun(graphql)
    for given, argument in (
        ({"source": {"entryPoint": "a\0b"}}, "source"),
        ({"source": {"arguments": ["x" * 999_999] * 3}}, "source"),
        ({"source": {"arguments": [""] * 10_001}}, "source"),
        ({"environment": {"packages": [{"name": "a", "version": "1"}] * 20_001}}, "environment"),
        ({"environment": {"variables": [{"name": "a", "value": "\0"}]}}, "environment"),
        ({"failure": {**A_FAILURE, "traceback": "é" * 131_073}}, "failure"),
    ):
        refused = await graphql.refused(LOG, input={"runId": run, **given})
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)
    assert (await graphql.refused(LOG, input={"runId": run}))["code"] == "INVALID_INPUT"
    unknown = {"runId": "f" * 32, "failure": A_FAILURE}
    assert (await graphql.refused(LOG, input=unknown))["code"] == "NOT_FOUND"
    assert (await found(graphql, run))["source"] is None
    largest = {**A_FAILURE, "traceback": "é" * 131_072}
    await graphql(LOG, input={"runId": run, "failure": largest})
    assert (await found(graphql, run))["failure"] == largest
