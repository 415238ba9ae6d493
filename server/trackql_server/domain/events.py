"""What can be announced, one dataclass each."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any


def experiment_topic(experiment_id: str) -> str:
    """Where changes of an experiment's runs are told."""
    return f"experiment:{experiment_id}"


# Where changes of all runs are told.
EVERYTHING_TOPIC = "experiments"


def run_topic(run_id: str) -> str:
    """Where changes of one run are told."""
    return f"run:{run_id}"


def points_topic(run_id: str) -> str:
    """Where new points of a run are told."""
    return f"points:{run_id}"


def console_topic(run_id: str) -> str:
    """Where new lines of a run's console are told."""
    return f"console:{run_id}"


def requests_topic(run_id: str) -> str:
    """Where requests to a run are told."""
    return f"requests:{run_id}"


def alerts_topic(run_id: str) -> str:
    """Where alerts of one run are told."""
    return f"alerts:{run_id}"


def experiment_alerts_topic(experiment_id: str) -> str:
    """Where alerts of an experiment's runs are told."""
    return f"experiment alerts:{experiment_id}"


# Where alerts of all runs are told.
ALERTS_TOPIC = "alerts"


@dataclass(frozen=True, slots=True)
class RunChanged:
    """A run was made, or something a page shows of it is different now."""

    topic: str
    run_id: str

    @property
    def mark(self) -> Hashable:
        return self.run_id


@dataclass(frozen=True, slots=True)
class SeriesGrew:
    """A series has `total` points now."""

    run_id: str
    key: str
    total: int

    @property
    def topic(self) -> str:
        return points_topic(self.run_id)

    @property
    def mark(self) -> Hashable:
        return (self.run_id, self.key)


@dataclass(frozen=True, slots=True)
class ConsoleGrew:
    """A run's console has `total` lines now, and these open ones."""

    run_id: str
    total: int
    open_lines: dict[str, Any]

    @property
    def topic(self) -> str:
        return console_topic(self.run_id)

    @property
    def mark(self) -> Hashable:
        return self.topic


@dataclass(frozen=True, slots=True)
class Requested:
    """Something was asked of a run, or its script saw it."""

    run_id: str
    number: int

    @property
    def topic(self) -> str:
        return requests_topic(self.run_id)

    @property
    def mark(self) -> Hashable:
        return self.number


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """An alert was raised."""

    topic: str
    run_id: str
    number: int

    @property
    def mark(self) -> Hashable:
        return self.number


Event = RunChanged | SeriesGrew | ConsoleGrew | Requested | AlertRaised
