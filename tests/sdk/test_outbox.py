"""The outbox on disk: what was added is taken back whole and in order, also after a kill."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackql import _outbox, _segment, _snapshot
from trackql._outbox import Box, NoRoom, Outbox
from trackql._outgoing import _told, walk
from trackql._segment import Segment

RUN = "0" * 32
URL = "http://127.0.0.1:9"


def opened(spool: Path, limit: int = 1 << 40) -> tuple[Outbox, Box]:
    outbox = Outbox(spool, limit)
    return outbox, outbox.box(URL, RUN)


def add(outbox: Outbox, box: Box, path: str, data: bytes) -> None:
    outbox.append(box, _told(path, data, None, None), data)


def held(box: Box) -> list[tuple[str, bytes]]:
    """All that a box has of what is small."""
    found = []
    for segment in box.segments:
        while segment.done < segment.tail:
            for item in segment.take(7, 1 << 16):
                found.append((str(item.path), bytes(item.body)))
                segment.done = item.end
    return found


def adopted(outbox: Outbox) -> Outbox:
    """The same as another process finds it once its owner is gone."""
    root = outbox.root
    assert root is not None
    assert Outbox.adopt(root) is None
    outbox.abandon()
    found = Outbox.adopt(root)
    assert found is not None
    return found


@settings(deadline=None)
@given(bodies=st.lists(st.binary(max_size=200), min_size=1, max_size=30), data=st.data())
def test_a_torn_tail_costs_only_what_was_torn(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], data: st.DataObject
) -> None:
    outbox, box = opened(tmp_path_factory.mktemp("spool"))
    ends = []
    for number, body in enumerate(bodies):
        add(outbox, box, f"é/{number}", body)
        ends.append(box.segments[-1].tail)
    [segment] = box.segments
    cut = data.draw(st.integers(_segment.START, ends[-1]))
    os.truncate(segment.path, cut)
    whole = [
        (f"é/{n}", body)
        for n, (body, end) in enumerate(zip(bodies, ends, strict=True))
        if end <= cut
    ]
    later = adopted(outbox)
    assert held(later.box(URL, RUN)) == whole
    later.abandon()


@settings(deadline=None)
@given(place=st.integers(0, 2**31), data=st.binary(min_size=1, max_size=50))
def test_bytes_that_changed_are_never_taken(
    tmp_path_factory: pytest.TempPathFactory, place: int, data: bytes
) -> None:
    outbox, box = opened(tmp_path_factory.mktemp("spool"))
    for number in range(3):
        add(outbox, box, f"{number}", data)
    [segment] = box.segments
    raw = bytearray(segment.path.read_bytes())
    at = _segment.START + place % (len(raw) - _segment.START)
    raw[at] ^= 0xFF
    segment.path.write_bytes(raw)
    later = adopted(outbox)
    found = held(later.box(URL, RUN))
    assert found == [(f"{number}", data) for number in range(len(found))]
    assert len(found) < 3
    later.abandon()


def test_what_was_acknowledged_is_not_taken_again(tmp_path: Path) -> None:
    outbox, box = opened(tmp_path)
    for number in range(4):
        add(outbox, box, f"{number}", b"x" * number)
    [segment] = box.segments
    [first, second] = segment.take(2, 1 << 20)
    assert (first.path, second.path) == ("0", "1")
    outbox.sent_small(box, segment, second.end, 2)
    assert box.files() == 2
    later = adopted(outbox)
    assert held(later.box(URL, RUN)) == [("2", b"xx"), ("3", b"xxx")]
    later.abandon()


def test_nothing_is_left_of_what_was_delivered(tmp_path: Path) -> None:
    outbox, box = opened(tmp_path)
    add(outbox, box, "a", b"1")
    large = outbox.copy(box, {"path": "b"}, b"2" * 100)
    [segment] = box.segments
    [item] = segment.take(10, 1 << 20)
    outbox.sent_small(box, segment, item.end, 1)
    outbox.sent_large(box, large)
    assert not box.pending()
    assert outbox.used == 0
    outbox.tidy()
    assert list(tmp_path.iterdir()) == []


def test_a_copy_counts_from_its_words_on(tmp_path: Path) -> None:
    outbox, box = opened(tmp_path / "spool")
    outbox.copy(box, {"path": "whole"}, b"1" * 100)
    large = outbox.copy(box, {"path": "half"}, b"2" * 100)
    assert large.words is not None
    large.words.unlink()
    later = adopted(outbox)
    [kept] = later.box(URL, RUN).large
    assert kept.path == "whole"
    assert kept.sha256() == hashlib.sha256(b"1" * 100).hexdigest()
    assert later.root is not None
    assert len(list(later.root.glob("*.data"))) == 1
    later.abandon()


def test_what_comes_behind_something_large_has_a_segment_of_its_own(tmp_path: Path) -> None:
    outbox, box = opened(tmp_path)
    add(outbox, box, "a", b"1")
    large = outbox.copy(box, {"path": "a"}, b"2" * 100)
    add(outbox, box, "a", b"3")
    add(outbox, box, "b", b"4")
    assert [segment.number < large.number for segment in box.segments] == [True, False]


def test_a_bound_is_kept(tmp_path: Path) -> None:
    outbox, box = opened(tmp_path, limit=1000)
    with pytest.raises(NoRoom, match="bound of 1000 bytes"):
        add(outbox, box, "a", b"x" * 1000)
    with pytest.raises(NoRoom):
        outbox.copy(box, {"path": "a"}, b"x" * 1001)
    add(outbox, box, "a", b"x" * 500)
    assert held(box) == [("a", b"x" * 500)]


def test_without_a_folder_there_is_no_room(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not a folder")
    outbox, box = opened(tmp_path / "spool")
    with pytest.raises(NoRoom):
        add(outbox, box, "a", b"x")
    with pytest.raises(NoRoom):
        outbox.copy(box, {"path": "a"}, b"x")


def test_a_snapshot_is_the_file_as_it_was(tmp_path: Path) -> None:
    source = tmp_path / "source"
    content = os.urandom(20_000_001)
    source.write_bytes(content)
    with source.open("rb") as file:
        size, digest = _snapshot.take(file.fileno(), tmp_path / "copy")
    source.write_bytes(b"changed")
    assert size == len(content)
    assert digest.value() == hashlib.sha256(content).hexdigest()
    assert (tmp_path / "copy").read_bytes() == content
    digest.forget()
    assert digest.value() == hashlib.sha256(content).hexdigest()


def test_threads_append_side_by_side(tmp_path: Path) -> None:
    outbox, box = opened(tmp_path)

    def work(name: int) -> None:
        for number in range(200):
            add(outbox, box, f"{name}/{number}", str(number).encode())

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = held(box)
    assert len(found) == 800
    for name in range(4):
        own = [data for path, data in found if path.startswith(f"{name}/")]
        assert own == [str(number).encode() for number in range(200)]


KILLED = """
import sys
from pathlib import Path
from trackql._outbox import Outbox
from trackql._outgoing import _told
outbox = Outbox(Path(sys.argv[1]), 1 << 40)
box = outbox.box("http://127.0.0.1:9", "0" * 32)
print(flush=True)
number = 0
while True:
    data = bytes([number % 256]) * (number * 37 % 5000)
    outbox.append(box, _told(f"{number}", data, None, None), data)
    number += 1
    print(number, flush=True)
