"""Every environment variable that the SDK reads, with its default and what it means."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["VARIABLES", "Variable"]


class Variable:
    """One environment variable; an argument given in code always comes before it."""

    def __init__(self, name: str, default: str, help: str) -> None:
        self.name = name
        self.default = default
        self.help = help

    def read(self) -> str:
        return os.environ.get(self.name) or self.default

    def flag(self) -> bool:
        return self.read().strip().lower() in ("1", "true", "yes", "on")

    def number(self) -> float:
        """The value as a number; the default when it is not one."""
        try:
            return float(self.read())
        except ValueError:
            return float(self.default)


URL = Variable(
    "TRACKQL_URL", "http://127.0.0.1:4000", "Address of the server that runs are logged to."
)
TOKEN = Variable("TRACKQL_TOKEN", "", "Token sent to the server as a bearer token.")
SPOOL = Variable(
    "TRACKQL_SPOOL",
    "~/.local/state/trackql/spool",
    "Folder of the journals that hold what the server does not have yet.",
)
SPOOL_LIMIT = Variable(
    "TRACKQL_SPOOL_LIMIT",
    "10000000000",
    "Bytes of journal that one process may hold, points beyond it are dropped and counted; and of "
    "files that wait, those beyond it are uploaded at once.",
)
RUN_ID = Variable(
    "TRACKQL_RUN_ID", "", "Run that the first start_run of a process resumes; then it is unset."
)
EXPERIMENT = Variable(
    "TRACKQL_EXPERIMENT", "", "Name of the experiment to log to when set_experiment is not called."
)
FLUSH_TIMEOUT = Variable(
    "TRACKQL_FLUSH_TIMEOUT",
    "30",
    "Seconds that the end of a run waits for a server that answers; then the journal is left.",
)
CAPTURE = Variable(
    "TRACKQL_CAPTURE",
    "1",
    "What is captured of a run without being asked: 0 nothing, or names of parts like source,diff.",
)
CONSOLE = Variable(
    "TRACKQL_CONSOLE",
    "1",
    "Set to 0 to keep nothing of what is printed; fd also keeps what other processes print.",
)
ENVIRONMENT_VARIABLES = Variable(
    "TRACKQL_ENVIRONMENT_VARIABLES",
    "",
    "Names of further environment variables that are kept with a run; a * at the end for many.",
)
SYSTEM_METRICS = Variable(
    "TRACKQL_SYSTEM_METRICS", "1", "Set to 0 to log no metrics of the machine under system/."
)
LISTEN_INTERVAL = Variable(
    "TRACKQL_LISTEN_INTERVAL",
    "2",
    "Seconds between two questions whether something is asked of a run that listens.",
)
QUIET = Variable("TRACKQL_QUIET", "", "Set to 1 to print nothing when a run starts and ends.")

VARIABLES: tuple[Variable, ...] = (
    CAPTURE,
    CONSOLE,
    ENVIRONMENT_VARIABLES,
    EXPERIMENT,
    FLUSH_TIMEOUT,
    LISTEN_INTERVAL,
    QUIET,
    RUN_ID,
    SPOOL,
    SPOOL_LIMIT,
    SYSTEM_METRICS,
    TOKEN,
    URL,
)


def spool() -> Path:
    """The folder of the journals."""
    return Path(SPOOL.read()).expanduser()


_url: str | None = None


def url() -> str:
    """The server that is used when none is named."""
    return (_url or URL.read()).rstrip("/")


def use_url(address: str | None) -> None:
    """Name the server for the rest of the process; None goes back to the environment."""
    global _url
    _url = address


def is_url_set() -> bool:
    """A server was named, in code or by the environment."""
    return _url is not None or URL.read() != URL.default
