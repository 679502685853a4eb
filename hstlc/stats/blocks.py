"""How many stretches of one rate a light curve has: Bayesian blocks."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.stats.bayesian_blocks import PointMeasures

__all__ = ["block_starts", "count_blocks"]

FloatArray = NDArray[np.float64]

_FEWEST_CELLS, _MOST_CELLS = 64, 512  # the work grows with their square
_BINS_A_CELL = 12  # of long light curves: so the work grows as fast as the rest of the statistics does
_COUNTS = 20.0  # variance of a cell from which its error is a normal one


def count_blocks(
    dataset: NDArray[np.integer],
    counts: FloatArray,
    variance: FloatArray,
    exposure_s: FloatArray,
    chance: float = 1e-3,
) -> int | None:
    """Return the number of Bayesian blocks: stretches of one rate that explain a light curve best.

    Those of Scargle et al. (2013, ApJ 764, 167), with the fitness of measurements with normal errors (their equation
    41) and the price of a block that makes one too many with a probability of ``chance`` (their equation 21), as
    :func:`astropy.stats.bayesian_blocks` has them.

    Bins are first put together to cells of one dataset each: their work grows with the square of the number of cells,
    and their errors must be normal ones. There are at most 64 cells for up to 768 bins and a twelfth of the bins
    beyond, at most 512, and one more a dataset; each has at least 20 counts, but for the last of a dataset.
    A cell's error is that of a constant rate or of its own counts, whichever is larger. Gaps do not count.

    Parameters
    ----------
    dataset : ndarray of int, shape (n,)
        Number of the exposure of each bin.
    counts, variance, exposure_s : ndarray, shape (n,), ct, ct2, seconds
        Background-subtracted counts, their variance and live time (above zero), in the order of time.
    chance : float

    Returns
    -------
    int or None
        None without variance, and where more than 512 datasets would take too long.

    Examples
    --------
    >>> counts = np.repeat([20.0, 60.0, 20.0], [100, 40, 100])
    >>> count_blocks(np.ones(240, dtype=int), counts, counts, np.full(240, 2.0))
    3
    """
    found = block_starts(dataset, counts, variance, exposure_s, chance)
    return None if found is None else len(found)


def block_starts(
    dataset: NDArray[np.integer],
    counts: FloatArray,
    variance: FloatArray,
    exposure_s: FloatArray,
    chance: float = 1e-3,
) -> NDArray[np.int64] | None:
    """Return the first bin of each of the blocks that :func:`count_blocks` counts, by its row; None as there.

    Rows are those of the bins ordered by dataset, which they are in a light curve.

    Examples
    --------
    >>> counts = np.repeat([20.0, 60.0, 20.0], [100, 40, 100])
    >>> block_starts(np.ones(240, dtype=int), counts, counts, np.full(240, 2.0))
    array([  0, 100, 140])
    """
    total, n = float(np.sum(variance)), len(counts)
    if not total > 0:
        return None
    number = np.unique(dataset, return_inverse=True)[1]
    order = np.argsort(number, kind="stable")
    number, counts, variance, exposure_s = number[order], counts[order], variance[order], exposure_s[order]
    most = min(max(n // _BINS_A_CELL, _FEWEST_CELLS), _MOST_CELLS)
    size = max(-(-n // most), math.ceil(min(_COUNTS * n / total, n)))
    bins = np.bincount(number)
    place = np.arange(n) - (np.cumsum(bins) - bins)[number]
    first = np.flatnonzero(place % size == 0)
    if len(bins) > _MOST_CELLS:
        return None
    if len(first) == 1:
        return first
    counts, variance, live_s = (np.add.reduceat(values, first) for values in (counts, variance, exposure_s))
    error = np.sqrt(np.maximum(variance, total * live_s / np.sum(live_s))) / live_s
    edges = _fitness()(p0=chance).fit(np.arange(len(first), dtype=np.float64), counts / live_s, error)
    inner = np.ceil(np.asarray(edges[1:-1])).astype(np.int64)  # half-way between two cells
    return first[np.concatenate(([0], inner))]


@cache
def _fitness() -> type[PointMeasures]:
    from astropy.stats.bayesian_blocks import PointMeasures

    class Measures(PointMeasures):  # type: ignore[misc]
        """Says once which sums it takes: to read that off the signature for each cell takes thrice as long."""

        _fitness_args = ("a_k", "b_k")

    return Measures
