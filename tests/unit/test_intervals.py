"""Interval sets: the laws of their algebra, and the answers of another library."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hstlc.model import Intervals

NONE = Intervals.of([], [])
WINDOW = (-40, 40)

limits = st.lists(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), max_size=8)


def interval_set(pairs):
    return Intervals.of([a for a, _ in pairs], [b for _, b in pairs])


sets = limits.map(interval_set)


def outside(one):
    return one.complement(*WINDOW)


@given(limits)
def test_a_set_is_sorted_disjoint_and_holds_the_same_times(pairs):
    made = interval_set(pairs)
    assert (made.start < made.stop).all()
    assert (made.stop[:-1] < made.start[1:]).all()
    at = np.arange(-41, 41, 0.5)
    expected = np.array([any(a <= t < b for a, b in pairs) for t in at])
    np.testing.assert_array_equal(made.contains(at), expected)


@given(limits, st.randoms(use_true_random=False))
def test_order_does_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert interval_set(shuffled) == interval_set(pairs)


@given(sets, sets)
def test_union_and_intersection_commute(a, b):
    assert a.union(b) == b.union(a)
    assert a.intersect(b) == b.intersect(a)


@given(sets, sets, sets)
def test_union_and_intersection_associate_and_distribute(a, b, c):
    assert a.union(b).union(c) == a.union(b.union(c))
    assert a.intersect(b).intersect(c) == a.intersect(b.intersect(c))
    assert a.intersect(b.union(c)) == a.intersect(b).union(a.intersect(c))
    assert a.union(b.intersect(c)) == a.union(b).intersect(a.union(c))


@given(sets)
def test_idempotence_and_neutral_elements(a):
    assert a.union(a) == a
    assert a.intersect(a) == a
    assert a.union(NONE) == a
    assert a.intersect(NONE) == NONE
    assert a.intersect(Intervals.of([WINDOW[0]], [WINDOW[1]])) == a


@given(sets, sets)
def test_absorption(a, b):
    assert a.union(a.intersect(b)) == a
    assert a.intersect(a.union(b)) == a


@given(sets)
def test_complement_parts_the_window(a):
    assert outside(outside(a)) == a
    assert a.intersect(outside(a)) == NONE
    assert a.union(outside(a)) == Intervals.of([WINDOW[0]], [WINDOW[1]])
    assert a.total + outside(a).total == WINDOW[1] - WINDOW[0]


@given(sets, sets)
def test_de_morgan(a, b):
    assert outside(a.union(b)) == outside(a).intersect(outside(b))
    assert outside(a.intersect(b)) == outside(a).union(outside(b))


@given(sets, sets)
def test_lengths_of_union_and_intersection_add_up(a, b):
    assert a.union(b).total + a.intersect(b).total == a.total + b.total


def test_touching_intervals_are_one_and_empty_ones_none():
    assert Intervals.of([0, 1, 5], [1, 2, 5]) == Intervals.of([0], [2])
    assert len(Intervals.of([3], [3])) == len(Intervals.of([4], [3])) == 0
    assert NONE.total == 0
    assert not NONE.contains([0.0, 1.0]).any()


def test_limits_are_half_open():
    np.testing.assert_array_equal(Intervals.of([1], [2]).contains([0.999, 1, 1.999, 2]), [False, True, True, False])


def test_one_number_each_is_an_interval():
    assert Intervals.of(1, 2).total == 1


@pytest.mark.parametrize(("start", "stop"), [([0], [1, 2]), ([np.nan], [1]), ([0], [np.inf]), ([[0]], [[1]])])
def test_what_is_no_list_of_limits_is_refused(start, stop):
    with pytest.raises(ValueError, match=r"same length|not finite"):
        Intervals.of(start, stop)


def test_a_set_is_only_equal_to_a_set():
    assert Intervals.of([0], [1]) != [(0, 1)]
    with pytest.raises(TypeError):
        hash(NONE)


@pytest.fixture(scope="module")
def stingray_gti():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        from stingray import gti
    return gti


@given(sets, sets)
def test_stingray_agrees(stingray_gti, a, b):
    assume(len(a) and len(b))
    one, other = (np.column_stack((s.start, s.stop)) for s in (a, b))
    common = np.reshape(stingray_gti.cross_two_gtis(one, other), (-1, 2))
    assert a.intersect(b) == Intervals.of(common[:, 0], common[:, 1])
    bad = np.reshape(stingray_gti.get_btis(one, start_time=WINDOW[0], stop_time=WINDOW[1]), (-1, 2))
    assert outside(a) == Intervals.of(bad[:, 0], bad[:, 1])
    assert a.total == stingray_gti.get_total_gti_length(one)
