"""Rich values over GraphQL on both databases."""

import hashlib
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.client import GraphQL
from tests.server.graphql.test_search import statements
from trackql_server.domain import runs
from trackql_server.domain import values as domain
from trackql_server.domain.context import Services
from trackql_server.domain.events import RunChanged, run_topic
from trackql_server.errors import InvalidInput

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id } }"
DELETE = "mutation($id: ID!) { deleteRun(input: {id: $id}) { id } }"
LOG = "mutation($input: LogValuesInput!) { logValues(input: $input) { count } }"
TRASH = "mutation($input: DeleteArtifactsInput!) { deleteArtifacts(input: $input) { __typename } }"
SERIES = """query($id: ID!, $kinds: [ValueKind!], $search: String, $first: Int = 100,
                  $after: String, $keys: [String!]) { run(id: $id) {
  values(kinds: $kinds, keys: $keys, search: $search, first: $first, after: $after) {
    nodes { key kind count firstStep lastStep } totalCount pageInfo { hasNextPage endCursor } } } }
"""
VALUES = """query($id: ID!, $search: String, $from: Int64, $to: Int64, $first: Int = 100,
                  $after: String) { run(id: $id) { values(search: $search) { nodes { key
  values(fromStep: $from, toStep: $to, first: $first, after: $after) {
    nodes { step place kind caption path body artifact { path size url }
            histogram { edges counts nanCount infiniteCount } }
    totalCount pageInfo { hasNextPage endCursor } } } } } }"""
STEPS = """query($id: ID!, $max: Int!, $from: Int64, $to: Int64) {
  run(id: $id) { values { nodes { key steps(maxSteps: $max, fromStep: $from, toStep: $to) {
    steps total thinned } } } } }"""
AT = """query($runs: [ID!]!, $keys: [String!]!, $step: Int64, $places: Int!) {
  valuesAt(runIds: $runs, keys: $keys, step: $step, places: $places) {
    runId key kind step total values { place caption body artifact { path } } } }"""
HEAT = """query($id: ID!, $key: String!, $max: Int!) {
  histogramSeries(runId: $id, key: $key, maxSteps: $max) {
    series { key count } total steps bins edges counts min max } }"""

BARS = {"counts": [1, 2, 3], "min": 0, "max": 3}


async def new_run(graphql: GraphQL) -> str:
    return str((await graphql(CREATE, input={}))["createRun"]["id"])


def text(key: str, step: int = 0, place: int = 0, body: str = "t", **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": "TEXT", "step": step, "place": place, "body": body, **more}


async def log(graphql: GraphQL, run: str, *values: dict[str, Any]) -> int:
    given = {"runId": run, "values": list(values)}
    return int((await graphql(LOG, input=given))["logValues"]["count"])


async def series(graphql: GraphQL, run: str, **given: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]]
    found = (await graphql(SERIES, id=run, **given))["run"]["values"]["nodes"]
    return found


async def values(graphql: GraphQL, run: str, **given: Any) -> dict[str, list[dict[str, Any]]]:
    nodes = (await graphql(VALUES, id=run, **given))["run"]["values"]["nodes"]
    return {each["key"]: each["values"]["nodes"] for each in nodes}


async def put(graphql: GraphQL, run: str, path: str, data: bytes) -> None:
    reply = await graphql.http.put(f"/artifacts/runs/{run}/{path}", content=data)
    assert reply.status_code == 201, reply.text


