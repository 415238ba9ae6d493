"""Verbs about what runs print: append lines exactly once, read them by range, search them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trackql_server.domain import access, records, runs, words
from trackql_server.domain.context import Context
from trackql_server.domain.events import ConsoleGrew
from trackql_server.domain.records import Position
from trackql_server.errors import InvalidInput, NotFound, RunDeleted
from trackql_server.models import Lifecycle
from trackql_server.store import console as store
from trackql_server.store.console import Lines, Span, Standing
from trackql_server.store.console import Piece as Piece

STREAMS = ("STDOUT", "STDERR")
MOST_LINES = 100_000  # in one append
LONGEST_LINE = 64 * 1024  # bytes; what is beyond is cut off
LONGEST_WRITER = 200
MOST_WRITERS = 256  # with open lines at the same time
LATEST = 253_402_300_799_999  # the last millisecond of the year 9999

LARGEST_PAGE = 5_000
# Bytes of text in one answer, and of text looked through for it.
PAGE_TEXT = 4 * 1024 * 1024
WALK_TEXT = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A line that is not ended: its newest state."""

    writer: str
    stream: str
    time: int
    text: str


@dataclass(slots=True)
class Page:
    """Lines that were asked for, as columns; `next` is where to go on, None at the end."""

    total: int
    size: int
    dropped: int
    open: list[OpenLine]
    start: int = 0
    next: int | None = None
    numbers: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    writers: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


# -- appending


async def append(
    ctx: Context,
    run_id: str,
    piece: Piece,
    open_lines: Sequence[OpenLine] | None,
    position: Position | None,
) -> int | None:
    """Add lines to a run's console; a journal record is a line. The next record expected.

    `open_lines` replace those of the same writer; None leaves them. Lines beyond the bound of text
    of a run are counted and dropped, and the run shows so.
    """
    access.require_write(ctx.viewer)
    words.value(piece.writer, "writer")
    if position is not None:
        records.checked_position(position)
        if position.count != len(piece.texts):
            raise InvalidInput(
                f"journal.count is {position.count} but there are {len(piece.texts)} lines; each"
                " line is a record",
                argument="journal.count",
            )
    refusal: InvalidInput | None = None
    try:
        checked = await _in_thread(len(piece.texts) > 1000, lambda: _checked(piece))
        fresh = None if open_lines is None else _checked_open(open_lines)
    except InvalidInput as error:
        if position is None:
            raise
        refusal, checked, fresh = error, Piece(piece.writer, [], [], []), None

    def think(plan: store.Plan) -> None:
        run = plan.run
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        if run.lifecycle is Lifecycle.DELETED:
            raise RunDeleted(f"run {run_id} is deleted; restore it to log to it")
        skipped = 0
        if position is not None:
            skipped = position.skip(plan.expected)
            plan.known = skipped == position.count
            plan.cursor = position
        if plan.known:
            return
        problems = _extend(ctx, plan.standing, checked.cut(skipped), fresh)
        if refusal is not None:
            problems.append(runs.Problem(refusal.code, refusal.message, ctx.now()))
        told = {each["message"] for each in run.problems}
        if problems := [each for each in problems if each.message not in told]:
            runs.note(run, problems)
            plan.noted = True

    plan = await ctx.services.database.run_write(
        lambda connection: store.look(connection, run_id, position),
        think,
        store.write,
        heavy=True,
    )
    if plan.known:
        return plan.expected
    assert plan.run is not None
    standing = plan.standing
    ctx.services.bus.publish(ConsoleGrew(run_id, standing.lines, standing.open_lines))
    if plan.noted:
        ctx.services.run_changed(plan.run.experiment_id, run_id)
    if refusal is not None:
        raise refusal
    return None if position is None else position.end


