# ruff: noqa: D102, ARG002 - what the methods of all shapes do is said once, in Shape
"""Shapes in the plane of an event list: which events are inside, how large they are, where their outline is.

Positions are pixels of the event list (1-based, as FITS counts), angles degrees counter-clockwise from +x.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UsageError

__all__ = ["Annulus", "Bounds", "Box", "Circle", "Ellipse", "Pie", "Polygon", "Shape"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
#: ``(x_low, y_low, x_high, y_high)``, pixels.
Bounds: TypeAlias = tuple[float, float, float, float]


class Shape(Protocol):
    """What all shapes can do; each is a frozen value that can be compared, hashed and pickled."""

    @property
    def bounds(self) -> Bounds:
        """The smallest upright box around it."""

    @property
    def area(self) -> float:
        """Its area in square pixels."""

    @property
    def center(self) -> tuple[float, float]:
        """The point that stays where it is when the shape grows."""

    def inside(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """Tell for each point whether it is inside; NaN is not."""

    def outline(self, n: int = 100) -> tuple[FloatArray, FloatArray]:
        """Return points of the outline, the last of which is the first; between two rings there is a NaN."""

    def scaled(self, factor: float) -> Shape:
        """Return it ``factor`` times as large around its center."""


def _check(shape: Shape, *sizes: str) -> None:
    name = type(shape).__name__.lower()
    for field in fields(shape):  # type: ignore[arg-type]
        value = getattr(shape, field.name)
        if not np.all(np.isfinite(value)):
            raise UsageError("usage.region", f"{field.name} of {name} is {value}, expected a number", "correct it")
        if field.name in sizes and not value > 0:
            raise UsageError("usage.region", f"{field.name} of {name} is {value}, expected above 0", "correct it")


def _along(
    x: FloatArray, y: FloatArray, center: tuple[float, float], angle_deg: float
) -> tuple[FloatArray, FloatArray]:
    """Return the offsets from ``center`` along axes that are turned by an angle."""
    dx, dy = x - center[0], y - center[1]
    if not angle_deg:
        return dx, dy
    cosine, sine = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return dx * cosine + dy * sine, dy * cosine - dx * sine


def _turned(
    u: FloatArray, v: FloatArray, center: tuple[float, float], angle_deg: float
) -> tuple[FloatArray, FloatArray]:
    """Undo :func:`_along`."""
    cosine, sine = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return center[0] + u * cosine - v * sine, center[1] + u * sine + v * cosine


def _around(n: int, start_deg: float = 0.0, stop_deg: float = 360.0) -> FloatArray:
    return np.radians(np.linspace(start_deg, stop_deg, max(n, 4)))


def _box_of(x: FloatArray, y: FloatArray) -> Bounds:
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


class _Centered:
    """Shapes around ``x, y``."""

    __slots__ = ()
    x: float
    y: float

    @property
    def center(self) -> tuple[float, float]:
        return self.x, self.y


@dataclass(frozen=True, slots=True)
class Circle(_Centered):
    """All points not farther than ``radius`` pixels from ``(x, y)``.

    Examples
    --------
    >>> circle = Circle(10.0, 20.0, 5.0)
    >>> circle.inside(np.array([13.0, 14.0]), np.array([24.0, 24.0]))
    array([ True, False])
    >>> round(circle.area, 3), circle.bounds
    (78.54, (5.0, 15.0, 15.0, 25.0))
    """

    x: float
    y: float
    radius: float

    def __post_init__(self) -> None:
        _check(self, "radius")

    @property
    def bounds(self) -> Bounds:
        return self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius

    @property
    def area(self) -> float:
        return math.pi * self.radius**2

    def inside(self, x: FloatArray, y: FloatArray) -> BoolArray:
        return np.asarray((x - self.x) ** 2 + (y - self.y) ** 2 <= self.radius**2)

    def outline(self, n: int = 100) -> tuple[FloatArray, FloatArray]:
        angle = _around(n)
        return self.x + self.radius * np.cos(angle), self.y + self.radius * np.sin(angle)

    def scaled(self, factor: float) -> Circle:
        return replace(self, radius=self.radius * factor)


@dataclass(frozen=True, slots=True)
class Ellipse(_Centered):
    """An ellipse with half axes ``a`` and ``b`` pixels, the first of which points to ``angle_deg``.

    Examples
    --------
    >>> ellipse = Ellipse(0.0, 0.0, 4.0, 2.0, 90.0)
    >>> ellipse.inside(np.array([0.0, 3.0]), np.array([3.0, 0.0]))
    array([ True, False])
    """

    x: float
    y: float
    a: float
    b: float
    angle_deg: float = 0.0

    def __post_init__(self) -> None:
        _check(self, "a", "b")

    @property
    def bounds(self) -> Bounds:
        cosine, sine = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        width, height = math.hypot(self.a * cosine, self.b * sine), math.hypot(self.a * sine, self.b * cosine)
        return self.x - width, self.y - height, self.x + width, self.y + height

    @property
    def area(self) -> float:
        return math.pi * self.a * self.b

    def inside(self, x: FloatArray, y: FloatArray) -> BoolArray:
        u, v = _along(x, y, self.center, self.angle_deg)
        return np.asarray((u / self.a) ** 2 + (v / self.b) ** 2 <= 1.0)

    def outline(self, n: int = 100) -> tuple[FloatArray, FloatArray]:
        angle = _around(n)
        return _turned(self.a * np.cos(angle), self.b * np.sin(angle), self.center, self.angle_deg)

    def scaled(self, factor: float) -> Ellipse:
        return replace(self, a=self.a * factor, b=self.b * factor)


@dataclass(frozen=True, slots=True)
class Annulus(_Centered):
    """What is between two circles, or two ellipses of one form; the inner outline does not belong to it.

    ``inner`` and ``outer`` are radii or first half axes, ``ratio`` the second half axis over the first.

    Examples
    --------
    >>> round(Annulus(0.0, 0.0, 1.0, 2.0).area / np.pi, 12)
    3.0
    """

    x: float
    y: float
    inner: float
    outer: float
    ratio: float = 1.0
    angle_deg: float = 0.0

    def __post_init__(self) -> None:
        _check(self, "outer", "ratio")
        if not 0 <= self.inner < self.outer:
            text = f"inner and outer radius of annulus are {self.inner} and {self.outer}, expected 0 <= inner < outer"
            raise UsageError("usage.region", text, "give the smaller one first")

    def _ellipse(self, a: float) -> Ellipse:
        return Ellipse(self.x, self.y, a, a * self.ratio, self.angle_deg)

    @property
    def bounds(self) -> Bounds:
        return self._ellipse(self.outer).bounds

    @property
    def area(self) -> float:
        return math.pi * self.ratio * (self.outer - self.inner) * (self.outer + self.inner)

    def inside(self, x: FloatArray, y: FloatArray) -> BoolArray:
        u, v = _along(x, y, self.center, self.angle_deg)
        square = u**2 + (v / self.ratio) ** 2
        return np.asarray((square <= self.outer**2) & ((square > self.inner**2) | (self.inner == 0)))

    def outline(self, n: int = 100) -> tuple[FloatArray, FloatArray]:
        if not self.inner:
            return self._ellipse(self.outer).outline(n)
        rings = [self._ellipse(a).outline(n) for a in (self.outer, self.inner)]
        x, y = (np.concatenate((rings[0][axis], [np.nan], rings[1][axis])) for axis in (0, 1))
        return x, y

    def scaled(self, factor: float) -> Annulus:
        return replace(self, inner=self.inner * factor, outer=self.outer * factor)


@dataclass(frozen=True, slots=True)
class Box(_Centered):
    """A rectangle of ``width`` times ``height`` pixels, turned by ``angle_deg``.

    Examples
    --------
    >>> Box(0.0, 0.0, 4.0, 2.0, 90.0).inside(np.array([0.0, 1.5]), np.array([1.5, 0.0]))
    array([ True, False])
    """

    x: float
    y: float
    width: float
    height: float
    angle_deg: float = 0.0

    def __post_init__(self) -> None:
        _check(self, "width", "height")

    @property
    def bounds(self) -> Bounds:
        return _box_of(*self.outline())

    @property
    def area(self) -> float:
        return self.width * self.height

    def inside(self, x: FloatArray, y: FloatArray) -> BoolArray:
        u, v = _along(x, y, self.center, self.angle_deg)
        return np.asarray((2 * np.abs(u) <= self.width) & (2 * np.abs(v) <= self.height))

    def outline(self, n: int = 100) -> tuple[FloatArray, FloatArray]:
        """Return its corners, whatever ``n``."""
        u = np.array([-0.5, 0.5, 0.5, -0.5, -0.5]) * self.width
        v = np.array([-0.5, -0.5, 0.5, 0.5, -0.5]) * self.height
        return _turned(u, v, self.center, self.angle_deg)

    def scaled(self, factor: float) -> Box:
        return replace(self, width=self.width * factor, height=self.height * factor)


@dataclass(frozen=True, slots=True)
class Polygon:
    """A polygon whose sides do not cross; the last corner is joined to the first.

    Examples
    --------
    >>> triangle = Polygon((0.0, 4.0, 0.0), (0.0, 0.0, 3.0))
    >>> triangle.area, triangle.inside(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    (6.0, array([ True, False]))
    """

    corner_x: tuple[float, ...]
    corner_y: tuple[float, ...]

    def __post_init__(self) -> None:
        _check(self)
        if len(self.corner_x) != len(self.corner_y) or len(self.corner_x) < 3 or not self.area > 0:
            text = f"polygon has corners x {self.corner_x} and y {self.corner_y}, expected three or more with an area"
            raise UsageError("usage.region", text, "give x and y of each corner, in the order of the outline")

    def _moments(self) -> tuple[float, float, float]:
        """Return twice the signed area and its product with the center, relative to the first corner."""
        x, y = np.asarray(self.corner_x) - self.corner_x[0], np.asarray(self.corner_y) - self.corner_y[0]
        next_x, next_y = np.roll(x, -1), np.roll(y, -1)
        cross = x * next_y - next_x * y
        return float(cross.sum()), float((cross * (x + next_x)).sum() / 3), float((cross * (y + next_y)).sum() / 3)

    @property
    def bounds(self) -> Bounds:
        return min(self.corner_x), min(self.corner_y), max(self.corner_x), max(self.corner_y)

    @property
    def area(self) -> float:
        return abs(self._moments()[0]) / 2

    @property
    def center(self) -> tuple[float, float]:
        twice, x, y = self._moments()
        return self.corner_x[0] + x / twice, self.corner_y[0] + y / twice

    def inside(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """Tell for each point whether a ray from it to the right crosses the outline an odd number of times."""
        inside = np.zeros(np.shape(x), dtype=bool)
        ends = np.column_stack((self.corner_x, self.corner_y))
        for (x0, y0), (x1, y1) in zip(ends, np.roll(ends, -1, axis=0), strict=True):
            if y0 != y1:
                across = (y >= min(y0, y1)) & (y < max(y0, y1))
                inside ^= across & (x <= x0 + (y - y0) * ((x1 - x0) / (y1 - y0)))
        return inside

    def outline(self, n: int = 100) -> tuple[FloatArray, FloatArray]:
        """Return its corners, whatever ``n``."""
        return np.array([*self.corner_x, self.corner_x[0]]), np.array([*self.corner_y, self.corner_y[0]])

    def scaled(self, factor: float) -> Polygon:
        x, y = self.center
        corners = (tuple(x + factor * (value - x) for value in self.corner_x),)
        return Polygon(*corners, tuple(y + factor * (value - y) for value in self.corner_y))


@dataclass(frozen=True, slots=True)
class Pie(_Centered):
    """The sector of an annulus from ``start_deg`` counter-clockwise to ``stop_deg``.

    Examples
    --------
    >>> quarter = Pie(0.0, 0.0, 1.0, 3.0, 0.0, 90.0)
    >>> quarter.inside(np.array([1.5, -1.5, 0.5]), np.array([1.5, 1.5, 0.5]))
    array([ True, False, False])
    >>> round(quarter.area / np.pi, 12)
    2.0
    """

    x: float
    y: float
    inner: float
    outer: float
    start_deg: float
    stop_deg: float

    def __post_init__(self) -> None:
        _check(self, "outer")
        Annulus(self.x, self.y, self.inner, self.outer)

    @property
    def span_deg(self) -> float:
        """Its opening angle: above 0, at most 360 degrees."""
        return (self.stop_deg - self.start_deg) % 360.0 or 360.0

    @property
    def bounds(self) -> Bounds:
        turns = np.arange(0.0, 720.0, 90.0) + 360.0 * (self.start_deg // 360.0)
        stop_deg = self.start_deg + self.span_deg
        ends = [self.start_deg, stop_deg]
        angle = np.radians([*ends, *turns[(turns > self.start_deg) & (turns < stop_deg)]])
        radius = np.array([[self.inner], [self.outer]])
        return _box_of(self.x + radius * np.cos(angle), self.y + radius * np.sin(angle))

    @property
    def area(self) -> float:
        return math.radians(self.span_deg) / 2 * (self.outer - self.inner) * (self.outer + self.inner)

    def inside(self, x: FloatArray, y: FloatArray) -> BoolArray:
        angle = np.degrees(np.arctan2(y - self.y, x - self.x))
        within = Annulus(self.x, self.y, self.inner, self.outer).inside(x, y)
        return np.asarray(within & ((angle - self.start_deg) % 360.0 <= self.span_deg))

    def outline(self, n: int = 100) -> tuple[FloatArray, FloatArray]:
        angle = _around(n // 2, self.start_deg, self.start_deg + self.span_deg)
        radius = np.repeat([self.outer, self.inner, self.outer], [len(angle), len(angle), 1])
        angle = np.concatenate((angle, angle[::-1], angle[:1]))
        return self.x + radius * np.cos(angle), self.y + radius * np.sin(angle)

    def scaled(self, factor: float) -> Pie:
        return replace(self, inner=self.inner * factor, outer=self.outer * factor)
