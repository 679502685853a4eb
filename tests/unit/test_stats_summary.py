import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hstlc.errors import InconsistentError, UsageError
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.stats import STEP_VERSION, StatsSettings, statistics
from hstlc.times import TimeReference

DOCUMENTED = ("mean", "mu", "stdev", "poisson_factor", "pearson_r", "pearson_p")


def make_curve(counts, exposure=2.0, variance=None, quality=0, *, width=2.0, start=0.0, mjd=56000.0):
    """A curve of even bins, with every column filled as from counts alone."""
    counts = np.asarray(counts, dtype=float)
    n = len(counts)
    exposure = np.broadcast_to(np.asarray(exposure, dtype=float), n).copy()
    variance = np.abs(counts) if variance is None else np.broadcast_to(np.asarray(variance, dtype=float), n)
    times = start + width * np.arange(n)
    live = np.where(exposure > 0, exposure, np.nan)
    data = {column.name: np.zeros(n, dtype=column.dtype) for column in COLUMNS}
    data |= {"times": times, "time": times + width / 2, "mjd": mjd + (times + width / 2) / 86400}
    data |= {"bins": np.full(n, width), "exposure": exposure, "fraction": exposure / width}
    data |= {"gross": counts, "counts": counts, "variance": variance, "error": np.sqrt(variance)}
    data |= {"net": counts / live, "rate": counts / live, "rate_error": np.sqrt(variance) / live}
    data |= {"dataset": np.ones(n, dtype="i4"), "quality": np.broadcast_to(np.asarray(quality, dtype="i4"), n)}
    return LightCurve(data, Intervals.of([start], [start + max(n, 1) * width]), TimeReference(mjd))


def take(curve, rows):
    return replace(curve, data={name: values[rows] for name, values in curve.data.items()})


def sinusoid():
    t = 2.0 * np.arange(1350)
    return 50 + 10 * np.sin(2 * np.pi * t / 120)


def test_known_answers():
    y = sinusoid()
    found = statistics(make_curve(2 * y, start=-1.0))
    assert found.total == int(2 * y.sum()) == 135381
    assert found.mean == pytest.approx(100.28268, abs=5e-6)
    assert found.mu == pytest.approx(math.sqrt(100.28268), abs=5e-7)
    assert found.stdev == pytest.approx(14.13931, abs=5e-6)
    assert found.poisson_factor == pytest.approx(1.411937, abs=5e-7)
    assert found.pearson_r == pytest.approx(2.565e-5, abs=5e-9)
    assert found.periodogram is True
    assert found.peak_period_s == pytest.approx(120, abs=1)
    assert found.false_alarm_probability < 1e-6
    assert (found.bins_used, found.exposure_s, found.interesting) == (1350, 2700.0, True)
    assert STEP_VERSION == 5


def test_small_numbers_by_hand():
    found = statistics(make_curve([1, 2, 3, 6], variance=[1, 2, 3, 6]))
    assert (found.total, found.mean, found.bins_used, found.exposure_s) == (12, 3.0, 4, 8.0)
    assert found.stdev == pytest.approx(math.sqrt(3.5), rel=1e-15)
    assert found.poisson_factor == pytest.approx(math.sqrt(3.5 / 3), rel=1e-15)
    assert found.excess_factor == pytest.approx(math.sqrt(3.5 / 3), rel=1e-15)
    assert found.pearson_r == pytest.approx(8 / math.sqrt(5 * 14), rel=1e-12)
    assert found.reduced_chi2 == pytest.approx(14 / 3 / 3, rel=1e-15)
    assert found.peak_period_s is None  # four bins


def test_total_and_exposure_are_of_all_bins_and_the_rest_of_unflagged_ones():
    found = statistics(make_curve([4, 6, 5, 900], [2, 2, 2, 0.5], quality=[0, 0, 0, 2]))
    assert (found.total, found.exposure_s, found.bins_used) == (915, 6.5, 3)
    assert found.mean == 5.0


def test_a_dead_bin_has_no_rate_and_disturbs_nothing():
    curve = make_curve([4, 6, 5, 0], [2, 2, 2, 0], quality=[0, 0, 0, 3])
    assert np.isnan(curve["rate"][3])
    found = statistics(curve)
    assert found.excess_factor == statistics(make_curve([4, 6, 5])).excess_factor


def test_total_does_not_depend_on_rounding():
    assert statistics(make_curve([0.1] * 10)).total == 1  # adding one by one gives 0.9999999999999999


