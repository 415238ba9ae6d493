"""Turns a stretch of a journal into one request, with its metrics as packed columns."""

from __future__ import annotations

import json
import sys
from array import array
from binascii import b2a_base64
from itertools import chain
from struct import Struct
from typing import Any, NamedTuple

from ._head import Position
from ._spool import (
    ALERT,
    CONSOLE,
    CREATE,
    ENTRY,
    FACTS,
    FINISH,
    INPUTS,
    LINE,
    LIVE,
    METRICS,
    PARAMS,
    RESUME,
    SHAPE,
    TAGS,
    UNTAG,
    UPDATE,
    Journal,
    Segment,
    learn,
)

POINTS = 200_000
BYTES = 3_000_000
MERGED = 200  # params or tags in one request
LINES = 20_000
LINE_BYTES = 1_000_000
STREAMS = ("STDOUT", "STDERR")

OPERATIONS = {
    CREATE: "create_run",
    RESUME: "resume_run",
    UPDATE: "update_run",
    FINISH: "finish_run",
    PARAMS: "log_params",
    TAGS: "set_tags",
    UNTAG: "delete_tags",
    FACTS: "log_run_facts",
    INPUTS: "log_inputs",
    ALERT: "raise_alert",
    LIVE: "declare_live_params",
}
# What is refused of these is not noted on the run by the server: their requests may come twice.
UNNOTED = frozenset((INPUTS, ALERT, LIVE))
BY_ID = frozenset((CREATE, RESUME, UPDATE, FINISH))  # their input names the run `id`
FIELDS = {PARAMS: "params", TAGS: "tags", UNTAG: "keys"}


class Batch(NamedTuple):
    """One request and the stretch of the journal that it delivers."""

    kind: int
    operation: str
    input: dict[str, Any]
    start: Position
    next: Position
    points: int

    @property
    def records(self) -> int:
        return self.next.record - self.start.record


class _Table:
    """Rows of one tuple of keys; values as the bits of their floats."""

    __slots__ = ("keys", "records", "steps", "times", "values", "width")

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys
        self.width = len(keys)
        self.records = array("q")
        self.steps = array("q")
        self.times = array("q")
        self.values = array("q")


def take(journal: Journal, position: Position, points: int = POINTS) -> Batch | None:
    """The next request from a position; None when everything was taken."""
    while True:
        window = journal.window(position)
        if window is None:
            return None
        segment, position, end = window
        _, kind, _, _ = ENTRY.unpack_from(segment.view, position.offset)
        if kind == CONSOLE:
            return _printed(segment, position, end)
        if kind != SHAPE and kind < METRICS:
            return _operation(segment, position, end, kind)
        batch = _metrics(journal, segment, position, end, points)
        if batch.records:
            return batch
        position = batch.next


def _operation(segment: Segment, start: Position, end: int, kind: int) -> Batch:
    field = FIELDS.get(kind)
    offset = start.offset
    if field is None:
        length = ENTRY.unpack_from(segment.view, offset)[0]
        after = Position(start.segment, offset + length, start.record)
        return Batch(kind, OPERATIONS[kind], _payload(segment, offset), start, after, 0)
    merged: list[Any] = []
    seen: set[str] = set()
    count = 0
    while offset < end:
        length, this, _, _ = ENTRY.unpack_from(segment.view, offset)
        if this != kind:
            break
        entries = _payload(segment, offset)
        names = {entry if isinstance(entry, str) else entry["key"] for entry in entries}
        # A key twice in one request would leave to the server which of them counts.
        if count and (seen & names or len(merged) + len(entries) > MERGED):
            break
        merged += entries
        seen |= names
        offset += length
        count += 1
    after = Position(start.segment, offset, start.record + count)
    return Batch(kind, OPERATIONS[kind], {field: merged}, start, after, 0)


