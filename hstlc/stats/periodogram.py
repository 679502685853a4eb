"""Periodic signals: a Lomb-Scargle search on a grid of frequencies that resolves every peak."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hstlc.stats.power import EvenPowers
from hstlc.stats.variability import is_constant

__all__ = [
    "FALSE_ALARM_LEVELS",
    "MAXIMUM_FREQUENCIES",
    "FalseAlarm",
    "Peak",
    "Spectrum",
    "highest_peak",
    "spectrum",
]

FloatArray = NDArray[np.float64]

_BLOCK = 2**20  # frequencies held at a time
_FEWEST_BINS = 5  # a mean, a sine, a cosine and a frequency, and one to spare
_ROUNDING = 1e-9
_FINER = 10  # parts of a step in which a peak is looked for
_CANDIDATES = 32  # samples beside which the highest peak may be
_SCALLOP = 0.9  # a sample half a step from a peak is higher than this part of it, with five a peak's width

#: More frequencies than this are not sampled: half a second's work.
MAXIMUM_FREQUENCIES = 2**22

#: False-alarm probabilities whose power a periodogram shows.
FALSE_ALARM_LEVELS = (0.1, 0.01, 0.001)


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest peak of a periodogram.

    Attributes
    ----------
    period_s : float, seconds
        Period at the highest sample of the frequency grid.
    power : float
        Standard normalization: 0 is no better than a constant, 1 a perfect sinusoid.
    false_alarm_probability : float
        Probability that noise alone makes a peak this high anywhere on the grid.
    shortest_period_s : float, seconds
        Where the grid ends.
    """

    period_s: float
    power: float
    false_alarm_probability: float
    shortest_period_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A periodogram thinned so that no peak is lost.

    Attributes
    ----------
    frequency_hz, power : ndarray of float64, shape (n,), Hz and 0 to 1
        The highest sample of each slice of the grid.
    peak : Peak
    levels : tuple of (probability, power)
        Powers that noise reaches with the probabilities :data:`FALSE_ALARM_LEVELS`.
    chance : FalseAlarm
        How often noise makes a peak of any height.
    """

    frequency_hz: FloatArray
    power: FloatArray
    peak: Peak
    levels: tuple[tuple[float, float], ...]
    chance: FalseAlarm


def highest_peak(
    time_s: FloatArray,
    rate: FloatArray,
    exposure_s: FloatArray,
    oversampling: int = 5,
    dataset: NDArray[np.integer] | None = None,
    maximum_frequencies: int = MAXIMUM_FREQUENCIES,
) -> Peak | None:
    """Return the highest peak of :func:`spectrum` alone.

    Examples
    --------
    >>> t = np.arange(600) * 2.0
    >>> round(highest_peak(t, 20 + 4 * np.sin(2 * np.pi * t / 120), np.full(600, 2.0)).period_s)
    120
    """
    found = _search(time_s, rate, exposure_s, dataset, oversampling, 1, maximum_frequencies)
    return None if found is None else found[2]


def spectrum(
    time_s: FloatArray,
    rate: FloatArray,
    exposure_s: FloatArray,
    dataset: NDArray[np.integer] | None = None,
    oversampling: int = 5,
    samples: int = 4000,
    maximum_frequencies: int = MAXIMUM_FREQUENCIES,
) -> Spectrum | None:
    """Return the generalized Lomb-Scargle periodogram on an even grid of frequencies that resolves every peak.

    The grid runs from one cycle in the longest dataset to the Nyquist frequency of the median bin spacing, in steps of
    ``1 / (oversampling * T)`` with T the whole time span, gaps between datasets included; it stops short of the Nyquist
    frequency itself, at which a sine has no amplitude in evenly spaced bins. A grid of more than
    ``maximum_frequencies`` ends at a lower frequency: :attr:`Peak.shortest_period_s` says where. Around the samples
    that may stand on the slope of the highest peak the step is ten times finer, so that of two aliases the better one
    wins.

    Rates are weighed with the errors of a constant rate, proportional to ``1 / sqrt(exposure_s)``, and a mean is
    fitted. The mean of each dataset is taken off first: what differs from one to the next (calibration, or a change
    slower than a dataset) is no period.

    Parameters
    ----------
    time_s : ndarray, shape (n,), seconds
        Middles of the bins, in any order.
    rate : ndarray, shape (n,), ct/s
        Counts per live second.
    exposure_s : ndarray, shape (n,), seconds
        Live time of the bins, all above zero.
    dataset : ndarray of int, shape (n,), optional
        Number of the exposure of each bin; None for one exposure.
    oversampling : int
        Frequencies a peak of width 1 / T.
    samples : int
        The grid is told in at most so many slices.
    maximum_frequencies : int
        Bounds the work.

    Returns
    -------
    Spectrum or None
        None for fewer than five bins, a constant rate, or a grid of fewer than two frequencies.
    """
    found = _search(time_s, rate, exposure_s, dataset, oversampling, samples, maximum_frequencies)
    if found is None:
        return None
    frequency, power, peak, chance = found
    return Spectrum(frequency, power, peak, tuple((p, chance.power(p)) for p in FALSE_ALARM_LEVELS), chance)


def _search(
    time_s: FloatArray,
    rate: FloatArray,
    exposure_s: FloatArray,
    dataset: NDArray[np.integer] | None,
    oversampling: int,
    samples: int,
    maximum_frequencies: int,
) -> tuple[FloatArray, FloatArray, Peak, FalseAlarm] | None:
    """Return frequency and power of the slices of the grid, its highest peak, and the chances of peaks on it."""
    if len(time_s) < _FEWEST_BINS:
        return None
    number = np.zeros(len(time_s), dtype=int) if dataset is None else np.unique(dataset, return_inverse=True)[1]
    order = np.lexsort((time_s, number))
    time_s, rate, exposure_s, number = time_s[order], rate[order], exposure_s[order], number[order]
    datasets = int(number.max()) + 1
    residual = rate - _means(rate, exposure_s, number)
    if is_constant(rate) or is_constant(residual + np.mean(rate)) or len(rate) - datasets < _FEWEST_BINS - 1:
        return None
    grid = _grid(time_s, number, oversampling, maximum_frequencies)
    if grid is None:
        return None
    series = time_s - time_s.min(), residual, 1 / np.sqrt(exposure_s)
    frequency, power, candidates = _sample(*series, grid, samples)
    middle = np.average(time_s, weights=exposure_s)
    spread = float(np.average((time_s - middle) ** 2, weights=exposure_s))
    chance = FalseAlarm(len(rate) - datasets, grid.highest_hz * math.sqrt(4 * math.pi * spread))
    best_hz, best = _refined(*series, grid, candidates)
    peak = Peak(1 / best_hz, best, chance.probability(best), 1 / grid.highest_hz)
    return frequency, power, peak, chance


def _means(rate: FloatArray, exposure_s: FloatArray, number: NDArray[np.integer]) -> FloatArray:
    """Return for each bin the mean rate of its dataset, weighed by live time."""
    mean = np.bincount(number, rate * exposure_s) / np.bincount(number, exposure_s)
    return np.asarray(mean[number])


@dataclass(frozen=True, slots=True)
class _Grid:
    """Frequencies ``(first + index) * step_hz`` for an index from 0 to ``count - 1``."""

    first: int
    count: int
    step_hz: float

    @property
    def highest_hz(self) -> float:
        return (self.first + self.count - 1) * self.step_hz


def _grid(time_s: FloatArray, number: NDArray[np.integer], oversampling: int, maximum: int) -> _Grid | None:
    same = np.diff(number) == 0
    steps_s = np.diff(time_s)[same]
    spacing_s = float(np.median(steps_s)) if len(steps_s) else 0.0
    span_s = float(np.ptp(time_s))
    if not spacing_s > 0:
        return None
    start, end = np.full(number.max() + 1, np.inf), np.full(number.max() + 1, -np.inf)
    np.minimum.at(start, number, time_s)
    np.maximum.at(end, number, time_s)
    longest_s = float(np.max(end - start))
    step_hz = 1 / (oversampling * span_s)
    first = math.ceil(oversampling * span_s / longest_s - _ROUNDING)
    count = min(math.ceil(0.5 / spacing_s / step_hz - first - 0.5 + _ROUNDING), maximum)
    return _Grid(first, count, step_hz) if count >= 2 else None


def _sample(
    time: FloatArray, rate: FloatArray, error: FloatArray, grid: _Grid, samples: int
) -> tuple[FloatArray, FloatArray, list[tuple[float, float]]]:
    """Return frequency and power of the highest sample in each of at most ``samples`` slices of the grid.

    Third come (power, frequency) of the highest samples of the whole grid, highest first.
    """
    slices = np.linspace(0, grid.count, min(samples, grid.count) + 1).astype(int)
    slices = slices[np.diff(slices, prepend=-1) > 0]
    blocks = [*range(0, grid.count, _BLOCK), grid.count]
    highest = np.full(len(slices) - 1, -1.0)
    index = np.zeros(len(slices) - 1, dtype=np.int64)
    candidates: list[tuple[float, float]] = []
    for start, stop in itertools.pairwise(blocks):
        power = EvenPowers(time, rate, error, stop - start)((grid.first + start) * grid.step_hz, grid.step_hz)
        low = np.concatenate([[start], slices[(slices > start) & (slices < stop)]])
        best = _highest(power, low - start)
        part = np.searchsorted(slices, low, side="right") - 1
        higher = power[best] > highest[part]
        highest[part[higher]], index[part[higher]] = power[best[higher]], start + best[higher]
        top = np.argpartition(-power, min(_CANDIDATES, len(power) - 1))[:_CANDIDATES]
        candidates += zip(power[top].tolist(), ((grid.first + start + top) * grid.step_hz).tolist(), strict=True)
    candidates.sort(key=lambda candidate: (-candidate[0], candidate[1]))
    return np.asarray((grid.first + index) * grid.step_hz, dtype=np.float64), highest, candidates


def _highest(power: FloatArray, low: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the index of the first highest of the powers from each index in ``low`` to the next."""
    top = np.maximum.reduceat(power, low)
    where = np.flatnonzero(power == np.repeat(top, np.diff(low, append=len(power))))
    return np.asarray(where[np.searchsorted(where, low)])


