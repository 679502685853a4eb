"""``hstlc extract`` and the notebook's ``light_curve``: light curves of files, without a store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from store_state import footprint

import hstlc as api
from hstlc.errors import UsageError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.store.digest import sha256_file
from hstlc.testing.archive.xray_files import (
    ChandraExposure,
    EpicExposure,
    chandra_events,
    csc_region,
    epic_events,
    epic_source_list,
)
from hstlc.testing.cos import CosExposure, Scene, write_exposure

Run = Callable[..., Result]

TITLES = ["exposure", "source", "band", "counts", "background", "live", "time", "(s)", "net", "rate", "(ct/s)", "G-L"]


@pytest.fixture(scope="module")
def spectra(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good exposure of two segments, one that is rejected, and a file that is none."""
    folder = tmp_path_factory.mktemp("spectra")
    write_exposure(folder, CosExposure(rootname="lsim01aaq", segments=("A", "B"), exptime_s=60.0), Scene(20.0, 1.0))
    write_exposure(folder, CosExposure(rootname="lbad01aaq", expflag="FAILED", exptime_s=60.0), Scene(20.0, 1.0))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- a mission without sources


def test_an_exposure_becomes_a_file_and_a_line_of_a_table(hstlc: Run, spectra: Path, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("HSTLC_HOME_DIR")  # no store, no configuration
    before = footprint(spectra)
    result = hstlc("extract", spectra / "lsim01aaq_corrtag_a.fits", "--output", tmp_path / "new" / "curves")
    assert result.exit_code == 0, result.output
    title, row, said = result.stdout.splitlines()
    assert title.split()[:-1] == TITLES
    assert row.split()[:3] == ["lsim01aaq", "(all)", "(all)"]
    assert said == f"1 light curve in {tmp_path / 'new' / 'curves'}"
    curve = read_light_curve(tmp_path / "new" / "curves" / "lsim01aaq_curve.fits")
    assert float(row.split()[3]) == pytest.approx(curve["gross"].sum(), rel=1e-5)
    assert float(row.split()[5]) == 60.0
    assert float(row.split()[6]) == pytest.approx(41.0, rel=0.1)  # two segments of 20 * 1.025
    assert float(row.split()[8]) == pytest.approx(np.sqrt(curve["variance"].sum()) / 60.0, rel=0.02)
    assert [one["kind"] for one in curve.provenance] == ["corrtag_a", "corrtag_b", "x1d"]
    assert footprint(spectra) == before


def test_it_is_the_file_that_an_ingest_makes(hstlc: Run, spectra: Path, home: Path, tmp_path: Path):
    assert hstlc("extract", spectra / "lsim01aaq_corrtag_a.fits", "--output", tmp_path / "own").exit_code == 0
    assert hstlc("ingest", spectra).exit_code == 0
    (stored,) = (home / "outputs").rglob("lsim01aaq_curve.fits")
    assert sha256_file(tmp_path / "own" / "lsim01aaq_curve.fits") == sha256_file(stored)


def test_nothing_is_overwritten_unless_that_is_wanted(hstlc: Run, spectra: Path, tmp_path: Path):
    path, out = spectra / "lsim01aaq_corrtag_a.fits", tmp_path / "out" / "lsim01aaq_curve.fits"
    assert hstlc("extract", path, "--output", tmp_path / "out", "--bin-width", "5").exit_code == 0
    first = sha256_file(out)
    assert hstlc("extract", path, "--output", tmp_path / "out", "--bin-width", "5 s").exit_code == 0  # the same content
    other = hstlc("extract", path, "--output", tmp_path / "out", "--bin-width", "0.1 min")
    assert other.exit_code == 4
    assert str(out) in other.stderr
    assert "--overwrite" in other.stderr
    assert sha256_file(out) == first
    assert hstlc("extract", path, "--output", tmp_path / "out", "--bin-width", "0.1 min", "--overwrite").exit_code == 0
    assert set(read_light_curve(out)["bins"]) == {6.0}
    assert names(tmp_path / "out") == ["lsim01aaq_curve.fits"]


def test_one_that_is_rejected_or_no_event_list_does_not_stop_the_others(hstlc: Run, spectra: Path, tmp_path: Path):
    result = hstlc("extract", spectra, "--output", tmp_path / "out")
    assert result.exit_code == 3
    assert names(tmp_path / "out") == ["lsim01aaq_curve.fits"]
    assert "lbad01aaq: rejected, Bad EXPFLAG: EXPFLAG is 'FAILED', expected NORMAL" in result.stderr
    notes = tmp_path / "notes.fits"
    notes.write_text("no FITS")
    result = hstlc("extract", notes, spectra / "lsim01aaq_corrtag_b.fits", "--output", tmp_path / "b")
    assert result.exit_code == 4
    assert names(tmp_path / "b") == ["lsim01aaq_curve.fits"]
    assert "notes.fits" in result.stderr


def test_a_spectrum_alone_makes_no_light_curve(hstlc: Run, spectra: Path, tmp_path: Path):
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "lsim01aaq_x1d.fits").write_bytes((spectra / "lsim01aaq_x1d.fits").read_bytes())
    result = hstlc("extract", alone, "--output", tmp_path / "out")
    assert result.exit_code == 4
    assert "expected the event list of exposure lsim01aaq beside it" in result.stderr


