"""Light curves of the sources of an EPIC observation: every band, every camera, and the cameras' sum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

import numpy as np

from hstlc.lightcurves.aperture import with_limits
from hstlc.lightcurves.cameras import common_times, sum_arrivals, sum_curves
from hstlc.lightcurves.stamps import detector_stamp, sky_box, sky_stamp
from hstlc.missions.base import SourceCurves
from hstlc.missions.xmm.aperture import Aperture, aperture, arrivals_in, band_curve, within
from hstlc.missions.xmm.curve_keywords import camera_keywords
from hstlc.missions.xmm.field import field_clock
from hstlc.missions.xmm.identify import real
from hstlc.missions.xmm.read import EpicExposure
from hstlc.missions.xmm.shared_field import SharedField, in_cameras, summed_cameras
from hstlc.missions.xmm.sources import FieldSource, circles_of, field_sources, regions_of
from hstlc.model import Finding, HardnessRatio, Intervals, LightCurve, Severity, Source
from hstlc.regions import SkyPixels, off_axis
from hstlc.stats.hardness import hardness_ratio

__all__ = ["SeenSource", "camera_curve", "seen_sources", "source_curves", "stamps_of"]

#: What the picture of the detector shows beside the events: a pixel of pn, in those of DETX.
_DETECTOR_MARGIN = 82.0

_RATIOS = (("hard", "medium"), ("hard", "soft"), ("medium", "soft"))


@dataclass(frozen=True, slots=True, eq=False)
class SeenSource:
    """A source with what each camera sees of it.

    Attributes
    ----------
    source : FieldSource
    apertures : mapping of str to sequence of Aperture
        By camera.
    summed : tuple of str
        Cameras that the sum adds, or the one that stands for the source.
    inside : mapping of str to sequence of Aperture
        Of these, in the time that all share; empty without a sum.
    """

    source: FieldSource
    apertures: Mapping[str, Sequence[Aperture]]
    summed: tuple[str, ...]
    inside: Mapping[str, Sequence[Aperture]]

    @property
    def lead_camera(self) -> str:
        """The camera that stands for the source, ``ep`` for the sum."""
        return "ep" if self.inside else self.summed[0]

    @property
    def leading(self) -> list[Aperture]:
        """What the curve that stands for the source is made of."""
        return [seen for name in self.summed for seen in (self.inside or self.apertures)[name]]


def source_curves(field: SharedField, exposure: EpicExposure, findings: list[Finding]) -> tuple[SourceCurves, ...]:
    """Return the light curves of the sources of an observation.

    Parameters
    ----------
    field : SharedField
    exposure : EpicExposure
    findings : list of Finding
        Gets what was noticed.
    """
    return tuple(_source(field, seen) for seen in seen_sources(field, exposure, findings))


def seen_sources(
    field: SharedField, exposure: EpicExposure, findings: list[Finding], only: str | None = None
) -> Iterator[SeenSource]:
    """Yield the sources that a camera sees.

    Parameters
    ----------
    field : SharedField
    exposure : EpicExposure
    findings : list of Finding
        Gets what was noticed.
    only : str, optional
        Name of the one source that is wanted.
    """
    sky = field.lists[0].sky
    live_s = max(field_clock(ready).total for ready in field.lists)  # for counts of the source list's rates
    wanted, every = field_sources(exposure.source_list, field.settings, sky, live_s)
    circles = {ready.sky: circles_of(every, ready.sky) for ready in field.lists}
    for source in wanted:
        if only is not None and source.name != only:
            continue
        apertures: dict[str, list[Aperture]] = {}
        problem = ""
        for camera, lists in in_cameras(field.lists).items():
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
        yield _seen(field, source, apertures)


def _seen(field: SharedField, source: FieldSource, apertures: Mapping[str, Sequence[Aperture]]) -> SeenSource:
    gtis = {name: reduce(Intervals.union, (seen.gti for seen in some)) for name, some in apertures.items()}
    summed = summed_cameras(gtis, field.settings.minimum_common_fraction)
    common = common_times([gtis[name] for name in summed])
    inside = {name: [within(seen, common) for seen in apertures[name]] for name in summed if len(summed) > 1}
    several = bool(inside) and all(_live(some) > 0 for some in inside.values())
    return SeenSource(source, apertures, tuple(summed), inside if several else {})


def camera_curve(field: SharedField, seen: SeenSource, camera: str, band: str) -> LightCurve:
    """Return the light curve of a source in a band of the field and a camera, or ``ep``; without limits of the rates.

    Parameters
    ----------
    field : SharedField
    seen : SeenSource
    camera, band : str
    """
    limits, source = field.bands[band], seen.source
    placed = {"RA_TARG": source.ra_deg, "DEC_TARG": source.dec_deg, "SRCNAME": source.name}
    keywords = {**field.keywords, **placed, **field.band_keywords(band)}
    minimum_fraction = field.settings.minimum_fraction
    make = partial(
        band_curve,
        edges_s=field.edges_s,
        reference=field.reference,
        minimum_fraction=minimum_fraction,
        flares=field.flares,
    )
    if camera == "ep":
        parts = [make(seen.inside[name], limits, meta={}) for name in seen.summed]
        meta = {**keywords, **camera_keywords([seen.inside[name][0].ready.events for name in seen.summed])}
        curve = sum_curves(parts, minimum_fraction=minimum_fraction, meta=meta)
        clocks = [arrivals_in(seen.inside[name], limits) for name in seen.summed]
        arrivals = sum_arrivals([one for one, _ in clocks], [clock for _, clock in clocks])
    else:
        some = seen.apertures[camera]
        curve = make(some, limits, meta={**keywords, **camera_keywords([some[0].ready.events])})
        arrivals = arrivals_in(some, limits)[0]
    return _counted(replace(curve, arrivals=arrivals), f"{camera}_{band}")


def _source(field: SharedField, seen: SeenSource) -> SourceCurves:
    cameras = [*(("ep",) if seen.inside else ()), *seen.apertures]
    curves = with_limits(
        {f"{camera}_{band}": camera_curve(field, seen, camera, band) for band in field.bands for camera in cameras}
    )
    lead = f"{seen.lead_camera}_{field.lead}"
    curves[lead] = replace(curves[lead], stamps=stamps_of(seen.leading))
    return SourceCurves(_described(seen.source, curves, seen.lead_camera, lead, seen.leading), curves, lead)


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


def stamps_of(apertures: Sequence[Aperture]) -> tuple[Any, ...]:
    """Return the pictures of the sky and of the detector that go with a light curve."""
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
        rows = first.source.rows
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
