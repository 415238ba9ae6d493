"""Verbs that hand out found runs as whole tables, piece by piece, however many they are."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from trackql_server.domain import facets, search
from trackql_server.domain.context import Context
from trackql_server.domain.search import Question, RunColumn, Where
from trackql_server.errors import CostLimit
from trackql_server.filters.tree import Entity, Field, Statistic
from trackql_server.models import LabelKind
from trackql_server.store.paging import Page

# Cells of a piece: what is held in memory at once.
PIECE_CELLS = 500_000
PIECE_ROWS = 20_000

ATTRIBUTES = ("experiment_id", "name", "status", "start_time", "end_time", "duration", "user")
RUN_ID = Field(Entity.ATTRIBUTE, "run_id")


@dataclass(frozen=True)
class Piece:
    """Some runs, one after the other, as columns; the first is the run's id."""

    columns: Sequence[RunColumn]


async def fields(ctx: Context, where: Where) -> list[Field]:
    """What a table has when no columns are named: attributes, and every key that runs use.

    Raises CostLimit where there are more than a table may have.
    """
    found = [Field(Entity.ATTRIBUTE, name) for name in ATTRIBUTES]
    kinds = (
        (LabelKind.PARAM, Entity.PARAM),
        (LabelKind.METRIC, Entity.METRIC),
        (LabelKind.TAG, Entity.TAG),
    )
    for kind, entity in kinds:
        statistic = Statistic.LAST if entity is Entity.METRIC else None
        page = Page(search.TABLE_COLUMNS)
        known = await facets.keys(ctx, where, kind, "", None, page)
        found += [Field(entity, key, statistic) for key in known.rows]
        if known.has_next or len(found) > search.TABLE_COLUMNS:
            raise CostLimit(
                f"the runs have more than {search.TABLE_COLUMNS:,} keys; name the columns",
                limit="table_columns",
            )
    return found


async def pieces(
    ctx: Context, question: Question, columns: Sequence[Field]
) -> AsyncIterator[Piece]:
    """All runs found, in order, with these fields of theirs."""
    rows = max(1, min(PIECE_ROWS, PIECE_CELLS // (len(columns) + 1)))
    after: str | None = None
    while True:
        table = await search.table(ctx, question, [RUN_ID, *columns], rows, after)
        yield Piece(table.columns)
        if not table.has_next:
            return
        after = table.end_cursor
