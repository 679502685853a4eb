"""Time references. Precision lives in seconds after a reference; MJD is for display and search."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SECONDS_PER_DAY", "TimeReference"]

SECONDS_PER_DAY = 86400.0


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
