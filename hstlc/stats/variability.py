"""How much a source varies beyond what counting photons explains."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "between_datasets",
    "chi2_probability",
    "constant_rate_chi2",
    "correlation",
    "excess_factor",
    "excess_variance",
    "fractional_variability",
    "fractional_variability_limit",
    "is_constant",
    "within_datasets",
]

FloatArray = NDArray[np.float64]

_ROUNDING = 1e-11  # a spread below this part of the mean is rounding, not signal


def is_constant(values: FloatArray) -> bool:
    """Tell whether ``values`` have no spread beyond rounding; True for fewer than two."""
    if len(values) < 2:
        return True
    mean = float(np.mean(values))
    spread = math.sqrt(np.sum((values - mean) ** 2))
    return not spread > _ROUNDING * abs(mean)


def correlation(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Return Pearson's correlation coefficient and its two-sided probability without correlation.

    The numbers are those of ``scipy.stats.pearsonr`` to the last digit, whose care for many kinds of arrays takes ten
    times as long: for normal and independent values ``r`` has a beta distribution on -1 to 1, both of whose parameters
    are ``n / 2 - 1`` (Student 1908, Biometrika 6, 302).

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Neither constant (:func:`is_constant`), n at least 2.

    Examples
    --------
    >>> r, p = correlation(np.arange(5.0), np.array([1.0, 3.0, 2.0, 5.0, 4.0]))
    >>> round(r, 3), round(p, 3)
    (0.8, 0.104)
    """
    from scipy.special import betaincc

    r = min(max(float(np.vecdot(_unit(x), _unit(y))), -1.0), 1.0)
    if len(x) == 2:
        return float(round(r)), 1.0
    half = len(x) / 2 - 1
    return r, 2 * float(betaincc(half, half, (abs(r) + 1) / 2))


def _unit(values: FloatArray) -> FloatArray:
    """Return the differences from the mean, with a norm of 1, computed so that no square overflows."""
    apart = values - np.mean(values)
    highest = np.max(np.abs(apart))
    scaled = apart / highest
    return np.asarray(apart / (highest * np.sqrt(np.sum(scaled * scaled))))


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


def fractional_variability(rate: FloatArray, variance: FloatArray) -> tuple[float, float] | None:
    """Return how much a source varies beyond its errors, as a part of its mean rate, and the error of that.

    The fractional root mean square amplitude of Vaughan et al. (2003, MNRAS 345, 1271), their equation 10, with the
    error of their equation B2: what the errors of the rates do to it, not the scatter of a noise process.

    Parameters
    ----------
    rate, variance : ndarray, shape (n,), ct/s and ct2/s2
        Rates of the bins and the squares of their errors.

    Returns
    -------
    tuple of float, or None
        None where the rates scatter no more than their errors, for fewer than two bins, or a mean rate that is not
        above zero.

    Examples
    --------
    >>> amplitude, error = fractional_variability(np.array([8.0, 12.0, 8.0, 12.0]), np.ones(4))
    >>> round(amplitude, 4), round(error, 4)
    (0.2082, 0.0528)
    """
    n = len(rate)
    mean = float(np.mean(rate)) if n >= 2 else 0.0
    if not mean > 0:
        return None
    noise = float(np.mean(variance))
    excess = float(np.var(rate, ddof=1)) - noise
    if not (excess > 0 and excess > (_ROUNDING * mean) ** 2):
        return None
    amplitude = math.sqrt(excess) / mean
    return amplitude, math.hypot(noise / (math.sqrt(2 * n) * mean**2 * amplitude), math.sqrt(noise / n) / mean)


def excess_variance(rate: FloatArray, variance: FloatArray) -> tuple[float, float] | None:
    """Return the normalized excess variance of the rates and its error; noise makes it negative as often as positive.

    The sample variance of the rates less the mean of the squares of their errors, over the square of the mean rate:
    Vaughan et al. (2003, MNRAS 345, 1271), their equation 8, with the error of their equation 11.

    Parameters
    ----------
    rate, variance : ndarray, shape (n,), ct/s and ct2/s2
        Rates of the bins and the squares of their errors.

    Returns
    -------
    tuple of float, or None
        None for fewer than two bins, or a mean rate that is not above zero.

    Examples
    --------
    >>> excess, error = excess_variance(np.array([8.0, 12.0, 8.0, 12.0]), np.ones(4))
    >>> round(excess, 4), round(error, 4)
    (0.0433, 0.022)
    """
    n = len(rate)
    mean = float(np.mean(rate)) if n >= 2 else 0.0
    if not mean > 0:
        return None
    noise = float(np.mean(variance)) / mean**2
    excess = float(np.var(rate, ddof=1)) / mean**2 - noise
    return excess, math.hypot(math.sqrt(2 / n) * noise, math.sqrt(noise / n) * 2 * math.sqrt(max(excess, 0.0)))


