"""The grammar itself: what may come next, without what it means."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Transformer
from lark.exceptions import UnexpectedInput


def build(meaning: Transformer[Any, Any] | None = None) -> Lark:
    """A parser that calls `meaning` for each rule it has read."""
    text = files(__package__).joinpath("grammar.lark").read_text("utf-8")
    return Lark(text, parser="lalr", transformer=meaning, maybe_placeholders=False)


@cache
def bare() -> Lark:
    """The parser that only says whether a text fits."""
    return build()


@cache
def terminal(name: str) -> re.Pattern[str]:
    """What a word of the grammar looks like."""
    return re.compile(bare().get_terminal(name).pattern.to_regexp())


def follow(text: str) -> set[str]:
    """The words of the grammar that may stand behind the text; none where it does not fit."""
    reader = bare().parse_interactive(text)
    try:
        reader.exhaust_lexer()
    except UnexpectedInput:
        return set()
    names: set[str] = reader.accepts()  # type: ignore[no-untyped-call]
    return names
