"""What a caller is told of a failure: codes and reasons, or an id for the log."""

import logging
from contextlib import aclosing

import pytest
from graphql import ExecutionResult

from tests.server.graphql.sample import Signals, schema
from trackql_server.graphql.limits import Limits
from trackql_server.graphql.operations import Operations, Refused, Request

operations = Operations(schema, Limits())


async def execute(query: str, variables: dict[str, object] | None = None) -> ExecutionResult:
    try:
        return await operations.execute(Request(query, variables), Signals())
    except Refused as refused:
        return ExecutionResult(None, refused.errors)


async def code(query: str, variables: dict[str, object] | None = None) -> dict[str, object]:
    result = await execute(query, variables)
    assert result.errors is not None
    return result.errors[0].extensions or {}


@pytest.mark.parametrize(
    ("query", "extensions"),
    [
        ("{ missing }", {"code": "NOT_FOUND"}),
        ("{ wrong }", {"code": "INVALID_INPUT", "argument": "pixels"}),
        ("{ gap }", {"code": "SEQUENCE_GAP", "expected": 7}),
        ("{ hello", {"code": "GRAPHQL_PARSE_FAILED"}),
        ("{ helo }", {"code": "GRAPHQL_VALIDATION_FAILED"}),
        ("{ hello(name: 3) }", {"code": "GRAPHQL_VALIDATION_FAILED"}),
        ("fragment A on Query { hello }", {"code": "GRAPHQL_VALIDATION_FAILED"}),
        ("subscription { count }", {"code": "INVALID_INPUT", "argument": "query"}),
    ],
)
async def test_each_failure_has_its_code(query: str, extensions: dict[str, object]) -> None:
    assert await code(query) == extensions


async def test_a_failed_field_leaves_the_others() -> None:
    result = await execute("{ hello missing }")
    assert result.data == {"hello": "hello you", "missing": None}
    assert result.errors is not None
    (error,) = result.errors
    assert (error.message, error.path) == ("There is no such run.", ["missing"])
    assert error.formatted["locations"] == [{"line": 1, "column": 9}]


@pytest.mark.parametrize(
    ("variables", "argument"),
    [
        ({}, "table"),
        ({"table": 3}, "table"),
        ({"table": {"keys": [1], "values": []}}, "table.keys[0]"),
    ],
)
async def test_wrong_variables_name_the_argument(
    variables: dict[str, object], argument: str
) -> None:
    query = "mutation ($table: Table!) { append(table: $table) }"
    assert await code(query, variables) == {"code": "INVALID_INPUT", "argument": argument}


async def test_an_operation_has_to_be_chosen() -> None:
    result = await execute("query A { hello } query B { hello }")
    assert result.errors is not None
    assert result.errors[0].extensions == {"code": "INVALID_INPUT", "argument": "operationName"}
    assert "A, B" in result.errors[0].message


async def test_all_else_is_masked_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "trackql.graphql"):
        result = await execute("{ crash }")
    assert result.errors is not None
    (error,) = result.errors
    assert error.extensions is not None
    assert error.extensions["code"] == "INTERNAL"
    assert "hunter2" not in str(error.formatted)
    (record,) = caplog.records
    assert str(error.extensions["id"]) in record.getMessage()
    assert "hunter2" in caplog.text
    assert "Traceback" in caplog.text


async def test_expected_failures_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await execute("{ missing wrong gap helo }")
        await execute("{ missing wrong gap }")
    assert caplog.records == []


async def test_a_stream_that_breaks_ends_with_a_masked_error() -> None:
    request = Request("subscription { breaks }")
    async with aclosing(operations.stream(request, Signals())) as results:
        first, last = [result async for result in results]
    assert first.data == {"breaks": 1}
    assert last.errors is not None
    assert (last.errors[0].extensions or {})["code"] == "INTERNAL"
    assert "hunter2" not in str(last.formatted)


async def test_a_stream_that_refuses_says_why() -> None:
    request = Request("subscription { refuses }")
    async with aclosing(operations.stream(request, Signals())) as results:
        (only,) = [result async for result in results]
    assert only.errors is not None
    assert only.errors[0].extensions == {"code": "NOT_FOUND"}
