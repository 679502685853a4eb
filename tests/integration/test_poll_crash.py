"""A poll or fetch that dies at any named point is gone on with, and ends in the same rows and files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from store_state import CRASHED, Store, files_of, points_of
from test_pipeline_crash import copies, crash, warm
from toy_archive import DAY, START, ToyArchive, TurnedClock, fits

from hstlc.pipeline.context import open_store
from hstlc.pipeline.fetch import fetch
from hstlc.pipeline.poll import poll
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.store.points import POINTS
from hstlc.testing.databases import KINDS, fresh_database

warm.set_forkserver_preload(
    ["store_state", "toy_archive", "alembic.command", "psycopg2", "hstlc.missions.hst", "hstlc.archives.download"]
)

FOLDERS = ("ingest", "download/waiting")
CLOSED = ("archive_walk", "download_attempt")  # these tell how often something was tried


class Uninstalled(ToyArchive):
    mission = "lisa"


def ask(store: Store, archive: ToyArchive, *, full: bool = False) -> Summary:
    summary = Summary()
    with open_store(store.settings, lock="archive") as context:
        with recorded_run(context, "poll", summary):
            poll(context, archive, summary, full=full)
        with recorded_run(context, "fetch", summary):
            fetch(context, {"toy": archive}, summary, download=archive.download)
    return summary


def archive_of(kind: type[ToyArchive] = ToyArchive) -> ToyArchive:
    archive = kind(TurnedClock(START + 10 * DAY), concurrency=1)
    for day in range(3):
        archive.add(f"D{day}", day=day, files={f"d{day}_a.fits": fits(day), f"d{day}_b.fits": fits(10 + day)})
    archive.add("R", day=3, files={"r.fits": fits(99, REJECT="not wanted")})
    return archive


def later_archive() -> ToyArchive:
    archive = archive_of()
    archive.turned.turn(1)
    archive.add("D0", "2", day=8, files={"d0_a.fits": fits(50), "d0_b.fits": fits(10)})  # the second is identical
    archive.add("NEW", day=8, files={"new.fits": fits(60)})
    return archive


# --- what is interrupted


def first(store: Store) -> Summary:
    return ask(store, archive_of())


def uninstalled(store: Store) -> Summary:
    return ask(store, archive_of(Uninstalled))


def again(store: Store) -> Summary:
    return ask(store, later_archive())


def reconcile(store: Store) -> Summary:
    return ask(store, later_archive(), full=True)


def nothing(store: Store) -> None:
    with store.open():
        pass


def some_gone(store: Store) -> None:
    """One dataset is gone, and comes back in what is interrupted."""
    first(store)
    archive = archive_of()
    archive.things.pop("D2")
    for _ in range(2):
        ask(store, archive, full=True)


SCENARIOS = [(nothing, first), (nothing, uninstalled), (first, again), (some_gone, reconcile)]


def state_of(store: Store) -> tuple[object, object]:
    rows = {table: found for table, found in store.state().rows.items() if table not in CLOSED}
    for product in rows["remote_product"]:
        product.pop("attempts")
    return rows, files_of(store.home, FOLDERS)


@pytest.mark.parametrize(("before", "action"), SCENARIOS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_loses_nothing_and_the_next_run_ends_the_same(
    kind: str, before: Callable[[Store], object], action: Callable[[Store], Summary], tmp_path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with ExitStack() as stack:
        url = f"sqlite:///{home / 'database.db'}"
        if kind == "postgresql":
            url = stack.enter_context(fresh_database(kind, tmp_path))
        store = Store(home, url)
        before(store)
        copy = stack.enter_context(copies(kind, store, tmp_path))
        undisturbed = copy("undisturbed")
        trace = points_of(undisturbed, action)
        assert {"downloaded", "published", "before-commit", "committed"} <= set(trace) <= POINTS
        expected = state_of(undisturbed)
        for point in sorted(set(trace)):
            total = trace.count(point)
            commits = kind == "sqlite" and point in ("before-commit", "committed")
            for number in sorted({1, total // 2 + 1, total} if commits else {total // 2 + 1}):
                where = f"{point}, time {number} of {total}"
                tried = copy(f"{point}-{number}")
                assert crash(tried, action, point, number) == CRASHED, where
                assert action(tried).failures == [], where
                assert state_of(tried) == expected, where
                assert not list(tried.home.rglob("*.part")), where
                assert not list((tried.home / "ingest" / ".incoming").iterdir()), where


def test_a_file_that_ingest_took_in_before_its_row_was_committed_is_not_given_to_it_again(tmp_path) -> None:
    """The crash comes between the name in the ingest folder and the rows; ingest runs; then the fetch is repeated."""
    home = tmp_path / "home"
    home.mkdir()
    store = Store(home, f"sqlite:///{home / 'database.db'}")
    nothing(store)
    assert crash(store, first, "published-fsync", points_of_replies(store) + 1) == CRASHED
    taken = sorted(path.name for path in (home / "ingest").glob("*.fits"))
    assert len(taken) == 1
    store.ingest()
    kept = files_of(home, ("bad_data", "filesystem"))
    assert first(store).failures == []
    assert taken[0] not in {path.name for path in (home / "ingest").rglob("*.fits")}
    assert files_of(home, ("bad_data", "filesystem")) == kept


def points_of_replies(store: Store) -> int:
    """Return how many answers a first poll keeps."""
    archive = archive_of()
    return -(-len(archive.things) // archive.page)