def test_wavelengths_are_for_those_who_measure_them(hstlc: Run, spectra: Path, tmp_path: Path):
    path = spectra / "lsim01aaq_corrtag_a.fits"
    result = hstlc("extract", path, "--output", tmp_path / "out", "--wavelength", "1250", "1300 Angstrom", "--json")
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["curves"]
    assert (row["exposure"], row["gl_index"], row["lead"]) == ("lsim01aaq", None, True)
    assert read_light_curve(Path(row["file"])).meta["WMIN"] >= 1250.0
    wrong = hstlc("extract", path, "--output", tmp_path / "out", "--energy", "0.5", "7")
    assert wrong.exit_code == 2
    assert "no option energy" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ra", "83"], "--ra and --dec belong together"),
        (["--dec", "-5"], "--ra and --dec belong together"),
        (["--radius", "5"], "--radius goes with --ra and --dec"),
        (["--ra", "83", "--dec", "-5", "--region", "circle(1,2,3)"], "both say where the source is"),
        (["--ra", "over there", "--dec", "-5"], "degrees are wanted"),
    ],
)
def test_a_wrong_place_is_a_usage_error(hstlc: Run, spectra: Path, arguments: list[str], said: str):
    result = hstlc("extract", spectra, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_a_path_that_is_not_there(hstlc: Run, tmp_path: Path):
    result = hstlc("extract", tmp_path / "nothing.fits")
    assert result.exit_code == 2
    assert "[usage.no-such-path]" in result.stderr
    assert str(tmp_path / "nothing.fits") in result.stderr


# --- a mission with sources


def test_every_source_has_its_files_and_lines(hstlc: Run, toy: Path, tmp_path: Path):
    result = hstlc("extract", toy / "toy_0002.fits", "--output", tmp_path / "out", "-v")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[1:4] for line in lines[1:5]] == [
        *(["TOY", source, band] for source in "AB" for band in ("broad", "hard")),
    ]
    assert lines[1][4:] == ["1600", "0", "800.0", "2", "+-", "0.05", "0"]
    assert len(names(tmp_path / "out")) == 4
    assert "flag Faint source: TOY FAINT: fewer counts than 10" in result.stdout
    assert sum(line.startswith("wrote ") for line in result.stdout.splitlines()) == 4


def test_one_source_by_name_or_by_place(hstlc: Run, toy: Path, tmp_path: Path):
    path = toy / "toy_0001.fits"
    named = json.loads(hstlc("extract", path, "--output", tmp_path / "out", "--source", "TOY B", "--json").stdout)
    assert {(row["source"], row["counts"]) for row in named["curves"] if row["lead"]} == {("TOY B", 400.0)}
    for ra, dec in (("83.0", "-4.966666666"), ("5:32:00", "-4:58:00"), ("5h32m0s", "-4d58m0s")):
        arguments = ("--ra", ra, "--dec", dec, "--radius", "8", "--energy", "2", "8 keV")
        result = hstlc("extract", path, "--output", tmp_path / ra, *arguments, "--json")
        assert result.exit_code == 0, result.output
        (row,) = json.loads(result.stdout)["curves"]
        (hard,) = (one for one in named["curves"] if one["band"] == "hard")
        assert (row["counts"], row["band"]) == (hard["counts"], "asked")
        assert (row["rate_low_ct_s"] < row["rate_ct_s"] < row["rate_high_ct_s"], row["gl_index"]) == (True, 0)
    wrong = hstlc("extract", path, "--output", tmp_path / "out", "--source", "TOY C")
    assert wrong.exit_code == 4
    assert "there is no source 'TOY C'" in wrong.stderr


