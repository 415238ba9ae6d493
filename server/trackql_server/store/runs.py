"""Runs with their params, tags and metric summaries as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from trackql_server.models import (
    ConfigValue,
    LabelKind,
    Lifecycle,
    MetricSeries,
    Param,
    Run,
    RunStatus,
    Tag,
    WriterCursor,
)
from trackql_server.models.columns import table_of
from trackql_server.models.run import HEAD
from trackql_server.store.labels import Labels
from trackql_server.store.listed import one_of
from trackql_server.store.paging import Order, Page, Paged, contains

# Both databases take some 32,000 parameters a statement.
KEYS_A_STATEMENT = 10_000

Keyed = TypeVar("Keyed", Param, Tag, MetricSeries)

# Sorts behind every key that `words.key` lets through.
BEHIND = "\U0010ffff" * 501


async def by_ids(session: AsyncSession, ids: Sequence[str]) -> dict[str, Run]:
    """Runs by id, deleted ones too; unknown ids are left out."""
    rows = await session.execute(select(Run).where(col(Run.id).in_(ids)))
    return {row.id: row for row in rows.scalars()}


async def by_numbers(session: AsyncSession, numbers: Sequence[int]) -> dict[int, Run]:
    """Runs by number; unknown ones are left out."""
    rows = await session.execute(select(Run).where(one_of(col(Run.number), numbers)))
    return {row.number: row for row in rows.scalars()}


async def locked(session: AsyncSession, run_id: str) -> Run | None:
    """A run, locked until the transaction ends."""
    rows = await session.execute(select(Run).where(col(Run.id) == run_id).with_for_update())
    return rows.scalar_one_or_none()


async def locked_many(session: AsyncSession, ids: Sequence[str]) -> dict[str, Run]:
    """Runs by id, locked in the order of their ids; unknown ones are left out."""
    rows = await session.execute(
        select(Run).where(col(Run.id).in_(ids)).order_by(col(Run.id)).with_for_update()
    )
    return {row.id: row for row in rows.scalars()}


def nested(parent_run_id: str) -> Select[Run]:
    """Runs in use that are nested in a run."""
    return select(Run).where(
        col(Run.parent_run_id) == parent_run_id, col(Run.lifecycle) == Lifecycle.ACTIVE
    )


async def children(session: AsyncSession, parent_run_id: str, page: Page) -> Paged[Run]:
    """A page of `nested`, newest first."""
    orders = [
        Order("start_time", col(Run.start_time), descending=True),
        Order("number", col(Run.number), descending=True),
    ]
    return await page.run(session, nested(parent_run_id), orders)


async def going_stale(
    session: AsyncSession,
    experiment_ids: Sequence[str],
    run_ids: Sequence[str],
    since: datetime,
    until: datetime,
) -> list[Run]:
    """Running runs, of these experiments or among these, last heard of in [since, until)."""
    rows = await session.execute(
        select(Run).where(
            or_(col(Run.experiment_id).in_(experiment_ids), col(Run.id).in_(run_ids)),
            col(Run.lifecycle) == Lifecycle.ACTIVE,
            col(Run.status) == RunStatus.RUNNING,
            col(Run.heartbeat_time) >= since,
            col(Run.heartbeat_time) < until,
        )
    )
    return list(rows.scalars())


async def beat(session: AsyncSession, run_ids: Sequence[str], now: datetime) -> list[Run]:
    """Set the heartbeat of these runs; those that exist are returned."""
    # Locked in the order of their ids, so that two clients with runs in common don't deadlock.
    statement = select(Run).where(col(Run.id).in_(run_ids)).order_by(col(Run.id)).with_for_update()
    found = list((await session.execute(statement)).scalars())
    for run in found:
        run.heartbeat_time = now
    return found


async def of_runs(
    session: AsyncSession,
    table: type[Keyed],
    run_ids: Sequence[str],
    keys: Sequence[str] | None,
    search: str | None,
    page: Page,
) -> dict[str, Paged[Keyed]]:
    """For each run a page of its params, tags or series, ordered by key; one statement in all."""
    key, run_id = col(table.key), col(table.run_id)
    conditions: list[ColumnElement[bool]] = []
    if keys is not None:
        conditions.append(key.in_(keys))
    if search:
        conditions.append(contains(key, search))
    if page.after is not None:  # a key is its own cursor
        conditions.append(key > page.after)
    statement = select(table)
    if len(run_ids) == 1:
        statement = statement.where(run_id == run_ids[0], *conditions)
        statement = statement.order_by(key).limit(page.first + 1)
    elif keys is not None and len(keys) <= page.first:
        statement = statement.where(run_id.in_(run_ids), *conditions).order_by(run_id, key)
    else:
        # Up to each run's own last key of the page, found in the index: a run with very many keys
        # costs no more than one with a few.
        inner = aliased(table)
        inner_key, inner_run = col(inner.key), col(inner.run_id)
        own: list[ColumnElement[bool]] = []
        own += [inner_key.in_(keys)] if keys is not None else []
        own += [contains(inner_key, search)] if search else []
        own += [inner_key > page.after] if page.after is not None else []
        last = (
            select(inner_key)
            .where(inner_run == col(Run.id), *own)
            .order_by(inner_key)
            .offset(page.first)
            .limit(1)
            .scalar_subquery()
        )
        statement = (
            statement.join(Run, col(Run.id) == run_id)
            .where(col(Run.id).in_(run_ids), key <= func.coalesce(last, BEHIND), *conditions)
            .order_by(run_id, key)
        )
    found: dict[str, list[Keyed]] = {each: [] for each in run_ids}
    for row in (await session.execute(statement)).scalars():
        found[row.run_id].append(row)
    return {
        each: Paged(
            rows[: page.first],
            [row.key for row in rows[: page.first]],
            len(rows) > page.first,
            page.after is not None,
        )
        for each, rows in found.items()
    }


async def keyed_counts(
    session: AsyncSession,
    table: type[Keyed],
    run_ids: Sequence[str],
    keys: Sequence[str] | None,
    search: str | None,
) -> dict[str, int]:
    """How many params, tags or series each run has."""
    run_id, key = col(table.run_id), col(table.key)
    statement = select(run_id, func.count()).where(run_id.in_(run_ids)).group_by(run_id)
    if keys is not None:
        statement = statement.where(key.in_(keys))
    if search:
        statement = statement.where(contains(key, search))
    rows = await session.execute(statement)
    return dict.fromkeys(run_ids, 0) | {row[0]: row[1] for row in rows}


async def params(session: AsyncSession, run_id: str, keys: Sequence[str]) -> dict[str, Param]:
    """Params of a run by key."""
    found: dict[str, Param] = {}
    for begin in range(0, len(keys), KEYS_A_STATEMENT):
        some = col(Param.key).in_(keys[begin : begin + KEYS_A_STATEMENT])
        rows = await session.execute(select(Param).where(col(Param.run_id) == run_id, some))
        found |= {row.key: row for row in rows.scalars()}
    return found


async def add(session: AsyncSession, run: Run) -> None:
    """A new run, nested where its parent is; runs that came before their parent move to it."""
    if run.parent_run_id is None:
        run.root_number = run.number
    else:
        above = select(col(Run.root_number)).where(col(Run.id) == run.parent_run_id)
        run.root_number = (await session.execute(above)).scalar() or run.number
    session.add(run)
    await session.flush()
    orphans = select(col(Run.number)).where(
        col(Run.parent_run_id) == run.id, col(Run.root_number) == col(Run.number)
    )
    await session.execute(
        update(Run).where(col(Run.root_number).in_(orphans)).values(root_number=run.root_number)
    )


@dataclass(frozen=True, slots=True)
class NewParam:
    """A param with all that is stored of it; `leaves` are the values within its JSON by path."""

    key: str
    value: str
    number: float | None
    scalar: str | None
    config: Any
    leaves: Mapping[str, str | float | bool]


async def add_params(session: AsyncSession, run: Run, given: Sequence[NewParam]) -> None:
    """Store params whose keys the run has not yet."""
    params, configs = Labels(LabelKind.PARAM), Labels(LabelKind.CONFIG)
    for each in given:
        session.add(
            Param(
                run_id=run.id,
                key=each.key,
                label_id=params.add(run.experiment_id, each.key),
                run_number=run.number,
                head=each.value[:HEAD],
                value=each.value,
                number=each.number,
                scalar=each.scalar,
                config=each.config,
            )
        )
    # Two params may have a path in common, as "a" with {"b": {"c": 1}} and "a.b": the later counts.
    values = {path: value for each in given for path, value in each.leaves.items()}
    for path, value in values.items():
        text = value if isinstance(value, str) else None
        flag = value if isinstance(value, bool) else None
        await session.merge(
            ConfigValue(
                label_id=configs.add(run.experiment_id, path),
                run_number=run.number,
                head=None if text is None else text[:HEAD],
                value=text,
                number=float(value) if text is None and flag is None else None,
                flag=flag,
            )
        )
    connection = await session.connection()
    for labels in (params, configs):
        await connection.run_sync(labels.store)


async def set_tags(
    session: AsyncSession, runs: Sequence[Run], tags: Sequence[tuple[str, str]]
) -> None:
    """Set tags of runs; the last value of a key stands."""
    labels = Labels(LabelKind.TAG)
    rows = [
        {
            "run_id": run.id,
            "key": key,
            "label_id": labels.add(run.experiment_id, key),
            "run_number": run.number,
            "head": value[:HEAD],
            "value": value,
        }
        for run in runs
        for key, value in sorted(dict(tags).items())
    ]
    connection = await session.connection()
    await connection.run_sync(labels.store)
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(table_of(Tag))
    await connection.execute(
        insert.on_conflict_do_update(
            index_elements=["run_id", "key"],
            set_={"value": insert.excluded.value, "head": insert.excluded.head},
        ),
        rows,
    )


async def delete_tags(session: AsyncSession, run_ids: Sequence[str], keys: Sequence[str]) -> None:
    """Remove tags of runs; those that are not there are passed over."""
    for begin in range(0, len(run_ids), KEYS_A_STATEMENT):
        some = col(Tag.run_id).in_(run_ids[begin : begin + KEYS_A_STATEMENT])
        await session.execute(delete(Tag).where(some, col(Tag.key).in_(keys)))


async def report_dropped(session: AsyncSession, run: Run, writer: str, dropped: int) -> None:
    """Note how many points a writer dropped so far; the run shows the sum over its writers."""
    connection = await session.connection()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    cursor = table_of(WriterCursor)
    insert = dialect.insert(cursor)
    await connection.execute(
        insert.on_conflict_do_update(
            index_elements=["run_id", "writer"],
            set_={"dropped_points": insert.excluded.dropped_points},
            where=cursor.c.dropped_points < insert.excluded.dropped_points,
        ),
        [{"run_id": run.id, "writer": writer, "next_record": 0, "dropped_points": dropped}],
    )
    total = await connection.execute(
        select(func.sum(cursor.c.dropped_points)).where(cursor.c.run_id == run.id)
    )
    run.dropped_points = int(total.scalar_one() or 0)
