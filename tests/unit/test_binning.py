"""Time bins and their live time: nothing lost, nothing counted twice, with a clock that ticks and without."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hstlc.errors import UsageError
from hstlc.events import bin_edges, bin_index, in_good_time, live_time
from hstlc.events.binning import MAX_BINS, tick_number, ticks_before
from hstlc.model import Intervals

TICK_S = 0.032
LAST = 4000  # ticks


def middle(number):
    """Middle of the ticks of these numbers, as an event list has them."""
    return (np.asarray(number) + 0.5) * TICK_S


def on_ticks(pairs):
    return Intervals.of([a * TICK_S for a, _ in pairs], [b * TICK_S for _, b in pairs])


tick_pairs = st.lists(st.tuples(st.integers(0, LAST), st.integers(0, LAST)), max_size=6)
any_gti = st.lists(st.tuples(st.floats(0, 128), st.floats(0, 128)), max_size=6).map(
    lambda pairs: Intervals.of([a for a, _ in pairs], [b for _, b in pairs])
)
widths = st.floats(TICK_S, 200) | st.integers(1, 500).map(lambda n: n * TICK_S) | st.sampled_from([0.1, 1.0, 2.0, 10.0])
ticks = st.lists(st.integers(0, LAST - 1), max_size=50).map(lambda numbers: np.array(numbers, dtype=np.int64))


def stop_of(gti):
    return float(gti.stop[-1]) if len(gti) else 0.0


@given(tick_pairs, widths)
def test_live_time_is_the_number_of_good_ticks(pairs, width_s):
    gti = on_ticks(pairs)
    good = np.zeros(LAST, dtype=bool)
    for a, b in pairs:
        good[a:b] = True
    live_s = live_time(bin_edges(stop_of(gti), width_s, TICK_S), gti, TICK_S)
    assert live_s.sum() == pytest.approx(np.count_nonzero(good) * TICK_S, abs=1e-9)
    assert (live_s >= 0).all()


@given(any_gti, widths, ticks)
def test_every_event_in_good_time_lands_in_a_bin_with_live_time(gti, width_s, numbers):
    edges = bin_edges(stop_of(gti), width_s, TICK_S)
    time_s = middle(numbers)
    index = bin_index(time_s[in_good_time(time_s, gti, TICK_S)], edges, TICK_S)
    live_s = live_time(edges, gti, TICK_S)
    assert ((index >= 0) & (index < len(live_s))).all()
    assert (live_s[index] >= TICK_S * 0.999).all()


@given(any_gti, widths, ticks)
def test_a_bin_with_one_event_in_every_good_tick_counts_its_live_time(gti, width_s, numbers):
    """The number of good ticks and the number of ticks that an event can come in are the same in each bin."""
    every = middle(np.arange(LAST + 1))
    edges = bin_edges(stop_of(gti), width_s, TICK_S)
    counts = np.bincount(bin_index(every[in_good_time(every, gti, TICK_S)], edges, TICK_S), minlength=len(edges) - 1)
    np.testing.assert_allclose(counts * TICK_S, live_time(edges, gti, TICK_S), atol=1e-9)


@given(ticks, widths)
def test_counts_are_conserved_whatever_the_width(numbers, width_s):
    edges = bin_edges(LAST * TICK_S, width_s, TICK_S)
    index = bin_index(middle(numbers), edges, TICK_S)
    assert ((index >= 0) & (index < len(edges) - 1)).all()


@given(ticks, widths, st.integers(2, 9))
def test_wider_bins_hold_what_the_narrow_ones_held(numbers, width_s, factor):
    narrow = bin_edges(LAST * TICK_S, width_s, TICK_S)
    wide = narrow[::factor]
    np.testing.assert_array_equal(
        bin_index(middle(numbers), narrow, TICK_S) // factor, bin_index(middle(numbers), wide, TICK_S)
    )


@given(any_gti, widths, st.lists(st.floats(0, 128), max_size=20))
def test_every_event_in_good_time_lands_in_a_bin_without_a_clock_too(gti, width_s, times):
    edges = bin_edges(stop_of(gti), width_s)
    time_s = np.array(times)
    index = bin_index(time_s[in_good_time(time_s, gti)], edges)
    assert (live_time(edges, gti)[index] > 0).all()


@given(any_gti, widths)
def test_exact_overlap_equals_that_of_pairs(gti, width_s):
    edges = bin_edges(max(stop_of(gti), 1.0), width_s)
    expected = [
        sum(max(0.0, min(b, stop) - max(a, start)) for start, stop in zip(gti.start, gti.stop, strict=True))
        for a, b in pairwise(edges)
    ]
    np.testing.assert_allclose(live_time(edges, gti), expected, atol=1e-9)


def test_bins_of_two_seconds_hold_62_and_63_ticks_in_turn():
    gti = on_ticks([(1, 1 + 125 * 20)])
    edges = bin_edges(stop_of(gti), 2.0, TICK_S)
    held = np.rint(live_time(edges, gti, TICK_S) / TICK_S).astype(int)
    assert held.tolist() == [61] + [63, 62] * 19 + [63, 1]


@pytest.mark.parametrize("per_bin", [1, 62, 63, 125, 1000])
def test_edges_on_ticks_do_not_jitter(per_bin):
    """As a float, the edge lies now below and now above the tick that it stands for."""
    width_s = per_bin * TICK_S
    number = 12_000
    edges = bin_edges(number * width_s, width_s, TICK_S)
    np.testing.assert_array_equal(ticks_before(edges, TICK_S), per_bin * np.arange(number + 1))
    live_s = live_time(edges, on_ticks([(0, number * per_bin)]), TICK_S)
    np.testing.assert_array_equal(np.rint(live_s / TICK_S), per_bin)


@pytest.mark.parametrize(("width_s", "eighths_of_a_tick"), [(2.0, 500), (0.1, 25), (1.0, 250), (0.5, 125)])
def test_edges_on_the_middle_of_a_tick_do_not_jitter(width_s, eighths_of_a_tick):
    """Every other edge of 2-s bins is the middle of a tick, which is then the first of the next bin."""
    k = np.arange(50_000)
    expected = -((4 - eighths_of_a_tick * k) // 8)
    np.testing.assert_array_equal(ticks_before(bin_edges(k[-1] * width_s, width_s, TICK_S), TICK_S), expected)


@given(st.integers(0, 10**6))
def test_a_time_read_from_a_float32_names_its_tick(number):
    stamp = np.float64(np.float32((number + 1) * TICK_S))  # the end of the tick, as COS writes it
    assert tick_number((np.rint(stamp / TICK_S) - 0.5) * TICK_S, TICK_S) == number


def test_an_event_belongs_to_the_bin_that_holds_the_middle_of_its_tick():
    edges = np.array([0.0, 2.0, 4.0])
    assert bin_index(middle([61, 62, 124, 125]), edges, TICK_S).tolist() == [0, 1, 1, 2]
    assert bin_index([-0.1, 0.0, 1.999, 2.0, 4.0], edges).tolist() == [-1, 0, 0, 1, 2]


def test_no_good_time_is_one_bin_without_live_time():
    edges = bin_edges(0.0, 2.0, TICK_S)
    assert edges.tolist() == [0.0, 2.0]
    assert live_time(edges, Intervals.of([], []), TICK_S).tolist() == [0.0]


def test_one_event_in_one_tick():
    gti = on_ticks([(10, 11)])
    edges = bin_edges(stop_of(gti), 0.1, TICK_S)
    (index,) = bin_index(middle([10]), edges, TICK_S)
    assert live_time(edges, gti, TICK_S)[index] == pytest.approx(TICK_S)


@pytest.mark.parametrize(("stop_s", "width_s", "bins"), [(6.0, 2.0, 3), (1.1, 0.1, 11), (4.096, TICK_S, 128)])
@pytest.mark.parametrize("tick_s", [0.0, TICK_S])
def test_a_stop_on_an_edge_makes_no_empty_last_bin(stop_s, width_s, bins, tick_s):
    assert len(bin_edges(stop_s, width_s, tick_s)) == bins + 1


@pytest.mark.parametrize(("stop_s", "width_s", "tick_s"), [(32_000.032, 32_000.0, TICK_S), (6.0 + 1e-9, 2.0, 0.0)])
def test_the_last_bin_reaches_a_stop_just_after_an_edge(stop_s, width_s, tick_s):
    gti = Intervals.of([0.0], [stop_s])
    live_s = live_time(bin_edges(stop_s, width_s, tick_s), gti, tick_s)
    assert live_s.sum() == pytest.approx(stop_s, abs=1e-10)
    assert 0 < live_s[-1] < 0.1


@pytest.mark.parametrize("width_s", [0.0, -2.0, float("nan"), float("inf"), 0.031, 1e-300])
def test_an_impossible_width_is_refused(width_s):
    with pytest.raises(UsageError) as caught:
        bin_edges(100.0, width_s, TICK_S)
    assert caught.value.code == "usage.bin-width"
    assert caught.value.hint
    assert str(width_s) in caught.value.message


def test_a_width_of_one_tick_is_possible():
    assert len(bin_edges(0.32, TICK_S, TICK_S)) == 11


def test_more_bins_than_fit_are_refused_before_they_are_made():
    with pytest.raises(UsageError) as caught:
        bin_edges(1e9, 1.0)
    assert caught.value.code == "usage.bin-width"
    assert str(MAX_BINS) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("width_s", [1e-320, 1e-300, 5e-324])
def test_a_width_next_to_zero_is_refused_without_a_clock_too(width_s):
    with pytest.raises(UsageError) as caught:
        bin_edges(1e5, width_s)
    assert caught.value.code == "usage.bin-width"


@given(tick_pairs)
def test_stingray_masks_the_same_ticks(pairs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports and about short intervals
        from stingray.gti import create_gti_mask

        gti = on_ticks(pairs)
        assume(len(gti) and (gti.stop - gti.start >= 2 * TICK_S).all())
        every = middle(np.arange(LAST))
        # its interval is good where a whole bin of width dt fits: the same for limits on ticks, up to rounding
        mask = create_gti_mask(every, np.column_stack((gti.start, gti.stop)), dt=TICK_S * (1 - 1e-6))
    np.testing.assert_array_equal(in_good_time(every, gti, TICK_S), mask)
