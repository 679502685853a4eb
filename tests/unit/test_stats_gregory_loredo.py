"""Gregory-Loredo odds: the known answers, and a plain sum over bins as the other way to them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.events.live_clock import LiveClock
from hstlc.model import Intervals
from hstlc.stats.gregory_loredo import gregory_loredo, variability_index

T_S = 50_000.0


def even_clock(total_s=T_S):
    return LiveClock(np.array([0.0, total_s]), np.array([0.0, total_s]))


def steps(start_s, stop_s, n):
    return start_s + (np.arange(n) + 0.5) / n * (stop_s - start_s)


EVEN = steps(0, T_S, 100)
STEP = np.concatenate([steps(0, T_S / 2, 80), steps(T_S / 2, T_S, 20)])


def plain_log_odds(time_s, clock, m):
    """The formula as it is written, from a histogram of the bins."""
    edges = np.linspace(clock.time_s[0], clock.time_s[-1], m + 1)
    counts, share = np.histogram(time_s, edges)[0], clock.between(edges) * m / clock.total
    n = len(time_s)
    total = math.lgamma(m) - math.lgamma(n + m) + n * math.log(m)
    held = counts > 0
    return total + sum(math.lgamma(k + 1) for k in counts) - np.sum(counts[held] * np.log(share[held]))


def odds_of(time_s, m, clock=None):
    """The odds of ``m`` bins alone, from the means up to ``m`` and up to ``m - 1``."""
    clock = clock or even_clock()
    upto = 10 ** gregory_loredo(time_s, clock, most_bins=m).log10_odds * (m - 1)
    return upto - (10 ** gregory_loredo(time_s, clock, most_bins=m - 1).log10_odds * (m - 2) if m > 2 else 0)


@pytest.mark.parametrize("n", [0, 1])
def test_no_event_and_one_event_say_nothing(n):
    found = gregory_loredo(np.full(n, 77.0), LiveClock(np.array([0.0, 50.0, 100.0]), np.array([0.0, 50.0, 60.0])))
    assert (found.arrivals, found.log10_odds, found.probability, found.index) == (n, 0.0, 0.5, 0)


@pytest.mark.parametrize(("n", "odds"), [(2, 4 / 3), (20, 49932.190476)])
def test_all_events_in_one_of_two_bins(n, odds):
    assert odds_of(steps(0, T_S / 2, n), 2) == pytest.approx(odds, abs=5e-7)


@pytest.mark.parametrize(("m", "odds", "digits"), [(2, 0.124401, 5e-7), (5, 1.566892e-3, 5e-10), (10, 9.951e-6, 5e-10)])
def test_odds_of_even_events(m, odds, digits):
    assert odds_of(EVEN, m) == pytest.approx(odds, abs=digits)


def test_even_events_are_constant():
    found = gregory_loredo(EVEN, even_clock())
    assert found.probability == pytest.approx(0.11064, abs=5e-6)
    assert (found.most_bins, found.index, found.peak_bins) == (2, 0, 2)
    assert found.within_3_sigma == found.within_5_sigma == 1.0
    np.testing.assert_allclose(found.curve.rate, 100 / T_S, rtol=1e-12)


def test_a_step_is_variable():
    found = gregory_loredo(STEP, even_clock())
    assert found.log10_odds == pytest.approx(7.369527, abs=5e-7)
    assert found.probability == pytest.approx(0.99999996, abs=5e-9)
    assert (found.index, found.peak_bins, found.mean_bins, found.timescale_s) == (8, 2, 2.0, T_S / 2)
    assert found.within_3_sigma == 0.0
    # two bins: rates (80 + 1) / (100 + 2) and (20 + 1) / (100 + 2) of all
    assert found.curve.rate[[0, -1]] == pytest.approx(np.array([81, 21]) / 102 * 100 * 2 / T_S, rel=1e-12)
    part = 81 / 102
    assert found.curve.sigma[0] == pytest.approx(math.sqrt(part * (1 - part) / 103) * 100 * 2 / T_S, rel=1e-9)


def test_a_gap_of_a_tenth_of_the_time():
    even = steps(0, 90_000, 300)
    found = gregory_loredo(np.where(even < 45_000, even, even + 10_000), even_clock(100_000.0))
    assert found.log10_odds == pytest.approx(2.75634, abs=5e-6)
    assert found.probability == pytest.approx(0.998251, abs=5e-7)
    assert (found.most_bins, found.index) == (17, 7)


def test_the_same_gap_in_the_good_times_is_none():
    even = steps(0, 90_000, 300)
    time_s = np.where(even < 45_000, even, even + 10_000)
    clock = LiveClock.of([(Intervals.of([0.0, 55_000.0], [45_000.0, 100_000.0]), 1.0)])
    on_clock = gregory_loredo(time_s, clock)
    in_live_time = gregory_loredo(clock.before(time_s), even_clock(90_000.0))
    assert on_clock.index == in_live_time.index == 0
    assert max(on_clock.log10_odds, in_live_time.log10_odds) < -0.5
    np.testing.assert_allclose(on_clock.curve.rate, 300 / 90_000, rtol=0.05)
    assert not Intervals.of([45_000.0], [55_000.0]).contains(on_clock.curve.start_s).any()


def test_a_detector_that_leaves_half_of_the_region_for_a_while_is_no_variability():
    random = np.random.default_rng(4)
    clock = LiveClock(np.array([0.0, 20_000.0, 50_000.0]), np.array([0.0, 20_000.0, 35_000.0]))
    time_s = clock.time_at(random.uniform(0, clock.total, 2000))
    assert gregory_loredo(time_s, clock).index <= 2
    assert gregory_loredo(time_s, even_clock()).index == 10


@given(
    st.lists(st.floats(0, 1, exclude_max=True), min_size=2, max_size=60),
    st.floats(0.1, 0.6),
    st.floats(0.3, 1.0),
)
def test_odds_are_those_of_the_plain_formula(parts, middle, live):
    clock = LiveClock(np.array([0.0, middle, 1.0]), np.array([0.0, middle * live, middle * live + 1 - middle]))
    # on a grid that no edge of up to 13 bins meets: histograms round there as they like
    time_s = (np.floor(np.array(parts) * 997) + 0.5) / 997
    plain = np.array([plain_log_odds(time_s, clock, m) for m in range(2, 14)])
    found = gregory_loredo(time_s, clock, most_bins=13)
    expected = np.logaddexp.reduce(plain) - math.log(12)
    assert found.log10_odds * math.log(10) == pytest.approx(expected, abs=1e-9)
    assert found.peak_bins - 2 == np.argmax(plain) or np.ptp(np.sort(plain)[-2:]) < 1e-9
    weight = np.exp(plain - plain.max())
    assert found.mean_bins == pytest.approx(np.sum(weight * np.arange(2, 14)) / np.sum(weight), rel=1e-9)


def test_many_events_and_few_are_summed_alike():
    """Up to twice as many bins as events are summed bin by bin, more of them event by event."""
    time_s = np.sort(np.random.default_rng(2).uniform(0, T_S, 30))
    clock = LiveClock(np.array([0.0, 1e4, 2e4, T_S]), np.array([0.0, 1e4, 1.2e4, 4e4]))
    for m in (55, 60, 61, 200):
        plain = np.array([plain_log_odds(time_s, clock, k) for k in range(2, m + 1)])
        found = gregory_loredo(time_s, clock, most_bins=m).log10_odds * math.log(10)
        assert found == pytest.approx(np.logaddexp.reduce(plain) - math.log(m - 1), abs=1e-9)


def test_a_million_events_overflow_nothing():
    random = np.random.default_rng(6)
    time_s = np.concatenate([random.uniform(0, T_S, 900_000), random.uniform(0, T_S / 10, 100_000)])
    found = gregory_loredo(time_s, even_clock(), most_bins=20)
    assert (found.index, found.probability, found.peak_bins) == (10, 1.0, 10)
    assert np.isfinite([found.log10_odds, found.mean_bins, *found.curve.rate, *found.curve.sigma]).all()
    assert found.curve.rate[50] == pytest.approx(190_000 / 5000, rel=0.01)


def test_events_while_nothing_is_live_are_left_out():
    clock = LiveClock.of([(Intervals.of([0.0, 600.0], [400.0, 1000.0]), 1.0)])
    found = gregory_loredo(np.array([-5.0, 10.0, 400.0, 500.0, 700.0, 1000.0, 2000.0]), clock)
    assert found.arrivals == 4
    assert gregory_loredo(np.array([1.0]), LiveClock(np.zeros(0), np.zeros(0))) is None
    assert gregory_loredo(np.array([1.0]), LiveClock(np.array([0.0, 5.0]), np.zeros(2))) is None


def test_bins_are_at_least_fifty_seconds_and_at_most_three_thousand():
    burst = 25_000.0 + steps(0, 1.0, 40)
    assert gregory_loredo(burst, even_clock()).most_bins == 1000
    assert gregory_loredo(burst, even_clock(), shortest_s=500.0).most_bins == 100
    assert gregory_loredo(burst * 10, even_clock(500_000.0)).most_bins == 3000
    assert gregory_loredo(steps(0, 60, 5), even_clock(60.0)).most_bins == 2


@pytest.mark.parametrize(
    ("probability", "within", "index"),
    [
        (0.4, (0.2, 0.2), 0),
        (0.5, (1, 1), 0),
        (0.51, (1, 1), 1),
        (0.66, (0.998, 1), 1),
        (0.67, (0.998, 1), 2),
        (0.89, (1, 1), 2),
        (0.55, (0.997, 1), 3),
        (0.55, (1, 0.999), 3),
        (0.61, (0.9, 1), 4),
        (0.67, (0.9, 1), 5),
        (0.89, (0.9, 0.9), 5),
        (0.91, (1, 1), 6),
        (0.985, (0, 0), 6),
        (0.995, (1, 1), 7),
    ],
)
def test_the_variability_index_by_probability(probability, within, index):
    assert variability_index(math.log10(probability / (1 - probability)), *within) == index


@pytest.mark.parametrize(
    ("log10_odds", "index"),
    [(1.99, 6), (2, 7), (3.99, 7), (4, 8), (9.99, 8), (10, 9), (29.99, 9), (30, 10), (5000, 10), (-5000, 0)],
)
def test_the_variability_index_by_odds(log10_odds, index):
    assert variability_index(log10_odds, 1.0, 1.0) == index


@pytest.mark.parametrize("events", [0, 1])
@pytest.mark.parametrize("span_s", [50_000.0, 59_240.2, 4_936.7, 123_456.789])
def test_of_no_event_and_of_one_nothing_can_be_told_whatever_the_live_time_is(events: int, span_s: float) -> None:
    clock = LiveClock(np.array([0.0, 0.4 * span_s, 0.5 * span_s, span_s]), np.array([0.0, 0.4, 0.4, 0.7]) * span_s)
    found = gregory_loredo(np.full(events, span_s / 3), clock)
    assert found is not None
    assert (found.log10_odds, found.probability, found.index) == (0.0, 0.5, 0)
