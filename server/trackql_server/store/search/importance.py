"""How much a param tells of a metric, over columns of runs: no database here."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trackql_server.store.columns import Float64s, Int64s
from trackql_server.store.search.columns import RunColumn

# A numeric param is cut into at most so many groups of equal size.
BINS = 10

# With fewer runs nothing can be told.
FEWEST_RUNS = 3


@dataclass(frozen=True, slots=True)
class Importance:
    """What a param tells of a metric.

    `share` is the share of the metric's variance that lies between the param's values, corrected
    for what chance alone would give (epsilon squared, Kelley 1935), from 0 to 1. `correlation` is
    Spearman's rank correlation, of numeric params. `runs` have both.
    """

    param: str
    share: float
    correlation: float | None
    runs: int


def importance(param: RunColumn, metric: Float64s) -> Importance | None:
    """None where too few runs have both, or either never changes."""
    assert param.texts is not None
    usable = param.present & np.isfinite(metric)
    runs = int(usable.sum())
    if runs < FEWEST_RUNS:
        return None
    values = metric[usable]
    texts = param.texts[usable]
    numbers = None if param.numbers is None else param.numbers[usable]
    numeric = numbers is not None and not np.isnan(numbers).any()
    if numeric:
        assert numbers is not None
        groups = _binned(numbers)
    else:
        known: dict[str, int] = {}
        groups = np.array([known.setdefault(text, len(known)) for text in texts], np.int64)
    distinct = int(groups.max()) + 1
    if distinct < 2 or distinct >= runs or values.min() == values.max():
        return None
    correlation = None
    if numeric:
        assert numbers is not None
        correlation = float(np.corrcoef(_ranks(numbers), _ranks(values))[0, 1])
    return Importance(param.field.key, _share(groups, values, distinct), correlation, runs)


def _share(groups: Int64s, values: Float64s, distinct: int) -> float:
    counts = np.bincount(groups, minlength=distinct)
    # Scaled first, so that squares stay within range.
    centred = values / np.abs(values).max()
    centred = centred - centred.mean()
    sums = np.bincount(groups, weights=centred, minlength=distinct)
    between = float((sums**2 / counts).sum())
    total = float((centred**2).sum())
    if total == 0:
        return 0.0
    runs = len(values)
    within = (total - between) / (runs - distinct)
    return float(np.clip(1 - within * (runs - 1) / total, 0, 1))


def _binned(numbers: Float64s) -> Int64s:
    """Groups of about equal size by rank; what is equal stays together, and two at least differ."""
    values, codes = np.unique(numbers, return_inverse=True)
    runs = len(numbers)
    bins = max(2, min(BINS, runs // 2))
    if len(values) <= bins:
        return codes.astype(np.int64)
    _, dense = np.unique(_ranks(numbers) * bins // runs, return_inverse=True)
    return dense.astype(np.int64)


def _ranks(values: npt.NDArray[np.float64]) -> Float64s:
    """Ranks from 0, equal values sharing the mean of theirs."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts + 1) / 2)[codes]
