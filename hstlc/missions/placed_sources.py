"""Sources that a user places in a field: by position and radius, by regions, by a region file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hstlc.regions import Circle, Region, SkyPixels, parse_region, read_regions
from hstlc.units import to_float

__all__ = ["PlacedRegion", "PlacedSource", "designation", "placed_by_options", "placed_regions"]

#: Name, source region and, where it is given, background region.
PlacedRegion = tuple[str, Region, Region | None]

#: What region files call the region that belongs to all others.
_BACKGROUND = "background"


class PlacedSource(BaseModel):
    """A source of the settings: ``{name: ..., region: ..., background: ...}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("", max_length=64, description="what it is called; nothing: after its position")
    region: str = Field(
        min_length=1,
        description="DS9 text such as 'icrs; circle(68.1, 17.7, 30\")', in pixels of the event list without a frame, or"
        " the path of a region file",
    )
    background: str = Field("", description="the same for its background; nothing: by rule")


def designation(prefix: str, ra_deg: float, dec_deg: float) -> str:
    """Return a name by position in the form of the IAU: digits are cut, never rounded.

    Examples
    --------
    >>> designation("XMMU", 68.0990, 17.7507)
    'XMMU J043223.7+174502'
    >>> designation("XMMU", 359.99999, -0.0001)
    'XMMU J235959.9-000000'
    """
    slack = 1e-9  # a number that is whole but for the last digit of its binary form
    tenths = math.floor((ra_deg % 360.0) / 15.0 * 36000.0 + slack) % 864_000
    seconds = math.floor(abs(dec_deg) * 3600.0 + slack)
    hours, minutes = tenths // 36_000, tenths // 600 % 60
    sign = "-" if dec_deg < 0 else "+"
    right_ascension = f"{hours:02d}{minutes:02d}{tenths % 600 // 10:02d}.{tenths % 10}"
    return f"{prefix} J{right_ascension}{sign}{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


def placed_regions(source: PlacedSource, sky: SkyPixels | None) -> list[PlacedRegion]:
    """Return the regions of a placed source in the pixels of an event list.

    Parameters
    ----------
    source : PlacedSource
        Of a region file each region is a source; the one that is marked as background belongs to all.
    sky : SkyPixels or None
        Plane of the event list; None: regions must be in pixels.

    Raises
    ------
    UsageError, UnreadableError, InconsistentError
        As :func:`hstlc.regions.parse_region` and :func:`hstlc.regions.read_regions`.

    Examples
    --------
    >>> [(name, region, background)] = placed_regions(PlacedSource(name="A", region="circle(10, 20, 5)"), None)
    >>> name, region.center, background
    ('A', (10.0, 20.0), None)
    """
    background = _background(source.background, sky)
    if not _is_file(source.region):
        return [(source.name, parse_region(source.region, sky), background)]
    found = read_regions(source.region, sky)
    shared = found.pop(_BACKGROUND, None)
    if background is None:
        background = shared
    if len(found) == 1:
        return [(source.name, next(iter(found.values())), background)]
    return [(" ".join(filter(None, (source.name, name))), region, background) for name, region in found.items()]


def _background(text: str, sky: SkyPixels | None) -> Region | None:
    if not text:
        return None
    if not _is_file(text):
        return parse_region(text, sky)
    found = read_regions(text, sky)
    return found.get(_BACKGROUND, next(iter(found.values())))


def _is_file(text: str) -> bool:
    looks = not text.rstrip().endswith(")") and "(" not in Path(text).name
    return looks and text.lower().endswith((".reg", ".fits", ".fit", ".fits.gz", ".fit.gz", ".ftz", ".txt"))


def placed_by_options(
    *, ra: Any, dec: Any, radius: Any, region: Any, background: Any, default_radius_arcsec: float
) -> tuple[PlacedSource, ...]:
    """Return the source that options of :func:`hstlc.light_curve` place; nothing where none does.

    Parameters
    ----------
    ra, dec : Quantity, float in degrees, or None
    radius : Quantity, float in arcseconds, or None
    region, background : str, Path or None
        DS9 text, or a region file.
    default_radius_arcsec : float, arcsec
        Where no radius is given.

    Raises
    ------
    ValueError
        Only one of ``ra`` and ``dec``, a position beyond the sky, a radius that is not positive, a position and a
        region, a background or radius without a source.

    Examples
    --------
    >>> nothing = {"radius": None, "region": None, "background": None, "default_radius_arcsec": 30.0}
    >>> placed_by_options(ra=68.1, dec=17.75, **nothing)[0].region
    'icrs; circle(68.1, 17.75, 30.0")'
    """
    around = "" if background is None else str(background)
    if (ra is None) != (dec is None):
        raise ValueError("ra and dec belong together")
    if ra is not None:
        if region is not None:
            raise ValueError("ra and dec, and region, both say where the source is")
        ra_deg, dec_deg = to_float(ra, "deg"), to_float(dec, "deg")
        arcsec = default_radius_arcsec if radius is None else to_float(radius, "arcsec")
        if not (math.isfinite(ra_deg) and -90 <= dec_deg <= 90):
            raise ValueError(f"ra={ra_deg}, dec={dec_deg} is no position: dec is -90 to 90 degrees")
        if not 0 < arcsec < 3600:
            raise ValueError(f"a radius of {arcsec} arcsec is not possible")
        text = f'icrs; circle({ra_deg % 360.0!r}, {dec_deg!r}, {arcsec!r}")'
        return (PlacedSource(region=text, background=around),)
    if region is None:
        if radius is not None or background is not None:
            raise ValueError("radius and background need a source: give ra and dec, or a region")
        return ()
    if radius is not None:
        raise ValueError("a region has its own size: give no radius with it")
    return (PlacedSource(region=str(region), background=around),)


def circle_of(sky: SkyPixels, ra_deg: float, dec_deg: float, radius_arcsec: float) -> Region:
    """Return a circle on the sky in the pixels of an event list."""
    x, y = sky.pixel(ra_deg, dec_deg)
    return Region.of(Circle(float(x), float(y), radius_arcsec / sky.scale_arcsec))


def names_of(taken: Sequence[str], name: str) -> str:
    """Return a name that is not taken yet: with a letter behind it where it is.

    Examples
    --------
    >>> names_of(["XMMU J0432+17"], "XMMU J0432+17")
    'XMMU J0432+17 b'
    """
    if name not in taken:
        return name
    return next(new for letter in "bcdefghijklmnopqrstuvwxyz" if (new := f"{name} {letter}") not in taken)
