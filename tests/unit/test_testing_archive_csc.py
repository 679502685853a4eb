import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits, votable
from hypothesis import given
from hypothesis import strategies as st

from hstlc.testing.archive.csc import CscRouter, separation_deg
from hstlc.testing.archive.faults import fault
from hstlc.testing.archive.messages import Incoming
from hstlc.testing.archive.world import World
from hstlc.testing.archive.xray_files import (
    ChandraExposure,
    chandra_events,
    csc_filename,
    csc_light_curve,
    csc_region,
)
from hstlc.testing.archive.xray_worlds import add_csc, add_detection
from hstlc.testing.clock import SimulatedClock

START = datetime(2022, 1, 1, tzinfo=UTC)
NAME = "2CXO J095550.1+694046"
JOINED = (
    " FROM csc21.master_source m, csc21.master_stack_assoc a, csc21.observation_source o,"
    " csc21.stack_observation_assoc b, csc21.stack_source s"
    " WHERE m.name = a.name AND s.detect_stack_id = a.detect_stack_id AND s.region_id = a.region_id"
    " AND s.detect_stack_id = b.detect_stack_id AND s.region_id = b.region_id"
    " AND o.obsid = b.obsid AND o.obi = b.obi AND o.region_id = b.region_id"
)


@pytest.fixture
def world():
    world = World(SimulatedClock(START + timedelta(days=1)))
    add_csc(world, START)
    return world


@pytest.fixture
def router(world):
    return CscRouter(world)


def get(router, path, faults=(), **asked):
    return router.answer(Incoming("GET", path, urlencode(asked), faults=tuple(faults)))


def rows_of(answer):
    array = votable.parse(io.BytesIO(answer.body)).get_first_table().array
    return [dict(zip(array.dtype.names, row, strict=True)) for row in array.tolist()]


def query(router, adql, **more):
    return get(router, "/csc21tap/sync", REQUEST="doQuery", LANG="ADQL", QUERY=adql, **more)


def browse(router, package, version="rel2.1"):
    answer = get(router, "/csccli/browse", packageset=package, version=version)
    return json.loads(answer.body)


def test_a_source_is_joined_to_its_thirteen_observations_and_fourteen_detections(router):
    adql = f"SELECT DISTINCT m.name, o.obsid, o.obi, o.region_id, o.instrument {JOINED} AND m.significance >= 10"
    found = [row for row in rows_of(query(router, adql)) if row["name"] == NAME]
    assert len(found) == 14
    assert len({row["obsid"] for row in found}) == 13
    assert sorted(row["instrument"] for row in found).count("HRC") == 2
    assert sorted(row["region_id"] for row in found if row["obsid"] == 5644) == [10, 77]


def test_of_two_detections_in_an_observation_one_is_stronger(router):
    adql = "SELECT region_id, flux_significance_b FROM csc21.observation_source WHERE obsid = 5644"
    found = {row["region_id"]: row["flux_significance_b"] for row in rows_of(query(router, adql))}
    assert found[10] > found[77]


def test_each_instrument_has_columns_of_its_own_band(router):
    adql = "SELECT instrument, var_prob_b, var_prob_w FROM csc21.observation_source"
    for row in rows_of(query(router, adql)):
        empty = "var_prob_b" if row["instrument"] == "HRC" else "var_prob_w"
        assert row.pop(empty) is None
        assert None not in row.values()


@pytest.mark.parametrize(
    ("adql", "said"),
    [
        (
            "SELECT name FROM csc21.master_source WHERE CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 1, 2, 3)) = 1",
            b"CIRCLE not found",
        ),
        (
            "SELECT b.obsid FROM csc21.stack_source s JOIN csc21.stack_observation_assoc b"  # noqa: ISC004
            " ON s.region_id = b.region_id AND s.detect_stack_id = b.detect_stack_id",
            b"one condition",
        ),
    ],
)
def test_geometry_and_joins_of_several_conditions_are_refused(router, adql, said):
    answer = query(router, adql)
    assert answer.status == 400
    assert said in answer.body


