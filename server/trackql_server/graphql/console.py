"""The console of a run: what it printed, by range and by search, appended and followed live."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from enum import Enum
from typing import Annotated

import numpy as np
import strawberry

from trackql_server import models
from trackql_server.domain import console as domain
from trackql_server.domain import console_live
from trackql_server.domain.console import OpenLine, Page, Piece
from trackql_server.domain.console_live import Grown
from trackql_server.errors import CostLimit, InvalidInput
from trackql_server.graphql.context import Info
from trackql_server.graphql.metrics import Encoding, JournalPosition, position
from trackql_server.graphql.paging import Given
from trackql_server.graphql.scalars import (
    ColumnEncoding,
    Int64,
    Int64Column,
    TextColumn,
    write_ints,
)

# Consoles that one operation may look into: each may answer with megabytes of text.
RUNS = 20


@strawberry.enum(description="Where a script prints to.")
class ConsoleStream(Enum):
    STDOUT = strawberry.enum_value("STDOUT", description="Standard output.")
    STDERR = strawberry.enum_value("STDERR", description="Standard error: warnings, tracebacks.")


@strawberry.type(description="A line that was printed.")
class ConsoleLine:
    number: Int64 = strawberry.field(description="How many lines of the run came before.")
    time: Int64 = strawberry.field(description="When it ended, Unix milliseconds.")
    stream: ConsoleStream = strawberry.field(description="Where it was printed to.")
    writer: str = strawberry.field(
        description="Which of the run's processes printed it; empty for the one that began the run."
    )
    text: str = strawberry.field(description="The line, with its ANSI codes.")


@strawberry.type(description="A line that is not ended yet, like a progress bar.")
class ConsoleOpenLine:
    time: Int64 = strawberry.field(description="When it last changed, Unix milliseconds.")
    writer: str = strawberry.field(description="Which of the run's processes prints it.")
    text: str = strawberry.field(description="Its newest state, with its ANSI codes.")

    @strawberry.field(description="Where it is printed to.")
    @staticmethod
    def stream(root: strawberry.Parent[OpenLine]) -> ConsoleStream:
        return ConsoleStream(root.stream)


def _times(times: list[int], encoding: ColumnEncoding) -> Int64Column:
    return Int64Column(write_ints(np.array(times, np.int64), encoding))


PageRow = strawberry.Parent[Page]


@strawberry.type(description="Lines of a run's console, as columns and one by one.")
class ConsolePage:
    total: Int64 = strawberry.field(description="Lines of the console in all.")
    size: Int64 = strawberry.field(description="Bytes of their text.")
    dropped: Int64 = strawberry.field(
        description="Lines that are not kept because the bound of text was reached."
    )
    start: Int64 = strawberry.field(description="Number of the first line looked at.")
    next: Int64 | None = strawberry.field(
        description="Ask from this line on for more; null at the end of the console."
    )

    @strawberry.field(description="The number of each line, from 0.")
    @staticmethod
    def numbers(root: PageRow, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        return _times(root.numbers, encoding)

    @strawberry.field(description="When each line ended, Unix milliseconds.")
    @staticmethod
    def times(root: PageRow, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        return _times(root.times, encoding)

    @strawberry.field(description="STDOUT or STDERR, for each line.")
    @staticmethod
    def streams(root: PageRow) -> TextColumn:
        return TextColumn(root.streams)

    @strawberry.field(
        description="Which process printed each line; empty for the one that began the run."
    )
    @staticmethod
    def writers(root: PageRow) -> TextColumn:
        return TextColumn(root.writers)

    @strawberry.field(description="The text of each line, with its ANSI codes.")
    @staticmethod
    def texts(root: PageRow) -> TextColumn:
        return TextColumn(root.texts)

    @strawberry.field(description="The same one by one, for GraphQL written by hand.")
    @staticmethod
    def lines(root: PageRow) -> list[ConsoleLine]:
        columns = (root.numbers, root.times, root.streams, root.writers, root.texts)
        return [
            ConsoleLine(
                number=Int64(number),
                time=Int64(time),
                stream=ConsoleStream(stream),
                writer=writer,
                text=text,
            )
            for number, time, stream, writer, text in zip(*columns, strict=True)
        ]

    @strawberry.field(
        graphql_type=list[ConsoleOpenLine], description="The lines that are not ended yet."
    )
    @staticmethod
    def open(root: PageRow) -> list[OpenLine]:
        return root.open


GrownRow = strawberry.Parent[Grown]


@strawberry.type(description="What a run printed since the last event.")
class ConsoleGrown:
    first: Int64 = strawberry.field(description="Number of the first line.")
    next: Int64 = strawberry.field(description="The cursor: resume after this many lines.")
    skipped: Int64 = strawberry.field(
        description="Lines left out before the first, because the subscriber was far behind."
    )

    @strawberry.field(description="When each line ended, Unix milliseconds.")
    @staticmethod
    def times(root: GrownRow, encoding: Encoding = ColumnEncoding.ARRAY) -> Int64Column:
        return _times(root.times, encoding)

    @strawberry.field(description="STDOUT or STDERR, for each line.")
    @staticmethod
    def streams(root: GrownRow) -> TextColumn:
        return TextColumn(root.streams)

    @strawberry.field(
        description="Which process printed each line; empty for the one that began the run."
    )
    @staticmethod
    def writers(root: GrownRow) -> TextColumn:
        return TextColumn(root.writers)

    @strawberry.field(description="The text of each line, with its ANSI codes.")
    @staticmethod
    def texts(root: GrownRow) -> TextColumn:
        return TextColumn(root.texts)

    @strawberry.field(
        graphql_type=list[ConsoleOpenLine],
        description="The lines that are not ended yet; they replace those of the last event.",
    )
    @staticmethod
    def open(root: GrownRow) -> list[OpenLine]:
        return root.open


@strawberry.type
class RunConsole:
    @strawberry.field(
        graphql_type=ConsolePage,
        description="What it printed: the last lines, a range, or lines that contain a text.",
    )
    @staticmethod
    async def console(
        root: strawberry.Parent[models.Run],
        info: Info,
        start: Annotated[
            Int64 | None,
            strawberry.argument(
                name="from", description="Number of the first line; the last lines when left out."
            ),
        ] = None,
        first: Annotated[
            int, strawberry.argument(description="Lines a page, at most 5,000.")
        ] = 500,
        search: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "Only lines that contain this text, whatever its case and colours. A search"
                    " ends at a bound of text; go on from `next`."
                )
            ),
        ] = None,
        stream: Annotated[
            ConsoleStream | None, strawberry.argument(description="Only lines of this stream.")
        ] = None,
    ) -> Page:
        asked = info.context
        if asked.consoles == RUNS:
            raise CostLimit(
                f"The operation looks into the consoles of more than {RUNS} runs; ask run by run.",
                limit="consoles",
            )
        asked.consoles += 1
        try:
            named = None if stream is None else stream.name
            return await domain.page(asked.ctx, root.number, start, first, search, named)
        finally:
            asked.consoles -= 1


@strawberry.input(description="A line that is not ended yet.")
class OpenLineInput:
    text: str = strawberry.field(description="Its newest state; empty when it was cleared.")
    time: Int64 = strawberry.field(description="When it changed, Unix milliseconds.")
    stream: ConsoleStream = strawberry.field(
        default=ConsoleStream.STDOUT, description="Where it is printed to."
    )


@strawberry.input(description="Lines that one process of a run printed, as columns.")
class AppendConsoleInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    times: Int64Column = strawberry.field(description="When each line ended, Unix milliseconds.")
    streams: TextColumn = strawberry.field(description="STDOUT or STDERR, for each line.")
    texts: TextColumn = strawberry.field(
        description="The lines without their ends; each is cut at 65,536 bytes."
    )
    writer: str = strawberry.field(
        default="", description="Which of the run's processes it is; empty for its first."
    )
    open: list[OpenLineInput] | None = strawberry.field(
        default=None,
        description=(
            "The lines that are not ended yet, one a stream; they replace those of this writer."
            " When left out, those stay."
        ),
    )
    journal: JournalPosition | None = strawberry.field(
        default=None,
        description="Makes sending again harmless; each line is a record of the journal.",
    )


@strawberry.type(description="What became of printed lines.")
class AppendedConsole:
    next_record: Int64 | None = strawberry.field(
        description="The next journal record expected of the writer; null without a journal."
    )


@strawberry.type
class ConsoleMutation:
    @strawberry.mutation(
        description=(
            "Add printed lines to a run's console. SEQUENCE_GAP when journal records before them"
            " are missing."
        )
    )
    async def append_console(self, info: Info, input: Given[AppendConsoleInput]) -> AppendedConsole:
        piece = Piece(
            input.writer,
            input.times.tolist(),  # type: ignore[attr-defined]  # the scalar gives an array
            _texts(input.streams, "streams"),
            _texts(input.texts, "texts"),
        )
        fresh = None
        if input.open is not None:
            fresh = [
                OpenLine(input.writer, each.stream.name, each.time, each.text)
                for each in input.open
            ]
        at = position(input.journal)
        record = await domain.append(info.context.ctx, input.run_id, piece, fresh, at)
        return AppendedConsole(next_record=None if record is None else Int64(record))


def _texts(column: object, argument: str) -> list[str]:
    if not isinstance(column, list) or not all(isinstance(each, str) for each in column):
        raise InvalidInput(f"{argument}: give an array of texts", argument=argument)
    return column


@strawberry.type
class ConsoleSubscription:
    @strawberry.subscription(
        graphql_type=AsyncGenerator[ConsoleGrown, None],
        description=(
            "What a run prints: its lines in order, and the lines that are not ended yet. The first"
            " event comes at once. Who falls far behind is given the newest lines, and how many"
            " were left out. After a break, resume with the last `next`."
        ),
    )
    async def console_grew(
        self,
        info: Info,
        run_id: Annotated[strawberry.ID, strawberry.argument(description="The run.")],
        after: Annotated[
            Int64 | None,
            strawberry.argument(description="Begin after this many lines; now when left out."),
        ] = None,
    ) -> AsyncGenerator[Grown, None]:
        events = console_live.follow(info.context.ctx, run_id, after)
        async with aclosing(events):
            async for grown in events:
                yield grown
