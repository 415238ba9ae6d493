"""Questions about runs, each in the filter language and as what numpy finds in the seeded columns.

The two spellings are written side by side and share no code with the server: where they disagree,
one of them is wrong.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.benchmarks.search_asking import PAGE
from scripts.benchmarks.search_data import MODELS, OPTIMIZERS, WORDS, Bools, Runs, Texts, there


@dataclass(frozen=True)
class Term:
    """Part of a filter, and for each run whether it holds."""

    text: str
    holds: Bools

    def __and__(self, other: "Term") -> "Term":
        return Term(f"({self.text} AND {other.text})", self.holds & other.holds)

    def __or__(self, other: "Term") -> "Term":
        return Term(f"({self.text} OR {other.text})", self.holds | other.holds)

    def __invert__(self) -> "Term":
        return Term(f"NOT ({self.text})", ~self.holds)


@dataclass(frozen=True)
class Order:
    """A field to sort by, and for each run the place it gives it: the least comes first."""

    text: str
    field: str
    ranks: tuple[Any, ...]


@dataclass(frozen=True)
class Question:
    """A filter, what to sort by, and the places of the runs that must come, in their order."""

    filter: str
    orders: tuple[str, ...]
    fields: tuple[str, ...]
    answer: list[int]


def ask(filter: Term, *orders: Order, start: Order) -> Question:
    """The question; where `orders` leave runs of the first page equal, `start` decides."""
    found = _sorted(filter, orders)
    seen = np.column_stack([rank[found[: PAGE + 1]] for order in orders for rank in order.ranks])
    if len(np.unique(seen, axis=0)) < len(seen):
        orders = (*orders, start)
        found = _sorted(filter, orders)
    return Question(
        filter.text,
        tuple(order.text for order in orders),
        tuple(dict.fromkeys(order.field for order in orders)),
        found.tolist(),
    )


def _sorted(filter: Term, orders: Sequence[Order]) -> Any:
    places = filter.holds.nonzero()[0]
    ranks = [rank[places] for order in orders for rank in order.ranks]
    return places[np.lexsort(ranks[::-1])]


class Fields:
    """Terms and orders over these runs."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def everything(self) -> Term:
        return Term("", np.ones(len(self._runs), bool))

    def metric(self, key: str, operator: str, bound: float) -> Term:
        """A comparison of a metric; NaN and what is missing satisfy none."""
        values, has = self._runs.metric(key)
        with np.errstate(invalid="ignore"):
            held = {"<": values < bound, "<=": values <= bound,
                    ">": values > bound, ">=": values >= bound}[operator]  # fmt: skip
        return Term(f"metrics.{key} {operator} {bound!r}", has & held)

    def has_metric(self, key: str) -> Term:
        return Term(f"metrics.{key} IS NOT NULL", self._runs.metric(key)[1])

    def numeric_param(self, key: str, operator: str, bound: float) -> Term:
        """A comparison of a param as a number."""
        values = _numbers(self._runs.text(f"params.{key}"))
        held = {"<": values < bound, ">=": values >= bound}[operator]
        return Term(f"params.{key} {operator} {bound!r}", held)

    def text(self, field: str, operator: str, value: str) -> Term:
        """A comparison of text: =, !=, LIKE '%…%', ILIKE '%…%' or ~."""
        tests: dict[str, Callable[[str], bool]] = {
            "=": lambda text: text == value,
            "!=": lambda text: text != value,
            "LIKE": lambda text: value.strip("%") in text,
            "ILIKE": lambda text: value.strip("%").lower() in text.lower(),
            "~": lambda text: re.search(value, text) is not None,
        }
        return Term(f"{field} {operator} '{value}'", self._each(field, tests[operator]))

    def among(self, field: str, values: Sequence[str]) -> Term:
        spelled = ", ".join(f"'{value}'" for value in values)
        return Term(f"{field} IN ({spelled})", self._each(field, lambda text: text in values))

    def lacks(self, field: str) -> Term:
        return Term(f"{field} IS NULL", ~self._each(field, lambda _: True))

    def by_metric(self, key: str, *, descending: bool, statistic: str = "") -> Order:
        """Numbers, then NaN, then what is missing, in both directions.

        Each series has one point, so that its least and greatest value are its last as well.
        """
        values, has = self._runs.metric(key)
        numbers = np.where(has & ~np.isnan(values), values, 0.0)
        ranks = (np.where(has, np.isnan(values), 2), -numbers if descending else numbers)
        field = f"metrics.{key}{statistic}"
        return Order(_directed(field, descending), f"metrics.{key}", ranks)

    def by_numeric_param(self, key: str, *, descending: bool) -> Order:
        numbers = _numbers(self._runs.text(f"params.{key}"))
        missing = np.isnan(numbers)
        numbers = np.where(missing, 0.0, numbers)
        ranks = (missing, -numbers if descending else numbers)
        return Order(_directed(f"params.{key}", descending), f"params.{key}", ranks)

    def by_text(self, field: str, *, descending: bool) -> Order:
        texts = self._runs.text(field)
        missing = ~there(texts)
        _, codes = np.unique(np.where(missing, "", texts).astype(str), return_inverse=True)
        ranks = (missing, -codes if descending else codes)
        return Order(_directed(field, descending), field, ranks)

    def by_start(self) -> Order:
        """The newest first; no two runs begin together."""
        return Order("start_time DESC", "start_time", (-self._runs.starts,))

    def by_duration(self, *, descending: bool) -> Order:
        took = self._runs.durations
        return Order(
            _directed("duration", descending), "duration", (-took if descending else took,)
        )

    def _each(self, field: str, test: Callable[[str], bool]) -> Bools:
        texts = self._runs.text(field).tolist()
        held = {text: text is not None and test(text) for text in set(texts)}
        return np.fromiter(map(held.__getitem__, texts), bool, len(texts))