async def _in_thread(heavy: bool, work: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(work) if heavy else work()


def _extend(
    ctx: Context, found: Standing, piece: Piece, fresh: list[OpenLine] | None
) -> list[runs.Problem]:
    """Put lines and open lines where they belong; what is to be shown on the run."""
    limit = ctx.services.console_limit
    problems = []
    if found.size + store.weigh(piece.texts) > limit:
        room, fitting = limit - found.size, 0
        for text in piece.texts:
            room -= len(text.encode()) + 1
            if room < 0:
                break
            fitting += 1
        found.dropped += len(piece.texts) - fitting
        piece = piece.cut(0, fitting)
        text = (
            f"the console has reached its bound of {limit:,} bytes of text; lines printed from"
            " then on are counted and not kept: print less, or raise TRACKQL_LIMIT_CONSOLE"
        )
        problems.append(runs.Problem("CONSOLE_FULL", text, ctx.now()))
    store.extend(found, piece)
    if fresh is not None:
        lines = {piece.writer: [[each.stream, each.time, each.text] for each in fresh]}
        kept = {writer: old for writer, old in found.open_lines.items() if writer != piece.writer}
        if fresh:
            kept = dict(list(kept.items())[-MOST_WRITERS + 1 :]) | lines
        found.open_lines = kept
    return problems


def _checked(piece: Piece) -> Piece:
    texts, streams, times = piece.texts, piece.streams, piece.times
    if not len(texts) == len(streams) == len(times):
        raise InvalidInput(
            f"texts has {len(texts)} lines, streams {len(streams)} and times {len(times)}; give"
            " one of each a line",
            argument="texts",
        )
    if len(texts) > MOST_LINES:
        raise InvalidInput(
            f"texts has {len(texts)} lines; send at most {MOST_LINES} at once", argument="texts"
        )
    if not set(streams) <= set(STREAMS):
        raise InvalidInput("streams: a line is of STDOUT or STDERR", argument="streams")
    if times and (min(times) < 0 or max(times) > LATEST):
        raise InvalidInput("times: a time lies outside of the years 1970 to 9999", argument="times")
    return Piece(piece.writer, times, streams, [_line(text, "texts") for text in texts])


def _checked_open(lines: Sequence[OpenLine]) -> list[OpenLine]:
    if len({each.stream for each in lines}) != len(lines):
        raise InvalidInput("open: a stream has one open line", argument="open")
    for each in lines:
        if not 0 <= each.time <= LATEST:
            raise InvalidInput(
                "open: a time lies outside of the years 1970 to 9999", argument="open"
            )
    return [OpenLine(e.writer, e.stream, e.time, _line(e.text, "open")) for e in lines]


def _line(text: object, argument: str) -> str:
    if not isinstance(text, str):
        raise InvalidInput(f"{argument}: each line is a text", argument=argument)
    if "\0" in text:
        raise InvalidInput(
            f"{argument}: a line holds a NUL character; remove it", argument=argument
        )
    if "\n" in text:
        raise InvalidInput(
            f"{argument}: a text holds the end of a line; give each line for itself",
            argument=argument,
        )
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{argument}: a line holds half of a surrogate pair, which is no text",
            argument=argument,
        ) from error
    if size <= LONGEST_LINE:
        return text
    mark = f"… ({size:,} bytes; the rest is cut off)"
    return text.encode()[: LONGEST_LINE - len(mark.encode())].decode(errors="ignore") + mark


# -- reading


async def page(
    ctx: Context,
    run_number: int,
    start: int | None,
    first: int,
    search: str | None = None,
    stream: str | None = None,
) -> Page:
    """Lines from number `start` on that are of a stream and contain a text; the last without it.

    Text is found whatever its case and colours. A walk that finds little ends at a bound; go on
    from `next` then.
    """
    access.require_read(ctx.viewer)
    if not 0 < first <= LARGEST_PAGE:
        raise InvalidInput(f"first must be 1 to {LARGEST_PAGE}", argument="first")
    if start is not None and start < 0:
        raise InvalidInput("from is negative; lines are counted from 0", argument="from")
    database = ctx.services.database
    state = await database.run_read(lambda connection: store.state(connection, run_number))
    found = Page(state.lines, state.size, state.dropped, opened(state.open_lines))
    walk = _Walk(found, first, _Chosen(search or None, stream), start)
    while not walk.done():
        bodies = await database.run_read(
            lambda connection: store.chunks(connection, run_number, walk.at, walk.need, walk.back)
        )
        if not bodies:
            break
        await asyncio.to_thread(walk.take, bodies)
    walk.finish()
    return found


