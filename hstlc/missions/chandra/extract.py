"""Chandra exposures to light curves: of the whole field, and of every source by band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UnsupportedModeError
from hstlc.events.binning import bin_edges
from hstlc.events.frames import Frames
from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.aperture import aperture_curve, arrivals_of
from hstlc.lightcurves.stamps import detector_stamp, sky_box, sky_stamp
from hstlc.missions.base import Extraction, SourceCurves
from hstlc.missions.chandra.background_flares import find_flares
from hstlc.missions.chandra.curve_keywords import exposure_keywords
from hstlc.missions.chandra.exposure import ChandraExposure
from hstlc.missions.chandra.field import Field, field_of
from hstlc.missions.chandra.identify import real
from hstlc.missions.chandra.mission_settings import ChandraSettings, bands_of
from hstlc.missions.chandra.sources import LocatedSource, located_sources
from hstlc.missions.energy_bands import widest
from hstlc.model import Finding, HardnessRatio, Intervals, LightCurve, Severity, Source, Stamp
from hstlc.regions import SkyPixels, off_axis
from hstlc.stats.hardness import hardness_ratio

__all__ = ["STEP_VERSION", "extract"]

#: Raised when the same input gives other numbers.
STEP_VERSION = 1

FloatArray = NDArray[np.float64]
Rows = NDArray[np.int64]
Range = tuple[float, float]

#: Hardness ratios of the source catalog, ``hard_hm``, ``hard_hs`` and ``hard_ms``.
_RATIOS = (("hard", "medium"), ("hard", "soft"), ("medium", "soft"))

_NONE = Intervals.of([], [])

#: Nearer to the axis there is no direction from it.
_ON_AXIS_ARCMIN = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """What all curves of an exposure share."""

    ready: Field
    settings: ChandraSettings
    edges_s: FloatArray
    bands: Mapping[str, Range]
    lead: str
    keywords: Mapping[str, Any]


def extract(exposure: ChandraExposure, settings: ChandraSettings, selection: None = None) -> Extraction:  # noqa: ARG001
    """Make the light curves of a Chandra exposure.

    Times count from within 85 s of the start, in TT at the spacecraft. Bins of ACIS are whole frames, from half-way
    between two to half-way between two; those of all sources and bands are the same. A region that lies on several
    chips is live as far as they are, each with its share of the events a second. Fractions of it off the detector make
    no correction: they are told in ``live_part`` of the source and by flags.

    Parameters
    ----------
    exposure : ChandraExposure
        With a readable event list that has events in good time.
    settings : ChandraSettings
    selection : None
        Whole exposures make no composites.

    Returns
    -------
    Extraction
        ``curve`` is of all good events of the widest band, background and all.

    Raises
    ------
    UsageError
        ``usage.bin-width``, ``usage.region``.
    UnsupportedModeError
        ``data.no-events``: there is no event list with good time.
    """
    if exposure.lead is None or not exposure.lead.good_time.total > 0:
        names = ", ".join(file.path.name for file in exposure.files)
        raise UnsupportedModeError(
            "data.no-events", f"{names}: no event list with good time", "run 'hstlc check' on the files"
        )
    ready = field_of(exposure)
    bands = bands_of(settings.bands, exposure.instrument)
    keywords = exposure_keywords(exposure, settings, STEP_VERSION)
    task = _Task(ready, settings, _edges(ready, settings.bin_width_s), bands, widest(bands), keywords)
    located = located_sources(exposure, settings)
    findings: list[Finding] = []
    flares = _Flares(task, located, exposure.kind == "evt2" and settings.flares != "off")
    made = []
    for source in located:
        number = int(np.count_nonzero(_in_band(task, source.rows, bands[task.lead])))
        if number < settings.minimum_counts:
            message = f"{source.name}: {number} events, at least {settings.minimum_counts} are wanted"
            findings.append(Finding("few_counts", Severity.FLAG, "Few counts", message, exposure.filename()))
        else:
            made.append(_source(task, source, flares))
    every = flares.on(ready.events.gti)
    extra = {"sources": len(made), "flare_s": round(every.total, 6)}
    return Extraction(_whole_field(task, every), tuple(findings), extra, sources=tuple(made))


class _Flares:
    """Background flares by the chips that a source lies on, each found once."""

    def __init__(self, task: _Task, located: tuple[LocatedSource, ...], wanted: bool) -> None:
        self._task, self._wanted = task, wanted
        rows = [source.rows for source in located if source.catalogue != "regevt3"]
        self._sources = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        self._found: dict[frozenset[int], Intervals] = {}

    def on(self, chips: Mapping[int, Any]) -> Intervals:
        """Return the flares that these chips saw together."""
        key, task = frozenset(chips), self._task
        if not self._wanted or not key:
            return _NONE
        if key not in self._found:
            band = task.bands[task.lead]
            self._found[key] = find_flares(task.ready, key, self._sources, band, task.settings)
        return self._found[key]


def _edges(ready: Field, width_s: float) -> FloatArray:
    good = ready.events.good_time
    start_s, stop_s = float(good.start[0]), float(good.stop[-1])
    if not ready.events.frame_s > 0:
        return start_s + bin_edges(stop_s - start_s, width_s)
    frames = Frames.of(ready.events.time_s[ready.rows], ready.events.frame_s, start_s)
    return frames.edges(start_s, stop_s, width_s)


def _in_band(task: _Task, rows: Rows, band_kev: Range) -> NDArray[np.bool_]:
    energy = task.ready.events.columns.get("energy_kev")
    if energy is None:
        return np.ones(len(rows), dtype=bool)
    chosen = energy[rows]
    return np.asarray((chosen >= band_kev[0]) & (chosen < band_kev[1]))


def _whole_field(task: _Task, flares: Intervals) -> LightCurve:
    """Return the light curve of all good events of the widest band."""
    ready, band = task.ready, task.bands[task.lead]
    rows = ready.rows[_in_band(task, ready.rows, band)]
    clock = ready.clock(ready.weights(rows))
    time_s = np.sort(ready.events.time_s[rows])
    clock, time_s, marked = _without_flares(task, clock, time_s, flares)
    return aperture_curve(
        task.edges_s,
        source_time_s=time_s,
        background_time_s=time_s[:0],
        scale=0.0,
        clock=clock,
        reference=ready.events.reference,
        dead_time_factor=ready.live_part,
        minimum_fraction=task.settings.minimum_fraction,
        flares=marked,
        meta={
            **task.keywords,
            **_band_keywords(task, task.lead),
            "NEVENTS": len(ready.events),
            "NBADDQ": ready.bad_grade,
            "NBADTIME": ready.bad_time,
            "NSOURCE": len(time_s),
            "NBACKGR": 0,
            "LIVETIME": clock.total,
        },
    )


def _without_flares(
    task: _Task, clock: LiveClock, time_s: FloatArray, flares: Intervals
) -> tuple[LiveClock, FloatArray, Intervals]:
    """Return clock and times without flares where they are to be cut, and the flares that are only to be marked."""
    if task.settings.flares != "cut" or not len(flares):
        return clock, time_s, flares
    kept = _outside(clock, flares)
    return clock.within(kept), time_s[kept.contains(time_s)], _NONE


def _outside(clock: LiveClock, flares: Intervals) -> Intervals:
    return flares.complement(float(clock.time_s[0]), float(clock.time_s[-1]))


def _band_keywords(task: _Task, band: str) -> dict[str, Any]:
    low, high = task.bands[band]
    return {"BAND": band, "EMIN": low, "EMAX": high}


def _source(task: _Task, source: LocatedSource, found: _Flares) -> SourceCurves:
    ready = task.ready
    flares = found.on(source.weights)
    clock = ready.clock(dict(source.weights))
    beside = ready.clock(dict(source.background_weights))
    capacity = ready.live_part
    placed = {"RA_TARG": source.ra_deg, "DEC_TARG": source.dec_deg, "SRCNAME": source.name}
    stamps = _stamps(task, source)
    curves: dict[str, LightCurve] = {}
    for band, limits in task.bands.items():
        rows = source.rows[_in_band(task, source.rows, limits)]
        beside_rows = source.background_rows[_in_band(task, source.background_rows, limits)]
        times = ready.events.time_s
        rows = rows[np.argsort(times[rows], kind="stable")]
        own_clock, time_s, marked = _without_flares(task, clock, times[rows], flares)
        if len(time_s) < len(rows):
            rows = rows[_outside(clock, flares).contains(times[rows])]
        beside_clock, beside_s, _ = _without_flares(task, beside, np.sort(times[beside_rows]), flares)
        energy = ready.events.columns.get("energy_kev")
        arrivals = arrivals_of(time_s, None if energy is None else energy[rows], own_clock, ready.events.frame_s)
        curves[band] = aperture_curve(
            task.edges_s,
            source_time_s=time_s,
            background_time_s=beside_s,
            scale=source.scale,
            clock=own_clock,
            reference=ready.events.reference,
            background_clock=beside_clock if source.background_weights != source.weights else None,
            dead_time_factor=capacity,
            minimum_fraction=task.settings.minimum_fraction,
            flares=marked,
            meta={
                **task.keywords,
                **placed,
                **_band_keywords(task, band),
                "NEVENTS": len(ready.events),
                "NSOURCE": len(time_s),
                "NBACKGR": len(beside_s),
                "LIVETIME": own_clock.total,
            },
            arrivals=arrivals,
            stamps=stamps if band == task.lead else (),
        )
    return SourceCurves(_described(task, source, curves), curves, task.lead)


def _stamps(task: _Task, source: LocatedSource) -> tuple[Stamp, ...]:
    """Return pictures of the sky around a source, background and all, and of where on the detector its events fell."""
    ready = task.ready
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


def _described(task: _Task, source: LocatedSource, curves: Mapping[str, LightCurve]) -> Source:
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
