"""Every setting of the server: its name, its default, and what it does."""

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}


class Settings(BaseSettings):
    """Read from TRACKQL_* in the environment; the options of `trackql server` win over it."""

    model_config = SettingsConfigDict(env_prefix="TRACKQL_", extra="ignore", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=4000,
        ge=0,
        le=65535,
        description="Port to listen on; 0 takes a free one and prints it.",
    )
    insecure: bool = Field(
        default=False,
        description="Listen off loopback without accounts: whoever reaches the port may do all.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Further host names to answer to on a loopback bind, as a JSON list: "
        "the public name of a reverse proxy in front of this server.",
    )
    workers: int = Field(
        default=1, ge=1, description="Server processes; more than one is refused so far."
    )

    home: Path = Field(
        default=Path("trackql-data"),
        description="Folder of the embedded database and of the artifacts.",
    )
    database_url: str = Field(
        default="", description="SQLAlchemy URL of the database; SQLite in TRACKQL_HOME by default."
    )
    artifact_root: str = Field(
        default="",
        description="Folder or URL of the artifact bytes; TRACKQL_HOME/artifacts by default.",
    )
    artifact_direct: bool = Field(
        default=False,
        description="Let downloads that ask for it go to the bucket itself, by a signed address.",
    )
    sqlite_journal: Literal["wal", "delete"] = Field(
        default="wal",
        description="SQLite's journal: wal on local disks, delete on network file systems.",
    )

    retention_runs: float | None = Field(
        default=None,
        ge=0,
        description="Days in the trash after which runs are removed for good; none by default.",
    )
    retention_experiments: float | None = Field(
        default=None,
        ge=0,
        description="Days in the trash after which experiments are removed for good; none by "
        "default.",
    )
    retention_artifacts: float | None = Field(
        default=None,
        ge=0,
        description="Days in the trash after which artifacts are removed for good; none by "
        "default.",
    )

    stalled_after: float = Field(
        default=60.0,
        gt=0,
        description="Seconds without a heartbeat until a running run shows as stalled.",
    )
    shutdown_after: float = Field(
        default=10.0, gt=0, description="Seconds that requests in flight get to finish at shutdown."
    )

    limit_request: int = Field(
        default=64 * 1024 * 1024, gt=0, description="Largest GraphQL request or message in bytes."
    )
    limit_artifact: int = Field(
        default=0, ge=0, description="Largest artifact in bytes; 0 for no limit."
    )
    limit_run_artifacts: int = Field(
        default=0, ge=0, description="Most bytes of artifacts that a run may have; 0 for no limit."
    )
    limit_run_files: int = Field(
        default=1_000_000, gt=0, description="Most artifacts that a run may have."
    )
    limit_artifact_preview: int = Field(
        default=64 * 1024 * 1024,
        gt=0,
        description="Bytes of a CSV or TSV file that are read to show a page of its rows.",
    )
    limit_depth: int = Field(default=20, gt=0, description="Deepest nesting of an operation.")
    limit_aliases: int = Field(default=200, gt=0, description="Most aliases in an operation.")
    limit_tokens: int = Field(default=5_000, gt=0, description="Most tokens in a GraphQL document.")
    limit_cost: int = Field(
        default=1_000_000,
        gt=0,
        description="Most values that an operation may resolve, its lists full.",
    )

    limit_console: int = Field(
        default=200_000_000,
        ge=0,
        description="Bytes of printed text kept of a run; lines beyond are counted and dropped.",
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe message that is logged."
    )
    access_log: bool = Field(default=False, description="Log a line for each request.")

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, url: str) -> str:
        scheme, _, rest = url.partition("://")
        driver = _DRIVERS.get(scheme, scheme)
        if url and driver not in _DRIVERS.values():
            raise ValueError("use sqlite:///a/file or postgresql://host/name")
        return f"{driver}://{rest}" if url else ""

    @cached_property
    def database(self) -> str:
        """The database URL with its default filled in."""
        return self.database_url or f"sqlite+aiosqlite:///{self.home.absolute() / 'trackql.db'}"

    @cached_property
    def artifacts(self) -> str:
        """The artifact root with its default filled in."""
        return self.artifact_root or str(self.home.absolute() / "artifacts")

    @property
    def embedded(self) -> bool:
        """Whether the database is a file of this process."""
        return self.database.startswith("sqlite")
