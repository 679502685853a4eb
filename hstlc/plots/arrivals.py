"""What a page shows of the arrivals of a source: blocks, the Gregory-Loredo curve, counts against live time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hstlc.events.live_clock import LiveClock
from hstlc.model import LightCurve
from hstlc.stats.arrival_blocks import arrival_blocks
from hstlc.stats.arrival_summary import arrival_clock, arrival_odds
from hstlc.stats.arrival_tests import Uniformity, spread_over_frames, uniformity
from hstlc.stats.gregory_loredo import GregoryLoredo

__all__ = ["CHANCES", "ArrivalView", "Cumulative", "Steps", "arrival_view"]

FloatArray = NDArray[np.float64]

#: Chances of one Bayesian block too many that a page shows.
CHANCES = (0.05, 0.01)

_MOST_POINTS = 2000  # of the cumulative counts


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Rates that are constant between edges.

    Attributes
    ----------
    start_s, stop_s : ndarray of float64, shape (k,), seconds
        After the reference of the light curve; a gap between two blocks is in neither.
    rate : ndarray of float64, shape (k,), ct/s
        Events per live second.
    """

    start_s: FloatArray
    stop_s: FloatArray
    rate: FloatArray

    def __len__(self) -> int:
        return len(self.rate)


@dataclass(frozen=True, slots=True, eq=False)
class Cumulative:
    """Events so far against live time so far, from nothing to all; long lists are thinned.

    Attributes
    ----------
    live_s : ndarray of float64, shape (m,), seconds
    counts : ndarray of float64, shape (m,), ct
    """

    live_s: FloatArray
    counts: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ArrivalView:
    """What the arrivals of a light curve show.

    Attributes
    ----------
    arrivals : int
        Events outside of background flares.
    live_s : float, seconds
        Live time outside of them.
    blocks : tuple of Steps
        Bayesian blocks for each of :data:`CHANCES`.
    odds : GregoryLoredo or None
    tests : Uniformity or None
    cumulative : Cumulative
    """

    arrivals: int
    live_s: float
    blocks: tuple[Steps, ...]
    odds: GregoryLoredo | None
    tests: Uniformity | None
    cumulative: Cumulative


def arrival_view(curve: LightCurve) -> ArrivalView | None:
    """Return what the arrivals of a curve show; None where it carries none, or nothing was live.

    Arrivals in bins that a background flare overlaps are left out, as they are of the statistics
    (:mod:`hstlc.stats.arrival_summary`). Events of the background that fell into the source region are among them.
    """
    if curve.arrivals is None:
        return None
    clock = arrival_clock(curve)
    if not clock.total > 0:
        return None
    time_s = curve.arrivals.time_s[clock.good.contains(curve.arrivals.time_s)]
    live_s = clock.before(time_s)
    spread_s = clock.before(spread_over_frames(time_s, curve.arrivals.frame_s))
    return ArrivalView(
        len(time_s),
        clock.total,
        tuple(_blocks(live_s, clock, chance) for chance in CHANCES),
        arrival_odds(curve, clock),
        uniformity(spread_s, clock.total),
        cumulative(np.sort(spread_s), clock.total),
    )


def cumulative(live_s: FloatArray, total_live_s: float, most: int = _MOST_POINTS) -> Cumulative:
    """Return how many events there were before each event and at the end.

    Parameters
    ----------
    live_s : ndarray of float64, shape (n,), seconds
        Live time before each event, in order.
    total_live_s : float, seconds
    most : int
        Points; of more events every second, third ... one is shown, and always the end.

    Examples
    --------
    >>> found = cumulative(np.array([1.0, 4.0]), 10.0)
    >>> found.live_s, found.counts
    (array([ 0.,  1.,  4., 10.]), array([0., 1., 2., 2.]))
    """
    step = max(1, -(-len(live_s) // most))
    number = np.arange(step - 1, len(live_s), step)
    shown_s = np.concatenate(([0.0], live_s[number], [total_live_s]))
    return Cumulative(shown_s, np.concatenate(([0.0], number + 1.0, [float(len(live_s))])))


def _blocks(live_s: FloatArray, clock: LiveClock, chance: float) -> Steps:
    found = arrival_blocks(live_s, clock.total, chance)
    edges = found.edges_live_s
    return Steps(np.asarray(clock.time_at(edges[:-1], "right")), np.asarray(clock.time_at(edges[1:])), found.rate)
