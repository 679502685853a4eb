"""Addresses, connections, locks, and what a database can do to us."""

# ruff: noqa: PT012 - what happens inside of a transaction is what is tested
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, insert, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from hstlc.db import engine as module
from hstlc.db.engine import advisory_lock, database_errors, make_engine, normalize_url, reading, safe_url, writing
from hstlc.db.migrate import ensure_schema
from hstlc.db.tables import Run
from hstlc.errors import DatabaseError, LockHeldError, StoreError, UsageError
from hstlc.testing.databases import content, reader_url_for, sqlite_url


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg2"),
        ("postgres://u:p@h/d", "postgresql+psycopg2"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+psycopg2"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg"),
        ("sqlite:///x.db", "sqlite"),
        ("sqlite+pysqlite:///x.db", "sqlite+pysqlite"),
    ],
)
def test_the_driver_is_named(given: str, driver: str) -> None:
    assert normalize_url(given).drivername == driver


def test_without_psycopg2_a_bare_address_means_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert normalize_url("postgresql://h/d").drivername == "postgresql+psycopg"


def test_sockets_relative_paths_and_odd_passwords_survive() -> None:
    socket = normalize_url("postgresql://u:p%40%3A%25@/d?host=/run/pg%20x")
    assert (socket.host, socket.query["host"], socket.password) == (None, "/run/pg x", "p@:%")
    assert normalize_url("sqlite:///data/x.db").database == "data/x.db"
    assert normalize_url(normalize_url("sqlite:////data/x.db")).database == "/data/x.db"


@pytest.mark.parametrize("given", ["mysql://u:canary@h/d", "no address, canary", "", "postgresql://u:canary@h:x/d"])
def test_an_address_that_cannot_be_used_is_refused_but_not_repeated(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        normalize_url(given)
    assert caught.value.code == "usage.database-url"
    assert "postgresql://user:password@host" in caught.value.hint
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "given", ["postgresql://u:canary@h/d", "postgresql://u@h/d?password=canary&sslpassword=canary&host=x"]
)
def test_a_password_is_never_shown(given: str) -> None:
    assert "canary" not in safe_url(given)
    assert "***" in safe_url(given) or "password=hidden" in safe_url(given)
    with pytest.raises(DatabaseError) as caught, database_errors(given):
        raise OperationalError("SELECT 1", {}, Exception("gone"))
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(caught.value.context)


def test_sqlite_is_opened_so_that_nothing_is_lost(sqlite_folder: Path) -> None:
    engine = make_engine(sqlite_url(sqlite_folder))
    with reading(engine) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 30_000}


def test_postgres_sees_who_we_are(postgres_url: str) -> None:
    for url, name in ((postgres_url, "hstlc"), (f"{postgres_url}&application_name=mine", "mine")):
        engine = make_engine(url)
        with reading(engine) as connection:
            assert connection.scalar(text("SHOW application_name")) == name
        engine.dispose()


def _start_run(connection: Connection, command: str = "ingest") -> None:
    row = {"command": command, "version": "2", "status": "running", "started_at": datetime.now(UTC)}
    connection.execute(insert(Run), row)


def test_an_error_rolls_back_and_passes_as_it_is(engine: Engine) -> None:
    before = content(engine)
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        _start_run(connection)
        raise ZeroDivisionError
    assert content(engine) == before


def test_wrong_sql_is_our_own_mistake_and_not_wrapped(engine: Engine) -> None:
    with pytest.raises((OperationalError, ProgrammingError)), reading(engine) as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))


def test_a_reader_neither_waits_for_a_writer_nor_sees_its_half(engine: Engine) -> None:
    with writing(engine) as writer:
        _start_run(writer)
        with reading(engine) as reader:
            assert reader.scalar(text("SELECT count(*) FROM run")) == 0
    with reading(engine) as reader:
        assert reader.scalar(text("SELECT count(*) FROM run")) == 1


def test_a_second_sqlite_writer_gives_up_at_its_start(sqlite_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 20)
    engine = make_engine(sqlite_url(sqlite_folder))
    ensure_schema(engine)
    with writing(engine), pytest.raises(DatabaseError) as caught, writing(engine):
        pytest.fail("two writers at once")
    engine.dispose()
    assert caught.value.code == "store.database-locked"
    assert "another program is writing" in caught.value.message
    assert "run again" in caught.value.hint


def test_a_full_disk_has_its_own_error(sqlite_folder: Path) -> None:
    engine = make_engine(sqlite_url(sqlite_folder))
    ensure_schema(engine)
    before = content(engine)
    with pytest.raises(StoreError) as caught, writing(engine) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        for _ in range(200):
            _start_run(connection, "x" * 1000)
    assert caught.value.code == "store.full"
    assert "free space" in caught.value.hint
    assert str(sqlite_folder) in caught.value.message
    assert content(engine) == before
    engine.dispose()


def test_garbage_in_place_of_the_database(sqlite_folder: Path) -> None:
    (sqlite_folder / "hstlc.db").write_bytes(b"not a database" * 1000)
    engine = make_engine(sqlite_url(sqlite_folder))
    with pytest.raises(DatabaseError) as caught, reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    assert caught.value.code == "store.database"
    assert "hstlc.db" in caught.value.message
    assert "not a database" in caught.value.message


