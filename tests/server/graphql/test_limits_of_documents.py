"""What the SDK and the dashboard ask passes the default limits with room to spare."""

from pathlib import Path

import pytest
from graphql import (
    DocumentNode,
    GraphQLInputType,
    OperationDefinitionNode,
    get_nullable_type,
    is_list_type,
    parse,
    type_from_ast,
)

from trackql_server.graphql.limits import Limits, Plan, check_shape
from trackql_server.graphql.schema import build_schema

ROOT = Path(__file__).parents[3]
SCHEMA = build_schema()._schema

# The pages that they ask for, and as many runs or keys as a person can still look at.
PAGE = 100
MANY = 50
ROOM = 2


def documents(folder: str) -> list[tuple[DocumentNode, OperationDefinitionNode]]:
    text = "\n".join(file.read_text() for file in sorted((ROOT / folder).rglob("*.graphql")))
    document = parse(text)
    return [
        (document, definition)
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    ]


def variables(operation: OperationDefinitionNode) -> dict[str, object]:
    given: dict[str, object] = {}
    for definition in operation.variable_definitions or ():
        type_: GraphQLInputType | None = type_from_ast(SCHEMA, definition.type)  # type: ignore[assignment]
        assert type_ is not None
        many = is_list_type(get_nullable_type(type_))
        given[definition.variable.name.value] = ["x"] * MANY if many else PAGE
    return given


@pytest.mark.parametrize("folder", ["sdk/trackql/_operations", "dashboard/src"])
def test_documents_cost_little(folder: str) -> None:
    found = documents(folder)
    assert found
    for document, operation in found:
        assert operation.name is not None
        cost = Plan(SCHEMA, document, operation).cost(variables(operation))
        assert cost * ROOM <= Limits().cost, f"{operation.name.value} may cost {cost:,}"


@pytest.mark.parametrize("folder", ["sdk/trackql/_operations", "dashboard/src"])
def test_documents_are_shallow_and_short(folder: str) -> None:
    limits = Limits()
    half = Limits(depth=limits.depth // ROOM, aliases=limits.aliases // ROOM)
    for file in sorted((ROOT / folder).rglob("*.graphql")):
        text = file.read_text()
        check_shape(parse(text, max_lexical_tokens=limits.tokens // ROOM), half)
