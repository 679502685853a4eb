"""How much a source varies beyond what counting photons explains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["chi2_probability", "constant_rate_chi2", "excess_factor", "is_constant"]

FloatArray = NDArray[np.float64]

_ROUNDING = 1e-11  # a spread below this part of the mean is rounding, not signal


def is_constant(values: FloatArray) -> bool:
    """Tell whether ``values`` have no spread beyond rounding; True for fewer than two."""
    if len(values) < 2:
        return True
    mean = float(np.mean(values))
    spread = float(np.sqrt(np.sum((values - mean) ** 2)))
    return not spread > _ROUNDING * abs(mean)


def excess_factor(counts: FloatArray, variance: FloatArray) -> float | None:
    """Return the spread of the counts in units of the spread that their errors predict.

    Parameters
    ----------
    counts : ndarray, shape (n,), ct
        Counts of the bins, background subtracted.
    variance : ndarray, shape (n,), ct2
        Propagated variance of ``counts``.

    Returns
    -------
    float or None
        ``stdev(counts) / sqrt(mean(variance))``, about 1 for a constant source seen in equal bins; None for fewer
        than two bins or without variance.

    Examples
    --------
    >>> excess_factor(np.array([2.0, 6.0]), np.array([4.0, 4.0]))
    1.0
    """
    if len(counts) < 2 or not np.sum(variance) > 0:
        return None
    return float(np.std(counts) / np.sqrt(np.mean(variance)))


def constant_rate_chi2(
    counts: FloatArray, variance: FloatArray, exposure_s: FloatArray
) -> tuple[float, FloatArray] | None:
    """Return chi-square of the counts against a constant rate, and the variances it was weighed with.

    A bin expects its share by live time of the total counts, and its variance is the same share of the total
    variance. Bins with few counts do not get small variances for being low, which is what biases a chi-square
    weighed with the error of each bin.

    Parameters
    ----------
    counts, variance : ndarray, shape (n,), ct and ct2
        Background-subtracted counts and their propagated variance.
    exposure_s : ndarray, shape (n,), seconds
        Live time of the bins, all above zero.

    Returns
    -------
    chi2 : float
        The statistic, with ``n - 1`` degrees of freedom.
    expected_variance : ndarray, shape (n,), ct2
        Variance of each bin under the constant rate.

    None stands for both where there are fewer than two bins or no variance.

    Examples
    --------
    >>> chi2, _ = constant_rate_chi2(np.array([2.0, 6.0]), np.array([2.0, 6.0]), np.array([1.0, 1.0]))
    >>> chi2
    2.0
    """
    total_variance = float(np.sum(variance))
    if len(counts) < 2 or not total_variance > 0:
        return None
    share = exposure_s / np.sum(exposure_s)
    expected_variance = total_variance * share
    residual = counts - np.sum(counts) * share
    return float(np.sum(residual**2 / expected_variance)), expected_variance


def chi2_probability(chi2: float, expected_variance: FloatArray) -> float:
    """Return the probability that a constant source gives this chi-square or a larger one.

    With few counts a bin the statistic does not follow the chi-square distribution: its variance stays close to
    ``2 dof`` when the rate comes from the same bins (Haldane 1937, Biometrika 29, 133), but its skewness grows. It is
    matched here by a shifted gamma distribution of the same first three moments (the fit of Pearson 1959, Biometrika
    46, 364): mean ``dof``, variance ``2 dof`` and third cumulant ``8 dof + 4 sum(1 / v)``, with ``dof = n - 1`` and the
    variances ``v`` of the bins (for photons of weight one, their expected counts). For many counts it is the plain
    distribution; the stated rate of false alarms holds down to 0.05 counts a bin (tests/science simulates it).

    Parameters
    ----------
    chi2 : float
        The statistic of :func:`constant_rate_chi2`.
    expected_variance : ndarray, shape (n,), ct2
        The variances it was weighed with, n at least 2.

    Examples
    --------
    >>> round(chi2_probability(16.27, np.full(4, 1e6)), 4)  # the plain distribution, 3 degrees of freedom
    0.001
    """
    from scipy.special import gammaincc

    dof = len(expected_variance) - 1
    variance, third = 2 * dof, 8 * dof + 4 * float(np.sum(1 / expected_variance))
    shape, theta = 4 * variance**3 / third**2, third / (2 * variance)
    start = dof - shape * theta
    return float(gammaincc(shape, max(chi2 - start, 0.0) / theta))
