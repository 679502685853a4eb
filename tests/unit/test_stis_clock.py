"""STIS time stamps are whole ticks, each in the bin and the good time that hold its middle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.events import bin_edges, bin_index, in_good_time, live_time
from hstlc.missions.hst.stis_clock import NO_TIME, OUTSIDE, TICK_S, TickPlacer, middle_s, ticks_of
from hstlc.model import Intervals


def test_stored_integers_are_ticks_as_they_are():
    stored = np.array([0, 483, 2**31 - 1], dtype=">i4")
    ticks = ticks_of(stored, 0.000125, 0.0)
    assert ticks.tolist() == [0, 483, 2**31 - 1]
    assert ticks.dtype == np.int64


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=50))
def test_seconds_give_the_same_ticks_as_stored_integers(numbers):
    stored = np.array(numbers, dtype=">i4")
    assert ticks_of(stored * 0.000125).tolist() == ticks_of(stored, 0.000125).tolist() == numbers


def test_another_zero_point_of_the_column_counts():
    assert ticks_of(np.array([8000], dtype=">i4"), 0.000125, 1.0).tolist() == [16000]


def test_what_is_no_number_has_no_time():
    ticks = ticks_of(np.array([np.nan, 0.25, np.inf]))
    assert ticks.tolist() == [NO_TIME, 2000, NO_TIME]
    assert np.isnan(middle_s(ticks)).tolist() == [True, False, True]
    assert TickPlacer(Intervals.of([0.0], [1.0])).place(ticks).tolist() == [OUTSIDE, 0, OUTSIDE]


@given(st.integers(0, 2**32 - 1), st.sampled_from([TICK_S, 0.001, 0.5, 2.0, 37.3]), st.sampled_from([0.4, 9.0, 300.0]))
def test_events_are_placed_as_the_functions_of_all_missions_place_them(seed, width_s, span_s):
    if span_s / width_s > 1e5:
        width_s *= 100
    rng = np.random.default_rng(seed)
    limits = np.sort(rng.uniform(0.0, span_s, 6))
    limits[2] = round(limits[2] / TICK_S) * TICK_S  # a limit on the clock's grid
    gti = Intervals.of(*np.sort(limits).reshape(-1, 2).T)
    edges = bin_edges(float(gti.stop[-1]), width_s, TICK_S)
    ticks = rng.integers(-5, int(span_s / TICK_S) + 8000, 500)
    time_s = middle_s(ticks)
    expected = np.where(in_good_time(time_s, gti, TICK_S), bin_index(time_s, edges, TICK_S), OUTSIDE)
    assert np.array_equal(TickPlacer(gti, edges).place(ticks), expected)
    assert np.array_equal(TickPlacer(gti).place(ticks) == 0, in_good_time(time_s, gti, TICK_S))


def test_one_event_each_tick_is_a_rate_without_jitter():
    gti = Intervals.of([0.0125], [0.9875])
    edges = bin_edges(float(gti.stop[-1]), 0.1, TICK_S)
    placed = TickPlacer(gti, edges).place(np.arange(1, 8001))
    counts = np.bincount(placed[placed != OUTSIDE], minlength=len(edges) - 1)
    assert counts / live_time(edges, gti, TICK_S) == pytest.approx(np.full(10, 8000.0))


def test_without_good_time_nothing_is_placed():
    nothing = Intervals.of([], [])
    for placer in (TickPlacer(nothing), TickPlacer(nothing, np.array([0.0, 2.0]))):
        assert placer.place(np.array([1, 5000])).tolist() == [OUTSIDE, OUTSIDE]
