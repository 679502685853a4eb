"""Live time as a function of time: what good times, dead time, frames and several detectors leave of a second.

A source that is constant is uniform in live time, whatever gaps there are: arrivals are compared with it, and bins are
divided by what of it they hold. The function is piecewise linear; between two break points a constant part of the time
is live.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hstlc.model import Intervals

__all__ = ["LiveClock"]

FloatArray = NDArray[np.float64]

#: Neighboring frames whose middles are up to so many frames apart have no gap between them.
_GAP_FRAMES = 1.5

#: Break points that are looked at together when a clock is simplified, and how often it is done.
_STRIDE, _PASSES = 64, 3

_WEIGHT_SLACK = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class LiveClock:
    """Cumulative live time: piecewise linear, constant before the first and after the last break point.

    Attributes
    ----------
    time_s : ndarray of float64, shape (k,), seconds
        Break points, increasing.
    live_s : ndarray of float64, shape (k,), seconds
        Live time before each, never decreasing, 0 at the first.
    """

    time_s: FloatArray
    live_s: FloatArray

    @classmethod
    def of(cls, parts: Iterable[tuple[Intervals | LiveClock, float]], dead_time_factor: float = 1.0) -> LiveClock:
        """Add up the live time of the detectors that a region lies on.

        Detectors of one camera have good times of their own. What a region sees at an instant is the sum of its shares
        on those that are live: neither what all have in common nor what any of them has.

        Parameters
        ----------
        parts : iterable of (Intervals or LiveClock, float)
            Of each detector its good times and its share of the region, 0 to 1; together at most 1.
        dead_time_factor : float
            Live part of a good second, such as the keyword DTCOR.

        Returns
        -------
        LiveClock

        Raises
        ------
        ValueError
            A share is negative or not finite, or all together are more than 1.

        Examples
        --------
        >>> clock = LiveClock.of([(Intervals.of([0.0], [100.0]), 0.75), (Intervals.of([50.0], [100.0]), 0.25)])
        >>> clock.between([0.0, 50.0, 100.0])
        array([37.5, 50. ])
        """
        weighted = [
            (part if isinstance(part, LiveClock) else _of_intervals(part), float(weight)) for part, weight in parts
        ]
        shares = np.array([weight for _, weight in weighted])
        if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() <= 1 + _WEIGHT_SLACK):
            raise ValueError(f"shares of a region are 0 to 1 and together at most 1, not {shares.tolist()}")
        if len(weighted) == 1:
            clock, weight = weighted[0]
            return cls(clock.time_s, clock.live_s * (weight * dead_time_factor))
        if not weighted:
            return cls(np.zeros(0), np.zeros(0))
        time_s = np.unique(np.concatenate([clock.time_s for clock, _ in weighted]))
        live_s = np.zeros(len(time_s))
        for clock, weight in weighted:
            live_s += weight * clock.before(time_s)
        return cls(time_s, live_s * dead_time_factor)

    @classmethod
    def of_frames(cls, middle_s: ArrayLike, live_part: ArrayLike, frame_s: float | None = None) -> LiveClock:
        """Make the clock of a detector that is read out in frames.

        Frames meet half-way between their middles; where frames are missing nothing is live. With ``frame_s`` None the
        points are samples of a factor that varies slowly, such as the dead time of a photon counter.

        Parameters
        ----------
        middle_s : array_like, shape (n,), seconds
            Middles of the frames, increasing.
        live_part : array_like, shape (n,) or scalar
            Live part of each frame, 0 to 1; NaN is taken for 0.
        frame_s : float, seconds, optional
            From one frame to the next, by default the median of what ``middle_s`` shows.

        Raises
        ------
        ValueError
            Middles do not increase.

        Examples
        --------
        >>> LiveClock.of_frames([1.0, 3.0, 9.0], [1.0, 0.5, 1.0], 2.0).between([0.0, 2.0, 4.0, 8.0, 10.0])
        array([2., 1., 0., 2.])
        """
        middle = np.asarray(middle_s, dtype=np.float64)
        step = np.diff(middle)
        if (step <= 0).any():
            raise ValueError("the middles of frames must increase")
        if len(middle) == 0 or (frame_s is None and len(middle) == 1):
            return cls(np.zeros(0), np.zeros(0))
        width = float(np.median(step)) if frame_s is None else float(frame_s)
        part = np.broadcast_to(np.fmax(live_part, 0.0), middle.shape)  # of NaN: 0
        edges = np.empty(len(middle) + 1)  # before each frame, and behind the last
        edges[0], edges[-1] = middle[0] - width / 2, middle[-1] + width / 2
        np.add(middle[:-1], middle[1:], out=edges[1:-1])
        edges[1:-1] /= 2
        behind = np.flatnonzero(step > _GAP_FRAMES * width)
        if len(behind):  # what a gap follows has an edge of its own
            edges[behind + 1] = middle[behind + 1] - width / 2
            edges = np.insert(edges, behind + 1, middle[behind] + width / 2)
            part = np.insert(part, behind + 1, 0.0)
        live_s = np.zeros(len(edges))  # in place: there are hundreds of thousands of frames
        np.subtract(edges[1:], edges[:-1], out=live_s[1:])
        live_s[1:] *= part
        return cls(edges, np.cumsum(live_s, out=live_s))

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def total(self) -> float:
        """All live time, seconds."""
        return float(self.live_s[-1]) if len(self) else 0.0

    @property
    def good(self) -> Intervals:
        """When anything is live."""
        live = np.diff(self.live_s) > 0
        return Intervals.of(self.time_s[:-1][live], self.time_s[1:][live])

    def before(self, time_s: ArrayLike) -> FloatArray:
        """Return the live time before each instant, seconds."""
        at = np.asarray(time_s, dtype=np.float64)
        return np.interp(at, self.time_s, self.live_s) if len(self) else np.zeros(at.shape)

    def between(self, edges_s: ArrayLike) -> FloatArray:
        """Return the live time of each bin, seconds, shape (n,) for edges of shape (n + 1,).

        Examples
        --------
        >>> gti = Intervals.of([0.0, 150.0, 430.0], [100.0, 420.0, 1000.0])
        >>> LiveClock.of([(gti, 1.0)]).between([0.0, 250.0, 500.0, 750.0, 1000.0])
        array([200., 240., 250., 250.])
        """
        return np.diff(self.before(edges_s))

    def time_at(self, live_s: ArrayLike, side: Literal["left", "right"] = "left") -> FloatArray:
        """Return when so much live time has passed; the inverse of :meth:`before`.

        Parameters
        ----------
        live_s : array_like, seconds
            What is below 0 or above the total gives the first or the last break point.
        side : str
            Of an amount that a gap falls into, ``left`` gives the start of the gap and ``right`` its end.

        Raises
        ------
        ValueError
            The clock is empty.

        Examples
        --------
        >>> clock = LiveClock.of([(Intervals.of([0.0, 20.0], [10.0, 40.0]), 0.5)])
        >>> clock.time_at([2.5, 5.0]), clock.time_at(5.0, "right")
        (array([ 5., 10.]), array(20.))
        """
        if not len(self):
            raise ValueError("a clock without break points never shows any time")
        at = np.clip(np.asarray(live_s, dtype=np.float64), 0.0, self.total)
        if len(self) == 1:
            return np.full(at.shape, self.time_s[0])
        upper = np.searchsorted(self.live_s, at, side=side)
        inside = np.clip(upper, 1, len(self) - 1)
        step = self.live_s[inside] - self.live_s[inside - 1]
        part = np.clip((at - self.live_s[inside - 1]) / np.where(step > 0, step, 1.0), 0.0, 1.0)
        found = self.time_s[inside - 1] + part * (self.time_s[inside] - self.time_s[inside - 1])
        return np.asarray(np.where(upper == 0, self.time_s[0], np.where(upper == len(self), self.time_s[-1], found)))

    def within(self, gti: Intervals) -> LiveClock:
        """Return the clock that stands still outside of good times.

        Examples
        --------
        >>> LiveClock.of_frames([1.0, 3.0], [1.0, 0.5], 2.0).within(Intervals.of([1.0], [3.0])).total
        1.5
        """
        if not len(self) or not len(gti):
            return LiveClock(np.zeros(0), np.zeros(0))
        time_s = np.unique(np.concatenate((self.time_s, gti.start, gti.stop)))
        step = self.between(time_s) * gti.contains((time_s[:-1] + time_s[1:]) / 2)
        return LiveClock(time_s, np.concatenate(([0.0], np.cumsum(step))))

    def shifted(self, seconds: float) -> LiveClock:
        """Return the clock of a reference that lies so much earlier."""
        return LiveClock(self.time_s + seconds, self.live_s)

    def simplified(self, tolerance_s: float) -> LiveClock:
        """Return a clock of fewer break points that is never off by more than ``tolerance_s``.

        A camera of many small frames has hundreds of thousands of them, which hardly differ from each other: within
        half a frame, which no bin of many frames feels, a tenth or less remain.
        """
        time_s, live_s = self.time_s, self.live_s
        for turn in range(1, _PASSES + 1):
            blocks = (len(time_s) - 1) // _STRIDE
            if blocks < 1:
                break
            of_time, of_live = (values[: blocks * _STRIDE].reshape(blocks, _STRIDE) for values in (time_s, live_s))
            ends = slice(0, blocks * _STRIDE + 1, _STRIDE)
            slope = np.diff(live_s[ends]) / np.diff(time_s[ends])
            off = of_time[:, 1:] - of_time[:, :1]
            off *= slope[:, None]
            off += of_live[:, :1]
            off -= of_live[:, 1:]
            needless = np.abs(off, out=off).max(axis=1) <= tolerance_s / 2**turn
            if not needless.any():
                break
            keep = np.ones(len(time_s), dtype=bool)
            keep[: blocks * _STRIDE].reshape(blocks, _STRIDE)[needless, 1:] = False
            time_s, live_s = time_s[keep], live_s[keep]
        return LiveClock(time_s, live_s)


def _of_intervals(gti: Intervals) -> LiveClock:
    before = np.concatenate(([0.0], np.cumsum(gti.stop - gti.start)))
    return LiveClock(np.stack((gti.start, gti.stop), axis=1).ravel(), np.repeat(before, 2)[1:-1])
