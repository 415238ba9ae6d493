"""Points at a place in a text, as compilers do."""

from __future__ import annotations

import unicodedata

WIDTH = 72


def pointed(text: str, position: int, length: int = 1) -> str:
    """The line of `text` that has the position, and carets below what is meant."""
    position = min(max(position, 0), len(text))
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : len(text) if end < 0 else end]
    at = position - start
    length = max(1, min(length, len(line) - at))
    # A long line is cut around the place.
    left = max(0, min(at - WIDTH // 2, len(line) - WIDTH))
    right = left + WIDTH
    before = ("…" if left else "") + _plain(line[left:at])
    meant, after = _plain(line[at:right]), "…" if right < len(line) else ""
    carets = "^" * max(1, _width(_plain(line[at : min(at + length, right)])))
    return f"  {before}{meant}{after}\n  {' ' * _width(before)}{carets}"


def _plain(text: str) -> str:
    """As wide as it is printed: control characters become blanks."""
    return "".join(" " if unicodedata.category(each) == "Cc" else each for each in text)


def _width(text: str) -> int:
    """Columns of a terminal that it takes."""
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )
