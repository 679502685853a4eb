"""Background flares are found, and what overlaps them is bad."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.errors import UsageError
from hstlc.events.flares import MINIMUM_KEPT, clean_bins, high_energy_flares, joined_bins, overlapping, sigma_bins
from hstlc.events.live_clock import LiveClock
from hstlc.model import Intervals

WHOLE = LiveClock.of([(Intervals.of([0.0], [10_000.0]), 1.0)])


def events_of(rates, width=100.0):
    """Return evenly spaced events of a rate in each bin."""
    bins = [
        (k + (np.arange(n) + 0.5) / n) * width for k, n in enumerate(np.rint(np.array(rates) * width).astype(int)) if n
    ]
    return np.concatenate(bins) if bins else np.zeros(0)


@pytest.mark.parametrize("bad", [[], [5], [5, 6, 7], [0, 1, 2], [97, 98, 99], list(range(100))])
def test_exactly_the_bins_above_the_threshold_are_flares(bad):
    rates = np.full(100, 0.2)
    rates[bad] = 0.8
    flares = high_energy_flares(events_of(rates), WHOLE, 0.5, 100.0)
    edges = np.arange(101) * 100.0
    assert np.flatnonzero(overlapping(edges, flares)).tolist() == bad


def test_the_threshold_itself_is_not_a_flare_and_that_of_several_lists_is_their_sum():
    time_s = events_of(np.full(100, 0.5))
    assert len(high_energy_flares(time_s, WHOLE, 0.5, 100.0)) == 0
    both = np.concatenate((time_s, time_s + 0.01))
    assert high_energy_flares(both, WHOLE, 0.5, 100.0).total == 10_000
    assert len(high_energy_flares(both, WHOLE, 1.0, 100.0)) == 0


def test_a_flare_in_half_a_bin_of_live_time_is_seen_and_two_events_in_a_second_are_none():
    clock = LiveClock.of([(Intervals.of([0.0, 199.0], [150.0, 200.0]), 1.0)])
    assert len(high_energy_flares(np.array([199.2, 199.4]), clock, 0.5, 100.0)) == 0
    assert high_energy_flares(np.linspace(101, 149, 30), clock, 0.5, 100.0) == Intervals.of([100.0], [200.0])


def test_the_last_bin_may_be_short_and_nothing_live_has_no_flares():
    clock = LiveClock.of([(Intervals.of([0.0], [160.0]), 1.0)])
    assert high_energy_flares(np.linspace(101, 159, 40), clock, 0.5, 100.0).stop.tolist() == [200.0]
    assert len(high_energy_flares(np.array([1.0]), LiveClock.of([]), 0.5, 100.0)) == 0
    with pytest.raises(UsageError):
        high_energy_flares(np.array([1.0]), WHOLE, 0.5, 0.0)


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(1, 9))
def test_a_bin_overlaps_when_anything_of_it_is_bad(cuts, width):
    cuts = sorted(cuts)
    bad = Intervals.of(cuts[: len(cuts) // 2 * 2 : 2], cuts[1::2])
    edges = np.arange(0.0, 60.0 + width, width)
    expected = [bad.intersect(Intervals.of([a], [b])).total > 0 for a, b in itertools.pairwise(edges)]
    assert overlapping(edges, bad).tolist() == expected


def test_bins_of_five_seconds_see_the_flare_of_a_bin_of_a_hundred():
    flares = joined_bins(np.arange(11) * 100.0, np.arange(10) == 4)
    assert np.flatnonzero(overlapping(np.arange(0, 1001, 5.0), flares)).tolist() == list(range(80, 100))


def test_clipping_by_sigma_takes_a_flare_out_and_short_runs_with_it():
    rng = np.random.default_rng(1)
    rate = rng.normal(2.0, 0.1, 100)
    rate[40:45], rate[47:50], rate[70] = 9.0, 9.0, 0.0
    good = sigma_bins(rate)
    quiet = np.r_[0:40, 50:70, 71:100]
    assert not good[[40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 70]].any()  # 45 and 46 are a run of two
    assert good[quiet].mean() > 0.95
    assert sigma_bins(np.zeros(5)).sum() == sigma_bins(np.full(5, np.nan)).sum() == 0


def test_the_quiet_level_is_found_below_a_long_flare():
    rng = np.random.default_rng(2)
    rate = rng.poisson(200, 200) / 100.0
    rate[:80] *= 3
    good = clean_bins(rate, 100.0)
    assert not good[:80].any()
    assert good[80:].mean() > 0.95
    assert clean_bins(np.zeros(4), 100.0).sum() == 0
    assert clean_bins(np.geomspace(1, 1e6, 40), 1e4).mean() < MINIMUM_KEPT
