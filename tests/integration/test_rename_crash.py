"""A process that dies while targets change loses nothing: the same command again ends as if nothing had happened."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from composite_runs import COMPOSITE, ingest, visit
from store_state import CRASHED, FOLDERS, Store, files_of, points_of, recalibrated
from test_pipeline_crash import copies, crash

from hstlc.pipeline import rename
from hstlc.pipeline.plots import make_plots
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.store.points import POINTS
from hstlc.testing.databases import KINDS, fresh_database

NAMES = ("SIM-A", "SIM-A", "SIM-A", "SIM-B", "SIM-B")


@pytest.fixture(scope="session")
def days(tmp_path_factory):
    """Five exposures of two targets; nobody writes to them."""
    folder = tmp_path_factory.mktemp("days")
    return [visit(folder, number, targname=name, exptime_s=8.0)[0] for number, name in enumerate(NAMES, 1)]


def changed(store: Store, plan) -> Summary:
    summary = Summary()
    with store.open() as context, recorded_run(context, "targets", summary):
        rename.change(context, plan, summary)
    return summary


def renamed(store: Store) -> Summary:
    return changed(store, lambda connection: rename.plan_rename(connection, "SIM-A", "SIM-NEW"))


def merged(store: Store) -> Summary:
    return changed(store, lambda connection: rename.plan_merge(connection, ["SIM-A"], "SIM-B"))


def split(store: Store) -> Summary:
    return changed(store, lambda connection: rename.plan_split(connection, "SIM-A", ["lsim02aaq"], "SIM-NEW"))


def given(store: Store, days, tmp_path) -> Store:
    """Fill a store; one exposure has an earlier version of its file."""
    ingest(store, *days)
    ingest(store, recalibrated(tmp_path / "newer", days[0], "9.0"))
    return store


def given_with_plots(store: Store, days, tmp_path) -> Store:
    given(store, days[1:4], tmp_path)
    with store.open() as context:
        make_plots(context, Summary())
    return store


OF_THE_STORE = POINTS - {"downloaded"}
MOVING = {"staged", "staged-fsync", "published", "published-fsync", "before-commit", "committed", "unlinked"}
SCENARIOS = [
    (renamed, given, "sqlite", OF_THE_STORE),
    (renamed, given, "postgresql", {"published", "before-commit", "committed", "unlinked"}),
    (merged, given, "sqlite", {"before-commit", "committed", "curve-written"}),
    (merged, given, "postgresql", {"committed"}),
    (split, given, "sqlite", {"published", "before-commit", "committed"}),
    (split, given, "postgresql", {"committed"}),
    (renamed, given_with_plots, "sqlite", {"committed"}),
]


@pytest.mark.parametrize(
    ("action", "prepare", "kind", "points"), SCENARIOS, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_crash_while_targets_change_loses_nothing_and_the_same_again_ends_the_same(
    action, prepare, kind, points, days, tmp_path
):
    home = tmp_path / "home"
    home.mkdir()
    with ExitStack() as stack:
        url = f"sqlite:///{home / 'database.db'}"
        if kind == "postgresql":
            url = stack.enter_context(fresh_database(kind, tmp_path))
        store = prepare(Store(home, url), days, tmp_path)
        copy = stack.enter_context(copies(kind, store, tmp_path))
        try_everything(store, copy, action, points, both_ends=points is OF_THE_STORE)


def try_everything(store, copy, action, points, *, both_ends):
    """Let the action die at every point, the first and the last time it comes there, and do it again."""
    kept = {digest for path, digest in files_of(store.home).items() if not path.startswith(COMPOSITE)}
    undisturbed = copy("undisturbed")
    trace = points_of(undisturbed, action)
    assert set(trace) >= MOVING
    expected, everything = undisturbed.state(), (*FOLDERS, "plots")
    assert undisturbed.verify().clean
    for point in sorted(points):
        total = trace.count(point)
        assert total, point
        for number in sorted({1, total} if both_ends else {total}):
            where = f"{point}, time {number} of {total}"
            tried = copy(f"{point}-{number}")
            assert crash(tried, action, point, number) == CRASHED, where
            assert kept <= tried.digests(), where
            assert action(tried).failures == [], where
            state = tried.state()
            assert state.rows == expected.rows, where
            assert files_of(tried.home, everything) == files_of(undisturbed.home, everything), where
            assert not list(tried.home.rglob("*.part")), where
            assert tried.verify().clean, where


@pytest.mark.parametrize(
    ("kind", "point", "name"),
    [("sqlite", "published", "SIM-A"), ("sqlite", "committed", "SIM-NEW"), ("postgresql", "before-commit", "SIM-A")],
)
def test_after_a_crash_any_run_puts_the_store_in_order(kind, point, name, days, tmp_path):
    with ExitStack() as stack:
        store = given(Store(tmp_path / "home", stack.enter_context(fresh_database(kind, tmp_path))), days, tmp_path)
        assert crash(store, renamed, point, 1) == CRASHED
        assert ingest(store).failures == []
        assert store.verify().clean
        state = store.state()
        assert {path.split("/")[0] for path in state.below("filesystem")} == {name, "SIM-B"}
        assert {row["targname"] for row in state.rows["metadata"]} == {name, "SIM-B"}
        assert len(state.rows["stats"]) == 5 + 2
        assert state.rows["pending_removal"] == []


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_a_target_with_two_hundred_exposures_survives_a_crash_at_every_point(kind, tmp_path):
    names = [f"l{number:05d}aq" for number in range(200)]
    many = [
        visit(tmp_path / "many", i, rootname=name, targname="SIM-A", exptime_s=2.0)[0] for i, name in enumerate(names)
    ]
    many += visit(tmp_path / "many", 201, rootname="lother1aq", targname="SIM-B", exptime_s=2.0)
    home = tmp_path / "home"
    home.mkdir()
    with ExitStack() as stack:
        url = f"sqlite:///{home / 'database.db'}"
        if kind == "postgresql":
            url = stack.enter_context(fresh_database(kind, tmp_path))
        store = Store(home, url)
        ingest(store, *many)
        copy = stack.enter_context(copies(kind, store, tmp_path))
        try_everything(store, copy, merged, OF_THE_STORE if kind == "sqlite" else MOVING, both_ends=kind == "sqlite")
