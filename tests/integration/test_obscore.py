"""The view ``obscore`` is what ObsCore 1.1 wants, on both databases."""

import re
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text, update

from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.migrate import ensure_schema
from hstlc.db.records import LIGHT_CURVES, METADATA, STATS
from hstlc.db.views import OBSCORE

#: Table 4 of ObsCore 1.1: name, type and unit of the mandatory columns.
MANDATORY = """
dataproduct_type text, calib_level int, obs_collection text, obs_id text, obs_publisher_did text, access_url text,
access_format text, access_estsize int kbyte, target_name text, s_ra float deg, s_dec float deg, s_fov float deg,
s_region text, s_resolution float arcsec, s_xel1 int, s_xel2 int, t_min float d, t_max float d, t_exptime float s,
t_resolution float s, t_xel int, em_min float m, em_max float m, em_res_power float, em_xel int, o_ucd text,
pol_states text, pol_xel int, facility_name text, instrument_name text
"""
WANTED = [(*one.split(), "")[:3] for one in MANDATORY.replace("\n", " ").split(",")]
TYPES = {"VARCHAR": "text", "TEXT": "text", "BIGINT": "int", "INTEGER": "int", "DOUBLE PRECISION": "float"}


def row(engine: Engine) -> dict[str, Any]:
    with reading(engine) as connection:
        return dict(connection.execute(text("SELECT * FROM obscore")).mappings().one())


def test_mandatory_columns_come_first_in_the_order_of_the_standard(filled: Engine) -> None:
    names = [name for name, _, _ in WANTED]
    assert list(row(filled))[: len(names)] == names
    assert [(one.name, one.unit) for one in OBSCORE[: len(names)]] == [(name, unit) for name, _, unit in WANTED]
    assert list(row(filled)) == [one.name for one in OBSCORE]
    assert all(one.ucd and one.doc for one in OBSCORE)


def test_types_are_those_of_the_standard(postgres_url: str) -> None:
    engine = make_engine(postgres_url)  # the columns of a view have types there alone
    try:
        ensure_schema(engine)
        columns = inspect(engine).get_columns("obscore")
    finally:
        engine.dispose()
    found = {one["name"]: re.split(r"\(| COLLATE", str(one["type"]))[0] for one in columns}
    assert {name: TYPES[found[name]] for name, _, _ in WANTED} == {name: kind for name, kind, _ in WANTED}


def test_values(filled: Engine) -> None:
    limits = {"A": [1290.0, 1430.5], "B": [1137.25, 1275.0]}
    with writing(filled) as connection:
        connection.execute(update(METADATA).values(extra={"wavelength_aa": limits}))
        connection.execute(update(LIGHT_CURVES).values(size_bytes=37440, ra_deg=10.5, dec_deg=-3.25))
        connection.execute(update(LIGHT_CURVES).values(start_mjd=58000.0, end_mjd=58000.5, exptime_s=1900.0))
        connection.execute(update(STATS).values(bins_used=940, exposure_s=1880.0, em_min_m=9.15e-8, em_max_m=1.8e-7))
    found = row(filled)
    number = found["product_id"]
    known = {
        "dataproduct_type": "timeseries", "calib_level": 3, "obs_collection": "HST", "obs_id": "lz0001aaq",
        "obs_publisher_did": "ivo://hstlc/hst?lz0001aaq_curve.fits", "access_url": f"/api/v1/curves/{number}/file",
        "access_format": "application/fits", "access_estsize": 37, "target_name": "A STAR", "s_ra": 10.5,
        "s_dec": -3.25, "t_min": 58000.0, "t_max": 58000.5, "t_exptime": 1880.0, "t_resolution": 2.0, "t_xel": 940,
        "em_min": pytest.approx(1137.25e-10), "em_max": pytest.approx(1430.5e-10), "o_ucd": "phot.count",
        "facility_name": "HST", "instrument_name": "COS", "obs_title": "A STAR, COS FUV G130M", "em_band": "",
    }  # fmt: skip
    assert {name: found[name] for name in known} == known
    rest = {name: value for name, value in found.items() if name not in known and name != "product_id"}
    assert set(rest.values()) == {None}


@pytest.mark.parametrize("extra", [{}, {"wavelength_aa": None}, {"wavelength_aa": {}}, {"wavelength_aa": {"A": None}}])
@pytest.mark.parametrize("limits", [(9.15e-8, 1.8e-7), (None, 1.8e-7), (9.15e-8, None), (None, None)])
def test_where_the_exposure_does_not_tell_limits_are_those_of_the_curve(
    filled: Engine, extra: dict[str, Any], limits: tuple[float | None, float | None]
) -> None:
    with writing(filled) as connection:
        connection.execute(update(METADATA).values(extra=extra))
        connection.execute(update(STATS).values(em_min_m=limits[0], em_max_m=limits[1]))
    assert (row(filled)["em_min"], row(filled)["em_max"]) == limits


@pytest.mark.parametrize("change", [{"band": "blue"}, {"kind": "composite"}])
def test_a_band_and_a_composite_have_limits_of_their_own(filled: Engine, change: dict[str, str]) -> None:
    with writing(filled) as connection:
        connection.execute(update(METADATA).values(extra={"wavelength_aa": {"A": [1290.0, 1430.5]}}))
        connection.execute(update(STATS).values(em_min_m=1.393e-7, em_max_m=1.404e-7))
        connection.execute(update(LIGHT_CURVES).values(change))
    assert (row(filled)["em_min"], row(filled)["em_max"]) == (1.393e-7, 1.404e-7)


def test_a_curve_without_statistics_or_exposure_is_still_a_row(filled: Engine) -> None:
    with writing(filled) as connection:
        connection.execute(STATS.delete())
        connection.execute(update(LIGHT_CURVES).values(metadata_id=None, exptime_s=12.5))
    assert (row(filled)["t_exptime"], row(filled)["t_xel"], row(filled)["em_max"]) == (12.5, None, None)
