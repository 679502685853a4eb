"""Names that come from outside: of targets, exposures and files."""

from __future__ import annotations

import os
import shutil

import pytest
from store_state import expose, files_of, footprint, recalibrated

from hstlc.model.target import canonical

HOSTILE_TARGETS = (
    "../../escape",
    "..",
    ".",
    "/etc/passwd",
    "NGC 5548",
    "NGC-5548",
    "NGC/5548",
    "ngc-5548",
    "superseded",
    "composite",
    "-rf",
    ".hidden",
    "a" * 41,
    "HD 189733 b; DROP TABLE metadata --",
    "%s%n{0}",
    "",
)
SAME = {"NGC 5548", "NGC-5548", "ngc-5548"}


@pytest.fixture(scope="module")
def star(tmp_path_factory):
    return expose(tmp_path_factory.mktemp("star"), "lsimt0aaq")[0]


def test_targets_of_any_name_have_a_folder_each_inside_the_tree(store, star, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    for number, name in enumerate(HOSTILE_TARGETS):
        path = recalibrated(tmp_path / "made", star, "3.4", TARGNAME=name, ROOTNAME=f"lsimt{number:02}aq")
        path.rename(given / f"lsimt{number:02}aq_corrtag_a.fits")
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(store.home)}
    summary = store.ingest(given)
    assert summary.failures == []
    assert summary.ingested == len(HOSTILE_TARGETS)
    state = store.state()
    called = {row["header_targname"]: row["targname"] for row in state.rows["metadata"]}
    assert called == {name: "NGC-5548" if name in SAME else canonical(name) for name in HOSTILE_TARGETS}
    for folder in ("filesystem", "outputs"):
        names = state.below(folder)
        assert len(names) == len(HOSTILE_TARGETS)
        assert len({name.split("/")[0] for name in names}) == len(set(called.values())) == len(names) - 2
    new = {path for path in tmp_path.rglob("*") if not path.is_relative_to(store.home)} - before
    assert {path for path in new if not path.name.startswith("hstlc.db")} <= {store.home}
    assert store.verify().clean
    assert store.ingest(given).unchanged == len(HOSTILE_TARGETS)


def test_a_target_name_that_is_no_ascii(store, star, tmp_path):
    path = tmp_path / star.name
    path.write_bytes(star.read_bytes().replace(b"'SIM-STAR'", "'S\u00efM-ST\u00c4'".encode("latin-1").ljust(10)))
    summary = store.ingest(path)
    assert summary.failures == []
    assert store.verify().clean
    assert store.ingest(path).unchanged + sum(summary.rejected.values()) == 1


@pytest.mark.parametrize(
    "cards",
    [
        {"ROOTNAME": "../../../etc/x"},
        {"ROOTNAME": "a/b"},
        {"ROOTNAME": "r" * 68},
        {"OBSTYPE": "o" * 60},
        {"APERTURE": "p" * 68},
        {"CAL_VER": "c" * 68},
        {"FPPOS": 2**40},
        {"PROPOSID": -(2**40)},
        {"CENWAVE": 1e300},
    ],
    ids=lambda cards: f"{next(iter(cards))}",
)
def test_a_header_that_lies_about_itself_disturbs_nothing_else(store, archive, star, tmp_path, cards):
    path = recalibrated(tmp_path / "odd", star, **{"version": "3.4", **cards})
    before = footprint(tmp_path / "odd")
    summary = store.ingest(path, *archive.single)
    assert summary.ingested + len(summary.failures) + sum(summary.rejected.values()) == 2
    assert ("lsims1aaq",) in store.state().of("metadata", "rootname")
    for failure in summary.failures:
        assert failure.code.startswith("data.")
        assert path.name in failure.message
    assert footprint(tmp_path / "odd") == before
    assert {path.name for path in tmp_path.iterdir()} <= {"odd", "home", "database-of-home"}
    again = store.ingest(path, *archive.single)
    assert again.failures == summary.failures
    assert again.ingested == 0


def test_one_exposure_whose_name_begins_another(store, star, tmp_path):
    first = recalibrated(tmp_path / "1", star, "3.4", ROOTNAME="a")
    second = recalibrated(tmp_path / "2", star, "3.4", ROOTNAME="a/b")
    store.ingest(first, second)
    store.ingest(recalibrated(tmp_path / "3", first, "3.5", EXPFLAG="INTERRUPTED"))
    assert store.state().of("product", "key") == [("hst/a%2Fb//",)]
    assert store.verify().clean


