"""Pixels that count without light: a table that can be longer than ours.

What ships are three bad columns of pn (Strüder et al. 2001, A&A 365, L18). Lists of hot pixels by revolution, such as
those that were made for the 4XMM catalogs, are not at hand here; they are read from a CSV file of the columns
:data:`COLUMNS`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UsageError

__all__ = ["BAD_COLUMNS", "COLUMNS", "HotPixels", "hot_pixels", "on_hot_pixel", "on_pn_border"]

COLUMNS = ("camera", "ccd", "rawx", "rawy_first", "rawy_last", "revolution_first", "revolution_last")

_EVER = 100_000  # more revolutions than there will be


@dataclass(frozen=True, slots=True)
class HotPixels:
    """Pixels of one column of one CCD, first and last included, and the revolutions in which they are hot."""

    camera: str
    ccd: int
    rawx: int
    rawy_first: int
    rawy_last: int
    revolution_first: int = 0
    revolution_last: int = _EVER


#: Columns of pn that are bad for good.
BAD_COLUMNS: tuple[HotPixels, ...] = tuple(
    HotPixels("pn", ccd, column, 1, 200) for ccd, column in ((4, 12), (5, 11), (10, 28))
)

#: Pixels of pn this far from the border of a CCD, by submode: first and last RAWX, first and last RAWY that stay.
_BORDERS: Mapping[str, tuple[int, int, int, int]] = {
    "PRIMEFULLWINDOW": (5, 60, 24, 196),
    "PRIMEFULLWINDOWEXTENDED": (5, 60, 24, 196),
    "PRIMELARGEWINDOW": (5, 60, 1, 196),
}


def hot_pixels(path: str) -> tuple[HotPixels, ...]:
    """Return the bad columns and what a table adds to them.

    Parameters
    ----------
    path : str
        CSV file; '' for none.

    Raises
    ------
    UsageError
        ``usage.hot-pixels``: no such file, or not a table of :data:`COLUMNS`.

    Examples
    --------
    >>> len(hot_pixels(""))
    3
    """
    if not path:
        return BAD_COLUMNS
    hint = f"give a CSV file whose first line is {','.join(COLUMNS)}"
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError("usage.hot-pixels", f"{path} cannot be read: {error}", hint, path=path) from error
    found = []
    for line, row in enumerate(rows, 2):
        try:
            camera = row["camera"].strip().lower()
            if camera not in ("pn", "m1", "m2"):
                raise ValueError(f"camera {camera!r} is none of pn, m1, m2")
            found.append(HotPixels(camera, *(int(row[name]) for name in COLUMNS[1:])))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError("usage.hot-pixels", f"{path}, line {line}: {error}", hint, path=path) from error
    return (*BAD_COLUMNS, *found)


def on_hot_pixel(
    table: Sequence[HotPixels],
    camera: str,
    revolution: int | None,
    ccd: NDArray[Any],
    raw_x: NDArray[Any],
    raw_y: NDArray[Any],
) -> NDArray[np.bool_]:
    """Tell for each event whether it is of a hot pixel.

    Parameters
    ----------
    table : sequence of HotPixels
    camera : str
    revolution : int or None
        None: not known, and only what is always bad counts.
    ccd, raw_x, raw_y : ndarray of int, shape (n,)

    Examples
    --------
    >>> on_hot_pixel(BAD_COLUMNS, "pn", 100, np.array([4, 4, 5]), np.array([12, 13, 12]), np.array([7, 7, 7]))
    array([ True, False, False])
    """
    hot = np.zeros(len(ccd), dtype=bool)
    for ccd_number in {one.ccd for one in table if one.camera == camera}:
        map_ = np.zeros((1024, 1024), dtype=bool)
        for one in table:
            if (one.camera, one.ccd) != (camera, ccd_number):
                continue
            always = (one.revolution_first, one.revolution_last) == (0, _EVER)
            if always or (revolution is not None and one.revolution_first <= revolution <= one.revolution_last):
                map_[max(one.rawx, 0), max(one.rawy_first, 0) : one.rawy_last + 1] = True
        rows = np.flatnonzero(ccd == ccd_number)
        x, y = np.clip(raw_x[rows], 0, 1023), np.clip(raw_y[rows], 0, 1023)
        hot[rows] = map_[x, y]
    return hot


def on_pn_border(submode: str, raw_x: NDArray[Any], raw_y: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell for each event of pn whether it is within three pixels of the border of its CCD.

    Examples
    --------
    >>> on_pn_border("PrimeFullWindow", np.array([4, 5, 30]), np.array([100, 100, 23]))
    array([ True, False,  True])
    """
    limits = _BORDERS.get(submode.strip().upper())
    if limits is None:
        return np.zeros(len(raw_x), dtype=bool)
    x_first, x_last, y_first, y_last = limits
    return np.asarray((raw_x < x_first) | (raw_x > x_last) | (raw_y < y_first) | (raw_y > y_last))
