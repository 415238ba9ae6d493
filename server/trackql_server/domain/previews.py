"""A table file by the page: rows of CSV, TSV or Parquet without the whole of it in memory."""

import asyncio
import csv
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from trackql_server.domain import artifacts
from trackql_server.domain.artifacts import Content
from trackql_server.domain.context import Context
from trackql_server.errors import InvalidInput, TooLarge

MOST_ROWS = 1_000
MOST_COLUMNS = 500

# Characters of a cell, and of all cells of a page together.
LONGEST_CELL = 2_000
LARGEST_PAGE = 8_000_000

# Rows of a text are counted to the end only when it is not larger.
COUNTED = 16 * 1024 * 1024

# A group of rows of a Parquet file is unpacked from its beginning.
LARGEST_GROUP = 1024 * 1024 * 1024
COLUMN_BUFFER = 64 * 1024

AHEAD = 1024 * 1024
READ_TIMEOUT = 60.0

SEPARATORS = {"text/csv": ",", "text/tab-separated-values": "\t"}
PARQUET = "application/vnd.apache.parquet"

# Of their own: they wait for the threads that the store reads in.
_threads = ThreadPoolExecutor(2, "preview")

csv.field_size_limit(AHEAD)


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
        raise InvalidInput(f"limit is 1 to {MOST_ROWS:,}, offset at least 0", argument="limit")
    found = await artifacts.content(ctx, run_id, path)
    kind = found.artifact.media_type.partition(";")[0]
    most = ctx.services.quotas.preview
    if kind == PARQUET:
        file = _Remote(ctx, found, found.size)
        return await _in_thread(lambda: _parquet(file, offset, limit))
    if kind in SEPARATORS:
        file = _Remote(ctx, found, min(found.size, most))
        shown = await _in_thread(lambda: _separated(file, SEPARATORS[kind], offset, limit))
        shown.truncated |= found.size > most
        if found.size > most:
            shown.total = None
        return shown
    raise InvalidInput(f"{path!r} is {kind}; tables are CSV, TSV and Parquet", argument="preview")


async def _in_thread(work: Callable[[], Table]) -> Table:
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


class _Remote(io.RawIOBase):
    """The first `size` bytes of an artifact as a file, for a thread beside the event loop."""

    def __init__(self, ctx: Context, found: Content, size: int) -> None:
        self._ctx, self._found = ctx, found
        self._loop = asyncio.get_running_loop()
        self._at = 0
        self.size = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self.size, self._at + len(buffer))
        if end <= self._at:
            return 0
        fetched = asyncio.run_coroutine_threadsafe(self._fetch(self._at, end), self._loop)
        body = fetched.result(READ_TIMEOUT)
        buffer[: len(body)] = body
        self._at += len(body)
        return len(body)

    async def _fetch(self, start: int, end: int) -> bytes:
        pieces = artifacts.read(self._ctx, self._found, start, end)
        return b"".join([piece async for piece in pieces])


def _separated(file: _Remote, separator: str, offset: int, limit: int) -> Table:
    text = io.TextIOWrapper(
        io.BufferedReader(file, AHEAD), encoding="utf-8-sig", errors="replace", newline=""
    )
    rows = (row for row in csv.reader(_lines(text), delimiter=separator) if row)
    try:
        header = next(rows, [])
        cut = _cutter(limit, min(len(header), MOST_COLUMNS))
        shown = Table([{"name": cut(name), "type": ""} for name in header[:MOST_COLUMNS]])
        skipped = sum(1 for _ in islice(rows, offset))
        for row in islice(rows, limit):
            shown.rows.append([cut(cell) for cell in row[:MOST_COLUMNS]])
        ended = len(shown.rows) < limit
        if ended or file.size <= COUNTED:
            shown.total = skipped + len(shown.rows) + (0 if ended else sum(1 for _ in rows))
    except csv.Error as error:
        raise InvalidInput(f"the table can't be read: {error}", argument="preview") from error
    shown.truncated = len(header) > MOST_COLUMNS
    return shown


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    for line in text:
        yield line.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _cutter(rows: int, columns: int) -> Callable[[str], str]:
    """Shortens cells, so that a page stays one that a browser bears."""
    longest = min(LONGEST_CELL, max(20, LARGEST_PAGE // max(1, rows * columns)))
    return lambda cell: cell if len(cell) <= longest else f"{cell[:longest]}…"


def _parquet(remote: _Remote, offset: int, limit: int) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(
            io.BufferedReader(remote, COLUMN_BUFFER), buffer_size=COLUMN_BUFFER, pre_buffer=False
        )
        every = file.schema_arrow.names
        names = every[:MOST_COLUMNS]
        types = [str(kind) for kind in file.schema_arrow.types[:MOST_COLUMNS]]
        cut = _cutter(limit, len(names))
        shown = Table([{"name": cut(n), "type": cut(t)} for n, t in zip(names, types, strict=True)])
        shown.total = file.metadata.num_rows
        shown.truncated = len(every) > MOST_COLUMNS
        for skip, group in _groups(file.metadata, offset, limit):
            batches = file.iter_batches(limit, row_groups=[group], columns=names)
            shown.rows += _rows(batches, skip, limit - len(shown.rows), cut)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise InvalidInput(f"the table can't be read: {error}", argument="preview") from error
    return shown


def _groups(metadata: Any, offset: int, limit: int) -> Iterator[tuple[int, int]]:
    """The groups with rows of a page, and how many of their first rows come before it."""
    begin = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        end = begin + group.num_rows
        if begin < offset + limit and end > offset:
            if group.total_byte_size > LARGEST_GROUP:
                raise TooLarge(
                    f"a group of rows has {group.total_byte_size:,} bytes; up to"
                    f" {LARGEST_GROUP:,} are shown: download the table",
                    limit="preview",
                )
            yield max(0, offset - begin), number
        begin = end


def _rows(batches: Any, skip: int, limit: int, cut: Callable[[str], str]) -> list[list[Any]]:
    found: list[list[Any]] = []
    for batch in batches:
        if skip < batch.num_rows:
            part = batch.slice(skip, limit - len(found))
            columns = [[_plain(cell, cut) for cell in column.to_pylist()] for column in part]
            found += [list(row) for row in zip(*columns, strict=True)]
        skip = max(0, skip - batch.num_rows)
        if len(found) >= limit:
            break
    return found


def _plain(cell: Any, cut: Callable[[str], str]) -> Any:
    """As JSON can say it: numbers that it lacks, and all that is no single value, as text."""
    if cell is None or isinstance(cell, bool):
        return cell
    if isinstance(cell, int) and abs(cell) < 2**53:
        return cell
    if isinstance(cell, float) and abs(cell) < float("inf"):
        return cell
    return cut(cell.hex() if isinstance(cell, bytes) else str(cell))
