"""Which events count: good times, bands across the detector, wavelength windows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hstlc.events.binning import tick_number, ticks_before
from hstlc.model import Intervals

__all__ = ["in_band", "in_good_time", "outside_windows"]

BoolArray = NDArray[np.bool_]


def in_good_time(time_s: ArrayLike, gti: Intervals, tick_s: float = 0.0) -> BoolArray:
    """Tell for each event whether it fell into a good time; with a clock, whether its tick's middle did.

    Uses the same whole ticks as :func:`hstlc.events.live_time`, so that an event is never counted in time that is not.
    """
    if not tick_s:
        return gti.contains(time_s)
    good = Intervals.of(ticks_before(gti.start, tick_s), ticks_before(gti.stop, tick_s))
    return good.contains(tick_number(time_s, tick_s))


def in_band(y: NDArray[np.float64], center: float | NDArray[np.float64], height: float) -> BoolArray:
    """Tell for each event whether ``center - height/2 <= y < center + height/2``, all in pixels."""
    offset = y - center
    return np.asarray((offset >= -height / 2) & (offset < height / 2))


def outside_windows(wavelength_aa: NDArray[np.float64], windows: Iterable[tuple[float, float]]) -> BoolArray:
    """Tell for each event whether its wavelength (Angstrom) lies in none of the windows, both ends of which belong."""
    outside = np.ones(len(wavelength_aa), dtype=bool)
    for low, high in windows:
        outside &= (wavelength_aa < low) | (wavelength_aa > high)
    return outside
