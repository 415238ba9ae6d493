"""Metrics of the machine while a run is active, as ordinary metrics under `system/`.

Names are MLflow's. A thread takes samples and logs their mean; what it needs is imported there, and
only after the first interval, so that a short run is not burdened.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from . import _session
from ._transport import _importing
from .errors import InvalidInput

if TYPE_CHECKING:
    from .runs import Run

log = logging.getLogger("trackql")

MEGABYTE = 1e6


class Settings:
    """What was chosen in code; `enabled` is None where the environment decides."""

    enabled: bool | None = None
    interval = 10.0
    samples = 1
    node: str | None = None


def set_interval(seconds: object) -> None:
    if seconds is None:
        seconds = 10.0
    if not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise InvalidInput(
            f"interval must be seconds above 0, not {seconds!r}", argument="interval"
        )
    Settings.interval = float(seconds)


def set_samples(samples: object) -> None:
    if samples is None:
        samples = 1
    if not isinstance(samples, int) or samples < 1:
        raise InvalidInput(f"samples must be 1 or more, not {samples!r}", argument="samples")
    Settings.samples = samples


def set_node(node: str | None) -> None:
    Settings.node = None if node is None else str(node)


class Sampler:
    """The thread of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._interval = Settings.interval
        self._samples = Settings.samples
        self._prefix = f"system/{Settings.node}/" if Settings.node else "system/"
        self._stop = threading.Event()
        self._sums: dict[str, list[float]] = {}
        self._taken = 0
        self._step = 0
        self._thread = threading.Thread(target=self._work, name="trackql-system", daemon=True)

    def begin(self) -> None:
        with suppress(RuntimeError):  # at the interpreter's exit
            self._thread.start()

    def end(self, run: Run) -> None:
        """No more; what was sampled and not logged yet is logged."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(2.0)
        if self._taken:
            self._log()

    def _work(self) -> None:
        probes: list[Callable[[], dict[str, float]]] | None = None
        while not self._stop.wait(self._interval):
            if probes is None:
                probes = _probes()
            for probe in list(probes):
                try:
                    found = probe()
                except Exception as error:
                    log.debug("a metric of the machine can't be read: %r", error)
                    probes.remove(probe)
                    continue
                for name, value in found.items():
                    self._sums.setdefault(name, []).append(value)
            self._taken += 1
            if self._taken >= self._samples:
                self._log()

    def _log(self) -> None:
        sums, self._sums, self._taken = self._sums, {}, 0
        if not sums or self._run._finished is not None:
            return
        means = {self._prefix + name: sum(each) / len(each) for name, each in sums.items()}
        try:
            # Not by a call of the run's: what that may raise is meant for the script.
            lane = _session.session.lane(self._run._server, self._run.id)
            lane.journal.metrics(means, self._step, time.time_ns() // 1_000_000)
            lane.sender.wake()
        except Exception as error:
            log.debug("metrics of the machine are not logged: %r", error)
        self._step += 1


def begin(run: Run) -> None:
    """Log metrics of the machine to a run until it ends."""
    if run._sampler is None:
        run._sampler = Sampler(run)
        run._sampler.begin()


def _probes() -> list[Callable[[], dict[str, float]]]:
    """What can be read on this machine."""
    try:
        with _importing:
            import psutil
    except ImportError:
        return []
    process = psutil.Process(os.getpid())
    process.cpu_percent()
    psutil.cpu_percent()
    before = psutil.net_io_counters()

    def cpu() -> dict[str, float]:
        return {"cpu_utilization_percentage": psutil.cpu_percent()}

    def memory() -> dict[str, float]:
        found = psutil.virtual_memory()
        return {
            "system_memory_usage_megabytes": found.used / MEGABYTE,
            "system_memory_usage_percentage": found.used / found.total * 100,
        }

    def own() -> dict[str, float]:
        return {
            "process_memory_usage_megabytes": process.memory_info().rss / MEGABYTE,
            "process_cpu_utilization_percentage": process.cpu_percent(),
        }

    def disk() -> dict[str, float]:
        found = psutil.disk_usage(os.sep)
        return {
            "disk_usage_percentage": found.percent,
            "disk_usage_megabytes": found.used / MEGABYTE,
            "disk_available_megabytes": found.free / MEGABYTE,
        }

    def network() -> dict[str, float]:
        now = psutil.net_io_counters()
        return {
            "network_receive_megabytes": (now.bytes_recv - before.bytes_recv) / MEGABYTE,
            "network_transmit_megabytes": (now.bytes_sent - before.bytes_sent) / MEGABYTE,
        }

    return [cpu, memory, own, disk, network, *_gpu_probes()]


def _gpu_probes() -> list[Callable[[], dict[str, float]]]:
    try:
        with _importing:
            import pynvml as nvml  # type: ignore[import-not-found,import-untyped,unused-ignore]
        nvml.nvmlInit()
        handles = [
            nvml.nvmlDeviceGetHandleByIndex(place) for place in range(nvml.nvmlDeviceGetCount())
        ]
    except Exception:  # no library, or no card
        return []
    return [_gpu(nvml, place, handle) for place, handle in enumerate(handles)]


def _gpu(nvml: Any, place: int, handle: Any) -> Callable[[], dict[str, float]]:
    def probe() -> dict[str, float]:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        found = {
            f"gpu_{place}_memory_usage_megabytes": memory.used / MEGABYTE,
            f"gpu_{place}_memory_usage_percentage": memory.used / memory.total * 100,
            f"gpu_{place}_utilization_percentage": float(
                nvml.nvmlDeviceGetUtilizationRates(handle).gpu
            ),
        }
        with suppress(Exception):  # not every card tells
            watts = nvml.nvmlDeviceGetPowerUsage(handle) / 1000
            found[f"gpu_{place}_power_usage_watts"] = watts
            most = nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000
            found[f"gpu_{place}_power_usage_percentage"] = watts / most * 100
        return found

    return probe
