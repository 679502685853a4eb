"""Composites: made of all exposures of a configuration, and again when and only when one of them changed."""

from __future__ import annotations

import itertools
import shutil
from types import SimpleNamespace

import pytest
from composite_runs import (
    COMPOSITE,
    assert_deliverable,
    composites,
    curve_of,
    disk_calls,
    execute,
    ingest,
    make_composites,
    make_everything,
    members,
    rootnames,
    shifted,
    snapshot,
    visit,
    written,
)
from sqlalchemy import create_engine, text
from store_state import Store, files_of, recalibrated

from hstlc.db.reset import reset
from hstlc.formats.curve_fits import read_light_curve
from hstlc.missions.hst.wavelengths import NO_COMMON, NO_LIMITS
from hstlc.testing.cos import Scene
from hstlc.testing.databases import sqlite_url

STAR, OTHER = "hlsp_hstlc_hst_cos-fuv_{}_g130m_1291_psa_v1_sci.fits".format, "sim-other"
NAME = STAR("sim-star")
DARK = Scene(rate_ct_s=0.2, background_ct_s=0.0)


@pytest.fixture(scope="session")
def visits(tmp_path_factory):
    """Exposures of a star on four days, and one of another star; nobody writes to them.

    ``days``: one file each, in order of time. ``both``: two segments and the x1d, of day 4. ``other``: another target.
    """
    folder = tmp_path_factory.mktemp("visits")
    return SimpleNamespace(
        days=[visit(folder, number)[0] for number in (1, 2, 3)],
        both=visit(folder, 4, segments=("A", "B"), x1d=True),
        other=visit(folder, 9, targname="SIM-OTHER")[0],
    )


@pytest.fixture
def sqlite_store(tmp_path):
    """A function that returns a new store on SQLite."""

    def make(name="home"):
        (tmp_path / f"database-of-{name}").mkdir()
        return Store(tmp_path / name, sqlite_url(tmp_path / f"database-of-{name}"))

    return make


# --- what is in one


def test_two_exposures_of_a_configuration_make_one_composite_with_all_their_bins(store, visits):
    first, second, _ = visits.days
    summary = ingest(store, second, first, visits.other)
    assert (summary.composites, summary.statistics, summary.failures, summary.waiting) == (2, 5, [], [])
    assert [path.name for path in composites(store)] == [STAR("sim-other"), NAME]
    curve = curve_of(store, "sim-star")
    alone = [read_light_curve(store.home / f"outputs/SIM-STAR/lsim0{n}aaq_curve.fits") for n in (1, 2)]
    assert len(curve) == sum(map(len, alone))
    assert [curve["exposure"][curve["dataset"] == n].sum() for n in (1, 2)] == [a["exposure"].sum() for a in alone]
    assert curve.meta["NDATASET"] == 2
    assert members(store) == [("lsim01aaq", 1, ""), ("lsim02aaq", 2, ""), ("lsim09aaq", 1, "")]
    rows = {
        row["filename"]: row for row in store.state().rows["stats"] for row["filename"] in [row["lightcurve_filename"]]
    }
    assert (rows[NAME]["datasets"], rows["lsim01aaq_curve.fits"]["datasets"]) == (2, 1)
    assert rows[NAME]["between_reduced_chi2"] is not None
    assert_deliverable(store)
    assert store.verify().clean


def test_hundreds_of_empty_bins_are_kept(sqlite_store, tmp_path):
    store = sqlite_store()
    given = [visit(tmp_path / "given", n, scene=DARK, exptime_s=900.0, x1d=True) for n in (1, 2)]
    ingest(store, *given[0], *given[1])
    curve = curve_of(store)
    assert len(curve) == 2 * 451
    assert (curve["gross"] == 0).sum() > 400
    assert rootnames(store) == ["lsim01aaq", "lsim02aaq"]
    assert curve["exposure"].sum() == pytest.approx(1800, abs=0.1)


def test_provenance_names_the_members_as_the_rows_do(store, visits):
    ingest(store, *visits.days, *visits.both)
    state = store.state()
    files = {row["filename"]: row for row in state.rows["exposure_file"]}
    known = {row["rootname"]: row for row in state.rows["metadata"]}
    rows = curve_of(store).provenance
    assert [(row["dataset"], row["rootname"]) for row in rows] == list(enumerate(sorted(known), 1))
    for row in rows:
        exposure = known[row["rootname"]]
        assert row["sha256"] == files[row["filename"]]["sha256"]
        assert row["inputs"].split(",") == sorted(f for f in files if f.startswith(row["rootname"]))
        for column, name in (("expstart", "expstart_mjd"), ("expend", "expend_mjd"), ("exptime", "exptime_s")):
            assert row[column] == exposure[name]
        assert (row["proposid"], row["fppos"], row["life_adj"]) == (99999, 3, 4)
        assert row["cal_ver"] == exposure["cal_ver"]
        ((low, high),) = [p for letter, p in exposure["extra"]["wavelength_aa"].items() if letter == "A"]
        assert row["wmin"] <= low < high <= row["wmax"]


