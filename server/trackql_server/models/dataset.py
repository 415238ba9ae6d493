"""Datasets, and which runs used them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import CodePointText, Instant, JsonText


class Dataset(SQLModel, table=True):
    """A row of `dataset`: what an experiment's runs read, known by its name and digest.

    `source`, `data_schema` and `profile` are texts (JSON, as a rule) exactly as they were given.
    """

    __tablename__ = "dataset"

    experiment_id: str = Field(primary_key=True, sa_type=CodePointText)
    name: str = Field(primary_key=True, sa_type=CodePointText)
    digest: str = Field(primary_key=True, sa_type=CodePointText)
    source_type: str = Field(default="", sa_type=CodePointText)
    source: str = Field(default="", sa_type=CodePointText)
    data_schema: str | None = Field(default=None, sa_type=CodePointText)
    profile: str | None = Field(default=None, sa_type=CodePointText)
    created_at: datetime = Field(sa_type=Instant)


class DatasetInput(SQLModel, table=True):
    """A row of `dataset_input`: that a run used a dataset, and what for; `place` counts from 0.

    `tags` is an object of texts, or None.
    """

    __tablename__ = "dataset_input"
    __table_args__ = (
        Index("ix_dataset_input_name", "experiment_id", "name", "run_number"),
        Index("ix_dataset_input_digest", "experiment_id", "name", "digest", "run_number"),
    )

    run_number: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    place: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    experiment_id: str = Field(sa_type=CodePointText)
    name: str = Field(sa_type=CodePointText)
    digest: str = Field(sa_type=CodePointText)
    context: str = Field(sa_type=CodePointText)
    tags: Any = Field(default=None, sa_type=JsonText, nullable=True)
