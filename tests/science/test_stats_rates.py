"""How often the statistics are wrong about a constant source, and how often right about a variable one."""

import numpy as np
import pytest

from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.stats import statistics
from hstlc.stats.periodogram import highest_peak
from hstlc.stats.variability import chi2_probability, constant_rate_chi2
from hstlc.times import TimeReference

RATES = (0.05, 0.3, 2.0, 20.0, 1000.0)  # counts a bin


def curve_of(counts, exposure):
    """A curve of 2-s bins with the given counts, their Poisson variance and live times."""
    n = len(counts)
    time = 2.0 * np.arange(n) + 1
    data = {column.name: np.zeros(n, dtype=column.dtype) for column in COLUMNS}
    data |= {"times": time - 1, "time": time, "mjd": 58000 + time / 86400, "bins": np.full(n, 2.0)}
    data |= {"gross": counts * 1.0, "counts": counts * 1.0, "variance": counts * 1.0, "exposure": exposure}
    data |= {"net": counts / exposure, "rate": counts / exposure, "fraction": exposure / 2}
    return LightCurve(data, Intervals.of([0], [2.0 * n]), TimeReference(58000.0))


def exposures(kind, bins, rng):
    if kind == "equal":
        return np.full(bins, 2.0)
    if kind == "ticks":
        return np.resize([1.984, 2.016], bins)
    return rng.uniform(1.6, 2.0, bins)


def probabilities(rng, runs, bins, mean, kind, with_background=False):
    """chi2_p of simulated constant sources of ``mean`` counts a bin, those without counts left out."""
    exposure = exposures(kind, bins, rng)
    expected = mean * exposure / 2
    found = []
    for _ in range(runs):
        if with_background:
            gross, beside = rng.poisson(expected), rng.poisson(expected * 0.8 / 0.557)
            counts, variance = gross - 0.557 * beside, gross + 0.557**2 * beside
        else:
            counts = variance = rng.poisson(expected).astype(float)
        constant = constant_rate_chi2(counts, variance, exposure)
        if constant is not None:
            found.append(chi2_probability(*constant))
    return np.array(found)


def plain_probabilities(rng, runs, bins, mean):
    many = np.full(bins, 1e15)  # so many counts that the distribution is the plain one
    counts = rng.poisson(mean, (runs, bins)).astype(float)
    return np.array([chi2_probability(constant_rate_chi2(c, c, np.ones(bins))[0], many) for c in counts if c.any()])


@pytest.mark.parametrize("kind", ["equal", "unequal"])
@pytest.mark.parametrize("mean", RATES)
def test_constant_sources_are_rarely_called_variable(mean, kind):
    rng = np.random.default_rng([int(mean * 100), kind == "equal"])
    p = np.concatenate([probabilities(rng, 3000, n, mean, kind) for n in (200, 1000)])
    assert np.mean(p < 1e-3) <= 3e-3


@pytest.mark.parametrize(("mean", "too_often"), [(0.05, 5e-3), (0.3, 2e-3)])
def test_the_plain_distribution_would_call_faint_sources_variable(mean, too_often):
    assert np.mean(plain_probabilities(np.random.default_rng(7), 8000, 200, mean) < 1e-3) > too_often


def test_at_many_counts_the_stated_probability_is_the_true_one():
    p = probabilities(np.random.default_rng(12), 4000, 200, 100.0, "unequal")
    for level in (0.01, 0.1, 0.5, 0.9):
        assert np.mean(p < level) == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 4000))


def test_at_few_counts_too():
    p = probabilities(np.random.default_rng(13), 6000, 200, 0.3, "unequal")
    assert np.mean(p < 0.01) == pytest.approx(0.01, abs=0.005)


@pytest.mark.soak
@pytest.mark.parametrize("with_background", [False, True])
@pytest.mark.parametrize("kind", ["equal", "ticks", "unequal"])
@pytest.mark.parametrize("mean", RATES)
def test_constant_sources_are_rarely_called_variable_at_length(mean, kind, with_background):
    rng = np.random.default_rng([int(mean * 100), len(kind), with_background])
    p = [probabilities(rng, 12000, n, mean, kind, with_background) for n in (200, 500, 1000)]
    rates = [float(np.mean(part < 1e-3)) for part in p]
    print(f"{mean} counts a bin, {kind}, background {with_background}: {rates}")
    assert max(rates) <= 3e-3


def test_pure_noise_has_periods_as_rarely_as_stated():
    rng = np.random.default_rng(31)
    time, found = 2.0 * np.arange(300) + 1, []
    for _ in range(4000):
        exposure = rng.uniform(1.6, 2.0, 300)
        peak = highest_peak(time, rng.poisson(10 * exposure) / exposure, exposure)
        found.append(peak.false_alarm_probability)
    assert np.mean(np.array(found) < 1e-3) <= 2.5e-3
    assert 0.005 < np.mean(np.array(found) < 1e-2) < 0.015
    assert 0.08 < np.mean(np.array(found) < 0.1) < 0.115


def test_injected_sinusoids_are_found():
    rng = np.random.default_rng(120)
    time = 2.0 * np.arange(900) + 1
    for _ in range(20):
        phase = rng.uniform(0, 2 * np.pi)
        counts = rng.poisson(40 * (1 + 0.2 * np.sin(2 * np.pi * time / 120 + phase)))
        found = statistics(curve_of(counts, np.full(900, 2.0)))
        assert found.peak_period_s == pytest.approx(120, abs=1)
        assert found.false_alarm_probability < 1e-6
        assert found.interesting is True


def test_flares_of_faint_sources_are_found():
    rng, time, found = np.random.default_rng(60), 2.0 * np.arange(900), []
    flare = np.where(time < 800, 0, 40 * np.exp(-(time - 800) / 60))
    for _ in range(20):
        found.append(statistics(curve_of(rng.poisson(2 + flare), np.full(900, 2.0))).chi2_p)
    assert max(found) < 1e-6


def test_live_time_by_ticks_keeps_a_bright_constant_source_constant():
    rng = np.random.default_rng(4)
    exposure = np.resize([1.984, 2.016], 900)
    chi2, periods, four_seconds, powers = [], [], 0, []
    for _ in range(20):
        counts = rng.poisson(13000 * exposure)
        found = statistics(curve_of(counts, exposure))
        chi2.append(found.reduced_chi2)
        powers.append(found.peak_power)
        four_seconds += found.peak_period_s < 4.01 and found.false_alarm_probability < 0.01
        naive = statistics(curve_of(counts, np.full(900, 2.0)))
        periods.append(naive.peak_period_s)
        assert naive.reduced_chi2 > 2
        assert naive.false_alarm_probability < 1e-6
        assert naive.interesting is True
    assert np.abs(np.array(chi2) - 1).max() < 0.15
    assert np.mean(chi2) == pytest.approx(1, abs=0.04)
    assert four_seconds == 0
    assert max(powers) < 0.05
    assert max(periods) < 4.01