@pytest.mark.parametrize(("names", "status"), [(200, 200), (400, 400)])
def test_long_lists_are_refused(router, names, status):
    listed = ", ".join(f"'2CXO J{number:06d}, (a)'" for number in range(names))
    assert query(router, f"SELECT name FROM csc21.master_source WHERE name IN ({listed})").status == status


def test_csv_is_not_known_and_text_is(router):
    adql = "SELECT obsid, region_id FROM csc21.observation_source WHERE obsid = 617"
    assert rows_of(query(router, adql, FORMAT="csv")) == [{"obsid": 617, "region_id": 91}]
    text = query(router, adql, FORMAT="text").body.decode().splitlines()
    assert text == ["# obsid\t\t", "# region_id\t\t", "obsid\tregion_id", "617\t91"]


@pytest.mark.parametrize(
    ("place", "radius", "names"),
    [
        ((148.96, 69.68), 0.1, [NAME]),
        ((180.001, 89.9), 0.21, ["2CXO J000000.2+895400"]),
        ((0.0004, 1.0), 0.001, ["2CXO J235959.9+010000"]),
        ((10.0, -60.0), 1.0, []),
    ],
)
def test_a_cone_reaches_over_poles_and_the_beginning_of_right_ascension(router, place, radius, names):
    answer = get(router, "/csc21scs/coneSearch", RA=place[0], DEC=place[1], SR=radius)
    assert [row["name"] for row in rows_of(answer)] == names


def test_a_cone_gives_more_columns_at_higher_verbosity(router):
    counts = [
        len(rows_of(get(router, "/csc21scs/coneSearch", RA=148.96, DEC=69.68, SR=0.1, VERB=level))[0])
        for level in (1, 2, 3)
    ]
    assert counts == sorted({*counts})
    table = votable.parse(
        io.BytesIO(get(router, "/csc21scs/coneSearch", RA=148.96, DEC=69.68, SR=0.1).body)
    ).get_first_table()
    assert [field.ucd for field in table.fields][:3] == ["ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN"]


@pytest.mark.parametrize("asked", [{}, {"RA": 1, "DEC": 95, "SR": 1}, {"RA": "x", "DEC": 1, "SR": 1}])
def test_a_wrong_cone_is_a_votable_with_an_error(router, asked):
    answer = get(router, "/csc21scs/coneSearch", **asked)
    [info] = votable.parse(io.BytesIO(answer.body)).infos
    assert (info.name, "in degrees" in info.value) == ("Error", True)


def test_browse_gives_the_name_with_a_version_of_each_file(router):
    assert browse(router, "617.0.91/regevt3/") == [{"filename": "acisf00617_000N020_r0091_regevt3.fits"}]
    assert browse(router, "00617.000.0091/srcreg/") == [{"filename": "acisf00617_000N021_r0091_reg3.fits"}]
    assert browse(router, "617.0.91/lightcurve/b") == [{"filename": "acisf00617_000N020_r0091b_lc3.fits"}]
    assert browse(router, "24564.0.1/lightcurve/w") == [{"filename": "hrcf24564_000N020_r0001w_lc3.fits"}]


@pytest.mark.parametrize(
    ("package", "version"),
    [
        *(("617.0.92/regevt3/", "rel2.1"), ("617.0.91/spectrum/", "rel2.1"), ("617.0.91/lightcurve/w", "rel2.1")),
        *(("617.0./evt3/", "rel2.1"), ("nonsense", "rel2.1"), ("617.0.91/regevt3/", "rel2.0")),
    ],
)
def test_browse_gives_an_empty_list_for_what_is_not_there(router, package, version):
    assert browse(router, package, version) == []


def test_a_file_comes_compressed(router):
    name = "acisf00617_000N020_r0091_regevt3.fits"
    answer = get(router, "/csccli/retrieveFile", filetype="regevt3", filename=name, version="rel2.1")
    assert answer.status == 200
    with fits.open(io.BytesIO(gzip.decompress(answer.body))) as file:
        assert file[0].header["OBS_ID"] == "617"
        assert file[0].header["REGIONID"] == "0091"
    assert get(router, "/csccli/retrieveFile", filetype="srcreg", filename=name).status == 404
    wrong = get(router, "/csccli/retrieveFile", [fault("wrong_file")], filetype="regevt3", filename=name)
    assert wrong.body != answer.body


