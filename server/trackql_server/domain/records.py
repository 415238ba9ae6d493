"""Verbs that apply a writer's journal records, params and tags, to a run exactly once."""

from collections.abc import Awaitable, Callable, Sequence

from trackql_server.domain import access, experiments, params, runs, words
from trackql_server.domain.context import Context, Work
from trackql_server.domain.params import ParamSpec
from trackql_server.errors import InvalidInput, ParamConflict, TrackqlError
from trackql_server.models import Run
from trackql_server.store import journal
from trackql_server.store import runs as store
from trackql_server.store.journal import Position as Position


async def log_params(
    ctx: Context, run_id: str, given: Sequence[ParamSpec], position: Position | None
) -> int | None:
    """Set params that are not set yet; the next record expected of the writer.

    A param that has another value already stays. Without a journal position nothing is stored
    then; with one the other params are, the conflict is noted on the run, and the writer's journal
    goes on. Raises ParamConflict in both cases.
    """

    async def apply(work: Work, run: Run) -> TrackqlError | None:
        fresh = params.checked(given)
        stored = await store.params(work.session, run_id, [each.key for each in fresh])
        clash = next((e for e in fresh if e.key in stored and stored[e.key].value != e.value), None)
        if clash is not None and position is None:
            raise _conflict(clash, stored[clash.key].value)
        new = [each for each in fresh if each.key not in stored]
        await store.add_params(work.session, run, params.prepared(new))
        return None if clash is None else _conflict(clash, stored[clash.key].value)

    return await _logged(ctx, run_id, position, apply)


async def set_tags(
    ctx: Context, run_id: str, tags: Sequence[tuple[str, str]], position: Position | None
) -> int | None:
    """Set tags; the last value stands. The next record expected of the writer."""

    async def apply(work: Work, run: Run) -> TrackqlError | None:
        checked = experiments.checked_tags(tags)
        if checked:
            await store.set_tags(work.session, [run], list(checked.items()))
        return None

    return await _logged(ctx, run_id, position, apply)


async def delete_tags(
    ctx: Context, run_id: str, keys: Sequence[str], position: Position | None
) -> int | None:
    """Remove tags; those that are not there are passed over."""

    async def apply(work: Work, run: Run) -> TrackqlError | None:
        words.few(keys, "keys")
        await store.delete_tags(work.session, [run_id], keys)
        return None

    return await _logged(ctx, run_id, position, apply)


async def note(ctx: Context, run_id: str, error: InvalidInput) -> None:
    """Show on a run that something of a record was refused; sent again it is shown once."""
    async with ctx.write() as work:
        run = await runs.known(work.session, run_id)
        if any(each["message"] == error.message for each in run.problems):
            return
        runs.note(run, [runs.Problem(error.code, error.message, ctx.now())])
        work.session.add(run)
        work.announce(run)


def checked_position(position: Position) -> Position:
    """A journal position as a client may give it. Raises InvalidInput."""
    words.writer(position.writer, "journal.writer")
    if position.first < 0:
        raise InvalidInput("journal.first is negative", argument="journal.first")
    if position.count < 1:
        raise InvalidInput("journal.count must be at least 1", argument="journal.count")
    return position


Apply = Callable[[Work, Run], Awaitable[TrackqlError | None]]


async def _logged(ctx: Context, run_id: str, position: Position | None, apply: Apply) -> int | None:
    """Do what is new in one transaction with the writer's cursor."""
    access.require_write(ctx.viewer)
    if position is None:
        async with ctx.write() as work:
            run = await runs.active(work.session, run_id)
            await apply(work, run)
            work.announce(run)
        return None
    checked_position(position)
    refusal: TrackqlError | None = None
    async with ctx.write() as work:
        run = await runs.active(work.session, run_id)
        expected = await journal.expected(work.session, run_id, position.writer)
        if position.skip(expected) == position.count:
            return expected
        try:
            refusal = await apply(work, run)
        except InvalidInput as error:  # raised by a check, before anything was written
            refusal = error
        if refusal is not None:
            runs.note(run, [runs.Problem(refusal.code, refusal.message, ctx.now())])
            work.session.add(run)
        connection = await work.session.connection()
        await connection.run_sync(journal.advance, [(run_id, position.writer, position.end)])
        work.announce(run)
    if refusal is not None:
        raise refusal
    return position.end


def _conflict(given: ParamSpec, stored: str) -> ParamConflict:
    return ParamConflict(
        f"param {given.key!r} is {stored!r} already and can't become {given.value!r}:"
        " params are set once; use a tag for what changes",
        key=given.key,
    )
