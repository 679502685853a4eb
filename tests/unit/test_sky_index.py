"""The events of a region, found through the index, are those that lie in it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.events.sky_index import SkyIndex
from hstlc.regions import Annulus, Circle, Ellipse, Region


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 3000),
    st.floats(-20, 120),
    st.floats(-20, 120),
    st.floats(0.1, 80),
    st.sampled_from([None, 3.0, 500.0]),
)
def test_the_rows_are_those_of_a_look_at_all_events(seed, number, x, y, radius, cell):
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 100, (2, number)).astype(np.float32)
    region = Region.of(Ellipse(x, y, radius, radius / 2, 30.0), Circle(y, x, radius / 3))
    index = SkyIndex(places[0], places[1], cell)
    assert np.array_equal(index.rows(region), np.flatnonzero(region.inside(places[0], places[1])))
    assert len(index) == number


def test_positions_without_meaning_are_in_no_region_or_far_away():
    x = np.array([5.0, np.nan, 5.0, np.inf, 5.0])
    y = np.array([5.0, 5.0, np.nan, 5.0, 6.0])
    assert SkyIndex(x, y).rows(Region.of(Circle(5, 5, 2))).tolist() == [0, 4]
    far = np.where(np.arange(50_000) % 100, np.arange(50_000) % 517 * 100, -99_999_999).astype(np.int32)
    index = SkyIndex(far, far)
    region = Region.of(Circle(25_900, 25_900, 300))
    assert index.cell < 1000
    assert np.array_equal(index.rows(region), np.flatnonzero(region.inside(far, far)))
    nulls = Region.of(Circle(-99_999_999.0, -99_999_999.0, 1.0))
    assert np.array_equal(index.rows(nulls), np.flatnonzero(far < 0))


def test_rows_that_are_not_kept_are_in_no_region():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 51_840, (2, 20_000)).astype(np.int32)
    keep = rng.random(20_000) < 0.5
    region = Region.of(Annulus(26_000, 26_000, 4000, 9000))
    found = SkyIndex(x, y, keep=keep).rows(region)
    assert np.array_equal(found, np.flatnonzero(region.inside(x, y) & keep))
    assert found.dtype == np.int64


@pytest.mark.parametrize("part", [1.0, 0.9, 0.0])
def test_a_list_of_many_blocks_is_sorted_as_a_whole(part):
    rng = np.random.default_rng(3)
    x, y = rng.normal(26_000, 6000, (2, 300_000)).astype(np.int32)
    keep = rng.random(300_000) < part
    index = SkyIndex(x, y, keep=keep)
    assert len(index) == np.count_nonzero(keep)
    for region in (Circle(26_000, 26_000, 5000), Circle(20_000, 31_000, 400)):
        found = index.rows(Region.of(region))
        assert np.array_equal(found, np.flatnonzero(region.inside(x, y) & keep))


def test_a_box_has_its_limits_too():
    x = np.arange(10.0)
    assert SkyIndex(x, x).within((2.0, 2.0, 4.0, 9.0)).tolist() == [2, 3, 4]


@pytest.mark.parametrize("values", [[], [7.0], [7.0, 7.0, 7.0]])
def test_a_list_of_none_or_of_one_place_has_an_index(values):
    x = np.array(values)
    assert len(SkyIndex(x, x).rows(Region.of(Circle(7, 7, 1)))) == len(values)
    assert len(SkyIndex(x, x).within((5.0, 5.0, 4.0, 4.0))) == 0
