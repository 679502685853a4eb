"""What a light curve can carry beside its bins: the arrivals it was made of, and pictures of where they fell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrivals", "Stamp"]


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """The events of a source region, in the order of time.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n,), seconds
        After the reference of the light curve.
    live_s : ndarray of float64, shape (n,), seconds
        Live time before each event: in it a constant source is uniform, whatever gaps, dead time and weights there are.
    energy_kev : ndarray of float32, shape (n,), keV
        NaN where the detector does not measure it.
    total_live_s : float, seconds
        Live time of the whole curve.
    frame_s : float, seconds
        Length of the readout frames, 0 for continuous times: events of one frame have one time.
    """

    time_s: NDArray[np.float64]
    live_s: NDArray[np.float64]
    energy_kev: NDArray[np.float32]
    total_live_s: float
    frame_s: float = 0.0

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """A small picture of the events around a source.

    Attributes
    ----------
    name : str
        ``SKY`` (north up, east left) or ``DETECTOR``.
    counts : ndarray of int32, shape (ny, nx)
        Events a pixel; the first row is the lowest.
    x, y : float
        Lower left corner, in pixels of the event list.
    step : float
        Width of a pixel of the picture, in those of the event list.
    scale_arcsec : float, arcsec
        Width of a pixel of the event list; 0: unknown.
    outline_x, outline_y : ndarray of float64, shape (m,)
        Outline of the source region, in pixels of the event list; empty where it has none there.
    """

    name: str
    counts: NDArray[np.int32]
    x: float
    y: float
    step: float
    scale_arcsec: float
    outline_x: NDArray[np.float64]
    outline_y: NDArray[np.float64]
