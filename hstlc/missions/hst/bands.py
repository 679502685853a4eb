"""Wavelength bands that get a light curve of their own: lines of the transition region, and free windows.

A band holds its shorter edge and not its longer one, so that an event is in one of two bands side by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from hstlc.units import parse_range

__all__ = ["LINES_AA", "covering", "parse_bands"]

Range = tuple[float, float]

#: Lines that vary with a star's activity, and stretches beside Mg II, Angstrom: the bands of ULLYSES' light curves.
LINES_AA: Mapping[str, Range] = {
    "NV": (1238.0, 1243.0),
    "SiIV": (1393.0, 1404.0),
    "CIV": (1547.0, 1552.0),
    "HeII": (1638.0, 1642.0),
    "NUV2325": (2323.0, 2327.0),
    "NUV2670": (2668.0, 2672.0),
    "MgII": (2794.0, 2798.0),
}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,31}")


def parse_bands(texts: Iterable[str]) -> dict[str, Range]:
    """Return the bands that texts ask for, Angstrom, by name.

    Parameters
    ----------
    texts : iterable of str
        Each the name of one of :data:`LINES_AA`, blanks and case of no matter, or a name and a range.

    Raises
    ------
    ValueError
        An unknown line, a range that is none, a name given twice.

    Examples
    --------
    >>> parse_bands(["C IV", "blue = 1150 Angstrom .. 1190 Angstrom"])
    {'CIV': (1547.0, 1552.0), 'blue': (1150.0, 1190.0)}
    """
    lines = {name.lower(): name for name in LINES_AA}
    found: dict[str, Range] = {}
    for text in texts:
        left, equals, right = text.partition("=")
        name = left.strip() if equals else lines.get(left.replace(" ", "").lower(), "")
        if not equals and not name:
            raise ValueError(
                f"{text!r} is none of the lines {', '.join(LINES_AA)}; a window is written like"
                " 'blue = 1150 Angstrom .. 1190 Angstrom'"
            )
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot name a band: at most 32 letters, digits, points and hyphens")
        if name.lower() in (known.lower() for known in found):
            raise ValueError(f"the band {name} is given twice")
        found[name] = parse_range(right, "Angstrom") if equals else LINES_AA[name]
    return found


def covering(band: Range, seen: Mapping[str, Sequence[float] | None]) -> list[str]:
    """Return the segments that see all of a band, by their shortest and longest wavelengths.

    Examples
    --------
    >>> covering((1393.0, 1404.0), {"A": (1291.0, 1430.0), "B": (1135.0, 1276.0), "C": None})
    ['A']
    """
    return [part for part, limits in seen.items() if limits and limits[0] <= band[0] and band[1] <= limits[1]]
