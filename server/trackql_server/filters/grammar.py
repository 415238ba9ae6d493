"""The grammar itself: what may come next, without what it means."""

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark, Transformer


@cache
def text() -> str:
    """The grammar as it is written."""
    return files(__package__).joinpath("grammar.lark").read_text("utf-8")


def build(meaning: "Transformer[Any, Any] | None" = None) -> "Lark":
    """A parser that calls `meaning` for each rule it has read."""
    from lark import Lark

    return Lark(text(), parser="lalr", transformer=meaning, maybe_placeholders=False)


@cache
def bare() -> "Lark":
    """The parser that only says whether a text fits."""
    return build()


@cache
def terminal(name: str) -> re.Pattern[str]:
    """What a word of the grammar looks like, where that is one expression without flags."""
    [written] = re.findall(rf"^{name}: /(.*)/$", text(), re.MULTILINE)
    return re.compile(written.replace(r"\/", "/"))


def follow(behind: str) -> set[str]:
    """The words of the grammar that may stand behind the text; none where it does not fit."""
    from lark.exceptions import UnexpectedInput

    reader = bare().parse_interactive(behind)
    try:
        reader.exhaust_lexer()
    except UnexpectedInput:
        return set()
    names: set[str] = reader.accepts()  # type: ignore[no-untyped-call]
    return names
