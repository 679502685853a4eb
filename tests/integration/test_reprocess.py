"""What an archive delivers again, and what it takes back: the whole path, from files to rows, products and plots."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from astropy.io import fits
from composite_runs import (
    COMPOSITE,
    composites,
    curve_of,
    execute,
    ingest,
    make_composites,
    members,
    rootnames,
    snapshot,
    visit,
    written,
)
from plot_runs import make_plots, plotted, views
from store_state import CRASHED, Store, recalibrated
from test_pipeline_crash import copies, crash

from hstlc.errors import UsageError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.pipeline.compose import compose
from hstlc.pipeline.context import open_store
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.pipeline.statistics import build_statistics
from hstlc.pipeline.withdraw import withdraw
from hstlc.store.digest import sha256_file
from hstlc.testing.cos import edit_file
from hstlc.testing.databases import KINDS, fresh_database

NAME = "hlsp_hstlc_hst_cos-fuv_sim-star_g130m_1291_psa_v1_sci"
FIRST, SECOND, OTHER = "lsim01aaq", "lsim02aaq", "lsim09aaq"


@pytest.fixture(scope="session")
def given(tmp_path_factory) -> SimpleNamespace:
    """Files that nobody writes to.

    ``first``: both segments and the x1d of a star. ``second``: an exposure of the star a day later. ``other``: another
    star, elsewhere on the sky.
    """
    folder = tmp_path_factory.mktemp("given")
    return SimpleNamespace(
        first=visit(folder, 1, segments=("A", "B"), x1d=True),
        second=visit(folder, 2, segments=("A", "B"), x1d=True),
        other=visit(folder, 9, targname="SIM-OTHER", ra_deg=20.0),
    )


@pytest.fixture(scope="session", params=KINDS)
def prepared(request, given, tmp_path_factory) -> Iterator[tuple[str, Store]]:
    """A store with the three exposures, their composites, statistics and plots, on each database; nobody changes it."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    home.mkdir()
    with fresh_database(request.param, home) as url:
        store = Store(home, f"sqlite:///{home / 'database.db'}" if request.param == "sqlite" else url)
        assert ingest(store, *given.first, *given.second, *given.other).failures == []
        assert make_plots(store).plots == 5
        yield request.param, store


@pytest.fixture
def filled(prepared, tmp_path) -> Iterator[Store]:
    """A copy of it."""
    with copies(*prepared, tmp_path) as copy:
        yield copy("copy")


def redelivered(folder: Path, paths: tuple[Path, ...], **cards: Any) -> list[Path]:
    """Write files as the archive delivers them again: of the same calibration, with other cards and a later date."""
    cards = {"DATE": "2030-01-01", **cards}
    return [recalibrated(folder, path, fits.getval(path, "CAL_VER"), **cards) for path in paths]


def stored(store: Store, rootname: str = FIRST) -> list[tuple[str, str]]:
    """Return kind and state of the files of an exposure."""
    rows = store.state().rows["exposure_file"]
    return sorted((row["kind"], row["state"]) for row in rows if row["rootname"] == rootname)


def superseded(folder: str, *paths: Path) -> set[str]:
    """Return the places of versions that were superseded, of files with these contents."""
    return {f"filesystem/{folder}/superseded/{sha256_file(path)[:8]}/{path.name}" for path in paths}


def row_of(store: Store, rootname: str = FIRST) -> dict[str, Any]:
    (row,) = (row for row in store.state().rows["metadata"] if row["rootname"] == rootname)
    return row


def rows_about(store: Store, table: str, text: str) -> list[dict[str, Any]]:
    return [row for row in store.state().rows[table] if text in repr(row)]


# --- calibrations


