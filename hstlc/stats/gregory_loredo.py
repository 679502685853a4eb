"""Whether arrivals come at a constant rate: the odds of Gregory and Loredo, and the light curve that they imply."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hstlc.events.live_clock import LiveClock

__all__ = ["GregoryLoredo", "GregoryLoredoCurve", "gregory_loredo", "variability_index"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_FEWEST_BINS, _MOST_BINS = 2, 3000
_SHORTEST_S = 50.0  # bins are not narrower
_POINTS = 1000  # of the light curve, of equal live time
_CELLS = 1 << 18  # of arrays that are worked on at once
_LEAST_SHARE = 1e-9  # live time of a bin by that of an average one, below which it holds no events but by rounding
_LEAST_WEIGHT = 1e-9  # of a number of bins in the light curve, by that of the best one
_STRAIGHT = 1e-7  # of all live time: a clock that is nowhere so far from even is
_LN10 = math.log(10.0)


@dataclass(frozen=True, slots=True, eq=False)
class GregoryLoredoCurve:
    """The rate that the odds imply, at points of equal live time.

    Attributes
    ----------
    start_s, stop_s : ndarray of float64, shape (n,), seconds
        The part of the clock's time that a point stands for; gaps are between two points or within one.
    rate, sigma : ndarray of float64, shape (n,), ct/s
        Mean and standard deviation, events per live second. The bands are ``rate - k sigma`` to ``rate + k sigma``.
    """

    start_s: FloatArray
    stop_s: FloatArray
    rate: FloatArray
    sigma: FloatArray

    def within(self, sigmas: float) -> float:
        """Return the part of the points that are so many standard deviations, or fewer, from the mean of all."""
        return float(np.mean(np.abs(self.rate - np.mean(self.rate)) <= sigmas * self.sigma))


@dataclass(frozen=True, slots=True, eq=False)
class GregoryLoredo:
    """What the odds say about a source.

    Attributes
    ----------
    arrivals : int
        Events used.
    log10_odds : float
        Decimal logarithm of the odds of a variable source against a constant one.
    probability : float
        That it varies.
    index : int
        :func:`variability_index`.
    most_bins : int
        Largest number of bins that was looked at.
    peak_bins : int
        The number of bins with the highest odds.
    mean_bins : float
        Mean of the numbers of bins, weighted by their odds.
    timescale_s : float, seconds
        Live time over ``mean_bins``.
    within_3_sigma, within_5_sigma : float
        Part of the light curve that is so near to its mean.
    curve : GregoryLoredoCurve
    """

    arrivals: int
    log10_odds: float
    probability: float
    index: int
    most_bins: int
    peak_bins: int
    mean_bins: float
    timescale_s: float
    within_3_sigma: float
    within_5_sigma: float
    curve: GregoryLoredoCurve


def gregory_loredo(
    time_s: FloatArray, clock: LiveClock, *, shortest_s: float = _SHORTEST_S, most_bins: int | None = None
) -> GregoryLoredo | None:
    """Return the odds that arrivals have a rate that changes, and the light curve that they imply.

    Models of m = 2, 3, ... bins of equal length with a rate each are compared with a constant rate: Gregory and Loredo
    (1992, ApJ 398, 146), for aperiodic variation as Rots (2006, ASP Conf. Ser. 351, 73) uses it. With ``n_j`` of the
    ``N`` events in bin j, whose live time is ``s_j`` times that of an average bin, the odds of m bins are::

        ln O_m = ln (m-1)! - ln (N+m-1)! + N ln m + sum_j ln n_j! - sum_j n_j ln s_j

    and all odds are the mean of ``O_m`` over m. The largest m is first that of bins of ``shortest_s``, at most 3000;
    then the largest one up to which the mean of the odds is above its maximum over the root of e.

    Within one m, the rate of a bin has the mean and variance of a Dirichlet distribution whose prior gives each bin its
    share of one event for each m; those of the light curve are over all m, weighted by odds.

    Bins are equal on the clock, as the archives have them. For bins of equal live time pass the live time before each
    event as ``time_s``, with a clock of the two break points 0 and the total.

    Costs, for 2000 bins: below 0.1 s up to 1000 events, 0.3 s for a million.

    Parameters
    ----------
    time_s : ndarray of float64, shape (N,), seconds
        Arrivals in any order; those at times that are not live are left out.
    clock : LiveClock
        The live time, from its first break point to the last.
    shortest_s : float, seconds
        Length of the shortest bins.
    most_bins : int, optional
        The largest m, instead of the rule.

    Returns
    -------
    GregoryLoredo or None
        None where nothing was live.

    Examples
    --------
    >>> clock = LiveClock(np.array([0.0, 100.0]), np.array([0.0, 100.0]))
    >>> found = gregory_loredo(np.linspace(1, 49, 20), clock, most_bins=2)
    >>> round(10**found.log10_odds, 3), found.index
    (49932.19, 8)
    """
    if len(clock) < 2 or not clock.total > 0:
        return None
    time_s, clock = np.sort(time_s[_live(clock, time_s)]), _straightened(clock)
    by_width = int((clock.time_s[-1] - clock.time_s[0]) / shortest_s)
    most = min(by_width, _MOST_BINS) if most_bins is None else most_bins
    bins = np.arange(_FEWEST_BINS, max(most, _FEWEST_BINS) + 1)
    if len(time_s) < 2:  # nothing can be told: all odds are even, without rounding
        odds = mean = np.zeros(len(bins))
    else:
        odds = _log_odds(time_s, clock, bins)
        mean = np.logaddexp.accumulate(odds) - np.log(np.arange(1, len(bins) + 1))
    used = len(bins) if most_bins is not None else int(np.flatnonzero(mean > np.max(mean) - 0.5)[-1]) + 1
    bins, odds, total = bins[:used], odds[:used], float(mean[used - 1])
    weight = np.exp(odds - np.max(odds))
    curve = _curve(time_s, clock, bins, weight)
    mean_bins = float(weight @ bins / np.sum(weight))
    within = curve.within(3.0), curve.within(5.0)
    return GregoryLoredo(
        arrivals=len(time_s),
        log10_odds=total / _LN10,
        probability=_probability(total),
        index=variability_index(total / _LN10, *within),
        most_bins=int(bins[-1]),
        peak_bins=int(bins[np.argmax(odds)]),
        mean_bins=mean_bins,
        timescale_s=clock.total / mean_bins,
        within_3_sigma=within[0],
        within_5_sigma=within[1],
        curve=curve,
    )


def variability_index(log10_odds: float, within_3_sigma: float, within_5_sigma: float) -> int:
    """Return the variability index: 0 constant, to 2 not considered variable, 3 to 5 perhaps, from 6 definitely.

    It is that of catalogs of X-ray sources. With the probability ``P`` that follows from the odds, and the parts of the
    light curve within 3 and 5 sigma of its mean: 0 up to P = 1/2. Where these parts are above 0.997 and all, 1 up to
    2/3 and 2 up to 0.9; else 3 up to 0.6, 4 up to 2/3 and 5 up to 0.9. From there on the odds alone: 6 below 10^2, 7
    below 10^4, 8 below 10^10, 9 below 10^30.

    Examples
    --------
    >>> variability_index(-0.1, 0.5, 0.5), variability_index(0.2, 1.0, 1.0), variability_index(0.2, 0.9, 1.0)
    (0, 1, 4)
    """
    probability = _probability(log10_odds * _LN10)
    if log10_odds <= 0:
        return 0
    if probability >= 0.9:
        return 6 + sum(log10_odds >= limit for limit in (2, 4, 10, 30))
    if within_3_sigma > 0.997 and within_5_sigma == 1:
        return 1 if probability < 2 / 3 else 2
    return 3 + (probability >= 0.6) + (probability >= 2 / 3)


def _probability(ln_odds: float) -> float:
    return 1 / (1 + math.exp(-ln_odds)) if ln_odds > 0 else (odds := math.exp(ln_odds)) / (1 + odds)


def _live(clock: LiveClock, time_s: FloatArray) -> NDArray[np.bool_]:
    """Tell which times are live, the ends of good times among them."""
    steps = np.concatenate(([False], np.diff(clock.live_s) > 0, [False]))
    after, before = (np.searchsorted(clock.time_s, time_s, side=side) for side in ("right", "left"))
    return np.asarray(steps[after] | steps[before])


def _straightened(clock: LiveClock) -> LiveClock:
    """Return a clock of two break points where it runs evenly: its bins need no live time of their own."""
    ends = np.array([0, -1])
    straight = np.interp(clock.time_s, clock.time_s[ends], clock.live_s[ends])
    uneven = np.max(np.abs(clock.live_s - straight)) > _STRAIGHT * clock.total
    return clock if uneven else LiveClock(clock.time_s[ends], clock.live_s[ends])


def _log_odds(time_s: FloatArray, clock: LiveClock, bins: IntArray) -> FloatArray:
    """Return the natural logarithm of the odds of each number of bins, of events in order of time."""
    from scipy.special import gammaln

    n = len(time_s)
    known = gammaln(bins) - gammaln(n + bins) + n * np.log(bins)
    few = int(np.searchsorted(bins, 2 * n))  # with more bins it is less work to look at each event than at each bin
    return np.asarray(
        known + np.concatenate((_by_bin(time_s, clock, bins[:few]), _by_event(time_s, clock, bins[few:])))
    )


def _by_bin(time_s: FloatArray, clock: LiveClock, bins: IntArray) -> FloatArray:
    """Return ``sum_j ln n_j! - n_j ln s_j`` for each number of bins, from the edges of the bins."""
    from scipy.special import gammaln

    log_factorial = gammaln(np.arange(len(time_s) + 1) + 1.0)
    start_s, span_s = clock.time_s[0], clock.time_s[-1] - clock.time_s[0]
    sums = np.zeros(len(bins))
    for rows in _blocks(bins + 1):
        m = bins[rows]
        first = np.cumsum(m + 1) - (m + 1)
        edge = np.arange(np.sum(m + 1)) - np.repeat(first, m + 1)
        edges_s = start_s + span_s * (edge / np.repeat(m, m + 1))
        place = np.searchsorted(time_s, edges_s)
        place[first], place[first + m] = 0, len(time_s)
        counts = np.diff(place, append=0)
        counts[first + m] = 0  # what is between two numbers of bins is no bin
        terms = log_factorial[counts]
        if len(clock) > 2:
            held = np.flatnonzero(counts)
            share = np.diff(clock.before(edges_s), append=0.0)[held] * np.repeat(m, m + 1)[held] / clock.total
            terms[held] -= counts[held] * _log_share(share)
        sums[rows] = np.add.reduceat(terms, first)
    return sums


def _by_event(time_s: FloatArray, clock: LiveClock, bins: IntArray) -> FloatArray:
    """Return the same from the bin of each event: in a bin the k-th adds ``ln k - ln s_j``."""
    n, number = len(time_s), np.arange(len(time_s))
    log_rank = np.log(np.maximum(np.arange(n + 1), 1))
    start_s, span_s = clock.time_s[0], clock.time_s[-1] - clock.time_s[0]
    phase = (time_s - start_s) / span_s
    sums = np.zeros(len(bins))
    for rows in _blocks(np.full(len(bins), n)):
        m = bins[rows][:, None]
        place = np.minimum(np.floor(phase * m), m - 1)
        first = np.zeros(place.shape, dtype=np.int64)
        first[:, 1:] = np.where(place[:, 1:] != place[:, :-1], number[1:], 0)
        terms = log_rank[number - np.maximum.accumulate(first, axis=1) + 1]
        if len(clock) > 2:
            terms = terms - _log_share(_share(clock, place, m))
        sums[rows] = np.sum(terms, axis=1)
    return sums


def _share(clock: LiveClock, place: FloatArray, bins: IntArray) -> FloatArray:
    """Return the live time of bins by that of an average one of as many bins."""
    start_s, span_s = clock.time_s[0], clock.time_s[-1] - clock.time_s[0]
    if len(clock) == 2:
        return np.ones(place.shape)
    live_s = clock.before(start_s + span_s * ((place + 1) / bins)) - clock.before(start_s + span_s * (place / bins))
    return np.asarray(live_s * bins / clock.total)


def _log_share(share: FloatArray) -> FloatArray:
    return np.log(np.where(share > _LEAST_SHARE, share, 1.0))


def _blocks(sizes: IntArray) -> list[slice]:
    """Return slices of rows that have about as many cells as are worked on at once, at least one row."""
    block = np.cumsum(sizes) // _CELLS
    limits = [*np.flatnonzero(np.diff(block, prepend=-1)).tolist(), len(sizes)]
    return [slice(start, stop) for start, stop in pairwise(limits)]


def _curve(time_s: FloatArray, clock: LiveClock, bins: IntArray, weight: FloatArray) -> GregoryLoredoCurve:
    """Return the light curve, of the numbers of bins that weigh anything."""
    n, live_s = len(time_s), clock.total
    edges_live = np.linspace(0.0, live_s, _POINTS + 1)
    middle_s = clock.time_at((edges_live[1:] + edges_live[:-1]) / 2)
    start_s, span_s = clock.time_s[0], clock.time_s[-1] - clock.time_s[0]
    used = weight > _LEAST_WEIGHT
    bins, weight = bins[used], weight[used] / np.sum(weight[used])
    mean, square = np.zeros(_POINTS), np.zeros(_POINTS)
    for rows in _blocks(np.full(len(bins), _POINTS)):
        m = bins[rows][:, None]
        place = np.minimum(np.floor((middle_s - start_s) / span_s * m), m - 1)
        low, high = (np.searchsorted(time_s, start_s + span_s * (edge / m)) for edge in (place, place + 1))
        high[place == m - 1] = n
        share = np.maximum(_share(clock, place, m), _LEAST_SHARE)
        part = (high - low + share) / (n + m)
        scale = n * m / (live_s * share)
        mean += weight[rows] @ (part * scale)
        square += weight[rows] @ (scale**2 * part * (part + (1 - part) / (n + m + 1)))
    sigma = np.sqrt(np.maximum(square - mean**2, 0.0))
    return GregoryLoredoCurve(clock.time_at(edges_live[:-1], "right"), clock.time_at(edges_live[1:]), mean, sigma)