def _refined(
    time: FloatArray, rate: FloatArray, error: FloatArray, grid: _Grid, candidates: list[tuple[float, float]]
) -> tuple[float, float]:
    """Return frequency and power of the highest peak, looked for around every sample that may stand on its slope."""
    best_power, best_hz = candidates[0]
    fine_hz = grid.step_hz / _FINER
    powers = EvenPowers(time, rate, error, _FINER + 1)
    for power, frequency in candidates[:_CANDIDATES]:
        if power < _SCALLOP * candidates[0][0]:
            break
        start_hz = max(frequency - _FINER // 2 * fine_hz, grid.first * grid.step_hz)
        fine = powers(start_hz, fine_hz)
        index = int(np.argmax(fine))
        if fine[index] > best_power:
            best_hz, best_power = start_hz + index * fine_hz, float(fine[index])
    return best_hz, best_power


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """How often noise makes a peak: the bound of Baluev (2008, MNRAS 385, 1279) for Gaussian noise, his equation 5.

    Attributes
    ----------
    dof : int
        Bins less the means that were fitted, at least 4.
    bandwidth : float
        Highest frequency times the effective time span, ``sqrt(4 pi var(time))`` with the weights of the bins.

    Examples
    --------
    >>> chance = FalseAlarm(599, 250.0)
    >>> round(chance.probability(chance.power(0.01)), 6)
    0.01
    """

    dof: int
    bandwidth: float

    def probability(self, power: float) -> float:
        """Return the probability that noise alone makes a peak this high anywhere on the grid."""
        if power >= 1:
            return 0.0
        half = self.dof / 2
        gamma = math.sqrt(1 / half) * math.exp(math.lgamma(half) - math.lgamma(half - 0.5))
        single = (1 - power) ** (half - 1)
        tau = gamma * self.bandwidth * (1 - power) ** (half - 1.5) * math.sqrt(half * power)
        return float(single * math.exp(-tau) - math.expm1(-tau))

    def power(self, probability: float) -> float:
        """Return the power that noise reaches with a probability; 1 where it always does."""
        from scipy.optimize import brentq

        low = min(2 / self.dof, 0.5)  # below its maximum the bound does not fall with power
        if self.probability(low) <= probability:
            low = 0.0
        found: float = brentq(lambda power: self.probability(power) - probability, low, 1.0)
        return found
