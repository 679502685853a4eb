"""Pictures of the events around a source."""

import numpy as np
import pytest

from hstlc.lightcurves.stamps import detector_stamp, sky_box, sky_stamp
from hstlc.regions import Circle, Ellipse, Region


def test_the_sky_picture_is_three_times_the_region_and_the_right_way_up():
    region = Region.of(Ellipse(100.0, 200.0, 10.0, 5.0, 0.0))
    x, y = np.array([100.1, 100.1, 70.2, 129.9, 69.9, 500.0]), np.array([214.9, 185.2, 200.1, 200.1, 200.0, 200.0])
    stamp = sky_stamp(x, y, region, scale_arcsec=0.492)
    assert (stamp.name, stamp.x, stamp.y, stamp.step, stamp.scale_arcsec) == ("SKY", 70.0, 185.0, 0.5, 0.492)
    assert stamp.counts.shape == (60, 120)
    assert stamp.counts.dtype == np.int32
    # the last row is the highest; two events lie outside
    assert sorted(zip(*(axis.tolist() for axis in np.nonzero(stamp.counts)), strict=True)) == [
        (0, 60),
        (30, 0),
        (30, 119),
        (59, 60),
    ]
    assert (stamp.outline_x.min(), stamp.outline_x.max()) == pytest.approx((90, 110), abs=0.1)
    assert (stamp.outline_y.min(), stamp.outline_y.max()) == pytest.approx((195, 205), abs=0.1)


def test_a_large_region_has_wider_pixels_and_loses_no_event():
    rng = np.random.default_rng(0)
    region = Region.of(Circle(26_000.0, 25_000.0, 600.0))
    x, y = rng.integers(24_300, 27_700, (2, 5000))
    stamp = sky_stamp(x, y, region)
    x0, y0, x1, y1 = sky_box(region.bounds)
    assert stamp.counts.shape == (200, 200)
    assert stamp.step == 18.0
    assert stamp.counts.sum() == ((x >= x0) & (x < x1) & (y >= y0) & (y < y1)).sum()
    column = ((x >= x0 + 18 * 50) & (x < x0 + 18 * 51) & (y >= y0) & (y < y1)).sum()
    assert stamp.counts[:, 50].sum() == column


def test_the_detector_picture_holds_all_events_that_have_a_place():
    x, y = np.array([10.0, 14.0, np.nan]), np.array([3.0, 8.0, 5.0])
    stamp = detector_stamp(x, y, scale_arcsec=0.5)
    assert (stamp.name, stamp.x, stamp.y) == ("DETECTOR", 5.0, -2.0)
    assert stamp.counts.shape == (30, 28)
    assert stamp.counts[10, 10] == stamp.counts[20, 18] == 1
    assert stamp.counts.sum() == 2
    assert len(stamp.outline_x) == len(stamp.outline_y) == 0


def test_without_events_there_is_a_picture_of_nothing():
    assert detector_stamp(np.zeros(0), np.zeros(0)).counts.tolist() == [[0]]
    assert sky_stamp(np.zeros(0), np.zeros(0), Region.of(Circle(5.0, 5.0, 2.0))).counts.sum() == 0