def test_properties_come_below_a_line_for_each_column(router):
    adql = (
        "SELECT dbo.separation(m.ra, m.dec, 246.6, -24.4) AS sepn, m.name, m.flux_aper_w FROM master_source m"
        " WHERE dbo.cone_distance(m.ra, m.dec, 246.6, -24.4) <= 1.0"
    )
    body = urlencode({"query": adql, "nullAppearance": "NaN", "version": "rel2.1", "coordFormat": "decimal"}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = router.answer(Incoming("POST", "/csccli/getProperties", headers=headers, body=body))
    *heads, names, row, end = answer.body.decode().split("\n")
    assert [line.split("\t")[:2] for line in heads] == [
        ["#Column", "sepn"],
        ["#Column", "name"],
        ["#Column", "flux_aper_w"],
    ]
    assert (names, end) == ("sepn\tname\tflux_aper_w", "")
    assert row.split("\t")[1:] == ["2CXO J162624.0-242448", "NaN"]
    assert float(row.split("\t")[0]) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("asked", [{"query": "SELECT nothing FROM master_source"}, {}, {"version": "rel9.9"}])
def test_errors_of_properties_come_with_status_200(router, asked):
    answer = get(router, "/csccli/getProperties", **asked)
    assert answer.status == 200
    assert answer.body.startswith(b"Error executing query:")


@given(st.floats(0, 360), st.floats(-90, 90), st.floats(0, 360), st.floats(-90, 90))
def test_separations_are_those_of_astropy(ra, dec, other_ra, other_dec):
    expected = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(other_ra, other_dec, unit="deg")).deg
    assert separation_deg(ra, dec, other_ra, other_dec) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("write", [chandra_events, csc_region, csc_light_curve])
@pytest.mark.parametrize("detector", ["ACIS-S", "HRC-I"])
def test_files_are_whole_and_say_what_they_are(write, detector):
    exposure = ChandraExposure(617, 0, detector, 91)
    content = write(exposure, 21)
    assert len(content) < 60_000
    with fits.open(io.BytesIO(gzip.decompress(content)), checksum=True) as file:
        file.verify("exception")
        header = file[0].header
        assert all(len(unit.data) > 0 for unit in file[1:])
    assert (header["SIMULATD"], header["TELESCOP"], header["INSTRUME"]) == ("T", "CHANDRA", exposure.instrument)
    assert (header["OBS_ID"], header["REGIONID"], header["ASCDSVER"]) == ("617", "0091", "10.21")
    write.cache_clear()
    assert write(exposure, 21) == content


def test_good_times_are_one_table_a_chip_of_acis():
    with fits.open(io.BytesIO(gzip.decompress(chandra_events(ChandraExposure(2798))))) as file:
        chips = {unit.ver: unit.header["CCD_ID"] for unit in file if unit.name == "GTI"}
        assert chips == {3: 3, 7: 7}
        assert {*file["EVENTS"].data["ccd_id"]} == {*chips}
    with fits.open(io.BytesIO(gzip.decompress(chandra_events(ChandraExposure(2798, detector="HRC-I"))))) as file:
        assert [unit.name for unit in file] == ["PRIMARY", "EVENTS", "GTI"]


def test_names_of_files_are_those_of_the_catalog():
    region = ChandraExposure(617, 0, "ACIS-I", 91)
    assert csc_filename(region, 21, "regevt3") == "acisf00617_000N021_r0091_regevt3.fits"
    assert csc_filename(ChandraExposure(1411, 2, "HRC-S"), 5, "evt3") == "hrcf01411_002N005_evt3.fits"


def test_a_detection_needs_a_region(world):
    with pytest.raises(ValueError, match="region"):
        add_detection(world, NAME, ChandraExposure(1), made=START, place=(0.0, 0.0))
