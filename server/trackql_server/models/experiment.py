"""Experiments: named groups of runs; a `/` in a name makes folders."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import CodePointText, EnumText, Instant

DEFAULT_EXPERIMENT_ID = "0"
DEFAULT_EXPERIMENT_NAME = "Default"


class Lifecycle(StrEnum):
    """Whether a thing is in use or in the trash."""

    ACTIVE = "ACTIVE"
    DELETED = "DELETED"


class Experiment(SQLModel, table=True):
    """A row of `experiment`.

    Its name is its own among those in use; in the trash several may have it. `trashed_at` is when
    it was put there, or 1970 (`columns.EPOCH`) while it is being removed for good.
    """

    __tablename__ = "experiment"
    __table_args__ = (
        Index(
            "ix_experiment_used_name",
            "name",
            unique=True,
            sqlite_where=text("lifecycle = 'ACTIVE'"),
            postgresql_where=text("lifecycle = 'ACTIVE'"),
        ),
        Index("ix_experiment_name", "name", "id"),
    )

    id: str = Field(primary_key=True, sa_type=CodePointText)
    name: str = Field(sa_type=CodePointText)
    description: str = Field(default="", sa_type=CodePointText)
    lifecycle: Lifecycle = Field(
        default=Lifecycle.ACTIVE, sa_column=Column(EnumText(Lifecycle), nullable=False)
    )
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    trashed_at: datetime | None = Field(default=None, sa_type=Instant)


class ExperimentTag(SQLModel, table=True):
    """A row of `experiment_tag`."""

    __tablename__ = "experiment_tag"

    experiment_id: str = Field(primary_key=True, sa_type=CodePointText, foreign_key="experiment.id")
    key: str = Field(primary_key=True, sa_type=CodePointText)
    value: str = Field(sa_type=CodePointText)
