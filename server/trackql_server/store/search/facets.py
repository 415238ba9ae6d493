"""What runs of some experiments can be asked for: keys, and values of a field, with counts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, true, union, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.filters.tree import Entity, Field
from trackql_server.models import (
    ConfigValue,
    Label,
    LabelKind,
    MetricSeries,
    Param,
    Tag,
    ValueSeries,
)
from trackql_server.models.columns import table_of
from trackql_server.models.run import HEAD
from trackql_server.store.paging import Page, Paged, contains
from trackql_server.store.search.predicates import COLUMNS
from trackql_server.store.search.scope import Scope, runs
from trackql_server.store.search.sorting import begin, type_text
from trackql_server.store.search.sources import sources
from trackql_server.store.search.texts import TextColumn

LABEL = table_of(Label)
TABLES: dict[LabelKind, Any] = {
    LabelKind.METRIC: table_of(MetricSeries),
    LabelKind.PARAM: table_of(Param),
    LabelKind.TAG: table_of(Tag),
    LabelKind.CONFIG: table_of(ConfigValue),
    LabelKind.VALUE: table_of(ValueSeries),
}

# Rows of a field that are looked at to tell which values it has, and how often.
VALUES_LOOKED_AT = 200_000

# Rows of a param that are looked at to tell whether it is configuration.
SINGLE_LOOKED_AT = 100


def _starts(column: ColumnElement[Any], prefix: str) -> list[ColumnElement[bool]]:
    """That a text starts so, told by its place in an index."""
    if not prefix:
        return []
    bounds = [column >= prefix]
    last = prefix.rstrip("\U0010ffff")
    if last:
        following = ord(last[-1]) + 1
        following = 0xE000 if 0xD800 <= following < 0xE000 else following  # no surrogates
        bounds.append(column < last[:-1] + chr(following))
    return bounds


def _begins(text: TextColumn, prefix: str) -> list[ColumnElement[bool]]:
    """That a text starts so, of which an index may have the head alone."""
    rest = _starts(text.whole, prefix) if len(prefix) > HEAD else []
    return [*_starts(begin(text), prefix[:HEAD]), *rest]


async def keys(
    session: AsyncSession,
    scope: Scope,
    kind: LabelKind,
    prefix: str,
    search: str | None,
    page: Page,
) -> Paged[str]:
    """Keys of a kind that runs use, by their letters."""

    def some(named: LabelKind, used: ColumnElement[bool]) -> Select[Any]:
        statement = select(LABEL.c.key).distinct()
        statement = statement.where(_labels(scope, named), *_starts(LABEL.c.key, prefix), used)
        if search:
            statement = statement.where(contains(LABEL.c.key, search))
        if page.after is not None:  # a key is its own cursor
            statement = statement.where(LABEL.c.key > page.after)
        return statement.order_by(LABEL.c.key).limit(page.first + 1)

    table = TABLES[kind]
    statement = some(kind, select(table.c.label_id).where(table.c.label_id == LABEL.c.id).exists())
    if kind is LabelKind.CONFIG:
        parts = [statement, some(LabelKind.PARAM, _single())]
        both = union(*(select(part.subquery().c.key) for part in parts)).subquery()
        statement = select(both.c.key).order_by(both.c.key).limit(page.first + 1)
    found = [str(row[0]) for row in await session.execute(statement)]
    shown = found[: page.first]
    return Paged(shown, shown, len(found) > page.first, page.after is not None)


def _labels(scope: Scope, kind: LabelKind) -> ColumnElement[bool]:
    """That a label is of a kind and of one of the experiments looked over."""
    experiment = LABEL.c.experiment_id
    one = len(scope.experiment_ids) == 1
    within = experiment == scope.experiment_ids[0] if one else experiment.in_(scope.experiment_ids)
    return and_(within, LABEL.c.kind == str(kind))


def _single() -> ColumnElement[bool]:
    """That a param was logged as a single JSON value, told by the first of its rows."""
    params = TABLES[LabelKind.PARAM]
    first = select(params.c.scalar).where(params.c.label_id == LABEL.c.id).limit(SINGLE_LOOKED_AT)
    rows = first.correlate(LABEL).subquery()
    return select(rows.c.scalar).where(rows.c.scalar.is_not(None)).exists()


async def key_counts(
    session: AsyncSession, scope: Scope, kind: LabelKind, some: Sequence[str]
) -> dict[str, int]:
    """How many runs, those in the trash too, use each of these keys."""
    table = TABLES[kind]
    asked = [(kind, table, true())]
    if kind is LabelKind.CONFIG:
        params = TABLES[LabelKind.PARAM]
        asked.append((LabelKind.PARAM, params, params.c.scalar.is_not(None)))
    counts = dict.fromkeys(some, 0)
    for named, rows, counted in asked:
        # By name: labels by number would be as many parameters as keys times experiments.
        found = await session.execute(
            select(LABEL.c.key, func.count())
            .join(rows, rows.c.label_id == LABEL.c.id)
            .where(_labels(scope, named), LABEL.c.key.in_(some), counted)
            .group_by(LABEL.c.key)
        )
        for key, number in found:
            counts[key] += number
    return counts


async def values(
    session: AsyncSession, scope: Scope, field: Field, prefix: str, most: int
) -> list[tuple[str, int]]:
    """Texts that a field has, the most frequent first, each with how many runs have it."""
    if field.entity is Entity.ATTRIBUTE:
        run = runs()
        column = type_text(run.c[COLUMNS.get(field.key, field.key)])
        value = type_text(func.substr(column, 1, HEAD))
        parts = [select(value.label("value")).where(scope.holds(run), *_starts(column, prefix))]
    else:
        parts = [
            select(begin(source.text).label("value")).where(
                source.holds, *_begins(source.text, prefix)
            )
            for source in sources(scope, field, "v")
            if source.text is not None
        ]
    looked_at = union_all(*parts).limit(VALUES_LOOKED_AT).subquery()
    value = looked_at.c.value
    rows = await session.execute(
        select(value, func.count().label("runs"))
        .where(value.is_not(None))
        .group_by(value)
        .order_by(func.count().desc(), value)
        .limit(most)
    )
    return [(str(row[0]), int(row[1])) for row in rows]
