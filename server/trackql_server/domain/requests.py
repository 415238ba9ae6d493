"""Verbs by which people ask something of a running script, and by which it learns of it.

A script that listens asks every few seconds what holds; who asked what, when, and when a script
saw it stays with the run.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.domain import access, live_params, runs, words
from trackql_server.domain.context import Context, Work
from trackql_server.domain.events import Requested, requests_topic
from trackql_server.domain.live_params import Spec
from trackql_server.errors import InvalidInput, NotFound, RunDeleted, RunEnded
from trackql_server.models import Lifecycle, LiveParam, RequestKind, Run, RunRequest
from trackql_server.store import paging
from trackql_server.store import requests as store
from trackql_server.store import runs as run_store

LONGEST_REASON = 10_000

# Live parameters that a run may have, and runs that a script may listen for at once.
PARAMS = 100
LISTENED = 1_000

# Requests in one event, and those that a script may say at once that it saw.
EVENT_REQUESTS = 200
SEEN = 10_000


@dataclass(frozen=True)
class Stopping:
    """What was asked, and of which runs it can not be asked because they have ended."""

    requests: Sequence[RunRequest]
    ended: Sequence[str]


async def request_stop(ctx: Context, run_ids: Sequence[str], reason: str) -> Stopping:
    """Ask scripts to stop when it suits them.

    Of several runs those that have ended are passed over. Raises NotFound, RunDeleted, and RunEnded
    when none is left.
    """
    access.require_write(ctx.viewer)
    ids = list(dict.fromkeys(run_ids))
    words.few(ids, "runIds")
    if not ids:
        raise InvalidInput("runIds is empty; name a run", argument="runIds")
    words.fitting(reason, "reason", LONGEST_REASON)
    async with ctx.write() as work:
        found = await run_store.locked_many(work.session, ids)
        for run_id in ids:
            if run_id not in found:
                raise NotFound(f"there is no run {run_id}")
            if found[run_id].lifecycle is Lifecycle.DELETED:
                raise RunDeleted(f"run {run_id} is deleted; restore it first")
        going = [found[each] for each in ids if found[each].status not in runs.ENDED]
        if not going:
            raise _ended(found[ids[0]])
        rows = [_request(ctx, run, RequestKind.STOP, reason=reason) for run in going]
        await store.settle_stops(work.session, [run.id for run in going])
        await _ask(work, going, rows)
    asked = {run.id for run in going}
    return Stopping(rows, [each for each in ids if each not in asked])


async def set_param(ctx: Context, run_id: str, key: str, value: Any) -> RunRequest:
    """Ask for another value of a live parameter that the script declared.

    Raises NotFound, RunDeleted, RunEnded, and InvalidInput for a value that does not fit.
    """
    access.require_write(ctx.viewer)
    async with ctx.write() as work:
        run = await _running(work.session, run_id)
        params = (await store.params(work.session, [run.number]))[run.number]
        param = next((each for each in params if each.key == key), None)
        if param is None:
            known = ", ".join(repr(each.key) for each in params) or "none"
            raise NotFound(
                f"run {run_id} has no live parameter {key!r}; its script declared {known}"
            )
        plain = live_params.fitting(Spec.read(key, param.spec), value, "value")
        row = _request(ctx, run, RequestKind.SET_PARAM, key=key, value=plain)
        param.value, param.updated_at = plain, ctx.now()
        work.session.add(param)
        await store.settle_param(work.session, run_id, key)
        await _ask(work, [run], [row])
    return row


async def declare(ctx: Context, run_id: str, given: Sequence[Spec]) -> list[LiveParam]:
    """Tell which parameters a script reads again and again; all that the run has.

    Told again, a value that was asked for stays where it still fits. Raises InvalidInput, NotFound,
    RunDeleted.
    """
    access.require_write(ctx.viewer)
    for place, spec in enumerate(given):
        live_params.check(spec, f"params[{place}]")
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        params = (await store.params(work.session, [run.number]))[run.number]
        known = {each.key: each for each in params}
        holding = await store.open_of(work.session, [run_id])
        asked = {each.key: each.value for each in holding if each.kind is RequestKind.SET_PARAM}
        for spec in given:
            row = LiveParam(
                run_number=run.number,
                key=spec.key,
                spec=spec.stored,
                value=_kept(spec, asked.get(spec.key)),
                updated_at=ctx.now(),
            )
            before = known.get(spec.key)
            if before is None or (before.spec, before.value) != (row.spec, row.value):
                known[spec.key] = await work.session.merge(row)
        if len(known) > PARAMS:
            raise InvalidInput(
                f"the run would have {len(known)} live parameters; it may have {PARAMS}",
                argument="params",
            )
        work.announce(run)
    return sorted(known.values(), key=lambda row: row.key)


async def see(ctx: Context, numbers: Sequence[int]) -> int:
    """Note that a script saw requests; how many no script had seen before."""
    access.require_write(ctx.viewer)
    if len(numbers) > SEEN:
        raise InvalidInput(f"ids names more than {SEEN:,} requests", argument="ids")
    async with ctx.write() as work:
        rows = await store.unseen(work.session, numbers)
        for row in rows:
            row.seen_at = ctx.now()
            work.session.add(row)
            work.tell(Requested(row.run_id, row.number))
    return len(rows)


async def holding(ctx: Context, run_ids: Sequence[str]) -> list[RunRequest]:
    """What holds of all that was asked of runs, oldest first."""
    access.require_read(ctx.viewer)
    if len(run_ids) > LISTENED:
        raise InvalidInput(f"runIds names more than {LISTENED:,} runs", argument="runIds")
    async with ctx.read() as session:
        return await store.open_of(session, run_ids)


async def listed(ctx: Context, run_number: int, page: paging.Page) -> paging.Paged[RunRequest]:
    """A page of all that was asked of a run, newest first."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.page(session, run_number, page)


