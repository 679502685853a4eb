"""The event list of a COS corrtag file, read in blocks: however long it is, little of it is in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.formats.unit import Unit
from hstlc.missions.hst.cos_clock import OUTSIDE, TICK_S, Placer, is_ordered, middle_s
from hstlc.model import EventList, Intervals
from hstlc.times import TimeReference

__all__ = ["CorrtagEvents", "Survey", "survey"]

#: Columns of an event list, and the types that they become.
_COLUMNS = {
    "x": ("XFULL", np.float64),
    "y": ("YFULL", np.float64),
    "wavelength_aa": ("WAVELENGTH", np.float64),
    "epsilon": ("EPSILON", np.float64),
    "dq": ("DQ", np.int32),
    "pha": ("PHA", np.int16),
}


@dataclass(frozen=True, slots=True)
class Survey:
    """What one look at all times of a list tells.

    Attributes
    ----------
    invalid : int
        Times that are not finite.
    back : int
        Times earlier than the one before.
    step_back_s : float, seconds
        The largest step back.
    first_s, earliest_s, latest_s : float, seconds
        NaN where no time is a number.
    outside : int
        Events outside the good times.
    gap_s : float, seconds
        The longest time from one event to the next.
    """

    invalid: int
    back: int
    step_back_s: float
    first_s: float
    earliest_s: float
    latest_s: float
    outside: int
    gap_s: float


@dataclass(frozen=True, eq=False)
class CorrtagEvents:
    """The events of one file, which are read anew each time they are asked for.

    Attributes
    ----------
    table : Unit
    gti : Intervals
        Good times of the GTI extension with the highest EXTVER.
    reference : TimeReference
        EXPSTART.
    header : mapping
    """

    table: Unit
    gti: Intervals
    reference: TimeReference
    header: Mapping[str, Any]

    @cached_property
    def times(self) -> Survey:
        """What one look at all times tells, taken when it is first asked for."""
        return survey(self.table, self.gti)

    def __len__(self) -> int:
        return self.table.rows

    def blocks(self, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
        """Yield the columns of some 65,000 events after the other, in native byte order."""
        return self.table.column_blocks(names)

    def event_list(self) -> EventList:
        """Return the whole list."""
        parts = list(self.blocks("TIME", *(name for name, _ in _COLUMNS.values())))
        stamps, *columns = (np.concatenate(part) for part in zip(*parts, strict=True)) if parts else [np.zeros(0)] * 7
        named = zip(_COLUMNS.items(), columns, strict=True)
        data = {name: np.asarray(values, dtype=kind) for (name, (_, kind)), values in named}
        return EventList(middle_s(stamps), data, self.gti, self.reference, TICK_S, self.header)


def survey(table: Unit, gti: Intervals) -> Survey:
    """Look once at the times of all events."""
    placer = Placer(gti)
    invalid = back = outside = 0
    step_back_s = gap_s = 0.0
    first_s = earliest_s = latest_s = before = float("nan")
    for number, (stamps,) in enumerate(table.column_blocks(("TIME",))):
        ordered = is_ordered(stamps)
        times = middle_s(stamps[[0, -1]] if ordered else stamps)  # the others lie between these two
        known = times[np.isfinite(times)]
        steps = np.diff(np.concatenate(([before], known)))
        falls = steps[steps < 0]
        invalid += len(times) - len(known)
        back += len(falls)
        step_back_s = max(step_back_s, float(-falls.min(initial=0.0)))
        gap_s = float(np.fmax.reduce(steps[:1] if ordered else steps, initial=gap_s))  # of order: from the block before
        if ordered:
            gap_s = max(gap_s, float((stamps[1:] - stamps[:-1]).max(initial=0.0)))
        bins, counts = placer.runs(stamps) if ordered else (placer.place(stamps), np.ones(len(stamps), dtype=np.int64))
        outside += int(counts[bins == OUTSIDE].sum()) - (len(times) - len(known))
        first_s = float(times[0]) if number == 0 else first_s
        before = known[-1] if len(known) else before
        earliest_s = float(np.fmin.reduce(times, initial=earliest_s))
        latest_s = float(np.fmax.reduce(times, initial=latest_s))
    return Survey(invalid, back, step_back_s, first_s, earliest_s, latest_s, outside, gap_s)
