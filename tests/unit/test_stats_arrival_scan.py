"""Dips and flares of arrivals in live time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from hstlc.stats.arrival_scan import Windows, scan_arrivals


def scan(live_s, total_live_s, single=1e-8, shortest_s=0.0):
    live_s = np.sort(np.asarray(live_s, dtype=float))
    return scan_arrivals(live_s, total_live_s, Windows.of(len(live_s), total_live_s, shortest_s), single, single)


def test_windows_are_of_two_widths_an_octave_and_cover_the_live_time():
    windows = Windows.of(100, 100.0, 5.0)
    width = windows.stop_s - windows.start_s
    np.testing.assert_allclose(np.unique(width.round(9)), 50 / 2 ** (np.arange(6, -1, -1) / 2))
    for one in np.unique(width.round(9)):
        own = np.abs(width - one) < 1e-6
        assert windows.start_s[own].min() == 0.0
        assert windows.stop_s[own].max() > 100 - one / 4
        assert windows.stop_s[own].max() <= 100.0
    assert len(Windows.of(1, 100.0)) == len(Windows.of(5, 0.0)) == 0


def test_narrowest_windows_follow_frames_and_events():
    def narrowest(*values):
        windows = Windows.of(*values)
        return float(np.min(windows.stop_s - windows.start_s))

    assert 6.4 <= narrowest(10_000, 50_000.0, 6.4) < 6.4 * 1.5
    assert narrowest(20, 50_000.0) > 50_000 / 20 / 64
    assert narrowest(10_000_000, 50_000.0) >= 50_000 / 8192


def test_a_dip_lies_between_its_neighbors():
    [dip] = scan([*np.arange(0.0, 450.0), 480.0, 510.0, *np.arange(550.0, 1000.0)], 1000.0)
    assert (dip.flare, dip.start_live_s, dip.stop_live_s, dip.counts) == (False, 449.0, 550.0, 2.0)
    assert dip.expected == pytest.approx(101, abs=0.5)
    assert 449 < dip.peak_live_s < 550
    assert dip.peak_ratio < 0.1
    assert dip.chance < 1e-25


def test_a_flare_lies_from_its_first_event_to_its_last():
    [flare] = scan([*np.arange(0.0, 1000.0, 5.0), *np.arange(600.25, 620.25, 0.5)], 1000.0)
    assert flare.flare is True
    assert (flare.start_live_s, flare.stop_live_s) == (pytest.approx(600, abs=0.5), pytest.approx(620, abs=0.5))
    assert flare.counts == pytest.approx(44, abs=1)
    assert flare.expected == pytest.approx(4, abs=0.3)
    assert 600 < flare.peak_live_s < 620
    assert flare.peak_ratio == pytest.approx(11, abs=2)


def test_a_burst_of_few_events_of_a_faint_source_is_found():
    quiet = np.random.default_rng(3).uniform(0, 100_000, 20)
    [flare] = scan([*quiet, *(40_000 + np.arange(8.0))], 100_000.0)
    assert flare.flare is True
    assert flare.counts == 8
    assert flare.stop_live_s - flare.start_live_s == pytest.approx(7, abs=1e-6)


def test_a_dip_and_a_flare_are_two_and_in_order():
    random = np.random.default_rng(4)
    quiet = random.uniform(0, 1000, 2000)
    quiet = quiet[(quiet < 700) | (quiet > 800)]
    found = scan([*quiet, *random.uniform(200, 220, 200)], 1000.0, 1e-6)
    assert [one.flare for one in found] == [True, False]
    assert found[0].start_live_s == pytest.approx(200, abs=3)
    assert found[0].stop_live_s == pytest.approx(220, abs=3)
    assert found[1].start_live_s == pytest.approx(700, abs=3)
    assert found[1].stop_live_s == pytest.approx(800, abs=3)
    assert found[1].expected == pytest.approx(200, rel=0.1)


def test_an_eclipse_at_the_end_reaches_it():
    [dip] = scan(np.arange(0.0, 900.0), 1000.0)
    assert (dip.flare, dip.start_live_s, dip.stop_live_s, dip.counts) == (False, 899.0, 1000.0, 0.0)


def test_all_events_in_one_burst_leave_no_quiet_rate():
    found = scan(500 + np.arange(30.0) / 100, 1000.0)
    assert [one.flare for one in found] == [True]
    assert (found[0].counts, found[0].expected, found[0].peak_ratio) == (30.0, 0.0, None)


def test_the_chance_is_the_binomial_one():
    live_s = np.sort(np.random.default_rng(2).uniform(0, 1000, 100))
    live_s = live_s[(live_s < 500) | (live_s > 750)]
    [dip] = scan(live_s, 1000.0, 1e-4)
    widths = 500 / 2 ** (np.arange(12) / 2)
    counts = np.arange(10)[:, None]
    possible = binom.cdf(counts, len(live_s), widths / 1000)
    assert np.min(np.abs(np.log(possible / dip.chance))) < 1e-9


@pytest.mark.parametrize("live_s", [[], [5.0], [5.0, 5.0], [1.0, 2.0, 9.0]])
def test_few_events_have_neither(live_s):
    assert scan(live_s, 10.0, 1e-5) == []


@given(st.lists(st.integers(0, 1000), max_size=80), st.sampled_from([0.3, 1e-2, 1e-4]))
def test_windows_do_not_overlap_and_lie_within(places, single):
    found = scan(np.array(places) / 2, 500.0, single)
    edges = [edge for one in found for edge in (one.start_live_s, one.stop_live_s)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= 500 for edge in edges)
    for one in found:
        inside = np.sum((np.array(places) / 2 > one.start_live_s) & (np.array(places) / 2 < one.stop_live_s))
        assert inside <= one.counts
        assert one.chance < single
