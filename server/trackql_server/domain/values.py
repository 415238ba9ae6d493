"""Verbs about rich values: images, tables, histograms and the like, by key and step."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast

import orjson

from trackql_server.domain import access, runs, words
from trackql_server.domain.context import Context, Work
from trackql_server.domain.listing import Entry, of_file
from trackql_server.errors import CostLimit, InvalidInput
from trackql_server.models import Run, ValueKind
from trackql_server.models.columns import instant
from trackql_server.store import paging
from trackql_server.store import runs as run_store
from trackql_server.store import values as store
from trackql_server.store.values import Identity, Logged, NewValue, Range, Series, Which

# Values that one request logs.
LOGGED = 10_000
# So few are checked at once, others in a thread.
FEW = 20
PLACES = 1_000
LONGEST_CAPTION = 10_000
# Bytes of a body as JSON, and of a text that is one.
LARGEST_BODY = 64 * 1024
MOST_BINS = 512

# Bytes of bodies that are read at once.
BODIES = 32 * 1024 * 1024

INT64 = range(-(2**63), 2**63)
# Unix milliseconds of the years that `datetime` has.
MOMENTS = range(-62_135_596_800_000, 253_402_300_800_000)

# What shows nothing without a file.
FILES = (
    ValueKind.IMAGE,
    ValueKind.AUDIO,
    ValueKind.VIDEO,
    ValueKind.HTML,
    ValueKind.FIGURE,
)


# -- logging


def parsed(given: object, argument: str, now: datetime) -> NewValue:
    """A value as clients tell of it: {key, kind, step, place, time, caption, path, body}.

    Only `key` and `kind` are needed. Raises InvalidInput.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{argument} must be an object with key and kind", argument=argument)
    for name in ("key", "kind", "path", "caption"):
        text = given.get(name)
        if not isinstance(text, str) and (text is not None or name in ("key", "kind")):
            raise InvalidInput(f"{argument}.{name} must be a text", argument=f"{argument}.{name}")
    if given["kind"] not in ValueKind.__members__:
        raise InvalidInput(
            f"{argument}.kind must be one of {', '.join(ValueKind.__members__)}",
            argument=f"{argument}.kind",
        )
    time = given.get("time")
    value = NewValue(
        key=given["key"],
        kind=ValueKind(given["kind"]),
        step=_whole(given.get("step", 0), f"{argument}.step", INT64),
        place=_whole(given.get("place", 0), f"{argument}.place", range(PLACES)),
        time=now if time is None else instant(_whole(time, f"{argument}.time", MOMENTS)),
        caption=given.get("caption") or "",
        path=given.get("path"),
        body=given.get("body"),
    )
    _check(value, argument)
    return value


def _whole(number: object, argument: str, allowed: range) -> int:
    if isinstance(number, str) and number.lstrip("-").isdecimal() and len(number) <= 20:
        number = int(number)  # as JSON has numbers beyond 2^53
    if type(number) is not int or number not in allowed:
        raise InvalidInput(
            f"{argument} must be a whole number from {allowed[0]} to {allowed[-1]}",
            argument=argument,
        )
    return number


async def apply(work: Work, run: Run, values: Sequence[Mapping[str, Any]]) -> None:
    """Store values of a run in a transaction that is under way and holds the run.

    Their files are artifacts of the run by now. A value logged before at the same key, step and
    place is replaced, so that sending again is harmless. Raises InvalidInput, before a value is
    written, for one that does not fit, and when a key has values of another kind already.
    """
    if values:
        await _store(work, run, await _parsed(values, datetime.now(UTC)))


async def log(ctx: Context, run_id: str, values: Sequence[Mapping[str, Any]]) -> int:
    """Store values whose files, where they have one, are artifacts of the run; how many.

    Raises InvalidInput, NotFound, RunDeleted.
    """
    access.require_write(ctx.viewer)
    if len(values) > LOGGED:
        raise InvalidInput(
            f"values names {len(values)} values; log at most {LOGGED:,} at once", argument="values"
        )
    given = await _parsed(values, ctx.now())
    async with ctx.write() as work:
        await _store(work, await runs.active(work.session, run_id), given)
    return len(given)


