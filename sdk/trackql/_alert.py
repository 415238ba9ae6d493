"""Alerts that a script raises on its run."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any, Literal

from . import values
from ._spool import ALERT
from .entities import moment
from .errors import InvalidInput

Level = Literal["INFO", "WARNING", "ERROR"]
LEVELS = {"INFO": "INFO", "WARN": "WARNING", "WARNING": "WARNING", "ERROR": "ERROR"}
TEXT = 10_000
# A title is raised again only this many seconds later, if nothing else is said.
PAUSE = 60.0
TITLES = 1_000  # whose pauses are remembered


class Alerts:
    """What a run does with alerts."""

    _alerted: dict[str, float] | None = None

    def _append(self, kind: int, payload: Any) -> None:
        raise NotImplementedError

    def alert(
        self,
        title: str,
        text: str = "",
        level: Level | str = "WARNING",
        wait_duration: float | timedelta = PAUSE,
    ) -> bool:
        """Raise an alert on the run; does not wait.

        The same title is passed over within `wait_duration` seconds; whether it was raised.
        """
        title = values.name(title, "title")
        known = LEVELS.get(str(getattr(level, "value", level)).upper())
        if known is None:
            raise InvalidInput(
                f"level must be INFO, WARNING or ERROR, not {level!r}", argument="level"
            )
        text = values.text("text", text)
        if len(text) > TEXT:
            raise InvalidInput(f"text has more than {TEXT:,} characters", argument="text")
        if isinstance(wait_duration, timedelta):
            wait_duration = wait_duration.total_seconds()
        pause = values.number("wait_duration", wait_duration)
        if self._alerted is None:
            self._alerted = {}
        now = time.monotonic()
        if now < self._alerted.get(title, now):
            return False
        if len(self._alerted) >= TITLES:  # titles made of numbers; their pauses are not kept
            self._alerted.clear()
        self._alerted[title] = now + pause
        self._append(
            ALERT,
            {
                "id": os.urandom(16).hex(),
                "title": title,
                "text": text,
                "level": known,
                "time": moment(time.time_ns() // 1_000_000),
            },
        )
        return True


def alert(
    title: str,
    text: str = "",
    level: Level | str = "WARNING",
    wait_duration: float | timedelta = PAUSE,
) -> bool:
    """Raise an alert on the active run."""
    from .fluent import _current

    return _current().alert(title, text, level, wait_duration)
