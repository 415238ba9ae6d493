"""Histograms."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from trackql.errors import InvalidInput

from . import arrays, counting
from .base import Encoded, Media, size_of

BINS = 512


class Histogram(Media):
    """How numbers are spread: of the numbers themselves, or as counts between edges.

    What is NaN or infinite is counted apart.
    """

    kind = "HISTOGRAM"

    def __init__(
        self,
        values: Any = None,
        bins: int = 64,
        caption: str | None = None,
        *,
        counts: Any = None,
        edges: Any = None,
    ) -> None:
        super().__init__(caption)
        if (values is None) != (counts is not None and edges is not None):
            raise InvalidInput("give values, or counts with edges", argument="values")
        self._values: Any = None
        self._counted: dict[str, Any] | None = None
        if type(bins) is not int or not 1 <= bins <= BINS:
            raise InvalidInput(f"bins must be from 1 to {BINS}", argument="bins")
        self._bins = bins
        if values is None:
            self._counted = {"counts": _plain(counts, "counts"), "edges": _plain(edges, "edges")}
            self._check(self._counted)
        elif arrays.is_array(values):
            self._values = arrays.copied(values, "values")
        else:
            self._values = _plain(values, "values")

    @staticmethod
    def _check(given: dict[str, Any]) -> None:
        counts, edges = given["counts"], given["edges"]
        good = all(math.isfinite(each) and each >= 0 for each in counts)
        if not 1 <= len(counts) <= BINS or not good:
            raise InvalidInput(
                f"counts must be 1 to {BINS} numbers that are not negative", argument="counts"
            )
        rising = all(low < high for low, high in pairwise(edges))
        if len(edges) != len(counts) + 1 or not rising or not all(map(math.isfinite, edges)):
            raise InvalidInput(
                f"edges must be {len(counts) + 1} rising numbers, one more than counts",
                argument="edges",
            )

    @property
    def body(self) -> dict[str, Any]:
        """The counts with their edges, or with the least and the greatest, as they are stored."""
        if self._counted is None:
            self._counted = counting.count(self._values, self._bins)
        return self._counted

    @property
    def counts(self) -> list[float]:
        """How many numbers lie in each bin."""
        return list(self.body["counts"])

    @property
    def edges(self) -> list[float]:
        """The edges of the bins, one more than there are counts."""
        body = self.body
        if "edges" in body:
            return list(body["edges"])
        return counting.edges(body["min"], body["max"], len(body["counts"]))

    def _encode(self) -> Encoded:
        return Encoded(None, body=self.body)

    def _size(self) -> int:
        return size_of(self._values) if hasattr(self._values, "nbytes") else 32 * self._bins


def _plain(numbers: Any, argument: str) -> list[Any]:
    """Numbers as floats; whole counts stay whole."""
    found = numbers.tolist() if hasattr(numbers, "tolist") else numbers
    try:
        return [each if type(each) is int else float(each) for each in found]
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{argument} must be numbers: {error}", argument=argument) from error
