"""Limits of few counts."""

import numpy as np
import pytest
from astropy.stats import poisson_conf_interval
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaincc, xlogy
from scipy.stats import chi2, poisson

from hstlc.lightcurves.poisson import garwood_limits, gehrels_upper_error, kraft_limits, li_ma_significance, net_limits

GARWOOD = {0: (0, 1.841), 1: (0.173, 3.300), 2: (0.708, 4.638), 5: (2.840, 8.383), 10: (6.891, 14.267)}


@pytest.mark.parametrize(("counts", "limits"), GARWOOD.items())
def test_limits_without_background_are_the_known_answers(counts, limits):
    low, high = garwood_limits([counts])
    assert (round(float(low[0]), 3), round(float(high[0]), 3)) == limits


@given(st.integers(1, 10_000), st.floats(0.5, 0.999))
def test_limits_without_background_are_quantiles_of_chi_square(counts, level):
    low, high = garwood_limits(counts, level)
    assert float(low) == pytest.approx(chi2.ppf((1 - level) / 2, 2 * counts) / 2)
    assert float(high) == pytest.approx(chi2.isf((1 - level) / 2, 2 * counts + 2) / 2)


def test_errors_of_gehrels_are_the_known_answers():
    assert gehrels_upper_error([0, 1, 5]).round(3).tolist() == [1.866, 2.323, 3.398]


@pytest.mark.parametrize("level", [0.6827, 0.95])
@pytest.mark.parametrize("background", [0.01, 0.3, 1.0, 2.5, 5.0])
@pytest.mark.parametrize("counts", [1, 2, 5, 9, 30])
def test_limits_with_background_are_those_of_astropy(counts, background, level):
    expected = poisson_conf_interval(counts, "kraft-burrows-nousek", background=background, confidence_level=level)
    assert np.ravel(kraft_limits([counts], [background], level)) == pytest.approx(np.ravel(expected), abs=1e-6)


@pytest.mark.parametrize("level", [0.3, 0.6827, 0.95, 0.99])
def test_limits_with_background_hold_what_they_say_and_are_the_shortest(level):
    counts, background = np.meshgrid(np.arange(200.0), np.append(0.0, np.geomspace(1e-6, 200, 100)))
    low, high = kraft_limits(counts, background, level)
    above, below = (gammaincc(counts + 1, background + limit) for limit in (low, high))
    assert np.allclose((above - below) / gammaincc(counts + 1, background), level, atol=1e-9)

    def density(mean):
        return xlogy(counts, mean + background) - mean

    at_zero = low == 0
    assert np.abs(density(low) - density(high))[~at_zero].max() < 1e-8
    assert (density(low) - density(high))[at_zero].min() >= 0


@given(st.floats(0, 1e6))
def test_without_counts_the_limit_does_not_depend_on_the_background(background):
    low, high = kraft_limits(0, background)
    assert float(low) == 0
    assert float(high) == pytest.approx(-np.log(1 - 0.6827))


def test_limits_keep_the_shape_and_stand_a_hopeless_background():
    low, high = kraft_limits(np.array([[3, 9], [0, 5]]), np.array([900.0, 1.0]))
    assert low.shape == high.shape == (2, 2)
    assert np.isfinite(high).all()
    assert kraft_limits([], [])[0].shape == (0,)


@pytest.mark.parametrize("mean", [0.0, 0.5, 2.0, 4.0])
def test_limits_with_background_hold_the_mean_as_often_as_they_say(mean):
    counts = np.arange(60)
    low, high = kraft_limits(counts, np.full(60, 3.0))
    covered = poisson.pmf(counts, mean + 3.0)[(low <= mean) & (mean <= high)].sum()
    assert covered > 0.6  # of counts that are whole numbers, an interval holds more or less by steps


def test_significance_is_the_known_answer_and_has_a_sign():
    scale = 1791.6773 / 42646
    assert float(li_ma_significance(51, 695, scale)) == pytest.approx(3.554, abs=5e-4)
    assert float(li_ma_significance(5, 695, scale)) < -5
    assert float(li_ma_significance(0, 0, 0.1)) == 0


def test_net_counts_are_the_known_answer():
    low, high = net_limits([51], [695], 1791.6773 / 42646, 1.0)
    assert (float(high[0] + low[0]) / 2, float(high[0] - low[0]) / 2) == pytest.approx((21.801, 7.227), abs=6e-4)


def test_few_counts_have_limits_with_or_without_background():
    low, high = net_limits([0, 5, 50], [0, 0, 0], 0.0, 10.0)
    assert low.tolist() == pytest.approx([0, 0.2840, (50 - 50**0.5) / 10], abs=1e-4)
    assert high.tolist() == pytest.approx([0.1841, 0.8383, (50 + 50**0.5) / 10], abs=1e-4)
    low, high = net_limits([0, 5], [0, 40], 0.1, 10.0)
    expected = kraft_limits([0, 5], [0, 4.0])
    assert low.tolist() == pytest.approx((expected[0] / 10).tolist())
    assert high.tolist() == pytest.approx((expected[1] / 10).tolist())


def test_a_bin_without_live_time_has_no_limits():
    low, high = net_limits([0, 3], [1, 1], 0.1, [0.0, 10.0])
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [True, False]
