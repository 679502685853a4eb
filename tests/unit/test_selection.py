"""Which events count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.events import in_band, in_good_time, outside_windows
from hstlc.model import Intervals

TICK_S = 0.032


def test_a_band_is_half_open():
    y = np.array([89.999, 90.0, 100.0, 109.999, 110.0])
    np.testing.assert_array_equal(in_band(y, 100.0, 20.0), [False, True, True, True, False])


def test_an_odd_height_is_not_rounded_down():
    y = np.arange(0.25, 100, 0.5)
    assert np.count_nonzero(in_band(y, 50.0, 39.0)) == 78


def test_a_band_follows_a_center_for_each_event():
    np.testing.assert_array_equal(in_band(np.array([10.0, 10.0]), np.array([10.0, 30.0]), 4.0), [True, False])


def test_events_that_are_not_anywhere_are_in_no_band():
    assert not in_band(np.array([np.nan]), 100.0, 20.0).any()


def test_both_ends_belong_to_a_window():
    wavelength = np.array([1207.99, 1208.0, 1225.0, 1225.01, 1300.0])
    np.testing.assert_array_equal(
        outside_windows(wavelength, ((1208.0, 1225.0), (1298.0, 1312.0))), [True, False, False, True, False]
    )
    assert outside_windows(wavelength, ()).all()


@pytest.mark.parametrize(("start_s", "good"), [(0.032, [False, True, True]), (0.064, [False, False, True])])
def test_a_good_time_on_a_tick_takes_whole_ticks(start_s, good):
    """The tick that ends at 0.032 s, stamped with that time, lies before a good time from 0.032 s."""
    middles = (np.array([1, 2, 3]) - 0.5) * TICK_S
    np.testing.assert_array_equal(in_good_time(middles, Intervals.of([start_s], [10.0]), TICK_S), good)


@given(st.integers(0, 10**5), st.integers(1, 10**4))
def test_limits_on_ticks_hold_as_many_ticks_as_they_say(first, number):
    gti = Intervals.of([first * TICK_S], [(first + number) * TICK_S])
    around = np.arange(max(0, first - 3), first + number + 3)
    assert np.count_nonzero(in_good_time((around + 0.5) * TICK_S, gti, TICK_S)) == number


def test_without_a_clock_limits_are_half_open():
    good = in_good_time([0.0, 1.0, 1.5, 2.0], Intervals.of([1.0], [2.0]))
    np.testing.assert_array_equal(good, [False, True, True, False])


def test_without_good_time_no_event_is_good():
    assert not in_good_time([1.0, 2.0], Intervals.of([], []), TICK_S).any()
