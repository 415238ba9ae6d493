"""What a run does: logging, nesting, resuming, ending, showing itself."""

import threading

import pytest

import trackql
from trackql import Client
from trackql.errors import InvalidInput, NotFound, RunActive


def test_what_is_logged_is_there(memory: Client) -> None:
    with trackql.start_run(run_name="first", tags={"team": "blue"}, description="a try") as run:
        run.log_params({"lr": 0.1, "layers": [1, 2], "name": "x"})
        run.log_metrics({"loss": 0.5, "accuracy": 0.9}, step=1)
        run.log_metrics({"loss": 0.25}, step=2)
        run.set_tag("stage", "dev")
        run.set_tag("gone", "soon")
        run.delete_tag("gone")
    found = memory.run(run.id)
    assert found.name == "first"
    assert found.info.status == "FINISHED"
    assert found.info.end_time is not None
    assert found.data.params == {"lr": "0.1", "layers": "[1, 2]", "name": "x"}
    assert found.data.metrics == {"loss": 0.25, "accuracy": 0.9}
    assert found.data.tags == {"team": "blue", "stage": "dev"}
    assert found.problems == []
    assert found.info.run_id == run.info.run_id


def test_steps_may_repeat_fall_and_be_absent(memory: Client) -> None:
    run = trackql.start_run()
    for step in (3, 3, 1, None, -7, 2**63 - 1, -(2**63)):
        run.log_metric("x", 1.0, step)
    assert list(memory.history(run.id, "x").steps) == [3, 3, 1, 0, -7, 2**63 - 1, -(2**63)]


def test_log_counts_its_steps(memory: Client) -> None:
    run = trackql.start_run()
    run.log({"x": 1})
    run.log({"x": 2})
    run.log({"x": 3}, step=10)
    run.log({"x": 4})
    assert list(memory.history(run.id, "x").steps) == [0, 1, 10, 11]


def test_times_are_taken_or_given(memory: Client) -> None:
    run = trackql.start_run()
    run.log_metric("x", 1.0)
    run.log_metric("x", 2.0, timestamp=1_700_000_000_123)
    times = memory.history(run.id, "x").times
    assert abs(times[0] - run.info.start_time) < 60_000
    assert times[1] == 1_700_000_000_123


def test_shapes_may_change_from_call_to_call(memory: Client) -> None:
    run = trackql.start_run()
    for step in range(300):
        run.log_metrics({"loss": step})
        if step % 3 == 0:
            run.log_metrics({"validation": step, "loss": -step}, step)
        if step % 100 == 0:
            run.set_tag("epoch", step)
    run.log_metrics({})
    expected = [
        value for step in range(300) for value in ([step, -step] if step % 3 == 0 else [step])
    ]
    assert list(memory.history(run.id, "loss").values) == expected
    assert list(memory.history(run.id, "validation").values) == list(range(0, 300, 3))


def test_more_than_one_request_holds(memory: Client) -> None:
    run = trackql.start_run()
    metrics = {f"m{number}": 0.0 for number in range(100)}
    for step in range(5_000):
        metrics["m7"] = step
        run.log_metrics(metrics, step)
    assert run.flush(60)
    history = memory.history(run.id, "m7")
    assert list(history.values) == list(range(5_000))
    assert list(history.steps) == list(range(5_000))


def test_a_param_keeps_its_first_value_and_the_change_is_told(
    memory: Client, caplog: pytest.LogCaptureFixture
) -> None:
    run = trackql.start_run()
    run.log_param("lr", 0.1)
    run.log_params({"lr": 0.2, "depth": 3})
    run.log_metric("after", 1.0)
    found = memory.run(run.id)
    assert found.data.params == {"lr": "0.1", "depth": "3"}
    assert found.data.metrics == {"after": 1.0}
    assert [problem["code"] for problem in found.problems] == ["PARAM_CONFLICT"]
    assert "lr" in caplog.text


def test_children_name_their_parent(memory: Client) -> None:
    with trackql.start_run() as parent:
        with trackql.start_run(nested=True) as child:
            trackql.log_metric("x", 1.0)
        assert trackql.active_run() is parent
        by_id = trackql.start_run(parent_run_id=parent.id)
        by_id.finish()
    assert trackql.active_run() is None
    assert memory.run(child.id).parent_run_id == parent.id
    assert memory.run(by_id.id).parent_run_id == parent.id
    found = trackql.get_parent_run(child.id)
    assert found is not None
    assert found.id == parent.id
    assert trackql.get_parent_run(parent.id) is None


def test_a_second_run_must_be_nested(memory: Client) -> None:
    trackql.start_run()
    with pytest.raises(RunActive, match="nested=True"):
        trackql.start_run()


