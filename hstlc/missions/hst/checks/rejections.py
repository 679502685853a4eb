"""Questions whose answer rejects an exposure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hstlc.missions.base import Role
from hstlc.missions.hst.cos_clock import middle_s
from hstlc.missions.hst.cos_read import CosExposure
from hstlc.missions.hst.cos_regions import extraction_box, stripes
from hstlc.missions.hst.settings import HstSettings
from hstlc.times import SECONDS_PER_DAY

Found = Iterator[tuple[str, str]]

#: Not sources: what the original never asked the archive for.
NOT_TARGETS = ("DARK", "BIAS", "DEUTERIUM", "WAVE", "ANY", "NONE")


def unreadable(exposure: CosExposure, _: HstSettings) -> Found:
    """Event lists that cannot be read."""
    for file, why in exposure.unreadable:
        if file.role is Role.EVENTS:
            yield file.path.name, why


def missing_keyword(exposure: CosExposure, _: HstSettings) -> Found:
    """Keywords without which no time can be told."""
    for name, events in exposure.lists:
        for key in ("EXPSTART", "EXPTIME"):
            value = events.header.get(key)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not np.isfinite(value):
                yield name, f"{key} is {value!r}, a number was expected"


def lying_header(exposure: CosExposure, _: HstSettings) -> Found:
    """Headers that contradict the events."""
    for name, events in exposure.lists:
        start, end = (events.header.get(key) for key in ("EXPSTART", "EXPEND"))
        if not (isinstance(start, float) and isinstance(end, float)):
            continue
        if end < start:
            yield name, f"EXPEND {end} is before EXPSTART {start}"
            continue
        limit = (end - start) * SECONDS_PER_DAY + 1
        beyond = 0
        if events.times.earliest_s < -1 or events.times.latest_s > limit:
            blocks = (middle_s(stamps) for (stamps,) in events.blocks("TIME"))
            beyond = sum(int(np.count_nonzero((time_s < -1) | (time_s > limit))) for time_s in blocks)
        if beyond > 0.1 * max(len(events), 1):
            yield name, f"{beyond} of {len(events)} events lie outside the {limit - 1:.1f} s from EXPSTART to EXPEND"


def expflag(exposure: CosExposure, settings: HstSettings) -> Found:
    """Exposures that were interrupted or failed."""
    accepted = {flag.upper() for flag in settings.accepted_expflags}
    for name, events in exposure.lists:
        value = str(events.header.get("EXPFLAG") or "").strip()
        if value.upper() not in accepted:
            yield name, f"EXPFLAG is {value!r}, expected {' or '.join(sorted(accepted))}"


def nonlinear_time(exposure: CosExposure, settings: HstSettings) -> Found:
    """Event lists whose times run backwards by more than the known telemetry effects."""
    for name, events in exposure.lists:
        invalid, back, largest = events.times.invalid, events.times.back, events.times.step_back_s
        if invalid:
            yield name, f"{invalid} of {len(events)} times are not numbers"
        elif back and settings.strict_time:
            yield name, f"{back} times are earlier than the one before (strict time order is asked for)"
        elif back > max(settings.maximum_disorder * len(events), 1) or largest > settings.maximum_step_back_s:
            yield name, f"{back} of {len(events)} times are earlier than the one before, by up to {largest:.3f} s"


def no_events(exposure: CosExposure, _: HstSettings) -> Found:
    """Empty event lists."""
    for name, events in exposure.lists:
        if len(events) == 0:
            yield name, "the event list has no rows"


def singular_event(exposure: CosExposure, _: HstSettings) -> Found:
    """Event lists of one single time."""
    for name, events in exposure.lists:
        times = events.times
        if len(events) and not times.invalid and times.earliest_s == times.latest_s:
            yield name, f"all {len(events)} events have the time {times.first_s:.3f} s"


def bad_proposal(exposure: CosExposure, settings: HstSettings) -> Found:
    """Calibration specials, by proposal."""
    proposal = exposure.number("PROPOSID")
    if proposal in settings.bad_proposals:
        yield "", f"proposal {proposal:.0f} is on the list of proposals that are not science"


def short_exposure(exposure: CosExposure, settings: HstSettings) -> Found:
    """Exposures too short to make a curve of."""
    for name, events in exposure.lists:
        exptime = events.header.get("EXPTIME")
        if isinstance(exptime, (int, float)) and exptime < settings.minimum_exptime_s:
            yield name, f"EXPTIME is {exptime:g} s, at least {settings.minimum_exptime_s:g} s is needed"


def shutter(exposure: CosExposure, _: HstSettings) -> Found:
    """Exposures with the external shutter closed."""
    if exposure.header.get("SHUTTER") is not None and exposure.text("SHUTTER") != "OPEN":
        yield "", f"SHUTTER is {exposure.text('SHUTTER')!r}, expected 'OPEN'"


def not_science(exposure: CosExposure, _: HstSettings) -> Found:
    """Lamps, darks and products of associations."""
    exptype, target, member = (exposure.text(key) for key in ("EXPTYPE", "TARGNAME", "ASN_MTYP"))
    if exptype and not exptype.startswith("EXT"):
        yield "", f"EXPTYPE is {exptype!r}, expected one that starts with 'EXT'"
    if target in NOT_TARGETS:
        yield "", f"TARGNAME is {target!r}, not a source"
    if member.endswith(("WAVE", "WAVECAL")) or member == "PROD-FP":
        yield "", f"ASN_MTYP is {member!r}, not an exposure of a source"


def no_good_time(exposure: CosExposure, _: HstSettings) -> Found:
    """Event lists whose good time intervals are empty."""
    for name, events in exposure.lists:
        if len(events) and events.gti.total <= 0:
            yield name, "the good time intervals are empty"


def no_region(exposure: CosExposure, _: HstSettings) -> Found:
    """Spectra whose place on the detector nobody wrote down."""
    if exposure.imaging:
        return
    for letter, kind in stripes(exposure).items():
        if extraction_box(exposure, letter) is None:
            yield exposure.filename(kind), f"neither this header nor the x1d has SP_LOC_{letter} and SP_HGT_{letter}"
