"""Questions whose answer rejects an exposure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hstlc.missions.base import Role
from hstlc.missions.hst.cos_events import CorrtagEvents
from hstlc.missions.hst.cos_read import CosExposure, number
from hstlc.missions.hst.cos_regions import extraction_box, stripes
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.stis_events import StisEvents
from hstlc.missions.hst.stis_read import StisExposure
from hstlc.times import SECONDS_PER_DAY

Found = Iterator[tuple[str, str]]
HstExposure = CosExposure | StisExposure

#: Not sources: what the original never asked the archive for.
NOT_TARGETS = ("DARK", "BIAS", "DEUTERIUM", "WAVE", "ANY", "NONE")

#: Part of the events that may lie outside the exposure before its header is not believed.
MOST_BEYOND = 0.1


def unreadable(exposure: HstExposure, _: HstSettings) -> Found:
    """Event lists that cannot be read."""
    for file, why in exposure.unreadable:
        if file.role is Role.EVENTS:
            yield file.path.name, why


def missing_keyword(exposure: HstExposure, _: HstSettings) -> Found:
    """Keywords without which no time can be told."""
    for name, events in exposure.lists:
        for key in ("EXPSTART", "EXPTIME"):
            value = events.header.get(key)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not np.isfinite(value):
                yield name, f"{key} is {value!r}, a number was expected"


def lying_header(exposure: HstExposure, _: HstSettings) -> Found:
    """Headers that contradict the events."""
    for name, events in exposure.lists:
        start, end = (number(events.header, key) for key in ("EXPSTART", "EXPEND"))
        if end < start:
            yield name, f"EXPEND {end} is before EXPSTART {start}"
            continue
        beyond, length_s = beyond_exposure(events)
        if beyond > MOST_BEYOND * max(len(events), 1):
            yield name, f"{beyond} of {len(events)} events lie outside the {length_s:.1f} s from EXPSTART to EXPEND"


def beyond_exposure(events: CorrtagEvents | StisEvents) -> tuple[int, float]:
    """Return how many events lie more than a second outside the time from EXPSTART to EXPEND, and its length in s."""
    start, end = (number(events.header, key) for key in ("EXPSTART", "EXPEND"))
    length_s = (end - start) * SECONDS_PER_DAY
    times = events.times
    if not length_s >= 0 or (times.earliest_s >= -1 and times.latest_s <= length_s + 1):
        return 0, length_s
    blocks = (np.asarray(stamps, dtype=np.float64) for (stamps,) in events.blocks("TIME"))
    return sum(int(np.count_nonzero((time_s < -1) | (time_s > length_s + 1))) for time_s in blocks), length_s


def expflag(exposure: HstExposure, settings: HstSettings) -> Found:
    """Exposures that were interrupted or failed."""
    accepted = {flag.upper() for flag in settings.accepted_expflags}
    for name, events in exposure.lists:
        value = str(events.header.get("EXPFLAG") or "").strip()
        if value.upper() not in accepted:
            yield name, f"EXPFLAG is {value!r}, expected {' or '.join(sorted(accepted))}"


def nonlinear_time(exposure: HstExposure, settings: HstSettings) -> Found:
    """Event lists whose times run backwards by more than the known telemetry effects."""
    for name, events in exposure.lists:
        invalid, back, largest = events.times.invalid, events.times.back, events.times.step_back_s
        if invalid:
            yield name, f"{invalid} of {len(events)} times are not numbers"
        elif back and settings.strict_time:
            yield name, f"{back} times are earlier than the one before (strict time order is asked for)"
        elif back > max(settings.maximum_disorder * len(events), 1) or largest > settings.maximum_step_back_s:
            yield name, f"{back} of {len(events)} times are earlier than the one before, by up to {largest:.3f} s"


def no_events(exposure: HstExposure, _: HstSettings) -> Found:
    """Empty event lists."""
    for name, events in exposure.lists:
        if len(events) == 0:
            yield name, "the event list has no rows"


def singular_event(exposure: HstExposure, _: HstSettings) -> Found:
    """Event lists of one single time."""
    for name, events in exposure.lists:
        times = events.times
        if len(events) and not times.invalid and times.earliest_s == times.latest_s:
            yield name, f"all {len(events)} events have the time {times.first_s:.3f} s"


def bad_proposal(exposure: HstExposure, settings: HstSettings) -> Found:
    """Calibration specials, by proposal."""
    proposal = exposure.number("PROPOSID")
    if proposal in settings.bad_proposals:
        yield "", f"proposal {proposal:.0f} is on the list of proposals that are not science"


def short_exposure(exposure: HstExposure, settings: HstSettings) -> Found:
    """Exposures too short to make a curve of."""
    for name, events in exposure.lists:
        exptime = events.header.get("EXPTIME")
        if isinstance(exptime, (int, float)) and exptime < settings.minimum_exptime_s:
            yield name, f"EXPTIME is {exptime:g} s, at least {settings.minimum_exptime_s:g} s is needed"


def shutter(exposure: HstExposure, _: HstSettings) -> Found:
    """Exposures with the external shutter closed."""
    if exposure.header.get("SHUTTER") is not None and exposure.text("SHUTTER") != "OPEN":
        yield "", f"SHUTTER is {exposure.text('SHUTTER')!r}, expected 'OPEN'"


def not_science(exposure: HstExposure, _: HstSettings) -> Found:
    """Lamps, darks and products of associations."""
    exptype, target, member = (exposure.text(key) for key in ("EXPTYPE", "TARGNAME", "ASN_MTYP"))
    if exptype and not exptype.startswith("EXT"):
        yield "", f"EXPTYPE is {exptype!r}, expected one that starts with 'EXT'"
    if target in NOT_TARGETS:
        yield "", f"TARGNAME is {target!r}, not a source"
    lamp = exposure.text("SCLAMP")
    if lamp and lamp != "NONE":
        yield "", f"SCLAMP is {lamp!r}: a lamp was on"
    if member.endswith(("WAVE", "WAVECAL")) or member == "PROD-FP":
        yield "", f"ASN_MTYP is {member!r}, not an exposure of a source"


def no_good_time(exposure: HstExposure, _: HstSettings) -> Found:
    """Event lists whose good time intervals are empty."""
    for name, events in exposure.lists:
        if len(events) and events.gti.total <= 0:
            yield name, "the good time intervals are empty"


def no_region(exposure: HstExposure, _: HstSettings) -> Found:
    """Spectra whose place on the detector nobody wrote down."""
    if exposure.imaging or not isinstance(exposure, CosExposure):
        return
    for letter, kind in stripes(exposure).items():
        if extraction_box(exposure, letter) is None:
            yield exposure.filename(kind), f"neither this header nor the x1d has SP_LOC_{letter} and SP_HGT_{letter}"
