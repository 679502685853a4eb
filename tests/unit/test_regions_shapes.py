"""Shapes and regions: what is inside, how large it is, and what joining and cutting makes of it."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as Outline

from hstlc.errors import UsageError
from hstlc.regions import Annulus, Box, Circle, Component, Ellipse, Pie, Polygon, Region, Shape

#: The region of a catalog's source 35 of observation 7999, as the issue states it: x, y, half axes, angle.
KNOWN = Ellipse(3145.8947368421, 4520.7894736842, 37.0615234375, 15.3881587982, 92.2273254395)

center = st.floats(-500.0, 500.0)
size = st.floats(5.0, 80.0)
angle = st.floats(-360.0, 360.0)


@st.composite
def any_shape(draw: st.DrawFn) -> Shape:
    x, y, one, other, turn = (draw(strategy) for strategy in (center, center, size, size, angle))
    kind = draw(st.sampled_from(("circle", "ellipse", "annulus", "elliptic", "box", "polygon", "pie")))
    match kind:
        case "circle":
            return Circle(x, y, one)
        case "ellipse":
            return Ellipse(x, y, one, other, turn)
        case "annulus":
            return Annulus(x, y, one, one + other)
        case "elliptic":
            return Annulus(x, y, one, one + other, draw(st.floats(0.2, 3.0)), turn)
        case "box":
            return Box(x, y, one, other, turn)
        case "pie":
            return Pie(x, y, one, one + other, turn, turn + draw(st.floats(20.0, 340.0)))
    around = np.radians(np.sort(draw(st.lists(st.integers(0, 359), min_size=3, max_size=9, unique=True))))
    far = np.array([draw(size) for _ in around])  # a star around its center need not be convex
    if np.diff(around, append=around[0] + 2 * np.pi).max() > 3.0:
        return Circle(x, y, one)
    return Polygon(tuple((x + far * np.cos(around)).tolist()), tuple((y + far * np.sin(around)).tolist()))


@given(any_shape())
def test_area_bounds_and_inside_agree(shape: Shape) -> None:
    low_x, low_y, high_x, high_y = shape.bounds
    margin = 0.1 * max(high_x - low_x, high_y - low_y)
    x, y = np.meshgrid(
        np.linspace(low_x - margin, high_x + margin, 401), np.linspace(low_y - margin, high_y + margin, 401)
    )
    inside = shape.inside(x, y)
    cell = (x[0, 1] - x[0, 0]) * (y[1, 0] - y[0, 0])
    assert np.count_nonzero(inside) * cell == pytest.approx(shape.area, rel=0.03, abs=40 * cell)
    assert x[inside].min() >= low_x - 1e-9
    assert x[inside].max() <= high_x + 1e-9
    assert y[inside].min() >= low_y - 1e-9
    assert y[inside].max() <= high_y + 1e-9
    for found, edge, step in (
        (x[inside].min(), low_x, x[0, 1] - x[0, 0]),
        (y[inside].max(), high_y, y[1, 0] - y[0, 0]),
    ):
        assert abs(found - edge) < 25 * step  # the box is no larger than it need be, but for sharp corners


@given(any_shape())
def test_the_outline_is_where_the_inside_ends(shape: Shape) -> None:
    x, y = shape.outline(200)
    assert np.isnan(x).tolist() == np.isnan(y).tolist()
    low_x, low_y, high_x, high_y = shape.bounds
    assert np.nanmin(x) == pytest.approx(low_x, abs=0.01 * (high_x - low_x))
    assert np.nanmax(y) == pytest.approx(high_y, abs=0.01 * (high_y - low_y))
    rings = np.split(np.column_stack((x, y)), np.flatnonzero(np.isnan(x)))
    assert all(np.allclose(ring[np.isfinite(ring[:, 0])][0], ring[-1]) for ring in rings)  # closed
    points = np.random.default_rng(1).uniform((low_x, low_y), (high_x, high_y), (500, 2))
    crossed = np.zeros(500, dtype=int)
    for ring in rings:
        crossed += Outline(ring[np.isfinite(ring[:, 0])]).contains_points(points)
    agree = (crossed % 2 == 1) == shape.inside(points[:, 0], points[:, 1])
    assert agree.mean() > 0.97  # but for what is between a chord and its arc


@given(any_shape(), st.floats(0.2, 5.0))
def test_a_scaled_shape_is_larger_by_the_square_around_the_same_center(shape: Shape, factor: float) -> None:
    scaled = shape.scaled(factor)
    assert scaled.area == pytest.approx(shape.area * factor**2, rel=1e-6)
    assert scaled.center == pytest.approx(shape.center, abs=1e-6)
    x, y = np.random.default_rng(2).normal(shape.center, 50.0, (200, 2)).T
    grown_x, grown_y = (c + factor * (v - c) for c, v in zip(shape.center, (x, y), strict=True))
    assert np.mean(scaled.inside(grown_x, grown_y) == shape.inside(x, y)) > 0.99


def test_a_polygon_is_what_another_program_says(rng: np.random.Generator) -> None:
    corners = np.array([[0, 0], [10, 1], [12, 9], [6, 4], [1, 11], [-3, 5]], dtype=float)  # not convex
    x, y = rng.uniform(-5, 15, (2, 20000))
    expected = Outline([*corners, corners[0]]).contains_points(np.column_stack((x, y)))
    assert np.array_equal(Polygon(tuple(corners[:, 0]), tuple(corners[:, 1])).inside(x, y), expected)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


def test_the_area_of_the_known_source_region() -> None:
    assert round(KNOWN.area, 3) == 1791.677
    inside = KNOWN.inside(np.array([3145.9, 3145.9, 3161.0, 3183.0]), np.array([4520.8, 4557.0, 4520.8, 4520.8]))
    assert inside.tolist() == [True, True, True, False]  # its long axis points up


def test_catalog_background_is_five_times_less_1_1_times_the_source() -> None:
    region = Region.of(KNOWN.scaled(5.0)).excluding(Region.of(KNOWN.scaled(1.1)))
    assert region.area == pytest.approx((25 - 1.21) * KNOWN.area, rel=1e-12)
    x, y = np.meshgrid(np.arange(2950.0, 3340.0, 0.5), np.arange(4330.0, 4720.0, 0.5))
    assert np.count_nonzero(region.inside(x, y)) / 4 == pytest.approx(region.area, rel=1e-3)


def test_components_are_joined_and_their_shapes_cut_with_each_other() -> None:
    one = Component((Circle(0, 0, 10), Box(5, 0, 10, 40)), (Circle(4, 0, 1),))
    region = Region((one, Component((Circle(100, 0, 3),))))
    x = np.array([2.9, -3.0, 4.5, 9.9, 101.0, 50.0])
    assert region.inside(x, np.zeros(6)).tolist() == [True, False, False, True, True, False]
    assert region.bounds == (0.0, -10.0, 103.0, 10.0)
    assert region.area == pytest.approx(50 * math.pi - math.pi + 9 * math.pi, rel=1e-3)


def test_an_exclusion_belongs_to_its_own_component() -> None:
    region = Region((Component((Circle(0, 0, 5),), (Circle(0, 0, 2),)), Component((Circle(1, 0, 1),))))
    assert region.inside([0.0, 1.5, -1.0], [0.0, 0.0, 0.0]).tolist() == [True, True, False]
    assert region.area == pytest.approx(math.pi * (25 - 4 + 1), rel=2e-3)


@pytest.mark.parametrize("dtype", [">i4", "<i4", ">f4", "f8", ">i2"])
def test_pixels_of_any_number_type_are_looked_at(dtype: str) -> None:
    region = Region.of(Circle(100.0, 200.0, 2.0))
    x, y = np.meshgrid(np.arange(96, 105), np.arange(196, 205))
    inside = region.inside(x.astype(dtype), y.astype(dtype))
    assert inside.shape == (9, 9)
    assert np.count_nonzero(inside) == 13


def test_positions_that_are_no_numbers_are_outside() -> None:
    shapes = (Circle(0, 0, 5), Ellipse(0, 0, 5, 4), Annulus(0, 0, 0, 5), Box(0, 0, 9, 9), Pie(0, 0, 0, 5, 0, 360))
    for shape in (*shapes, Polygon((-5, 5, 0), (-5, -5, 9))):
        assert not Region.of(shape).inside([np.nan, np.inf, -99999999], [0.0, 0.0, -99999999]).any()
        assert Region.of(shape).inside([0.0], [0.1]).all()


def test_a_region_with_overlapping_shapes_counts_their_common_part_once() -> None:
    lens = 2 * 100 * math.acos(0.5) - 0.5 * 10 * math.sqrt(400 - 100)
    region = Region.of(Circle(0, 0, 10), Circle(10, 0, 10))
    assert region.area == pytest.approx(200 * math.pi - lens, rel=1e-3)
    assert Region((Component((Circle(0, 0, 10), Circle(10, 0, 10))),)).area == pytest.approx(lens, rel=1e-3)
    cut = Region.of(Circle(0, 0, 10)).excluding(Region.of(Circle(10, 0, 10)))
    assert cut.area == pytest.approx(100 * math.pi - lens, rel=1e-3)


def test_regions_far_apart_are_as_large_as_each_of_them() -> None:
    region = Region.of(Circle(0, 0, 1), Circle(1e5, 0, 1))
    assert region.area == pytest.approx(2 * math.pi, rel=1e-12)


def test_shapes_that_do_not_meet_have_no_area_and_hold_nothing() -> None:
    region = Region((Component((Circle(0, 0, 1), Circle(10, 0, 1))),))
    assert region.area == 0.0
    assert not region.inside([0.0, 5.0, 10.0], [0.0, 0.0, 0.0]).any()


def test_what_does_not_reach_a_region_is_not_kept_as_an_exclusion() -> None:
    region = Region.of(Circle(0, 0, 10))
    assert region.excluding(Region.of(Circle(100, 0, 5))) == region
    once = region.excluding(Region.of(Circle(8, 0, 5)))
    assert once.excluding(Region.of(Circle(8, 0, 5))) == once


def test_a_scaled_region_keeps_what_it_excludes() -> None:
    region = Region.of(Circle(0, 0, 10), excluded=[Circle(8, 0, 1)]).scaled(2.0)
    assert region == Region.of(Circle(0, 0, 20), excluded=[Circle(8, 0, 1)])


def test_the_outline_of_a_region_has_every_ring() -> None:
    region = Region.of(Circle(0, 0, 10), Circle(50, 0, 5), excluded=[Circle(8, 0, 1)])
    x, y = region.outline(50)
    assert np.count_nonzero(np.isnan(x)) == 2  # three rings: the exclusion does not reach the second circle
    assert np.isnan(x).tolist() == np.isnan(y).tolist()
    assert np.nanmax(x) == pytest.approx(55.0)


def test_regions_are_values() -> None:
    region = Region.of(KNOWN, Polygon((0.0, 4.0, 0.0), (0.0, 0.0, 3.0)), excluded=[Pie(0, 0, 1, 2, 0, 90)])
    assert pickle.loads(pickle.dumps(region)) == region
    assert len({region, pickle.loads(pickle.dumps(region))}) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Circle(0, 0, 0),
        lambda: Circle(0, float("nan"), 1),
        lambda: Ellipse(0, 0, 1, -1),
        lambda: Annulus(0, 0, 3, 2),
        lambda: Annulus(0, 0, -1, 2),
        lambda: Box(0, 0, float("inf"), 1),
        lambda: Polygon((0, 1), (0, 1)),
        lambda: Polygon((0, 1, 2), (0, 1, 2)),
        lambda: Polygon((0, 1, 2), (0, 1)),
        lambda: Pie(0, 0, 2, 1, 0, 90),
        lambda: Component(()),
        lambda: Region(()),
        lambda: Region.of(Circle(0, 0, 5)).excluding(Region((Component((Circle(0, 0, 1), Circle(1, 0, 1))),))),
    ],
)
def test_what_is_no_shape_is_refused(make) -> None:
    with pytest.raises(UsageError) as error:
        make()
    assert error.value.code == "usage.region"
    assert error.value.hint


@pytest.mark.parametrize("start", [-450.0, -90.0, 0.0, 350.0, 700.0])
def test_a_pie_goes_counter_clockwise_from_its_start(start: float) -> None:
    pie = Pie(10.0, 20.0, 2.0, 4.0, start, start + 60.0)
    around = np.radians(np.array([1.0, 59.0, 61.0, 180.0, -1.0]) + start)
    assert pie.inside(10 + 3 * np.cos(around), 20 + 3 * np.sin(around)).tolist() == [True, True, False, False, False]
    assert pie.area == pytest.approx(math.pi * (16 - 4) / 6)
    x, y = pie.outline(5000)
    assert pie.bounds == pytest.approx((x.min(), y.min(), x.max(), y.max()), abs=1e-3)
