"""Tests of uniform arrivals, against known answers and scipy."""

import numpy as np
import pytest
from scipy.stats import kstest

from hstlc.stats.arrival_tests import spread_over_frames, uniformity

STEP = np.concatenate([np.arange(80) + 0.5, 80 + 4 * (np.arange(20) + 0.5)])


def test_known_answers_of_a_step():
    found = uniformity(STEP, 160.0)
    assert found.ks == pytest.approx(0.303125, abs=1e-12)
    assert found.ks_p == pytest.approx(1.194e-8, abs=5e-12)
    assert found.kuiper == pytest.approx(0.30625, abs=1e-12)
    assert found.kuiper_p == pytest.approx(3.201e-7, abs=5e-11)


def test_known_answers_of_even_arrivals():
    found = uniformity(np.arange(100) + 0.5, 100.0)
    assert (found.ks, found.kuiper) == (pytest.approx(0.005, abs=1e-12), pytest.approx(0.01, abs=1e-12))
    assert (found.ks_p, found.kuiper_p) == (pytest.approx(1, abs=1e-12), pytest.approx(1, abs=1e-12))


@pytest.mark.parametrize("n", [1, 2, 7, 60, 3000])
def test_kolmogorov_smirnov_is_that_of_scipy(n):
    live_s = np.random.default_rng(n).uniform(0, 40.0, n)
    expected = kstest(live_s, "uniform", args=(0, 40.0))
    found = uniformity(live_s, 40.0)
    assert (found.ks, found.ks_p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))


def test_kuiper_does_not_depend_on_where_the_time_begins():
    live_s = np.random.default_rng(3).uniform(0, 100, 50)
    turned = [uniformity((live_s + shift) % 100, 100.0).kuiper_p for shift in (0, 13, 77)]
    assert turned == pytest.approx([turned[0]] * 3, rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 50, 101, 171, 1001, 20_000])
def test_one_place_for_all_events_is_as_unlikely_as_it_gets(n):
    found = uniformity(np.full(n, 50.0), 100.0)
    assert found.ks == pytest.approx(0.5)
    assert found.kuiper == pytest.approx(1.0)
    assert found.kuiper_p == (1.0 if n == 1 else 0.0)


@pytest.mark.parametrize("n", [101, 171, 3000, 100_000])
def test_events_as_even_as_can_be_are_likely(n):
    found = uniformity(np.arange(n) + 0.5, n)
    assert (found.ks_p, found.kuiper_p) == (1.0, 1.0)


def test_nothing_has_no_probability():
    assert uniformity(np.zeros(0), 10.0) is None
    assert uniformity(np.array([1.0]), 0.0) is None


def test_probabilities_of_constant_sources_are_even():
    random, p = np.random.default_rng(8), []
    for _ in range(2000):
        found = uniformity(random.uniform(0, 1, 40), 1.0)
        p.append((found.ks_p, found.kuiper_p))
    for level in (0.01, 0.1, 0.5):
        spread = 4 * np.sqrt(level * (1 - level) / 2000)
        assert np.mean(np.array(p) < level, axis=0) == pytest.approx([level, level], abs=spread)


def test_frames_make_no_variability_once_their_events_are_spread():
    frame_s, frames = 3.0, 20
    middle_s = (np.arange(frames) + 0.5) * frame_s
    time_s = np.repeat(middle_s, np.random.default_rng(5).poisson(2000, frames))
    assert uniformity(time_s, frames * frame_s).kuiper_p < 1e-20
    spread = spread_over_frames(time_s, frame_s)
    assert uniformity(spread, frames * frame_s).kuiper_p > 0.01
    assert np.abs(spread - time_s).max() <= frame_s / 2
    np.testing.assert_array_equal(spread, spread_over_frames(time_s, frame_s))
    assert spread_over_frames(time_s, 0.0) is time_s
