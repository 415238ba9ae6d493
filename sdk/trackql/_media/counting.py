"""Histograms: how many numbers lie between edges; what is not finite is counted apart."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any


def count(values: Any, bins: int) -> dict[str, Any]:
    """Counts in bins of one width from the least to the greatest; by numpy for its arrays."""
    if hasattr(values, "dtype"):
        return _of_array(values, bins)
    return _of_numbers(values, bins)


def _of_array(values: Any, bins: int) -> dict[str, Any]:
    import numpy as np

    numbers = values.ravel()
    if numbers.dtype.kind == "f" and numbers.dtype.itemsize <= 4:
        finite = np.isfinite(numbers)
        good = numbers if finite.all() else numbers[finite]
    else:
        numbers = numbers.astype(np.float64)
        finite = np.isfinite(numbers)
        good = numbers if finite.all() else numbers[finite]
    apart = _apart(
        int(np.isnan(numbers).sum()),
        int((numbers == np.inf).sum()),
        int((numbers == -np.inf).sum()),
    )
    if not len(good):
        return {"counts": [0] * bins, "min": 0.0, "max": 1.0, **apart}
    low, high = _range(float(good.min()), float(good.max()))
    # Halved, since the width of the greatest range is no number.
    scale = bins / (high / 2 - low / 2)
    places = ((good.astype(np.float64) / 2 - low / 2) * scale).astype(np.int64)
    counts = np.bincount(np.clip(places, 0, bins - 1), minlength=bins)
    return {"counts": counts.tolist(), "min": low, "max": high, **apart}


def _of_numbers(values: Sequence[float], bins: int) -> dict[str, Any]:
    good = [each for each in values if math.isfinite(each)]
    apart = _apart(sum(map(math.isnan, values)), values.count(math.inf), values.count(-math.inf))
    counts = [0] * bins
    if not good:
        return {"counts": counts, "min": 0.0, "max": 1.0, **apart}
    low, high = _range(min(good), max(good))
    scale = bins / (high / 2 - low / 2)
    for each in good:
        counts[min(bins - 1, max(0, int((each / 2 - low / 2) * scale)))] += 1
    return {"counts": counts, "min": low, "max": high, **apart}


def _range(low: float, high: float) -> tuple[float, float]:
    """Widened where it is so narrow that bins could not be told apart."""
    least = max(abs(low), abs(high)) * 1e-9
    if high / 2 - low / 2 > least / 2 and high - low > 1e-290:
        return low, high
    room = max(0.5 if abs(low) < 1e6 else 0.0, least)
    limit = sys.float_info.max
    return max(-limit, low - room), min(limit, high + room)


def edges(low: float, high: float, bins: int) -> list[float]:
    """The edges of bins of one width."""
    # Halved, since the width of the greatest range is no number.
    half, width = low / 2, high / 2 - low / 2
    return [low, *(2 * (half + width * (place / bins)) for place in range(1, bins)), high]


def _apart(nan: int, positive: int, negative: int) -> dict[str, int]:
    found = {"nan": nan, "positiveInfinity": positive, "negativeInfinity": negative}
    return {name: each for name, each in found.items() if each}
