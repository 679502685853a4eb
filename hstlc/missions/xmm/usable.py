"""Which event lists of an observation light curves can be made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hstlc.missions.base import Role
from hstlc.missions.xmm.read import NEEDED, EpicEvents, EpicExposure

__all__ = ["Problem", "problem_of", "problems", "usable_kinds"]

#: Name of a check, and a sentence.
Problem = tuple[str, str]


def problem_of(events: EpicEvents) -> Problem | None:
    """Return why a list cannot be used; None when it can."""
    lacking = [name for name in NEEDED if name in events.missing]
    if lacking:
        return "missing_column", f"EVENTS has no column {', '.join(lacking)}"
    if len(events) == 0:
        return "no_events", "the event list has no rows"
    invalid = int(np.count_nonzero(~np.isfinite(events.time_s)))
    if invalid:
        return "nonlinear_time", f"{invalid} of {len(events)} times are not numbers"
    if events.good_time.total <= 0:
        return "no_good_time", "the good time intervals are empty"
    good = events.good_time
    inside = good.contains(events.time_s)
    if not inside.any():
        first, last = float(events.time_s.min()), float(events.time_s.max())
        times = f"{good.start[0]:.1f} to {good.stop[-1]:.1f} s"
        return "no_good_time", f"none of the events, {first:.1f} to {last:.1f} s, is in good time, {times}"
    return None


def problems(exposure: EpicExposure) -> Iterator[tuple[str, Problem]]:
    """Yield the file names of the event lists that cannot be used, and why."""
    for file, why in exposure.unreadable:
        if file.role is Role.EVENTS:
            yield file.path.name, ("unreadable", why)
    for kind in sorted(exposure.lists):
        problem = problem_of(exposure.lists[kind])
        if problem is not None:
            yield exposure.filename(kind), problem


def usable_kinds(exposure: EpicExposure) -> list[str]:
    """Return the kinds of the event lists that can be used, in order."""
    return [kind for kind in sorted(exposure.lists) if problem_of(exposure.lists[kind]) is None]
