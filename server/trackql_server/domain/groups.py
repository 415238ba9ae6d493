"""Verbs over groups of runs: statistics, mean curves, and what params tell of a metric."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from sqlalchemy import Connection

from trackql_server.domain import search
from trackql_server.domain.context import Context
from trackql_server.domain.search import Where
from trackql_server.errors import CostLimit, InvalidInput
from trackql_server.filters.fields import Kind, kind
from trackql_server.filters.tree import Entity, Field
from trackql_server.models import LabelKind
from trackql_server.store import metrics as metric_store
from trackql_server.store.columns import Float64s, Int64s
from trackql_server.store.metrics import Span
from trackql_server.store.paging import Page
from trackql_server.store.search import bands, columns, facets, groups, pages
from trackql_server.store.search.bands import Band as Band
from trackql_server.store.search.groups import Group as Group
from trackql_server.store.search.groups import Measure as Measure
from trackql_server.store.search.importance import Importance as Importance
from trackql_server.store.search.importance import importance

# Runs that one question may gather.
MOST_RUNS = 1_000_000

# Cells that are read to answer it: runs times fields.
MOST_CELLS = 10_000_000
MOST_FIELDS = 50

# Groups that are sorted by a measure of each.
MOST_SORTED = 20_000

# Params that are compared with a metric.
MOST_PARAMS = 200

# Runs by which params are weighed; of more, so many evenly chosen tell the same.
WEIGHED_RUNS = 20_000

# Series and points that curves are made of in one request.
CURVE_RUNS = 1_000
CURVE_POINTS = 20_000_000

RUN_ID = Field(Entity.ATTRIBUTE, "run_id")


class GroupStatistic(StrEnum):
    """A number that groups may be sorted by."""

    N = "n"
    MEAN = "mean"
    STD = "std"
    MIN = "min"
    MAX = "max"
    MEDIAN = "median"


@dataclass(frozen=True)
class GroupOrder:
    """By a measure's statistic, or by the number of runs where no measure is named."""

    measure: int | None = None
    statistic: GroupStatistic = GroupStatistic.MEAN
    descending: bool = True


@dataclass(frozen=True)
class Groups:
    """A page of groups, how many there are, and of how many runs.

    `numbers` are those of the runs, which the groups' places point into.
    """

    page: Sequence[Group]
    total: int
    numbers: Int64s


@dataclass(frozen=True)
class GroupCurve:
    """The mean curve of a group's runs, and how many of them have the metric."""

    values: Sequence[str | None]
    runs: int
    band: Band


def _checked(by: Sequence[Field], measures: Sequence[Field], argument: str = "measures") -> None:
    if len(by) + len(measures) > MOST_FIELDS:
        raise CostLimit(f"by and measures name more than {MOST_FIELDS} fields", limit="fields")
    for each in measures:
        if kind(each) in (Kind.TEXT, Kind.STATUS):
            raise InvalidInput(f"{argument}: {each.key!r} is no number", argument=argument)


async def grouped(
    ctx: Context,
    where: Where,
    by: Sequence[Field],
    measures: Sequence[Field],
    first: int,
    offset: int,
    order: GroupOrder,
) -> Groups:
    """A page of the groups of the runs found, by the text of some fields."""
    if not 0 <= first <= 1000:
        raise InvalidInput("first must lie between 0 and 1000", argument="first")
    if offset < 0:
        raise InvalidInput("offset is negative", argument="offset")
    _checked(by, measures)
    scope = await search.scope(ctx, where)
    asked = pages.Search(scope, where.node)

    def read(connection: Connection) -> Groups:
        numbers = _numbers(connection, asked, len(by) + len(measures))
        made = columns.columns(connection, scope, [*by, *measures], numbers)
        found = groups.group(made[: len(by)], len(numbers))
        page = _page(found, made[len(by) :], first, offset, order)
        return Groups(page, len(found), numbers)

    return await ctx.services.database.run_read(read)


def _numbers(connection: Connection, asked: pages.Search, fields: int) -> Int64s:
    numbers = pages.numbers(connection, asked, MOST_RUNS + 1)
    if len(numbers) > MOST_RUNS or len(numbers) * fields > MOST_CELLS:
        raise CostLimit(
            f"the question gathers more than {MOST_RUNS:,} runs or {MOST_CELLS:,} values; filter"
            " more narrowly or name fewer fields",
            limit="grouped_runs",
        )
    return numbers


def _page(
    found: list[Group],
    measures: Sequence[columns.RunColumn],
    first: int,
    offset: int,
    order: GroupOrder,
) -> list[Group]:
    sign = -1 if order.descending else 1
    if order.measure is None:
        found.sort(key=lambda group: (sign * len(group.places), _sortable(group)))
    else:
        if len(found) > MOST_SORTED:
            raise CostLimit(
                f"there are {len(found):,} groups; at most {MOST_SORTED:,} are sorted by a measure",
                limit="groups",
            )
        column = measures[order.measure]
        ranked = []
        for group in found:
            number = _statistic(groups.measure(column, group.places), order.statistic)
            missing = number is None or np.isnan(number)
            rank = 0.0 if missing or number is None else sign * number
            ranked.append((missing, rank, _sortable(group), group))
        ranked.sort(key=lambda each: each[:3])
        found = [each[3] for each in ranked]
    page = found[offset : offset + first]
    for group in page:
        group.measures = [groups.measure(column, group.places) for column in measures]
    return page


