"""Where on the detector source and background of STIS spectra are taken, order by order.

The x1d states places in low-resolution pixels (1024 x 1024), events have pixels of the high-resolution frame (2048 x
2048), both counted from 1. The archive's own task that turns event lists into images doubles reference pixels so that
``high = 2 low - 0.5``; heights and distances double.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hstlc.missions.hst.exposure import Spectrum
from hstlc.missions.hst.stis_read import StisOrder

__all__ = [
    *("NOBODY", "SIZE", "Region", "claims", "free_areas", "high", "low", "nearest", "on_detector", "regions"),
    "source_areas",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
PlaceMap = NDArray[np.int16]

#: Columns and rows of the high-resolution frame.
SIZE = 2048

#: In a map of regions: pixels of none.
NOBODY = -1


def low(pixel: FloatArray) -> FloatArray:
    """Return low-resolution places of high-resolution ones, both counted from 1."""
    return np.asarray((pixel + 0.5) / 2)


def high(pixel: FloatArray) -> FloatArray:
    """Return high-resolution places of low-resolution ones, both counted from 1.

    Examples
    --------
    >>> high(np.array([1.0, 100.0])), low(np.array([1.5]))
    (array([  1.5, 199.5]), array([1.]))
    """
    return np.asarray(2 * pixel - 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """The boxes of one order; arrays have one entry a column 0, 1 ... 2048, of which 0 is not on the detector.

    Attributes
    ----------
    name : str
        SPORDER as text.
    spectrum : Spectrum
    background_ct_s : ndarray of float64, shape (n,), counts / s
        BACKGROUND of the x1d.
    trace : ndarray of float64, shape (2049,), pixels
        Middle of the source box.
    wavelength_aa : ndarray of float64, shape (2049,), Angstrom
    half : float, pixels
        The source box reaches so far to either side of the trace, the limits included.
    beside : tuple of (ndarray, ndarray)
        First and last row of each background box in each column; the last is before the first where the box is off the
        detector.
    """

    name: str
    spectrum: Spectrum
    background_ct_s: FloatArray
    trace: FloatArray
    wavelength_aa: FloatArray
    half: float
    beside: tuple[tuple[IntArray, IntArray], ...]

    def in_background(self, x: IntArray, y: IntArray) -> BoolArray:
        """Tell which events are in a background box, whoever else claims their pixel."""
        inside = np.zeros(len(x), dtype=bool)
        for first, last in self.beside:
            near = np.flatnonzero((y >= first.min()) & (y <= last.max()))
            column, row = x.take(near), y.take(near)
            inside[near] |= (row >= first.take(column)) & (row <= last.take(column))
        return inside


def regions(orders: Sequence[StisOrder]) -> tuple[Region, ...]:
    """Return the boxes of the orders that the archive extracted; rows of zeros are orders beside the detector."""
    return tuple(_region(order) for order in orders if _is_usable(order))


def _is_usable(order: StisOrder) -> bool:
    known = len(order.trace) > 1 and bool(
        np.isfinite(order.trace).all() and np.isfinite(order.spectrum.wavelength_aa).all()
    )
    return known and order.size > 0 and bool((order.spectrum.net != 0).any())


def _region(order: StisOrder) -> Region:
    trace = high(_at_columns(order.trace))
    beside = tuple(
        _rows(trace + 2 * offset, size)
        for offset, size in zip(order.offsets, order.sizes, strict=True)
        if np.isfinite(offset) and size > 0
    )
    wavelength_aa = _at_columns(order.spectrum.wavelength_aa)
    return Region(str(order.order), order.spectrum, order.background, trace, wavelength_aa, order.size, beside)


def _at_columns(values: FloatArray) -> FloatArray:
    """Return a function of low-resolution columns at high-resolution ones, straight on beyond the first and last."""
    at, n = low(np.arange(SIZE + 1, dtype=np.float64)), len(values)
    inside = np.interp(at, np.arange(1, n + 1), values)
    before, after = np.minimum(at - 1, 0), np.maximum(at - n, 0)
    return np.asarray(inside + before * (values[1] - values[0]) + after * (values[-1] - values[-2]))


def _rows(middle: FloatArray, half: float) -> tuple[IntArray, IntArray]:
    """Return first and last row on the detector within ``half`` of the middle."""
    first = np.maximum(np.ceil(middle - half), 1).astype(np.int64)
    last = np.minimum(np.floor(middle + half), SIZE).astype(np.int64)
    return np.minimum(first, SIZE + 1), np.maximum(last, np.minimum(first, SIZE + 1) - 1)


def on_detector(x: IntArray, y: IntArray) -> BoolArray:
    """Tell which events are on the detector: the Doppler correction shifts some beyond its edge."""
    return np.asarray((x >= 1) & (x <= SIZE) & (y >= 1) & (y <= SIZE))


def claims(found: Sequence[Region]) -> PlaceMap:
    """Return whose source box each pixel is in, ``[row, column]``: the index of a region or :data:`NOBODY`.

    A pixel in several boxes belongs to the region whose trace is nearest.
    """
    owner = np.full((SIZE + 1, SIZE + 1), NOBODY, dtype=np.int16)
    closest = np.full((SIZE + 1, SIZE + 1), np.inf, dtype=np.float32)
    columns = np.arange(1, SIZE + 1)
    for number, region in enumerate(found):
        first, last = _rows(region.trace, region.half)
        for row in range(int(first[1:].min()), int(last[1:].max()) + 1):
            inside = columns[(row >= first[1:]) & (row <= last[1:])]
            distance = np.abs(row - region.trace[inside]).astype(np.float32)
            nearer = distance < closest[row, inside]
            owner[row, inside[nearer]] = number
            closest[row, inside[nearer]] = distance[nearer]
    return owner


def nearest(found: Sequence[Region]) -> PlaceMap:
    """Return the index of the region whose trace is nearest to each pixel, ``[row, column]``; at least one region."""
    upward = sorted(range(len(found)), key=lambda number: float(found[number].trace[SIZE // 2]))
    place = np.zeros((SIZE + 1, SIZE + 1), dtype=np.int16)
    rows = np.arange(SIZE + 1)[:, None]
    for below, above in pairwise(upward):
        place += rows > (found[below].trace + found[above].trace) / 2
    return np.asarray(np.array(upward, dtype=np.int16)[place])


def source_areas(owner: PlaceMap, good: BoolArray, number: int) -> IntArray:
    """Return how many good pixels of each column are in the source box of a region."""
    return np.asarray(((owner == number) & good).sum(axis=0), dtype=np.int64)


def free_areas(owner: PlaceMap, good: BoolArray, region: Region) -> IntArray:
    """Return how many good pixels of each column are in the background boxes and in no source box."""
    inside = np.zeros(SIZE + 1, dtype=np.int64)
    column = np.arange(SIZE + 1)
    taken = np.zeros((SIZE + 1, SIZE + 1), dtype=bool)  # boxes that overlap are counted once
    for first, last in region.beside:
        low_row, high_row = int(first[1:].min()), int(last[1:].max())
        for row in range(low_row, high_row + 1):
            here = (row >= first) & (row <= last) & (column >= 1) & ~taken[row]
            taken[row] |= here
            inside += here & (owner[row] == NOBODY) & good[row]
    return inside
