"""The journal: what was appended is read back; a cut at any byte leaves a clean prefix."""

import json
import struct
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackql import _spool
from trackql._head import START, Position
from trackql._spool import ENTRY, METRICS, PARAMS, SHAPE, Journal, Quota
from trackql.errors import InvalidInput, InvalidValue

META: dict[str, Any] = {"url": "http://127.0.0.1:1", "run": "ab" * 16, "writer": "cd" * 16}

Row = tuple[dict[str, float], int, int]
int64 = st.integers(-(2**63), 2**63 - 1)
bits = st.binary(min_size=8, max_size=8).map(lambda raw: float(struct.unpack("<d", raw)[0]))
rows = st.tuples(st.dictionaries(st.sampled_from("abcdef"), bits, min_size=1), int64, int64)


def create(folder: Path, limit: int = 10**9) -> Journal:
    return Journal.create(folder / "spool", META, Quota(limit))


def read(journal: Journal) -> list[tuple[str, int, Any]]:
    """Every entry from the acknowledged place on, by the public face of the journal."""
    found: list[tuple[str, int, Any]] = []
    position = journal.head.acknowledged()[0]
    while (window := journal.window(position)) is not None:
        segment, position, end = window
        shapes = journal.shapes(segment, START)
        offset, record = position.offset, position.record
        while offset < end:
            size, kind, _, _ = ENTRY.unpack_from(segment.view, offset)
            body = bytes(segment.view[offset + ENTRY.size : offset + size])
            if kind == SHAPE:
                _spool.learn(shapes, memoryview(body))
            elif kind >= METRICS:
                found.append(("row", record, (shapes[kind], body)))
                record += 1
            else:
                found.append(("operation", record, (kind, json.loads(body))))
                record += kind in _spool.POSITIONED
            offset += size
        position = Position(position.segment, offset, record)
    return found


def packed(row: Row) -> tuple[tuple[str, ...], bytes]:
    metrics, step, time = row
    return tuple(metrics), struct.pack(f"<qq{len(metrics)}d", step, time, *metrics.values())


def reopened(journal: Journal) -> Journal:
    """As a later process finds it, once the owner is gone."""
    journal.abandon()
    assert journal.path is not None
    found = Journal.adopt(journal.path)
    assert found is not None
    return found


