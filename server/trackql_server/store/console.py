"""What runs print, as rows: chunks of about 64 KiB of text, and where a run's console stands.

A chunk's body is compressed: a head that says of each line when, by which writer and on which
stream it came, then the lines themselves.
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from trackql_server.models import ConsoleChunk, ConsoleState, Run
from trackql_server.models.columns import instant, table_of
from trackql_server.store import journal

# Bytes of text from which on a chunk takes in no more: an append packs at most so much again.
CHUNK_TEXT = 64 * 1024

# Level 3 packs a chunk of usual output in half a millisecond, to about a tenth.
LEVEL = 3

# Of chunks that are walked at most so many, and so many bytes of text, are read at once.
CHUNKS = 64
READ_TEXT = 2 * 1024 * 1024

CHUNK, STATE, RUN = table_of(ConsoleChunk), table_of(ConsoleState), table_of(Run)
HEAD = struct.Struct("<I")

# Colours, movements of the cursor, titles of windows: what a terminal does not show as text.
ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
    r"|[PX^_][^\x1b\n]*(?:\x1b\\)?|[@-_])"
)


class Lines(NamedTuple):
    """Lines as columns; `sources` index `origins`, which are pairs of writer's label and stream."""

    times: list[int]
    sources: list[int]
    origins: list[tuple[str, str]]
    texts: list[str]


@dataclass(slots=True)
class Piece:
    """Lines of one writer to append: times in Unix milliseconds, and a stream's name each."""

    writer: str
    times: Sequence[int]
    streams: Sequence[str]
    texts: Sequence[str]

    def cut(self, start: int, stop: int | None = None) -> "Piece":
        """A part of it."""
        part = slice(start, stop)
        return Piece(self.writer, self.times[part], self.streams[part], self.texts[part])


@dataclass(frozen=True, slots=True)
class Span:
    """A chunk without its lines."""

    start: int
    count: int
    size: int

    @property
    def end(self) -> int:
        """The number of the line after its last."""
        return self.start + self.count


@dataclass(slots=True)
class Standing:
    """Where a run's console stands while an append is worked on; `rows` are new or changed."""

    lines: int = 0
    size: int = 0
    dropped: int = 0
    open_lines: dict[str, Any] = field(default_factory=dict)
    last: tuple[int, bytes] | None = None  # the chunk that still takes in lines
    rows: list[dict[str, Any]] = field(default_factory=list)


def weigh(texts: Sequence[str]) -> int:
    """Bytes of text with the end of each line, as limits count it."""
    return sum(map(len, map(str.encode, texts))) + len(texts)


def pack(lines: Lines) -> bytes:
    """Lines as a chunk's body."""
    import zstandard

    first = lines.times[0]
    head = orjson.dumps(
        [first, [time - first for time in lines.times], lines.sources, lines.origins]
    )
    body = HEAD.pack(len(head)) + head + "\n".join(lines.texts).encode()
    return zstandard.ZstdCompressor(level=LEVEL).compress(body)


def unpack(body: bytes) -> Lines:
    """The inverse of `pack`."""
    head, text = _open(body)
    first, offsets, sources, origins = orjson.loads(head)
    return Lines(
        [first + offset for offset in offsets],
        sources,
        [(writer, stream) for writer, stream in origins],
        text.decode().split("\n"),
    )


def text_of(body: bytes) -> str:
    """The lines of a chunk as one text, for a first look."""
    return str(_open(body)[1], "utf-8")


def _open(body: bytes) -> tuple[bytes, bytes]:
    import zstandard

    whole = zstandard.ZstdDecompressor().decompress(body)
    end = HEAD.size + HEAD.unpack_from(whole)[0]
    return whole[HEAD.size : end], whole[end:]


def plain(text: str) -> str:
    """A text as it is searched: without what a terminal does not show, in lower case."""
    return (ANSI.sub("", text) if "\x1b" in text else text).casefold()


# -- appending


@dataclass(slots=True)
class Plan:
    """An append under way: what it found, what it will write.

    `known` says that all of it was stored before, `noted` that the run has a new problem.
    """

    run: Run | None  # with what is needed of it
    expected: int = 0
    standing: Standing = field(default_factory=Standing)
    known: bool = False
    noted: bool = False
    cursor: journal.Position | None = None


def look(connection: Connection, run_id: str, position: journal.Position | None) -> Plan:
    """Where a run's console stands; the run is locked until the transaction ends."""
    columns = (RUN.c.id, RUN.c.number, RUN.c.experiment_id, RUN.c.lifecycle, RUN.c.problems)
    row = connection.execute(
        select(*columns).where(RUN.c.id == run_id).with_for_update()
    ).one_or_none()
    if row is None:
        return Plan(None)
    plan = Plan(Run(**row._mapping))
    if position is not None:
        plan.expected = journal.next_record(connection, run_id, position.writer)
    plan.standing = _standing(connection, row.number)
    return plan