def test_a_newer_calibration_makes_again_all_that_rests_on_it_and_nothing_else(filled, given, tmp_path):
    before, files, pages = filled.state(), snapshot(filled), plotted(filled)
    newer = [recalibrated(tmp_path, path, "4.0 (2030-01-01)") for path in given.first]
    summary = ingest(filled, *newer)
    assert (summary.updated, summary.composites, summary.statistics) == (1, 1, 2)
    assert make_plots(filled).plots == 2
    state = filled.state()
    # every earlier file is kept, and known as superseded
    kept = superseded("SIM-STAR", *given.first)
    assert state.files.keys() - before.files.keys() == kept
    assert {state.files[path] for path in kept} == {sha256_file(path) for path in given.first}
    for path in newer:
        assert state.files[f"filesystem/SIM-STAR/{path.name}"] == sha256_file(path)
    assert stored(filled) == [(k, s) for k in ("corrtag_a", "corrtag_b", "x1d") for s in ("current", "superseded")]
    assert row_of(filled)["cal_ver"] == "4.0 (2030-01-01)"
    # what was written: the files, one light curve, one composite
    own = {path.name for path in given.first} | {f"{FIRST}_curve.fits", f"{NAME}.fits"}
    assert written(filled, files) == own
    assert plotted(filled) == pages
    # rows of other light curves are what they were
    for table in ("product", "stats"):
        others = [row for row in before.rows[table] if FIRST not in repr(row) and NAME not in repr(row)]
        assert others
        assert all(row in state.rows[table] for row in others if row.get("kind") != "folder-page"), table
    assert [row["cal_ver"] for row in curve_of(filled, "sim-star").provenance][:1] == ["4.0 (2030-01-01)"]
    assert make_plots(filled).plots == 0
    assert filled.verify().clean


def test_an_older_calibration_that_comes_late_is_kept_as_history_and_makes_nothing(filled, given, tmp_path):
    before, files = filled.state(), snapshot(filled)
    older = [recalibrated(tmp_path, path, "2.0") for path in given.first]
    summary = ingest(filled, *older)
    assert (summary.composites, summary.statistics, summary.failures) == (0, 0, [])
    assert make_plots(filled).plots == 0
    state = filled.state()
    assert state.files.keys() - before.files.keys() == superseded("SIM-STAR", *older)
    # the curve is written once more with the same bytes: nothing depends on that
    assert written(filled, files) <= {path.name for path in older} | {f"{FIRST}_curve.fits"}
    assert before.files.items() <= state.files.items()
    for table in ("metadata", "outputs", "product", "stats", "composite_member"):
        assert state.rows[table] == before.rows[table], table
    assert ingest(filled, *older).updated == 0
    assert filled.verify().clean


def test_the_same_files_again_change_nothing_whatever_they_are_called(filled, given, tmp_path):
    before, files = filled.state(), snapshot(filled)
    renamed = tmp_path / "downloaded (1).fits"
    shutil.copyfile(given.first[0], renamed)
    summary = ingest(filled, renamed, *given.first)
    assert (summary.unchanged, summary.updated, summary.composites, summary.statistics) == (1, 0, 0, 0)
    filled.give(*given.first)
    assert ingest(filled).unchanged == 1
    assert list(filled.inbox.iterdir()) == []
    assert make_plots(filled).plots == 0
    assert filled.state() == before
    assert written(filled, files) == set()


def test_old_middle_and_new_calibration_end_the_same_in_any_order(new_store, given, tmp_path):
    versions = [given.first] + [
        tuple(recalibrated(tmp_path / version, path, version) for path in given.first) for version in ("2.0", "4.0")
    ]
    states = []
    for number, order in enumerate([versions[::-1], [versions[2], versions[0], versions[1]]]):
        store = new_store(f"order{number}")
        for paths in order:
            ingest(store, *given.second, *paths)
        states.append(store.state())
        assert row_of(store)["cal_ver"] == "4.0"
    assert states[1] == states[0]


# --- headers


