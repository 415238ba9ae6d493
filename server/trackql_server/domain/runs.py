"""Verbs about runs: their life, and finding them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.domain import access, experiments, params, words
from trackql_server.domain.context import Context
from trackql_server.domain.params import ParamSpec
from trackql_server.errors import InvalidInput, NotFound, RunDeleted
from trackql_server.models import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    Experiment,
    Lifecycle,
    Run,
    RunStatus,
)
from trackql_server.store import experiments as experiment_store
from trackql_server.store import paging
from trackql_server.store import requests as request_store
from trackql_server.store import runs as store

# A run keeps this many of its newest problems.
PROBLEMS = 100
LONGEST_MESSAGE = 10_000

ENDED = (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)


@dataclass(frozen=True)
class NewRun:
    """What a new run starts with."""

    id: str | None = None
    experiment_id: str | None = None
    experiment_name: str | None = None
    name: str | None = None
    description: str = ""
    parent_run_id: str | None = None
    start_time: datetime | None = None
    user: str = ""
    source_name: str = ""
    git_commit: str | None = None
    tags: Sequence[tuple[str, str]] = ()
    params: Sequence[ParamSpec] = field(default_factory=tuple)


@dataclass(frozen=True)
class Problem:
    """Something that was logged and then refused."""

    code: str
    message: str
    time: datetime


async def by_ids(ctx: Context, ids: Sequence[str]) -> dict[str, Run]:
    """Runs by id; unknown ids are left out."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.by_ids(session, ids)


async def children(ctx: Context, parent_run_id: str, page: paging.Page) -> paging.Paged[Run]:
    """A page of the runs nested in a run, newest first."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.children(session, parent_run_id, page)


async def count_children(ctx: Context, parent_run_id: str) -> int:
    """How many runs are nested in a run."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await paging.count(session, store.nested(parent_run_id))


def status(ctx: Context, run: Run) -> RunStatus:
    """The status to show: a running run without a heartbeat is STALLED."""
    heard = run.heartbeat_time or run.start_time
    if run.status is RunStatus.RUNNING and heard < ctx.alive_since():
        return RunStatus.STALLED
    return run.status


