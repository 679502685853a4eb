"""Periodic signals: the documented scan over three bands of periods, and a Lomb-Scargle search on a proper grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hstlc.stats.variability import is_constant
from hstlc.times import SECONDS_PER_DAY

__all__ = ["BANDS_S", "Peak", "has_peak", "highest_peak", "scan_bands"]

FloatArray = NDArray[np.float64]

BANDS_S = ((5.0, 600.0), (600.0, 3600.0), (3600.0, 36000.0))  # short, medium, long: limits of the period
_PEAK_POWER = 0.30  # a peak of the documented scan is at least this high ...
_PEAK_SIGMA = 3.0  # ... and above the band's mean by more than this many standard deviations
_ACCURACY = 1e-12  # of the trigonometric sums of the scan, relative
_SPAN_LIMIT = 2.0**23  # radians (time span x frequency span) a transform: bounds its work space to some 300 MB
_BLOCK = 2**20  # frequencies held at a time
_FEWEST_BINS = 5  # a mean, a sine, a cosine and a frequency, and one to spare


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
    """

    period_s: float
    power: float
    false_alarm_probability: float


def scan_bands(mjd: FloatArray, net: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the periodogram on the documented grid: as many periods a band as there are bins, evenly spaced.

    The power is Lomb's (1976, Ap&SS 39, 447) for ``net`` less its mean, without a fitted mean, times
    ``2 / (n * var(net))``: 0 to 1. Its sums are non-uniform fast Fourier transforms, exact to 1e-10. The grid is kept
    for comparison; even steps of period are too coarse at the short end, and in all of a long composite.

    Parameters
    ----------
    mjd : ndarray, shape (n,), days
        Middles of the bins.
    net : ndarray, shape (n,), ct/s
        Rates; not all equal.

    Returns
    -------
    period_s, power : ndarray, shape (3, n)
        One row for each of :data:`BANDS_S`.
    """
    n = len(mjd)
    period_s = np.array([np.linspace(low, high, n) for low, high in BANDS_S])
    omega = 2 * np.pi * SECONDS_PER_DAY / period_s.ravel()
    time = mjd - (mjd.min() + mjd.max()) / 2
    y = net - np.mean(net)
    signal = _trigonometric_sums(time, y, omega)
    window = _trigonometric_sums(time, np.ones(n), 2 * omega)
    rotated = signal * np.exp(-0.5j * np.angle(window))  # Lomb's tau makes sine and cosine orthogonal
    cosines, sines = (n + np.abs(window)) / 2, (n - np.abs(window)) / 2
    power = rotated.real**2 / cosines
    power += np.divide(rotated.imag**2, sines, out=np.zeros_like(sines), where=sines > 0)
    return period_s, (power / np.sum(y**2)).reshape(period_s.shape)


def _trigonometric_sums(time: FloatArray, strength: FloatArray, omega: FloatArray) -> NDArray[np.complex128]:
    """Return ``sum(strength * exp(i * omega * time))`` for every ``omega``, in as few transforms as memory allows."""
    from finufft import nufft1d3

    order = np.argsort(omega, kind="stable")
    parts = max(1, math.ceil(np.ptp(time) * np.ptp(omega) / _SPAN_LIMIT))
    edges = np.linspace(omega.min(), omega.max(), parts + 1)[1:-1]
    weights = strength.astype(np.complex128)
    sums = np.zeros(len(omega), dtype=np.complex128)
    for part in np.split(order, np.searchsorted(omega[order], edges)):
        if len(part):
            sums[part] = nufft1d3(time, weights, omega[part], eps=_ACCURACY, isign=1, nthreads=1)
    return sums


def has_peak(mjd: FloatArray, net: FloatArray) -> bool:
    """Tell whether the documented scan finds a period in any band.

    A peak is a sample above both neighbors, above the band's mean by more than three standard deviations, and at least
    0.30 high. False for fewer than three bins, one instant, or a constant ``net``.

    Parameters
    ----------
    mjd, net : ndarray, shape (n,), days and ct/s
        As for :func:`scan_bands`.
    """
    if len(mjd) < 3 or not np.ptp(mjd) > 0 or is_constant(net):
        return False
    power = scan_bands(mjd, net)[1]
    limit = power.mean(axis=1, keepdims=True) + _PEAK_SIGMA * power.std(axis=1, keepdims=True)
    middle = power[:, 1:-1]
    peaks = (middle > power[:, :-2]) & (middle > power[:, 2:]) & (middle > limit) & (middle >= _PEAK_POWER)
    return bool(peaks.any())


def highest_peak(time_s: FloatArray, rate: FloatArray, exposure_s: FloatArray, oversampling: int = 5) -> Peak | None:
    """Return the highest peak of the generalized Lomb-Scargle periodogram on an even grid of frequencies.

    The grid runs from one cycle in the time span T to the Nyquist frequency of the median bin spacing, in steps of
    ``1 / (oversampling * T)``; it stops short of the Nyquist frequency itself, at which a sine has no amplitude in
    evenly spaced bins. The peak is not refined: its frequency is good to half a step, its period P to
    ``P**2 / (2 * oversampling * T)``. Rates are weighed with the errors of a constant rate, proportional to
    ``1 / sqrt(exposure_s)``, and a mean is fitted. The false-alarm probability is the bound of Baluev (2008, MNRAS 385,
    1279), for Gaussian noise.

    Parameters
    ----------
    time_s : ndarray, shape (n,), seconds
        Middles of the bins, ascending.
    rate : ndarray, shape (n,), ct/s
        Counts per live second.
    exposure_s : ndarray, shape (n,), seconds
        Live time of the bins, all above zero.
    oversampling : int
        Samples a peak of width 1 / T.

    Returns
    -------
    Peak or None
        None for fewer than five bins, a constant rate, or a grid of fewer than two frequencies.

    Examples
    --------
    >>> t = np.arange(600) * 2.0
    >>> round(highest_peak(t, 20 + 4 * np.sin(2 * np.pi * t / 120), np.full(600, 2.0)).period_s)
    120
    """
    if len(time_s) < _FEWEST_BINS or is_constant(rate):
        return None
    span_s, spacing_s = float(time_s[-1] - time_s[0]), float(np.median(np.diff(time_s)))
    if not spacing_s > 0:
        return None
    step_hz = 1 / (oversampling * span_s)
    count = math.ceil((0.5 / spacing_s - 1 / span_s) / step_hz - 0.5)
    if count < 2:
        return None

    from astropy.timeseries import LombScargle

    time, error = time_s - time_s[0], 1 / np.sqrt(exposure_s)
    index, power = _highest_sample(time, rate, error, oversampling, step_hz, count)
    false_alarm = LombScargle(time, rate, error).false_alarm_probability(
        power, method="baluev", maximum_frequency=(oversampling + count - 1) * step_hz
    )
    return Peak(1 / ((oversampling + index) * step_hz), power, float(false_alarm))


def _highest_sample(
    time: FloatArray, rate: FloatArray, error: FloatArray, first: int, step_hz: float, count: int
) -> tuple[int, float]:
    """Return index and power of the highest of ``count`` samples at ``(first + index) * step_hz``, block by block."""
    from nifty_ls import lombscargle

    best, best_power = 0, -1.0
    bounds = np.linspace(0, count, math.ceil(count / _BLOCK) + 1).astype(int)
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        power = lombscargle(
            time,
            rate,
            error,
            fmin=(first + start) * step_hz,
            fmax=(first + stop - 1) * step_hz,
            Nf=stop - start,
            center_data=True,
            fit_mean=True,
            normalization="standard",
            backend="finufft",
            nthreads=1,
        ).power
        index = int(np.nanargmax(power))
        if power[index] > best_power:
            best, best_power = start + index, float(power[index])
    return best, min(best_power, 1.0)
