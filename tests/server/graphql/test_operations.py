"""Documents are read once, and those that are remembered are bounded."""

from typing import Any

import pytest
from graphql import DocumentNode, parse

from tests.server.graphql.sample import Signals, schema
from trackql_server.graphql import operations
from trackql_server.graphql.limits import Limits
from trackql_server.graphql.operations import Operations, Request


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []

    def counting(text: str, **limits: Any) -> DocumentNode:
        texts.append(text)
        return parse(text, **limits)

    monkeypatch.setattr(operations, "parse", counting)
    return texts


async def ask(known: Operations, text: str) -> None:
    result = await known.execute(Request(text), Signals())
    assert result.errors is None


async def test_a_document_is_read_once(parsed: list[str]) -> None:
    known = Operations(schema, Limits())
    for _ in range(3):
        await ask(known, "{ hello }")
    assert parsed == ["{ hello }"]


async def test_the_one_unused_longest_is_forgotten(
    parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Operations, "REMEMBERED", 30)
    known = Operations(schema, Limits())
    first, second, third = "{a: hello}", "{b: hello}", "{c: hello}"
    for text in (first, second, third, first, "{d: hello}"):
        await ask(known, text)
    parsed.clear()
    for text in (first, third):
        await ask(known, text)
    assert parsed == []
    await ask(known, second)
    assert parsed == [second]


async def test_a_huge_document_is_not_remembered(
    parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Operations, "REMEMBERED_EACH", 5)
    known = Operations(schema, Limits())
    for _ in range(2):
        await ask(known, "{ hello }")
    assert len(parsed) == 2
