import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as oracle

from hstlc.lightcurves.composite import stack
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.stats import StatsSettings, statistics
from hstlc.stats.variability import between_datasets, chi2_probability, constant_rate_chi2, within_datasets
from hstlc.times import TimeReference


def make_curve(counts, dataset=None, *, start_mjd=58000.0, width=2.0):
    counts = np.asarray(counts, dtype=np.float64)
    n = len(counts)
    edges = width * np.arange(n)
    values = {column.name: np.zeros(n, dtype=column.dtype) for column in COLUMNS}
    values |= {"dataset": np.ones(n, "i4") if dataset is None else np.asarray(dataset, "i4")}
    values |= {"times": edges, "time": edges + width / 2, "mjd": start_mjd + (edges + width / 2) / 86400}
    values |= {"counts": counts, "variance": np.maximum(counts, 1.0), "exposure": np.full(n, width)}
    values |= {"net": counts / width, "rate": counts / width, "bins": np.full(n, width)}
    return LightCurve(values, Intervals.of([0.0], [width * n]), TimeReference(start_mjd))


def visits(rates, *, bins=300, seed=1):
    """Constant Poisson light in visits a day apart, each of its own rate, counts a bin."""
    rng = np.random.default_rng(seed)
    return stack([make_curve(rng.poisson(rate, bins), start_mjd=58000.0 + day) for day, rate in enumerate(rates)])


# --- by hand


def test_within_adds_what_each_dataset_says_of_itself():
    counts, ones = np.array([2.0, 6.0, 30.0, 30.0, 1.0, 3.0]), np.ones(6)
    chi2, expected, datasets = within_datasets(counts, counts, ones, np.array([1, 1, 2, 2, 7, 7]))
    assert chi2 == 8 / 4 + 0 + 2 / 2
    assert expected.tolist() == [4, 4, 30, 30, 2, 2]
    assert datasets == 3


def test_within_shares_by_live_time_inside_each_dataset():
    # dataset 1: shares 1/4 and 3/4 of 8 counts and of variance 16; dataset 2 is constant
    counts, variance = np.array([4.0, 10.0, 4.0, 10.0]), np.array([6.0, 5.0, 10.0, 5.0])
    chi2, expected, _ = within_datasets(counts, variance, np.array([1.0, 2.0, 3.0, 2.0]), np.array([1, 2, 1, 2]))
    assert chi2 == pytest.approx(4 / 3, rel=1e-14)
    assert expected.tolist() == [4.0, 5.0, 12.0, 5.0]


def test_between_compares_totals():
    # totals 4 and 16 counts in 2 and 6 s: expected 5 and 15, of variances 5 and 15
    counts, exposure = np.array([1.0, 3.0, 16.0]), np.array([1.0, 1.0, 6.0])
    chi2, expected = between_datasets(counts, counts, exposure, np.array([1, 1, 2]))
    assert chi2 == pytest.approx(1 / 5 + 1 / 15, rel=1e-14)
    assert expected.tolist() == [5.0, 15.0]


def test_one_dataset_gives_the_same_as_no_datasets():
    counts, exposure = np.array([3.0, 9.0, 14.0, 2.0]), np.array([1.0, 2.0, 3.0, 1.5])
    chi2, expected, datasets = within_datasets(counts, counts, exposure, np.full(4, 5))
    plain, plain_expected = constant_rate_chi2(counts, counts, exposure)
    assert chi2 == pytest.approx(plain, rel=1e-14)
    np.testing.assert_allclose(expected, plain_expected, rtol=1e-14)
    assert datasets == 1
    assert between_datasets(counts, counts, exposure, np.full(4, 5)) is None


def test_datasets_of_one_bin_say_nothing_within_and_count_between():
    counts, ones = np.array([5.0, 50.0, 500.0]), np.ones(3)
    assert within_datasets(counts, counts, ones, np.arange(3)) is None
    assert between_datasets(counts, counts, ones, np.arange(3))[0] == constant_rate_chi2(counts, counts, ones)[0]
    chi2, expected, datasets = within_datasets(np.append(counts, 7.0), np.ones(4), np.ones(4), np.array([1, 2, 3, 3]))
    assert (chi2, expected.tolist(), datasets) == (pytest.approx(493**2 / 2), [1.0, 1.0], 1)


def test_a_dataset_without_variance_is_left_out():
    counts, variance = np.array([0.0, 0.0, 2.0, 6.0]), np.array([0.0, 0.0, 4.0, 4.0])
    chi2, expected, datasets = within_datasets(counts, variance, np.ones(4), np.array([1, 1, 2, 2]))
    assert (chi2, expected.tolist(), datasets) == (2.0, [4.0, 4.0], 1)
    assert within_datasets(counts, np.zeros(4), np.ones(4), np.array([1, 1, 2, 2])) is None
    assert between_datasets(counts, np.zeros(4), np.ones(4), np.array([1, 1, 2, 2])) is None
    total, _ = between_datasets(counts, variance, np.ones(4), np.array([1, 1, 2, 2]))
    assert total == 2 * 16 / 4