def _sortable(group: Group) -> list[tuple[bool, str]]:
    return [(value is None, value or "") for value in group.values]


def _statistic(measure: Measure, statistic: GroupStatistic) -> float | None:
    if statistic is GroupStatistic.MEDIAN:
        return measure.quantile(0.5)
    found: float | None = getattr(measure, statistic.value)
    return found


async def run_ids(ctx: Context, numbers: Int64s) -> list[str]:
    """The ids of runs by their numbers."""
    scope = await search.scope(ctx, Where([]))
    [column] = await ctx.services.database.run_read(
        lambda connection: columns.columns(connection, scope, [RUN_ID], numbers)
    )
    assert column.texts is not None
    return [each for each in column.texts.tolist() if each is not None]


async def curves(
    ctx: Context,
    where: Where,
    by: Sequence[Field],
    key: str,
    most: int,
    points: int,
    steps: tuple[int | None, int | None],
) -> list[GroupCurve]:
    """Mean curves of a metric, aligned on step, of the groups with most runs.

    Raises CostLimit where more than CURVE_POINTS points would be read.
    """
    if not 1 <= most <= 100:
        raise InvalidInput("groups must lie between 1 and 100", argument="groups")
    if not 2 <= points <= 20_000:
        raise InvalidInput("points must lie between 2 and 20,000", argument="points")
    _checked(by, [])
    scope = await search.scope(ctx, where)
    asked = pages.Search(scope, where.node)

    def read(connection: Connection) -> list[GroupCurve]:
        numbers = _numbers(connection, asked, len(by) + 1)
        made = columns.columns(connection, scope, by, numbers)
        found = groups.group(made, len(numbers))
        found.sort(key=lambda group: (-len(group.places), _sortable(group)))
        labels = scope.labels(LabelKind.METRIC, key)
        return list(_curves(connection, found[:most], numbers, labels, points, steps))

    return await ctx.services.database.run_read(read)


def _curves(
    connection: Connection,
    found: Sequence[Group],
    numbers: Int64s,
    labels: Sequence[int],
    points: int,
    steps: tuple[int | None, int | None],
) -> Iterator[GroupCurve]:
    wanted = [numbers[group.places].tolist() for group in found]
    if sum(map(len, wanted)) > CURVE_RUNS:
        raise CostLimit(
            f"the curves are made of more than {CURVE_RUNS:,} runs; filter more narrowly",
            limit="curve_runs",
        )
    every = [number for some in wanted for number in some]
    series = {row.run_number: row for row in metric_store.of_labels(connection, labels, every)}
    if sum(row.count for row in series.values()) > CURVE_POINTS:
        raise CostLimit(
            f"the curves are made of more than {CURVE_POINTS:,} points; filter more narrowly",
            limit="curve_points",
        )
    for group, some in zip(found, wanted, strict=True):
        own = [series[number] for number in some if number in series]
        extent = bands.extent([(row.first_step, row.last_step) for row in own])
        if extent is None:
            continue
        low = extent[0] if steps[0] is None else max(extent[0], steps[0])
        high = extent[1] if steps[1] is None else min(extent[1], steps[1])
        if low > high:
            continue

        def columns_of(rows: Sequence[metric_store.Extent]) -> Iterator[tuple[Int64s, Float64s]]:
            for row in rows:
                read = metric_store.columns(connection, Span(row.id, 0, row.count), times=False)
                assert read.steps is not None
                assert read.values is not None
                yield read.steps, read.values

        made = bands.band(columns_of(own), low, high, points)
        yield GroupCurve(group.values, len(own), made)


async def importances(ctx: Context, where: Where, metric: Field, first: int) -> list[Importance]:
    """What the params of the runs found tell of a metric, most telling first.

    Of more than WEIGHED_RUNS runs so many are weighed, of more than MOST_PARAMS params the first.
    """
    if not 1 <= first <= MOST_PARAMS:
        raise InvalidInput(f"first must lie between 1 and {MOST_PARAMS}", argument="first")
    _checked([], [metric], "metric")
    scope = await search.scope(ctx, where)
    asked = pages.Search(scope, where.node)
    async with ctx.read() as session:
        known = await facets.keys(session, scope, LabelKind.PARAM, "", None, Page(MOST_PARAMS))
    params = [Field(Entity.PARAM, key) for key in known.rows]

    def read(connection: Connection) -> list[Importance]:
        numbers = _numbers(connection, asked, 1)
        if len(numbers) > WEIGHED_RUNS:
            chosen = np.linspace(0, len(numbers) - 1, WEIGHED_RUNS).astype(np.int64)
            numbers = numbers[chosen]
        [measured] = columns.columns(connection, scope, [metric], numbers, WEIGHED_RUNS)
        assert measured.numbers is not None
        found = []
        for param in params:  # one at a time, so that one column is held at once
            [column] = columns.columns(connection, scope, [param], numbers, WEIGHED_RUNS)
            told = importance(column, measured.numbers)
            if told is not None:
                found.append(told)
        return sorted(found, key=lambda each: (-each.share, each.param))[:first]

    return await ctx.services.database.run_read(read)
