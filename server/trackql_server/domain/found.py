"""Live search: a page of runs that stays as a filter and an order would have it.

The page is found once. After that only runs that changed are looked at: one probe tells which of
them satisfy the filter and what they are sorted by. More runs are read only where some left.
"""

import asyncio
import time
from bisect import bisect_left
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key

from sqlalchemy import Connection

from trackql_server.domain import search
from trackql_server.domain.context import Context
from trackql_server.domain.events import EVERYTHING_TOPIC, experiment_topic
from trackql_server.domain.search import Question
from trackql_server.errors import InvalidInput
from trackql_server.filters.tree import Relation, Span, comparisons
from trackql_server.models import Run
from trackql_server.store import runs as run_store
from trackql_server.store.search import pages
from trackql_server.store.search.asked import Row, Search

# Runs of a page that is kept up to date.
MOST = 500

# Changes within this time come as one event, in seconds.
PAUSE = 0.1

# Where more runs changed at once than this, the page is found anew.
MOST_CHANGED = 1_000

# A page that may change though none of its runs does is found anew as often, in seconds.
AGAIN = 5.0


@dataclass(frozen=True)
class Found:
    """One event: the page in its order, and what is different in it since the last."""

    ids: Sequence[str]
    entered: Sequence[Run]
    changed: Sequence[Run]
    left: Sequence[str]
    has_next: bool


@dataclass(slots=True)
class Shown:
    """The page as the subscriber has it: what each run is sorted by, in order, and their ids."""

    rows: list[Row] = field(default_factory=list)
    ids: dict[int, str] = field(default_factory=dict)
    has_next: bool = False


async def follow(ctx: Context, question: Question, first: int) -> AsyncGenerator[Found, None]:
    """The first `first` runs found, and every change of that page; the first event has all."""
    if not 1 <= first <= MOST:
        raise InvalidInput(f"first must lie between 1 and {MOST}", argument="first")
    asked = await search.searched(ctx, question)
    named = list(asked.scope.experiment_ids) if question.where.experiment_ids is not None else None
    services = ctx.services
    topics = [EVERYTHING_TOPIC] if named is None else [experiment_topic(each) for each in named]
    listener = services.bus.listen(topics)
    watched = list(asked.scope.experiment_ids)
    services.stalls.watch(watched, [])
    restless = _restless(question)
    try:
        shown = Shown()
        found_at = time.monotonic()
        event = await _update(ctx, asked, first, shown, set(), anew=True)
        yield event or Found([], [], [], [], has_next=False)
        while True:
            await asyncio.sleep(PAUSE)
            changed: set[str] = set()
            try:
                async with asyncio.timeout(AGAIN if restless else None):
                    changed = {event.run_id for event in await listener.wait()}
            except TimeoutError:
                pass  # time alone may have changed the page
            if listener.closed:
                return
            due = restless and time.monotonic() - found_at >= AGAIN
            anew = due or len(changed) > MOST_CHANGED
            found_at = time.monotonic() if anew else found_at
            asked = await search.searched(ctx, question)
            if watched != asked.scope.experiment_ids:  # one was made, or went
                services.stalls.unwatch(watched, [])
                watched = list(asked.scope.experiment_ids)
                services.stalls.watch(watched, [])
            event = await _update(ctx, asked, first, shown, changed, anew=anew)
            if event is not None:
                yield event
    finally:
        services.stalls.unwatch(watched, [])
        services.bus.leave(listener)


def _restless(question: Question) -> bool:
    """Whether the page may change though none of its runs does.

    So with trees, with conditions on parents or children, and with ages and durations.
    """
    return question.whole or any(
        each.field.relation is not Relation.SELF
        or any(isinstance(value, Span) for value in each.values)
        for each in comparisons(question.where.node)
    )


async def _update(
    ctx: Context, asked: Search, first: int, shown: Shown, changed: set[str], *, anew: bool
) -> Found | None:
    """Bring the page up to date; None where nothing of it is different."""
    async with ctx.read() as session:
        fresh = {} if anew else await run_store.by_ids(session, list(changed))
    numbers = [run.number for run in fresh.values()]

    def find(connection: Connection) -> tuple[list[Row], bool]:
        if anew:
            return pages.rows(connection, asked, first)
        return _moved(connection, asked, first, shown, numbers)

    rows, has_next = await ctx.services.database.run_read(find)
    wanted = [int(row[-1]) for row in rows]
    known = shown.ids
    touched = [number for number in wanted if known.get(number) in changed]
    missing = [number for number in wanted if number not in known]
    async with ctx.read() as session:
        read = await run_store.by_numbers(session, [*missing, *touched])
    ids = {number: known[number] for number in wanted if number in known}
    ids |= {number: read[number].id for number in missing if number in read}
    event = Found(
        [ids[number] for number in wanted if number in ids],
        [read[number] for number in missing if number in read],
        [read[number] for number in touched if number in read],
        [run_id for number, run_id in known.items() if number not in ids],
        has_next,
    )
    before = [known[int(row[-1])] for row in shown.rows if int(row[-1]) in known]
    same = event.ids == before and has_next == shown.has_next and not event.changed
    shown.rows, shown.ids, shown.has_next = rows, ids, has_next
    return None if same else event


def _moved(
    connection: Connection, asked: Search, first: int, shown: Shown, numbers: Sequence[int]
) -> tuple[list[Row], bool]:
    """The page after some runs changed: without them, then with those that are found."""
    changed = set(numbers)
    rank = cmp_to_key(pages.comparison(asked))
    rows = [row for row in shown.rows if int(row[-1]) not in changed]
    ranks = [rank(row) for row in rows]
    more = shown.has_next
    # What lies behind the last run of the page is not known, so nothing is put there.
    edge = rank(shown.rows[-1]) if shown.rows and more else None
    for row in pages.among(connection, asked, numbers) if numbers else []:
        own = rank(row)
        if edge is not None and edge < own:
            continue
        place = bisect_left(ranks, own)
        rows.insert(place, row)
        ranks.insert(place, own)
    if len(rows) > first:
        return rows[:first], True
    if len(rows) < first and more:
        last = rows[-1] if rows else None
        following, more = pages.rows(connection, asked, first - len(rows), last)
        rows.extend(following)
    return rows, more
