"""Lomb-Scargle powers of one series at many short grids of frequencies, with one plan of the transform for all."""

from __future__ import annotations

from functools import lru_cache
from threading import get_ident
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from finufft import Plan

__all__ = ["EvenPowers"]

FloatArray = NDArray[np.float64]

_ACCURACY = 1e-9  # of the transform, relative
_UPSAMPLING = 1.25
_LONGEST_KEPT = 2**16  # frequencies of a plan that is kept: its work space is some 3 MB
_ESTIMATE = 64  # FFTW_ESTIMATE: planning measures nothing, so equal series give equal powers


class EvenPowers:
    """Powers at ``count`` evenly spaced frequencies, wherever they start.

    The values are those of ``nifty_ls.lombscargle`` with a fitted mean and the standard normalization, to the last
    digit: its functions before and after the transform, and its transform. That one plans two transforms each time,
    which takes longer than a short grid does; here one plan serves every sum of every grid, and of the next series.

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
        self._time = time
        self._rate, self._error = np.atleast_2d(rate), np.atleast_2d(error)
        self._count = count
        self._plan = (_plan if count <= _LONGEST_KEPT else _plan.__wrapped__)(count, get_ident())

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
        return np.asarray(np.fmin(np.fmax(power[0], 0.0), 1.0))


@lru_cache(maxsize=2)
def _plan(count: int, thread: int) -> Plan:  # noqa: ARG001
    """Return a plan of one thread of the program: of the grid of a series, and of the short ones around its peaks."""
    from finufft import Plan

    options = {"eps": _ACCURACY, "upsampfac": _UPSAMPLING, "fftw": _ESTIMATE, "nthreads": 1}
    return Plan(1, (count,), dtype="complex128", **options)
