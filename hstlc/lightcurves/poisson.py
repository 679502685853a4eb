"""Limits of few counts, with and without background.

Limits are of 68.27 %, as one sigma is, unless said otherwise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ONE_SIGMA", "garwood_limits", "gehrels_upper_error", "kraft_limits", "li_ma_significance", "net_limits"]

FloatArray = NDArray[np.float64]

ONE_SIGMA = 0.6827

#: From so many counts on the limits are those of a normal distribution.
_MANY = 10

#: Steps in which a limit is found, to the last digits; those of Newton where they stay within what is left.
_STEPS = 11
_CLOSE = 1e-13  # of a limit: it does not move any more

#: Where the incomplete gamma function of the background still is a number.
_SMALLEST = 1e-280


def garwood_limits(counts: ArrayLike, level: float = ONE_SIGMA) -> tuple[FloatArray, FloatArray]:
    """Return the limits of a Poisson mean: Garwood (1936, Biometrika 28, 437), equal tails.

    Parameters
    ----------
    counts : array_like, shape (n,)
        Whole numbers, 0 or more.
    level : float
        Probability between the limits.

    Returns
    -------
    low, high : ndarray of float64, shape (n,), counts

    Examples
    --------
    >>> low, high = garwood_limits([0, 5])
    >>> low.round(3), high.round(3)
    (array([0.  , 2.84]), array([1.841, 8.383]))
    """
    from scipy.special import gammaincinv

    n, back = np.unique(np.asarray(counts, dtype=np.float64), return_inverse=True)
    low = np.where(n > 0, gammaincinv(np.maximum(n, 1), (1 - level) / 2), 0.0)
    high = gammaincinv(n + 1, (1 + level) / 2)
    shape = np.shape(counts)
    return low[back].reshape(shape), high[back].reshape(shape)


def gehrels_upper_error(counts: ArrayLike) -> FloatArray:
    """Return ``1 + sqrt(N + 0.75)``: Gehrels (1986, ApJ 303, 336), eq. 7.

    Examples
    --------
    >>> gehrels_upper_error([0, 1, 5]).round(3)
    array([1.866, 2.323, 3.398])
    """
    return np.asarray(1 + np.sqrt(np.asarray(counts, dtype=np.float64) + 0.75))


def kraft_limits(counts: ArrayLike, background: ArrayLike, level: float = ONE_SIGMA) -> tuple[FloatArray, FloatArray]:
    """Return the limits of a source's mean counts above a known background.

    The shortest interval of the posterior of a mean that is 0 or more: Kraft, Burrows & Nousek (1991, ApJ 374, 344),
    eqs. 8 and 9. It never is empty, however few counts there are.

    Parameters
    ----------
    counts : array_like, shape (n,)
        Whole numbers, 0 or more.
    background : array_like, shape (n,)
        Mean counts of the background among them.
    level : float
        Probability between the limits.

    Returns
    -------
    low, high : ndarray of float64, shape (n,), counts

    Examples
    --------
    >>> low, high = kraft_limits([5, 0], [1.0, 1.0])
    >>> low.round(2), high.round(2)
    (array([2.06, 0.  ]), array([6.63, 1.15]))
    """
    shape = np.broadcast_shapes(np.shape(counts), np.shape(background))
    pairs = np.stack(
        [np.broadcast_to(np.asarray(one, dtype=np.float64), shape).ravel() for one in (counts, background)]
    )
    if not pairs.size:
        return np.zeros(shape), np.zeros(shape)
    (n, b), back = np.unique(pairs, axis=1, return_inverse=True)
    low, high = _kraft(n, b, level)
    back = np.reshape(back, shape)
    return low[back], high[back]


def _kraft(n: FloatArray, b: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    from scipy.special import gammaincc, gammainccinv, ndtri

    above = gammaincc(n + 1, b)  # of the mean of all counts, what is possible with this background
    # far above any source the posterior is an exponential
    hopeless = above < _SMALLEST
    n, b = np.where(hopeless, 0.0, n), np.where(hopeless, 0.0, b)
    above = gammaincc(n + 1, b)

    def upper(low: FloatArray) -> FloatArray:
        rest = gammaincc(n + 1, b + low) - level * above
        return np.where(rest > 0, gammainccinv(n + 1, np.maximum(rest, _SMALLEST)) - b, np.inf)

    def density(s: FloatArray) -> FloatArray:
        return np.where(n > 0, n * np.log(s + b), 0.0) - s

    zero = np.zeros(len(n))
    bottom, top = zero, np.maximum(n - b, 0.0)  # up to the most probable mean
    low = np.clip(top - ndtri((1 + level) / 2) * np.sqrt(n), 0.1 * top, 0.9 * top)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        at_zero = density(zero) >= density(upper(zero))
        done = at_zero.copy()
        for _ in range(_STEPS):
            far = upper(low)
            excess = density(low) - density(far)  # the same at both limits of the shortest interval
            slope = n / (low + b) - 1 - (n / (far + b) - 1) * np.exp(excess)
            below = np.isfinite(far) & (excess < 0)
            bottom, top = np.where(below, low, bottom), np.where(below, top, low)
            step = low - excess / slope
            closer = np.where((step >= bottom) & (step <= top), step, (bottom + top) / 2)
            low, done = np.where(done, low, closer), done | (np.abs(closer - low) <= _CLOSE * closer)
            if done.all():  # each stays as it was found, so that it does not depend on the others
                break
    low = np.where(at_zero, 0.0, low)
    return low, upper(low)


def li_ma_significance(counts: ArrayLike, background_counts: ArrayLike, scale: ArrayLike) -> FloatArray:
    """Return by how many sigma a source stands out: Li & Ma (1983, ApJ 272, 317), eq. 17; negative for too few counts.

    Parameters
    ----------
    counts, background_counts : array_like
        Events in the source region and in the background region.
    scale : array_like
        Exposure of the source region, in area and time, over that of the background region.

    Examples
    --------
    >>> float(li_ma_significance(51, 695, 1791.6773 / 42646).round(3))
    3.554
    """
    from scipy.special import xlogy

    on, off, ratio = (np.asarray(one, dtype=np.float64) for one in (counts, background_counts, scale))
    total = np.maximum(on + off, 1e-300)
    deviance = xlogy(on, (1 + ratio) / ratio * on / total) + xlogy(off, (1 + ratio) * off / total)
    return np.asarray(np.sign(on - ratio * off) * np.sqrt(2 * np.maximum(deviance, 0.0)))


def net_limits(
    counts: ArrayLike,
    background_counts: ArrayLike,
    scale: ArrayLike,
    exposure_s: ArrayLike,
    variance: ArrayLike | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return the limits of the net rate of each bin.

    From 10 counts on they are one standard deviation, ``sqrt(N + scale^2 B)``, on either side. Below, they are those of
    Garwood where there is no background region, else those of Kraft, Burrows & Nousek with the background expected.

    Parameters
    ----------
    counts, background_counts : array_like, shape (n,)
        Events in the source region and in the background region.
    scale : array_like, shape (n,) or scalar
        Exposure of the source region over that of the background region; 0 everywhere: there is none.
    exposure_s : array_like, shape (n,), seconds
        Live time.
    variance : array_like, shape (n,), optional
        Of the net counts, where they are a sum over cameras of different scales.

    Returns
    -------
    low, high : ndarray of float64, shape (n,), counts / s
        NaN without live time.

    Examples
    --------
    >>> low, high = net_limits([0, 100], [0, 0], 0.0, 10.0)
    >>> low, high.round(3)
    (array([0., 9.]), array([ 0.184, 11.   ]))
    """
    n, b, r, live = np.broadcast_arrays(
        *(np.asarray(one, dtype=np.float64) for one in (counts, background_counts, scale, exposure_s))
    )
    net = n - r * b
    deviation = np.sqrt(n + r**2 * b if variance is None else np.asarray(variance, dtype=np.float64))
    low, high = net - deviation, net + deviation
    few = n < _MANY
    if few.any():
        found = kraft_limits(n[few], (r * b)[few]) if (r > 0).any() else garwood_limits(n[few])
        low[few], high[few] = found
    live = np.where(live > 0, live, np.nan)
    return low / live, high / live
