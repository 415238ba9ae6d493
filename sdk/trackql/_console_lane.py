"""The way of what is printed to the server: a journal of its own, and the lines that are open."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import errors
from ._sender import Lane, Sender

if TYPE_CHECKING:
    from ._batch import Batch
    from ._console import Printed
    from ._sender import Route
    from ._spool import Journal

# Between two requests: what was printed meanwhile travels together. A watcher sees it soon enough.
PACE = 0.05
# Between two that only tell the state of open lines.
OPEN_PACE = 0.2


class ConsoleLane(Lane):
    """A console journal on its way; `told` once the sender knows that there is something."""

    prints = True

    def __init__(self, journal: Journal, route: Route, sender: Sender) -> None:
        super().__init__(journal, route, sender)
        self.label = str(journal.meta["console"])
        self.source: Printed | None = None
        self.told = False
        self._version = 0
        self._open: list[dict[str, Any]] = []
        self._next_at = 0.0
        self._open_at = 0.0

    def _changed(self) -> bool:
        return self.source is not None and self.source.version != self._version

    def pending(self) -> bool:
        if self.stopped is not None or self.removed:
            return False
        return super().pending() or self._changed()

    @property
    def due(self) -> float:
        most = max(self.route.backoff.due, self.backoff.due)
        if self.journal.closed:
            return most
        if self.journal.window(self.position) is None:
            return max(most, self._open_at, self._next_at)
        return max(most, self._next_at)

    def step(self) -> bool:
        if not self.waiting and time.monotonic() >= self.due:
            self.told = False  # who prints from here on says so
        return super().step()

    def _opened(self) -> list[dict[str, Any]]:
        if self.source is None:
            return []
        self._version = self.source.version
        return self.source.opened()

    def _send(self, batch: Batch) -> None:
        opened = self._opened()
        told = {"writer": self.label, "open": opened}
        super()._send(batch._replace(input={**batch.input, **told}))
        self._sent(opened)
        if self.backlog:
            self._next_at = 0.0

    def _sent(self, opened: list[dict[str, Any]]) -> None:
        now = time.monotonic()
        self._open = opened
        self._next_at, self._open_at = now + PACE, now + OPEN_PACE

    def _rest(self) -> bool:
        if self.waiting:
            return False
        if self._changed():
            opened = self._opened()
            if opened != self._open:
                return self._tell_open(opened)
        return super()._rest()

    def _tell_open(self, opened: list[dict[str, Any]]) -> bool:
        message = {
            "runId": self.run_id,
            "times": [],
            "streams": [],
            "texts": [],
            "writer": self.label,
            "open": opened,
        }
        try:
            self.route.transport.execute("append_console", {"input": message})
        except errors.InvalidInput:
            self._sent(opened)
        except errors.TrackqlError as error:
            self._version = -1  # tried again
            self._failed(None, error)
            return False
        else:
            self.route.answered()
            self.backoff.clear()
            self.known = True
            self._sent(opened)
        return True

    def _unreported(self) -> bool:
        # The first loss is told at once, the rest at the end.
        head = self.journal.head
        lost = head.dropped > head.reported and (self.journal.closed or not head.reported)
        return self.known and (bool(self.problems) or lost)

    def _losses(self) -> dict[str, Any]:
        head = self.journal.head
        lines = head.dropped - head.reported
        if not lines:
            return {"problems": self.problems}
        message = (
            f"{lines:,} printed lines are lost: there was no room to keep them until they could"
            " be sent"
        )
        return {"problems": [*self.problems, {"code": "LINES_DROPPED", "message": message}]}
