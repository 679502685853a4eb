"""The time axis of plots: seconds on which the long gaps between datasets take little room."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hstlc.lightcurves.rebin import dataset_starts
from hstlc.model import LightCurve
from hstlc.times import SECONDS_PER_DAY

__all__ = ["Tick", "TimeAxis", "mjd_ticks", "nice_step", "second_ticks", "time_axis", "value_ticks"]

FloatArray = NDArray[np.float64]

_GAP_PART = 0.03  # of the shown time: what a collapsed gap takes at most ...
_GAPS_PART = 0.15  # ... and all of them together
_START_DECIMALS = 3  # of the MJD of a dataset's start: 86 s

Tick = tuple[float, str]


@dataclass(frozen=True, slots=True, eq=False)
class TimeAxis:
    """Where each bin is shown, in seconds of the axis; one segment a dataset.

    Attributes
    ----------
    x : ndarray of float64, shape (n,), seconds
        Middles of the bins.
    edge : ndarray of float64, shape (n,), seconds
        Left edges of the bins.
    number : ndarray of int32, shape (k,)
        The number of each dataset.
    left, right : ndarray of float64, shape (k,), seconds
        Ends of the segments.
    zero : ndarray of float64, shape (k,), seconds
        Where the seconds that the segment's labels count are zero: its left end; for a single dataset second zero of
        the curve.
    mjd : ndarray of float64, shape (k,), days
        Modified Julian date at ``zero``.
    gaps : ndarray of float64, shape (g, 2), seconds
        Ends of the gaps that are shown narrower than they are.
    since_s : ndarray of float64, shape (n,), seconds
        Middles of the bins as the labels count them.
    """

    x: FloatArray
    edge: FloatArray
    number: NDArray[np.int32]
    left: FloatArray
    right: FloatArray
    zero: FloatArray
    mjd: FloatArray
    gaps: FloatArray
    since_s: FloatArray

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the axis with a margin; about 0 to 1 without bins."""
        low, high = (float(self.left[0]), float(self.right[-1])) if len(self.left) else (0.0, 1.0)
        margin = 0.01 * (high - low)
        return low - margin, high + margin


def time_axis(curve: LightCurve) -> TimeAxis:
    """Return the axis of a light curve, whose bins are in the order of time.

    A gap between datasets longer than 3 % of the time that is shown is collapsed to that length, or to less where
    there are many, so that all of them together take at most 15 %.
    """
    first = dataset_starts(curve["dataset"])
    last = np.append(first[1:], len(curve))[: len(first)] - 1
    start, end = curve["times"][first], curve["times"][last] + curve["bins"][last]
    several = len(first) > 1
    shown_s = float(np.sum(end - start))
    width = min(_GAP_PART, _GAPS_PART / max(len(first) - 1, 1)) * shown_s
    real = np.maximum(start[1:] - end[:-1], 0.0)
    gap = np.minimum(real, width)
    left = (start[:1] + np.append(0.0, np.cumsum((end - start)[:-1] + gap)))[: len(first)]
    right = left + (end - start)
    zero = left.copy() if several else np.zeros(len(left))
    shift = np.repeat(left - start, last - first + 1)
    x, edge = curve["time"] + shift, curve["times"] + shift
    mjd = curve["mjd"][first] - (x[first] - zero) / SECONDS_PER_DAY
    squeezed = real > width
    gaps = np.stack([right[:-1][squeezed], left[1:][squeezed]], axis=1)
    number = curve["dataset"][first].astype(np.int32)
    since_s = x - np.repeat(zero, last - first + 1)
    return TimeAxis(x, edge, number, left, right, zero, mjd, gaps, since_s)


def nice_step(span: float, most: int) -> float:
    """Return 1, 2 or 5 times a power of ten, the smallest of which at most ``most`` fit into ``span``.

    Examples
    --------
    >>> nice_step(1200.0, 8)
    200.0
    """
    raw = span / most
    if not 0 < raw < math.inf:
        return 1.0
    decade = 10.0 ** math.floor(math.log10(raw))
    return next(factor * decade for factor in (1, 2, 5, 10) if factor * decade >= raw * (1 - 1e-9))


def value_ticks(low: float, high: float, most: int) -> list[Tick]:
    """Return round numbers between ``low`` and ``high`` with their labels.

    Examples
    --------
    >>> value_ticks(0.0, 1.1, 3)
    [(0.0, '0.0'), (0.5, '0.5'), (1.0, '1.0')]
    """
    step = nice_step(high - low, most)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [(k * step, f"{k * step:.{decimals}f}" if decimals < 6 else f"{k * step:.3g}") for k in numbers]


def second_ticks(axis: TimeAxis, most: int) -> list[Tick]:
    """Return ticks at round seconds since the start of each dataset; a start itself says ``#`` and its number.

    Starts come before round seconds where both have no room. The page does the same when it is zoomed
    (:mod:`hstlc.plots.ticks`).
    """
    low, high = axis.limits
    step, least = nice_step(high - low, most), (high - low) / (most + 1)
    several = len(axis.left) > 1
    ticks: list[Tick] = []
    starts: list[bool] = []
    for number, left, right, zero in zip(axis.number, axis.left, axis.right, axis.zero, strict=True):
        for k in range(math.ceil((left - zero) / step), math.floor((right - zero) / step) + 1):
            x, is_start = float(zero + k * step), several and k == 0
            while is_start and ticks and not starts[-1] and x - ticks[-1][0] < least:
                del ticks[-1], starts[-1]
            if not ticks or x - ticks[-1][0] >= least:
                ticks.append((x, f"#{number}" if is_start else f"{k * step:g}"))
                starts.append(is_start)
    return ticks


def mjd_ticks(axis: TimeAxis, most: int) -> list[Tick]:
    """Return ticks with the modified Julian date: of round dates for one dataset, of the starts of several."""
    if len(axis.left) == 0:
        return []
    low, high = axis.limits
    if len(axis.left) > 1:
        least, ticks = (high - low) / (most + 1), [(float(axis.zero[0]), f"{axis.mjd[0]:.{_START_DECIMALS}f}")]
        for x, mjd in zip(axis.zero[1:], axis.mjd[1:], strict=True):
            if x - ticks[-1][0] >= least:
                ticks.append((float(x), f"{mjd:.{_START_DECIMALS}f}"))
        return ticks
    zero, mjd = float(axis.zero[0]), float(axis.mjd[0])
    first, last = ((float(x) - zero) / SECONDS_PER_DAY for x in (axis.left[0], axis.right[-1]))
    whole = math.floor(mjd)
    return [
        (zero + (tick - (mjd - whole)) * SECONDS_PER_DAY, f"{whole + tick:.{decimals}f}")
        for tick, decimals in _dates(mjd - whole + first, mjd - whole + last, most)
    ]


def _dates(first: float, last: float, most: int) -> list[tuple[float, int]]:
    step = nice_step(last - first, most)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(k * step, decimals) for k in range(math.ceil(first / step), math.floor(last / step) + 1)]
