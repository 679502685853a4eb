"""Clients that others wrote talk to the stand-in: they know the shapes of answers from the real services."""

import gc
import json
import os
import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta

import pytest
import pyvo
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import NameResolveError, get_icrs_coordinates, sesame_database, sesame_url

from hstlc.testing.archive import StandIn, fault
from hstlc.testing.archive.world import World
from hstlc.testing.archive.xray_files import EpicExposure, epic_events
from hstlc.testing.archive.xray_worlds import add_cda, add_csc, add_xsa
from hstlc.testing.clock import SimulatedClock

START = datetime(2026, 10, 25, tzinfo=UTC)

XMM = """
import json, sys, tarfile
from astroquery.esa.xmm_newton import XMMNewtonClass
from astroquery.exceptions import LoginError
from astroquery.utils.tap.core import TapPlus

url = sys.argv[1]
client = XMMNewtonClass(tap_handler=TapPlus(url=f"{url}/tap-server/tap"))
client.data_aio_url = f"{url}/nxsa-sl/servlet/data-action-aio?"
table = client.query_xsa_tap("SELECT observation_id, target, ra, with_science FROM xsa.v_public_observations"
                             " WHERE observation_id = '0301730401'")
asked = {"level": "PPS", "name": "PIEVLI", "instname": "PN", "cache": False}
client.download_data("0301730401", filename="one", **asked)
client.download_data("0884250101", filename="two", **asked)
with tarfile.open("two.tar") as tar:
    names = tar.getnames()
try:
    client.download_data("0942190201", filename="three", **asked)
    refused = ""
except LoginError as error:
    refused = str(error)
print(json.dumps({
    "row": [str(table[0][0]), str(table[0][1]), float(table[0][2]), bool(table[0][3])],
    "tables": sorted(client.get_tables()),
    "columns": client.get_columns("xsa.v_exposure"),
    "members": names,
    "refused": refused,
}))
"""


@pytest.fixture(scope="module")
def archive():
    world = World(SimulatedClock(START + timedelta(days=7)))
    for add in (add_xsa, add_csc, add_cda):
        add(world, START)
    with StandIn(world) as archive:
        yield archive


@pytest.fixture(params=["/tap-server/tap xsa.v_public_observations", "/csc21tap csc21.master_source"])
def service(request, archive):
    path, table = request.param.split()
    return pyvo.dal.TAPService(archive.url + path), table


def test_pyvo_reads_rows_with_their_types(archive):
    tap = pyvo.dal.TAPService(f"{archive.url}/tap-server/tap")
    table = tap.run_sync(
        "SELECT observation_id, ra, start_utc, with_science, revolution FROM xsa.v_public_observations"
        " ORDER BY observation_id"
    ).to_table()
    assert list(table["observation_id"])[:2] == ["0111290301", "0124710801"]
    assert [bool(value) for value in table["with_science"]][:2] == [False, True]
    assert str(table["ra"].unit) == "deg"
    assert table["revolution"].dtype.kind == "i"


def test_pyvo_follows_a_query_to_its_rows(archive):
    tap = pyvo.dal.TAPService(f"{archive.url}/cxctap")
    rows = tap.run_sync("SELECT obsid, target_name FROM cxc.observation WHERE instrument = 'HRC-I'")
    assert [(row["obsid"], row["target_name"]) for row in rows] == [(24564, "SIMARLAC")]


def test_pyvo_reads_the_tables_from_the_schema_and_from_the_document(service):
    tap, table = service
    rows = tap.run_sync(f"SELECT column_name FROM TAP_SCHEMA.columns WHERE table_name = '{table}'")
    described = tap.tables[table]
    assert [row["column_name"] for row in rows] == [column.name for column in described.columns]
    assert len(rows) > 10


def test_pyvo_reads_limits_from_the_capabilities(service):
    tap, _ = service
    assert tap.hardlimit == 100_000
    assert 0 < tap.maxrec <= tap.hardlimit


def test_pyvo_notices_an_answer_that_was_cut(archive, service):
    tap, table = service
    archive.faults.add(fault("overflow", path="/sync", arguments={"limit": 2}))
    with pytest.warns(pyvo.dal.DALOverflowWarning):
        rows = tap.run_sync(f"SELECT * FROM {table}")
    assert len(rows) == 2
    with pytest.warns(pyvo.dal.DALOverflowWarning, match="service limits"):
        tap.run_sync(f"SELECT * FROM {table}", maxrec=2).check_overflow_warning(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(tap.run_sync(f"SELECT TOP 2 * FROM {table}")) == 2


def test_pyvo_takes_an_error_for_what_it_is(service):
    tap, _ = service
    with pytest.raises(pyvo.dal.DALQueryError, match="no such column: absent"):
        tap.run_sync("SELECT absent FROM TAP_SCHEMA.columns")


def test_pyvo_takes_an_empty_answer_for_what_it_is(service):
    tap, table = service
    assert len(tap.run_sync(f"SELECT * FROM {table} WHERE ra > 400")) == 0


@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)  # left unread
def test_pyvo_waits_for_a_job(archive):
    tap = pyvo.dal.TAPService(f"{archive.url}/tap-server/tap")
    rows = tap.run_async("SELECT observation_id FROM xsa.v_public_observations WHERE target = 'SIM-MOS'")
    assert [row["observation_id"] for row in rows] == ["0124710801"]
    assert archive.log.count("/tap-server/tap/async/.*", "DELETE") == 1
    gc.collect()


def test_pyvo_searches_a_cone(archive):
    cone = pyvo.dal.SCSService(f"{archive.url}/csc21scs/coneSearch")
    found = cone.search(SkyCoord(148.96, 69.68, unit="deg"), radius=0.1, verbosity=2)
    assert [row.id for row in found] == ["2CXO J095550.1+694046"]
    assert found[0].pos.ra.deg == pytest.approx(148.95875)
    assert found[0]["significance"] == pytest.approx(55.0)
    with pytest.raises(pyvo.dal.DALQueryError):
        cone.search(SkyCoord(148.96, 69.68, unit="deg"), radius=400.0)


def test_astroquery_finds_and_downloads_lists_of_events(archive, tmp_path):
    # in a process and a home of its own: it writes where it runs, and changes how tar files are unpacked
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    for name in (tmp_path / "astropy", tmp_path / ".astropy"):
        name.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", XMM, archive.url],
        cwd=tmp_path,
        env=os.environ | home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["row"] == ["0301730401", "SIM-FIELD", 150.0, True]
    assert "xsa.v_public_observations" in told["tables"]
    assert {"instrument", "exposure_id", "is_scientific"} <= set(told["columns"])
    assert told["members"] == [
        "0884250101/pps/P0884250101PNS003PIEVLI0000.FTZ",
        "0884250101/pps/P0884250101PNU002PIEVLI0000.FTZ",
    ]
    assert "proprietary rights" in told["refused"]
    assert (tmp_path / "one.FTZ").read_bytes() == epic_events("0301730401", EpicExposure("PN", "S", 3))


def test_astropy_resolves_names(archive):
    with sesame_url.set([f"{archive.url}/cgi-bin/nph-sesame/"]), sesame_database.set("all"):
        place = get_icrs_coordinates("GJ 436", cache=False)
        assert (place.ra.deg, place.dec.deg) == pytest.approx((175.5462223, 26.7065694))
        with pytest.raises(NameResolveError, match="Unable to find"):
            get_icrs_coordinates("No Such Star", cache=False)
