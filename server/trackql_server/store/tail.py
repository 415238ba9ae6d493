"""The newest points of series that somebody watches, kept in memory within bounds."""

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from trackql_server.store.append import Appended
from trackql_server.store.columns import Float64s, Int64s
from trackql_server.store.metrics import Columns

T = TypeVar("T")
Column = TypeVar("Column", Int64s, Float64s)

# A subscriber further behind reads from the database. Of one series are kept at most so many points
# (1.5 MiB), so many commits' parts (a part of one point weighs as much as twenty points), and an
# equal share of what is kept of all (48 MB of columns).
POINTS = 65_536
PARTS = 64
ALL_POINTS = 2_000_000


class Recent(Generic[T]):
    """The last few things that were made, by the question they answer."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, question: Hashable) -> T | None:
        """What was put for that question, if it is still kept."""
        return self._kept.get(question)

    def put(self, question: Hashable, thing: T) -> None:
        """Keep a thing; the oldest goes when there are too many."""
        self._kept[question] = thing
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)


@dataclass(slots=True)
class Watched:
    """The watchers of a run and the newest points of its series, by key."""

    watchers: int = 0
    series: dict[str, deque[Appended]] = field(default_factory=dict)


class Tail:
    """Filled after each commit with the points of watched runs."""

    def __init__(self) -> None:
        self._runs: dict[str, Watched] = {}

    def watch(self, run_ids: Iterable[str]) -> None:
        """Keep the newest points of these runs from now on."""
        for run_id in run_ids:
            self._runs.setdefault(run_id, Watched()).watchers += 1

    def unwatch(self, run_ids: Iterable[str]) -> None:
        """Undo one `watch`."""
        for run_id in run_ids:
            watched = self._runs[run_id]
            watched.watchers -= 1
            if not watched.watchers:
                del self._runs[run_id]

    def watched(self, run_id: str) -> bool:
        """Whether somebody watches a run."""
        return run_id in self._runs

    def add(self, appended: Iterable[Appended]) -> None:
        """Take in what a commit stored."""
        series = sum(len(watched.series) for watched in self._runs.values())
        share = min(POINTS, ALL_POINTS // max(1, series))
        for each in appended:
            watched = self._runs.get(each.run_id)
            if watched is None:
                continue
            parts = watched.series.setdefault(each.key, deque())
            if parts and parts[-1].end != each.start:
                parts.clear()  # a commit was not heard of: what is kept must have no hole
            parts.append(each)
            while parts and (each.end - parts[0].start > share or len(parts) > PARTS):
                parts.popleft()

    def read(self, run_id: str, key: str, start: int, stop: int) -> Columns | None:
        """Points `start` up to `stop - 1`; None when they are not all in memory."""
        watched = self._runs.get(run_id)
        parts = None if watched is None else watched.series.get(key)
        if not parts or parts[0].start > start or parts[-1].end < stop:
            return None
        chosen = [part for part in parts if part.end > start and part.start < stop]
        return Columns(
            np.concatenate([_cut(part, part.steps, start, stop) for part in chosen]),
            np.concatenate([_cut(part, part.times, start, stop) for part in chosen]),
            np.concatenate([_cut(part, part.values, start, stop) for part in chosen]),
        )


def _cut(part: Appended, column: Column, start: int, stop: int) -> Column:
    return column[max(0, start - part.start) : stop - part.start]
