"""Ranges and conditions of requests for bytes: RFC 9110, sections 13 and 14."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*")


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to `end` of `size`."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        """How many they are."""
        return self.end - self.start

    @property
    def content_range(self) -> str:
        """As a header has it."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


class Unsatisfiable(Exception):
    """The range lies outside of what there is."""


def span(header: str | None, size: int) -> Span | None:
    """The one range that is asked for; None for the whole.

    Several ranges, and what is no range of bytes, are answered by the whole, as the RFC lets one.
    Raises Unsatisfiable.
    """
    found = _RANGE.fullmatch(header) if header else None
    if found is None or found[0].strip() == "bytes=-" or not (found[1] or found[2]):
        return None
    if not found[1]:  # the last bytes
        last = int(found[2])
        if last == 0 or size == 0:
            raise Unsatisfiable
        return Span(max(0, size - last), size, size)
    start = int(found[1])
    if start >= size:
        raise Unsatisfiable
    end = min(int(found[2]) + 1, size) if found[2] else size
    if end <= start:
        return None
    return Span(start, end, size)


def matches(header: str | None, tag: str) -> bool:
    """Whether If-None-Match has a tag; weak ones count as well."""
    if not header:
        return False
    tags = {each.strip().removeprefix("W/") for each in header.split(",")}
    return "*" in tags or tag in tags
