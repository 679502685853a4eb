"""Stretches of live time in which arrivals have one rate: Bayesian blocks of events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.stats.bayesian_blocks import Events

__all__ = ["ArrivalBlocks", "arrival_blocks"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_CELLS = 4096  # of events in order, beyond which there are even cells: the work grows with their square
_EVEN_CELLS = 2048


@dataclass(frozen=True, slots=True, eq=False)
class ArrivalBlocks:
    """Blocks of one rate each, from the start to the end of the live time.

    Attributes
    ----------
    edges_live_s : ndarray of float64, shape (k + 1,), seconds
        Live time at their edges: of a clock time by :meth:`hstlc.events.live_clock.LiveClock.time_at`.
    counts : ndarray of int64, shape (k,), ct
        Events in each.
    """

    edges_live_s: FloatArray
    counts: IntArray

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def rate(self) -> FloatArray:
        """Events per live second."""
        return np.asarray(self.counts / np.diff(self.edges_live_s))


def arrival_blocks(live_s: FloatArray, total_live_s: float, chance: float = 0.05) -> ArrivalBlocks:
    """Return the blocks of one rate that explain arrivals best.

    Those of Scargle et al. (2013, ApJ 764, 167), with the fitness of events ``N ln (N / T)`` (their equation 19) and
    the price ``4 - ln(73.53 p N^-0.478)`` of a block, which makes one too many with a probability of about p (their
    equation 21), as :func:`astropy.stats.bayesian_blocks` has them. Events of one time are a cell. The first and the
    last block reach to the start and the end of the live time. Of more than 4096 different times the events are counted
    in 2048 even cells. Costs 0.01 s for 500 events and 0.4 s for 4000.

    Parameters
    ----------
    live_s : ndarray of float64, shape (N,), seconds
        Live time before each event, in any order.
    total_live_s : float, seconds
        Above zero.
    chance : float
        Of one block too many.

    Returns
    -------
    ArrivalBlocks
        One block where there are fewer than two different times.

    Examples
    --------
    >>> live_s = np.concatenate([np.arange(80) + 0.5, 80 + 4 * (np.arange(20) + 0.5)])
    >>> found = arrival_blocks(live_s, 160.0)
    >>> found.edges_live_s.round(2), found.counts
    (array([  0.  ,  80.75, 160.  ]), array([80, 20]))
    """
    time_s, counts = np.unique(np.clip(live_s, 0.0, total_live_s), return_counts=True)
    edges = np.array([0.0, total_live_s])
    if len(time_s) >= 2:
        if len(time_s) > _MOST_CELLS:
            time_s, counts = _even_cells(live_s, total_live_s)
        price = _fitness()(p0=chance).compute_ncp_prior(len(time_s))
        # cells without events at both ends: astropy's cells begin with the first time and end with the last
        ends_s, around = _with_ends(time_s, counts, total_live_s)
        edges = _fitness()(ncp_prior=price).fit(ends_s, around)
    inner = np.searchsorted(np.sort(live_s), edges[1:-1])
    return ArrivalBlocks(edges, np.diff(np.concatenate(([0], inner, [len(live_s)]))))


def _even_cells(live_s: FloatArray, total_live_s: float) -> tuple[FloatArray, IntArray]:
    """Return middles and counts of even cells."""
    counts, edges = np.histogram(live_s, _EVEN_CELLS, (0.0, total_live_s))
    return (edges[1:] + edges[:-1]) / 2, counts


def _with_ends(time_s: FloatArray, counts: IntArray, total_live_s: float) -> tuple[FloatArray, IntArray]:
    """Return times and counts with the ends of the live time, where they are not there already."""
    start, stop = [0.0] if time_s[0] > 0 else [], [total_live_s] if time_s[-1] < total_live_s else []
    return (
        np.concatenate((start, time_s, stop)),
        np.concatenate(([0] * len(start), counts, [0] * len(stop))).astype(np.int64),
    )


@cache
def _fitness() -> type[Events]:
    from astropy.stats.bayesian_blocks import Events as AstropyEvents

    class Fitness(AstropyEvents):  # type: ignore[misc]
        """Says once which sums it takes: to read that off the signature for each cell takes thrice as long."""

        _fitness_args = ("N_k", "T_k")

    return Fitness
