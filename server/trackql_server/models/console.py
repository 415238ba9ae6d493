"""What a run printed."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import Bytes, Instant, JsonText


class ConsoleChunk(SQLModel, table=True):
    """A row of `console_chunk`: `count` lines of a run from line `start` on, in arrival order.

    `body` is packed; `size` is the bytes of its text.
    """

    __tablename__ = "console_chunk"

    run_number: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    start: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    count: int = Field(sa_type=BigInteger)
    size: int = Field(sa_type=BigInteger)
    first_time: datetime = Field(sa_type=Instant)
    last_time: datetime = Field(sa_type=Instant)
    body: bytes = Field(sa_type=Bytes)


class ConsoleState(SQLModel, table=True):
    """A row of `console_state`: how many lines a run has, and the lines that are not ended yet.

    `open_lines` are by writer and stream: a progress bar, a prompt. `dropped` lines were beyond the
    bound of text that is kept of a run.
    """

    __tablename__ = "console_state"

    run_number: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    lines: int = Field(sa_type=BigInteger)
    size: int = Field(sa_type=BigInteger)
    dropped: int = Field(default=0, sa_type=BigInteger)
    open_lines: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)
