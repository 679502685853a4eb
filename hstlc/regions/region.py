"""Regions: shapes joined, cut with each other and taken away from each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hstlc.errors import UsageError
from hstlc.regions.shapes import Bounds, Box, Circle, Ellipse, Shape

if TYPE_CHECKING:
    from hstlc.regions.sky import SkyPixels

__all__ = ["Component", "Region", "even_points", "samples"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_POINTS = 160_000  # that areas are measured with
_CUT_POINTS = 20_000  # and what a shape takes of another


def even_points(bounds: Bounds, number: int) -> tuple[FloatArray, FloatArray]:
    """Return points that fill a box evenly, and whose rows are along no side: multiples of irrational steps, modulo 1.

    The steps are powers of the inverse of the plastic number, the root of ``p**3 = p + 1``, of which no ratios of small
    whole numbers come near.
    """
    x, y = _unit_points(number)
    return bounds[0] + x * (bounds[2] - bounds[0]), bounds[1] + y * (bounds[3] - bounds[1])


@lru_cache(maxsize=4)
def _unit_points(number: int) -> tuple[FloatArray, FloatArray]:
    plastic = 1.324717957244746
    x, y = ((0.5 + np.arange(number) / plastic**power) % 1.0 for power in (1, 2))
    return x, y


def _overlap(one: Bounds, other: Bounds) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _within(x: ArrayLike, y: ArrayLike, bounds: Bounds) -> NDArray[np.intp]:
    x, y = np.asarray(x), np.asarray(y)
    return np.flatnonzero((x >= bounds[0]) & (x <= bounds[2]) & (y >= bounds[1]) & (y <= bounds[3]))


@dataclass(frozen=True, slots=True)
class Component:
    """What is in all of the ``included`` shapes (one at least) and in none of the ``excluded`` ones."""

    included: tuple[Shape, ...]
    excluded: tuple[Shape, ...] = ()
    #: A box around it; the low end may exceed the high one where shapes do not meet.
    bounds: Bounds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.included:
            raise UsageError("usage.region", "a region only excludes", "add the shape that the others are cut from")
        left, bottom, right, top = zip(*(shape.bounds for shape in self.included), strict=True)
        object.__setattr__(self, "bounds", (max(left), max(bottom), min(right), min(top)))

    def inside(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """Tell for each point whether it is inside."""
        inside = self.included[0].inside(x, y)
        for shape in self.included[1:]:
            inside &= shape.inside(x, y)
        for shape in self.excluded:
            inside &= ~shape.inside(x, y)
        return inside

    @property
    def area(self) -> float:
        """Its area in square pixels, exact for one shape and where others lie whole in it and apart."""
        cut = [shape for shape in self.excluded if _overlap(shape.bounds, self.bounds)]
        whole, apart = self.included[0].area, _apart(cut)
        exact = [alone and self._holds(shape) for alone, shape in zip(apart, cut, strict=True)]
        rough = [shape for known, shape in zip(exact, cut, strict=True) if not known]
        if len(self.included) == 1 and math.fsum(shape.area for shape in rough) <= whole / 2:
            taken = [shape.area for known, shape in zip(exact, cut, strict=True) if known]
            return whole - math.fsum(taken + [self._taken(shape, rough[:place]) for place, shape in enumerate(rough)])
        if not _overlap(self.bounds, self.bounds):
            return 0.0
        x, y = even_points(self.bounds, _POINTS)
        kept = float(np.count_nonzero(self.inside(x, y)))
        if len(self.included) > 1:
            return kept / len(x) * (self.bounds[2] - self.bounds[0]) * (self.bounds[3] - self.bounds[1])
        return whole * kept / np.count_nonzero(self.included[0].inside(x, y))

    def _taken(self, shape: Shape, before: Sequence[Shape]) -> float:
        """Return what a shape takes of the first included one, beside those before it."""
        x, y = even_points(shape.bounds, _CUT_POINTS)
        taken = shape.inside(x, y) & self.included[0].inside(x, y)
        for other in before:
            if _overlap(other.bounds, shape.bounds):
                taken &= ~other.inside(x, y)
        low_x, low_y, high_x, high_y = shape.bounds
        return float(np.count_nonzero(taken)) / len(x) * (high_x - low_x) * (high_y - low_y)

    def _holds(self, shape: Shape) -> bool:
        """Tell whether a shape lies whole in the first included one, as its outline does where that is convex."""
        convex = isinstance(self.included[0], Circle | Ellipse | Box)
        return convex and bool(self.included[0].inside(*_ring(shape)).all())


def _apart(shapes: Sequence[Shape]) -> list[bool]:
    """Tell for each shape whether its box touches no other's."""
    return [
        not any(_overlap(one.bounds, other.bounds) for other in (*shapes[:place], *shapes[place + 1 :]))
        for place, one in enumerate(shapes)
    ]


def _ring(shape: Shape) -> tuple[FloatArray, FloatArray]:
    x, y = shape.outline(360)
    return x[np.isfinite(x)], y[np.isfinite(y)]


