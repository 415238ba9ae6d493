"""Runs that listen: asked to stop, and for other values of live parameters, by the true app."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import trackql
from tests.sdk.conftest import MEMORY, Script
from trackql import Client, _session
from trackql._live import LiveParam, declared, fitting
from trackql.errors import InvalidInput, NotFound, RunEnded, RunStopped, Unreachable


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch, spool: Any) -> None:
    """Listening runs ask all the time."""
    monkeypatch.setenv("TRACKQL_LISTEN_INTERVAL", "0.005")


class Spy:
    """The sender's way to the app, with what goes over it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.operations: list[tuple[str, dict[str, Any]]] = []
        self.down = False

    def execute(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        self.operations.append((operation, variables))
        if self.down:
            raise Unreachable("the line is down")
        found: dict[str, Any] = self.inner.execute(operation, variables)
        return found

    def asked(self) -> int:
        """How often it was asked what holds."""
        return sum(operation == "open_requests" for operation, _ in self.operations)

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def spy(memory: Client, session: _session.Session) -> Spy:
    route = session.sender.route(MEMORY)
    spied = Spy(route.transport)
    route.transport = spied  # type: ignore[assignment]
    return spied


def until(condition: Callable[[], bool]) -> None:
    """Wait for what the sender's thread brings about; nobody tells of it."""
    waiting = threading.Event()
    for _ in range(6_000):
        if condition():
            return
        waiting.wait(0.005)
    raise AssertionError("it did not come to that")


def requests(memory: Client, run: trackql.Run) -> list[dict[str, Any]]:
    """What holds of what was asked of a run."""
    found = memory._transport.execute("open_requests", {"runIds": [run.id]})
    rows: list[dict[str, Any]] = found["openRequests"]
    return rows


def test_a_run_learns_that_it_should_stop(memory: Client) -> None:
    with trackql.start_run() as run:
        assert not trackql.should_stop()
        assert memory.request_stop(run.id, "enough ☃") == []
        until(lambda: run.should_stop)
        assert trackql.should_stop()
        assert run.stop_reason == "enough ☃"
        until(lambda: requests(memory, run)[0]["seenAt"] is not None)
        run.log_metric("x", 1)
    assert memory.run(run.id).info.status == "FINISHED"
    assert run.should_stop
    with pytest.raises(RunEnded, match="resume"):
        memory.request_stop([run.id])


def test_nothing_is_asked_before_a_run_listens(memory: Client, spy: Spy) -> None:
    with trackql.start_run() as run:
        run.log_metric("x", 1)
        assert run.flush(60)
        assert spy.asked() == 0
        assert run.should_stop is False
        until(lambda: spy.asked() > 3)
    assert not trackql.should_stop()
    count = spy.asked()
    with trackql.start_run() as other:
        other.log_metric("x", 1)
        other.flush(60)
    # Who ended listens no more.
    assert spy.asked() <= count + 1


def test_all_runs_are_asked_for_at_once(memory: Client, spy: Spy) -> None:
    runs = [trackql.start_run(nested=True, on_stop="flag") for _ in range(4)]
    ids = sorted(run.id for run in runs)
    until(lambda: ("open_requests", {"runIds": ids}) in spy.operations)
    memory.request_stop([run.id for run in runs[:2]])
    until(lambda: runs[0].should_stop and runs[1].should_stop)
    assert not runs[2].should_stop
    for run in runs[::-1]:
        run.finish()


def test_the_next_call_that_logs_raises(memory: Client) -> None:
    steps = 0
    with (  # noqa: PT012
        pytest.raises(RunStopped, match="asked to stop: why"),
        trackql.start_run(on_stop="raise") as run,
    ):
        run.log_metric("x", 0)
        memory.request_stop(run.id, "why")
        for _ in range(10_000_000):
            trackql.log_metric("x", 1, step=steps)
            steps += 1
    found = memory.run(run.id)
    assert found.info.status == "KILLED"
    assert len(memory.history(run.id, "x").values) == steps + 1


@pytest.mark.parametrize(
    "log",
    [
        lambda run: run.log_param("p", 1),
        lambda run: run.set_tag("t", 1),
        lambda run: run.log({"x": 1}),
        lambda run: run.live_param("q", 1),
    ],
    ids=["param", "tag", "log", "live_param"],
)
def test_it_raises_once_so_that_what_is_left_can_be_logged(
    memory: Client, log: Callable[[trackql.Run], None]
) -> None:
    run = trackql.start_run(on_stop="raise")
    memory.request_stop(run.id)
    ear = run._ear
    assert ear is not None
    until(lambda: ear.armed and run._lane is None)
    with pytest.raises(RunStopped):
        log(run)
    run.set_tag("last", "words")
    assert run.should_stop
    run.finish("KILLED")
    assert memory.run(run.id).data.tags["last"] == "words"


def test_ending_a_run_does_not_raise(memory: Client) -> None:
    with trackql.start_run(on_stop="raise") as run:
        memory.request_stop(run.id)
        ear = run._ear
        assert ear is not None
        until(lambda: ear.armed and run._lane is None)
    assert memory.run(run.id).info.status == "FINISHED"


def test_a_run_that_is_taken_up_again_goes_on(memory: Client) -> None:
    with trackql.start_run(on_stop="flag") as run:
        memory.request_stop(run.id)
        until(lambda: run.should_stop)
    with trackql.start_run(run_id=run.id, on_stop="flag") as again:
        assert again.flush(60)
        ear = again._ear
        assert ear is not None
        assert not again.should_stop
        memory.request_stop(run.id, "second")
        until(lambda: again.should_stop)
        assert again.stop_reason == "second"


def test_it_learns_after_the_server_was_away(memory: Client, spy: Spy) -> None:
    with trackql.start_run(on_stop="flag") as run:
        assert run.flush(60)
        spy.down = True
        until(lambda: spy.operations[-1][0] == "open_requests")
        memory.request_stop(run.id)
        assert not run.should_stop
        spy.down = False
        until(lambda: run.should_stop)


def test_it_learns_while_metrics_pour_in(memory: Client) -> None:
    with trackql.start_run(on_stop="flag") as run:
        memory.request_stop(run.id)
        for step in range(100_000_000):
            run.log_metrics({"x": step, "y": -step}, step)
            if run.should_stop:
                break
        assert run.should_stop


def test_a_live_parameter_changes_while_the_script_runs(memory: Client) -> None:
    with trackql.start_run() as run:
        lr = run.live_param("lr", 1e-3, min=1e-6, max=1)
        assert (lr.value, float(lr), f"{lr:.4f}") == (1e-3, 1e-3, "0.0010")
        epochs = trackql.live_param("epochs", 10, min=1)
        flip = run.live_param("flip", False)
        mode = run.live_param("mode", "slow", choices=["slow", "fast"])
        note = run.live_param("note", "")
        memory.set_live_param(run.id, "lr", 0.5)
        memory.set_live_param(run.id, "epochs", 3)
        memory.set_live_param(run.id, "flip", True)
        memory.set_live_param(run.id, "mode", "fast")
        memory.set_live_param(run.id, "note", "hi ☃")
        until(lambda: all(each["seenAt"] for each in requests(memory, run)))
        assert (float(lr), int(epochs), bool(flip), str(mode), note.value) == (
            0.5,
            3,
            True,
            "fast",
            "hi ☃",
        )
        assert list(range(epochs)) == [0, 1, 2]
        assert run.live_param("lr", 1e-3, min=1e-6, max=1) is lr
        for key, value in (("lr", 2), ("epochs", 0), ("mode", "other"), ("flip", 1)):
            with pytest.raises(InvalidInput, match="takes"):
                memory.set_live_param(run.id, key, value)
        with pytest.raises(NotFound, match="'epochs', 'flip', 'lr'"):
            memory.set_live_param(run.id, "nope", 1)
    assert memory.run(run.id).problems == []


def test_a_value_asked_for_outlives_the_script(memory: Client) -> None:
    with trackql.start_run() as run:
        run.live_param("lr", 0.1)
        memory.set_live_param(run.id, "lr", 0.2)
    with trackql.start_run(run_id=run.id) as again:
        lr = again.live_param("lr", 0.1)
        until(lambda: lr.value == 0.2)
        # A parameter that is declared later begins with the value that was asked for.
        other = again.live_param("lr", 0.3)
        assert other.value == 0.2


def test_what_makes_no_sense_is_refused_at_once(memory: Client) -> None:
    with trackql.start_run() as run:
        for given, argument in (
            ({"key": "", "value": 1}, "key"),
            ({"key": "a", "value": None}, "value"),
            ({"key": "a", "value": float("nan")}, "value"),
            ({"key": "a", "value": 3, "max": 2}, "value"),
            ({"key": "a", "value": "x", "min": 2}, "min"),
            ({"key": "a", "value": 1, "max": float("inf")}, "max"),
            ({"key": "a", "value": 1, "choices": []}, "choices"),
            ({"key": "a", "value": 1, "choices": [2]}, "value"),
        ):
            with pytest.raises(InvalidInput) as caught:
                run.live_param(**given)
            assert caught.value.argument == argument
    with pytest.raises(InvalidInput) as caught:
        trackql.start_run(on_stop="explode")  # type: ignore[arg-type]
    assert caught.value.argument == "on_stop"
    assert trackql.active_run() is None


def test_what_is_refused_later_is_shown_on_the_run(memory: Client) -> None:
    with trackql.start_run() as run:
        for number in range(101):
            run.live_param(f"p{number}", number)
        run.log_metric("x", 1)
    found = memory.run(run.id)
    assert [each["code"] for each in found.problems] == ["INVALID_INPUT"]
    assert "100" in found.problems[0]["message"]
    assert found.data.metrics["x"] == 1


def test_values_that_do_not_fit_are_passed_over() -> None:
    param = LiveParam("a", declared("a", 3, 0, 9))
    for wrong in (10, -1, 0.5, "3", True, None, float("nan")):
        param.take(wrong)
        assert param.value == 3
    param.take(4.0)
    assert (param.value, type(param.value)) == (4, int)
    with pytest.raises(TypeError, match="no integer"):
        range(LiveParam("b", declared("b", 0.5)))
    assert fitting(declared("c", 1, choices=[1, "x", True]), True) is True


FORKED = """
import os, sys, trackql
with trackql.start_run(on_stop="flag") as run:
    run.flush()
    if os.fork() == 0:
        assert run._ear is None and not run.should_stop
        run.log_metric("child", 1)
        sys.exit(0)
    os.wait()
"""


def test_a_forked_child_listens_on_its_own(script: Script, server: Any) -> None:
    script.run(FORKED, TRACKQL_URL=server.url)


UNCAUGHT = """
import trackql
run = trackql.start_run(on_stop="raise")
run.flush()
trackql.Client().request_stop(run.id, "from outside")
print(run.id, flush=True)
while True:
    run.log_metric("x", 1)
"""


def test_a_script_that_catches_nothing_ends_killed(script: Script, server: Any) -> None:
    env = {"TRACKQL_URL": server.url, "TRACKQL_LISTEN_INTERVAL": "0.01"}
    done = script.run(UNCAUGHT, code=1, **env)
    assert "RunStopped" in done.stderr
    with Client(server.url) as client:
        assert client.run(done.stdout.strip()).info.status == "KILLED"


def test_offline_nothing_waits(session: Iterator[Any]) -> None:
    with trackql.start_run(on_stop="raise") as run:
        lr = run.live_param("lr", 0.1)
        for step in range(100):
            run.log_metric("x", float(lr), step)
            assert not run.should_stop
