"""What every rich value is."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any, NamedTuple

from trackql import values
from trackql.errors import InvalidInput, NotInstalled

CAPTION = 10_000


class Encoded(NamedTuple):
    """What is stored of a value: a file, or None, and what lies beside its step."""

    data: bytes | None
    ending: str = ""
    media_type: str | None = None
    body: Any = None


class Media:
    """A rich value with what is said of it."""

    kind = ""

    def __init__(self, caption: str | None = None) -> None:
        self.caption = _caption(caption)

    def _encode(self) -> Encoded:
        """What is stored; called once, by another thread."""
        raise NotImplementedError

    def _size(self) -> int:
        """About how many bytes it holds until then."""
        return 0


def _caption(caption: str | None) -> str:
    if caption is None:
        return ""
    if not isinstance(caption, str):
        raise InvalidInput(f"caption must be a text, not {caption!r:.60}", argument="caption")
    values._fits(caption, "caption", CAPTION)
    return caption


def content(data: Any, argument: str = "data") -> bytes | None:
    """The bytes that are given, or those of the file whose path is; None for anything else."""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    if isinstance(data, str | os.PathLike):
        try:
            with open(data, "rb") as file:
                return file.read()
        except (OSError, ValueError) as error:
            raise InvalidInput(
                f"{argument} {os.fspath(data)!r:.200} can't be read: {error}",
                argument=argument,
            ) from error
    return None


def size_of(data: Any) -> int:
    """About how many bytes it takes."""
    if isinstance(data, bytes):
        return len(data)
    if hasattr(data, "nbytes"):
        return int(data.nbytes)
    width, height = getattr(data, "size", (0, 0))
    return int(width) * int(height) * 4


def needs_pillow(purpose: str, instead: str) -> None:
    """Raises NotInstalled, which says what to install and what works without it."""
    if find_spec("PIL") is None:
        raise NotInstalled(
            f"{purpose} needs Pillow: install it with `pip install pillow`, or {instead}",
            package="pillow",
        )