def test_a_corrected_header_corrects_the_row_and_what_names_it(filled, given, tmp_path):
    again = redelivered(tmp_path, given.first, PROPOSID=12345, PR_INV_L="CORRECTED")
    summary = ingest(filled, *again)
    assert (summary.updated, summary.composites, summary.statistics) == (1, 1, 2)
    assert row_of(filled)["proposid"] == 12345
    assert row_of(filled)["targname"] == "SIM-STAR"
    assert {row["rootname"]: row["proposid"] for row in curve_of(filled, "sim-star").provenance} == {
        FIRST: 12345, SECOND: 99999,
    }  # fmt: skip
    curve = read_light_curve(filled.home / f"outputs/SIM-STAR/{FIRST}_curve.fits")
    assert curve.meta["PROPOSID"] == 12345
    assert {row["sha256"] for row in curve.provenance} == {sha256_file(path) for path in again}
    assert superseded("SIM-STAR", *given.first) <= filled.state().files.keys()
    assert filled.verify().clean


def test_a_corrected_target_takes_files_curve_history_and_plots_along(filled, given, tmp_path):
    newer = [recalibrated(tmp_path / "newer", path, "4.0") for path in given.first]
    ingest(filled, *newer)
    make_plots(filled)
    cards = {"TARGNAME": "SIM-RENAMED", "RA_TARG": 40.0, "DEC_TARG": -30.0}
    again = redelivered(tmp_path / "again", tuple(newer), **cards)
    summary = ingest(filled, *again)
    assert (summary.updated, summary.composites, summary.failures) == (1, 2, [])
    assert make_plots(filled).plots == 3  # its own, the composite it left, the one it makes
    row = row_of(filled)
    assert (row["targname"], row["ra_deg"], row["dec_deg"]) == ("SIM-RENAMED", 40.0, -30.0)
    files = filled.state().files
    of_it = {path for path in files if FIRST in path}
    current = {f"filesystem/SIM-RENAMED/{path.name}" for path in again}
    history = superseded("SIM-RENAMED", *given.first, *newer)
    assert of_it == current | history | {f"outputs/SIM-RENAMED/{FIRST}_curve.fits"}
    assert {path for path in plotted(filled) if FIRST in path} == views(f"SIM-RENAMED/{FIRST}_curve")
    assert rootnames(filled, "sim-star") == [SECOND]
    assert rootnames(filled, "sim-renamed") == [FIRST]
    assert views(f"composite/{NAME.replace('sim-star', 'sim-renamed')}") <= plotted(filled)
    assert not list((filled.home / "filesystem/SIM-STAR").glob("superseded/*"))
    assert filled.verify().clean


def test_versions_that_say_the_same_of_themselves_end_the_same_in_any_order(new_store, given, tmp_path):
    """The digest decides where neither calibration nor dates do, so that it does not matter which came first."""
    one = given.first
    two = tuple(redelivered(tmp_path, one, PROPOSID=12345, DATE=fits.getval(one[0], "DATE", 0)))
    states = []
    for name, order in (("forth", (one, two)), ("back", (two, one))):
        store = new_store(name)
        for paths in order:
            ingest(store, *paths)
        states.append(store.state())
    assert states[0] == states[1]
    assert sorted(state for _, state in stored(store)) == ["current"] * 3 + ["superseded"] * 3


# --- parts of an exposure


def test_a_new_spectrum_alone_gives_the_same_counts_another_flux(filled, given, tmp_path):
    place = filled.home / f"outputs/SIM-STAR/{FIRST}_curve.fits"
    before = read_light_curve(place)

    def brighter(units):
        units["SCI"].data["FLUX"] *= 2.0

    spectrum = edit_file(redelivered(tmp_path, given.first[2:])[0], brighter)
    summary = ingest(filled, spectrum)
    assert (summary.updated, summary.composites, summary.statistics, summary.waiting) == (1, 1, 2, [])
    after = read_light_curve(place)
    for name in ("gross", "background", "counts", "error", "rate"):
        assert (after[name] == before[name]).all(), name
    assert after["flux"] == pytest.approx(2.0 * before["flux"], rel=1e-6, nan_ok=True)
    assert stored(filled) == [
        ("corrtag_a", "current"), ("corrtag_b", "current"), ("x1d", "current"), ("x1d", "superseded"),
    ]  # fmt: skip
    assert superseded("SIM-STAR", given.first[2]) <= filled.state().files.keys()
    # and the old one again is no news
    assert ingest(filled, given.first[2]).unchanged == 1
    assert make_plots(filled).plots == 2
    assert filled.verify().clean


