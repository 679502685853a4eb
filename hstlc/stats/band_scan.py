"""The documented search for periods: a scan of three bands in even steps of period, kept for comparison."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hstlc.stats.even_sums import even_bins
from hstlc.stats.variability import is_constant
from hstlc.times import SECONDS_PER_DAY

__all__ = ["BANDS_S", "has_peak", "scan_bands"]

FloatArray = NDArray[np.float64]

BANDS_S = ((5.0, 600.0), (600.0, 3600.0), (3600.0, 36000.0))  # short, medium, long: limits of the period
_PEAK_POWER = 0.30  # a peak of the documented scan is at least this high ...
_PEAK_SIGMA = 3.0  # ... and above the band's mean by more than this many standard deviations
_NO_SINE = 1e-12  # of the bins: what remains of a sine with all bins at its zeros, as the dates of bins are rounded
_ACCURACY = 1e-12  # of the trigonometric sums of the scan, relative
_SPAN_LIMIT = 2.0**20  # radians (time span x frequency span) a transform: bounds its work space to some 40 MB


def scan_bands(mjd: FloatArray, net: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the periodogram on the documented grid: as many periods a band as there are bins, evenly spaced.

    The power is Lomb's (1976, Ap&SS 39, 447) for ``net`` less its mean, without a fitted mean, times
    ``2 / (n * var(net))``: 0 to 1. Its sums are non-uniform fast Fourier transforms, exact to 1e-10, of the even grid
    on which the bins stand where they do (:mod:`hstlc.stats.even_sums`), which is three times faster. The periods are
    kept for comparison; even steps of period are too coarse at the short end, and in all of a long composite.

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
    even = even_bins(time, 2 * float(omega.max()))
    if even is None:
        signal, window = _trigonometric_sums(time, y, omega), _trigonometric_sums(time, np.ones(n), 2 * omega)
    else:
        signal, window = even.sums(y, omega)
    # Lomb's tau makes sine and cosine orthogonal: it turns the signal back by half the window's angle. The squares of
    # what is then real and imaginary are (square + turned) / 2 and (square - turned) / 2.
    square, length = signal.real**2 + signal.imag**2, np.abs(window)
    turned = (signal**2 * window.conj()).real
    np.divide(turned, length, out=turned, where=length > 0)
    power = (square + turned) / (n + length)
    has_sine = n - length > _NO_SINE * n
    power += np.divide(square - turned, n - length, out=np.zeros_like(length), where=has_sine)
    return period_s, (power / np.sum(y**2)).reshape(period_s.shape)


def _trigonometric_sums(time: FloatArray, strength: FloatArray, omega: FloatArray) -> NDArray[np.complex128]:
    """Return ``sum(strength * exp(i * omega * time))`` for every ``omega``.

    The times are cut into windows, and a transform is made of each that holds some: the gaps between visits, which are
    most of a long composite, cost nothing.
    """
    from finufft import nufft1d3

    window = np.floor((time - time.min()) * (np.ptp(omega) / _SPAN_LIMIT))
    weights = strength.astype(np.complex128)
    sums = np.zeros(len(omega), dtype=np.complex128)
    for number in np.unique(window):
        inside = window == number
        center = float(np.mean(time[inside]))
        part = nufft1d3(time[inside] - center, weights[inside], omega, eps=_ACCURACY, isign=1, nthreads=1)
        sums += part * np.exp(1j * omega * center) if center else part
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
