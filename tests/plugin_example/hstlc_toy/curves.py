"""Light curves of the field and of its sources."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hstlc.events.live_clock import LiveClock
from hstlc.events.sky_index import SkyIndex
from hstlc.lightcurves.aperture import aperture_curve, arrivals_of
from hstlc.missions.base import Extraction, SourceCurves
from hstlc.model import EventList, Finding, LightCurve, Severity, Source
from hstlc.regions import BackgroundRule, Circle, Region, background_region
from hstlc_toy.files import CatalogSource, ToyExposure
from hstlc_toy.settings import BANDS_KEV, ToySettings

STEP_VERSION = 1

_RULE = BackgroundRule(1.5, 4.0)


def extract(exposure: ToyExposure, settings: ToySettings, selection: Any = None) -> Extraction:
    """Return the light curve of all photons, and those of each source that has enough of them."""
    events = exposure.events
    assert events is not None  # else it was rejected
    clock = LiveClock.of([(events.gti, 1.0)])
    edges = _edges(events, settings.bin_width_s)
    keywords = _keywords(exposure)
    whole = _curve(events.time_s, np.zeros(0), 0.0, edges, events, clock, keywords)
    found, faint = [], []
    for listed, region, background in _regions(exposure, settings):
        seen = _source(exposure, settings, listed, region, background, edges, clock, keywords)
        if seen.source.counts < settings.minimum_counts:
            faint.append(listed.name)
        else:
            found.append(seen)
    findings = ()
    if faint:
        text = f"{', '.join(faint)}: fewer counts than {settings.minimum_counts}, no light curve"
        findings = (Finding("sources", Severity.FLAG, "Faint source", text),)
    return Extraction(whole, findings, {"sources": len(found)}, sources=tuple(found))


def _edges(events: EventList, width_s: float) -> np.ndarray:
    start, stop = float(events.gti.start[0]), float(events.gti.stop[-1])
    return start + width_s * np.arange(int(np.ceil((stop - start) / width_s)) + 1)


def _regions(exposure: ToyExposure, settings: ToySettings) -> list[tuple[CatalogSource, Region, Region]]:
    """Return each source with its circle and a ring around it, without the other sources."""
    sources, sky = list(exposure.sources), exposure.sky
    circles = [_circle(sky, s.ra_deg, s.dec_deg, s.radius_arcsec) for s in sources]
    if settings.place is not None:
        ra, dec, radius = settings.place
        own = _circle(sky, ra, dec, radius)
        x, y = own.center
        others = [circle for circle in circles if np.hypot(circle.center[0] - x, circle.center[1] - y) > radius]
        name = f"TOY J{ra:08.4f}{dec:+08.4f}"
        return [(CatalogSource(name, ra, dec, radius), own, background_region(own, others, _RULE))]
    found = []
    for number, (source, circle) in enumerate(zip(sources, circles, strict=True)):
        others = [*circles[:number], *circles[number + 1 :]]
        found.append((source, circle, background_region(circle, others, _RULE)))
    return found


def _circle(sky: Any, ra_deg: float, dec_deg: float, radius_arcsec: float) -> Region:
    x, y = sky.pixel(ra_deg, dec_deg)
    return Region.of(Circle(float(x), float(y), radius_arcsec / sky.scale_arcsec))


def _source(
    exposure: ToyExposure,
    settings: ToySettings,
    listed: CatalogSource,
    region: Region,
    background: Region,
    edges: np.ndarray,
    clock: LiveClock,
    keywords: dict[str, Any],
) -> SourceCurves:
    events = exposure.events
    assert events is not None
    index = SkyIndex(events["x"], events["y"], keep=events.gti.contains(events.time_s))
    rows, beside = index.rows(region), index.rows(background)
    scale = region.area / background.area
    bands = {"asked": settings.energy_kev} if settings.energy_kev is not None else BANDS_KEV
    if settings.band is not None:
        bands = {settings.band: BANDS_KEV[settings.band]}
    curves: dict[str, LightCurve] = {}
    for band, (low, high) in bands.items():
        mine, off = (some[_within(events["energy_kev"][some], low, high)] for some in (rows, beside))
        own = {"SRCNAME": listed.name, "BAND": band, "RA_TARG": listed.ra_deg, "DEC_TARG": listed.dec_deg}
        curve = _curve(events.time_s[mine], events.time_s[off], scale, edges, events, clock, keywords | own)
        arrivals = arrivals_of(events.time_s[mine], events["energy_kev"][mine], clock)
        curves[band] = replace(curve, arrivals=arrivals)
    source = Source(
        listed.name,
        listed.ra_deg,
        listed.dec_deg,
        "SOURCES",
        region=region.ds9(exposure.sky),
        background_region=background.ds9(exposure.sky),
        counts=len(rows),
        background_counts=len(beside),
        scale=scale,
        exposure_s=clock.total,
    )
    return SourceCurves(source, curves, next(iter(curves)))


def _within(energy_kev: np.ndarray, low: float, high: float) -> np.ndarray:
    return (energy_kev >= low) & (energy_kev < high)


def _curve(
    time_s: np.ndarray,
    beside_s: np.ndarray,
    scale: float,
    edges: np.ndarray,
    events: EventList,
    clock: LiveClock,
    keywords: dict[str, Any],
) -> LightCurve:
    return aperture_curve(
        edges,
        source_time_s=time_s,
        background_time_s=beside_s,
        scale=scale,
        clock=clock,
        gti=events.gti,
        reference=events.reference,
        meta=keywords,
    )


def _keywords(exposure: ToyExposure) -> dict[str, Any]:
    header = exposure.header
    return {
        "TELESCOP": "TOY",
        "INSTRUME": header.get("INSTRUME"),
        "TARGNAME": header.get("OBJECT"),
        "ROOTNAME": exposure.file.rootname,
        "CAL_VER": header.get("CAL_VER"),
        "DATE": header.get("DATE"),
        "RA_TARG": header.get("RA_PNT"),
        "DEC_TARG": header.get("DEC_PNT"),
        "STEPVER": STEP_VERSION,
    }
