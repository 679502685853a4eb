"""Where the background of a source is measured."""

import math

import numpy as np
import pytest

from hstlc.errors import UsageError
from hstlc.regions import Annulus, BackgroundRule, Circle, Ellipse, Region, background_region

SOURCE = Region.of(Ellipse(3145.89, 4520.79, 37.0615, 15.3882, 92.2273))


def test_a_ring_of_multiples_keeps_the_form_of_the_source() -> None:
    background = background_region(SOURCE, [], BackgroundRule(1.1, 5.0))
    assert background.area / SOURCE.area == pytest.approx(25 - 1.21, rel=1e-12)
    assert background_region(SOURCE, [], BackgroundRule(1.0, 5.0)).area / SOURCE.area == pytest.approx(24.0)


def test_a_ring_in_arcseconds_is_an_annulus_around_the_source() -> None:
    background = background_region(Region.of(Circle(100, 200, 10)), [], BackgroundRule(6.0, 12.0, "arcsec"), 0.5)
    assert background == Region.of(Annulus(100, 200, 12.0, 24.0), excluded=[Circle(100, 200, 10)])
    assert background.area == pytest.approx(math.pi * (24**2 - 12**2), rel=1e-3)


def test_a_ring_that_begins_within_the_source_leaves_it_out() -> None:
    background = background_region(Region.of(Circle(0, 0, 10)), [], BackgroundRule(0.0, 20.0, "arcsec"), 1.0)
    assert background.area == pytest.approx(math.pi * (400 - 100), rel=1e-3)
    assert not background.inside([0.0, 9.9], [0.0, 0.0]).any()


def test_other_sources_are_cut_out_enlarged() -> None:
    others = [Region.of(Circle(30, 0, 4)), Region.of(Circle(1000, 0, 4)), Region.of(Circle(-30, 0, 2))]
    background = background_region(
        Region.of(Circle(0, 0, 10)), others, BackgroundRule(20.0, 50.0, "arcsec", others=2.0), 1.0
    )
    assert not background.inside([30.0, 37.9, 30.0, -33.9], [0.0, 0.0, 7.9, 0.0]).any()
    assert background.inside([38.1, -34.1, 40.0], [0.0, 0.0, 1.0]).all()
    assert background.area == pytest.approx(math.pi * (2500 - 400 - 64 - 16), rel=1e-3)
    assert len(background.components[0].excluded) == 3  # of the source and the two near ones


def test_what_the_source_region_excludes_is_no_background_either() -> None:
    source = Region.of(Circle(0, 0, 10), excluded=[Circle(9, 0, 3)])
    background = background_region(source, [], BackgroundRule(1.1, 5.0))
    assert not background.inside([11.5], [0.0]).any()
    assert background.inside([-11.5], [0.0]).all()


def test_a_given_region_loses_the_sources_in_it() -> None:
    given = Region.of(Circle(100, 0, 50))
    background = background_region(Region.of(Circle(60, 0, 10)), [Region.of(Circle(120, 0, 5))], given)
    assert background.area == pytest.approx(math.pi * (2500 - 25) - background_overlap(), rel=1e-3)
    assert not background.inside([60.0, 120.0], [0.0, 0.0]).any()


def background_overlap() -> float:
    """Common area of circles with radii 50 and 10, 40 apart: the smaller one touches from inside."""
    return math.pi * 100


def test_every_part_of_a_source_has_its_ring() -> None:
    source = Region.of(Circle(0, 0, 5), Circle(300, 0, 5))
    background = background_region(source, [], BackgroundRule(1.1, 3.0))
    assert background.inside([10.0, 290.0, 0.0, 300.0], np.zeros(4)).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("inner", "outer", "unit", "others"),
    [(5.0, 1.1, "times", 1.0), (0.5, 5.0, "times", 1.0), (-1.0, 5.0, "arcsec", 1.0), (1.1, 5.0, "times", 0.0)],
)
def test_a_rule_that_makes_no_ring_is_refused(inner: float, outer: float, unit, others: float) -> None:
    with pytest.raises(UsageError) as error:
        BackgroundRule(inner, outer, unit, others)
    assert error.value.code == "usage.background"


def test_arcseconds_need_the_width_of_a_pixel() -> None:
    with pytest.raises(UsageError, match="how large its pixels are") as error:
        background_region(SOURCE, [], BackgroundRule(10.0, 20.0, "arcsec"))
    assert error.value.code == "usage.background"


def test_a_background_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing is left") as error:
        background_region(Region.of(Circle(0, 0, 30)), [], BackgroundRule(10.0, 20.0, "arcsec"), 1.0)
    assert error.value.code == "usage.background"
