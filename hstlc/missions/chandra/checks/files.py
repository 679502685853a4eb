"""Questions about the files of an exposure that flag it."""

from __future__ import annotations

import numpy as np

from hstlc.missions.base import Role
from hstlc.missions.chandra.checks.rejections import Found
from hstlc.missions.chandra.exposure import ChandraExposure
from hstlc.missions.chandra.field import field_of
from hstlc.missions.chandra.identify import EVENT_KINDS, real, release
from hstlc.missions.chandra.mission_settings import ChandraSettings

#: Slack of live times in headers.
_SLACK = 0.01


def other_unreadable(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Companions that cannot be read, and event lists beside one that can."""
    for file, why in exposure.unreadable:
        if file.role is not Role.EVENTS or exposure.lead is not None:
            yield file.path.name, why


def missing_gti(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Event lists without good times."""
    if exposure.lead is not None and not exposure.lead.has_gti:
        yield exposure.filename(), "there are no good times; TSTART to TSTOP is taken"
    elif exposure.lead is not None:
        without = sorted(set(np.unique(exposure.lead.ccd).tolist()) - exposure.lead.gti.keys())
        if without:
            text = f"CCD {', '.join(map(str, without))} without good times: events there are left out"
            yield exposure.filename(), text


def missing_reg3(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Regions of the catalog without their ellipses."""
    if exposure.kind == "regevt3" and not exposure.regions:
        yield exposure.filename(), "there is no reg3 with the ellipse of the source; the whole box is taken for it"


def missing_block(exposure: ChandraExposure, settings: ChandraSettings) -> Found:
    """Region files without the ellipse that is wanted."""
    letter = "W" if exposure.instrument == "HRC" else settings.region_band[0].upper()
    wanted = f"ECF90REG{letter}"
    if exposure.regions and not {wanted, "SRCREG"} & exposure.regions.keys():
        yield exposure.filename("reg3"), f"there is no {wanted}, only {', '.join(exposure.regions)}"


def missing_dtf(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """HRC without its dead times as a function of time."""
    if exposure.instrument != "HRC":
        return
    if exposure.dead_time is None:
        yield exposure.filename(), f"there is no dtf1; DTCOR {exposure.header.get('DTCOR')} is taken for all times"
    elif exposure.lead is not None and field_of(exposure).dead_time is None:
        yield exposure.filename("dtf1"), "it does not reach over the good times; DTCOR is taken for all times"


def release_mismatch(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Products of different releases: source numbers and astrometry are not the same in both."""
    ours, theirs = release(exposure.header), release(exposure.region_header)
    if exposure.kind == "regevt3" and ours and theirs and ours != theirs:
        yield exposure.filename("reg3"), f"it is of release {theirs} of the catalog, the event list of {ours}"


def several_lists(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Exposures with more than one event list."""
    kinds = [kind for kind in EVENT_KINDS if kind in exposure.events]
    if len(kinds) > 1:
        yield exposure.filename(kinds[0]), f"there are {' and '.join(kinds)}; {kinds[0]} is taken"


def no_energies(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Event lists of ACIS without energies."""
    events = exposure.lead
    if events is None or events.instrument != "ACIS" or "ENERGY" in events.names:
        return
    instead = "energies are made from PI" if "PI" in events.names else "all events count, whatever the band"
    yield exposure.filename(), f"there is no column ENERGY; {instead}"


def no_positions(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Event lists that do not say where events are on the sky."""
    events = exposure.lead
    if events is None:
        return
    if not {"X", "Y"} <= set(events.names):
        yield exposure.filename(), "there are no columns X and Y; no source can be told from another"
    elif events.sky is None:
        yield (
            exposure.filename(),
            "the columns X and Y have no tangent plane; regions must be in pixels, and where sources are is not known",
        )


def header_mismatch(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Exposure times that are those of no chip."""
    events, stated_s = exposure.lead, real(exposure.header, "EXPOSURE")
    if events is None or stated_s is None or not events.has_gti or not len(events):
        return
    live_s = [times.total * events.dtcor for times in events.gti.values()]
    slack_s = _SLACK * stated_s + max(2 * events.frame_s, 1.0)
    nearest_s = min(live_s, key=lambda seconds: abs(seconds - stated_s))
    if abs(nearest_s - stated_s) > slack_s:
        yield exposure.filename(), f"EXPOSURE is {stated_s:.3f} s, the live time of its good times {nearest_s:.3f} s"


def bad_time(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Events outside of the good time of their chip."""
    if exposure.lead is None or not len(exposure.lead):
        return
    ready = field_of(exposure)
    if ready.bad_time:
        yield exposure.filename(), f"{ready.bad_time} of {len(exposure.lead)} events are left out"


def grating(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Observations through a grating."""
    name = exposure.text("GRATING").upper()
    if name not in ("", "NONE"):
        yield exposure.filename(), f"GRATING is {name}; the image is that of the zeroth order alone"


def pointing(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Observations while the telescope moved."""
    mode = exposure.text("OBS_MODE").upper()
    if mode not in ("", "POINTING"):
        yield exposure.filename(), f"OBS_MODE is {mode}, POINTING was expected"
