"""The world of the stand-in: time travel, what a perfect client holds, and the worlds that come with it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.testing.archive import FaultPlan, File, World
from hstlc.testing.archive.hst_files import EXCLUDED_TARGETS
from hstlc.testing.archive.mast_catalog import ARCHIVE
from hstlc.testing.archive.scenarios import (
    EARLY,
    START,
    TARGET,
    busy_days,
    campaign,
    embargo_ends,
    first_run,
    renamed_column,
    reprocessed,
    touched,
    vanishes_and_returns,
)

DAY = timedelta(days=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Turned:
    def __init__(self, now: datetime = NOON) -> None:
        self.present = now

    def now(self) -> datetime:
        return self.present

    def sleep(self, seconds: float, stop: Event | None = None) -> bool:
        self.present += timedelta(seconds=seconds)
        return stop is not None and stop.is_set()


def files(number: int, made: datetime) -> Sequence[File]:
    return (File("a.fits", f"{number} {made}".encode()), File("b.txt", b"other", wanted=False))


@pytest.fixture
def world() -> World:
    world = World(Turned())
    world.add("mast", "A", {"x": 1}, files, made=NOON)
    return world


def shown(world: World, days: float) -> tuple[str, bool] | None:
    found = world.shown("mast", "A", NOON + days * DAY)
    return None if found is None else (found.version.key, found.public)


def test_a_dataset_appears_when_it_is_visible(world: World) -> None:
    assert shown(world, -0.1) is None
    assert shown(world, 0) == ("2026-01-01T12:00:00", True)
    assert world.visible("xsa") == []


def test_what_is_late_has_dates_of_the_past() -> None:
    world = World(Turned())
    world.add("mast", "A", {}, files, made=NOON, archived=NOON + DAY, visible_from=NOON + 3 * DAY)
    assert shown(world, 2.9) is None
    assert world.visible("mast", NOON + 3 * DAY)[0].version.archived == NOON + DAY


def test_turning_the_clock_moves_the_world(world: World) -> None:
    world.reprocess("mast", "A", NOON + 2 * DAY)
    clock = world.clock
    assert world.visible("mast")[0].version.number == 0
    clock.sleep(2 * 86400.0)
    assert world.visible("mast")[0].version.number == 1


def test_a_new_version_has_other_content_and_a_touched_one_the_same(world: World) -> None:
    world.reprocess("mast", "A", NOON + 2 * DAY)
    world.reprocess("mast", "A", NOON + 4 * DAY, change_bytes=False)
    one, two, three = (world.visible("mast", NOON + days * DAY)[0].version for days in (0, 2, 4))
    assert one.files[0].content != two.files[0].content == three.files[0].content
    assert (two.key, three.key) == ("2026-01-03T12:00:00", "2026-01-05T12:00:00")


def test_an_embargo_ends_at_its_date(world: World) -> None:
    world.embargo("mast", "A", NOON + 5 * DAY)
    assert [shown(world, days) for days in (4.9, 5)] == [("2026-01-01T12:00:00", False), ("2026-01-01T12:00:00", True)]


def test_an_embargo_may_be_shortened_later(world: World) -> None:
    world.embargo("mast", "A", NOON + 9 * DAY)
    world.embargo("mast", "A", NOON + 5 * DAY, when=NOON + 3 * DAY)
    releases = [world.visible("mast", NOON + days * DAY)[0].release for days in (2, 3)]
    assert releases == [NOON + 9 * DAY, NOON + 5 * DAY]


def test_what_is_removed_is_gone_until_it_returns(world: World) -> None:
    world.remove("mast", "A", NOON + 2 * DAY)
    assert shown(world, 100) is None
    world.restore("mast", "A", NOON + 4 * DAY)
    assert [shown(world, days) is None for days in (1.9, 2, 3.9, 4)] == [False, True, True, False]


def test_columns_are_renamed_from_a_day_on(world: World) -> None:
    world.rename_column("mast", "x", "y", when=NOON + DAY)
    world.rename_column("mast", "y", "z", when=NOON + 2 * DAY)
    assert [world.column_name("mast", "x", NOON + days * DAY) for days in (0, 1, 2)] == ["x", "y", "z"]
    assert world.column_name("xsa", "x", NOON + DAY) == "x"


def test_a_name_is_taken_once(world: World) -> None:
    with pytest.raises(ValueError, match="use reprocess"):
        world.add("mast", "A", {}, files, made=NOON)


def test_a_perfect_client_holds_every_public_version_and_what_was_removed(world: World) -> None:
    world.reprocess("mast", "A", NOON + 2 * DAY)
    world.remove("mast", "A", NOON + 4 * DAY)
    world.add("mast", "B", {}, lambda *_: (File("c", b"secret"),), made=NOON, release=NOON + 50 * DAY)
    held = world.expected(NOON + 9 * DAY)
    content = f"1 {NOON + 2 * DAY}".encode()
    assert held["mast", "a.fits", "2026-01-03T12:00:00"] == hashlib.sha256(content).hexdigest()
    assert set(held) == {("mast", "a.fits", "2026-01-01T12:00:00"), ("mast", "a.fits", "2026-01-03T12:00:00")}
    assert set(world.expected(NOON + 9 * DAY, every_version=False)) == {("mast", "a.fits", "2026-01-03T12:00:00")}
    assert ("mast", "c", "2026-01-01T12:00:00") in world.expected(NOON + 50 * DAY)
    assert world.expected(NOON - DAY) == {}


def test_versions_made_under_embargo_are_not_held() -> None:
    world = World(Turned())
    world.add("mast", "A", {}, files, made=NOON, release=NOON + 5 * DAY)
    world.reprocess("mast", "A", NOON + 2 * DAY)
    assert set(world.expected(NOON + 9 * DAY)) == {("mast", "a.fits", "2026-01-03T12:00:00")}


def test_files_may_have_other_names_and_versions_for_clients() -> None:
    world = World(Turned())
    world.add("cda", "1", {}, lambda *_: (File("f_N004", b"", product="f", version="N004"),), made=NOON)
    assert set(world.expected()) == {("cda", "f", "N004")}
    assert world.expected(archives=("mast",)) == {}


events = st.lists(
    st.tuples(
        st.sampled_from("AB"), st.sampled_from(["reprocess", "remove", "restore", "embargo"]), st.integers(1, 20)
    ),
    max_size=8,
)


@given(events, st.integers(0, 25))
def test_the_state_of_a_day_is_kept_only_while_it_holds(changes: list[tuple[str, str, int]], day: int) -> None:
    world = World(Turned())
    for key in "AB":
        world.add("mast", key, {}, files, made=NOON)
    for key, what, when in changes:
        moment = NOON + when * DAY
        absences = world.record("mast", key).absences
        if what == "reprocess":
            world.reprocess("mast", key, moment)
        elif what == "remove":
            world.remove("mast", key, moment)
        elif what == "restore" and absences and absences[-1][0] < moment:
            world.restore("mast", key, moment)
        elif what == "embargo":
            world.embargo("mast", key, moment)
    for other in range(26):  # fills what is kept
        world.visible("mast", NOON + other * DAY)
    now = NOON + day * DAY
    for record in world.records("mast"):
        version = record.version(now)
        found = world.shown("mast", record.key, now)
        assert (found and found.version) == version
        assert found is None or found.public == record.is_public(now)
    # nobody can hold more than was shown, and everything that is shown now is held
    held = world.expected(now)
    assert {(one.key, one.public) for one in world.visible("mast", now) if one.public} <= {
        (one.key, True) for one in world.visible("mast", now) if ("mast", "a.fits", one.version.key) in held
    }
    assert set(world.expected(now, every_version=False)) <= set(held) <= set(world.expected(now + DAY))


def test_a_hundred_thousand_datasets_are_sorted_out_once() -> None:
    world = World(Turned())
    made = [0]

    def make(number: int, when: datetime) -> Sequence[File]:
        made[0] += 1
        return files(number, when)

    for number in range(100_000):
        world.add("mast", f"D{number}", {}, make, made=NOON - timedelta(minutes=number))
    first = world.visible("mast")
    assert len(first) == 100_000
    assert world.visible("mast") is first
    assert made == [0]
    assert len(world.visible("mast", NOON - timedelta(minutes=10.5))) == 99_989


# worlds that come with it


def test_a_first_run_has_everything_mixed() -> None:
    world = first_run(Turned())
    datasets = world.visible(ARCHIVE)
    columns = [one.columns for one in datasets]
    assert len(datasets) == 40
    assert {one["sci_instrument_config"] for one in columns} == {"COS/FUV", "COS/NUV", "STIS/FUV-MAMA"}
    assert {one["sci_targname"] for one in columns} >= {*EXCLUDED_TARGETS, TARGET}
    assert sum(one["sci_targname"] == TARGET for one in columns) == 3
    assert sum(not one.public for one in datasets) == 1
    names = {name for _, name, _ in world.held()}
    assert {name.split("_", 1)[1] for name in names} == {
        *("corrtag_a.fits", "corrtag_b.fits", "corrtag.fits", "tag.fits", "x1d.fits")
    }
    every = {file.name for one in datasets for file in one.version.files}
    assert any("w1q" in name for name in every - names)
    assert not any("w1q" in name for name in names)
    assert world.visible(ARCHIVE, EARLY - DAY) == []


def test_nothing_happens_after_a_first_run() -> None:
    world = first_run(Turned())
    assert world.epoch(ARCHIVE, NOON) == world.epoch(ARCHIVE, NOON + 300 * DAY)


def test_x_ray_archives_have_something_on_request() -> None:
    world = first_run(Turned(), xray=True)
    assert all(world.visible(archive) for archive in ("mast", "xsa", "csc", "cda"))


def test_a_reprocessed_dataset_has_the_same_sizes_and_other_bytes() -> None:
    world, key = reprocessed(NOON + DAY, Turned())
    old, new = (world.shown(ARCHIVE, key, NOON + days * DAY) for days in (0, 1))
    assert old is not None
    assert new is not None
    for before, after in zip(old.version.files, new.version.files, strict=True):
        assert before.name == after.name
        assert len(before.content) == len(after.content)
        assert before.content != after.content
    assert new.version.key > old.version.key


def test_a_touched_dataset_has_new_dates_and_the_same_bytes() -> None:
    world, key = touched(NOON + DAY, Turned())
    old, new = (world.shown(ARCHIVE, key, NOON + days * DAY) for days in (0, 1))
    assert old is not None
    assert new is not None
    assert [one.content for one in old.version.files] == [one.content for one in new.version.files]
    assert new.version.key == "2026-01-02T12:00:00" > old.version.key
    assert new.version.archived > old.version.archived


def test_an_embargo_ends_without_another_date_of_archiving() -> None:
    world, key = embargo_ends(NOON + DAY / 2, Turned())
    before, after = (world.shown(ARCHIVE, key, NOON + days * DAY) for days in (0, 1))
    assert before is not None
    assert after is not None
    assert (before.public, after.public) == (False, True)
    assert before.version is after.version


def test_a_dataset_vanishes_and_returns() -> None:
    world, key = vanishes_and_returns(NOON + DAY, NOON + 8 * DAY, Turned())
    assert [len(world.visible(ARCHIVE, NOON + days * DAY)) for days in (0, 2, 9)] == [40, 39, 40]
    assert world.shown(ARCHIVE, key, NOON + 2 * DAY) is None


def test_a_column_gets_another_name() -> None:
    world = renamed_column(NOON + DAY, Turned())
    assert world.column_name(ARCHIVE, "sci_targname") == "sci_targname"
    assert world.column_name(ARCHIVE, "sci_targname", NOON + DAY) == "sci_target_name"


def test_a_campaign_lets_some_downloads_fail() -> None:
    plan = FaultPlan()
    campaign(plan)
    drawn = [plan.draw("GET", f"/retrieve_product?product_name={number}") for number in range(200)]
    assert {one[0].get("code") for one in drawn if one} == {404, 500}
    assert 30 < sum(map(bool, drawn)) < 90
    assert plan.draw("POST", "/search") == ()


def test_busy_days_have_everything_and_are_the_same_each_time() -> None:
    world, again = (busy_days(60, 4, Turned()) for _ in range(2))
    end = START + 60 * DAY
    records = world.records(ARCHIVE)
    assert [(one.key, one.versions[0].made, one.absences) for one in records] == [
        (one.key, one.versions[0].made, one.absences) for one in again.records(ARCHIVE)
    ]
    versions = [version for one in records for version in one.versions]
    assert any(one.visible_from > one.archived for one in versions)
    assert any(version.number == 1 for version in versions)
    assert any(len({version.number for version in one.versions}) < len(one.versions) for one in records)
    assert any(one.release(end) for one in records)
    assert any(one.absences and one.absences[0][1] for one in records)
    assert any(one.absences and one.absences[0][1] is None for one in records)
    assert 60 < len(records) < 140
    assert [one.key for one in busy_days(60, 5, Turned()).records(ARCHIVE)] != [one.key for one in records]


@pytest.mark.parametrize("seed", range(6))
def test_who_polls_once_a_day_meets_every_version_of_busy_days(seed: int) -> None:
    world = busy_days(45, seed, Turned())
    met = set()
    for day in range(46):
        for one in world.visible(ARCHIVE, START + day * DAY):
            if one.public:
                met |= {(ARCHIVE, file.name, one.version.key) for file in one.version.files if file.wanted}
    assert met == set(world.held(START + 45 * DAY))


@pytest.mark.parametrize("seed", range(6))
def test_the_last_days_of_busy_days_are_quiet(seed: int) -> None:
    world = busy_days(45, seed, Turned(), xray=seed == 0)
    assert world.epoch(ARCHIVE, START + 42 * DAY) == world.epoch(ARCHIVE, START + 45 * DAY)
    for version in (version for one in world.records(ARCHIVE) for version in one.versions):
        assert version.made <= version.archived <= version.visible_from <= version.archived + 2 * DAY
        assert version.made.microsecond == 0
