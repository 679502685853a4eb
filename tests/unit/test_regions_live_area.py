"""Which part of a region lies on a live detector."""

import math
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from hstlc.errors import InconsistentError
from hstlc.regions import Box, Circle, LiveMap, Mask, Region

WIDTH, HEIGHT, GAP, TURN = 5240.0, 16400.0, 80.0, 0.3
MIDDLE = 25921.0

Floats = NDArray[np.float64]


def field(number: int, rng: np.random.Generator) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return whole pixels of ``number`` even events on each of 12 chips with gaps, turned."""
    ccd = np.repeat(np.arange(12), number)
    u = rng.uniform(0, WIDTH, len(ccd)) + ccd % 6 * (WIDTH + GAP) - 3 * WIDTH - 2.5 * GAP
    v = rng.uniform(0, HEIGHT, len(ccd)) + ccd // 6 * (HEIGHT + GAP) - HEIGHT - GAP / 2
    x, y = u * math.cos(TURN) - v * math.sin(TURN), u * math.sin(TURN) + v * math.cos(TURN)
    return np.round(x + MIDDLE), np.round(y + MIDDLE), ccd + 1


def truth(x: Floats, y: Floats) -> NDArray[np.bool_]:
    x, y = x - MIDDLE, y - MIDDLE
    u = x * math.cos(TURN) + y * math.sin(TURN) + 3 * WIDTH + 2.5 * GAP
    v = y * math.cos(TURN) - x * math.sin(TURN) + HEIGHT + GAP / 2
    on = (u % (WIDTH + GAP) < WIDTH) & (v % (HEIGHT + GAP) < HEIGHT)
    return on & (u >= 0) & (u < 6 * (WIDTH + GAP)) & (v >= 0) & (v < 2 * (HEIGHT + GAP))


@pytest.mark.parametrize(("number", "error"), [(300, 0.02), (2000, 0.01), (20000, 0.003)])
def test_the_live_area_of_even_fields_with_gaps(number: int, error: float) -> None:
    live = LiveMap.of_events(*field(number, np.random.default_rng(number)))
    assert live.known
    assert len(live.chips) == 12
    whole = live.area(Region.of(Circle(MIDDLE, MIDDLE, 30000.0)))
    assert whole == pytest.approx(12 * WIDTH * HEIGHT, rel=error)


def test_circles_across_gaps_and_edges_lose_what_is_dead() -> None:
    rng = np.random.default_rng(9)
    live = LiveMap.of_events(*field(20000, rng))
    on = rng.uniform(-1, 1, (20000, 2))
    on = on[np.hypot(*on.T) < 1] * 600.0
    wrong = []
    for x, y in rng.uniform(-16000, 16000, (60, 2)) + MIDDLE:
        expected = truth(x + on[:, 0], y + on[:, 1]).mean()
        wrong.append(live.fraction(Region.of(Circle(x, y, 600.0))) - expected)
    assert np.max(np.abs(wrong)) < 0.03
    assert np.sqrt(np.mean(np.square(wrong))) < 0.006


def test_shares_say_which_ccd_sees_how_much() -> None:
    live = LiveMap.of_events(*field(20000, np.random.default_rng(4)))
    shares = live.shares(Region.of(Circle(MIDDLE, MIDDLE, 1000.0)))  # where four chips meet
    assert sorted(shares) == [3, 4, 9, 10]
    assert sum(shares.values()) == pytest.approx(live.fraction(Region.of(Circle(MIDDLE, MIDDLE, 1000.0))))
    assert min(shares.values()) == pytest.approx(max(shares.values()), abs=0.01)


def test_what_two_ccds_saw_is_shared_evenly() -> None:
    x, y = np.random.default_rng(2).uniform(0, 1000, (2, 8000))
    live = LiveMap.of_events(np.concatenate((x, x + 500)), np.concatenate((y, y)), np.repeat([5, 7], 8000))
    shares = live.shares(Region.of(Box(500, 500, 800, 800)))  # from 100 to 900: 400 of 5 alone, 400 of both
    assert shares == {5: pytest.approx(0.75, abs=0.01), 7: pytest.approx(0.25, abs=0.01)}


def test_a_bright_source_does_not_hide_the_chip_around_it() -> None:
    rng = np.random.default_rng(5)
    around = 3 * np.sqrt((1 - rng.uniform(size=100_000)) ** (-1 / 0.9) - 1)  # a King profile
    angle = rng.uniform(0, 2 * np.pi, len(around))
    x = np.concatenate((rng.uniform(0, 1024, 4000), 300 + around * np.cos(angle)))
    y = np.concatenate((rng.uniform(0, 1024, 4000), 400 + around * np.sin(angle)))
    on = (x > 0) & (x < 1024) & (y > 0) & (y < 1024)
    live = LiveMap.of_events(x[on], y[on])
    assert live.area(Region.of(Box(512, 512, 1400, 1400))) == pytest.approx(1024**2, rel=0.02)


@pytest.mark.parametrize(
    ("dead", "x", "y"), [("corner", 820.0, 800.0), ("hole", 460.0, 650.0)], ids=["a dead corner", "a hole"]
)
def test_large_dead_parts_of_a_chip_stay_dead(dead: str, x: float, y: float) -> None:
    px, py = np.random.default_rng(6).uniform(0, 1024, (2, 10000))
    off = (px > 600) & (py > 512) if dead == "corner" else (abs(px - 460) < 60) & (abs(py - 650) < 150)
    lost = 424 * 512 if dead == "corner" else 120 * 300
    live = LiveMap.of_events(px[~off], py[~off])
    assert live.area(Region.of(Box(512, 512, 1400, 1400))) == pytest.approx(1024**2 - lost, rel=0.02)
    assert live.fraction(Region.of(Circle(x, y, 30))) == 0.0
    assert live.fraction(Region.of(Circle(200, 200, 100))) == 1.0


@pytest.mark.parametrize("number", [0, 3, 19])
def test_without_enough_events_all_is_taken_as_live(number: int) -> None:
    x, y = np.random.default_rng(7).uniform(0, 1000, (2, number))
    live = LiveMap.of_events(x, y)
    assert not live.known
    assert live.fraction(Region.of(Circle(0, 0, 100))) == 1.0
    assert live.shares(Region.of(Circle(0, 0, 100))) == {}


def test_events_in_a_line_and_events_without_a_position_tell_nothing() -> None:
    assert not LiveMap.of_events(np.arange(100.0), np.full(100, 5.0)).known
    x, y = np.random.default_rng(8).uniform(0, 1000, (2, 3000))
    x[:50], y[50:90] = np.nan, -99999999.0
    live = LiveMap.of_events(x, y)
    assert live.area(Region.of(Box(500, 500, 2000, 2000))) == pytest.approx(1e6, rel=0.02)


def test_a_mask_limits_what_is_live() -> None:
    good = np.zeros((10, 20), dtype=np.uint8)
    good[:, :10] = 1
    header = {"CRPIX1P": 0.5, "CRVAL1P": 100.0, "CDELT1P": 2.0, "CRPIX2P": 0.5, "CRVAL2P": 200.0, "CDELT2P": 2.0}
    mask = Mask.of_image(header, good)
    assert (mask.x, mask.y, mask.step_x, mask.step_y) == (100.0, 200.0, 2.0, 2.0)
    alone = LiveMap((), mask)
    assert alone.known
    assert alone.fraction(Region.of(Box(120, 210, 8, 8))) == pytest.approx(0.5, abs=0.005)
    assert alone.fraction(Region.of(Box(120, 210, 80, 40))) == pytest.approx(400 / 3200, abs=0.002)
    x, y = np.random.default_rng(10).uniform((110, 200), (140, 220), (5000, 2)).T
    both = LiveMap.of_events(x, y, mask=mask)
    assert both.area(Region.of(Box(120, 210, 80, 40))) == pytest.approx(10 * 20, rel=0.02)
    assert sum(both.shares(Region.of(Box(120, 210, 80, 40))).values()) == pytest.approx(200 / 3200, rel=0.02)


def test_a_mask_can_be_placed_by_the_older_keywords() -> None:
    mask = Mask.of_image({"LTV1": -50.0, "LTM1_1": 0.5, "LTV2": -100.0, "LTM2_2": 0.5}, np.ones((2, 2)))
    assert (mask.x, mask.step_x, mask.y, mask.step_y) == (101.0, 2.0, 201.0, 2.0)  # pixel 1 has its middle at 102


def test_a_mask_without_a_place_is_refused() -> None:
    with pytest.raises(InconsistentError, match=r"b\.fits") as error:
        Mask.of_image({}, np.ones((2, 2)), where="b.fits")
    assert error.value.code == "data.mask"


@pytest.mark.parametrize(
    ("name", "source", "background"), [("m1_S002", 694, 318), ("m2_S003", 633, 244)], ids=["MOS1", "MOS2"]
)
def test_known_counts_and_live_area_of_a_real_star(real_data: Path, name: str, source: int, background: int) -> None:
    with fits.open(real_data / "xmm" / f"eggr38__{name}_ImagingEvts_events_gtifiltered.fit") as hdus:
        data = hdus["EVENTS"].data
        good = (data["FLAG"] & 0x766BA000) == 0
        counted = good & (data["PATTERN"] <= 12)
        x, y, ccd = np.asarray(data["X"]), np.asarray(data["Y"]), np.asarray(data["CCDNR"])
    star, around = Region.of(Circle(27236.443, 27596.668, 600.0)), Region.of(Circle(28868.8, 25949.1, 1139.57))
    assert np.count_nonzero(star.inside(x, y) & counted) == source
    assert np.count_nonzero(around.inside(x, y) & counted) == background
    live = LiveMap.of_events(x[good], y[good], ccd[good])
    assert live.fraction(star) == pytest.approx(1.0, abs=0.001)
    assert live.area(star) / live.area(around) == pytest.approx(star.area / around.area, rel=0.005)
    assert list(live.shares(star)) == list(live.shares(around)) == [1]
    assert live.fraction(Region.of(Circle(25921.0, 25921.0, 30000.0))) < 0.7  # gaps, edges, corners
