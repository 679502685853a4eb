"""Light curves in other bins by their addresses."""

import io
import math

import numpy as np
import pytest
from astropy.io import fits, votable
from astropy.table import Table
from starlette.testclient import TestClient

from hstlc.config import Settings
from hstlc.db.engine import make_engine, reading
from hstlc.db.records import LIGHT_CURVES
from hstlc.formats.curve_fits import read_light_curve


def curves_of(settings: Settings, **wanted):
    """Return the rows of the light curves with some columns, in order of name."""
    engine = make_engine(settings.db_connection_string)
    with reading(engine) as connection:
        rows = connection.execute(LIGHT_CURVES.select().order_by(LIGHT_CURVES.c.filename)).mappings().all()
    engine.dispose()
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def data_of(client: TestClient, name: str, status: int = 200, **parameters):
    answer = client.get(f"/api/v1/curves/{name}/data", params=parameters)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def hst(site_settings):
    return curves_of(site_settings, kind="individual", mission="hst")[0]["filename"]


@pytest.fixture
def source(site_settings):
    return curves_of(site_settings, kind="individual", mission="chandra", band="broad")[0]["filename"]


def test_the_default_is_the_stored_light_curve(client, site_settings, hst, source):
    for name in (hst, source):
        (row,) = curves_of(site_settings, filename=name)
        stored = read_light_curve(site_settings.layout.resolve(row["path"]) / name)
        found = data_of(client, name)
        assert found["bins"] == len(stored)
        for ours, theirs in (("gross", "gross"), ("counts", "counts"), ("rate", "rate"), ("time_left", "times")):
            values = np.array([math.nan if value is None else value for value in found["data"][ours]])
            np.testing.assert_array_equal(values, stored[theirs])
        assert found["meta"]["binning"] == "stored"
        assert set(found["columns"]) == set(found["data"])


def test_wider_bins_hold_the_same_counts(client, hst):
    stored, wider = data_of(client, hst), data_of(client, hst, bin=20)
    assert wider["summary"]["counts"] == pytest.approx(stored["summary"]["counts"], rel=1e-9)
    assert wider["summary"]["exposure_s"] == pytest.approx(stored["summary"]["exposure_s"], abs=1e-6)
    assert wider["bins"] < stored["bins"]
    assert wider["meta"]["bin_width_s"] == 20
    assert wider["events"] > 0


def test_every_bin_has_the_least_counts(client, hst):
    total = data_of(client, hst)["summary"]["counts"]
    least = int(total / 10)
    found = data_of(client, hst, counts=least)
    assert 5 <= found["bins"] <= 10
    assert found["summary"]["counts"] == pytest.approx(total, rel=1e-9)
    assert min(found["data"]["gross"]) >= least


def test_blocks_of_a_constant_source_are_few(client, source):
    found = data_of(client, source, blocks=0.01)
    assert 1 <= found["bins"] < data_of(client, source)["bins"]
    assert found["meta"] | {"p0": 0.01, "binning": "blocks"} == found["meta"]


def test_an_energy_band_holds_fewer_counts(client, source):
    whole, part = data_of(client, source, bin=500), data_of(client, source, bin=500, energy="0.5,1.5")
    assert 0 < part["summary"]["counts"] < whole["summary"]["counts"]
    rest = data_of(client, source, bin=500, energy="1.5,7")
    assert part["summary"]["counts"] + rest["summary"]["counts"] == whole["summary"]["counts"]
    assert part["meta"]["selection"] == "0.5 keV .. 1.5 keV"
    named = data_of(client, source, band="soft")
    assert named["meta"]["band"] == "soft"
    assert named["name"] == source
    bands = {one["name"]: (one["low"], one["high"], one["unit"]) for one in named["meta"]["bands"]}
    assert bands["soft"] == (0.5, 1.2, "keV")
    assert bands["broad"] == (0.5, 7.0, "keV")


def test_background_can_be_kept(client, source):
    kept, less = data_of(client, source, background="keep"), data_of(client, source)
    assert kept["data"]["counts"] == kept["data"]["gross"] == less["data"]["gross"]
    assert kept["data"]["counts"] != less["data"]["counts"]


def test_times_at_the_barycenter(client, hst):
    found, utc = data_of(client, hst, time="tdb"), data_of(client, hst)
    day = np.array(found["data"]["mjd"]) - np.array(utc["data"]["mjd"])
    assert np.all(np.abs(day) * 86400 < 600 + 70)
    assert found["meta"]["reference_bjd_tdb"] > 2_400_000
    width = np.array(found["data"]["time_right"]) - np.array(found["data"]["time_left"])
    np.testing.assert_allclose(width, np.array(utc["data"]["time_right"]) - np.array(utc["data"]["time_left"]))


