"""Metrics of the machine: logged under `system/` while a run lasts, unless turned off."""

import time
from collections.abc import Iterator

import pytest

import trackql
from trackql import Client, Run, _system
from trackql.errors import InvalidInput


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """As chosen in a fresh process."""
    yield
    _system.Settings.enabled = None
    _system.set_interval(None)
    _system.set_samples(None)
    _system.set_node(None)


def sampled(client: Client, run: Run, key: str, count: int) -> list[float]:
    """The values of a metric, once there are so many."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        trackql.flush()
        found = client.run(run.id).data.metrics
        if key in found:
            history = client.history(run.id, key)
            if len(history) >= count:
                assert list(history.steps) == list(range(len(history)))
                return list(history.values)
        time.sleep(0.02)
    raise AssertionError(f"{key} has not {count} points in time")


def test_they_are_logged_while_the_run_lasts(memory: Client) -> None:
    trackql.set_system_metrics_sampling_interval(0.05)
    with trackql.start_run(log_system_metrics=True) as run:
        cpu = sampled(memory, run, "system/cpu_utilization_percentage", 3)
        assert all(0 <= value <= 100 for value in cpu)
        metrics = memory.run(run.id).data.metrics
    for name in (
        "system_memory_usage_megabytes",
        "system_memory_usage_percentage",
        "process_memory_usage_megabytes",
        "disk_usage_percentage",
        "disk_available_megabytes",
        "network_receive_megabytes",
        "network_transmit_megabytes",
    ):
        assert metrics[f"system/{name}"] >= 0
    count = len(memory.history(run.id, "system/cpu_utilization_percentage"))
    time.sleep(0.2)
    trackql.flush()
    assert len(memory.history(run.id, "system/cpu_utilization_percentage")) == count
    assert memory.run(run.id).info.status == "FINISHED"


def test_a_short_run_has_none(memory: Client) -> None:
    with trackql.start_run(log_system_metrics=True) as run:
        pass
    assert memory.run(run.id).data.metrics == {}


def test_switches(memory: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def on(asked: bool | None = None) -> bool:
        with trackql.start_run(log_system_metrics=asked) as run:
            return run._sampler is not None

    assert not on()  # these tests turn all capture off
    assert on(True)
    trackql.enable_system_metrics_logging()
    assert on()
    assert not on(False)
    trackql.disable_system_metrics_logging()
    assert not on()
    _system.Settings.enabled = None
    monkeypatch.delenv("TRACKQL_CAPTURE")
    assert on()
    monkeypatch.setenv("TRACKQL_SYSTEM_METRICS", "0")
    assert not on()


def test_samples_and_nodes(memory: Client) -> None:
    trackql.set_system_metrics_sampling_interval(0.02)
    trackql.set_system_metrics_samples_before_logging(3)
    trackql.set_system_metrics_node_id("node1")
    with trackql.start_run(log_system_metrics=True) as run:
        sampled(memory, run, "system/node1/cpu_utilization_percentage", 2)
        assert run._sampler is not None
        assert run._sampler._step <= run._sampler._taken / 3 + run._sampler._step


def test_settings_that_make_no_sense() -> None:
    for wrong in (0, -1, "10", float("inf")):
        with pytest.raises(InvalidInput) as caught:
            trackql.set_system_metrics_sampling_interval(wrong)  # type: ignore[arg-type]
        assert caught.value.argument == "interval"
    for few in (0, -1, 1.5):
        with pytest.raises(InvalidInput) as caught:
            trackql.set_system_metrics_samples_before_logging(few)  # type: ignore[arg-type]
        assert caught.value.argument == "samples"
