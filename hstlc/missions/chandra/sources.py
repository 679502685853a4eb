"""Which sources of a Chandra field get light curves, and where their photons are counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UsageError
from hstlc.missions.chandra.exposure import ChandraExposure
from hstlc.missions.chandra.field import Field, field_of
from hstlc.missions.chandra.identify import real, whole
from hstlc.missions.chandra.mission_settings import ChandraSettings
from hstlc.missions.placed_sources import designation, names_of, placed_regions
from hstlc.regions import BackgroundRule, Box, Region, background_region

__all__ = ["LocatedSource", "located_sources"]

Rows = NDArray[np.int64]

#: What names by position begin with.
PREFIX = "CXOU"

_BLOCKS = {"broad": "B", "ultrasoft": "U", "soft": "S", "medium": "M", "hard": "H"}


@dataclass(frozen=True, slots=True, eq=False)
class LocatedSource:
    """A source of the field with its events.

    Attributes
    ----------
    name, catalogue, number : str
    ra_deg, dec_deg : float, degrees
    region : Region
        In sky pixels of the event list.
    background : Region or None
    rows, background_rows : ndarray of int64
        Good events of all energies in them.
    scale : float
        Live area of the region over that of the background; 0: there is none.
    live_part : float
        Part of the region that lies on live detector.
    weights, background_weights : mapping of int to float
        Which part of it each chip sees.
    problem : str
        Why there is no background.
    extra : mapping
    """

    name: str
    catalogue: str
    number: str
    ra_deg: float
    dec_deg: float
    region: Region
    background: Region | None = None
    rows: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    background_rows: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    scale: float = 0.0
    live_part: float = 1.0
    weights: Mapping[int, float] = field(default_factory=dict)
    background_weights: Mapping[int, float] = field(default_factory=dict)
    problem: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=1)
def located_sources(exposure: ChandraExposure, settings: ChandraSettings) -> tuple[LocatedSource, ...]:
    """Return the sources of an exposure, those of the settings first; what was asked for last is kept.

    Without places on the sky there are none. Sources of the settings that no chip saw are
    left out.

    Raises
    ------
    UsageError, UnreadableError, InconsistentError
        A region of the settings that is none: :func:`hstlc.missions.placed_sources.placed_regions`.
    """
    ready = field_of(exposure)
    if ready.index is None:
        return ()
    placed = list(_placed(ready, settings))
    listed = list(_of_catalog(exposure, ready, settings))
    wanted = [*placed, *(listed if settings.use_catalog else ())]
    every = [source.region for source, _ in (*placed, *listed)]
    boxes = np.array([region.bounds for region in every]).reshape(-1, 4)
    names: list[str] = []
    found = []
    for number, (source, rule) in enumerate(wanted):
        name = names_of(names, source.name or designation(PREFIX, source.ra_deg, source.dec_deg))
        names.append(name)
        around = rule.bounds if isinstance(rule, Region) else source.region.scaled(settings.background_outer).bounds
        near = (boxes[:, :2] <= around[2:]).all(axis=1) & (boxes[:, 2:] >= around[:2]).all(axis=1)
        others = [every[place] for place in np.flatnonzero(near) if place != number]
        found.append(_measured(ready, replace(source, name=name), rule, others))
    return tuple(found)


def _placed(ready: Field, settings: ChandraSettings) -> Iterator[tuple[LocatedSource, BackgroundRule | Region]]:
    rule = _rule(settings)
    number = 0
    for source in settings.sources:
        for name, region, background in placed_regions(source, ready.events.sky):
            number += 1
            place = _position(ready, region)
            part = ready.live.fraction(region)
            if place is not None and part > 0:
                located = LocatedSource(name, "configuration", str(number), *place, region, live_part=part)
                yield located, rule if background is None else background


def _of_catalog(
    exposure: ChandraExposure, ready: Field, settings: ChandraSettings
) -> Iterator[tuple[LocatedSource, BackgroundRule | Region | None]]:
    """Yield the source of the region of the catalog: that of reg3, else the whole box of its event list."""
    if exposure.kind != "regevt3":
        return
    number = whole(exposure.header, "REGIONID")
    extra: dict[str, Any] = {"region_id": number}
    if exposure.curves:
        extra["catalog_variability"] = {band: dict(found) for band, found in sorted(exposure.curves.items())}
    letter = "W" if exposure.instrument == "HRC" else _BLOCKS[settings.region_band]
    names = (f"ECF90REG{letter}", "SRCREG", "REGION", *(n for n in exposure.regions if n != "BKGREG"))
    block = next((name for name in names if name in exposure.regions), None)
    background: BackgroundRule | Region | None = exposure.regions.get("BKGREG", _rule(settings))
    catalogue = "reg3"
    if block is not None:
        region = exposure.regions[block]
        extra["block"] = block
    else:
        region, background, catalogue = _box(ready), None, "regevt3"
    place = _position(ready, region)
    if place is not None:
        text = "" if number is None else f"{number:04d}"
        part = ready.live.fraction(region)
        yield LocatedSource("", catalogue, text, *place, region, live_part=part, extra=extra), background


def _rule(settings: ChandraSettings) -> BackgroundRule:
    return BackgroundRule(settings.background_inner, settings.background_outer)


def _box(ready: Field) -> Region:
    x, y = (ready.events.columns[name][ready.rows] for name in ("x", "y"))
    if not len(x):
        x, y = ready.events.columns["x"], ready.events.columns["y"]
    low_x, high_x, low_y, high_y = (float(value) for value in (x.min(), x.max(), y.min(), y.max()))
    width, height = max(high_x - low_x, 1.0), max(high_y - low_y, 1.0)
    return Region.of(Box((low_x + high_x) / 2, (low_y + high_y) / 2, 1.001 * width, 1.001 * height))


def _position(ready: Field, region: Region) -> tuple[float, float] | None:
    """Return where the middle of a region is; without a plane what the header says of it, or of the target."""
    sky, header = ready.events.sky, ready.events.header
    if sky is not None:
        ra, dec = sky.sky(*region.center)
        return float(ra) % 360.0, float(dec)
    for suffix in ("", "_TARG", "_PNT", "_NOM"):
        ra_deg, dec_deg = real(header, f"RA{suffix}"), real(header, f"DEC{suffix}")
        if ra_deg is not None and dec_deg is not None:
            return ra_deg, dec_deg
    return None


def _measured(
    ready: Field, source: LocatedSource, rule: BackgroundRule | Region | None, others: Sequence[Region]
) -> LocatedSource:
    """Return a source with its background region, events, areas and chips."""
    assert ready.index is not None
    rows = ready.index.rows(source.region)
    background, problem = None, ""
    if rule is not None:
        apart = [other for other in others if not _same_place(other, source.region)]
        try:
            background = background_region(source.region, apart, rule)
        except UsageError as error:
            problem = error.message
    beside, scale, background_rows = 0.0, 0.0, rows[:0]
    if background is not None:
        beside = ready.live.area(background)
        background_rows = ready.index.rows(background)
        scale = source.region.area * (source.live_part or 1.0) / beside if beside > 0 else 0.0
        if not beside > 0:
            problem, background, background_rows = "no live detector is left of it", None, rows[:0]
    around = np.concatenate((rows, background_rows))
    weights = ready.weights(rows, around)
    return replace(
        source,
        background=background,
        rows=rows,
        background_rows=background_rows,
        scale=scale,
        weights=weights,
        background_weights=ready.weights(background_rows, around) if len(background_rows) else weights,
        problem=problem,
    )


def _same_place(one: Region, other: Region) -> bool:
    """Tell whether two regions are of one source: the middle of one lies in the other."""
    (x, y), (u, v) = one.center, other.center
    return bool(one.inside([u], [v])[0] and other.inside([x], [y])[0])