async def _parsed(values: Sequence[Mapping[str, Any]], now: datetime) -> list[NewValue]:
    def parse() -> list[NewValue]:
        return [parsed(each, f"values[{place}]", now) for place, each in enumerate(values)]

    # Long histograms take their time.
    return parse() if len(values) <= FEW else await asyncio.to_thread(parse)


async def _store(work: Work, run: Run, values: Sequence[NewValue]) -> None:
    last = {(each.key, each.step, each.place): each for each in values}
    if not last:
        return
    paths = sorted({(run.number, each.path) for each in values if each.path is not None})
    there = await store.artifacts(work.session, paths)
    connection = await work.session.connection()
    keys = sorted({each.key for each in last.values()})
    before = await connection.run_sync(store.known, run.number, keys)
    kinds = {key: row.kind for key, row in before.items()}
    for place, each in enumerate(values):
        kind = kinds.setdefault(each.key, each.kind)
        if kind is not each.kind:
            raise InvalidInput(
                f"{each.key!r} holds values of the kind {kind} and can't hold one of the kind"
                f" {each.kind}: log it under another key",
                argument=f"values[{place}].key",
            )
        if each.path is not None and (run.number, each.path) not in there:
            raise InvalidInput(
                f"values[{place}].path: the run has no artifact {each.path!r}; log it first",
                argument=f"values[{place}].path",
            )
    await connection.run_sync(store.add, run, list(last.values()), before)
    work.announce(run)


def _check(value: NewValue, at: str) -> None:
    words.key(value.key, f"{at}.key")
    words.fitting(value.caption, f"{at}.caption", LONGEST_CAPTION)
    if value.path is not None:
        words.fitting(value.path, f"{at}.path", 1_000)
    body, kind = value.body, value.kind
    if body is not None:
        _check_size(body, f"{at}.body")
    if kind is ValueKind.HISTOGRAM:
        _check_histogram(body, f"{at}.body")
    elif kind is ValueKind.TEXT and value.path is None:
        if not isinstance(body, str):
            raise InvalidInput(f"{at}.body must be the text", argument=f"{at}.body")
        words.fitting(body, f"{at}.body", LARGEST_BODY)
    elif kind in FILES and value.path is None:
        raise InvalidInput(
            f"{at}.path is missing: a value of the kind {kind} shows an artifact of the run",
            argument=f"{at}.path",
        )
    elif kind is ValueKind.TABLE and value.path is None and not isinstance(body, dict):
        raise InvalidInput(
            f"{at} has neither an artifact at path nor a table in its body", argument=f"{at}.body"
        )


def _check_size(body: object, at: str) -> None:
    try:
        size = len(orjson.dumps(body))
    except TypeError as error:
        raise InvalidInput(f"{at} can't be kept as JSON: {error}", argument=at) from error
    largest = LARGEST_BODY
    if isinstance(body, str):  # its own bytes count, not the escapes that JSON needs
        size = len(body.encode())
    if size > largest:
        raise InvalidInput(
            f"{at} has {size:,} bytes; at most {largest:,} are kept here: log it as an artifact",
            argument=at,
        )


def _check_histogram(body: object, at: str) -> None:
    if not isinstance(body, dict):
        raise InvalidInput(
            f"{at} must be a histogram: counts with edges, or with min and max", argument=at
        )
    counts = _numbers(body.get("counts"), f"{at}.counts")
    if not 1 <= len(counts) <= MOST_BINS or min(counts) < 0:
        raise InvalidInput(
            f"{at}.counts must be 1 to {MOST_BINS} numbers that are not negative",
            argument=f"{at}.counts",
        )
    if "edges" in body:
        edges = _numbers(body["edges"], f"{at}.edges")
        if len(edges) != len(counts) + 1 or any(low >= high for low, high in pairwise(edges)):
            raise InvalidInput(
                f"{at}.edges must be {len(counts) + 1} rising numbers, one more than counts",
                argument=f"{at}.edges",
            )
    else:
        low, high = _numbers([body.get("min"), body.get("max")], at)
        if low >= high:
            raise InvalidInput(f"{at}.min must be less than max", argument=f"{at}.min")


