"""Cone search, DataLink and VOSI, with the clients that people use: pyvo, astropy, stilts."""

import io
import os
import re
import shutil
import subprocess
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import pyvo
import requests
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse
from astropy.table import QTable
from astropy.timeseries import TimeSeries
from pyvo.dal.adhoc import DatalinkResults
from sqlalchemy import Executable, select, text
from starlette.testclient import TestClient

from hstlc.config import Settings
from hstlc.db.engine import make_engine, reading
from hstlc.db.records import LIGHT_CURVES

COLUMNS = [
    LIGHT_CURVES.c[name] for name in ("product_id", "kind", "mission", "filename", "ra_deg", "dec_deg", "size_bytes")
]
FIELD = {"RA": "150", "DEC": "2", "SR": "0.1"}
OLD_WORDS = ("ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN")
CORE = {"#this", "#preview", "#preview-plot", "#proc", "#progenitor", "#derivation", "#documentation"}

Stilts = Callable[..., str]


def rows_of(settings: Settings, query: Executable) -> list[dict[str, Any]]:
    engine = make_engine(settings.db_connection_string)
    try:
        with reading(engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
    finally:
        engine.dispose()


@pytest.fixture
def curves(site_settings: Settings) -> list[dict[str, Any]]:
    """Rows of ``light_curve`` of the demonstration store."""
    return rows_of(site_settings, select(*COLUMNS))


@pytest.fixture(scope="session")
def stilts() -> Stilts:
    """A function that runs a task of stilts and returns what it printed; the task must succeed."""
    path = shutil.which("stilts")
    if path is None:
        missing = "no stilts: scripts/stilts installs it"
        if os.environ.get("HSTLC_REQUIRE_STILTS") == "1":
            pytest.fail(missing)
        pytest.skip(missing)

    def run(*arguments: str) -> str:
        done = subprocess.run([str(path), *arguments], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def pyvo_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All that pyvo asks goes through one session; every answer is closed in the end, which pyvo itself leaves open."""
    answers: list[requests.Response] = []
    with requests.Session() as session:
        session.hooks["response"].append(lambda answer, **_: answers.append(answer))
        monkeypatch.setattr("pyvo.utils.http.create_session", lambda: session)
        yield
        for answer in answers:
            answer.close()


def did(curve: dict[str, Any]) -> str:
    return f"ivo://hstlc/{curve['mission']}?{curve['filename']}"


def read(content: bytes) -> Any:
    """Read a VOTable strictly, but for the three old words that Simple Cone Search wants in a new VOTable."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        document = parse(io.BytesIO(content), verify="warn")
    told = [str(one.message) for one in found]
    assert not [text for text in told if not re.search(rf"W06: Invalid UCD '({'|'.join(OLD_WORDS)})'", text)]
    return document


def links(client: TestClient, *identifiers: str) -> list[dict[str, Any]]:
    answer = client.get("/vo/datalink", params=[("ID", one) for one in identifiers])
    assert answer.status_code == 200
    table = read(answer.content).get_first_table().to_table()
    return [{name: None if np.ma.is_masked(row[name]) else row[name] for name in table.colnames} for row in table]


# --- cone search


@pytest.mark.parametrize("verbosity", [1, 2, 3])
def test_a_cone_search_returns_the_rows_around_the_place(
    client: TestClient, curves: list[dict[str, Any]], verbosity: int
) -> None:
    answer = client.get("/vo/scs", params={**FIELD, "VERB": str(verbosity)})
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/xml")
    document = read(answer.content)
    assert [one.value for one in document.resources[0].infos if one.name == "QUERY_STATUS"] == ["OK"]
    table = document.get_first_table().to_table()
    middle = SkyCoord(150, 2, unit="deg")
    inside = [
        one
        for one in curves
        if one["ra_deg"] is not None
        and SkyCoord(one["ra_deg"], one["dec_deg"], unit="deg").separation(middle).deg < 0.1
    ]
    assert len(inside) > 100
    assert sorted(table["obs_publisher_did"]) == sorted(map(did, inside))
    address = f"http://testserver/api/v1/curves/{inside[0]['product_id']}/file"
    (row,) = table[table["obs_publisher_did"] == did(inside[0])]
    assert (row["access_url"], row["ra_deg"], row["dec_deg"]) == (address, inside[0]["ra_deg"], inside[0]["dec_deg"])
    assert len(table.colnames) == {1: 5, 2: 16, 3: 36}[verbosity]


def test_the_three_main_columns_have_the_words_that_the_standard_wants(client: TestClient) -> None:
    table = read(client.get("/vo/scs", params={**FIELD, "VERB": "3"}).content).get_first_table()
    ucds = {field.name: field.ucd for field in table.fields}
    assert (ucds["obs_publisher_did"], ucds["ra_deg"], ucds["dec_deg"]) == (
        "ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN",
    )  # fmt: skip
    assert all(ucds.values())
    assert sum("MAIN" in ucd or "meta.main" in ucd for ucd in ucds.values()) == 3
    units = {field.name: str(field.unit or "") for field in table.fields}
    assert (units["ra_deg"], units["start_mjd"], units["exptime_s"], units["size_bytes"]) == ("deg", "d", "s", "byte")


@pytest.mark.parametrize("change", [{"SR": "0"}, {"MAXREC": "0"}])
def test_nothing_wanted_is_the_columns_alone(client: TestClient, change: dict[str, str]) -> None:
    table = read(client.get("/vo/scs", params={**FIELD, **change}).content).get_first_table()
    assert len(table.array) == 0
    assert len(table.fields) == 16


def test_names_of_parameters_are_in_any_case_and_others_are_ignored(client: TestClient) -> None:
    asked = {"ra": "150", "Dec": "2", "sr": "0.1", "colour": "red", "MaxRec": "7"}
    document = read(client.get("/vo/scs", params=asked).content)
    assert len(document.get_first_table().array) == 7
    assert [one.value for one in document.resources[0].infos] == ["OVERFLOW"]
    posted = client.post("/vo/scs", data=asked)
    assert len(read(posted.content).get_first_table().array) == 7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"RA": None}, "RA is missing"),
        ({"SR": ""}, "SR is missing"),
        ({"RA": "as3f"}, "'as3f' is not a number"),
        ({"RA": "nan"}, "is not a number"),
        ({"SR": "1_0"}, "is not a number"),
        ({"SR": "inf"}, "is not a number"),
        ({"SR": "1e999"}, "out of range"),
        ({"DEC": "91.0"}, "out of range"),
        ({"RA": "-0.001"}, "out of range"),
        ({"SR": "180.5"}, "out of range"),
        ({"VERB": "4"}, "VERB"),
        ({"MAXREC": "-1"}, "MAXREC"),
        ({"RESPONSEFORMAT": "<xml>"}, "RESPONSEFORMAT"),
        ({"RA": ["1", "2"]}, "RA is given 2 times"),
    ],
)
def test_an_error_is_a_votable_with_an_info(client: TestClient, change: dict[str, Any], said: str) -> None:
    asked = {name: value for name, value in {**FIELD, **change}.items() if value is not None}
    answer = client.get("/vo/scs", params=asked)
    assert answer.status_code == 200
    document = read(answer.content)
    (info,) = document.infos
    assert info.name == "Error"
    assert said in info.value
    assert not list(document.iter_tables())


