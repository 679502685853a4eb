"""What the options of ingest do, and how a store is looked after."""

from __future__ import annotations

import os
import shutil

import pytest
from sqlalchemy import inspect
from store_state import expose, files_of, footprint, recalibrated

from hstlc.db.engine import make_engine
from hstlc.db.reset import reset
from hstlc.errors import UsageError
from hstlc.pipeline import ingest as pipeline
from hstlc.pipeline.context import database_exists, open_store
from hstlc.pipeline.reset import reset_files
from hstlc.pipeline.results import Summary
from hstlc.pipeline.sweep import sweep
from hstlc.store.layout import Layout


@pytest.fixture
def outside(archive, tmp_path):
    """A copy of the archive that may be changed."""
    folder = tmp_path / "outside"
    shutil.copytree(archive.folder, folder)
    return folder


def dry_run(store, *paths, **options):
    summary = Summary(dry_run=True)
    with open_store(store.settings, write=False) as context:
        options = pipeline.Options(paths, dry_run=True, **options)
        pipeline.ingest(context, options, summary, known=database_exists(store.settings))
    return summary


# --- options


def test_move_takes_files_away_once_they_are_in_the_store(store, outside):
    given = set(files_of(outside, ("",)).values())
    summary = store.ingest(outside, move=True)
    assert (summary.ingested, summary.failures) == (2, [])
    assert [path for path in outside.rglob("*") if path.is_file()] == []
    assert given <= store.digests()
    assert store.verify().clean


def test_move_takes_away_what_the_store_has_already(store, outside, archive):
    store.ingest(*archive.pair, *archive.single)
    state = store.state()
    store.ingest(*(outside / path.name for path in (*archive.pair, *archive.single)), move=True)
    assert {path.name for path in outside.iterdir()} == {p.name for p in (*archive.bad, archive.refused)}
    assert store.state() == state


def test_move_leaves_what_failed_where_it_is(store, outside, archive, monkeypatch):
    path = outside / archive.single[0].name
    monkeypatch.setattr(pipeline, "refuse_files", lambda *_, **__: path.write_bytes(path.read_bytes()[:-1] + b"\1"))
    summary = store.ingest(path, move=True)
    assert [failure.code for failure in summary.failures] == ["data.changed"]
    assert path.is_file()


def test_limit_does_so_many_exposures_and_the_next_run_the_others(new_store, archive):
    store, other = new_store(), new_store("other")
    good = (*archive.pair, *archive.single)
    assert store.ingest(*good, limit=1).ingested == 1
    assert store.state().of("metadata", "rootname") == [("lsimp1aaq",)]
    summary = store.ingest(*good, limit=1)
    assert (summary.ingested, summary.unchanged) == (1, 1)
    other.ingest(*good)
    assert store.state() == other.state()


def test_mission_takes_its_own_files_only(store, archive):
    summary = store.ingest(archive.folder, missions=("hst",))
    assert (summary.ingested, dict(summary.rejected)) == (2, {"Bad EXPFLAG": 1})


def test_a_path_that_does_not_exist(store, tmp_path):
    with pytest.raises(UsageError) as caught:
        store.ingest(tmp_path / "nowhere")
    assert caught.value.code == "usage.no-such-path"
    assert str(tmp_path / "nowhere") in caught.value.message
    assert caught.value.hint


def test_a_dry_run_writes_nothing_at_all(store, outside):
    before = footprint(outside.parent)
    summary = dry_run(store, outside)
    assert (summary.ingested, sum(summary.rejected.values()), summary.failures) == (2, 2, [])
    assert footprint(outside.parent) == before
    assert not store.home.exists()
    engine = make_engine(store.url)
    if engine.dialect.name == "postgresql":
        assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_dry_run_of_a_filled_store_tells_what_a_run_would_do(store, archive, outside, tmp_path):
    store.ingest(*archive.pair, *archive.bad)
    newer = recalibrated(tmp_path / "newer", archive.pair[0], "4.0")
    store.give(newer, *archive.single, archive.refused, archive.bad[0])
    state, tree = store.state(), files_of(store.home)
    told = dry_run(store)
    assert store.state() == state
    assert files_of(store.home) == tree
    done = store.ingest()
    for name in ("ingested", "updated", "unchanged", "rejected", "waiting", "failures"):
        assert getattr(told, name) == getattr(done, name), name


