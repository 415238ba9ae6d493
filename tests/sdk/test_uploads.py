"""The uploader on the true app: lines that are cut, runs that come late, bytes that are damaged."""

import io
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trackql
from scripts.process import Server
from tests.sdk.conftest import MEMORY, Script
from trackql import Client, _outbox, _progress, _session, _sync, _transport
from trackql._memory import MemoryServer
from trackql.errors import Unreachable


class Line:
    """A way to the app that is cut now and then, before a request or behind it."""

    def __init__(self, app: MemoryServer, chance: random.Random, rate: float) -> None:
        self.inner = _transport.MemoryTransport(app)
        self.chance = chance
        self.rate = rate
        self.cuts = 0

    def _cut(self) -> None:
        if self.chance.random() < self.rate:
            self.cuts += 1
            raise Unreachable("cut")

    def execute(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        self._cut()
        answer = self.inner.execute(operation, variables)
        self._cut()
        return answer

    def request(self, *arguments: Any, **options: Any) -> Any:
        self._cut()
        reply = self.inner.request(*arguments, **options)
        self._cut()
        return reply

    def subscribe(self, operation: str, variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
        return self.inner.subscribe(operation, variables)

    def close(self) -> None:
        self.inner.close()


def cut_lines(session: _session.Session, app: MemoryServer, rate: float) -> list[Line]:
    """Every way of the uploads to the app."""
    uploader = session.uploads()[1]
    lines = []
    for number, queue in enumerate(uploader.queues):
        line = Line(app, random.Random(number), rate)
        uploader._route(queue, MEMORY).transport = line
        lines.append(line)
    return lines


def stored(run_id: str) -> dict[str, bytes]:
    """Every file of a run as the server has it."""
    root = Path(trackql.download_artifacts(run_id=run_id))
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_lines_that_are_cut_lose_nothing(
    memory: Client, app: MemoryServer, session: _session.Session
) -> None:
    lines = cut_lines(session, app, 0.3)
    expected = {}
    run = trackql.start_run()
    for number in range(300):
        path = f"{number % 100}.txt"
        expected[path] = b"%d" % number
        run.log_text(f"{number}", path)
        if number % 60 == 0:
            expected["large"] = b"%d" % number * 9_000_000
            run._outbox.add_bytes(run, "large", expected["large"])
        if number % 75 == 0:
            run.flush(0.0)
    assert run.flush(60)
    run.finish()
    assert all(line.cuts for line in lines)
    assert stored(run.id) == expected
    assert memory.run(run.id).problems == []


@pytest.mark.parametrize("near", [("127.0.0.1",), ()], ids=["in order", "side by side"])
def test_parts_on_a_line_that_is_cut(
    memory: Client,
    app: MemoryServer,
    session: _session.Session,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    near: tuple[str, ...],
) -> None:
    monkeypatch.setattr("trackql._courier.LOOPBACK", near)
    [_, line] = cut_lines(session, app, 0.25)
    source = tmp_path / "big"
    block = os.urandom(1 << 20)
    first = len(near)  # other bytes than the server has from the time before
    source.write_bytes(b"".join(block[n:] + block[:n] for n in range(first, first + 50)))
    with trackql.start_run() as run:
        run.log_artifact(source)
        assert run.flush(60)
    assert line.cuts
    assert Path(run.download_artifacts("big")).read_bytes() == source.read_bytes()


def test_a_run_may_come_after_its_files(
    memory: Client, session: _session.Session, script: Script
) -> None:
    run_id = os.urandom(16).hex()
    memory.log_text(run_id, "early", "early.txt")
    box = session.outbox(MEMORY).box(run_id)
    assert not session.upload([box], 0.2)
    document = "create_run"
    memory._transport.execute(
        document, {"input": {"id": run_id, "name": "late", "experimentName": "late"}}
    )
    assert session.upload([box], 30)
    assert stored(run_id) == {"early.txt": b"early"}


def test_files_of_a_deleted_run_are_kept_until_they_are_discarded(
    server: Server, script: Script, spool: Path
) -> None:
    source = """
import trackql
with trackql.start_run() as run:
    trackql.log_metric("x", 1)
run_id = run.id
trackql.delete_run(run_id)
trackql.Client().log_text(run_id, "late", "late.txt")
print(run_id)
"""
    done = script.run(source, TRACKQL_URL=server.url)
    run_id = done.stdout.strip()
    assert "deleted" in done.stderr
    assert "1 file not uploaded" in done.stderr
    assert "deleted" in script.trackql("sync", "--all", code=1)
    Client(server.url).restore_run(run_id)
    assert "1 file delivered" in script.trackql("sync", "--all")
    script.run(source, TRACKQL_URL=server.url)
    script.trackql("sync", "--all", "--discard", code=1)
    assert script.trackql("sync", "--all") == "Nothing waits to be delivered.\n"
    assert list(spool.iterdir()) == []


def test_a_copy_that_was_damaged_is_not_stored(
    memory: Client, session: _session.Session, caplog: pytest.LogCaptureFixture
) -> None:
    run = trackql.start_run()
    run.flush()
    outbox, uploader = session.uploads()
    box = outbox.box(MEMORY, run.id)
    for path, size in (("medium", 9_000_000), ("big", 40_000_000)):
        large = outbox.copy(box, {"path": path}, b"x" * size)
        large.digest.path.write_bytes(b"y" * size)
    uploader.wake(1)
    run.log_text("behind", "behind")
    assert run.flush(60)
    run.finish()
    assert stored(run.id) == {"behind": b"behind"}
    problems = memory.run(run.id).problems
    assert [each["code"] for each in problems] == ["WRONG_DIGEST"] * 2
    assert "medium was not stored" in caplog.text


def test_two_syncs_at_once_deliver_once(script: Script, server: Server, spool: Path) -> None:
    source = """
import trackql
with trackql.start_run() as run:
    for number in range(50):
        run.log_text(f"{number}", f"{number}")
"""
    for _ in range(4):
        script.run(source, TRACKQL_URL="http://127.0.0.1:9")
    assert len(list(_outbox.left(spool))) == 4
    for path in _sync.left():  # the runs themselves
        assert path.name != _outbox.FOLDER
    told: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: told.append(script.trackql("sync", "--all", "--to", server.url))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    script.trackql("sync", "--all", "--to", server.url)
    assert "".join(told).count("50 files delivered") <= 4
    assert list(spool.iterdir()) == []


class Terminal(io.StringIO):
    """Something that a bar is drawn on."""

    def isatty(self) -> bool:
        return True


def test_a_long_wait_shows_a_bar(
    session: _session.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _progress.bar("uploading") as watch:
        assert watch is None  # quiet was asked for
    monkeypatch.delenv("TRACKQL_QUIET")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with _progress.bar("uploading") as watch:
        assert watch is None  # no terminal
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    with _progress.bar("uploading") as watch:
        assert watch is not None
        assert screen.getvalue() == ""  # nothing yet: most waits are short
        watch(5_000_000, 10_000_000)
    assert "uploading" in screen.getvalue()
    assert "5.0/10.0 MB" in screen.getvalue()
