"""Keywords of the light curves of EPIC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hstlc.missions.xmm.identify import real
from hstlc.missions.xmm.read import EpicEvents, EpicExposure
from hstlc.missions.xmm.settings import XmmSettings

__all__ = ["camera_keywords", "field_keywords"]

#: How far the times at the barycenter can be off because the spacecraft is taken to be at the geocenter: its orbit
#: reaches 115,000 km from there, which light crosses in 0.39 s.
BARYCENTER_ERROR_S = 0.4


def field_keywords(
    exposure: EpicExposure, lists: Sequence[EpicEvents], settings: XmmSettings, step_version: int
) -> dict[str, Any]:
    """Return the keywords that all light curves of an observation share."""
    header = lists[0].header
    headers = [*(events.header for events in lists), exposure.source_header]
    dates = [str(one["DATE"]) for one in headers if one.get("DATE")]
    proposal = exposure.files[0].rootname[:6]
    return {
        "TELESCOP": "XMM",
        "TARGNAME": str(header.get("OBJECT") or "").strip() or None,
        "RA_TARG": real(header, "RA_OBJ"),
        "DEC_TARG": real(header, "DEC_OBJ"),
        "OBSTYPE": "IMAGING",
        "ROOTNAME": exposure.files[0].rootname,
        "OBS_ID": exposure.files[0].rootname,
        "PROPOSID": int(proposal) if proposal.isdigit() else None,
        "CAL_VER": exposure.files[0].cal_ver or None,
        "SIMULATD": "T" if any(str(one.get("SIMULATD") or "").strip() == "T" for one in headers) else None,
        "DATE": max(dates) if dates else None,
        "STEPSIZE": settings.bin_width_s,
        "MINFRAC": settings.minimum_fraction,
        "FLARES": settings.flares,
        "BJDERR": BARYCENTER_ERROR_S,
        "STEPVER": step_version,
    }


def camera_keywords(lists: Sequence[EpicEvents]) -> dict[str, Any]:
    """Return the keywords that say which cameras a light curve is of."""
    names = [str(events.header.get("INSTRUME") or "").strip().upper() for events in lists]
    filters = {str(events.header.get("FILTER") or "").strip() for events in lists}
    frames = [events.longest_frame_s for events in lists if events.longest_frame_s]
    return {
        "INSTRUME": names[0] if len(names) == 1 else "EPIC",
        "DETECTOR": "+".join(names),
        "OPT_ELEM": filters.pop() if len(filters) == 1 else "several",
        "SUBMODE": str(lists[0].header.get("SUBMODE") or "").strip() or None if len(lists) == 1 else None,
        "FRAMETIM": max(frames) if frames else None,
    }
