"""Marking light curves and writing the collection of an archive, on real stores."""

import csv
import hashlib
import io
import json
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from composite_runs import composites, execute, ingest, visit
from store_state import CRASHED, Store, files_of, points_of
from test_pipeline_crash import crash

from hstlc.errors import DataError, StepError, StoreError, UsageError
from hstlc.formats.hlsp.check import Verdict, check_hlsp
from hstlc.formats.hlsp.project import Profile
from hstlc.pipeline import delivery
from hstlc.pipeline.deliver import asked_names, mark
from hstlc.pipeline.delivery import make_collection
from hstlc.store.run import run_id
from hstlc.testing.databases import reader_url_for, sqlite_url

STAR = "hlsp_hstlc_hst_cos-fuv_sim-star_g130m_1291_psa_v1_sci.fits"
DELIVERED = "hlsp_hstlc_hst_cos-fuv_sim-star_g130m-c1291-psa_v1_lc.fits"


@pytest.fixture
def filled(store, tmp_path):
    """Two visits of a star and one of another."""
    return fill(store, tmp_path)


@pytest.fixture
def sqlite_filled(sqlite_folder, tmp_path):
    """The same on SQLite, where only the folder of the collection matters."""
    return fill(Store(tmp_path / "home", sqlite_url(sqlite_folder)), tmp_path)


def fill(store, folder):
    named = ((1, "SIM-STAR"), (2, "SIM-STAR"), (3, "SIM-OTHER"))
    ingest(store, *(path for number, name in named for path in visit(folder / "given", number, targname=name)))
    return store


def marked(store):
    return sorted(row["lightcurve_filename"] for row in store.state().rows["stats"] if row["deliver"])


def set_marks(store, *names, deliver=True, **options):
    with store.open() as context:
        return mark(context, names, deliver=deliver, **options)


def collect(store, folder, **options):
    with store.open(write=False) as context:
        return make_collection(context, folder, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- marks


def test_curves_are_marked_by_name_and_by_pattern_and_unmarked_again(filled):
    first = set_marks(filled, STAR)
    assert first.changed == (STAR,)
    assert (first.already, first.composites) == ((), 1)
    more = set_marks(filled, "hlsp_*", "lsim01aaq_curve.fits")
    assert more.already == (STAR,)
    assert len(more.changed) == 2
    assert len(marked(filled)) == 3
    assert set_marks(filled, "*sim-other*", deliver=False).changed[0] not in marked(filled)
    assert marked(filled) == [STAR, "lsim01aaq_curve.fits"]


def test_a_name_of_nothing_is_an_error_and_nothing_is_marked(filled):
    before = filled.state()
    with pytest.raises(UsageError) as caught:
        set_marks(filled, STAR, "nothing.fits", "no*match", "x%")
    assert caught.value.code == "usage.unknown-curve"
    assert caught.value.context["names"] == ["nothing.fits", "no*match", "x%"]
    assert filled.state() == before


def test_a_dry_run_marks_nothing(filled):
    before = filled.state()
    with filled.open(write=False) as context:
        assert mark(context, ["*"], deliver=True, dry_run=True).changed == tuple(sorted(set_names(filled)))
    assert filled.state() == before


def set_names(store):
    return [row["lightcurve_filename"] for row in store.state().rows["stats"]]


def test_a_mark_outlives_new_exposures_and_new_statistics(filled, tmp_path):
    set_marks(filled, STAR)
    ingest(filled, *visit(tmp_path / "more", 4))
    filled.build_statistics(everything=True)
    assert marked(filled) == [STAR]


def reading(store):
    if store.url.startswith("postgresql"):
        return store.configured(db_readonly_connection_string=reader_url_for(store.url))
    return store


def test_curves_are_marked_by_what_sql_returns(filled):
    store = reading(filled)
    asked = "SELECT lightcurve_filename, total FROM stats WHERE datasets > 1"
    assert asked_names(store.settings, [asked, "lsim*"]) == [STAR, "lsim*"]
    set_marks(store, *asked_names(store.settings, [asked]))
    assert marked(store) == [STAR]
    assert asked_names(store.settings, ["SELECT lightcurve_filename FROM stats WHERE total < 0"]) == []


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT total FROM stats", "usage.no-names"),
        ("SELECT NULL FROM stats", "usage.no-names"),
        ("SELECT nothing FROM stats", "usage.sql"),
        ("DELETE FROM stats", "usage.sql"),
        ("UPDATE stats SET deliver = TRUE RETURNING lightcurve_filename", "usage.sql"),
    ],
)
def test_sql_that_returns_no_names_or_writes_is_refused(filled, statement, code):
    store = reading(filled)
    before = store.state()
    with pytest.raises(UsageError) as caught:
        asked_names(store.settings, [statement])
    assert caught.value.code == code
    assert store.state() == before


