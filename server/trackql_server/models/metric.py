"""Metric series with their summaries, and the chunks that hold their points."""

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import Bytes, CodePointText


class MetricSeries(SQLModel, table=True):
    """A row of `metric_series`: one key of one run, with the summary of all its points.

    `first_value`, `last_value` and `total` are null for NaN (SQLite knows no NaN);
    `min_value` and `max_value` are null when every point is NaN. First and last are the least and
    the greatest (step, time, value), where NaN takes part as 0, as in MLflow.
    """

    __tablename__ = "metric_series"
    __table_args__ = (
        Index("ix_metric_series_last", "label_id", "last_value", "run_number"),
        # All that runs are searched and sorted by, so that no row need be looked up for it.
        Index(
            "ix_metric_series_run",
            "label_id",
            "run_number",
            "last_value",
            "first_value",
            "min_value",
            "max_value",
            "total",
            "count",
            "nan_count",
        ),
        # What is left to merge after a restart; an entry moves only when a series crosses the line.
        Index(
            "ix_metric_series_open",
            "run_id",
            sqlite_where=text("open_chunks > 1"),
            postgresql_where=text("open_chunks > 1"),
        ),
    )

    run_id: str = Field(primary_key=True, sa_type=CodePointText)
    key: str = Field(primary_key=True, sa_type=CodePointText)
    id: int = Field(sa_type=BigInteger, unique=True)
    experiment_id: str = Field(sa_type=CodePointText)
    label_id: int = Field(sa_type=BigInteger)
    run_number: int = Field(sa_type=BigInteger)
    count: int = Field(sa_type=BigInteger)
    first_step: int = Field(sa_type=BigInteger)
    first_time: int = Field(sa_type=BigInteger)
    first_value: float | None
    last_step: int = Field(sa_type=BigInteger)
    last_time: int = Field(sa_type=BigInteger)
    last_value: float | None
    min_step: int | None = Field(sa_type=BigInteger)
    min_time: int | None = Field(sa_type=BigInteger)
    min_value: float | None
    max_step: int | None = Field(sa_type=BigInteger)
    max_time: int | None = Field(sa_type=BigInteger)
    max_value: float | None
    total: float | None
    nan_count: int = Field(sa_type=BigInteger)
    steps_rise: bool
    # The step of the newest point by offset: what decides whether the next one still rises.
    tail_step: int = Field(sa_type=BigInteger)
    open_chunks: int = Field(sa_type=BigInteger)


class MetricChunk(SQLModel, table=True):
    """A row of `metric_chunk`: `count` points from offset `start` on, as three packed columns.

    The ranges of steps and times let a zoomed chart pass by the chunks it does not show.
    """

    __tablename__ = "metric_chunk"

    series_id: int = Field(primary_key=True, sa_type=BigInteger)
    start: int = Field(primary_key=True, sa_type=BigInteger)
    count: int = Field(sa_type=BigInteger)
    sealed: bool
    low_step: int = Field(sa_type=BigInteger)
    high_step: int = Field(sa_type=BigInteger)
    low_time: int = Field(sa_type=BigInteger)
    high_time: int = Field(sa_type=BigInteger)
    steps: bytes = Field(sa_type=Bytes)
    times: bytes = Field(sa_type=Bytes)
    points: bytes = Field(sa_type=Bytes)
