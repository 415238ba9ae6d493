"""Runs and what is said of them once: params with their configuration, tags, problems.

Whatever runs are searched by has the run's number and the number of its key (`numbers.label_id`),
and of text its head: indexes on them are small, and PostgreSQL's take no long text.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import CodePointText, EnumText, Instant, JsonText, RowNumber
from trackql_server.models.experiment import Lifecycle
from trackql_server.models.numbers import rising_number

# Characters of a text that its head has; a longer text is looked up where its head does not decide.
HEAD = 256


class RunStatus(StrEnum):
    """Where a run is in its life. STALLED is never stored: it is RUNNING without a heartbeat."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    STALLED = "STALLED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Run(SQLModel, table=True):
    """A row of `run`.

    `number` is what other rows know it by and rises with every run; `root_number` is that of the
    outermost run it is nested in, or its own. `duration_ms` is known from the end on and -1 before:
    runs sort by it. `trashed_at` is when it was put into the trash, or 1970 (`columns.EPOCH`) while
    it is being removed for good.
    """

    __tablename__ = "run"
    __table_args__ = (
        Index("ix_run_start", "experiment_id", "lifecycle", "start_time", "number"),
        Index("ix_run_name", "experiment_id", "lifecycle", "name", "number"),
        Index("ix_run_status", "experiment_id", "lifecycle", "status", "number"),
        Index("ix_run_duration", "experiment_id", "lifecycle", "duration_ms", "number"),
        Index("ix_run_parent", "parent_run_id", "start_time", "number"),
        Index("ix_run_root", "root_number", "number"),
        Index(
            "ix_run_trashed",
            "trashed_at",
            sqlite_where=text("trashed_at IS NOT NULL"),
            postgresql_where=text("trashed_at IS NOT NULL"),
        ),
    )

    number: int = Field(
        default_factory=rising_number,
        primary_key=True,
        sa_type=RowNumber,
        sa_column_kwargs={"autoincrement": False},
    )
    root_number: int = Field(default=0, sa_type=BigInteger)
    id: str = Field(sa_type=CodePointText, unique=True)
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
    trashed_at: datetime | None = Field(default=None, sa_type=Instant)


class Param(SQLModel, table=True):
    """A row of `param`: set once; `number` where the text is one, `config` where JSON was given.

    `scalar` says which kind of single value the JSON is: "number", "text" or "flag".
    """

    __tablename__ = "param"
    __table_args__ = (
        Index("ix_param_run", "label_id", "run_number", "head", "number"),
        Index("ix_param_head", "label_id", "head", "run_number"),
        Index(
            "ix_param_number",
            "label_id",
            "number",
            "run_number",
            sqlite_where=text("number IS NOT NULL"),
            postgresql_where=text("number IS NOT NULL"),
        ),
    )

    run_id: str = Field(primary_key=True, sa_type=CodePointText)
    key: str = Field(primary_key=True, sa_type=CodePointText)
    label_id: int = Field(sa_type=BigInteger)
    run_number: int = Field(sa_type=BigInteger)
    head: str = Field(sa_type=CodePointText)
    value: str = Field(sa_type=CodePointText)
    number: float | None = None
    scalar: str | None = Field(default=None, sa_type=CodePointText)
    config: Any = Field(default=None, sa_type=JsonText, nullable=True)


class ConfigValue(SQLModel, table=True):
    """A row of `config_value`: one value within the JSON of a param that is not a single value.

    Its path begins with the param's key: `optimizer.lr`. One of `value`, `number`, `flag` is set.
    """

    __tablename__ = "config_value"
    __table_args__ = (
        Index("ix_config_head", "label_id", "head", "run_number"),
        Index("ix_config_number", "label_id", "number", "run_number"),
    )

    label_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    run_number: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    head: str | None = Field(default=None, sa_type=CodePointText)
    value: str | None = Field(default=None, sa_type=CodePointText)
    number: float | None = None
    flag: bool | None = None


class Tag(SQLModel, table=True):
    """A row of `tag`: the last value set stands."""

    __tablename__ = "tag"
    __table_args__ = (
        Index("ix_tag_run", "label_id", "run_number", "head"),
        Index("ix_tag_head", "label_id", "head", "run_number"),
    )

    run_id: str = Field(primary_key=True, sa_type=CodePointText)
    key: str = Field(primary_key=True, sa_type=CodePointText)
    label_id: int = Field(sa_type=BigInteger)
    run_number: int = Field(sa_type=BigInteger)
    head: str = Field(sa_type=CodePointText)
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
