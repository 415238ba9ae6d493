"""Delivery: order, retries, lost replies, gaps and refusals, over the true app."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trackql
from tests.sdk.conftest import MEMORY
from trackql import Client, _session, _transport
from trackql._head import Position
from trackql._memory import MemoryServer
from trackql.errors import CostLimit, Forbidden, SequenceGap, ServerError, Unavailable, Unreachable


class Line:
    """A way to the app that can be cut, before a request or behind it."""

    def __init__(self, app: MemoryServer) -> None:
        self.inner = _transport.MemoryTransport(app)
        self.down = False
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.before: list[Exception | None] = []
        self.after: list[Exception | None] = []

    def execute(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        if self.down:
            raise Unreachable("the line is down")
        if self.before and (error := self.before.pop(0)) is not None:
            raise error
        self.requests.append((operation, variables))
        answer = self.inner.execute(operation, variables)
        if self.after and (error := self.after.pop(0)) is not None:
            raise error
        return answer

    def subscribe(self, operation: str, variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
        return self.inner.subscribe(operation, variables)

    def request(self, *arguments: Any, **options: Any) -> Any:
        return self.inner.request(*arguments, **options)

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def line(memory: Client, app: MemoryServer, session: _session.Session) -> Line:
    """The sender's way to the app; reads go around it."""
    cuttable = Line(app)
    session.sender.route(MEMORY).transport = cuttable
    return cuttable


def lane(run: trackql.Run) -> Any:
    return run._lane


def test_replies_that_are_lost_double_nothing(memory: Client, line: Line) -> None:
    chance = random.Random(3)
    line.before = [Unreachable("cut") if chance.random() < 0.3 else None for _ in range(60)]
    line.after = [Unreachable("cut") if chance.random() < 0.3 else None for _ in range(60)]
    run = trackql.start_run()
    for step in range(400):
        run.log_metrics({"x": step}, step)
        if step % 20 == 0:
            run.set_tag("step", step)
            run.log_param(f"p{step}", step)
        time.sleep(0.001)
    assert run.flush(60)
    assert list(memory.history(run.id, "x").values) == list(range(400))
    found = memory.run(run.id)
    assert found.data.tags == {"step": "380"}
    assert len(found.data.params) == 20
    assert found.problems == []