def fractional_variability_limit(rate: FloatArray, variance: FloatArray, confidence: float = 0.95) -> float | None:
    """Return the upper limit of the fractional root mean square amplitude of a source that varies from bin to bin.

    With normal errors and amplitudes ``(n - 1) S^2`` is the whole variance times a chi-square variable of ``n - 1``
    degrees of freedom; a sample variance below that of the errors alone is taken for that, so that the limit is never
    below the one that a typical constant source has.

    Returns
    -------
    float or None
        None for fewer than two bins, or a mean rate that is not above zero.

    Examples
    --------
    >>> round(fractional_variability_limit(np.full(101, 10.0), np.ones(101)), 4)
    0.0532
    """
    from scipy.special import chdtri

    n = len(rate)
    mean = float(np.mean(rate)) if n >= 2 else 0.0
    if not mean > 0:
        return None
    noise = float(np.mean(variance))
    scatter = max(float(np.var(rate, ddof=1)), noise)
    whole = (n - 1) * scatter / float(chdtri(n - 1, confidence))
    return math.sqrt(max(whole - noise, 0.0)) / mean


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


def within_datasets(
    counts: FloatArray, variance: FloatArray, exposure_s: FloatArray, dataset: NDArray[np.integer]
) -> tuple[float, FloatArray, int] | None:
    """Return chi-square of the counts against a rate that is constant within each dataset, whatever it is there.

    The sum of :func:`constant_rate_chi2` over the datasets: what differs between datasets does not enter. Datasets of
    one bin or without variance say nothing and are left out.

    Parameters
    ----------
    counts, variance, exposure_s : ndarray, shape (n,), ct, ct2, seconds
        As for :func:`constant_rate_chi2`.
    dataset : ndarray of int, shape (n,)
        Number of the exposure of each bin.

    Returns
    -------
    chi2 : float
        The statistic, with ``m - datasets`` degrees of freedom.
    expected_variance : ndarray, shape (m,), ct2
        Variance under the constant rates of the bins that were used.
    datasets : int
        Number of rates.

    None stands for all where no dataset says anything.

    Examples
    --------
    >>> counts, ones = np.array([2.0, 6.0, 30.0, 30.0]), np.ones(4)
    >>> within_datasets(counts, counts, ones, np.array([1, 1, 2, 2]))[0]
    2.0
    """
    number = np.unique(dataset, return_inverse=True)[1]
    bins = np.bincount(number)
    total_counts, total_variance, total_exposure = (np.bincount(number, v) for v in (counts, variance, exposure_s))
    usable = (bins >= 2) & (total_variance > 0)
    if not usable.any():
        return None
    used = usable[number]
    share = (exposure_s / total_exposure[number])[used]
    expected_variance = total_variance[number[used]] * share
    residual = counts[used] - total_counts[number[used]] * share
    return float(np.sum(residual**2 / expected_variance)), expected_variance, int(usable.sum())


def between_datasets(
    counts: FloatArray, variance: FloatArray, exposure_s: FloatArray, dataset: NDArray[np.integer]
) -> tuple[float, FloatArray] | None:
    """Return chi-square of the totals of the datasets against one constant rate, as :func:`constant_rate_chi2` does.

    It counts calibration that differs from one exposure to the next as variability, as nothing here can tell it from
    the source's.

    Examples
    --------
    >>> counts, ones = np.array([2.0, 2.0, 8.0, 8.0]), np.ones(4)
    >>> chi2, _ = between_datasets(counts, counts, ones, np.array([1, 1, 2, 2]))
    >>> round(chi2, 2)
    7.2
    """
    number = np.unique(dataset, return_inverse=True)[1]
    totals = [np.bincount(number, values).astype(np.float64) for values in (counts, variance, exposure_s)]
    return constant_rate_chi2(*totals)


def chi2_probability(chi2: float, expected_variance: FloatArray, datasets: int = 1) -> float:
    """Return the probability that a constant source gives this chi-square or a larger one.

    With few counts a bin the statistic does not follow the chi-square distribution: its variance stays close to
    ``2 dof`` when the rate comes from the same bins (Haldane 1937, Biometrika 29, 133), but its skewness grows. It is
    matched here by a shifted gamma distribution of the same first three moments (the fit of Pearson 1959, Biometrika
    46, 364): mean ``dof``, variance ``2 dof`` and third cumulant ``8 dof + 4 sum(1 / v)``, with ``dof = n - datasets``
    and the variances ``v`` of the bins (for photons of weight one, their expected counts); cumulants of independent
    datasets add. For many counts it is the plain distribution; the stated rate of false alarms holds down to 0.05
    counts a bin (tests/science simulates it).

    Parameters
    ----------
    chi2 : float
        The statistic of :func:`constant_rate_chi2` or :func:`within_datasets`.
    expected_variance : ndarray, shape (n,), ct2
        The variances it was weighed with, n at least 2.
    datasets : int
        Number of rates that were taken from the bins.

    Examples
    --------
    >>> round(chi2_probability(16.27, np.full(4, 1e6)), 4)  # the plain distribution, 3 degrees of freedom
    0.001
    """
    from scipy.special import gammaincc

    dof = len(expected_variance) - datasets
    variance, third = 2 * dof, 8 * dof + 4 * float(np.sum(1 / expected_variance))
    shape, theta = 4 * variance**3 / third**2, third / (2 * variance)
    start = dof - shape * theta
    return float(gammaincc(shape, max(chi2 - start, 0.0) / theta))