"""


def test_a_killed_process_leaves_all_that_its_calls_returned_for(tmp_path: Path) -> None:
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(300):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].splitlines()
        returned = int(rest[-1]) if rest else 299
        [root] = _outbox.left(tmp_path)
        outbox = Outbox.adopt(root)
        assert outbox is not None
        box = outbox.box(URL, RUN)
        found = held(box)
        assert returned <= len(found) <= returned + 1
        for number, (path, data) in enumerate(found):
            assert path == str(number)
            assert data == bytes([number % 256]) * (number * 37 % 5000)
        outbox.discard(box)
        outbox.tidy()


def test_a_forked_child_holds_nothing_of_its_parent(tmp_path: Path) -> None:
    outbox, box = opened(tmp_path)
    add(outbox, box, "a", b"1")
    child = os.fork()
    if not child:  # pragma: no cover
        outbox.abandon()
        os._exit(0 if box.segments[0]._descriptor < 0 else 1)
    assert os.waitpid(child, 0)[1] == 0
    add(outbox, box, "b", b"2")
    assert held(box) == [("a", b"1"), ("b", b"2")]


def test_hundreds_of_runs_hold_few_files_open(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, 1 << 40)
    before = len(os.listdir("/proc/self/fd"))
    for turn in range(2):
        for number in range(300):
            add(outbox, outbox.box(URL, f"{number:032x}"), f"{turn}", b"%d" % number)
    assert len(os.listdir("/proc/self/fd")) <= before + _outbox.OPEN + 2
    later = adopted(outbox)
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    for number in range(300):
        expected = [(f"{turn}", b"%d" % number) for turn in range(2)]
        assert held(later.box(URL, f"{number:032x}")) == expected
    later.abandon()


def test_a_segment_without_a_head_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "00000001.log"
    file.write_bytes(b"short")
    assert Segment.adopt(file, 1) is None


def test_a_walk_stays_below_its_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = tmp_path / "root"
    (root / "in/deep").mkdir(parents=True)
    (root / "in/deep/file").write_text("1")
    (root / "b").write_text("2")
    (tmp_path / "secret").write_text("3")
    (tmp_path / "rooted").mkdir()
    (tmp_path / "rooted/secret").write_text("4")
    (root / "within").symlink_to("b")
    (root / "folder").symlink_to("in")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "beside").symlink_to(tmp_path / "rooted")
    (root / "round").symlink_to(root)
    (root / "broken").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    names = [name for _, name in walk(root)]
    assert names == ["b", "folder/deep/file", "in/deep/file", "within"]
    told = " ".join(record.getMessage() for record in caplog.records)
    for name in ("out", "beside", "round", "broken", "pipe"):
        assert f"{root}/{name} is not logged" in told