async def count(ctx: Context, run_number: int) -> int:
    """How many `listed` has in all."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await paging.count(session, store.listing(run_number))


async def params(ctx: Context, run_numbers: Sequence[int]) -> dict[int, list[LiveParam]]:
    """Live parameters by the number of their run."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.params(session, run_numbers)


async def stop_requested(ctx: Context, run_ids: Sequence[str]) -> dict[str, bool]:
    """Whether runs are asked to stop."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        asked = await store.asked_to_stop(session, run_ids)
    return {each: each in asked for each in run_ids}


async def follow(ctx: Context, run_ids: Sequence[str]) -> AsyncGenerator[list[RunRequest], None]:
    """Requests to these runs: first what holds, then each as it is made and as it is seen."""
    access.require_read(ctx.viewer)
    listener = ctx.services.bus.listen(requests_topic(each) for each in run_ids)
    try:
        async with ctx.read() as session:
            rows = await store.open_of(session, run_ids)
        while True:
            if rows:
                yield rows
            if listener.closed:
                return
            news = [event.number for event in await listener.wait() if isinstance(event, Requested)]
            rows = []
            for begin in range(0, len(news), EVENT_REQUESTS):
                if rows:
                    yield rows
                async with ctx.read() as session:
                    rows = await store.by_numbers(session, news[begin : begin + EVENT_REQUESTS])
    finally:
        ctx.services.bus.leave(listener)


async def _ask(work: Work, asked: Sequence[Run], rows: Sequence[RunRequest]) -> None:
    work.session.add_all(rows)
    await work.session.flush()
    for run, row in zip(asked, rows, strict=True):
        work.announce(run)
        work.tell(Requested(run.id, row.number))


def _request(
    ctx: Context, run: Run, kind: RequestKind, key: str = "", value: Any = None, reason: str = ""
) -> RunRequest:
    return RunRequest(
        run_number=run.number,
        run_id=run.id,
        kind=kind,
        key=key,
        value=value,
        reason=reason,
        asked_by=ctx.viewer.name,
        asked_at=ctx.now(),
    )


def _kept(spec: Spec, value: Any) -> Any:
    """The value that was asked for, where it fits; else the one it is declared with."""
    default = live_params.fitting(spec, spec.value, "value")
    if value is None:
        return default
    try:
        return live_params.fitting(spec, value, "value")
    except InvalidInput:
        return default


async def _running(session: AsyncSession, run_id: str) -> Run:
    run = await runs.active(session, run_id)
    if run.status in runs.ENDED:
        raise _ended(run)
    return run


def _ended(run: Run) -> RunEnded:
    return RunEnded(
        f"run {run.id} is {run.status} and its script no longer listens; resume the run first"
    )
