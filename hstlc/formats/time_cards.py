"""The keywords of time of a light curve (FITS standard 4.0, section 9; Rots et al. 2015, A&A 574, A36).

Times in the table count from MJDREF, in the scale TIMESYS at the place TREFPOS; the standard has such columns carry no
keywords of their own. The columns ``mjd`` and ``bjd_tdb`` are whole dates, which it does not know as coordinates of a
table: they have no TCTYPn, which would have readers add MJDREF to them. What ``bjd_tdb`` was made with is in TREFDIR
and PLEPHEM.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hstlc.model import LightCurve
from hstlc.times import SECONDS_PER_DAY, iso_date

__all__ = ["reference_keywords", "span_keywords", "span_s", "time_keywords"]


def span_s(curve: LightCurve) -> tuple[float, float]:
    """Return the start of the first bin and the end of the last, seconds after the reference of the curve."""
    return float(np.min(curve["times"])), float(np.max(curve["times"] + curve["bins"]))


def span_keywords(curve: LightCurve) -> dict[str, Any]:
    """Return the keywords of start, end and length of a curve of at least one bin, from the edges of its bins.

    A date that no keyword can hold, outside of the years 1 to 9999, is None.
    """
    begin_s, end_s = span_s(curve)
    return {
        "DATE-BEG": iso_date(curve.reference, begin_s),
        "DATE-END": iso_date(curve.reference, end_s),
        "MJD-BEG": curve.reference.mjd + begin_s / SECONDS_PER_DAY,
        "MJD-END": curve.reference.mjd + end_s / SECONDS_PER_DAY,
        "TELAPSE": end_s - begin_s,
    }


def reference_keywords(curve: LightCurve) -> dict[str, Any]:
    """Return the keywords that say from where times count, for any table with times."""
    return {
        "TIMESYS": curve.reference.scale,
        "MJDREF": curve.reference.mjd,
        "TIMEUNIT": "s",
        "TREFPOS": curve.reference.position,
    }


def time_keywords(curve: LightCurve) -> dict[str, Any]:
    """Return the keywords of time of the table of bins; None where there is nothing to say."""
    width, start, stop = 0.0, 0.0, 0.0
    if len(curve):
        width, start = float(curve["bins"][0]), float(curve["times"][0])
        stop = float(curve["times"][-1] + curve["bins"][-1])
    barycentric = bool(np.isfinite(curve["bjd_tdb"]).any())
    placed = barycentric and curve.meta.get("RA_TARG") is not None and curve.meta.get("DEC_TARG") is not None
    return {
        **reference_keywords(curve),
        "TSTART": start,
        "TSTOP": stop,
        "TIMEDEL": width,
        "TIMEPIXR": 0.5,
        **(span_keywords(curve) if len(curve) else {}),
        "TREFDIR": "RA_TARG,DEC_TARG" if placed else None,
        "PLEPHEM": "DE405" if barycentric else None,
    }
