"""Dips and flares of arrivals: windows of live time that hold fewer or more events than chance explains."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["Window", "Windows", "scan_arrivals"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_STEPS = 4  # windows of one width begin this part of it apart
_FINEST = 8192  # the narrowest window is not below this part of the live time
_FINEST_EVENT = 64  # nor below this part of the mean distance of events
_PASSES = 3  # bounds the work: a pass takes all dips, or all flares, that stand out of the quiet rate
_SHARPEST = 1 / 64  # of its width, that a window may shrink to
_CELL, _MOST_CELLS = 16.0, 512  # events of the parts in which the peak is looked for


@dataclass(frozen=True, slots=True)
class Window:
    """A dip or flare in live time.

    Attributes
    ----------
    flare : bool
    start_live_s, peak_live_s, stop_live_s : float, seconds
    counts, expected : float, ct
        Events in it, and what the quiet rate gives.
    peak_ratio : float or None
        Highest or lowest rate of its parts, of about 16 events each, over the quiet rate.
    chance : float
        Of as many or more, or as few or fewer, events as a single window.
    """

    flare: bool
    start_live_s: float
    peak_live_s: float
    stop_live_s: float
    counts: float
    expected: float
    peak_ratio: float | None
    chance: float


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows that are looked at: two widths an octave from half of the live time down, each in four steps.

    Attributes
    ----------
    start_s, stop_s : ndarray of float64, shape (k,), seconds
    log_empty : ndarray of float64, shape (k,)
        Natural logarithm of the chance that a constant source has no event there.
    """

    start_s: FloatArray
    stop_s: FloatArray
    log_empty: FloatArray

    @classmethod
    def of(cls, arrivals: int, total_live_s: float, shortest_s: float = 0.0) -> Windows:
        """Return the windows for so many arrivals.

        Parameters
        ----------
        arrivals : int
        total_live_s : float, seconds
        shortest_s : float, seconds
            The narrowest window is not below this.

        Examples
        --------
        >>> len(Windows.of(0, 100.0)), len(Windows.of(100, 100.0, 30.0))
        (0, 13)
        """
        if arrivals < 2 or not total_live_s > 0:
            return cls(*np.zeros((3, 0)))
        least_s = max(shortest_s, total_live_s / _FINEST, total_live_s / arrivals / _FINEST_EVENT)
        starts, stops = [], []
        for k in range(1 + max(0, math.floor(2 * math.log2(total_live_s / 2 / least_s)))):
            width = total_live_s / 2 / 2 ** (k / 2)
            start = np.arange(int((total_live_s / width - 1) * _STEPS + 1e-9) + 1) * (width / _STEPS)
            starts.append(start)
            stops.append(np.minimum(start + width, total_live_s))
        start_s, stop_s = np.concatenate(starts), np.concatenate(stops)
        return cls(start_s, stop_s, arrivals * np.log1p(-(stop_s - start_s) / total_live_s))

    def __len__(self) -> int:
        return len(self.start_s)

    def trials(self, limit: float) -> tuple[int, int]:
        """Return how many windows can show a flare, and how many a dip: without an event below a chance of ``limit``.

        Examples
        --------
        >>> Windows.of(100, 100.0, 30.0).trials(1e-6)
        (13, 13)
        >>> Windows.of(100, 100.0, 5.0).trials(1e-6)
        (177, 45)
        """
        return len(self), int(np.sum(self.log_empty < math.log(limit)))


