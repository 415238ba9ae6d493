"""What is known of runs' surroundings, as rows: compressed JSON by kind."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from trackql_server.models import RunFact
from trackql_server.models.columns import table_of

FACT = table_of(RunFact)


def pack(fact: Mapping[str, Any]) -> bytes:
    """A fact as a body."""
    import zstandard

    return zstandard.ZstdCompressor(level=3).compress(orjson.dumps(fact))


def unpack(body: bytes) -> dict[str, Any]:
    """The inverse of `pack`."""
    import zstandard

    found: dict[str, Any] = orjson.loads(zstandard.ZstdDecompressor().decompress(body))
    return found


async def put(session: AsyncSession, run_number: int, bodies: Mapping[str, bytes]) -> None:
    """Store facts by kind; each replaces what was known of its kind."""
    connection = await session.connection()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(FACT)
    rows = [{"run_number": run_number, "kind": kind, "body": body} for kind, body in bodies.items()]
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["run_number", "kind"], set_={"body": statement.excluded.body}
        ),
        rows,
    )


async def of_runs(
    session: AsyncSession, run_numbers: Sequence[int], kinds: Sequence[str]
) -> dict[tuple[int, str], bytes]:
    """The bodies of some kinds, by run and kind."""
    rows = await session.execute(
        select(FACT).where(FACT.c.run_number.in_(run_numbers), FACT.c.kind.in_(kinds))
    )
    return {(row.run_number, row.kind): row.body for row in rows}
