"""The quality checks of COS exposures, in the order in which their reasons count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from hstlc.checks import Check
from hstlc.missions.base import Role
from hstlc.missions.hst.cos_extract import extraction_box, stripes
from hstlc.missions.hst.cos_read import CosExposure
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import EventList, Severity
from hstlc.times import SECONDS_PER_DAY

__all__ = ["CHECKS"]

Found = Iterator[tuple[str, str]]

#: Not sources: what the original never asked the archive for.
NOT_TARGETS = ("DARK", "BIAS", "DEUTERIUM", "WAVE", "ANY", "NONE")

#: The observatory's clock was off by 0.5 to 2.75 s in data processed between these dates (2017-06-28, 2018-05-04).
CLOCK_ERROR_MJD = (57932.0, 58242.0)


def _lists(exposure: CosExposure) -> Iterable[tuple[str, EventList]]:
    return [(exposure.filename(kind), exposure.events[kind]) for kind in sorted(exposure.events)]


def unreadable(exposure: CosExposure, _: HstSettings) -> Found:
    """Event lists that cannot be read."""
    for file, why in exposure.unreadable:
        if file.role is Role.EVENTS:
            yield file.path.name, why


def unreadable_x1d(exposure: CosExposure, _: HstSettings) -> Found:
    """Find an x1d that cannot be read."""
    for file, why in exposure.unreadable:
        if file.role is not Role.EVENTS:
            yield file.path.name, f"{why}; the flux is NaN"


def missing_keyword(exposure: CosExposure, _: HstSettings) -> Found:
    """Keywords without which no time can be told."""
    for name, events in _lists(exposure):
        for key in ("EXPSTART", "EXPTIME"):
            value = events.header.get(key)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not np.isfinite(value):
                yield name, f"{key} is {value!r}, a number was expected"


def lying_header(exposure: CosExposure, _: HstSettings) -> Found:
    """Headers that contradict the events."""
    for name, events in _lists(exposure):
        start, end = (events.header.get(key) for key in ("EXPSTART", "EXPEND"))
        if not (isinstance(start, float) and isinstance(end, float)):
            continue
        if end < start:
            yield name, f"EXPEND {end} is before EXPSTART {start}"
            continue
        limit = (end - start) * SECONDS_PER_DAY + 1
        beyond = int(np.sum((events.time_s < -1) | (events.time_s > limit)))
        if beyond > 0.1 * max(len(events), 1):
            yield name, f"{beyond} of {len(events)} events lie outside the {limit - 1:.1f} s from EXPSTART to EXPEND"


def expflag(exposure: CosExposure, settings: HstSettings) -> Found:
    """Exposures that were interrupted or failed."""
    accepted = {flag.upper() for flag in settings.accepted_expflags}
    for name, events in _lists(exposure):
        value = str(events.header.get("EXPFLAG") or "").strip()
        if value.upper() not in accepted:
            yield name, f"EXPFLAG is {value!r}, expected {' or '.join(sorted(accepted))}"


def _disorder(events: EventList) -> tuple[int, int, float]:
    """Return the numbers of times that are not finite and of steps back, and the largest step back in seconds."""
    finite = np.isfinite(events.time_s)
    steps = np.diff(events.time_s[finite])
    back = steps < 0
    return int((~finite).sum()), int(back.sum()), float(-steps[back].min()) if back.any() else 0.0


def nonlinear_time(exposure: CosExposure, settings: HstSettings) -> Found:
    """Event lists whose times run backwards by more than the known telemetry effects."""
    for name, events in _lists(exposure):
        invalid, back, largest = _disorder(events)
        if invalid:
            yield name, f"{invalid} of {len(events)} times are not numbers"
        elif back and settings.strict_time:
            yield name, f"{back} times are earlier than the one before (strict time order is asked for)"
        elif back > max(settings.maximum_disorder * len(events), 1) or largest > settings.maximum_step_back_s:
            yield name, f"{back} of {len(events)} times are earlier than the one before, by up to {largest:.3f} s"


def slight_disorder(exposure: CosExposure, _: HstSettings) -> Found:
    """Small steps back in time: harmless, but recorded."""
    for name, events in _lists(exposure):
        invalid, back, largest = _disorder(events)
        if back and not invalid:
            yield name, f"{back} of {len(events)} times are earlier than the one before, by up to {largest:.6f} s"


def no_events(exposure: CosExposure, _: HstSettings) -> Found:
    """Empty event lists."""
    for name, events in _lists(exposure):
        if len(events) == 0:
            yield name, "the event list has no rows"


def singular_event(exposure: CosExposure, _: HstSettings) -> Found:
    """Event lists of one single time."""
    for name, events in _lists(exposure):
        if len(events) and np.all(events.time_s == events.time_s[0]):
            yield name, f"all {len(events)} events have the time {events.time_s[0]:.3f} s"


def bad_proposal(exposure: CosExposure, settings: HstSettings) -> Found:
    """Calibration specials, by proposal."""
    proposal = exposure.number("PROPOSID")
    if proposal in settings.bad_proposals:
        yield "", f"proposal {proposal:.0f} is on the list of proposals that are not science"


def short_exposure(exposure: CosExposure, settings: HstSettings) -> Found:
    """Exposures too short to make a curve of."""
    for name, events in _lists(exposure):
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
    for name, events in _lists(exposure):
        if len(events) and events.gti.total <= 0:
            yield name, "the good time intervals are empty"


def no_region(exposure: CosExposure, _: HstSettings) -> Found:
    """Spectra whose place on the detector nobody wrote down."""
    if exposure.imaging:
        return
    for letter, kind in stripes(exposure).items():
        if extraction_box(exposure, letter) is None:
            yield exposure.filename(kind), f"neither this header nor the x1d has SP_LOC_{letter} and SP_HGT_{letter}"


def no_background(exposure: CosExposure, _: HstSettings) -> Found:
    """Regions without background boxes."""
    if exposure.imaging:
        return
    for letter, kind in stripes(exposure).items():
        box = extraction_box(exposure, letter)
        if box is not None and not box.backgrounds:
            yield exposure.filename(kind), f"no background box for segment {letter}: nothing is subtracted"


def missing_segment(exposure: CosExposure, _: HstSettings) -> Found:
    """FUV exposures of which one segment is not here though the header says it has events."""
    if "corrtag" in exposure.events or not exposure.events:
        return
    present = set(exposure.events) | {file.kind for file, _ in exposure.unreadable}
    for kind, letter in (("corrtag_a", "A"), ("corrtag_b", "B")):
        if kind in present:
            continue
        expected = exposure.number(f"NEVENTS{letter}") > 0 or letter in exposure.spectra
        if expected:
            yield "", f"segment {letter} is missing: {exposure.files[0].rootname}_{kind}.fits was not given"


def missing_x1d(exposure: CosExposure, _: HstSettings) -> Found:
    """Spectroscopic exposures without an x1d."""
    if not exposure.imaging and not any(file.kind == "x1d" for file in exposure.files):
        yield "", f"{exposure.files[0].rootname}_x1d.fits was not given; the flux is NaN"


def missing_gti(exposure: CosExposure, _: HstSettings) -> Found:
    """Event lists without a GTI extension."""
    for name, events in _lists(exposure):
        if events.header.get("HSTLCGTI") == "MISSING":
            yield name, "no GTI extension; the time from 0 to EXPTIME is taken as good"


def header_mismatch(exposure: CosExposure, _: HstSettings) -> Found:
    """Numbers in the header that the content does not confirm."""
    for kind in sorted(exposure.events):
        name, events = exposure.filename(kind), exposure.events[kind]
        exptime = events.header.get("EXPTIME")
        if isinstance(exptime, (int, float)) and abs(events.gti.total - exptime) > 1:
            yield name, f"EXPTIME is {exptime:g} s, the good time intervals add to {events.gti.total:.3f} s"
        key = "NEVENTS" + kind[-1].upper() if kind != "corrtag" else "NEVENTS"
        rows = events.header.get(key)
        if isinstance(rows, int) and rows >= 0 and rows != len(events):
            yield name, f"{key} is {rows}, the event list has {len(events)} rows"
        if name and not name.lower().startswith(str(events.header.get("ROOTNAME") or name).lower()):
            yield name, f"ROOTNAME is {events.header.get('ROOTNAME')!r}, the file has another name"


def outside_good_time(exposure: CosExposure, _: HstSettings) -> Found:
    """Events outside the good time intervals: left out of the curve."""
    for name, events in _lists(exposure):
        outside = int((~events.gti.contains(events.time_s)).sum())
        if outside:
            yield name, f"{outside} of {len(events)} events lie outside the good time intervals and are left out"


def shortened(exposure: CosExposure, settings: HstSettings) -> Found:
    """Exposures much shorter than planned."""
    planned, exptime = exposure.number("PLANTIME"), exposure.number("EXPTIME")
    if planned > 0 and exptime < settings.minimum_planned_fraction * planned:
        yield "", f"EXPTIME is {exptime:g} s of {planned:g} s planned"


def guiding(exposure: CosExposure, _: HstSettings) -> Found:
    """Exposures without fine lock on guide stars."""
    lock = exposure.text("FGSLOCK")
    if lock and lock != "FINE":
        yield "", f"FGSLOCK is {lock!r}, expected 'FINE'"


def offset_pointing(exposure: CosExposure, _: HstSettings) -> Found:
    """Exposures that did not point at the target's position or aperture."""
    for key in ("POSTARG1", "POSTARG2"):
        if exposure.number(key) not in (0.0,) and np.isfinite(exposure.number(key)):
            yield "", f"{key} is {exposure.number(key):g} arcsec: the target was offset"
    if exposure.text("P1_PURPS") == "MOSAIC":
        yield "", "P1_PURPS is 'MOSAIC'"
    if exposure.text("APERTURE") == "BOA":
        yield "", "APERTURE is 'BOA': the light is attenuated and out of focus"