def test_folding_keeps_counts_and_live_time(client, source):
    folded, stored = data_of(client, source, fold=1234.5, phase_bins=8), data_of(client, source)
    assert folded["bins"] == 8
    assert list(folded["data"])[:3] == ["phase", "phase_left", "phase_right"]
    for name in ("counts", "exposure_s"):
        assert folded["summary"][name] == pytest.approx(stored["summary"][name], rel=1e-9)
    assert sum(folded["data"]["gross"]) == pytest.approx(stored["summary"]["counts"], rel=1e-9)


def test_a_table_has_the_name_of_the_file_whatever_it_was_asked_by(client, site_settings, source):
    (number,) = (row["product_id"] for row in curves_of(site_settings, filename=source))
    answer = client.get(f"/api/v1/curves/{number}/data", params={"format": "votable"})
    found = votable.parse(io.BytesIO(answer.content)).get_first_table()
    assert found.name == f"{source.removesuffix('.fits')}_shown"
    assert found.ID.removeprefix("_")[:8] == found.name[:8]


def test_a_stretch_of_time(client, hst):
    stop = data_of(client, hst)["meta"]["stop_s"]
    found = data_of(client, hst, start=stop / 4, stop=stop / 2)
    assert min(found["data"]["time"]) >= stop / 4
    assert max(found["data"]["time"]) < stop / 2


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"bin": 0}, "usage.bin-width"),
        ({"bin": -1}, "usage.bin-width"),
        ({"bin": 1e-9}, "usage.bin-width"),
        ({"bin": 10, "counts": 5}, "usage.bin-width"),
        ({"counts": 0}, "usage.bin-width"),
        ({"blocks": 1.5}, "usage.bin-width"),
        ({"energy": "2,1"}, "usage.band"),
        ({"energy": "nan,1"}, "usage.band"),
        ({"energy": "0.5"}, "usage.band"),
        ({"wavelength": "1150,1300"}, "usage.band"),
        ({"band": "nothing"}, "usage.band"),
        ({"band": "x_soft"}, "usage.band"),
        ({"energy": "900,901"}, "usage.band"),
        ({"start": 5, "stop": 4}, "usage.time-range"),
        ({"start": 1e12}, "usage.time-range"),
        ({"fold": 0}, "usage.fold"),
        ({"fold": 0.001}, "usage.fold"),
        ({"fold": 100, "phase_bins": 1}, "usage.fold"),
        ({"bin": "nan"}, "web.bad-parameter"),
        ({"view": "a b"}, "web.bad-parameter"),
        ({"format": "exe"}, "web.bad-parameter"),
    ],
)
def test_what_cannot_be_made_is_told(client, source, parameters, code):
    answer = client.get(f"/api/v1/curves/{source}/data", params=parameters)
    assert answer.json()["code"] == code
    assert answer.status_code == (422 if code == "web.bad-parameter" else 400)
    assert answer.json()["hint"]
    assert str(answer.text).find("/tmp") < 0


def test_too_many_bins_are_refused(client, site_settings, hst):
    found = data_of(client, hst)
    assert found["meta"]["finest_s"] == 0.032
    answer = client.get(f"/api/v1/curves/{hst}/data", params={"bin": 0.0319})
    assert "0.032" in answer.json()["hint"]


def test_unknown_names(client):
    for name in ("nothing.fits", "999999", "..%2f..%2fetc%2fpasswd"):
        for what in ("data", "periodogram", "stamp", "provenance", "snippet", "plot.svg"):
            assert client.get(f"/api/v1/curves/{name}/{what}").status_code == 404


def test_periodogram(client, hst):
    found = client.get(f"/api/v1/curves/{hst}/periodogram").json()
    assert len(found["frequency_hz"]) == len(found["power"]) > 10
    assert set(found["false_alarm_levels"]) == {"0.1", "0.01", "0.001"}
    powers = [peak["power"] for peak in found["peaks"]]
    assert powers == sorted(powers, reverse=True)
    assert found["peaks"][0]["period_s"] == pytest.approx(1 / found["peaks"][0]["frequency_hz"])
    short = client.get(f"/api/v1/curves/{hst}/periodogram", params={"start": 0, "stop": 3, "bin": 1}).json()
    assert short["peaks"] == []
    assert short["note"]
    shorter = client.get(f"/api/v1/curves/{hst}/periodogram", params={"start": 0.1, "stop": 0.2})
    assert (shorter.status_code, shorter.json()["peaks"]) == (200, [])
    assert shorter.json()["note"] == "the stretch is shorter than a bin"


