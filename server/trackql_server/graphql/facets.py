"""What an editor of filters needs: keys, values, errors with their place, completion."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import strawberry

from trackql_server import models
from trackql_server.domain import facets as domain
from trackql_server.domain import search
from trackql_server.domain.facets import Suggested
from trackql_server.domain.search import Where
from trackql_server.graphql.context import Info
from trackql_server.graphql.enums import row_enum
from trackql_server.graphql.listing import ExperimentIds, Folder
from trackql_server.graphql.paging import After, First, PageInfo, Search, page, page_info

KeyKind = row_enum(
    models.LabelKind,
    "What a key is a key of.",
    called="KeyKind",
    METRIC="Metrics.",
    PARAM="Params.",
    TAG="Tags.",
    CONFIG="Values of typed configuration, by their path.",
    VALUE="Rich values: images, tables, histograms and the like.",
)
SuggestionKind = row_enum(
    Suggested,
    "What a suggestion is.",
    called="SuggestionKind",
    KEYWORD="A word that joins comparisons.",
    OPERATOR="How a field is compared.",
    ATTRIBUTE="An attribute of a run.",
    ENTITY="What a key belongs to, as in `metrics.`.",
    KEY="A key that runs use.",
    STATISTIC="A number of a metric's series.",
    VALUE="A value that runs have.",
    LITERAL="How a value may be written.",
)


@strawberry.type(description="A key that runs use.")
class RunKey:
    key: str = strawberry.field(description="The key.")
    counts: strawberry.Private["_Counts"]

    @strawberry.field(description="Runs that use it, those in the trash too; on request.")
    async def runs(self, info: Info) -> int:
        return (await self.counts.load(info))[self.key]


class _Counts:
    """Counts of a page of keys: one statement for all of them."""

    def __init__(self, where: Where, kind: models.LabelKind, keys: Sequence[str]) -> None:
        self._where = where
        self._kind = kind
        self._keys = keys
        self._found: asyncio.Task[dict[str, int]] | None = None

    async def load(self, info: Info) -> dict[str, int]:
        """The counts by key; whoever asks first has them counted for all."""
        if self._found is None:
            counting = domain.key_counts(info.context.ctx, self._where, self._kind, self._keys)
            self._found = asyncio.ensure_future(counting)
        return await self._found


@strawberry.type(description="A page of keys.")
class RunKeyConnection:
    nodes: list[RunKey] = strawberry.field(description="The keys, by their letters.")
    page_info: PageInfo = strawberry.field(description="What lies around the page.")


@strawberry.type(description="A value that runs have.")
class RunValue:
    value: str = strawberry.field(description="Its first 256 characters.")
    runs: int = strawberry.field(description="Runs that have it.")


@strawberry.type(description="What is wrong with a filter, and where.")
class FilterError:
    message: str = strawberry.field(description="What is wrong and what to do.")
    position: int | None = strawberry.field(
        description="Where, in characters (code points) from 0; null for the whole."
    )
    length: int = strawberry.field(description="Of how many characters.")
    expected: list[str] = strawberry.field(description="What could stand there.")


@strawberry.type(description="Whether a filter can be read.")
class FilterCheck:
    canonical: str | None = strawberry.field(description="The filter spelled in full.")
    error: FilterError | None = strawberry.field(description="What is wrong with it.")


@strawberry.type(description="A text that may stand at the cursor.")
class FilterSuggestion:
    text: str = strawberry.field(description="What to insert.")
    kind: Suggested = strawberry.field(description="What it is.")
    runs: int | None = strawberry.field(description="Runs that have it, of a value.")


@strawberry.type(description="What may stand at the cursor.")
class FilterCompletion:
    start: int = strawberry.field(description="What is replaced begins at this character.")
    end: int = strawberry.field(description="And ends before this one.")
    items: list[FilterSuggestion] = strawberry.field(description="Best first.")


Text = Annotated[str, strawberry.argument(description="The filter, finished or not.")]


@strawberry.type
class FacetQuery:
    @strawberry.field(description="Keys that the runs of some experiments use.")
    async def run_keys(
        self,
        info: Info,
        kind: Annotated[models.LabelKind, strawberry.argument(description="Keys of what.")],
        experiment_ids: ExperimentIds = None,
        folder: Folder = None,
        prefix: Annotated[
            str, strawberry.argument(description="Only keys that begin like this.")
        ] = "",
        search: Search = None,
        first: First = 50,
        after: After = None,
    ) -> RunKeyConnection:
        where = Where(experiment_ids, folder)
        found = await domain.keys(info.context.ctx, where, kind, prefix, search, page(first, after))
        counts = _Counts(where, kind, found.rows)
        return RunKeyConnection(
            nodes=[RunKey(key=key, counts=counts) for key in found.rows],
            page_info=page_info(found),
        )

    @strawberry.field(
        description="Texts that a field has in some experiments, the most frequent first."
    )
    async def run_values(
        self,
        info: Info,
        field: Annotated[
            str, strawberry.argument(description="A param, tag or attribute: `params.optimizer`.")
        ],
        experiment_ids: ExperimentIds = None,
        folder: Folder = None,
        prefix: Annotated[
            str, strawberry.argument(description="Only values that begin like this.")
        ] = "",
        first: First = 50,
    ) -> list[RunValue]:
        named = search.column(field, "field")
        where = Where(experiment_ids, folder)
        found = await domain.values(info.context.ctx, where, named, prefix, first)
        return [RunValue(value=value, runs=runs) for value, runs in found]

    @strawberry.field(description="Whether a filter can be read, and if not, what is wrong where.")
    def check_filter(self, filter: Text) -> FilterCheck:
        checked = domain.check(filter)
        error = checked.error
        return FilterCheck(
            canonical=checked.canonical,
            error=None
            if error is None
            else FilterError(
                message=error.message,
                position=error.position,
                length=error.length,
                expected=error.expected,
            ),
        )

    @strawberry.field(description="What may stand at the cursor of an editor.")
    async def complete_filter(
        self,
        info: Info,
        filter: Text,
        cursor: Annotated[
            int, strawberry.argument(description="Characters (code points) before the cursor.")
        ],
        experiment_ids: ExperimentIds = None,
        folder: Folder = None,
        first: First = 20,
    ) -> FilterCompletion:
        where = Where(experiment_ids, folder)
        found = await domain.suggest(info.context.ctx, where, filter, cursor, first)
        return FilterCompletion(
            start=found.start,
            end=found.end,
            items=[
                FilterSuggestion(text=each.text, kind=each.kind, runs=each.runs)
                for each in found.items
            ],
        )