def test_a_folder_that_vanishes_is_noticed_before_the_commit(sqlite_folder: Path) -> None:
    engine = make_engine(sqlite_url(sqlite_folder))
    ensure_schema(engine)
    with pytest.raises(DatabaseError) as caught, writing(engine) as connection:
        _start_run(connection)
        shutil.rmtree(sqlite_folder)
    assert caught.value.code == "store.database"
    assert "removed or replaced" in caught.value.message
    for _ in range(2):  # and it is not forgotten
        with pytest.raises(DatabaseError) as caught, writing(engine) as connection:
            _start_run(connection)
        assert caught.value.code == "store.database"
    engine.dispose()


def test_a_database_that_is_put_in_place_of_the_open_one_is_noticed_once(sqlite_folder: Path) -> None:
    engine, path = make_engine(sqlite_url(sqlite_folder)), sqlite_folder / "hstlc.db"
    ensure_schema(engine)
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(f"{path}.2")) as copy:
        source.backup(copy)
    Path(f"{path}.2").replace(path)
    for name in ("hstlc.db-wal", "hstlc.db-shm"):
        (sqlite_folder / name).unlink(missing_ok=True)
    with pytest.raises(DatabaseError, match="removed or replaced"), reading(engine):
        pytest.fail("read what is no longer there")
    with writing(engine) as connection:
        _start_run(connection)
    engine.dispose()
    with contextlib.closing(sqlite3.connect(path)) as now:
        assert now.execute("SELECT count(*) FROM run").fetchone() == (1,)


def test_a_postgres_backend_that_dies_in_mid_transaction(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    ensure_schema(engine)
    with pytest.raises(DatabaseError) as caught, writing(engine) as connection:
        _start_run(connection)
        _terminate(engine, connection.scalar(text("SELECT pg_backend_pid()")))
        _start_run(connection)
    assert caught.value.code == "store.database"
    assert "run again" in caught.value.hint
    with writing(engine) as connection:  # and goes on afterwards
        assert connection.scalar(text("SELECT count(*) FROM run")) == 0
    engine.dispose()


def _terminate(engine: Engine, pid: int) -> None:
    with engine.connect() as other:
        assert other.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_a_postgres_that_does_not_run(tmp_path: Path) -> None:
    engine = make_engine(f"postgresql://u:canary@/d?host={tmp_path}")
    with pytest.raises(DatabaseError) as caught, reading(engine):
        pass
    assert caught.value.code == "store.database"
    assert str(tmp_path) in caught.value.message
    assert "canary" not in str(caught.value)


def test_a_table_we_may_not_write_is_a_database_error(postgres_url: str) -> None:
    owner = make_engine(postgres_url)
    ensure_schema(owner)
    reader = make_engine(reader_url_for(postgres_url))
    with pytest.raises(DatabaseError) as caught, writing(reader) as connection:
        _start_run(connection)
    owner.dispose()
    reader.dispose()
    assert caught.value.code == "store.database"
    assert "permission denied" in caught.value.message
    assert "rights" in caught.value.hint


HOLDER = """
import sys
from hstlc.db.engine import advisory_lock, make_engine
with advisory_lock(make_engine(sys.argv[1]), wait=True):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def _holder(url: str):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def _assert_free(url: str) -> None:
    """Take the lock in a session of its own: the session that holds it would get it twice."""
    other = make_engine(url)
    with advisory_lock(other, wait=False):
        pass
    other.dispose()


def test_another_process_holds_the_lock_until_it_dies(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    with _holder(postgres_url) as process:
        with pytest.raises(LockHeldError) as caught, advisory_lock(engine, wait=False):
            pytest.fail("two writers at once")
        assert caught.value.code == "lock.held"
        assert "--no-wait" in caught.value.hint
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with advisory_lock(engine, wait=True):
            pass
    engine.dispose()


def test_waiting_ends_when_the_other_is_done(postgres_url: str) -> None:
    engine, order = make_engine(postgres_url), []

    def wait_for_it() -> None:
        with advisory_lock(engine, wait=True):
            order.append("second")

    with advisory_lock(engine, wait=True):
        thread = threading.Thread(target=wait_for_it)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
    _assert_free(postgres_url)
    engine.dispose()


def test_an_error_gives_the_lock_back(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    with pytest.raises(ZeroDivisionError), advisory_lock(engine, wait=False):
        raise ZeroDivisionError
    _assert_free(postgres_url)  # though the connection waits in the pool
    engine.dispose()


def test_a_lost_lock_does_not_pass_unnoticed(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    find = "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND datname = :name"
    with pytest.raises(DatabaseError) as caught, advisory_lock(engine, wait=False):
        with engine.connect() as connection:
            pid = connection.scalar(text(find), {"name": engine.url.database})
        _terminate(engine, pid)
    engine.dispose()
    assert caught.value.code == "store.database"


def test_sqlite_has_no_advisory_lock(sqlite_folder: Path) -> None:
    engine = make_engine(sqlite_url(sqlite_folder))
    with advisory_lock(engine, wait=False), advisory_lock(engine, wait=False):
        pass
    assert list(sqlite_folder.iterdir()) == []
