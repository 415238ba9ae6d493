"""Statistics of groups of runs, over columns: no database here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from trackql_server.store.columns import Float64s, Int64s
from trackql_server.store.search.columns import RunColumn


@dataclass(slots=True)
class Measure:
    """A number of the runs of a group: those that are numbers, sorted; and how many were NaN."""

    sorted: Float64s
    nan_count: int

    @property
    def n(self) -> int:
        """How many runs have it as a number, infinities among them."""
        return len(self.sorted)

    @property
    def mean(self) -> float | None:
        """The mean; None without runs."""
        if not self.n:
            return None
        with np.errstate(all="ignore"):
            mean = self.sorted.mean()
            # Sums of huge numbers leave their range where the mean does not.
            return float(mean if np.isfinite(mean) else (self.sorted / self.n).sum())

    @property
    def std(self) -> float | None:
        """The standard deviation of a sample (ddof 1); None for fewer than two runs."""
        if self.n < 2:
            return None
        with np.errstate(all="ignore"):
            std = self.sorted.std(ddof=1)
            if np.isfinite(std):
                return float(std)
            # Likewise their squares.
            scale = np.abs(self.sorted).max()
            return float(scale * (self.sorted / scale).std(ddof=1))

    @property
    def sem(self) -> float | None:
        """The standard error of the mean; None for fewer than two runs."""
        std = self.std
        return None if std is None else float(std / np.sqrt(self.n))

    def quantile(self, q: float) -> float | None:
        """The value below which a share q of the runs lies, between runs by a straight line."""
        if not self.n:
            return None
        place = q * (self.n - 1)
        low = int(place)
        share = place - low
        below, above = float(self.sorted[low]), float(self.sorted[min(low + 1, self.n - 1)])
        # Not by their difference, which may be infinite where the value is not.
        return below if not share or below == above else below * (1 - share) + above * share

    @property
    def min(self) -> float | None:
        """The least."""
        return float(self.sorted[0]) if self.n else None

    @property
    def max(self) -> float | None:
        """The greatest."""
        return float(self.sorted[-1]) if self.n else None


@dataclass(slots=True)
class Group:
    """Runs that have the same values; `places` are theirs in the columns, rising."""

    values: Sequence[str | None]
    places: Int64s
    measures: list[Measure] = field(default_factory=list)


def group(by: Sequence[RunColumn], size: int) -> list[Group]:
    """Groups of `size` runs by the text of some columns; None stands for a missing one."""
    codes = np.zeros(size, np.int64)
    vocabularies: list[list[str | None]] = []
    for column in by:
        own, vocabulary = _coded(column)
        vocabularies.append(vocabulary)
        # Dense again after each column, so that the product never overflows.
        _, codes = np.unique(codes * len(vocabulary) + own, return_inverse=True)
    if not size:
        return []
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    made = []
    for places in np.split(order, starts[1:]):
        first = int(places[0])
        values = [_text(column, first) for column in by]
        made.append(Group(values, places))
    return made


def _coded(column: RunColumn) -> tuple[Int64s, list[str | None]]:
    keys = _keys(column)
    vocabulary: dict[str | None, int] = {}
    codes = np.fromiter(
        (vocabulary.setdefault(key, len(vocabulary)) for key in keys), np.int64, len(keys)
    )
    return codes, list(vocabulary)


def _keys(column: RunColumn) -> list[str | None]:
    if column.texts is None:
        assert column.numbers is not None
        return [
            _number(number) if there else None
            for number, there in zip(column.numbers.tolist(), column.present.tolist(), strict=True)
        ]
    texts: list[str | None] = column.texts.tolist()
    if column.numbers is None or all(text is not None for text in texts):
        return texts
    numbers = column.numbers.tolist()
    return [
        text if text is not None else None if number != number else _number(number)
        for text, number in zip(texts, numbers, strict=True)
    ]


def _number(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _text(column: RunColumn, place: int) -> str | None:
    one = slice(place, place + 1)
    return _keys(
        RunColumn(
            column.field,
            column.present[one],
            None if column.numbers is None else column.numbers[one],
            None if column.texts is None else column.texts[one],
        )
    )[0]


def measure(column: RunColumn, places: npt.NDArray[np.int64]) -> Measure:
    """A column of numbers over the runs at some places."""
    assert column.numbers is not None
    numbers = column.numbers[places]
    nan = np.isnan(numbers)
    # Where there may be a text instead of a number, that is no NaN.
    told = nan & column.present[places] if column.texts is None else nan[:0]
    return Measure(np.sort(numbers[~nan]), int(told.sum()))
