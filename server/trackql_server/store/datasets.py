"""Datasets, and which runs used them, as rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import col

from trackql_server.models import Dataset, DatasetInput, Lifecycle, Run
from trackql_server.models.columns import table_of
from trackql_server.store.listed import one_of
from trackql_server.store.paging import Order, Page, Paged, contains

# SQLite takes an expression some 1,000 levels deep, and each alternative is one.
ALTERNATIVES = 200

# A dataset by its experiment, name and digest.
Identity = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Used:
    """A dataset of a run with what the run said of it."""

    input: DatasetInput
    dataset: Dataset


def identity(row: Dataset | DatasetInput) -> Identity:
    """What a dataset is known by."""
    return (row.experiment_id, row.name, row.digest)


def _is(table: type[Dataset | DatasetInput], which: Identity) -> ColumnElement[bool]:
    experiment_id, name, digest = which
    return and_(
        col(table.experiment_id) == experiment_id,
        col(table.name) == name,
        col(table.digest) == digest,
    )


def _light(statement: Any) -> Any:
    """Without the texts that may have millions of characters; `texts` reads those."""
    heavy: list[Any] = [Dataset.data_schema, Dataset.profile]
    return statement.options(*(defer(each, raiseload=True) for each in heavy))


async def add(session: AsyncSession, rows: Sequence[Dataset]) -> None:
    """Store datasets; of those that are there already the first facts stay."""
    connection = await session.connection()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    ordered = sorted(rows, key=identity)  # so that two transactions don't deadlock
    await connection.execute(
        dialect.insert(table_of(Dataset)).on_conflict_do_nothing(),
        [row.model_dump() for row in ordered],
    )


async def inputs(session: AsyncSession, run_number: int) -> list[DatasetInput]:
    """What a run said it used, in order."""
    rows = await session.execute(
        select(DatasetInput)
        .where(col(DatasetInput.run_number) == run_number)
        .order_by(col(DatasetInput.place))
    )
    return list(rows.scalars())


async def of_runs(session: AsyncSession, run_numbers: Sequence[int]) -> dict[int, list[Used]]:
    """Datasets by run, in the order in which they were logged; one statement in all."""
    same = and_(
        col(Dataset.experiment_id) == col(DatasetInput.experiment_id),
        col(Dataset.name) == col(DatasetInput.name),
        col(Dataset.digest) == col(DatasetInput.digest),
    )
    statement = (
        select(DatasetInput, Dataset)
        .join(Dataset, same)
        .where(one_of(col(DatasetInput.run_number), run_numbers))
        .order_by(col(DatasetInput.run_number), col(DatasetInput.place))
    )
    found: dict[int, list[Used]] = {each: [] for each in run_numbers}
    for used, dataset in await session.execute(_light(statement)):
        found[used.run_number].append(Used(used, dataset))
    return found


async def by_identity(session: AsyncSession, which: Identity) -> Dataset | None:
    """A dataset, if there is one."""
    rows = await session.execute(_light(select(Dataset).where(_is(Dataset, which))))
    found: Dataset | None = rows.scalar_one_or_none()
    return found


async def texts(
    session: AsyncSession, which: Sequence[Identity]
) -> dict[Identity, tuple[str | None, str | None]]:
    """Schema and profile of datasets."""
    found: dict[Identity, tuple[str | None, str | None]] = {}
    for begin in range(0, len(which), ALTERNATIVES):
        some = which[begin : begin + ALTERNATIVES]
        rows = await session.execute(
            select(
                col(Dataset.experiment_id),
                col(Dataset.name),
                col(Dataset.digest),
                col(Dataset.data_schema),
                col(Dataset.profile),
            ).where(or_(*(_is(Dataset, each) for each in some)))
        )
        found |= {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}
    return found


def listing(experiment_ids: Sequence[str], search: str | None) -> Select[Dataset]:
    """Datasets of experiments whose name contains `search`."""
    statement = select(Dataset).where(one_of(col(Dataset.experiment_id), experiment_ids))
    if search:
        statement = statement.where(contains(col(Dataset.name), search))
    return statement


async def page(
    session: AsyncSession, experiment_ids: Sequence[str], search: str | None, page: Page
) -> Paged[Dataset]:
    """A page of `listing` by name, then by digest."""
    orders = [
        Order("name", col(Dataset.name)),
        Order("digest", col(Dataset.digest)),
        Order("experiment_id", col(Dataset.experiment_id)),
    ]
    return await page.run(session, _light(listing(experiment_ids, search)), orders)


def users(which: Identity) -> Select[Run]:
    """Runs in use that used a dataset."""
    numbers = select(col(DatasetInput.run_number)).where(_is(DatasetInput, which))
    return select(Run).where(col(Run.number).in_(numbers), col(Run.lifecycle) == Lifecycle.ACTIVE)


async def runs(session: AsyncSession, which: Identity, page: Page) -> Paged[Run]:
    """A page of `users`, newest first."""
    orders = [Order("number", col(Run.number), descending=True)]
    return await page.run(session, users(which), orders)


async def run_counts(session: AsyncSession, which: Sequence[Identity]) -> dict[Identity, int]:
    """How many runs in use used each dataset."""
    counts = dict.fromkeys(which, 0)
    names = (
        col(DatasetInput.experiment_id),
        col(DatasetInput.name),
        col(DatasetInput.digest),
    )
    for begin in range(0, len(which), ALTERNATIVES):
        some = which[begin : begin + ALTERNATIVES]
        rows = await session.execute(
            select(*names, func.count(func.distinct(col(DatasetInput.run_number))))
            .join(Run, col(Run.number) == col(DatasetInput.run_number))
            .where(
                or_(*(_is(DatasetInput, each) for each in some)),
                col(Run.lifecycle) == Lifecycle.ACTIVE,
            )
            .group_by(*names)
        )
        counts |= {(row[0], row[1], row[2]): row[3] for row in rows}
    return counts
