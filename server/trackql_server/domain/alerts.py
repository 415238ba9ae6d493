"""Verbs about alerts, whether a script raised them or a standing rule."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Select

from trackql_server.domain import access, words
from trackql_server.domain.events import (
    ALERTS_TOPIC,
    AlertRaised,
    alerts_topic,
    experiment_alerts_topic,
)
from trackql_server.errors import AlreadyExists, InvalidInput, NotFound, RunDeleted
from trackql_server.models import Alert, AlertLevel, Lifecycle, Run
from trackql_server.store import alerts as store
from trackql_server.store import paging
from trackql_server.store import runs as run_store

if TYPE_CHECKING:
    from trackql_server.domain.context import Context, Services

LONGEST_TEXT = 10_000

# Alerts in one event; more come with the next.
EVENT_ALERTS = 200


@dataclass(frozen=True)
class NewAlert:
    """An alert as a script tells it; whoever raises it makes its id."""

    id: str
    title: str
    text: str = ""
    level: AlertLevel = AlertLevel.WARNING
    key: str = ""
    step: int | None = None
    time: datetime | None = None


async def announce(services: "Services", rows: Sequence[Alert]) -> list[Alert]:
    """Keep alerts and tell of them: the one place that all of them pass.

    One with an id that is known is passed over, and nobody hears of it again; those that are new.
    """
    async with services.database.write() as session:
        new = await store.add(session, rows)
    runs: dict[str, str] = {}
    for row in new:
        for topic in (
            ALERTS_TOPIC,
            experiment_alerts_topic(row.experiment_id),
            alerts_topic(row.run_id),
        ):
            services.bus.publish(AlertRaised(topic, row.run_id, row.number))
        runs[row.run_id] = row.experiment_id
    for run_id, experiment_id in runs.items():
        services.run_changed(experiment_id, run_id)
    return new


async def raise_alert(ctx: "Context", run_id: str, new: NewAlert) -> Alert:
    """Raise an alert on a run; sent again it is the same alert.

    Raises InvalidInput, NotFound, RunDeleted, and AlreadyExists when another run has one of the id.
    """
    access.require_write(ctx.viewer)
    words.writer(new.id, "id")
    words.name(new.title, "title")
    words.fitting(new.text, "text", LONGEST_TEXT)
    words.fitting(new.key, "key", words.LONGEST_KEY)
    async with ctx.read() as session:
        run = (await run_store.by_ids(session, [run_id])).get(run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    if run.lifecycle is Lifecycle.DELETED:
        raise RunDeleted(f"run {run_id} is deleted; restore it to log to it")
    row = made(run, new, ctx.now() if new.time is None else words.moment(new.time, "time"))
    if await announce(ctx.services, [row]):
        return row
    async with ctx.read() as session:
        known = await store.by_id(session, new.id)
    if known is None or known.run_id != run_id:
        raise AlreadyExists(f"an alert of another run has the id {new.id}; make up a longer one")
    return known


def made(run: Run, new: NewAlert, at: datetime, rule_id: str = "") -> Alert:
    """An alert as a row."""
    return Alert(
        id=new.id,
        run_number=run.number,
        run_id=run.id,
        experiment_id=run.experiment_id,
        level=new.level,
        title=new.title,
        text=new.text,
        rule_id=rule_id,
        key=new.key,
        step=new.step,
        created_at=at,
    )


@dataclass(frozen=True)
class Which:
    """Alerts of some experiments, of some runs, of some levels; None: of all."""

    experiment_ids: Sequence[str] | None = None
    run_ids: Sequence[str] | None = None
    levels: Sequence[AlertLevel] | None = None


async def listed(ctx: "Context", which: Which, page: paging.Page) -> paging.Paged[Alert]:
    """A page of alerts, newest first."""
    access.require_read(ctx.viewer)
    statement = await _listing(ctx, which)
    async with ctx.read() as session:
        return await store.page(session, statement, page)


async def count(ctx: "Context", which: Which) -> int:
    """How many `listed` has in all."""
    access.require_read(ctx.viewer)
    statement = await _listing(ctx, which)
    async with ctx.read() as session:
        return await paging.count(session, statement)


async def _listing(ctx: "Context", which: Which) -> Select[Alert]:
    words.few(which.experiment_ids or (), "experimentIds")
    words.few(which.run_ids or (), "runIds")
    numbers: list[int] | None = None
    if which.run_ids is not None:
        async with ctx.read() as session:
            found = await run_store.by_ids(session, which.run_ids)
        numbers = [run.number for run in found.values()]
    return store.listing(which.experiment_ids, numbers, which.levels)


async def of_run(ctx: "Context", run: Run, page: paging.Page) -> paging.Paged[Alert]:
    """A page of the alerts of a run, newest first."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.page(session, store.listing(None, [run.number], None), page)


async def count_of_run(ctx: "Context", run: Run) -> int:
    """How many alerts a run has."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await paging.count(session, store.listing(None, [run.number], None))


async def follow(
    ctx: "Context", experiment_ids: Sequence[str] | None, run_ids: Sequence[str] | None
) -> AsyncGenerator[list[Alert], None]:
    """Alerts as they are raised, of these experiments and runs; of all if none is named."""
    access.require_read(ctx.viewer)
    for ids, argument in ((experiment_ids, "experimentIds"), (run_ids, "runIds")):
        if ids is not None and len(ids) > 1_000:
            raise InvalidInput(f"{argument} names more than 1,000", argument=argument)
    topics = [experiment_alerts_topic(each) for each in experiment_ids or ()]
    topics += [alerts_topic(each) for each in run_ids or ()]
    if experiment_ids is None and run_ids is None:
        topics = [ALERTS_TOPIC]
    listener = ctx.services.bus.listen(topics)
    try:
        while not listener.closed:
            news = await listener.wait()
            numbers = sorted({each.number for each in news if isinstance(each, AlertRaised)})
            for begin in range(0, len(numbers), EVENT_ALERTS):
                async with ctx.read() as session:
                    found = await store.by_numbers(session, numbers[begin : begin + EVENT_ALERTS])
                if found:
                    yield found
    finally:
        ctx.services.bus.leave(listener)
