"""Telling those who watch an experiment that a run's heartbeat has stopped."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from trackql_server.models import Run
from trackql_server.store import runs
from trackql_server.store.database import Database

log = logging.getLogger(__name__)

# How late a page may learn of it.
LOOK_EVERY = timedelta(seconds=2)


class Stalls:
    """Looks only at what somebody watches; a silent run announces nothing itself."""

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
        self._experiments: Counter[str] = Counter()
        self._runs: Counter[str] = Counter()
        self._looked = clock()
        self._task = asyncio.create_task(self._work(), name="stalls")

    def watch(self, experiment_ids: Sequence[str], run_ids: Sequence[str]) -> None:
        """Look at the runs of these experiments, and at these runs, from now on."""
        self._experiments.update(experiment_ids)
        self._runs.update(run_ids)

    def unwatch(self, experiment_ids: Sequence[str], run_ids: Sequence[str]) -> None:
        """Undo one `watch`."""
        self._experiments.subtract(experiment_ids)
        self._experiments = +self._experiments
        self._runs.subtract(run_ids)
        self._runs = +self._runs

    @property
    def watched(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self._experiments or self._runs)

    async def look(self) -> None:
        """Tell of the runs that went silent since the last look."""
        now = self._clock()
        since, self._looked = self._looked, now
        if not self.watched:
            return
        async with self._database.read() as session:
            silent = await runs.going_stale(
                session,
                list(self._experiments),
                list(self._runs),
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
            except Exception:  # whatever it was, the next look may succeed
                log.exception("looking for silent runs failed; tried again soon")
