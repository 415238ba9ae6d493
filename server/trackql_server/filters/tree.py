"""What a filter says, as a tree that knows neither text nor SQL."""

from dataclasses import dataclass
from enum import StrEnum


class Entity(StrEnum):
    """What a field belongs to."""

    ATTRIBUTE = "attributes"
    METRIC = "metrics"
    PARAM = "params"
    TAG = "tags"
    CONFIG = "config"
    DATASET = "datasets"


class Relation(StrEnum):
    """Whose field it is: the run's own, its parent's, or any of its children's."""

    SELF = ""
    PARENT = "parent"
    CHILDREN = "children"


class Statistic(StrEnum):
    """One number of a metric series."""

    LAST = "last"
    FIRST = "first"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    SUM = "sum"
    COUNT = "count"
    NAN_COUNT = "nan_count"
    ARGMIN = "argmin"
    ARGMAX = "argmax"
    FIRST_STEP = "first_step"
    LAST_STEP = "last_step"


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared or sorted by: `metrics.loss.min`, `params.lr`, `parent.tags.team`.

    `statistic` is set for metrics and for nothing else.
    """

    entity: Entity
    key: str
    statistic: Statistic | None = None
    relation: Relation = Relation.SELF


class Operator(StrEnum):
    """How a field is compared; the value is the word of the language."""

    EQ = "="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    MATCHES = "~"
    CONTAINS = "CONTAINS"
    IN = "IN"
    BETWEEN = "BETWEEN"
    NULL = "IS NULL"


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, Unix milliseconds."""

    ms: int


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in milliseconds. Where a point in time is wanted: so long ago."""

    ms: int


Scalar = str | float | bool | Moment | Span


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator values`; `negated` holds where the field is there and the rest is not so.

    Only `IS NULL` says something of runs that lack the field: they satisfy no other comparison,
    negated or not.
    """

    field: Field
    operator: Operator
    values: tuple[Scalar, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; without parts, always."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Some part holds; without parts, never."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold; so also runs that lack its field."""

    part: "Node"


Node = Comparison | All | Any | Not

EVERYTHING = All(())


def conjunction(*nodes: Node) -> Node:
    """All of them, without a level for a single one or for what says nothing."""
    parts: list[Node] = []
    for node in nodes:
        parts.extend(node.parts if isinstance(node, All) else (node,))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def comparisons(node: Node) -> list[Comparison]:
    """The leaves, from left to right."""
    found: list[Comparison] = []
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Comparison):
            found.append(each)
        elif isinstance(each, Not):
            waiting.append(each.part)
        else:
            waiting.extend(reversed(each.parts))
    return found
