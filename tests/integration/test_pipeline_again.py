"""What is there already stays as it is, and the order in which things come does not matter."""

from __future__ import annotations

import itertools
import shutil

import pytest
from store_state import expose, files_of, footprint, recalibrated


def assert_same(found, expected):
    assert found.rows == expected.rows
    assert found.files == expected.files


# --- the same again


def test_a_second_ingest_of_a_folder_outside_changes_nothing(store, archive):
    outside = footprint(archive.folder)
    first = store.ingest(archive.folder)
    assert (first.ingested, first.statistics, first.files) == (2, 2, 7)
    assert first.rejected == {"Bad EXPFLAG": 1, "Unreadable file": 1}
    state = store.state()
    tree = footprint(store.home)
    second = store.ingest(archive.folder)
    assert (second.ingested, second.updated, second.unchanged, second.statistics) == (0, 0, 4, 0)
    assert not second.rejected
    assert_same(store.state(), state)
    kept = {"filesystem", "outputs", "bad_data", "ingest"}
    assert {p: v for p, v in footprint(store.home).items() if p.split("/")[0] in kept} == {
        p: v for p, v in tree.items() if p.split("/")[0] in kept
    }
    assert footprint(archive.folder) == outside


def test_a_second_ingest_of_the_ingest_folder_empties_it_and_changes_nothing(store, archive):
    everything = sorted(archive.folder.iterdir())
    store.give(*everything)
    store.ingest()
    state = store.state()
    assert state.below("ingest") == []
    store.give(*everything)
    again = store.ingest()
    assert (again.ingested, again.updated, again.failures) == (0, 0, [])
    assert_same(store.state(), state)
    assert store.verify().clean


def test_inside_and_outside_end_in_the_same_rows_and_files(new_store, archive):
    outside, inside = new_store("outside"), new_store("inside")
    good = [*archive.pair, *archive.single, *archive.bad]
    outside.ingest(*good)
    inside.give(*good)
    inside.ingest()
    assert_same(inside.state(), outside.state())


def test_one_and_two_workers_end_in_the_same_rows_and_bytes(new_store, archive):
    one, two = new_store("one"), new_store("two")
    one.ingest(archive.folder, workers=1)
    two.ingest(archive.folder, workers=2)
    assert_same(two.state(), one.state())


# --- the order


def test_segments_and_spectrum_may_come_in_any_order(new_store, archive):
    together = new_store("together")
    together.ingest(*archive.pair)
    expected = together.state()
    for number, order in enumerate(itertools.permutations(archive.pair)):
        store = new_store(f"order{number}")
        for path in order:
            store.give(path)
            store.ingest()
        assert_same(store.state(), expected)


def test_a_spectrum_alone_waits_where_it_is(store, archive):
    spectrum = archive.pair[-1]
    store.give(spectrum)
    summary = store.ingest()
    assert summary.waiting == [f"{spectrum.name}: waits for the event list of exposure lsimp1aaq; ingest them together"]
    assert store.state().below("ingest") == [spectrum.name]
    store.give(*archive.pair[:2])
    assert store.ingest().ingested == 1
    assert store.state().below("ingest") == []


@pytest.fixture(scope="session")
def versions(archive, tmp_path_factory):
    """One segment in three calibrations, oldest first."""
    folder = tmp_path_factory.mktemp("versions")
    return [recalibrated(folder / v, archive.single[0], v) for v in ("3.2.1", "3.4.0", "3.10.2")]


def test_three_versions_in_any_order_end_the_same(new_store, versions):
    expected = None
    for number, order in enumerate(itertools.permutations(versions)):
        store = new_store(f"order{number}")
        for path in order:
            store.ingest(path)
        state = store.state()
        expected = expected or state
        assert_same(state, expected)
        assert store.verify().clean
    newest = versions[-1].parent.name
    assert expected.of("exposure_file", "cal_ver", "state") == [
        ("3.10.2", "current"), ("3.2.1", "superseded"), ("3.4.0", "superseded"),
    ]  # fmt: skip
    assert expected.of("metadata", "cal_ver") == [(newest,)]


def test_three_versions_with_a_bad_one_in_any_order_end_the_same(new_store, versions, tmp_path):
    for which in range(3):
        given = list(versions)
        given[which] = recalibrated(tmp_path / f"bad{which}", versions[which], versions[which].parent.name, EXPFLAG="X")
        expected = None
        for number, order in enumerate(itertools.permutations(given) if which == 2 else (given, given[::-1])):
            store = new_store(f"bad{which}-order{number}")
            for path in order:
                store.ingest(path)
            state = store.state()
            expected = expected or state
            assert_same(state, expected)
        assert len(expected.rows["bad_data"]) == (which == 2)


def test_two_bad_versions_in_any_order_end_the_same(new_store, versions, tmp_path):
    bad = [recalibrated(tmp_path / v.parent.name, v, v.parent.name, EXPFLAG="X") for v in versions[:2]]
    states = []
    for name, order in (("forth", bad), ("back", bad[::-1]), ("together", [bad])):
        store = new_store(name)
        for paths in order:
            store.ingest(*(paths if isinstance(paths, list) else [paths]))
        states.append(store.state())
    assert_same(states[1], states[0])
    assert_same(states[2], states[0])
    assert states[0].below("bad_data") == [bad[0].name]


# --- versions


