"""What is known of the code and the machine that a run ran on."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import Bytes, CodePointText


class RunFact(SQLModel, table=True):
    """A row of `run_fact`: what was found out about a run's surroundings, of one kind.

    Kinds are "source", "environment" and "failure"; `body` is packed JSON.
    """

    __tablename__ = "run_fact"

    run_number: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    kind: str = Field(primary_key=True, sa_type=CodePointText)
    body: bytes = Field(sa_type=Bytes)
