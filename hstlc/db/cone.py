"""Rows within a radius of a place on the sky: a band that an index knows first, then the exact great circle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, func, literal, or_, true, type_coerce

__all__ = ["Cone", "separation_deg", "within"]

#: Added to the bands, so that rounding never leaves out what the exact condition would let pass: 4 microarcseconds.
_SLACK_DEG = 1e-9


@dataclass(frozen=True, slots=True)
class Cone:
    """A circle on the sky.

    Attributes
    ----------
    ra_deg, dec_deg : float
        Its middle, ICRS: 0 to 360 and -90 to 90 degrees.
    radius_deg : float
        0 to 180 degrees.

    Raises
    ------
    ValueError
        One of the numbers is out of its range, infinite or not a number.

    Examples
    --------
    >>> Cone(10.0, 89.5, 1.0).ra_bands(), Cone(0.0, 0.0, 1.0).dec_band()
    ((), (-1.000000001, 1.000000001))
    """

    ra_deg: float
    dec_deg: float
    radius_deg: float

    def __post_init__(self) -> None:
        for name, low, high in (("ra_deg", 0.0, 360.0), ("dec_deg", -90.0, 90.0), ("radius_deg", 0.0, 180.0)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}, expected {low:g} to {high:g} degrees")

    def dec_band(self) -> tuple[float, float]:
        """Return the lowest and highest declination of it, in degrees."""
        reach = self.radius_deg + _SLACK_DEG
        return max(-90.0, self.dec_deg - reach), min(90.0, self.dec_deg + reach)

    def ra_bands(self) -> tuple[tuple[float, float], ...]:
        """Return the ranges of right ascension of it, in degrees: one, two across 0, or none where it holds a pole."""
        reach = self.radius_deg + _SLACK_DEG
        if abs(self.dec_deg) + reach >= 90.0:
            return ()
        ratio = math.sin(math.radians(reach)) / math.cos(math.radians(self.dec_deg))
        half = math.degrees(math.asin(min(1.0, ratio))) + _SLACK_DEG
        low, high = self.ra_deg - half, self.ra_deg + half
        if high - low >= 360.0:
            return ()
        if low < 0.0:
            return (low + 360.0, 360.0), (0.0, high)
        return ((low, 360.0), (0.0, high - 360.0)) if high > 360.0 else ((low, high),)


def within(
    ra_deg: ColumnElement[Any], dec_deg: ColumnElement[Any], cone: Cone
) -> tuple[ColumnElement[bool], ColumnElement[float]]:
    """Return a condition on two columns, and what to sort by for the nearest first.

    The condition holds for rows in the cone, its edge too; rows without a place never fulfil it.

    Parameters
    ----------
    ra_deg, dec_deg : column
        ICRS, degrees; an index that begins with the declination is used.
    cone : Cone

    Returns
    -------
    condition : column
    rank : column
        The square of the sine of half the distance: grows with the distance. The distance itself is
        :func:`separation_deg` of the rows that are read.
    """
    bands = cone.ra_bands()
    in_ra = or_(*(ra_deg.between(low, high) for low, high in bands)) if bands else true()
    rank = _half_sine_squared(ra_deg, dec_deg, cone.ra_deg, cone.dec_deg)
    if cone.radius_deg <= 90.0:
        exact = rank <= _of_radius(cone.radius_deg)
    else:  # near 180 degrees the sine is flat: the distance from the place opposite is exact there
        opposite = _half_sine_squared(ra_deg, dec_deg, cone.ra_deg + 180.0, -cone.dec_deg)
        exact = opposite >= math.sin(math.radians((180.0 - cone.radius_deg) / 2.0)) ** 2 * (1.0 - 1e-12)
    return and_(dec_deg.between(*cone.dec_band()), ra_deg.is_not(None), in_ra, exact), rank


def separation_deg(ra_deg: float, dec_deg: float, cone: Cone) -> float:
    """Return the distance of a place from the middle of a cone, in degrees.

    Vincenty's formula: exact also near 0 and near 180 degrees.

    Examples
    --------
    >>> round(separation_deg(350.0, 0.0, Cone(10.0, 0.0, 30.0)), 9)
    20.0
    """
    dec, other = math.radians(dec_deg), math.radians(cone.dec_deg)
    turn = math.radians(ra_deg - cone.ra_deg)
    across = math.cos(dec) * math.sin(turn)
    along = math.cos(other) * math.sin(dec) - math.sin(other) * math.cos(dec) * math.cos(turn)
    towards = math.sin(other) * math.sin(dec) + math.cos(other) * math.cos(dec) * math.cos(turn)
    return math.degrees(math.atan2(math.hypot(across, along), towards))


def _half_sine_squared(ra_deg: Any, dec_deg: Any, other_ra_deg: float, other_dec_deg: float) -> ColumnElement[float]:
    """Return the haversine of the distance as SQL."""
    up = func.sin(func.radians(dec_deg - literal(other_dec_deg)) / 2.0)
    turn = func.sin(func.radians(ra_deg - literal(other_ra_deg)) / 2.0)
    shrunk = func.cos(func.radians(dec_deg)) * math.cos(math.radians(other_dec_deg))
    return type_coerce(up * up + shrunk * turn * turn, Float)


def _of_radius(radius_deg: float) -> float:
    """Return what a radius is compared with: rows on the edge are in, whatever the last digits."""
    half = math.radians(radius_deg) / 2.0
    return math.sin(half) ** 2 * (1.0 + 1e-12) + 1e-32
