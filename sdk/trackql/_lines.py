"""Writes to a stream become lines, as a terminal would show them.

A line that is rewritten with carriage returns, like a progress bar, keeps its last state. Several
bars at once, which move the cursor up, are followed on a small screen.
"""

from __future__ import annotations

import re

# What moves or clears on a terminal; the rest of the codes are colours, which belong to the text.
_MOVES = re.compile(r"(\n|\r|\x1b\[\d*[ABCDGHJK])")
_UP = re.compile(r"\x1b\[(\d*)A")
_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
ROWS = 64  # of the screen of several bars
LONGEST = 1 << 20  # characters kept of a line that does not end


class Lines:
    """The lines of one stream; threads that print at once do not break into each other's."""

    def __init__(self) -> None:
        self.partial: dict[int, str] = {}  # by thread: begun, and not rewritten so far
        self.bar = ""  # a line that is rewritten, by whichever thread
        self.rows: list[str] | None = None  # of several bars, while there are
        self.row = 0
        self.fresh = False  # the next text begins its row anew

    def feed(self, text: str, thread: int) -> list[str]:
        """Take in what was written; the lines that it ended."""
        if "\r" in text or "\x1b[" in text or self.rows is not None:
            return self._moved(text, thread)
        if text == "\n" and not self.bar:  # as print() ends its line
            return [self.partial.pop(thread, "")]
        if "\n" not in text:
            before = self.partial.get(thread, "")
            if len(before) < LONGEST:
                self.partial[thread] = before + text
            return []
        ended = text.split("\n")
        last = ended.pop()
        if self.partial:
            begun = self.partial.pop(thread, "")
            if begun:
                ended[0] = begun + ended[0]
        if self.bar and not ended[0]:
            ended[0], self.bar = self.bar, ""
        if last:
            self.partial[thread] = last
        return ended

    def open(self) -> str:
        """The newest state of the line that is not ended."""
        if self.rows is not None:
            shown = [row for row in self.rows if not _blank(row)]
            if shown:
                return shown[-1]
        if self.partial:
            return list(self.partial.values())[-1]
        return self.bar

    def drain(self) -> list[str]:
        """Everything that is open, as lines that have ended."""
        left = self._leave()
        if not _blank(self.bar):
            left.append(self.bar)
        left += [text for text in self.partial.values() if text]
        self.bar = ""
        self.partial.clear()
        return left

    def _moved(self, text: str, thread: int) -> list[str]:
        if self.rows is None and not _UP.search(text):
            if "\r" not in text:  # colours only
                return self._plain(text, thread)
            return self._rewritten(text, thread)
        if self.rows is not None and not _MOVES.search(text.strip("\n")):
            whole = self.partial.get(thread, "") + text
            if text.strip("\n"):
                if "\n" not in text:
                    self.partial[thread] = whole
                    return []
                # Somebody prints below the bars: they are done with.
                return self._leave() + self._plain(text, thread)
            if self.partial.get(thread):
                return self._leave() + self._plain(text, thread)
        return self._screen(text, thread)

    def _plain(self, text: str, thread: int) -> list[str]:
        *ended, last = (self.partial.pop(thread, "") + text).split("\n")
        if last:
            self.partial[thread] = last[:LONGEST]
        return ended

    def _rewritten(self, text: str, thread: int) -> list[str]:
        *ended, last = text.split("\n")
        lines = []
        for piece in ended:
            begun = self.partial.pop(thread, "")
            if "\r" in piece:
                line = _last_state(begun or self.bar, piece)
                self.bar = self.bar if begun else ""
            elif begun or piece:
                line = begun + piece
            else:
                line, self.bar = self.bar, ""
            lines.append(line)
        if last:
            begun = self.partial.pop(thread, "")
            if "\r" in last:
                self.bar = _last_state(begun or self.bar, last)
            else:
                self.partial[thread] = begun + last
        return lines

    def _screen(self, text: str, thread: int) -> list[str]:
        """Follow the cursor over some rows."""
        if self.rows is None:
            self.rows, self.row, self.fresh = [self.partial.pop(thread, "") or self.bar], 0, False
            self.bar = ""
        ended: list[str] = []
        for part in _MOVES.split(text):
            if not part:
                continue
            if part == "\n":
                self.row += 1
                self.fresh = True
                if self.row == len(self.rows):
                    self.rows.append("")
                if len(self.rows) > ROWS:
                    ended.append(self.rows.pop(0))
                    self.row -= 1
            elif part == "\r":
                self.fresh = True
            elif up := _UP.fullmatch(part):
                self.row = max(0, self.row - int(up[1] or 1))
            elif part[-1] == "K":
                if part in ("\x1b[2K", "\x1b[1K") or self.fresh:
                    self.rows[self.row] = ""
            elif part.startswith("\x1b[") and _MOVES.fullmatch(part):
                continue
            elif self.fresh:
                self.rows[self.row], self.fresh = part, False
            else:
                self.rows[self.row] = (self.rows[self.row] + part)[:LONGEST]
        return ended

    def _leave(self) -> list[str]:
        rows, self.rows, self.row = self.rows or [], None, 0
        return [row for row in rows if not _blank(row)]


def _last_state(before: str, text: str) -> str:
    """What is left of a line after it was rewritten."""
    state = before
    first, *rewrites = text.split("\r")
    state += first
    for each in rewrites:
        if each:
            state = "" if _blank(each) else each
    return state[:LONGEST]


def _blank(text: str) -> bool:
    return not text or text.isspace() or not _CODES.sub("", text).strip()
