"""Light curves of one source of a Chandra field, in every band, and what describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.aperture import aperture_curve, arrivals_of, with_limits
from hstlc.lightcurves.stamps import detector_stamp, sky_box, sky_stamp
from hstlc.missions.base import SourceCurves
from hstlc.missions.chandra.field import Field
from hstlc.missions.chandra.identify import real
from hstlc.missions.chandra.mission_settings import ChandraSettings
from hstlc.missions.chandra.sources import LocatedSource
from hstlc.model import HardnessRatio, Intervals, LightCurve, Source, Stamp
from hstlc.regions import SkyPixels, off_axis
from hstlc.stats.hardness import hardness_ratio

__all__ = [
    *("NO_TIME", "Task", "band_curve", "band_keywords", "in_band", "source_curves", "stamps_of"),
    "without_flares",
]

FloatArray = NDArray[np.float64]
Rows = NDArray[np.int64]
Range = tuple[float, float]

#: Hardness ratios of the source catalog, ``hard_hm``, ``hard_hs`` and ``hard_ms``.
_RATIOS = (("hard", "medium"), ("hard", "soft"), ("medium", "soft"))

NO_TIME = Intervals.of([], [])

#: Nearer to the axis there is no direction from it.
_ON_AXIS_ARCMIN = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What all curves of an exposure share."""

    ready: Field
    settings: ChandraSettings
    edges_s: FloatArray
    bands: Mapping[str, Range]
    lead: str
    keywords: Mapping[str, Any]


def in_band(task: Task, rows: Rows, band_kev: Range) -> NDArray[np.bool_]:
    """Tell for each row whether its energy is in a band; without energies all are."""
    energy = task.ready.events.columns.get("energy_kev")
    if energy is None:
        return np.ones(len(rows), dtype=bool)
    chosen = energy[rows]
    return np.asarray((chosen >= band_kev[0]) & (chosen < band_kev[1]))


def without_flares(
    task: Task, clock: LiveClock, time_s: FloatArray, flares: Intervals
) -> tuple[LiveClock, FloatArray, Intervals]:
    """Return clock and times without flares where they are to be cut, and the flares that are only to be marked."""
    if task.settings.flares != "cut" or not len(flares):
        return clock, time_s, flares
    kept = _outside(clock, flares)
    return clock.within(kept), time_s[kept.contains(time_s)], NO_TIME


def _outside(clock: LiveClock, flares: Intervals) -> Intervals:
    return flares.complement(float(clock.time_s[0]), float(clock.time_s[-1]))


def band_keywords(task: Task, band: str) -> dict[str, Any]:
    """Return the keywords that say which band a curve is of."""
    low, high = task.bands[band]
    return {"BAND": band, "EMIN": low, "EMAX": high}


def source_curves(task: Task, source: LocatedSource, flares: Intervals) -> SourceCurves:
    """Return the light curves of a source in every band, with arrivals, and with pictures in the leading one.

    Parameters
    ----------
    task : Task
    source : LocatedSource
    flares : Intervals
        Background flares on its chips.
    """
    curves = with_limits({band: band_curve(task, source, flares, band) for band in task.bands})
    curves[task.lead] = replace(curves[task.lead], stamps=stamps_of(task.ready, source))
    return SourceCurves(_described(task, source, curves), curves, task.lead)


