"""Time bins of equal width and the live time of each.

A detector clock that ticks makes times a lattice: with 32-ms ticks a 2-s bin holds 62 or 63 of them alternately, and
a bin edge can fall on a time stamp. Both events and live time are therefore counted in whole ticks, a tick belonging
to the bin that holds its middle; counts per live second of a constant source are then constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hstlc.errors import UsageError
from hstlc.model import Intervals

__all__ = ["MAX_BINS", "bin_edges", "bin_index", "live_time", "tick_number", "ticks_before"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NumberArray = NDArray[Any]

# Times on disk are float32 or rounded; a tick number is whole to better than this.
_SLACK = 1e-6

MAX_BINS = 50_000_000


def tick_number(time_s: ArrayLike, tick_s: float) -> IntArray:
    """Return the number (from 0) of the tick that each time, the middle of a tick, stands for."""
    return np.rint(np.asarray(time_s, dtype=np.float64) / tick_s - 0.5).astype(np.int64)


def ticks_before(time_s: ArrayLike, tick_s: float) -> IntArray:
    """Return how many ticks after time zero have their middle before each time."""
    return np.ceil(np.asarray(time_s, dtype=np.float64) / tick_s - 0.5 - _SLACK).astype(np.int64)


def bin_edges(stop_s: float, width_s: float, tick_s: float = 0.0) -> FloatArray:
    """Return edges ``0, w, 2w, ...`` up to the first at or after ``stop_s``.

    Parameters
    ----------
    stop_s : float, seconds
        End of the last good time.
    width_s : float, seconds
        Bin width.
    tick_s : float, seconds
        Clock period, 0 for continuous times.

    Returns
    -------
    ndarray of float64, shape (n + 1,), seconds
        At least one bin.

    Raises
    ------
    UsageError
        ``usage.bin-width``: not positive and finite, below the clock period, or so small that the bins do not fit.

    Examples
    --------
    >>> bin_edges(5.0, 2.0)
    array([0., 2., 4., 6.])
    """
    if not 0 < width_s < np.inf:
        raise UsageError("usage.bin-width", f"a bin of {width_s} s cannot be made", "give a positive, finite width")
    if width_s < tick_s * (1 - _SLACK):
        raise UsageError(
            "usage.bin-width",
            f"a bin of {width_s} s is shorter than the detector's clock period of {tick_s} s",
            f"give a width of at least {tick_s} s",
            width_s=width_s,
            tick_s=tick_s,
        )
    number = max(1.0, np.ceil(float(stop_s) / float(width_s) - _SLACK))  # infinite next to a width of zero
    if number > MAX_BINS:
        raise UsageError(
            "usage.bin-width",
            f"{stop_s:.0f} s in bins of {width_s} s would be {number:.0f} bins, more than {MAX_BINS}",
            "give a larger bin width",
        )
    last_s = number * width_s
    short = ticks_before(last_s, tick_s) < ticks_before(stop_s, tick_s) if tick_s else last_s < stop_s
    return np.arange(number + 1 + short, dtype=np.float64) * np.float64(width_s)


def bin_index(time_s: ArrayLike, edges_s: FloatArray, tick_s: float = 0.0) -> IntArray:
    """Return the bin number of each time; -1 before the first edge, n from the last edge on."""
    if tick_s:
        index = np.searchsorted(ticks_before(edges_s, tick_s), tick_number(time_s, tick_s), side="right")
    else:
        index = np.searchsorted(edges_s, np.asarray(time_s, dtype=np.float64), side="right")
    return index.astype(np.int64) - 1


def live_time(edges_s: FloatArray, gti: Intervals, tick_s: float = 0.0) -> FloatArray:
    """Return the good time inside each bin.

    Parameters
    ----------
    edges_s : ndarray of float64, shape (n + 1,), seconds
        Bin edges, increasing.
    gti : Intervals
        Good times.
    tick_s : float, seconds
        Clock period: whole good ticks are counted. 0: the exact overlap.

    Returns
    -------
    ndarray of float64, shape (n,), seconds

    Examples
    --------
    >>> live_time(np.array([0.0, 2.0, 4.0]), Intervals.of([1.0], [3.5]))
    array([1. , 1.5])
    >>> live_time(np.array([0.0, 2.0, 4.0]), Intervals.of([0.0], [4.0]), tick_s=0.032)
    array([1.984, 2.016])
    """
    if not len(gti):
        return np.zeros(len(edges_s) - 1)
    if not tick_s:
        return np.diff(_good_before(edges_s, gti.start, gti.stop))
    start, stop = ticks_before(gti.start, tick_s), ticks_before(gti.stop, tick_s)
    return np.diff(_good_before(ticks_before(edges_s, tick_s), start, stop)) * tick_s


def _good_before(at: NumberArray, start: NumberArray, stop: NumberArray) -> NumberArray:
    """Return the summed length of the sorted, disjoint intervals before each point of ``at``."""
    length = stop - start
    before = np.cumsum(length) - length
    index = np.searchsorted(start, at, side="right") - 1
    inside = np.maximum(index, 0)
    good: NumberArray = np.where(index < 0, 0, before[inside] + np.minimum(at - start[inside], length[inside]))
    return good
