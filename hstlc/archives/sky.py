"""Places on the sky for services that know numbers only: a box around a place, and the distance within it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Box", "boxes", "separation_deg", "within"]


@dataclass(frozen=True, slots=True)
class Box:
    """A range of right ascension and declination, in degrees, both ends included."""

    ra_min: float
    ra_max: float
    dec_min: float
    dec_max: float

    def condition(self, ra: str, dec: str) -> str:
        """Return the box as a condition on two columns, for a query."""
        return (
            f"{dec} BETWEEN {self.dec_min:.9f} AND {self.dec_max:.9f}"
            f" AND {ra} BETWEEN {self.ra_min:.9f} AND {self.ra_max:.9f}"
        )


def boxes(ra_deg: float, dec_deg: float, radius_deg: float) -> tuple[Box, ...]:
    """Return the boxes that hold a circle: two where it crosses right ascension 0, one of all where it holds a pole.

    Parameters
    ----------
    ra_deg, dec_deg, radius_deg : float, degrees

    Examples
    --------
    >>> [(round(box.ra_min, 2), round(box.ra_max, 2)) for box in boxes(0.1, 0.0, 0.5)]
    [(359.6, 360.0), (0.0, 0.6)]
    >>> boxes(0.001, 89.9, 0.2)[0].ra_max
    360.0
    """
    margin = radius_deg + 1e-7  # what rounding of the numbers in the query could lose
    low, high = max(dec_deg - margin, -90.0), min(dec_deg + margin, 90.0)
    if high >= 90.0 or low <= -90.0:
        return (Box(0.0, 360.0, low, high),)
    # widest in right ascension where the circle touches a meridian (spherical sine rule)
    half = math.degrees(math.asin(min(math.sin(math.radians(margin)) / math.cos(math.radians(dec_deg)), 1.0))) + 1e-7
    left, right = ra_deg % 360.0 - half, ra_deg % 360.0 + half
    if left < 0.0:
        return Box(left + 360.0, 360.0, low, high), Box(0.0, right, low, high)
    if right > 360.0:
        return Box(left, 360.0, low, high), Box(0.0, right - 360.0, low, high)
    return (Box(left, right, low, high),)


def separation_deg(ra_deg: float, dec_deg: float, other_ra_deg: float, other_dec_deg: float) -> float:
    """Return the angle between two places in degrees, exact for small ones (haversine formula).

    Examples
    --------
    >>> round(separation_deg(359.9, 0.0, 0.1, 0.0), 9)
    0.2
    """
    dec, other = math.radians(dec_deg), math.radians(other_dec_deg)
    half_ra = math.radians(other_ra_deg - ra_deg) / 2
    square = math.sin((other - dec) / 2) ** 2 + math.cos(dec) * math.cos(other) * math.sin(half_ra) ** 2
    return 2 * math.degrees(math.asin(min(math.sqrt(square), 1.0)))


def within(rows: Iterable[Mapping[str, Any]], place: tuple[float, float], radius_deg: float) -> list[dict[str, Any]]:
    """Return the rows whose ``ra`` and ``dec`` (degrees) are within a distance of a place; not those without."""
    return [
        dict(row)
        for row in rows
        if row["ra"] is not None
        and row["dec"] is not None
        and separation_deg(*place, float(row["ra"]), float(row["dec"])) <= radius_deg
    ]
