"""The South Atlantic Anomaly, where particle background swamps the detectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["CONTOUR_DEG", "in_saa"]

FloatArray = NDArray[np.float64]

#: Latitude and east longitude of the corners, degrees: the contour that costools (models 31 and 32) uses for COS since
#: it was shifted by 6 degrees to the west in 2010.
CONTOUR_DEG: tuple[tuple[float, float], ...] = (
    *((-28.3, 14.0), (-27.5, 15.0), (-26.1, 13.0), (-19.8, 1.5), (-9.6, 341.0), (-7.6, 330.4), (-6.0, 318.8)),
    *((-7.9, 297.2), (-12.0, 286.1), (-17.1, 279.9), (-20.3, 277.5), (-23.5, 276.5), (-26.0, 276.4), (-28.6, 276.7)),
)


def _unit_vectors(latitude_deg: FloatArray, longitude_deg: FloatArray) -> FloatArray:
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=-1
    )


def in_saa(latitude_deg: ArrayLike, longitude_deg: ArrayLike) -> NDArray[np.bool_]:
    """Tell for each point on the ground below the telescope whether it lies in the anomaly.

    The sphere is projected from its center on the plane that touches it in the middle of the contour. Great circles
    become straight lines there, so that the even-odd rule of plane polygons is exact; points of the other hemisphere
    are outside.

    Parameters
    ----------
    latitude_deg, longitude_deg : array_like, shape (n,), degrees
        Geographic latitude, and longitude to the east.

    Examples
    --------
    >>> in_saa([-20.0, 40.0], [320.0, 320.0])
    array([ True, False])
    """
    corners = _unit_vectors(*np.array(CONTOUR_DEG).T)
    center = corners.mean(axis=0)
    center /= np.linalg.norm(center)
    east = np.cross([0.0, 0.0, 1.0], center)
    east /= np.linalg.norm(east)
    north = np.cross(center, east)
    points = _unit_vectors(np.asarray(latitude_deg, dtype=np.float64), np.asarray(longitude_deg, dtype=np.float64))
    height = points @ center
    near = height > 0
    safe = np.where(near, height, 1.0)
    x, y = points @ east / safe, points @ north / safe
    depth = corners @ center
    corner_x, corner_y = corners @ east / depth, corners @ north / depth
    inside = np.zeros(x.shape, dtype=bool)
    for i in range(len(corners)):
        x0, y0, x1, y1 = corner_x[i - 1], corner_y[i - 1], corner_x[i], corner_y[i]
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return np.asarray(inside & near)
