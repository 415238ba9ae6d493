"""What filters and orders mean, over plain records in memory: no SQL, no index, no cleverness."""

import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trackql_server.filters.order import Order
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

Value = str | float | bool
Point = tuple[int, int, float]

# Classes of values in the order in which they come, whatever the direction.
NUMBER, TEXT, FLAG, NAN, MISSING = range(5)

HEAD = 256
FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass
class Config:
    """A param's JSON."""

    json: object


@dataclass
class Record:
    """A run as it is stored; times are Unix milliseconds."""

    id: str
    experiment_id: str
    name: str
    start_time: int
    number: int = 0
    description: str = ""
    status: str = "RUNNING"
    deleted: bool = False
    end_time: int | None = None
    heartbeat_time: int | None = None
    user: str = ""
    source_name: str = ""
    git_commit: str | None = None
    parent_run_id: str | None = None
    dropped_points: int = 0
    metrics: dict[str, list[Point]] = field(default_factory=dict)
    params: dict[str, tuple[str, Config | None]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    datasets: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class View:
    """Which records are looked over, and when. `deleted` is None for all."""

    records: Mapping[str, Record]
    experiment_ids: Sequence[str]
    deleted: bool | None
    now: int
    alive_since: int

    def inside(self, run: Record) -> bool:
        return run.experiment_id in self.experiment_ids and self.deleted in (None, run.deleted)

    def found(self, node: Node, orders: Sequence[Order], *, whole: bool = False) -> list[Record]:
        """The records that satisfy a filter, in order; with `whole` the outermost of them."""
        some = [run for run in self.records.values() if self.inside(run) and self.holds(node, run)]
        if whole:
            roots = [(self.root(run), run) for run in some]
            shown = [root if self.inside(root) else run for root, run in roots]
            some = list({run.id: run for run in shown}.values())
        return self.sorted(some, orders)

    def root(self, run: Record) -> Record:
        while run.parent_run_id in self.records:
            run = self.records[run.parent_run_id or ""]
        return run

    def holds(self, node: Node, run: Record) -> bool:
        match node:
            case All(parts):
                return all(self.holds(part, run) for part in parts)
            case Any(parts):
                return any(self.holds(part, run) for part in parts)
            case Not(part):
                return not self.holds(part, run)
        absent = node.operator is Operator.NULL and not node.negated
        if node.field.relation is Relation.PARENT:
            parent = self.records.get(run.parent_run_id or "")
            known = parent is not None and parent.experiment_id in self.experiment_ids
            return known and parent is not None and self.satisfies(node, parent)
        if node.field.relation is Relation.CHILDREN:
            children = [
                other
                for other in self.records.values()
                if other.parent_run_id == run.id and self.inside(other)
            ]
            told = [self.satisfies(node, child) for child in children]
            return all(told) if absent else any(told)
        return self.satisfies(node, run)

    def satisfies(self, node: Comparison, run: Record) -> bool:
        """Whether a run's own field, its relation left aside, is as the comparison says."""
        values = self.values(node.field, run)
        if node.operator is Operator.NULL:
            return bool(values) == node.negated
        wanted = [self.plain(node.field, each) for each in node.values]
        return any(
            fits(node.operator, value, wanted) != node.negated
            for value in values
            if kind(value) is kind(wanted[0])
        )

    def plain(self, field: Field, value: Scalar) -> Value:
        if isinstance(value, Moment):
            return float(value.ms)
        if isinstance(value, Span):
            return float(value.ms if field.key == "duration" else self.now + value.ms)
        return value

    def values(self, field: Field, run: Record) -> list[Value]:
        """All that a run has as that field: nothing, one value, or a text and what it spells."""
        if field.entity is Entity.ATTRIBUTE:
            value = self.attribute(field.key, run)
            return [] if value is None else [value]
        match field.entity:
            case Entity.METRIC:
                assert field.statistic is not None
                number = statistic(field.statistic, run.metrics.get(field.key, []))
                return [] if number is None else [number]
            case Entity.PARAM:
                text, _ = run.params.get(field.key, (None, None))
                return [] if text is None else [text, *spelled(text)]
            case Entity.TAG:
                return [run.tags[field.key]] if field.key in run.tags else []
            case Entity.DATASET:
                place = ("name", "digest", "context").index(field.key)
                return [dataset[place] for dataset in run.datasets]
        return configured(run, field.key)

    def attribute(self, name: str, run: Record) -> Value | None:
        heard = run.start_time if run.heartbeat_time is None else run.heartbeat_time
        stalled = run.status == "RUNNING" and heard < self.alive_since
        if name == "status":
            return "STALLED" if stalled else run.status
        if name == "duration":
            until = run.end_time
            if until is None:
                until = heard if stalled else self.now
            return float(max(0, until - run.start_time))
        value = run.id if name == "run_id" else getattr(run, name)
        return float(value) if isinstance(value, int) else value

    def sorted(self, some: Sequence[Record], orders: Sequence[Order]) -> list[Record]:
        """By the first order, then the second, …, then by number as the first goes."""
        found = sorted(some, key=lambda run: run.number, reverse=orders[0].descending)
        for order in reversed(orders):
            ranked = {run.id: self.rank(order.field, run) for run in some}
            found.sort(key=lambda run: ranked[run.id][1], reverse=order.descending)
            found.sort(key=lambda run: ranked[run.id][0])
        return found

    def rank(self, field: Field, run: Record) -> tuple[int, tuple[str, float]]:
        """The class of a run's value, and the value among those of its class."""
        values = self.values(field, run)
        if field.entity is Entity.ATTRIBUTE and field.key == "status":
            values = [run.status]  # as it is stored
        if field.entity is Entity.ATTRIBUTE and field.key == "duration" and run.end_time is None:
            values = [-1.0]
        numbers = [each for each in values if kind(each) is float and not is_nan(each)]
        texts = [each for each in values if isinstance(each, str)]
        if numbers:
            return NUMBER, ("", float(numbers[0]))
        if texts:
            whole = field.entity is Entity.ATTRIBUTE and field.key == "name"
            return TEXT, (texts[0] if whole else texts[0][:HEAD], 0.0)
        if not values:
            return MISSING, ("", 0.0)
        return (NAN, ("", 0.0)) if is_nan(values[0]) else (FLAG, ("", float(values[0])))


def kind(value: Value) -> type:
    return bool if isinstance(value, bool) else str if isinstance(value, str) else float


def is_nan(value: Value) -> bool:
    return isinstance(value, float) and math.isnan(value)


def fits(operator: Operator, value: Value, wanted: Sequence[Value]) -> bool:
    """Whether a value is as an operator says, of one kind with what it is compared with."""
    first = wanted[0]
    match operator:
        case Operator.EQ:
            return is_nan(value) if is_nan(first) else value == first
        case Operator.IN:
            return value in list(wanted)
        case Operator.BETWEEN:
            return first <= value <= wanted[1]  # type: ignore[operator]
        case Operator.LT:
            return value < first  # type: ignore[operator]
        case Operator.LE:
            return value <= first  # type: ignore[operator]
        case Operator.GT:
            return value > first  # type: ignore[operator]
        case Operator.GE:
            return value >= first  # type: ignore[operator]
    text, pattern = str(value), str(first)
    match operator:
        case Operator.LIKE:
            return like(pattern, text)
        case Operator.ILIKE:
            return like(pattern.translate(FOLD), text.translate(FOLD))
        case Operator.CONTAINS:
            return pattern.translate(FOLD) in text.translate(FOLD)
    return re.search(pattern, text) is not None


def like(pattern: str, text: str) -> bool:
    signs = {"%": ".*", "_": "."}
    expression = "".join(signs.get(sign, re.escape(sign)) for sign in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def spelled(text: str) -> list[float]:
    """The finite number that a text spells, if it does."""
    if not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", text):
        return []
    return [float(text)] if math.isfinite(float(text)) else []


def configured(run: Record, path: str) -> list[Value]:
    """What a path leads to within the JSON of params, or the one value that a param's JSON is."""
    found: list[Value] = []
    for key, (_, config) in run.params.items():
        if config is not None and path.startswith(f"{key}."):
            found += leaf(config.json, path[len(key) + 1 :])
    if path in run.params and (config := run.params[path][1]) is not None:
        found += [config.json] if isinstance(config.json, Value | int) else []
    return [float(each) if kind(each) is float else each for each in found]


def leaf(json: object, path: str) -> list[Value]:
    """The single values at a path; names of an object may have dots of their own."""
    if isinstance(json, list):
        json = {str(place): each for place, each in enumerate(json)}
    if not isinstance(json, dict):
        return []
    found: list[Value] = []
    for name, each in json.items():
        if name == path and isinstance(each, Value | int):
            found.append(each)
        elif path.startswith(f"{name}."):
            found += leaf(each, path[len(name) + 1 :])
    return found


def statistic(name: Statistic, points: Sequence[Point]) -> float | None:
    """One number of a series; None where there is none, NaN where that is the answer."""
    if not points:
        return None
    ranked = sorted(points, key=lambda p: (p[0], p[1], 0.0 if math.isnan(p[2]) else p[2]))
    numbers = [point for point in points if not math.isnan(point[2])]
    values = [value for _, _, value in numbers]
    match name:
        case Statistic.LAST:
            return ranked[-1][2]
        case Statistic.FIRST:
            return ranked[0][2]
        case Statistic.COUNT:
            return float(len(points))
        case Statistic.NAN_COUNT:
            return float(len(points) - len(numbers))
        case Statistic.FIRST_STEP:
            return float(ranked[0][0])
        case Statistic.LAST_STEP:
            return float(ranked[-1][0])
        case Statistic.ARGMIN:
            return next((float(p[0]) for p in numbers if p[2] == min(values)), None)
        case Statistic.ARGMAX:
            return next((float(p[0]) for p in numbers if p[2] == max(values)), None)
    if not values:
        return math.nan
    match name:
        case Statistic.MIN:
            return min(values)
        case Statistic.MAX:
            return max(values)
        case Statistic.SUM:
            return sum(values)
    mean = sum(values) / len(values)
    return 0.0 if abs(sum(values)) < 1e-290 else mean
