"""The client: reads that wait, histories to the bit, streams that go on where they were cut."""

import random
import struct
import threading
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import trackql
from scripts.process import trackql_server
from trackql import Client
from trackql.entities import Metric, Param, RunTag
from trackql.errors import InvalidInput, NotAvailable, NotFound, Unreachable


def test_a_history_is_bit_for_bit_what_was_logged(memory: Client) -> None:
    chance = random.Random(1)
    run = trackql.start_run()
    expected = array("d")
    for step in range(5_000):
        value = struct.unpack("<d", chance.randbytes(8))[0]
        expected.append(value)
        run.log_metrics({"x": value, "y": 0.0}, step)
    history = memory.history(run.id, "x")
    assert history.values.tobytes() == expected.tobytes()
    assert list(history.steps) == list(range(5_000))
    assert len(history) == history.next_offset == 5_000


def test_a_history_is_read_in_parts(memory: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackql.client.POINTS", 70)
    run = trackql.start_run()
    for step in range(500):
        run.log_metric("x", step, step)
    assert list(memory.history(run.id, "x").values) == list(range(500))
    part = memory.history(run.id, "x", offset=100, limit=150)
    assert list(part.values) == list(range(100, 250))
    assert part.next_offset == 250
    assert len(memory.history(run.id, "x", offset=500)) == 0
    columns = part.numpy()
    assert columns["step"].dtype == np.int64
    assert np.array_equal(columns["value"], np.arange(100.0, 250.0))
    assert part.points()[0] == Metric("x", 100.0, part.times[0], 100, run.id)


def test_what_is_not_there_is_told(memory: Client) -> None:
    run = trackql.start_run()
    with pytest.raises(NotFound, match="no metric 'x'"):
        memory.history(run.id, "x")
    assert memory.get_metric_history(run.id, "x") == []
    with pytest.raises(NotFound):
        memory.run("0" * 32)
    with pytest.raises(NotFound):
        memory.experiment(name="no such experiment")
    with pytest.raises(InvalidInput, match="run id"):
        memory.run("short")
    with pytest.raises(NotAvailable, match="registry"):
        Client(registry_uri="x")
    with pytest.raises(InvalidInput, match="address"):
        Client("not an address")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        Client("http://127.0.0.1:9").run("0" * 32)


def test_the_mlflow_client_logs_and_reads(memory: Client) -> None:
    client = trackql.MlflowClient(tracking_uri=memory.url)
    place = client.create_experiment("mlflow/client", tags={"a": "b"})
    client.rename_experiment(place, "mlflow/renamed")
    run = client.create_run(place, start_time=1_700_000_000_000, run_name="made", tags={"k": "v"})
    client.log_param(run.info.run_id, "p", 1)
    client.log_metric(run.info.run_id, "m", 0.5, step=3, timestamp=1_700_000_000_500)
    client.set_tag(run.info.run_id, "t", "u")
    client.set_tag(run.info.run_id, "w", "x")
    client.delete_tag(run.info.run_id, "w")
    client.log_batch(
        run.info.run_id,
        metrics=[Metric("m", 0.25, 1_700_000_001_000, 4), Metric("n", 1.0, 1_700_000_001_000)],
        params=[Param("q", "2")],
        tags=[RunTag("y", "z")],
        synchronous=True,
    )
    client.update_run(run.info.run_id, name="better")
    client.set_terminated(run.info.run_id, "FAILED", end_time=1_700_000_002_000)
    found = client.get_run(run.info.run_id)
    assert found.info.run_name == "better"
    assert found.info.status == "FAILED"
    assert (found.info.start_time, found.info.end_time) == (1_700_000_000_000, 1_700_000_002_000)
    assert found.data.params == {"p": "1", "q": "2"}
    assert found.data.tags == {"k": "v", "t": "u", "y": "z"}
    assert found.data.metrics == {"m": 0.25, "n": 1.0}
    assert client.get_metric_history(run.info.run_id, "m") == [
        Metric("m", 0.5, 1_700_000_000_500, 3, run.id),
        Metric("m", 0.25, 1_700_000_001_000, 4, run.id),
    ]
    client.update_run(run.info.run_id, status="RUNNING")
    assert client.get_run(run.info.run_id).info.status == "RUNNING"


def test_searches_are_paged(memory: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackql.client.PAGE", 3)
    monkeypatch.setattr("trackql._finder.RUNS", 3)
    place = memory.create_experiment("paged")
    names = [memory.create_run(place, run_name=f"run {number}").name for number in range(8)]
    assert sorted(run.name for run in memory.runs([place])) == sorted(names)
    first = memory.search_runs([place], max_results=5, order_by=["attributes.run_name ASC"])
    assert [run.name for run in first] == names[:5]
    assert first.token is not None
    rest = memory.search_runs([place], order_by=["attributes.run_name ASC"], page_token=first.token)
    assert [run.name for run in rest] == names[5:]
    assert rest.token is None
    for number in range(4):
        memory.create_experiment(f"paged/{number}")
    assert len(list(memory.experiments(search="paged/"))) == 4
    some = memory.search_experiments(max_results=2)
    assert len(some) == 2
    assert some.token is not None


def test_a_run_with_many_keys_is_read_whole(memory: Client) -> None:
    run = trackql.start_run()
    run.log_params({f"p{number}": number for number in range(1_100)})
    run.log_metrics({f"m{number}": number for number in range(2_500)})
    found = memory.run(run.id)
    assert len(found.data.params) == 1_100
    assert found.data.metrics == {f"m{number}": float(number) for number in range(2_500)}


def collect(
    parts: Iterator[trackql.History], wanted: dict[tuple[str, str], int]
) -> dict[str, list[float]]:
    """Read a stream until each series has the points that are wanted of it."""
    found: dict[str, list[float]] = {}
    for part in parts:
        values = found.setdefault(part.key, [])
        assert part.offset == len(values)
        values.extend(part.values)
        if all(len(found.get(key, ())) >= count for (_, key), count in wanted.items()):
            return found
    raise AssertionError("the stream has ended")


def test_following_sees_backlog_and_news_once(memory: Client) -> None:
    run = trackql.start_run()
    for step in range(100):
        run.log_metrics({"x": step}, step)
    run.flush()

    def work() -> None:
        for step in range(100, 300):
            run.log_metrics({"x": step, "late": -step}, step)
            time.sleep(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    found = collect(memory.follow([run.id]), {(run.id, "x"): 300, (run.id, "late"): 200})
    thread.join()
    assert found["x"] == list(range(300))
    assert found["late"] == [-step for step in range(100, 300)]


def test_following_from_a_cursor_or_from_now(memory: Client) -> None:
    run = trackql.start_run()
    for step in range(50):
        run.log_metrics({"x": step, "y": step}, step)
    run.flush()
    part = next(memory.follow([run.id], keys=["x"], after={(run.id, "x"): 30}))
    assert (part.key, part.offset, list(part.values)) == ("x", 30, list(range(30, 50)))
    news = memory.follow([run.id], backlog=False)
    timer = threading.Timer(0.3, lambda: run.log_metrics({"x": 99.0, "new": 1.0}))
    timer.start()
    seen = [next(news), next(news)]
    timer.join()
    assert sorted((each.key, each.offset, list(each.values)) for each in seen) == [
        ("new", 0, [1.0]),
        ("x", 50, [99.0]),
    ]


def test_a_stream_goes_on_after_the_server_was_killed(
    session: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trackql_server(tmp_path / "home") as server:
        monkeypatch.setenv("TRACKQL_URL", server.url)
        run = trackql.start_run()
        stop = threading.Event()
        count = 0

        def work() -> None:
            nonlocal count
            while not stop.is_set():
                run.log_metric("x", count, count)
                count += 1
                time.sleep(0.002)

        thread = threading.Thread(target=work)
        thread.start()
        seen: list[float] = []
        kills = 0
        for part in Client(server.url).follow([run.id], keys=["x"]):
            assert part.offset == len(seen)
            seen.extend(part.values)
            if kills < 3 and len(seen) > 100 * (kills + 1):
                kills += 1
                server.kill()
                server.start()
            if kills == 3 and not stop.is_set():
                stop.set()
                thread.join()
                trackql.end_run()
            if stop.is_set() and len(seen) == count:
                break
        assert seen == list(range(count))
