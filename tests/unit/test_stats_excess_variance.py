"""Excess variance and the limits of what is not seen."""

import math

import numpy as np
import pytest

from hstlc.stats.variability import excess_variance, fractional_variability, fractional_variability_limit


def test_it_is_the_square_of_the_fractional_variability():
    rate, variance = np.array([8.0, 12.0, 9.0, 14.0, 7.0]), np.array([1.0, 1.2, 0.9, 1.4, 0.7])
    excess, error = excess_variance(rate, variance)
    amplitude, amplitude_error = fractional_variability(rate, variance)
    assert excess == pytest.approx(amplitude**2)
    assert error == pytest.approx(2 * amplitude * amplitude_error)


def test_the_formula_by_hand():
    excess, error = excess_variance(np.array([8.0, 12.0]), np.array([1.0, 3.0]))
    assert excess == pytest.approx((8 - 2) / 100)
    assert error == pytest.approx(math.hypot(math.sqrt(2 / 2) * 0.02, math.sqrt(0.02 / 2) * 2 * math.sqrt(0.06)))


def test_it_is_negative_where_the_rates_scatter_less_than_their_errors():
    excess, error = excess_variance(np.full(10, 5.0), np.ones(10))
    assert excess == pytest.approx(-0.04)
    assert error == pytest.approx(math.sqrt(2 / 10) * 0.04)


def test_noise_alone_has_none_on_average():
    random = np.random.default_rng(1)
    found = np.array([excess_variance(random.normal(10, 1, 50), np.ones(50)) for _ in range(2000)])
    assert np.mean(found[:, 0]) == pytest.approx(0, abs=4 * np.std(found[:, 0]) / math.sqrt(2000))
    assert np.std(found[:, 0]) == pytest.approx(0.002, rel=0.1)
    assert np.mean(found[:, 0] < 0) > 0.4


@pytest.mark.parametrize(("rate", "variance"), [([], []), ([5.0], [1.0]), ([-5.0, 5.0], [1.0, 1.0])])
def test_nothing_to_compare(rate, variance):
    assert excess_variance(np.array(rate), np.array(variance)) is None
    assert fractional_variability_limit(np.array(rate), np.array(variance)) is None


@pytest.mark.parametrize("amplitude", [0.02, 0.05, 0.2])
def test_the_limit_is_above_the_true_amplitude_as_often_as_stated(amplitude):
    random = np.random.default_rng(3)
    above = [
        fractional_variability_limit(random.normal(10, math.hypot(1, 10 * amplitude), 40), np.ones(40)) > amplitude
        for _ in range(1000)
    ]
    assert np.mean(above) >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 1000)


def test_a_limit_of_few_bins_is_no_better_than_they_are():
    assert fractional_variability_limit(np.full(2, 10.0), np.ones(2)) > 1
    assert fractional_variability_limit(np.full(1000, 10.0), np.ones(1000)) < 0.04