# --- the collection


def test_a_collection_has_what_the_archive_asks_for(filled, tmp_path):
    folder = tmp_path / "out" / "collection"
    made = collect(filled, folder)
    assert not made.unchanged
    assert made.curves == 2
    found = contents(folder)
    assert sorted(found) == list(made.files)
    assert DELIVERED in found
    assert sorted(path.name.rpartition("_")[2] for path in folder.glob("hlsp_*")) == [
        "lc.fits", "lc.fits", "manifest.csv", "preview.png", "preview.png"
    ]  # fmt: skip
    for path in folder.glob("*.fits"):
        assert not [one for one in check_hlsp(path, Profile.MAST) if one.verdict is Verdict.BROKEN]
        with fits.open(path, checksum=True) as units:
            units.verify("exception")
            assert units[0].header["SIMULATD"] == "T"
    assert all(found[name].startswith(b"\x89PNG") for name in found if name.endswith(".png"))
    (table,) = folder.glob("*_manifest.csv")
    rows = {row["filename"]: row for row in csv.DictReader(io.StringIO(table.read_text("utf-8")))}
    assert set(rows) == set(found) - {table.name}
    for name, row in rows.items():
        assert row["sha256"] == hashlib.sha256(found[name]).hexdigest()
        assert int(row["size_bytes"]) == len(found[name])
    assert (rows[DELIVERED]["target"], rows[DELIVERED]["exposures"]) == ("SIM-STAR", "2")
    assert b"2 light curves of 2 targets, from 3 exposures" in found["README.md"]
    assert table.name.encode() in found["README.md"]
    assert [path.name for path in folder.parent.iterdir()] == ["collection"]


@pytest.mark.filterwarnings("ignore:hdu= was not specified")
def test_a_delivered_light_curve_is_that_of_the_store(filled, tmp_path):
    collect(filled, tmp_path / "out")
    (source,) = [path for path in composites(filled) if path.name == STAR]
    found, expected = Table.read(tmp_path / "out" / DELIVERED, hdu=1), Table.read(source, hdu=1)
    assert found.colnames == expected.colnames
    for name in found.colnames:
        np.testing.assert_array_equal(found[name], expected[name])
    first = Time(found["bjd_tdb"][0], format="jd", scale="tdb") - Time(found["mjd"][0], format="mjd", scale="utc").tdb
    assert 1 < abs(first.to_value("s")) < 500


def test_the_same_is_delivered_from_a_store_of_either_profile(new_store, tmp_path):
    found = {}
    for profile in Profile:
        store = new_store(profile).configured(hlsp__profile=profile, hlsp__version="2")
        for number in (1, 2):
            ingest(store, *visit(tmp_path / "given", number))
        ingest(store, *visit(tmp_path / "given", 3, targname="SIM-LIES", overrides={"EXPTIME": 600.0}))
        collect(store, tmp_path / f"out-{profile}")
        found[profile] = contents(tmp_path / f"out-{profile}")
    assert found[Profile.LEGACY] == found[Profile.MAST]
    for path in composites(store):
        assert found[Profile.MAST][path.name] == path.read_bytes()


def test_again_changes_nothing(sqlite_filled, tmp_path):
    folder = tmp_path / "out"
    collect(sqlite_filled, folder)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir()}
    again = collect(sqlite_filled, folder, workers=2)
    assert again.unchanged
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir()} == before
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out"]


def test_an_empty_folder_is_filled(sqlite_filled, tmp_path):
    (tmp_path / "out").mkdir()
    assert not collect(sqlite_filled, tmp_path / "out").unchanged
    assert (tmp_path / "out" / DELIVERED).is_file()