def test_a_segment_that_comes_later_and_a_newer_one_of_the_other_end_the_same_in_any_order(new_store, given, tmp_path):
    first, second, _ = given.first
    newer = recalibrated(tmp_path, first, "4.0")
    states = []
    for number, order in enumerate([(first, second, newer), (newer, first, second), (second, newer, first)]):
        store = new_store(f"order{number}")
        for path in order:
            assert ingest(store, path).failures == []
        curve = read_light_curve(store.home / f"outputs/SIM-STAR/{FIRST}_curve.fits")
        assert curve.meta["SEGMENTS"] == "FUVA,FUVB"
        assert stored(store) == [("corrtag_a", "current"), ("corrtag_a", "superseded"), ("corrtag_b", "current")]
        assert store.verify().clean
        states.append(store.state())
    assert all(state == states[0] for state in states)


def test_bands_are_of_the_newest_calibration_too(store, given, tmp_path):
    banded = store.configured(missions__hst__bands='["Si IV"]')
    ingest(banded, *given.first)
    make_plots(banded)
    newer = [recalibrated(tmp_path, path, "4.0", TARGNAME="SIM-RENAMED", RA_TARG=40.0) for path in given.first]
    assert ingest(banded, *newer).statistics == 3
    assert make_plots(banded).plots == 3
    assert banded.state().below("outputs/SIM-RENAMED") == [f"{FIRST}_SiIV_curve.fits", f"{FIRST}_curve.fits"]
    band = read_light_curve(banded.home / f"outputs/SIM-RENAMED/{FIRST}_SiIV_curve.fits")
    assert {row["cal_ver"] for row in band.provenance} == {"4.0"}
    found = {path for path in plotted(banded) if "SiIV" in path}
    assert found == views(f"SIM-RENAMED/{FIRST}_SiIV_curve")
    assert banded.verify().clean


# --- what the archive takes back


def take_back(store: Store, *names: str, reason: str = "taken back", **options: Any) -> Summary:
    """Do what ``hstlc withdraw`` does."""
    summary = Summary()
    with open_store(store.settings) as context, recorded_run(context, "withdraw", summary):
        withdraw(context, names, reason, summary, **options)
        compose(context, summary)
        build_statistics(context, summary)
    return summary


def take_first_back(store: Store) -> Summary:
    return take_back(store, FIRST)


def bring_back(store: Store, *names: str) -> Summary:
    """Do what ``hstlc withdraw --undo`` does."""
    return take_back(store, *names, reason="")


def test_a_withdrawn_exposure_keeps_everything_and_leaves_its_composite(filled):
    before, files = filled.state(), snapshot(filled)
    summary = take_back(filled, FIRST, reason="bad pointing")
    assert (summary.updated, summary.composites, summary.statistics, summary.failures) == (1, 1, 1, [])
    assert row_of(filled)["withdrawn"] == "bad pointing"
    assert written(filled, files) == {f"{NAME}.fits"}
    assert members(filled) == [(FIRST, None, "Withdrawn"), (SECOND, 1, ""), (OTHER, 1, "")]
    assert rootnames(filled, "sim-star") == [SECOND]
    state = filled.state()
    (output,) = (row for row in state.rows["outputs"] if row["metadata_id"] == ("hst", FIRST))
    assert (output["individual_filename"], output["composite_filename"]) == (f"{FIRST}_curve.fits", None)
    assert rows_about(filled, "stats", FIRST) == [row for row in before.rows["stats"] if FIRST in repr(row)]
    (composite,) = (row for row in state.rows["stats"] if row["lightcurve_filename"] == f"{NAME}.fits")
    assert composite["datasets"] == 1
    assert make_plots(filled).plots == 1
    assert make_composites(filled).composites == 0
    assert filled.verify().clean
    # and back: as if nothing had been
    assert bring_back(filled, FIRST).composites == 1
    make_plots(filled)
    assert filled.state() == before


