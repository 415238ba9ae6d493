"""Runs as a table: the columns that are asked for, each as one array."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated

import numpy as np
import strawberry

from trackql_server.domain import search as domain
from trackql_server.domain.search import Question, RunColumn, Table
from trackql_server.filters.fields import Kind, kind
from trackql_server.graphql.context import Info
from trackql_server.graphql.listing import (
    ExperimentIds,
    FilterText,
    Folder,
    LifecycleFilter,
    Lifecycles,
    OrderBy,
    WhereGiven,
    Whole,
    orders,
)
from trackql_server.graphql.listing import where as chosen
from trackql_server.graphql.metrics import Encoding
from trackql_server.graphql.paging import After, Search
from trackql_server.graphql.scalars import (
    ColumnEncoding,
    Int64Column,
    MetricColumn,
    TextColumn,
    write_ints,
    write_known,
    write_texts,
    write_values,
)


@strawberry.enum(description="What the values of a column are.")
class ColumnKind(Enum):
    NUMBER = strawberry.enum_value("NUMBER", description="Numbers.")
    TEXT = strawberry.enum_value(
        "TEXT", description="Texts; of params and configuration also numbers where they are such."
    )
    TIME = strawberry.enum_value("TIME", description="Points in time, Unix milliseconds.")
    DURATION = strawberry.enum_value("DURATION", description="Lengths of time in milliseconds.")


KINDS = {
    Kind.NUMBER: ColumnKind.NUMBER,
    Kind.TIME: ColumnKind.TIME,
    Kind.DURATION: ColumnKind.DURATION,
}


@strawberry.type(name="RunColumn", description="One field of all runs of a table.")
class RunTableColumn:
    field: str = strawberry.field(description="As it was asked for.")
    column: strawberry.Private[RunColumn]

    @strawberry.field(description="What its values are.")
    def kind(self) -> ColumnKind:
        return KINDS.get(kind(self.column.field), ColumnKind.TEXT)

    @strawberry.field(
        description=(
            "The numbers; null in the place of a run that has none, in BASE64 NaN. Null as a whole"
            " for texts that are never numbers."
        )
    )
    def numbers(self, encoding: Encoding = ColumnEncoding.ARRAY) -> MetricColumn | None:
        numbers, column = self.column.numbers, self.column
        if numbers is None:
            return None
        if encoding is ColumnEncoding.BASE64:
            return MetricColumn(write_values(numbers, encoding))
        # A param that is there and no number is null, a metric that is there may be NaN.
        known = column.present if column.texts is None else ~np.isnan(numbers)
        return MetricColumn(write_known(numbers, known))

    @strawberry.field(description="Places, from 0, of the runs that lack the field.")
    def missing(self, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        return Int64Column(write_ints(np.flatnonzero(~self.column.present), encoding))

    @strawberry.field(
        description="The texts, null in the place of a run that has none; null for numbers."
    )
    def texts(self) -> TextColumn | None:
        texts = self.column.texts
        return None if texts is None else TextColumn(write_texts(texts))


@strawberry.type(description="Runs as columns.")
class RunTable:
    columns: list[RunTableColumn] = strawberry.field(description="In the order asked for.")
    has_next_page: bool = strawberry.field(description="Whether more runs follow.")
    end_cursor: str | None = strawberry.field(description="Go on after it; null without rows.")
    table: strawberry.Private[Table]
    question: strawberry.Private[Question | None]

    @strawberry.field(description="The runs' ids, in order.")
    def run_ids(self) -> TextColumn:
        return TextColumn(list(self.table.run_ids))

    @strawberry.field(description="Runs found in all; counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        if self.question is None:
            return len(self.table.run_ids)
        return await domain.count(info.context.ctx, self.question)


Columns = Annotated[
    list[str],
    strawberry.argument(
        description="Fields as the filter language spells them: `metrics.loss.min`, `params.lr`."
    ),
]


@strawberry.type
class TableQuery:
    @strawberry.field(
        description=(
            "Chosen fields of many runs as arrays: what a table shows, or an analysis reads in one"
            " request. At most 2,000,000 cells."
        )
    )
    async def run_table(
        self,
        info: Info,
        columns: Columns,
        experiment_ids: ExperimentIds = None,
        folder: Folder = None,
        run_ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(
                description="Just these, in this order, whatever else is given; at most 10,000."
            ),
        ] = None,
        lifecycle: Lifecycles = LifecycleFilter.ACTIVE,
        search: Search = None,
        filter: FilterText = None,
        where: WhereGiven = None,
        order_by: OrderBy = None,
        rows: Annotated[
            int, strawberry.argument(description="Runs at most; at most 100,000.")
        ] = 100,
        after: After = None,
        offset: Annotated[
            int,
            strawberry.argument(
                description="Runs to pass by first; for a jump, as `after` is for going on."
            ),
        ] = 0,
        tree: Whole = False,
    ) -> RunTable:
        ctx = info.context.ctx
        fields = domain.named_columns(columns)
        question = None
        if run_ids is not None:
            table = await domain.table_of_runs(ctx, run_ids, fields)
        else:
            which = chosen(experiment_ids, folder, lifecycle, filter, where, search)
            question = Question(which, orders(order_by), tree)
            table = await domain.table(ctx, question, fields, rows, after, offset)
        return RunTable(
            columns=_columns(columns, table.columns),
            has_next_page=table.has_next,
            end_cursor=table.end_cursor,
            table=table,
            question=question,
        )


def _columns(names: Sequence[str], made: Sequence[RunColumn]) -> list[RunTableColumn]:
    return [
        RunTableColumn(field=name, column=column) for name, column in zip(names, made, strict=True)
    ]