@pytest.mark.parametrize("change", ["other", "more", "less", "a file"])
def test_a_folder_with_something_else_is_left_alone(sqlite_filled, tmp_path, change):
    folder = tmp_path / "out"
    collect(sqlite_filled, folder)
    if change == "other":
        (folder / "README.md").write_text("mine")
    elif change == "more":
        (folder / "notes.txt").write_text("mine")
    elif change == "less":
        (folder / DELIVERED).unlink()
    else:
        shutil.rmtree(folder)
        folder.write_text("mine")
    before = contents(folder) if folder.is_dir() else folder.read_bytes()
    with pytest.raises(StoreError) as caught:
        collect(sqlite_filled, folder)
    assert caught.value.code == "store.exists"
    wanted = {"other": ["README.md"], "more": ["notes.txt"], "less": [DELIVERED]}
    assert caught.value.context["different"] == wanted.get(change, caught.value.context["different"])
    assert (contents(folder) if folder.is_dir() else folder.read_bytes()) == before
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out"]


def test_only_marked_composites_are_delivered_when_asked(filled, tmp_path):
    with pytest.raises(UsageError) as caught:
        collect(filled, tmp_path / "out", marked=True)
    assert caught.value.code == "usage.nothing-to-publish"
    set_marks(filled, STAR, "lsim03aaq_curve.fits")
    assert collect(filled, tmp_path / "out", marked=True).curves == 1
    assert [path.name for path in (tmp_path / "out").glob("*.fits")] == [DELIVERED]


def test_one_light_curve_that_breaks_a_rule_stops_the_collection(sqlite_filled, tmp_path):
    ingest(sqlite_filled, *visit(tmp_path / "given", 10, targname="SIM-TWICE"))
    ingest(sqlite_filled, *visit(tmp_path / "given", 11, targname="SIM-TWICE", expstart_mjd=58310.25))  # the same time
    with pytest.raises(DataError) as caught:
        collect(sqlite_filled, tmp_path / "out")
    assert caught.value.code == "data.hlsp-broken"
    (text,) = caught.value.context["broken"]
    assert text.startswith("hlsp_hstlc_hst_cos-fuv_sim-twice_g130m-c1291-psa_v1_lc.fits: exposure: XPOSURE ")
    assert not list(tmp_path.glob("out*"))
    set_marks(sqlite_filled, "hlsp_*sim-[!t]*")
    assert collect(sqlite_filled, tmp_path / "out", marked=True).curves == 2


def test_a_damaged_composite_stops_the_collection(sqlite_filled, tmp_path):
    composites(sqlite_filled)[0].write_bytes(b"damaged")
    with pytest.raises(StepError) as caught:
        collect(sqlite_filled, tmp_path / "out")
    assert "not the one that was recorded" in caught.value.message
    assert not list(tmp_path.glob("out*"))


def test_composites_that_are_behind_their_exposures_are_not_delivered(filled, tmp_path):
    execute(filled, "UPDATE composite_member SET input_digest = 'other'")
    with pytest.raises(UsageError) as caught:
        collect(filled, tmp_path / "out")
    assert caught.value.code == "usage.composites-due"
    assert "make-composites" in caught.value.hint


@pytest.mark.parametrize("place", ["", "outputs", "outputs/composite/new", "plots", ".."])
def test_folders_of_the_store_are_refused(sqlite_filled, place):
    before = files_of(sqlite_filled.home)
    with pytest.raises(UsageError) as caught:
        collect(sqlite_filled, Path(os.path.normpath(sqlite_filled.home / place)))
    assert caught.value.code == "usage.store-folder"
    assert files_of(sqlite_filled.home) == before


def test_a_dry_run_writes_nothing(sqlite_filled, tmp_path):
    made = collect(sqlite_filled, tmp_path / "out", dry_run=True)
    assert DELIVERED in made.files
    assert not (tmp_path / "out").exists()


