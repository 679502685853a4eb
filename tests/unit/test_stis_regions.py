"""Boxes of STIS orders: the frame of the x1d against that of the events, who owns a pixel, what area is free."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.missions.hst.exposure import Spectrum
from hstlc.missions.hst.stis_read import StisOrder
from hstlc.missions.hst.stis_regions import NOBODY, SIZE, claims, free_areas, high, low, nearest, regions, source_areas

EVERYWHERE = np.ones((SIZE + 1, SIZE + 1), dtype=bool)
EVERYWHERE[0], EVERYWHERE[:, 0] = False, False


def order(trace, *, name=1, size=7.0, offsets=(12.0, -12.0), sizes=(5.0, 5.0), net=1.0, n=1024):
    ones = np.ones(n)
    spectrum = Spectrum(1119.0 + 0.5832 * np.arange(n), ones * net, ones * net)
    return StisOrder(name, spectrum, ones, ones * trace, size, offsets, sizes)


@given(st.floats(1, 1024))
def test_low_and_high_resolution_pixels_are_inverse(pixel):
    assert low(high(np.array([pixel])))[0] == pytest.approx(pixel)


def test_a_low_resolution_pixel_covers_two_of_high_resolution():
    """Both edges of the detector: pixel 1 covers 1 and 2, pixel 1024 covers 2047 and 2048."""
    assert high(np.array([1.0, 1024.0])).tolist() == [1.5, 2047.5]


def test_the_trace_is_doubled_and_wavelengths_are_interpolated_at_half_pixels():
    (region,) = regions([order(400.0)])
    assert region.trace.tolist() == [799.5] * 2049
    expected = 1119.0 + 0.5832 * ((np.arange(2049) + 0.5) / 2 - 1)
    np.testing.assert_allclose(region.wavelength_aa, expected, rtol=1e-12)


def test_a_tilted_trace_is_followed_column_by_column():
    (region,) = regions([order(390.0 + 20.0 * np.linspace(0, 1, 1024))])
    assert region.trace[[1, 2, 2047, 2048]] == pytest.approx([779.49, 779.51, 819.49, 819.51], abs=0.01)


def test_the_source_box_reaches_extrsize_high_resolution_pixels_to_either_side():
    owner = claims(regions([order(400.0, size=11.0)]))
    rows = np.flatnonzero(owner[:, 1000] == 0)
    assert (rows.min(), rows.max(), len(rows)) == (789, 810, 22)
    assert (owner[:, 0] == NOBODY).all()
    assert (owner[0] == NOBODY).all()


def test_boxes_beyond_the_detector_end_at_its_edge():
    regions_found = regions([order(1.0, size=7.0, offsets=(-300.0, 1500.0)), order(1024.0, name=2)])
    owner = claims(regions_found)
    assert np.flatnonzero(owner[:, 9] == 0).tolist() == list(range(1, 9))
    assert np.flatnonzero(owner[:, 9] == 1).tolist() == list(range(2041, 2049))
    assert free_areas(owner, EVERYWHERE, regions_found[0]).tolist() == [0] * 2049


def test_a_pixel_in_two_boxes_belongs_to_the_nearest_trace():
    owner = claims(regions([order(400.0, size=11.0), order(406.0, name=2, size=11.0)]))
    column = owner[:, 700]
    assert np.flatnonzero(column == 0).tolist() == list(range(789, 806))  # the traces are at 799.5 and 811.5
    assert np.flatnonzero(column == 1).tolist() == list(range(806, 823))


@pytest.mark.parametrize("traces", [(100.0, 300.0, 500.0), (500.0, 100.0, 300.0)])
def test_nearest_is_the_order_of_the_least_distance(traces):
    found = regions([order(trace, name=i) for i, trace in enumerate(traces)])
    owner = nearest(found)
    rows = np.arange(1, SIZE + 1)
    distance = np.abs(rows - np.array([region.trace[1000] for region in found])[:, None])
    assert (distance[owner[1:, 1000], rows - 1] == distance.min(axis=0)).all()


def test_areas_are_pixels_and_their_ratio_is_that_of_the_heights():
    found = regions([order(400.25, size=7.0)])
    owner = claims(found)
    source, free = source_areas(owner, EVERYWHERE, 0), free_areas(owner, EVERYWHERE, found[0])
    assert source[1:].tolist() == [15] * 2048  # the trace is on a pixel, 800
    assert free[1:].tolist() == [22] * 2048
    found = regions([order(400.0, size=7.0)])
    owner = claims(found)
    assert source_areas(owner, EVERYWHERE, 0)[5] / free_areas(owner, EVERYWHERE, found[0])[5] == 14 / 20


def test_background_that_runs_into_another_order_is_not_free():
    """The boxes of the first order lie at 823.5 and 775.5 +- 5; a second order at 831.5 +- 7 takes five rows."""
    alone = regions([order(400.0)])
    crowded = regions([order(400.0), order(416.0, name=2)])
    assert free_areas(claims(alone), EVERYWHERE, alone[0])[100] == 20
    assert free_areas(claims(crowded), EVERYWHERE, crowded[0])[100] == 16


def test_pixels_that_are_bad_belong_to_no_area():
    good = EVERYWHERE.copy()
    good[800:802, 100:110] = False
    (region,) = found = regions([order(400.0)])
    owner = claims(found)
    assert source_areas(owner, good, 0)[99:111].tolist() == [14] + [12] * 10 + [14]
    good[820:830, 7] = False
    assert free_areas(owner, good, region)[[6, 7]].tolist() == [20, 11]


def test_background_boxes_that_overlap_are_counted_once():
    (region,) = found = regions([order(400.0, offsets=(12.0, 13.0))])
    assert free_areas(claims(found), EVERYWHERE, region)[3] == 12
    y = np.arange(1, SIZE + 1)
    assert region.in_background(np.full(SIZE, 3), y).sum() == 12


@given(st.integers(0, 2**32 - 1))
def test_events_are_in_background_boxes_exactly_where_the_area_is(seed):
    rng = np.random.default_rng(seed)
    trace = rng.uniform(50, 950) + rng.uniform(-30, 30) * np.linspace(-1, 1, 1024)
    (region,) = found = regions(
        [order(trace, offsets=tuple(rng.uniform(-90, 90, 2)), sizes=tuple(rng.uniform(1, 9, 2)))]
    )
    column = int(rng.integers(1, SIZE + 1))
    y = np.arange(1, SIZE + 1)
    owner = claims(found)
    free = region.in_background(np.full(SIZE, column), y) & (owner[1:, column] == NOBODY)
    assert free.sum() == free_areas(owner, EVERYWHERE, region)[column]


@pytest.mark.parametrize(
    "bad", [order(1032.5, net=0.0), order(np.nan), order(400.0, size=0.0), order(400.0, n=1), order(400.0, n=0)]
)
def test_rows_that_the_archive_did_not_extract_are_no_orders(bad):
    assert [region.name for region in regions([bad, order(400.0, name=7)])] == ["7"]
