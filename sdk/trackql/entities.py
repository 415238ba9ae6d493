"""What reads give back: experiments, runs and points, with the field's own attribute names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

T = TypeVar("T")


class ViewType:
    """Which lifecycle stages a search shows."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3


class RunStatus:
    """The statuses of a run, as numbers where a program wants numbers."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5

    @staticmethod
    def to_string(status: int) -> str:
        return {number: name for name, number in _STATUSES.items()}[status]

    @staticmethod
    def from_string(status: str) -> int:
        return _STATUSES[status]

    @staticmethod
    def is_terminated(status: int) -> bool:
        return status in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)


_STATUSES = {
    "RUNNING": RunStatus.RUNNING,
    "SCHEDULED": RunStatus.SCHEDULED,
    "FINISHED": RunStatus.FINISHED,
    "FAILED": RunStatus.FAILED,
    "KILLED": RunStatus.KILLED,
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One point of a series."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Param:
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunTag:
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment as the server had it."""

    experiment_id: str
    name: str
    lifecycle_stage: str = "active"
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None
    artifact_location: str | None = None

    @classmethod
    def read(cls, data: dict[str, Any]) -> Experiment:
        return cls(
            experiment_id=data["id"],
            name=data["name"],
            lifecycle_stage=data["lifecycle"].lower(),
            description=data["description"],
            tags={tag["key"]: tag["value"] for tag in data["tags"]["nodes"]},
            creation_time=milliseconds(data["createdAt"]),
            last_update_time=milliseconds(data["updatedAt"]),
        )


class ActiveExperiment:
    """The experiment that set_experiment chose; the server is asked when more is wanted of it."""

    def __init__(
        self, name: str | None, experiment_id: str | None, resolve: Callable[[], Experiment]
    ) -> None:
        self._name = name
        self._id = experiment_id
        self._resolve = resolve
        self._found: Experiment | None = None

    def _experiment(self) -> Experiment:
        if self._found is None:
            self._found = self._resolve()
        return self._found

    @property
    def name(self) -> str:
        return self._name if self._name is not None else self._experiment().name

    @property
    def experiment_id(self) -> str:
        return self._id if self._id is not None else self._experiment().experiment_id

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._experiment(), name)

    def __repr__(self) -> str:
        known = repr(self._name) if self._name is not None else f"id {self._id!r}"
        return f"<Experiment {known}>"


class RunInfo:
    """What a run is, apart from what was logged to it."""

    def __init__(
        self,
        run_id: str,
        run_name: str,
        status: str,
        start_time: int,
        end_time: int | None,
        user_id: str,
        lifecycle_stage: str,
        experiment_id: str | Callable[[], str],
        artifact_uri: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.run_name = run_name
        self.status = status
        self.start_time = start_time
        self.end_time = end_time
        self.user_id = user_id
        self.lifecycle_stage = lifecycle_stage
        self.artifact_uri = artifact_uri
        self._experiment_id = experiment_id

    @property
    def run_uuid(self) -> str:
        return self.run_id

    @property
    def experiment_id(self) -> str:
        if callable(self._experiment_id):
            self._experiment_id = self._experiment_id()
        return self._experiment_id

    def __repr__(self) -> str:
        return f"<RunInfo {self.run_id} {self.run_name!r} {self.status}>"


@dataclass(frozen=True, slots=True)
class RunData:
    """What was logged to a run: the last value of each metric, params and tags."""

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file or a folder of a run; a folder's size, and that of a reference, may be unknown."""

    path: str
    is_dir: bool
    file_size: int | None


class Page(list[T]):
    """A list that knows how to ask for what comes after it; `token` is None at the end."""

    def __init__(self, items: list[T], token: str | None = None) -> None:
        super().__init__(items)
        self.token = token


def milliseconds(moment: str | None) -> int | None:
    """Unix milliseconds of a DateTime as it is on the wire."""
    if moment is None:
        return None
    parsed = datetime.fromisoformat(moment)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return round(parsed.timestamp() * 1000)


def moment(time: int) -> str:
    """A DateTime for the wire from Unix milliseconds."""
    seconds, rest = divmod(time, 1000)
    whole = datetime.fromtimestamp(seconds, UTC)
    return whole.replace(microsecond=rest * 1000).isoformat()


def real(value: float | int | str) -> float:
    """A MetricValue: a number, or the name of one that JSON has no word for."""
    return float(value)
