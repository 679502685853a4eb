"""Bands of energy that get light curves of their own, in keV.

A band holds its lower limit and not its upper one, so that an event is in one of two bands side by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hstlc.units import parse_range, to_float

__all__ = ["PRESETS", "parse_bands", "range_text", "widest"]

Range = tuple[float, float]

_CSC: Mapping[str, Range] = {
    "broad": (0.5, 7.0),
    "ultrasoft": (0.2, 0.5),
    "soft": (0.5, 1.2),
    "medium": (1.2, 2.0),
    "hard": (2.0, 7.0),
}

#: Sets of bands by name, keV: those of the Chandra Source Catalog, those that the program Lightcurves had in 2024, and
#: those of the 4XMM catalogs, where ``band8`` is the whole range.
PRESETS: Mapping[str, Mapping[str, Range]] = {
    "csc": _CSC,
    "lightcurves-2024": {
        "broad": (0.15, 7.0),
        "ultrasoft": (0.15, 0.3),
        "soft": (0.3, 1.2),
        "medium": (1.2, 2.0),
        "hard": (2.0, 7.0),
    },
    "4xmm": {
        "band8": (0.2, 12.0),
        "band1": (0.2, 0.5),
        "band2": (0.5, 1.0),
        "band3": (1.0, 2.0),
        "band4": (2.0, 4.5),
        "band5": (4.5, 12.0),
    },
}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,31}")


def parse_bands(texts: Iterable[str], presets: Mapping[str, Mapping[str, Range]] = PRESETS) -> dict[str, Range]:
    """Return the bands that texts ask for, keV, by name.

    Parameters
    ----------
    texts : iterable of str
        Each the name of a preset, which stands for all of its bands, the name of a band of the first preset, or a name
        and a range.
    presets : mapping of str to mapping of str to (float, float)
        Sets of bands, keV.

    Raises
    ------
    ValueError
        An unknown name, a range that is none, a name given twice, no band at all.

    Examples
    --------
    >>> parse_bands(["soft", "iron = 6.2 keV .. 7.2 keV"])
    {'soft': (0.5, 1.2), 'iron': (6.2, 7.2)}
    """
    first = next(iter(presets.values()))
    found: dict[str, Range] = {}
    for text in texts:
        left, equals, right = text.partition("=")
        name = left.strip()
        if equals:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot name a band: at most 32 letters, digits, points and hyphens")
            asked: Mapping[str, Range] = {name: parse_range(right, "keV")}
        elif name in presets:
            asked = presets[name]
        elif name in first:
            asked = {name: first[name]}
        else:
            known = ", ".join((*presets, *first))
            raise ValueError(f"{text!r} is none of {known}; others are written like 'iron = 6.2 keV .. 7.2 keV'")
        twice = sorted({name.lower() for name in asked} & {name.lower() for name in found})
        if twice:
            raise ValueError(f"the band {twice[0]} is given twice")
        found |= asked
    if not found:
        raise ValueError("at least one band is needed, such as 'broad'")
    if any(low < 0 for low, _ in found.values()):
        raise ValueError("energies are not negative")
    return found


def range_text(energy: tuple[Any, Any]) -> str:
    """Return a pair of energies, Quantities or numbers in keV, as the text of a band called ``energy``.

    Raises
    ------
    ValueError
        No pair, or not of energies.

    Examples
    --------
    >>> range_text((0.5, 2))
    'energy = 0.5 keV .. 2.0 keV'
    """
    try:
        low, high = (to_float(value, "keV") for value in energy)
    except TypeError:
        raise ValueError(f"energy={energy!r} is not a pair of energies") from None
    return f"energy = {low!r} keV .. {high!r} keV"


def widest(bands: Mapping[str, Range]) -> str:
    """Return the name of the band that stands for all: the widest, of several the first.

    Examples
    --------
    >>> widest({"soft": (0.5, 1.2), "broad": (0.5, 7.0)})
    'broad'
    """
    return max(bands, key=lambda name: bands[name][1] - bands[name][0])
