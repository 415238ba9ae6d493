"""Which fields there are, what can be asked of each, and what their values may look like."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum

from trackql_server.filters.pattern import regex
from trackql_server.filters.tree import (
    Comparison,
    Entity,
    Field,
    Moment,
    Operator,
    Relation,
    Scalar,
    Span,
    Statistic,
)


class Kind(StrEnum):
    """What the values of a field are."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    DURATION = "duration"
    STATUS = "status"
    # A param is text, and a number where the text is one; a config value also true or false.
    PARAM = "param"
    CONFIG = "config"


ATTRIBUTES: dict[str, Kind] = {
    "run_id": Kind.TEXT,
    "name": Kind.TEXT,
    "status": Kind.STATUS,
    "start_time": Kind.TIME,
    "end_time": Kind.TIME,
    "heartbeat_time": Kind.TIME,
    "duration": Kind.DURATION,
    "user": Kind.TEXT,
    "description": Kind.TEXT,
    "source_name": Kind.TEXT,
    "git_commit": Kind.TEXT,
    "experiment_id": Kind.TEXT,
    "parent_run_id": Kind.TEXT,
    "dropped_points": Kind.NUMBER,
}

# As MLflow and people also call them.
ALIASES = {
    "run_name": "name",
    "run name": "name",
    "Run name": "name",
    "Run Name": "name",
    "user_id": "user",
    "created": "start_time",
    "Created": "start_time",
    "id": "run_id",
}

ENTITIES: dict[str, Entity] = {
    **dict.fromkeys(("attributes", "attribute", "attr", "run"), Entity.ATTRIBUTE),
    **dict.fromkeys(("metrics", "metric"), Entity.METRIC),
    **dict.fromkeys(("params", "param", "parameters", "parameter"), Entity.PARAM),
    **dict.fromkeys(("tags", "tag"), Entity.TAG),
    "config": Entity.CONFIG,
    **dict.fromkeys(("datasets", "dataset"), Entity.DATASET),
}

DATASET_KEYS = ("name", "digest", "context")

STATUSES = ("SCHEDULED", "RUNNING", "STALLED", "FINISHED", "FAILED", "KILLED")

ORDERINGS = (Operator.LT, Operator.LE, Operator.GT, Operator.GE)
COMPARES = (Operator.EQ, *ORDERINGS)
TEXTUAL = (Operator.LIKE, Operator.ILIKE, Operator.MATCHES, Operator.CONTAINS)
LISTS = (Operator.IN, Operator.BETWEEN)

OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    Kind.TEXT: (*COMPARES, *TEXTUAL, *LISTS, Operator.NULL),
    Kind.NUMBER: (*COMPARES, *LISTS, Operator.NULL),
    Kind.TIME: (*COMPARES, *LISTS, Operator.NULL),
    Kind.DURATION: (*COMPARES, *LISTS),
    Kind.STATUS: (Operator.EQ, *TEXTUAL, Operator.IN),
    Kind.PARAM: (*COMPARES, *TEXTUAL, *LISTS, Operator.NULL),
    Kind.CONFIG: (*COMPARES, *TEXTUAL, *LISTS, Operator.NULL),
}

# What one filter may hold.
MOST_VALUES = 1_000
LONGEST_PATTERN = 1_000

EARLIEST = -62_135_596_800_000  # the year 1
LATEST = 253_402_300_799_999  # the year 9999


