"""From text to a tree, and to a field; the parser itself is loaded when the first text is read."""

import re

from trackql_server.errors import InvalidFilter
from trackql_server.filters import fields, grammar, tree
from trackql_server.filters.fields import Misfit
from trackql_server.filters.tree import Comparison, Node

LONGEST = 50_000
MOST_COMPARISONS = 200
DEEPEST = 50

SEGMENT = re.compile(r"`((?:[^`]|``)*)`|\"([^\"]*)\"|([^.`\"]+)")

TOO_DEEP = f"the filter nests deeper than {DEEPEST} levels; make it flatter"
TOO_MANY = f"the filter makes more than {MOST_COMPARISONS} comparisons; use IN for many values"


def parse(text: str) -> Node:
    """The tree of a filter; an empty one matches everything. Raises InvalidFilter."""
    if not text.strip():
        return tree.EVERYTHING
    from trackql_server.filters.reading import read

    return read(text)


def field(text: str) -> tree.Field:
    """The field that a text spells, as in `metrics.loss.min`. Raises InvalidFilter."""
    bare = text.strip()
    if not grammar.terminal("FIELD").fullmatch(bare):
        raise InvalidFilter(
            f"{text[:100]!r} is no field; write it like metrics.loss or params.`my key`"
        )
    try:
        return fields.field(segments(bare))
    except Misfit as misfit:
        raise InvalidFilter(str(misfit)) from None


def segments(name: str) -> list[tuple[str, bool]]:
    """The parts of a dotted name, each with whether it was quoted."""
    found = []
    for match in SEGMENT.finditer(name):
        ticked, doubled, plain = match.groups()
        if plain is not None:
            found.append((plain, False))
        else:
            found.append((doubled if ticked is None else ticked.replace("``", "`"), True))
    return found


def bounded(node: Node) -> Node:
    """The node, if it is neither too deep nor too large. Raises InvalidFilter."""
    depth, leaves = measure(node)
    if depth > DEEPEST:
        raise InvalidFilter(TOO_DEEP)
    if leaves > MOST_COMPARISONS:
        raise InvalidFilter(TOO_MANY)
    return node


def measure(node: Node) -> tuple[int, int]:
    """How many levels a tree has, and how many comparisons."""
    deepest = leaves = 0
    waiting = [(node, 1)]
    while waiting:
        each, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(each, Comparison):
            leaves += 1
        elif isinstance(each, tree.Not):
            waiting.append((each.part, depth + 1))
        else:
            waiting.extend((part, depth + 1) for part in each.parts)
    return deepest, leaves
