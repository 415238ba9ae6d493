"""Removing, once an hour, what lies in the trash longer than the settings keep it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from trackql_server.domain import purge
from trackql_server.domain.purge import IDLE, Stock
from trackql_server.store.purge import Removed, Until

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(hours=1)

# What a purge left unfinished has time until those who waited for the server are served.
UNFINISHED_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Keep:
    """How long the trash keeps a kind; None for ever."""

    runs: timedelta | None = None
    experiments: timedelta | None = None
    artifacts: timedelta | None = None

    @classmethod
    def days(cls, runs: float | None, experiments: float | None, artifacts: float | None) -> "Keep":
        """As the settings say it."""
        return cls(_days(runs), _days(experiments), _days(artifacts))

    def until(self, now: datetime) -> Until:
        """What is due now; uploads are given up only where anything is removed by itself at all."""
        runs, experiments, artifacts = (
            None if each is None else now - each
            for each in (self.runs, self.experiments, self.artifacts)
        )
        idle = None if self == Keep() else now - IDLE
        return Until(runs, experiments, artifacts, idle)


def _days(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


class Retention:
    """Looks at the start and then every hour.

    Without settings it only brings to an end what a purge began that did not, and begins later.
    """

    def __init__(self, stock: Stock, keep: Keep, clock: Callable[[], datetime]) -> None:
        self._stock = stock
        self._keep = keep
        self._clock = clock
        self._task = asyncio.create_task(self._work(), name="retention")

    async def look(self) -> Removed:
        """Remove what is due now, and log it."""
        removed = await purge.collect(self._stock, self._keep.until(self._clock()))
        if removed != Removed():
            log.info(
                "removed for good by retention: %d experiments, %d runs, %d artifacts, %d uploads;"
                " %d bytes freed",
                removed.experiments,
                removed.runs,
                removed.artifacts,
                removed.uploads,
                removed.bytes + removed.upload_bytes,
            )
        return removed

    async def close(self) -> None:
        """Stop; the transaction under way runs to its end."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _work(self) -> None:
        if self._keep == Keep():
            await asyncio.sleep(UNFINISHED_AFTER.total_seconds())
        while True:
            try:
                await self.look()
            except Exception:  # whatever it was, the next look may succeed
                log.exception("removing what is due failed; tried again in an hour")
            await asyncio.sleep(LOOK_EVERY.total_seconds())
