"""Small pictures of the events around a source: of the sky, and of the detector."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hstlc.model import Stamp

__all__ = ["Outlined", "detector_stamp", "sky_box", "sky_stamp"]

FloatArray = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

#: Width of a pixel of a picture, in pixels of the event list, where the picture does not become too large.
_STEP = 0.5

#: Pixels along a side.
_MOST = 200

#: What a picture of the detector shows beside the events, in pixels of the event list.
_DETECTOR_MARGIN = 5.0


class Outlined(Protocol):
    """A region, as far as drawing it needs it."""

    @property
    def bounds(self) -> Bounds:
        """A box around it: x from, y from, x to, y to."""

    def outline(self, n: int) -> tuple[FloatArray, FloatArray]:
        """Return points along its outline."""


def sky_box(bounds: Bounds) -> Bounds:
    """Return what the picture of a region shows: its box, and as much on every side.

    Examples
    --------
    >>> sky_box((10.0, 20.0, 14.0, 22.0))
    (6.0, 18.0, 18.0, 24.0)
    """
    x0, y0, x1, y1 = bounds
    return x0 - (x1 - x0), y0 - (y1 - y0), x1 + (x1 - x0), y1 + (y1 - y0)


def sky_stamp(
    x: NDArray[Any],
    y: NDArray[Any],
    region: Outlined,
    *,
    scale_arcsec: float = 0.0,
    step: float = _STEP,
    most: int = _MOST,
    outline_points: int = 90,
) -> Stamp:
    """Return the picture of the sky around a source region.

    Parameters
    ----------
    x, y : ndarray, shape (n,), pixels
        Sky positions of the events, those of all or at least of :func:`sky_box`; what lies outside is not drawn.
    region : Outlined
        Source region.
    scale_arcsec : float, arcsec
        Width of a pixel of the event list.
    step : float, pixels
        Width of a pixel of the picture; a multiple of it where there would be too many.
    most : int
        Pixels along a side at most.
    outline_points : int
        Points of the outline.

    Returns
    -------
    Stamp
        The y axis points up, as it does on the sky of an event list: north up, east left.
    """
    outline_x, outline_y = region.outline(outline_points)
    outline = np.asarray(outline_x, dtype=np.float64), np.asarray(outline_y, dtype=np.float64)
    return _stamp("SKY", x, y, sky_box(region.bounds), step, most, scale_arcsec, outline)


def detector_stamp(
    x: NDArray[Any],
    y: NDArray[Any],
    *,
    scale_arcsec: float = 0.0,
    margin: float = _DETECTOR_MARGIN,
    step: float = _STEP,
    most: int = _MOST,
) -> Stamp:
    """Return the picture of where on the detector some events fell, which shows gaps and edges that a source crosses.

    Parameters
    ----------
    x, y : ndarray, shape (n,), pixels
        Detector positions of the events of a source region; what is not finite is not drawn.
    scale_arcsec : float, arcsec
        Width of a detector pixel.
    margin : float, pixels
        What is shown beside the events.
    step : float, pixels
        Width of a pixel of the picture; a multiple of it where there would be too many.
    most : int
        Pixels along a side at most.

    Returns
    -------
    Stamp
        Of one empty pixel where there is no event.

    Examples
    --------
    >>> detector_stamp(np.array([10.0, 11.0]), np.array([4.0, 4.0]), margin=1.0).counts.shape
    (4, 6)
    """
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x):
        box = (float(x.min()) - margin, float(y.min()) - margin, float(x.max()) + margin, float(y.max()) + margin)
    else:
        box = (0.0, 0.0, step, step)
    return _stamp("DETECTOR", x, y, box, step, most, scale_arcsec, (np.zeros(0), np.zeros(0)))


def _stamp(
    name: str,
    x: NDArray[Any],
    y: NDArray[Any],
    box: Bounds,
    step: float,
    most: int,
    scale_arcsec: float,
    outline: tuple[FloatArray, FloatArray],
) -> Stamp:
    x0, y0, x1, y1 = box
    step *= max(1.0, np.ceil(max(x1 - x0, y1 - y0) / (step * most)))
    columns, lines = (max(1, int(np.ceil(size / step - 1e-9))) for size in (x1 - x0, y1 - y0))
    column, line = np.floor((x - x0) / step), np.floor((y - y0) / step)
    inside = (column >= 0) & (column < columns) & (line >= 0) & (line < lines)
    place = line[inside].astype(np.int64) * columns + column[inside].astype(np.int64)
    counts = np.bincount(place, minlength=lines * columns).reshape(lines, columns).astype(np.int32)
    return Stamp(name, counts, float(x0), float(y0), float(step), float(scale_arcsec), *outline)
