"""What of a failure a caller is told: a stable code and the reason, or an id for the log.

Beside the codes of the error family: GRAPHQL_PARSE_FAILED and GRAPHQL_VALIDATION_FAILED for a
document that is not GraphQL or does not fit the schema, INVALID_INPUT for variables that do not
fit their types, and INTERNAL for everything that is not the caller's to know.
"""

import logging
import re
from collections.abc import Iterable
from uuid import uuid4

from graphql import GraphQLError

from trackql_server.errors import TrackqlError

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
INVALID_INPUT = "INVALID_INPUT"
INTERNAL = "INTERNAL"

_log = logging.getLogger("trackql.graphql")
_VARIABLE = re.compile(r"Variable '\$(\w+)' has invalid value(?: at ([^\s:]+))?")


def coded(errors: Iterable[GraphQLError], code: str) -> list[GraphQLError]:
    """Errors found before any resolver ran; their own words stay."""
    return [_coded(error, code) for error in errors]


def resolved(errors: Iterable[GraphQLError]) -> list[GraphQLError]:
    """Errors that resolvers raised: the family shows, all else is logged and masked."""
    return [_resolved(error) for error in errors]


def internal(error: BaseException) -> GraphQLError:
    """A failure outside of any resolver, logged and masked."""
    return _masked(error, GraphQLError(""))


def raised(error: TrackqlError) -> GraphQLError:
    """A failure of the family that no resolver raised."""
    return _told(error, GraphQLError(""))


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    cause = _cause(error)
    if isinstance(cause, TrackqlError):
        return _told(cause, error)
    extensions: dict[str, object] = {"code": code}
    if code == INVALID_INPUT and (match := _VARIABLE.match(error.message)):
        extensions["argument"] = match[1] + (match[2] or "")
    return _located(error.message, extensions, error)


def _resolved(error: GraphQLError) -> GraphQLError:
    cause = _cause(error)
    if isinstance(cause, TrackqlError):
        return _told(cause, error)
    if cause is None:
        # Raised by the executor itself: an argument that only the given variables made wrong.
        return _located(error.message, {"code": INVALID_INPUT}, error)
    return _masked(cause, error)


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _told(cause: TrackqlError, error: GraphQLError) -> GraphQLError:
    return _located(cause.message, {"code": cause.code, **cause.extensions}, error)


def _masked(cause: BaseException, error: GraphQLError) -> GraphQLError:
    id = uuid4().hex[:12]
    where = ".".join(map(str, error.path or ())) or "the operation"
    _log.error("internal error %s in %s", id, where, exc_info=cause)
    message = f"Something went wrong in the server; its log has the details under {id}."
    return _located(message, {"code": INTERNAL, "id": id}, error)


def _located(message: str, extensions: dict[str, object], error: GraphQLError) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )
