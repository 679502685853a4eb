"""Hardness ratios: known answers, and draws from the same model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from hstlc.stats.hardness import hardness_ratio


@pytest.mark.parametrize(
    ("hard", "soft", "mean", "low", "high"),
    [
        (0, 0, 0.0, -0.878, 0.878),
        (0, 1, -0.5, -0.969, 0.074),
        (5, 5, 0.0, -0.30, 0.30),
        (2, 10, -0.6154, -0.824, -0.402),
        (50, 100, -0.3311, -0.408, -0.255),
    ],
)
def test_known_answers_without_background(hard, soft, mean, low, high):
    found = hardness_ratio(hard, soft)
    assert found[0] == pytest.approx(mean, abs=5e-5)
    assert found[1:] == pytest.approx((low, high), abs=1.6e-3)  # the known ones were drawn, to about that
    limits = 2 * beta(hard + 0.5, soft + 0.5).ppf([0.15865525393145707, 0.8413447460685429]) - 1
    assert found[1:] == pytest.approx(tuple(limits), abs=1e-9)


def drawn(rng, counts, background, scale, size=400_000):
    """Draws of the rate of a source from its posterior: its prior and the background's, weighed by the likelihood."""
    around = rng.gamma(background + 0.5, 1.0, size)
    rate = rng.uniform(0, 1, size) ** 2 * (counts + 10 * np.sqrt(counts + 1) + 10)  # uniform in its root
    expected = rate + scale * around
    log_weight = counts * np.log(expected) - expected
    weight = np.exp(log_weight - log_weight.max())
    return rng.choice(rate, size, p=weight / weight.sum())


@pytest.mark.parametrize(
    "counts",
    [(10, 2, 30, 10, 0.1), (3, 8, 50, 50, 0.1), (0, 1, 10, 10, 0.2), (100, 150, 300, 400, 0.25), (40, 90, 0, 3, 1.0)],
)
def test_with_background_it_is_what_draws_from_the_posterior_say(counts):
    hard, soft, hard_background, soft_background, scale = counts
    rng = np.random.default_rng(7)
    hard_rate = drawn(rng, hard, hard_background, scale)
    soft_rate = drawn(rng, soft, soft_background, scale)
    ratio = (hard_rate - soft_rate) / (hard_rate + soft_rate)
    expected = (np.mean(ratio), *np.quantile(ratio, [0.158655, 0.841345]))
    assert hardness_ratio(*counts) == pytest.approx(expected, abs=0.012)


def test_the_mixture_is_the_integral_over_the_background():
    """Posterior of one band by quadrature, with a soft band so bright that the ratio is its quantile."""
    counts, background, scale, bright = 6, 20, 0.2, 4_000_000

    def density(rate):
        def joint(around):
            expected = rate + scale * around
            return np.exp(counts * np.log(expected) - expected) * around ** (background - 0.5) * np.exp(-around) / 1e17

        return quad(joint, 0, 80)[0] / np.sqrt(rate)

    root = np.linspace(1e-3, np.sqrt(40), 400)
    heights = np.array([density(r**2) for r in root]) * 2 * root
    below = np.concatenate(([0], np.cumsum((heights[1:] + heights[:-1]) / 2)))
    limits = np.interp([0.158655, 0.841345], below / below[-1], root**2)
    _, low, high = hardness_ratio(counts, bright, background, 0, scale)
    assert ((1 + np.array([low, high])) / 2 * bright) == pytest.approx(limits, rel=0.01)


@given(*[st.integers(0, 60)] * 4, st.floats(0, 2))
def test_exchanging_the_bands_changes_the_sign(hard, soft, hard_background, soft_background, scale):
    one = hardness_ratio(hard, soft, hard_background, soft_background, scale)
    other = hardness_ratio(soft, hard, soft_background, hard_background, scale)
    assert one == pytest.approx((-other[0], -other[2], -other[1]), abs=1e-9)
    assert -1 <= one[1] < one[2] <= 1
    assert -1 < one[0] < 1


def test_many_counts_come_to_the_ratio_of_the_rates():
    hard, soft = 1_000_000 - 10_000, 900_000 - 900
    ratio, low, high = hardness_ratio(1_000_000, 900_000, 100_000, 9_000, 0.1)
    assert ratio == pytest.approx((hard - soft) / (hard + soft), abs=1e-5)
    assert low < ratio < high < low + 0.002


def test_the_true_ratio_lies_within_as_often_as_stated():
    rng, inside = np.random.default_rng(21), 0
    for _ in range(300):
        hard, soft = rng.poisson(30 + 0.1 * 100), rng.poisson(20 + 0.1 * 200)
        _, low, high = hardness_ratio(hard, soft, rng.poisson(100), rng.poisson(200), 0.1)
        inside += low <= 0.2 <= high
    assert inside / 300 == pytest.approx(0.6827, abs=0.08)


@pytest.mark.parametrize("counts", [(-1, 0), (0, -1), (1, 1, -1, 0, 0.1), (1, 1, 0, 0, -0.1)])
def test_negative_counts_are_refused(counts):
    with pytest.raises(ValueError, match="negative"):
        hardness_ratio(*counts)
