"""A page that is kept up to date equals the page that would be found anew."""

import asyncio
import random
from contextlib import aclosing

import numpy as np
import pytest

from trackql_server.domain import found, metrics, records, runs, search
from trackql_server.domain.context import Services
from trackql_server.domain.metrics import Rows
from trackql_server.domain.pages import page
from trackql_server.domain.search import Question, Where
from trackql_server.errors import RunDeleted
from trackql_server.filters.parse import parse
from trackql_server.models import Lifecycle, RunStatus

QUESTIONS = {
    "newest": ("", ()),
    "metric": ("metrics.acc > 0.3", ("metrics.acc DESC",)),
    "tag": ("tags.t != 'b' OR status = 'FAILED'", ("tags.t ASC", "name DESC")),
    "relation": ("parent.tags.t = 'a'", ()),
}


async def changed(services: Services, chance: random.Random, ids: list[str]) -> None:
    """Something happens to some run, or a new one comes."""
    ctx = services.context()
    kind = chance.randrange(7) if len(ids) > 3 else 0
    run_id = chance.choice(ids) if ids else ""
    if kind <= 1:
        parent = chance.choice(ids) if ids and chance.random() < 0.5 else None
        name = f"run {chance.randrange(5)}"
        run = await runs.create(
            ctx, runs.NewRun(experiment_id="0", name=name, parent_run_id=parent)
        )
        ids.append(run.id)
    elif kind == 2:
        value = chance.choice([0.1, 0.5, 0.5, 0.9, float("nan")])
        point = np.array([chance.randrange(10**6)]), np.array([1]), np.array([value])
        try:
            await metrics.append(ctx, run_id, [Rows(["acc"], *point)], None)
        except RunDeleted:
            return
    elif kind == 3:
        try:
            await records.set_tags(ctx, run_id, [("t", chance.choice("abc"))], None)
        except RunDeleted:
            return
    elif kind == 4:
        lifecycle = chance.choice([Lifecycle.ACTIVE, Lifecycle.ACTIVE, Lifecycle.DELETED])
        await runs.set_lifecycle(ctx, run_id, lifecycle)
    elif kind == 5:
        try:
            await runs.finish(ctx, run_id, chance.choice([RunStatus.FINISHED, RunStatus.FAILED]))
        except RunDeleted:
            return
    else:
        await runs.update(ctx, run_id, f"run {chance.randrange(5)}", None)


@pytest.mark.parametrize("name", list(QUESTIONS))
@pytest.mark.parametrize("first", [3, 50])
async def test_a_followed_page_is_the_page_found_anew(
    services: Services, name: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "PAUSE", 0.01)
    monkeypatch.setattr(found, "AGAIN", 0.05)
    text, orders = QUESTIONS[name]
    where = Where(["0"], None, Lifecycle.ACTIVE, parse(text))
    question = Question(where, search.orders(orders))
    ctx, chance, ids = services.context(), random.Random(name), list[str]()
    for _ in range(10):
        await changed(services, chance, ids)
    shown: list[str] = []
    held: set[str] = set()
    more = False

    async def listen() -> None:
        nonlocal shown, more
        async with aclosing(found.follow(ctx, question, first)) as events:
            async for event in events:
                held.difference_update(event.left)
                entered = {run.id for run in event.entered}
                assert not entered & held
                held.update(entered)
                assert {run.id for run in event.changed} <= held
                assert set(event.ids) == held
                assert len(event.ids) == len(held)
                shown, more = list(event.ids), event.has_next

    listening = asyncio.create_task(listen())
    for _ in range(12):
        for _ in range(chance.randrange(1, 6)):
            await changed(services, chance, ids)
        wanted = await search.page(ctx, question, page(first, None))
        expected = [run.id for run in wanted.rows]
        async with asyncio.timeout(10):
            while shown != expected or more != wanted.has_next:
                await asyncio.sleep(0.01)
                if listening.done():
                    listening.result()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