def duration_ms(ctx: Context, run: Run) -> int:
    """Milliseconds from start to end, up to now while it runs, to the last heartbeat if stalled."""
    if run.end_time is not None:
        return run.duration_ms
    stalled = status(ctx, run) is RunStatus.STALLED
    until = (run.heartbeat_time or run.start_time) if stalled else ctx.now()
    return max(0, (until - run.start_time) // timedelta(milliseconds=1))


async def create(ctx: Context, new: NewRun) -> Run:
    """A new run that is RUNNING; the run itself when one with this id was made before."""
    access.require_write(ctx.viewer)
    run_id = words.run_id(new.id, "id") if new.id is not None else words.fresh_run_id()
    tags = experiments.checked_tags(new.tags)
    rows = params.checked(new.params)
    try:
        async with ctx.write() as work:
            existing = (await store.by_ids(work.session, [run_id])).get(run_id)
            if existing is not None:
                return existing
            experiment = await _experiment(ctx, work.session, new)
            if experiment.lifecycle is Lifecycle.DELETED:
                raise InvalidInput(
                    f"experiment {experiment.name!r} is deleted; restore it first",
                    argument="experimentId",
                )
            run = _fresh(ctx, run_id, experiment.id, new)
            await store.add(work.session, run)
            if tags:
                await store.set_tags(work.session, [run], list(tags.items()))
            await store.add_params(work.session, run, params.prepared(rows))
            work.announce(run)
    except IntegrityError:
        # Another replica made the run or its experiment at the same moment; now it is there.
        async with ctx.read() as session:
            existing = (await store.by_ids(session, [run_id])).get(run_id)
        return existing if existing is not None else await create(ctx, new)
    return run


async def _experiment(ctx: Context, session: AsyncSession, new: NewRun) -> Experiment:
    if new.experiment_id is not None and new.experiment_name is not None:
        raise InvalidInput("give experimentId or experimentName, not both", argument="experimentId")
    if new.experiment_name is not None and new.experiment_name != DEFAULT_EXPERIMENT_NAME:
        return await experiments.named(ctx, session, new.experiment_name)
    wanted = new.experiment_id or DEFAULT_EXPERIMENT_ID
    found = (await experiment_store.by_ids(session, [wanted])).get(wanted)
    if found is None:
        raise NotFound(f"there is no experiment {wanted}; create it, or give experimentName")
    return found


def _fresh(ctx: Context, run_id: str, experiment_id: str, new: NewRun) -> Run:
    now = ctx.now()
    parent = new.parent_run_id
    return Run(
        id=run_id,
        experiment_id=experiment_id,
        name=words.name(new.name, "name") if new.name else words.made_up_name(),
        description=words.description(new.description, "description"),
        status=RunStatus.RUNNING,
        start_time=words.moment(new.start_time, "startTime") if new.start_time else now,
        heartbeat_time=now,
        user=words.value(new.user, "user"),
        source_name=words.value(new.source_name, "sourceName"),
        git_commit=None if new.git_commit is None else words.value(new.git_commit, "gitCommit"),
        parent_run_id=None if parent is None else words.run_id(parent, "parentRunId"),
    )


async def update(ctx: Context, run_id: str, name: str | None, description: str | None) -> Run:
    """Rename or describe a run."""
    access.require_write(ctx.viewer)
    async with ctx.write() as work:
        run = await known(work.session, run_id)
        if name is not None:
            run.name = words.name(name, "name")
        if description is not None:
            run.description = words.description(description, "description")
        work.session.add(run)
        work.announce(run)
    return run


async def finish(
    ctx: Context, run_id: str, status: RunStatus, end_time: datetime | None = None
) -> Run:
    """End a run; its chunks are sealed in the background. Without a time, the first one stays."""
    access.require_write(ctx.viewer)
    given = None if end_time is None else words.moment(end_time, "endTime")
    async with ctx.write() as work:
        run = await active(work.session, run_id)
        run.status = status
        run.end_time = given or run.end_time or ctx.now()
        run.duration_ms = max(0, (run.end_time - run.start_time) // timedelta(milliseconds=1))
        work.session.add(run)
        work.announce(run)
    ctx.services.sealer.ended(run_id)
    return run


async def resume(ctx: Context, run_id: str) -> Run:
    """Let a run go on: RUNNING again, without an end."""
    access.require_write(ctx.viewer)
    async with ctx.write() as work:
        run = await active(work.session, run_id)
        run.status = RunStatus.RUNNING
        run.end_time = None
        run.duration_ms = -1
        run.heartbeat_time = ctx.now()
        # Who asked it to stop meant the script that has ended.
        await request_store.settle_stops(work.session, [run_id])
        work.session.add(run)
        work.announce(run)
    return run


async def set_lifecycle(ctx: Context, run_id: str, lifecycle: Lifecycle) -> Run:
    """Put a run into the trash or take it out again."""
    access.require_write(ctx.viewer)
    async with ctx.write() as work:
        run = await known(work.session, run_id)
        experiments.place(run, lifecycle, ctx.now())
        work.session.add(run)
        work.announce(run)
    return run


async def beat(ctx: Context, run_ids: Sequence[str]) -> datetime:
    """Note that these runs are alive; unknown ones are passed over."""
    access.require_write(ctx.viewer)
    now = ctx.now()
    async with ctx.write() as work:
        for run in await store.beat(work.session, run_ids, now):
            work.announce(run)
    return now


async def report(
    ctx: Context, run_id: str, problems: Sequence[Problem], dropped: int | None, writer: str
) -> Run:
    """Show on a run what was refused, and how many points a writer had to drop so far."""
    access.require_write(ctx.viewer)
    async with ctx.write() as work:
        run = await known(work.session, run_id)
        note(run, problems)
        if dropped is not None:
            if dropped < 0:
                raise InvalidInput("droppedPoints is negative", argument="droppedPoints")
            await store.report_dropped(work.session, run, words.writer(writer, "writer"), dropped)
        work.session.add(run)
        work.announce(run)
    return run


def note(run: Run, problems: Sequence[Problem]) -> None:
    """Add problems to a run; the newest stay."""
    more = [
        {
            "code": each.code,
            "message": each.message[:LONGEST_MESSAGE],
            "time": words.moment(each.time, "problems.time").isoformat(),
        }
        for each in problems
    ]
    run.problems = [*run.problems, *more][-PROBLEMS:]


async def known(session: AsyncSession, run_id: str) -> Run:
    """A run, locked; raises NotFound."""
    run = await store.locked(session, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    return run


async def active(session: AsyncSession, run_id: str) -> Run:
    """A run that may be logged to, locked; raises NotFound or RunDeleted."""
    return _in_use(await known(session, run_id))


async def found(session: AsyncSession, run_id: str) -> Run:
    """A run to read; raises NotFound."""
    run = (await store.by_ids(session, [words.run_id(run_id, "runId")])).get(run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    return run


async def found_active(session: AsyncSession, run_id: str) -> Run:
    """A run that may be logged to, not locked; raises NotFound or RunDeleted."""
    return _in_use(await found(session, run_id))


def _in_use(run: Run) -> Run:
    if run.lifecycle is Lifecycle.DELETED:
        raise RunDeleted(f"run {run.id} is deleted; restore it to log to it")
    return run
