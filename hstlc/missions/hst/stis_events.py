"""The event list of a STIS tag or corrtag file, read in blocks: however long it is, little of it is in memory.

Places are pixels of the high-resolution frame (2048 x 2048, counted from 1): AXIS1 and AXIS2 of a tag, XCORR and YCORR
of a corrtag. AXIS1 is corrected for the Doppler shift on board; DETAXIS1 (RAWX) is where the detector saw the event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hstlc.formats.unit import Unit
from hstlc.missions.hst.cos_events import Survey
from hstlc.missions.hst.stis_clock import NO_TIME, OUTSIDE, TICK_S, TickPlacer, middle_s, ticks_of
from hstlc.model import EventList, Intervals
from hstlc.times import TimeReference

__all__ = ["StisBlock", "StisEvents"]

IntArray = NDArray[np.int64]

_TAG = ("AXIS1", "AXIS2", "DETAXIS1")
_CORRTAG = ("XCORR", "YCORR", "RAWX", "WAVELENGTH", "EPSILON", "DQ")


class StisBlock(NamedTuple):
    """Some events.

    Attributes
    ----------
    ticks : ndarray of int64, shape (n,)
    x, y, raw_x : ndarray of int64, shape (n,), pixels
        Column, row, and column on the detector.
    wavelength_aa, epsilon, dq : ndarray, shape (n,), or None
        None where the file does not have them.
    """

    ticks: IntArray
    x: IntArray
    y: IntArray
    raw_x: IntArray
    wavelength_aa: NDArray[np.float64] | None = None
    epsilon: NDArray[np.float64] | None = None
    dq: NDArray[np.int32] | None = None


@dataclass(frozen=True, eq=False)
class StisEvents:
    """The events of one file, which are read anew each time they are asked for.

    Attributes
    ----------
    tables : tuple of Unit
        The EVENTS extensions in order of EXTVER, one for each repeated exposure.
    gti : Intervals
        Good times of all of them.
    reference : TimeReference
        TEXPSTRT, the start of the first of them: all times count from there.
    header : mapping
        Of the file as a whole: EXPTIME is the sum, EXPEND the last end.
    calibrated : bool
        The file is a corrtag.
    """

    tables: tuple[Unit, ...]
    gti: Intervals
    reference: TimeReference
    header: Mapping[str, Any]
    calibrated: bool = False

    @cached_property
    def times(self) -> Survey:
        """What one look at all times tells, taken when it is first asked for."""
        placer = TickPlacer(self.gti)
        invalid = back = outside = step = gap = 0
        first = before = NO_TIME
        earliest, latest = -NO_TIME, NO_TIME
        for number, ticks in enumerate(self._all_ticks()):
            known = ticks[ticks != NO_TIME]
            steps = np.diff(known if before == NO_TIME else np.concatenate(([before], known)))
            invalid += len(ticks) - len(known)
            back += int(np.count_nonzero(steps < 0))
            step, gap = max(step, -int(steps.min(initial=0))), int(steps.max(initial=gap))
            outside += int(np.count_nonzero(placer.place(known) == OUTSIDE))
            first = int(ticks[0]) if number == 0 else first
            before = int(known[-1]) if len(known) else before
            earliest, latest = int(known.min(initial=earliest)), int(known.max(initial=latest))
        ends = np.array([first, earliest if latest != NO_TIME else NO_TIME, latest])
        first_s, earliest_s, latest_s = middle_s(ends).tolist()
        return Survey(invalid, back, step * TICK_S, first_s, earliest_s, latest_s, outside, gap * TICK_S)

    def __len__(self) -> int:
        return sum(table.rows for table in self.tables)

    def blocks(self, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
        """Yield columns of some 65,000 events after the other, in native byte order; TIME in seconds."""
        for table in self.tables:
            scale, zero = _scaling(table)
            for columns in table.column_blocks(names):
                yield tuple(
                    _seconds(values, scale, zero) if name.upper() == "TIME" else values
                    for name, values in zip(names, columns, strict=True)
                )

    def imset_blocks(self, number: int) -> Iterator[StisBlock]:
        """Yield the events of one EVENTS extension, counted from 0, some 65,000 after the other."""
        table = self.tables[number]
        scale, zero = _scaling(table)
        for stored, *columns in table.column_blocks(("TIME", *(_CORRTAG if self.calibrated else _TAG))):
            x, y, raw_x = (np.rint(values).astype(np.int64) for values in columns[:3])
            ticks = ticks_of(stored, scale, zero)
            if self.calibrated:
                wavelength_aa, epsilon = (values.astype(np.float64) for values in columns[3:5])
                yield StisBlock(ticks, x, y, raw_x, wavelength_aa, epsilon, columns[5].astype(np.int32))
            else:
                yield StisBlock(ticks, x, y, raw_x)

    def event_list(self) -> EventList:
        """Return the whole list."""
        parts = [(number, block) for number in range(len(self.tables)) for block in self.imset_blocks(number)]
        blocks = [block for _, block in parts]
        ticks = np.concatenate([block.ticks for block in blocks] or [np.zeros(0, dtype=np.int64)])
        names = {"x": "x", "y": "y", "raw_x": "raw_x"}
        if self.calibrated:
            names |= {"wavelength_aa": "wavelength_aa", "epsilon": "epsilon", "dq": "dq"}
        data = {key: np.concatenate([getattr(b, name) for b in blocks] or [np.zeros(0)]) for key, name in names.items()}
        data["imset"] = np.repeat([n + 1 for n, _ in parts], [len(b.ticks) for b in blocks]).astype(np.int32)
        return EventList(middle_s(ticks), data, self.gti, self.reference, TICK_S, self.header)

    def _all_ticks(self) -> Iterator[IntArray]:
        for table in self.tables:
            scale, zero = _scaling(table)
            for (stored,) in table.column_blocks(("TIME",)):
                yield ticks_of(stored, scale, zero)


def _scaling(table: Unit) -> tuple[float, float]:
    """Return TSCAL and TZERO of the column TIME."""
    number = [name.upper() for name in table.columns].index("TIME") + 1
    return float(table.header.get(f"TSCAL{number}") or 1.0), float(table.header.get(f"TZERO{number}") or 0.0)


def _seconds(stored: NDArray[Any], scale: float, zero: float) -> NDArray[np.float64]:
    return np.asarray(stored, dtype=np.float64) * scale + zero
