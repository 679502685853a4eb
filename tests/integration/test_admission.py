"""What waited for its mission goes to the ingest folder once that is installed: once, whole, whatever happens."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from sqlalchemy import select
from store_state import CRASHED, Store, files_of, points_of
from test_pipeline_crash import copies, crash, warm
from test_poll_crash import Uninstalled, archive_of, ask
from toy_archive import ToyArchive, fits

from hstlc.db.archive_tables import RemoteFile, RemoteProduct
from hstlc.db.engine import reading
from hstlc.pipeline.admission import admit_waiting, number_waiting
from hstlc.pipeline.context import open_store
from hstlc.pipeline.fetch import fetch
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.scheduler.jobs import JOBS, Work
from hstlc.store.digest import sha256_file
from hstlc.testing.databases import KINDS, fresh_database

warm.set_forkserver_preload(["store_state", "toy_archive", "alembic.command", "psycopg2", "hstlc.missions.hst"])

WAITING, INGEST = "download/waiting", "ingest"
LISA = ("lisa",)


def later(archive: ToyArchive) -> ToyArchive:
    """Let the archive have another version of a file under the name that it had."""
    archive.turned.turn(1)
    archive.add("D0", "2", day=8, files={"d0_a.fits": fits(50), "d0_b.fits": fits(10)})
    return archive


def waits(store: Store) -> None:
    """Fetch two versions of a file and four other files for a mission that nobody has."""
    ask(store, archive_of(Uninstalled))
    ask(store, later(archive_of(Uninstalled)))


def install(store: Store) -> Summary:
    """Do what an ingest begins with where that mission is installed."""
    summary = Summary()
    with open_store(store.settings) as context, recorded_run(context, "ingest", summary):
        admit_waiting(context, summary, LISA)
    return summary


def states(store: Store) -> list[tuple[str, str, str]]:
    with store.open(write=False) as context, reading(context.engine) as connection:
        columns = select(RemoteProduct.name, RemoteProduct.version_key, RemoteProduct.state)
        return sorted(map(tuple, connection.execute(columns)))


def places(store: Store) -> set[tuple[str, str]]:
    """Return folder and digest of the files that came."""
    with store.open(write=False) as context, reading(context.engine) as connection:
        rows = connection.execute(
            select(RemoteFile.path, RemoteFile.filename, RemoteFile.sha256, RemoteProduct.state).join(RemoteProduct)
        )
        return {(f"{row.path}/{row.filename}", row.sha256) for row in rows if row.state != "identical"}


@pytest.fixture
def waiting(store: Store) -> Store:
    waits(store)
    return store


def test_files_of_an_installed_mission_are_given_to_the_next_ingest(waiting):
    before = files_of(waiting.home, (WAITING,))
    assert len(before) == 7
    assert not files_of(waiting.home, (INGEST,))
    with waiting.open(write=False) as context, reading(context.engine) as connection:
        assert (number_waiting(connection), number_waiting(connection, LISA)) == (0, 7)
    summary = install(waiting)
    assert (summary.failures, summary.waiting) == ([], [])
    assert not (waiting.home / WAITING).exists()
    given = files_of(waiting.home, (INGEST,))
    assert sorted(given.values()) == sorted(before.values())
    assert places(waiting) == set(given.items())
    assert {state for _, _, state in states(waiting)} == {"done", "identical", "rejected"}
    assert all((waiting.home / path).stat().st_mode & 0o777 == 0o660 for path in given)


def test_two_versions_of_a_name_are_both_given(waiting):
    install(waiting)
    found = sorted((waiting.home / INGEST).rglob("d0_a.fits"))
    assert [path.read_bytes() for path in found] in ([fits(0), fits(50)], [fits(50), fits(0)])


def test_doing_it_again_changes_nothing(waiting):
    install(waiting)
    before = waiting.state()
    assert install(waiting).failures == []
    assert waiting.state() == before


def test_what_waits_for_another_mission_goes_on_waiting(waiting):
    before = waiting.state(), files_of(waiting.home, (WAITING,))
    assert waiting.ingest().failures == []
    assert (waiting.state(), files_of(waiting.home, (WAITING,))) == before


def test_an_ingest_takes_what_waited_for_a_mission_that_is_installed_now(waiting, monkeypatch):
    from hstlc.missions.registry import missions
    from hstlc.pipeline import admission

    monkeypatch.setattr(admission, "missions", lambda: {**missions(), "lisa": None})
    summary = waiting.ingest()
    assert (summary.failures, sum(summary.rejected.values())) == ([], 7)  # nobody knows what they are
    assert not files_of(waiting.home, (WAITING, INGEST))


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"other")])
def test_a_file_that_is_gone_or_damaged_is_fetched_again(waiting, damage):
    damaged = waiting.home / WAITING / "toy" / "d1_a.fits"
    damage(damaged)
    summary = install(waiting)
    assert summary.failures == []
    (text,) = summary.waiting
    assert "toy d1_a.fits" in text
    assert str(damaged) in text
    assert ("d1_a.fits", "1", "queued") in states(waiting)
    assert len(files_of(waiting.home, (INGEST,))) == 6
    archive = later(archive_of())
    again = Summary()
    with open_store(waiting.settings, lock="archive") as context, recorded_run(context, "fetch", again):
        fetched = fetch(context, {"toy": archive}, again, download=archive.download)
    assert [(one.name, one.state) for one in fetched] == [("d1_a.fits", "done")]
    assert len(files_of(waiting.home, (INGEST,))) == 7
    assert not list(waiting.home.rglob("*.part"))


def test_a_file_of_that_name_in_the_ingest_folder_stays(waiting):
    own = waiting.inbox / "d1_a.fits"
    own.write_bytes(b"somebody's own")
    assert install(waiting).failures == []
    assert own.read_bytes() == b"somebody's own"
    (beside,) = waiting.inbox.glob("*/d1_a.fits")
    assert beside.parent.name == sha256_file(beside)[:8]


def test_a_fetch_that_reads_old_places_does_not_fetch_again_what_went_meanwhile(waiting, monkeypatch):
    """Between its question where files are and its look at them, an ingest gives them to the ingest folder."""
    from hstlc.pipeline import incoming

    real, asked = incoming.downloads.held_files, []

    def slow(connection, sources):
        rows = real(connection, sources)
        asked.append(len(rows))
        if len(asked) == 1:
            connection.rollback()
            install(waiting)
        return rows

    monkeypatch.setattr(incoming.downloads, "held_files", slow)
    with open_store(waiting.settings, lock="archive") as context:
        assert incoming.find_lost(context, ["toy"]) == []
    assert asked == [7, 7]


def test_a_fetch_job_has_an_ingest_done_where_a_mission_came(waiting, monkeypatch):
    from hstlc.missions.registry import missions
    from hstlc.pipeline import admission, sources

    monkeypatch.setattr(sources, "open_sources", lambda *_: {})
    for names, due in (((), ()), (LISA, ("ingest",))):
        monkeypatch.setattr(admission, "missions", lambda names=names: {**missions(), **dict.fromkeys(names)})
        with open_store(waiting.settings, lock="archive") as context:
            work = Work(context, Summary(), None, None, None, [])
            assert JOBS["fetch"].step(work) == due


@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_loses_nothing_and_the_next_run_ends_the_same(kind, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with ExitStack() as stack:
        url = f"sqlite:///{home / 'database.db'}"
        if kind == "postgresql":
            url = stack.enter_context(fresh_database(kind, tmp_path))
        store = Store(home, url, {"HSTLC_COMMIT_BATCH": "3"})
        waits(store)
        copy = stack.enter_context(copies(kind, store, tmp_path))
        undisturbed = copy("undisturbed")
        trace = points_of(undisturbed, install)
        assert {"staged", "published", "published-fsync", "before-commit", "committed", "unlinked"} <= set(trace)
        expected = undisturbed.state(), files_of(undisturbed.home, (INGEST, WAITING))
        for point in sorted(set(trace)):
            total = trace.count(point)
            commits = kind == "sqlite" and point in ("before-commit", "committed")
            for number in sorted({1, total // 2 + 1, total} if commits else {total // 2 + 1}):
                where = f"{point}, time {number} of {total}"
                tried = copy(f"{point}-{number}")
                assert crash(tried, install, point, number) == CRASHED, where
                summary = install(tried)
                assert (summary.failures, summary.waiting) == ([], []), where
                assert (tried.state(), files_of(tried.home, (INGEST, WAITING))) == expected, where
                assert not list(tried.home.rglob("*.part")), where
