"""The row of numbers that describes a light curve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import InconsistentError, UsageError
from hstlc.model import LightCurve
from hstlc.model.spectral import wavelengths_m
from hstlc.stats.arrival_summary import arrival_candidates, arrival_statistics
from hstlc.stats.artifacts import artifact_note
from hstlc.stats.band_scan import has_peak
from hstlc.stats.blocks import count_blocks
from hstlc.stats.candidates import Candidate, find_candidates
from hstlc.stats.periodogram import highest_peak
from hstlc.stats.variability import (
    between_datasets,
    chi2_probability,
    constant_rate_chi2,
    correlation,
    excess_factor,
    excess_variance,
    fractional_variability,
    fractional_variability_limit,
    is_constant,
    within_datasets,
)

__all__ = ["STEP_VERSION", "Statistics", "StatsSettings", "statistics"]

STEP_VERSION = 5

FloatArray = NDArray[np.float64]

_COLUMNS = (
    *("dataset", "time", "mjd", "counts", "variance", "exposure", "net", "rate"),
    *("times", "bins", "gross", "background"),
)
_NO_ARTIFACTS: Mapping[str, float] = MappingProxyType({})
_VARIABLE_INDEX = 6  # of Gregory and Loredo, from which a source varies definitely
_INTERESTING_2016 = 1.2  # poisson_factor from which the rule of 2016 calls a curve interesting


@dataclass(frozen=True, slots=True)
class StatsSettings:
    """What can be chosen.

    Attributes
    ----------
    interesting_p : float
        A curve is interesting when chance explains it with a probability below this.
    rule : {"sound", "hstlc-2016"}
        ``sound`` looks at ``within_chi2_p``, where no artifact explains the peak at ``false_alarm_probability``, and
        at ``gl_index >= 6``; ``hstlc-2016`` at ``poisson_factor >= 1.2``.
    oversampling : int
        Frequencies a periodogram peak of width 1 / T, at least 1.
    candidate_p : float
        A stretch of bins or arrivals is a flare or dip when chance explains one like it anywhere in the curve with a
        probability below this.

    Raises
    ------
    UsageError
        ``usage.stats-setting``: a value outside its range.
    """

    interesting_p: float = 1e-3
    rule: Literal["sound", "hstlc-2016"] = "sound"
    oversampling: int = 5
    candidate_p: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("interesting_p", "candidate_p"):
            if not 0 < getattr(self, name) < 1:
                _refuse(name, getattr(self, name), "a probability between 0 and 1, both excluded")
        if self.rule not in ("sound", "hstlc-2016"):
            _refuse("rule", self.rule, "'sound' or 'hstlc-2016'")
        if self.oversampling < 1:
            _refuse("oversampling", self.oversampling, "a whole number from 1")


def _refuse(name: str, value: object, wanted: str) -> None:
    raise UsageError(
        "usage.stats-setting",
        f"statistics: {name} must be {wanted}, found {value!r}",
        hint=f"correct {name}, or leave it out for its default",
        name=name,
    )


@dataclass(frozen=True, slots=True)
class Statistics:
    """Numbers of one light curve; None is undefined, and no number is NaN or infinite.

    Attributes
    ----------
    total : int, ct
        Whole part of the sum of the counts of all bins.
    mean, mu, stdev : float or None, ct
        Mean of the counts, its square root, their population standard deviation.
    poisson_factor : float or None
        ``stdev / mu``.
    pearson_r, pearson_p : float or None
        Correlation of the counts with time, and its two-sided probability.
    periodogram : bool
        The documented scan found a period.
    excess_factor : float or None
        Spread of the counts in units of their errors.
    reduced_chi2, chi2_p : float or None
        Chi-square under a constant rate by degrees of freedom, and the probability of a larger one.
    within_reduced_chi2, within_chi2_p : float or None
        The same under a rate of its own for each dataset: steps between exposures do not count.
    between_reduced_chi2, between_chi2_p : float or None
        The same of the totals of the datasets; None for one dataset.
    peak_period_s, peak_power, false_alarm_probability : float or None
        Highest peak of the periodogram: period in seconds, normalized power, chance of it in noise.
    shortest_period_s : float or None
        Where the grid of frequencies of the periodogram ends.
    datasets : int
        Exposures with unflagged bins.
    bins_used : int
        Unflagged bins; all numbers but ``total`` and ``exposure_s`` are of these alone.
    exposure_s : float, seconds
        Live time of all bins.
    interesting : bool or None
        What the rule in :class:`StatsSettings` says.
    fractional_variability, fractional_variability_error : float or None
        Root of the variance of the rates beyond that of their errors, over the mean rate, and its error.
    blocks : int or None
        Bayesian blocks, one too many with the probability ``interesting_p``.
    candidates : tuple of Candidate
        Flares and dips, of the arrivals where the curve carries them; the column of this name has their number.
    peak_note : str
        What makes the period of the highest peak without the source; '' when nothing known does.
    excess_variance, excess_variance_error : float or None
        Variance of the rates beyond that of their errors over the square of the mean rate, and its error. These and all
        below are None for curves without arrivals.
    fractional_variability_limit : float or None
        Upper limit, 95 %, of ``fractional_variability``, where that is None.
    arrivals : int or None
        Events that the numbers below are of: those of bins that no background flare overlaps.
    gl_log10_odds, gl_probability : float or None
        Gregory-Loredo odds, as a decimal logarithm, and probability that the source varies.
    gl_index : int or None
        Variability index, 0 to 10.
    gl_bins : int or None
        Number of bins with the highest odds.
    gl_timescale_s : float or None, seconds
        Live time over the mean number of bins, weighted by odds.
    gl_within_3_sigma, gl_within_5_sigma : float or None
        Part of the Gregory-Loredo curve so near to its mean.
    gl_rate_mean, gl_rate_sigma, gl_rate_min, gl_rate_max : float or None, ct/s
        Mean over live time, standard deviation and limits of that curve.
    ks_p, kuiper_p : float or None
        Probability of the arrivals for a constant source by the tests of Kolmogorov and Smirnov, and of Kuiper.
    blocks_p05, blocks_p01 : int or None
        Bayesian blocks of the arrivals, one too many with a probability of 5 and of 1 %.
    em_min_m, em_max_m : float or None, m
        Shortest and longest wavelength that was chosen, as the keywords of the light curve tell.
    """

    total: int
    mean: float | None
    mu: float | None
    stdev: float | None
    poisson_factor: float | None
    pearson_r: float | None
    pearson_p: float | None
    periodogram: bool
    excess_factor: float | None
    reduced_chi2: float | None
    chi2_p: float | None
    within_reduced_chi2: float | None
    within_chi2_p: float | None
    between_reduced_chi2: float | None
    between_chi2_p: float | None
    peak_period_s: float | None
    peak_power: float | None
    false_alarm_probability: float | None
    shortest_period_s: float | None
    datasets: int
    bins_used: int
    exposure_s: float
    interesting: bool | None
    fractional_variability: float | None
    fractional_variability_error: float | None
    blocks: int | None
    candidates: tuple[Candidate, ...]
    peak_note: str
    excess_variance: float | None = None
    excess_variance_error: float | None = None
    fractional_variability_limit: float | None = None
    arrivals: int | None = None
    gl_log10_odds: float | None = None
    gl_probability: float | None = None
    gl_index: int | None = None
    gl_bins: int | None = None
    gl_timescale_s: float | None = None
    gl_within_3_sigma: float | None = None
    gl_within_5_sigma: float | None = None
    gl_rate_mean: float | None = None
    gl_rate_sigma: float | None = None
    gl_rate_min: float | None = None
    gl_rate_max: float | None = None
    ks_p: float | None = None
    kuiper_p: float | None = None
    blocks_p05: int | None = None
    blocks_p01: int | None = None
    em_min_m: float | None = None
    em_max_m: float | None = None


def statistics(
    curve: LightCurve, settings: StatsSettings = StatsSettings(), artifacts_s: Mapping[str, float] = _NO_ARTIFACTS
) -> Statistics:
    """Return the statistics of a light curve.

    ``total`` and ``exposure_s`` are sums over all bins, everything else is of the bins with quality 0, or of the
    arrivals where the curve carries them. The documented numbers (``mean`` to ``periodogram``) stay None and False for
    a curve whose total is not positive.

    Parameters
    ----------
    curve : LightCurve
        Columns as in :data:`hstlc.model.COLUMNS`; the order of the rows does not matter.
    settings : StatsSettings
        What can be chosen.
    artifacts_s : mapping of str to float, seconds
        Periods that the observatory makes without the source, by what makes them.

    Raises
    ------
    InconsistentError
        ``stats.not-finite`` or ``stats.no-exposure``: an unflagged bin lacks a number or live time.
    """
    good = _unflagged(curve)
    counts, variance, exposure = good["counts"], good["variance"], good["exposure"]
    measured = curve["counts"]
    total = int(math.fsum(measured[np.isfinite(measured)]))

    mean = mu = stdev = poisson_factor = pearson_r = pearson_p = None
    periodogram = False
    if total > 0 and len(counts):
        mean, stdev = float(np.mean(counts)), float(np.std(counts))
        if mean > 0:
            mu = math.sqrt(mean)
            poisson_factor = stdev / mu
        pearson_r, pearson_p = _pearson(good["mjd"], counts)
        periodogram = has_peak(good["mjd"], good["net"])

    dataset = good["dataset"].astype(np.int64)
    datasets = len(np.unique(dataset))
    reduced_chi2, chi2_p = _judged(constant_rate_chi2(counts, variance, exposure))
    within_reduced_chi2, within_chi2_p = reduced_chi2, chi2_p
    between_reduced_chi2 = between_chi2_p = None
    if datasets > 1:
        within = within_datasets(counts, variance, exposure, dataset)
        within_reduced_chi2, within_chi2_p = _judged(within and within[:2], within[2] if within else 1)
        between_reduced_chi2, between_chi2_p = _judged(between_datasets(counts, variance, exposure, dataset))

    peak = highest_peak(good["time"], good["rate"], exposure, settings.oversampling, dataset)
    false_alarm = peak.false_alarm_probability if peak else None
    peak_note = artifact_note(peak.period_s, float(np.ptp(good["time"])), artifacts_s) if peak else ""
    rate_variance = variance / exposure**2
    amplitude, amplitude_error = fractional_variability(good["rate"], rate_variance) or (None, None)
    of_arrivals = _of_arrivals(curve, good["rate"], rate_variance, amplitude)
    gl_index = of_arrivals.get("gl_index")
    shortest_m, longest_m = wavelengths_m(curve.meta)
    return Statistics(
        total=total,
        mean=mean,
        mu=mu,
        stdev=stdev,
        poisson_factor=poisson_factor,
        pearson_r=pearson_r,
        pearson_p=pearson_p,
        periodogram=periodogram,
        excess_factor=excess_factor(counts, variance),
        reduced_chi2=reduced_chi2,
        chi2_p=chi2_p,
        within_reduced_chi2=within_reduced_chi2,
        within_chi2_p=within_chi2_p,
        between_reduced_chi2=between_reduced_chi2,
        between_chi2_p=between_chi2_p,
        peak_period_s=peak.period_s if peak else None,
        peak_power=peak.power if peak else None,
        false_alarm_probability=false_alarm,
        shortest_period_s=peak.shortest_period_s if peak else None,
        datasets=datasets,
        bins_used=len(counts),
        exposure_s=math.fsum(curve["exposure"]),
        interesting=_interesting(settings, poisson_factor, within_chi2_p, None if peak_note else false_alarm, gl_index),
        fractional_variability=amplitude,
        fractional_variability_error=amplitude_error,
        blocks=count_blocks(dataset, counts, variance, exposure, settings.interesting_p),
        candidates=(
            find_candidates(good, settings.candidate_p)
            if curve.arrivals is None
            else arrival_candidates(curve, settings.candidate_p)
        ),
        peak_note=peak_note,
        em_min_m=shortest_m,
        em_max_m=longest_m,
        **of_arrivals,
    )


def _of_arrivals(curve: LightCurve, rate: FloatArray, variance: FloatArray, amplitude: float | None) -> dict[str, Any]:
    """Return the numbers that only curves with arrivals have, by name."""
    found = arrival_statistics(curve)
    if found is None:
        return {}
    excess, error = excess_variance(rate, variance) or (None, None)
    limit = fractional_variability_limit(rate, variance) if amplitude is None else None
    bins = {"excess_variance": excess, "excess_variance_error": error, "fractional_variability_limit": limit}
    return bins | asdict(found)


def _judged(found: tuple[float, FloatArray] | None, datasets: int = 1) -> tuple[float | None, float | None]:
    """Return a chi-square by its degrees of freedom and its probability."""
    if found is None:
        return None, None
    chi2, expected_variance = found
    return chi2 / (len(expected_variance) - datasets), chi2_probability(chi2, expected_variance, datasets)


def _unflagged(curve: LightCurve) -> dict[str, FloatArray]:
    """Return the columns of the unflagged bins in the order of time, as native floats."""
    rows = np.flatnonzero(curve.good)
    rows = rows[np.lexsort((curve["counts"][rows], curve["time"][rows]))]
    good = {name: np.ascontiguousarray(curve[name][rows], dtype=np.float64) for name in _COLUMNS}
    for name, values in good.items():
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            _reject("stats.not-finite", f"a finite {name}", float(values[bad[0]]), int(rows[bad[0]]), len(bad))
    dead = np.flatnonzero(good["exposure"] <= 0)
    if len(dead):
        found = float(good["exposure"][dead[0]])
        _reject("stats.no-exposure", "an exposure above 0 s", found, int(rows[dead[0]]), len(dead))
    return good


def _reject(code: str, wanted: str, found: float, row: int, bins: int) -> None:
    raise InconsistentError(
        code,
        f"light curve: an unflagged bin must have {wanted}, row {row} has {found} ({bins} such bins)",
        hint="flag the bin in the column quality, or make the light curve again",
        row=row,
        bins=bins,
    )


def _pearson(mjd: FloatArray, counts: FloatArray) -> tuple[float | None, float | None]:
    """Return the correlation of counts with time and its two-sided probability, None where either is constant."""
    days = mjd - mjd[0]  # exact, and far from the rounding of a date
    if is_constant(days) or is_constant(counts):
        return None, None
    return correlation(days, counts)


def _interesting(
    settings: StatsSettings,
    poisson_factor: float | None,
    chi2_p: float | None,
    false_alarm: float | None,
    gl_index: int | None,
) -> bool | None:
    if settings.rule == "hstlc-2016":
        return None if poisson_factor is None else poisson_factor >= _INTERESTING_2016
    if gl_index is not None and gl_index >= _VARIABLE_INDEX:
        return True
    chances = [p for p in (chi2_p, false_alarm) if p is not None]
    if chances:
        return min(chances) < settings.interesting_p
    return None if gl_index is None else False
