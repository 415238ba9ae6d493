"""Alerts that a script raises, by the true app."""

import json
from datetime import timedelta
from typing import Any

import pytest

import trackql
from trackql import Client, _alert
from trackql._transport import MemoryTransport
from trackql.errors import InvalidInput

QUERY = """query($id: ID!) { run(id: $id) {
  alerts { nodes { title text level ruleId createdAt } } } }"""


@pytest.fixture
def raised(app: Any, memory: Client) -> Any:
    """The alerts of a run, oldest first."""

    def ask(run: trackql.Run) -> list[dict[str, Any]]:
        assert run.flush(60)
        body = json.dumps({"query": QUERY, "variables": {"id": run.id}}).encode()
        _, reply = MemoryTransport(app)._post(body)
        found: list[dict[str, Any]] = json.loads(reply)["data"]["run"]["alerts"]["nodes"]
        return found[::-1]

    return ask


def test_alerts_arrive_in_order(raised: Any) -> None:
    with trackql.start_run() as run:
        assert run.alert("diverged ☃", text="loss is 1e9", level="ERROR")
        assert trackql.alert("slow", level="WARN")
        assert run.alert("done", level="info")
        run.log_metric("x", 1)
    found = raised(run)
    assert [(each["title"], each["text"], each["level"]) for each in found] == [
        ("diverged ☃", "loss is 1e9", "ERROR"),
        ("slow", "", "WARNING"),
        ("done", "", "INFO"),
    ]
    assert all(each["ruleId"] is None and each["createdAt"] for each in found)
    assert trackql.Client().run(run.id).problems == []


def test_a_title_is_not_raised_again_at_once(raised: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_alert, "TITLES", 10)
    with trackql.start_run() as run:
        assert [run.alert("a") for _ in range(3)] == [True, False, False]
        assert run.alert("b", wait_duration=timedelta(hours=1))
        assert not run.alert("b", wait_duration=0)
        assert [run.alert("c", wait_duration=0) for _ in range(3)] == [True] * 3
        # Each run has pauses of its own.
        with trackql.start_run(nested=True) as other:
            assert other.alert("a")
        for number in range(30):
            assert run.alert(f"n{number}", wait_duration=0)
    assert [each["title"] for each in raised(other)] == ["a"]
    assert run._alerted is not None
    assert len(run._alerted) <= 10


def test_what_makes_no_alert_is_refused_at_once(raised: Any) -> None:
    with trackql.start_run() as run:
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"title": ""}, "title"),
            ({"title": "x" * 501}, "title"),
            ({"title": "a", "level": "LOUD"}, "level"),
            ({"title": "a", "text": "x" * 10_001}, "text"),
        ]
        for given, argument in wrong:
            with pytest.raises(InvalidInput) as caught:
                run.alert(**given)
            assert caught.value.argument == argument
        with pytest.raises(TypeError, match="wait_duration"):
            run.alert("a", wait_duration="long")  # type: ignore[arg-type]
    assert raised(run) == []


def test_it_waits_for_no_server(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKQL_FLUSH_TIMEOUT", "0")
    with trackql.start_run() as run:
        assert run.alert("nobody listens")