def test_without_positive_total_the_documented_numbers_are_undefined_and_the_others_are_not():
    noise = np.random.default_rng(2).normal(-1, 1, 100)
    found = statistics(make_curve(noise, variance=1.0))
    assert found.total < 0
    assert [getattr(found, name) for name in DOCUMENTED] == [None] * 6
    assert found.periodogram is False
    assert found.excess_factor == pytest.approx(1, abs=0.2)
    assert found.reduced_chi2 == pytest.approx(1, abs=0.4)
    assert found.interesting is False


def test_a_positive_total_with_a_negative_mean_of_unflagged_bins():
    found = statistics(make_curve([-1, -2, -3, 50], quality=[0, 0, 0, 2]))
    assert (found.total, found.mean) == (44, -2.0)
    assert (found.mu, found.poisson_factor) == (None, None)
    assert found.stdev == pytest.approx(math.sqrt(2 / 3))


def test_a_constant_curve_has_no_correlation_and_no_period():
    found = statistics(make_curve([7.0] * 50))
    assert (found.stdev, found.poisson_factor, found.periodogram) == (0.0, 0.0, False)
    assert (found.pearson_r, found.pearson_p, found.peak_power) == (None, None, None)
    assert found.chi2_p > 0.99
    assert found.interesting is False


@pytest.mark.parametrize("curve", [make_curve([]), make_curve([0.0] * 9), make_curve([5, 6], quality=2)])
def test_nothing_to_measure(curve):
    found = statistics(curve)
    undefined = ("pearson_r", "excess_factor", "reduced_chi2", "chi2_p", "peak_period_s", "interesting")
    assert [getattr(found, name) for name in undefined] == [None] * 6
    assert found.periodogram is False


def test_bins_of_equal_rate_and_unequal_live_time_are_constant():
    exposure = np.tile([1.984, 2.016], 300)
    found = statistics(make_curve(1000 * exposure, exposure))
    assert found.reduced_chi2 == pytest.approx(0, abs=1e-20)
    assert (found.peak_power, found.periodogram) == (None, False)


@pytest.mark.parametrize(
    ("counts", "variance", "rule", "expected"),
    [
        ([1.0, 9.0, 1.0, 9.0], 25.0, "sound", False),  # the errors explain it
        ([1.0, 9.0, 1.0, 9.0], 25.0, "hstlc-2016", True),  # the root of the mean does not
        ([100.0, 111.0, 89.0, 100.0], 1.0, "sound", True),
        ([100.0, 111.0, 89.0, 100.0], 1.0, "hstlc-2016", False),
        ([-1.0, -9.0, -1.0, -9.0], 25.0, "hstlc-2016", None),
        ([5.0], 5.0, "sound", None),
    ],
)
def test_rules_of_interest(counts, variance, rule, expected):
    assert statistics(make_curve(counts, variance=variance), StatsSettings(rule=rule)).interesting is expected


def test_the_limit_of_interest_is_a_setting():
    curve = make_curve(np.random.default_rng(4).poisson(20, 200))
    smaller = min(statistics(curve).chi2_p, statistics(curve).false_alarm_probability)
    assert statistics(curve, StatsSettings(interesting_p=smaller * 1.01)).interesting is True
    assert statistics(curve, StatsSettings(interesting_p=smaller * 0.99)).interesting is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("interesting_p", 0.0),
        ("interesting_p", math.nan),
        ("rule", "new"),
        ("oversampling", 0),
        ("candidate_p", 1.0),
    ],
)
def test_wrong_settings_are_refused_by_name(name, value):
    with pytest.raises(UsageError, match=name) as caught:
        StatsSettings(**{name: value})
    assert caught.value.code == "usage.stats-setting"
    assert name in caught.value.hint


@pytest.mark.parametrize(("column", "value"), [("counts", math.nan), ("rate", math.inf), ("variance", math.nan)])
def test_an_unflagged_bin_without_a_number_is_refused(column, value):
    curve = make_curve([3.0, 4.0, 5.0])
    curve.data[column][1] = value
    with pytest.raises(InconsistentError, match=rf"finite {column}, row 1 has") as caught:
        statistics(curve)
    assert (caught.value.code, caught.value.context) == ("stats.not-finite", {"row": 1, "bins": 1})
    assert "quality" in caught.value.hint


def test_an_unflagged_bin_without_live_time_is_refused():
    curve = make_curve([3.0, 4.0, 5.0])
    curve.data["exposure"][2] = 0.0
    with pytest.raises(InconsistentError, match=r"row 2 has 0\.0") as caught:
        statistics(curve)
    assert caught.value.code == "stats.no-exposure"


