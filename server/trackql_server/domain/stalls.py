"""Telling those who watch an experiment that a run's heartbeat has stopped."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from trackql_server.models import Run
from trackql_server.store import runs
from trackql_server.store.database import Database

log = logging.getLogger(__name__)

# How late a page may learn of it.
LOOK_EVERY = timedelta(seconds=2)


class Stalls:
    """Looks only at experiments that somebody watches; a silent run announces nothing itself."""

    def __init__(
        self,
        database: Database,
        stalled_after: timedelta,
        clock: Callable[[], datetime],
        tell: Callable[[Run], None],
    ) -> None:
        self._database = database
        self._stalled_after = stalled_after
        self._clock = clock
        self._tell = tell
        self._watched: Counter[str] = Counter()
        self._looked = clock()
        self._task = asyncio.create_task(self._work(), name="stalls")

    def watch(self, experiment_ids: Sequence[str]) -> None:
        """Look at these experiments from now on."""
        self._watched.update(experiment_ids)

    def unwatch(self, experiment_ids: Sequence[str]) -> None:
        """Undo one `watch`."""
        self._watched.subtract(experiment_ids)
        self._watched = +self._watched

    async def look(self) -> None:
        """Tell of the runs that went silent since the last look."""
        now = self._clock()
        since, self._looked = self._looked, now
        if not self._watched:
            return
        async with self._database.read() as session:
            silent = await runs.going_stale(
                session,
                list(self._watched),
                since - self._stalled_after - LOOK_EVERY,
                now - self._stalled_after,
            )
        for run in silent:
            self._tell(run)

    async def close(self) -> None:
        """Stop looking."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            try:
                await self.look()
            except SQLAlchemyError:
                log.exception("looking for silent runs failed; tried again soon")
