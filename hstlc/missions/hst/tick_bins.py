"""The bin that each tick of a detector's clock falls into: one look-up, whatever the clock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hstlc.events.binning import ticks_before
from hstlc.model import Intervals

__all__ = ["OUTSIDE", "tick_bins"]

IntArray = NDArray[np.int64]

#: Bin of an event that is in no bin or not in good time.
OUTSIDE = -1


def tick_bins(gti: Intervals, edges_s: NDArray[np.float64] | None, tick_s: float) -> tuple[IntArray, IntArray]:
    """Return the ticks, counted from 0, at which the bin changes, and the bin before the first and from each on.

    Parameters
    ----------
    gti : Intervals
        Good times, seconds.
    edges_s : ndarray of float64, shape (n + 1,), seconds, or None
        Edges of the bins, increasing; None makes all good time bin 0.
    tick_s : float, seconds
        Period of the clock.

    Returns
    -------
    cuts : ndarray of int64, shape (m,)
    bins : ndarray of int64, shape (m + 1,)
        :data:`OUTSIDE` where no time is good.

    Examples
    --------
    >>> tick_bins(Intervals.of([0.0], [3.0]), np.array([0.0, 2.0, 4.0]), 1.0)
    (array([0, 2, 3, 4]), array([-1,  0,  1, -1, -1]))
    """
    start, stop = ticks_before(gti.start, tick_s), ticks_before(gti.stop, tick_s)
    edges = np.zeros(0, dtype=np.int64) if edges_s is None else ticks_before(edges_s, tick_s)
    cuts = np.unique(np.concatenate((edges, start, stop)))
    bins = np.zeros(len(cuts), np.int64) if edges_s is None else np.searchsorted(edges, cuts, side="right") - 1
    inside = Intervals.of(start, stop).contains(cuts) & (bins >= 0) & (bins < max(len(edges) - 1, 1))
    return cuts, np.concatenate(([OUTSIDE], np.where(inside, bins, OUTSIDE)))
