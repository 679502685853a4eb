"""Copies of the database, and what is thrown away when it is old."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, insert, select
from store_state import Store

from hstlc.db.archive_tables import ArchiveWalk, DownloadAttempt
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.notices import notices
from hstlc.db.tables import Metadata, Run
from hstlc.db.upkeep import forget_before
from hstlc.errors import DatabaseError, StoreError
from hstlc.pipeline.back_up import back_up, back_ups
from hstlc.pipeline.upkeep import upkeep
from hstlc.store import disk
from hstlc.testing.databases import content, sqlite_url

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def sqlite_store(tmp_path, sqlite_folder):
    return Store(tmp_path / "home", sqlite_url(sqlite_folder))


def test_a_copy_opens_and_equals_the_database(sqlite_store, archive):
    store = sqlite_store
    store.ingest(*archive.pair)
    with store.open() as context:
        with writing(context.engine) as connection:  # what waits for its commit is not in the copy
            connection.execute(insert(Run).values(command="x", version="", status="done", started_at=NOW, counts={}))
            said = back_up(context, NOW)
            connection.rollback()
        expected = content(context.engine)
    path = store.home / said
    assert path.name == "hstlc_20261121T120000Z.db"
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # without -wal, -shm and .part
    assert oct(path.stat().st_mode & 0o777) == "0o660"
    copy = make_engine(f"sqlite:///{path}")
    try:
        assert content(copy) == expected
        with reading(copy) as connection:
            assert connection.scalar(select(func.count()).select_from(Metadata)) == 1
    finally:
        copy.dispose()


def test_only_the_newest_copies_are_kept(sqlite_store):
    store = sqlite_store.configured(daemon__back_ups="3")
    with store.open() as context:
        names = [back_up(context, NOW + timedelta(days=day)).split("/")[1] for day in range(5)]
        strange = store.home / "backups" / "my own.db"
        strange.write_bytes(b"")
        back_up(context, NOW + timedelta(days=4))  # again in the same second
    assert [path.name for path in back_ups(store.home / "backups")] == names[2:]
    assert strange.exists()


def test_postgresql_is_left_to_pg_dump(tmp_path, postgres_url):
    store = Store(tmp_path / "home", postgres_url)
    with store.open() as context:
        assert "pg_dump" in back_up(context, NOW)
    assert not (store.home / "backups").exists()


def test_a_copy_that_is_damaged_is_no_copy(sqlite_store):
    store = sqlite_store
    with store.open() as context:
        back_up(context, NOW)
        with closing(sqlite3.connect(context.engine.url.database)) as connection:
            connection.execute("PRAGMA ignore_check_constraints=ON")
            values = "'s', 's', 'no such state', 0, 0, 0, 0, 0, 0, 0, 0, '2026-01-01', '2026-01-01', '', ''"
            columns = "source, stream, state, pages, rows_seen, rows_new, rows_changed, rows_missing, requests"
            columns += ", retries, bytes_read, window_until, started_at, error_code, message"
            connection.execute(f"INSERT INTO archive_walk ({columns}) VALUES ({values})")
            connection.commit()
        with pytest.raises(DatabaseError) as caught:
            back_up(context, NOW + timedelta(days=1))
    assert caught.value.code == "store.damaged"
    assert "archive_walk" in caught.value.message
    assert [path.name for path in (store.home / "backups").iterdir()] == ["hstlc_20261121T120000Z.db"]


def test_a_full_disk_leaves_the_earlier_copies_and_nothing_else(sqlite_store, monkeypatch):
    store = sqlite_store
    with store.open() as context:
        back_up(context, NOW)
        monkeypatch.setattr(disk, "free_bytes", lambda _: 0)
        with pytest.raises(StoreError) as caught:
            back_up(context, NOW + timedelta(days=1))
    assert caught.value.code == "store.full"
    assert len(list((store.home / "backups").iterdir())) == 1


def test_files_that_do_not_fit_are_a_notice_until_they_fit(store, archive):
    store.ingest(*archive.pair)
    curve = next(store.home.glob("outputs/*/*_curve.fits"))
    kept = curve.read_bytes()
    with store.open() as context:
        assert upkeep(context, NOW).report.clean
        curve.unlink()
        unfinished = curve.with_name(f"{curve.name}.{context.run}.part")
        unfinished.write_bytes(b"")
        found = upkeep(context, NOW)
        assert found.report.missing == (curve,)
        assert found.report.unknown == ()
        assert found.lines() == ["missing 1"]
        with reading(context.engine) as connection:
            (notice,) = notices(connection)
        assert (notice["key"], notice["severity"]) == ("files", "warning")
        assert str(curve) in notice["message"]
        curve.write_bytes(kept)
        unfinished.unlink()
        assert upkeep(context, NOW).lines() == []
        with reading(context.engine) as connection:
            assert notices(connection) == []


def test_old_replies_and_logs_go_and_nothing_else_does(store):
    store = store.configured(downloads__keep_replies="10 d", daemon__keep_logs="20 d")
    with store.open() as context:
        replies, logs = store.home / "download" / "source" / "stream", store.home / "logs"
        waiting = store.home / "download" / "waiting" / "source"
        replies.mkdir(parents=True)
        waiting.mkdir(parents=True)
        old, new = (f"{NOW - timedelta(days=days):%Y-%m-%dT%H-%M-%S.%fZ}_0001.json.gz" for days in (11, 9))
        for path in (replies / old, replies / new, waiting / "P0123_EVLI.fits.gz"):
            path.write_bytes(b"")
        names = {
            "daemon.log": False,
            "daemon.log.2026-10-01": True,
            "ingest_2026-10-01-01-02-03_77.log": True,
            "my notes.txt": False,
        }
        for name in names:
            (logs / name).write_text("")
            os.utime(logs / name, ((NOW - timedelta(days=21)).timestamp(),) * 2)
        (logs / "poll_2026-11-20-01-02-03_77.log").write_text("")
        os.utime(logs / "poll_2026-11-20-01-02-03_77.log", ((NOW - timedelta(days=1)).timestamp(),) * 2)
        found = upkeep(context, NOW)
    assert (found.replies, found.logs) == (1, 2)
    assert [path.name for path in replies.iterdir()] == [new]
    assert [path.name for path in waiting.iterdir()] == ["P0123_EVLI.fits.gz"]
    assert {path.name for path in logs.iterdir()} == {
        *(name for name, goes in names.items() if not goes),
        "poll_2026-11-20-01-02-03_77.log",
    }


def test_rows_of_long_ago_go_and_what_runs_stays(filled: Engine) -> None:
    def numbers() -> list[int]:
        with reading(filled) as connection:
            return [
                connection.scalar(select(func.count()).select_from(table)) or 0
                for table in (DownloadAttempt, ArchiveWalk, Run)
            ]

    when = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
    assert numbers() == [1, 1, 1]
    with writing(filled) as connection:
        assert forget_before(connection, when) == 0
        assert forget_before(connection, when + timedelta(seconds=1)) == 2
    assert numbers() == [0, 0, 1]  # the run says that it is running
