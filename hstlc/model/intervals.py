"""Sets of half-open time intervals: good-time intervals and their algebra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Intervals"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """A sorted set of disjoint half-open intervals ``[start, stop)``.

    Attributes
    ----------
    start, stop : ndarray of float64, seconds
        Same length; ``start[i] < stop[i] < start[i + 1]``.
    """

    start: FloatArray
    stop: FloatArray

    @classmethod
    def of(cls, start: ArrayLike, stop: ArrayLike) -> Intervals:
        """Make a set from any starts and stops: sorted, overlaps and touching ones joined, empty ones left out.

        Raises
        ------
        ValueError
            Lengths differ or a limit is not finite.

        Examples
        --------
        >>> Intervals.of([5, 0, 1], [6, 2, 3]).total
        4.0
        """
        a = np.atleast_1d(np.asarray(start, dtype=np.float64))
        b = np.atleast_1d(np.asarray(stop, dtype=np.float64))
        if a.shape != b.shape or a.ndim != 1:
            raise ValueError("starts and stops must be two lists of the same length")
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            raise ValueError("an interval has a limit that is not finite")
        keep = b > a
        order = np.argsort(a[keep], kind="stable")
        a, b = a[keep][order], b[keep][order]
        if a.size:
            reach = np.maximum.accumulate(b)
            first = np.concatenate(([True], a[1:] > reach[:-1]))
            last = np.concatenate((first[1:], [True]))
            a, b = a[first], reach[last]
        return cls(a, b)

    def __len__(self) -> int:
        return len(self.start)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Intervals):
            return NotImplemented
        return np.array_equal(self.start, other.start) and np.array_equal(self.stop, other.stop)

    __hash__ = None  # type: ignore[assignment]

    @property
    def total(self) -> float:
        """Sum of the lengths, seconds."""
        return float(np.sum(self.stop - self.start))

    def contains(self, time_s: ArrayLike) -> NDArray[np.bool_]:
        """Tell for each time whether it lies in an interval."""
        t = np.asarray(time_s, dtype=np.float64)
        if len(self) == 1:
            return np.asarray((t >= self.start[0]) & (t < self.stop[0]))
        index = np.searchsorted(self.start, t, side="right") - 1
        inside: NDArray[np.bool_] = index >= 0
        if len(self):
            inside &= t < self.stop[np.maximum(index, 0)]
        return inside

    def intersect(self, other: Intervals) -> Intervals:
        """Return what lies in both sets."""
        if not len(self) or not len(other):
            return Intervals.of([], [])
        cuts = np.unique(np.concatenate((self.start, self.stop, other.start, other.stop)))
        middle = (cuts[:-1] + cuts[1:]) / 2
        keep = self.contains(middle) & other.contains(middle)
        return Intervals.of(cuts[:-1][keep], cuts[1:][keep])

    def union(self, other: Intervals) -> Intervals:
        """Return what lies in either set."""
        return Intervals.of(np.concatenate((self.start, other.start)), np.concatenate((self.stop, other.stop)))

    def complement(self, start_s: float, stop_s: float) -> Intervals:
        """Return what of ``[start_s, stop_s)`` lies in no interval: the bad times."""
        inside = self.intersect(Intervals.of([start_s], [stop_s]))
        return Intervals.of(np.concatenate(([start_s], inside.stop)), np.concatenate((inside.start, [stop_s])))
