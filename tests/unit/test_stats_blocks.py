"""Bayesian blocks: those of astropy, on cells that bound the work."""

import numpy as np
from astropy.stats import bayesian_blocks
from hypothesis import given, settings
from hypothesis import strategies as st

from hstlc.stats.blocks import count_blocks


def blocks_of(counts, dataset=None, exposure=2.0, **options):
    counts = np.asarray(counts, dtype=float)
    dataset = np.ones(len(counts), dtype=int) if dataset is None else dataset
    return count_blocks(dataset, counts, counts, np.broadcast_to(float(exposure), len(counts)), **options)


@given(st.lists(st.integers(25, 400), min_size=2, max_size=64), st.sampled_from([1e-3, 0.05]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_blocks_are_those_of_astropy(counts, chance):
    rate = np.array(counts) / 2
    error = np.sqrt(np.maximum(counts, np.mean(counts))) / 2
    edges = bayesian_blocks(2.0 * np.arange(len(counts)), rate, error, fitness="measures", p0=chance)
    assert blocks_of(counts, chance=chance) == len(edges) - 1


def test_steps_are_counted():
    assert blocks_of(np.full(700, 9.0)) == 1
    assert blocks_of(np.repeat([20.0, 60.0, 20.0, 100.0], 150)) == 4


def test_faint_curves_get_cells_with_enough_counts():
    rng = np.random.default_rng(6)
    assert blocks_of(rng.poisson(0.05, 4000)) == 1
    assert blocks_of(rng.poisson(np.repeat([0.05, 0.5, 0.05], 1500))) == 3


def test_live_time_makes_no_block():
    exposure = np.repeat([2.0, 1.6, 2.0], 200)
    counts = 30 * exposure
    assert count_blocks(np.ones(600, dtype=int), counts, counts, exposure) == 1


def test_a_step_between_datasets_is_one_whatever_their_order():
    dataset = np.tile([1, 2], 300)
    counts = np.where(dataset == 1, 20.0, 60.0)
    assert blocks_of(counts, dataset) == 2


def test_without_counts_there_is_nothing_to_count():
    assert blocks_of(np.zeros(50)) is None
    assert blocks_of([]) is None
    assert blocks_of([3.0]) == 1


def test_the_work_is_bounded():
    changing = np.tile(np.repeat([100.0, 9000.0], 100), 400)  # 80,000 bins in 510 cells of 157
    assert 200 < blocks_of(changing) <= 510
    assert blocks_of(np.full(1024, 50.0), np.repeat(np.arange(512), 2)) == 1
    assert blocks_of(np.full(1026, 50.0), np.repeat(np.arange(513), 2)) is None
