"""Questions whose answer rejects an exposure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hstlc.missions.base import Role
from hstlc.missions.chandra.exposure import ChandraExposure
from hstlc.missions.chandra.field import field_of
from hstlc.missions.chandra.identify import real
from hstlc.missions.chandra.mission_settings import ChandraSettings

Found = Iterator[tuple[str, str]]

#: Part of the events that may lie outside the observation before its header is not believed.
_MOST_BEYOND = 0.1


def unreadable(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Exposures without an event list that can be read."""
    if exposure.lead is None:
        for file, why in exposure.unreadable:
            if file.role is Role.EVENTS:
                yield file.path.name, why


def no_time(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Event lists without times."""
    events = exposure.lead
    if events is not None and "TIME" not in events.names:
        yield exposure.filename(), f"there is no column TIME among {', '.join(events.names) or 'no columns'}"


def no_events(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Empty event lists."""
    if exposure.lead is not None and len(exposure.lead) == 0:
        yield exposure.filename(), "the event list has no rows"


def bad_times(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Event lists with times that are no numbers."""
    events = exposure.lead
    if events is None or "TIME" not in events.names:
        return
    invalid = int(np.count_nonzero(~np.isfinite(events.time_s)))
    if invalid:
        yield exposure.filename(), f"{invalid} of {len(events)} times are not numbers"


def no_good_time(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Good times that are all empty."""
    events = exposure.lead
    if events is not None and len(events) and events.good_time.total <= 0:
        yield exposure.filename(), f"the good times of {len(events.gti)} chips are empty"


def no_live_time(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Headers that say that nothing was live."""
    for key in ("EXPOSURE", "LIVETIME", "DTCOR"):
        value = real(exposure.header, key)
        if value is not None and value <= 0:
            yield exposure.filename(), f"{key} is {value:g}, a number above 0 was expected"


def lying_header(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Headers that contradict the events."""
    events, (start, stop) = exposure.lead, (real(exposure.header, key) for key in ("TSTART", "TSTOP"))
    if events is None or not len(events) or start is None or stop is None:
        return
    margin_s = max(events.frame_s, 1.0)
    time_s = events.time_s + events.offset_s
    beyond = int(np.count_nonzero((time_s < start - margin_s) | (time_s > stop + margin_s)))
    if beyond > _MOST_BEYOND * len(events):
        yield (
            exposure.filename(),
            f"{beyond} of {len(events)} events lie outside the {stop - start:.1f} s from TSTART to TSTOP",
        )


def nothing_left(exposure: ChandraExposure, _: ChandraSettings) -> Found:
    """Event lists of which no event is good."""
    events = exposure.lead
    if events is not None and len(events) and events.good_time.total > 0:
        ready = field_of(exposure)
        if not len(ready.rows):
            text = f"of {len(events)} events {ready.bad_time} are in bad time and {ready.bad_grade} of bad grades"
            yield exposure.filename(), text
