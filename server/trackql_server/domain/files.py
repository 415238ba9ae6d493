"""Files as they are announced, and whether what arrived is what was announced."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trackql_server.domain import paths
from trackql_server.domain.context import Context
from trackql_server.domain.media_types import media_type
from trackql_server.errors import InvalidInput, TooLarge, WrongDigest
from trackql_server.store.blobs.protocol import Arrived

DIGEST = re.compile(r"[0-9a-f]{64}")

# Files that one request may name.
MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is announced: `size` in bytes, `digest` its SHA-256 in hex digits."""

    path: str
    size: int
    digest: str
    media_type: str | None = None


def checked_files(ctx: Context, files: Sequence[File]) -> list[File]:
    """Files as they may be logged; of one path the last counts. Raises InvalidInput or TooLarge."""
    few(files, "files")
    found: dict[str, File] = {}
    for place, file in enumerate(files):
        argument = f"files[{place}]"
        path = paths.checked(file.path, f"{argument}.path")
        checked_digest(file.digest, f"{argument}.sha256")
        if file.size < 0:
            raise InvalidInput(f"{argument}.size is negative", argument=f"{argument}.size")
        require_size(ctx, file.size, path)
        media_type(path, file.media_type, f"{argument}.mediaType")
        found[path] = file
    return list(found.values())


def checked_digest(digest: str, argument: str) -> str:
    """A SHA-256 in hex digits."""
    if not DIGEST.fullmatch(digest):
        raise InvalidInput(
            f"{argument} must be a SHA-256: 64 hex digits in lower case", argument=argument
        )
    return digest


def require_digest(arrived: Arrived, wanted: str | None, path: str) -> None:
    """Raise WrongDigest unless the bytes are those that were announced."""
    if wanted is not None and arrived.digest != wanted:
        raise WrongDigest(
            f"the bytes of {path!r} have the SHA-256 {arrived.digest}, not {wanted}: they changed"
            " on their way; send them again",
            argument="sha256",
        )


def require_size(ctx: Context, size: int, path: str) -> None:
    """Raise TooLarge for a file that is larger than one may be."""
    most = ctx.services.quotas.artifact
    if most and size > most:
        raise TooLarge(
            f"{path!r} has {size:,} bytes; an artifact may have {most:,} here"
            " (TRACKQL_LIMIT_ARTIFACT)",
            limit="artifact",
        )


def few(things: Sequence[object], argument: str) -> None:
    """Raise InvalidInput where one request names too many."""
    if len(things) > MOST_FILES:
        raise InvalidInput(
            f"{argument} names {len(things):,}; log at most {MOST_FILES:,} at once",
            argument=argument,
        )
