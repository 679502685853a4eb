"""Trigonometric sums over bins that stand on an even grid of times, all but a few of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from threading import get_ident
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from finufft import Plan

__all__ = ["EvenBins", "even_bins"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_ACCURACY = 1e-13  # of the transform, relative
_TURN = 5e-6  # radians by which a bin may stand beside the grid: the second order of it is 1e-11
_FEWEST = 3  # bins that make a grid
_STRAYS = 4  # bins that may stand elsewhere, such as the last one when it is cut
_SPARSE = 8  # times as many places as bins: with more, gaps cost more than the grid saves
_MOST_PLACES = 2**17  # bounds the work space to some 10 MB
_MEASURE_NOTHING = 64  # FFTW_ESTIMATE: equal bins give equal sums


@dataclass(frozen=True, slots=True, eq=False)
class EvenBins:
    """Bins on an even grid of times.

    Attributes
    ----------
    step : float, days
        From one place of the grid to the next.
    start : float, days
        Time of place 0.
    on : ndarray of bool, shape (n,)
        The bins that stand on the grid.
    place : ndarray of int, shape (m,)
        Where they do.
    offset : ndarray, shape (m,), days
        How much later they are, the rounding of a date.
    stray : ndarray, shape (n - m,), days
        Times of the others.
    """

    step: float
    start: float
    on: NDArray[np.bool_]
    place: NDArray[np.int64]
    offset: FloatArray
    stray: FloatArray

    def sums(self, strength: FloatArray, omega: FloatArray) -> tuple[ComplexArray, ComplexArray]:
        """Return signal and window, ``sum(strength * exp(i w t))`` for w = omega and ``sum(exp(i w t))`` for 2 omega.

        Times are from the middle of the grid, the same for both. A transform of type 2 takes the bins to their places,
        and the first order of ``exp(i w offset)`` from there to their times.
        """
        places = int(self.place.max()) + 1
        modes = 1 << (places - 1).bit_length()
        first = (modes - places) // 2
        plan = _plan(modes, get_ident())
        stray = np.exp(1j * np.outer(self.stray - (self.start + (modes // 2 - first) * self.step), omega))

        def transform(values: FloatArray, frequency: FloatArray) -> ComplexArray:
            data = np.zeros((2, modes), dtype=np.complex128)
            for row, weights in zip(data, (values, values * self.offset), strict=True):
                row.real = np.bincount(self.place + first, weights, modes)
            plan.setpts(frequency * self.step)
            found = plan.execute(data)
            return np.asarray(found[0] + 1j * frequency * found[1])

        signal = transform(strength[self.on], omega) + strength[~self.on] @ stray
        window = transform(np.ones(len(self.place)), 2 * omega) + np.sum(stray**2, axis=0)
        return signal, window


def even_bins(time: FloatArray, highest: float) -> EvenBins | None:
    """Return the grid on which the bins stand, None where too few do or the grid is too long.

    Parameters
    ----------
    time : ndarray, shape (n,), days
        Middles of the bins in the order of time.
    highest : float, radians/day
        The highest frequency that will be asked for: offsets are small against it.

    Examples
    --------
    >>> grid = even_bins(np.array([0.0, 1.0, 2.0, 5.0, 6.0, 6.8]), 1.0)
    >>> grid.step, grid.place.tolist(), grid.stray.tolist()
    (1.0, [0, 1, 2, 5, 6], [6.8])
    >>> even_bins(np.array([0.0, 1.0, 1.7, 3.2, 5.5, 5.9, 7.1, 8.8]), 1.0)
    """
    n, half = len(time), len(time) // 2
    step = float(np.median(np.diff(time))) if n >= _FEWEST else 0.0
    if not step > 0 or not 0 < time[-1] - time[0] < step * min(_SPARSE * n, _MOST_PLACES):
        return None
    place = np.rint((time - time[0]) / step)
    apart = place[half:] - place[: n - half]
    if not (apart > 0).all():
        return None
    step = float(np.median((time[half:] - time[: n - half]) / apart))
    offset = time - place * step
    start = float(np.median(offset))
    offset -= start
    on = np.abs(offset) <= _TURN / highest
    if np.count_nonzero(on) < max(n - _STRAYS, _FEWEST) or (place < 0).any():
        return None
    return EvenBins(step, start, on, place[on].astype(np.int64), offset[on], time[~on])


@lru_cache(maxsize=2)
def _plan(modes: int, thread: int) -> Plan:  # noqa: ARG001
    """Return a plan of one thread of the program; to make one takes as long as two transforms of 2000 points."""
    from finufft import Plan

    options = {"eps": _ACCURACY, "isign": 1, "fftw": _MEASURE_NOTHING, "nthreads": 1}
    return Plan(2, (modes,), n_trans=2, **options)