@dataclass(frozen=True, slots=True)
class Region:
    """Where events of one kind are counted: what is in any of its components.

    Examples
    --------
    >>> from hstlc.regions import Circle
    >>> region = Region.of(Circle(10.0, 10.0, 5.0), excluded=[Circle(10.0, 10.0, 2.0)])
    >>> region.inside(np.array([10.0, 14.0, 16.0]), np.array([10.0, 10.0, 10.0]))
    array([False,  True, False])
    >>> round(region.area / np.pi, 9)
    21.0
    """

    components: tuple[Component, ...]
    #: The box around all of it, pixels.
    bounds: Bounds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.components:
            raise UsageError("usage.region", "a region has no shape", "give it one")
        left, bottom, right, top = zip(*(component.bounds for component in self.components), strict=True)
        object.__setattr__(self, "bounds", (min(left), min(bottom), max(right), max(top)))

    @classmethod
    def of(cls, *shapes: Shape, excluded: Iterable[Shape] = ()) -> Region:
        """Return what is in any of the shapes, and in none of the excluded ones."""
        without = tuple(excluded)
        return cls(tuple(Component((shape,), without) for shape in shapes))

    @property
    def center(self) -> tuple[float, float]:
        """The center of its first shape."""
        return self.components[0].included[0].center

    def inside(self, x: ArrayLike, y: ArrayLike) -> BoolArray:
        """Tell for each point (pixels of any number type) whether it is inside; only those in its box are looked at."""
        x, y = np.asarray(x), np.asarray(y)
        inside = np.zeros(x.shape, dtype=bool)
        flat_x, flat_y, found = x.reshape(-1), y.reshape(-1), inside.reshape(-1)
        for component in self.components:
            rows = _within(flat_x, flat_y, component.bounds)
            near_x, near_y = flat_x[rows].astype(np.float64), flat_y[rows].astype(np.float64)
            found[rows] |= component.inside(near_x, near_y)
        return inside

    @property
    def area(self) -> float:
        """Its area in square pixels.

        Exact for one shape, for shapes apart from each other, and where whole shapes are cut from a circle, ellipse or
        box; else by even points: 20,000 in the box of each shape that is cut off, or 160,000 in the box of a component,
        with an error below 0.2 % where it fills a tenth of its box or more.
        """
        boxes = [component.bounds for component in self.components]
        if not any(_overlap(one, other) for one, other in combinations(boxes, 2)):
            return math.fsum(component.area for component in self.components)
        return float(samples(self, _POINTS)[2].sum())

    def outline(self, n: int = 100) -> tuple[FloatArray, FloatArray]:
        """Return the outlines of all its shapes, with a NaN between each two."""
        parts: dict[Shape, tuple[FloatArray, FloatArray]] = {}
        for component in self.components:
            cut = (shape for shape in component.excluded if _overlap(shape.bounds, component.bounds))
            for shape in (*component.included, *cut):
                parts[shape] = shape.outline(n)
        x, y = (
            np.concatenate([piece for part in parts.values() for piece in (part[axis], [np.nan])])[:-1]
            for axis in (0, 1)
        )
        return x, y

    def scaled(self, factor: float) -> Region:
        """Return the included shapes ``factor`` times as large, each around its center; what is excluded stays."""
        return Region(
            tuple(replace(c, included=tuple(shape.scaled(factor) for shape in c.included)) for c in self.components)
        )

    def excluding(self, *others: Region) -> Region:
        """Return it without the included shapes of other regions, as far as these reach it.

        Raises
        ------
        UsageError
            ``usage.region``: another region has a component of several included shapes, whose common part cannot be
            taken away.
        """
        components = self.components
        for other in (component for region in others for component in region.components):
            if not _overlap(other.bounds, self.bounds):
                continue
            if len(other.included) > 1:
                raise UsageError(
                    "usage.region", "the common part of shapes cannot be excluded", "exclude a polygon instead"
                )
            components = tuple(
                replace(c, excluded=(*c.excluded, *other.included))
                if _overlap(c.bounds, other.bounds) and other.included[0] not in c.excluded
                else c
                for c in components
            )
        return Region(components)

    def ds9(self, sky: SkyPixels) -> str:
        """Return it as one line of DS9 text, in ICRS degrees and arcseconds.

        :func:`hstlc.regions.parse_region` reads it back. DS9 itself shows it right where components need no ``&``.
        """
        from hstlc.regions.text import region_text

        return region_text(self, sky)


def samples(region: Region, number: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return even points of a region, and the area in square pixels that each stands for.

    Parameters
    ----------
    region : Region
    number : int
        Points in the box of each component.

    Returns
    -------
    x, y, weight : ndarray of float64, shape (n,)
    """
    found: list[tuple[FloatArray, ...]] = [(np.empty(0), np.empty(0), np.empty(0))]
    for place, component in enumerate(region.components):
        low_x, low_y, high_x, high_y = bounds = component.bounds
        if not _overlap(bounds, bounds):
            continue
        x, y = even_points(bounds, number)
        rows = component.inside(x, y)
        for before in region.components[:place]:
            if _overlap(before.bounds, bounds):
                rows &= ~before.inside(x, y)
        x, y = x[rows], y[rows]
        found.append((x, y, np.full(len(x), (high_x - low_x) * (high_y - low_y) / number)))
    x, y, weight = (np.concatenate([part[axis] for part in found]) for axis in range(3))
    return x, y, weight