def scan_arrivals(live_s: FloatArray, total_live_s: float, windows: Windows, flare: float, dip: float) -> list[Window]:
    """Return the dips and flares of arrivals, in order; none overlap.

    Under one rate the events of a window have a binomial distribution: each is in it with the part that the
    window has of all quiet time. What is less likely than the limit of its kind leaves the quiet time, the most
    unlikely first, and the rest is looked at again; half of the live time stays quiet. Then start and stop move to
    events, inside or up to half of the width outside, where the window stands out most.

    Parameters
    ----------
    live_s : ndarray of float64, shape (N,), seconds
        Live time before each event, in order.
    total_live_s : float, seconds
    windows : Windows
    flare, dip : float
        Chance of a single window from which it is no longer believed, as a flare and as a dip.

    Examples
    --------
    >>> live_s = np.concatenate([np.arange(0.0, 450.0), np.arange(550.0, 1000.0)])
    >>> [dip] = scan_arrivals(live_s, 1000.0, Windows.of(900, 1000.0), 1e-6, 1e-6)
    >>> dip.flare, dip.start_live_s, dip.stop_live_s, dip.counts, round(dip.expected, 1)
    (False, 449.0, 550.0, 0.0, 101.1)
    """
    found: list[Window] = []
    start, stop = windows.start_s, windows.stop_s
    place = np.stack((np.searchsorted(live_s, start), np.searchsorted(live_s, stop)))
    quiet_s, quiet = total_live_s, len(live_s)
    for _ in range(_PASSES):
        taken = _taken(start, stop, place[1] - place[0], quiet, quiet_s, total_live_s / 2, (flare, dip))
        if not taken:
            break
        for is_flare, first_s, last_s, chance in taken:
            counts = int(np.subtract(*np.searchsorted(live_s, [last_s, first_s])))
            found.append(Window(is_flare, first_s, first_s, last_s, counts, 0.0, None, chance))
            quiet, quiet_s = quiet - counts, quiet_s - (last_s - first_s)
            apart = (stop <= first_s) | (start >= last_s)
            start, stop, place = start[apart], stop[apart], place[:, apart]
    return _described(live_s, total_live_s, found)


def _taken(
    start: FloatArray,
    stop: FloatArray,
    counts: IntArray,
    quiet: int,
    quiet_s: float,
    least_s: float,
    limits: tuple[float, float],
) -> list[tuple[bool, float, float, float]]:
    """Return of one kind, that of the most unlikely window, those below its limit that do not overlap."""
    from scipy.special import bdtr, bdtrc

    part = (stop - start) / quiet_s
    able = part < 1
    part = np.where(able, part, 0.5)
    more = counts > quiet * part
    chance = np.where(more, bdtrc(counts - 1.0, quiet, part), bdtr(counts, quiet, part))
    chance = np.where(able & ((counts > 0) | ~more), chance, 1.0)
    # of windows with the same chance, such as 0, the one that is denser or emptier comes first
    contrast = np.abs(counts - quiet * part) / np.sqrt(np.maximum(quiet * part, 1e-300))
    beyond = chance / np.where(more, *limits)
    rows = np.flatnonzero(beyond < 1)
    rows = rows[np.lexsort((-contrast[rows], beyond[rows]))]
    rows = rows[more[rows] == more[rows[0]]] if len(rows) else rows
    taken: list[tuple[bool, float, float, float]] = []
    while len(rows):
        row = rows[0]
        if quiet_s - (stop[row] - start[row]) >= least_s * (1 - 1e-9):
            quiet_s -= stop[row] - start[row]
            taken.append((bool(more[row]), float(start[row]), float(stop[row]), float(chance[row])))
            rows = rows[(stop[rows] <= start[row]) | (start[rows] >= stop[row])]
        else:
            rows = rows[1:]
    return taken


def _described(live_s: FloatArray, total_live_s: float, found: list[Window]) -> list[Window]:
    """Return what was found in order: windows of a kind that touch joined, with sharper edges, counts and peaks."""
    whole: list[Window] = []
    for one in sorted(found, key=lambda one: one.start_live_s):
        if whole and _touch(whole[-1], one):
            whole[-1] = replace(whole[-1], stop_live_s=one.stop_live_s, chance=min(whole[-1].chance, one.chance))
        else:
            whole.append(one)
    rate = _quiet_rate(live_s, total_live_s, whole)
    for i, one in enumerate(whole):
        low = whole[i - 1].stop_live_s if i else 0.0
        high = whole[i + 1].start_live_s if i + 1 < len(whole) else total_live_s
        whole[i] = _sharpened(live_s, one, rate, low, high)
    rate = _quiet_rate(live_s, total_live_s, whole)
    return [_peaked(live_s, one, rate) for one in whole]


