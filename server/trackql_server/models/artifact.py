"""Artifacts of runs, the folders they lie in, and the bytes behind them."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from trackql_server.models.columns import CodePointText, Instant, RowNumber
from trackql_server.models.numbers import rising_number


class Artifact(SQLModel, table=True):
    """A row of `artifact`: a file of a run under a path, or a reference to one elsewhere.

    `owner_number` is the number of the run that has it. `digest` is the SHA-256 of its bytes in hex
    digits; a reference has `uri` instead, and `size` -1 where nobody said it. `trashed` is 0, or in
    the trash the row's own number: a path that is free again may be taken at once.
    """

    __tablename__ = "artifact"
    __table_args__ = (
        Index("ix_artifact_path", "owner_number", "path", "trashed", unique=True),
        Index("ix_artifact_folder", "owner_number", "trashed", "folder", "name"),
        Index("ix_artifact_digest", "digest"),
        Index(
            "ix_artifact_trashed",
            "trashed_at",
            sqlite_where=text("trashed_at IS NOT NULL"),
            postgresql_where=text("trashed_at IS NOT NULL"),
        ),
    )

    number: int = Field(
        default_factory=rising_number,
        primary_key=True,
        sa_type=RowNumber,
        sa_column_kwargs={"autoincrement": False},
    )
    owner_number: int = Field(sa_type=BigInteger)
    path: str = Field(sa_type=CodePointText)
    folder: str = Field(sa_type=CodePointText)
    name: str = Field(sa_type=CodePointText)
    size: int = Field(sa_type=BigInteger)
    digest: str | None = Field(default=None, sa_type=CodePointText)
    media_type: str = Field(sa_type=CodePointText)
    uri: str | None = Field(default=None, sa_type=CodePointText)
    created_at: datetime = Field(sa_type=Instant)
    trashed: int = Field(default=0, sa_type=BigInteger)
    trashed_at: datetime | None = Field(default=None, sa_type=Instant)


class ArtifactFolder(SQLModel, table=True):
    """A row of `artifact_folder`: how many files lie in a folder, at any depth, and their bytes.

    It changes in the transaction that changes its files, and goes with the last of them. The root
    has the path "" and no parent.
    """

    __tablename__ = "artifact_folder"
    __table_args__ = (Index("ix_artifact_folder_parent", "owner_number", "parent", "name"),)

    owner_number: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    path: str = Field(primary_key=True, sa_type=CodePointText)
    parent: str | None = Field(default=None, sa_type=CodePointText)
    name: str = Field(sa_type=CodePointText)
    files: int = Field(sa_type=BigInteger)
    size: int = Field(sa_type=BigInteger)


class Blob(SQLModel, table=True):
    """A row of `blob`: bytes that are kept once, however many artifacts have them.

    `place` is where in the artifact store they lie; it is never used again for other bytes, so that
    a late deletion can't hit them.
    """

    __tablename__ = "blob"

    digest: str = Field(primary_key=True, sa_type=CodePointText)
    size: int = Field(sa_type=BigInteger)
    place: str = Field(sa_type=CodePointText, unique=True)
    created_at: datetime = Field(sa_type=Instant)


class Upload(SQLModel, table=True):
    """A row of `upload`: a large file that arrives in parts and can be taken up again."""

    __tablename__ = "upload"
    __table_args__ = (Index("ix_upload_touched", "touched_at"),)

    id: str = Field(primary_key=True, sa_type=CodePointText)
    run_id: str = Field(sa_type=CodePointText)
    path: str = Field(sa_type=CodePointText)
    size: int = Field(sa_type=BigInteger)
    digest: str = Field(sa_type=CodePointText)
    media_type: str = Field(sa_type=CodePointText)
    part_size: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(sa_type=Instant)
    touched_at: datetime = Field(sa_type=Instant)


class UploadPart(SQLModel, table=True):
    """A row of `upload_part`: a part, counted from 0, whose bytes are all there."""

    __tablename__ = "upload_part"

    upload_id: str = Field(primary_key=True, sa_type=CodePointText)
    part: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
