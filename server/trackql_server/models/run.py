"""Runs and what is said of them once: params, tags, problems."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import CodePointText, EnumText, Instant, JsonText
from trackql_server.models.experiment import Lifecycle


class RunStatus(StrEnum):
    """Where a run is in its life. STALLED is never stored: it is RUNNING without a heartbeat."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    STALLED = "STALLED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Run(SQLModel, table=True):
    """A row of `run`. `duration_ms` is known from the end on and -1 before: runs sort by it."""

    __tablename__ = "run"
    __table_args__ = (
        Index("ix_run_start", "experiment_id", "lifecycle", "start_time", "id"),
        Index("ix_run_name", "experiment_id", "lifecycle", "name", "id"),
        Index("ix_run_status", "experiment_id", "lifecycle", "status", "id"),
        Index("ix_run_duration", "experiment_id", "lifecycle", "duration_ms", "id"),
        Index("ix_run_parent", "parent_run_id", "start_time", "id"),
    )

    id: str = Field(primary_key=True, sa_type=CodePointText)
    experiment_id: str = Field(sa_type=CodePointText, foreign_key="experiment.id")
    name: str = Field(sa_type=CodePointText)
    description: str = Field(default="", sa_type=CodePointText)
    status: RunStatus = Field(
        default=RunStatus.RUNNING, sa_column=Column(EnumText(RunStatus), nullable=False)
    )
    lifecycle: Lifecycle = Field(
        default=Lifecycle.ACTIVE, sa_column=Column(EnumText(Lifecycle), nullable=False)
    )
    start_time: datetime = Field(sa_type=Instant)
    end_time: datetime | None = Field(default=None, sa_type=Instant)
    heartbeat_time: datetime | None = Field(default=None, sa_type=Instant)
    duration_ms: int = Field(default=-1, sa_type=BigInteger)
    user: str = Field(default="", sa_type=CodePointText)
    source_name: str = Field(default="", sa_type=CodePointText)
    git_commit: str | None = Field(default=None, sa_type=CodePointText)
    parent_run_id: str | None = Field(default=None, sa_type=CodePointText)
    dropped_points: int = Field(default=0, sa_type=BigInteger)
    problems: list[Any] = Field(default_factory=list, sa_type=JsonText)


class Param(SQLModel, table=True):
    """A row of `param`: set once; `number` where the text is one, `config` where JSON was given."""

    __tablename__ = "param"
    __table_args__ = (Index("ix_param_key", "experiment_id", "key", "run_id"),)

    run_id: str = Field(primary_key=True, sa_type=CodePointText)
    key: str = Field(primary_key=True, sa_type=CodePointText)
    experiment_id: str = Field(sa_type=CodePointText)
    value: str = Field(sa_type=CodePointText)
    number: float | None = None
    config: Any = Field(default=None, sa_type=JsonText, nullable=True)


class Tag(SQLModel, table=True):
    """A row of `tag`: the last value set stands."""

    __tablename__ = "tag"
    __table_args__ = (Index("ix_tag_key", "experiment_id", "key", "run_id"),)

    run_id: str = Field(primary_key=True, sa_type=CodePointText)
    key: str = Field(primary_key=True, sa_type=CodePointText)
    experiment_id: str = Field(sa_type=CodePointText)
    value: str = Field(sa_type=CodePointText)


class WriterCursor(SQLModel, table=True):
    """A row of `writer_cursor`: the next journal record expected of a writer of a run.

    `dropped_points` is how many points the writer says it had to drop.
    """

    __tablename__ = "writer_cursor"

    run_id: str = Field(primary_key=True, sa_type=CodePointText)
    writer: str = Field(primary_key=True, sa_type=CodePointText)
    next_record: int = Field(sa_type=BigInteger)
    dropped_points: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"}
    )
