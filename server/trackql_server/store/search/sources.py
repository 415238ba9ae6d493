"""Where a field of a run is kept: the table, its rows of the field, and what they say.

A source has at most one row a run. Null stands for NaN in the statistics of a metric.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    type_coerce,
)
from sqlalchemy.sql.selectable import FromClause

from trackql_server.filters.tree import Entity, Field, Statistic
from trackql_server.models import ConfigValue, LabelKind, MetricSeries, Param, Tag
from trackql_server.models.columns import table_of
from trackql_server.store.listed import one_of
from trackql_server.store.search.scope import Scope, alias
from trackql_server.store.search.texts import TextColumn

SERIES, PARAM = table_of(MetricSeries), table_of(Param)
CONFIG, TAG = table_of(ConfigValue), table_of(Tag)

KINDS = {
    Entity.METRIC: LabelKind.METRIC,
    Entity.PARAM: LabelKind.PARAM,
    Entity.TAG: LabelKind.TAG,
    Entity.CONFIG: LabelKind.CONFIG,
}

# Dividing a total smaller than this may underflow, which PostgreSQL refuses to do.
TINY = 1e-290


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one field: `holds` picks them out of `table`, the rest are columns of theirs.

    `nan` says that a null `number` is a NaN; else such a row holds no number.
    """

    table: FromClause
    holds: ColumnElement[bool]
    text: TextColumn | None = None
    number: ColumnElement[Any] | None = None
    flag: ColumnElement[Any] | None = None
    nan: bool = False

    @property
    def run_number(self) -> ColumnElement[int]:
        """Whose row it is."""
        found: ColumnElement[int] = self.table.c.run_number
        return found


def sources(scope: Scope, field: Field, name: str) -> list[Source]:
    """Where a metric, param, tag or config value is kept; the tables get names from `name`."""
    match field.entity:
        case Entity.METRIC:
            return [_metric(scope, field, name)]
        case Entity.PARAM:
            table = alias(PARAM, f"{name}_param")
            labelled = _labelled(table, scope.labels(LabelKind.PARAM, field.key))
            return [
                Source(table, labelled, TextColumn(table.c.value, table.c.head), table.c.number)
            ]
        case Entity.TAG:
            table = alias(TAG, f"{name}_tag")
            labelled = _labelled(table, scope.labels(LabelKind.TAG, field.key))
            return [Source(table, labelled, TextColumn(table.c.value, table.c.head))]
    return [_within_json(scope, field, name), _single_json(scope, field, name)]


def _labelled(table: FromClause, labels: list[int]) -> ColumnElement[bool]:
    return one_of(table.c.label_id, labels) if labels else false()


def _within_json(scope: Scope, field: Field, name: str) -> Source:
    table = alias(CONFIG, f"{name}_config")
    labelled = _labelled(table, scope.labels(LabelKind.CONFIG, field.key))
    text = TextColumn(table.c.value, table.c.head)
    return Source(table, labelled, text, table.c.number, table.c.flag)


def _single_json(scope: Scope, field: Field, name: str) -> Source:
    """A param whose JSON is a single value is that value."""
    table = alias(PARAM, f"{name}_single")
    labelled = _labelled(table, scope.labels(LabelKind.PARAM, field.key))

    def where(scalar: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((table.c.scalar == scalar, column), else_=None)

    raw = type_coerce(table.c.config, Text)
    return Source(
        table,
        and_(labelled, table.c.scalar.is_not(None)),
        TextColumn(where("text", table.c.value)),
        where("number", table.c.number),
        where("flag", raw == "true"),
    )


STATISTICS: dict[Statistic, Callable[[FromClause], ColumnElement[Any]]] = {
    Statistic.LAST: lambda table: table.c.last_value,
    Statistic.FIRST: lambda table: table.c.first_value,
    Statistic.MIN: lambda table: table.c.min_value,
    Statistic.MAX: lambda table: table.c.max_value,
    Statistic.MEAN: lambda table: case(
        (func.abs(table.c.total) < TINY, case((table.c.count > table.c.nan_count, 0.0))),
        else_=table.c.total / cast(func.nullif(table.c.count - table.c.nan_count, 0), Float),
    ),
    # The total of nothing but NaN is kept as 0.
    Statistic.SUM: lambda table: case((table.c.count > table.c.nan_count, table.c.total)),
    Statistic.COUNT: lambda table: cast(table.c.count, Float),
    Statistic.NAN_COUNT: lambda table: cast(table.c.nan_count, Float),
    Statistic.ARGMIN: lambda table: cast(table.c.min_step, Float),
    Statistic.ARGMAX: lambda table: cast(table.c.max_step, Float),
    Statistic.FIRST_STEP: lambda table: cast(table.c.first_step, Float),
    Statistic.LAST_STEP: lambda table: cast(table.c.last_step, Float),
}

# A series whose points are all NaN has no least point, so no step of it either.
SOMETIMES = {Statistic.ARGMIN: "min_step", Statistic.ARGMAX: "max_step"}


def _metric(scope: Scope, field: Field, name: str) -> Source:
    table = alias(SERIES, f"{name}_series")
    assert field.statistic is not None
    holds = _labelled(table, scope.labels(LabelKind.METRIC, field.key))
    if field.statistic in SOMETIMES:
        holds = and_(holds, table.c[SOMETIMES[field.statistic]].is_not(None))
    number = STATISTICS[field.statistic](table)
    return Source(table, holds, number=number, nan=True)
