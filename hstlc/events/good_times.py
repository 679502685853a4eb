"""Good times of a camera of several detectors, each with its own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hstlc.model import Intervals

__all__ = ["detector_shares", "in_own_good_time"]


def in_own_good_time(
    time_s: NDArray[np.float64], detector: NDArray[np.integer], gti: Mapping[int, Intervals]
) -> NDArray[np.bool_]:
    """Tell for each event whether it fell into a good time of the detector that saw it.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n,), seconds
    detector : ndarray of int, shape (n,)
        Number of the detector, such as of a CCD.
    gti : mapping of int to Intervals
        Good times of each; one that is missing has none.

    Examples
    --------
    >>> in_own_good_time(np.array([1.0, 1.0, 5.0]), np.array([3, 4, 3]), {3: Intervals.of([0.0], [2.0])})
    array([ True, False, False])
    """
    good = np.zeros(len(time_s), dtype=bool)
    for number, intervals in gti.items():
        rows = np.flatnonzero(detector == number)
        good[rows] = intervals.contains(time_s[rows])
    return good


def detector_shares(detector: NDArray[np.integer]) -> dict[int, float]:
    """Return which part of some events each detector saw, the largest first: its share of a region.

    Examples
    --------
    >>> detector_shares(np.array([7, 6, 7, 7]))
    {7: 0.75, 6: 0.25}
    """
    numbers, counts = np.unique(detector, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {int(numbers[i]): float(counts[i] / len(detector)) for i in order}
