"""Every error the SDK raises, as one family.

TrackqlError
├── InvalidValue      a logged value is not a number (also a TypeError)
├── InvalidInput      an argument that cannot be accepted (also a ValueError)
├── NotFound          no such experiment or run (also a LookupError)
├── AlreadyExists     the name is taken
├── ParamConflict     the param has another value already
├── RunDeleted        the run is deleted; restore it first
├── RunActive         a run is active already in this thread
├── SequenceGap       the server misses journal records before these
├── CostLimit         the request is larger than the server allows
├── Forbidden         the token does not allow this
├── NotAvailable      not part of this release (also a NotImplementedError)
├── Unreachable       no answer from the server (also a ConnectionError)
├── Unavailable       the server asks to try again
├── Undelivered       the deadline passed before everything had arrived
└── ServerError       the server failed, or answered what is not understood
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AlreadyExists",
    "CostLimit",
    "Forbidden",
    "InvalidInput",
    "InvalidValue",
    "NotAvailable",
    "NotFound",
    "ParamConflict",
    "RunActive",
    "RunDeleted",
    "SequenceGap",
    "ServerError",
    "TrackqlError",
    "Unavailable",
    "Undelivered",
    "Unreachable",
    "from_code",
]


class TrackqlError(Exception):
    """The root of the family; `code` is stable and meant for programs."""

    code = "ERROR"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidValue(TrackqlError, TypeError):
    code = "INVALID_VALUE"

    def __init__(self, key: object, value: object, reason: str = "") -> None:
        kind = type(value).__name__
        text = f"metric {key!r} has a value that is not a number: {_short(value)} ({kind})"
        remedy = reason or "log a float, an int, a bool, or a scalar of numpy or torch"
        super().__init__(f"{text}; {remedy}", key=key)
        self.key = key


class InvalidInput(TrackqlError, ValueError):
    code = "INVALID_INPUT"

    @property
    def argument(self) -> str | None:
        """The argument that was refused, when it is known."""
        return self.details.get("argument")


class NotFound(TrackqlError, LookupError):
    code = "NOT_FOUND"


class AlreadyExists(TrackqlError):
    code = "ALREADY_EXISTS"


class ParamConflict(TrackqlError):
    code = "PARAM_CONFLICT"


class RunDeleted(TrackqlError):
    code = "RUN_DELETED"


class RunActive(TrackqlError):
    code = "RUN_ACTIVE"


class SequenceGap(TrackqlError):
    code = "SEQUENCE_GAP"

    @property
    def expected(self) -> int:
        """The next record that the server expects of this writer."""
        return int(self.details.get("expected", 0))


class CostLimit(TrackqlError):
    code = "COST_LIMIT"


class Forbidden(TrackqlError):
    code = "FORBIDDEN"


class NotAvailable(TrackqlError, NotImplementedError):
    code = "NOT_AVAILABLE"


class Unreachable(TrackqlError, ConnectionError):
    code = "UNREACHABLE"


class Unavailable(TrackqlError):
    code = "UNAVAILABLE"


class Undelivered(TrackqlError, TimeoutError):
    code = "UNDELIVERED"


class ServerError(TrackqlError):
    code = "INTERNAL"


_BY_CODE: dict[str, type[TrackqlError]] = {
    kind.code: kind
    for kind in (
        InvalidInput,
        NotFound,
        AlreadyExists,
        ParamConflict,
        RunDeleted,
        SequenceGap,
        CostLimit,
        Forbidden,
        Unavailable,
        ServerError,
    )
}


def from_code(code: str, message: str, details: dict[str, Any]) -> TrackqlError:
    """The error for a code that the server answered."""
    details = {name: value for name, value in details.items() if name != "code"}
    error = _BY_CODE.get(code, ServerError)(message, **details)
    error.code = code
    return error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
