"""What runs print, over GraphQL on both databases: appended exactly once, read, searched, live."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.client import GraphQL
from trackql_server.domain import console, console_live, runs
from trackql_server.domain.console import OpenLine, Piece
from trackql_server.domain.context import Services
from trackql_server.domain.records import Position
from trackql_server.errors import TrackqlError
from trackql_server.store import console as store

CREATE = 'mutation { createRun(input: {name: "a"}) { id } }'
APPEND = """mutation($input: AppendConsoleInput!) { appendConsole(input: $input) { nextRecord } }"""
PAGE = """query(
  $run: ID!, $from: Int64, $first: Int! = 500, $search: String, $stream: ConsoleStream
) {
  run(id: $run) { problems { code message } console(
    from: $from, first: $first, search: $search, stream: $stream
  ) { total size dropped start next numbers times streams writers texts
      open { time stream writer text } } } }"""


async def begun(graphql: GraphQL) -> str:
    return str((await graphql(CREATE))["createRun"]["id"])


def lines(texts: list[str], first: int | None = None, **given: Any) -> dict[str, Any]:
    message: dict[str, Any] = {
        "times": [1_000 + place for place in range(len(texts))],
        "streams": ["STDOUT"] * len(texts),
        "texts": texts,
        **given,
    }
    if first is not None:
        message["journal"] = {"writer": "w", "first": first, "count": len(texts)}
    return message


async def page(graphql: GraphQL, run: str, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await graphql(PAGE, run=run, **given))["run"]["console"]
    return found


async def test_lines_are_kept_as_they_were_printed(graphql: GraphQL) -> None:
    run = await begun(graphql)
    texts = ["plain", "", "\x1b[31mred\x1b[0m", "ü ☃ 🚀", "\ttab\r", "\u2028 \x0b \x85"]
    given = lines(texts, 0) | {"streams": ["STDERR", "STDOUT"] * 3, "writer": "rank 1"}
    answer = await graphql(APPEND, input={"runId": run, **given})
    assert answer["appendConsole"] == {"nextRecord": 6}
    found = await page(graphql, run, **{"from": 0})
    assert found == {
        "total": 6,
        "size": sum(len(text.encode()) + 1 for text in texts),
        "dropped": 0,
        "start": 0,
        "next": None,
        "numbers": [0, 1, 2, 3, 4, 5],
        "times": given["times"],
        "streams": given["streams"],
        "writers": ["rank 1"] * 6,
        "texts": texts,
        "open": [],
    }
    one_by_one = "query($run: ID!) { run(id: $run) { console(from: 4, first: 1) { lines {%s} } } }"
    [line] = (await graphql(one_by_one % "number time stream writer text", run=run))["run"][
        "console"
    ]["lines"]
    assert line == {
        "number": 4, "time": 1004, "stream": "STDERR", "writer": "rank 1", "text": "\ttab\r",
    }  # fmt: skip


async def test_sending_again_stores_each_line_once(graphql: GraphQL) -> None:
    run = await begun(graphql)

    async def send(first: int, texts: list[str]) -> int:
        answer = await graphql(APPEND, input={"runId": run, **lines(texts, first)})
        return int(answer["appendConsole"]["nextRecord"])

    assert await send(0, ["0", "1"]) == 2
    assert await send(0, ["0", "1"]) == 2
    assert await send(1, ["1", "2", "3"]) == 4
    refused = await graphql.refused(APPEND, input={"runId": run, **lines(["9"], 5)})
    assert (refused["code"], refused["expected"]) == ("SEQUENCE_GAP", 4)
    assert (await page(graphql, run))["texts"] == ["0", "1", "2", "3"]


async def test_a_page_lies_anywhere(graphql: GraphQL) -> None:
    run = await begun(graphql)
    texts = [f"{number} " + "x" * 90 for number in range(5_000)]
    for begin in range(0, 5_000, 700):
        part = texts[begin : begin + 700]
        await graphql(APPEND, input={"runId": run, **lines(part, begin)})
    for start, first in ((0, 1), (0, 5_000), (650, 100), (4_990, 100), (2_500, 1_000)):
        found = await page(graphql, run, **{"from": start}, first=first)
        stop = min(start + first, 5_000)
        assert found["numbers"] == list(range(start, stop))
        assert found["texts"] == texts[start:stop]
        assert found["next"] == (None if stop == 5_000 else stop)
    last = await page(graphql, run, first=40)
    assert (last["texts"], last["start"], last["next"]) == (texts[-40:], 4_960, None)
    assert (await page(graphql, run, **{"from": 9_999}))["texts"] == []
    assert (await page(graphql, await begun(graphql)))["total"] == 0
    for given, argument in (({"first": 0}, "first"), ({"first": 5_001}, "first"),
                            ({"from": -1}, "from")):  # fmt: skip
        refused = await graphql.refused(PAGE, run=run, **given)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)


async def test_text_is_found_whatever_its_case_and_colours(graphql: GraphQL) -> None:
    run = await begun(graphql)
    texts = [f"line {number}" for number in range(3_000)]
    texts[7] = "Some \x1b[1;31mERR\x1b[0mOR here"
    texts[2_900] = "STRASSE: no error"
    streams = ["STDERR" if number % 2 else "STDOUT" for number in range(3_000)]
    await graphql(APPEND, input={"runId": run, **lines(texts, 0), "streams": streams})
    found = await page(graphql, run, **{"from": 0}, search="error")
    assert (found["numbers"], found["next"]) == ([7, 2_900], None)
    assert (await page(graphql, run, search="straße"))["numbers"] == [2_900]
    assert (await page(graphql, run, search="error", stream="STDERR"))["numbers"] == [7]
    assert (await page(graphql, run, search="[31m"))["numbers"] == []
    assert (await page(graphql, run, search="1;31"))["numbers"] == []
    assert (await page(graphql, run, search="%"))["numbers"] == []
    pieces: list[int] = []
    start: int | None = 0
    while start is not None:
        part = await page(graphql, run, **{"from": start}, search="LINE 29", first=17)
        pieces += part["numbers"]
        start = part["next"]
    assert pieces == [n for n, text in enumerate(texts) if text.startswith("line 29")]
    last = await page(graphql, run, search="line 1", first=3)
    assert last["numbers"] == [1_997, 1_998, 1_999]
    assert (await page(graphql, run, stream="STDERR", first=2))["numbers"] == [2_997, 2_999]


async def test_a_search_ends_at_its_bound_and_goes_on(
    graphql: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await begun(graphql)
    texts = [f"{number} " + "y" * 200 for number in range(4_000)]
    await graphql(APPEND, input={"runId": run, **lines(texts, 0)})
    monkeypatch.setattr(console, "WALK_TEXT", 200_000)
    found = await page(graphql, run, **{"from": 0}, search="3999 ")
    assert found["texts"] == []
    assert 0 < found["next"] < 4_000
    steps = 0
    while not found["texts"]:
        found = await page(graphql, run, **{"from": found["next"]}, search="3999 ")
        steps += 1
    assert (found["numbers"], found["next"]) == ([3_999], None)
    assert 0 < steps < 10
    monkeypatch.setattr(console, "PAGE_TEXT", 10_000)
    found = await page(graphql, run, **{"from": 0}, first=5_000)
    assert len(found["texts"]) == found["next"] == 50


async def test_open_lines_are_replaced_by_their_writer(graphql: GraphQL) -> None:
    run = await begun(graphql)

    async def send(writer: str, *texts: str) -> list[tuple[str, str]]:
        opened = [
            {"text": text, "time": 5, "stream": stream}
            for text, stream in zip(texts, ("STDOUT", "STDERR"), strict=False)
        ]
        given = {"runId": run, **lines([]), "open": opened, "writer": writer}
        await graphql(APPEND, input=given)
        return [(each["writer"], each["text"]) for each in (await page(graphql, run))["open"]]

    assert await send("", "10%", "prompt> ") == [("", "10%"), ("", "prompt> ")]
    assert await send("pid 7", "50%") == [("", "10%"), ("", "prompt> "), ("pid 7", "50%")]
    assert await send("", "20%") == [("pid 7", "50%"), ("", "20%")]
    await graphql(APPEND, input={"runId": run, **lines(["ended"], 0)})
    assert len((await page(graphql, run))["open"]) == 2
    assert await send("") == [("pid 7", "50%")]


async def test_what_is_no_line_is_refused(graphql: GraphQL) -> None:
    run = await begun(graphql)
    good = lines(["a", "b"])
    for given, argument in (
        ({"texts": ["a", "b\0"]}, "texts"),
        ({"texts": ["a", "b\nc"]}, "texts"),
        ({"texts": ["a"]}, "texts"),
        ({"texts": ["a", 1]}, "texts"),
        ({"texts": "ab"}, "texts"),
        ({"streams": ["STDOUT", "STDIN"]}, "streams"),
        ({"times": [-1, 0]}, "times"),
        ({"times": [0, 2**62]}, "times"),
        ({"writer": "\0"}, "writer"),
        ({"open": [{"text": "\0", "time": 1}]}, "open"),
        ({"open": [{"text": "a", "time": 1}] * 2}, "open"),
        ({"journal": {"writer": "w", "first": 0, "count": 3}}, "journal.count"),
        ({"journal": {"writer": "w", "first": -1, "count": 2}}, "journal.first"),
    ):
        refused = await graphql.refused(APPEND, input={"runId": run, **good, **given})
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", argument)
    refused = await graphql.refused(APPEND, input={"runId": "f" * 32, **good})
    assert refused["code"] == "NOT_FOUND"
    assert (await page(graphql, run))["total"] == 0
    # With a journal what can't be kept is passed over and shown, so that the writer goes on.
    refused = await graphql.refused(APPEND, input={"runId": run, **lines(["a\0"], 0)})
    assert refused["code"] == "INVALID_INPUT"
    await graphql(APPEND, input={"runId": run, **lines(["b"], 1)})
    found = (await graphql(PAGE, run=run))["run"]
    assert found["console"]["texts"] == ["b"]
    assert [each["code"] for each in found["problems"]] == ["INVALID_INPUT"]


async def test_long_lines_are_cut_with_a_mark(graphql: GraphQL) -> None:
    run = await begun(graphql)
    texts = ["é" * 32_768, "é" * 32_769, "x" * 1_000_000]
    await graphql(APPEND, input={"runId": run, **lines(texts, 0)})
    kept = (await page(graphql, run))["texts"]
    assert kept[0] == texts[0]
    for text, size in zip(kept[1:], (65_538, 1_000_000), strict=True):
        assert len(text.encode()) <= 65_536
        assert text.endswith(f"… ({size:,} bytes; the rest is cut off)")


async def test_beyond_the_bound_lines_are_counted_and_dropped(services: Services) -> None:
    services.console_limit = 1_000
    ctx = services.context()
    run = await runs.create(ctx, runs.NewRun())
    for turn in range(3):
        piece = Piece("", [1] * 40, ["STDOUT"] * 40, ["123456789"] * 40)
        await console.append(ctx, run.id, piece, None, Position("w", 40 * turn, 40))
    found = await console.page(ctx, run.number, None, 500)
    assert (found.total, found.size, found.dropped) == (100, 1_000, 20)
    assert found.texts == ["123456789"] * 100
    [problem] = (await runs.by_ids(ctx, [run.id]))[run.id].problems
    assert problem["code"] == "CONSOLE_FULL"
    assert "TRACKQL_LIMIT_CONSOLE" in problem["message"]


async def test_few_chunks_whatever_the_size_of_appends(services: Services) -> None:
    ctx = services.context()
    run = await runs.create(ctx, runs.NewRun())
    for number in range(60):
        piece = Piece("", [number], ["STDOUT"], ["z" * 3_000])
        await console.append(ctx, run.id, piece, None, None)
    piece = Piece("", [99] * 3_000, ["STDOUT"] * 3_000, ["z" * 100] * 3_000)
    await console.append(ctx, run.id, piece, None, None)
    chunks = await services.database.run_read(
        lambda connection: store.chunks(connection, run.number, 0, None, back=False)
    )
    assert [span.end for span, _ in chunks] == [span.start for span, _ in chunks[1:]] + [3_060]
    assert len(chunks) <= 8
    assert all(span.size <= store.CHUNK_TEXT + 3_000 for span, _ in chunks)


async def test_at_most_some_consoles_an_operation(graphql: GraphQL) -> None:
    for _ in range(21):
        await begun(graphql)
    document = 'query($first: Int!) { runs(experimentIds: ["0"], first: $first) { nodes {%s} } }'
    many = document % " console(first: 1) { texts } "
    assert len((await graphql(many, first=20))["runs"]["nodes"]) == 20
    reply = await graphql._ask(many, {"first": 21})
    assert reply["errors"][0]["extensions"]["code"] == "COST_LIMIT"


@hypothesis.given(
    st.lists(
        st.lists(
            st.tuples(
                st.integers(-(10**12), 10**12),
                st.sampled_from(("STDOUT", "STDERR")),
                st.text(st.characters(exclude_characters="\n\0", codec="utf-8"), max_size=50),
            ),
            max_size=20,
        ),
        max_size=10,
    )
)
def test_chunks_hold_what_was_put_in(pieces: list[list[tuple[int, str, str]]]) -> None:
    found = store.Standing()
    kept: list[bytes] = []
    for place, piece in enumerate(pieces):
        times = [abs(time) for time, _, _ in piece]
        streams, texts = [stream for _, stream, _ in piece], [text for _, _, text in piece]
        store.extend(found, Piece(f"w{place % 2}", times, streams, texts))
        if found.rows:
            kept = [row["body"] for row in found.rows]
            found.last, found.rows = (0, kept[-1]), []
    got = [
        (time, *lines.origins[source], text)
        for lines in map(store.unpack, kept)
        for time, source, text in zip(lines.times, lines.sources, lines.texts, strict=True)
    ]
    assert got == [
        (abs(time), f"w{place % 2}", stream, text)
        for place, piece in enumerate(pieces)
        for time, stream, text in piece
    ]
    assert found.lines == len(got)


# -- live


async def print_lines(services: Services, run: str, *texts: str, opened: str = "") -> None:
    count = len(texts)
    piece = Piece("", [1] * count, ["STDOUT"] * count, texts)
    lines = [OpenLine("", "STDOUT", 1, opened)] if opened else []
    await console.append(services.context(), run, piece, lines, None)


async def following(services: Services, run: str, after: int | None) -> AsyncGenerator[Any, None]:
    async with aclosing(console_live.follow(services.context(), run, after)) as events:
        async for event in events:
            yield event


async def test_a_subscriber_hears_each_line_once(services: Services) -> None:
    run = (await runs.create(services.context(), runs.NewRun())).id
    await print_lines(services, run, "0", "1", "2")
    texts: list[str] = []
    async with aclosing(following(services, run, 1)) as events:
        first = await anext(events)
        assert (first.first, first.texts, first.skipped) == (1, ["1", "2"], 0)

        async def log() -> None:
            for number in range(3, 40):
                await print_lines(services, run, str(number))

        logging = asyncio.create_task(log())
        at = first.next
        while at < 40:
            event = await anext(events)
            assert event.first == at
            texts += event.texts
            at = event.next
        await logging
    assert texts == [str(number) for number in range(3, 40)]


async def test_a_subscriber_to_new_lines_is_told_where_the_console_stands(
    services: Services,
) -> None:
    run = (await runs.create(services.context(), runs.NewRun())).id
    await print_lines(services, run, "old", opened="10%")
    async with aclosing(following(services, run, None)) as events:
        first = await anext(events)
        assert (first.first, first.next, first.texts) == (1, 1, [])
        assert [each.text for each in first.open] == ["10%"]
        await print_lines(services, run, opened="20%")
        second = await anext(events)
        assert (second.texts, [each.text for each in second.open]) == ([], ["20%"])
        await print_lines(services, run, "100%")
        third = await anext(events)
        assert (third.first, third.texts, third.open) == (1, ["100%"], [])


async def test_who_is_far_behind_gets_the_newest_lines(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_live, "EVENT_LINES", 10)
    monkeypatch.setattr(console_live, "LATE_LINES", 40)
    run = (await runs.create(services.context(), runs.NewRun())).id
    await print_lines(services, run, *map(str, range(30)))
    async with aclosing(following(services, run, 0)) as events:
        first = await anext(events)
        assert (first.texts, first.skipped) == ([str(n) for n in range(10)], 0)
        await print_lines(services, run, *map(str, range(30, 100)))
        second = await anext(events)
        assert (second.first, second.skipped, second.next) == (90, 80, 100)
        assert second.texts == [str(n) for n in range(90, 100)]


async def test_following_what_is_not_there(services: Services) -> None:
    run = (await runs.create(services.context(), runs.NewRun())).id
    for given, code in (((run, 1), "INVALID_INPUT"), (("f" * 32, None), "NOT_FOUND")):
        with pytest.raises(TrackqlError) as caught:
            await anext(console_live.follow(services.context(), *given))
        assert caught.value.code == code
    assert services.bus.listeners == 0
