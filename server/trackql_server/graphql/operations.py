"""Runs operations: each document is parsed, validated and priced once, then only executed."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLError,
    MaxIntrospectionDepthRule,
    OperationDefinitionNode,
    OperationType,
    create_source_event_stream,
    execute_subscription_event,
    map_source_to_response_event,
    parse,
    specified_rules,
)
from graphql.pyutils import AwaitableOrValue
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import validate_document

from trackql_server.errors import CostLimit, InvalidInput, TrackqlError
from trackql_server.graphql import errors
from trackql_server.graphql.executor import PlainExecutor
from trackql_server.graphql.limits import Limits, Plan, check_shape

_RULES = tuple(dict.fromkeys((*specified_rules, MaxIntrospectionDepthRule)))

QUERIES = frozenset({OperationType.QUERY})
REQUESTS = frozenset({OperationType.QUERY, OperationType.MUTATION})
ALL = frozenset(OperationType)


class Refused(Exception):
    """The operation was not executed; the errors say why."""

    def __init__(self, *reasons: GraphQLError) -> None:
        super().__init__(*reasons)
        self.errors = list(reasons)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sends to have one operation done."""

    query: str
    variables: dict[str, object] | None = None
    operation_name: str | None = None

    @classmethod
    def read(cls, payload: object) -> "Request":
        """Checks the shape of a decoded message; raises InvalidInput."""
        if not isinstance(payload, dict):
            raise InvalidInput("Send one JSON object with `query`, and `variables` if any.")
        query = payload.get("query")
        if not isinstance(query, str):
            raise InvalidInput("`query` has to be a GraphQL document as text.", argument="query")
        variables = payload.get("variables")
        if not isinstance(variables, dict | None):
            raise InvalidInput("`variables` has to be an object or null.", argument="variables")
        name = payload.get("operationName")
        if not isinstance(name, str | None):
            raise InvalidInput("`operationName` has to be text or null.", argument="operationName")
        return cls(query, variables, name or None)


@dataclass(frozen=True, slots=True)
class _Prepared:
    document: DocumentNode
    plans: dict[str | None, tuple[OperationType, Plan]]


class _Shared:
    """Executes an event once for all subscribers that ask the same of it.

    Payloads that go to several subscribers carry a `memo`; what was made of them is kept there as
    JSON, so that the next subscriber costs no more than sending it.
    """

    def __init__(self, request: Request) -> None:
        variables = orjson.dumps(request.variables)
        self._question = (request.query, request.operation_name, variables)

    def __call__(self, event: Executor[Any]) -> AwaitableOrValue[ExecutionResult]:
        memo: dict[object, ExecutionResult] | None = getattr(event.root_value, "memo", None)
        if memo is None:
            return execute_subscription_event(event)
        found = memo.get(self._question)
        if found is None:
            result = execute_subscription_event(event)
            if not isinstance(result, ExecutionResult) or result.errors:
                return result
            data = orjson.Fragment(orjson.dumps(result.data, option=orjson.OPT_SERIALIZE_NUMPY))
            found = memo[self._question] = ExecutionResult(cast(dict[str, Any], data))
        return found


