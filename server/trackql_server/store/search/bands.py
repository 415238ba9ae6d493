"""The mean curve of several series with a band around it, aligned on step: no database here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from trackql_server.store.columns import Float64s, Int64s


@dataclass(frozen=True, slots=True)
class Band:
    """For each of some steps: how many series have it, their mean, and a band around it.

    A step stands for the `width` steps from it on; a series counts there with the mean of its
    points that are numbers.
    """

    width: int
    steps: Int64s
    n: Int64s
    mean: Float64s
    std: Float64s
    low: Float64s
    high: Float64s


def band(series: Iterable[tuple[Int64s, Float64s]], low: int, high: int, points: int) -> Band:
    """The band of series of (steps, values) over the steps from `low` to `high`.

    At most about `points` steps are told apart: buckets are as wide as the least power of two that
    makes them so few, on a grid that begins at step 0, so that they do not move as series grow.
    """
    shift = 0
    while (high >> shift) - (low >> shift) + 1 > points:
        shift += 1
    first = low >> shift
    size = (high >> shift) - first + 1
    n = np.zeros(size, np.int64)
    mean, spread, total = np.zeros(size), np.zeros(size), np.zeros(size)
    least, most = np.full(size, np.inf), np.full(size, -np.inf)
    with np.errstate(all="ignore"):
        for steps, values in series:
            usable = ~np.isnan(values) & (steps >= low) & (steps <= high)
            if not usable.all():
                steps, values = steps[usable], values[usable]
            places = (steps >> shift) - first
            counts = np.bincount(places, minlength=size)
            there = np.flatnonzero(counts)
            own = np.bincount(places, weights=values, minlength=size)[there] / counts[there]
            # Welford's update: no large sums of squares are subtracted.
            n[there] += 1
            moved = own - mean[there]
            mean[there] += moved / n[there]
            spread[there] += moved * (own - mean[there])
            total[there] += own
            least[there] = np.minimum(least[there], own)
            most[there] = np.maximum(most[there], own)
        kept = np.flatnonzero(n)
        count = n[kept]
        std = np.sqrt(spread[kept] / np.maximum(count - 1, 1))
        # Nothing moves on from infinity, so there the plain sum tells the mean.
        middle = np.where(np.isfinite(mean[kept]), mean[kept], total[kept] / count)
        std[count < 2] = np.nan
    return Band(
        1 << shift,
        (kept + first) << shift,
        count,
        middle,
        std,
        least[kept],
        most[kept],
    )


def extent(ranges: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The steps from the least to the greatest of some ranges."""
    if not ranges:
        return None
    return min(low for low, _ in ranges), max(high for _, high in ranges)