@pytest.mark.parametrize(("form", "kind"), [("csv", "text/csv"), ("application/fits", "application/fits")])
def test_other_formats(client: TestClient, form: str, kind: str) -> None:
    answer = client.get("/vo/scs", params={**FIELD, "MAXREC": "5", "RESPONSEFORMAT": form})
    assert answer.headers["content-type"].partition(";")[0] == kind
    table = QTable.read(io.BytesIO(answer.content), format="fits" if "fits" in form else "ascii.csv")
    assert len(table) == 5


def test_the_whole_sky_is_all_that_has_a_place(client: TestClient, curves: list[dict[str, Any]]) -> None:
    table = read(client.get("/vo/scs?RA=0&DEC=90&SR=180&VERB=1").content).get_first_table()
    assert len(table.array) == sum(one["ra_deg"] is not None for one in curves)


def test_the_server_has_a_limit_of_its_own_and_says_so(client: TestClient, site_settings: Settings) -> None:
    site = client.app.state.site  # type: ignore[attr-defined]
    section = site_settings.web.model_copy(update={"most_rows": 6})
    object.__setattr__(site, "settings", site_settings.model_copy(update={"web": section}))
    document = read(client.get("/vo/scs", params={**FIELD, "MAXREC": "50"}).content)
    assert len(document.get_first_table().array) == 6
    assert [one.value for one in document.resources[0].infos] == ["OVERFLOW"]
    assert b"<maxRecords>6</maxRecords>" in client.get("/vo/capabilities").content


