"""STIS time stamps: whole numbers of ticks of 125 microseconds, and the bins that they fall into.

A stamp ``k`` stands for the photons of ``((k - 1) * TICK_S, k * TICK_S]``, as those of COS do; an event is placed by
the middle of its tick (:mod:`hstlc.events.binning`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.missions.hst.tick_bins import OUTSIDE, tick_bins
from hstlc.model import Intervals

__all__ = ["NO_TIME", "OUTSIDE", "TICK_S", "TickPlacer", "middle_s", "ticks_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Period of the STIS clock.
TICK_S = 125e-6

#: Tick of an event whose time is not a number.
NO_TIME = -(2**62)


def ticks_of(stored: NDArray[Any], scale: float = 1.0, zero: float = 0.0) -> IntArray:
    """Return the ticks of stored times; those that are not numbers become :data:`NO_TIME`.

    Parameters
    ----------
    stored : ndarray, shape (n,)
        The column as it is stored: ``scale * stored + zero`` are seconds.

    Examples
    --------
    >>> ticks_of(np.array([483, 593], dtype=">i4"), 0.000125), ticks_of(np.array([0.060375]))
    (array([483, 593]), array([483]))
    """
    if stored.dtype.kind in "iu" and scale == TICK_S and zero == 0:
        return stored.astype(np.int64)
    seconds = np.asarray(stored, dtype=np.float64) * scale + zero
    finite = np.isfinite(seconds)
    return np.where(finite, np.rint(np.where(finite, seconds, 0.0) / TICK_S).astype(np.int64), NO_TIME)


def middle_s(ticks: IntArray) -> FloatArray:
    """Return the middle of each tick, seconds; NaN for :data:`NO_TIME`."""
    return np.where(ticks == NO_TIME, np.nan, (ticks - 0.5) * TICK_S)


class TickPlacer:
    """Bins of the events of a list.

    Parameters
    ----------
    gti : Intervals
        Good times, seconds.
    edges_s : ndarray of float64, shape (n + 1,), seconds, optional
        Edges of the bins, increasing; without, all good time is bin 0.
    """

    def __init__(self, gti: Intervals, edges_s: FloatArray | None = None) -> None:
        cuts, self._bins = tick_bins(gti, edges_s, TICK_S)
        self._cuts = cuts + 1  # a tick k is number k - 1 from zero

    def place(self, ticks: IntArray) -> IntArray:
        """Return the bin of each tick, :data:`OUTSIDE` for those not in good time."""
        return np.asarray(self._bins[np.searchsorted(self._cuts, ticks, side="right")])