def test_two_runs_give_identical_numbers():
    counts = np.random.default_rng(9).poisson(3.3, 941)
    exposure = np.random.default_rng(10).uniform(1.6, 2, 941)
    runs = {repr(statistics(make_curve(counts, exposure))) for _ in range(5)}
    assert len(runs) == 1


def test_big_endian_columns_as_read_from_fits_give_the_same_numbers():
    curve = make_curve(np.random.default_rng(9).poisson(3.3, 50))
    swapped = {name: values.astype(values.dtype.newbyteorder(">")) for name, values in curve.data.items()}
    assert statistics(replace(curve, data=swapped)) == statistics(curve)


bins = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-20, 400).map(lambda k: k / 4), min_size=n, max_size=n),
        st.lists(st.integers(80, 100).map(lambda k: k / 50), min_size=n, max_size=n),
        st.lists(st.integers(1, 400).map(lambda k: k / 4), min_size=n, max_size=n),
    )
)


def _assert_plain(name, value):
    assert type(value) in (int, float, bool, str, tuple, type(None)), name
    assert not isinstance(value, float) or math.isfinite(value), name


@settings(deadline=None, derandomize=True)
@given(bins)
def test_no_number_is_nan_or_infinite_or_of_a_numpy_type(series):
    found = statistics(make_curve(*series))
    for field in fields(found):
        _assert_plain(field.name, getattr(found, field.name))
    for candidate in found.candidates:
        for name, value in asdict(candidate).items():
            _assert_plain(name, value)
        assert 0 <= candidate.probability < 1e-3
    for name in ("pearson_p", "chi2_p", "false_alarm_probability", "peak_power"):
        assert getattr(found, name) is None or 0 <= getattr(found, name) <= 1


@settings(deadline=None, derandomize=True)
@given(bins, st.randoms(use_true_random=False))
def test_the_order_of_bins_does_not_matter(series, random):
    curve = make_curve(*series)
    rows = list(range(len(curve)))
    random.shuffle(rows)
    assert statistics(take(curve, np.array(rows))) == statistics(curve)


@settings(deadline=None, derandomize=True)
@given(bins, st.lists(st.integers(0, 60), min_size=1, max_size=5), st.integers(1, 3))
def test_flagged_bins_change_only_total_and_exposure(series, places, flag):
    counts, exposure, variance = (np.array(values) for values in series)
    plain = make_curve(counts, exposure, variance)
    extra = make_curve(np.full(len(places), 1e3), 1.0, 7.0, flag, start=5000.0)
    extra.data["time"][:] = np.array(places) * 2.0 + 0.5
    both = replace(plain, data={k: np.concatenate((plain[k], extra[k])) for k in plain})
    before, after = asdict(statistics(plain)), asdict(statistics(both))
    added = {name for name in before if before[name] != after[name]}
    documented = {*DOCUMENTED, "periodogram"} if before["total"] <= 0 else set()  # the total decides on these
    assert added <= {"total", "exposure_s"} | documented
    assert after["exposure_s"] == pytest.approx(before["exposure_s"] + len(places))
    assert statistics(both).total == int(math.fsum(counts) + 1e3 * len(places))


@settings(deadline=None, derandomize=True)
@given(bins, st.sampled_from([0.25, 4.0, 64.0]))
def test_scaling_the_live_time_by_a_power_of_four_changes_no_ratio(series, factor):
    counts, exposure, variance = (np.array(values) for values in series)
    a = statistics(make_curve(counts, exposure, variance))
    b = statistics(make_curve(counts, exposure * factor, variance))
    assert replace(a, exposure_s=0.0) == replace(b, exposure_s=0.0)
    assert b.exposure_s == a.exposure_s * factor


@settings(deadline=None, derandomize=True)
@given(bins, st.sampled_from([0.25, 4.0, 64.0]))
def test_scaling_counts_and_errors_by_a_power_of_four_changes_no_sound_ratio(series, factor):
    counts, exposure, variance = (np.array(values) for values in series)
    a = statistics(make_curve(counts, exposure, variance))
    b = statistics(make_curve(counts * factor, exposure, variance * factor**2))
    for name in ("excess_factor", "reduced_chi2", "peak_period_s", "peak_power", "false_alarm_probability"):
        assert getattr(a, name) == getattr(b, name), name
    if min(a.total, b.total) > 0:
        assert (a.pearson_r, a.pearson_p, a.periodogram) == (b.pearson_r, b.pearson_p, b.periodogram)
