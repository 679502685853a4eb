"""Regions as text: the language of DS9, with the ``&``, ``*`` and ``!`` of its kin."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from hstlc.errors import UsageError
from hstlc.regions.kinds import FORMS, Points, ShapeRow, row_of, shape_of
from hstlc.regions.region import Component, Region
from hstlc.regions.shapes import Shape
from hstlc.regions.sky import SkyPixels

__all__ = ["Statements", "parse_region", "region_text"]

Place: TypeAlias = Callable[[float, float], tuple[float, float]]

#: Frames of positions: what astropy calls them; '' for pixels of the event list.
_FRAMES = {
    "icrs": "icrs", "fk5": "fk5", "j2000": "fk5", "fk4": "fk4", "b1950": "fk4", "galactic": "galactic",
    "ecliptic": "barycentricmeanecliptic", "physical": "", "image": "",
}  # fmt: skip
_IN_DEGREES = ("galactic", "barycentricmeanecliptic")  # even where minutes and seconds are given
_SHAPE = re.compile(r"\s*([-+!&*|\s]*?)([A-Za-z]\w*)\s*\(([^()]*)\)\s*")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_LENGTH = re.compile(rf"({_NUMBER})\s*([\"'dprim]?)")
_SEXAGESIMAL = re.compile(r"([-+]?)(\d+)(:|h|d)(\d+)(?::|m)(\d+\.?\d*|\.\d+)s?", re.IGNORECASE)
_ARCSEC = {'"': 1.0, "'": 60.0, "d": 3600.0, "r": math.degrees(1.0) * 3600.0}
_HINT = "write it like 'icrs; circle(150.1, 2.2, 12\")' or, in pixels of the event list, 'circle(4096.5, 4096.5, 25)'"


def _wrong(message: str, hint: str = _HINT) -> UsageError:
    return UsageError("usage.region", message, hint)


@dataclass
class Statements:
    """What was read so far: the shapes of a line, or of all lines of one name.

    Attributes
    ----------
    components : list of Component
    without : list of Shape
        Shapes with a minus, which are cut from all components.
    """

    components: list[Component] = field(default_factory=list)
    without: list[Shape] = field(default_factory=list)

    def add(self, operators: str, shape: Shape) -> None:
        """Add a shape, and what is written before it."""
        excluded = "-" in operators or "!" in operators
        if "&" in operators or "*" in operators:
            if not self.components:
                raise _wrong("'&' needs a shape on its left")
            last = self.components[-1]
            key = "excluded" if excluded else "included"
            self.components[-1] = replace(last, **{key: (*getattr(last, key), shape)})
        elif excluded:
            self.without.append(shape)
        else:
            self.components.append(Component((shape,)))

    def region(self, *without: Shape) -> Region:
        """Return what it all makes."""
        if not self.components:
            raise _wrong("the region excludes, but nothing is included")
        return Region(tuple(self.components)).excluding(*(Region.of(shape) for shape in (*self.without, *without)))


def parse_region(text: str, sky: SkyPixels | None) -> Region:
    """Return the region that one line of DS9 text describes.

    A line has a frame (``icrs``, ``fk5``, ``fk4``, ``galactic``, ``ecliptic``; ``physical`` and ``image`` are the
    pixels of the event list, as is no frame) and shapes, with ``;`` between them. Shapes are joined; one with ``-`` or
    ``!`` before it is cut from all others, one with ``&`` or ``*`` before it limits the shape on its left. Positions
    are degrees, or hours and degrees with minutes and seconds; lengths have ``"``, ``'``, ``d``, ``p``, or nothing for
    degrees on the sky and pixels otherwise. Angles are counted from +x, on the sky from west to north.

    Parameters
    ----------
    text : str
    sky : SkyPixels or None
        Plane of the event list; None: it is not known, and positions must be pixels.

    Raises
    ------
    UsageError
        ``usage.region``: text that is no region, with what was expected.

    Examples
    --------
    >>> sky = SkyPixels(150.0, 2.5, 100.0, 100.0, -0.5 / 3600, 0.5 / 3600)
    >>> region = parse_region('icrs; circle(150.0, 2.5, 5"); -circle(150.0, 2.5, 2")', sky)
    >>> region.inside([100.0, 109.0], [100.0, 100.0])
    array([False,  True])
    """
    frame, found = "physical", Statements()
    for statement in statements(text.partition("#")[0]):
        if statement.lower() in _FRAMES:
            frame = statement.lower()
            continue
        for operators, shape in shapes(statement, frame, sky):
            found.add(operators, shape)
    if not found.components and not found.without:
        raise _wrong(f"'{text.strip()}' has no shape")
    return found.region()


def statements(line: str) -> Iterator[str]:
    """Yield what a line has between semicolons."""
    for part in line.split(";"):
        statement = part.strip().removesuffix("||").strip()
        if statement:
            yield statement


def is_frame(statement: str) -> bool:
    """Tell whether a statement is the name of a frame."""
    return statement.lower() in _FRAMES


def shapes(statement: str, frame: str, sky: SkyPixels | None) -> Iterator[tuple[str, Shape]]:
    """Yield the operators before each shape of a statement, and the shape."""
    position = 0
    while position < len(statement):
        match = _SHAPE.match(statement, position)
        if match is None:
            raise _wrong(f"'{statement[position:].strip()}' is not a frame or a shape with numbers in parentheses")
        operators, kind, arguments = match.groups()
        if kind.lower() not in FORMS:
            raise _wrong(f"'{kind}' is no shape with an area", f"expected one of {', '.join(FORMS)}")
        yield operators, shape_of(_row(kind.lower(), arguments, frame, sky))
        position = match.end()


def _row(kind: str, arguments: str, frame: str, sky: SkyPixels | None) -> ShapeRow:
    words = [word for word in re.split(r"[,\s]+", arguments.strip()) if word]
    form = _form(kind, words)
    on_sky = bool(_FRAMES[frame])
    points: list[tuple[float, float]] = []
    lengths: list[float] = []
    angles: list[float] = []
    place = _placing(frame, sky)
    north = 90.0
    rest = iter(words)
    for code in form:
        if code == "p":
            first, second = next(rest), next(rest)
            if not on_sky and ":" in first:  # of a file without a frame
                on_sky, place = True, _placing("icrs", sky)
            if not on_sky:
                points.append((_number(first.rstrip("pi")), _number(second.rstrip("pi"))))
                continue
            where = _degrees(first, _FRAMES[frame] not in _IN_DEGREES), _degrees(second, False)
            if not points:
                north = _north(*where, place)
            points.append(place(*where))
        elif code == "r":
            lengths.append(_length(next(rest), on_sky, sky))
        elif code == "a":
            angles.append(_number(next(rest)) + north - 90.0)
        elif _number(next(rest)) != 1:
            raise _wrong(f"{kind}({arguments}) has several parts", "write each part as a shape of its own")
    return ShapeRow(kind, tuple(points), tuple(lengths), tuple(angles))


def _form(kind: str, words: list[str]) -> str:
    """Return which of the forms of a shape has as many numbers."""
    for form in FORMS[kind]:
        if form == "p*" and len(words) >= 6 and len(words) % 2 == 0:
            return "p" * (len(words) // 2)
        if len(form) + form.count("p") == len(words) and form != "p*":
            return form
    numbers = " or ".join("6, 8, ..." if form == "p*" else str(len(form) + form.count("p")) for form in FORMS[kind])
    raise _wrong(f"{kind} has {len(words)} numbers, expected {numbers}")


def _number(word: str) -> float:
    if re.fullmatch(_NUMBER, word) is None:
        raise _wrong(f"'{word}' is not a number")
    return float(word)


def _degrees(word: str, hours: bool) -> float:
    """Return a coordinate in degrees; with ``hours``, one with minutes and seconds counts them."""
    match = _SEXAGESIMAL.fullmatch(word)
    if match is None:
        return _number(word.removesuffix("d"))
    sign, whole, mark, minutes, seconds = match.groups()
    if float(minutes) >= 60 or float(seconds) >= 60:
        raise _wrong(f"'{word}' has 60 or more minutes or seconds")
    value = int(whole) + int(minutes) / 60 + float(seconds) / 3600
    in_hours = mark.lower() == "h" or (mark == ":" and hours)
    return (-value if sign == "-" else value) * (15.0 if in_hours else 1.0)


def _length(word: str, on_sky: bool, sky: SkyPixels | None) -> float:
    match = _LENGTH.fullmatch(word)
    if match is None or match[2] == "m":
        raise _wrong(f"'{word}' is not a length")
    unit = match[2] or ("d" if on_sky else "p")
    if unit in "pi":
        return float(match[1])
    if sky is None:
        raise _wrong(f"'{word}': the event list does not say how large its pixels are", "give it in pixels")
    return float(match[1]) * _ARCSEC[unit] / sky.scale_arcsec


def _placing(frame: str, sky: SkyPixels | None) -> Place:
    """Return the function from a position in a frame to pixels."""
    name = _FRAMES[frame]
    if not name:
        return lambda x, y: (x, y)
    if sky is None:
        raise _wrong(f"{frame}: the event list does not say where its pixels are on the sky", "give it in pixels")
    plane = sky

    def place(longitude: float, latitude: float) -> tuple[float, float]:
        where = f"{longitude:g}, {latitude:g}"
        if not abs(latitude) <= 90:
            raise _wrong(f"the latitude or declination of {where} is not within 90 degrees")
        if name != "icrs":
            from astropy.coordinates import SkyCoord

            icrs = SkyCoord(longitude, latitude, unit="deg", frame=name).icrs
            longitude, latitude = icrs.ra.deg, icrs.dec.deg
        x, y = plane.pixel(longitude, latitude)
        if np.isnan(x):
            raise _wrong(f"{where} is more than 90 degrees from the event list", "give a position in its field")
        return float(x), float(y)

    return place


def _north(longitude: float, latitude: float, place: Place) -> float:
    """Return where the latitude of a frame grows: degrees counter-clockwise from +x."""
    step = 1e-4 if latitude < 89.9 else -1e-4
    (x0, y0), (x1, y1) = place(longitude, latitude), place(longitude, latitude + step)
    return math.degrees(math.atan2((y1 - y0) * step, (x1 - x0) * step))


def region_text(region: Region, sky: SkyPixels) -> str:
    """Return a region as one line of text, in ICRS degrees and arcseconds, that :func:`parse_region` reads back."""
    cut = {shape: None for component in region.components for shape in component.excluded}  # in order, each once
    everywhere = [shape for shape in cut if _cuts_all(shape, region)]
    parts = []
    for component in region.components:
        terms = [_shape_text(shape, sky) for shape in component.included]
        terms += [f"!{_shape_text(shape, sky)}" for shape in component.excluded if shape not in everywhere]
        parts.append(" & ".join(terms))
    return "; ".join(["icrs", *parts, *(f"-{_shape_text(shape, sky)}" for shape in everywhere)])


def _cuts_all(shape: Shape, region: Region) -> bool:
    """Tell whether a shape is cut from all components that it reaches."""
    alone = Region.of(shape)
    return all(
        shape in component.excluded or Region((component,)).excluding(alone).components == (component,)
        for component in region.components
    )


def _shape_text(shape: Shape, sky: SkyPixels) -> str:
    row = row_of(shape)
    points: Points = tuple((float(ra), float(dec)) for ra, dec in (sky.sky(*point) for point in row.points))
    turn = 90.0 - sky.north_deg(*points[0])
    rest_r, rest_a = iter(row.lengths), iter(row.angles)
    words: list[str] = []
    number = len(row.lengths) + len(row.angles)
    form = next((f for f in FORMS[row.kind] if f.count("r") + f.count("a") == number), "p")
    for code in form if form != "p*" else "p" * len(points):
        match code:
            case "p":
                ra, dec = points[len(words) // 2] if row.kind == "polygon" else points[0]
                words += [f"{ra:.8f}", f"{dec:.8f}"]
            case "r":
                words.append(f'{next(rest_r) * sky.scale_arcsec:.5f}"')
            case "a":
                words.append(f"{(next(rest_a) + turn) % 360.0:.5f}")
            case _:
                words.append("1")
    return f"{row.kind}({', '.join(words)})"
