"""Blocks of time stamps are placed as each stamp by itself would be."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hstlc.events import bin_edges, bin_index, in_good_time
from hstlc.missions.hst.cos_clock import OUTSIDE, TICK_S, Placer, is_ordered, middle_s
from hstlc.model import Intervals

SPANS_S = (0.5, 20.0, 300.0, 30_000.0, 2e6)


@given(
    st.sampled_from(SPANS_S),
    st.sampled_from([TICK_S, 0.04, 0.5, 2.0, 37.3]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 1e-4, -1e-4, 0.0159, -0.016, 0.016]),
)
def test_a_block_is_placed_as_every_event_of_it(span_s, width_s, seed, jitter_s):
    assume(span_s / width_s < 2e5)
    rng = np.random.default_rng(seed)
    limits = np.sort(rng.uniform(0.0, span_s, 6))
    gti = Intervals.of(limits[::2], limits[1::2])
    edges = bin_edges(float(gti.stop[-1]), width_s, TICK_S)
    ticks = rng.integers(-3, int(span_s / TICK_S) + 5, 400)
    stamps = np.sort((ticks * TICK_S + jitter_s * rng.integers(0, 2, 400)).astype(np.float32))
    time_s = middle_s(stamps)
    expected = np.where(in_good_time(time_s, gti, TICK_S), bin_index(time_s, edges, TICK_S), OUTSIDE)
    assert is_ordered(stamps)
    placer = Placer(gti, edges)
    assert np.array_equal(placer.place(stamps), expected)
    assert np.array_equal(placer.place(stamps), expected)
    shuffled = rng.permutation(400)
    assert np.array_equal(placer.place(stamps[shuffled]), expected[shuffled])
    assert np.array_equal(Placer(gti).place(stamps) == 0, in_good_time(time_s, gti, TICK_S))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_time_is_in_no_bin(odd):
    stamps = np.array([0.032, odd, 1.0], dtype=np.float32)
    assert not is_ordered(stamps)
    assert Placer(Intervals.of([0.0], [10.0])).place(stamps).tolist() == [0, OUTSIDE, 0]


def test_without_good_time_nothing_is_placed():
    stamps = np.array([0.032, 1.0], dtype=np.float32)
    for placer in (Placer(Intervals.of([], [])), Placer(Intervals.of([], []), np.array([0.0, 2.0]))):
        assert placer.place(stamps).tolist() == [OUTSIDE, OUTSIDE]
    assert Placer(Intervals.of([0.0], [1.0])).place(stamps[:0]).tolist() == []
