import numpy as np
import pytest
from astropy.timeseries import LombScargle
from scipy.signal import lombscargle

from hstlc.stats import periodogram
from hstlc.stats.periodogram import has_peak, highest_peak, scan_bands


def known_series():
    time_s = 2.0 * np.arange(1350)
    return 56000 + time_s / 86400, 50 + 10 * np.sin(2 * np.pi * time_s / 120)


def gapped_series(bins=120):
    rng = np.random.default_rng(8)
    time_s = np.sort(rng.choice(2000, bins, replace=False)) * 2.0
    return 58108.5 + time_s / 86400, rng.poisson(12, bins) / 2.0


def test_known_answer_of_the_documented_scan():
    period_s, power = scan_bands(*known_series())
    best = np.argmax(power[0])
    assert power[0, best] == pytest.approx(0.997982, abs=5e-7)
    assert period_s[0, best] == pytest.approx(120.1186, abs=5e-5)
    assert has_peak(*known_series())


def test_the_grid_has_as_many_even_periods_a_band_as_there_are_bins():
    period_s, power = scan_bands(*gapped_series(40))
    assert period_s.shape == power.shape == (3, 40)
    assert period_s[:, [0, -1]].tolist() == [[5.0, 600.0], [600.0, 3600.0], [3600.0, 36000.0]]
    assert np.ptp(np.diff(period_s, axis=1), axis=1).max() < 1e-8


@pytest.mark.parametrize("series", [known_series, gapped_series, lambda: gapped_series(3), lambda: gapped_series(900)])
def test_the_scan_equals_scipy_and_astropy(series):
    mjd, net = series()
    period_s, power = scan_bands(mjd, net)
    days, y = mjd - mjd[0], net - net.mean()
    for periods, powers in zip(period_s / 86400, power, strict=True):
        by_scipy = lombscargle(days, y, 2 * np.pi / periods) * 2 / (len(y) * net.var())
        assert np.abs(powers - by_scipy).max() < 1e-8
        model = LombScargle(days, net, fit_mean=False, center_data=True)
        assert np.abs(powers - model.power(1 / periods, method="slow", normalization="standard")).max() < 1e-8


def test_transforms_in_parts_give_the_same_powers(monkeypatch):
    mjd, net = gapped_series()
    whole = scan_bands(mjd, net)[1]
    monkeypatch.setattr(periodogram, "_SPAN_LIMIT", 300.0)
    assert np.abs(scan_bands(mjd, net)[1] - whole).max() < 1e-10


def test_a_peak_below_the_documented_height_does_not_count():
    mjd, net = known_series()
    noise = np.random.default_rng(3).normal(size=len(net))
    quiet = net + 20 * noise  # signal power 50 of 450: a clear peak of 0.11
    assert scan_bands(mjd, quiet)[1][0].max() > 0.08
    assert not has_peak(mjd, quiet)
    assert has_peak(mjd, net + 5 * noise)


def test_the_end_of_a_band_is_no_peak():
    time_s = 2.0 * np.arange(300)
    assert not has_peak(56000 + time_s / 86400, 50 + time_s)  # a trend: powers rise or fall through the bands' ends


@pytest.mark.parametrize(
    ("mjd", "net"),
    [([], []), ([1.0], [2.0]), ([1.0, 2.0], [1.0, 2.0]), ([1.0, 2.0, 3.0], [4.0] * 3), ([1.0] * 3, [1.0, 2.0, 3.0])],
)
def test_degenerate_series_have_no_peak(mjd, net):
    assert has_peak(np.array(mjd), np.array(net)) is False


def test_a_sinusoid_is_found_through_a_gap_and_unequal_exposures():
    rng = np.random.default_rng(21)
    time_s = 2.0 * np.arange(1000) + 1
    keep = (time_s < 700) | (time_s > 1000)
    time_s, exposure = time_s[keep], rng.uniform(1.6, 2.0, keep.sum())
    rate = rng.poisson(20 * (1 + 0.2 * np.sin(2 * np.pi * time_s / 120)) * exposure) / exposure
    peak = highest_peak(time_s, rate, exposure)
    assert peak.period_s == pytest.approx(120, abs=1)
    assert peak.false_alarm_probability < 1e-6


@pytest.mark.parametrize("bins", [200, 201, 202, 203])
def test_the_peak_equals_that_of_astropy_on_the_same_frequencies(bins):
    rng = np.random.default_rng(bins)
    time_s, exposure = 2.0 * np.arange(bins) + 1, rng.uniform(1.6, 2.0, bins)
    rate = rng.poisson(20 * exposure) / exposure
    span = time_s[-1] - time_s[0]
    frequency = np.arange(5, 5 * span / 4 - 0.4) / (5 * span)
    power = LombScargle(time_s, rate, 1 / np.sqrt(exposure)).power(
        frequency, method="slow", assume_regular_frequency=True
    )
    peak = highest_peak(time_s, rate, exposure)
    assert peak.power == pytest.approx(power.max(), abs=1e-7)
    assert peak.period_s == pytest.approx(1 / frequency[np.argmax(power)], rel=1e-12)
    assert 2 * 2.0 < peak.period_s <= span * (1 + 1e-12)


def test_frequencies_in_blocks_give_the_same_peak(monkeypatch):
    mjd, net = gapped_series()
    time_s, ones = (mjd - mjd[0]) * 86400, np.ones(len(mjd))
    whole = highest_peak(time_s, net, ones)
    monkeypatch.setattr(periodogram, "_BLOCK", 97)
    parts = highest_peak(time_s, net, ones)
    assert parts.period_s == whole.period_s
    assert parts.power == pytest.approx(whole.power, abs=1e-8)


def test_finer_grids_come_closer_to_the_period():
    time_s = 2.0 * np.arange(300)
    rate = 20 + np.sin(2 * np.pi * time_s / 97.3)
    coarse, fine = (highest_peak(time_s, rate, np.full(300, 2.0), n) for n in (2, 50))
    assert abs(fine.period_s - 97.3) < 0.1 < abs(coarse.period_s - 97.3)
    assert coarse.power < fine.power <= 1


@pytest.mark.parametrize(
    ("time_s", "rate"),
    [
        (np.arange(4.0), np.array([1.0, 2.0, 1.0, 2.0])),  # too few
        (np.arange(9.0), np.full(9, 3.3)),  # constant
        (np.zeros(9), np.arange(9.0)),  # one instant
        (np.array([0.0, 0, 0, 0, 0, 5]), np.arange(6.0)),  # no median spacing
    ],
)
def test_where_nothing_can_be_found_there_is_no_peak(time_s, rate):
    assert highest_peak(time_s, rate, np.ones(len(rate))) is None


def test_one_frequency_is_no_grid():
    time_s, rate = np.arange(5.0), np.array([1.0, 3.0, 2.0, 5.0, 1.0])
    assert highest_peak(time_s, rate, np.ones(5), oversampling=1) is None
    assert highest_peak(time_s, rate, np.ones(5), oversampling=2) is not None
