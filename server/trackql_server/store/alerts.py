"""Alerts and the rules that raise them, as rows."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from trackql_server.models import (
    Alert,
    AlertLevel,
    AlertRule,
    Experiment,
    Lifecycle,
    Run,
    RunStatus,
)
from trackql_server.models.columns import table_of
from trackql_server.store.listed import one_of
from trackql_server.store.paging import Order, Page, Paged

# Rows a statement: both databases take some 32,000 parameters.
ROWS = 500


async def add(session: AsyncSession, rows: Sequence[Alert]) -> list[Alert]:
    """Store alerts; those that are new. One with a known id is passed over."""
    connection = await session.connection()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    table = table_of(Alert)
    ordered = sorted(rows, key=lambda row: row.id)  # so that two transactions don't deadlock
    stored: set[str] = set()
    for begin in range(0, len(ordered), ROWS):
        some = [row.model_dump() for row in ordered[begin : begin + ROWS]]
        insert = dialect.insert(table).values(some).on_conflict_do_nothing(index_elements=["id"])
        stored |= {row[0] for row in await connection.execute(insert.returning(table.c.id))}
    return [row for row in rows if row.id in stored]


async def by_id(session: AsyncSession, alert_id: str) -> Alert | None:
    """An alert, if there is one."""
    rows = await session.execute(select(Alert).where(col(Alert.id) == alert_id))
    return rows.scalar_one_or_none()


async def by_numbers(session: AsyncSession, numbers: Sequence[int]) -> list[Alert]:
    """Alerts by number, in that order; unknown ones are left out."""
    rows = await session.execute(
        select(Alert).where(one_of(col(Alert.number), numbers)).order_by(col(Alert.number))
    )
    return list(rows.scalars())


def listing(
    experiment_ids: Sequence[str] | None,
    run_numbers: Sequence[int] | None,
    levels: Sequence[AlertLevel] | None,
) -> Select[Alert]:
    """Alerts of these experiments, of these runs, of these levels; None: of all."""
    statement = select(Alert)
    if experiment_ids is not None:
        statement = statement.where(one_of(col(Alert.experiment_id), experiment_ids))
    if run_numbers is not None:
        statement = statement.where(one_of(col(Alert.run_number), run_numbers))
    if levels is not None:
        statement = statement.where(col(Alert.level).in_(levels))
    return statement


async def page(session: AsyncSession, statement: Select[Alert], page: Page) -> Paged[Alert]:
    """A page of a `listing`, newest first."""
    orders = [Order("number", col(Alert.number), descending=True)]
    return await page.run(session, statement, orders)


# Rules


async def enabled_rules(session: AsyncSession) -> list[AlertRule]:
    """Every rule that is to be looked after; how many there may be is bounded as they are saved."""
    rows = await session.execute(
        select(AlertRule).where(col(AlertRule.enabled)).order_by(col(AlertRule.id))
    )
    return list(rows.scalars())


async def count_rules(session: AsyncSession) -> int:
    """How many rules there are in all."""
    rows = await session.execute(select(func.count()).select_from(AlertRule))
    return int(rows.scalar_one())


async def rule(session: AsyncSession, rule_id: str, *, lock: bool = False) -> AlertRule | None:
    """A rule, if there is one; locked until the transaction ends where that is asked for."""
    statement = select(AlertRule).where(col(AlertRule.id) == rule_id)
    rows = await session.execute(statement.with_for_update() if lock else statement)
    return rows.scalar_one_or_none()


def rule_listing(experiment_id: str | None) -> Select[AlertRule]:
    """Rules of an experiment and those for every one; None: all rules."""
    statement = select(AlertRule)
    if experiment_id is not None:
        statement = statement.where(col(AlertRule.experiment_id).in_(["", experiment_id]))
    return statement


async def rule_page(
    session: AsyncSession, experiment_id: str | None, page: Page
) -> Paged[AlertRule]:
    """A page of `rule_listing`, by name."""
    orders = [Order("name", col(AlertRule.name)), Order("id", col(AlertRule.id))]
    return await page.run(session, rule_listing(experiment_id), orders)


async def silent(
    session: AsyncSession, experiment_ids: Sequence[str] | None, since: datetime, until: datetime
) -> list[Run]:
    """Running runs last heard of in [since, until), of these experiments or (None) of all in use.

    Each experiment's few running runs are found in an index.
    """
    statement = select(Run).where(
        col(Run.lifecycle) == Lifecycle.ACTIVE,
        col(Run.status) == RunStatus.RUNNING,
        col(Run.heartbeat_time) >= since,
        col(Run.heartbeat_time) < until,
    )
    if experiment_ids is None:
        in_use = select(col(Experiment.id)).where(col(Experiment.lifecycle) == Lifecycle.ACTIVE)
        statement = statement.where(col(Run.experiment_id).in_(in_use))
    else:
        statement = statement.where(one_of(col(Run.experiment_id), experiment_ids))
    return list((await session.execute(statement)).scalars())
