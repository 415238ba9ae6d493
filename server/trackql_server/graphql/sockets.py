"""Operations over WebSockets, by the protocol graphql-transport-ws."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry import Schema
from strawberry.asgi import GraphQL
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage
from strawberry.types import ExecutionResult

from trackql_server.errors import CostLimit, TrackqlError
from trackql_server.graphql import errors
from trackql_server.graphql.operations import Operations, Refused, Request

# One connection is one page or one process; a subscription takes many runs.
OPERATIONS_EACH = 100

GOING_AWAY = 1001

# Seconds that clients get to take note of the end.
PATIENCE = 2.0


class _Handler(BaseGraphQLTransportWSHandler[object, None]):
    """One connection: Strawberry speaks the protocol, `Operations` does the work."""

    view: "Sockets"

    async def handle(self) -> None:
        self.view.open.add(self)
        try:
            if self.view.closing:
                await self.leave()
            await super().handle()
        finally:
            self.view.open.discard(self)

    async def leave(self) -> None:
        await self.websocket.close(GOING_AWAY, "The server is shutting down; connect again.")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        if self.connection_acknowledged and len(self.operations) >= OPERATIONS_EACH:
            error = CostLimit(
                f"The connection has {OPERATIONS_EACH} operations open, as many as are allowed; "
                "follow several runs in one subscription, or complete some.",
                limit="operations",
            )
            reason = errors.raised(error).formatted
            await self.send_message({"id": message["id"], "type": "error", "payload": [reason]})
            return
        await super().handle_subscribe(message)

    async def run_operation(self, operation: Operation[object, None]) -> None:
        try:
            await self._send_results(operation)
        except Refused as refused:
            await operation.send_initial_errors(refused.errors)
        except TrackqlError as error:
            await operation.send_initial_errors([errors.raised(error)])
        except WebSocketDisconnected:
            return
        except Exception as error:
            await operation.send_initial_errors([errors.internal(error)])

    async def _send_results(self, operation: Operation[object, None]) -> None:
        request = Request.read(
            {
                "query": operation.query,
                "variables": operation.variables,
                "operationName": operation.operation_name,
            }
        )
        async with aclosing(self.view.operations.stream(request, self.context)) as results:
            async for result in results:
                await operation.send_next(ExecutionResult(result.data, result.errors))
        await operation.send_operation_message({"id": operation.id, "type": "complete"})


class Sockets(GraphQL[Any, None]):
    """The WebSocket side of the endpoint, and the connections that are open."""

    graphql_transport_ws_handler_class = _Handler

    def __init__(
        self, schema: Schema, operations: Operations, context: Callable[[], object]
    ) -> None:
        super().__init__(
            schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            max_subscriptions_per_connection=None,
        )
        self.operations = operations
        self.open: set[_Handler] = set()
        self.closing = False
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.run(WebSocket(scope, receive, send))

    async def close(self) -> None:
        self.closing = True
        leaving = [asyncio.create_task(each.leave()) for each in self.open]
        if leaving:
            # A client that has stopped reading cannot be told; its connection is just cut.
            _, stuck = await asyncio.wait(leaving, timeout=PATIENCE)
            for each in stuck:
                each.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)

    async def get_context(self, request: object, response: object) -> object:
        return self._context()

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:
        return True  # the guard in front of the whole server decides

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        # Clients of this protocol expect text frames.
        return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY).decode()