class Operations:
    """Executes what the HTTP and WebSocket faces receive, under the cost limits."""

    # Clients send few documents; the bounds, in characters, keep texts that are made up for each
    # request from piling up. A parsed document takes some fifty times the memory of its text.
    REMEMBERED = 500_000
    REMEMBERED_EACH = 50_000
    # A document may be as long as its tokens at this many characters each.
    TOKEN_LENGTH = 100

    def __init__(self, schema: Schema, limits: Limits) -> None:
        self._limits = limits
        self._schema = schema._schema
        self._executor: type[Executor[Any]] = PlainExecutor
        self._prepared: OrderedDict[str, _Prepared] = OrderedDict()
        self._remembered = 0

    def streams(self, request: Request) -> bool:
        """Whether the answer is a stream; a document that can't be read has none."""
        try:
            kind, _ = _choose(self._prepare(request.query), request.operation_name)
        except Refused:
            return False
        return kind is OperationType.SUBSCRIPTION

    async def execute(
        self,
        request: Request,
        context: object,
        allowed: Collection[OperationType] = REQUESTS,
    ) -> ExecutionResult:
        """Answers a query or a mutation; raises Refused where nothing was executed."""
        executor = self._begin(request, context, allowed)
        try:
            result = executor.execute_operation()
            if executor.is_awaitable(result):
                result = await result
        except Exception as error:
            raise Refused(errors.internal(error)) from error
        return _told(cast(ExecutionResult, result))

    async def stream(
        self,
        request: Request,
        context: object,
    ) -> AsyncGenerator[ExecutionResult, None]:
        """Answers any operation as a stream: a query or a mutation is a stream of one."""
        executor = self._begin(request, context, ALL)
        if executor.operation.operation is not OperationType.SUBSCRIPTION:
            yield await self.execute(request, context)
            return
        source = create_source_event_stream(executor)
        if executor.is_awaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            raise Refused(*errors.resolved(source.errors or ()))
        results = map_source_to_response_event(
            executor, cast(AsyncIterable[object], source), _Shared(request)
        )
        async with aclosing(results):
            try:
                async for result in results:
                    yield _told(result)
            except Exception as error:
                yield ExecutionResult(None, [_failure(error)])

    def _begin(
        self,
        request: Request,
        context: object,
        allowed: Collection[OperationType],
    ) -> Executor[Any]:
        prepared = self._prepare(request.query)
        kind, plan = _choose(prepared, request.operation_name)
        if kind not in allowed:
            raise _refused(
                InvalidInput(
                    "Subscriptions are streams: ask over a WebSocket, or by POST with "
                    "Accept: text/event-stream."
                    if kind is OperationType.SUBSCRIPTION
                    else f"A {kind.value} cannot be sent this way; use POST.",
                    argument="query",
                )
            )
        executor = self._executor.build(
            self._schema,
            prepared.document,
            context_value=context,
            raw_variable_values=request.variables,
            operation_name=request.operation_name,
            is_awaitable=cast(
                Callable[[object], TypeGuard[Awaitable[object]]], optimized_is_awaitable
            ),
        )
        if isinstance(executor, list):
            raise Refused(*errors.coded(executor, errors.INVALID_INPUT))
        try:
            plan.check(executor.variable_values.coerced, self._limits)
        except CostLimit as error:
            raise _refused(error) from None
        return executor

    def _prepare(self, query: str) -> _Prepared:
        prepared = self._prepared.get(query)
        if prepared is not None:
            self._prepared.move_to_end(query)
            return prepared
        prepared = self._read(query)
        if len(query) <= self.REMEMBERED_EACH:
            self._prepared[query] = prepared
            self._remembered += len(query)
            while self._remembered > self.REMEMBERED:
                forgotten, _ = self._prepared.popitem(last=False)
                self._remembered -= len(forgotten)
        return prepared

    def _read(self, query: str) -> _Prepared:
        try:
            document = parse(
                query,
                max_lexical_tokens=self._limits.tokens,
                max_comments=self._limits.tokens,
                max_source_length=self._limits.tokens * self.TOKEN_LENGTH,
            )
        except GraphQLError as error:
            if "Parsing aborted" in error.message:
                raise _refused(_too_long(self._limits)) from None
            raise Refused(*errors.coded([error], errors.PARSE_FAILED)) from None
        try:
            check_shape(document, self._limits)
        except CostLimit as error:
            raise _refused(error) from None
        if found := validate_document(self._schema, document, _RULES):
            raise Refused(*errors.coded(found, errors.VALIDATION_FAILED))
        return _Prepared(
            document,
            {
                definition.name.value if definition.name else None: (
                    definition.operation,
                    Plan(self._schema, document, definition),
                )
                for definition in document.definitions
                if isinstance(definition, OperationDefinitionNode)
            },
        )


def _choose(prepared: _Prepared, operation_name: str | None) -> tuple[OperationType, Plan]:
    if operation_name is None and len(prepared.plans) == 1:
        return next(iter(prepared.plans.values()))
    if operation_name is not None and operation_name in prepared.plans:
        return prepared.plans[operation_name]
    names = ", ".join(sorted(name for name in prepared.plans if name)) or "none"
    raise _refused(
        InvalidInput(
            f"The document has these operations: {names}; name one of them in operationName.",
            argument="operationName",
        )
    )


def _too_long(limits: Limits) -> CostLimit:
    return CostLimit(
        f"The document has more than the {limits.tokens:,} tokens allowed; send data in "
        "variables, or several requests.",
        limit="tokens",
    )


def _told(result: ExecutionResult) -> ExecutionResult:
    if result.errors:
        return ExecutionResult(result.data, errors.resolved(result.errors))
    return result


def _failure(error: Exception) -> GraphQLError:
    if isinstance(error, GraphQLError):
        return errors.resolved([error])[0]
    return errors.raised(error) if isinstance(error, TrackqlError) else errors.internal(error)


def _refused(error: TrackqlError) -> Refused:
    return Refused(errors.raised(error))
