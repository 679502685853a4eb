"""The row of an observation as the old server gave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hstlc.times import TimeReference, iso_date
from hstlc.web.rebin.subject import Subject

__all__ = ["old_row"]


def old_row(
    subject: Subject, found: Mapping[str, Any], offaxis_arcmin: float | None, azimuth_deg: float | None
) -> list[Any]:
    """Return the values of an observation in the old order.

    These are instrument, observation, region, start and end (UTC), offset from the axis (arcmin), azimuth (deg), right
    ascension and declination (deg), mean rate (ct/s), counts, exposure time (s) and raw start (s). None: unknown.

    Parameters
    ----------
    subject : Subject
        Of one exposure.
    found : mapping
        Sums of the light curve (:func:`hstlc.web.rebin.answer.summary`), ``raw_start_s`` and ``meta``.
    offaxis_arcmin, azimuth_deg : float or None
        Where the source is in the field.
    """
    values, meta = subject.parts[0].values, found["meta"]
    extra = dict(values.extra)
    rate = found["rate_ct_s"]
    return [
        values.instrume,
        str(extra.get("obs_id") or subject.parts[0].rootname),
        extra.get("region"),
        _date(values.expstart_mjd),
        _date(values.expend_mjd),
        _rounded(offaxis_arcmin, 1),
        _rounded(azimuth_deg, 0),
        _rounded(meta.get("RA_TARG"), 5),
        _rounded(meta.get("DEC_TARG"), 5),
        _rounded(rate, 6),
        _rounded(found["counts"], 3),
        _rounded(found["exposure_s"], 3),
        _rounded(found["raw_start_s"], 3),
    ]


def _date(mjd: float | None) -> str | None:
    return None if mjd is None else iso_date(TimeReference(mjd), 0.0)


def _rounded(value: Any, digits: int) -> float | None:
    return round(float(value), digits) if isinstance(value, (int, float)) else None