def _numbers(given: object, at: str) -> list[float]:
    good = isinstance(given, list) and all(
        type(each) in (int, float) and math.isfinite(each) for each in given
    )
    if not good:
        raise InvalidInput(f"{at} must be finite numbers", argument=at)
    return cast(list[float], given)


# -- reading


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """Series of a run to list: what one loader call asks for."""

    run_number: int
    kinds: tuple[ValueKind, ...] | None
    keys: tuple[str, ...] | None
    search: str | None
    page: paging.Page


async def series(
    ctx: Context, asked: Sequence[SeriesPage]
) -> dict[SeriesPage, paging.Paged[Series]]:
    """Pages of runs' series, by key."""
    access.require_read(ctx.viewer)
    questions: dict[Any, dict[int, SeriesPage]] = {}
    for each in asked:
        asked_of = (each.kinds, each.keys, each.search, each.page)
        questions.setdefault(asked_of, {})[each.run_number] = each
    found: dict[SeriesPage, paging.Paged[Series]] = {}
    async with ctx.read() as session:
        for (kinds, keys, search, page), some in questions.items():
            pages = await store.series_of_runs(session, list(some), kinds, keys, search, page)
            found |= {some[number]: paged for number, paged in pages.items()}
    return found


async def count_series(ctx: Context, asked: SeriesPage) -> int:
    """How many series a run has in all pages."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        listing = store.listing(asked.run_number, asked.kinds, asked.keys, asked.search)
        return await paging.count(session, listing)


@dataclass(frozen=True, slots=True)
class ValuePage:
    """Values of a series to list: what one loader call asks for."""

    which: Which
    count: int
    steps: Range
    page: paging.Page


async def values(ctx: Context, asked: Sequence[ValuePage]) -> dict[ValuePage, paging.Paged[Logged]]:
    """Pages of the values of series, by step and place."""
    access.require_read(ctx.viewer)
    questions: dict[Any, dict[Which, ValuePage]] = {}
    for each in asked:
        questions.setdefault((each.steps, each.page), {})[each.which] = each
    found: dict[ValuePage, paging.Paged[Logged]] = {}
    async with ctx.read() as session:
        for (steps, page), some in questions.items():
            wanted = [(which, each.count) for which, each in some.items()]
            pages = await store.values_of(session, wanted, steps, page)
            found |= {some[which]: paged for which, paged in pages.items()}
    return found


async def count_values(ctx: Context, asked: ValuePage) -> int:
    """How many values a series has within some steps."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await paging.count(session, store.values_in(asked.which, asked.steps))


async def bodies(ctx: Context, which: Sequence[Identity]) -> dict[Identity, Any]:
    """The bodies of values; None where a value has none. Raises CostLimit."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        try:
            found = await store.bodies(session, which, BODIES)
        except OverflowError as error:
            raise CostLimit(
                f"The bodies asked for have more than {BODIES // 2**20} MiB; lower `first`.",
                limit="bodies",
            ) from error
    return await asyncio.to_thread(
        lambda: {each: orjson.loads(found[each]) if each in found else None for each in which}
    )


async def artifacts(
    ctx: Context, which: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], Entry | None]:
    """What lies at paths of runs, given by their numbers; None where nothing does."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        rows = await store.artifacts(session, which)
        owners = await run_store.by_numbers(session, sorted({number for number, _ in which}))
    found = {each: of_file(owners[each[0]].id, row) for each, row in rows.items()}
    return dict.fromkeys(which) | found


__all__ = [
    "Logged",
    "NewValue",
    "Range",
    "Series",
    "SeriesPage",
    "ValuePage",
    "apply",
    "artifacts",
    "bodies",
    "count_series",
    "count_values",
    "log",
    "parsed",
    "series",
    "values",
]