def test_outputs_name_the_composite_of_exactly_its_members(store, visits):
    ingest(store, *visits.days[:2], visits.other)
    found = store.state().of("outputs", "metadata_id", "composite_path", "composite_filename", "composite_product_id")
    key = "hst/COS/FUV/{}/G130M/1291/PSA".format
    assert found == [
        (("hst", "lsim01aaq"), COMPOSITE, NAME, ("composite", key("SIM-STAR"))),
        (("hst", "lsim02aaq"), COMPOSITE, NAME, ("composite", key("SIM-STAR"))),
        (("hst", "lsim09aaq"), COMPOSITE, STAR("sim-other"), ("composite", key("SIM-OTHER"))),
    ]


# --- when one is made, and what is written


def test_every_step_writes_its_own_files_and_no_other(store, visits, monkeypatch):
    first, second, third = visits.days

    def step(*paths):
        before = snapshot(store)
        with disk_calls(monkeypatch) as calls:
            summary = ingest(store, *paths)
        assert summary.failures == []
        changed = written(store, before)
        touched = {name.split(".fits")[0] + ".fits" for _, name in calls}
        assert touched == changed, "something was written, or deleted, for nothing"
        return changed, (summary.composites, summary.statistics)

    def own(path):
        return {path.name, path.name.replace("corrtag_a", "curve")}

    assert step(first, second) == ({*own(first), *own(second), NAME}, (1, 3))
    assert step(first, second) == (set(), (0, 0))
    assert step(visits.other) == ({*own(visits.other), STAR("sim-other")}, (1, 2))
    assert step(third) == ({*own(third), NAME}, (1, 2))
    assert step(first, second, third, visits.other) == (set(), (0, 0))
    assert rootnames(store, "sim-star") == ["lsim01aaq", "lsim02aaq", "lsim03aaq"]
    assert store.verify().clean


def test_members_in_any_order_of_arrival_end_in_the_same_rows_and_bytes(new_store, visits):
    expected = None
    for number, order in enumerate(itertools.permutations(visits.days)):
        store = new_store(f"order{number}")
        for path in order:
            ingest(store, path)
        state = store.state()
        expected = expected or state
        assert state.rows == expected.rows
        assert state.files == expected.files
    assert [row[:2] for row in members(store)] == [("lsim01aaq", 1), ("lsim02aaq", 2), ("lsim03aaq", 3)]


def test_two_homes_and_two_workers_give_the_same_bytes(sqlite_store, visits):
    states = []
    for name, workers in (("one", 1), ("two", 2)):
        store = sqlite_store(name)
        ingest(store, *visits.days, *visits.both, visits.other, workers=workers)
        states.append(store.state())
        assert store.verify().clean
    assert states[1].files == states[0].files
    assert states[1].rows == states[0].rows


def test_a_newer_version_of_a_member_makes_it_again_and_the_same_file_does_not(store, visits, tmp_path):
    first, second, _ = visits.days
    ingest(store, first, second)
    newer = recalibrated(tmp_path / "new", first, "4.0")
    before = snapshot(store)
    assert ingest(store, newer).composites == 1
    assert written(store, before) == {first.name, "lsim01aaq_curve.fits", NAME}
    assert [row["cal_ver"] for row in curve_of(store).provenance] == ["4.0", "3.2.1 (2017-04-28)"]
    before = snapshot(store)
    assert ingest(store, newer, second).composites == 0
    older = recalibrated(tmp_path / "old", first, "2.0")
    assert ingest(store, older).composites == 0
    assert NAME not in written(store, before)
    assert store.verify().clean


def test_another_target_name_moves_a_member_from_one_composite_to_the_other(store, visits, tmp_path):
    ingest(store, *visits.days, visits.other)
    moved = recalibrated(tmp_path, visits.days[1], "4.0", TARGNAME="SIM-OTHER")
    summary = ingest(store, moved)
    assert (summary.composites, summary.statistics) == (2, 3)
    assert rootnames(store, "sim-star") == ["lsim01aaq", "lsim03aaq"]
    assert rootnames(store, "sim-other") == ["lsim02aaq", "lsim09aaq"]
    assert set(store.state().of("outputs", "metadata_id", "composite_filename")) == {
        (("hst", "lsim01aaq"), NAME), (("hst", "lsim03aaq"), NAME),
        (("hst", "lsim02aaq"), STAR("sim-other")), (("hst", "lsim09aaq"), STAR("sim-other")),
    }  # fmt: skip
    assert ingest(store, *visits.days[::2], moved).composites == 0
    assert store.verify().clean