def test_addresses_are_under_the_configured_name_and_never_under_a_hostile_one(
    client: TestClient, site_settings: Settings
) -> None:
    for host in ('a"><script>.example', "a b", "x/../y", "[::1", "http://evil"):
        answer = client.get("/vo/datalink?ID=1", headers={"host": host})
        assert answer.status_code == 400 or host.encode() not in answer.content
    site = client.app.state.site  # type: ignore[attr-defined]
    section = site.settings.web.model_copy(update={"base_url": "https://curves.example.org"})
    object.__setattr__(site, "settings", site_settings.model_copy(update={"web": section}))
    assert b"https://curves.example.org/vo/datalink" in client.get("/vo/scs?RA=0&DEC=0&SR=0").content
    assert b"testserver" not in client.get("/vo/capabilities").content


# --- DataLink


def test_links_of_an_individual_curve_and_of_a_composite(client: TestClient, curves: list[dict[str, Any]]) -> None:
    composite = next(one for one in curves if one["kind"] == "composite")
    found = links(client, did(composite))
    assert {one["semantics"] for one in found} <= CORE
    (this,) = (one for one in found if one["semantics"] == "#this")
    assert this["access_url"] == f"http://testserver/api/v1/curves/{composite['product_id']}/file"
    assert (this["content_type"], this["content_length"]) == ("application/fits", composite["size_bytes"])
    members = [one for one in found if one["semantics"] == "#progenitor"]
    assert members
    member = re.search(r"/curves/(\d+)/file", members[0]["access_url"])
    assert member
    back = links(client, member[1])
    derived = [one["access_url"] for one in back if one["semantics"] == "#derivation"]
    assert derived == [this["access_url"]]
    assert {one["ID"] for one in back} == {member[1]}


def test_every_row_has_exactly_one_of_address_service_and_error(
    client: TestClient, curves: list[dict[str, Any]]
) -> None:
    found = links(client, did(curves[0]), "nope", curves[1]["filename"], "ivo://hstlc/hst?none.fits", "99999999")
    for one in found:
        assert sum(bool(one[name]) for name in ("access_url", "service_def", "error_message")) == 1
        assert one["semantics"]
    errors = {one["ID"]: one["error_message"] for one in found if one["error_message"]}
    assert set(errors) == {"nope", "ivo://hstlc/hst?none.fits", "99999999"}
    assert all(text.startswith("NotFoundFault: ") for text in errors.values())
    order = [one["ID"] for one in found]
    assert [name for i, name in enumerate(order) if i == 0 or order[i - 1] != name] == list(dict.fromkeys(order))


def test_what_is_linked_is_there(client: TestClient, curves: list[dict[str, Any]]) -> None:
    lead = next(one for one in curves if one["kind"] == "composite" and one["mission"] == "hst")
    found = links(client, did(lead))
    assert {one["semantics"] for one in found} == CORE - {"#derivation"}
    for one in found:
        if one["access_url"]:
            answer = client.get(one["access_url"].removeprefix("http://testserver"))
            assert answer.status_code == 200, one["access_url"]
            assert answer.headers["content-type"].partition(";")[0] == one["content_type"]
            if one["content_length"]:
                assert len(answer.content) == one["content_length"]


