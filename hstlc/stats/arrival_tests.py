"""Whether arrivals are uniform in live time, as those of a constant source are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Uniformity", "spread_over_frames", "uniformity"]

FloatArray = NDArray[np.float64]

_MANY = 100  # events from which the smallest distances do not happen
_SEED = 20  # of the places of events within their frames: the same in every run


@dataclass(frozen=True, slots=True)
class Uniformity:
    """Two distances of arrivals from a uniform distribution, and their probabilities by chance.

    Attributes
    ----------
    ks, ks_p : float
        Kolmogorov-Smirnov: the largest distance; most sensitive to shifts in the middle of an observation.
    kuiper, kuiper_p : float
        Kuiper: the sum of the largest distances to both sides; equally sensitive everywhere.
    """

    ks: float
    ks_p: float
    kuiper: float
    kuiper_p: float


def uniformity(live_s: FloatArray, total_live_s: float) -> Uniformity | None:
    """Compare arrivals with a constant source by the tests of Kolmogorov and Smirnov, and of Kuiper.

    The probability of the first is the exact one of ``scipy.stats.kstest``; that of the second is astropy's, with the
    formulas that Paltani (2004, A&A 420, 789) put together. Both are of the constant source: small ones say that it
    varies.

    Parameters
    ----------
    live_s : ndarray of float64, shape (N,), seconds
        Live time before each event, in any order; without ties (:func:`spread_over_frames`).
    total_live_s : float, seconds

    Returns
    -------
    Uniformity or None
        None without events or live time.

    Examples
    --------
    >>> found = uniformity(np.concatenate([np.arange(80) + 0.5, 80 + 4 * (np.arange(20) + 0.5)]), 160.0)
    >>> round(found.ks, 6), f"{found.ks_p:.3e}", round(found.kuiper, 6), f"{found.kuiper_p:.3e}"
    (0.303125, '1.194e-08', 0.30625, '3.201e-07')
    """
    n = len(live_s)
    if n == 0 or not total_live_s > 0:
        return None
    from scipy.stats import kstwo

    part = np.clip(np.sort(live_s) / total_live_s, 0.0, 1.0)
    below = float(np.max(part - np.arange(n) / n))
    above = float(np.max(np.arange(1, n + 1) / n - part))
    ks = max(below, above)
    return Uniformity(ks, float(np.clip(kstwo.sf(ks, n), 0.0, 1.0)), below + above, _kuiper_p(below + above, n))


def _kuiper_p(distance: float, n: int) -> float:
    if n < 2 or (n > _MANY and distance < 3 / n):  # one event has always 1; many have never so little
        return 1.0
    from astropy.stats import kuiper_false_positive_probability

    with np.errstate(over="ignore", invalid="ignore"):
        chance = float(kuiper_false_positive_probability(distance, n))
    return min(max(chance, 0.0), 1.0) if np.isfinite(chance) else 0.0


def spread_over_frames(time_s: FloatArray, frame_s: float) -> FloatArray:
    """Return arrivals at random places within the frames that they were read out with.

    Events of one frame have one time. Ties, and a grid that is coarser than the distance of events, look like
    variability to tests of continuous times. The places are the same in every run.

    Parameters
    ----------
    time_s : ndarray of float64, shape (N,), seconds
        Each at the middle of its frame. The result has them in the same order.
    frame_s : float, seconds
        0 leaves the times as they are.

    Examples
    --------
    >>> spread = spread_over_frames(np.array([1.5, 1.5, 4.5]), 3.0)
    >>> bool(0 <= spread.min() and spread[0] != spread[1] and 3 <= spread[2] <= 6)
    True
    """
    if frame_s <= 0:
        return time_s
    return np.asarray(time_s + np.random.default_rng(_SEED).uniform(-0.5, 0.5, len(time_s)) * frame_s)
