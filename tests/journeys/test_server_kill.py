"""The server is killed again and again while clients log: what it stored is what was logged."""

import asyncio
import random

import httpx
import pytest

from scripts.process import Server
from tests.client import GraphQL

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id } }"
APPEND = "mutation($input: AppendMetricsInput!) { appendMetrics(input: $input) { nextRecord } }"
PARAMS = "mutation($input: LogParamsInput!) { logParams(input: $input) { nextRecord } }"
HISTORIES = """query($ids: [ID!]!, $keys: [String!]!) {
  metricHistories(runIds: $ids, keys: $keys, limit: 1000000) { runId key total steps values } }"""

KILLS = 20


class Process:
    """What an SDK does with a journal: send what was not acknowledged, cut anew each time."""

    def __init__(self, url: str, number: int, run_id: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=10)
        self.chance = random.Random(number)
        self.writer = f"w{number}"
        self.run_id = run_id
        self.stored = 0
        self.logged = 0

    def records(self) -> tuple[str, dict[str, object], int]:
        """The next batch: every tenth record is a param, the others one row of two keys."""
        if self.stored % 10 == 0:
            params = [{"key": f"{self.writer} {self.stored}", "value": str(self.stored)}]
            return PARAMS, {"params": params}, 1
        count = min(self.chance.randint(1, 9), 10 - self.stored % 10)
        steps = list(range(self.stored, self.stored + count))
        values = [float(value) for step in steps for value in (step, -step)]
        keys = [self.writer, f"-{self.writer}"]
        table = {"keys": keys, "steps": steps, "times": steps, "values": values}
        return APPEND, {"tables": [table]}, count

    async def log(self, ended: asyncio.Event) -> None:
        while self.stored < self.logged or not ended.is_set():
            document, given, count = self.records()
            journal = {"writer": self.writer, "first": self.stored, "count": count}
            self.logged = max(self.logged, self.stored + count)
            try:
                answer = await GraphQL(self.http)(
                    document, input={"runId": self.run_id, "journal": journal, **given}
                )
            except (httpx.TransportError, ValueError):  # cut off before or within its reply
                await asyncio.sleep(self.chance.random() * 0.05)
                continue
            [result] = answer.values()
            # A batch that was stored, but whose reply was lost, may have been longer.
            assert self.stored + count <= result["nextRecord"] <= self.logged
            self.stored = result["nextRecord"]
        await self.http.aclose()


@pytest.mark.slow
async def test_kill_the_server_while_clients_log(any_server: Server) -> None:
    chance = random.Random(11)
    async with httpx.AsyncClient(base_url=any_server.url) as http:
        graphql = GraphQL(http)
        ids = [(await graphql(CREATE, input={}))["createRun"]["id"] for _ in range(2)]
    processes = [Process(any_server.url, number, ids[number % 2]) for number in range(6)]
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for process in processes:
            tasks.create_task(process.log(ended))
        for _ in range(KILLS):
            before = [process.stored for process in processes]
            while [process.stored for process in processes] == before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await asyncio.sleep(chance.random() * 0.4)
            await asyncio.to_thread(any_server.kill)
            await asyncio.to_thread(any_server.start)
        ended.set()
    keys = [key for process in processes for key in (process.writer, f"-{process.writer}")]
    async with httpx.AsyncClient(base_url=any_server.url, timeout=60) as http:
        found = (await GraphQL(http)(HISTORIES, ids=ids, keys=keys))["metricHistories"]
        params = await GraphQL(http)(
            """query($ids: [ID!]!) {
              runsByIds(ids: $ids) { params { totalCount } problems { code } } }""",
            ids=ids,
        )
    by_key = {each["key"]: each for each in found}
    for process in processes:
        assert process.stored > KILLS
        steps = [number for number in range(process.stored) if number % 10]
        for key, sign in ((process.writer, 1), (f"-{process.writer}", -1)):
            assert by_key[key]["runId"] == process.run_id
            assert by_key[key]["steps"] == steps
            assert by_key[key]["values"] == [sign * step for step in steps]
    for place, run in enumerate(params["runsByIds"]):
        counts = [-(-process.stored // 10) for process in processes[place::2]]
        assert run == {"params": {"totalCount": sum(counts)}, "problems": []}
