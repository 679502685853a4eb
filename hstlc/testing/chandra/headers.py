"""Keywords of simulated Chandra files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hstlc.testing.chandra.scene import ChandraObservation

__all__ = ["clock_keywords", "column_plane", "observation_keywords"]

Keywords = dict[str, Any]

_MJDREF = 50814.0
_DAY_S = 86400.0
_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)


def observation_keywords(observation: ChandraObservation, content: str) -> Keywords:
    """Return what all files of an observation say of it; ``content`` is ``EVT2``, ``REGEVT3``, ``SRCREG``, ..."""
    acis = observation.instrument == "ACIS"
    lead = next(iter(observation.chip_corners))
    ontime = observation.live_s(lead) / observation.dtcor
    keywords: Keywords = {
        "ORIGIN": "ASC", "CREATOR": "hstlc simulation", "ASCDSVER": f"10.9.{observation.revision}",
        "REVISION": observation.revision, "CONTENT": content, "DATE": observation.date,
        "MISSION": "AXAF", "TELESCOP": "CHANDRA", "INSTRUME": observation.instrument,
        "DETNAM": "ACIS-" + "".join(str(chip) for chip in sorted(observation.chips)) if acis else observation.detector,
        "GRATING": "NONE", "OBJECT": observation.target, "OBS_ID": str(observation.obsid),
        "OBI_NUM": observation.obi, "SEQ_NUM": f"{500000 + observation.obsid % 1000}", "OBS_MODE": "POINTING",
        "DATAMODE": "FAINT" if acis else "OBSERVING",
        **clock_keywords(observation),
        "TIMEDEL": observation.frame_s if acis else 1.5625e-05,
        "RA_PNT": observation.ra_deg, "DEC_PNT": observation.dec_deg, "ROLL_PNT": 0.0,
        "RA_NOM": observation.ra_deg, "DEC_NOM": observation.dec_deg, "ROLL_NOM": 0.0,
        "RA_TARG": observation.ra_deg, "DEC_TARG": observation.dec_deg, "RADESYS": "ICRS", "EQUINOX": 2000.0,
        "ONTIME": ontime, "LIVETIME": ontime * observation.dtcor, "EXPOSURE": ontime * observation.dtcor,
        "DTCOR": observation.dtcor, "SIMULATD": "T",
    }  # fmt: skip
    if acis:
        keywords |= {"READMODE": "TIMED", "EXPTIME": observation.exposed_s, "CYCLE": "P", "DTYCYCLE": 0}
        keywords |= {"FIRSTROW": 1, "NROWS": 1024, "GRADESYS": "ASCA"}
    if observation.region is not None:
        keywords["REGIONID"] = f"{observation.region:04d}"
    return keywords


def clock_keywords(observation: ChandraObservation) -> Keywords:
    """Return the keywords of time: seconds after MJD 50814 TT, on the clock of the spacecraft."""
    start, stop = observation.start_s, observation.start_s + observation.ontime_s
    return {
        "TIMESYS": "TT", "MJDREF": _MJDREF, "TIMEZERO": 0.0, "TIMEUNIT": "s", "TIMEREF": "LOCAL",
        "TASSIGN": "SATELLITE", "CLOCKAPP": True, "TIMEPIXR": 0.5, "TSTART": start, "TSTOP": stop,
        "DATE-OBS": _date(start), "DATE-END": _date(stop), "MJD-OBS": _MJDREF + start / _DAY_S,
    }  # fmt: skip


def column_plane(observation: ChandraObservation, columns: Mapping[str, int]) -> Keywords:
    """Return the tangent plane of the columns x and y, whose numbers are given."""
    step = observation.pixel_arcsec / 3600
    first, second = columns["x"], columns["y"]
    keywords: Keywords = {}
    for number, kind, value, sign in (
        (first, "RA---TAN", observation.ra_deg, -1),
        (second, "DEC--TAN", observation.dec_deg, 1),
    ):
        keywords |= {f"TCTYP{number}": kind, f"TCRVL{number}": value, f"TCRPX{number}": observation.center}
        keywords |= {f"TCDLT{number}": sign * step, f"TCUNI{number}": "deg"}
    return keywords


def _date(seconds: float) -> str:
    moment = _MJD_EPOCH + timedelta(days=_MJDREF, seconds=round(seconds))
    return f"{moment:%Y-%m-%dT%H:%M:%S}"
