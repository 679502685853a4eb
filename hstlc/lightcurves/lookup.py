"""Linear interpolation in a fixed table, a tenth of the time of :func:`numpy.interp` and the same to the last digit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Lookup"]

FloatArray = NDArray[np.float64]

_MOST_CELLS = 2**19
_SLACK = 1e-6  # cells: more than rounding moves a number, far less than the grid points are apart


class Lookup:
    """A function given by its values on an increasing grid, linear between them and 0 outside.

    The range is cut into even cells so narrow that at most one grid point lies in any two of them: the cell of a number
    tells its place in the grid but for one step, and one comparison that step.

    Parameters
    ----------
    grid, values : ndarray of float64, shape (n,)
        At least one point.

    Examples
    --------
    >>> Lookup(np.array([1.0, 2.0, 4.0]), np.array([10.0, 20.0, 0.0]))(np.array([0.5, 1.5, 3.0, 4.0]))
    array([ 0., 15., 10.,  0.])
    """

    def __init__(self, grid: FloatArray, values: FloatArray) -> None:
        self.grid, self.values = grid, values
        self._cells: NDArray[np.intp] | None = None
        narrowest = float(np.diff(grid).min()) if len(grid) > 1 else 0.0
        span = float(grid[-1] - grid[0])
        if not narrowest > 0 or not 2 * span / narrowest < _MOST_CELLS:
            return
        number = int(2.5 * span / narrowest) + 2
        self._per_unit = number / span
        first = np.ceil((grid - grid[0]) * self._per_unit + _SLACK).astype(np.intp)  # cell that begins after a point
        first[0] = 0
        self._cells = np.minimum(np.cumsum(np.bincount(first, minlength=number + 2)) - 1, len(grid) - 2)
        self._slope = np.diff(values) / np.diff(grid)
        self._next = np.append(grid[1:-1], np.inf)

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the function at each ``x``; 0 where it is not a number."""
        if self._cells is None:
            return np.interp(x, self.grid, self.values, left=0.0, right=0.0)
        grid = self.grid
        inside = (x >= grid[0]) & (x <= grid[-1])
        every = bool(inside.all())
        if not every:
            x = np.where(inside, x, grid[0])
        offset = x - grid[0]
        offset *= self._per_unit
        place = self._cells.take(offset.astype(np.intp))
        place += x >= self._next.take(place)
        found = x - grid.take(place)
        found *= self._slope.take(place)
        found += self.values.take(place)
        found[x == grid[-1]] = self.values[-1]
        if not every:
            found[~inside] = 0.0
        return np.asarray(found)