@settings(deadline=None)
@given(st.lists(rows, max_size=30))
def test_every_bit_pattern_comes_back_in_order(given_rows: list[Row]) -> None:
    with TemporaryDirectory() as folder:
        journal = create(Path(folder))
        for metrics, step, time in given_rows:
            assert journal.metrics(metrics, step, time)
        expected = [("row", number, packed(row)) for number, row in enumerate(given_rows)]
        assert read(journal) == expected
        assert read(reopened(journal)) == expected


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=12), st.data())
def test_a_cut_at_any_byte_leaves_a_clean_prefix(
    given_rows: list[Row], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        journal = create(Path(folder))
        ends = []
        for metrics, step, time in given_rows:
            journal.metrics(metrics, step, time)
            ends.append(journal.end().offset)
        cut = data.draw(st.integers(0, ends[-1]))
        assert journal.path is not None
        file = journal.path / "0.seg"
        file.write_bytes(file.read_bytes()[:cut])
        whole = [packed(row) for row, end in zip(given_rows, ends, strict=True) if end <= cut]
        assert [entry[2] for entry in read(reopened(journal))] == whole


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=12), st.data())
def test_a_torn_entry_hides_what_is_behind_it(given_rows: list[Row], data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        journal = create(Path(folder))
        ends = []
        for metrics, step, time in given_rows:
            journal.metrics(metrics, step, time)
            ends.append(journal.end().offset)
        at = data.draw(st.integers(START, ends[-1] - 1))
        assert journal.path is not None
        file = journal.path / "0.seg"
        raw = bytearray(file.read_bytes())
        raw[at] ^= data.draw(st.integers(1, 255))
        file.write_bytes(raw)
        before = [packed(row) for row, end in zip(given_rows, ends, strict=True) if end <= at]
        assert [entry[2] for entry in read(reopened(journal))] == before


def test_what_an_interrupted_append_left_is_written_over(tmp_path: Path) -> None:
    journal = create(tmp_path)
    journal.metrics({"a": 1.0}, 0, 0)
    before = journal.segment.tail
    journal.metrics(dict.fromkeys("abcdefgh", 2.0), 1, 1)
    # The signal came behind the commit word and before the tail was moved on.
    journal.segment.tail = before
    journal.metrics({"a": 3.0}, 2, 2)
    kept = [packed(({"a": 1.0}, 0, 0)), packed(({"a": 3.0}, 2, 2))]
    assert [entry[2] for entry in read(reopened(journal))] == kept


def test_a_new_segment_declares_its_shapes_again(tmp_path: Path) -> None:
    journal = create(tmp_path)
    metrics = {f"key {number}": float(number) for number in range(50)}
    for step in range(5_000):
        journal.metrics(metrics, step, step)
    end = journal.end()
    assert end.segment > 0
    assert end.record == 5_000
    journal.acknowledge(Position(end.segment, START, journal.segment.record), 0, META["writer"])
    found = read(reopened(journal))
    assert found[-1][2] == packed((metrics, 4_999, 4_999))
    assert [entry[1] for entry in found] == list(range(found[0][1], 5_000))


def test_acknowledged_segments_are_deleted(tmp_path: Path) -> None:
    journal = create(tmp_path)
    for step in range(20_000):
        journal.metrics({"a": 1.0, "b": 2.0}, step, step)
    assert journal.path is not None
    assert len(list(journal.path.glob("*.seg"))) > 1
    journal.acknowledge(journal.end(), 0, META["writer"])
    assert [file.name for file in journal.path.glob("*.seg")] == [f"{journal.end().segment}.seg"]
    assert journal.quota.used == journal.segment.size
    found = reopened(journal)
    assert read(found) == []
    assert found.end() == journal.end()


def test_an_acknowledgement_cut_off_in_writing_leaves_the_former(tmp_path: Path) -> None:
    journal = create(tmp_path)
    for step in range(3):
        journal.metrics({"a": 1.0}, step, step)
    first = Position(0, START + 96, 1)
    journal.acknowledge(first, 0, META["writer"])
    journal.acknowledge(journal.end(), 0, META["writer"])
    newest = journal.head.SLOTS[journal.head.turn % 2]
    journal.head.area[newest + 9] ^= 1
    assert reopened(journal).head.acknowledged() == (first, 0, META["writer"])


def test_a_living_owner_keeps_others_away(tmp_path: Path) -> None:
    journal = create(tmp_path)
    assert journal.path is not None
    assert Journal.adopt(journal.path) is None
    journal.abandon()
    adopted = Journal.adopt(journal.path)
    assert adopted is not None
    assert adopted.meta == META
    assert Journal.adopt(journal.path) is None


def test_a_record_is_found_while_it_is_held(tmp_path: Path) -> None:
    journal = create(tmp_path)
    places = []
    for step in range(10_000):
        if step % 3 == 0:
            journal.append(PARAMS, [{"key": str(step), "value": "x"}])
        else:
            journal.metrics({"a": 1.0, "b": 1.0, "c": 2.0}, step, step)
        places.append(journal.end())
    for record in (0, 1, 4_000, 9_998):
        found = journal.find(record + 1)
        assert found is not None
        assert found.record == record + 1
        assert (found.segment, found.offset) >= places[record][:2]
    assert journal.find(10_000) == journal.end()
    assert journal.find(10_001) is None
    journal.acknowledge(journal.end(), 0, META["writer"])
    assert journal.find(0) is None


def test_points_beyond_the_bound_are_dropped_and_counted(tmp_path: Path) -> None:
    told: list[str] = []
    journal = create(tmp_path, limit=_spool.FIRST_SIZE)
    journal.warned = told.append
    kept = sum(journal.metrics({"a": 1.0, "b": 2.0}, step, step) for step in range(10_000))
    assert 3_000 < kept < 10_000
    assert journal.head.dropped == 2 * (10_000 - kept)
    assert journal.end().record == kept
    assert told
    # The end of a run still has room.
    assert journal.append(_spool.FINISH, {"status": "FINISHED"})
    again = reopened(journal)
    assert again.head.dropped == 2 * (10_000 - kept)
    assert len(read(again)) == kept + 1


def test_a_long_text_gets_a_segment_of_its_size(tmp_path: Path) -> None:
    journal = create(tmp_path)
    text = "x" * (3 * 1024 * 1024)
    journal.append(PARAMS, [{"key": "a", "value": text}])
    journal.metrics({"a": 1.0}, 0, 0)
    found = read(reopened(journal))
    assert found[0][2][1][0]["value"] == text
    assert found[1][1] == 1


@pytest.mark.parametrize("value", ["0.5", b"1", None, [1, 2], object(), 10**400, 1j])
def test_what_is_no_number_names_its_key(tmp_path: Path, value: object) -> None:
    journal = create(tmp_path)
    with pytest.raises(InvalidValue, match="'loss'") as caught:
        journal.metrics({"accuracy": 1.0, "loss": value}, 0, 0)
    assert isinstance(caught.value, TypeError)
    assert caught.value.key == "loss"
    assert read(journal) == []


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 0.5, "1", None])
def test_a_step_must_be_an_int64(tmp_path: Path, step: object) -> None:
    with pytest.raises((InvalidInput, InvalidValue), match="step"):
        create(tmp_path).metrics({"a": 1.0}, step, 0)


@pytest.mark.parametrize("key", ["", "nul\0", "x" * 501, "\ud800", 1, None])
def test_a_key_must_be_text_that_can_be_stored(tmp_path: Path, key: Any) -> None:
    with pytest.raises(InvalidInput, match="key"):
        create(tmp_path).metrics({key: 1.0}, 0, 0)
