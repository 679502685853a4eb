"""The numbers of a light curve that come from its single arrivals, and its flares and dips among them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hstlc.events.live_clock import LiveClock
from hstlc.model import Intervals, LightCurve, Quality
from hstlc.stats.arrival_blocks import arrival_blocks
from hstlc.stats.arrival_scan import Window, Windows, scan_arrivals
from hstlc.stats.arrival_tests import spread_over_frames, uniformity
from hstlc.stats.candidates import Candidate
from hstlc.stats.gregory_loredo import GregoryLoredo, gregory_loredo
from hstlc.times import SECONDS_PER_DAY

__all__ = ["ArrivalStatistics", "arrival_candidates", "arrival_clock", "arrival_odds", "arrival_statistics"]

FloatArray = NDArray[np.float64]

_ANCHORS = 20_000  # arrivals at most that the live clock is taken from
_FRAMES = 2.0  # length of the shortest window of the scan


@dataclass(frozen=True, slots=True)
class ArrivalStatistics:
    """Numbers of the arrivals; those of :class:`hstlc.stats.Statistics`."""

    arrivals: int
    gl_log10_odds: float | None = None
    gl_probability: float | None = None
    gl_index: int | None = None
    gl_bins: int | None = None
    gl_timescale_s: float | None = None
    gl_within_3_sigma: float | None = None
    gl_within_5_sigma: float | None = None
    gl_rate_mean: float | None = None
    gl_rate_sigma: float | None = None
    gl_rate_min: float | None = None
    gl_rate_max: float | None = None
    ks_p: float | None = None
    kuiper_p: float | None = None
    blocks_p05: int | None = None
    blocks_p01: int | None = None


def arrival_clock(curve: LightCurve) -> LiveClock:
    """Return the live clock of a curve of arrivals, which stands still in bins that a background flare overlaps.

    It runs through the live time before each arrival and before each bin, which were measured with the clock that the
    curve was made with; between these it runs in good time alone, evenly.
    """
    arrivals = curve.arrivals
    rows = np.argsort(curve["times"], kind="stable")
    exposure, start = np.nan_to_num(curve["exposure"][rows]), curve["times"][rows]
    stop = start + curve["bins"][rows]
    stop[:-1] = np.minimum(stop[:-1], start[1:])
    if arrivals is None or not np.sum(exposure) > 0:
        return LiveClock(np.zeros(0), np.zeros(0))
    live_after = np.cumsum(exposure) * (arrivals.total_live_s / np.sum(exposure))
    some = slice(None, None, max(1, -(-len(arrivals) // _ANCHORS)))
    time_s = np.concatenate((start, stop, arrivals.time_s[some]))
    live_s = np.concatenate(([0.0], live_after[:-1], live_after, arrivals.live_s[some]))
    order = np.lexsort((live_s, time_s))
    time_s, live_s = time_s[order], np.maximum.accumulate(np.clip(live_s[order], 0.0, arrivals.total_live_s))
    clock = _in_good_time(time_s, live_s, curve.gti)
    flare = (curve["quality"][rows] & Quality.BACKGROUND_FLARE) != 0
    if flare.any():
        clock = clock.within(Intervals.of(start[~flare], stop[~flare]))
    return _without_dead_ends(clock)


def _in_good_time(time_s: FloatArray, live_s: FloatArray, gti: Intervals) -> LiveClock:
    """Return the clock through known points that runs, between two of them, in good time where there is any."""
    if not len(gti):
        return LiveClock(time_s, live_s)
    edges = np.stack((gti.start, gti.stop), axis=1).ravel()
    length = np.concatenate(([0.0], np.cumsum(gti.stop - gti.start)))
    good = np.repeat(length, 2)[1:-1]
    inner = edges[(edges > time_s[0]) & (edges < time_s[-1])]
    after = np.searchsorted(time_s, inner)
    low_s, high_s = time_s[after - 1], time_s[after]
    low, at, high = (np.interp(when, edges, good) for when in (low_s, inner, high_s))
    plain = (inner - low_s) / (high_s - low_s)
    part = np.where(high > low, (at - low) / np.where(high > low, high - low, 1.0), plain)
    inner_live = live_s[after - 1] + part * (live_s[after] - live_s[after - 1])
    order = np.argsort(np.concatenate((time_s, inner)), kind="stable")
    time_s, live_s = np.concatenate((time_s, inner))[order], np.concatenate((live_s, inner_live))[order]
    return LiveClock(time_s, np.maximum.accumulate(live_s))


def _without_dead_ends(clock: LiveClock) -> LiveClock:
    steps = np.flatnonzero(np.diff(clock.live_s) > 0)
    if not len(steps):
        return LiveClock(np.zeros(0), np.zeros(0))
    kept = slice(int(steps[0]), int(steps[-1]) + 2)
    return LiveClock(clock.time_s[kept], clock.live_s[kept] - clock.live_s[steps[0]])


def arrival_statistics(curve: LightCurve) -> ArrivalStatistics | None:
    """Return the numbers of the arrivals of a curve, all on live time; None where it carries none.

    Arrivals in bins that a background flare overlaps are left out. Those of frames are spread over their frame, but for
    the blocks, which take events of one time together.
    """
    if curve.arrivals is None:
        return None
    clock = arrival_clock(curve)
    time_s = _live_arrivals(curve, clock)
    if not clock.total > 0:
        return ArrivalStatistics(len(time_s))
    exact_s = clock.before(time_s)
    tests = uniformity(clock.before(_spread(time_s, clock, curve.arrivals.frame_s)), clock.total)
    odds = arrival_odds(curve, clock)
    blocks_p05 = len(arrival_blocks(exact_s, clock.total, 0.05))
    blocks_p01 = len(arrival_blocks(exact_s, clock.total, 0.01)) if blocks_p05 > 1 else 1
    rate = odds.curve.rate if odds else np.zeros(0)
    return ArrivalStatistics(
        arrivals=len(time_s),
        gl_log10_odds=odds.log10_odds if odds else None,
        gl_probability=odds.probability if odds else None,
        gl_index=odds.index if odds else None,
        gl_bins=odds.peak_bins if odds else None,
        gl_timescale_s=odds.timescale_s if odds else None,
        gl_within_3_sigma=odds.within_3_sigma if odds else None,
        gl_within_5_sigma=odds.within_5_sigma if odds else None,
        gl_rate_mean=float(np.mean(rate)) if odds else None,
        gl_rate_sigma=float(np.std(rate)) if odds else None,
        gl_rate_min=float(np.min(rate)) if odds else None,
        gl_rate_max=float(np.max(rate)) if odds else None,
        ks_p=tests.ks_p if tests else None,
        kuiper_p=tests.kuiper_p if tests else None,
        blocks_p05=blocks_p05,
        blocks_p01=blocks_p01,
    )


def arrival_odds(curve: LightCurve, clock: LiveClock | None = None) -> GregoryLoredo | None:
    """Return the Gregory-Loredo odds of the arrivals of a curve, with the light curve that they imply.

    The bins are equal on the clock; of a composite, most of whose span nothing is live, they are equal in live time,
    and so are the times of the light curve mapped back to the clock. None without arrivals or live time.

    Parameters
    ----------
    curve : LightCurve
    clock : LiveClock, optional
        That of :func:`arrival_clock`, where it is known already.
    """
    if curve.arrivals is None:
        return None
    clock = arrival_clock(curve) if clock is None else clock
    time_s = _spread(_live_arrivals(curve, clock), clock, curve.arrivals.frame_s)
    if len(np.unique(curve["dataset"])) < 2:
        return gregory_loredo(time_s, clock)
    even = np.array([0.0, clock.total])
    odds = gregory_loredo(clock.before(time_s), LiveClock(even, even))
    if odds is None:
        return None
    start_s, stop_s = clock.time_at(odds.curve.start_s, "right"), clock.time_at(odds.curve.stop_s)
    return replace(odds, curve=replace(odds.curve, start_s=start_s, stop_s=stop_s))


def _live_arrivals(curve: LightCurve, clock: LiveClock) -> FloatArray:
    """Return the times of the arrivals while the clock runs."""
    time_s = np.zeros(0) if curve.arrivals is None else curve.arrivals.time_s
    return time_s[clock.good.contains(time_s)] if len(clock) else time_s[:0]


def _spread(time_s: FloatArray, clock: LiveClock, frame_s: float) -> FloatArray:
    """Return times anywhere in their frames, but while the clock runs."""
    spread = spread_over_frames(time_s, frame_s)
    return np.where(clock.good.contains(spread), spread, time_s)


def arrival_candidates(curve: LightCurve, limit: float = 1e-3) -> tuple[Candidate, ...]:
    """Return the flares and dips of the arrivals of a curve, in order of dataset and time.

    Each dataset is scanned on its own (:func:`hstlc.stats.arrival_scan.scan_arrivals`), so that a step from one to the
    next is none. ``counts`` are events of source and background together. The chance ``p`` of a window becomes
    ``1 - (1 - p) ** trials``, with the windows of all datasets as trials, of dips only those that would be one without
    any event. Windows overlap, so it is an upper bound: of constant sources fewer than ``limit`` have a candidate.

    Parameters
    ----------
    curve : LightCurve
        With arrivals.
    limit : float
        Probability, all trials counted, from which chance is believed.
    """
    if curve.arrivals is None:
        return ()
    whole, datasets = arrival_clock(curve), np.unique(curve["dataset"])
    frame_s = curve.arrivals.frame_s
    time_s = np.sort(_spread(_live_arrivals(curve, whole), whole, frame_s))
    parts: list[tuple[int, LiveClock, FloatArray, Windows]] = []
    for dataset in datasets.tolist():
        rows = curve["dataset"] == dataset
        own = Intervals.of(curve["times"][rows], (curve["times"] + curve["bins"])[rows])
        clock = whole if len(datasets) == 1 else _without_dead_ends(whole.within(own))
        if clock.total > 0:
            live_s = clock.before(time_s if len(datasets) == 1 else time_s[own.contains(time_s)])
            parts.append((dataset, clock, live_s, Windows.of(len(live_s), clock.total, _FRAMES * frame_s)))
    counted = np.array([windows.trials(limit) for *_, windows in parts], dtype=np.int64).reshape(-1, 2)
    flares, dips = np.sum(counted, axis=0).tolist()
    single = [-math.expm1(math.log1p(-limit) / max(trials, 1)) for trials in (flares, dips)]
    return tuple(
        _candidate(curve, dataset, clock, window, flares if window.flare else dips)
        for dataset, clock, live_s, windows in parts
        for window in scan_arrivals(live_s, clock.total, windows, *single)
    )


def _candidate(curve: LightCurve, dataset: int, clock: LiveClock, window: Window, trials: int) -> Candidate:
    start_s = float(clock.time_at(window.start_live_s, "right"))
    peak_s, end_s = (float(clock.time_at(at)) for at in (window.peak_live_s, window.stop_live_s))
    start_mjd, peak_mjd, end_mjd = (curve.reference.mjd + at / SECONDS_PER_DAY for at in (start_s, peak_s, end_s))
    return Candidate(
        kind="flare" if window.flare else "dip",
        dataset=dataset,
        start_mjd=start_mjd,
        peak_mjd=peak_mjd,
        end_mjd=end_mjd,
        duration_s=end_s - start_s,
        counts=window.counts,
        expected_counts=window.expected,
        peak_ratio=window.peak_ratio,
        probability=-math.expm1(trials * math.log1p(-window.chance)),
        trials=trials,
    )
