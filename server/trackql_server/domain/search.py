"""Verbs that ask for runs: pages, counts and tables of what satisfies a filter."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from trackql_server.domain import access, words
from trackql_server.domain.context import Context
from trackql_server.errors import CostLimit, InvalidFilter, InvalidInput
from trackql_server.filters import tree
from trackql_server.filters.order import Order, parse_order
from trackql_server.filters.parse import field as parse_field
from trackql_server.filters.tree import EVERYTHING, Entity, Field, Node, Relation
from trackql_server.models import Lifecycle, Run, RunStatus
from trackql_server.store import experiments as experiment_store
from trackql_server.store import runs as run_store
from trackql_server.store.paging import Page, Paged
from trackql_server.store.search import columns, pages
from trackql_server.store.search.columns import RunColumn as RunColumn
from trackql_server.store.search.scope import Scope

# Experiments that one question may look over.
EXPERIMENTS = 10_000

# What a table may hold in one reply: 100,000 runs of 20 columns.
TABLE_ROWS = 100_000
TABLE_CELLS = 2_000_000
TABLE_COLUMNS = 2_000

# Runs that one statement names by id.
NAMED_RUNS = 10_000

# Orders of one question.
ORDERS = 8


@dataclass(frozen=True)
class Where:
    """Which runs are meant: of some experiments, or of a folder of them, or of all in use."""

    experiment_ids: Sequence[str] | None = None
    folder: str | None = None
    lifecycle: Lifecycle | None = Lifecycle.ACTIVE
    node: Node = EVERYTHING


@dataclass(frozen=True)
class Question:
    """Which runs, in what order; with `whole` the outermost runs of those found."""

    where: Where
    orders: Sequence[Order] = field(default_factory=tuple)
    whole: bool = False


@dataclass(frozen=True)
class Table:
    """Runs in order, and columns of them."""

    run_ids: Sequence[str]
    columns: Sequence[RunColumn]
    end_cursor: str | None
    has_next: bool


def orders(texts: Sequence[str]) -> list[Order]:
    """Orders as they are spelled: `metrics.loss.min DESC`. Raises InvalidFilter."""
    if len(texts) > ORDERS:
        raise InvalidFilter(f"more than {ORDERS} orders; give fewer", argument="orderBy")
    found = []
    for place, text in enumerate(texts):
        try:
            found.append(parse_order(text))
        except InvalidFilter as error:
            error.argument = f"orderBy[{place}]"
            raise
    for place, each in enumerate(found):
        if any(each.field == former.field for former in found[:place]):
            raise InvalidFilter(
                "`order_by` contains duplicate fields: name each once", argument="orderBy"
            )
    return found


def column(text: str, argument: str = "columns") -> Field:
    """A field of the run itself, as it is spelled. Raises InvalidFilter."""
    try:
        found = parse_field(text)
    except InvalidFilter as error:
        error.argument = argument
        error.position, error.length = 0, len(text)
        raise
    if found.relation is not Relation.SELF or found.entity is Entity.DATASET:
        raise InvalidFilter(
            f"{text!r} is no column: name a field of the run itself", argument=argument
        )
    return found


def named_columns(texts: Sequence[str], argument: str = "columns") -> list[Field]:
    """Fields as they are spelled. Raises InvalidFilter, which tells the one that is none."""
    return [column(text, f"{argument}[{place}]") for place, text in enumerate(texts)]


async def scope(ctx: Context, where: Where) -> Scope:
    """The experiments that are meant, and now."""
    access.require_read(ctx.viewer)
    words.few(where.experiment_ids or (), "experimentIds")
    if where.folder is not None and where.experiment_ids is not None:
        raise InvalidInput("give experimentIds or folder, not both", argument="folder")
    ids = where.experiment_ids
    if ids is None:
        async with ctx.read() as session:
            ids = await experiment_store.ids(session, where.folder, EXPERIMENTS + 1)
        if len(ids) > EXPERIMENTS:
            raise CostLimit(
                f"there are more than {EXPERIMENTS:,} experiments; name some, or a folder",
                limit="experiments",
            )
    return Scope(list(dict.fromkeys(ids)), where.lifecycle, ctx.now(), ctx.alive_since())


async def searched(ctx: Context, question: Question) -> pages.Search:
    """A question as the store takes it, now."""
    return pages.Search(
        await scope(ctx, question.where),
        question.where.node,
        question.orders or pages.NEWEST,
        question.whole,
    )


async def page(ctx: Context, question: Question, asked: Page) -> Paged[Run]:
    """A page of runs."""
    search = await searched(ctx, question)

    def find(connection: Connection) -> pages.Found:
        return pages.page(connection, search, asked.first, asked.after)

    found = await ctx.services.database.run_read(find)
    async with ctx.read() as session:
        rows = await run_store.by_numbers(session, found.numbers)
    # A run that went since is left out, with its cursor.
    kept = [
        (rows[number], cursor)
        for number, cursor in zip(found.numbers, found.cursors, strict=True)
        if number in rows
    ]
    return Paged(
        [row for row, _ in kept],
        [cursor for _, cursor in kept],
        found.has_next,
        asked.after is not None,
    )


async def count(ctx: Context, question: Question) -> int:
    """How many runs are found in all."""
    search = await searched(ctx, question)
    return await ctx.services.database.run_read(lambda connection: pages.count(connection, search))


async def table(
    ctx: Context,
    question: Question,
    fields: Sequence[Field],
    rows: int,
    after: str | None = None,
    offset: int = 0,
) -> Table:
    """Columns of the runs found, `rows` of them after a cursor or from an offset on.

    Raises CostLimit beyond TABLE_CELLS in all.
    """
    if not 0 <= rows <= TABLE_ROWS:
        raise InvalidInput(f"rows must lie between 0 and {TABLE_ROWS:,}", argument="rows")
    if offset < 0:
        raise InvalidInput("offset is negative", argument="offset")
    if offset and after is not None:
        raise InvalidInput("give after or offset, not both", argument="offset")
    affordable(rows, fields)
    search = await searched(ctx, question)
    run_id = Field(Entity.ATTRIBUTE, "run_id")

    def read(connection: Connection) -> Table:
        found = pages.page(connection, search, rows, after, offset)
        everything = replace_lifecycle(search.scope, None)
        ids, *rest = columns.columns(connection, everything, [run_id, *fields], found.numbers)
        assert ids.texts is not None
        cursor = found.cursors[-1] if found.cursors else None
        return Table(ids.texts.tolist(), rest, cursor, found.has_next)

    return await ctx.services.database.run_read(read)


async def table_of_runs(ctx: Context, run_ids: Sequence[str], fields: Sequence[Field]) -> Table:
    """Columns of these runs, in their order; unknown ones are left out."""
    access.require_read(ctx.viewer)
    if len(run_ids) > NAMED_RUNS:
        raise InvalidInput(f"runIds names more than {NAMED_RUNS:,} runs", argument="runIds")
    affordable(len(run_ids), fields)
    async with ctx.read() as session:
        found = await run_store.by_ids(session, list(dict.fromkeys(run_ids)))
    rows = [found[each] for each in dict.fromkeys(run_ids) if each in found]
    experiments = list(dict.fromkeys(row.experiment_id for row in rows))
    everywhere = Scope(experiments, None, ctx.now(), ctx.alive_since())
    numbers = [row.number for row in rows]
    made = await ctx.services.database.run_read(
        lambda connection: columns.columns(connection, everywhere, fields, numbers)
    )
    return Table([row.id for row in rows], made, None, has_next=False)


def affordable(rows: int, fields: Sequence[Field]) -> None:
    """Raise CostLimit where a table has too many columns or cells."""
    if len(fields) > TABLE_COLUMNS:
        raise CostLimit(f"at most {TABLE_COLUMNS:,} columns at once", limit="table_columns")
    if rows * max(1, len(fields)) > TABLE_CELLS:
        raise CostLimit(
            f"{rows:,} rows of {len(fields)} columns are more than {TABLE_CELLS:,} cells; ask for"
            " fewer rows at once, and go on after endCursor",
            limit="table_cells",
        )


def replace_lifecycle(given: Scope, lifecycle: Lifecycle | None) -> Scope:
    """The same experiments, with runs of another lifecycle."""
    return Scope(given.experiment_ids, lifecycle, given.now, given.alive_since)


def named(text: str) -> Node:
    """Runs whose name contains a text, letter case of ASCII aside."""
    name = Field(Entity.ATTRIBUTE, "name")
    return tree.Comparison(name, tree.Operator.CONTAINS, (text,))


def with_status(statuses: Sequence[RunStatus]) -> Node:
    """Runs with one of these statuses."""
    status = Field(Entity.ATTRIBUTE, "status")
    if not statuses:
        return tree.Any(())
    return tree.Comparison(status, tree.Operator.IN, tuple(str(each) for each in statuses))