async def test_values_are_kept_as_they_were_told(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    await put(graphql, run, "media/img/3_1.png", b"picture")
    image = {
        "key": "img",
        "kind": "IMAGE",
        "step": 3,
        "place": 1,
        "caption": "a ☃",
        "path": "media/img/3_1.png",
        "body": {"width": 2, "height": 1},
    }
    bars = {"key": "bars", "kind": "HISTOGRAM", "step": -(2**63), "body": {**BARS, "nan": 4}}
    table = {"key": "table", "kind": "TABLE", "body": {"columns": ["a"], "data": [[None]]}}
    long = {"key": "words", "kind": "TEXT", "step": "9223372036854775807", "body": "ü" * 32_768}
    assert await log(graphql, run, image, bars, table, long) == 4
    found = await values(graphql, run)
    assert found["img"] == [
        {
            **{name: image[name] for name in ("step", "place", "kind", "caption", "path", "body")},
            "artifact": {
                "path": "media/img/3_1.png",
                "size": 7,
                "url": f"/artifacts/runs/{run}/media/img/3_1.png",
            },
            "histogram": None,
        }
    ]
    [shown] = found["bars"]
    assert shown["histogram"] == {
        "edges": [0, 1, 2, 3],
        "counts": [1, 2, 3],
        "nanCount": 4,
        "infiniteCount": 0,
    }
    assert (shown["step"], shown["artifact"]) == (str(-(2**63)), None)
    assert found["table"][0]["body"] == table["body"]
    assert found["words"][0]["body"] == long["body"]
    assert await series(graphql, run, kinds=["IMAGE", "TEXT"]) == [
        {"key": "img", "kind": "IMAGE", "count": 1, "firstStep": 3, "lastStep": 3},
        {
            "key": "words",
            "kind": "TEXT",
            "count": 1,
            "firstStep": str(2**63 - 1),
            "lastStep": str(2**63 - 1),
        },
    ]
    for wanted, keys in (
        ({"search": "BL"}, ["table"]),
        ({"keys": ["words", "nope", "bars"]}, ["bars", "words"]),
        ({"keys": []}, []),
        ({"keys": ["bars"], "kinds": ["TEXT"]}, []),
        ({"kinds": []}, []),
    ):
        assert [each["key"] for each in await series(graphql, run, **wanted)] == keys


async def test_logging_again_replaces_and_counts_once(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    given = [text("a", 1), text("a", 1, 1), text("a", 1, body="later"), text("b", -5)]
    for _ in range(2):
        await log(graphql, run, *given)
    assert [(e["key"], e["count"], e["firstStep"]) for e in await series(graphql, run)] == [
        ("a", 2, 1),
        ("b", 1, -5),
    ]
    assert [each["body"] for each in (await values(graphql, run))["a"]] == ["later", "t"]
    await log(graphql, run, text("a", 1, 1, "new", caption="c"))
    [_, second] = (await values(graphql, run))["a"]
    assert (second["body"], second["caption"]) == ("new", "c")


async def test_a_key_keeps_its_kind(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    bars = {"key": "a", "kind": "HISTOGRAM", "body": BARS}
    given = {"runId": run, "values": [text("a"), bars]}
    assert (await graphql.refused(LOG, input=given))["argument"] == "values[1].key"
    assert await series(graphql, run) == []
    await log(graphql, run, bars)
    refused = await graphql.refused(LOG, input={"runId": run, "values": [text("a", 1)]})
    assert refused["code"] == "INVALID_INPUT"
    assert "another key" in refused["message"]
    other = await new_run(graphql)
    await log(graphql, other, text("a"))  # the kind is the run's own


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"key": ""}, "key"),
        ({"key": "x" * 501}, "key"),
        ({"place": 1000}, "place"),
        ({"place": -1}, "place"),
        ({"time": 2**62}, "time"),
        ({"caption": "x" * 10_001}, "caption"),
        ({"caption": "\0"}, "caption"),
        ({"body": None}, "body"),
        ({"body": "ü" * 32_769}, "body"),
        ({"body": {"a": 1}}, "body"),
        ({"path": "nowhere.txt"}, "path"),
        ({"kind": "IMAGE"}, "path"),
        ({"kind": "TABLE"}, "body"),
        ({"kind": "TABLE", "body": {"a": "x" * 65_536}}, "body"),
        ({"kind": "HISTOGRAM"}, "body"),
        ({"kind": "HISTOGRAM", "body": {**BARS, "counts": []}}, "body.counts"),
        ({"kind": "HISTOGRAM", "body": {**BARS, "counts": [1] * 513}}, "body.counts"),
        ({"kind": "HISTOGRAM", "body": {**BARS, "counts": [1, -1]}}, "body.counts"),
        ({"kind": "HISTOGRAM", "body": {**BARS, "counts": [True]}}, "body.counts"),
        ({"kind": "HISTOGRAM", "body": {**BARS, "max": 0}}, "body.min"),
        ({"kind": "HISTOGRAM", "body": {"counts": [1]}}, "body"),
        ({"kind": "HISTOGRAM", "body": {"counts": [1], "edges": [1]}}, "body.edges"),
        ({"kind": "HISTOGRAM", "body": {"counts": [1], "edges": [1, 1]}}, "body.edges"),
    ],
)
async def test_what_does_not_fit_is_refused(
    graphql: GraphQL, given: dict[str, Any], argument: str
) -> None:
    run = await new_run(graphql)
    asked = {"runId": run, "values": [text("fine"), {**text("a"), **given}]}
    refused = await graphql.refused(LOG, input=asked)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", f"values[1].{argument}")
    assert await series(graphql, run) == []


