"""From sums to a light curve: propagated errors, flux, empty and dead bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from hstlc.lightcurves import Photons, Region, Response, light_curve, region_sums
from hstlc.lightcurves.make import ZERO_COUNT_ERROR
from hstlc.model import COLUMNS, Intervals, Quality
from hstlc.times import TimeReference

REFERENCE = TimeReference(58000.5)
FLAT = Response(np.array([1000.0, 2000.0]), np.array([3e-12, 3e-12]), 50.0)


def close(value, expected):
    """Tell whether fluxes agree: next to numbers this small every absolute tolerance is wide."""
    return value == pytest.approx(expected, rel=1e-9, abs=0)


def photons(*rows, wavelength=1500.0):
    return Photons(np.array(rows, dtype=np.int64), np.broadcast_to(np.asarray(wavelength, float), len(rows)))


def curve_of(sums, live_s, width_s=2.0, **options):
    live_s = np.asarray(live_s, dtype=float)
    edges = width_s * np.arange(len(live_s) + 1)
    gti = Intervals.of([0.0], [edges[-1]])
    return light_curve(edges, live_s, [sums], reference=REFERENCE, gti=gti, **options)


def one_bin(weight, source, background, scale, response=None):
    index = np.zeros(len(weight), dtype=np.int64)
    return region_sums(1, index, np.array(weight), [Region(photons(*source), photons(*background), scale, response)])


def test_variance_is_the_sum_of_squared_weights_and_the_scaled_background():
    sums = one_bin([1.0, 1.2, 0.9, 1.1, 1.0], source=(0, 1), background=(2, 3, 4), scale=0.5)
    curve = curve_of(sums, [2.0])
    assert curve["gross"][0] == pytest.approx(2.2)
    assert curve["background"][0] == pytest.approx(0.5 * 3.0)
    assert curve["counts"][0] == pytest.approx(0.7)
    assert curve["variance"][0] == pytest.approx(1.0 + 1.44 + 0.25 * (0.81 + 1.21 + 1.0))
    assert curve["error"][0] == pytest.approx(np.sqrt(curve["variance"][0]))
    assert curve["signal_to_noise"][0] == pytest.approx(curve["counts"][0] / curve["error"][0])


def test_background_in_the_source_follows_the_ratio_of_areas():
    """A sky of 7 counts in 70 rows of background is 3.9 counts in 39 rows of source."""
    curve = curve_of(one_bin([1.0] * 7, source=(), background=range(7), scale=39 / 70), [2.0])
    assert curve["background"][0] == pytest.approx(3.9)
    assert curve["counts"][0] == pytest.approx(-3.9)


def test_an_event_in_the_background_of_three_stripes_is_one_event():
    """Its three subtractions rise and fall together: (3 s w)^2, not 3 (s w)^2."""
    shared = [Region(photons(), photons(0), 0.5) for _ in range(3)]
    sums = region_sums(1, np.zeros(1, dtype=np.int64), np.array([2.0]), shared)
    assert sums.background[0] == pytest.approx(3.0)
    assert sums.variance[0] == pytest.approx(9.0)


def test_separate_lists_add_their_variances():
    sums = one_bin([1.0, 1.0], source=(0,), background=(1,), scale=0.5)
    edges = np.array([0.0, 2.0])
    gti = Intervals.of([0.0], [2.0])
    curve = light_curve(edges, np.array([2.0]), [sums, sums], reference=REFERENCE, gti=gti)
    assert curve["variance"][0] == pytest.approx(2 * 1.25)
    assert curve["counts"][0] == pytest.approx(1.0)


def test_no_source_event_has_the_upper_error_of_a_poisson_mean():
    curve = curve_of(one_bin([1.0], source=(), background=(0,), scale=0.5), [2.0])
    assert curve["error"][0] == pytest.approx(np.hypot(ZERO_COUNT_ERROR, 0.5))
    assert curve["variance"][0] == pytest.approx(0.25)


def test_the_upper_error_is_the_one_sigma_limit():
    assert poisson.cdf(0, ZERO_COUNT_ERROR) == pytest.approx(0.158655, abs=2e-4)


def test_one_source_event_has_its_own_error():
    curve = curve_of(one_bin([1.0], source=(0,), background=(), scale=0.5), [2.0])
    assert curve["error"][0] == curve["variance"][0] == 1.0


def test_dead_bins_have_no_rate_and_count_in_no_statistic():
    index = np.array([0, 2], dtype=np.int64)
    sums = region_sums(3, index, np.ones(2), [Region(photons(0, 1), photons(), 0.0, FLAT)])
    curve = curve_of(sums, [2.0, 0.0, 1.5])
    for name in ("rate", "net", "rate_error", "flux", "flux_error"):
        np.testing.assert_array_equal(np.isnan(curve[name]), [False, True, False], err_msg=name)
    for name in ("gross", "background", "counts", "error", "variance", "fraction", "mjd"):
        assert np.isfinite(curve[name]).all(), name
    both = Quality.NO_LIVE_TIME | Quality.LOW_FRACTION
    assert curve["quality"].tolist() == [0, both, Quality.LOW_FRACTION]
    assert curve.good.tolist() == [True, False, False]


@pytest.mark.parametrize(("fraction", "good"), [(0.79999, False), (0.8, True), (1.0, True)])
def test_the_quality_bit_marks_a_fraction_below_the_limit(fraction, good):
    curve = curve_of(one_bin([1.0], (0,), (), 0.5), [10.0 * fraction], width_s=10.0)
    assert curve.good.tolist() == [good]


def test_the_limit_of_the_fraction_can_be_chosen():
    curve = curve_of(one_bin([1.0], (0,), (), 0.5), [0.2], minimum_fraction=0.1)
    assert curve["quality"].tolist() == [0]
    assert curve["fraction"].tolist() == [0.1]


@pytest.mark.parametrize("live_s", [1.984, 2.016])
def test_a_bin_is_whole_with_all_its_ticks(live_s):
    curve = curve_of(one_bin([1.0], (0,), (), 0.5), [live_s], capacity_s=np.array([live_s]))
    assert curve["fraction"][0] == 1.0
    assert curve["rate"][0] == pytest.approx(1 / live_s)


def test_times_are_left_edges_and_middles():
    sums = region_sums(2, np.zeros(0, dtype=np.int64), np.zeros(0), [Region(photons(), photons(), 0.0)])
    curve = curve_of(sums, [2.0, 2.0])
    assert curve["times"].tolist() == [0.0, 2.0]
    assert curve["time"].tolist() == [1.0, 3.0]
    assert curve["bins"].tolist() == [2.0, 2.0]
    np.testing.assert_array_equal(curve["mjd"], REFERENCE.mjd + np.array([1.0, 3.0]) / 86400)
    assert list(curve) == [column.name for column in COLUMNS]
    for column in COLUMNS:
        assert curve[column.name].dtype == np.dtype(column.dtype), column.name


def test_flux_of_two_segments_is_their_mean_weighted_by_wavelength():
    """10 counts at 2e-12 over 100 A and 30 at 1e-12 over 50 A, in 5 s: (2e-11 + 3e-11) / (150 A 5 s)."""
    responses = (
        Response(np.array([1300.0, 1400.0]), np.array([2e-12, 2e-12]), 100.0),
        Response(np.array([1200.0, 1250.0]), np.array([1e-12, 1e-12]), 50.0),
    )
    lists = [
        region_sums(
            1,
            np.zeros(n, dtype=np.int64),
            np.ones(n),
            [Region(photons(*range(n), wavelength=wavelength), photons(), 0.5, response)],
        )
        for n, wavelength, response in zip((10, 30), (1350.0, 1225.0), responses, strict=True)
    ]
    gti = Intervals.of([0.0], [5.0])
    curve = light_curve(np.array([0.0, 5.0]), np.array([5.0]), lists, reference=REFERENCE, gti=gti)
    assert close(curve["flux"][0], 5e-11 / 750)
    assert close(curve["flux_error"][0], np.sqrt(10 * 4e-24 + 30 * 1e-24) / 750)


def test_background_is_taken_from_the_flux_as_from_the_counts():
    curve = curve_of(one_bin([1.0] * 6, source=(0, 1, 2), background=(3, 4, 5), scale=0.5, response=FLAT), [2.0])
    per_count = 3e-12 / (2.0 * 50.0)
    assert close(curve["flux"][0], 1.5 * per_count)
    assert close(curve["flux_error"][0], np.sqrt(3.75) * per_count)


def test_a_bin_without_source_events_has_a_flux_error_above_zero():
    curve = curve_of(one_bin([], source=(), background=(), scale=0.5, response=FLAT), [2.0])
    assert curve["flux"][0] == 0.0
    assert close(curve["flux_error"][0], ZERO_COUNT_ERROR * 3e-12 / (2.0 * 50.0))


def test_flux_is_unknown_as_soon_as_one_region_is_not_calibrated():
    regions = [Region(photons(0), photons(), 0.5, FLAT), Region(photons(1), photons(), 0.5, None)]
    sums = region_sums(1, np.zeros(2, dtype=np.int64), np.ones(2), regions)
    for curve in (curve_of(sums, [2.0]), two_lists(one_bin([1.0], (0,), (), 0.5, FLAT), one_bin([1.0], (0,), (), 0.5))):
        assert np.isnan(curve["flux"]).all()
        assert np.isnan(curve["flux_error"]).all()
        assert curve["counts"][0] == 2.0


def two_lists(*sums):
    gti = Intervals.of([0.0], [2.0])
    return light_curve(np.array([0.0, 2.0]), np.array([2.0]), sums, reference=REFERENCE, gti=gti)


def test_nothing_beyond_the_calibrated_wavelengths_has_a_flux():
    response = Response(np.array([1300.0, 1400.0]), np.array([1.0, 3.0]), 100.0)
    np.testing.assert_array_equal(response(np.array([1299.0, 1300.0, 1350.0, 1400.0, 1401.0])), [0, 1, 2, 3, 0])


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(0.5, 2.0), st.booleans()), max_size=40),
    st.floats(0.1, 3.0),
)
def test_totals_of_all_bins_are_those_of_the_events(events, scale):
    index = np.array([bin_ for bin_, _, _ in events], dtype=np.int64)
    weight = np.array([w for _, w, _ in events])
    is_source = np.array([s for _, _, s in events], dtype=bool)
    region = Region(photons(*np.flatnonzero(is_source)), photons(*np.flatnonzero(~is_source)), scale)
    curve = curve_of(region_sums(5, index, weight, [region]), [2.0, 2.0, 0.0, 1.0, 2.0])
    assert curve["gross"].sum() == pytest.approx(weight[is_source].sum())
    assert curve["background"].sum() == pytest.approx(scale * weight[~is_source].sum())
    expected = (weight[is_source] ** 2).sum() + scale**2 * (weight[~is_source] ** 2).sum()
    assert curve["variance"].sum() == pytest.approx(expected)