def moving_target(exposure: CosExposure, _: HstSettings) -> Found:
    """Targets that move: their exposures do not show the same source region."""
    if exposure.text("MTFLAG") == "T":
        yield "", "MTFLAG is 'T': a moving target"


def count_rate(exposure: CosExposure, settings: HstSettings) -> Found:
    """Global count rates that the detector cannot have, or at which it is not linear."""
    fuv = "corrtag" not in exposure.events
    limit = settings.maximum_rate_fuv if fuv else settings.maximum_rate_nuv
    keys = [f"GLOBRT_{kind[-1].upper()}" for kind in sorted(exposure.events)] if fuv else ["GLOBRATE"]
    for key in keys:
        rate = exposure.number(key)
        if np.isfinite(rate) and rate != -999 and not 0 < rate <= limit:
            yield "", f"{key} is {rate:g} counts/s, expected 0 to {limit:g}"


def overflow(exposure: CosExposure, _: HstSettings) -> Found:
    """Photons lost because the on-board memory was full."""
    if exposure.number("OVERFLOW") > 0:
        yield "", f"OVERFLOW is {exposure.number('OVERFLOW'):.0f}: the on-board buffer lost photons"


def clock_error(exposure: CosExposure, _: HstSettings) -> Found:
    """Files processed while the observatory's clock was off."""
    first, last = CLOCK_ERROR_MJD
    start, processed = exposure.number("EXPSTART"), exposure.number("PROCTIME")
    if first <= processed <= last and start >= first:
        yield "", f"processed at MJD {processed:.1f}, when absolute times were off by 0.5 to 2.75 s; get it again"