# --- settings


@pytest.fixture(scope="session")
def both_detectors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("both")
    expose(folder, "lsimf1aaq")
    nuv = {"detector": "NUV", "opt_elem": "G185M", "cenwave": 1786, "segments": ("A", "B", "C")}
    expose(folder, "lsimn1aaq", **nuv)
    return folder


@pytest.mark.parametrize(
    ("changes", "remade"),
    [
        ({"missions__hst__bin_width": "4 s"}, {"hst/lsimf1aaq//", "hst/lsimn1aaq//"}),
        ({"missions__hst__airglow": "none"}, {"hst/lsimf1aaq//"}),
        ({"missions__hst__nuv_wavelength": "1000 Angstrom .. 2500 Angstrom"}, {"hst/lsimn1aaq//"}),
        ({"missions__hst__minimum_exptime": "2 s"}, set()),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_changed_setting_makes_anew_what_reads_it_when_asked(store, both_detectors, changes, remade):
    store.ingest(both_detectors)
    changed = store.configured(**changes)
    before = store.state()
    assert changed.ingest(both_detectors).unchanged == 2
    assert store.state() == before
    summary = changed.ingest(stale=True)
    assert (summary.updated, summary.statistics) == (len(remade), len(remade))
    old, new = (dict(state.of("product", "key", "settings_digest")) for state in (before, store.state()))
    assert {key for key in old if old[key] != new[key]} == remade
    again = changed.ingest(stale=True)
    assert (again.updated, again.unchanged, again.statistics) == (0, 2, 0)
    assert store.verify().clean


def test_stale_asks_rejected_exposures_again(store, archive):
    store.ingest(*archive.bad)
    kinder = store.configured(missions__hst__accepted_expflags='["NORMAL", "INTERRUPTED"]')
    assert kinder.ingest(*archive.bad).unchanged == 1
    assert kinder.ingest(stale=True).ingested == 1
    state = store.state()
    assert state.below("bad_data") == []
    assert state.rows["bad_data"] == []
    assert store.verify().clean
    assert store.ingest(stale=True).unchanged == 1  # it has its curve: the thresholds of the checks are not part of it


# --- damage


def test_verify_and_sweep_report_what_does_not_fit(store, archive):
    store.ingest(*archive.pair, *archive.single)
    assert store.verify().clean
    tree = store.home / "filesystem"
    (missing,) = tree.rglob(archive.pair[0].name)
    (damaged,) = tree.rglob(archive.single[0].name)
    missing.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\1")
    unknown = tree / "stray.fits"
    unknown.write_bytes(b"stray")
    part = tree / "SIM-STAR" / "x.fits.nowhere-1-1.part"
    report = store.verify()
    assert (report.missing, report.damaged, report.unknown) == ((missing,), (damaged,), (unknown,))
    part.write_bytes(b"of another host")
    with store.open() as context:
        mine = part.with_name(f"x.fits.{context.run}.part")
        mine.write_bytes(b"of a run that ended")
        assert sweep(context).swept == (mine,)
    assert part.is_file()
    assert store.ingest(archive.pair[0]).failures == []
    assert missing.is_file()


def test_a_lost_file_is_told_when_it_is_needed_and_comes_back_when_given(store, archive):
    store.ingest(*archive.pair)
    state = store.state()
    (lost,) = (store.home / "filesystem").rglob(archive.pair[0].name)
    lost.unlink()
    summary = store.configured(missions__hst__bin_width="4 s").ingest(stale=True)
    (failure,) = summary.failures
    assert failure.code == "data.vanished"
    assert str(lost) in failure.message
    assert store.ingest(*archive.pair).failures == []
    assert store.state() == state


def test_a_lost_version_that_was_superseded_comes_back_when_given(store, archive, tmp_path):
    (old,) = archive.single
    store.ingest(old)
    (lost,) = (store.home / "filesystem").rglob(old.name)
    lost.unlink()
    store.ingest(recalibrated(tmp_path / "new", old, "4.0"))
    (missing,) = store.verify().missing
    assert missing.parent.parent.name == "superseded"
    store.give(old)
    assert store.ingest().updated == 1
    assert missing.is_file()
    assert store.state().below("ingest") == []
    assert store.verify().clean


def test_a_lost_light_curve_is_made_again(store, archive):
    store.ingest(*archive.single)
    state = store.state()
    (curve,) = (store.home / "outputs").rglob("*.fits")
    curve.unlink()
    assert store.ingest(*archive.single).updated == 1
    assert store.state() == state


def test_a_damaged_light_curve_has_no_statistics(store, archive):
    store.ingest(*archive.single)
    (curve,) = (store.home / "outputs").rglob("*.fits")
    curve.write_bytes(curve.read_bytes()[:-1] + b"\1")
    store_reset(store, "stats")
    (failure,) = store.build_statistics().failures
    assert failure.code == "data.changed"
    assert str(curve) in failure.message
    assert failure.hint


# --- resets


def store_reset(store, what):
    with store.open() as context:
        reset(context.engine, what)


def test_a_reset_of_the_files_and_an_ingest_give_the_same_store(store, archive, tmp_path):
    store.ingest(archive.folder)
    store.ingest(recalibrated(tmp_path / "new", archive.pair[0], "4.0"))
    state = store.state()
    with store.open() as context:
        moved, deleted = reset_files(context)
    assert sorted(str(path.relative_to(store.inbox)) for path in moved) == store.state().below("ingest")
    assert len(moved) == 5
    assert len(deleted) == 2
    assert store.state().below("filesystem") == store.state().below("outputs") == []
    assert store.ingest().failures == []
    assert store.state() == state


def test_a_reset_of_files_and_database_and_an_ingest_give_the_same_store(store, archive, tmp_path):
    store.ingest(*archive.pair, *archive.single)
    store.ingest(recalibrated(tmp_path / "new", archive.pair[0], "4.0"))
    state = store.state()
    with store.open() as context:
        reset_files(context)
    store_reset(store, "all")
    store.ingest()
    assert store.state() == state


@pytest.mark.parametrize("table", ["stats", "outputs", "metadata", "product", "bad_data"])
def test_a_reset_of_one_table_is_healed(store, archive, table):
    store.ingest(*archive.pair, *archive.single, *archive.bad)
    state = store.state()
    store_reset(store, table)
    assert store.state() != state
    if table == "stats":
        assert store.build_statistics().statistics == 2
    else:
        store.ingest(stale=True)
    assert store.state() == state


@pytest.mark.parametrize("table", ["outputs", "metadata", "product", "exposure_file"])
def test_a_reset_of_one_table_is_healed_by_the_same_files_again(store, archive, table):
    store.ingest(*archive.pair, *archive.single, *archive.bad)
    state = store.state()
    store_reset(store, table)
    store.ingest(*archive.pair, *archive.single, *archive.bad)
    assert store.state() == state


# --- bad data


def test_a_rejected_exposure_has_a_row_a_file_with_the_first_reason_and_all_findings(store, archive, tmp_path):
    first = expose(tmp_path, "lsimb2aaq", expflag="INTERRUPTED", shutter="Closed", proposid=13635)[0]
    store.ingest(first)
    state = store.state()
    assert state.of("bad_data", "filename", "kind", "reason") == [(first.name, "corrtag_a", "Bad EXPFLAG")]
    ((message,),) = state.of("bad_data", "message")
    assert "'INTERRUPTED'" in message
    reasons = {reason for reason, severity in state.of("finding", "reason", "severity") if severity == "reject"}
    assert reasons == {"Bad EXPFLAG", "Bad Proposal", "Shutter closed"}


def test_both_segments_and_the_spectrum_of_a_bad_exposure_have_a_row_each(store, tmp_path):
    paths = expose(tmp_path, "lsimb2aaq", expflag="INTERRUPTED", segments=("A", "B"), x1d=True)
    store.ingest(*paths)
    assert store.state().of("bad_data", "filename", "reason") == [(path.name, "Bad EXPFLAG") for path in paths]
    assert store.state().below("bad_data") == sorted(path.name for path in paths)


def test_refused_files_of_one_name_are_all_kept(store, archive):
    for content in (b"one", b"two", b"three"):
        (store.inbox / "notes.fits").write_bytes(content)
        assert store.ingest().rejected == {"Unreadable file": 1}
    state = store.state()
    assert len(state.rows["bad_data"]) == 3
    assert len(set(state.below("bad_data"))) == 3
    assert {(store.home / row["path"] / row["filename"]).read_bytes() for row in state.rows["bad_data"]} == {
        b"one", b"two", b"three",
    }  # fmt: skip
    assert store.verify().clean


def test_a_refused_file_outside_is_recorded_where_it_is(store, archive):
    store.ingest(archive.refused)
    state = store.state()
    assert state.of("bad_data", "path", "filename") == [(str(archive.folder), "notes.fits")]
    assert state.below("bad_data") == []
    assert store.verify().clean
    store.give(archive.refused)
    store.ingest()
    assert store.state().of("bad_data", "path", "filename") == [("bad_data", "notes.fits")]


def test_a_rejected_and_a_refused_file_of_one_name_are_both_kept(store, archive, tmp_path):
    (name,) = {path.name for path in archive.bad if "_a" in path.name}
    accum = recalibrated(tmp_path, archive.bad[0], "3.4", OBSMODE="ACCUM", IMAGETYP="ACCUM")
    store.give(accum)
    assert store.ingest().rejected == {"Wrong mode": 1}
    store.give(*archive.bad)
    assert store.ingest().rejected == {"Bad EXPFLAG": 1}
    state = store.state()
    assert len(state.rows["bad_data"]) == 3
    assert len([path for path in state.below("bad_data") if path.endswith(name)]) == 2
    assert store.verify().clean


@pytest.mark.parametrize("order", ["before", "together", "after"])
def test_a_refused_file_of_a_good_exposure_keeps_its_row(new_store, archive, tmp_path, order):
    (good,) = archive.single
    accum = recalibrated(tmp_path, good, "3.4", OBSMODE="ACCUM", IMAGETYP="ACCUM")
    store = new_store()
    for paths in {"before": [[accum], [good]], "together": [[good, accum]], "after": [[good], [accum]]}[order]:
        store.ingest(*paths)
    state = store.state()
    assert state.of("bad_data", "rootname", "reason") == [("lsims1aaq", "Wrong mode")]
    assert state.of("metadata", "rootname") == [("lsims1aaq",)]
    assert store.ingest(accum, good).unchanged == 2
    assert store.state() == state


def test_a_folder_of_the_tree_may_lie_elsewhere(new_store, archive, tmp_path):
    store = new_store()
    (tmp_path / "elsewhere").mkdir()
    apart = store.configured(outputs_dir=str(tmp_path / "elsewhere"))
    assert isinstance(apart.settings.layout, Layout)
    apart.ingest(*archive.single)
    assert [path.name for path in (tmp_path / "elsewhere").rglob("*.fits")] == ["lsims1aaq_curve.fits"]
    assert apart.verify().clean
    assert apart.ingest(*archive.single).unchanged == 1


def test_what_a_group_shares_can_be_written_by_all_of_it(store, archive):
    """Whatever the umask of the one who was first."""
    before = os.umask(0o077)
    try:
        store.ingest(archive.folder)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in store.home.rglob("*")}
    logs = {name for name in modes if name.endswith((".log", "-wal", "-shm"))}
    assert {name: oct(mode) for name, mode in modes.items() if mode not in (0o770, 0o660) and name not in logs} == {}