def named(runs: Runs) -> Question:
    """The question that names the row."""
    fields = Fields(runs)
    wanted = fields.metric("acc", ">", 0.9) & fields.text("params.optimizer", "=", "adam")
    question = ask(wanted, fields.by_metric("acc", descending=True), start=fields.by_start())
    # As MLflow takes it too.
    plain = "metrics.acc > 0.9 and params.optimizer = 'adam'"
    return Question(plain, question.orders, question.fields, question.answer)


def twelve(runs: Runs, seed: int) -> list[Question]:
    """One question of each kind, with what it compares drawn by the seed."""
    source = np.random.default_rng(seed)
    fields = Fields(runs)

    def one(words: Sequence[str]) -> str:
        return words[int(source.integers(len(words)))]

    def near(value: float, apart: float) -> float:
        return round(value + float(source.uniform(-apart, apart)), 6)

    metric, text, at_start = fields.metric, fields.text, fields.by_start()
    family, size = one(MODELS).split("-")
    unusual, rate = near(0.999, 0.0005), near(0.0001, 0.00005)
    kinds: list[tuple[Term, tuple[Order, ...]]] = [
        # Sparse matches, then dense ones.
        (
            metric("acc", ">", unusual) & text("params.optimizer", "=", one(OPTIMIZERS)),
            (fields.by_metric("acc", descending=True),),
        ),
        (
            text("params.model", "=", f"{family}-{size}") & text("tags.stage", "=", "production"),
            (fields.by_metric("val_loss", descending=False),),
        ),
        (
            metric("loss", ">", near(0.05, 0.02)),
            (fields.by_metric("acc", descending=True),),
        ),
        (
            text("params.optimizer", "!=", one(OPTIMIZERS)) & metric("grad_norm", "<", near(2, 1)),
            (fields.by_metric("reward", descending=False, statistic=".min"),),
        ),
        # OR and NOT.
        (
            metric("f1", ">", near(0.98, 0.01)) | text("params.model", "=", one(MODELS)),
            (fields.by_metric("f1", descending=True),),
        ),
        (
            ~(text("params.optimizer", "=", one(OPTIMIZERS)) | metric("bleu", ">", near(0.3, 0.2))),
            (fields.by_metric("score.final", descending=True),),
        ),
        # LIKE and regular expressions: few distinct values, then one for each run.
        (
            text("params.model", "LIKE", f"%{family[1:]}%") & metric("acc", ">", near(0.5, 0.2)),
            (at_start,),
        ),
        (
            text("tags.note", "LIKE", f"%{one(WORDS)[1:]}%"),
            (fields.by_metric("loss", descending=False),),
        ),
        (
            text("params.model", "~", f"^({family}|{one(MODELS).split('-')[0]})-[0-9]+$")
            & text("name", "ILIKE", f"%{one(WORDS).upper()}%"),
            (fields.by_duration(descending=True),),
        ),
        # Numbers in params, lists, what is missing.
        (
            fields.numeric_param("lr", "<", rate) & fields.numeric_param("batch_size", ">=", 128.0),
            (fields.by_numeric_param("lr", descending=True),),
        ),
        (
            fields.among("tags.team", ["vision", one(("speech", "search"))])
            & fields.lacks("params.warmup")
            & fields.has_metric("bleu"),
            (fields.by_text("tags.owner", descending=False), at_start),
        ),
        (
            (metric("auc", "<=", near(0.2, 0.1)) | fields.lacks("tags.note"))
            & ~(text("params.dataset", "=", "imagenet") & metric("kl", "<", near(0, 0.5))),
            (
                fields.by_text("params.scheduler", descending=True),
                fields.by_metric("recall", descending=True),
            ),
        ),
    ]
    return [ask(filter, *orders, start=at_start) for filter, orders in kinds]


def _numbers(texts: Texts) -> Any:
    """Of each text the number it spells, NaN where it spells none or is missing."""
    known = {text: _number(text) for text in set(texts.tolist())}
    return np.fromiter(map(known.__getitem__, texts.tolist()), float, len(texts))


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return float("nan")


def _directed(field: str, descending: bool) -> str:
    return f"{field} {'DESC' if descending else 'ASC'}"