def _standing(connection: Connection, run_number: int) -> Standing:
    found = state(connection, run_number)
    last = connection.execute(
        select(CHUNK.c.start, CHUNK.c.size, CHUNK.c.body)
        .where(CHUNK.c.run_number == run_number)
        .order_by(CHUNK.c.start.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and last.size < CHUNK_TEXT:
        found.last = (last.start, last.body)
    return found


def extend(found: Standing, piece: Piece) -> None:
    """Put lines behind those that are there; touches no database, so it may run in a thread."""
    if not piece.texts:
        return
    if found.last is None:
        start, lines = found.lines, Lines([], [], [], [])
    else:
        start, lines = found.last[0], unpack(found.last[1])
    places = {origin: place for place, origin in enumerate(lines.origins)}
    size = weigh(lines.texts)
    for time, stream, text in zip(piece.times, piece.streams, piece.texts, strict=True):
        if size >= CHUNK_TEXT:
            found.rows.append(_row(start, size, lines))
            start += len(lines.texts)
            lines, places, size = Lines([], [], [], []), {}, 0
        origin = (piece.writer, stream)
        place = places.get(origin)
        if place is None:
            place = places[origin] = len(lines.origins)
            lines.origins.append(origin)
        lines.times.append(time)
        lines.sources.append(place)
        lines.texts.append(text)
        size += len(text.encode()) + 1
    found.rows.append(_row(start, size, lines))
    found.lines += len(piece.texts)
    found.size += weigh(piece.texts)


def _row(start: int, size: int, lines: Lines) -> dict[str, Any]:
    return {
        "start": start,
        "count": len(lines.texts),
        "size": size,
        "first_time": instant(min(lines.times)),
        "last_time": instant(max(lines.times)),
        "body": pack(lines),
    }


def write(connection: Connection, plan: Plan) -> None:
    """Write what changed, and the writer's cursor with it."""
    run = plan.run
    if run is None or plan.known:
        return
    run_number, found = run.number, plan.standing
    if plan.noted:
        connection.execute(update(RUN).where(RUN.c.id == run.id).values(problems=run.problems))
    if plan.cursor is not None:
        journal.advance(connection, [(run.id, plan.cursor.writer, plan.cursor.end)])
    rows = found.rows
    if rows and found.last is not None and rows[0]["start"] == found.last[0]:
        first, rows = rows[0], rows[1:]
        connection.execute(
            update(CHUNK)
            .where(CHUNK.c.run_number == run_number, CHUNK.c.start == first["start"])
            .values({name: value for name, value in first.items() if name != "start"})
        )
    if rows:
        connection.execute(insert(CHUNK), [{"run_number": run_number, **row} for row in rows])
    state = {
        "lines": found.lines,
        "size": found.size,
        "dropped": found.dropped,
        "open_lines": found.open_lines,
    }
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(
        dialect.insert(STATE)
        .values(run_number=run_number, **state)
        .on_conflict_do_update(index_elements=["run_number"], set_=state)
    )


# -- reading


def state(connection: Connection, run_number: int) -> Standing:
    """How many lines there are, and the open ones."""
    row = connection.execute(select(STATE).where(STATE.c.run_number == run_number)).one_or_none()
    if row is None:
        return Standing()
    return Standing(row.lines, row.size, row.dropped, dict(row.open_lines))


def chunks(
    connection: Connection, run_number: int, at: int, need: int | None, back: bool
) -> list[tuple[Span, bytes]]:
    """The next chunks from the one with line `at` on, or (`back`) from the line before it.

    As many as hold `need` lines, and no more than are small in memory.
    """
    chosen: list[Span] = []
    text = lines = 0
    for span in _spans(connection, run_number, at, back):
        chosen.append(span)
        text += span.size
        lines += min(at, span.end) - span.start if back else span.end - max(at, span.start)
        if text >= READ_TEXT or (need is not None and lines >= need):
            break
    rows = connection.execute(
        select(CHUNK.c.start, CHUNK.c.body).where(
            CHUNK.c.run_number == run_number, CHUNK.c.start.in_([each.start for each in chosen])
        )
    )
    bodies: dict[int, bytes] = {row.start: row.body for row in rows}
    return [(each, bodies[each.start]) for each in chosen]


def _spans(connection: Connection, run_number: int, at: int, back: bool) -> list[Span]:
    wanted = select(CHUNK.c.start, CHUNK.c.count, CHUNK.c.size).where(
        CHUNK.c.run_number == run_number
    )
    if back:
        wanted = wanted.where(CHUNK.c.start < at).order_by(CHUNK.c.start.desc())
    else:
        holds = (
            select(func.max(CHUNK.c.start))
            .where(CHUNK.c.run_number == run_number, CHUNK.c.start <= at)
            .scalar_subquery()
        )
        wanted = wanted.where(CHUNK.c.start >= holds).order_by(CHUNK.c.start)
    rows = connection.execute(wanted.limit(CHUNKS))
    return [Span(*row) for row in rows]
