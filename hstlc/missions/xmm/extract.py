"""EPIC observations to light curves: of the whole field, and of every source by band and camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UnsupportedModeError, UsageError
from hstlc.events import bin_edges
from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.aperture import counted_curve, counts_in
from hstlc.lightcurves.cameras import common_times, sum_arrivals, sum_curves
from hstlc.lightcurves.stamps import detector_stamp, sky_box, sky_stamp
from hstlc.missions.base import Extraction, SourceCurves
from hstlc.missions.energy_bands import parse_bands, widest
from hstlc.missions.xmm.aperture import Aperture, aperture, arrivals_in, band_curve, joined_clock, within
from hstlc.missions.xmm.curve_keywords import camera_keywords, field_keywords
from hstlc.missions.xmm.field import FieldList, field_clock, field_lists, find_flares, without_times
from hstlc.missions.xmm.identify import real
from hstlc.missions.xmm.read import EpicExposure
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.missions.xmm.sources import FieldSource, circles_of, field_sources, regions_of
from hstlc.missions.xmm.usable import usable_kinds
from hstlc.model import Finding, HardnessRatio, Intervals, LightCurve, Severity, Source
from hstlc.regions import SkyPixels, off_axis
from hstlc.stats.hardness import hardness_ratio

__all__ = ["STEP_VERSION", "extract", "longest_live_s"]

#: Raised when the same input gives other numbers.
STEP_VERSION = 1

#: Bins of fewer frames are made whole frames long.
_FEW_FRAMES = 20

#: What the picture of the detector shows beside the events: a pixel of pn, in those of DETX.
_DETECTOR_MARGIN = 82.0

_RATIOS = (("hard", "medium"), ("hard", "soft"), ("medium", "soft"))
_CAMERA_ORDER = ("pn", "m1", "m2")

FloatArray = NDArray[np.float64]
Bands = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """What all sources of an observation share."""

    lists: Sequence[FieldList]
    edges_s: FloatArray
    bands: Bands
    lead: str
    flares: Intervals
    settings: XmmSettings
    keywords: Mapping[str, Any]


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
    if settings.flares == "cut":
        cut = [without_times(ready, flares) for ready in lists]
        if any(ready.good_time.total > 0 for ready in cut):
            lists, flares = cut, Intervals.of([], [])
    edges_s = _edges(lists, settings.bin_width_s)
    bands = parse_bands(settings.bands)
    lead = widest(bands)
    keywords = field_keywords(exposure, [ready.events for ready in lists], settings, STEP_VERSION)
    field = _Field(lists, edges_s, bands, lead, flares, settings, keywords)
    findings: list[Finding] = []
    curve = _whole_field(field)
    live_s = max(field_clock(ready).total for ready in lists)
    sources = _source_curves(field, exposure, live_s, findings)
    extra = {"sources": len(sources), "flare_s": flares.total, "cameras": sorted({ready.camera for ready in lists})}
    return Extraction(curve, tuple(findings), extra, sources=sources)


def longest_live_s(exposure: EpicExposure, settings: XmmSettings) -> float | None:
    """Return the live time of the light curve of the whole field, seconds; None where there is none."""
    kinds = usable_kinds(exposure)
    if not kinds:
        return None
    lists = field_lists(exposure, kinds, settings, places=False)
    clock = _summed_clock(_in_cameras(lists), settings)[1]
    return clock.total


def _edges(lists: Sequence[FieldList], width_s: float) -> FloatArray:
    """Return edges of bins from the first to the last good time; bins of a few frames are whole frames long.

    The times of events are random within their frame, so that bins need not begin with one.
    """
    frame_s = max(ready.events.longest_frame_s for ready in lists)
    if width_s < frame_s * (1 - 1e-6):
        raise UsageError(
            "usage.bin-width",
            f"a bin of {width_s:g} s is shorter than a readout frame of {frame_s:.6g} s",
            f"give a width of at least {frame_s:.6g} s",
        )
    if frame_s and width_s < _FEW_FRAMES * frame_s:
        width_s = frame_s * round(width_s / frame_s)
    good = [ready.good_time for ready in lists if len(ready.good_time)]
    start = min(float(gti.start[0]) for gti in good)
    stop = max(float(gti.stop[-1]) for gti in good)
    return start + bin_edges(stop - start, width_s)


def _in_cameras(lists: Sequence[FieldList]) -> dict[str, list[FieldList]]:
    found = {camera: [ready for ready in lists if ready.camera == camera] for camera in _CAMERA_ORDER}
    return {camera: some for camera, some in found.items() if some}


def _shared(gtis: Mapping[str, Intervals], minimum: float) -> list[str]:
    """Return the cameras whose curves can be added: the longest, and those that share enough time with all before."""
    order = sorted(gtis, key=lambda camera: (-gtis[camera].total, _CAMERA_ORDER.index(camera)))
    chosen, common = order[:1], gtis[order[0]]
    for camera in order[1:]:
        both = common.intersect(gtis[camera])
        if both.total > 0 and both.total >= minimum * gtis[camera].total and both.total >= minimum * common.total:
            chosen.append(camera)
            common = both
    return [camera for camera in _CAMERA_ORDER if camera in chosen]


def _summed_clock(
    cameras: Mapping[str, Sequence[FieldList]], settings: XmmSettings
) -> tuple[list[str], LiveClock, Intervals]:
    """Return the cameras that the curve of the whole field adds, the mean of their clocks, and their common time."""
    gtis = {name: reduce(Intervals.union, (ready.good_time for ready in some)) for name, some in cameras.items()}
    names = _shared(gtis, settings.minimum_common_fraction)
    common = common_times([gtis[name] for name in names])
    clocks = [joined_clock([field_clock(ready) for ready in cameras[name]]).within(common) for name in names]
    return names, LiveClock.of([(clock, 1.0 / len(clocks)) for clock in clocks]), common


def _whole_field(field: _Field) -> LightCurve:
    """Return the light curve of all good events of the widest band; live time is the mean of the cameras'."""
    cameras = _in_cameras(field.lists)
    names, clock, common = _summed_clock(cameras, field.settings)
    rows = [(ready, ready.in_band(ready.rows, field.bands[field.lead])) for name in names for ready in cameras[name]]
    time_s = np.sort(np.concatenate([ready.times(some) for ready, some in rows]))
    time_s = time_s[common.contains(time_s)]
    edges_s = field.edges_s
    live_part = float(np.mean([max(cameras[name][0].live_part.values()) for name in names]))
    curve = counted_curve(
        edges_s,
        clock.between(edges_s),
        counts_in(edges_s, time_s),
        np.zeros(len(edges_s) - 1),
        0.0,
        reference=_reference(field),
        gti=common,
        capacity_s=np.diff(edges_s) * live_part,
        minimum_fraction=field.settings.minimum_fraction,
        flares=field.flares,
        meta={
            **field.keywords,
            **camera_keywords([cameras[name][0].events for name in names]),
            **_band_keywords(field, field.lead),
            "NEVENTS": sum(len(ready.events) for ready in field.lists),
            "NSOURCE": len(time_s),
            "LIVETIME": clock.total,
        },
    )
    np.minimum(curve["fraction"], 1.0, out=curve["fraction"])
    return replace(curve, arrivals=None)