def band_curve(task: Task, source: LocatedSource, flares: Intervals, band: str) -> LightCurve:
    """Return the light curve of a source in a band, with arrivals, without pictures and limits of the rates."""
    ready, limits = task.ready, task.bands[band]
    clock = ready.clock(dict(source.weights))
    beside = ready.clock(dict(source.background_weights))
    rows = source.rows[in_band(task, source.rows, limits)]
    beside_rows = source.background_rows[in_band(task, source.background_rows, limits)]
    times = ready.events.time_s
    rows = rows[np.argsort(times[rows], kind="stable")]
    own_clock, time_s, marked = without_flares(task, clock, times[rows], flares)
    if len(time_s) < len(rows):
        rows = rows[_outside(clock, flares).contains(times[rows])]
    beside_clock, beside_s, _ = without_flares(task, beside, np.sort(times[beside_rows]), flares)
    energy = ready.events.columns.get("energy_kev")
    arrivals = arrivals_of(time_s, None if energy is None else energy[rows], own_clock, ready.events.frame_s)
    return aperture_curve(
        task.edges_s,
        source_time_s=time_s,
        background_time_s=beside_s,
        scale=source.scale,
        clock=own_clock,
        reference=ready.events.reference,
        background_clock=beside_clock if source.background_weights != source.weights else None,
        dead_time_factor=ready.live_part,
        minimum_fraction=task.settings.minimum_fraction,
        flares=marked,
        meta={
            **task.keywords,
            "RA_TARG": source.ra_deg,
            "DEC_TARG": source.dec_deg,
            "SRCNAME": source.name,
            **band_keywords(task, band),
            "NEVENTS": len(ready.events),
            "NSOURCE": len(time_s),
            "NBACKGR": len(beside_s),
            "LIVETIME": own_clock.total,
        },
        arrivals=arrivals,
        limits=False,
    )


def stamps_of(ready: Field, source: LocatedSource) -> tuple[Stamp, ...]:
    """Return pictures of the sky around a source, background and all, and of where on the detector its events fell."""
    assert ready.index is not None
    columns, sky = ready.events.columns, ready.events.sky
    scale = sky.scale_arcsec if sky is not None else 0.0
    near = ready.index.within(sky_box(source.region.bounds))
    stamps = [sky_stamp(columns["x"][near], columns["y"][near], source.region, scale_arcsec=scale)]
    pair = next((pair for pair in (("det_x", "det_y"), ("chip_x", "chip_y")) if set(pair) <= columns.keys()), None)
    if pair is not None:
        x, y = (columns[name][source.rows].astype(np.float64) for name in pair)
        stamps.append(detector_stamp(x, y, scale_arcsec=scale))
    return tuple(stamps)


def _described(task: Task, source: LocatedSource, curves: Mapping[str, LightCurve]) -> Source:
    sky, header, lead = task.ready.events.sky, task.ready.events.header, curves[task.lead]
    pointing = [real(header, key) for key in ("RA_PNT", "DEC_PNT", "ROLL_PNT")]
    offaxis = None
    extra: dict[str, Any] = {
        **source.extra,
        "live_part_of_region": round(source.live_part, 4),
        "chips": {str(number): round(part, 4) for number, part in sorted(source.weights.items())},
    }
    if sky is not None and pointing[0] is not None and pointing[1] is not None:
        step = sky.scale_arcsec / 3600.0
        plane = SkyPixels(pointing[0], pointing[1], 0.0, 0.0, -step, step, pointing[2] or 0.0)
        theta, phi = off_axis(plane, source.ra_deg, source.dec_deg)
        offaxis = float(theta)
        if offaxis > _ON_AXIS_ARCMIN:
            extra["phi_deg"] = round(float(phi), 4)
    return Source(
        name=source.name,
        ra_deg=source.ra_deg,
        dec_deg=source.dec_deg,
        catalogue=source.catalogue,
        number=source.number,
        region=source.region.ds9(sky) if sky is not None else "",
        background_region=source.background.ds9(sky) if sky is not None and source.background is not None else "",
        counts=int(lead["source_events"].sum()),
        background_counts=int(lead["background_events"].sum()),
        scale=source.scale,
        exposure_s=float(lead["exposure"].sum()),
        offaxis_arcmin=offaxis,
        extra=extra,
        hardness=_hardness(source, curves),
    )


def _hardness(source: LocatedSource, curves: Mapping[str, LightCurve]) -> tuple[HardnessRatio, ...]:
    """Return the hardness ratios of the bands that are there, from the counts of whole curves."""
    ratios = []
    for hard, soft in _RATIOS:
        if hard in curves and soft in curves:
            counts = [
                int(curves[band][column].sum())
                for column in ("source_events", "background_events")
                for band in (hard, soft)
            ]
            ratios.append(
                HardnessRatio(hard, soft, *hardness_ratio(counts[0], counts[1], counts[2], counts[3], source.scale))
            )
    return tuple(ratios)
