"""Verbs about rich values by their steps: galleries of many runs, sliders, heat maps."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from trackql_server.domain import access, runs
from trackql_server.domain.context import Context
from trackql_server.domain.values import LARGEST_BODY, PLACES
from trackql_server.errors import CostLimit, InvalidInput, NotFound
from trackql_server.models import Run, ValueKind
from trackql_server.store import galleries as store
from trackql_server.store import runs as run_store
from trackql_server.store import values
from trackql_server.store.galleries import Cell, Steps
from trackql_server.store.values import Range, Series, Which

# What `at_step` may be asked for, and how many values it gives.
RUNS = 100
KEYS = 50
VALUES = 5_000

MOST_STEPS = 10_000
MOST_HISTOGRAMS = 1_000


@dataclass(frozen=True, slots=True)
class StepsAsked:
    """Steps of a series to read: what one loader call asks for."""

    which: Which
    count: int
    steps: Range
    most: int


def steps_asked(row: Series, steps: Range, most: int) -> StepsAsked:
    """Steps to read, at most so many. Raises InvalidInput."""
    _at_most(most, MOST_STEPS, "maxSteps")
    return StepsAsked((row.run_number, row.label_id), row.count, steps, most)


async def steps(ctx: Context, asked: Sequence[StepsAsked]) -> dict[StepsAsked, Steps]:
    """The steps at which series have values."""
    access.require_read(ctx.viewer)
    questions: dict[Any, dict[Which, StepsAsked]] = {}
    for each in asked:
        questions.setdefault((each.steps, each.most), {})[each.which] = each
    found: dict[StepsAsked, Steps] = {}
    async with ctx.read() as session:
        for (within, most), some in questions.items():
            wanted = [(which, each.count) for which, each in some.items()]
            read = await store.steps_of(session, wanted, within, most)
            found |= {some[which]: column for which, column in read.items()}
    return found


async def at_step(
    ctx: Context, run_ids: Sequence[str], keys: Sequence[str], step: int | None, places: int
) -> list[tuple[Run, Cell]]:
    """For each run and key its values at its last step up to `step` (None: its last).

    Ordered as runs and keys were named. Raises InvalidInput, CostLimit.
    """
    access.require_read(ctx.viewer)
    for given, most, argument in ((run_ids, RUNS, "runIds"), (keys, KEYS, "keys")):
        if len(given) > most:
            raise InvalidInput(
                f"{argument} names {len(given)}; ask for at most {most} at once", argument=argument
            )
    _at_most(places, PLACES, "places")
    found = await runs.by_ids(ctx, list(dict.fromkeys(run_ids)))
    numbers = {run.number: run for run in found.values()}
    if not numbers or not keys:
        return []
    async with ctx.read() as session:
        cells = await store.at_step(
            session, list(numbers), list(dict.fromkeys(keys)), step, places, VALUES
        )
    if cells is None:
        raise CostLimit(
            f"There are more than {VALUES:,} values; lower `places`, or name fewer runs or keys.",
            limit="values",
        )
    by_name = {(numbers[cell.run_number].id, cell.key): cell for cell in cells}
    return [
        (found[run_id], by_name[run_id, key])
        for run_id in dict.fromkeys(run_ids)
        for key in dict.fromkeys(keys)
        if (run_id, key) in by_name
    ]


def _at_most(number: int, most: int, argument: str) -> None:
    if not 1 <= number <= most:
        raise InvalidInput(f"{argument} must lie between 1 and {most:,}", argument=argument)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges; what has no place between them is counted apart."""

    edges: list[float]
    counts: list[float]
    apart: dict[str, int]


APART = ("nan", "positiveInfinity", "negativeInfinity")


def histogram(body: Any) -> Histogram:
    """A body that was checked when it was logged."""
    counts = [float(each) for each in body["counts"]]
    edges = body.get("edges")
    if edges is None:
        low, high = float(body["min"]), float(body["max"])
        bins = len(counts)
        # Halved, since the width of the greatest range is no number.
        half, width = low / 2, high / 2 - low / 2
        edges = [low, *(2 * (half + width * (place / bins)) for place in range(1, bins)), high]
    apart = {name: each for name in APART if type(each := body.get(name, 0)) is int}
    return Histogram([float(each) for each in edges], counts, apart)


@dataclass(frozen=True, slots=True)
class Histograms:
    """Histograms of a series along its steps, reduced to some of them."""

    series: Series
    steps: Steps
    histograms: list[Histogram]


async def histograms(
    ctx: Context, run_id: str, key: str, most: int, place: int = 0, within: Range | None = None
) -> Histograms | None:
    """Histograms at evenly chosen steps, the first and the last among them.

    None when the run has no values of that key. Raises NotFound, InvalidInput.
    """
    access.require_read(ctx.viewer)
    _at_most(most, MOST_HISTOGRAMS, "maxSteps")
    async with ctx.read() as session:
        run = (await run_store.by_ids(session, [run_id])).get(run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        row = await values.one_series(session, run.number, key)
        if row is None:
            return None
        if row.kind is not ValueKind.HISTOGRAM:
            raise InvalidInput(
                f"{key!r} holds values of the kind {row.kind}; name a key of histograms",
                argument="key",
            )
        which = (row.run_number, row.label_id)
        chosen = await store.thinned_steps(session, which, within or Range(), most, place)
        wanted = [(*which, step, place) for step in chosen.steps.tolist()]
        found = await values.bodies(session, wanted, MOST_HISTOGRAMS * LARGEST_BODY)
    read = await asyncio.to_thread(
        lambda: [histogram(orjson.loads(found[each])) for each in wanted]
    )
    return Histograms(row, chosen, read)


__all__ = [
    "Cell",
    "Histogram",
    "Histograms",
    "Steps",
    "StepsAsked",
    "at_step",
    "histogram",
    "histograms",
    "steps",
    "steps_asked",
]
