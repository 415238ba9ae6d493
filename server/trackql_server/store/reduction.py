"""Anchored reduction: a curve drawn in few points without losing a spike.

The axis is cut into buckets of a power-of-two width on a fixed grid (bucket = coordinate >> shift).
Of each bucket stay the first and last point, the least and greatest value and the first NaN, so
every extreme survives, a closed bucket never changes at a given width, and at twice the width the
points that stay are a subset of those before. Reducing what was reduced piece by piece gives the
same points as reducing the whole.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trackql_server.store.columns import Float64s, Int64s

Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Points:
    """Aligned columns: position along the axis, offset in the series, step, time, value.

    `smoothed` is the moving average at each point, where one was asked for.
    """

    axis: Int64s
    offsets: Int64s
    steps: Int64s
    times: Int64s
    values: Float64s
    smoothed: Float64s | None = None

    def __len__(self) -> int:
        return len(self.offsets)

    def take(self, indices: Indices | Mask | slice) -> "Points":
        """The points at `indices`; a column that stands in several places is taken once."""
        taken: dict[int, Int64s] = {}

        def pick(column: Int64s) -> Int64s:
            if id(column) not in taken:
                taken[id(column)] = column[indices]
            return taken[id(column)]

        return Points(
            pick(self.axis),
            pick(self.offsets),
            pick(self.steps),
            pick(self.times),
            self.values[indices],
            None if self.smoothed is None else self.smoothed[indices],
        )

    @staticmethod
    def join(parts: "list[Points]") -> "Points":
        """The points of all parts, in their order."""
        if len(parts) == 1:
            return parts[0]
        smoothed = [part.smoothed for part in parts if part.smoothed is not None]
        return Points(
            np.concatenate([part.axis for part in parts]),
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.steps for part in parts]),
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.values for part in parts]),
            np.concatenate(smoothed) if smoothed else None,
        )


def shift_for(low: int, high: int, buckets: int) -> int:
    """The least shift for which low..high (both inclusive) falls into at most `buckets` buckets.

    Never more than 62, so that the width is an int64 itself: int64 has four buckets then.
    """
    shift = 0
    while shift < 62 and (high >> shift) - (low >> shift) + 1 > buckets:
        shift += 1
    return shift


def ordered(points: Points) -> Points:
    """Sorted by axis, ties by offset; as they are where they already rise."""
    if len(points) < 2 or bool((points.axis[1:] >= points.axis[:-1]).all()):
        return points
    return points.take(np.lexsort((points.offsets, points.axis)))


def reduce(points: Points, shift: int) -> Points:
    """What stays of `points`, sorted by axis, at buckets of width 2**shift."""
    points = ordered(points)
    if len(points) < 3:
        return points
    return points.take(_kept(points.axis >> shift, points.values))


def _kept(buckets: Int64s, values: Float64s) -> Indices:
    count = len(buckets)
    starts = np.flatnonzero(buckets[1:] != buckets[:-1]) + 1
    starts = np.concatenate(([0], starts))
    if 2 * len(starts) >= count and len(starts) == count:
        return np.arange(count)
    lengths = np.diff(np.append(starts, count))
    nan = np.isnan(values)
    has_nan = bool(nan.any())
    chosen = [starts, starts + lengths - 1]
    chosen.append(
        _first_where(values, np.minimum, np.inf, nan if has_nan else None, starts, lengths)
    )
    chosen.append(
        _first_where(values, np.maximum, -np.inf, nan if has_nan else None, starts, lengths)
    )
    if has_nan:
        at = np.flatnonzero(nan)
        ordinal = np.searchsorted(starts, at, side="right")
        chosen.append(at[np.concatenate(([True], ordinal[1:] != ordinal[:-1]))])
    mask = np.zeros(count, np.bool_)
    for indices in chosen:
        mask[indices] = True
    return np.flatnonzero(mask)


def _first_where(
    values: Float64s,
    extreme: np.ufunc,
    neutral: float,
    nan: npt.NDArray[np.bool_] | None,
    starts: Indices,
    lengths: Indices,
) -> Indices:
    """Index of the first occurrence of each bucket's extreme, NaN left out."""
    filled = values if nan is None else np.where(nan, neutral, values)
    extremes = extreme.reduceat(filled, starts)
    hits = filled == np.repeat(extremes, lengths)
    if nan is not None:
        hits &= ~nan
    at = np.flatnonzero(hits)
    if len(at) == 0:
        return at
    ordinal = np.searchsorted(starts, at, side="right")
    return at[np.concatenate(([True], ordinal[1:] != ordinal[:-1]))]


# Within a block the weights span at most 1e-100..1, far from where float64 loses its precision.
BLOCK_SPAN = 1e-100

# An infinity would turn all that follows into NaN; a huge number shows the same and passes.
HUGE = 1e150


class Smoother:
    """Debiased exponential moving average, fed piece by piece: s = w*s + (1-w)*v, over 1 - w**n.

    The rule of TensorBoard's smoothing, but over the full series, so that what is drawn does not
    depend on how many points are drawn. NaN is passed by.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.carry = 0.0
        self.seen = 0

    def feed(self, values: Float64s) -> Float64s:
        """The moving average at each of the next `values`."""
        numbers = ~np.isnan(values)
        smoothed = np.full(len(values), np.nan)
        smoothed[numbers] = self._feed(np.clip(values[numbers], -HUGE, HUGE))
        return smoothed

    def _feed(self, values: Float64s) -> Float64s:
        weight, result = self.weight, np.empty(len(values))
        block = max(1, min(4096, int(np.log(BLOCK_SPAN) / np.log(weight))))
        powers = weight ** np.arange(block)
        for begin in range(0, len(values), block):
            part = values[begin : begin + block]
            used = powers[: len(part)]
            sums = np.cumsum(part / used)
            result[begin : begin + len(part)] = used * (weight * self.carry + (1 - weight) * sums)
            self.carry = float(result[begin + len(part) - 1])
        # Past this many points the bias is below float64's precision.
        biased = int(np.log(1e-18) / np.log(weight)) + 1 - self.seen
        if biased > 0:
            first = np.arange(self.seen + 1, self.seen + 1 + min(biased, len(values)))
            result[: len(first)] /= 1 - weight**first
        self.seen += len(values)
        return result
