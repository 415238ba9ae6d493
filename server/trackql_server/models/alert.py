"""Alerts that code or a standing rule raised, and the rules."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import CodePointText, EnumText, Instant, RowNumber
from trackql_server.models.numbers import rising_number


class AlertLevel(StrEnum):
    """How bad it is."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class RuleKind(StrEnum):
    """What a rule looks for."""

    NAN = "NAN"
    THRESHOLD = "THRESHOLD"
    NO_PROGRESS = "NO_PROGRESS"
    STALLED = "STALLED"


class Alert(SQLModel, table=True):
    """A row of `alert`; `id` is made by who raises it, so that raising it again changes nothing.

    `rule_id` is "" for one that code raised; `key` and `step` tell of which metric, if of one.
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_run", "run_number", "number"),
        Index("ix_alert_experiment", "experiment_id", "number"),
    )

    number: int = Field(
        default_factory=rising_number,
        primary_key=True,
        sa_type=RowNumber,
        sa_column_kwargs={"autoincrement": False},
    )
    id: str = Field(sa_type=CodePointText, unique=True)
    run_number: int = Field(sa_type=BigInteger)
    run_id: str = Field(sa_type=CodePointText)
    experiment_id: str = Field(sa_type=CodePointText)
    level: AlertLevel = Field(sa_column=Column(EnumText(AlertLevel), nullable=False))
    title: str = Field(sa_type=CodePointText)
    text: str = Field(default="", sa_type=CodePointText)
    rule_id: str = Field(default="", sa_type=CodePointText)
    key: str = Field(default="", sa_type=CodePointText)
    step: int | None = Field(default=None, sa_type=BigInteger)
    created_at: datetime = Field(sa_type=Instant)


class AlertRule(SQLModel, table=True):
    """A row of `alert_rule`: what to look for in the runs of an experiment ("" for every one).

    THRESHOLD compares a metric's new values with `bound` by `comparator`; NO_PROGRESS waits for
    `patience` steps without a better value, where better is "<" or ">".
    """

    __tablename__ = "alert_rule"
    __table_args__ = (Index("ix_alert_rule_experiment", "experiment_id", "name", "id"),)

    id: str = Field(primary_key=True, sa_type=CodePointText)
    experiment_id: str = Field(sa_type=CodePointText)
    name: str = Field(sa_type=CodePointText)
    kind: RuleKind = Field(sa_column=Column(EnumText(RuleKind), nullable=False))
    level: AlertLevel = Field(sa_column=Column(EnumText(AlertLevel), nullable=False))
    key: str = Field(default="", sa_type=CodePointText)
    comparator: str = Field(default="", sa_type=CodePointText)
    bound: float | None = None
    patience: int | None = Field(default=None, sa_type=BigInteger)
    enabled: bool = True
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
