"""Where the background of a source is measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hstlc.errors import UsageError
from hstlc.regions.region import Component, Region, samples
from hstlc.regions.shapes import Annulus, Bounds

__all__ = ["BackgroundRule", "background_region"]

_POINTS = 4000  # that must show whether something is left


@dataclass(frozen=True, slots=True)
class BackgroundRule:
    """A ring around the source.

    Attributes
    ----------
    inner, outer : float
        How far from the center it begins and ends.
    unit : str
        ``"times"``: the shapes of the source ``outer`` times as large, without those ``inner`` times as large; 1.1 and
        5 are those of release 2.1 of the Chandra source catalog, 1 and 5 those of release 1. ``"arcsec"``: an annulus.
    others : float
        How many times as large as they are the regions of other sources are cut out.

    Examples
    --------
    >>> BackgroundRule(60.0, 120.0, "arcsec")
    BackgroundRule(inner=60.0, outer=120.0, unit='arcsec', others=1.0)
    """

    inner: float
    outer: float
    unit: Literal["times", "arcsec"] = "times"
    others: float = 1.0

    def __post_init__(self) -> None:
        lowest = 1.0 if self.unit == "times" else 0.0
        if not lowest <= self.inner < self.outer < float("inf") or not 0 < self.others < float("inf"):
            text = f"a background from {self.inner} to {self.outer} {self.unit}, others {self.others} times as large"
            hint = f"it must begin at {lowest:g} or more and end farther out; other sources need a factor above 0"
            raise UsageError("usage.background", f"{text}, is no ring", hint)


def background_region(
    source: Region, others: Iterable[Region], rule: BackgroundRule | Region, scale_arcsec: float | None = None
) -> Region:
    """Return where the background of a source is measured; never in its own region or in those of other sources.

    Parameters
    ----------
    source : Region
    others : iterable of Region
        Those of the other sources of the field, in any order; only those that reach the background matter.
    rule : BackgroundRule or Region
        A region is taken as it is, but for the regions of the sources.
    scale_arcsec : float or None, arcsec
        Width of a pixel, for rules in arcseconds.

    Raises
    ------
    UsageError
        ``usage.background``: a rule in arcseconds where the width of a pixel is not known, or whose ring lies whole in
        the region of the source.

    Examples
    --------
    >>> from hstlc.regions import Ellipse
    >>> source = Region.of(Ellipse(100.0, 100.0, 10.0, 5.0, 30.0))
    >>> background = background_region(source, [], BackgroundRule(1.1, 5.0))
    >>> round(background.area / source.area, 9)
    23.79
    """
    if isinstance(rule, Region):
        around, within, factor = rule, source, 1.0
    elif rule.unit == "times":
        around, within, factor = source.scaled(rule.outer), source.scaled(rule.inner), rule.others
    else:
        if scale_arcsec is None:
            hint = "give the ring as multiples of the source region"
            raise UsageError("usage.background", "the event list does not say how large its pixels are", hint)
        x, y = source.center
        ring = Annulus(x, y, rule.inner / scale_arcsec, rule.outer / scale_arcsec)
        around, within, factor = Region.of(ring), source, rule.others
    cut = [Region((Component((shape,)),)) for component in within.components for shape in component.included]
    shapes = (shape for other in others for component in other.components for shape in component.included)
    enlarged = [Region.of(shape.scaled(factor)) for shape in shapes if _reaches(shape.bounds, factor, around.bounds)]
    background = around.excluding(*cut, *enlarged)
    if not len(samples(background, _POINTS)[0]):
        hint = "make the ring larger, or the other sources' regions smaller"
        raise UsageError("usage.background", "nothing is left of the background region", hint)
    return background


def _reaches(bounds: Bounds, factor: float, box: Bounds) -> bool:
    """Tell whether a shape that is made ``factor`` times as large may touch a box."""
    more_x, more_y = (max(factor - 1.0, 0.0) * (bounds[axis + 2] - bounds[axis]) for axis in (0, 1))
    return (
        bounds[0] - more_x <= box[2]
        and box[0] <= bounds[2] + more_x
        and bounds[1] - more_y <= box[3]
        and box[1] <= bounds[3] + more_y
    )
