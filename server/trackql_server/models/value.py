"""Rich values that a run logged by key and step: images, tables, histograms and the like."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import CodePointText, EnumText, Instant, JsonText


class ValueKind(StrEnum):
    """What a rich value is."""

    IMAGE = "IMAGE"
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    TABLE = "TABLE"
    TEXT = "TEXT"
    HTML = "HTML"
    FIGURE = "FIGURE"
    HISTOGRAM = "HISTOGRAM"


class ValueSeries(SQLModel, table=True):
    """A row of `value_series`: one key of one run, with the kind and the range of its values.

    `label_id` is `numbers.label_id` of the kind "value".
    """

    __tablename__ = "value_series"
    __table_args__ = (Index("ix_value_series_label", "label_id", "run_number"),)

    run_number: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    key: str = Field(primary_key=True, sa_type=CodePointText)
    label_id: int = Field(sa_type=BigInteger)
    kind: ValueKind = Field(sa_column=Column(EnumText(ValueKind), nullable=False))
    count: int = Field(sa_type=BigInteger)
    first_step: int = Field(sa_type=BigInteger)
    last_step: int = Field(sa_type=BigInteger)


class LoggedValue(SQLModel, table=True):
    """A row of `logged_value`: the `place`th value (from 0) of a key at a step.

    Its bytes are the artifact at `path`; what is small is `body` itself. Logged again, it is
    replaced.
    """

    __tablename__ = "logged_value"

    run_number: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    label_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    step: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    place: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    kind: ValueKind = Field(sa_column=Column(EnumText(ValueKind), nullable=False))
    time: datetime = Field(sa_type=Instant)
    path: str | None = Field(default=None, sa_type=CodePointText)
    caption: str = Field(default="", sa_type=CodePointText)
    body: Any = Field(default=None, sa_type=JsonText, nullable=True)
