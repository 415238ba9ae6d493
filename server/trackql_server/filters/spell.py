"""From a tree to the one text that stands for it: `parse(spell(tree))` is the tree again."""

import math
import re
from datetime import UTC, datetime, timedelta

from trackql_server.filters.tree import (
    All,
    Any,
    Comparison,
    Entity,
    Field,
    Moment,
    Node,
    Not,
    Operator,
    Relation,
    Scalar,
    Span,
    Statistic,
)

SEGMENT = r"[^\x00-,.;-?\[-\^`{-\x7f\s]+"
PLAIN = re.compile(rf"{SEGMENT}(?:\.{SEGMENT})*")
UNITS = (("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))


# Every run has an id: these are all runs, and none.
ALWAYS, NEVER = "run_id IS NOT NULL", "run_id IS NULL"


def spell(node: Node) -> str:
    """The text of a filter; without parts, that of one which means the same."""
    return "" if node == All(()) else _spell(node)


def _spell(node: Node) -> str:
    match node:
        case Comparison():
            return _comparison(node)
        case Not(part):
            inner = _spell(part)
            return f"NOT {inner}" if isinstance(part, Not) else f"NOT ({inner})"
        case All(parts):
            return " AND ".join(_inside(part, (All, Any)) for part in parts) or ALWAYS
        case Any(parts):
            return " OR ".join(_inside(part, (Any,)) for part in parts) or NEVER


def _inside(node: Node, wrapped: tuple[type, ...]) -> str:
    inner = _spell(node)
    return f"({inner})" if isinstance(node, wrapped) else inner


def spell_field(field: Field) -> str:
    """The text of a field."""
    relation = "" if field.relation is Relation.SELF else f"{field.relation}."
    if field.entity is Entity.ATTRIBUTE:
        return relation + field.key
    suffix = "" if field.statistic in (None, Statistic.LAST) else f".{field.statistic}"
    return f"{relation}{field.entity}.{spell_key(field.entity, field.key)}{suffix}"


def spell_key(entity: Entity, key: str) -> str:
    """The text of a key behind its entity, in backticks where it would be read otherwise."""
    _, dot, end = key.rpartition(".")
    statistic = entity is Entity.METRIC and dot and end in set(Statistic)
    if PLAIN.fullmatch(key) and not statistic:
        return key
    return "`" + key.replace("`", "``") + "`"


def _comparison(node: Comparison) -> str:
    name = spell_field(node.field)
    values = [spell_value(value) for value in node.values]
    match node.operator:
        case Operator.NULL:
            return f"{name} IS NOT NULL" if node.negated else f"{name} IS NULL"
        case Operator.IN:
            word = "NOT IN" if node.negated else "IN"
            return f"{name} {word} ({', '.join(values)})"
        case Operator.BETWEEN:
            word = "NOT BETWEEN" if node.negated else "BETWEEN"
            return f"{name} {word} {values[0]} AND {values[1]}"
        case Operator.EQ:
            return f"{name} {'!=' if node.negated else '='} {values[0]}"
        case Operator.MATCHES:
            return f"{name} {'!~' if node.negated else '~'} {values[0]}"
        case Operator.LT | Operator.LE | Operator.GT | Operator.GE:
            return f"{name} {node.operator} {values[0]}"
    word = f"NOT {node.operator}" if node.negated else str(node.operator)
    return f"{name} {word} {values[0]}"


def spell_value(value: Scalar) -> str:
    """The text of a value."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case Span(ms):
            return spell_span(ms)
        case Moment(ms):
            return f"'{spell_moment(ms)}'"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def spell_span(ms: int) -> str:
    """A length of time, as in 1h30m; with a minus, so long ago."""
    sign, left, text = "-" if ms < 0 else "", abs(ms), ""
    for unit, size in UNITS:
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return sign + text + (f"{left}ms" if left or not text else "")


def spell_moment(ms: int) -> str:
    """A point in time by ISO 8601, in UTC."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    precise = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precise).removesuffix("+00:00") + "Z"
