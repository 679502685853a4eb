import numpy as np
import pytest
from astropy.timeseries import LombScargle
from scipy.signal import lombscargle

from hstlc.stats import band_scan, periodogram
from hstlc.stats.band_scan import has_peak, scan_bands
from hstlc.stats.periodogram import highest_peak, spectrum


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
    monkeypatch.setattr(band_scan, "_SPAN_LIMIT", 300.0)
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
def test_powers_and_peak_equal_those_of_astropy_on_the_same_frequencies(bins):
    rng = np.random.default_rng(bins)
    time_s, exposure = 2.0 * np.arange(bins) + 1, rng.uniform(1.6, 2.0, bins)
    rate = rng.poisson(20 * exposure) / exposure
    span = time_s[-1] - time_s[0]
    frequency = np.arange(5, 5 * span / 4 - 0.4) / (5 * span)
    oracle = LombScargle(time_s, rate, 1 / np.sqrt(exposure))
    found = spectrum(time_s, rate, exposure, samples=10**6)
    assert found.frequency_hz == pytest.approx(frequency, rel=1e-12)
    assert found.power == pytest.approx(oracle.power(frequency, method="slow"), abs=1e-7)
    around = frequency[np.argmax(found.power)] + np.arange(-5, 6) / (50 * span)  # steps of a tenth
    fine = oracle.power(around, method="slow")
    assert found.power.max() <= found.peak.power <= fine.max() + 1e-7
    assert found.peak.period_s == pytest.approx(1 / around[np.argmax(fine)], rel=1e-9)
    highest_hz = frequency[-1]
    assert found.peak.shortest_period_s == pytest.approx(1 / highest_hz)
    assert found.peak.shortest_period_s > 2 * 2.0
    chance = oracle.false_alarm_probability(found.peak.power, method="baluev", maximum_frequency=highest_hz)
    assert found.peak.false_alarm_probability == pytest.approx(chance, rel=3e-3)
    for probability, power in found.levels:
        same = oracle.false_alarm_probability(power, method="baluev", maximum_frequency=highest_hz)
        assert same == pytest.approx(probability, rel=3e-3)


def test_a_thinned_spectrum_keeps_every_peak():
    mjd, net = gapped_series()
    time_s, ones = (mjd - mjd[0]) * 86400, np.ones(len(mjd))
    whole, thin = (spectrum(time_s, net, ones, samples=n) for n in (10**7, 50))
    assert len(thin.power) == 50 < len(whole.power)
    edges = np.linspace(0, len(whole.power), 51).astype(int)[:-1]
    assert thin.power == pytest.approx(np.maximum.reduceat(whole.power, edges), abs=1e-12)
    assert set(thin.frequency_hz.tolist()) <= set(whole.frequency_hz.tolist())
    assert thin.peak == whole.peak


def visits(number, spacing_s, *, offset=0.0, amplitude=0.0, period_s=341.0, seed=1):
    """Return time, rate, exposure and dataset of visits of 400 2-s bins, each with an offset of its own."""
    rng = np.random.default_rng(seed)
    start = np.arange(number) * spacing_s + rng.uniform(0, 5000, number)
    time_s = (start[:, None] + 2.0 * np.arange(400) + 1).ravel()
    dataset = np.repeat(np.arange(1, number + 1), 400)
    rate = rng.normal(10 + offset * rng.normal(size=number)[dataset - 1], 1)
    return time_s, rate + amplitude * np.sin(2 * np.pi * time_s / period_s), np.full(len(time_s), 2.0), dataset


def test_offsets_between_datasets_are_no_period():
    time_s, rate, exposure, dataset = visits(12, 20000.0, offset=3.0)
    assert highest_peak(time_s, rate, exposure).false_alarm_probability < 1e-10
    assert highest_peak(time_s, rate, exposure, dataset=dataset).false_alarm_probability > 0.01


def test_a_period_is_found_across_visits_to_the_resolution_of_the_whole_span():
    time_s, rate, exposure, dataset = visits(12, 20000.0, offset=3.0, amplitude=0.6)
    peak = highest_peak(time_s, rate, exposure, dataset=dataset)
    assert peak.false_alarm_probability < 1e-20
    assert peak.period_s == pytest.approx(341.0, abs=341.0**2 / np.ptp(time_s) / 5)  # a fifth of a peak's width


def test_of_two_aliases_the_better_one_wins():
    """Half a step off its peak the true period has less power than an alias that a sample meets."""
    rng = np.random.default_rng(1)
    dataset = np.repeat(np.arange(67), 400)
    time_s = dataset * 62000.0 + np.tile(2.0 * np.arange(400), 67)
    rate = rng.normal(10, 1, len(time_s)) + 0.5 * np.sin(2 * np.pi * time_s / 341.0)
    peak = highest_peak(time_s, rate, np.full(len(time_s), 2.0), dataset=dataset)
    assert peak.period_s == pytest.approx(341.0, abs=0.01)


def test_a_long_grid_ends_where_the_work_is_bounded():
    time_s, rate, exposure, dataset = visits(4, 1e6, amplitude=0.8)
    whole, bounded = (highest_peak(time_s, rate, exposure, 5, dataset, most) for most in (2**22, 2**16))
    assert whole.shortest_period_s == pytest.approx(4.0, rel=1e-3)
    assert bounded.shortest_period_s > 100
    assert bounded.period_s == pytest.approx(whole.period_s, rel=1e-6)


def test_the_false_alarm_probability_of_offset_noise_holds():
    """Of 200 composites of noise with offsets, at most as many have a chance below 0.1 as it says, and some."""
    few = [
        highest_peak(*visits(5, 9000.0, offset=2.0, seed=seed)[:3], dataset=visits(5, 9000.0, seed=seed)[3])
        for seed in range(100)
    ]
    below = sum(peak.false_alarm_probability < 0.1 for peak in few)
    assert 1 <= below <= 19  # binomial, 0.1 of 100, three sigma; the bound is not reached


def test_a_year_between_visits_costs_no_transform():
    """The documented scan of visits years apart equals its definition at some periods."""
    time_s, net, _, _ = visits(3, 1e8, amplitude=0.5)
    mjd = 50000 + time_s / 86400
    period_s, power = scan_bands(mjd, net)
    chosen = slice(0, None, 397)
    for band in range(3):
        exact = lombscargle((mjd - mjd.mean()) * 86400, net - net.mean(), 2 * np.pi / period_s[band, chosen])
        assert power[band, chosen] == pytest.approx(exact * 2 / (len(net) * np.var(net)), abs=1e-6)


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
    assert abs(fine.period_s - 97.3) < 0.01 < abs(coarse.period_s - 97.3)
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
