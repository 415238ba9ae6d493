"""The parser at work: words become comparisons, and what is wrong is told with its place."""

import re
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from trackql_server.errors import InvalidFilter
from trackql_server.filters import fields, grammar, tree
from trackql_server.filters.fields import Misfit
from trackql_server.filters.mistakes import misplaced
from trackql_server.filters.parse import (
    DEEPEST,
    LONGEST,
    MOST_COMPARISONS,
    TOO_DEEP,
    TOO_MANY,
    bounded,
    segments,
)
from trackql_server.filters.tree import Comparison, Node, Operator, Scalar, Span

# Signs that are not an operator's own.
SIGNS = {"==": "=", "<>": "=", "!=": "=", "!~": "~"}
NEGATED = ("<>", "!=", "!~")

SPANS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[wdhms])")

Leaf = tuple[Scalar, Token]


def read(text: str) -> Node:
    """The tree of a filter; an empty one matches everything. Raises InvalidFilter."""
    if len(text) > LONGEST:
        raise InvalidFilter(
            f"the filter has {len(text):,} characters; at most {LONGEST:,} are allowed",
            position=LONGEST,
            length=len(text) - LONGEST,
        )
    reader = language().parse_interactive(text)
    bounds, starts = _Bounds(), [0]
    try:
        for token in reader.iter_parse():
            bounds.check(token)
            starts.append(token.start_pos or 0)
        found: Node = reader.feed_token(Token("$END", ""))
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise misplaced(text, len(text), 0, starts) from None
        raise misplaced(text, error.token.start_pos or 0, len(error.token), starts) from None
    except UnexpectedCharacters as error:
        raise misplaced(text, error.pos_in_stream, 0, starts) from None  # type: ignore[arg-type]
    except InvalidFilter as error:
        if error.position is None:
            error.position, error.length = starts[-1], 1
        raise
    return found


@cache
def language() -> Lark:
    """The parser, made when the first filter is read."""
    return grammar.build(_Meaning())


class _Bounds:
    """What a filter may hold, counted while it is read: what is too much is not read on."""

    def __init__(self) -> None:
        self.opened = self.denied = self.comparisons = self.values = 0

    def check(self, token: Token) -> None:
        """Count one more word; raises InvalidFilter."""
        self.denied = self.denied + 1 if token.type == "_NOT" else 0
        match token.type:
            case "LPAR":
                self.opened += 1
            case "RPAR":
                self.opened -= 1
            case "FIELD":
                self.comparisons += 1
                self.values = 0
            case "COMMA":
                self.values += 1
        if max(self.opened, self.denied) > DEEPEST:
            raise _at(TOO_DEEP, token)
        if self.comparisons > MOST_COMPARISONS:
            raise _at(TOO_MANY, token)
        if self.values > fields.MOST_VALUES:
            raise _at(f"the list has more than {fields.MOST_VALUES:,} values", token)


class _Meaning(Transformer[Token, Any]):
    """Called by the parser for each rule it has read."""

    def start(self, parts: list[Node]) -> Node:
        return parts[0] if parts else tree.EVERYTHING

    def either(self, parts: list[Node]) -> Node:
        return bounded(tree.Any(tuple(parts)))

    def both(self, parts: list[Node]) -> Node:
        return bounded(tree.All(tuple(parts)))

    def negation(self, parts: list[Node]) -> Node:
        return bounded(tree.Not(parts[0]))

    def value(self, parts: list[Token]) -> Leaf:
        token = parts[0]
        return _scalar(token), token

    def compare(self, parts: list[Any]) -> Comparison:
        name, sign, value = parts
        operator = SIGNS.get(sign, sign)
        return _comparison(name, sign, Operator(operator), [value], negated=sign in NEGATED)

    def word(self, parts: list[Any]) -> Comparison:
        name, word, value = parts
        return _comparison(name, word, Operator(word.upper()), [value])

    def lacks(self, parts: list[Any]) -> Comparison:
        name, word, value = parts
        return _comparison(name, word, Operator(word.upper()), [value], negated=True)

    def within(self, parts: list[Any]) -> Comparison:
        return _comparison(parts[0], parts[1], Operator.IN, parts[2:])

    def outside(self, parts: list[Any]) -> Comparison:
        return _comparison(parts[0], parts[1], Operator.IN, parts[2:], negated=True)

    def between(self, parts: list[Any]) -> Comparison:
        return _comparison(parts[0], parts[1], Operator.BETWEEN, parts[2:])

    def beyond(self, parts: list[Any]) -> Comparison:
        return _comparison(parts[0], parts[1], Operator.BETWEEN, parts[2:], negated=True)

    def missing(self, parts: list[Any]) -> Comparison:
        return _comparison(parts[0], parts[1], Operator.NULL, parts[2:])

    def present(self, parts: list[Any]) -> Comparison:
        return _comparison(parts[0], parts[1], Operator.NULL, parts[2:], negated=True)


def _comparison(
    name: Token, operator: Token, word: Operator, values: list[Leaf], *, negated: bool = False
) -> Comparison:
    at = name
    try:
        found = fields.field(segments(name))
        at = operator
        return fields.comparison(found, word, tuple(value for value, _ in values), negated=negated)
    except Misfit as misfit:
        if isinstance(misfit.part, int):
            at = values[misfit.part][1]
        elif misfit.part == "field":
            at = name
        raise _at(str(misfit), at, misfit.expected) from None


def _scalar(token: Token) -> Scalar:
    text = str(token)
    match token.type:
        case "STRING":
            quote = text[0]
            return text[1:-1].replace(quote * 2, quote)
        case "BOOLEAN":
            return text.lower() == "true"
        case "SPAN":
            length = sum(float(number) * SPANS[unit] for number, unit in SPAN.findall(text))
            if length > fields.LATEST:
                raise _at("so long a time has not passed yet", token)
            return Span(round(-length if text.startswith("-") else length))
    return float(text)


def _at(message: str, token: Token, expected: tuple[str, ...] = ()) -> InvalidFilter:
    start = token.start_pos or 0
    return InvalidFilter(
        f"{message} (at character {start + 1})",
        position=start,
        length=len(token),
        expected=expected,
    )
