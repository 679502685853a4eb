"""Hardness ratios of few counts, from their posterior."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["hardness_ratio"]

FloatArray = NDArray[np.float64]

_CENTRAL = 0.6826894921370859  # probability within one standard deviation of a normal distribution
_STEP = 0.2  # of the root of the number of source events: within it a gamma distribution hardly moves
_ALIKE = 0.05  # of the deviation of the ratio: means of beta distributions that close are one
_MANY = 64  # beta distributions that are not put together
_LEAST_WEIGHT = 1e-7  # of a number of source events, by that of the likeliest


def hardness_ratio(
    hard_counts: int,
    soft_counts: int,
    hard_background: int = 0,
    soft_background: int = 0,
    scale: float = 0.0,
    confidence: float = _CENTRAL,
) -> tuple[float, float, float]:
    """Return ``(hard - soft) / (hard + soft)`` of the rates of a source, with its central interval; positive is harder.

    The model of Park et al. (2006, ApJ 652, 610): counts in the source region are Poisson ones of source and scaled
    background, those of the background region of the background, all rates with a prior proportional to their inverse
    square root. Integrated over the background, the rate of the source has a mixture of gamma distributions, one for
    each number k of events that may be its own; so the ratio has a mixture of beta distributions. Without background
    ``(1 + ratio) / 2`` has the beta distribution of ``hard + 1/2`` and ``soft + 1/2``.

    Parameters
    ----------
    hard_counts, soft_counts : int, ct
        Events in the source region.
    hard_background, soft_background : int, ct
        Events in the background region.
    scale : float
        Area of the source region over that of the background region; 0: there is no background.
    confidence : float
        Probability of the interval; it has as much below as above.

    Returns
    -------
    ratio, low, high : float
        Mean of the posterior and the limits of its central interval.

    Raises
    ------
    ValueError
        A count or the scale is negative.

    Examples
    --------
    >>> [round(value, 3) for value in hardness_ratio(10, 2)]
    [0.615, 0.402, 0.825]
    """
    if min(hard_counts, soft_counts, hard_background, soft_background, scale) < 0:
        raise ValueError("counts and scale of a hardness ratio must not be negative")
    hard, hard_weight = _own_events(hard_counts, hard_background, scale)
    soft, soft_weight = _own_events(soft_counts, soft_background, scale)
    a, b = hard[:, None] + 0.5, soft[None, :] + 0.5
    weight = hard_weight[:, None] * soft_weight[None, :]
    part = float(np.sum(weight * a / (a + b)))
    spread = float(np.sqrt(np.sum(weight * a * (a + 1) / ((a + b) * (a + b + 1))) - part**2))
    mixture = _fewer(a, b, weight, _ALIKE * spread)
    low, high = (_quantile(*mixture, (1 + sign * confidence) / 2, part, spread) for sign in (-1, 1))
    return 2 * part - 1, low, high


def _own_events(counts: int, background: int, scale: float) -> tuple[FloatArray, FloatArray]:
    """Return numbers of events that may be the source's own, and their probabilities.

    Those of the background have a negative binomial distribution, for its rate has a gamma one from its own region; the
    prior of the source adds ``Gamma(k + 1/2) / k!``. Where there are many numbers, means of neighbors stand for them.
    """
    from scipy.special import gammaln

    if scale == 0:
        return np.array([float(counts)]), np.array([1.0])
    own = np.arange(counts + 1.0)
    other = counts - own
    log_weight = gammaln(own + 0.5) - gammaln(own + 1)
    log_weight += gammaln(other + background + 0.5) - gammaln(other + 1) + other * np.log(scale / (1 + scale))
    weight = np.exp(log_weight - np.max(log_weight))
    likely = np.flatnonzero(weight > _LEAST_WEIGHT)
    own, weight = own[likely], weight[likely] / np.sum(weight[likely])
    first = np.flatnonzero(np.diff(np.floor(np.sqrt(own) / _STEP), prepend=-1.0))
    together = np.add.reduceat(weight, first)
    return np.add.reduceat(weight * own, first) / together, together


def _fewer(a: FloatArray, b: FloatArray, weight: FloatArray, step: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Put together what of a mixture of beta distributions has the same mean but for a step, where it is of many."""
    if weight.size <= _MANY:
        return a, b, weight
    place = np.rint((a / (a + b) - 0.5) / step).astype(np.int64)  # the same for exchanged bands
    group = np.unique(place, return_inverse=True)[1].ravel()
    together = np.bincount(group, weights=weight.ravel())
    first, second = (np.bincount(group, weights=(weight * values).ravel()) / together for values in (a, b))
    return np.asarray(first), np.asarray(second), together.astype(np.float64)


def _quantile(a: FloatArray, b: FloatArray, weight: FloatArray, level: float, part: float, spread: float) -> float:
    """Return the ratio below which a mixture of beta distributions, of a mean and a deviation, has a probability.

    Within ``k`` deviations of the mean there is at least ``1 - 1 / k**2`` of any distribution (Chebyshev).
    """
    from scipy.optimize import brentq
    from scipy.special import betainc, ndtri

    def excess(x: float) -> float:
        return float(np.sum(weight * betainc(a, b, x))) - level

    reach = spread / np.sqrt(min(level, 1 - level))
    first, last = max(part - reach, 0.0), min(part + reach, 1.0)
    normal = part + float(ndtri(level)) * spread  # mostly near enough to begin with
    near, far = max(normal - 0.1 * spread, first), min(normal + 0.1 * spread, last)
    if near < far and excess(near) < 0 < excess(far):
        first, last = near, far
    return 2 * float(brentq(excess, first, last, xtol=1e-9)) - 1