@pytest.mark.parametrize("name", ["a b.fits", "-rf.fits", "\u00e4\u20ac.fits", "x" * 200 + ".fits", "new\nline.fits"])
@pytest.mark.parametrize("kind", ["good", "refused"])
def test_a_file_of_any_name(store, archive, name, kind):
    shutil.copyfile(archive.single[0] if kind == "good" else archive.refused, store.inbox / name)
    summary = store.ingest()
    assert summary.failures == []
    state = store.state()
    assert state.below("ingest") == []
    (stored,) = state.below("filesystem" if kind == "good" else "bad_data")
    assert stored.isascii()
    assert stored.isprintable()
    assert len(stored) < 150
    assert store.verify().clean


def test_two_exposures_of_a_target_in_files_of_one_name(new_store, archive, tmp_path):
    one = shutil.copy(archive.pair[0], make(tmp_path / "1") / "events.fits")
    two = shutil.copy(expose(tmp_path / "x", "lsimz1aaq", seed=9)[0], make(tmp_path / "2") / "events.fits")
    states = []
    for name, order in (("forth", (one, two)), ("back", (two, one))):
        store = new_store(name)
        for path in order:
            assert store.ingest(path).failures == []
        states.append(store.state())
        assert store.verify().clean
    assert states[0] == states[1]
    assert len(states[0].below("filesystem")) == 2


def test_two_parts_of_an_exposure_in_files_of_one_name(new_store, archive, tmp_path):
    paths = [make(tmp_path / str(number)) / "lsimp1aaq.fits" for number in range(3)]
    for source, path in zip(archive.pair, paths, strict=True):
        shutil.copyfile(source, path)
    states = []
    for name, order in (("together", [paths]), ("forth", [[p] for p in paths]), ("back", [[*paths[1:]], paths[:1]])):
        store = new_store(name)
        for some in order:
            assert store.ingest(*some).failures == []
        states.append(store.state())
        assert store.verify().clean
    assert states[0] == states[1] == states[2]
    digests = {next(iter(files_of(path.parent, ("",)).values())) for path in paths}
    assert digests <= set(states[0].files.values())


def make(folder):
    folder.mkdir(exist_ok=True)
    return folder


def test_a_link_is_followed_and_left_alone(store, archive, tmp_path):
    link = store.inbox / archive.single[0].name
    link.symlink_to(archive.single[0])
    before = footprint(archive.folder)
    assert store.ingest().ingested == 1
    assert link.is_symlink()
    (stored,) = (store.home / "filesystem").rglob("*.fits")
    assert not stored.is_symlink()
    assert footprint(archive.folder) == before
    assert store.ingest().unchanged == 1


def test_a_broken_link_and_a_folder_named_like_a_file_are_nothing(store, archive):
    (store.inbox / "gone.fits").symlink_to(store.home / "nowhere.fits")
    (store.inbox / "folder.fits").mkdir()
    (store.inbox / "loop").symlink_to(store.inbox)
    os.mkfifo(store.inbox / "pipe.fits")
    store.give(*archive.single)
    summary = store.ingest()
    assert (summary.files, summary.ingested, summary.failures) == (1, 1, [])


def test_a_tree_behind_a_link_never_deletes_its_own_files(new_store, archive, tmp_path):
    store = new_store()
    store.ingest(*archive.pair)
    state = store.state()
    front = tmp_path / "front"
    front.symlink_to(store.home)
    seen = type(store)(front, store.url)
    assert seen.ingest(store.home / "filesystem" / "SIM-STAR", move=True).unchanged == 1
    assert store.state() == state


@pytest.mark.parametrize("place", ["outside", "ingest folder"])
def test_names_whose_bytes_are_no_text(store, archive, tmp_path, place):
    folder = (tmp_path if place == "outside" else store.inbox) / os.fsdecode(b"caf\xe9\xff")
    folder.mkdir()
    for number, path in enumerate((*archive.pair, *archive.bad, archive.refused)):
        shutil.copyfile(path, folder / os.fsdecode(b"%d\xff.fits" % number))
    paths = (folder,) if place == "outside" else ()
    summary = store.ingest(*paths)
    assert summary.failures == []
    assert (summary.ingested, dict(summary.rejected)) == (1, {"Bad EXPFLAG": 1, "Unreadable file": 1})
    assert store.verify().clean
    state = store.state()
    assert len(state.rows["bad_data"]) == 3
    assert state.rows["pending_removal"] == []
    if place == "outside":
        (refused,) = (row for row in state.rows["bad_data"] if row["reason"] == "Unreadable file")
        assert refused["path"] == str(folder)
        assert len(list(folder.iterdir())) == 6
    else:
        assert list(store.inbox.rglob("*.fits")) == []
    again = store.ingest(*paths)
    assert (again.failures, again.ingested, dict(again.rejected)) == ([], 0, {})