def test_a_run_is_taken_up_again(memory: Client) -> None:
    with trackql.start_run() as run:
        trackql.log_metric("x", 1.0, step=0)
    with trackql.start_run(run_id=run.id) as again:
        assert again.flush()
        assert memory.run(run.id).info.status == "RUNNING"
        trackql.log_metric("x", 2.0, step=1)
    assert memory.run(run.id).info.status == "FINISHED"
    assert list(memory.history(run.id, "x").values) == [1.0, 2.0]


def test_the_environment_names_the_first_run(
    memory: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trackql.start_run() as run:
        pass
    monkeypatch.setenv("TRACKQL_RUN_ID", run.id)
    with trackql.start_run() as first:
        pass
    with trackql.start_run() as second:
        pass
    assert first.id == run.id
    assert second.id != run.id


def test_threads_have_active_runs_of_their_own(memory: Client) -> None:
    run = trackql.start_run()
    seen: list[str | None] = []

    def work(number: int) -> None:
        active = trackql.active_run()
        seen.append(None if active is None else active.id)
        with trackql.start_run() as own:
            for step in range(200):
                trackql.log_metric("own", number, step)
                trackql.log_metrics({f"shared {number}": step}, step, run_id=run.id)
            ids.append(own.id)

    ids: list[str] = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [None] * 6
    assert len(set(ids)) == 6
    for number in range(6):
        assert list(memory.history(run.id, f"shared {number}").values) == list(range(200))
    assert all(len(memory.history(each, "own")) == 200 for each in ids)


def test_a_run_that_another_thread_ended_is_not_active(memory: Client) -> None:
    run = trackql.start_run()
    thread = threading.Thread(target=run.finish)
    thread.start()
    thread.join()
    assert trackql.active_run() is None
    with trackql.start_run() as other:
        assert other.id != run.id


def test_exceptions_decide_the_status(memory: Client) -> None:
    with pytest.raises(ZeroDivisionError), trackql.start_run() as failed:
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), trackql.start_run() as killed:
        raise KeyboardInterrupt
    with pytest.raises(SystemExit), trackql.start_run() as exited:
        raise SystemExit(0)
    with pytest.raises(SystemExit), trackql.start_run() as refused:
        raise SystemExit(3)
    statuses = [memory.run(run.id).info.status for run in (failed, killed, exited, refused)]
    assert statuses == ["FAILED", "KILLED", "FINISHED", "FAILED"]


def test_a_status_is_one_of_three(memory: Client) -> None:
    run = trackql.start_run()
    with pytest.raises(InvalidInput, match="FINISHED, FAILED, KILLED"):
        run.finish("DONE")
    run.finish("KILLED")
    assert memory.run(run.id).info.status == "KILLED"


def test_names_and_notes_are_tags_with_a_meaning(memory: Client) -> None:
    run = trackql.start_run()
    trackql.set_tags({"mlflow.runName": "better", "mlflow.note.content": "why"})
    run.flush()
    assert memory.run(run.id).name == "better"
    assert run.name == "better"


def test_logging_to_a_run_that_is_not_there_is_told_and_kept(
    memory: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackql._sender.ABSENT", 0.0)
    trackql.log_metrics({"x": 1.0}, run_id="f" * 32)
    assert not trackql.flush(5)
    assert "journal" in caplog.text
    with pytest.raises(NotFound):
        memory.run("f" * 32)


def test_a_deleted_run_stops_its_journal_only(
    memory: Client, caplog: pytest.LogCaptureFixture
) -> None:
    run = trackql.start_run()
    run.flush()
    memory.delete_run(run.id)
    run.log_metric("x", 1.0)
    assert not run.flush(5)
    assert "nothing more is sent" in caplog.text
    trackql.end_run()
    with trackql.start_run() as other:
        trackql.log_metric("x", 1.0)
    assert memory.run(other.id).data.metrics == {"x": 1.0}


def test_a_run_shows_itself(memory: Client, capsys: pytest.CaptureFixture[str]) -> None:
    run = trackql.start_run(run_name="<b>")
    assert run.url == f"{memory.url}/runs/{run.id}"
    shown = run._repr_html_()
    assert run.url in shown
    assert "&lt;b&gt;" in shown
    assert run.id in repr(run)
    assert capsys.readouterr().err == ""


def test_the_terminal_is_told_where_the_run_is(
    memory: Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACKQL_QUIET")
    with trackql.start_run(run_name="seen") as run:
        assert run.url in capsys.readouterr().err
    assert capsys.readouterr().err == "trackql: run seen FINISHED\n"
