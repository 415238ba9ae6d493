"""Requests cut from a journal say exactly what was logged, however they are cut."""

import struct
from base64 import b64decode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trackql import _batch
from trackql._batch import Batch
from trackql._head import START, Position
from trackql._spool import CREATE, FINISH, PARAMS, TAGS, UNTAG, Journal, Quota

META = {"url": "http://127.0.0.1:1", "run": "ab" * 16, "writer": "cd" * 16}

shapes = st.sampled_from([("a",), ("b",), ("a", "b"), ("b", "a"), ("c", "d", "e")])
int64 = st.integers(-(2**63), 2**63 - 1)
value = st.binary(min_size=8, max_size=8)
cells = shapes.flatmap(lambda keys: st.tuples(st.just(keys), st.tuples(*[value] * len(keys))))
row = st.tuples(st.just("row"), cells, int64, int64)
repeated = st.tuples(row, st.integers(1, 40)).map(lambda pair: [pair[0]] * pair[1])
operation = st.sampled_from(
    [
        ("params", {"key": "p", "value": "1"}),
        ("params", {"key": "q", "value": "2"}),
        ("tags", {"key": "t", "value": "3"}),
        ("untag", "t"),
        ("create", {"name": "n"}),
        ("finish", {"status": "FINISHED"}),
    ]
).map(lambda each: [each])
KINDS = {"params": PARAMS, "tags": TAGS, "untag": UNTAG, "create": CREATE, "finish": FINISH}


def log(journal: Journal, entries: list[Any]) -> None:
    for entry in entries:
        if entry[0] == "row":
            _, (keys, raw), step, time = entry
            journal.metrics(
                dict(zip(keys, struct.unpack(f"<{len(raw)}d", b"".join(raw)), strict=True)),
                step,
                time,
            )
        else:
            payload = entry[1] if entry[0] in ("create", "finish") else [entry[1]]
            journal.append(KINDS[entry[0]], payload)


def column(text: str, code: str) -> tuple[Any, ...]:
    raw = b64decode(text)
    return struct.unpack(f"<{len(raw) // 8}{code}", raw)


def spelled(batch: Batch) -> list[Any]:
    """What a server reads from a request, in the order of the records."""
    if batch.operation != "append_metrics":
        names = {
            operation: name
            for name, kind in KINDS.items()
            for operation in [_batch.OPERATIONS[kind]]
        }
        name = names[batch.operation]
        if name in ("create", "finish"):
            return [(name, batch.input)]
        return [(name, each) for each in next(iter(batch.input.values()))]
    found: dict[int, Any] = {}
    for table in batch.input["tables"]:
        keys, steps, times = table["keys"], column(table["steps"], "q"), column(table["times"], "q")
        raw = b64decode(table["values"])
        width = 8 * len(keys)
        records = column(table["records"], "q") if "records" in table else range(len(steps))
        for place, record in enumerate(records):
            bits = raw[place * width : (place + 1) * width]
            cells = tuple(bits[at : at + 8] for at in range(0, width, 8))
            assert record not in found
            found[record] = ("row", (keys, cells), steps[place], times[place])
    assert sorted(found) == list(range(batch.records))
    return [found[record] for record in range(batch.records)]


@settings(deadline=None)
@given(st.lists(st.one_of(repeated, operation), max_size=25), st.integers(1, 200))
def test_any_cut_says_what_was_logged(groups: list[list[Any]], points: int) -> None:
    entries = [entry for group in groups for entry in group]
    with TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder), META, Quota(10**9))
        log(journal, entries)
        told: list[Any] = []
        position = Position(0, START, 0)
        while (batch := _batch.take(journal, position, points)) is not None:
            assert batch.start.record == position.record
            told += spelled(batch)
            position = batch.next
        assert told == entries
        assert position.record == sum(entry[0] not in ("create", "finish") for entry in entries)


@settings(deadline=None)
@given(st.lists(st.one_of(repeated, operation), min_size=1, max_size=15), st.data())
def test_a_request_can_be_cut_again_from_any_record(
    groups: list[list[Any]], data: st.DataObject
) -> None:
    entries = [entry for group in groups for entry in group]
    records = [entry for entry in entries if entry[0] not in ("create", "finish")]
    with TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder), META, Quota(10**9))
        log(journal, entries)
        record = data.draw(st.integers(0, len(records)))
        position = journal.find(record)
        assert position is not None
        told: list[Any] = []
        while (batch := _batch.take(journal, position)) is not None:
            told += [each for each in spelled(batch) if each[0] not in ("create", "finish")]
            position = batch.next
        assert told == records[record:]


def test_requests_stay_within_their_bounds(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, META, Quota(10**9))
    for step in range(30_000):
        journal.metrics({f"m{number}": 1.0 for number in range(20)}, step, step)
    position = Position(0, START, 0)
    while (batch := _batch.take(journal, position)) is not None:
        assert 0 < batch.points <= _batch.POINTS
        size = sum(len(text) for table in batch.input["tables"] for text in table.values())
        assert size <= 1.5 * _batch.BYTES
        position = batch.next
    assert position.record == 30_000


def test_a_key_is_once_in_a_request(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, META, Quota(10**9))
    for number in range(3):
        journal.append(
            PARAMS, [{"key": "same", "value": str(number)}, {"key": str(number), "value": ""}]
        )
    position = Position(0, START, 0)
    counts = []
    while (batch := _batch.take(journal, position)) is not None:
        counts.append((batch.records, len(batch.input["params"])))
        position = batch.next
    assert counts == [(1, 2)] * 3
