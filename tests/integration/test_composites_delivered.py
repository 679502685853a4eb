"""Composites of all kinds and names are such as an archive takes."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from composite_runs import assert_deliverable, composites, curve_of, ingest, make_composites, visit
from store_state import Store, recalibrated

from hstlc.formats.curve_fits import read_light_curve
from hstlc.testing.databases import sqlite_url

CONFIGURATIONS = (
    {"segments": ("A", "B")},
    {"detector": "NUV", "opt_elem": "G185M", "cenwave": 1786, "segments": ("A", "B", "C")},
    {"detector": "NUV", "opt_elem": "MIRRORA", "obstype": "IMAGING", "segments": ("A",)},
    {"opt_elem": "G140L", "cenwave": 1105},
    {"targname": "../x"},
    {"targname": "a b"},
    {"targname": "A B"},
    {"targname": "'; DROP TABLE metadata --"},
    {"targname": "T" * 67},
    {"targname": "%s{0}_"},
    {"targname": "SIM-Star"},
    {"targname": "sim-star"},
    {"aperture": "0.2X0.2"},
    {"aperture": "0.2x0.2"},
    {"aperture": "../../etc"},
    {"aperture": "52X0.1+Y_1"},
)  # 'a b' and 'A B' are one target, and so are 'SIM-Star', 'sim-star' and SIM-STAR


@pytest.fixture
def sqlite_store(tmp_path):
    """A new store on SQLite."""
    (tmp_path / "database").mkdir()
    return Store(tmp_path / "home", sqlite_url(tmp_path / "database"))


@pytest.fixture(scope="session")
def odd(tmp_path_factory):
    """An exposure of each of the configurations, and one of a target that no header can be written with."""
    folder = tmp_path_factory.mktemp("odd")
    paths = [
        path
        for number, changes in enumerate(CONFIGURATIONS, 10)
        for path in visit(folder, number, x1d="detector" in changes, **changes)
    ]
    strange = visit(folder, 50)[0]
    name = "'\u00dcn\u00efcode'".encode("latin-1").ljust(10)
    strange.write_bytes(strange.read_bytes().replace(b"'SIM-STAR'", name))
    long = recalibrated(folder / "long", visit(folder / "made", 51)[0], "3.4", TARGNAME="L" * 128)
    return [*paths, strange, long]


def test_composites_of_all_kinds_and_names_can_be_delivered_under_the_legacy_profile(sqlite_store, odd):
    assert_all_delivered(sqlite_store, odd, "legacy")


def test_composites_of_all_kinds_and_names_can_be_delivered_under_the_mast_profile(store, odd):
    assert_all_delivered(store, odd, "mast")


def assert_all_delivered(store, odd, profile):
    store = store.configured(hlsp__profile=profile)
    summary = ingest(store, *odd)
    assert summary.failures == []
    made = composites(store)
    state = store.state()
    assert len(made) == len({row["configuration"] for row in state.rows["metadata"]}) >= len(CONFIGURATIONS) - 2
    assert summary.composites == len(made)
    assert len({path.name.lower() for path in made}) == len(made)
    for path in made:
        assert set(path.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.+-")
        assert len(path.name) <= (90 if profile == "mast" else 255)
    assert_deliverable(store)
    assert make_composites(store, everything=True).composites == 0
    assert store.verify().clean


def test_images_and_stripes_stack_as_spectra_do(sqlite_store, tmp_path):
    store = sqlite_store
    for number, day in ((20, 1), (21, 2)):
        for detector in CONFIGURATIONS[1:3]:
            name = f"l{detector['opt_elem'][:3].lower()}{number}aaq"
            ingest(store, *visit(tmp_path / name, day, rootname=name, x1d=True, **detector))
    assert [curve.meta["NDATASET"] for curve in map(read_light_curve, composites(store))] == [2, 2]
    image = curve_of(store, "mirrora")
    assert np.isnan([row["wmin"] for row in image.provenance]).all()
    assert "WMIN" not in image.meta
    assert_deliverable(store)


def test_a_position_that_differs_a_little_is_not_lost(sqlite_store, tmp_path):
    store = sqlite_store
    for number in (1, 2):
        ingest(store, *visit(tmp_path / "given", number, ra_deg=187.2779 + 1e-5 * number))
    with fits.open(composites(store)[0]) as units:
        assert units[1].header["RA_TARG"] == pytest.approx(187.2779, abs=1e-4)


def test_an_exposure_time_that_lies_can_be_delivered(sqlite_store, tmp_path):
    store = sqlite_store
    ingest(store, *visit(tmp_path / "given", 1, overrides={"EXPTIME": 600.0, "EXPTIMEA": 600.0}))
    assert_deliverable(store)


def test_a_header_that_an_individual_curve_lives_with_stops_no_composite(sqlite_store, tmp_path):
    store = sqlite_store
    summary = ingest(store, *visit(tmp_path / "given", 1, overrides={"LIFE_ADJ": "N/A"}))
    assert summary.ingested == 1
    assert summary.failures == []