def test_the_last_member_that_moves_takes_the_composite_along(store, visits, tmp_path):
    ingest(store, visits.days[0])
    ingest(store, recalibrated(tmp_path, visits.days[0], "4.0", TARGNAME="SIM-OTHER"))
    assert [path.name for path in composites(store)] == [STAR("sim-other")]
    assert store.state().of("product", "kind", "filename") == [
        ("composite", STAR("sim-other")), ("individual", "lsim01aaq_curve.fits"),
    ]  # fmt: skip
    assert store.verify().clean


def test_a_decision_to_deliver_stays_when_a_member_comes(store, visits):
    ingest(store, visits.days[0])
    execute(store, "UPDATE stats SET deliver = true")
    ingest(store, visits.days[1])
    assert set(store.state().of("stats", "lightcurve_filename", "deliver")) == {
        (NAME, True), ("lsim01aaq_curve.fits", True), ("lsim02aaq_curve.fits", False),
    }  # fmt: skip


# --- members that go


def rejected(store, visits, tmp_path):
    for path in visits.days[:2]:
        bad = recalibrated(tmp_path / "bad", path, "4.0", EXPFLAG="INTERRUPTED")
        summary = ingest(store, bad)
        assert sum(summary.rejected.values()) == 1
        yield summary


def deleted(store, visits, tmp_path):
    for path in visits.days[:2]:
        execute(store, f"DELETE FROM metadata WHERE rootname = '{path.name[:9]}'")
        yield make_composites(store)


@pytest.mark.parametrize("gone", [rejected, deleted], ids=lambda function: function.__name__)
def test_a_member_that_goes_leaves_the_composite_and_the_last_one_takes_it_away(store, visits, tmp_path, gone):
    ingest(store, *visits.days[:2], visits.other)
    untouched = snapshot(store)[f"{COMPOSITE}/{STAR('sim-other')}"]
    steps = gone(store, visits, tmp_path)
    assert next(steps).composites == 1
    assert rootnames(store, "sim-star") == ["lsim02aaq"]
    assert curve_of(store, "sim-star").meta["NDATASET"] == 1
    assert make_composites(store).composites == 0
    assert next(steps).failures == []
    assert [path.name for path in composites(store)] == [STAR("sim-other")]
    state = store.state()
    assert state.of("product", "key")[0] == ("hst/COS/FUV/SIM-OTHER/G130M/1291/PSA",)
    assert [row for row in state.rows["stats"] if row["lightcurve_filename"] == NAME] == []
    assert state.of("outputs", "composite_filename") == [(STAR("sim-other"),)]
    assert members(store) == [("lsim09aaq", 1, "")]
    assert state.rows["pending_removal"] == []
    assert snapshot(store)[f"{COMPOSITE}/{STAR('sim-other')}"] == untouched
    assert make_composites(store).composites == 0
    assert store.verify().clean