class Misfit(ValueError):
    """A field, an operator and values that do not go together.

    `part` says what is wrong: "field", "operator", or the place of a value; `expected` what could
    stand there.
    """

    def __init__(self, message: str, part: str | int, expected: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.part = part
        self.expected = tuple(str(each) for each in expected)


def kind(field: Field) -> Kind:
    """What the values of a field are."""
    match field.entity:
        case Entity.ATTRIBUTE:
            return ATTRIBUTES[field.key]
        case Entity.METRIC:
            return Kind.NUMBER
        case Entity.PARAM:
            return Kind.PARAM
        case Entity.CONFIG:
            return Kind.CONFIG
    return Kind.TEXT


def attribute(name: str, relation: Relation = Relation.SELF) -> Field:
    """The attribute of that name or alias; raises Misfit."""
    known = ALIASES.get(name, name)
    if known in ATTRIBUTES:
        return Field(Entity.ATTRIBUTE, known, None, relation)
    raise Misfit(
        f"there is no attribute {_shown(name)}{_instead(name, (*ATTRIBUTES, *ALIASES))}",
        "field",
        tuple(ATTRIBUTES),
    )


def field(segments: list[tuple[str, bool]]) -> Field:
    """The field that a dotted name spells, each segment with whether it was quoted.

    Raises Misfit for what is no field.
    """
    relation = Relation.SELF
    if len(segments) > 1 and segments[0] in (("parent", False), ("children", False)):
        relation = Relation(segments[0][0])
        segments = segments[1:]
        if len(segments) > 1 and segments[0] in (("parent", False), ("children", False)):
            raise Misfit("one step to a parent or to children is the most", "field")
    head, rest = segments[0][0], segments[1:]
    entity = ENTITIES.get(head)
    if not rest:
        if entity is not None:
            raise Misfit(f"{head} wants a key, as in {head}.{_example(entity)}", "field")
        return attribute(head, relation)
    if entity is None:
        raise Misfit(
            f"{_shown(head)} is none of metrics, params, tags, attributes, config, datasets,"
            f" parent, children{_instead(head, ENTITIES)}",
            "field",
            (*Entity, *filter(None, Relation)),
        )
    key = ".".join(text for text, _ in rest)
    if not key:
        raise Misfit(f"the key behind {head} is empty", "field")
    if problem := _unstorable(key):
        raise Misfit(f"a key {problem}", "field")
    if entity is Entity.ATTRIBUTE:
        return attribute(key, relation)
    if entity is Entity.DATASET:
        if key not in DATASET_KEYS:
            raise Misfit(
                f"a dataset has {', '.join(DATASET_KEYS)}, but no {_shown(key)}",
                "field",
                DATASET_KEYS,
            )
        return Field(entity, key, None, relation)
    if entity is not Entity.METRIC:
        return Field(entity, key, None, relation)
    statistic = Statistic.LAST
    last, quoted = rest[-1]
    if len(rest) > 1 and not quoted and last in set(Statistic):
        statistic = Statistic(last)
        key = ".".join(text for text, _ in rest[:-1])
        if not key:
            raise Misfit(f"the key behind {head} is empty", "field")
    return Field(entity, key, statistic, relation)


def comparison(
    field: Field, operator: Operator, values: tuple[Scalar, ...] = (), *, negated: bool = False
) -> Comparison:
    """A comparison whose values are what the field wants. Raises Misfit."""
    wanted = kind(field)
    if problem := _unstorable(field.key):
        raise Misfit(f"a key {problem}", "field")
    if negated and operator in ORDERINGS:
        raise Misfit(f"{operator} has its own opposite", "operator")
    if operator not in OPERATORS[wanted]:
        raise Misfit(
            f"{operator} does not go with {_called(field)}, which is {_described(wanted)}:"
            f" use one of {', '.join(OPERATORS[wanted])}",
            "operator",
            OPERATORS[wanted],
        )
    if operator is Operator.IN:
        if not values:
            raise Misfit("expected a non-empty list of values", "operator")
        if len(values) > MOST_VALUES:
            raise Misfit(f"the list has more than {MOST_VALUES:,} values", MOST_VALUES)
    elif len(values) != (count := {Operator.NULL: 0, Operator.BETWEEN: 2}.get(operator, 1)):
        raise Misfit(f"{operator} wants {count} of values, not {len(values)}", "operator")
    if operator in TEXTUAL:
        for place, value in enumerate(values):
            _check_pattern(operator, value, place)
        return Comparison(field, operator, _storable(values), negated)
    fitted = tuple(_fitted(field, wanted, value, place) for place, value in enumerate(values))
    for place, value in enumerate(fitted):
        if wanted is not Kind.TIME and type(value) is not type(fitted[0]):
            raise Misfit("the values of a list are all text, all numbers or all true/false", place)
        if _is_nan(value) and operator is not Operator.EQ:
            raise Misfit("NaN can only be compared by = and !=", place)
        if isinstance(value, bool) and operator not in (Operator.EQ, Operator.IN):
            raise Misfit("true and false can only be compared by =, != and IN", place)
    return Comparison(field, operator, _storable(fitted), negated)


def _check_pattern(operator: Operator, value: Scalar, place: int) -> None:
    if not isinstance(value, str):
        raise Misfit(f"{operator} wants quoted text", place)
    if len(value) > LONGEST_PATTERN:
        raise Misfit(f"a pattern has at most {LONGEST_PATTERN:,} characters", place)
    if operator is Operator.MATCHES and not _unstorable(value):
        try:
            regex(value)
        except ValueError as error:
            raise Misfit(f"this is no regular expression of RE2: {error}", place) from None


def _storable(values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    for place, value in enumerate(values):
        if isinstance(value, str) and (problem := _unstorable(value)):
            raise Misfit(f"a text {problem}", place)
    return values


def _unstorable(text: str) -> str:
    """Why no database keeps that text; empty if it does."""
    if "\0" in text:
        return "holds a NUL character; remove it"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, which is no text"
    return ""


def _is_nan(value: Scalar) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _fitted(field: Field, wanted: Kind, value: Scalar, place: int) -> Scalar:
    """The value as the field's kind keeps it."""
    number = _number(value)
    if isinstance(value, Span) and abs(value.ms) > LATEST:
        raise Misfit("so long a time has not passed yet", place)
    match wanted:
        case Kind.TEXT if isinstance(value, str):
            return value
        case Kind.TEXT:
            raise Misfit(
                f"{_called(field)} is text: expected a quoted string (like 'my-value')", place
            )
        case Kind.NUMBER if number is not None:
            return number
        case Kind.NUMBER:
            raise Misfit(
                f"expected numeric value type for {_called(field)}: a number without quotes", place
            )
        case Kind.TIME:
            return _moment(value, place)
        case Kind.DURATION if isinstance(value, Span) and value.ms >= 0:
            return value
        case Kind.DURATION if isinstance(value, Span):
            raise Misfit("a duration is never less than 0; leave the minus out", place)
        case Kind.DURATION:
            raise Misfit("a duration wants a unit, like 90s, 2h or 1h30m", place)
        case Kind.STATUS if isinstance(value, str):
            if value.upper() not in STATUSES:
                raise Misfit(
                    f"there is no status {_shown(value)}{_instead(value.upper(), STATUSES)};"
                    f" it is one of {', '.join(STATUSES)}",
                    place,
                    STATUSES,
                )
            return value.upper()
        case Kind.STATUS:
            raise Misfit("a status is text: expected a quoted string (like 'FINISHED')", place)
    if isinstance(value, str) or (isinstance(value, bool) and wanted is Kind.CONFIG):
        return value
    if number is not None:
        if not math.isfinite(number):
            raise Misfit(f"{_called(field)} is compared with finite numbers or with text", place)
        return number
    raise Misfit(f"{_called(field)} is compared with quoted text or with a number", place)


def _number(value: Scalar) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _moment(value: Scalar, place: int) -> Scalar:
    if isinstance(value, Span):
        if value.ms > 0:
            raise Misfit("a time is in the past: write it with a minus, as in -7d", place)
        return value
    if isinstance(value, str):
        text = value.strip()
        # Unix milliseconds between quotes would be read as a date of the 18th century.
        if text.isdigit() and len(text) != len("20261101"):
            raise Misfit("Unix milliseconds stand without quotes", place)
        try:
            given = datetime.fromisoformat(text)
            aware = given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as error:
            raise Misfit(
                f"{_shown(value)} is no date: write it like '2026-11-01' or '2026-11-01T14:30:00Z'",
                place,
            ) from error
        return Moment((aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))
    number = value.ms if isinstance(value, Moment) else _number(value)
    if number is None:
        raise Misfit(
            "expected a date like '2026-11-01', Unix milliseconds, or -7d for 7 days ago", place
        )
    if EARLIEST <= number <= LATEST and float(number).is_integer():
        return Moment(int(number))
    raise Misfit("Unix milliseconds are a whole number within the years 1 to 9999", place)


def _called(field: Field) -> str:
    name = {
        Entity.METRIC: "metric",
        Entity.PARAM: "param",
        Entity.TAG: "tag",
        Entity.CONFIG: "config value",
        Entity.DATASET: "dataset",
    }.get(field.entity)
    return field.key if name is None else f"{name} {_shown(field.key)}"


def _described(wanted: Kind) -> str:
    return {
        Kind.TEXT: "text",
        Kind.NUMBER: "a number",
        Kind.TIME: "a point in time",
        Kind.DURATION: "a length of time",
        Kind.STATUS: "a status",
        Kind.PARAM: "text or a number",
        Kind.CONFIG: "text, a number, true or false",
    }[wanted]


def _example(entity: Entity) -> str:
    return {
        Entity.ATTRIBUTE: "start_time",
        Entity.METRIC: "loss",
        Entity.DATASET: "name",
        Entity.TAG: "team",
    }.get(entity, "lr")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:99] + "…")


def _instead(given: str, known: Iterable[str]) -> str:
    near = get_close_matches(given[:100], list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