def test_stamps(client, source, hst):
    found = client.get(f"/api/v1/curves/{source}/stamp").json()
    assert np.array(found["sky"]["counts"]).sum() > 0
    assert found["detector"] is not None
    stop = data_of(client, source)["meta"]["stop_s"]
    part = client.get(f"/api/v1/curves/{source}/stamp", params={"start": 0, "stop": stop / 2}).json()
    assert np.array(part["sky"]["counts"]).shape == np.array(found["sky"]["counts"]).shape
    assert 0 < np.array(part["sky"]["counts"]).sum() < np.array(found["sky"]["counts"]).sum()
    whole = client.get(f"/api/v1/curves/{hst}/stamp").json()
    assert whole["sky"] is None
    assert np.array(whole["detector"]["counts"]).sum() > 0


def test_provenance(client, site_settings, hst):
    found = client.get(f"/api/v1/curves/{hst}/provenance").json()
    assert found["files"][0]["sha256"]
    assert found["settings"]["bin_width_s"] > 0
    assert "path" not in str(found)
    composite = curves_of(site_settings, kind="composite", mission="hst")[0]
    found = client.get(f"/api/v1/curves/{composite['filename']}/provenance").json()
    assert len(found["members"]) >= composite["exposures"]


def test_other_formats_hold_the_same(client, hst):
    rates = data_of(client, hst, bin=30)["data"]["rate"]
    csv = client.get(f"/api/v1/curves/{hst}/data", params={"bin": 30, "format": "csv"})
    assert "attachment" in csv.headers["content-disposition"]
    table = Table.read(io.BytesIO(csv.content), format="ascii.csv")
    np.testing.assert_allclose(np.ma.filled(table["rate"].astype(float), np.nan), np.array(rates, dtype=float))
    votable = client.get(f"/api/v1/curves/{hst}/data", params={"bin": 30, "format": "votable"})
    assert len(Table.read(io.BytesIO(votable.content), format="votable")) == len(rates)
    product = client.get(f"/api/v1/curves/{hst}/data", params={"bin": 30, "format": "fits"})
    with fits.open(io.BytesIO(product.content), checksum=True) as hdus:
        assert hdus["LIGHTCURVE"].header["STEPSIZE"] == 30 or hdus[0].header["STEPSIZE"] == 30
        np.testing.assert_array_equal(hdus["LIGHTCURVE"].data["rate"], np.array(rates, dtype=float))
        assert len(hdus["PROVENANCE"].data)
    folded = client.get(f"/api/v1/curves/{hst}/data", params={"fold": 30, "format": "fits"})
    assert len(Table.read(io.BytesIO(folded.content))) == 20


def test_the_same_answer_is_not_made_twice(client, hst):
    first = client.get(f"/api/v1/curves/{hst}/data", params={"bin": 30})
    again = client.get(
        f"/api/v1/curves/{hst}/data", params={"bin": 30}, headers={"if-none-match": first.headers["etag"]}
    )
    assert again.status_code == 304
    other = client.get(
        f"/api/v1/curves/{hst}/data", params={"bin": 31}, headers={"if-none-match": first.headers["etag"]}
    )
    assert other.status_code == 200


def test_the_call_of_the_old_server(client, site_settings):
    row = curves_of(site_settings, kind="individual", mission="chandra", band="broad")[0]
    asked = {"sourceName": row["source_name"], "observationID": row["rootname"], "instrument": row["instrume"]}
    answer = client.post("/recalculate", json={**asked, "newBinsize": 1000}).json()
    values = answer["newData"]
    assert values[0] == row["instrume"]
    assert values[10] == data_of(client, row["filename"], bin=1000)["summary"]["counts"]
    picture = client.get(answer["newPlotPath"])
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert picture.headers["etag"]
    for size in (0, -5, "x", None, "nan", 1e-9):
        refused = client.post("/recalculate", json={**asked, "newBinsize": size})
        assert refused.status_code == 400
        assert "Invalid Binsize!" in refused.json()["title"]
    assert client.post("/recalculate", json={**asked, "sourceName": "none", "newBinsize": 5}).status_code == 404


def test_the_call_of_the_old_server_for_every_mission(client, site_settings):
    for mission in ("hst", "xmm", "chandra"):
        row = curves_of(site_settings, kind="individual", mission=mission)[-1]
        name = row["source_name"] or row["targname"]
        asked = {"sourceName": name, "observationID": row["rootname"], "instrument": "", "newBinsize": 500}
        answer = client.post("/recalculate", json=asked)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["newData"]) == 13