def test_a_newer_version_supersedes_and_an_older_one_goes_to_history(store, versions):
    old, middle, new = versions
    digest = {path: files_of(path.parent, ("",))[path.name] for path in versions}
    store.ingest(middle)
    (first_curve,) = store.state().of("product", "sha256", "input_digest")
    assert store.ingest(new).updated == 1
    state = store.state()
    assert state.of("product", "sha256", "input_digest") != [first_curve]
    assert state.below("filesystem") == [
        f"SIM-OTHER/{new.name}", f"SIM-OTHER/superseded/{digest[middle][:8]}/{middle.name}",
    ]  # fmt: skip
    assert state.files[f"filesystem/SIM-OTHER/{new.name}"] == digest[new]
    summary = store.ingest(old)
    assert (summary.updated, summary.statistics) == (1, 0)
    late = store.state()
    assert late.rows["product"] == state.rows["product"]
    assert late.rows["stats"] == state.rows["stats"]
    assert late.files.items() - state.files.items() == {
        (f"filesystem/SIM-OTHER/superseded/{digest[old][:8]}/{old.name}", digest[old])
    }
    assert late.of("exposure_file", "sha256", "state") == sorted(
        [(digest[old], "superseded"), (digest[middle], "superseded"), (digest[new], "current")]
    )


def test_a_bad_newer_version_takes_the_curve_away_and_a_good_one_brings_it_back(store, archive, tmp_path):
    store.ingest(*archive.pair)
    accepted = store.state()
    segment = archive.pair[1]
    bad = recalibrated(tmp_path / "bad", segment, "4.0", EXPFLAG="INTERRUPTED")
    summary = store.ingest(bad)
    assert summary.rejected == {"Bad EXPFLAG": 1}
    rejected = store.state()
    assert rejected.below("bad_data") == sorted(path.name for path in archive.pair)
    assert rejected.below("outputs") == []
    for table in ("metadata", "outputs", "product", "stats", "pending_removal"):
        assert rejected.rows[table] == [], table
    assert len(rejected.rows["bad_data"]) == 3
    again = store.ingest(bad)
    assert (again.unchanged, sum(again.rejected.values())) == (1, 0)
    assert_same(store.state(), rejected)
    good = recalibrated(tmp_path / "good", segment, "5.0")
    assert store.ingest(good).ingested == 1
    restored = store.state()
    assert restored.rows["bad_data"] == []
    assert restored.below("bad_data") == []
    assert restored.of("exposure_file", "kind", "state") == [
        ("corrtag_a", "current"), ("corrtag_b", "current"), ("corrtag_b", "superseded"),
        ("corrtag_b", "superseded"), ("x1d", "current"),
    ]  # fmt: skip
    assert restored.of("outputs", "individual_filename") == accepted.of("outputs", "individual_filename")
    assert store.verify().clean


def test_a_bad_segment_rejects_the_whole_exposure_until_a_good_one_comes(new_store, archive, tmp_path):
    good_a, good_b, spectrum = archive.pair
    bad_b = recalibrated(tmp_path / "b", good_b, "1.0", EXPFLAG="INTERRUPTED")
    store = new_store("late")
    store.ingest(good_a, spectrum)
    store.ingest(bad_b)
    assert store.state().below("bad_data") == sorted(path.name for path in archive.pair)
    assert store.state().below("filesystem") == []
    store.ingest(good_b)
    direct = new_store("direct")
    direct.ingest(good_a, good_b, spectrum, bad_b)
    assert_same(store.state(), direct.state())
    assert store.state().of("product", "filename") == [("lsimp1aaq_curve.fits",)]


def test_a_truncated_segment_rejects_and_tells_its_name_alone(new_store, archive, tmp_path):
    good_a, good_b, _ = archive.pair
    cut = tmp_path / good_a.name
    cut.write_bytes(good_a.read_bytes()[:-4000])
    apart, together = new_store("apart"), new_store("together")
    apart.ingest(cut)
    apart.ingest(good_b)
    together.give(cut, good_b)
    together.ingest()
    assert_same(together.state(), apart.state())
    ((reason, message),) = set(together.state().of("bad_data", "reason", "message"))
    assert reason == "Unreadable file"
    assert message.startswith(f"{good_a.name} is cut short")
    apart.ingest(good_a)
    assert apart.state().of("exposure_file", "kind", "state") == [
        ("corrtag_a", "current"), ("corrtag_a", "superseded"), ("corrtag_b", "current"),
    ]  # fmt: skip


def test_another_target_name_moves_the_whole_exposure(store, archive, tmp_path):
    store.ingest(*archive.pair)
    newer = recalibrated(tmp_path, archive.pair[0], "4.0", TARGNAME="RENAMED")
    store.ingest(newer)
    assert {path.split("/")[0] for path in store.state().below("filesystem")} == {"RENAMED"}
    assert store.state().below("outputs") == ["RENAMED/lsimp1aaq_curve.fits"]
    assert not (store.home / "filesystem" / "SIM-STAR").exists()
    assert store.verify().clean


def test_the_same_file_twice_in_the_ingest_folder_is_one_file(store, archive):
    (path,) = archive.single
    store.give(path)
    (store.inbox / "again").mkdir()
    shutil.copyfile(path, store.inbox / "again" / path.name)
    assert store.ingest().ingested == 1
    assert store.state().below("ingest") == []
    assert store.state().below("filesystem") == [f"SIM-OTHER/{path.name}"]


def test_an_exposure_of_another_name_does_not_disturb(store, archive, tmp_path):
    store.ingest(*archive.single)
    before = store.state()
    store.ingest(*expose(tmp_path, "lsims1aax", targname="SIM-OTHER", seed=9))
    after = store.state()
    assert before.files.items() <= after.files.items()
    for table, rows in before.rows.items():
        assert all(row in after.rows[table] for row in rows), table
