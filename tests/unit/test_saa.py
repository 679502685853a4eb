"""The contour of the South Atlantic Anomaly against winding numbers on the sphere."""

import numpy as np

from hstlc.missions.hst.saa import CONTOUR_DEG, in_saa


def vector(latitude, longitude):
    latitude, longitude = np.radians([latitude, longitude])
    return np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])


def winds_around(point, corners):
    """Sum the angles that the sides of the polygon subtend at a point of the sphere."""
    if point @ np.mean(corners, axis=0) < 0:
        return False
    flat = [corner - (corner @ point) * point for corner in corners]
    turns = [np.arctan2(np.cross(a, b) @ point, a @ b) for a, b in zip(flat[-1:] + flat[:-1], flat, strict=True)]
    return abs(sum(turns)) > np.pi


def test_it_agrees_with_the_winding_number():
    rng = np.random.default_rng(1)
    latitude, longitude = rng.uniform(-30, 5, 3000), rng.uniform(0, 360, 3000)
    corners = [vector(*corner) for corner in CONTOUR_DEG]
    expected = [winds_around(vector(*point), corners) for point in zip(latitude, longitude, strict=True)]
    found = in_saa(latitude, longitude)
    assert 200 < found.sum() < 1500
    np.testing.assert_array_equal(found, expected)


def test_longitudes_may_be_negative_and_the_other_side_of_the_earth_is_outside():
    assert in_saa([-20.0, -20.0, 20.0], [-40.0, 320.0, 140.0]).tolist() == [True, True, False]
