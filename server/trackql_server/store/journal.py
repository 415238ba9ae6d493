"""Writer cursors: which journal records of a writer are stored already."""

from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.errors import SequenceGap
from trackql_server.models import WriterCursor
from trackql_server.models.columns import table_of

CURSOR = table_of(WriterCursor)


@dataclass(frozen=True, slots=True)
class Position:
    """Records `first` up to `first + count - 1` of `writer`'s journal for one run."""

    writer: str
    first: int
    count: int

    @property
    def end(self) -> int:
        """The record after the last one."""
        return self.first + self.count

    def skip(self, expected: int) -> int:
        """How many leading records are stored already, given the next one expected.

        Raises SequenceGap when records before `first` are missing.
        """
        if self.first > expected:
            raise SequenceGap(
                f"journal records {expected} to {self.first - 1} of writer {self.writer} have"
                f" not arrived; send again from record {expected} on",
                expected=expected,
            )
        return min(self.count, expected - self.first)


async def expected(session: AsyncSession, run_id: str, writer: str) -> int:
    """The next record expected of a writer; locked until the transaction ends."""
    connection = await session.connection()
    return await connection.run_sync(next_record, run_id, writer)


def next_record(connection: Connection, run_id: str, writer: str) -> int:
    """The same on a plain connection."""
    found = connection.execute(
        select(CURSOR.c.next_record)
        .where(CURSOR.c.run_id == run_id, CURSOR.c.writer == writer)
        .with_for_update()
    )
    return int(found.scalar() or 0)


def advance(connection: Connection, cursors: list[tuple[str, str, int]]) -> None:
    """Move cursors given as (run id, writer, next record); never backwards."""
    if not cursors:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(CURSOR)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["run_id", "writer"],
            set_={"next_record": insert.excluded.next_record},
            where=CURSOR.c.next_record < insert.excluded.next_record,
        ),
        [
            {"run_id": run_id, "writer": writer, "next_record": next_record}
            for run_id, writer, next_record in sorted(cursors)
        ],
    )