def test_the_media_type_and_standard_of_links(client: TestClient) -> None:
    answer = client.get("/vo/datalink")
    assert answer.headers["content-type"] == "application/x-votable+xml;content=datalink"
    document = read(answer.content)
    infos = {one.name: one.value for one in document.resources[0].infos}
    assert infos == {"QUERY_STATUS": "OK", "standardID": "ivo://ivoa.net/std/DataLink#links-1.1"}
    assert len(document.get_first_table().array) == 0
    assert [one.utype for one in document.resources[1:]] == ["adhoc:this"]
    names = [field.name for field in document.get_first_table().fields]
    assert names[:4] == ["ID", "access_url", "service_def", "error_message"]
    assert names[4:8] == ["description", "semantics", "content_type", "content_length"]
    other = client.get("/vo/datalink?ID=1&RESPONSEFORMAT=votable")
    assert other.headers["content-type"] == "application/x-votable+xml"
    assert client.get("/vo/datalink?ID=x&RESPONSEFORMAT=csv").headers["content-type"].startswith("text/csv")


def test_more_identifiers_than_one_answer_has(client: TestClient) -> None:
    answer = client.post("/vo/datalink", data={"ID": [f"name {i}" for i in range(150)]})
    document = read(answer.content)
    assert len(document.get_first_table().array) == 100
    assert document.resources[0].infos[0].value == "OVERFLOW"


@pytest.mark.parametrize(
    "name", ["\x01", "a\u0007b", "ivo://hstlc/", "'; DROP TABLE light_curve", "\u202e", "\u661f", "%"]
)
def test_odd_identifiers_are_not_found(client: TestClient, name: str) -> None:
    (row,) = links(client, name)
    assert row["error_message"].startswith("NotFoundFault")


@pytest.mark.parametrize("body", [b"ID=" + b"&ID=".join([b"x"] * 3000), b"{}"])
def test_a_form_that_is_none_is_a_usage_fault(client: TestClient, body: bytes) -> None:
    kind = "application/json" if body == b"{}" else "application/x-www-form-urlencoded"
    answer = client.post("/vo/datalink", content=body, headers={"content-type": kind})
    assert answer.status_code == 400


# --- VOSI


def test_capabilities_say_what_there_is(client: TestClient) -> None:
    answer = client.get("/vo/capabilities")
    assert answer.headers["content-type"].startswith("text/xml")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "{http://www.ivoa.net/xml/VOSICapabilities/v1.0}capabilities"
    found = {one.get("standardID"): one for one in root}
    assert list(found) == [
        *(f"ivo://ivoa.net/std/VOSI#{name}" for name in ("capabilities", "availability", "tables")),
        "ivo://ivoa.net/std/ConeSearch",
        "ivo://ivoa.net/std/DataLink#links-1.1",
    ]
    for one in found.values():
        address = one.findtext("interface/accessURL") or ""
        assert address.startswith("http://testserver/vo/")
        assert client.get(address.removeprefix("http://testserver")).status_code == 200
    cone = found["ivo://ivoa.net/std/ConeSearch"]
    test = {name: cone.findtext(f"testQuery/{name}") for name in ("ra", "dec", "sr")}
    assert len(read(client.get("/vo/scs", params=test).content).get_first_table().array) > 0


def test_availability_and_tables(client: TestClient, site_home: Path) -> None:
    space = "{http://www.ivoa.net/xml/VOSIAvailability/v1.0}"
    root = ElementTree.fromstring(client.get("/vo/availability").content)
    assert root.findtext(f"{space}available") == "true"
    columns = [one.findtext("name") for one in ElementTree.fromstring(client.get("/vo/tables").content).iter("column")]
    fields = read(client.get("/vo/scs", params={**FIELD, "SR": "0", "VERB": "3"}).content).get_first_table().fields
    assert columns == [field.name for field in fields]
    (site_home / "hstlc.db").rename(site_home / "away.db")
    root = ElementTree.fromstring(client.get("/vo/availability").content)
    assert root.findtext(f"{space}available") == "false"
    assert str(site_home) not in (root.findtext(f"{space}note") or "no note")


# --- the clients


