"""Costs are counted before any resolver runs, and a refusal names the limit."""

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse

from tests.server.graphql.sample import Signals, schema
from trackql_server.graphql.limits import ASSUMED, Limits, Plan
from trackql_server.graphql.operations import Operations, Refused, Request


def cost(query: str, variables: dict[str, object] | None = None) -> int:
    document = parse(query)
    operation = next(
        each for each in document.definitions if isinstance(each, OperationDefinitionNode)
    )
    return Plan(schema._schema, document, operation).cost(variables or {})


async def refusal(
    query: str, limits: Limits, variables: dict[str, object] | None = None
) -> tuple[str, dict[str, object], Signals]:
    signals = Signals()
    with pytest.raises(Refused) as caught:
        await Operations(schema, limits).execute(Request(query, variables), signals)
    (error,) = caught.value.errors
    return error.message, error.extensions or {}, signals


def test_each_field_is_a_value() -> None:
    assert cost("{ hello }") == 1
    assert cost("{ a: hello b: hello missing }") == 3


def test_first_multiplies_the_items_and_not_what_stands_beside_them() -> None:
    assert cost("{ branches(first: 7) { nodes { id } } }") == 1 + 7 * 2
    assert cost("{ branches(first: 7) { __typename nodes { id } } }") == 1 + 1 + 7 * 2


def test_first_comes_from_the_variable_or_the_default() -> None:
    query = "query ($n: Int! = 3) { branches(first: $n) { nodes { id } } }"
    assert cost(query, {"n": 9}) == 1 + 9 * 2
    assert cost("{ branches { nodes { id } } }") == 1 + 50 * 2


def test_named_keys_bound_a_list_better_than_first() -> None:
    query = "query ($keys: [String!]) { branchesByIds(ids: [1]) { leaves(keys: $keys) %s } }"
    query %= "{ nodes { value } }"
    assert cost(query, {"keys": ["a", "b"]}) == 1 + 1 + 2 * 2
    assert cost(query, {"keys": None}) == 1 + 1 + 100 * 2


def test_lists_of_ids_and_keys_multiply() -> None:
    query = "query ($runs: [String!]!) { curves(runIds: $runs, keys: [1, 2, 3]) { key value } }"
    assert cost(query, {"runs": ["x"] * 5}) == 15 * 3


def test_nested_lists_multiply() -> None:
    query = "{ branches(first: 10) { nodes { leaves(first: 20) { nodes { key value } } } } }"
    assert cost(query) == 1 + 10 * (1 + 1 + 20 * 3)


def test_an_unbounded_list_is_assumed_to_be_short() -> None:
    assert cost("{ branchesByIds(ids: [1]) { problems { key } } }") == 1 + ASSUMED * 2


def test_fragments_cost_what_they_unfold_to() -> None:
    query = """
    query ($n: Int!) { branches(first: $n) { ...Page ... on Branches { nodes { id } } } }
    fragment Page on Branches { nodes { ...Item } }
    fragment Item on Branch { id leaves { totalCount } }
    """
    assert cost(query, {"n": 2}) == 1 + 2 * (1 + 1 + 2) + 2 * 2


async def test_a_list_too_long_is_refused_before_anything_runs() -> None:
    query = "query ($n: Int!) { hello branches(first: $n) { nodes { leaves { nodes { key } } } } }"
    message, extensions, signals = await refusal(query, Limits(cost=1_000), {"n": 1_000})
    assert extensions == {"code": "COST_LIMIT", "limit": "cost"}
    assert "1,000 allowed" in message
    assert "`first`" in message
    assert signals.greeted == []

    result = await Operations(schema, Limits(cost=1_000)).execute(Request(query, {"n": 4}), signals)
    assert result.errors is None
    assert signals.greeted == ["you"]


async def test_depth() -> None:
    def nest(levels: int) -> str:
        return "{ branchesByIds(ids: [1]) " + "{ parent " * levels + "{ id }" + " }" * levels + "}"

    _, extensions, _ = await refusal(nest(3), Limits(depth=4))
    assert extensions == {"code": "COST_LIMIT", "limit": "depth"}
    result = await Operations(schema, Limits(depth=4)).execute(Request(nest(2)), Signals())
    assert result.errors is None


async def test_depth_through_fragments() -> None:
    query = """
    { branchesByIds(ids: [1]) { ...A } }
    fragment A on Branch { parent { ...B } }
    fragment B on Branch { parent { ... on Branch { parent { id } } } }
    """
    _, extensions, _ = await refusal(query, Limits(depth=4))
    assert extensions["limit"] == "depth"


async def test_alias_bomb() -> None:
    query = "{" + " ".join(f"a{n}: hello" for n in range(201)) + "}"
    message, extensions, signals = await refusal(query, Limits())
    assert extensions == {"code": "COST_LIMIT", "limit": "aliases"}
    assert "201 aliases" in message
    assert signals.greeted == []


async def test_alias_bomb_folded_into_fragments() -> None:
    """Each fragment spreads the next one twice: 2^40 aliases in a few hundred tokens."""
    folds = "\n".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    query = f"{{ ...F0 }} {folds} fragment F40 on Query {{ a: hello }}"
    message, extensions, _ = await refusal(query, Limits())
    assert extensions["limit"] == "aliases"
    assert f"{2**40} aliases" in message


async def test_field_bomb_folded_into_fragments() -> None:
    folds = "\n".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    query = f"{{ ...F0 }} {folds} fragment F40 on Query {{ hello }}"
    _, extensions, signals = await refusal(query, Limits())
    assert extensions["limit"] == "cost"
    assert signals.greeted == []


@pytest.mark.parametrize(
    "query",
    ["{" + " hello" * 5_000 + "}", "#\n" * 5_001 + "{ hello }", "{ hello }" + " " * 500_000],
)
async def test_long_documents(query: str) -> None:
    message, extensions, _ = await refusal(query, Limits())
    assert extensions == {"code": "COST_LIMIT", "limit": "tokens"}
    assert "variables" in message


async def test_fragments_in_a_circle_end() -> None:
    query = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
    _, extensions, _ = await refusal(query, Limits())
    assert extensions["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_graphiql_may_read_the_schema() -> None:
    query = get_introspection_query(
        input_value_deprecation=True, schema_description=True, specified_by_url=True
    )
    result = await Operations(schema, Limits()).execute(Request(query), Signals())
    assert result.errors is None
    assert result.data is not None


async def test_introspection_in_circles_is_refused() -> None:
    query = "{ __schema { types " + "{ fields { type " * 4 + "{ name }" + " } }" * 4 + " } }"
    with pytest.raises(Refused):
        await Operations(schema, Limits()).execute(Request(query), Signals())


async def test_data_in_variables_costs_nothing() -> None:
    """A body of 10,000 keys is the everyday case of a wide model."""
    keys = [f"layer.{n}.grad_norm" for n in range(10_000)]
    request = Request(
        "mutation ($table: Table!) { append(table: $table) }",
        {"table": {"keys": keys, "values": [0.5] * 10_000}},
    )
    result = await Operations(schema, Limits(cost=1)).execute(request, Signals())
    assert result.data == {"append": 10_000}
