"""What an editor of filters asks: keys and values with counts, checks, completion."""

from typing import Any

import pytest

from tests.client import GraphQL
from trackql_server.domain import runs
from trackql_server.domain.context import Services
from trackql_server.domain.params import ParamSpec
from trackql_server.graphql.loaders import Loaders
from trackql_server.graphql.schema import build_schema

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id experimentId } }"
APPEND = "mutation($input: AppendMetricsInput!) { appendMetrics(input: $input) { nextRecord } }"
UNTAG = "mutation($input: DeleteTagsInput!) { deleteTags(input: $input) { nextRecord } }"
KEYS = """query($ids: [ID!], $folder: String, $kind: KeyKind!, $prefix: String! = "",
                $search: String, $first: Int! = 50, $after: String) {
  runKeys(experimentIds: $ids, folder: $folder, kind: $kind, prefix: $prefix, search: $search,
          first: $first, after: $after) {
    nodes { key runs } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
VALUES = """query($ids: [ID!], $folder: String, $field: String!, $prefix: String! = "",
                  $first: Int! = 50) {
  runValues(experimentIds: $ids, folder: $folder, field: $field, prefix: $prefix, first: $first) {
    value runs } }"""
CHECK = """query($filter: String!) { checkFilter(filter: $filter) {
  canonical error { message position length expected } } }"""
COMPLETE = """query($filter: String!, $cursor: Int!, $first: Int! = 100) {
  completeFilter(filter: $filter, cursor: $cursor, first: $first) {
    start end items { text kind runs } } }"""


async def made(
    graphql: GraphQL,
    experiment: str = "e",
    *,
    params: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    metrics: tuple[str, ...] = (),
    **given: Any,
) -> str:
    """A run; a param that is no text is configuration."""
    given["experimentName"] = experiment
    given["tags"] = [{"key": key, "value": value} for key, value in (tags or {}).items()]
    given["params"] = [
        {"key": key, "value": str(value), "config": None if isinstance(value, str) else value}
        for key, value in (params or {}).items()
    ]
    run = (await graphql(CREATE, input=given))["createRun"]
    table = {"keys": list(metrics), "steps": [0], "times": [0], "values": [1] * len(metrics)}
    if metrics:
        await graphql(APPEND, input={"runId": run["id"], "tables": [table]})
    return str(run["id"])


async def keys(graphql: GraphQL, kind: str, **given: Any) -> dict[str, int]:
    page = (await graphql(KEYS, kind=kind, **given))["runKeys"]
    found = {node["key"]: node["runs"] for node in page["nodes"]}
    assert list(found) == sorted(found)
    return found


async def values(graphql: GraphQL, field: str, **given: Any) -> list[tuple[str, int]]:
    found = (await graphql(VALUES, field=field, **given))["runValues"]
    return [(each["value"], each["runs"]) for each in found]


async def test_keys_of_each_kind_with_the_runs_that_use_them(graphql: GraphQL) -> None:
    net = {"size": 3, "on": True, "name": "x", "gap": None, "deep": [{"lr": 0.1}, 2]}
    for place in range(3):
        await made(
            graphql,
            "e" if place else "f/g",
            params={"lr": "1", f"p{place}": "x", "net": net},
            tags={"team": "red", f"t{place}": "x"},
            metrics=("loss", f"m{place}"),
        )
    assert await keys(graphql, "METRIC") == {"loss": 3, "m0": 1, "m1": 1, "m2": 1}
    assert await keys(graphql, "PARAM", folder="f") == {"lr": 1, "net": 1, "p0": 1}
    assert await keys(graphql, "TAG", folder="e") == {"t1": 1, "t2": 1, "team": 2}
    assert await keys(graphql, "CONFIG", folder="e") == {
        "net.deep.0.lr": 2, "net.deep.1": 2, "net.name": 2, "net.on": 2, "net.size": 2,
    }  # fmt: skip
    assert await keys(graphql, "METRIC", ids=[]) == await keys(graphql, "METRIC", ids=["?"]) == {}


async def test_configuration_of_single_values_is_listed_too(graphql: GraphQL) -> None:
    await made(graphql, params={"lr": 0.1, "amp": True, "opt": "adam", "net": {"size": 3}})
    await made(graphql, params={"lr": 0.2, "opt": "sgd", "net": {"size": 4}})
    assert await keys(graphql, "CONFIG") == {"amp": 1, "lr": 2, "net.size": 2}
    assert await keys(graphql, "CONFIG", prefix="l") == {"lr": 2}


async def test_keys_by_prefix_and_by_what_they_contain(graphql: GraphQL) -> None:
    edges = ["\ud7ff", "\ud7ffa", "\ue000", "\ue000a", "\U0010ffff", "\U0010ffffa", "a\U0010ffff"]
    others = ["a", "a/b", "a_b", "a%b", "A/B", "ab", "b", "é"]
    await made(graphql, params=dict.fromkeys([*edges, *others], "1"))
    for prefix in ("", "a", "a/", "a_", "a%", "A", "é", "\ud7ff", "\ue000", "\U0010ffff", "zz"):
        found = await keys(graphql, "PARAM", prefix=prefix)
        assert set(found) == {key for key in (*edges, *others) if key.startswith(prefix)}, prefix
    for text in ("B", "/", "%", "_", "É", "é"):
        found = await keys(graphql, "PARAM", search=text)
        folded = text.lower() if text.isascii() else text
        expected = {key for key in (*edges, *others) if folded in key.replace("A/B", "a/b")}
        assert set(found) == expected, text
    assert set(await keys(graphql, "PARAM", prefix="a", search="/")) == {"a/b"}
    refused = await graphql.refused(KEYS, kind="PARAM", prefix="x" * 501)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "prefix")
    for given in ({"first": 1001}, {"first": -1}):
        refused = await graphql.refused(KEYS, kind="PARAM", **given)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "first")


async def test_five_thousand_keys_page_by_page(graphql: GraphQL) -> None:
    names = [f"k{number * 7919 % 5000:04}" for number in range(5000)]
    await made(graphql, params=dict.fromkeys(names[:2500], "1"))
    await made(graphql, "f", params=dict.fromkeys(names[2000:], "1"))
    found: list[str] = []
    after = None
    while True:
        page = (await graphql(KEYS, kind="PARAM", first=700, after=after))["runKeys"]
        found += [node["key"] for node in page["nodes"]]
        assert all(node["runs"] == 1 + (node["key"] in names[2000:2500]) for node in page["nodes"])
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == sorted(names)
    assert len(await keys(graphql, "PARAM", first=1000, prefix="k00")) == 100


async def test_counts_of_many_keys_in_many_experiments(graphql: GraphQL) -> None:
    """Both databases take some 32,000 parameters a statement, fewer than keys times experiments."""
    names = [f"k{number:03}" for number in range(1000)]
    for place in range(40):
        some = names if not place else names[:: place * 50]
        await made(graphql, f"e{place}", params=dict.fromkeys(some, "1"))
    found = await keys(graphql, "PARAM", first=1000)
    steps = [1, *range(50, 2000, 50)]
    assert found == {
        name: sum(number % step == 0 for step in steps) for number, name in enumerate(names)
    }


async def test_tags_that_no_run_has_any_more_are_not_listed(graphql: GraphQL) -> None:
    one = await made(graphql, tags={"a": "1", "b": "1"})
    two = await made(graphql, tags={"a": "1"})
    await graphql(UNTAG, input={"runId": one, "keys": ["a", "b"]})
    assert await keys(graphql, "TAG") == {"a": 1}
    await graphql(UNTAG, input={"runId": two, "keys": ["a"]})
    assert await keys(graphql, "TAG") == {}
    assert await values(graphql, "tags.a") == []


async def test_values_with_the_runs_that_have_them(graphql: GraphQL) -> None:
    texts = ["adam", "adam", "adamw", "sgd", "Adam", "\ud7ffz", "\ue000z", "\U0010ffffz", "a%m"]
    for place, text in enumerate(texts):
        await made(
            graphql,
            "e" if place < 5 else "e/f",
            params={"opt": text},
            tags={"opt": text},
            name=text,
            user="me",
        )
    expected = sorted(((text, texts.count(text)) for text in {*texts}), key=lambda e: (-e[1], e[0]))
    for field in ("params.opt", "tags.opt", "name"):
        assert await values(graphql, field) == expected
        for prefix in ("ad", "A", "a%", "\ud7ff", "\ue000", "\U0010ffff", "adamw!"):
            wanted = [each for each in expected if each[0].startswith(prefix)]
            assert await values(graphql, field, prefix=prefix) == wanted, (field, prefix)
        assert await values(graphql, field, first=1) == [("adam", 2)]
        assert await values(graphql, field, first=0) == []
    assert await values(graphql, "user") == [("me", 9)]
    assert await values(graphql, "user", folder="e/f") == [("me", 4)]
    assert await values(graphql, "status") == [("RUNNING", 9)]
    assert await values(graphql, "git_commit") == await values(graphql, "tags.nope") == []


async def test_long_values_are_told_by_their_beginning(graphql: GraphQL) -> None:
    long = "x" * 300
    for end in "ab":
        await made(graphql, params={"p": long + end, "c": {"v": long}}, description=long + end)
    for field in ("params.p", "description", "config.c.v"):
        assert await values(graphql, field) == [("x" * 256, 2)]
        assert await values(graphql, field, prefix="xx") == [("x" * 256, 2)]
        assert await values(graphql, field, prefix=long) == [("x" * 256, 2)]


async def test_values_of_configuration(graphql: GraphQL) -> None:
    await made(graphql, params={"net": {"name": "a", "size": 1}})
    await made(graphql, params={"net": {"name": "b", "size": 1}})
    given = {"experimentName": "e", "params": [{"key": "opt", "value": "adam", "config": "adam"}]}
    await graphql(CREATE, input=given)
    assert await values(graphql, "config.net.name") == [("a", 1), ("b", 1)]
    assert await values(graphql, "config.opt", prefix="ad") == [("adam", 1)]
    assert await values(graphql, "config.net.size") == []


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("metrics.loss", "INVALID_FILTER"),
        ("start_time", "INVALID_FILTER"),
        ("duration", "INVALID_FILTER"),
        ("dropped_points", "INVALID_FILTER"),
        ("datasets.name", "INVALID_FILTER"),
        ("parent.name", "INVALID_FILTER"),
        ("nope", "INVALID_FILTER"),
        ("params.", "INVALID_FILTER"),
        ("", "INVALID_FILTER"),
    ],
)
async def test_fields_without_texts_have_no_values(graphql: GraphQL, field: str, code: str) -> None:
    refused = await graphql.refused(VALUES, field=field)
    assert (refused["code"], refused["argument"]) == (code, "field")
    refused = await graphql.refused(VALUES, field="params.a", first=1001)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "first")


async def test_a_filter_is_checked(graphql: GraphQL) -> None:
    found = (await graphql(CHECK, filter="metric.loss<1 and NOT(user='☃🚀')"))["checkFilter"]
    assert found == {"canonical": "metrics.loss < 1 AND NOT (user = '☃🚀')", "error": None}
    assert (await graphql(CHECK, filter=" "))["checkFilter"] == {"canonical": "", "error": None}
    # Characters are code points, so what stands behind a rocket counts from there.
    error = (await graphql(CHECK, filter="user = '🚀' AND nope = 1"))["checkFilter"]["error"]
    assert (error["position"], error["length"]) == (15, 4)
    assert "nope" in error["message"]
    error = (await graphql(CHECK, filter="params.a = "))["checkFilter"]["error"]
    assert error["position"] == 11
    assert {"quoted text", "a number"} <= set(error["expected"])
    error = (await graphql(CHECK, filter="a" * 50_001))["checkFilter"]["error"]
    assert error["position"] == 50_000


async def offered(graphql: GraphQL, marked: str, **given: Any) -> tuple[list[tuple[str, str]], str]:
    """The suggestions where the bar stands with their kinds, and the text that they replace."""
    text = marked.replace("|", "")
    found = await graphql(COMPLETE, filter=text, cursor=marked.index("|"), **given)
    items = found["completeFilter"]["items"]
    start, end = found["completeFilter"]["start"], found["completeFilter"]["end"]
    return [(each["text"], each["kind"]) for each in items], text[start:end]


async def test_stored_keys_and_values_are_offered(graphql: GraphQL) -> None:
    params = {"opt": "adam", "opt name": "it's", "net": {"size": 1}}
    await made(graphql, params=params, tags={"team": "red"}, metrics=("loss", "loss.min", "l 1"))
    await made(graphql, params={"opt": "adamw"}, user="me")
    assert await offered(graphql, "user = '🚀' AND metrics.l|os > 1") == (
        [("`l 1`", "KEY"), ("loss", "KEY"), ("`loss.min`", "KEY")],
        "los",
    )
    items, replaced = await offered(graphql, "metrics.loss.m|")
    assert replaced == "loss.m"
    assert items == [
        ("`loss.min`", "KEY"),
        *((f"loss.{name}", "STATISTIC") for name in ("min", "max", "mean")),
    ]
    assert await offered(graphql, "params.o|") == ([("opt", "KEY"), ("`opt name`", "KEY")], "o")
    assert await offered(graphql, "config.|") == ([("net.size", "KEY")], "")
    assert await offered(graphql, "tags.x|") == ([], "x")
    assert await offered(graphql, "children.tags.t|") == ([("team", "KEY")], "t")
    assert await offered(graphql, "params.opt = 'ad|am' OR") == (
        [("'adam'", "VALUE"), ("'adamw'", "VALUE")],
        "'adam'",
    )
    assert (await offered(graphql, "params.`opt name` = |"))[0] == [("'it''s'", "VALUE")]
    assert (await offered(graphql, "user = |"))[0] == [("''", "VALUE"), ("'me'", "VALUE")]


async def test_words_are_offered_with_their_kinds(graphql: GraphQL) -> None:
    items, _ = await offered(graphql, "|")
    kinds = dict(items)
    assert kinds["NOT"] == kinds["("] == "KEYWORD"
    assert kinds["start_time"] == "ATTRIBUTE"
    assert kinds["metrics."] == kinds["children."] == "ENTITY"
    items, _ = await offered(graphql, "metrics.loss |")
    assert ("BETWEEN", "OPERATOR") in items
    assert {kind for _, kind in items} == {"OPERATOR"}
    assert (await offered(graphql, "metrics.loss > 1 |"))[0] == [
        ("AND", "KEYWORD"), ("OR", "KEYWORD"),
    ]  # fmt: skip
    items, _ = await offered(graphql, "status = |")
    assert ("'STALLED'", "LITERAL") in items
    assert (await offered(graphql, "start_time > -7|"))[0] == [("-7d", "LITERAL")]
    assert len((await offered(graphql, "|", first=3))[0]) == 3
    assert await offered(graphql, "|", first=0) == ([], "")


async def test_what_is_typed_in_any_length_is_answered(graphql: GraphQL) -> None:
    await made(graphql, params={"p": "x"})
    for text in ("params." + "x" * 600, "params.p = '" + "x" * 70_000, "a" * 60_000, "'\u0001`"):
        found = await graphql(COMPLETE, filter=text, cursor=len(text))
        assert found["completeFilter"]["items"] == []
    for cursor in (-5, 99):
        assert (await graphql(COMPLETE, filter="st", cursor=cursor))["completeFilter"]["items"]
    refused = await graphql.refused(COMPLETE, filter="", cursor=0, first=1001)
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "first")


async def test_counts_cost_nothing_unless_asked_for(services: Services) -> None:
    ctx = services.context()
    await runs.create(ctx, runs.NewRun(params=[ParamSpec("a", "1"), ParamSpec("b", "1")]))
    schema = build_schema()
    asked: list[str] = []
    counting = services.database.read

    for selected, statements in (("key", 1), ("key runs", 2)):
        asked.clear()
        with pytest.MonkeyPatch.context() as patch:

            def reading() -> Any:
                asked.append("read")
                return counting()

            patch.setattr(services.database, "read", reading)
            document = (
                f'{{ runKeys(experimentIds: ["0"], kind: PARAM) {{ nodes {{ {selected} }} }} }}'
            )
            answer = await schema.execute(document, context_value=Loaders(ctx))
        assert answer.errors is None
        assert len(asked) == statements