@pytest.mark.usefixtures("pyvo_closed")
def test_pyvo_searches_and_follows_the_links(served: str) -> None:
    service = pyvo.dal.SCSService(f"{served}/vo/scs")
    assert {"obs_publisher_did", "ra_deg", "access_url"} <= {column.name for column in service.columns}
    assert "Light curves" in service.description
    found = service.search((150.0, 2.0), 0.1, verbosity=3, maxrec=100_000)
    assert len(found) > 100
    first = found[0]
    assert first.pos.separation(SkyCoord(150, 2, unit="deg")).deg < 0.1
    assert first.id.startswith("ivo://hstlc/")
    assert first.getdataurl().startswith(f"{served}/api/v1/curves/")

    several = pyvo.dal.conesearch(f"{served}/vo/scs", pos=(175.54622, 26.70657), radius=0.01)
    assert len(several) > 3
    by_id = {one.original_row["obs_publisher_did"]: one for one in several.iter_datalinks()}
    assert set(by_id) == {row["obs_publisher_did"] for row in several}
    direct = DatalinkResults.from_result_url(f"{served}/vo/datalink?ID={several[0]['filename']}")
    assert {one.semantics for one in direct} <= CORE
    (this,) = (one for one in direct if one.semantics == "#this")
    assert this.getdataset().read(9) == b"SIMPLE  ="


@pytest.mark.usefixtures("pyvo_closed")
def test_pyvo_asks_for_other_bins(served: str) -> None:
    found = pyvo.dal.conesearch(f"{served}/vo/scs", pos=(175.54622, 26.70657), radius=0.01)
    single = next(row for row in found if row["kind"] == "individual")
    direct = DatalinkResults.from_result_url(f"{served}/vo/datalink?ID={single['filename']}")
    proc = direct.get_first_proc()
    assert {"ID", "BIN", "ENERGY", "WAVELENGTH", "BACKGROUND"} <= {one.name for one in proc.input_params}
    table = read(proc.process(bin=20).read()).get_first_table().to_table()
    widths = table["time_right"] - table["time_left"]
    assert np.allclose(widths[:-1], 20.0)
    kept = read(proc.process(bin=20, background="keep").read()).get_first_table().to_table()
    assert (kept["counts"] == table["gross"]).all()


@pytest.mark.usefixtures("pyvo_closed")
def test_pyvo_tells_what_is_wrong(served: str) -> None:
    with pytest.raises(pyvo.dal.DALQueryError, match="out of range"):
        pyvo.dal.conesearch(f"{served}/vo/scs", pos=(0.0, 0.0), radius=200.0)


def test_names_of_the_parameters_of_other_bins_are_in_any_case(client: TestClient) -> None:
    for names in (("ID", "BIN", "FORMAT"), ("id", "bin", "format"), ("Id", "Bin", "fOrmat")):
        asked = dict(zip(names, ("ls0000a1q_curve.fits", "25", "json"), strict=True))
        answer = client.get("/vo/bins", params=asked, follow_redirects=True)
        assert answer.json()["meta"]["bin_width_s"] == 25.0
    wrong: list[tuple[dict[str, Any], int, str]] = [
        ({"BIN": "1"}, 400, "UsageFault"),
        ({"ID": ["a", "b"]}, 400, "UsageFault"),
        ({"ID": "no"}, 404, "NotFoundFault"),
        ({"ID": "\x01"}, 404, "NotFoundFault"),
    ]
    for asked, status, said in wrong:
        answer = client.get("/vo/bins", params=asked)
        assert answer.status_code == status
        (info,) = read(answer.content).resources[0].infos
        assert (info.name, info.value) == ("QUERY_STATUS", "ERROR")
        assert str(info.content).startswith(said)


def test_astropy_reads_the_file_of_a_row(client: TestClient, curves: list[dict[str, Any]], tmp_path: Path) -> None:
    for kind in ("individual", "composite"):
        one = next(curve for curve in curves if curve["kind"] == kind)
        content = client.get(f"/api/v1/curves/{one['product_id']}/file").content
        path = tmp_path / one["filename"]
        path.write_bytes(content)
        table = QTable.read(path, format="fits", hdu="LIGHTCURVE")
        assert str(table["rate"].unit) == "ct / s"
        how = {"time_column": "mjd", "time_format": "mjd", "time_scale": "utc"}
        series = TimeSeries.read(path, format="fits", hdu="LIGHTCURVE", **how)
        assert len(series) == len(table) > 0
        assert np.allclose(series.time.mjd, table["mjd"].value)
        assert np.array_equal(series["rate"].value, table["rate"].value, equal_nan=True)