def test_what_a_dead_run_left_is_cleared_away_and_what_a_living_one_writes_stays(sqlite_filled, tmp_path):
    dead, living = (tmp_path / f"out.{run}.part" for run in (_dead_run(), "elsewhere-1-1"))
    for folder in (dead, living):
        folder.mkdir()
        (folder / DELIVERED).write_text("half")
    collect(sqlite_filled, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out", living.name]


def _dead_run() -> str:
    host, pid, start = run_id().rsplit("-", 2)
    return f"{host}-{pid}-{int(start) + 1}"  # this process began at another time


def test_a_collection_that_cannot_get_its_name_is_not_there(sqlite_filled, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(delivery.disk, "replace", full)
    with pytest.raises(StoreError) as caught:
        collect(sqlite_filled, tmp_path / "out")
    assert caught.value.code == "store.full"
    assert not list(tmp_path.glob("out*"))


def test_the_store_is_as_before(filled, tmp_path):
    before = filled.state()
    collect(filled, filled.home / "publish" / "mine")
    assert filled.state() == before
    assert filled.verify().clean


# --- the commands


@pytest.fixture
def demo(hstlc, tmp_path):
    paths = [*visit(tmp_path / "given", 1), *visit(tmp_path / "given", 2, targname="SIM-OTHER")]
    assert hstlc("ingest", *paths).exit_code == 0
    return hstlc


def test_the_commands_mark_and_publish(demo, home):
    result = demo(
        "deliver", "set", "-v", "SELECT lightcurve_filename FROM stats WHERE lightcurve_filename LIKE '%star%'"
    )
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"{STAR}: marked for delivery",
        "1 of 1 light curves marked for delivery, 0 were before; 1 are composites",
    ]
    answer = json.loads(demo("deliver", "set", "--dry-run", "--json", "hlsp_*").stdout)
    assert (len(answer["changed"]), answer["already"], answer["dry_run"]) == (1, [STAR], True)
    folder = home / "publish" / "hlsp_hstlc_v1"
    assert demo("publish", "--deliver-only", "--dry-run").stdout.startswith(f"{DELIVERED}\n{folder}: dry run")
    assert not folder.exists()
    assert f"{folder}: written: 1 light curves" in demo("publish", "--deliver-only").stdout
    again = json.loads(demo("publish", "--deliver-only", "--json").stdout)
    assert (again["unchanged"], again["curves"], again["folder"]) == (True, 1, str(folder))
    assert demo("publish", "-q").exit_code == 5
    assert demo("deliver", "unset", "hlsp_*").stdout.startswith("1 of 2 light curves not marked")
    assert demo("publish", "--deliver-only").exit_code == 2
    assert demo("deliver", "set", "nothing").exit_code == 2
    assert demo("deliver", "set").exit_code == 2


def test_the_command_lists_what_is_broken(demo, tmp_path):
    for number in (10, 11):
        demo("ingest", *visit(tmp_path / "given", number, targname="SIM-TWICE", expstart_mjd=58310.25))
    result = demo("publish", tmp_path / "out")
    assert result.exit_code == 3
    assert "broken: hlsp_hstlc_hst_cos-fuv_sim-twice_g130m-c1291-psa_v1_lc.fits: exposure: " in result.stderr
    assert not (tmp_path / "out").exists()


def test_without_a_store_there_is_nothing_to_mark_or_publish(hstlc, home):
    for command in (("publish",), ("deliver", "set", "x"), ("deliver", "unset", "x")):
        result = hstlc(*command)
        assert result.exit_code == 2
        assert "usage.no-database" in result.stderr
    assert not list(home.iterdir())


def test_a_process_that_dies_leaves_no_half_collection_and_the_next_ends_the_same(sqlite_filled, tmp_path):
    expected = tmp_path / "expected"
    reached = points_of(sqlite_filled, partial(collect, folder=expected))
    assert set(reached) == {"staged", "staged-fsync", "published"}
    for point, number in (("staged", 1), ("published", 2), ("published", reached.count("published"))):
        folder = tmp_path / f"{point}-{number}"
        assert crash(sqlite_filled, partial(collect, folder=folder), point, number) == CRASHED
        assert folder.exists() == (number > 2)  # the last one that gets its name is the folder
        collect(sqlite_filled, folder)
        assert contents(folder) == contents(expected)
        assert [path.name for path in tmp_path.glob(f"{folder.name}*")] == [folder.name]
