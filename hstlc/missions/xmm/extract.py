"""EPIC observations to light curves: of the whole field, and of every source by band and camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UnsupportedModeError, UsageError
from hstlc.events import bin_edges
from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.aperture import counted_curve, counts_in
from hstlc.lightcurves.cameras import common_times
from hstlc.missions.base import Extraction
from hstlc.missions.energy_bands import parse_bands, widest
from hstlc.missions.xmm.aperture import joined_clock
from hstlc.missions.xmm.curve_keywords import camera_keywords, field_keywords
from hstlc.missions.xmm.field import FieldList, field_clock, field_lists, find_flares, without_times
from hstlc.missions.xmm.read import EpicExposure
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.missions.xmm.shared_field import SharedField, in_cameras, summed_cameras
from hstlc.missions.xmm.source_curves import source_curves
from hstlc.missions.xmm.usable import usable_kinds
from hstlc.model import Finding, Intervals, LightCurve

__all__ = ["STEP_VERSION", "extract", "field_edges", "longest_live_s", "shared_field", "whole_field"]

#: Raised when the same input gives other numbers.
STEP_VERSION = 1

#: Bins of fewer frames are made whole frames long.
_FEW_FRAMES = 20

FloatArray = NDArray[np.float64]


def extract(exposure: EpicExposure, settings: XmmSettings, selection: None = None) -> Extraction:  # noqa: ARG001
    """Make the light curves of an EPIC observation.

    Times count from the start of the first event list, in TT at the spacecraft. A band of a camera is called
    ``pn_broad``, ``m1_broad``, ``m2_broad``; ``ep_broad`` is the sum of the cameras over the time that all share.

    Parameters
    ----------
    exposure : EpicExposure
        With at least one usable event list.
    settings : XmmSettings
    selection : None
        Whole observations make no composites.

    Returns
    -------
    Extraction
        ``curve`` is of the whole field in the widest band, background and all.

    Raises
    ------
    UsageError
        ``usage.bin-width``, ``usage.region``, ``usage.hot-pixels``.
    UnsupportedModeError
        ``data.no-events``: no event list can be used.
    """
    field, flare_s = shared_field(exposure, settings)
    findings: list[Finding] = []
    curve = whole_field(field)
    sources = source_curves(field, exposure, findings)
    extra = {"sources": len(sources), "flare_s": flare_s, "cameras": sorted({ready.camera for ready in field.lists})}
    return Extraction(curve, tuple(findings), extra, sources=sources)


def shared_field(exposure: EpicExposure, settings: XmmSettings) -> tuple[SharedField, float]:
    """Return what all light curves of an observation share, and how long the flares are, in seconds.

    Raises
    ------
    UsageError, UnsupportedModeError
        As :func:`extract`.
    """
    kinds = [kind for kind in usable_kinds(exposure) if kind.partition("_")[0] in settings.cameras]
    if not kinds:
        names = ", ".join(file.path.name for file in exposure.files)
        raise UnsupportedModeError(
            "data.no-events",
            f"{names}: no event list of {', '.join(settings.cameras)} with events in good time",
            "run 'hstlc check' on them",
        )
    lists = field_lists(exposure, kinds, settings)
    flares = find_flares(lists, settings)
    flare_s = flares.total
    if settings.flares == "cut":
        cut = [without_times(ready, flares) for ready in lists]
        if any(ready.good_time.total > 0 for ready in cut):
            lists, flares = cut, Intervals.of([], [])
    bands = parse_bands(settings.bands)
    field = SharedField(
        lists,
        field_edges(lists, settings.bin_width_s),
        bands,
        widest(bands),
        flares,
        settings,
        field_keywords(exposure, [ready.events for ready in lists], settings, STEP_VERSION),
    )
    return field, flare_s


def longest_live_s(exposure: EpicExposure, settings: XmmSettings) -> float | None:
    """Return the live time of the light curve of the whole field, seconds; None where there is none."""
    kinds = usable_kinds(exposure)
    if not kinds:
        return None
    lists = field_lists(exposure, kinds, settings, places=False)
    return _summed_clock(in_cameras(lists), settings)[1].total


def field_edges(lists: Sequence[FieldList], width_s: float) -> FloatArray:
    """Return edges of bins from the first to the last good time; bins of a few frames are whole frames long.

    The times of events are random within their frame, so that bins need not begin with one.
    """
    frame_s = max(ready.events.longest_frame_s for ready in lists)
    if width_s < frame_s * (1 - 1e-6):
        raise UsageError(
            "usage.bin-width",
            f"a bin of {width_s:g} s is shorter than a readout frame of {frame_s:.6g} s",
            f"give a width of at least {frame_s:.6g} s, or take a camera of shorter frames alone",
            finest_s=frame_s,
        )
    if frame_s and width_s < _FEW_FRAMES * frame_s:
        width_s = frame_s * round(width_s / frame_s)
    good = [ready.good_time for ready in lists if len(ready.good_time)]
    start = min(float(gti.start[0]) for gti in good)
    stop = max(float(gti.stop[-1]) for gti in good)
    return start + bin_edges(stop - start, width_s)


def _summed_clock(
    cameras: Mapping[str, Sequence[FieldList]], settings: XmmSettings
) -> tuple[list[str], LiveClock, Intervals]:
    """Return the cameras that the curve of the whole field adds, the mean of their clocks, and their common time."""
    gtis = {name: reduce(Intervals.union, (ready.good_time for ready in some)) for name, some in cameras.items()}
    names = summed_cameras(gtis, settings.minimum_common_fraction)
    common = common_times([gtis[name] for name in names])
    clocks = [joined_clock([field_clock(ready) for ready in cameras[name]]).within(common) for name in names]
    return names, LiveClock.of([(clock, 1.0 / len(clocks)) for clock in clocks]), common


def whole_field(field: SharedField) -> LightCurve:
    """Return the light curve of all good events of the widest band; live time is the mean of the cameras'."""
    cameras = in_cameras(field.lists)
    names, clock, common = _summed_clock(cameras, field.settings)
    band = field.bands[field.lead]
    time_s = np.sort(np.concatenate([ready.times_in(band) for name in names for ready in cameras[name]]))
    time_s = time_s[common.contains(time_s)]
    edges_s = field.edges_s
    live_part = float(np.mean([max(cameras[name][0].live_part.values()) for name in names]))
    curve = counted_curve(
        edges_s,
        clock.between(edges_s),
        counts_in(edges_s, time_s),
        np.zeros(len(edges_s) - 1),
        0.0,
        reference=field.reference,
        gti=common,
        capacity_s=np.diff(edges_s) * live_part,
        minimum_fraction=field.settings.minimum_fraction,
        flares=field.flares,
        meta={
            **field.keywords,
            **camera_keywords([cameras[name][0].events for name in names]),
            **field.band_keywords(field.lead),
            "NEVENTS": sum(len(ready.events) for ready in field.lists),
            "NSOURCE": len(time_s),
            "LIVETIME": clock.total,
        },
    )
    np.minimum(curve["fraction"], 1.0, out=curve["fraction"])  # frames and bins do not end together
    return curve
