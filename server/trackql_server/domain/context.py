"""What a verb may touch: the viewer, sessions, the writer of points, and who is told."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.bus import Bus
from trackql_server.domain.access import LOCAL, Viewer
from trackql_server.domain.events import (
    EVERYTHING_TOPIC,
    Event,
    RunChanged,
    SeriesGrew,
    experiment_topic,
    run_topic,
)
from trackql_server.domain.rules import Rules
from trackql_server.domain.stalls import Stalls
from trackql_server.models import Run
from trackql_server.store import migrate
from trackql_server.store.append import Committed, MetricWriter
from trackql_server.store.blobs.opening import opened
from trackql_server.store.blobs.protocol import Blobs
from trackql_server.store.database import Database
from trackql_server.store.seal import Sealer
from trackql_server.store.tail import Recent, Tail

# Events of the live stream kept for the other subscribers who are about to ask for the same.
SHARED_EVENTS = 64


@dataclass(frozen=True, slots=True)
class Quotas:
    """What runs may leave behind; 0 is no limit.

    `artifact` and `run_bytes` are bytes of one artifact and of all of a run, `run_files` how many
    a run may have; `preview` are bytes of a text that are read to show a page of its table.
    """

    artifact: int = 0
    run_bytes: int = 0
    run_files: int = 1_000_000
    preview: int = 64 * 1024 * 1024


class Services:
    """What lives as long as the server: made by `open`, ended by `close`."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        quotas: Quotas,
        stalled_after: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self.database = database
        self.blobs = blobs
        self.quotas = quotas
        self.stalled_after = stalled_after
        self.clock = clock
        self.bus: Bus[Event] = Bus()
        self.tail = Tail()
        self.shared: Recent[Any] = Recent(SHARED_EVENTS)
        self.console_limit = 200_000_000
        self.direct_downloads = False
        self.sealer = Sealer(database)
        self.writer = MetricWriter(database, self._committed, clock)
        self.stalls = Stalls(
            database, stalled_after, clock, lambda run: self.run_changed(run.experiment_id, run.id)
        )
        self.rules = Rules(self)

    @classmethod
    async def open(
        cls,
        database_url: str,
        *,
        artifact_root: str = "trackql-data/artifacts",
        quotas: Quotas | None = None,
        stalled_after: float = 60.0,
        journal_mode: str = "wal",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> "Services":
        """Connect; the embedded database is brought to this release's tables.

        Raises Unavailable when a server database is at another release's.
        """
        database = Database(database_url, journal_mode=journal_mode)
        try:
            await migrate.ready(database)
            blobs = opened(artifact_root)
            await blobs.check()
        except BaseException:
            await database.close()
            raise
        services = cls(database, blobs, quotas or Quotas(), timedelta(seconds=stalled_after), clock)
        await services.rules.refresh()
        return services

    async def close(self) -> None:
        """Commit what was accepted, end what listens, disconnect."""
        async with AsyncExitStack() as last_first:  # each of them, whatever fails on the way
            last_first.push_async_callback(self.database.close)
            last_first.push_async_callback(self.blobs.close)
            last_first.push_async_callback(self.sealer.close)
            last_first.push_async_callback(self.writer.close)
            last_first.push_async_callback(self.stalls.close)
            last_first.push_async_callback(self.rules.close)
            self.bus.close()

    def context(self, viewer: Viewer = LOCAL) -> "Context":
        """What the verbs get for one request."""
        return Context(viewer, self)

    def _committed(self, committed: Committed) -> None:
        self.tail.add(committed.appended)
        runs: dict[str, str] = {}
        for each in committed.appended:
            runs[each.run_id] = each.experiment_id
            if self.tail.watched(each.run_id):
                self.bus.publish(SeriesGrew(each.run_id, each.key, each.end))
        for run_id, experiment_id in runs.items():
            self.run_changed(experiment_id, run_id)
        if self.rules.watching:
            self.rules.appended(runs, committed.appended)
        self.sealer.grew(committed)

    def run_changed(self, experiment_id: str, run_id: str) -> None:
        """Tell those who watch the experiment and those who watch the run."""
        self.bus.publish(RunChanged(experiment_topic(experiment_id), run_id))
        self.bus.publish(RunChanged(run_topic(run_id), run_id))
        self.bus.publish(RunChanged(EVERYTHING_TOPIC, run_id))


@dataclass(frozen=True, slots=True)
class Work:
    """A transaction under way; what is announced is told once it is committed."""

    session: AsyncSession
    changed: dict[str, str]
    told: list[Event] = field(default_factory=list)

    def announce(self, run: Run) -> None:
        """Tell, after the commit, that a run changed."""
        self.changed[run.id] = run.experiment_id

    def tell(self, event: Event) -> None:
        """Tell, after the commit, that something happened."""
        self.told.append(event)


@dataclass(frozen=True, slots=True)
class Context:
    """Handed to every verb; knows nothing of HTTP."""

    viewer: Viewer
    services: Services

    def now(self) -> datetime:
        """The time, to the millisecond that the database keeps."""
        now = self.services.clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def alive_since(self) -> datetime:
        """A running run that was heard of before this is stalled."""
        return self.now() - self.services.stalled_after

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session of this verb's own."""
        async with self.services.database.read() as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Work]:
        """One transaction; announces after the commit, and nothing when it is rolled back."""
        async with self.services.database.write() as session:
            work = Work(session, {})
            yield work
        for run_id, experiment_id in work.changed.items():
            self.services.run_changed(experiment_id, run_id)
        for event in work.told:
            self.services.bus.publish(event)