def test_the_next_batch_waits_for_the_former(memory: Client, line: Line) -> None:
    inside = threading.Lock()
    execute = line.inner.execute
    overlaps = []

    def watched(operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        overlaps.append(not inside.acquire(blocking=False))
        try:
            return execute(operation, variables)
        finally:
            inside.release()

    line.inner.execute = watched  # type: ignore[method-assign]
    run = trackql.start_run()
    for step in range(2_000):
        run.log_metric("x", step, step)
    assert run.flush(60)
    assert not any(overlaps)
    positions = [
        variables["input"]["journal"]
        for name, variables in line.requests
        if name == "append_metrics"
    ]
    assert [each["first"] for each in positions] == [
        sum(each["count"] for each in positions[:number]) for number in range(len(positions))
    ]


def test_a_server_that_forgot_is_given_it_again(memory: Client, line: Line) -> None:
    run = trackql.start_run()
    for step in range(50):
        run.log_metric("x", step, step)
    assert run.flush()
    # As if the server had lost the last requests: it expects record 20 of a writer it half knows.
    way = lane(run)
    way.writer = "ab" * 16
    line.before = [SequenceGap("behind", expected=20)]
    run.log_metric("x", 50, 50)
    deadline = time.monotonic() + 10
    while not any(
        variables["input"].get("journal", {}).get("first") == 20 for _, variables in line.requests
    ):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_neither_side_has_is_reported(memory: Client, line: Line) -> None:
    run = trackql.start_run()
    run.log_metric("x", 0.0)
    assert run.flush()
    way = lane(run)
    # The journal begins behind what the server asks for.
    way.journal.segment.record = 5
    way.position = Position(0, way.position.offset, 6)
    way.journal.segment.tail = (way.position.offset, 6, way.journal.segment.tail[2])
    line.before = [SequenceGap("behind", expected=2)]
    run.log_metric("x", 1.0)
    assert run.flush(10)
    deadline = time.monotonic() + 10
    while not (problems := memory.run(run.id).problems):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert problems[0]["code"] == "RECORDS_LOST"
    assert "4 records" in problems[0]["message"]
    assert list(memory.history(run.id, "x").values) == [0.0, 1.0]


def test_requests_that_cost_too_much_are_cut(memory: Client, line: Line) -> None:
    line.down = True
    run = trackql.start_run()
    for step in range(1_000):
        run.log_metrics({"x": step, "y": step}, step)
    line.before = [None, CostLimit("too much"), CostLimit("too much"), CostLimit("too much")]
    line.down = False
    assert run.flush(30)
    sizes = [
        variables["input"]["journal"]["count"]
        for name, variables in line.requests
        if name == "append_metrics"
    ]
    assert min(sizes) <= 130
    assert sum(sizes) == 1_000
    assert list(memory.history(run.id, "y").values) == list(range(1_000))


@pytest.mark.parametrize(
    "error", [Unavailable("later"), Forbidden("no"), ServerError("bug"), RuntimeError("unforeseen")]
)
def test_what_may_pass_is_tried_again(memory: Client, line: Line, error: Exception) -> None:
    line.before = [None, error, error]
    run = trackql.start_run()
    run.log_metric("x", 1.0)
    assert run.flush(30)
    assert list(memory.history(run.id, "x").values) == [1.0]


def test_a_child_waits_for_its_parent(memory: Client, line: Line) -> None:
    line.down = True
    parent = trackql.start_run()
    child = trackql.start_run(nested=True)
    line.before = [ServerError("not yet"), ServerError("not yet")]
    line.down = False
    assert trackql.flush(30)
    created = [
        variables["input"]["id"] for name, variables in line.requests if name == "create_run"
    ]
    assert created == [parent.id, child.id]


def test_while_the_line_is_down_nothing_grows_but_the_journal(
    memory: Client, line: Line, spool: Path
) -> None:
    line.down = True
    run = trackql.start_run()
    metrics = {f"m{number}": 1.0 for number in range(100)}
    for step in range(20_000):
        metrics["m0"] = step
        run.log_metrics(metrics, step)
    assert not run.flush()
    held = list(spool.rglob("*.seg"))
    assert sum(file.stat().st_size for file in held) > 16_000_000
    way = lane(run)
    # Only places are remembered of the segments that are not written any more.
    assert all(isinstance(each, tuple) for each in way.journal.ends.values())
    line.down = False
    assert run.flush(60)
    assert list(memory.history(run.id, "m0").values) == list(range(20_000))
    assert len(list(spool.rglob("*.seg"))) == 1


def test_open_runs_send_heartbeats(
    memory: Client, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackql._sender.HEARTBEAT", 0.05)
    run = trackql.start_run()
    deadline = time.monotonic() + 10
    while [name for name, _ in line.requests].count("heartbeat") < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    beats = [variables for name, variables in line.requests if name == "heartbeat"]
    assert beats[0] == {"input": {"runIds": [run.id]}}
    trackql.end_run()
    before = len(line.requests)
    time.sleep(0.3)
    assert len(line.requests) == before


def test_the_journal_is_gone_once_all_is_delivered(memory: Client, spool: Path) -> None:
    with trackql.start_run():
        trackql.log_metric("x", 1.0)
        assert len(list(spool.iterdir())) == 1
    assert list(spool.iterdir()) == []


def test_logging_goes_on_after_the_end_of_a_run(memory: Client, spool: Path) -> None:
    with trackql.start_run() as run:
        run.log_metric("x", 1.0)
    run.log_metric("x", 2.0)
    run.set_tag("late", True)
    assert trackql.flush(10)
    assert list(memory.history(run.id, "x").values) == [1.0, 2.0]
    assert memory.run(run.id).info.status == "FINISHED"


def test_a_run_that_was_only_attached_lets_go_when_idle(
    memory: Client, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = memory.create_run(memory.create_experiment("idle"))
    trackql.log_metrics({"x": 1.0}, run_id=run.id)
    assert trackql.flush(10)
    assert len(list(spool.iterdir())) == 1
    monkeypatch.setattr("trackql._sender.IDLE", 0.0)
    deadline = time.monotonic() + 10
    while list(spool.iterdir()):
        assert time.monotonic() < deadline
        _session.session.sender.wake()
        time.sleep(0.01)
    trackql.log_metrics({"x": 2.0}, run_id=run.id)
    assert trackql.flush(10)
    assert list(memory.history(run.id, "x").values) == [1.0, 2.0]
