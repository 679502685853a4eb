"""Merged bins."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.errors import UsageError
from hstlc.lightcurves import Photons, Region, Response, light_curve, region_sums
from hstlc.lightcurves.make import ZERO_COUNT_ERROR
from hstlc.lightcurves.rebin import dataset_starts, merged_length, rebin
from hstlc.model import COLUMNS, Intervals, LightCurve, Quality
from hstlc.times import TimeReference

REFERENCE = TimeReference(58000.0)
SUMS = ("gross", "background", "variance", "exposure", "bins", "counts")


def curve_of(events, live, *, response=None):
    """Return a curve of 2-s bins with one source event of weight 1 in each bin named."""
    n = len(live)
    source = Photons(np.arange(len(events)), np.full(len(events), 1350.0))
    nothing = Photons(np.zeros(0, dtype=np.int64), np.zeros(0))
    region = Region(source, nothing, 0.5, response)
    sums = region_sums(n, np.array(events, dtype=np.int64), np.ones(len(events)), [region])
    edges = 2.0 * np.arange(n + 1)
    return light_curve(
        edges, np.array(live, dtype=float), [sums], reference=REFERENCE, gti=Intervals.of([0.0], [edges[-1] + 1.0])
    )


def with_datasets(curve, dataset):
    return LightCurve(
        {**curve.data, "dataset": np.array(dataset, dtype=np.int32)}, curve.gti, curve.reference, curve.meta
    )


@given(
    st.lists(st.tuples(st.integers(0, 5), st.just(0.0) | st.floats(1e-3, 2)), min_size=1, max_size=30),
    st.integers(1, 7),
    st.lists(st.integers(1, 29), max_size=3),
)
def test_sums_are_kept_in_every_dataset(bins, factor, cuts):
    events = [i for i, (number, _) in enumerate(bins) for _ in range(number)]
    dataset = 1 + np.searchsorted(sorted(set(cuts)), np.arange(len(bins)), side="right")
    curve = with_datasets(curve_of(events, [live for _, live in bins]), dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        merged = rebin(curve, factor)
    assert len(merged) == merged_length(dataset, factor)
    for number in np.unique(dataset):
        before, after = dataset == number, merged["dataset"] == number
        assert after.sum() == -(-before.sum() // factor)
        for name in SUMS:
            assert merged[name][after].sum() == pytest.approx(curve[name][before].sum(), abs=1e-9), name
    for column in COLUMNS:
        assert merged[column.name].dtype == np.dtype(column.dtype), column.name
        assert merged[column.name].shape == (len(merged),)


def test_bins_are_merged_in_order_and_the_last_keeps_what_is_left():
    merged = rebin(curve_of([0, 0, 1, 2, 4], [2.0] * 5), 2)
    assert merged["gross"].tolist() == [3.0, 1.0, 1.0]
    assert merged["times"].tolist() == [0.0, 4.0, 8.0]
    assert merged["time"].tolist() == [2.0, 6.0, 9.0]
    assert merged["bins"].tolist() == [4.0, 4.0, 2.0]
    np.testing.assert_allclose((merged["mjd"] - 58000) * 86400, [2.0, 6.0, 9.0], atol=1e-5)
    assert merged["rate"].tolist() == merged["net"].tolist() == [0.75, 0.25, 0.5]


def test_a_merged_curve_is_the_curve_of_the_wider_bins():
    """Made directly with 6-s bins, the same events give the same numbers."""
    events, response = [0, 0, 1, 4, 5, 5], Response(np.array([1300.0, 1400.0]), np.array([1e-15, 1e-15]), 50.0)
    fine = curve_of(events, [2.0, 1.0, 2.0, 2.0, 2.0, 1.5, 2.0, 2.0, 2.0], response=response)
    source = Photons(np.arange(6), np.full(6, 1350.0))
    region = Region(source, Photons(np.zeros(0, dtype=np.int64), np.zeros(0)), 0.5, response)
    sums = region_sums(3, np.array(events) // 3, np.ones(6), [region])
    wide = light_curve(
        np.array([0.0, 6.0, 12.0, 18.0]), np.array([5.0, 5.5, 6.0]), [sums], reference=REFERENCE, gti=fine.gti
    )
    merged = rebin(fine, 3)
    for column in COLUMNS:
        np.testing.assert_allclose(merged[column.name], wide[column.name], rtol=1e-12, err_msg=column.name)


def test_no_events_have_the_upper_limit_once():
    merged = rebin(curve_of([], [2.0] * 4), 4)
    assert merged["error"].tolist() == [ZERO_COUNT_ERROR]
    assert merged["rate_error"].tolist() == [ZERO_COUNT_ERROR / 8]


def test_quality_follows_the_live_part():
    merged = rebin(curve_of([0], [2.0, 0.0, 0.0, 0.0, 2.0, 1.5]), 2)
    assert merged["fraction"].tolist() == [0.5, 0.0, 0.875]
    both = Quality.NO_LIVE_TIME | Quality.LOW_FRACTION
    assert merged["quality"].tolist() == [Quality.LOW_FRACTION, both, 0]
    assert np.isnan(merged["rate"]).tolist() == [False, True, False]
    assert rebin(curve_of([0], [2.0, 0.0]), 2, minimum_fraction=0.4)["quality"].tolist() == [0]


def test_one_bin_a_bin_is_the_curve_itself():
    curve = curve_of([0], [2.0])
    assert rebin(curve, 1) is curve
    nothing = with_datasets(curve, [1])
    empty = LightCurve({name: nothing[name][:0] for name in nothing}, curve.gti, REFERENCE)
    assert len(rebin(empty, 3)) == 0
    assert dataset_starts(empty["dataset"]).tolist() == []


def test_a_factor_below_one_is_refused():
    with pytest.raises(UsageError) as refused:
        rebin(curve_of([0], [2.0]), 0)
    assert refused.value.code == "usage.rebin-factor"
