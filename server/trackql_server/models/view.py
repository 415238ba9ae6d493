"""Saved views: how somebody wants to look at runs, under a name."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import CodePointText, Instant, JsonText


class SavedView(SQLModel, table=True):
    """A row of `saved_view`; `state` is the dashboard's own, kept as given."""

    __tablename__ = "saved_view"
    __table_args__ = (Index("ix_saved_view_name", "experiment_id", "name", "id"),)

    id: str = Field(primary_key=True, sa_type=CodePointText)
    # "" for a view that is of no experiment in particular.
    experiment_id: str = Field(sa_type=CodePointText)
    name: str = Field(sa_type=CodePointText)
    description: str = Field(default="", sa_type=CodePointText)
    state: Any = Field(sa_type=JsonText, nullable=False)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
