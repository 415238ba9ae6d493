"""Rows of every table that holds something of a run, made from the tables themselves."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Float, LargeBinary, Table, func, insert, select
from sqlmodel import SQLModel

import trackql_server.models  # noqa: F401  (fills the metadata)
from trackql_server.models.columns import EnumText, Instant, JsonText
from trackql_server.models.numbers import label_id, rising_number

RUN_COLUMNS = ("run_number", "owner_number", "run_id")
THEN = datetime(2026, 1, 1, tzinfo=UTC)


def tables() -> list[Table]:
    """Tables with rows of a run."""
    return [
        table
        for table in SQLModel.metadata.sorted_tables
        if any(name in table.c for name in RUN_COLUMNS)
    ]


def of_experiments() -> list[Table]:
    """Tables with rows of an experiment, those of its runs and the runs left out."""
    return [
        table
        for table in SQLModel.metadata.sorted_tables
        if "experiment_id" in table.c and table.name != "run" and table not in tables()
    ]


def leave(connection: Connection, number: int, run_id: str, experiment_id: str, each: int) -> None:
    """`each` rows of every table for a run, with what hangs on them."""
    for table in tables():
        for place in range(each):
            label = label_id(experiment_id, "config", f"key {place}")
            row = _row(table, place, run_number=number, owner_number=number, run_id=run_id)
            row |= {
                name: value
                for name, value in (("experiment_id", experiment_id), ("label_id", label))
                if name in row
            }
            connection.execute(insert(table).values(row))
            if table.name == "metric_series":
                chunk = SQLModel.metadata.tables["metric_chunk"]
                for start in range(each):
                    connection.execute(
                        insert(chunk).values(_row(chunk, start, series_id=row["id"], start=start))
                    )
            if table.primary_key.columns.keys() == ["run_number"]:
                break


def furnish(connection: Connection, experiment_id: str, each: int) -> None:
    """`each` rows of every table for an experiment."""
    for table in of_experiments():
        for place in range(each):
            row = _row(table, place, experiment_id=experiment_id)
            if table.name == "label":
                key = f"key {place}"
                row |= {"id": label_id(experiment_id, "config", key), "kind": "config", "key": key}
            connection.execute(insert(table).values(row))


def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table has; empty ones are left out."""
    found = {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in SQLModel.metadata.sorted_tables
    }
    return {name: count for name, count in found.items() if count}


def _row(table: Table, place: int, **given: Any) -> dict[str, Any]:
    return dict(_values(table, place, given))


def _values(table: Table, place: int, given: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for column in table.columns:
        if column.name in given:
            yield column.name, given[column.name]
        elif isinstance(column.type, EnumText):
            yield column.name, next(iter(column.type.members))
        elif isinstance(column.type, Instant):
            yield column.name, None if column.nullable else THEN
        elif isinstance(column.type, JsonText):
            yield column.name, {}
        elif isinstance(column.type, LargeBinary):
            yield column.name, b""
        elif isinstance(column.type, Float) or column.nullable:
            yield column.name, None if column.nullable else 0.0
        elif column.type.python_type is bool:
            yield column.name, False
        elif column.type.python_type is int:
            unique = column.unique or column.name in ("number", "id")
            yield column.name, rising_number() if unique else place
        else:
            yield column.name, f"{table.name} {place} {rising_number()}"
