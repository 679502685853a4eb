"""The quality checks of EPIC observations, in the order in which their reasons count.

An observation is rejected when none of its event lists can be used; one that cannot, beside others that can, is a flag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from hstlc.checks import Check
from hstlc.missions.base import Role
from hstlc.missions.xmm.field import field_clock, field_lists, find_flares
from hstlc.missions.xmm.identify import real
from hstlc.missions.xmm.read import NEEDED, EpicEvents, EpicExposure
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.missions.xmm.usable import problems, usable_kinds
from hstlc.model import Severity

__all__ = ["CHECKS"]

Found = Iterator[tuple[str, str]]
Question = Callable[[EpicExposure, XmmSettings], Found]

#: Header and content may differ by this much before it is told, seconds.
_TOLERANCE_S = 10.0

#: Part of the events that may lie outside of good time, or of TSTART to TSTOP, before it is told.
_MOST_OUTSIDE = 0.01


def _useless(name: str, exposure: EpicExposure, settings: XmmSettings) -> Found:  # noqa: ARG001
    """Event lists that cannot be used, where no other can."""
    if not usable_kinds(exposure):
        for filename, (check, why) in problems(exposure):
            if check == name:
                yield filename, why


def left_out(exposure: EpicExposure, _: XmmSettings) -> Found:
    """Event lists that cannot be used, where others can."""
    if usable_kinds(exposure):
        for filename, problem in problems(exposure):
            yield filename, f"left out: {problem[1]}"


def no_exposure(exposure: EpicExposure, _: XmmSettings) -> Found:
    """Observations whose lists all say that nothing was live."""
    kinds = usable_kinds(exposure)
    zero = [kind for kind in kinds if _live_s(exposure.lists[kind]) <= 0]
    if kinds and len(zero) == len(kinds):
        for kind in zero:
            yield exposure.filename(kind), "no frame in good time has a live part (EXPOSU tables)"


def _live_s(events: EpicEvents) -> float:
    if not events.frames:
        return events.good_time.total
    return sum(frames.within(events.gti[ccd]).total for ccd, frames in events.frames.items() if ccd in events.gti)


def missing_sources(exposure: EpicExposure, settings: XmmSettings) -> Found:
    """Observations without a list of sources."""
    unread = any(file.role is not Role.EVENTS for file, _ in exposure.unreadable)
    if exposure.source_list is None and not unread and not settings.sources and settings.use_source_list:
        yield "", "no OBSMLI file was given: there are light curves of the whole field only"


def unreadable_sources(exposure: EpicExposure, _: XmmSettings) -> Found:
    """Find a list of sources that cannot be read."""
    for file, why in exposure.unreadable:
        if file.role is not Role.EVENTS:
            yield file.path.name, why


def thinned(exposure: EpicExposure, _: XmmSettings) -> Found:
    """Event lists without columns or tables that the pipeline's have."""
    for kind in usable_kinds(exposure):
        missing = [name for name in exposure.lists[kind].missing if name not in (*NEEDED, "GTI", "EXPOSU")]
        if missing:
            yield exposure.filename(kind), f"EVENTS has no column {', '.join(missing)}: nothing is left out by it"


def missing_gti(exposure: EpicExposure, _: XmmSettings) -> Found:
    """Event lists without good times."""
    for kind in usable_kinds(exposure):
        if "GTI" in exposure.lists[kind].missing:
            yield exposure.filename(kind), "no table of good times; the time from first to last event is taken as good"


def missing_frames(exposure: EpicExposure, _: XmmSettings) -> Found:
    """Event lists that do not tell about their frames."""
    for kind in usable_kinds(exposure):
        if "EXPOSU" in exposure.lists[kind].missing:
            yield exposure.filename(kind), "no table of frames; live time is that of the keywords LIVETIME and ONTIME"


def header_mismatch(exposure: EpicExposure, _: XmmSettings) -> Found:
    """Headers that the content does not confirm."""
    for kind in usable_kinds(exposure):
        events, name = exposure.lists[kind], exposure.filename(kind)
        start, stop = real(events.header, "TSTART"), real(events.header, "TSTOP")
        if start is not None and stop is not None:
            if stop < start:
                yield name, f"TSTOP {stop:.1f} is before TSTART {start:.1f}"
                continue
            first, last = start - events.start_met_s - _TOLERANCE_S, stop - events.start_met_s + _TOLERANCE_S
            beyond = int(np.count_nonzero((events.time_s < first) | (events.time_s > last)))
            if beyond > _MOST_OUTSIDE * len(events):
                yield name, f"{beyond} of {len(events)} events lie outside of TSTART to TSTOP"
        on_time = real(events.header, "ONTIME")
        longest = max((own.total for own in events.gti.values()), default=0.0)
        if on_time is not None and "GTI" not in events.missing and abs(longest - on_time) > _TOLERANCE_S:
            yield name, f"ONTIME is {on_time:.1f} s, the good times of the CCDs add to {longest:.1f} s at most"


