"""Sums over bins on an even grid are those over their times, and the scan with them is the one by definition."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.signal import lombscargle

from hstlc.stats import band_scan
from hstlc.stats.band_scan import BANDS_S, scan_bands
from hstlc.stats.even_sums import even_bins
from hstlc.stats.periodogram import highest_peak

HIGHEST = 4 * np.pi * 86400 / 5  # radians/day: twice the highest frequency of the scan


def dates(time_s, start=58300.25):
    return start + np.asarray(time_s, dtype=float) / 86400


def rates(time_s, seed=1):
    rng = np.random.default_rng(seed)
    return rng.poisson(9 + 4 * np.sin(2 * np.pi * np.asarray(time_s) / rng.uniform(6, 200))) / 2.0 + rng.uniform(0, 0.1)


def by_definition(mjd, net):
    days, y = mjd - mjd[0], net - net.mean()
    bands = [2 * np.pi * 86400 / np.linspace(low, high, len(net)) for low, high in BANDS_S]
    return np.array([lombscargle(days, y, omega) for omega in bands]) * 2 / (len(net) * net.var())


def sine_share(mjd):
    """The share of a sine's amplitude in the bins, 0 where all are at its zeros: rounding of dates decides there."""
    days = mjd - mjd[0]
    bands = [2 * np.pi * 86400 / np.linspace(low, high, len(mjd)) for low, high in BANDS_S]
    return np.array([1 - np.abs(np.exp(2j * np.outer(omega, days)).mean(axis=1)) for omega in bands])


def grid_of(mjd):
    return even_bins(mjd - (mjd[0] + mjd[-1]) / 2, HIGHEST)


runs = st.lists(st.tuples(st.integers(4, 60), st.integers(1, 40)), min_size=1, max_size=4)  # bins, then a gap
cuts = st.lists(st.floats(0.3, 0.9), max_size=4)  # of a step, between two bins each
starts = st.floats(45000, 90000)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(runs, st.floats(0.5, 40), cuts, starts, st.floats(0, 100), st.integers(0, 9))
def test_the_scan_of_runs_with_gaps_and_cut_bins_is_the_defined_one(runs, step_s, cuts, start, offset_s, seed):
    places, place = [], 0
    for bins, gap in runs:
        places += range(place, place + bins)
        place += bins + gap
    time_s = np.sort([*places, *(place + 2 * i + cut for i, cut in enumerate(cuts))]) * step_s + offset_s
    mjd, net = dates(time_s, start), rates(time_s, seed)
    power, expected, share = scan_bands(mjd, net)[1], by_definition(mjd, net), sine_share(mjd)
    fit = share > 1e-5
    assert np.abs(power - expected)[fit].max() < 1e-9
    assert ((power > -1e-12) & (power < 1 + 1e-9))[share > 1e-9].all()


instants = st.integers(0, 400).map(lambda k: 2.0 * k) | st.floats(0, 800)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.lists(instants, min_size=3, max_size=9), starts, st.integers(0, 9))
def test_the_scan_of_few_bins_anywhere_in_any_order_is_the_defined_one(time_s, start, seed):
    assume(np.ptp(time_s) > 1)
    mjd, net = dates(time_s, start), np.random.default_rng(seed).uniform(0, 9, len(time_s))
    fit = sine_share(mjd) > 0.05
    assert (np.abs(scan_bands(mjd, net)[1] - by_definition(mjd, net)) < 1e-9)[fit].all()


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.tuples(st.integers(5, 80), st.floats(10, 3000)), min_size=2, max_size=4), starts, st.integers(0, 9))
def test_the_scan_of_visits_that_start_anywhere_is_the_defined_one(visits, start, seed):
    time_s, begin = [], 0.0
    for bins, pause_s in visits:
        time_s += (begin + 2.0 * np.arange(bins)).tolist()
        begin = time_s[-1] + pause_s
    mjd, net = dates(time_s, start), rates(time_s, seed)
    assert np.abs(scan_bands(mjd, net)[1] - by_definition(mjd, net)).max() < 1e-9


@pytest.mark.parametrize(
    "places",
    [
        range(750),
        [*range(300), *range(310, 700)],
        [*range(400), *range(2700, 3100)],
        [*range(100), 100.3, 101.8],
        [*range(100), 5, 17],  # two detectors see the same instant
    ],
)
def test_sums_are_those_over_the_times(places):
    time_s = np.sort(np.array(places, dtype=float)) * 2.0 + 1
    mjd, y = dates(time_s), rates(time_s)
    grid = grid_of(mjd)
    omega = 2 * np.pi * 86400 / np.linspace(5, 3000, 77)
    signal, window = grid.sums(y, omega)
    first = int(grid.place.max()) + 1
    modes = 1 << (first - 1).bit_length()
    middle = grid.start + (modes // 2 - (modes - first) // 2) * grid.step
    time = mjd - (mjd[0] + mjd[-1]) / 2 - middle
    assert np.abs(signal - np.exp(1j * np.outer(omega, time)) @ y).max() < 1e-11 * np.abs(y).sum()
    assert np.abs(window - np.exp(2j * np.outer(omega, time)).sum(axis=1)).max() < 1e-11 * len(y)


def test_the_grid_is_found_through_the_rounding_of_dates():
    for start, step_s in ((50000.1, 1.0), (58300.25, 2.0), (70000.7, 0.3), (65535.99, 17.3)):
        grid = grid_of(dates(np.arange(900) * step_s, start))
        assert grid.place.tolist() == list(range(900))
        assert grid.step * 86400 == pytest.approx(step_s, abs=1e-8)
        assert len(grid.stray) == 0
        assert np.abs(grid.offset).max() * 86400 < 1.5e-6


@pytest.mark.parametrize(
    "time_s",
    [
        [0.0, 2.0],
        [0.0] * 6 + [2.0, 4.0],
        [0.0, 2.0, 4.9],  # two of three at most
        [0.0, 2.0, 4.9, 7.4],
        np.sort(np.random.default_rng(1).uniform(0, 900, 300)),
        [*range(100), *(200.4 + np.arange(100))],  # two visits, each on a grid of its own
        [*range(100), *range(10**6, 10**6 + 100)],  # too far from each other
        np.arange(300.0)[::-1],  # not in the order of time
    ],
)
def test_bins_that_are_on_no_grid_have_none(time_s):
    assert grid_of(dates(time_s)) is None


def test_both_ways_of_summing_give_the_same_powers(monkeypatch):
    time_s = [*(2.0 * np.arange(400)), 2.0 * 400 - 0.15]
    mjd, net = dates(time_s), rates(time_s)
    powers = scan_bands(mjd, net)[1]
    monkeypatch.setattr(band_scan, "even_bins", lambda *_: None)
    assert np.abs(scan_bands(mjd, net)[1] - powers).max() < 1e-11


@pytest.mark.parametrize("step_s", [2.5, 5.0, 10.0, 30.0])
def test_bins_at_the_zeros_of_a_sine_give_no_power_beyond_one(step_s):
    time_s = step_s * np.arange(120)
    power = scan_bands(dates(time_s), rates(time_s))[1]
    assert power.min() > -1e-9
    assert power.max() < 1 + 1e-9


def test_threads_do_not_disturb_each_other():
    def numbers(seed):
        time_s = 2.0 * np.arange(600)
        net = rates(time_s, seed)
        return scan_bands(dates(time_s), net)[1].tolist(), highest_peak(time_s, net, np.full(600, 2.0))

    alone = [numbers(seed) for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(numbers, [*range(12)] * 5)) == alone * 5
