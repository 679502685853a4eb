"""Which sources of a field get light curves, and where their photons are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hstlc.errors import UsageError
from hstlc.missions.placed_sources import PlacedSource, circle_of, designation, names_of, placed_regions
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.missions.xmm.source_list import SourceRow, chosen_rows
from hstlc.regions import BackgroundRule, Circle, Region, SkyPixels, background_region

__all__ = ["FieldSource", "circles_of", "field_sources", "regions_of"]

#: What names by position begin with.
PREFIX = "XMMU"

#: What is farther from the pointing is not in the field of view, of 15 arcmin radius.
_FIELD_ARCSEC = 1800.0


@dataclass(frozen=True, slots=True)
class FieldSource:
    """A source of the field.

    Attributes
    ----------
    name, catalogue, number : str
    ra_deg, dec_deg : float, degrees
    radius_arcsec : float, arcsec
        Of its circle; 0 where it was placed by a region.
    placed : PlacedSource or None
    place : int
        Which region of ``placed`` it is.
    significance : float or None
    extra : mapping
    """

    name: str
    catalogue: str
    number: str
    ra_deg: float
    dec_deg: float
    radius_arcsec: float = 0.0
    placed: PlacedSource | None = None
    place: int = 0
    significance: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def field_sources(
    rows: Sequence[SourceRow] | None, settings: XmmSettings, sky: SkyPixels, live_s: float
) -> tuple[list[FieldSource], list[FieldSource]]:
    """Return the sources that get light curves, and all that are kept out of backgrounds.

    Sources of the settings that are in the field take the place of those of the list. A circle that would reach over
    half of the way to the next source is made smaller, down to ``smallest_radius``.

    Parameters
    ----------
    rows : sequence of SourceRow or None
        The source list; None: there is none.
    settings : XmmSettings
    sky : SkyPixels
        Plane of an event list, for regions in pixels.
    live_s : float, seconds
        Live time, for counts of the list's rates.
    """
    known = [row for row in rows or () if not row.likelihood < settings.minimum_likelihood]
    radii = _radii(known, settings)
    listed = {
        row: FieldSource("", "OBSMLI", row.number, row.ra_deg, row.dec_deg, radius, None, 0, *_further(row))
        for row, radius in zip(known, radii, strict=True)
    }
    wanted = [source for one in settings.sources for source in _placed(one, settings, sky)]
    wanted = [replace(one, number=str(number)) for number, one in enumerate(wanted, 1)]
    if not wanted and settings.use_source_list:
        chosen = chosen_rows(
            known,
            minimum_likelihood=settings.minimum_likelihood,
            minimum_counts=settings.minimum_counts,
            maximum_extent_arcsec=settings.maximum_extent_arcsec,
            maximum_sources=settings.maximum_sources,
            live_s=live_s,
        )
        wanted = [listed[row] for row in chosen]
    names: list[str] = []
    for one in wanted:
        names.append(names_of(names, one.name or designation(PREFIX, one.ra_deg, one.dec_deg)))
    named = [replace(one, name=name) for one, name in zip(wanted, names, strict=True)]
    return named, list(listed.values())


def _placed(source: PlacedSource, settings: XmmSettings, sky: SkyPixels) -> list[FieldSource]:
    """Return the sources that one of the settings places; with a source list, only those near this field."""
    try:
        regions = placed_regions(source, sky)
    except UsageError:
        behind = SkyPixels((sky.ra_deg + 180.0) % 360.0, -sky.dec_deg, 0.0, 0.0, sky.step_x_deg, sky.step_y_deg)
        if settings.use_source_list and placed_regions(source, behind):  # right, but on the other half of the sky
            return []
        raise
    found = []
    for place, (name, region, _) in enumerate(regions):
        x, y = region.center
        ra, dec = (float(value) for value in sky.sky(x, y))
        near = np.hypot(x - sky.x, y - sky.y) * sky.scale_arcsec < _FIELD_ARCSEC
        if near or not settings.use_source_list:
            found.append(FieldSource(name, "configuration", "", ra, dec, 0.0, source, place))
    return found


def _radii(rows: Sequence[SourceRow], settings: XmmSettings) -> list[float]:
    """Return the radius of each source's circle, arcsec."""
    if len(rows) < 2:
        return [settings.source_radius_arcsec] * len(rows)
    from scipy.spatial import KDTree

    ra, dec = np.radians([row.ra_deg for row in rows]), np.radians([row.dec_deg for row in rows])
    unit = np.column_stack((np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)))
    chord = KDTree(unit).query(unit, k=2)[0][:, 1]
    half_arcsec = np.degrees(chord) * 3600.0 / 2
    smallest = min(settings.smallest_radius_arcsec, settings.source_radius_arcsec)
    return [float(value) for value in np.clip(half_arcsec, smallest, settings.source_radius_arcsec)]


def _further(row: SourceRow) -> tuple[float | None, dict[str, Any]]:
    likelihood = row.likelihood if np.isfinite(row.likelihood) else None
    extra: dict[str, Any] = {"extent_arcsec": row.extent_arcsec, **dict(row.further)}
    if np.isfinite(row.rate_ct_s):
        extra["catalogue_rate_ct_s"] = row.rate_ct_s
    if row.flags:
        extra["flags"] = row.flags
    return likelihood, extra


def circles_of(sources: Sequence[FieldSource], sky: SkyPixels) -> list[Circle]:
    """Return the circles of listed sources in the pixels of an event list; those behind the plane are left out."""
    if not sources:
        return []
    x, y = sky.pixel([one.ra_deg for one in sources], [one.dec_deg for one in sources])
    radius = np.array([one.radius_arcsec for one in sources]) / sky.scale_arcsec
    seen = np.isfinite(x)
    return [Circle(*place) for place in zip(x[seen].tolist(), y[seen].tolist(), radius[seen].tolist(), strict=True)]


def regions_of(
    source: FieldSource, others: Sequence[Circle], settings: XmmSettings, sky: SkyPixels
) -> tuple[Region, Region | None, str]:
    """Return source and background region in the pixels of an event list; no background, and why, where none is left.

    Parameters
    ----------
    source : FieldSource
    others : sequence of Circle
        Of the sources that are kept out of the background; those within the source's own region are itself.
    settings : XmmSettings
    sky : SkyPixels
        Plane of the event list.
    """
    background: Region | BackgroundRule | None = None
    if source.placed is not None:
        _, region, background = placed_regions(source.placed, sky)[source.place]
        if background is not None:
            return region, background, ""
    else:
        region = circle_of(sky, source.ra_deg, source.dec_deg, source.radius_arcsec)
    inner = settings.background_inner_arcsec
    bounds = region.bounds
    reach = max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / 2 * sky.scale_arcsec
    outer = settings.background_outer_arcsec
    if reach > inner:  # a large region of the user's: the ring grows with it
        inner, outer = reach, outer * reach / inner
    away = (outer + settings.source_radius_arcsec) / sky.scale_arcsec
    x, y = region.center
    around = [one for one in others if np.hypot(one.x - x, one.y - y) < away]
    own = region.inside([one.x for one in around], [one.y for one in around])
    near = [Region.of(one) for one, inside in zip(around, own, strict=True) if not inside]
    rule = BackgroundRule(inner, outer, "arcsec")
    try:
        return region, background_region(region, near, rule, sky.scale_arcsec), ""
    except UsageError as error:
        return region, None, error.message