def _reference(field: _Field) -> Any:
    first = min((ready.events for ready in field.lists), key=lambda events: events.start_met_s)
    return first.reference


def _band_keywords(field: _Field, band: str) -> dict[str, Any]:
    low, high = field.bands[band]
    return {"BAND": band, "EMIN": low, "EMAX": high}


def _source_curves(
    field: _Field, exposure: EpicExposure, live_s: float, findings: list[Finding]
) -> tuple[SourceCurves, ...]:
    sky = field.lists[0].sky
    wanted, every = field_sources(exposure.source_list, field.settings, sky, live_s)
    circles = {ready.sky: circles_of(every, ready.sky) for ready in field.lists}
    made = []
    for source in wanted:
        apertures: dict[str, list[Aperture]] = {}
        problem = ""
        for camera, lists in _in_cameras(field.lists).items():
            for ready in lists:
                region, background, why = regions_of(source, circles[ready.sky], field.settings, ready.sky)
                problem = problem or why
                seen = aperture(ready, region, background)
                if seen is not None:
                    apertures.setdefault(camera, []).append(seen)
        if not apertures:
            message = f"{source.name}: no camera sees it in good time"
            findings.append(Finding("source", Severity.FLAG, "Source not seen", message))
            continue
        if problem:
            message = f"{source.name}: {problem}; nothing is subtracted"
            findings.append(Finding("source", Severity.FLAG, "No background region", message))
        made.append(_source(field, source, apertures))
    return tuple(made)


def _source(field: _Field, source: FieldSource, apertures: Mapping[str, Sequence[Aperture]]) -> SourceCurves:
    gtis = {name: reduce(Intervals.union, (seen.gti for seen in some)) for name, some in apertures.items()}
    summed = _shared(gtis, field.settings.minimum_common_fraction)
    common = common_times([gtis[name] for name in summed])
    inside = {name: [within(seen, common) for seen in apertures[name]] for name in summed}
    several = len(summed) > 1 and all(_live(some) > 0 for some in inside.values())
    lead_camera = "ep" if several else summed[0]
    ra_deg, dec_deg = source.ra_deg, source.dec_deg
    placed = {"RA_TARG": ra_deg, "DEC_TARG": dec_deg, "SRCNAME": source.name}
    make = partial(
        band_curve,
        edges_s=field.edges_s,
        reference=_reference(field),
        minimum_fraction=field.settings.minimum_fraction,
        flares=field.flares,
    )
    curves: dict[str, LightCurve] = {}
    for band, limits in field.bands.items():
        keywords = {**field.keywords, **placed, **_band_keywords(field, band)}
        if several:
            parts = [make(inside[name], limits, meta={}) for name in summed]
            meta = {**keywords, **camera_keywords([inside[name][0].ready.events for name in summed])}
            total = sum_curves(parts, minimum_fraction=field.settings.minimum_fraction, meta=meta)
            clocks = [arrivals_in(inside[name], limits) for name in summed]
            arrivals = sum_arrivals([one for one, _ in clocks], [clock for _, clock in clocks])
            curves[f"ep_{band}"] = _counted(replace(total, arrivals=arrivals), f"ep_{band}")
        for name, some in apertures.items():
            meta = {**keywords, **camera_keywords([some[0].ready.events])}
            curve = make(some, limits, meta=meta)
            curves[f"{name}_{band}"] = _counted(replace(curve, arrivals=arrivals_in(some, limits)[0]), f"{name}_{band}")
    lead = f"{lead_camera}_{field.lead}"
    leading = [seen for name in summed for seen in inside[name]] if several else list(apertures[summed[0]])
    curves[lead] = replace(curves[lead], stamps=_stamps(leading))
    return SourceCurves(_described(source, curves, lead_camera, lead, leading), curves, lead)


