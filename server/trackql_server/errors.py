"""Every failure that a caller may be told of, as one family with stable codes.

TrackqlError
├── InvalidInput     INVALID_INPUT    400  argument: the field that is wrong
│   ├── InvalidFilter  INVALID_FILTER  400  position, length: where; expected: what could be there
│   └── WrongDigest    WRONG_DIGEST    400
├── Forbidden        FORBIDDEN        403
├── NotFound         NOT_FOUND        404
├── Conflict
│   ├── AlreadyExists  ALREADY_EXISTS  409
│   ├── ParamConflict  PARAM_CONFLICT  409  key: the param whose value differs
│   ├── RunDeleted     RUN_DELETED     409
│   ├── RunEnded       RUN_ENDED       409
│   ├── ArtifactElsewhere  ARTIFACT_ELSEWHERE  409
│   ├── UploadBusy     UPLOAD_BUSY     409
│   └── SequenceGap    SEQUENCE_GAP    409  expected: the record the journal must go on from
├── CostLimit        COST_LIMIT       400  limit: the name of the limit
├── TooLarge         TOO_LARGE        413  limit: the name of the limit
├── DiskFull         DISK_FULL        507
└── Unavailable      UNAVAILABLE      503
    └── StoreUnavailable  STORE_UNAVAILABLE  503
"""

from collections.abc import Sequence
from typing import ClassVar


class TrackqlError(Exception):
    """A failure with a stable code; its message names what is wrong and what to do."""

    code: ClassVar[str]
    status: ClassVar[int]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def extensions(self) -> dict[str, object]:
        """What goes beside the code on the wire."""
        return {}

    @property
    def formatted(self) -> dict[str, object]:
        """The error as an entry of a reply's `errors`."""
        return {"message": self.message, "extensions": {"code": self.code, **self.extensions}}


class InvalidInput(TrackqlError):
    code = "INVALID_INPUT"
    status = 400

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument

    @property
    def extensions(self) -> dict[str, object]:
        return {} if self.argument is None else {"argument": self.argument}


class InvalidFilter(InvalidInput):
    """A filter that can't be read: `position` counts characters from 0; None where it has no text.

    `expected` lists what could stand at the position.
    """

    code = "INVALID_FILTER"

    def __init__(
        self,
        message: str,
        *,
        argument: str = "filter",
        position: int | None = None,
        length: int = 0,
        expected: Sequence[str] = (),
    ) -> None:
        super().__init__(message, argument=argument)
        self.position = position
        self.length = length
        self.expected = list(expected)

    @property
    def extensions(self) -> dict[str, object]:
        if self.position is None:
            return super().extensions
        return {
            **super().extensions,
            "position": self.position,
            "length": self.length,
            "expected": self.expected,
        }


class WrongDigest(InvalidInput):
    """Bytes that arrived are not those that were announced; none of them are kept."""

    code = "WRONG_DIGEST"


class Forbidden(TrackqlError):
    code = "FORBIDDEN"
    status = 403


class NotFound(TrackqlError):
    code = "NOT_FOUND"
    status = 404


class Conflict(TrackqlError):
    """The request is well formed but disagrees with what is stored."""

    status = 409


class AlreadyExists(Conflict):
    code = "ALREADY_EXISTS"


class ParamConflict(Conflict):
    code = "PARAM_CONFLICT"

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message)
        self.key = key

    @property
    def extensions(self) -> dict[str, object]:
        return {"key": self.key}


class RunDeleted(Conflict):
    code = "RUN_DELETED"


class ArtifactElsewhere(Conflict):
    """An artifact is a reference: its bytes are not here."""

    code = "ARTIFACT_ELSEWHERE"


class RunEnded(Conflict):
    code = "RUN_ENDED"


class UploadBusy(Conflict):
    """Parts of an upload arrive while it is completed."""

    code = "UPLOAD_BUSY"


class SequenceGap(Conflict):
    code = "SEQUENCE_GAP"

    def __init__(self, message: str, *, expected: int) -> None:
        super().__init__(message)
        self.expected = expected

    @property
    def extensions(self) -> dict[str, object]:
        return {"expected": self.expected}


class CostLimit(TrackqlError):
    code = "COST_LIMIT"
    status = 400

    def __init__(self, message: str, *, limit: str) -> None:
        super().__init__(message)
        self.limit = limit

    @property
    def extensions(self) -> dict[str, object]:
        return {"limit": self.limit}


class TooLarge(TrackqlError):
    """More bytes or files than the server is set to take."""

    code = "TOO_LARGE"
    status = 413

    def __init__(self, message: str, *, limit: str) -> None:
        super().__init__(message)
        self.limit = limit

    @property
    def extensions(self) -> dict[str, object]:
        return {"limit": self.limit}


class DiskFull(TrackqlError):
    """The artifact store has no room."""

    code = "DISK_FULL"
    status = 507


class Unavailable(TrackqlError):
    code = "UNAVAILABLE"
    status = 503


class StoreUnavailable(Unavailable):
    """The artifact store does not answer, or does not let the server in."""

    code = "STORE_UNAVAILABLE"
