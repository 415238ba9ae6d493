"""What people ask of a running script: to stop, or another value of a live parameter."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import CodePointText, EnumText, Instant, JsonText, RowNumber
from trackql_server.models.numbers import rising_number


class RequestKind(StrEnum):
    """What is asked of a run."""

    STOP = "STOP"
    SET_PARAM = "SET_PARAM"


class RunRequest(SQLModel, table=True):
    """A row of `run_request`: who asked what of a run, when, and when its script saw it.

    It is `open` while it holds: until another request takes its place, and for a stop until the
    run is taken up again. Scripts ask for what is open, which is little however much was asked.
    """

    __tablename__ = "run_request"
    __table_args__ = (
        Index("ix_run_request_run", "run_number", "number"),
        Index("ix_run_request_open", "run_id", "open", "number"),
    )

    number: int = Field(
        default_factory=rising_number,
        primary_key=True,
        sa_type=RowNumber,
        sa_column_kwargs={"autoincrement": False},
    )
    run_number: int = Field(sa_type=BigInteger)
    run_id: str = Field(sa_type=CodePointText)
    open: bool = True
    kind: RequestKind = Field(sa_column=Column(EnumText(RequestKind), nullable=False))
    key: str = Field(default="", sa_type=CodePointText)
    value: Any = Field(default=None, sa_type=JsonText, nullable=True)
    reason: str = Field(default="", sa_type=CodePointText)
    asked_by: str = Field(sa_type=CodePointText)
    asked_at: datetime = Field(sa_type=Instant)
    seen_at: datetime | None = Field(default=None, sa_type=Instant)


class LiveParam(SQLModel, table=True):
    """A row of `live_param`: a parameter that a running script reads again and again.

    `spec` is what the script said of it: its type, its least and greatest value, its choices.
    """

    __tablename__ = "live_param"

    run_number: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    key: str = Field(primary_key=True, sa_type=CodePointText)
    spec: Any = Field(sa_type=JsonText, nullable=False)
    value: Any = Field(sa_type=JsonText, nullable=False)
    updated_at: datetime = Field(sa_type=Instant)
