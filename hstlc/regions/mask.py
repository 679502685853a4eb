"""An image that says which part of the sky was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import InconsistentError

__all__ = ["Mask"]


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """An image of the plane of an event list, True where the detector looked.

    Attributes
    ----------
    good : ndarray of bool, shape (ny, nx)
        The first row is the lowest.
    x, y : float, pixels of the event list
        Lower left corner of the first pixel.
    step_x, step_y : float, pixels of the event list
        Size of a pixel.

    Examples
    --------
    >>> mask = Mask(np.array([[True, False]]), 10.0, 20.0, 2.0, 2.0)
    >>> mask.inside(np.array([11.0, 13.0, 15.0]), np.array([21.0, 21.0, 21.0]))
    array([ True, False, False])
    """

    good: NDArray[np.bool_]
    x: float
    y: float
    step_x: float
    step_y: float

    @classmethod
    def of_image(cls, header: Mapping[str, Any], image: NDArray[Any], *, where: str = "the header") -> Mask:
        """Return the mask that an image is, good where it is above 0.

        Its place is told by the keywords of the alternative coordinates P (``CRPIX1P, CRVAL1P, CDELT1P``), or by
        ``LTV1, LTM1_1``.

        Raises
        ------
        InconsistentError
            ``data.mask``: neither of them, or no image.
        """
        corner, steps = [], []
        for axis in ("1", "2"):
            if header.get(f"CRVAL{axis}P") is not None:
                step = float(header.get(f"CDELT{axis}P", 1.0))
                place = float(header[f"CRVAL{axis}P"]) + (0.5 - float(header.get(f"CRPIX{axis}P", 0.0))) * step
            elif header.get(f"LTV{axis}") is not None:
                step = 1.0 / float(header.get(f"LTM{axis}_{axis}", 1.0))
                place = (0.5 - float(header[f"LTV{axis}"])) * step
            else:
                place, step = 0.0, 0.0
            corner.append(place)
            steps.append(step)
        if np.ndim(image) != 2 or not all(step > 0 for step in steps):
            message = f"{where} does not place a mask: expected an image with CRVAL1P, CRPIX1P, CDELT1P"
            raise InconsistentError("data.mask", message, "get the file again")
        return cls(np.asarray(image) > 0, *corner, *steps)

    def inside(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell for each point whether it is on a good pixel."""
        column, row = (x - self.x) / self.step_x, (y - self.y) / self.step_y
        height, width = self.good.shape
        within = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        inside = np.zeros(np.shape(x), dtype=bool)
        inside[within] = self.good[row[within].astype(np.intp), column[within].astype(np.intp)]
        return inside
