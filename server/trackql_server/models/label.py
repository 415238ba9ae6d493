"""Labels: which keys of metrics, params, tags and configuration an experiment's runs use."""

from enum import StrEnum

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import CodePointText


class LabelKind(StrEnum):
    """What a key is a key of."""

    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    CONFIG = "config"
    VALUE = "value"


class Label(SQLModel, table=True):
    """A row of `label`; its id is `numbers.label_id` of the rest.

    It is made with the first run that uses the key and stays when the last one stops.
    """

    __tablename__ = "label"
    __table_args__ = (Index("ix_label_key", "experiment_id", "kind", "key", unique=True),)

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    experiment_id: str = Field(sa_type=CodePointText)
    kind: str = Field(sa_type=CodePointText)
    key: str = Field(sa_type=CodePointText)
