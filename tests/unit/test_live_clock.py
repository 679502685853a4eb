"""The live clock of one detector, of several and of frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.events import live_time
from hstlc.events.good_times import detector_shares, in_own_good_time
from hstlc.events.live_clock import LiveClock
from hstlc.model import Intervals

moments = st.lists(st.floats(0, 1000, allow_nan=False), min_size=2, max_size=20)


def gti_of(times):
    cuts = np.sort(np.round(times, 3))
    return Intervals.of(cuts[: len(cuts) // 2 * 2 : 2], cuts[1::2])


def test_live_time_of_bins_is_the_known_answer():
    gti = Intervals.of([0, 150, 430], [100, 420, 1000])
    edges = [0, 250, 500, 750, 1000]
    assert LiveClock.of([(gti, 1.0)]).between(edges).tolist() == [200, 240, 250, 250]
    assert np.allclose(
        LiveClock.of([(gti, 1.0)], 3.2 / 3.24104).between(edges), np.array([200, 240, 250, 250]) * 0.98733740
    )


@given(moments, moments)
def test_one_detector_has_the_live_time_of_its_good_times(times, edges):
    gti, cuts = gti_of(times), np.sort(edges)
    assert np.allclose(LiveClock.of([(gti, 1.0)]).between(cuts), live_time(cuts, gti), atol=1e-9)


@given(moments, moments, st.floats(0, 1))
def test_two_detectors_are_neither_cut_nor_joined(one, other, share):
    edges = np.linspace(0, 1000, 11)
    clock = LiveClock.of([(gti_of(one), share), (gti_of(other), 1 - share)], 0.9)
    expected = 0.9 * (share * live_time(edges, gti_of(one)) + (1 - share) * live_time(edges, gti_of(other)))
    assert np.allclose(clock.between(edges), expected, atol=1e-9)


@given(moments, st.floats(0, 1))
def test_the_time_of_a_live_time_is_where_it_was_reached(times, part):
    clock = LiveClock.of([(gti_of(times), 0.7)])
    if not len(clock):
        return
    for side in ("left", "right"):
        assert np.isclose(clock.before(clock.time_at(part * clock.total, side)), part * clock.total, atol=1e-9)
    assert clock.time_at(part * clock.total) <= clock.time_at(part * clock.total, "right")


def test_live_time_in_a_gap_is_at_either_end_of_it():
    clock = LiveClock.of([(Intervals.of([10, 40], [20, 50]), 1.0)])
    assert clock.time_at([10.0, 10.0]).tolist() == [20, 20]
    assert clock.time_at([10.0, -1.0, 99.0], "right").tolist() == [40, 10, 50]
    assert clock.good == Intervals.of([10, 40], [20, 50])


@pytest.mark.parametrize("shares", [[0.7, 0.7], [-0.1, 0.5], [np.nan]])
def test_shares_that_are_no_parts_of_a_region_are_refused(shares):
    with pytest.raises(ValueError, match="shares"):
        LiveClock.of([(Intervals.of([0], [1]), share) for share in shares])


def test_a_clock_that_never_runs_shows_no_live_time():
    for clock in (
        LiveClock.of([]),
        LiveClock.of([(Intervals.of([], []), 1.0)]),
        LiveClock.of_frames([], []),
        LiveClock.of_frames([1.0], 1.0, 2.0).within(Intervals.of([], [])),
    ):
        assert clock.total == 0
        assert clock.between([0, 1, 2]).tolist() == [0, 0]
        assert len(clock.good) == 0
        with pytest.raises(ValueError, match="never"):
            clock.time_at(0.0)


def test_frames_that_are_missing_or_dead_are_not_live():
    middle = np.delete(np.arange(100) * 2.6 + 1.3, [10, 11, 50])
    part = np.where(np.arange(97) == 30, np.nan, 0.5)
    clock = LiveClock.of_frames(middle, part, 2.6)
    assert clock.total == pytest.approx(96 * 2.6 * 0.5)
    assert clock.between([26.0, 31.2]).tolist() == pytest.approx([0.0])
    assert clock.within(Intervals.of([0.0], [26.0])).total == pytest.approx(13.0)
    with pytest.raises(ValueError, match="increase"):
        LiveClock.of_frames([1.0, 1.0], 1.0, 2.6)


def test_samples_of_a_dead_time_are_interpolated_between_middles():
    time_s = np.arange(0, 1000, 2.05)
    factor = 0.98 + 0.01 * np.sin(time_s / 100)
    clock = LiveClock.of_frames(time_s, factor).within(Intervals.of([100.0], [900.0]))
    grid = np.linspace(100, 900, 100_001)
    expected = np.trapezoid(0.98 + 0.01 * np.sin(grid / 100), grid)
    assert clock.total == pytest.approx(expected, rel=1e-5)


@given(st.floats(0.001, 1.0), st.integers(0, 2**32 - 1))
def test_a_simplified_clock_is_never_off_by_more_than_allowed(tolerance, seed):
    rng = np.random.default_rng(seed)
    clock = LiveClock.of_frames(np.arange(3000) * 0.5, rng.uniform(0, 1, 3000), 0.5)
    simple = clock.simplified(tolerance)
    assert np.abs(simple.before(clock.time_s) - clock.live_s).max() <= tolerance
    assert simple.total == clock.total


def test_even_frames_become_a_straight_line():
    assert len(LiveClock.of_frames(np.arange(100_000) * 0.0734, 0.95, 0.0734).simplified(0.01)) < 100


def test_a_constant_source_is_uniform_in_live_time():
    from scipy.stats import kstest

    rng = np.random.default_rng(3)
    gtis, shares = {6: Intervals.of([0, 600], [300, 900]), 7: Intervals.of([100], [1000])}, {6: 0.4, 7: 0.6}
    time_s, detector = rng.uniform(0, 1000, 20_000), rng.choice([6, 7], 20_000, p=[0.4, 0.6])
    good = in_own_good_time(time_s, detector, gtis)
    clock = LiveClock.of([(gtis[ccd], share) for ccd, share in shares.items()])
    assert kstest(clock.before(time_s[good]) / clock.total, "uniform").pvalue > 0.01
    union = LiveClock.of([(gtis[6].union(gtis[7]), 1.0)])
    assert kstest(union.before(time_s[good]) / union.total, "uniform").pvalue < 1e-6
    assert detector_shares(detector) == pytest.approx({7: 0.6, 6: 0.4}, abs=0.01)


def test_a_later_reference_moves_the_break_points_only():
    clock = LiveClock.of([(Intervals.of([10], [20]), 1.0)]).shifted(-10.0)
    assert clock.between([0.0, 5.0, 20.0]).tolist() == [5, 5]
