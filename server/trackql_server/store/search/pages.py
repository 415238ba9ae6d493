"""Pages of runs that satisfy a filter, in an order; a page costs about the same wherever it is.

An index is walked in the order asked for. Where too few of its runs satisfy the filter, the sets of
runs that satisfy its parts are found by their own indexes, and the order is made from those: the
cost of a page has a bound whatever the filter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, select

from trackql_server.store.columns import Int64s
from trackql_server.store.listed import Listed
from trackql_server.store.search import sorting, walks
from trackql_server.store.search.asked import NEWEST as NEWEST
from trackql_server.store.search.asked import Asked, Row, raw
from trackql_server.store.search.asked import Search as Search
from trackql_server.store.search.scope import runs

# A larger page is not worth a walk.
WALKED_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Found:
    """Numbers of the runs of a page, the cursor of each, and whether more follow."""

    numbers: Sequence[int]
    cursors: Sequence[str]
    has_next: bool


def page(
    connection: Connection, search: Search, first: int, after: str | None = None, offset: int = 0
) -> Found:
    """`first` runs after the one of cursor `after`, or from `offset` on."""
    asked = Asked(connection, search)
    start = None
    if after is not None:
        start = sorting.read_cursor(search.orders, [key.kind for key in asked.keys], after)
    rows = _rows(asked, first + 1, start, offset)
    shown = rows[:first]
    cursors = [sorting.write_cursor(search.orders, row) for row in shown]
    return Found([int(row[-1]) for row in shown], cursors, len(rows) > first)


def rows(
    connection: Connection, search: Search, wanted: int, after: Row | None = None
) -> tuple[list[Row], bool]:
    """What the next runs are sorted by, their numbers last, and whether more follow."""
    found = _rows(Asked(connection, search), wanted + 1, after, 0)
    return list(found[:wanted]), len(found) > wanted


def comparison(search: Search) -> Callable[[Row, Row], int]:
    """Which of two rows comes first: negative, zero or positive."""
    keys, _ = sorting.keys(search.scope, search.orders, runs())

    def compare(one: Row, other: Row) -> int:
        for key, mine, theirs in zip(keys, one, other, strict=True):
            if mine != theirs:
                return 1 if (mine > theirs) != key.descending else -1
        return 0

    return compare


def _rows(asked: Asked, wanted: int, after: Row | None, offset: int) -> list[Row]:
    """The keys of the runs after the given ones, in order."""
    order = walks.walks(asked) if not offset and wanted <= WALKED_PAGE else []
    found: list[Row] = []
    for walk in order:
        start = after
        if walk.rank is not None and after is not None:
            if after[0] > walk.rank:
                continue
            start = after if after[0] == walk.rank else None
        more = walks.found(asked, walk, wanted - len(found), start)
        if more is None:
            break
        found += more
        if len(found) >= wanted:
            return found
    else:
        if order:
            return found
    return found + asked.sorted(wanted - len(found), found[-1] if found else after, offset)


def count(connection: Connection, search: Search) -> int:
    """How many runs are found in all."""
    asked = Asked(connection, search)
    found = [*asked.within(asked.sets), *asked.by_number()]
    statement = select(func.count()).select_from(asked.run).where(*found)
    return int(connection.execute(statement).scalar_one())


def numbers(connection: Connection, search: Search, most: int) -> Int64s:
    """Numbers of all runs found, rising; of more than `most` some `most`, no matter which."""
    asked = Asked(connection, search)
    statement = select(asked.run.c.number).where(*asked.within(asked.sets), *asked.by_number())
    statement = statement.limit(most)
    if asked.sqlite:
        # One text of all numbers is made several times faster than a Python object for each.
        found = statement.subquery()
        text = connection.execute(select(func.group_concat(found.c.number))).scalar()
        made = np.fromstring(text or "", np.int64, sep=",")
    else:
        rows = raw(connection, statement)
        made = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    made.sort()
    return made


def among(connection: Connection, search: Search, some: Sequence[int]) -> list[Row]:
    """Of these runs the keys of those that are found."""
    asked = Asked(connection, search)
    listed = Listed(asked.run.c.number, some)
    return [
        tuple(row)
        for row in connection.execute(asked.unsorted(asked.probes, walked=True).where(listed))
    ]
