"""Sources of different exposures that are one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hstlc.model.same_source import Detection, same_sources

RADIUS_ARCSEC = 3.0
DEGREE_A_ARCSEC = 1 / 3600


def at(exposure: int, name: str, x_arcsec: float, y_arcsec: float = 0.0, ra_deg: float = 150.0) -> Detection:
    dec_deg = 60.0 + y_arcsec * DEGREE_A_ARCSEC
    return Detection(exposure, name, (ra_deg + x_arcsec * DEGREE_A_ARCSEC / np.cos(np.deg2rad(60.0))) % 360.0, dec_deg)


def test_nothing_is_joined_where_nothing_is():
    assert same_sources([], RADIUS_ARCSEC) == []


def test_the_first_detection_of_a_place_gives_the_name():
    seen = [at(1, "A", 0), at(2, "B", 2.9), at(3, "C", -2.9), at(3, "D", 3.1)]
    assert same_sources(seen, RADIUS_ARCSEC) == ["A", "A", "A", "D"]


def test_places_do_not_grow_into_chains():
    seen = [at(number, f"S{number}", 2.0 * number) for number in range(6)]
    assert same_sources(seen, RADIUS_ARCSEC) == ["S0", "S0", "S2", "S2", "S4", "S4"]


def test_the_nearest_place_is_taken():
    assert same_sources([at(1, "A", 0), at(1, "B", 4), at(2, "C", 2.5)], RADIUS_ARCSEC) == ["A", "B", "B"]


def test_two_sources_of_one_exposure_stay_two():
    seen = [at(1, "A", 0), at(1, "B", 1), at(2, "C", 0.1), at(2, "D", 0.9)]
    assert same_sources(seen, RADIUS_ARCSEC) == ["A", "B", "A", "B"]


def test_places_are_compared_across_the_hour_of_zero():
    assert same_sources([at(1, "A", -1, ra_deg=0.0), at(2, "B", 1, ra_deg=0.0)], RADIUS_ARCSEC) == ["A", "A"]


def test_places_at_the_pole_are_compared_as_places():
    seen = [Detection(1, "A", 0.0, 90.0 - DEGREE_A_ARCSEC), Detection(2, "B", 180.0, 90.0 - DEGREE_A_ARCSEC)]
    assert same_sources(seen, RADIUS_ARCSEC) == ["A", "A"]


def test_two_places_never_share_a_name():
    seen = [at(1, "A", 0), at(2, "A", 100), at(3, "A (2)", 200), at(4, "A", 300)]
    names = same_sources(seen, RADIUS_ARCSEC)
    assert names[:2] == ["A", "A (2)"]
    assert len(set(names)) == 4


detections = st.lists(st.tuples(st.integers(1, 4), st.floats(-10, 10), st.floats(-10, 10)), max_size=20)


@given(detections)
def test_a_source_has_one_detection_an_exposure_and_all_of_them_near(places):
    seen = [at(exposure, f"S{number}", x, y) for number, (exposure, x, y) in enumerate(sorted(places))]
    names = same_sources(seen, RADIUS_ARCSEC)
    for name in set(names):
        members = [one for one, own in zip(seen, names, strict=True) if own == name]
        assert len({one.exposure for one in members}) == len(members)
        first = members[0]
        assert first.name == name
        for one in members:
            dx = (one.ra_deg - first.ra_deg) * np.cos(np.deg2rad(60.0)) * 3600
            assert np.hypot(dx, (one.dec_deg - first.dec_deg) * 3600) < RADIUS_ARCSEC * 1.001
