"""STIS exposures in a store: products, what stays of the tag, what is made again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select
from store_state import footprint

import hstlc
from hstlc.cli.main import cli
from hstlc.db.engine import make_engine, reading
from hstlc.db.tables import BadData, ExposureFile, FindingRow, Metadata, Product
from hstlc.testing.stis import Scene, StisExposure, write_exposure, write_references

EXPOSURE = StisExposure(exptime_s=20.0, flat=0.2, doppmag=4.0)
SCENE = Scene(60.0, 10.0)
PRODUCTS = {"individual": "osim00010_curve.fits", "corrtag": "osim00010_corrtag.fits"}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tag and its x1d, and the reference files that ``$oref`` names."""
    folder = tmp_path / "archive"
    folder.mkdir()
    write_exposure(folder, EXPOSURE, SCENE)
    write_references(tmp_path / "ref", EXPOSURE)
    monkeypatch.setenv("oref", str(tmp_path / "ref"))
    return folder


def rows(store, table, *columns):
    engine = make_engine(store.url)
    try:
        with reading(engine) as connection:
            return sorted(tuple(row) for row in connection.execute(select(*(getattr(table, name) for name in columns))))
    finally:
        engine.dispose()


def contents(store):
    found = rows(store, Product, "kind", "path", "filename", "sha256")
    return {kind: (store.home / path / name, sha256) for kind, path, name, sha256 in found}


def test_a_tag_gives_a_curve_and_a_calibrated_list_and_stays(store, files):
    """Once the tag was deleted when its corrtag was made."""
    store.give(*files.iterdir())
    summary = store.ingest()
    assert (summary.ingested, summary.statistics, summary.failures) == (1, 1, [])
    products = contents(store)
    assert {kind: path.name for kind, (path, _) in products.items()} == PRODUCTS
    assert all(path.is_file() for path, _ in products.values())
    kept = store.home / "filesystem" / "SIM-STIS" / "osim00010_tag.fits"
    assert kept.read_bytes() == (files / "osim00010_tag.fits").read_bytes()
    assert rows(store, ExposureFile, "kind", "state") == [("tag", "current"), ("x1d", "current")]
    described = rows(store, Metadata, "instrume", "detector", "fppos", "cenwave", "filename")
    assert described == [("STIS", "FUV-MAMA", 0, 1425, "osim00010_tag.fits")]
    assert rows(store, FindingRow, "reason") == []
    made, curve = (
        hstlc.light_curve(products["corrtag"][0].with_name("osim00010_corrtag.fits")),
        products["individual"][0],
    )
    assert made["gross"].sum() > 0
    assert hstlc.read_light_curve(curve)["gross"].sum() > 0
    assert store.verify().clean


def test_a_folder_outside_is_not_touched_and_the_same_again_changes_nothing(store, files):
    before = footprint(files)
    store.ingest(files)
    state = store.state()
    again = store.ingest(files)
    assert (again.ingested, again.updated, again.unchanged) == (0, 0, 1)
    assert store.state() == state
    assert footprint(files) == before


def test_corrtags_are_made_again_when_they_are_asked_for(store, files, tmp_path, monkeypatch):
    monkeypatch.setenv("oref", str(tmp_path / "empty"))
    store.ingest(files)
    flat = contents(store)
    assert rows(store, FindingRow, "reason") == [("Missing reference file",)]
    assert store.ingest().updated == 0
    monkeypatch.setenv("oref", str(tmp_path / "ref"))
    assert store.ingest(stale=True).updated == 0  # no setting changed
    again = store.ingest(corrtag_extract=True)
    assert (again.updated, again.unchanged, again.failures) == (1, 0, [])
    weighted = contents(store)
    assert {kind: path for kind, (path, _) in weighted.items()} == {kind: path for kind, (path, _) in flat.items()}
    assert all(weighted[kind][1] != flat[kind][1] for kind in PRODUCTS)
    assert rows(store, FindingRow, "reason") == []
    once_more = store.ingest(corrtag_extract=True)
    assert once_more.updated == 1
    assert contents(store) == weighted
    assert store.verify().clean


def test_a_spectrum_that_comes_later_completes_the_exposure(store, files):
    store.ingest(files / "osim00010_tag.fits")
    assert sorted(reason for (reason,) in rows(store, FindingRow, "reason")) == ["Missing x1d", "No flux calibration"]
    assert store.ingest(files / "osim00010_x1d.fits").updated == 1
    assert rows(store, FindingRow, "reason") == []


def test_a_corrtag_that_comes_to_its_tag_is_kept_and_the_tag_counts(store, files, tmp_path):
    store.ingest(files)
    corrtag = tmp_path / "later" / "osim00010_corrtag.fits"
    corrtag.parent.mkdir()
    shutil.copyfile(contents(store)["corrtag"][0], corrtag)
    expected = contents(store)["individual"][1]
    store.ingest(corrtag)
    assert rows(store, ExposureFile, "kind", "state") == [(kind, "current") for kind in ("corrtag", "tag", "x1d")]
    curve = contents(store)["individual"][0]
    assert hstlc.read_light_curve(curve).meta["NEVENTS"] > 0
    assert {kind: path.name for kind, (path, _) in contents(store).items()} == PRODUCTS
    assert contents(store)["individual"][1] != expected  # its provenance names one file more


def test_a_real_tag_without_good_time_is_rejected_whole(store, real_data):
    summary = store.ingest(real_data / "hst" / "odlm18040_tag.fits.gz")
    assert dict(summary.rejected) == {"Short Exposure": 1}
    ((name, reason, path),) = rows(store, BadData, "filename", "reason", "path")
    assert (name, reason) == ("odlm18040_tag.fits.gz", "Short Exposure")
    assert len(hstlc.read(store.home / path / name)) == 162_916
    assert {"Short Exposure", "No good time"} <= {found for (found,) in rows(store, FindingRow, "reason")}
    assert rows(store, Product, "kind") == []
    source = real_data / "hst" / "odlm18040_tag.fits.gz"
    assert (store.home / path / name).read_bytes() == source.read_bytes()


def test_a_real_spectrum_waits_for_its_events(store, real_data):
    summary = store.ingest(real_data / "hst" / "odlm21050_x1d.fits")
    assert summary.ingested == 0
    assert any("odlm21050" in message for message in summary.waiting)


def test_the_command_has_the_option():
    command = cli.get_command(None, "ingest")  # type: ignore[arg-type]
    assert command is not None
    assert "--corrtag-extract" in [option for parameter in command.params for option in parameter.opts]