def reader_note(exposure: CosExposure, _: HstSettings) -> Found:
    """Warnings of the library that read the file."""
    yield from exposure.notes


def _reject(name: str, reason: str, function: object, explanation: str) -> Check:
    return Check(name, reason, Severity.REJECT, explanation, function)  # type: ignore[arg-type]


def _flag(name: str, reason: str, function: object, explanation: str) -> Check:
    return Check(name, reason, Severity.FLAG, explanation, function)  # type: ignore[arg-type]


CHECKS: tuple[Check, ...] = (
    _reject("unreadable", "Unreadable file", unreadable, "The event list is whole and can be read."),
    _reject("missing_keyword", "Missing keyword", missing_keyword, "EXPSTART and EXPTIME are numbers."),
    _reject("expflag", "Bad EXPFLAG", expflag, "EXPFLAG is one of `accepted_expflags`."),
    _reject("no_events", "No events", no_events, "The event list has rows."),
    _reject(
        "nonlinear_time",
        "Non-linear time",
        nonlinear_time,
        "Times are numbers and do not run back beyond `maximum_disorder` and `maximum_step_back`"
        " (never, with `strict_time`).",
    ),
    _reject("singular_event", "Singular event", singular_event, "There is more than one distinct time."),
    _reject("bad_proposal", "Bad Proposal", bad_proposal, "The proposal is not one of `bad_proposals`."),
    _reject("short_exposure", "Short Exposure", short_exposure, "EXPTIME is at least `minimum_exptime`."),
    _reject("shutter", "Shutter closed", shutter, "SHUTTER is OPEN."),
    _reject("not_science", "Not science", not_science, "The exposure is an external one of a source."),
    _reject("lying_header", "Lying header", lying_header, "Events lie between EXPSTART and EXPEND, in that order."),
    _reject("no_good_time", "No good time", no_good_time, "The good time intervals are not empty."),
    _reject("no_region", "No extraction region", no_region, "The header or the x1d places the spectrum."),
    _flag("missing_segment", "Missing segment", missing_segment, "Both FUV segments are here when both have events."),
    _flag("missing_x1d", "Missing x1d", missing_x1d, "The extracted spectrum is here, which calibrates the flux."),
    _flag("unreadable_x1d", "Unreadable x1d", unreadable_x1d, "The x1d can be read."),
    _flag("no_background", "No background region", no_background, "The header has background boxes."),
    _flag("missing_gti", "Missing GTI", missing_gti, "The file has a GTI extension."),
    _flag("slight_disorder", "Slight disorder", slight_disorder, "Times never run back."),
    _flag("header_mismatch", "Header mismatch", header_mismatch, "EXPTIME, NEVENTS and ROOTNAME fit the content."),
    _flag("outside_good_time", "Events in bad time", outside_good_time, "All events lie in good time."),
    _flag("shortened", "Shortened", shortened, "EXPTIME is at least `minimum_planned_fraction` of PLANTIME."),
    _flag("guiding", "No fine lock", guiding, "FGSLOCK is FINE."),
    _flag("offset_pointing", "Offset pointing", offset_pointing, "The target was in the middle of the aperture."),
    _flag("moving_target", "Moving target", moving_target, "The target does not move."),
    _flag("count_rate", "Count rate", count_rate, "Global rates are positive and below the screening limits."),
    _flag("overflow", "Buffer overflow", overflow, "The on-board buffer did not overflow."),
    _flag("clock_error", "Clock error", clock_error, "The file was not processed while the clock was off."),
    _flag("reader_note", "Reader note", reader_note, "The FITS library had nothing to remark."),
)
