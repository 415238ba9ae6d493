"""What is wrong with a text that can't be read, where, and what to write instead."""

import re
from collections.abc import Sequence

from trackql_server.errors import InvalidFilter
from trackql_server.filters import grammar

# What a reader may call the words of the grammar.
CALLED = {
    "FIELD": ("a field like metrics.loss",),
    "COMPARE": ("a comparison like =",),
    "WORD": ("LIKE", "ILIKE", "CONTAINS"),
    "STRING": ("quoted text",),
    "NUMBER": ("a number",),
    "SPAN": ("a length of time like 2h",),
    "BOOLEAN": ("true or false",),
    "LPAR": ("(",),
    "RPAR": (")",),
    "COMMA": (",",),
    "$END": ("the end",),
}

OPEN_TEXT = re.compile(r"'(?:[^']|'')*\Z|\"(?:[^\"]|\"\")*\Z")
RESERVED = re.compile(r"(?i:and|or|in|is|null|between|like|ilike|contains)(?![\w.`])")
RUN = re.compile(r"[^\s()'\"`,]+")
DATE = re.compile(r"[0-9]{4}[-/][0-9]{1,2}(?:[-/][0-9]{1,2})?(?:T[0-9:.]*Z?)?")
MEASURE = re.compile(r"[+-]?[0-9.]+[a-z]+", re.IGNORECASE)

# What is written elsewhere, and what it is here.
ELSEWHERE = {
    "&&": "AND",
    "&": "AND",
    ",": "AND",
    ";": "AND",
    "||": "OR",
    "|": "OR",
    "!": "NOT",
}


def misplaced(text: str, at: int, length: int, starts: Sequence[int]) -> InvalidFilter:
    """The error for what does not fit at that place; without a length the word there is meant.

    `starts` says where the words in front of it begin.
    """
    former = max((start for start in starts if start < at), default=at)
    names = grammar.follow(text[:at])
    if OPEN_TEXT.match(text, former):
        at, names = former, {"STRING"}
    elif (word := RESERVED.match(text, former)) and "FIELD" in (
        before := grammar.follow(text[:former])
    ):
        at, length, names = former, len(word[0]), before
    expected = [word for name in names for word in CALLED.get(name, (name.strip("_"),))]
    expected.sort(key=lambda word: (word.isupper(), word))
    if not length and at < len(text):
        run = RUN.match(text, at)
        length = len(run[0]) if run else 1
    said, hint = "", ""
    key = _open_key(text, at)
    if key is not None:
        at, length, expected = key, len(text) - key, [f"the end quote {text[key]}"]
        said = "the name that begins here has no end quote"
    elif text[at : at + 1] in ("'", '"') and "STRING" in names:
        length, expected = len(text) - at, [f"the end quote {text[at]}"]
        said = "the text that begins here has no end quote"
    elif date := _date(text, at):
        at, length = date.start(), len(date[0])
        said, hint = f"{date[0]!r} stands without quotes", "a date is written like '2026-11-01'"
        expected = ["quoted text"]
    elif text[at : at + 1] == "." and _touches(text, at):
        at, length, expected = at + 1, min(1, len(text) - at - 1), ["a key"]
        hint = "what is no letter, digit or one of _ - / : @ stands in backticks"
    else:
        hint = _hint(text, at, text[at : at + length], names)
    if not said:
        found = text[at : at + min(length, 40)]
        said = f"{found!r} is not expected here" if found else "the filter ends too early"
    return InvalidFilter(
        f"{said} (at character {at + 1}): expected {_listed(expected)}{hint and '; '}{hint}",
        position=at,
        length=length,
        expected=expected,
    )


def _touches(text: str, at: int) -> bool:
    """Whether a word ends right before that place."""
    return at > 0 and not text[at - 1].isspace() and text[at - 1] not in "(),=<>!~"


def _open_key(text: str, at: int) -> int | None:
    """Where a quoted name begins that does not end."""
    if text[at : at + 1] == "." and _touches(text, at):
        at += 1
    quote = text[at : at + 1]
    if quote == "`" or (quote == '"' and (text[at - 1 : at] == ".")):
        return at if text.count(quote, at) % 2 else None
    return None


def _date(text: str, at: int) -> re.Match[str] | None:
    """A date without quotes, of which the year was read as a number."""
    year = text[max(0, at - 5) : at]
    if at >= len(text) or text[at] not in "-/" or not re.fullmatch(r"[^\w.]?[0-9]{4}", year):
        return None
    return DATE.match(text, at - 4)


def _hint(text: str, at: int, found: str, names: set[str]) -> str:
    """What to write instead, where that can be guessed."""
    if "STRING" in names:
        if found.lower() in ("null", "none"):
            return "a field without a value is found by IS NULL"
        if found in (">", "<") and text[at - 1 : at] == "=":
            return f"write {found}="
        if MEASURE.fullmatch(found):
            return "the units of time are w, d, h, m, s and ms"
        if found[:1].isalpha() or found[:1] == "_":
            return f"text stands in quotes, like '{found[:40]}'"
    elif "COMPARE" in names and (found[:1] not in "=<>!~(),'\"0123456789"):
        return "a key with a blank or a sign in it stands in backticks, like params.`my key`"
    elif text[at - 1 : at] in ("'", '"') and found[:1] != ")" and "_AND" in names:
        return "a quote within text is doubled, as in 'it''s'"
    for sign, word in ELSEWHERE.items():
        if found.startswith(sign) and (f"_{word}" in names):
            return f"write {word}"
    return ""


def _listed(words: list[str]) -> str:
    return "".join(words) if len(words) < 2 else f"{', '.join(words[:-1])} or {words[-1]}"
