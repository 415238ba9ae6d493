"""A table file by the page: rows of CSV, TSV or Parquet without the whole of it in memory."""

import asyncio
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from trackql_server.domain import artifacts
from trackql_server.domain.artifacts import Content
from trackql_server.domain.context import Context
from trackql_server.errors import InvalidInput, TooLarge

# What is read of a text to find a page of it, and of a Parquet file at all.
LARGEST_TEXT = 64 * 1024 * 1024
LARGEST_PARQUET = 256 * 1024 * 1024
MOST_ROWS = 1_000
MOST_COLUMNS = 500
LONGEST_CELL = 2_000

SEPARATORS = {"text/csv": ",", "text/tab-separated-values": "\t"}
PARQUET = "application/vnd.apache.parquet"


@dataclass
class Table:
    """Rows from `offset` on; `total` is how many there are, where that is known."""

    columns: list[dict[str, str]]
    rows: list[list[Any]] = field(default_factory=list)
    total: int | None = None
    truncated: bool = False


async def table(ctx: Context, run_id: str, path: str, offset: int, limit: int) -> Table:
    """A page of a table. Raises InvalidInput where the artifact is none that can be read."""
    if offset < 0 or not 0 < limit <= MOST_ROWS:
        raise InvalidInput(f"limit is 1 to {MOST_ROWS}, offset at least 0", argument="limit")
    found = await artifacts.content(ctx, run_id, path)
    kind = found.artifact.media_type.partition(";")[0]
    if kind == PARQUET:
        return await _parquet(ctx, found, offset, limit)
    if kind not in SEPARATORS:
        raise InvalidInput(
            f"{path!r} is {kind}; tables are CSV, TSV and Parquet", argument="preview"
        )
    body = await _text(ctx, found)
    cut = found.size > LARGEST_TEXT
    return await asyncio.to_thread(_separated, body, SEPARATORS[kind], offset, limit, cut)


async def _text(ctx: Context, found: Content) -> bytes:
    end = min(found.size, LARGEST_TEXT)
    return b"".join([chunk async for chunk in artifacts.read(ctx, found, 0, end)])


def _separated(body: bytes, separator: str, offset: int, limit: int, cut: bool) -> Table:
    text = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8-sig", errors="replace", newline="")
    rows = csv.reader(_lines(text), delimiter=separator)
    try:
        header = next(rows, [])
        shown = Table([{"name": _short(name), "type": ""} for name in header[:MOST_COLUMNS]])
        page = list(islice(rows, offset, offset + limit))
        shown.rows = [[_short(cell) for cell in row[:MOST_COLUMNS]] for row in page]
        shown.total = None if cut else offset + len(page) + sum(1 for _ in rows)
    except csv.Error as error:
        raise InvalidInput(f"the table can't be read: {error}", argument="preview") from error
    if len(page) == 0 and shown.total is not None:
        shown.total = min(shown.total, offset)
    shown.truncated = cut or len(header) > MOST_COLUMNS
    return shown


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    for line in text:
        yield line.replace("\0", "�")


def _short(cell: str) -> str:
    return cell if len(cell) <= LONGEST_CELL else f"{cell[:LONGEST_CELL]}…"


async def _parquet(ctx: Context, found: Content, offset: int, limit: int) -> Table:
    if found.size > LARGEST_PARQUET:
        raise TooLarge(
            f"the table has {found.size:,} bytes; up to {LARGEST_PARQUET:,} are shown: download it",
            limit="preview",
        )
    body = b"".join([chunk async for chunk in artifacts.read(ctx, found, 0, found.size)])
    return await asyncio.to_thread(_columns, body, offset, limit)


def _columns(body: bytes, offset: int, limit: int) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(body))
        names = file.schema_arrow.names[:MOST_COLUMNS]
        types = [str(file.schema_arrow.field(name).type) for name in names]
        shown = Table([{"name": n, "type": t} for n, t in zip(names, types, strict=True)])
        shown.total = file.metadata.num_rows
        skipped = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if skipped + rows > offset and len(shown.rows) < limit:
                start = max(0, offset - skipped)
                part = file.read_row_group(group, columns=names)
                part = part.slice(start, limit - len(shown.rows))
                shown.rows += [[_plain(cell) for cell in row.values()] for row in part.to_pylist()]
            skipped += rows
    except (pa.ArrowException, OSError, KeyError) as error:
        raise InvalidInput(f"the table can't be read: {error}", argument="preview") from error
    shown.truncated = len(file.schema_arrow.names) > MOST_COLUMNS
    return shown


def _plain(cell: Any) -> Any:
    """As JSON can say it: numbers that it lacks, and all that is no single value, as text."""
    if cell is None or isinstance(cell, bool):
        return cell
    if isinstance(cell, int) and abs(cell) < 2**53:
        return cell
    if isinstance(cell, float) and abs(cell) < float("inf"):
        return cell
    return _short(cell.hex() if isinstance(cell, bytes) else str(cell))
