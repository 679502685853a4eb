"""Which sources of different exposures are one: by place, the same whatever came first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Detection", "same_sources"]


@dataclass(frozen=True, slots=True)
class Detection:
    """A source as one exposure sees it.

    Attributes
    ----------
    exposure : int
        Number of the exposure.
    name : str
        Of the source in its exposure.
    ra_deg, dec_deg : float, degrees
    """

    exposure: int
    name: str
    ra_deg: float
    dec_deg: float


def same_sources(detections: Sequence[Detection], radius_arcsec: float) -> list[str]:
    """Return the one name of the source that each detection is of.

    The first detection of a place gives the name. Each further one belongs to the nearest of these places that is not
    farther than the radius and has no detection of the same exposure yet; else it is a place of its own. Two places
    never share a name.

    Parameters
    ----------
    detections : sequence of Detection
        In order of time.
    radius_arcsec : float, arcsec

    Returns
    -------
    list of str
        As long as ``detections``.

    Examples
    --------
    >>> first, again = Detection(1, "A", 10.0, 2.0), Detection(2, "B", 10.0, 2.0002)
    >>> same_sources([first, again, Detection(2, "C", 11.0, 2.0)], radius_arcsec=3.0)
    ['A', 'A', 'C']
    """
    if not detections:
        return []
    from scipy.spatial import KDTree

    ra, dec = np.deg2rad([[one.ra_deg for one in detections], [one.dec_deg for one in detections]])
    places = np.column_stack((np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)))
    reach = 2 * np.sin(np.deg2rad(radius_arcsec / 3600) / 2)
    near = KDTree(places).query_ball_point(places, reach)
    names: list[str] = []
    seed_of: list[int] = []
    seen: dict[int, set[int]] = {}
    taken: set[str] = set()
    for number, detection in enumerate(detections):
        free = [
            other
            for other in near[number]
            if other < number and seed_of[other] == other and detection.exposure not in seen[other]
        ]
        if free:
            seed = min(free, key=lambda other: (float(np.sum((places[other] - places[number]) ** 2)), other))
            name = names[seed]
        else:
            seed, name = number, _free_name(detection.name, taken)
            taken.add(name)
        seed_of.append(seed)
        seen.setdefault(seed, set()).add(detection.exposure)
        names.append(name)
    return names


def _free_name(name: str, taken: set[str]) -> str:
    """Return a name, with a number after it where another place has it."""
    if name not in taken:
        return name
    return next(f"{name} ({number})" for number in range(2, len(taken) + 2) if f"{name} ({number})" not in taken)
