"""The names that region files give shapes, and the numbers that belong to each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from hstlc.errors import UsageError
from hstlc.regions.shapes import Annulus, Box, Circle, Ellipse, Pie, Polygon, Shape

__all__ = ["FORMS", "ShapeRow", "row_of", "shape_of"]

Numbers: TypeAlias = tuple[float, ...]
Points: TypeAlias = tuple[tuple[float, float], ...]

#: What follows a name: p a position, r a length, a an angle, n a number of parts (always 1), * once more as before.
FORMS = MappingProxyType(
    {
        "circle": ("pr",),
        "ellipse": ("prra", "prr", "prrrra", "prrrr"),
        "annulus": ("prr",),
        "elliptannulus": ("prrrra",),
        "box": ("prra", "prr"),
        "rotbox": ("prra",),
        "rectangle": ("pp",),
        "polygon": ("p*",),
        "pie": ("prraa",),
        "panda": ("paanrrn",),
    }
)


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """A shape as files have it: pixels, and degrees counter-clockwise from +x."""

    kind: str
    points: Points
    lengths: Numbers = ()
    angles: Numbers = ()


def _elliptic_annulus(row: ShapeRow) -> Annulus:
    (x, y), (a, b, outer_a, outer_b) = row.points[0], row.lengths
    if not (a > 0 and outer_a > 0) or not math.isclose(b / a, outer_b / outer_a, rel_tol=1e-3):
        text = f"an annulus between ellipses with half axes {a}, {b} and {outer_a}, {outer_b} has no one form"
        raise UsageError("usage.region", text, "write the outer ellipse, and the inner one with a minus before it")
    return Annulus(x, y, a, outer_a, outer_b / outer_a, *row.angles)


def _ellipse(row: ShapeRow) -> Shape:
    return Ellipse(*row.points[0], *row.lengths, *row.angles) if len(row.lengths) == 2 else _elliptic_annulus(row)


def _rectangle(row: ShapeRow) -> Box:
    (x0, y0), (x1, y1) = row.points
    return Box((x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0), abs(y1 - y0))


def _polygon(row: ShapeRow) -> Polygon:
    return Polygon(tuple(x for x, _ in row.points), tuple(y for _, y in row.points))


def _box(row: ShapeRow) -> Box:
    return Box(*row.points[0], *row.lengths, *row.angles)


def _pie(row: ShapeRow) -> Pie:
    return Pie(*row.points[0], *row.lengths, *row.angles)


_MAKERS: MappingProxyType[str, Callable[[ShapeRow], Shape]] = MappingProxyType(
    {
        "circle": lambda row: Circle(*row.points[0], *row.lengths),
        "ellipse": _ellipse,
        "annulus": lambda row: Annulus(*row.points[0], *row.lengths),
        "elliptannulus": _elliptic_annulus,
        "box": _box,
        "rotbox": _box,
        "rectangle": _rectangle,
        "polygon": _polygon,
        "pie": _pie,
        "panda": _pie,
    }
)


def shape_of(row: ShapeRow) -> Shape:
    """Return the shape that a row describes.

    Raises
    ------
    UsageError
        ``usage.region``: a size that is not above 0, a position that is not a number.

    Examples
    --------
    >>> shape_of(ShapeRow("box", ((10.0, 20.0),), (4.0, 2.0), (30.0,)))
    Box(x=10.0, y=20.0, width=4.0, height=2.0, angle_deg=30.0)
    """
    return _MAKERS[row.kind](row)


def row_of(shape: Shape) -> ShapeRow:
    """Return the row that describes a shape: what :func:`shape_of` reads back."""
    point = (shape.center,)
    match shape:
        case Circle():
            return ShapeRow("circle", point, (shape.radius,))
        case Ellipse():
            return ShapeRow("ellipse", point, (shape.a, shape.b), (shape.angle_deg,))
        case Annulus(ratio=1.0):
            return ShapeRow("annulus", point, (shape.inner, shape.outer))
        case Annulus():
            axes = tuple(axis for a in (shape.inner, shape.outer) for axis in (a, a * shape.ratio))
            return ShapeRow("ellipse", point, axes, (shape.angle_deg,))
        case Box():
            return ShapeRow("box", point, (shape.width, shape.height), (shape.angle_deg,))
        case Pie():
            return ShapeRow("panda", point, (shape.inner, shape.outer), (shape.start_deg, shape.stop_deg))
        case Polygon():
            return ShapeRow("polygon", tuple(zip(shape.corner_x, shape.corner_y, strict=True)))
        case _:
            raise TypeError(f"{type(shape).__name__} is no shape of this package")