def test_a_row_deleted_by_a_program_that_keeps_no_foreign_keys_leaves_too(sqlite_store, visits):
    store = sqlite_store()
    ingest(store, *visits.days[:2])
    engine = create_engine(store.url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM metadata WHERE rootname = 'lsim01aaq'"))
    engine.dispose()
    assert make_composites(store).composites == 1
    assert rootnames(store) == ["lsim02aaq"]


def test_a_rejected_member_that_comes_back_is_a_member_again(store, visits, tmp_path):
    ingest(store, *visits.days[:2])
    before = files_of(store.home, (COMPOSITE,))
    ingest(store, recalibrated(tmp_path / "bad", visits.days[0], "4.0", EXPFLAG="INTERRUPTED"))
    ingest(store, recalibrated(tmp_path / "good", visits.days[0], "5.0"))
    assert rootnames(store) == ["lsim01aaq", "lsim02aaq"]
    assert files_of(store.home, (COMPOSITE,)) != before
    assert store.verify().clean


# --- members that do not fit


def test_a_member_of_other_wavelengths_is_named_with_its_reason_and_not_in_the_file(store, visits, tmp_path):
    stray = shifted(visit(tmp_path / "given", 5)[0], 300.0)
    ingest(store, *visits.days, stray)
    assert members(store)[-1] == ("lsim05aaq", None, NO_COMMON)
    assert rootnames(store) == ["lsim01aaq", "lsim02aaq", "lsim03aaq"]
    assert store.state().of("outputs", "metadata_id", "composite_filename")[-1] == (("hst", "lsim05aaq"), None)
    assert make_composites(store).composites == 0
    good = recalibrated(tmp_path / "new", visit(tmp_path / "again", 5)[0], "4.0")
    ingest(store, good)
    assert members(store)[-1] == ("lsim05aaq", 4, "")
    assert store.verify().clean


def test_a_member_that_makes_no_sense_alone_has_a_row_and_no_file(sqlite_store, tmp_path):
    store = sqlite_store()
    outside = shifted(visit(tmp_path / "given", 1)[0], 3000.0)
    summary = ingest(store, outside)
    assert (summary.failures, composites(store)) == ([], [])
    assert members(store) == [("lsim01aaq", None, NO_LIMITS)]
    assert store.state().of("outputs", "composite_filename") == [(None,)]
    assert make_composites(store).composites == 0
    assert store.verify().clean


def test_what_cannot_be_made_is_not_counted_as_made(sqlite_store, tmp_path):
    store = sqlite_store()
    assert ingest(store, shifted(visit(tmp_path / "given", 1)[0], 3000.0)).composites == 0
    assert make_everything(store).composites == 0


def test_a_composite_that_loses_all_it_was_made_of_goes(sqlite_store, visits, tmp_path):
    store = sqlite_store()
    ingest(store, visits.days[0])
    newer = shifted(recalibrated(tmp_path, visits.days[0], "4.0"), 3000.0)
    ingest(store, newer)
    assert composites(store) == []
    assert store.state().of("product", "kind") == [("individual",)]
    assert store.state().of("outputs", "composite_path", "composite_filename") == [(None, None)]
    assert store.verify().clean


def test_a_segment_that_one_member_lacks_is_in_none(store, visits):
    ingest(store, *visits.both)
    assert curve_of(store).meta["SEGMENTS"] == "FUVA,FUVB"
    ingest(store, visits.days[0])
    assert curve_of(store).meta["SEGMENTS"] == "FUVA"
    assert members(store) == [("lsim01aaq", 1, ""), ("lsim04aaq", 2, "")]


def test_an_exposure_too_faint_to_tell_its_wavelengths_does_not_throw_out_a_good_one(sqlite_store, visits, tmp_path):
    store = sqlite_store()
    faint = visit(tmp_path / "given", 5, scene=Scene(rate_ct_s=0.1, background_ct_s=0.0))
    ingest(store, visits.days[0], *faint)
    assert ("lsim01aaq", 1, "") in members(store)


# --- settings


def test_a_changed_bin_width_makes_it_stale_and_an_unrelated_setting_does_not(store, visits):
    ingest(store, *visits.days[:2])
    before = snapshot(store)
    other = store.configured(stats__interesting_p="0.01", missions__hst__airglow="hstlc")
    assert ingest(other, stale=True).composites == 0
    assert written(store, before) == set()
    wider = store.configured(missions__hst__bin_width="5 s")
    assert ingest(wider).composites == 0
    assert written(store, before) == set()
    assert ingest(wider, stale=True).composites == 1
    assert written(store, before) == {"lsim01aaq_curve.fits", "lsim02aaq_curve.fits", NAME}
    assert set(curve_of(store)["bins"]) == {5.0}
    assert ingest(wider, stale=True).composites == 0
    assert store.verify().clean


def test_another_profile_renames_it_when_asked(store, visits):
    ingest(store, *visits.days[:2])
    before = snapshot(store)
    mast = store.configured(hlsp__profile="mast")
    assert ingest(mast).composites == 0
    assert written(store, before) == set()
    assert make_composites(mast, everything=True).composites == 1
    new = "hlsp_hstlc_hst_cos-fuv_sim-star_g130m-c1291-psa_v1_lc.fits"
    assert written(store, before) == {NAME, new}
    assert [path.name for path in composites(store)] == [new]
    ingest(mast)
    state = store.state()
    assert set(state.of("outputs", "composite_filename")) == {(new,)}
    assert new in {name for (name,) in state.of("stats", "lightcurve_filename")}
    assert len(state.rows["product"]) == len(state.rows["stats"]) == 3
    assert_deliverable(store)
    assert store.verify().clean


def test_composites_in_a_folder_elsewhere(store, visits, tmp_path):
    elsewhere = store.configured(composite_dir=str(tmp_path / "elsewhere"))
    ingest(store, visits.days[0])
    assert ingest(elsewhere, visits.days[1]).failures == []
    assert composites(store) == []
    assert [path.name for path in sorted((tmp_path / "elsewhere").iterdir())] == [NAME]
    assert set(store.state().of("outputs", "composite_path")) == {(str(tmp_path / "elsewhere"),)}
    assert ingest(elsewhere, *visits.days[:2]).composites == 0
    assert elsewhere.verify().clean


def test_what_does_not_belong_in_a_folder_elsewhere_is_found(sqlite_store, visits, tmp_path):
    store = sqlite_store().configured(composite_dir=str(tmp_path / "elsewhere"))
    ingest(store, visits.days[0])
    shutil.copyfile(tmp_path / "elsewhere" / NAME, tmp_path / "elsewhere" / "unknown.fits")
    assert [path.name for path in store.verify().unknown] == ["unknown.fits"]


def test_composites_moved_from_one_folder_outside_to_another(sqlite_store, visits, tmp_path):
    store = sqlite_store()
    ingest(store.configured(composite_dir=str(tmp_path / "one")), visits.days[0])
    there = store.configured(composite_dir=str(tmp_path / "two"))
    assert ingest(there, visits.other).failures == []
    assert {path.name for path in (tmp_path / "two").iterdir()} >= {STAR("sim-other")}


# --- tables that were emptied


@pytest.mark.parametrize(
    "table",
    [
        "composite_member",
        "outputs",
        "product",
        "stats",
        "metadata",
        "exposure_file",
    ],
)
def test_after_a_table_was_emptied_the_same_files_end_in_the_same_rows(store, visits, table):
    given = [*visits.days[:2], visits.other]
    ingest(store, *given)
    state = store.state()
    with store.open() as context:
        reset(context.engine, table)
    summary = ingest(store, *given)
    assert summary.failures == []
    found = store.state()
    assert found.rows == state.rows
    assert found.files == state.files
    assert store.verify().clean


def test_a_member_whose_files_nobody_knows_any_more_stops_nothing(sqlite_store, visits):
    store = sqlite_store()
    ingest(store, *visits.days[:2])
    execute(store, "DELETE FROM exposure_file WHERE rootname = 'lsim01aaq'")
    summary = ingest(store, visits.days[2])
    assert [failure.code for failure in summary.failures] != ["step.unexpected"]


# --- files that are gone or damaged


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_composite_that_was_deleted_or_cut_is_made_again(store, visits, damage):
    ingest(store, *visits.days[:2], visits.other)
    state, before = store.state(), snapshot(store)
    damage(store.home / COMPOSITE / NAME)
    assert ingest(store).composites == 1
    assert written(store, before) == {NAME}
    assert store.state().rows == state.rows
    assert store.state().files == state.files
    assert store.verify().clean


def test_a_member_whose_file_is_gone_is_waited_for(store, visits):
    first, second, third = visits.days
    ingest(store, first, second)
    before = store.state()
    (store.home / "filesystem" / "SIM-STAR" / first.name).unlink()
    summary = ingest(store, third, visits.other)
    key = "hst/COS/FUV/SIM-STAR/G130M/1291/PSA"
    assert summary.waiting == [f"composite {key}: waits for {first.name}, which is gone; ingest it again"]
    assert (summary.failures, summary.composites) == ([], 1)
    assert rootnames(store, "sim-star") == ["lsim01aaq", "lsim02aaq"]
    assert store.state().files[f"{COMPOSITE}/{NAME}"] == before.files[f"{COMPOSITE}/{NAME}"]
    assert ingest(store, first).composites == 1
    assert rootnames(store, "sim-star") == ["lsim01aaq", "lsim02aaq", "lsim03aaq"]
    assert store.verify().clean


def test_a_damaged_member_is_a_failure_that_names_it_and_stops_no_other(store, visits):
    first, second, third = visits.days
    ingest(store, first, second)
    damaged = store.home / "filesystem" / "SIM-STAR" / first.name
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    summary = ingest(store, third, visits.other)
    (failure,) = summary.failures
    assert (failure.code, failure.what) == ("data.changed", "composite hst/COS/FUV/SIM-STAR/G130M/1291/PSA")
    assert str(damaged) in failure.message
    assert failure.hint
    assert summary.composites == 1
    assert [path.name for path in composites(store)] == [STAR("sim-other"), NAME]
    assert rootnames(store, "sim-star") == ["lsim01aaq", "lsim02aaq"]
    assert [f.code for f in make_composites(store).failures] == ["data.changed"]
    damaged.write_bytes(whole)
    assert make_composites(store).failures == []
    assert rootnames(store, "sim-star") == ["lsim01aaq", "lsim02aaq", "lsim03aaq"]
    ingest(store)
    assert store.verify().clean