def test_where_nothing_is_the_limits_are_those_of_few_counts(hstlc: Run, toy: Path, tmp_path: Path):
    place = ("--ra", "83.05", "--dec", "-5.0", "--radius", "5")
    result = hstlc("extract", toy / "toy_0001.fits", "--output", tmp_path / "out", *place, "--json")
    rows = json.loads(result.stdout)["curves"]
    assert [(row["counts"], row["rate_ct_s"]) for row in rows] == [(0.0, 0.0), (0.0, 0.0)]
    assert rows[0]["rate_low_ct_s"] == 0.0
    assert rows[0]["rate_high_ct_s"] == pytest.approx(1.1478 / 800.0, rel=0.01)  # -ln(1 - 0.6827) without background


def test_a_notebook_says_which_sources_there_are(toy: Path):
    path = toy / "toy_0001.fits"
    with pytest.raises(UsageError) as caught:
        api.light_curve(path)
    assert caught.value.code == "usage.bad-option"
    assert "TOY A, TOY B" in caught.value.message
    with pytest.raises(UsageError) as caught:
        api.light_curve(path, source="TOY C")
    assert "TOY A, TOY B" in caught.value.hint
    for band, found in ((None, "broad"), ("hard", "hard"), ("broad", "broad")):
        assert api.light_curve(path, source="TOY A", band=band).meta["BAND"] == found
    placed = api.light_curve(path, ra=83.0, dec=-5.0, radius=8.0)
    assert placed["source_events"].sum() == 1600.0


# --- the missions that are there


def test_exposures_of_several_missions_are_done_at_once(hstlc: Run, spectra: Path, tmp_path: Path):
    given = tmp_path / "given"
    given.mkdir()
    shutil.copy(spectra / "lsim01aaq_corrtag_a.fits", given)
    camera, region = EpicExposure("PN", "S", 3), ChandraExposure(7999, region=35)
    (given / camera.filename("0884250101")).write_bytes(epic_events("0884250101", camera))
    (given / "sources.FTZ").write_bytes(epic_source_list("0884250101"))
    (given / "events.fits.gz").write_bytes(chandra_events(region))
    (given / "region.fits.gz").write_bytes(csc_region(region))
    result = hstlc("extract", given, "--output", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["failed"] == []
    leads = [row for row in told["curves"] if row["lead"]]
    assert [(row["exposure"], row["band"]) for row in leads] == [
        *[("acisf07999_000_r0035", "broad"), ("lsim01aaq", "")],
        *[("0884250101", "pn_broad")] * 3,
    ]
    for row in leads:
        curve = read_light_curve(Path(row["file"]))
        assert float(curve["gross"].sum()) == pytest.approx(row["counts"])
        assert float(curve["exposure"].sum()) == pytest.approx(row["live_s"])
    assert len(names(tmp_path / "out")) == len(told["curves"])
    one = hstlc("extract", given / "events.fits.gz", "--output", tmp_path / "soft", "--band", "soft", "--json")
    assert [row["band"] for row in json.loads(one.stdout)["curves"]] == ["soft"]
    region_file = tmp_path / "own.reg"
    region_file.write_text('fk5\ncircle(150.0, 2.0, 20")\n')
    path, counts = given / camera.filename("0884250101"), []
    for place in (("--region", region_file), ("--ra", "10:00:00", "--dec", "2", "--radius", "20")):
        own = hstlc("extract", path, *place, "--output", tmp_path / "own", "--overwrite", "--json")
        assert own.exit_code == 0, own.output
        counts.append([row["counts"] for row in json.loads(own.stdout)["curves"]])
    assert counts[0] == counts[1]
    assert 40 <= max(counts[0]) <= 80  # a third of 180 events and some beside it, less those of other energies


@pytest.mark.parametrize(
    ("name", "counts", "background", "rate"), [("m1_S002", 694, 318, 0.02707), ("m2_S003", 633, 244, 0.02543)]
)
def test_the_author_of_real_data_counted_the_same(
    hstlc: Run, real_data: Path, tmp_path: Path, name: str, counts: int, background: int, rate: float
):
    path = real_data / "xmm" / f"eggr38__{name}_ImagingEvts_events_gtifiltered.fit"
    regions = ("physical; circle(27236.443, 27596.668, 600)", "physical; circle(28868.8, 25949.1, 1139.57)")
    options = ("--region", regions[0], "--background", regions[1], "--energy", "0.1", "15", "--json")
    (row,) = json.loads(hstlc("extract", path, "--output", tmp_path / "out", *options).stdout)["curves"]
    curve = read_light_curve(Path(row["file"]))
    assert (curve["source_events"].sum(), curve["background_events"].sum()) == (counts, background)
    assert row["rate_ct_s"] == pytest.approx(rate, rel=0.005)
