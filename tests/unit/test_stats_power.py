"""Powers with one plan of the transform are those of the library that plans each time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nifty_ls import lombscargle

from hstlc.stats import periodogram
from hstlc.stats.periodogram import highest_peak, spectrum
from hstlc.stats.power import EvenPowers


def series(bins, seed=1):
    rng = np.random.default_rng(seed)
    exposure = rng.uniform(1.6, 2.0, bins)
    time_s = np.sort(rng.choice(3 * bins, bins, replace=False)) * 2.0
    return time_s, rng.poisson(9 * exposure) / exposure, 1 / np.sqrt(exposure)


def planned_each_time(time_s, rate, error, start_hz, step_hz, count):
    end_hz = start_hz + (count - 1) * step_hz
    options = {"center_data": True, "fit_mean": True, "normalization": "standard", "backend": "finufft", "nthreads": 1}
    power = lombscargle(time_s, rate, error, fmin=start_hz, fmax=end_hz, Nf=count, **options).power
    return np.clip(np.nan_to_num(power), 0.0, 1.0)


@pytest.mark.parametrize("bins", [5, 12, 750, 3000])
@pytest.mark.parametrize("count", [2, 11, 1867])
def test_every_grid_has_the_powers_of_a_plan_of_its_own_to_the_last_digit(bins, count):
    values = series(bins)
    powers = EvenPowers(*values, count)
    for start_hz, step_hz in ((1e-4, 3e-5), (0.01, 1.7e-6), (1e-4, 3e-5)):
        expected = planned_each_time(*values, start_hz, step_hz, count)
        assert powers(start_hz, step_hz).tolist() == expected.tolist()
        assert expected.max() > 0


def test_a_single_frequency_has_the_power_that_it_has_in_a_grid():
    values = series(300)
    several = EvenPowers(*values, 5)(0.01, 1e-4)
    single = EvenPowers(*values, 1)(0.01 + 2e-4, 1e-4)
    assert single.shape == (1,)
    assert single == pytest.approx(several[2:3], abs=1e-7)


def test_a_last_block_of_one_frequency_is_searched_too(monkeypatch):
    time_s, rate, error = series(200)
    whole = spectrum(time_s, rate, error**-2, samples=10**6)
    monkeypatch.setattr(periodogram, "_BLOCK", len(whole.power) - 1)
    parts = spectrum(time_s, rate, error**-2, samples=10**6)
    assert parts.power == pytest.approx(whole.power, abs=1e-7)
    assert parts.peak.period_s == whole.peak.period_s


def test_the_highest_peak_is_that_of_the_whole_spectrum():
    time_s, rate, error = series(400)
    assert highest_peak(time_s, rate, error**-2) == spectrum(time_s, rate, error**-2).peak


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.data())
def test_of_equal_powers_in_a_slice_the_first_one_counts(values, data):
    power = np.array(values, dtype=float)
    inside = data.draw(st.sets(st.integers(1, len(values) - 1))) if len(values) > 1 else set()
    low = np.array([0, *sorted(inside)])
    found = periodogram._highest(power, low)
    ends = [*low[1:], len(values)]
    assert found.tolist() == [a + int(np.argmax(power[a:b])) for a, b in zip(low, ends, strict=True)]
