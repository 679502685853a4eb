"""The field of an event list, as all of its sources see it: good events, where they fell, which chips were live."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hstlc.events.good_times import in_own_good_time
from hstlc.events.live_clock import LiveClock
from hstlc.events.sky_index import SkyIndex
from hstlc.missions.chandra.exposure import ChandraExposure
from hstlc.missions.chandra.read import GOOD_GRADES, ChandraEvents
from hstlc.model import Intervals
from hstlc.regions import LiveMap

__all__ = ["Field", "field_of"]

#: So many events, evenly taken, show where the chips are.
_MAPPED = 150_000

FloatArray = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """An event list made ready.

    Attributes
    ----------
    events : ChandraEvents
    ccd : ndarray of int, shape (n,)
        Number of the chip of each event.
    rows : ndarray of int64
        Events of good grades in the good time of their chip.
    bad_time, bad_grade : int
        Events left out.
    index : SkyIndex or None
        Where the good events fell; None: the file does not say.
    live : LiveMap
        Which part of the sky was seen.
    dead_time : LiveClock or None
        Live time in place of the one dead-time factor.
    """

    events: ChandraEvents
    ccd: NDArray[np.integer]
    rows: Rows
    bad_time: int
    bad_grade: int
    index: SkyIndex | None
    live: LiveMap
    dead_time: LiveClock | None

    def weights(self, *samples: Rows) -> dict[int, float]:
        """Return which part of a region each chip sees: by events a second of good time there.

        Parameters
        ----------
        *samples : ndarray of int64
            Rows of events of the region and, for where these are few, of what lies around it; all good events are what
            is left.
        """
        fewest = 20
        for rows in (*samples, self.rows):
            if len(rows) >= fewest or rows is self.rows:
                break
        counts = {int(number): int(np.count_nonzero(self.ccd[rows] == number)) for number in self.events.gti}
        rates = {number: counts[number] / times.total for number, times in self.events.gti.items() if times.total > 0}
        total = sum(rates.values())
        if total <= 0:
            return {number: 1.0 / len(rates) for number in rates}
        return {number: rate / total for number, rate in rates.items() if rate > 0}

    def clock(self, weights: dict[int, float]) -> LiveClock:
        """Return live time of a region that chips see with these weights."""
        gti = self.events.gti
        if self.dead_time is not None:
            return LiveClock.of([(self.dead_time.within(gti[number]), part) for number, part in weights.items()])
        return LiveClock.of([(gti[number], part) for number, part in weights.items()], self.events.dtcor)

    @property
    def live_part(self) -> float:
        """Live part of a good second, on the average."""
        if self.dead_time is None:
            return self.events.dtcor
        good = self.events.good_time
        return self.dead_time.within(good).total / good.total if good.total > 0 else 1.0


@lru_cache(maxsize=1)
def field_of(exposure: ChandraExposure) -> Field:
    """Return the field of the event list of an exposure; that of the exposure asked for last is kept."""
    events = exposure.lead
    assert events is not None
    ccd = events.ccd
    finite = np.isfinite(events.time_s)
    good = finite & in_own_good_time(events.time_s, ccd, events.gti)
    grade = events.columns.get("grade")
    grades = np.ones(len(events), dtype=bool) if grade is None else np.isin(grade, GOOD_GRADES)
    keep = good & grades
    index, live = None, LiveMap(())
    x, y = events.columns.get("x"), events.columns.get("y")
    if x is not None and y is not None:
        index = SkyIndex(x, y, keep=keep)
        # a box around one source has too few other events to tell: the catalog puts it where the detector is live
        given = events.mask is not None or exposure.kind == "regevt3"
        some = np.flatnonzero(keep)[:: max(1, np.count_nonzero(keep) // _MAPPED)]
        live = LiveMap((), events.mask) if given else LiveMap.of_events(x[some], y[some], ccd[some])
    return Field(
        events=events,
        ccd=ccd,
        rows=np.flatnonzero(keep),
        bad_time=int(len(events) - np.count_nonzero(good)),
        bad_grade=int(np.count_nonzero(good & ~grades)),
        index=index,
        live=live,
        dead_time=_whole_dead_time(exposure.dead_time, events.good_time),
    )


def _whole_dead_time(clock: LiveClock | None, good: Intervals) -> LiveClock | None:
    """Return the clock of dead times where it reaches over the good time; a part of it would end the curve."""
    if clock is None or not len(clock) or not len(good):
        return None
    covered = clock.good.intersect(good).total
    return clock if covered >= 0.99 * good.total else None