def test_a_withdrawn_exposure_stays_so_whatever_is_done_with_the_files_that_are_there(filled, given, tmp_path):
    take_back(filled, FIRST)
    before = filled.state()
    assert ingest(filled, *given.first).unchanged == 1
    assert filled.state() == before
    # an older calibration, which is history
    ingest(filled, recalibrated(tmp_path, given.first[0], "2.0"))
    assert row_of(filled)["withdrawn"] == "taken back"
    # a file of its own that was lost
    (filled.home / f"filesystem/SIM-STAR/{given.first[1].name}").unlink()
    assert ingest(filled, *given.first).updated == 1
    assert row_of(filled)["withdrawn"] == "taken back"
    # other settings
    wider = filled.configured(missions__hst__bin_width="4 s")
    assert ingest(wider, stale=True).updated == 3
    assert row_of(filled)["withdrawn"] == "taken back"
    assert members(filled)[0] == (FIRST, None, "Withdrawn")
    assert rootnames(filled, "sim-star") == [SECOND]
    assert filled.verify().clean


@pytest.mark.parametrize("part", [0, 2], ids=["events", "spectrum"])
def test_an_exposure_that_the_archive_delivers_again_is_withdrawn_no_more(filled, given, tmp_path, part):
    take_back(filled, FIRST, SECOND)
    summary = ingest(filled, recalibrated(tmp_path, given.first[part], "4.0"))
    assert (summary.updated, summary.composites) == (1, 1)
    assert [row_of(filled, name)["withdrawn"] for name in (FIRST, SECOND)] == ["", "taken back"]
    assert members(filled) == [(FIRST, 1, ""), (SECOND, None, "Withdrawn"), (OTHER, 1, "")]
    assert filled.verify().clean


def test_a_composite_without_members_goes_with_its_plots_and_comes_back(filled):
    before, pages = filled.state(), plotted(filled)
    assert take_back(filled, FIRST, SECOND).composites == 0
    assert [path.name for path in composites(filled)] == [NAME.replace("sim-star", "sim-other") + ".fits"]
    make_plots(filled)
    assert not views(f"composite/{NAME}") & plotted(filled)
    assert {path for path in filled.state().files if path.startswith(COMPOSITE)} == {
        f"{COMPOSITE}/{NAME.replace('sim-star', 'sim-other')}.fits"
    }
    assert filled.verify().clean
    assert make_composites(filled).composites == 0
    bring_back(filled, SECOND)
    assert rootnames(filled, "sim-star") == [SECOND]
    bring_back(filled, FIRST)
    make_plots(filled)
    assert filled.state() == before
    assert plotted(filled) == pages


def test_marks_are_set_for_all_or_for_none(filled):
    before = filled.state()
    for names, word in (((FIRST, "lsim77aaq", "lsim78aaq"), "lsim77aaq or lsim78aaq"), ((FIRST.upper(),), "LSIM01AAQ")):
        with pytest.raises(UsageError) as caught:
            take_back(filled, *names)
        assert caught.value.code == "usage.unknown-exposure"
        assert word in caught.value.message
        assert caught.value.hint
    for reason, word in (("x" * 256, "255 characters"), ("a\0b", "zero character")):
        with pytest.raises(UsageError) as caught:
            take_back(filled, FIRST, reason=reason)
        assert caught.value.code == "usage.bad-reason"
        assert word in caught.value.message
    assert filled.state() == before
    # twice, and for another reason
    assert take_back(filled, FIRST, FIRST).updated == 1
    again = take_back(filled, FIRST)
    assert (again.updated, again.unchanged, again.composites) == (0, 1, 0)
    other = take_back(filled, FIRST, reason="x" * 255)
    assert (other.updated, other.composites) == (1, 0)
    assert row_of(filled)["withdrawn"] == "x" * 255