def test_probability_of_several_rates_is_that_of_fewer_degrees_of_freedom():
    for datasets in (1, 2, 7):
        found = chi2_probability(20.0, np.full(20, 1e12), datasets)
        assert found == pytest.approx(oracle.chi2.sf(20.0, 20 - datasets), rel=1e-6)


# --- curves


def test_offsets_alone_are_seen_between_and_not_within():
    found = statistics(visits([40, 50, 62]))
    assert found.datasets == 3
    assert found.within_reduced_chi2 == pytest.approx(1, abs=0.15)
    assert found.within_chi2_p > 1e-2
    assert found.between_reduced_chi2 > 100
    assert found.between_chi2_p < 1e-12
    assert found.chi2_p < 1e-12
    assert found.interesting is False


def test_a_variable_visit_is_interesting_whatever_its_offset():
    quiet = visits([40, 50])
    swing = 50 * (1 + 0.5 * np.sin(np.arange(300) / 9))
    lively = make_curve(np.random.default_rng(3).poisson(swing), start_mjd=58002.0)
    found = statistics(stack([quiet, lively]))
    assert found.within_chi2_p < 1e-6
    assert found.interesting is True


def test_equal_visits_agree_between():
    found = statistics(visits([50, 50, 50, 50]))
    assert found.between_chi2_p > 1e-2
    assert found.within_reduced_chi2 == pytest.approx(found.reduced_chi2, rel=0.02)


def test_one_dataset_has_no_between_and_one_chi2():
    found = statistics(visits([50]))
    assert (found.datasets, found.between_reduced_chi2, found.between_chi2_p) == (1, None, None)
    assert (found.within_reduced_chi2, found.within_chi2_p) == (found.reduced_chi2, found.chi2_p)


def test_visits_of_one_bin_each_cannot_be_told_within():
    found = statistics(visits([50, 90, 20], bins=1))
    assert (found.within_reduced_chi2, found.within_chi2_p) == (None, None)
    assert found.between_chi2_p < 1e-6
    assert found.interesting in (None, False)


def test_a_silent_visit_does_not_disturb():
    silent = make_curve(np.zeros(20), start_mjd=58005.0)
    silent = replace(silent, data={**silent.data, "variance": np.zeros(20)})
    alone, together = statistics(visits([50])), statistics(stack([visits([50]), silent]))
    assert together.within_reduced_chi2 == pytest.approx(alone.within_reduced_chi2, rel=1e-12)
    assert together.datasets == 2


def test_flagged_datasets_are_not_counted():
    both = visits([50, 90])
    quality = np.where(both["dataset"] == 2, 1, 0).astype(np.int32)
    found = statistics(replace(both, data={**both.data, "quality": quality}))
    assert (found.datasets, found.between_reduced_chi2) == (1, None)


def test_the_rule_of_2016_still_looks_at_all_counts():
    found = statistics(visits([40, 90]), StatsSettings(rule="hstlc-2016"))
    assert found.poisson_factor > 1.2
    assert found.interesting is True


# --- properties

several = st.lists(
    st.lists(st.tuples(st.integers(0, 500), st.floats(0.1, 10)), min_size=1, max_size=6), min_size=1, max_size=4
)


@given(several, st.randoms(use_true_random=False))
def test_within_and_between_need_no_order_and_are_no_less_than_zero(groups, random):
    rows = [(number, float(c), e) for number, group in enumerate(groups, 1) for c, e in group]
    shuffled = list(rows)
    random.shuffle(shuffled)
    found = []
    for order in (rows, shuffled):
        dataset, counts, exposure = (np.array(column) for column in zip(*order, strict=True))
        within = within_datasets(counts, counts, exposure, dataset)
        between = between_datasets(counts, counts, exposure, dataset)
        found.append((within and (within[0], within[2]), between and between[0]))
    (within, between), (within_again, between_again) = found
    assert (within is None, between is None) == (within_again is None, between_again is None)
    for value, again in ((within and within[0], within_again and within_again[0]), (between, between_again)):
        assert value is None or (value >= 0 and math.isclose(value, again, rel_tol=1e-9, abs_tol=1e-9))


@given(several)
def test_chi2_under_one_rate_is_split_between_and_within_for_equal_weights(groups):
    """With the same variance of each second the squares add: total = within + between (analysis of variance)."""
    rows = [(number, float(c), e) for number, group in enumerate(groups, 1) for c, e in group if len(group) > 1]
    if len({row[0] for row in rows}) < 2:
        return
    dataset, counts, exposure = (np.array(column) for column in zip(*rows, strict=True))
    total, _ = constant_rate_chi2(counts, exposure, exposure)
    parts = (
        within_datasets(counts, exposure, exposure, dataset)[0]
        + between_datasets(counts, exposure, exposure, dataset)[0]
    )
    assert parts == pytest.approx(total, rel=1e-9, abs=1e-9)
