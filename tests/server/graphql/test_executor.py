"""The short way for plain fields gives, to the letter, what the long way gives."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, execute, parse
from strawberry.execution import optimized_is_awaitable

from trackql_server.graphql.executor import PlainExecutor


@strawberry.enum
class Color(Enum):
    RED = "red"
    GREEN = "green"


@dataclass
class Row:
    """What a store would give: an attribute may be anything."""

    id: Any = "1"
    name: Any = "loss"
    size: Any = 3
    color: Any = Color.GREEN
    note: Any = None
    tags: Any = field(default_factory=lambda: ["a", "b"])
    holes: Any = field(default_factory=lambda: ["a"])


@strawberry.type(name="Thing")
class Thing:
    id: strawberry.ID
    name: str
    size: int
    color: Color
    note: str | None
    tags: list[str]
    holes: list[str | None] | None

    @strawberry.field
    def loud(self: Any) -> str:
        return str(self.name).upper()

    @strawberry.field
    async def later(self: Any) -> str:
        return f"later {self.name}"

    @strawberry.field
    async def fails(self) -> str | None:
        raise ValueError("no")


@strawberry.type
class Query:
    @strawberry.field(graphql_type=list[Thing | None])  # type: ignore[untyped-decorator]
    def things(self, info: strawberry.Info[list[Any], None]) -> list[Any]:
        return info.context


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def watched(self) -> AsyncIterator[Thing]:
        yield Thing(
            id=strawberry.ID("1"), name="a", size=1, color=Color.RED, note=None, tags=[], holes=None
        )


schema = strawberry.Schema(Query, subscription=Subscription)._schema


async def run(executor: type[Any], query: str, rows: list[Any]) -> ExecutionResult:
    result = execute(
        schema,
        parse(query),
        context_value=rows,
        executor_class=executor,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
    )
    return result if isinstance(result, ExecutionResult) else await result


async def same(query: str, *rows: Any) -> ExecutionResult:
    long = await run(PlainExecutor.__mro__[1], query, list(rows))
    short = await run(PlainExecutor, query, list(rows))
    assert short.formatted == long.formatted
    assert str(short.data) == str(long.data)  # the order of the fields too
    return short


ALL = "{ things { id name size color note tags holes } }"


async def test_plain_fields() -> None:
    result = await same(ALL, Row(), Row(id=2, note="x", holes=None))
    assert result.data == {
        "things": [
            {
                "id": "1",
                "name": "loss",
                "size": 3,
                "color": "GREEN",
                "note": None,
                "tags": ["a", "b"],
                "holes": ["a"],
            },
            {
                "id": "2",
                "name": "loss",
                "size": 3,
                "color": "GREEN",
                "note": "x",
                "tags": ["a", "b"],
                "holes": None,
            },
        ]
    }


@pytest.mark.parametrize(
    "query",
    [
        "{ things { loud id later name size __typename } }",
        "{ things { id loud name } }",
        "{ things { later } }",
        "{ things { name fails id } }",
        "{ things { first: name second: name name ... on Thing { size first: name } } }",
        "query ($no: Boolean = false) { things { id name @include(if: $no) size } }",
    ],
)
async def test_plain_fields_among_others_keep_their_places(query: str) -> None:
    assert (await same(query, Row(), Row(id="2"))).data is not None


@pytest.mark.parametrize(
    "row",
    [
        Row(name=None),
        Row(size="three"),
        Row(size=2**31),
        Row(size=1.5),
        Row(size=1.0),
        Row(color="PURPLE"),
        Row(tags=None),
        Row(tags=["a", None]),
        Row(tags="text"),
        Row(tags=7),
        Row(tags=()),
        Row(holes=[None, "a"]),
        Row(note=ValueError("stored by mistake")),
    ],
)
async def test_what_is_odd_is_reported_the_same(row: Row) -> None:
    await same(ALL, Row(), row, Row(id="3"))
    await same("{ things { later id name size color note tags holes } }", Row(), row)


async def test_a_missing_attribute_is_reported_the_same() -> None:
    result = await same("{ things { id size } }", SimpleNamespace(id="1"))
    assert result.errors is not None
    assert "size" in result.errors[0].message


async def test_a_subscription_remembers_no_more_after_many_events() -> None:
    document = parse("subscription { watched { id name loud } }")
    executor = PlainExecutor.build(schema, document)
    assert isinstance(executor, PlainExecutor)

    def remembered() -> int:
        return len(executor._relevant_sub_fields) + len(executor._splits) + len(executor._root)

    sizes = []
    for _ in range(20):
        result = executor.build_per_event_executor(Row()).execute_operation(False)
        assert isinstance(result, ExecutionResult)
        assert result.data == {"watched": {"id": "1", "name": "loss", "loud": "LOSS"}}
        sizes.append(remembered())
    assert sizes[0] > 0
    assert set(sizes) == {sizes[0]}