def test_exposures_of_one_name_are_told_apart_by_their_mission(filled):
    columns = ", ".join(column for column in row_of(filled) if column != "mission")
    execute(
        filled,
        f"INSERT INTO metadata (mission, {columns}, ingest_date, updated_at)"
        f" SELECT 'sky', {columns}, ingest_date, updated_at FROM metadata WHERE rootname = '{FIRST}'",
    )
    with pytest.raises(UsageError) as caught:
        take_back(filled, FIRST)
    assert caught.value.code == "usage.ambiguous-exposure"
    assert "of hst and of sky" in caught.value.message
    assert "--mission" in caught.value.hint
    assert take_back(filled, FIRST, missions=("hst",)).updated == 1
    assert {row["mission"]: row["withdrawn"] for row in rows_about(filled, "metadata", FIRST)} == {
        "hst": "taken back", "sky": "",
    }  # fmt: skip


def test_a_crash_while_withdrawing_ends_the_same_after_the_next_run(prepared, tmp_path):
    with copies(*prepared, tmp_path) as copy:
        undisturbed = copy("undisturbed")
        take_first_back(undisturbed)
        expected = undisturbed.state()
        for point, number in (("before-commit", 1), ("committed", 1), ("published", 1)):
            tried = copy(f"{point}-{number}")
            assert crash(tried, take_first_back, point, number) == CRASHED, point
            marked = row_of(tried)["withdrawn"] != ""
            assert marked == (point != "before-commit"), point
            if marked:
                ingest(tried)  # any run goes on
            else:
                take_first_back(tried)
            assert tried.state() == expected, point
            assert tried.verify().clean, point


# --- the command


def test_the_command_tells_what_it_does_and_a_dry_run_does_nothing(hstlc, home, given):
    assert hstlc("ingest", "-q", *given.first, *given.second).exit_code == 0
    store = Store(home, f"sqlite:///{home / 'hstlc.db'}")
    before = store.state()
    result = hstlc("withdraw", FIRST, "--reason", "bad pointing", "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [f"{FIRST}: withdrawn", "dry run, nothing written:"]
    assert ["composites", "1"] in [line.split() for line in result.stdout.splitlines()]
    assert store.state() == before
    done = json.loads(hstlc("withdraw", FIRST, "--reason", " bad pointing ", "--json").stdout)
    assert {name: done[name] for name in ("updated", "unchanged", "composites", "statistics")} == {
        "updated": 1, "unchanged": 0, "composites": 1, "statistics": 1,
    }  # fmt: skip
    assert row_of(store)["withdrawn"] == "bad pointing"
    again = hstlc("withdraw", FIRST, SECOND, "--reason", "bad pointing", "--dry-run")
    assert again.stdout.splitlines()[:2] == [f"{FIRST}: withdrawn already, for this reason", f"{SECOND}: withdrawn"]
    back = hstlc("withdraw", FIRST, SECOND, "--undo")
    assert back.stdout.splitlines()[:2] == [f"{FIRST}: no longer withdrawn", f"{SECOND}: was not withdrawn"]
    assert hstlc("withdraw", FIRST, "--undo", "-q").stdout == ""
    assert store.state() == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((FIRST,), "usage.bad-reason", "--reason TEXT"),
        ((FIRST, "--reason", "  "), "usage.bad-reason", "found none"),
        ((FIRST, "--reason", "x", "--undo"), "usage.bad-reason", "--undo takes no reason"),
        (("nothing", "--reason", "x"), "usage.unknown-exposure", "is called nothing"),
        ((FIRST, "--reason", "x", "--mission", "none"), "usage.unknown-mission", "none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(hstlc, home, given, arguments, code, said):
    hstlc("ingest", "-q", *given.first)
    store = Store(home, f"sqlite:///{home / 'hstlc.db'}")
    before = store.state()
    result = hstlc("withdraw", *arguments)
    assert result.exit_code == 2
    assert f"error [{code}]" in result.stderr
    assert said in result.stderr
    assert "hint: " in result.stderr
    assert store.state() == before


def test_without_a_database_nothing_is_made(hstlc, home):
    result = hstlc("withdraw", FIRST, "--reason", "x")
    assert result.exit_code == 2
    assert "error [usage.no-database]" in result.stderr
    assert list(home.iterdir()) == []
