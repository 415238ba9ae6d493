"""Regular expressions: matched by RE2 over the distinct values of a field, whatever database."""

from collections.abc import Sequence

from sqlalchemy import Connection, Select, select, union

from trackql_server.errors import CostLimit
from trackql_server.filters.fields import STATUSES
from trackql_server.filters.pattern import regex
from trackql_server.filters.tree import (
    Comparison,
    Entity,
    Node,
    Operator,
    Relation,
    comparisons,
)
from trackql_server.store.listed import one_of
from trackql_server.store.search.predicates import COLUMNS, DATASET
from trackql_server.store.search.scope import Scope, runs
from trackql_server.store.search.sources import sources

# Distinct values that one expression is tried on.
MOST_VALUES = 100_000


def matched(connection: Connection, scope: Scope, node: Node) -> dict[Comparison, Sequence[str]]:
    """For each comparison by an expression the values in scope that match it.

    Raises CostLimit where a field has too many values.
    """
    return {
        each: _values(connection, scope, each)
        for each in comparisons(node)
        if each.operator is Operator.MATCHES
    }


def _values(connection: Connection, scope: Scope, node: Comparison) -> list[str]:
    expression = regex(str(node.values[0]))
    if node.field.entity is Entity.ATTRIBUTE and node.field.key == "status":
        return [each for each in STATUSES if expression.search(each)]
    rows = connection.execute(_distinct(scope, node).limit(MOST_VALUES + 1))
    found = [str(row[0]) for row in rows]
    if len(found) > MOST_VALUES:
        raise CostLimit(
            f"{node.field.key!r} has more than {MOST_VALUES:,} different values, too many for a"
            " regular expression: use LIKE or CONTAINS, or look over fewer experiments",
            limit="distinct_values",
        )
    return [each for each in found if expression.search(each)]


def _distinct(scope: Scope, node: Comparison) -> Select[tuple[str]]:
    field = node.field
    if field.entity is Entity.ATTRIBUTE:
        run = runs("d")
        column = run.c[COLUMNS.get(field.key, field.key)]
        statement = select(column).where(column.is_not(None)).distinct()
        if field.relation is Relation.PARENT:
            child = runs("c")
            return statement.where(
                run.c.id.in_(select(child.c.parent_run_id).where(scope.holds(child)))
            )
        return statement.where(scope.holds(run))
    if field.entity is Entity.DATASET:
        column = DATASET.c[field.key]
        within = one_of(DATASET.c.experiment_id, scope.experiment_ids)
        return select(column).where(within).distinct()
    texts = [
        select(source.text.value.label("value")).where(source.holds).distinct()
        for source in sources(scope, field, "d")
        if source.text is not None
    ]
    several = union(*texts).subquery()
    return select(several.c.value).where(several.c.value.is_not(None))
