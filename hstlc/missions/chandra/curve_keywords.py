"""Keywords of the light curves of Chandra."""

from __future__ import annotations

from typing import Any

from hstlc.missions.chandra.exposure import ChandraExposure
from hstlc.missions.chandra.identify import real, whole
from hstlc.missions.chandra.mission_settings import ChandraSettings
from hstlc.times import MJD_ZERO_JD, SECONDS_PER_DAY

__all__ = ["exposure_keywords", "utc_mjd"]

#: How far the times at the barycenter can be off because the spacecraft is taken to be at the geocenter: its orbit
#: reaches 150,000 km from there, which light crosses in half a second.
BARYCENTER_ERROR_S = 0.5


def utc_mjd(mjdref: float, seconds: float) -> float:
    """Return the UTC date of an instant in TT, MJD.

    Examples
    --------
    >>> round((utc_mjd(50814.0, 0.0) - 50814.0) * 86400, 3)
    -63.184
    """
    import warnings

    import erfa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", erfa.ErfaWarning)  # leap seconds of that year are not announced yet
        tai = erfa.tttai(MJD_ZERO_JD + mjdref, seconds / SECONDS_PER_DAY)
        first, second = erfa.taiutc(*tai)
    return float(first - MJD_ZERO_JD + second)


def exposure_keywords(exposure: ChandraExposure, settings: ChandraSettings, step_version: int) -> dict[str, Any]:
    """Return the keywords that all light curves of an exposure share."""
    header, events = exposure.header, exposure.lead
    assert events is not None
    start, stop = (real(header, key) for key in ("TSTART", "TSTOP"))
    headers = [*(one.header for one in exposure.events.values()), exposure.region_header]
    dates = [str(one["DATE"]) for one in headers if one.get("DATE")]
    mjdref = real(header, "MJDREF") or 50814.0
    rootname = exposure.files[0].rootname
    return {
        "TELESCOP": "CHANDRA",
        "INSTRUME": events.instrument,
        "DETECTOR": exposure.text("DETNAM") or None,
        "TARGNAME": exposure.text("OBJECT") or None,
        "RA_TARG": real(header, "RA_TARG"),
        "DEC_TARG": real(header, "DEC_TARG"),
        "OBSTYPE": "IMAGING",
        "OPT_ELEM": exposure.text("GRATING") or None,
        "DATAMODE": exposure.text("DATAMODE") or None,
        "ROOTNAME": rootname,
        "OBS_ID": exposure.text("OBS_ID") or None,
        "PROPOSID": whole(header, "SEQ_NUM"),
        "CAL_VER": exposure.text("ASCDSVER") or None,
        "EXPSTART": None if start is None else utc_mjd(mjdref, start),
        "EXPEND": None if stop is None else utc_mjd(mjdref, stop),
        "EXPTIME": real(header, "EXPOSURE"),
        "DTCOR": events.dtcor,
        "FRAMETIM": events.frame_s or None,
        "SIMULATD": "T" if any(str(one.get("SIMULATD") or "").strip() == "T" for one in headers) else None,
        "DATE": max(dates) if dates else None,
        "STEPSIZE": settings.bin_width_s,
        "MINFRAC": settings.minimum_fraction,
        "FLARES": settings.flares if exposure.kind == "evt2" else "off",
        "BJDERR": BARYCENTER_ERROR_S,
        "STEPVER": step_version,
    }
