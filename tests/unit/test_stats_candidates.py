"""Flares and dips of curves whose answer is known, and the chances of stretches against other ways to compute them."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from hstlc.stats.candidates import find_candidates
from hstlc.stats.stretches import Bins, Matched, Quiet, Stretches, search

WIDTH_S = 2.0


def columns(counts, *, background=0.0, scale=0.5, dataset=1, exposure=WIDTH_S, times=None):
    """Columns of unflagged bins with unit weights; ``background`` is scaled by ``scale`` from counts beside."""
    gross = np.asarray(counts, dtype=float)
    n = len(gross)
    background = np.broadcast_to(np.asarray(background, dtype=float), n)
    times = WIDTH_S * np.arange(n) if times is None else np.asarray(times, dtype=float)
    whole = {"dataset": dataset, "bins": WIDTH_S, "exposure": exposure}
    found = {name: np.broadcast_to(np.asarray(value, dtype=float), n) for name, value in whole.items()}
    found |= {"times": times, "mjd": 58000 + (times + WIDTH_S / 2) / 86400, "gross": gross, "background": background}
    return found | {"counts": gross - background, "variance": gross + scale * background}


def steps(*levels):
    return np.concatenate([np.full(bins, float(level)) for level, bins in levels])


# --- by hand


def test_a_flare_by_hand():
    [found] = find_candidates(columns(steps((20, 100), (60, 20), (20, 180))))
    assert (found.kind, found.dataset) == ("flare", 1)
    assert found.start_mjd == pytest.approx(58000 + 200 / 86400, abs=1e-9)
    assert found.end_mjd == pytest.approx(58000 + 240 / 86400, abs=1e-9)
    assert found.peak_mjd == pytest.approx(58000 + 201 / 86400, abs=1e-9)
    assert found.duration_s == 40
    assert found.counts == 1200
    assert found.expected_counts == pytest.approx(400, rel=1e-12)
    assert found.peak_ratio == pytest.approx(3, rel=1e-12)
    assert found.probability < 1e-100


def test_a_dip_by_hand():
    counts = steps((50, 200), (30, 60), (50, 240))
    counts[231] = 29
    [found] = find_candidates(columns(counts))
    assert (found.kind, found.duration_s, found.counts) == ("dip", 120, 60 * 30 - 1)
    assert found.peak_mjd == pytest.approx(58000 + (231 * 2 + 1) / 86400, abs=1e-9)
    assert found.peak_ratio == pytest.approx(29 / 50, rel=1e-12)


def test_nothing_of_one_rate_is_found():
    assert find_candidates(columns(np.full(500, 20.0))) == ()
    assert find_candidates(columns(np.zeros(500))) == ()
    assert find_candidates(columns([5.0])) == ()
    exposure = np.tile([1.984, 2.016, 0.5], 100)
    assert find_candidates(columns(3000 * exposure, exposure=exposure)) == ()


def test_a_single_bright_bin_has_the_poisson_chance_of_its_counts():
    counts = np.ones(4000)
    counts[1777] = 14
    [found] = find_candidates(columns(counts))
    single = oracle.poisson.sf(13, 1)
    assert found.counts == 14
    assert found.probability == pytest.approx(-math.expm1(found.trials * math.log1p(-single)), rel=0.05)
    assert found.trials > 2 * 4000


def test_the_limit_is_the_probability_with_all_trials():
    counts = np.ones(1000)
    counts[500] = 9
    [found] = find_candidates(columns(counts), 0.5)
    assert find_candidates(columns(counts), found.probability * 1.01) == (found,)
    assert find_candidates(columns(counts), found.probability * 0.99) == ()


def test_a_flare_does_not_make_dips_of_what_is_beside_it():
    found = find_candidates(columns(steps((20, 100), (400, 100), (20, 100))))
    assert [(one.kind, one.duration_s) for one in found] == [("flare", 200)]


def test_a_flare_and_a_dip_are_told_apart():
    found = find_candidates(columns(steps((50, 100), (100, 20), (50, 100), (10, 30), (50, 200))))
    assert [(one.kind, one.duration_s) for one in found] == [("flare", 40), ("dip", 60)]
    assert [one.expected_counts for one in found] == pytest.approx([1000, 1500], rel=1e-12)


def test_what_lasts_longer_than_half_the_dataset_is_the_quiet_level():
    [found] = find_candidates(columns(steps((20, 60), (60, 140))))
    assert (found.kind, found.duration_s) == ("dip", 120)


# --- gaps and datasets


def test_a_gap_ends_a_candidate():
    counts = steps((20, 100), (60, 40), (20, 200))
    times = WIDTH_S * np.arange(340) + np.where(np.arange(340) >= 120, 500.0, 0.0)
    before, after = find_candidates(columns(counts, times=times))
    assert [(one.kind, one.duration_s) for one in (before, after)] == [("flare", 40)] * 2
    assert before.end_mjd == pytest.approx(58000 + 240 / 86400, abs=1e-9)
    assert after.start_mjd == pytest.approx(58000 + 740 / 86400, abs=1e-9)


def test_a_missing_bin_is_a_gap():
    counts = steps((20, 100), (60, 41), (20, 200))
    rows = np.delete(np.arange(341), 120)
    found = find_candidates(columns(counts[rows], times=WIDTH_S * rows))
    assert [one.duration_s for one in found] == [40, 40]


def test_datasets_have_quiet_levels_of_their_own():
    counts = steps((20, 300), (60, 300))
    times = WIDTH_S * np.arange(600)
    assert find_candidates(columns(counts, dataset=np.repeat([1, 2], 300), times=times)) == ()


def test_a_candidate_ends_with_its_dataset():
    counts = steps((20, 280), (60, 40), (20, 280))
    found = find_candidates(columns(counts, dataset=np.repeat([4, 7], 300)))
    assert [(one.dataset, one.kind, one.duration_s) for one in found] == [(4, "flare", 40), (7, "flare", 40)]


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_the_order_of_the_bins_does_not_matter(random):
    curve = columns(steps((20, 60), (60, 20), (20, 80), (5, 20), (20, 60)), dataset=np.repeat([1, 2], 120))
    rows = list(range(240))
    random.shuffle(rows)
    assert find_candidates({name: values[rows] for name, values in curve.items()}) == find_candidates(curve)


@given(st.integers(0, 10_000), st.sampled_from([0.2, 3.0, 40.0]), st.integers(1, 3))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_candidates_are_apart_in_order_and_leave_half_of_the_time_quiet(seed, rate, datasets):
    rng = np.random.default_rng(seed)
    level = rate * (1 + np.repeat(rng.uniform(0, 5, 20) ** 2, 15))
    dataset = np.repeat(np.arange(datasets), 300 // datasets)
    counts = rng.poisson(level)
    found = find_candidates(columns(counts, dataset=dataset))
    for one, after in itertools.pairwise(found):
        assert one.end_mjd <= after.start_mjd + 1e-9
        assert one.dataset <= after.dataset
    for one in found:
        assert one.start_mjd < one.peak_mjd < one.end_mjd
        assert (one.counts > one.expected_counts) == (one.kind == "flare")
        assert one.probability < 1e-3
    assert sum(one.counts for one in found) <= counts.sum()


# --- the chances


@pytest.mark.parametrize("mean", [0.05, 1.0, 30.0, 4000.0])
def test_without_background_the_chance_is_the_poisson_chance(mean):
    number = np.unique(np.floor(mean + np.array([-6, -3, 3, 6, 9]) * math.sqrt(mean)).clip(0))
    same = np.full(len(number), mean)
    chance = Matched.of(number - mean, same, same).chance()
    expected = np.where(number > mean, oracle.poisson.sf(number - 1, mean), oracle.poisson.cdf(number, mean))
    assert chance == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("mean", [2e4, 1e6, 1e8])
@pytest.mark.parametrize("sigmas", [-8, -5, 5, 8])
def test_the_chance_of_many_counts_is_the_sum_of_its_terms(mean, sigmas):
    number, width = math.floor(mean + sigmas * math.sqrt(mean)), math.ceil(40 * math.sqrt(mean))
    terms = np.arange(number, number + width) if sigmas > 0 else np.arange(number - width, number + 1)
    expected = np.exp(oracle.poisson.logpmf(terms, mean)).sum()
    same = np.array([mean])
    assert Matched.of(number - same, same, same).chance()[0] == pytest.approx(expected, rel=1e-5)


def test_the_chance_of_a_sum_without_skewness_is_the_normal_one():
    chance = Matched.of(np.array([30.0, -1500.0]), np.array([25.0, 1e5]), np.zeros(2)).chance()
    assert chance == pytest.approx(oracle.norm.sf([6.0, 1500 / math.sqrt(1e5)]), rel=0.01)


def test_a_negative_skewness_changes_the_tails():
    excess, ones = np.array([9.0, -9.0]), np.full(2, 9.0)
    one, other = Matched.of(excess, ones, ones).chance()
    mirrored = Matched.of(excess, ones, -ones).chance()
    assert mirrored == pytest.approx([other, one], rel=1e-12)
    assert one > other


def test_a_stretch_has_the_binomial_chance_of_the_counts_of_its_dataset():
    """The quiet level is itself an estimate."""
    counts = np.zeros(250)
    counts[::2], counts[108:138] = 4.0, 5.0
    curve = columns(counts)
    bins = Bins.of(curve)
    whole = Stretches.of(bins)
    row = np.flatnonzero((whole.start == 108) & (whole.stop == 132))
    excess, variance, third = Quiet.of(bins, np.ones(250, dtype=bool)).cumulants(whole[row])
    chance = Matched.of(excess, variance, third).chance()[0]
    inside, total = counts[108:132].sum(), counts.sum()
    assert excess[0] == pytest.approx(inside - total * 24 / 250, rel=1e-12)
    assert variance[0] == pytest.approx(oracle.binom.var(total, 24 / 250), rel=1e-12)
    assert chance == pytest.approx(oracle.binom.sf(inside - 1, total, 24 / 250), rel=0.5)


def test_variance_and_third_cumulant_are_those_of_simulated_stretches():
    """Of a source with weighted events on a background that is measured beside it."""
    rng = np.random.default_rng(3)
    found, predicted = [], []
    for _ in range(6000):
        source, beside = rng.poisson(2.0, 40), rng.poisson(1.5, 40)
        curve = columns(1.25 * source, background=0.6 * beside, scale=0.6)
        curve["variance"] = 1.25**2 * source + 0.36 * beside
        bins = Bins.of(curve)
        whole = Stretches.of(bins)
        one = np.flatnonzero((whole.start == 9) & (whole.stop == 21))
        excess, variance, third = Quiet.of(bins, np.ones(40, dtype=bool)).cumulants(whole[one])
        found.append(excess[0])
        predicted.append((variance[0], third[0]))
    mean_variance, mean_third = np.mean(predicted, axis=0)
    assert np.mean(found) == pytest.approx(0, abs=4 * np.std(found) / math.sqrt(6000))
    assert mean_variance == pytest.approx(np.var(found), rel=0.1)
    assert 0 < mean_third < 30
    assert oracle.kstat(found, 3) == pytest.approx(mean_third, abs=4 * math.sqrt(6 * np.var(found) ** 3 / 6000))


def test_weights_are_read_off_the_variances():
    rng = np.random.default_rng(5)
    bins = Bins.of(columns(rng.poisson(4, 300), background=0.3 * rng.poisson(9, 300), scale=0.3))
    assert (bins.weight, bins.scale) == pytest.approx((1, 0.3), rel=1e-9)
    bins = Bins.of(columns(rng.poisson(4, 300)))
    assert (bins.weight, bins.scale) == pytest.approx((1, 0), rel=1e-9)


def test_a_higher_background_makes_an_excess_more_likely():
    counts = np.full(400, 9.0)
    counts[200:204] = 60.0
    background = np.full(400, 3.0)
    [plain] = find_candidates(columns(counts, background=background))
    background[180:224] = 30.0
    counts[180:224] += 27.0
    [high] = [one for one in find_candidates(columns(counts, background=background)) if one.kind == "flare"]
    assert high.counts == pytest.approx(plain.counts)
    assert high.probability > 1e3 * plain.probability


@pytest.mark.parametrize("mean", [0.1, 2.0, 50.0])
def test_no_unlikely_stretch_is_lost_to_the_bounds_of_its_chance(mean):
    rng = np.random.default_rng(int(10 * mean))
    for single in (1e-2, 1e-5):
        for _ in range(20):
            counts = rng.poisson(mean, 200)
            counts[rng.integers(200)] += rng.integers(0, 4 * math.ceil(mean) + 6)
            bins = Bins.of(columns(counts))
            whole = Stretches.of(bins)
            excess, variance, third = Quiet.of(bins, np.ones(200, dtype=bool)).cumulants(whole)
            some = variance > 0
            chance = Matched.of(excess[some], variance[some], third[some]).chance()
            found = search(bins, whole, single)
            if not found:
                assert not some.any() or chance.min() >= single
            else:
                assert min(one.chance for one in found) <= chance.min() * 3


def test_edges_are_sharper_than_the_steps_of_the_search():
    counts = steps((50, 323), (30, 211), (50, 466))
    [found] = find_candidates(columns(counts))
    assert found.start_mjd == pytest.approx(58000 + 646 / 86400, abs=1e-9)
    assert found.duration_s == 422


def test_a_candidate_is_a_plain_value():
    [found] = find_candidates(columns(steps((20, 100), (60, 20), (20, 180))))
    assert replace(found) == found
    assert {type(getattr(found, name)) for name in ("dataset", "trials")} == {int}
