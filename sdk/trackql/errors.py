"""Every error the SDK raises, as one family.

TrackqlError
├── InvalidValue      a logged value is not a number (also a TypeError)
├── InvalidInput      an argument that cannot be accepted (also a ValueError)
│   ├── WrongDigest   bytes are not those that their digest says
│   └── InvalidFilter a filter, an order or a column that cannot be read: where, what was expected
├── NotFound          no such experiment or run (also a LookupError)
├── AlreadyExists     the name is taken
├── ParamConflict     the param has another value already
├── RunDeleted        the run is deleted; restore it first
├── RunEnded          the run has ended; resume it first
├── RunActive         a run is active already in this thread
├── RunStopped        the run was asked to stop, and was begun with on_stop="raise"
├── SequenceGap       the server misses journal records before these
├── CostLimit         the request is larger than the server allows
├── TooLarge          a file is larger than the server takes, or there are too many
├── ArtifactElsewhere a reference: its bytes lie at the address that it names
├── Forbidden         the token does not allow this
├── NotAvailable      not part of this release (also a NotImplementedError)
├── NotInstalled      a package is missing that the answer needs (also an ImportError)
├── Unreachable       no answer from the server (also a ConnectionError)
├── Unavailable       the server asks to try again
├── Undelivered       the deadline passed before everything had arrived
└── ServerError       the server failed, or answered what is not understood
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AlreadyExists",
    "ArtifactElsewhere",
    "CostLimit",
    "Forbidden",
    "InvalidFilter",
    "InvalidInput",
    "InvalidValue",
    "NotAvailable",
    "NotFound",
    "NotInstalled",
    "ParamConflict",
    "RunActive",
    "RunDeleted",
    "RunEnded",
    "RunStopped",
    "SequenceGap",
    "ServerError",
    "TooLarge",
    "TrackqlError",
    "Unavailable",
    "Undelivered",
    "Unreachable",
    "WrongDigest",
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


class InvalidFilter(InvalidInput):
    """`text` is what was read, once it is known; printed, it is shown with a caret at the place."""

    code = "INVALID_FILTER"

    @property
    def text(self) -> str | None:
        return self.details.get("text")

    @property
    def position(self) -> int | None:
        """The character that is wrong, counted from 0."""
        return self.details.get("position")

    @property
    def length(self) -> int:
        """How many characters are."""
        return int(self.details.get("length", 0))

    @property
    def expected(self) -> list[str]:
        """What could stand there."""
        return list(self.details.get("expected", ()))

    def of(self, text: str) -> InvalidFilter:
        """The same error, with the text that was read."""
        return InvalidFilter(self.message, **{**self.details, "text": text})

    def __str__(self) -> str:
        if self.text is None or self.position is None:
            return self.message
        from ._caret import pointed

        lines = [self.message, pointed(self.text, self.position, self.length)]
        if any(each not in self.message for each in self.expected):
            lines.append(f"expected one of: {', '.join(self.expected)}")
        return "\n".join(lines)


class WrongDigest(InvalidInput):
    code = "WRONG_DIGEST"


class NotFound(TrackqlError, LookupError):
    code = "NOT_FOUND"


class AlreadyExists(TrackqlError):
    code = "ALREADY_EXISTS"


class ParamConflict(TrackqlError):
    code = "PARAM_CONFLICT"


class RunDeleted(TrackqlError):
    code = "RUN_DELETED"


class RunEnded(TrackqlError):
    code = "RUN_ENDED"


class RunActive(TrackqlError):
    code = "RUN_ACTIVE"


class RunStopped(TrackqlError):
    code = "RUN_STOPPED"


class SequenceGap(TrackqlError):
    code = "SEQUENCE_GAP"

    @property
    def expected(self) -> int:
        """The next record that the server expects of this writer."""
        return int(self.details.get("expected", 0))


class CostLimit(TrackqlError):
    code = "COST_LIMIT"


class TooLarge(TrackqlError):
    code = "TOO_LARGE"


class ArtifactElsewhere(TrackqlError):
    code = "ARTIFACT_ELSEWHERE"


class Forbidden(TrackqlError):
    code = "FORBIDDEN"


class NotAvailable(TrackqlError, NotImplementedError):
    code = "NOT_AVAILABLE"


class NotInstalled(TrackqlError, ImportError):
    code = "NOT_INSTALLED"


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
        InvalidFilter,
        InvalidInput,
        NotFound,
        AlreadyExists,
        ArtifactElsewhere,
        ParamConflict,
        RunDeleted,
        RunEnded,
        SequenceGap,
        CostLimit,
        TooLarge,
        WrongDigest,
        Forbidden,
        Unavailable,
        ServerError,
    )
}
# What passes when somebody makes room, or the store is back.
_BY_CODE |= {"DISK_FULL": Unavailable, "STORE_UNAVAILABLE": Unavailable}


def from_code(code: str, message: str, details: dict[str, Any]) -> TrackqlError:
    """The error for a code that the server answered."""
    details = {name: value for name, value in details.items() if name != "code"}
    error = _BY_CODE.get(code, ServerError)(message, **details)
    error.code = code
    return error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
