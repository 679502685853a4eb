import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from hstlc.stats.variability import (
    chi2_probability,
    constant_rate_chi2,
    correlation,
    excess_factor,
    fractional_variability,
    is_constant,
)


def test_excess_factor_compares_the_spread_with_the_errors_and_not_with_the_counts():
    counts = np.array([1.0, 3.0, 1.0, 3.0])
    assert excess_factor(counts, np.full(4, 4.0)) == pytest.approx(0.5, rel=1e-15)
    assert excess_factor(counts, np.array([0.0, 2.0, 0.0, 2.0])) == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize(("counts", "variance"), [([], []), ([3.0], [3.0]), ([0.0, 0.0], [0.0, 0.0])])
def test_what_has_no_error_or_no_spread_is_undefined(counts, variance):
    counts, variance = np.array(counts), np.array(variance)
    assert excess_factor(counts, variance) is None
    assert constant_rate_chi2(counts, variance, np.ones(len(counts))) is None


def test_chi2_shares_counts_and_variance_by_live_time():
    # shares 1/4 and 3/4 of 8 counts and of variance 16: (4 - 2)^2 / 4 + (4 - 6)^2 / 12
    chi2, expected = constant_rate_chi2(np.array([4.0, 4.0]), np.array([6.0, 10.0]), np.array([1.0, 3.0]))
    assert chi2 == pytest.approx(4 / 3, rel=1e-14)
    assert expected.tolist() == [4.0, 12.0]


def test_chi2_of_unit_weights_is_that_of_a_contingency_table():
    counts, exposure = np.array([3.0, 9.0, 14.0, 2.0]), np.array([1.0, 2.0, 3.0, 1.5])
    oracle = stats.chisquare(counts, counts.sum() * exposure / exposure.sum())
    chi2, _ = constant_rate_chi2(counts, counts, exposure)
    assert chi2 == pytest.approx(oracle.statistic, rel=1e-13)


@pytest.mark.parametrize("dof", [1, 10, 999])
def test_probability_tends_to_the_plain_distribution_for_many_counts(dof):
    for chi2 in stats.chi2.isf([0.5, 1e-3, 1e-9], dof):
        found = chi2_probability(chi2, np.full(dof + 1, 1e12))
        assert found == pytest.approx(stats.chi2.sf(chi2, dof), rel=1e-6)


def test_the_moments_are_those_of_a_shifted_gamma():
    expected = np.array([0.2, 0.5, 1.0, 4.0])
    shifted = stats.pearson3(skew=(24 + 4 * 8.25) / 6**1.5, loc=3, scale=np.sqrt(6))
    assert chi2_probability(9.0, expected) == pytest.approx(shifted.sf(9.0), rel=1e-10)
    assert chi2_probability(0.0, expected) == 1.0


def test_rounding_is_no_spread():
    assert is_constant(np.full(7, 0.1))
    assert is_constant(1e9 + np.array([0.0, 1e-7, 0.0, 1e-7]))
    assert is_constant(np.array([5.0]))
    assert not is_constant(np.array([1.0, 1.0 + 1e-6]))
    assert not is_constant(np.array([-1.0, 1.0]))


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.integers(2, 40) | st.sampled_from([127, 128, 129, 750, 3001]),
    st.sampled_from([0.0, 1e-9, 1e-3, 1.0, 1e3]),
    st.sampled_from([-1.0, 0.0, 1e-6, 1.0, 1e100]),
    st.integers(0, 99),
)
def test_correlation_is_that_of_scipy_to_the_last_digit(n, noise, slope, seed):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 10.0 ** rng.uniform(-6, 4), n))
    y = slope * x + noise * rng.normal(size=n)
    assume(not is_constant(x) and not is_constant(y))
    oracle = stats.pearsonr(x, y)
    assert correlation(x, y) == (oracle.statistic, oracle.pvalue)


def test_two_bins_always_correlate_and_tell_nothing():
    assert correlation(np.array([1.0, 2.0]), np.array([5.0, 3.0])) == (-1.0, 1.0)
    assert correlation(np.arange(4.0), 2 * np.arange(4.0)) == (1.0, 0.0)


# fractional variability


def test_fractional_variability_by_hand():
    amplitude, error = fractional_variability(np.array([8.0, 12.0, 8.0, 12.0]), np.ones(4))
    assert amplitude == pytest.approx(np.sqrt(16 / 3 - 1) / 10, rel=1e-14)
    assert error == pytest.approx(np.hypot(np.sqrt(1 / 8) / (100 * amplitude), np.sqrt(1 / 4) / 10), rel=1e-14)


@pytest.mark.parametrize(
    ("rate", "variance"),
    [
        ([8.0, 12.0, 8.0, 12.0], [16 / 3] * 4),  # no excess
        ([8.0, 12.0, 8.0, 12.0], [9.0] * 4),  # a negative one
        ([7.0] * 9, [0.0] * 9),
        ([0.1] * 9, [0.0] * 9),
        ([-8.0, -12.0], [1.0, 1.0]),
        ([8.0], [1.0]),
        ([], []),
    ],
)
def test_without_excess_or_mean_there_is_no_fractional_variability(rate, variance):
    assert fractional_variability(np.array(rate), np.array(variance)) is None


@pytest.mark.parametrize("amplitude", [0.2, 0.4])
def test_fractional_variability_of_a_sinusoid_has_the_scatter_that_it_states(amplitude):
    rng, time = np.random.default_rng(8), np.arange(500)
    mean = 40 * (1 + amplitude * np.sin(2 * np.pi * time / 100))
    found = []
    for _ in range(600):
        counts = rng.poisson(mean)
        found.append(fractional_variability(counts / 2, counts / 4))
    value, error = np.array(found).T
    assert value.mean() == pytest.approx(amplitude / np.sqrt(2), abs=0.1 * error.mean() + 0.002)
    assert value.std() == pytest.approx(error.mean(), rel=0.2)
