"""Lomb-Scargle powers of one series at many short grids of frequencies, with one plan of the transform for all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["EvenPowers"]

FloatArray = NDArray[np.float64]

_ACCURACY = 1e-9  # of the transform, relative
_UPSAMPLING = 1.25
_ESTIMATE = 64  # FFTW_ESTIMATE: planning measures nothing, so equal series give equal powers


class EvenPowers:
    """Powers at ``count`` evenly spaced frequencies, wherever they start.

    The values are those of ``nifty_ls.lombscargle`` with a fitted mean and the standard normalization, to the last
    digit: its functions before and after the transform, and its transform. That one plans two transforms each time,
    which takes longer than a short grid does; here one plan serves every sum of every grid.

    Parameters
    ----------
    time : ndarray of float64, shape (n,), seconds
        In the order of time, of each dataset.
    rate : ndarray of float64, shape (n,), ct/s
    error : ndarray of float64, shape (n,)
        What weighs the rates, up to a factor.
    count : int
        Frequencies of a grid.

    Examples
    --------
    >>> t = np.arange(400) * 2.0
    >>> powers = EvenPowers(t, np.sin(2 * np.pi * t / 50), np.ones(400), 3)(0.019, 0.001)
    >>> powers.round(3).tolist()
    [0.058, 1.0, 0.052]
    """

    def __init__(self, time: FloatArray, rate: FloatArray, error: FloatArray, count: int) -> None:
        from finufft import Plan

        self._time = time
        self._rate, self._error = np.atleast_2d(rate), np.atleast_2d(error)
        self._count = count
        options = {"eps": _ACCURACY, "upsampfac": _UPSAMPLING, "fftw": _ESTIMATE, "nthreads": 1}
        self._plan = Plan(1, (count,), dtype="complex128", **options)

    def __call__(self, start_hz: float, step_hz: float) -> FloatArray:
        """Return the powers of a grid, shape (count,), 0 to 1; 0 where a sine has no amplitude."""
        from nifty_ls import cpu_helpers

        stop_hz = start_hz + (self._count - 1) * step_hz
        if self._count > 1:
            step_hz = (stop_hz - start_hz) / (self._count - 1)
        n = len(self._time)
        phase, double = np.empty(n), np.empty(n)
        weighted, weight, squared = (np.empty((1, n), dtype=np.complex128) for _ in range(3))
        norm = np.empty(1)
        filled = phase, double, weighted, weight, squared, norm
        series = self._time, self._rate, self._error
        cpu_helpers.process_finufft_inputs(*filled, *series, start_hz, step_hz, self._count, True, True, False, 1)
        self._plan.setpts(phase)
        first, window = self._plan.execute(weighted), self._plan.execute(weight)
        self._plan.setpts(double)
        second = self._plan.execute(squared)
        power = np.empty((1, self._count))
        sums = (np.atleast_2d(values) for values in (first, window, second))
        cpu_helpers.process_finufft_outputs(power, *sums, norm, cpu_helpers.NormKind.Standard, True, 1)
        return np.asarray(np.clip(np.nan_to_num(power[0]), 0.0, 1.0))
