"""Places on the sky as people write them."""

from __future__ import annotations

import math
import re

from hstlc.db.cone import Cone
from hstlc.errors import UsageError

__all__ = ["ARCMIN", "DEFAULT_RADIUS_DEG", "cone_of", "read_place", "sexagesimal"]

ARCMIN = 1.0 / 60.0
#: Of a place without a radius.
DEFAULT_RADIUS_DEG = 5.0 * ARCMIN

_DECIMAL = r"[0-9]{1,3}(?:\.[0-9]*)?"
_PLAIN = re.compile(rf"(?P<ra>{_DECIMAL})[ ,;]+(?P<dec>[+-]?{_DECIMAL})")
_SEXAGESIMAL = re.compile(
    r"(?P<h>[0-9]{1,2})[ h:]+(?P<m>[0-9]{1,2})[ m:]+(?P<s>[0-9]{1,2}(?:\.[0-9]*)?)s?[ ,;]*"
    r"(?P<sign>[+-]?)(?P<d>[0-9]{1,2})[ d°:]+(?P<am>[0-9]{1,2})[ m'′:]+(?P<as>[0-9]{1,2}(?:\.[0-9]*)?)(?:s|\"|″|'')?"
)
_RADIUS = re.compile(
    r"[ ,;]+(?:within |r ?= ?)?(?P<value>[0-9]+(?:\.[0-9]*)?) ?(?P<unit>deg|°|arcmin|'|′|arcsec|\"|″)$"
)
_UNITS = {"deg": 1.0, "°": 1.0, "arcmin": ARCMIN, "'": ARCMIN, "′": ARCMIN}


def read_place(text: str) -> Cone | None:
    """Return the circle that a text describes, None where it describes none.

    Parameters
    ----------
    text : str
        Right ascension and declination, ICRS, both in decimal degrees or both sexagesimal (then right ascension in
        hours), and a radius where it has a unit: 5 arcmin where it does not.

    Raises
    ------
    UsageError
        ``usage.place``: a place that cannot be, such as a declination beyond 90 degrees.

    Examples
    --------
    >>> read_place("150.1 +2.2"), read_place("NGC 3516")
    (Cone(ra_deg=150.1, dec_deg=2.2, radius_deg=0.08333333333333333), None)
    >>> read_place("10:00:00 -00 30 00 1.5 deg")
    Cone(ra_deg=150.0, dec_deg=-0.5, radius_deg=1.5)
    """
    text = " ".join(text.replace("−", "-").split())
    radius = DEFAULT_RADIUS_DEG
    place = _ra_dec(text)
    if place is None and (found := _RADIUS.search(text)):
        radius = float(found["value"]) * _UNITS.get(found["unit"], ARCMIN / 60.0)
        place = _ra_dec(text[: found.start()])
    if place is None:
        return None
    try:
        return Cone(*place, radius)
    except ValueError as error:
        raise UsageError("usage.place", f"there is no such place: {error}", _HINT) from None


_HINT = "write it as 150.1 +2.2 in degrees or 10:00:24 +02:12:00, and a radius as 5 arcmin"


def cone_of(ra_deg: float | None, dec_deg: float | None, radius_deg: float | None) -> Cone | None:
    """Return the circle that parameters describe, None where they describe none.

    Raises
    ------
    UsageError
        ``usage.place``: one of right ascension and declination is missing, or one is out of range.
    """
    if ra_deg is None and dec_deg is None:
        return None
    try:
        if ra_deg is None or dec_deg is None:
            raise ValueError("one of ra and dec is missing")
        return Cone(ra_deg, dec_deg, DEFAULT_RADIUS_DEG if radius_deg is None else radius_deg)
    except ValueError as error:
        hint = "give ra from 0 to 360, dec from -90 to 90 and radius, all in degrees"
        raise UsageError("usage.place", f"there is no such place: {error}", hint) from None


def _ra_dec(text: str) -> tuple[float, float] | None:
    if found := _PLAIN.fullmatch(text):
        return float(found["ra"]), float(found["dec"])
    if found := _SEXAGESIMAL.fullmatch(text):
        parts = [float(found[name]) for name in ("h", "m", "s", "d", "am", "as")]
        if max(parts[1], parts[2], parts[4], parts[5]) >= 60.0:
            raise UsageError("usage.place", f"there is no such place: {text}", _HINT)
        dec = parts[3] + parts[4] / 60.0 + parts[5] / 3600.0
        return 15.0 * (parts[0] + parts[1] / 60.0 + parts[2] / 3600.0), -dec if found["sign"] == "-" else dec
    return None


def sexagesimal(ra_deg: float, dec_deg: float) -> str:
    """Return a place in hours and degrees, to 0.1 arcseconds or better.

    Examples
    --------
    >>> sexagesimal(175.54622, 26.70657), sexagesimal(359.999999, -0.5)
    ('11:42:11.09 +26:42:23.7', '00:00:00.00 -00:30:00.0')
    """
    hundredths = math.floor(ra_deg * 24000.0 + 0.5) % 8_640_000  # of a second of time
    tenths = math.floor(abs(dec_deg) * 36000.0 + 0.5)  # of a second of arc
    seconds, rest = divmod(hundredths, 100)
    arcseconds, tenth = divmod(tenths, 10)
    hours = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:02}"
    degrees = f"{arcseconds // 3600:02}:{arcseconds // 60 % 60:02}:{arcseconds % 60:02}.{tenth}"
    return f"{hours} {'-' if dec_deg < 0 else '+'}{degrees}"
