"""Values as people read them in pages: numbers, moments, sizes; and addresses of what they name."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

__all__ = ["ago", "curve_address", "mjd_moment", "moment", "number", "size", "span", "target_address"]

_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with so many digits; '' for none.

    Examples
    --------
    >>> number(1234567.0), number(0.000134784), number(12345), number(None)
    ('1.235e+06', '0.0001348', '12 345', '')
    """
    if value is None or not math.isfinite(value):
        return ""
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    return f"{value:.{digits}g}"


def moment(value: datetime | None, *, seconds: bool = False) -> str:
    """Return a moment in UTC, to the minute; '' for none."""
    if value is None:
        return ""
    return value.astimezone(UTC).isoformat(" ", "seconds" if seconds else "minutes")[: 19 if seconds else 16]


def mjd_moment(mjd: float | None) -> str:
    """Return a modified Julian date in UTC as a moment to the second; '' for none, or beyond what a calendar has.

    Examples
    --------
    >>> mjd_moment(57861.33303)
    '2017-04-18 07:59:34'
    """
    if mjd is None or not -600_000 < mjd < 2_900_000:
        return ""
    return moment(_MJD_ZERO + timedelta(days=mjd, microseconds=500_000), seconds=True)


def ago(value: datetime | None, now: datetime) -> str:
    """Return how far a moment is from now, in the largest unit that fits; '' for none.

    Examples
    --------
    >>> ago(datetime(2026, 1, 1, 11, 57, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC))
    '3 min ago'
    """
    if value is None:
        return ""
    seconds = (value - now).total_seconds()
    text = span(abs(seconds))
    return f"{text} ago" if seconds < 0 else f"in {text}"


def span(seconds: float) -> str:
    """Return a length of time in the largest unit that fits.

    Examples
    --------
    >>> span(0.4), span(75.0), span(600.0)
    ('0.4 s', '75 s', '10 min')
    """
    value, unit = seconds, "s"
    for longer, length in (("min", 60.0), ("h", 60.0), ("d", 24.0)):
        if value < 2 * length:
            break
        value, unit = value / length, longer
    return f"{value:.1f} {unit}" if unit == "s" and value < 10 else f"{value:.0f} {unit}"


def size(number_of_bytes: int) -> str:
    """Return a size in the largest unit that fits.

    Examples
    --------
    >>> size(41_554_245)
    '42 MB'
    """
    value = float(number_of_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def target_address(name: str) -> str:
    """Return the address of the page of a target.

    Examples
    --------
    >>> target_address("AB Dor/A#1")
    '/target/AB%20Dor%2FA%231'
    """
    return f"/target/{quote(name, safe='')}"


def curve_address(filename: str, start_mjd: float | None = None, end_mjd: float | None = None) -> str:
    """Return the address of the page of a light curve, with a stretch of it marked where one is given.

    Parameters
    ----------
    filename : str
    start_mjd, end_mjd : float, d, optional
        Modified Julian dates, UTC.

    Examples
    --------
    >>> curve_address("a_curve.fits", 57861.333033, 57861.333207)
    '/curve/a_curve.fits?from_mjd=57861.333033000&to_mjd=57861.333207000'
    """
    address = f"/curve/{quote(filename, safe='')}"
    if start_mjd is None or end_mjd is None:
        return address
    return f"{address}?from_mjd={start_mjd:.9f}&to_mjd={end_mjd:.9f}"
