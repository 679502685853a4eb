"""Background flares: when so many particles or protons arrive that sources drown.

Each function takes plain arrays; what is done with the times found, a flag or a cut, is the caller's choice.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hstlc.events.binning import bin_edges
from hstlc.events.live_clock import LiveClock
from hstlc.model import Intervals

__all__ = ["MINIMUM_KEPT", "clean_bins", "high_energy_flares", "joined_bins", "overlapping", "sigma_bins"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Where :func:`clean_bins` keeps a smaller part of the bins, it has not found the quiet level.
MINIMUM_KEPT = 0.1

#: A rate is taken over at least this part of a bin: two events in a second left of it are no flare.
_SHORTEST_PART = 0.5

_ROUNDS = 100


def high_energy_flares(time_s: FloatArray, clock: LiveClock, threshold_ct_s: float, width_s: float) -> Intervals:
    """Find flares in the events of an energy that hardly any source emits and the telescope hardly focuses.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n,), seconds
        Events of the whole field at such energies, 10 to 12 keV; in any order.
    clock : LiveClock
        Live time of the detectors; of several lists, that of one.
    threshold_ct_s : float, counts / s
        A bin above it is bad. With several lists, their sum: 0.5 a list is usual.
    width_s : float, seconds
        Width of the bins, which begin with the first live time.

    Returns
    -------
    Intervals
        Bad bins, neighbors joined. What overlaps them is bad: :func:`overlapping`.

    Raises
    ------
    UsageError
        ``usage.bin-width``: as :func:`hstlc.events.bin_edges`.

    Examples
    --------
    >>> quiet = LiveClock.of([(Intervals.of([0.0], [300.0]), 1.0)])
    >>> high_energy_flares(np.linspace(100.0, 199.0, 80), quiet, 0.5, 100.0)
    Intervals(start=array([100.]), stop=array([200.]))
    """
    good = clock.good
    if not len(good):
        return Intervals.of([], [])
    edges_s = good.start[0] + bin_edges(float(good.stop[-1] - good.start[0]), width_s)
    counts = np.diff(np.searchsorted(np.sort(time_s), edges_s))
    live_s = clock.between(edges_s)
    return joined_bins(edges_s, counts / np.maximum(live_s, _SHORTEST_PART * width_s) > threshold_ct_s)


def joined_bins(edges_s: FloatArray, chosen: BoolArray) -> Intervals:
    """Return some bins as intervals, neighbors joined.

    Examples
    --------
    >>> joined_bins(np.array([0.0, 1.0, 2.0, 3.0]), np.array([True, True, False]))
    Intervals(start=array([0.]), stop=array([2.]))
    """
    return Intervals.of(edges_s[:-1][chosen], edges_s[1:][chosen])


def overlapping(edges_s: FloatArray, bad: Intervals) -> BoolArray:
    """Tell for each bin whether any of it lies in bad time; to touch is not to overlap.

    Examples
    --------
    >>> overlapping(np.array([0.0, 5.0, 10.0, 15.0]), Intervals.of([9.0], [10.0]))
    array([False,  True, False])
    """
    if not len(bad):
        return np.zeros(len(edges_s) - 1, dtype=bool)
    following = np.searchsorted(bad.stop, edges_s[:-1], side="right")  # first that ends after the bin begins
    start = np.append(bad.start, np.inf)[following]
    return np.asarray(start < edges_s[1:])


def sigma_bins(rate: FloatArray, *, sigmas: float = 3.0, shortest_run: int = 3) -> BoolArray:
    """Return the good bins of a background curve by clipping at multiples of its standard deviation.

    Clipping is repeated until nothing changes; then a run of good bins counts that is long enough. Bins without any
    count are taken for dead and never good. This is the method ``sigma`` of the task ``deflare`` of CIAO, from its
    description.

    Parameters
    ----------
    rate : ndarray of float64, shape (n,), counts / s
        In bins of equal width; NaN counts as zero.
    sigmas : float
        Half width of what is kept.
    shortest_run : int
        Neighboring good bins that are needed.

    Examples
    --------
    >>> sigma_bins(np.array([1.0, 1.1, 0.9] * 5 + [9.0])).sum()
    np.int64(15)
    """
    used = _used(rate)
    good = _clipped(rate, used, used, lambda chosen: sigmas * float(np.std(chosen)))
    return _long_runs(good, shortest_run)


def clean_bins(rate: FloatArray, width_s: float, *, sigmas: float = 3.0, factor: float = 1.2) -> BoolArray:
    """Return the good bins of a background curve: within a factor of its quiet level.

    The quiet level is the mean after clipping at multiples of the deviation that counting alone gives, the square root
    of ``mean / width``. Clipping begins at the median, so that a long flare does not hide it. This is the method
    ``clean`` of the task ``deflare`` of CIAO, from its description. Less than :data:`MINIMUM_KEPT` of the bins is a
    sign that the quiet level was not found.

    Parameters
    ----------
    rate : ndarray of float64, shape (n,), counts / s
        In bins of equal width; zero and NaN are taken for dead and never good.
    width_s : float, seconds
        Width of the bins.
    sigmas, factor : float
        Half width of the clipping, and what is kept: from ``mean / factor`` to ``mean * factor``.

    Examples
    --------
    >>> clean_bins(np.array([1.0, 1.1, 0.9, 1.3, 9.0]), 100.0)
    array([ True,  True,  True, False, False])
    """
    used = _used(rate)
    if not used.any():
        return used
    median = used & (rate == np.quantile(rate[used], 0.5, method="lower"))
    quiet = _clipped(rate, used, median, lambda chosen: sigmas * float(np.sqrt(np.mean(chosen) / width_s)))
    mean = float(np.mean(rate[quiet]))
    return np.asarray(used & (rate >= mean / factor) & (rate <= mean * factor))


def _used(rate: FloatArray) -> BoolArray:
    return np.isfinite(rate) & (np.nan_to_num(rate) > 0)


def _clipped(rate: FloatArray, used: BoolArray, first: BoolArray, reach: Callable[[FloatArray], float]) -> BoolArray:
    """Return the bins that are within reach of the mean of themselves, found from those that are first taken."""
    good = first
    for _ in range(_ROUNDS):
        chosen = rate[good]
        if not len(chosen):
            break
        kept = used & (np.abs(np.nan_to_num(rate) - np.mean(chosen)) <= reach(chosen))
        if np.array_equal(kept, good):
            break
        good = kept
    return good


def _long_runs(good: BoolArray, shortest: int) -> BoolArray:
    """Return those that have enough neighbors."""
    padded = np.concatenate(([False], good, [False]))
    turns = np.flatnonzero(padded[1:] != padded[:-1])
    starts, stops = turns[::2], turns[1::2]
    kept = np.zeros(len(good), dtype=bool)
    for start, stop in zip(starts, stops, strict=True):
        kept[start:stop] = stop - start >= shortest
    return kept
