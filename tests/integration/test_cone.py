"""Cones in SQL give on both databases what astropy gives."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select

from hstlc.db.cone import Cone, separation_deg, within
from hstlc.db.engine import reading, writing
from hstlc.db.targets import TARGETS

#: Places where formulas break: poles, both sides of 0 hours, places that are opposite of others.
CORNERS = (
    *(
        (ra, dec)
        for ra in (0.0, 1e-9, 90.0, 180.0, 270.0, 359.999999999)
        for dec in (-90.0, -89.999, 0.0, 89.999, 90.0)
    ),
    *((10.0, 20.0), (190.0, -20.0), (10.00001, 20.0), (190.0, -20.00001), (360.0, 5.0)),
)
CENTERS = (
    *((0.0, 0.0), (360.0, 0.0), (10.0, 20.0), (0.001, -89.9), (123.4, 90.0), (300.0, -90.0), (359.9999, 45.0)),
    *((180.0, 0.0), (83.63, 22.01), (270.0, 66.56), (190.0, -20.0)),
)
RADII = (0.0, 1e-7, 0.0003, 0.5, 5.0, 44.0, 89.9999, 90.0, 90.0001, 135.0, 179.0, 179.99999, 180.0)


@pytest.fixture
def places(engine: Engine) -> tuple[Engine, np.ndarray, np.ndarray]:
    """A database with 700 places, and one without."""
    random = np.random.default_rng(20240506)
    ra = np.concatenate([random.uniform(0, 360, 500), random.uniform(359, 361, 150) % 360, [one[0] for one in CORNERS]])
    dec = np.concatenate(
        [np.degrees(np.arcsin(random.uniform(-1, 1, 500))), random.normal(0, 1, 150), [one[1] for one in CORNERS]]
    )
    now = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [
        {"name": f"T{i}", "ra_deg": float(a), "dec_deg": float(d), "moving": False, "made_at": now}
        for i, (a, d) in enumerate(zip(ra, dec, strict=True))
    ]
    rows.append({"name": "COMET", "ra_deg": None, "dec_deg": None, "moving": True, "made_at": now})
    with writing(engine) as connection:
        connection.execute(insert(TARGETS), rows)
    return engine, ra, dec


def found(connection: Connection, cone: Cone) -> list[str]:
    condition, rank = within(TARGETS.c.ra_deg, TARGETS.c.dec_deg, cone)
    return list(connection.scalars(select(TARGETS.c.name).where(condition).order_by(rank, TARGETS.c.name)))


def test_rows_are_those_of_astropy_and_the_nearest_come_first(places: Any) -> None:
    engine, ra, dec = places
    every = SkyCoord(ra, dec, unit="deg")
    with reading(engine) as connection:
        for center in CENTERS:
            apart = every.separation(SkyCoord(*center, unit="deg")).deg
            for radius in RADII:
                names = found(connection, Cone(*center, radius))
                inside = {f"T{i}" for i in np.flatnonzero(apart <= radius - 1e-9)}
                edge = {f"T{i}" for i in np.flatnonzero(np.abs(apart - radius) < 1e-9)}
                assert inside <= set(names) <= inside | edge, (center, radius)
                distances = [apart[int(name[1:])] for name in names]
                assert (np.diff(distances) > -1e-6).all(), (center, radius)


def test_nothing_without_a_place_is_in_a_cone(places: Any) -> None:
    engine, ra, _ = places
    with reading(engine) as connection:
        names = found(connection, Cone(0.0, 0.0, 180.0))
    assert len(names) == ra.size
    assert "COMET" not in names


@given(st.floats(0, 360), st.floats(-90, 90), st.floats(0, 360), st.floats(-90, 90))
def test_the_distance_is_that_of_astropy(ra: float, dec: float, other_ra: float, other_dec: float) -> None:
    apart = SkyCoord(ra, dec, unit=u.deg).separation(SkyCoord(other_ra, other_dec, unit=u.deg)).deg
    assert separation_deg(ra, dec, Cone(other_ra, other_dec, 1.0)) == pytest.approx(apart, abs=1e-11)


@given(st.floats(0, 360), st.floats(-90, 90), st.floats(0, 180), st.floats(0, 360), st.floats(-90, 90))
def test_the_bands_leave_nothing_out(ra: float, dec: float, radius: float, other_ra: float, other_dec: float) -> None:
    cone = Cone(ra, dec, radius)
    if separation_deg(other_ra, other_dec, cone) <= radius:
        low, high = cone.dec_band()
        assert low <= other_dec <= high
        bands = cone.ra_bands()
        assert not bands or any(first <= other_ra <= last for first, last in bands)


@pytest.mark.parametrize(
    "values", [(-0.1, 0, 1), (361, 0, 1), (0, 90.1, 1), (0, 0, -1), (0, 0, 180.1), (float("nan"), 0, 1)]
)
def test_a_cone_out_of_range_is_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Cone(*values)
