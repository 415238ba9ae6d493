"""Found runs as a file: CSV, Parquet or an Arrow stream, written while it is read."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

import numpy as np
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from trackql_server.domain import export, search
from trackql_server.domain.context import Context
from trackql_server.domain.search import Question, RunColumn, Where
from trackql_server.errors import InvalidFilter, InvalidInput, NotFound, TrackqlError
from trackql_server.filters.fields import Kind, kind
from trackql_server.filters.order import Order
from trackql_server.filters.parse import parse
from trackql_server.filters.spell import spell_field, spell_value
from trackql_server.filters.tree import Entity, Field, conjunction
from trackql_server.models import Lifecycle
from trackql_server.web.replies import refusal

LIFECYCLES: dict[str, Lifecycle | None] = {
    "ACTIVE": Lifecycle.ACTIVE,
    "DELETED": Lifecycle.DELETED,
    "ALL": None,
}

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}


class Writer(Protocol):
    """One of pyarrow's writers of tables."""

    def write(self, batch: Any) -> None: ...

    def close(self) -> None: ...


def routes(context: Callable[[], Context]) -> list[Route]:
    """`/export/runs.csv`, `.parquet` and `.arrow`; the query says which runs and columns."""

    async def runs(request: Request) -> Response:
        try:
            return await _runs(request, context())
        except TrackqlError as error:
            headers = {"x-content-type-options": "nosniff"}
            return Response(refusal(error), error.status, headers, "application/json")

    return [Route("/export/runs.{format}", runs, methods=["GET"])]


async def _runs(request: Request, ctx: Context) -> Response:
    asked, form = request.query_params, request.path_params["format"]
    if form not in TYPES:
        raise NotFound(f"there is no format {form!r}: take {', '.join(TYPES)}")
    lifecycle = asked.get("lifecycle", "ACTIVE")
    if lifecycle not in LIFECYCLES:
        raise InvalidInput("lifecycle is ACTIVE, DELETED or ALL", argument="lifecycle")
    nodes = [parse(asked.get("filter", ""))]
    if asked.get("search"):
        nodes.append(search.named(asked["search"]))
    where = Where(
        asked.getlist("experiment") or None,
        asked.get("folder"),
        LIFECYCLES[lifecycle],
        conjunction(*nodes),
    )
    named = asked.getlist("column")
    fields = search.named_columns(named, "column")
    if not named:
        fields = await export.fields(ctx, where)
        named = [spell_field(each) for each in fields]
    question = Question(where, _orders(asked.getlist("order")))
    names = list(dict.fromkeys(["run_id", *named]))
    columns = dict(zip(named, fields, strict=True))
    columns.pop("run_id", None)
    pieces = export.pieces(ctx, question, list(columns.values()))
    first = await anext(pieces)  # whatever is wrong with the question is told before a byte is sent
    return StreamingResponse(
        _written(form, names, [export.RUN_ID, *columns.values()], first, pieces),
        media_type=TYPES[form],
        headers={
            "content-disposition": f'attachment; filename="runs.{form}"',
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        },
    )


def _orders(texts: list[str]) -> list[Order]:
    try:
        return search.orders(texts)
    except InvalidFilter as error:
        error.argument = (error.argument or "").replace("orderBy", "order")  # as it is called here
        raise


async def _written(
    form: str,
    names: list[str],
    fields: list[Field],
    first: export.Piece,
    rest: AsyncIterator[export.Piece],
) -> AsyncIterator[bytes]:
    target = _Target()
    schema = await asyncio.to_thread(_schema, names, fields)
    writer = _writer(form, target, schema)

    def write(piece: export.Piece) -> bytes:
        writer.write(_batch(schema, piece.columns))
        return target.take()

    yield await asyncio.to_thread(write, first)
    async for piece in rest:
        yield await asyncio.to_thread(write, piece)
    writer.close()
    yield target.take()


class _Target(io.RawIOBase):
    """A file that hands on what is written and remembers how much that was."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _schema(names: list[str], fields: list[Field]) -> Any:
    import pyarrow as pa

    types = {
        Kind.NUMBER: pa.float64(),
        Kind.TIME: pa.timestamp("ms", tz="UTC"),
        Kind.DURATION: pa.int64(),
    }
    return pa.schema(
        [
            (name, types.get(kind(field), pa.string()))
            for name, field in zip(names, fields, strict=True)
        ]
    )


def _writer(form: str, target: Any, schema: Any) -> Writer:
    import pyarrow.csv
    import pyarrow.parquet

    if form == "csv":
        made: Writer = pyarrow.csv.CSVWriter(target, schema)
    elif form == "parquet":
        made = pyarrow.parquet.ParquetWriter(target, schema)
    else:
        made = pyarrow.ipc.new_stream(target, schema)
    return made


def _batch(schema: Any, columns: Sequence[RunColumn]) -> Any:
    import pyarrow as pa

    arrays = [_array(pa, column) for column in columns]
    return pa.RecordBatch.from_arrays(
        [array.cast(field.type) for array, field in zip(arrays, schema, strict=True)],
        schema=schema,
    )


def _array(pyarrow: Any, column: RunColumn) -> Any:
    if column.texts is not None:
        return pyarrow.array(_texts(column), pyarrow.string())
    assert column.numbers is not None
    numbers = pyarrow.array(column.numbers, mask=~column.present)
    if kind(column.field) is Kind.NUMBER:
        return numbers
    return numbers.cast(pyarrow.int64())


def _texts(column: RunColumn) -> Any:
    """A column's texts; of configuration, numbers are spelled out among them."""
    assert column.texts is not None
    if column.numbers is None or column.field.entity is not Entity.CONFIG:
        return column.texts
    texts, numbers = column.texts.copy(), column.numbers
    for place in (~np.isnan(numbers)).nonzero()[0]:
        texts[place] = spell_value(float(numbers[place]))
    return texts
