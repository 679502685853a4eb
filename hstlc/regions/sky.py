"""Sky and pixels: the tangent plane of an event list, and where a source is on the detector."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hstlc.errors import InconsistentError

__all__ = ["SkyPixels", "off_axis"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SkyPixels:
    """A tangent plane cut into pixels: ``(x, y)`` of an event list and ICRS degrees.

    The projection is ``TAN`` of Calabretta & Greisen (2002, A&A 395, 1077), by :class:`astropy.wcs.WCS`.

    Attributes
    ----------
    ra_deg, dec_deg : float, degrees
        Where the plane touches the sky.
    x, y : float, pixels
        That point; the middle of the first pixel is 1.
    step_x_deg, step_y_deg : float, degrees
        Size of a pixel; the first is negative where x grows to the west.
    roll_deg : float, degrees
        Angle by which the axes are turned, as the keyword ``CROTA2`` counts it: from north to east, so that a detector
        under a roll angle has that one. 0: y points north.

    Examples
    --------
    >>> sky = SkyPixels(150.0, 2.5, 4096.5, 4096.5, -0.492 / 3600, 0.492 / 3600)
    >>> x, y = sky.pixel(150.0, 2.5 + 4.92 / 3600)
    >>> round(float(x), 4), round(float(y), 4), round(sky.scale_arcsec, 6)
    (4096.5, 4106.5, 0.492)
    """

    ra_deg: float
    dec_deg: float
    x: float
    y: float
    step_x_deg: float
    step_y_deg: float
    roll_deg: float = 0.0

    @classmethod
    def of_columns(
        cls, header: Mapping[str, Any], x: str = "X", y: str = "Y", *, where: str = "the header"
    ) -> SkyPixels:
        """Return that of two columns of a table, from their ``TCTYP, TCRVL, TCRPX, TCDLT`` cards.

        Parameters
        ----------
        header : mapping
            Header of the table, such as :class:`astropy.io.fits.Header`.
        x, y : str
            Names of the columns, in upper or lower case.
        where : str
            What the error calls the file.

        Raises
        ------
        InconsistentError
            ``data.sky-pixels``: no such columns, a missing card, or another projection than ``TAN``.
        """
        names: dict[str, int] = {}
        fields = header.get("TFIELDS", 0)
        for number in range(1, fields + 1 if isinstance(fields, int) else 1):
            names.setdefault(str(header.get(f"TTYPE{number}", "")).strip().upper(), number)
        if x.upper() not in names or y.upper() not in names:
            raise _no_sky(where, f"columns {x} and {y}", f"only {', '.join(names) or 'no columns'}")
        return cls._of_cards(header, where, *(_Cards.of_column(names[name.upper()]) for name in (x, y)))

    @classmethod
    def of_reference(cls, header: Mapping[str, Any], *, where: str = "the header") -> SkyPixels:
        """Return that of the keywords ``REFXCTYP, REFXCRVL, REFXCRPX, REFXCDLT`` and the same of y.

        Raises
        ------
        InconsistentError
            ``data.sky-pixels``: a missing keyword, or another projection than ``TAN``.
        """
        return cls._of_cards(header, where, _Cards.of_reference("X"), _Cards.of_reference("Y"))

    @classmethod
    def _of_cards(cls, header: Mapping[str, Any], where: str, first: _Cards, second: _Cards) -> SkyPixels:
        for cards in (first, second):
            for name in (cards.kind, cards.value, cards.pixel, cards.step):
                if header.get(name) is None:
                    raise _no_sky(where, f"keyword {name}", "none")
        kinds = [str(header[cards.kind]).strip().upper() for cards in (first, second)]
        if not (kinds[0].endswith("-TAN") and kinds[1].endswith("-TAN")):
            raise _no_sky(where, "a tangent plane (RA---TAN, DEC--TAN)", " and ".join(kinds))
        cells = [header[getattr(cards, name)] for name in ("value", "pixel", "step") for cards in (first, second)]
        numbers = [float(cell) if isinstance(cell, int | float) else math.nan for cell in cells]
        if not (all(map(math.isfinite, numbers)) and abs(numbers[1]) <= 90 and numbers[4] and numbers[5]):
            raise _no_sky(where, "numbers that are a position, a pixel and the size of pixels", str(cells))
        return cls(*numbers)

    @property
    def scale_arcsec(self) -> float:
        """Width of a pixel in arcseconds, at the tangent point."""
        return math.sqrt(abs(self.step_x_deg * self.step_y_deg)) * 3600.0

    def pixel(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return x and y of positions; NaN for those more than 90 degrees from the tangent point."""
        ra, dec = np.broadcast_arrays(np.asarray(ra_deg, dtype=np.float64), np.asarray(dec_deg, dtype=np.float64))
        seen = _unit(ra, dec) @ _unit(np.float64(self.ra_deg), np.float64(self.dec_deg)) > 1e-6
        x, y = _wcs(self).all_world2pix(np.where(seen, ra, self.ra_deg), np.where(seen, dec, self.dec_deg), 1)
        return np.where(seen, x, np.nan), np.where(seen, y, np.nan)

    def sky(self, x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return right ascension (0 to 360) and declination of pixels, degrees."""
        x, y = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
        ra, dec = _wcs(self).all_pix2world(x, y, 1)
        return np.asarray(ra), np.asarray(dec)

    def north_deg(self, ra_deg: float, dec_deg: float) -> float:
        """Return where north is at a position: the angle from +x to it, counter-clockwise."""
        step = 1e-4 if dec_deg < 89.9 else -1e-4
        x, y = self.pixel([ra_deg, ra_deg], [dec_deg, dec_deg + step])
        return math.degrees(math.atan2((y[1] - y[0]) * step, (x[1] - x[0]) * step))


@dataclass(frozen=True, slots=True)
class _Cards:
    """Names of the keywords of one axis."""

    kind: str
    value: str
    pixel: str
    step: str

    @classmethod
    def of_column(cls, number: int) -> _Cards:
        return cls(f"TCTYP{number}", f"TCRVL{number}", f"TCRPX{number}", f"TCDLT{number}")

    @classmethod
    def of_reference(cls, axis: str) -> _Cards:
        return cls(f"REF{axis}CTYP", f"REF{axis}CRVL", f"REF{axis}CRPX", f"REF{axis}CDLT")


def _no_sky(where: str, wanted: str, found: str) -> InconsistentError:
    message = f"{where} does not say where its pixels are on the sky: expected {wanted}, found {found}"
    return InconsistentError("data.sky-pixels", message, "give a file whose x and y are sky pixels")


def _unit(ra_deg: FloatArray | np.float64, dec_deg: FloatArray | np.float64) -> FloatArray:
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack((np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)), axis=-1)


@lru_cache(maxsize=64)
def _wcs(plane: SkyPixels) -> Any:
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [plane.ra_deg, plane.dec_deg]
    wcs.wcs.crpix = [plane.x, plane.y]
    cosine, sine = math.cos(math.radians(plane.roll_deg)), math.sin(math.radians(plane.roll_deg))
    across, up = plane.step_x_deg, plane.step_y_deg
    wcs.wcs.cd = [[across * cosine, -up * sine], [across * sine, up * cosine]]
    wcs.wcs.set()
    return wcs


def off_axis(detector: SkyPixels, ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return how far sources are from the optical axis, and in which direction of the detector.

    The source is projected on the tangent plane of the pointing, whose axes are those of the detector: with its
    pixels ``(dx, dy)`` from the axis, ``theta = scale * hypot(dx, dy)`` and ``phi = atan2(dy, dx)``, as the off-axis
    angle and azimuth of X-ray source catalogues are given.

    Parameters
    ----------
    detector : SkyPixels
        Tangent point on the axis, ``roll_deg`` that of the pointing.
    ra_deg, dec_deg : array_like, degrees

    Returns
    -------
    theta_arcmin, phi_deg : ndarray of float64
        phi from 0 to 360.

    Examples
    --------
    >>> detector = SkyPixels(150.0, 2.0, 0.0, 0.0, -0.5 / 3600, 0.5 / 3600, roll_deg=30.0)
    >>> theta, phi = off_axis(detector, 150.0, 2.1)
    >>> round(float(theta), 4), round(float(phi), 4)
    (6.0, 120.0)
    """
    x, y = detector.pixel(ra_deg, dec_deg)
    dx, dy = x - detector.x, y - detector.y
    return np.hypot(dx, dy) * detector.scale_arcsec / 60.0, np.degrees(np.arctan2(dy, dx)) % 360.0
