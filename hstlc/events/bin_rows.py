"""Sums per bin of events that come in blocks: to the last digit what one sum in order of the events gives."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BinRows"]

FloatArray = NDArray[np.float64]


_BLOCK = 2**16 + 1


@lru_cache(maxsize=1)
def _ones_and_places(n: int) -> tuple[FloatArray, NDArray[np.int32]]:
    return np.ones(n), np.arange(n, dtype=np.int32)


class BinRows:
    """Which rows of a block of events fall into which bin, made once and used for several sums.

    Parameters
    ----------
    index : ndarray of int64, shape (n,)
        Bin of each row, 0 or more.
    reached : int
        Highest bin of the blocks before. Where bins only rise, from block to block too, the sum of a bin is a product
        of a sparse matrix with the values, a fifth of the work of :func:`numpy.bincount`; both add one value after the
        other.

    Examples
    --------
    >>> total = np.array([1.0, 0.0, 0.0])
    >>> BinRows(np.array([0, 0, 2]), 0).add(total, np.array([0.5, 0.25, 2.0]))
    >>> total
    array([1.75, 0.  , 2.  ])
    """

    def __init__(self, index: NDArray[np.int64], reached: int = 0) -> None:
        self.index = index
        self.rising = len(index) > 0 and index[0] >= reached and not (index[1:] < index[:-1]).any()
        self.reached = max(reached, int(index[-1] if self.rising else index.max(initial=0)))
        if not self.rising:
            return
        first, last = int(index[0]), int(index[-1])
        self.bins = slice(first, last + 1)
        if 8 * (last - first) < len(index):
            edges = np.searchsorted(index, np.arange(first + 1, last + 1))
            self._edges = np.concatenate(([0], edges, [len(index)]))
        else:
            self._edges = np.concatenate(([0], np.cumsum(np.bincount(index - first))))
        self._matrix: Any = None

    def count(self, total: FloatArray, rows: NDArray[np.int64]) -> None:
        """Add to ``total`` how many of some rows, given in increasing order, are in each bin."""
        if self.rising:
            total[self.bins] += np.diff(np.searchsorted(rows, self._edges))
        else:
            total += np.bincount(self.index[rows], minlength=len(total))

    def add(self, total: FloatArray, values: FloatArray) -> None:
        """Add to ``total``, which holds the sums of the blocks before, the values of the rows, in their order."""
        if not self.rising:
            every = np.arange(len(total))
            weights = np.concatenate((total, values))
            total[:] = np.bincount(np.concatenate((every, self.index)), weights=weights, minlength=len(total))
            return
        n = len(values)
        if self._matrix is None:
            from scipy.sparse import csr_array

            # the first bin goes on from the block before: its sum so far is the value before its first row
            edges = (self._edges + 1).astype(np.int32)
            edges[0] = 0
            ones, places = _ones_and_places(max(n + 1, _BLOCK))
            self._matrix = csr_array((ones[: n + 1], places[: n + 1], edges), shape=(len(edges) - 1, n + 1))
        padded = np.empty(n + 1)
        padded[0], padded[1:] = total[self.bins.start], values
        sums = self._matrix @ padded
        sums[1:] += total[self.bins.start + 1 : self.bins.stop]
        total[self.bins] = sums
