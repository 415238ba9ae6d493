"""Sixty-four writers at once, over HTTP to a real server: no error, no loss, on both databases."""

import asyncio

import httpx

from scripts.process import Server
from tests.client import GraphQL

CREATE = "mutation { createRun(input: {}) { id } }"
APPEND = "mutation($input: AppendMetricsInput!) { appendMetrics(input: $input) { nextRecord } }"
PARAMS = "mutation($input: LogParamsInput!) { logParams(input: $input) { nextRecord } }"
BEAT = "mutation($ids: [ID!]!) { heartbeat(input: {runIds: $ids}) { time } }"
FINISH = "mutation($id: ID!) { finishRun(input: {id: $id}) { id } }"
COUNTS = "query($ids: [ID!]!) { runsByIds(ids: $ids) { metrics { nodes { key count } } } }"
HISTORIES = """query($ids: [ID!]!, $keys: [String!]!) {
  metricHistories(runIds: $ids, keys: $keys) { key values } }"""

WRITERS, BATCHES, ROWS, RUNS = 64, 12, 5, 8


async def write(graphql: GraphQL, number: int, run_id: str, ids: list[str]) -> None:
    """A process's log: a param, then batches of a series of its own and of one that all share."""
    writer = f"w{number}"

    def at(first: int, count: int) -> dict[str, object]:
        return {"runId": run_id, "journal": {"writer": writer, "first": first, "count": count}}

    await graphql(PARAMS, input={**at(0, 1), "params": [{"key": writer, "value": "1"}]})
    for batch in range(BATCHES):
        steps = list(range(batch * ROWS, (batch + 1) * ROWS))
        values = [value for step in steps for value in (step, number)]
        table = {"keys": [writer, "shared"], "steps": steps, "times": steps, "values": values}
        answer = await graphql(APPEND, input={**at(1 + batch * ROWS, ROWS), "tables": [table]})
        assert answer["appendMetrics"]["nextRecord"] == 1 + (batch + 1) * ROWS
        if batch % 4 == number % 4:
            await graphql(BEAT, ids=ids if number % 2 else ids[::-1])


async def test_sixty_four_writers(any_server: Server) -> None:
    limits = httpx.Limits(max_connections=WRITERS)
    async with httpx.AsyncClient(base_url=any_server.url, limits=limits, timeout=120) as http:
        graphql = GraphQL(http)
        ids = [(await graphql(CREATE))["createRun"]["id"] for _ in range(RUNS)]
        async with asyncio.TaskGroup() as tasks:
            for number in range(WRITERS):
                tasks.create_task(write(graphql, number, ids[number % RUNS], ids))
        for run_id in ids[::2]:
            await graphql(FINISH, id=run_id)
        each = WRITERS // RUNS
        for run in (await graphql(COUNTS, ids=ids))["runsByIds"]:
            found = {metric["key"]: metric["count"] for metric in run["metrics"]["nodes"]}
            assert found.pop("shared") == each * BATCHES * ROWS
            assert list(found.values()) == [BATCHES * ROWS] * each
        keys = [f"w{number}" for number in range(WRITERS)]
        histories = (await graphql(HISTORIES, ids=ids, keys=keys))["metricHistories"]
        assert sorted(history["key"] for history in histories) == sorted(keys)
        assert all(history["values"] == list(range(BATCHES * ROWS)) for history in histories)
        histories = (await graphql(HISTORIES, ids=ids, keys=["shared"]))["metricHistories"]
        for place, history in enumerate(histories):
            counts = {value: history["values"].count(value) for value in history["values"]}
            writers = range(place, WRITERS, RUNS)
            assert counts == dict.fromkeys(writers, BATCHES * ROWS)
