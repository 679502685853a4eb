"""COS time stamps: single-precision multiples of the clock's period, and the bins that they fall into.

A stamp ``k * TICK_S`` stands for the photons of ``((k - 1) * TICK_S, k * TICK_S]``; an event is placed by the middle of
its tick (:mod:`hstlc.events.binning`). Stamps hardly ever run back, so that a block of them is placed by looking for
the first stamp of each bin, not for the bin of each stamp.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.missions.hst.tick_bins import OUTSIDE, tick_bins
from hstlc.model import Intervals

__all__ = ["OUTSIDE", "TICK_S", "Placer", "is_ordered", "middle_s"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Period of the COS clock.
TICK_S = 0.032


def middle_s(stamps: NDArray[Any]) -> FloatArray:
    """Return the middle of the tick of each time stamp, seconds."""
    return np.asarray((_ticks(stamps) - 0.5) * TICK_S)


def _ticks(stamps: NDArray[Any]) -> FloatArray:
    return np.asarray(np.rint(np.asarray(stamps, dtype=np.float64) / TICK_S))


def is_ordered(stamps: NDArray[Any]) -> bool:
    """Tell whether stamps are single-precision numbers that never fall."""
    falls = (stamps[1:] < stamps[:-1]).any()
    return bool(stamps.dtype == np.float32 and not falls and np.isfinite(stamps).all())


class Placer:
    """Bins of the events of a list.

    Parameters
    ----------
    gti : Intervals
        Good times, seconds.
    edges_s : ndarray of float64, shape (n + 1,), seconds, optional
        Edges of the bins, increasing; without, all good time is bin 0.
    """

    def __init__(self, gti: Intervals, edges_s: FloatArray | None = None) -> None:
        self._cuts, self._bins = tick_bins(gti, edges_s, TICK_S)
        self._stamps = _first_stamp(self._cuts)

    def place(self, stamps: NDArray[Any]) -> IntArray:
        """Return the bin of each stamp, :data:`OUTSIDE` for those not in good time or not finite.

        Parameters
        ----------
        stamps : ndarray of float32, shape (n,), seconds
            As in the column TIME.
        """
        if not is_ordered(stamps):
            finite = np.isfinite(stamps)
            ticks = _ticks(np.where(finite, stamps, 0.0)).astype(np.int64) - 1
            bins = self._bins[np.searchsorted(self._cuts, ticks, side="right")]
            return np.where(finite, bins, OUTSIDE)
        return np.repeat(*self.runs(stamps))

    def runs(self, stamps: NDArray[Any]) -> tuple[IntArray, IntArray]:
        """Return the bins of ordered stamps one after the other, and how many of the stamps are in each."""
        if not len(stamps):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        first, last = np.searchsorted(self._stamps, stamps[[0, -1]], side="right")
        edges = np.searchsorted(stamps, self._stamps[first:last])
        return self._bins[first : last + 1], np.diff(np.concatenate(([0], edges, [len(stamps)])))


def _first_stamp(ticks: IntArray) -> NDArray[np.float32]:
    """Return the smallest single-precision stamp of each tick, counted from 0, or of a later one."""
    stamp = ((ticks + 0.5) * TICK_S).astype(np.float32)
    for _ in range(2):
        stamp = np.nextafter(stamp, np.float32(-np.inf))
    for _ in range(4):
        stamp = np.where(_ticks(stamp) - 1 >= ticks, stamp, np.nextafter(stamp, np.float32(np.inf)))
    return stamp
