"""The event lists of an observation made ready: good events, where the detector was live, live time of each CCD."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.events.flares import high_energy_flares
from hstlc.events.good_times import in_own_good_time
from hstlc.events.live_clock import LiveClock
from hstlc.events.sky_index import SkyIndex
from hstlc.missions.xmm.hot_pixels import hot_pixels, on_hot_pixel, on_pn_border
from hstlc.missions.xmm.identify import real
from hstlc.missions.xmm.read import EpicEvents, EpicExposure
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.model import Intervals
from hstlc.regions import LiveMap, SkyPixels

__all__ = ["FieldList", "field_clock", "field_lists", "find_flares", "good_events", "pi_in", "without_times"]

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

#: Positions beyond are marks of events that have none (TNULL is -99999999).
_FARTHEST = 10_000_000

#: Columns that are needed when it is known which events are good.
_COUNTED = {"x", "y", "detx", "dety", "pi", "ccd"}

#: Events that show where the detector was live.
_SHOWN = 150_000


@dataclass(frozen=True, slots=True, eq=False)
class FieldList:
    """An event list ready to be counted; times are seconds after the origin of the observation.

    Attributes
    ----------
    events : EpicEvents
        Without the columns that tell which are good.
    shift_s : float, seconds
        From its own times to those of the observation.
    good : ndarray of bool, shape (n,)
        Which events are good and in good time.
    index : SkyIndex
        Of these.
    live : LiveMap
    sky : SkyPixels
    gti : mapping of int to Intervals
        Good times of each CCD.
    clocks : mapping of int to LiveClock
        Live time of each CCD.
    live_part : mapping of int to float
        Of each CCD the live part of a second without loss: 1, or less where the readout is dead time.
    """

    events: EpicEvents
    shift_s: float
    good: BoolArray
    index: SkyIndex
    live: LiveMap
    sky: SkyPixels
    gti: Mapping[int, Intervals]
    clocks: Mapping[int, LiveClock]
    live_part: Mapping[int, float]

    @property
    def camera(self) -> str:
        """``pn``, ``m1`` or ``m2``."""
        return self.events.camera

    @property
    def good_time(self) -> Intervals:
        """When any CCD was good."""
        return reduce(Intervals.union, self.gti.values(), Intervals.of([], []))

    def times(self, which: NDArray[np.int64] | BoolArray) -> FloatArray:
        """Return the times of some events, seconds."""
        return np.asarray(self.events.time_s[which] + self.shift_s)

    def times_in(self, band_kev: tuple[float, float]) -> FloatArray:
        """Return the times of the good events in a band, seconds."""
        return self.times(self.good & pi_in(self.events.columns["pi"], band_kev))


def pi_in(pi: NDArray[Any], band_kev: tuple[float, float]) -> BoolArray:
    """Tell which events are in a band; PI is whole eV, and the upper limit is not in it."""
    low, high = (math.ceil(round(limit * 1000.0, 6)) for limit in band_kev)  # whole numbers compare faster
    return np.asarray((pi >= low) & (pi < high))


def good_events(events: EpicEvents, settings: XmmSettings) -> BoolArray:
    """Tell which events count: by FLAG, PATTERN, pixel and position, whatever their energy and time.

    A column that the file has not leaves nothing out.
    """
    columns, pn = events.columns, events.camera == "pn"
    good = np.ones(len(events), dtype=bool)
    if "flag" in columns:
        good &= (columns["flag"] & np.int32(settings.flag_mask_pn if pn else settings.flag_mask_mos)) == 0
    if "pattern" in columns:
        good &= columns["pattern"] <= (settings.maximum_pattern_pn if pn else settings.maximum_pattern_mos)
    if "x" in columns and "y" in columns:
        good &= (np.abs(columns["x"]) < _FARTHEST) & (np.abs(columns["y"]) < _FARTHEST)
    submode = str(events.header.get("SUBMODE") or "")
    if "raw_x" in columns and "raw_y" in columns:
        raw_x, raw_y = columns["raw_x"], columns["raw_y"]
        revolution = _revolution(events.header.get("REVOLUT"))
        table = hot_pixels(settings.hot_pixels)
        good &= ~on_hot_pixel(table, events.camera, revolution, columns["ccd"], raw_x, raw_y)
        if pn and not settings.pn_borders:
            good &= ~on_pn_border(submode, raw_x, raw_y)
    if not pn and not settings.mos_central_ccd and submode.strip().upper() != "PRIMEFULLWINDOW":
        good &= columns["ccd"] != 1
    return good


def _revolution(value: object) -> int | None:
    try:
        return int(str(value))  # a text such as '0184' in primary headers
    except ValueError:
        return None


def field_lists(
    exposure: EpicExposure, kinds: Sequence[str], settings: XmmSettings, *, places: bool = True
) -> list[FieldList]:
    """Return the event lists of these kinds, ready to be counted, flares not taken out.

    With ``places=False`` only times matter: ``index`` and ``live`` are empty.
    """
    lists = [exposure.lists[kind] for kind in kinds]
    origin = min(events.start_met_s for events in lists)
    return [_ready(events, events.start_met_s - origin, settings, places) for events in lists]


def _ready(events: EpicEvents, shift_s: float, settings: XmmSettings, places: bool) -> FieldList:
    columns = events.columns
    good = good_events(events, settings)
    live = LiveMap(())
    if places:
        shown = np.flatnonzero(good)
        shown = shown[:: max(1, -(-len(shown) // _SHOWN))].copy()
        live = LiveMap.of_events(columns["x"][shown], columns["y"][shown], columns["ccd"][shown])
    good &= in_own_good_time(events.time_s, columns["ccd"], events.gti)
    gti = {ccd: Intervals.of(own.start + shift_s, own.stop + shift_s) for ccd, own in events.gti.items()}
    dead = events.camera in settings.readout_is_dead
    live_part = {
        ccd: events.integration_s[ccd] / events.frame_s[ccd] if dead and ccd in events.frame_s else 1.0 for ccd in gti
    }
    clocks = {ccd: _clock(events, ccd, shift_s, own, live_part[ccd]) for ccd, own in gti.items()}
    counted = {name: values for name, values in columns.items() if name in _COUNTED}
    return FieldList(
        replace(events, columns=counted),
        shift_s,
        good,
        SkyIndex(columns["x"], columns["y"], keep=good if places else np.zeros(len(good), dtype=bool)),
        live,
        events.sky,
        gti,
        clocks,
        live_part,
    )


def _clock(events: EpicEvents, ccd: int, shift_s: float, gti: Intervals, live_part: float) -> LiveClock:
    frames = events.frames.get(ccd)
    if frames is not None and len(frames):
        return LiveClock.of([(frames.shifted(shift_s).within(gti), live_part)])
    return LiveClock.of([(gti, _header_live_part(events, ccd))])


def _header_live_part(events: EpicEvents, ccd: int) -> float:
    """Return LIVETIME over ONTIME of a CCD, for lists without frames; 1 where the header does not say."""
    live = real(events.header, f"LIVETI{ccd:02d}") or real(events.header, "LIVETIME")
    on = real(events.header, f"ONTIME{ccd:02d}") or real(events.header, "ONTIME")
    return live / on if live and on and 0 < live <= on else 1.0


def without_times(ready: FieldList, bad: Intervals) -> FieldList:
    """Return a list without some times: its events and its live time."""
    if not len(bad):
        return ready
    start, stop = float(bad.start[0]) - 1.0, float(bad.stop[-1]) + 1.0
    for own in ready.gti.values():
        if len(own):
            start, stop = min(start, float(own.start[0])), max(stop, float(own.stop[-1]))
    kept = bad.complement(start, stop)
    good = ready.good.copy()
    good[good] = kept.contains(ready.times(good))
    columns = ready.events.columns
    return replace(
        ready,
        good=good,
        index=SkyIndex(columns["x"], columns["y"], keep=good),
        gti={ccd: own.intersect(kept) for ccd, own in ready.gti.items()},
        clocks={ccd: clock.within(kept) for ccd, clock in ready.clocks.items()},
    )


def field_clock(ready: FieldList) -> LiveClock:
    """Return the live time of the whole field: that of the CCDs, each with its share of the good events."""
    own = ready.events.columns["ccd"][ready.good]
    shares = {ccd: float(np.count_nonzero(own == ccd)) for ccd in ready.clocks}
    total = sum(shares.values())
    if total == 0:
        shares, total = dict.fromkeys(ready.clocks, 1.0), float(max(len(ready.clocks), 1))
    return LiveClock.of([(ready.clocks[ccd], share / total) for ccd, share in shares.items() if share > 0])


def find_flares(lists: Sequence[FieldList], settings: XmmSettings) -> Intervals:
    """Return the background flares of an observation.

    All lists together are compared with the threshold times the number of cameras, in bins of the live time of the list
    that has most of it.
    """
    if settings.flares == "off" or not lists:
        return Intervals.of([], [])
    clocks = [field_clock(ready) for ready in lists]
    longest = max(range(len(lists)), key=lambda number: clocks[number].total)
    if clocks[longest].total <= 0:
        return Intervals.of([], [])
    times = [ready.times_in(settings.flare_energy_kev) for ready in lists]
    cameras = len({ready.camera for ready in lists})
    threshold = settings.flare_rate_ct_s * cameras
    return high_energy_flares(np.concatenate(times), clocks[longest], threshold, settings.flare_bin_s)
