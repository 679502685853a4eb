"""A map of the whole sky as SVG: where the targets are, equal areas equally large."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from hstlc.db.overview import Place

__all__ = ["MOST_MARKS", "Mark", "galactic_plane", "hammer", "sky_map", "sky_marks"]

#: With more targets than this, marks are of cells of the sky.
MOST_MARKS = 500

_WIDTH, _HEIGHT, _SCALE = 740.0, 380.0, 125.0
_CENTER_RA = 180.0
_CELL_DEG = 7.5
_NORTH_POLE = (192.859481, 27.128251)  # ICRS, of the Galaxy: The Hipparcos Catalogue (1997), vol. 1, section 1.5.3
_NODE_DEG = 32.931918  # longitude of the ascending node of its plane on the equator, ibid.


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark on the map.

    Attributes
    ----------
    ra_deg, dec_deg : float, deg
        ICRS.
    title : str
        What is there.
    href : str
        Where it leads to.
    number : int
        Exposures, or targets of a cell: the more, the larger it is.
    """

    ra_deg: float
    dec_deg: float
    title: str
    href: str
    number: int


def hammer(ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where places are on the map, in radians from its center, east to the left.

    Hammer's equal-area projection with 12 h in the middle: Calabretta & Greisen 2002, A&A 395, 1077, equations
    105-107 (``AIT``).

    Parameters
    ----------
    ra_deg, dec_deg : array_like, shape (n,), deg

    Returns
    -------
    x, y : numpy.ndarray, shape (n,)
        From -2.83 to 2.83 and from -1.42 to 1.42.

    Examples
    --------
    >>> [float(value) for value in hammer(180.0, 0.0)]
    [0.0, 0.0]
    """
    half = np.radians((_CENTER_RA - np.mod(np.asarray(ra_deg, dtype=float), 360.0)) / 2)
    dec = np.radians(np.asarray(dec_deg, dtype=float))
    gamma = np.sqrt(2 / (1 + np.cos(dec) * np.cos(half)))
    return 2 * gamma * np.cos(dec) * np.sin(half), gamma * np.sin(dec)


def galactic_plane(points: int = 181) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return right ascension and declination in degrees along the plane of the Galaxy, in order of right ascension."""
    along = np.radians(np.linspace(0.0, 360.0, points) - _NODE_DEG)
    pole_ra, pole_dec = np.radians(_NORTH_POLE)
    dec = np.degrees(np.arcsin(np.sin(along) * np.cos(pole_dec)))
    east = np.arctan2(-np.cos(along), np.sin(along) * np.sin(pole_dec))
    ra = np.mod(np.degrees(pole_ra + np.pi - east), 360.0)
    order = np.argsort(ra)
    return ra[order], dec[order]


def sky_marks(places: Iterable[Place], mission: str = "", most: int = MOST_MARKS) -> list[Mark]:
    """Return a mark for each target, or for each cell of the sky with targets where there are too many.

    Parameters
    ----------
    places : iterable of Place
    mission : str
        '': of all missions.
    most : int
        Most targets that have a mark of their own.
    """
    targets: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        if not mission or place.mission == mission:
            targets[place.name].append(place)
    if len(targets) > most:
        return _cells([seen[0] for seen in targets.values()], mission)
    marks = []
    for name, seen in targets.items():
        number = sum(place.exposures for place in seen)
        exposures = f"{number} exposure{'' if number == 1 else 's'}"
        href = f"/target/{quote(name, safe='')}"
        marks.append(Mark(seen[0].ra_deg, seen[0].dec_deg, f"{name}, {exposures}", href, number))
    return marks


def _cells(targets: Sequence[Place], mission: str) -> list[Mark]:
    """Return a mark for each cell with targets; all cells are about 7.5 degrees wide and high."""
    ra = np.mod([place.ra_deg for place in targets], 360.0)
    dec = np.array([place.dec_deg for place in targets])
    bands = round(180 / _CELL_DEG)
    band = np.clip(((dec + 90) / _CELL_DEG).astype(int), 0, bands - 1)
    center = -90 + (np.arange(bands) + 0.5) * _CELL_DEG
    around = np.maximum(1, np.round(360 / _CELL_DEG * np.cos(np.radians(center)))).astype(int)
    cell = np.minimum((ra / 360 * around[band]).astype(int), around[band] - 1)
    pairs, numbers = np.unique(np.stack((band, cell)), axis=1, return_counts=True)
    chosen = f"&mission={quote(mission, safe='')}" if mission else ""
    marks = []
    for (i, j), number in zip(pairs.T.tolist(), numbers.tolist(), strict=True):
        width = 360.0 / around[i]
        ra_deg, dec_deg = (j + 0.5) * width, float(center[i])
        radius = 0.01 + math.hypot(
            _CELL_DEG / 2, width / 2 * math.cos(math.radians(max(0.0, abs(dec_deg) - _CELL_DEG / 2)))
        )
        href = f"/targets?ra={ra_deg:.2f}&dec={dec_deg:.2f}&radius={radius:.2f}{chosen}"
        title = f"{number} target{'' if number == 1 else 's'} around {ra_deg / 15:.1f} h, {dec_deg:+.0f} deg"
        marks.append(Mark(ra_deg, dec_deg, title, href, number))
    return marks


def sky_map(marks: Sequence[Mark], description: str) -> Markup:
    """Return the map as an SVG element with a grid, its labels and a link for each mark.

    Parameters
    ----------
    marks : sequence of Mark
    description : str
        One sentence that says what the marks are, for those who do not see them.
    """
    parts = [
        Markup(
            '<svg class="sky" viewBox="0 0 {:.0f} {:.0f}" role="group" aria-labelledby="sky-title sky-text">'
        ).format(_WIDTH, _HEIGHT),
        Markup('<title id="sky-title">Targets on the sky</title><desc id="sky-text">{}</desc>').format(description),
        _GRID,
    ]
    if marks:
        x, y = _pixels([mark.ra_deg for mark in marks], [mark.dec_deg for mark in marks])
        largest = max(mark.number for mark in marks)
        circle = Markup('<a href="{}"><title>{}</title><circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/></a>')
        for i in np.argsort([-mark.number for mark in marks], kind="stable").tolist():
            mark = marks[i]
            radius = 3.0 + 5.0 * math.log(mark.number) / math.log(max(largest, 2))
            parts.append(circle.format(mark.href, mark.title, x[i], y[i], radius))
    return Markup("\n").join([*parts, Markup("</svg>")])


def _pixels(ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = hammer(ra_deg, dec_deg)
    return _WIDTH / 2 + _SCALE * x, _HEIGHT / 2 - _SCALE * y


def _line(ra_deg: ArrayLike, dec_deg: ArrayLike) -> str:
    x, y = _pixels(ra_deg, dec_deg)
    return "M" + "L".join(f"{one:.1f},{other:.1f}" for one, other in zip(x.tolist(), y.tolist(), strict=True))


def _grid() -> Markup:
    """Return edge, meridians each 2 h, parallels each 30 degrees, the plane of the Galaxy, and labels."""
    dec, ra = np.linspace(-90, 90, 37), np.linspace(1e-6, 360 - 1e-6, 73)
    edge = _line(np.full(37, 1e-6), dec) + "L" + _line(np.full(37, 360 - 1e-6), dec[::-1])[1:] + "Z"
    lines = "".join(_line(np.full(37, 15.0 * hour), dec) for hour in range(2, 24, 2))
    lines += "".join(_line(ra, np.full(73, float(parallel))) for parallel in range(-60, 90, 30))
    labels = []
    for hour in range(0, 26, 2):
        x, y = (float(value) for value in _pixels(min(max(15.0 * hour, 1e-6), 360 - 1e-6), 0.0))
        few = "" if hour % 6 == 0 else ' class="more"'
        labels.append(f'<text x="{x:.1f}" y="{y + 13:.1f}" text-anchor="middle"{few}>{hour}h</text>')
    for parallel in (-60, -30, 30, 60):
        x, y = (float(value) for value in _pixels(360 - 1e-6, float(parallel)))
        labels.append(f'<text x="{x - 4:.1f}" y="{y + 4:.1f}" text-anchor="end">{parallel:+d}°</text>')
    plane = _line(*galactic_plane())
    return Markup(
        f'<g aria-hidden="true"><path class="edge" d="{edge}"/><path class="grid" d="{lines}"/>'
        f'<path class="galaxy" d="{plane}"/>{"".join(labels)}</g>'
    )


_GRID = _grid()