def opened(stored: dict[str, Any]) -> list[OpenLine]:
    """Open lines as they are stored."""
    return [
        OpenLine(writer, stream, time, text)
        for writer, lines in stored.items()
        for stream, time, text in lines
    ]


class _Chosen:
    """Which lines are wanted."""

    def __init__(self, search: str | None, stream: str | None) -> None:
        self.needle = None if search is None else store.plain(search)
        self.stream = stream

    def places(self, body: bytes, low: int, high: int) -> tuple[Lines, Sequence[int]] | None:
        """A chunk's lines and which of them are wanted, from `low` up to `high` - 1."""
        if self.needle is not None and self.needle not in store.plain(store.text_of(body)):
            return None
        lines = store.unpack(body)
        places: Sequence[int] = range(low, min(high, len(lines.texts)))
        if self.stream is not None:
            wanted = [origin[1] == self.stream for origin in lines.origins]
            places = [place for place in places if wanted[lines.sources[place]]]
        if self.needle is not None:
            needle = self.needle
            places = [place for place in places if needle in store.plain(lines.texts[place])]
        return lines, places


class _Walk:
    """Goes through chunks, forward from a line or backward from the end, and fills a page.

    `at` is the next line to look at, or the one before which to go on backward.
    """

    def __init__(self, page: Page, first: int, chosen: _Chosen, start: int | None) -> None:
        self.page = page
        self.first = first
        self.chosen = chosen
        self.back = start is None
        self.at = page.total if start is None else min(start, page.total)
        page.start = self.at
        self.text = 0  # bytes of text found, and walked through
        self.walked = 0

    def full(self) -> bool:
        return len(self.page.texts) >= self.first or self.text >= PAGE_TEXT

    def done(self) -> bool:
        """Nothing more is looked at in this request."""
        end = 0 if self.back else self.page.total
        return self.full() or self.walked >= WALK_TEXT or self.at == end

    @property
    def need(self) -> int | None:
        """How many lines more are needed; None where it depends on what they hold."""
        plain = self.chosen.needle is None and self.chosen.stream is None
        return self.first - len(self.page.texts) if plain else None

    def take(self, bodies: Sequence[tuple[Span, bytes]]) -> None:
        """Look through some chunks; may run in a thread."""
        for span, body in bodies:
            if self.done():
                return
            self.walked += span.size
            low = 0 if self.back else self.at - span.start
            high = (self.at if self.back else self.page.total) - span.start
            after = span.start if self.back else span.end
            hit = self.chosen.places(body, low, high)
            if hit is not None:
                lines, places = hit
                for place in reversed(places) if self.back else places:
                    if self.full():
                        after = span.start + place + self.back
                        break
                    self._add(span.start + place, lines, place)
            self.at = min(after, self.page.total)

    def _add(self, number: int, lines: Lines, place: int) -> None:
        page = self.page
        writer, stream = lines.origins[lines.sources[place]]
        page.numbers.append(number)
        page.times.append(lines.times[place])
        page.streams.append(stream)
        page.writers.append(writer)
        page.texts.append(lines.texts[place])
        self.text += len(lines.texts[place]) + 1

    def finish(self) -> None:
        """Bring the page into order and say what it covers."""
        page = self.page
        if not self.back:
            page.next = self.at if self.at < page.total else None
            return
        page.start = self.at
        for column in (page.numbers, page.times, page.streams, page.writers, page.texts):
            column.reverse()