@pytest.mark.parametrize(
    "address",
    [
        *(f"/vo/scs?RA=150&DEC=2&SR=0.1&VERB={verbosity}" for verbosity in (1, 2, 3)),
        *("/vo/scs?RA=150&DEC=2&SR=0", "/vo/scs?RA=150&DEC=2&SR=0.1&MAXREC=2", "/vo/scs?RA=x"),
        *("/vo/datalink", "/vo/datalink?ID=1&ID=11&ID=300", "/vo/datalink?ID=&ID=1&RESPONSEFORMAT=no"),
        *("/api/v1/targets?format=votable", "/api/v1/targets?ra=150&dec=2&radius=180&format=votable"),
        "/api/v1/targets/SIM-FIELD?format=votable",
        *("/api/v1/curves?limit=50&format=votable", "/api/v1/curves/ls0000a1q_curve.fits/data?bin=20&format=votable"),
        "/api/v1/curves/ls0000a1q_curve.fits/data?fold=60&format=votable",
        *(f"/api/v1/{book}?format=votable" for book in ("candidates", "findings", "bad-data", "runs", "notices")),
        *(f"/api/v1/{what}?format=votable" for what in ("missions", "columns")),
    ],
)
def test_stilts_finds_nothing_to_say(client: TestClient, stilts: Stilts, tmp_path: Path, address: str) -> None:
    document = tmp_path / "answer.xml"
    document.write_bytes(client.get(address).content)
    assert stilts("votlint", str(document)) == ""
    read(document.read_bytes())


def test_stilts_finds_no_error_in_links(client: TestClient, stilts: Stilts, tmp_path: Path) -> None:
    document = tmp_path / "links.xml"
    document.write_bytes(client.get("/vo/datalink?ID=11&ID=300&ID=nope").content)
    said = stilts("datalinklint", f"votable={document}").splitlines()
    # its own list of words, which it uses without a network, is older than #documentation
    wrong = [line for line in said if re.match("[EW]-", line) and "Unknown predicate 'documentation'" not in line]
    assert not wrong
    assert any("Datalink table rows checked" in line for line in said)


def test_stilts_searches_and_copies(served: str, stilts: Stilts, tmp_path: Path) -> None:
    query = ("lon=150", "lat=2", "radius=0.1", "verb=1")
    stilts("cone", f"serviceurl={served}/vo/scs", *query, f"out={tmp_path / 'cone.fits'}")
    found = QTable.read(tmp_path / "cone.fits")
    assert {"obs_publisher_did", "access_url"} <= set(found.colnames)
    curve = tmp_path / "curve.fits"
    stilts("tcopy", f"in={found['access_url'][0]}#LIGHTCURVE", "ifmt=fits", f"out={curve}")
    assert "rate" in QTable.read(curve).colnames


def test_the_view_tells_the_wavelengths_of_every_mission(site_settings: Settings) -> None:
    query = "SELECT obs_collection, em_band, em_min, em_max FROM obscore WHERE calib_level = 3"
    rows = rows_of(site_settings, text(query))
    seen = {(row["obs_collection"], row["em_band"]): (row["em_min"], row["em_max"]) for row in rows}
    edges = [(energy * u.keV).to_value(u.m, u.spectral()) for energy in (7.0, 0.5)]
    for key in (("CHANDRA", "broad"), ("XMM", "pn_broad")):
        assert seen[key] == pytest.approx(tuple(edges), rel=1e-12)
    spectra = [(row["em_min"], row["em_max"]) for row in rows if row["obs_collection"] == "HST" and row["em_min"]]
    assert spectra
    assert all(1100e-10 < low < high < 3200e-10 for low, high in spectra)