def _quiet_rate(live_s: FloatArray, total_live_s: float, windows: list[Window]) -> float:
    """Return the events a second of what no window has."""
    quiet_s = total_live_s - sum(one.stop_live_s - one.start_live_s for one in windows)
    held = sum(last - first for first, last in (_held(live_s, one) for one in windows))
    return (len(live_s) - held) / quiet_s if quiet_s > 0 else 0.0


def _held(live_s: FloatArray, one: Window) -> tuple[int, int]:
    """Return the first event of a window and the one after its last: a flare has those at its ends, a dip has not."""
    first = np.searchsorted(live_s, one.start_live_s, "left" if one.flare else "right")
    return int(first), int(np.searchsorted(live_s, one.stop_live_s, "right" if one.flare else "left"))


def _touch(one: Window, after: Window) -> bool:
    width = min(one.stop_live_s - one.start_live_s, after.stop_live_s - after.start_live_s)
    return one.flare == after.flare and after.start_live_s - one.stop_live_s <= width / _STEPS


def _sharpened(live_s: FloatArray, one: Window, rate: float, low: float, high: float) -> Window:
    """Return a window that begins and ends at events, up to half its width outside of it, where it stands out most."""
    start_s, stop_s = one.start_live_s, one.stop_live_s
    width = stop_s - start_s
    if not rate > 0:
        return one
    least = max(one.counts / 2, 2.0) if one.flare else 0.0

    def deviance(starts: FloatArray | float, stops: FloatArray | float) -> FloatArray:
        from scipy.special import xlogy

        # a flare begins and ends with an event, a dip between two
        first = np.searchsorted(live_s, starts, "left" if one.flare else "right")
        last = np.searchsorted(live_s, stops, "right" if one.flare else "left")
        expected = rate * np.maximum(np.asarray(stops) - np.asarray(starts), width * _SHARPEST)
        counts = np.maximum(last - first, 0)
        further = ((counts > expected) == one.flare) & (counts >= least)
        return np.where(further, xlogy(counts, counts / expected) - counts + expected, -1.0)

    def ends(center: float, lowest: float, highest: float) -> FloatArray:
        inside = live_s[np.searchsorted(live_s, lowest) : np.searchsorted(live_s, highest, "right")]
        return np.concatenate(([center], inside, [] if one.flare else [lowest, highest]))

    starts = ends(start_s, max(start_s - width / 2, low), stop_s)
    start_s = float(starts[np.argmax(deviance(starts, stop_s))])
    stops = ends(stop_s, start_s, min(stop_s + width / 2, high))
    stop_s = float(stops[np.argmax(deviance(start_s, stops))])
    return replace(one, start_live_s=start_s, stop_live_s=stop_s)


def _peaked(live_s: FloatArray, one: Window, rate: float) -> Window:
    """Return a window with its counts, those that the quiet rate gives, and its highest or lowest part."""
    start_s, stop_s = one.start_live_s, one.stop_live_s
    first, last = _held(live_s, one)
    counts, expected = last - first, rate * (stop_s - start_s)
    cells = min(max(1, int((counts if one.flare else expected) / _CELL)), _MOST_CELLS)
    held, edges = np.histogram(live_s[first:last], cells, (start_s, stop_s))
    peak = int(np.argmax(held) if one.flare else np.argmin(held))
    ratio = float(held[peak]) * cells / expected if expected > 0 else None
    return replace(
        one,
        peak_live_s=float(edges[peak] + edges[peak + 1]) / 2,
        counts=float(counts),
        expected=expected,
        peak_ratio=ratio,
    )