def outside_good_time(exposure: EpicExposure, _: XmmSettings) -> Found:
    """Event lists with many events in bad time."""
    for kind in usable_kinds(exposure):
        events = exposure.lists[kind]
        outside = int(np.count_nonzero(~events.good_time.contains(events.time_s)))
        if outside > _MOST_OUTSIDE * len(events):
            yield exposure.filename(kind), f"{outside} of {len(events)} events lie outside of good time"


def interrupted(exposure: EpicExposure, settings: XmmSettings) -> Found:
    """Event lists of which little time is good."""
    for kind in usable_kinds(exposure):
        good = exposure.lists[kind].good_time
        span = float(good.stop[-1] - good.start[0])
        if good.total < settings.minimum_live_fraction * span:
            yield exposure.filename(kind), f"{good.total:.0f} of {span:.0f} s are good time"


def high_background(exposure: EpicExposure, settings: XmmSettings) -> Found:
    """Observations with background flares most of the time."""
    kinds = usable_kinds(exposure)
    if not kinds or settings.flares == "off":
        return
    lists = field_lists(exposure, kinds, settings, places=False)
    bad = find_flares(lists, settings)
    clock = max((field_clock(ready) for ready in lists), key=lambda one: one.total)
    flared = clock.within(bad).total
    if clock.total > 0 and flared > settings.maximum_flare_fraction * clock.total:
        yield "", f"{flared:.0f} of {clock.total:.0f} s of live time are background flares"


def different_targets(exposure: EpicExposure, _: XmmSettings) -> Found:
    """Observations whose event lists are of different targets."""
    targets = {str(exposure.lists[kind].header.get("OBJECT") or "").strip() for kind in usable_kinds(exposure)}
    if len(targets) > 1:
        yield "", f"the event lists name different targets: {', '.join(sorted(targets))}"


def _reject(name: str, reason: str, explanation: str, function: Question | None = None) -> Check:
    return Check(name, reason, Severity.REJECT, explanation, function or partial(_useless, name))


def _flag(name: str, reason: str, function: Question, explanation: str) -> Check:
    return Check(name, reason, Severity.FLAG, explanation, function)


CHECKS: tuple[Check, ...] = (
    _reject("unreadable", "Unreadable file", "At least one event list is whole and can be read."),
    _reject("missing_column", "Missing column", "An event list has TIME, X, Y and PI."),
    _reject("no_events", "No events", "An event list has rows."),
    _reject("nonlinear_time", "Non-linear time", "Times are numbers."),
    _reject("no_good_time", "No good time", "An event list has good time, and events in it."),
    _reject("no_exposure", "No exposure time", "Some frame in good time was live.", no_exposure),
    _flag("left_out", "Event list left out", left_out, "Every event list that was given can be used."),
    _flag("missing_sources", "Missing source list", missing_sources, "The list of sources (OBSMLI) is here."),
    _flag("unreadable_sources", "Unreadable source list", unreadable_sources, "The list of sources can be read."),
    _flag("thinned", "Missing columns", thinned, "The event list has FLAG, PATTERN, CCDNR and the other columns."),
    _flag("missing_gti", "Missing GTI", missing_gti, "The file has tables of good times."),
    _flag("missing_frames", "Missing frames", missing_frames, "The file has the tables EXPOSUnn."),
    _flag(
        "header_mismatch",
        "Header mismatch",
        header_mismatch,
        "TSTART, TSTOP and ONTIME fit the content within 10 s.",
    ),
    _flag(
        "outside_good_time", "Events in bad time", outside_good_time, "At least 99 % of the events are in good time."
    ),
    _flag(
        "interrupted_time",
        "Gaps in good time",
        interrupted,
        "At least `minimum_live_fraction` of the time from the start to the end of good time is good.",
    ),
    _flag(
        "high_background",
        "High background",
        high_background,
        "At most `maximum_flare_fraction` of the live time are background flares.",
    ),
    _flag("mixed", "Different targets", different_targets, "All event lists name the same target."),
)
