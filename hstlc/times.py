"""Time references. Precision lives in seconds after a reference; MJD is for display and search."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

__all__ = ["MJD_ZERO_JD", "SECONDS_PER_DAY", "TimeReference", "iso_date", "utc_text"]

SECONDS_PER_DAY = 86400.0

#: Julian date of MJD 0.
MJD_ZERO_JD = 2400000.5

#: The years 1 to 9999, which ISO 8601 writes with four digits, as MJD.
_FOUR_DIGITS_MJD = (-678575.0, 2973483.0)


@dataclass(frozen=True, slots=True)
class TimeReference:
    """Where the seconds of an event list start, and on which clock.

    Attributes
    ----------
    mjd : float
        Modified Julian date of second zero.
    scale : str
        FITS TIMESYS: 'UTC', 'TT', 'TDB'.
    position : str
        FITS TREFPOS: 'GEOCENTER', 'BARYCENTER'.
    """

    mjd: float
    scale: str = "UTC"
    position: str = "GEOCENTER"


def iso_date(reference: TimeReference, time_s: float) -> str | None:
    """Return an instant as an ISO 8601 date with milliseconds, in the scale of the reference.

    Parameters
    ----------
    reference : TimeReference
    time_s : float, seconds
        After the reference.

    Returns
    -------
    str or None
        None outside of the years 1 to 9999.

    Examples
    --------
    >>> iso_date(TimeReference(58108.5), 1.25)
    '2017-12-21T12:00:01.250'
    """
    import erfa

    mjd = reference.mjd + time_s / SECONDS_PER_DAY
    if not _FOUR_DIGITS_MJD[0] <= mjd < _FOUR_DIGITS_MJD[1]:
        return None
    whole = math.floor(reference.mjd)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", erfa.ErfaWarning)  # leap seconds of that year are not announced yet
        fraction = reference.mjd - whole + time_s / SECONDS_PER_DAY
        year, month, day, clock = erfa.d2dtf(reference.scale, 3, MJD_ZERO_JD + whole, fraction)
    hours, minutes, seconds, milliseconds = clock.item()
    return f"{year:04d}-{month:02d}-{day:02d}T{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"


def utc_text(reference: TimeReference, time_s: float) -> str:
    """Return an instant in UTC to the second, as a reader writes it; '' outside of the years 1 to 9999.

    Parameters
    ----------
    reference : TimeReference
        On the clock UTC, TAI, TT or TDB; the 2 ms between the last two do not matter here.
    time_s : float, seconds
        After the reference.

    Examples
    --------
    >>> utc_text(TimeReference(50814.0, "TT"), 64.184)
    '1998-01-01 00:00:01'
    """
    import erfa

    if not math.isfinite(time_s) or not math.isfinite(reference.mjd):
        return ""
    if not _FOUR_DIGITS_MJD[0] <= reference.mjd + time_s / SECONDS_PER_DAY < _FOUR_DIGITS_MJD[1] - 1:
        return ""
    whole = math.floor(reference.mjd)
    parts = MJD_ZERO_JD + whole, reference.mjd - whole + time_s / SECONDS_PER_DAY
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", erfa.ErfaWarning)  # leap seconds of that year are not announced yet
        if reference.scale in ("TT", "TDB"):
            parts = erfa.tttai(*parts)
        if reference.scale != "UTC":
            parts = erfa.taiutc(*parts)
        year, month, day, clock = erfa.d2dtf("UTC", 0, *parts)
    hours, minutes, seconds, _ = clock.item()
    return f"{year:04d}-{month:02d}-{day:02d} {hours:02d}:{minutes:02d}:{seconds:02d}"