def _printed(segment: Segment, start: Position, end: int) -> Batch:
    view, offset = segment.view, start.offset
    times = array("q")
    streams: list[str] = []
    texts: list[str] = []
    edge = min(end, offset + LINE_BYTES)
    while offset < edge and len(texts) < LINES:
        length, kind, _, _ = ENTRY.unpack_from(view, offset)
        if kind != CONSOLE:
            break
        moment, stream, size = LINE.unpack_from(view, offset + ENTRY.size)
        at = offset + ENTRY.size + LINE.size
        times.append(moment)
        streams.append(STREAMS[stream])
        texts.append(str(view[at : at + size], "utf-8"))
        offset += length
    after = Position(start.segment, offset, start.record + len(texts))
    columns = {"times": _base64(times), "streams": streams, "texts": texts}
    return Batch(CONSOLE, "append_console", columns, start, after, 0)


def _payload(segment: Segment, offset: int) -> Any:
    length = ENTRY.unpack_from(segment.view, offset)[0]
    return json.loads(bytes(segment.view[offset + ENTRY.size : offset + length]))


def _metrics(journal: Journal, segment: Segment, start: Position, end: int, limit: int) -> Batch:
    view, words = segment.view, segment.words
    numbers = view.cast("q")
    shapes = journal.shapes(segment, start.offset)
    tables: dict[int, _Table] = {}
    offset, row, points = start.offset, 0, 0
    edge = min(end, start.offset + BYTES)
    while offset < edge and points < limit:
        at = offset >> 3
        word = words[at]
        size = word & 0xFFFFFFFF
        table = tables.get(word)
        if table is None:
            kind = word >> 32
            if kind == SHAPE:
                learn(shapes, view[offset + ENTRY.size : offset + size])
                offset += size
                continue
            if kind < METRICS:
                break
            table = tables[word] = _Table(shapes[kind])
        width = table.width
        stop = offset + size
        if stop >= edge or words[stop >> 3] != word:
            table.records.append(row)
            table.steps.append(numbers[at + 2])
            table.times.append(numbers[at + 3])
            if width == 1:
                table.values.append(numbers[at + 4])
            else:
                table.values.frombytes(view[offset + 32 : stop])
            rows = 1
        else:
            most = min((edge - offset) // size, max(1, (limit - points) // width))
            rows = _alike(words, offset, size, word, most)
            stop = offset + rows * size
            jump = size >> 3
            table.records.extend(range(row, row + rows))
            table.steps.frombytes(words[at + 2 : stop >> 3 : jump].tobytes())
            table.times.frombytes(words[at + 3 : stop >> 3 : jump].tobytes())
            cut = Struct(f"32x{size - 32}s").iter_unpack(view[offset:stop])
            table.values.frombytes(b"".join(chain.from_iterable(cut)))
        offset = stop
        row += rows
        points += rows * width
    after = Position(start.segment, offset, start.record + row)
    columns = [_columns(table, len(tables) == 1) for table in tables.values()]
    return Batch(METRICS, "append_metrics", {"tables": columns}, start, after, points)


def _alike(words: memoryview, offset: int, size: int, word: int, most: int) -> int:
    """How many entries of one shape follow one another, at least; compared as a column, in C."""
    at, jump = offset >> 3, size >> 3
    mark = word.to_bytes(8, sys.byteorder)
    rows = 1
    while rows < most:
        reach = min(rows * 4, most)
        if words[at + rows * jump] != word:
            return rows
        if words[at : at + reach * jump : jump].tobytes() != mark * reach:
            return rows
        rows = reach
    return rows


def _columns(table: _Table, whole: bool) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "keys": table.keys,
        "steps": _base64(table.steps),
        "times": _base64(table.times),
        "values": _base64(table.values),
    }
    if not whole:
        columns["records"] = _base64(table.records)
    return columns


def _base64(column: array[int]) -> str:
    if sys.byteorder == "big":
        column.byteswap()
    return b2a_base64(column, newline=False).decode("ascii")