def _live(apertures: Sequence[Aperture]) -> float:
    return sum(seen.clock.total for seen in apertures)


def _counted(curve: LightCurve, band: str) -> LightCurve:
    """Return a curve with keywords that say what is in it."""
    meta = {
        **curve.meta,
        "BAND": band,
        "FRAMETIM": curve.arrivals.frame_s if curve.arrivals is not None and curve.arrivals.frame_s else None,
        "NSOURCE": int(curve["source_events"].sum()),
        "NBACKGR": int(curve["background_events"].sum()),
        "LIVETIME": float(curve["exposure"].sum()),
    }
    return replace(curve, meta=meta)


def _stamps(apertures: Sequence[Aperture]) -> tuple[Any, ...]:
    first = apertures[0]
    same = [seen for seen in apertures if seen.ready.sky == first.ready.sky]
    box = sky_box(first.region.bounds)
    x, y = [], []
    for seen in same:
        rows = seen.ready.index.within(box)
        x.append(seen.ready.events.columns["x"][rows])
        y.append(seen.ready.events.columns["y"][rows])
    scale = first.ready.sky.scale_arcsec
    stamps = [sky_stamp(np.concatenate(x), np.concatenate(y), first.region, scale_arcsec=scale)]
    columns = first.ready.events.columns
    if "detx" in columns and "dety" in columns:
        rows = first.source_rows
        det = (columns[name][rows].astype(np.float64) for name in ("detx", "dety"))
        stamps.append(detector_stamp(*det, scale_arcsec=scale, margin=_DETECTOR_MARGIN))
    return tuple(stamps)


def _described(
    source: FieldSource, curves: Mapping[str, LightCurve], camera: str, lead: str, apertures: Sequence[Aperture]
) -> Source:
    first, curve = apertures[0], curves[lead]
    sky, header = first.ready.sky, first.ready.events.header
    background_events = float(curve["background_events"].sum())
    background = float(curve["background"].sum())
    pointing = [real(header, key) for key in ("RA_PNT", "DEC_PNT", "PA_PNT")]
    offaxis = None
    if pointing[0] is not None and pointing[1] is not None:
        step = sky.scale_arcsec / 3600.0
        plane = SkyPixels(pointing[0], pointing[1], 0.0, 0.0, -step, step, pointing[2] or 0.0)
        offaxis = float(off_axis(plane, source.ra_deg, source.dec_deg)[0])
    extra = {
        **source.extra,
        "cameras": sorted({seen.ready.camera for seen in apertures}),
        "live_part_of_region": {seen.ready.events.kind: round(seen.part, 4) for seen in apertures},
    }
    return Source(
        name=source.name,
        ra_deg=source.ra_deg,
        dec_deg=source.dec_deg,
        catalogue=source.catalogue,
        number=source.number,
        region=first.region.ds9(sky),
        background_region=first.background.ds9(sky) if first.background is not None else "",
        significance=source.significance,
        counts=int(curve["source_events"].sum()),
        background_counts=int(background_events),
        scale=background / background_events if background_events else first.scale,
        exposure_s=float(curve["exposure"].sum()),
        offaxis_arcmin=offaxis,
        extra=extra,
        hardness=_hardness(curves, camera),
    )


def _hardness(curves: Mapping[str, LightCurve], camera: str) -> tuple[HardnessRatio, ...]:
    """Return the hardness ratios of the bands that are there, from the counts of whole curves."""
    found = []
    for hard, soft in _RATIOS:
        pair = [curves.get(f"{camera}_{band}") for band in (hard, soft)]
        if pair[0] is None or pair[1] is None:
            continue
        of_hard, of_soft = (int(curve["source_events"].sum()) for curve in pair if curve is not None)
        by_hard, by_soft = (int(curve["background_events"].sum()) for curve in pair if curve is not None)
        expected = sum(float(curve["background"].sum()) for curve in pair if curve is not None)
        scale = expected / (by_hard + by_soft) if by_hard + by_soft else 0.0
        found.append(HardnessRatio(hard, soft, *hardness_ratio(of_hard, of_soft, by_hard, by_soft, scale)))
    return tuple(found)
