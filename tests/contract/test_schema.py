"""schema.graphql is what the code says, every part of it is described, every document fits it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
    parse,
    print_ast,
    validate,
)

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "schema.graphql"
DOCUMENTS = [
    *ROOT.glob("sdk/trackql/**/*.graphql"),
    *ROOT.glob("dashboard/src/**/*.graphql"),
]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text())


def test_the_file_is_what_the_code_prints() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.schema", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_everything_has_a_description(schema: GraphQLSchema) -> None:
    assert list(undescribed(schema)) == []


def undescribed(schema: GraphQLSchema) -> Iterator[str]:
    """Every type, field, argument and enum value of ours that says nothing of itself."""
    for name, kind in schema.type_map.items():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        if not kind.description:
            yield name
        if isinstance(kind, GraphQLEnumType):
            yield from (f"{name}.{v}" for v, it in kind.values.items() if not it.description)
        if isinstance(kind, GraphQLInputObjectType):
            yield from (f"{name}.{f}" for f, it in kind.fields.items() if not it.description)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for place, field in kind.fields.items():
                if not field.description:
                    yield f"{name}.{place}"
                for argument, it in field.args.items():
                    if not it.description:
                        yield f"{name}.{place}({argument})"


def test_the_search_for_missing_descriptions_finds_each_kind() -> None:
    bare = build_schema("type Query { a(b: I): E } input I { c: Int } enum E { D } scalar S")
    found = {"Query", "Query.a", "Query.a(b)", "I", "I.c", "E", "E.D", "S"}
    assert set(undescribed(bare)) == found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_fits_the_schema(document: Path, schema: GraphQLSchema) -> None:
    assert [error.message for error in validate(schema, with_fragments(document))] == []


def with_fragments(document: Path) -> DocumentNode:
    """The document and the fragments of its side that it uses, and that those use."""
    side = document.relative_to(ROOT).parts[0]
    known: dict[str, FragmentDefinitionNode] = {}
    for other in DOCUMENTS:
        if other.relative_to(ROOT).parts[0] == side and other != document:
            for definition in parse(other.read_text()).definitions:
                if isinstance(definition, FragmentDefinitionNode):
                    known[definition.name.value] = definition
    parsed = parse(document.read_text())
    definitions = list(parsed.definitions)
    for definition in definitions:  # grows while it is walked
        names = re.findall(r"\.\.\.\s*(\w+)", print_ast(definition))
        definitions += [known.pop(name) for name in names if name in known]
    return DocumentNode(definitions=tuple(definitions))


def test_both_clients_have_documents() -> None:
    homes = {document.relative_to(ROOT).parts[0] for document in DOCUMENTS}
    assert homes == {"sdk", "dashboard"}
