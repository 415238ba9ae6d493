"""Typed params reach the filters of `config.`, whatever JSON they are."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client import GraphQL
from trackql_server.domain import params, words
from trackql_server.domain.params import DEEPEST, LEAVES, ParamSpec, leaves, number, scalar
from trackql_server.errors import InvalidInput

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id } }"
PARAMS = "mutation($input: LogParamsInput!) { logParams(input: $input) { nextRecord } }"
FOUND = "query($filter: String!) { runs(filter: $filter) { nodes { name } } }"
CONFIG = """query($id: ID!, $key: String!) {
  run(id: $id) { params(keys: [$key]) { nodes { value number config } } } }"""

NET: dict[str, Any] = {
    "lr": 1e-3, "layers": [64, 128, {"act": "relu", "on": False}], "name": "Größe ☃", "amp": True,
    "none": None, "empty": [], "gone": {}, "huge": 1.7e308, "whole": 2**53 + 1,
}  # fmt: skip

# Filters, and whether they find a run that has NET and some single values.
FILTERS = {
    "config.net.lr = 0.001": True,
    "config.net.lr < 0.01 AND config.net.lr > 0": True,
    "config.net.lr = '0.001'": False,
    "config.net.layers.0 = 64": True,
    "config.net.layers.1 BETWEEN 100 AND 200": True,
    "config.net.layers.2.act = 'relu'": True,
    "config.net.layers.2.on = false": True,
    "config.net.layers.2.on = true": False,
    "config.net.layers.3 IS NULL": True,
    "config.net.name LIKE 'Größe%'": True,
    "config.net.name ~ '☃$'": True,
    "config.net.amp = true": True,
    "config.net.amp IN (true, false)": True,
    "config.net.amp = 1": False,
    "config.net.none IS NULL AND config.net.empty IS NULL AND config.net.gone IS NULL": True,
    "config.net IS NULL": True,
    "config.net.huge > 1e308": True,
    "config.lr = 0.5 AND config.lr != 0.6": True,
    "config.count >= 3": True,
    "config.opt = 'adam'": True,
    "config.flag = true": True,
    "config.text = '1'": True,
    "config.text = 1": False,
    "config.plain IS NULL": True,
    # What another client spelled in its own way is what its JSON says.
    "config.quoted = 'adam'": True,
    "config.worded = 1000": True,
    "config.rounded = 0.123456789": True,
    "params.quoted = '\"adam\"' AND params.worded = 'a thousand'": True,
}

SINGLE: dict[str, tuple[str, Any]] = {
    "lr": ("0.5", 0.5), "count": ("3", 3), "opt": ("adam", "adam"), "flag": ("True", True),
    "text": ("1", "1"), "plain": ("1", None), "quoted": ('"adam"', "adam"),
    "worded": ("a thousand", 1000), "rounded": ("0.12", 0.123456789),
}  # fmt: skip


async def found(graphql: GraphQL, text: str) -> list[str]:
    return [each["name"] for each in (await graphql(FOUND, filter=text))["runs"]["nodes"]]


@pytest.mark.parametrize("later", [False, True])
async def test_configuration_reaches_filters(graphql: GraphQL, later: bool) -> None:
    given = [{"key": key, "value": text, "config": json} for key, (text, json) in SINGLE.items()]
    given.append({"key": "net", "value": "{}", "config": NET})
    first = {} if later else {"params": given}
    run_id = (await graphql(CREATE, input={"name": "run"} | first))["createRun"]["id"]
    await graphql(CREATE, input={"name": "other"})
    if later:
        await graphql(PARAMS, input={"runId": run_id, "params": given})
    for text, expected in FILTERS.items():
        names = await found(graphql, text)
        assert ("run" in names) == expected, text
        if "IS NULL" not in text:
            assert "other" not in names
    # Once set, they stay.
    await graphql(PARAMS, input={"runId": run_id, "params": given})
    node = (await graphql(CONFIG, id=run_id, key="net"))["run"]["params"]["nodes"][0]
    assert node == {"value": "{}", "number": None, "config": NET}


async def test_orders_and_columns_by_configuration(graphql: GraphQL) -> None:
    for name, json in (("a", 2), ("b", 10), ("c", "x"), ("d", True)):
        param = {"key": "p", "value": str(json), "config": {"v": json}}
        await graphql(CREATE, input={"name": name, "params": [param]})
    table = await graphql(
        """{ runTable(columns: ["name", "config.p.v"], orderBy: [{by: "config.p.v DESC"}]) {
          columns { texts numbers } } }"""
    )
    names, values = table["runTable"]["columns"]
    assert names["texts"] == ["b", "a", "c", "d"]
    assert (values["numbers"], values["texts"]) == ([10, 2, None, None], [None, None, "x", "true"])


async def test_json_that_can_not_be_kept_or_looked_up(graphql: GraphQL) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    for config in (deep, {"a": deep}):
        given = {"params": [{"key": "p", "value": "1", "config": config}]}
        refused = await graphql.refused(CREATE, input=given)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "params[0].config")
    document = (
        'mutation { createRun(input: {params: [{key: "p", value: "1", config: %s}]}) { id } }'
    )
    refused = await graphql.refused(document % "1180591620717411303424")
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "params[0].config")
    # Kept whole, though no path and no text of a filter could say it.
    config = {"a\0b": 1, "text": "x\0y", "": {"": 2}, "ok": 3, "k" * 600: 4}
    param = {"key": "p", "value": "1", "config": config}
    made = await graphql(CREATE, input={"name": "odd", "params": [param]})
    run_id = made["createRun"]["id"]
    [node] = (await graphql(CONFIG, id=run_id, key="p"))["run"]["params"]["nodes"]
    assert node["config"] == config
    assert await found(graphql, "config.p.ok = 3 AND config.`p..` = 2") == ["odd"]


async def test_paths_that_two_params_share(graphql: GraphQL) -> None:
    given = [
        {"key": "a", "value": "1", "config": {"b": {"c": 1}}},
        {"key": "a.b", "value": "2", "config": {"c": 2}},
    ]
    run_id = (await graphql(CREATE, input={"name": "run", "params": given}))["createRun"]["id"]
    assert await found(graphql, "config.a.b.c = 2") == ["run"]
    more = [{"key": "a.b.c", "value": "3", "config": [[3]]}]
    await graphql(PARAMS, input={"runId": run_id, "params": more})
    assert await found(graphql, "config.a.b.c.0.0 = 3") == ["run"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


def at(config: Any, path: str) -> list[Any]:
    """What a path may lead to; a key may hold dots itself."""
    if not path:
        return [config]
    named = config.items() if isinstance(config, dict) else ()
    placed = (
        ((str(place), each) for place, each in enumerate(config))
        if isinstance(config, list)
        else ()
    )
    return [
        end
        for name, inner in (*named, *placed)
        if path == f".{name}" or path.startswith(f".{name}.")
        for end in at(inner, path.removeprefix(f".{name}"))
    ]


@given(JSON)
def test_a_path_leads_to_what_it_says(config: Any) -> None:
    found = leaves("k", config)
    for path, value in found.items():
        assert path.startswith("k.")
        assert any(value is each or value == each for each in at(config, path[1:]))
        assert not isinstance(value, float) or math.isfinite(value)
    [made] = params.prepared([ParamSpec("k", "text", config)])
    if isinstance(config, bool):
        assert (made.scalar, made.leaves) == ("flag", {})
    elif isinstance(config, dict | list) or config is None:
        assert (made.scalar, made.leaves) == (None, found)
    elif config == "text":
        assert (made.scalar, made.leaves) == ("text", {})
    else:
        assert made.scalar is None
        assert made.leaves in ({"k": config}, {})


def test_there_are_bounds_to_what_is_looked_up() -> None:
    assert len(leaves("k", list(range(5_000)))) == LEAVES
    assert list(leaves("k", list(range(5_000))))[-1] == f"k.{LEAVES - 1}"
    nested: Any = "end"
    for _ in range(DEEPEST):
        nested = {"n": nested}
    assert list(leaves("k", nested).values()) == ["end"]
    assert leaves("k", [nested]) == {}
    room = words.LONGEST_KEY - len("k.")
    assert leaves("k", {"x" * room: 1, "y" * (room + 1): 2}) == {"k." + "x" * room: 1}
    assert leaves("k", {"a": "x" * 65_537, "b": 10**400, "c": math.inf}) == {}
    assert leaves("k", {"a": 1.79e308, "b": -(10**308)}) == {"k.a": 1.79e308, "k.b": -(10**308)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001), (" 7 ", 7.0), ("-0", 0.0), ("1_000", None), ("nan", None), ("inf", None),
        ("1e400", None), ("", None), ("0x10", None), ("1,5", None), ("true", None), ("5e-9", 5e-9),
    ],
)  # fmt: skip
def test_what_a_text_spells(text: str, expected: float | None) -> None:
    assert number(text) == expected
    assert scalar(text) == "text"


def test_a_param_twice() -> None:
    same = ParamSpec("a", "1", 1)
    assert params.checked([same, ParamSpec("b", "2"), same]) == [same, ParamSpec("b", "2")]
    with pytest.raises(InvalidInput, match="stands twice") as refused:
        params.checked([same, ParamSpec("b", "1"), ParamSpec("a", "2")])
    assert refused.value.argument == "params[2].key"
