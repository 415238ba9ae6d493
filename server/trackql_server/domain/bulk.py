"""Verbs that change many runs at once, in one transaction: all of them or none."""

from collections.abc import Sequence

from trackql_server.domain import access, experiments, words
from trackql_server.domain.context import Context
from trackql_server.errors import InvalidInput, NotFound, RunDeleted
from trackql_server.models import Lifecycle
from trackql_server.store import runs as store

# Runs and tag rows that one transaction changes.
MOST_RUNS = 10_000
MOST_TAGS = 100_000


async def update(
    ctx: Context,
    run_ids: Sequence[str],
    set_tags: Sequence[tuple[str, str]],
    delete_tags: Sequence[str],
    lifecycle: Lifecycle | None,
) -> int:
    """Tag, untag, delete or restore runs; how many there are.

    Raises NotFound for a run that is not there, RunDeleted where one in the trash is to be tagged.
    """
    access.require_write(ctx.viewer)
    ids = sorted(set(run_ids))
    if len(ids) > MOST_RUNS:
        raise InvalidInput(
            f"runIds names {len(ids):,} runs; change at most {MOST_RUNS:,} at once",
            argument="runIds",
        )
    tags = experiments.checked_tags(set_tags)
    words.few(delete_tags, "deleteTags")
    for place, key in enumerate(delete_tags):
        words.key(key, f"deleteTags[{place}]")
    if (len(tags) + len(delete_tags)) * len(ids) > MOST_TAGS:
        raise InvalidInput(
            f"more than {MOST_TAGS:,} tags would change; name fewer runs at once",
            argument="runIds",
        )
    if not ids:
        return 0
    async with ctx.write() as work:
        found = await store.locked_many(work.session, ids)
        missing = next((each for each in ids if each not in found), None)
        if missing is not None:
            raise NotFound(f"there is no run {missing}")
        for run in found.values():
            tagged = bool(tags or delete_tags)
            if tagged and lifecycle is None and run.lifecycle is Lifecycle.DELETED:
                raise RunDeleted(f"run {run.id} is deleted; restore it to tag it")
            if lifecycle is not None:
                experiments.place(run, lifecycle, ctx.now())
            work.announce(run)
        await work.session.flush()
        if tags:
            await store.set_tags(work.session, list(found.values()), list(tags.items()))
        if delete_tags:
            await store.delete_tags(work.session, ids, delete_tags)
    return len(found)