async def test_runs_that_can_not_be_logged_to(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    await graphql(DELETE, id=run)
    for given, code in ((run, "RUN_DELETED"), ("nope", "NOT_FOUND")):
        asked = {"runId": given, "values": [text("a")]}
        assert (await graphql.refused(LOG, input=asked))["code"] == code
    asked = {"runId": await new_run(graphql), "values": [text("a")] * 10_001}
    assert (await graphql.refused(LOG, input=asked))["argument"] == "values"


async def test_a_file_in_the_trash_is_not_shown(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    await put(graphql, run, "a.html", b"<p>")
    await log(graphql, run, {"key": "page", "kind": "HTML", "path": "a.html"})
    await graphql(TRASH, input={"runId": run, "paths": ["a.html"]})
    [value] = (await values(graphql, run))["page"]
    assert (value["path"], value["artifact"]) == ("a.html", None)


async def test_a_pack_brings_values(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    body = b"not quite a picture"
    value = {"key": "img", "kind": "IMAGE", "step": 5, "time": 1_000}
    digest = hashlib.sha256(body).hexdigest()
    entries: list[dict[str, Any]] = [
        {"path": "media/img/5_0.png", "size": len(body), "sha256": digest, "value": value},
        {"value": {"key": "note", "kind": "TEXT", "body": "hi"}},
    ]
    for _ in range(2):  # sending again is harmless
        reply = await send(graphql, run, entries, body)
        assert reply.status_code == 200, reply.text
    found = await values(graphql, run)
    assert found["img"][0]["artifact"]["size"] == len(body)
    assert found["note"][0]["body"] == "hi"
    assert [each["count"] for each in await series(graphql, run)] == [1, 1]
    wrong = [*entries[:1], {"value": {"key": "img", "kind": "TEXT", "body": "hi"}}]
    reply = await send(graphql, run, wrong, body)
    assert reply.json()["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def send(graphql: GraphQL, run: str, entries: list[dict[str, Any]], body: bytes) -> Any:
    import orjson

    head = orjson.dumps({"entries": entries})
    return await graphql.http.post(
        f"/artifacts/runs/{run}",
        content=len(head).to_bytes(8, "big") + head + body,
        headers={"Content-Type": "application/vnd.trackql.pack"},
    )


async def test_pages_of_series_and_of_values(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    keys = sorted(f"k{number}" for number in range(7))
    steps_and_places = [(step, place) for step in range(4) for place in range(2)]
    await log(graphql, run, *(text(key, *each) for key in keys for each in steps_and_places))
    found: list[str] = []
    after = None
    while True:
        page = (await graphql(SERIES, id=run, first=3, after=after))["run"]["values"]
        assert page["totalCount"] == 7
        found += [each["key"] for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == keys
    places: list[tuple[int, int]] = []
    after = None
    while True:
        given = {"first": 3, "after": after, "from": 1, "to": 3}
        answer = await graphql(VALUES, id=run, **given)
        for each in answer["run"]["values"]["nodes"]:  # all of them go on behind the same cursor
            page = each["values"]
            assert page["totalCount"] == 6
        places += [(each["step"], each["place"]) for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert places == [(step, place) for step in (1, 2, 3) for place in (0, 1)]
    refused = await graphql.refused(VALUES, id=run, after="nonsense")
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "after")


async def test_many_series_cost_few_statements(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    await put(graphql, run, "a.png", b"x")
    many = [
        {"key": f"k{key}", "kind": "IMAGE", "step": step, "path": "a.png"}
        for key in range(50)
        for step in range(5)
    ]
    await log(graphql, run, *many[:10])
    with statements() as few:
        await values(graphql, run)
    await log(graphql, run, *many)
    with statements() as sent:
        found = await values(graphql, run, first=5)
    assert sum(map(len, found.values())) == 250
    assert len(sent) <= len(few) + 48  # but for the count of each list, which is asked for here
    document = VALUES.replace("totalCount", "")
    with statements() as sent:
        await graphql(document, id=run)
    assert len(sent) <= 8
    with statements() as sent:
        cells = await at(graphql, [run], [f"k{key}" for key in range(50)], 3)
    assert [cell["step"] for cell in cells] == [3] * 50
    assert cells[0]["values"][0]["artifact"] == {"path": "a.png"}
    assert len(sent) <= 8


async def test_many_runs_cost_few_statements(graphql: GraphQL) -> None:
    runs = [await new_run(graphql) for _ in range(30)]
    for place, run in enumerate(runs):
        await log(graphql, run, text("a", place), text("b"), text("b", 1))
    document = """query { runs(first: 30) { nodes { id values(first: 1) {
      nodes { key steps { steps } values { nodes { step body } } }
      pageInfo { hasNextPage } } } } }"""
    with statements() as sent:
        nodes = (await graphql(document))["runs"]["nodes"]
    assert len(sent) <= 8
    assert [each["id"] for each in nodes] == runs[::-1]
    for place, each in enumerate(nodes[::-1]):
        [series] = each["values"]["nodes"]
        assert series["steps"]["steps"] == [place]
        assert series["values"]["nodes"] == [{"step": place, "body": "t"}]
        assert each["values"]["pageInfo"]["hasNextPage"]


async def test_a_page_of_the_run_hears_of_new_values(services: Services) -> None:
    ctx = services.context()
    run = await runs.create(ctx, runs.NewRun())
    heard = services.bus.listen([run_topic(run.id)])
    await domain.log(ctx, run.id, [text("a")])
    assert heard.take() == [RunChanged(run_topic(run.id), run.id)]
    with pytest.raises(InvalidInput):
        await domain.log(ctx, run.id, [text("b"), text("a", body="x" * 70_000)])
    assert heard.take() == []


async def at(
    graphql: GraphQL, runs: list[str], keys: list[str], step: int | None, places: int = 10
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]]
    given = {"runs": runs, "keys": keys, "step": step, "places": places}
    found = (await graphql(AT, **given))["valuesAt"]
    return found


async def test_one_slider_for_many_runs(graphql: GraphQL) -> None:
    a, b, c = [await new_run(graphql) for _ in "abc"]
    await log(graphql, a, *(text("x", step, place, f"{step}.{place}")
                            for step in (0, 10, 20) for place in range(3)))  # fmt: skip
    await log(graphql, b, text("x", 5), text("y", 12))

    def shown(cells: list[dict[str, Any]]) -> list[tuple[str, str, int, int]]:
        return [(each["runId"], each["key"], each["step"], each["total"]) for each in cells]

    runs = [b, a, c, "nope"]
    assert shown(await at(graphql, runs, ["y", "x"], 12)) == [
        (b, "y", 12, 1),
        (b, "x", 5, 1),
        (a, "x", 10, 3),
    ]
    assert shown(await at(graphql, runs, ["x"], None)) == [(b, "x", 5, 1), (a, "x", 20, 3)]
    assert shown(await at(graphql, runs, ["x"], 4)) == [(a, "x", 0, 3)]
    [cell] = await at(graphql, [a, a], ["x", "x"], 19, places=2)
    assert [each["body"] for each in cell["values"]] == ["10.0", "10.1"]
    assert cell["total"] == 3
    for changed, argument in (
        ({"runs": ["x"] * 101}, "runIds"),
        ({"keys": ["x"] * 51}, "keys"),
        ({"places": 1001}, "places"),
    ):
        given = {"runs": runs, "keys": ["x"], "places": 1} | changed
        assert (await graphql.refused(AT, **given))["argument"] == argument


async def test_more_values_than_an_answer_may_have(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    many = [text(f"k{key}", 0, place) for key in range(6) for place in range(900)]
    await log(graphql, run, *many)
    keys = [f"k{key}" for key in range(6)]
    refused = await graphql.refused(AT, runs=[run], keys=keys, places=900)
    assert refused["code"] == "COST_LIMIT"
    assert len(await at(graphql, [run], keys, None, 5)) == 6
    [cell] = await at(graphql, [run], keys[:1], None, 900)
    assert [each["place"] for each in cell["values"]] == list(range(900))


async def test_steps_are_a_column_thinned_where_they_are_many(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    given = [text("many", step * 3, place) for step in range(100) for place in range(2)]
    await log(graphql, run, *given, text("few", 7), text("few", -7))

    async def steps(most: int, **within: int) -> dict[str, Any]:
        nodes = (await graphql(STEPS, id=run, max=most, **within))["run"]["values"]["nodes"]
        return {each["key"]: each["steps"] for each in nodes}

    whole = await steps(10_000)
    assert whole["few"] == {"steps": [-7, 7], "total": 2, "thinned": False}
    assert whole["many"] == {"steps": list(range(0, 300, 3)), "total": 100, "thinned": False}
    assert (await steps(100))["many"] == whole["many"]
    for most in (1, 2, 3, 10, 99):
        found = (await steps(most))["many"]
        assert (found["total"], found["thinned"]) == (100, True)
        assert len(found["steps"]) <= max(2, most)
        assert (found["steps"][0], found["steps"][-1]) == (0, 297)
        gaps = {b - a for a, b in zip(found["steps"], found["steps"][1:], strict=False)}
        assert len(gaps) <= 2  # even, but for what is left before the last
    assert (await steps(10_000, **{"from": 10, "to": 20}))["many"]["steps"] == [12, 15, 18]
    assert (await steps(3, **{"from": 10, "to": 20}))["many"]["steps"] == [12, 15, 18]
    refused = await graphql.refused(STEPS, id=run, max=10_001)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "maxSteps")


async def test_histograms_as_columns_for_a_heat_map(graphql: GraphQL) -> None:
    run = await new_run(graphql)
    given = [
        {"key": "w", "kind": "HISTOGRAM", "step": step,
         "body": {"counts": [step, 1], "edges": [0, 1, 2 + step]} if step % 2 else
                 {"counts": [step], "min": -step - 1, "max": 0.5}}
        for step in range(50)
    ]  # fmt: skip
    await log(graphql, run, *given, text("t"))
    heat = (await graphql(HEAT, id=run, key="w", max=1_000))["histogramSeries"]
    assert heat["series"] == {"key": "w", "count": 50}
    assert (heat["total"], heat["steps"]) == (50, list(range(50)))
    assert heat["bins"] == [1, 2] * 25
    assert heat["counts"][:6] == [0, 1, 1, 2, 3, 1]
    assert heat["edges"][:5] == [-1, 0.5, 0, 1, 3]
    assert (heat["min"], heat["max"]) == (-49, 51)
    heat = (await graphql(HEAT, id=run, key="w", max=10))["histogramSeries"]
    assert len(heat["steps"]) <= 10
    assert (heat["steps"][0], heat["steps"][-1]) == (0, 49)
    assert sum(heat["bins"]) == len(heat["counts"]) == len(heat["edges"]) - len(heat["steps"])
    assert (await graphql(HEAT, id=run, key="none", max=10))["histogramSeries"] is None
    assert (await graphql.refused(HEAT, id=run, key="t", max=10))["argument"] == "key"
    assert (await graphql.refused(HEAT, id="nope", key="w", max=10))["code"] == "NOT_FOUND"
    assert (await graphql.refused(HEAT, id=run, key="w", max=1_001))["argument"] == "maxSteps"


LOGS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(("a", "b/ü", "c")),
            st.integers(-2, 3) | st.sampled_from((-(2**63), 2**63 - 1)),
            st.integers(0, 2),
        ),
        max_size=8,
    ),
    max_size=6,
)


@hypothesis.settings(max_examples=40)
@hypothesis.given(LOGS)
async def test_summaries_are_what_a_recount_finds(
    graphql: GraphQL, logs: list[list[tuple[str, int, int]]]
) -> None:
    run = await new_run(graphql)
    for values_logged in logs:
        await log(graphql, run, *(text(*each) for each in values_logged))
    told = {each for values_logged in logs for each in values_logged}
    found = await series(graphql, run)
    stored = await values(graphql, run)
    assert {
        (key, int(each["step"]), each["place"]) for key, some in stored.items() for each in some
    } == told
    assert [
        (each["key"], each["count"], int(each["firstStep"]), int(each["lastStep"]))
        for each in found
    ] == [
        (key, len(some), min(step for step, _ in some), max(step for step, _ in some))
        for key in sorted({key for key, _, _ in told})
        if (some := [(step, place) for name, step, place in told if name == key])
    ]
