"""Flags of times: order, gaps, and what lies outside the time in which the detector was on."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.missions.hst.checks.rejections import Found, HstExposure, beyond_exposure
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import Intervals

#: More than a tick of any clock, of which an event is said to have the middle or the end.
MARGIN_S = 0.1


def slight_disorder(exposure: HstExposure, _: HstSettings) -> Found:
    """Small steps back in time: harmless, but recorded."""
    for name, events in exposure.lists:
        times = events.times
        if times.back and not times.invalid:
            what = f"{times.back} of {len(events)} times are earlier than the one before"
            yield name, f"{what}, by up to {times.step_back_s:.6f} s"


def outside_good_time(exposure: HstExposure, _: HstSettings) -> Found:
    """Events outside the good time intervals: left out of the curve."""
    for name, events in exposure.lists:
        outside = events.times.outside
        if outside:
            yield name, f"{outside} of {len(events)} events lie outside the good time intervals and are left out"


def outside_exposure(exposure: HstExposure, _: HstSettings) -> Found:
    """Events before the start or after the end that the header states."""
    for name, events in exposure.lists:
        beyond, length_s = beyond_exposure(events)
        if beyond:
            yield name, f"{beyond} of {len(events)} events lie outside the {length_s:.1f} s from EXPSTART to EXPEND"


def interrupted_time(exposure: HstExposure, settings: HstSettings) -> Found:
    """Good time with long gaps; short ones are harmless, as a bin knows its live time."""
    for name, events in exposure.lists:
        gti = events.gti
        span_s = float(gti.stop[-1] - gti.start[0]) if len(gti) else 0.0
        if gti.total < settings.minimum_live_fraction * span_s:
            gap_s = float((gti.start[1:] - gti.stop[:-1]).max())
            what = f"{len(gti)} good time intervals with {gti.total:.1f} of {span_s:.1f} s"
            yield name, f"{what}; the longest gap is {gap_s:.1f} s"


def silence(exposure: HstExposure, settings: HstSettings) -> Found:
    """Good time without events for so long that the detector was off, or that data are lost.

    A list of n events in a good time T has about ``n exp(-n s / T)`` stretches longer than s without events.
    """
    for name, events in exposure.lists:
        times, live_s = events.times, events.gti.total
        if times.invalid or times.step_back_s > settings.maximum_silence_s or not (len(events) and live_s):
            continue
        ends_s = times.first_s - events.gti.start[0], events.gti.stop[-1] - times.latest_s + times.step_back_s
        if max(times.gap_s, *ends_s) <= settings.maximum_silence_s - MARGIN_S:
            continue  # seen by the look at all times that others took
        number = len(events) - times.outside
        start_s, length_s = _longest_silence(events.blocks("TIME"), events.gti, settings.maximum_silence_s)
        if length_s and number * exp(-number * length_s / live_s) < settings.silence_probability:
            yield (
                name,
                f"no event for {length_s:.1f} s of good time from {start_s:.1f} s on, {number} in {live_s:.1f} s",
            )


def _longest_silence(
    blocks: Iterator[tuple[NDArray[Any], ...]], gti: Intervals, shortest_s: float
) -> tuple[float, float]:
    """Return start and length of the longest good time without events, of those longer than ``shortest_s``; else 0."""
    starts, stops, last = [], [], float(gti.start[0])
    for (stamps,) in blocks:
        times_s = np.concatenate(([last], stamps))
        longer = np.flatnonzero(np.diff(times_s) > shortest_s)
        starts += list(times_s[longer])
        stops += list(times_s[longer + 1])
        last = float(times_s[-1])
    if gti.stop[-1] - last > shortest_s:
        starts.append(last)
        stops.append(float(gti.stop[-1]))
    best_s, best_start_s = shortest_s, 0.0
    for length_s, start_s, stop_s in sorted(zip(np.subtract(stops, starts), starts, stops, strict=True), reverse=True):
        if length_s <= best_s:
            break  # no part of a shorter one is longer
        good = gti.intersect(Intervals.of([start_s], [stop_s]))
        if len(good) and (good.stop - good.start).max() > best_s:
            worst = int(np.argmax(good.stop - good.start))
            best_s, best_start_s = float(good.stop[worst] - good.start[worst]), float(good.start[worst])
    return (best_start_s, best_s) if best_s > shortest_s else (0.0, 0.0)
