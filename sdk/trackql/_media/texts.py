"""Text, plain and as pages of HTML."""

from __future__ import annotations

from typing import Any

from trackql.errors import InvalidInput

from .base import Encoded, Media, content

# A text up to so many bytes lies beside its step and is no file.
INLINE = 4096


class Text(Media):
    """Text, like a sample that a model wrote."""

    kind = "TEXT"

    def __init__(self, text: str, caption: str | None = None) -> None:
        super().__init__(caption)
        if not isinstance(text, str):
            raise InvalidInput(f"text must be a string, not {text!r:.60}", argument="text")
        self._data = text.encode("utf-8", "replace")

    def _encode(self) -> Encoded:
        if len(self._data) <= INLINE and b"\0" not in self._data:
            return Encoded(None, body=self._data.decode())
        return Encoded(self._data, "txt", "text/plain; charset=utf-8")

    def _size(self) -> int:
        return len(self._data)


class Html(Media):
    """A page of HTML as text, or a file of one as a path object."""

    kind = "HTML"

    def __init__(self, data: Any, caption: str | None = None) -> None:
        super().__init__(caption)
        found = data.encode("utf-8", "replace") if isinstance(data, str) else content(data)
        if found is None:
            raise InvalidInput(
                f"data must be HTML as a string or a path object, not {type(data).__name__}",
                argument="data",
            )
        self._data = found

    def _encode(self) -> Encoded:
        return Encoded(self._data, "html", "text/html")

    def _size(self) -> int:
        return len(self._data)
