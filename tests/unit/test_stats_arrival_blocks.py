"""Bayesian blocks of arrivals, with those of astropy as the other way."""

import numpy as np
import pytest
from astropy.stats import bayesian_blocks
from astropy.stats.bayesian_blocks import Events
from hypothesis import given
from hypothesis import strategies as st

from hstlc.stats.arrival_blocks import arrival_blocks


@pytest.mark.parametrize(("chance", "price"), [(0.05, 4.899), (0.01, 6.509), (0.001, 8.811)])
def test_the_price_of_a_block_is_the_known_one(chance, price):
    """An edge pays from some contrast of two halves on: the gain of the likelihood is the price there."""

    def gain(n):
        return n * np.log(n / 50) + (100 - n) * np.log((100 - n) / 50) if n < 100 else 100 * np.log(2)

    def halves(n):
        return np.concatenate([(np.arange(n) + 0.5) / n * 50, 50 + (np.arange(100 - n) + 0.5) / (100 - n) * 50])

    fewest = next(n for n in range(51, 100) if len(arrival_blocks(halves(n), 100.0, chance)) > 1)
    assert gain(fewest - 3) < price < gain(fewest + 2)
    assert Events(p0=chance).p0_prior(100) == pytest.approx(price, abs=5e-4)


@pytest.mark.parametrize("seed", range(5))
def test_edges_inside_are_those_of_astropy(seed):
    random = np.random.default_rng(seed)
    live_s = np.sort(np.concatenate([random.uniform(0, 1000, 120), random.uniform(400, 500, 60)]))
    ours = arrival_blocks(live_s, 1000.0, 0.01)
    theirs = bayesian_blocks(live_s, fitness="events", p0=0.01)
    np.testing.assert_allclose(ours.edges_live_s[1:-1], theirs[1:-1])
    assert len(ours) == len(theirs) - 1 >= 3
    assert np.sum(ours.counts) == 180


def test_a_source_that_vanishes_before_the_end_has_a_last_block_of_its_own():
    found = arrival_blocks(np.arange(100) + 0.5, 200.0)
    assert found.counts.tolist() == [99, 1]
    assert found.edges_live_s[1] == 99.0
    assert found.edges_live_s[[0, -1]].tolist() == [0.0, 200.0]


@given(st.lists(st.integers(0, 400), max_size=60))
def test_blocks_hold_every_event_once_and_cover_the_live_time(places):
    found = arrival_blocks(np.array(places, dtype=float), 400.0)
    assert np.sum(found.counts) == len(places)
    assert found.edges_live_s[[0, -1]].tolist() == [0.0, 400.0]
    assert (np.diff(found.edges_live_s) > 0).all()
    assert found.rate @ np.diff(found.edges_live_s) == pytest.approx(len(places))


@pytest.mark.parametrize("live_s", [[], [5.0], [5.0, 5.0, 5.0]])
def test_fewer_than_two_times_are_one_block(live_s):
    found = arrival_blocks(np.array(live_s), 10.0)
    assert (len(found), found.counts.tolist()) == (1, [len(live_s)])


def test_many_events_are_counted_in_even_cells():
    random = np.random.default_rng(9)
    live_s = np.concatenate([random.uniform(0, 1000, 40_000), random.uniform(300, 310, 1500)])
    found = arrival_blocks(live_s, 1000.0, 0.001)
    assert len(found) == 3
    assert found.edges_live_s[1:-1] == pytest.approx([300, 310], abs=0.5)
    assert np.sum(found.counts) == 41_500


def test_constant_sources_have_more_than_one_block_as_rarely_as_stated():
    random = np.random.default_rng(12)
    for n in (20, 100, 300):
        several = [len(arrival_blocks(random.uniform(0, 1, n), 1.0, 0.05)) > 1 for _ in range(400)]
        assert np.mean(several) <= 0.07


def test_rarer_blocks_are_never_more():
    random = np.random.default_rng(13)
    for _ in range(50):
        live_s = np.concatenate([random.uniform(0, 1, 60), random.uniform(0.4, 0.5, random.integers(0, 30))])
        assert len(arrival_blocks(live_s, 1.0, 0.01)) <= len(arrival_blocks(live_s, 1.0, 0.05))
