"""Which events lie in a region, without looking at all of them once for each region.

The rows of a list are sorted by the cell of a grid that they are in, once; a region then tests the rows of the cells
that its bounding box touches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Area", "SkyIndex"]

Bounds = tuple[float, float, float, float]

#: Cells along each axis at most: their numbers fit into 16 bits, which NumPy sorts by radix.
_CELLS = 256

#: Rows whose cells are computed at a time.
_BLOCK = 2**17

#: Rows that show how far the positions reach.
_SAMPLE = 20_000

#: The grid covers this part of the positions along each axis and a margin of so much of it; others, such as numbers
#: that stand for no position, share the cells of the border.
_REACH, _MARGIN = (0.05, 0.95), 0.15


class Area(Protocol):
    """A region of the plane, as far as finding its events needs it."""

    @property
    def bounds(self) -> Bounds:
        """A box around it: x from, y from, x to, y to."""

    def inside(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell for each position whether it lies in the region."""


class SkyIndex:
    """The rows of an event list by where they fell.

    Making it takes about 30 ns an event, and 4 bytes of memory; finding those of a small region some ten microseconds.

    Parameters
    ----------
    x, y : ndarray, shape (n,), pixels
        Positions, which are not copied. Rows that are not finite are in no region.
    cell : float, pixels, optional
        Width of a cell; by default, and at least, what makes 256 of them along the longer side of the field.
    keep : ndarray of bool, shape (n,), optional
        Rows to look at; others are in no region.

    Examples
    --------
    >>> class Box:
    ...     bounds = (0.0, 0.0, 2.0, 2.0)
    ...
    ...     def inside(self, x, y):
    ...         return (x < 2) & (y < 2)
    >>> SkyIndex(np.array([5.0, 1.0, 0.5]), np.array([5.0, 1.0, 1.5])).rows(Box())
    array([1, 2])
    """

    def __init__(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        cell: float | None = None,
        keep: NDArray[np.bool_] | None = None,
    ) -> None:
        self.x, self.y = x, y
        keep = np.ones(len(x), dtype=bool) if keep is None else keep
        if x.dtype.kind == "f" or y.dtype.kind == "f":
            keep = keep & np.isfinite(x) & np.isfinite(y)
        number = int(np.count_nonzero(keep))
        step = max(1, number // _SAMPLE)
        sample = np.concatenate([rows[-place.start % step :: step] for place, rows in _blocks(keep)])
        (self._x0, x1), (self._y0, y1) = _reach(x[sample]), _reach(y[sample])
        self.cell = max(float(cell or 0), max(x1 - self._x0, y1 - self._y0) / (_CELLS - 2), 1e-9)
        cells = np.empty(number, dtype=np.uint16)
        counts = np.zeros(_CELLS**2, dtype=np.int64)
        for place, rows in _blocks(keep):
            column, line = self._axis(x[rows], self._x0), self._axis(y[rows], self._y0)
            cells[place] = line * _CELLS + column
            counts += np.bincount(cells[place], minlength=_CELLS**2)
        self._starts = np.concatenate(([0], np.cumsum(counts)))
        self._rows = np.empty(number, dtype=np.int32)
        free = self._starts[:-1].copy()  # where the next row of each cell goes
        for place, rows in _blocks(keep):  # sorted one by one: to sort all at once takes 16 bytes a row more
            own = cells[place]
            counts = np.bincount(own, minlength=_CELLS**2)
            order = np.argsort(own, kind="stable")
            shift = free - (np.cumsum(counts) - counts)
            self._rows[shift[own[order]] + np.arange(len(own))] = rows[order]
            free += counts

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, region: Area) -> NDArray[np.int64]:
        """Return the rows of the events inside a region, increasing."""
        candidates = self._candidates(region.bounds)
        return np.sort(candidates[region.inside(self.x[candidates], self.y[candidates])])

    def within(self, bounds: Bounds) -> NDArray[np.int64]:
        """Return the rows of the events in a box ``(x from, y from, x to, y to)``, with its limits, increasing."""
        rows = self._candidates(bounds)
        x, y = self.x[rows], self.y[rows]
        return np.sort(rows[(x >= bounds[0]) & (x <= bounds[2]) & (y >= bounds[1]) & (y <= bounds[3])])

    def _candidates(self, bounds: Bounds) -> NDArray[np.int64]:
        first, last = (int(at) for at in self._axis(np.array(bounds[::2]), self._x0))
        low, high = (int(at) for at in self._axis(np.array(bounds[1::2]), self._y0))
        if last < first or high < low:
            return np.zeros(0, dtype=np.int64)
        lines = np.arange(low, high + 1) * _CELLS
        edges = zip(self._starts[lines + first].tolist(), self._starts[lines + last + 1].tolist(), strict=True)
        return np.concatenate([self._rows[a:b] for a, b in edges]).astype(np.int64)

    def _axis(self, values: NDArray[Any], origin: float) -> NDArray[np.int32]:
        """Return the number of the cell along an axis; the first and the last reach to infinity.

        However it is rounded, it never falls where a position grows: all events of a box are in the cells of its ends.
        """
        cells = values.astype(np.float32)
        cells -= np.float32(origin)
        cells *= np.float32(1.0 / self.cell)
        cells += np.float32(1.0)
        np.clip(cells, 0.0, _CELLS - 1.0, out=cells)
        return cells.astype(np.int32)


def _reach(values: NDArray[Any]) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = (float(value) for value in np.quantile(values, _REACH))
    return low - _MARGIN * (high - low), high + _MARGIN * (high - low)


def _blocks(keep: NDArray[np.bool_]) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Yield the rows that are kept, block by block, and which of all that are kept they are; at least one block."""
    done = 0
    for start in range(0, max(len(keep), 1), _BLOCK):
        rows = np.flatnonzero(keep[start : start + _BLOCK]) + start
        yield slice(done, done + len(rows)), rows
        done += len(rows)
