"""Connections: one way to open, to write, to read and to lock, with errors a user can act on."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from hstlc.errors import DatabaseError, LockHeldError, StoreError, UsageError

__all__ = [
    "ARCHIVE_LOCK",
    "WRITER_LOCK",
    "advisory_lock",
    "database_errors",
    "make_engine",
    "normalize_url",
    "reading",
    "safe_url",
    "sqlstate",
    "writing",
]

BUSY_TIMEOUT_MS = 30_000
WRITER_LOCK = 0x6873746C63  # "hstlc" in ASCII; an advisory lock is per database
ARCHIVE_LOCK = 0x6873746C6361  # "hstlca": of whoever asks archives
_POLL_S = 0.2
_SECRET_OPTIONS = ("password", "sslpassword")


def normalize_url(address: str | URL) -> URL:
    """Return the address of a database with its driver named.

    Parameters
    ----------
    address : str or sqlalchemy.URL
        As SQLAlchemy writes it; ``postgres://`` and a bare ``postgresql://`` mean psycopg2 where that is installed,
        else psycopg. An explicit driver, socket folders (``?host=/run/postgresql``) and relative SQLite paths stay.

    Raises
    ------
    UsageError
        ``usage.database-url``: not an address, or of a database that is not supported. The address is not repeated,
        it may hold a password.

    Examples
    --------
    >>> normalize_url("postgres://reader@localhost/hstlc").drivername
    'postgresql+psycopg2'
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise _url_error("the address of the database cannot be read") from None
    name = "postgresql" if url.drivername == "postgres" else url.drivername
    if name.partition("+")[0] not in ("sqlite", "postgresql"):
        raise _url_error(f"the address names the database '{name}', which is not supported")
    if name == "postgresql":
        name = "postgresql+psycopg2" if importlib.util.find_spec("psycopg2") else "postgresql+psycopg"
    return url.set(drivername=name)


def _url_error(message: str) -> UsageError:
    hint = "write sqlite:////folder/hstlc.db or postgresql://user:password@host/database; encode @ : / % in a password"
    return UsageError("usage.database-url", message, hint)


def safe_url(address: str | URL) -> str:
    """Return the address for people to read: without any password.

    Examples
    --------
    >>> safe_url("postgresql+psycopg2://a:secret@localhost/hstlc")
    'postgresql+psycopg2://a:***@localhost/hstlc'
    """
    url = normalize_url(address)
    hidden = {name: "hidden" for name in _SECRET_OPTIONS if name in url.query}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def make_engine(address: str | URL, **options: Any) -> Engine:
    """Return an engine; nothing is opened yet.

    SQLite: write-ahead log, foreign keys on, every commit on disk (``synchronous=FULL``), 30 s patience, and
    ``BEGIN IMMEDIATE``, so that a writer waits at its start instead of failing at its end.

    Parameters
    ----------
    address : str or sqlalchemy.URL
        Address of the database.
    **options : object
        Passed to :func:`sqlalchemy.create_engine`.

    Raises
    ------
    UsageError
        ``usage.database-url``.
    """
    url = normalize_url(address)
    if url.get_backend_name() == "postgresql":
        defaults = {name: value for name, value in _POSTGRES_DEFAULTS.items() if name not in url.query}
        return create_engine(url, **{"pool_pre_ping": True, "connect_args": defaults, **options})
    engine = create_engine(url, **options)
    event.listen(engine, "connect", _open_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "checkout", _verify_sqlite)
    event.listen(engine, "commit", _verify_before_commit)
    return engine


_POSTGRES_DEFAULTS = {"application_name": "hstlc", "connect_timeout": 10, "keepalives_idle": 60}


def _open_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _begin_sqlite does
    cursor = connection.cursor()
    try:
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "cache_size=-16384",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        path = cursor.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()[0]
    finally:
        cursor.close()
    record.info["file"] = (path, _identity(path)) if path else None


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("hstlc_read") else "BEGIN IMMEDIATE")


def _verify_sqlite(_: sqlite3.Connection, record: Any, __: Any) -> None:
    """Refuse a connection to a file that is no longer there: what it commits would be lost without a word."""
    if record.info["file"] is None:
        return
    path, identity = record.info["file"]
    if _identity(path) != identity:
        raise DatabaseError(
            "store.database",
            f"the database {path} was removed or replaced while it was in use",
            "put the file back and run again; nothing of this transaction was kept",
            path=path,
        )


def _verify_before_commit(connection: Connection) -> None:
    _verify_sqlite(connection.connection.driver_connection, connection.connection, None)  # type: ignore[arg-type]


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - no Path object on the way to every transaction
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection in one transaction: committed at the end, rolled back on any error.

    Raises
    ------
    DatabaseError, StoreError
        See :func:`database_errors`.
    """
    with database_errors(engine.url), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection in one transaction that sees one state and is rolled back; it waits for no writer.

    Raises
    ------
    DatabaseError, StoreError
        See :func:`database_errors`.
    """
    with database_errors(engine.url), engine.connect() as connection:
        yield connection.execution_options(hstlc_read=True)


@contextmanager
def database_errors(address: str | URL) -> Iterator[None]:
    """Turn what a database can do to us into our errors; programming errors (wrong SQL) pass as they are.

    Raises
    ------
    DatabaseError
        ``store.database`` (it does not answer, refuses, or is damaged) or ``store.database-locked``.
    StoreError
        ``store.full``: its disk is full.
    """
    try:
        yield
    except DBAPIError as error:
        translated = _translate(error, safe_url(address))
        if translated is None:
            raise
        raise translated from error


def sqlstate(error: DBAPIError) -> str:
    """Return the SQLSTATE of a PostgreSQL error, '' where there is none."""
    return getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None) or ""


# SQLite primary result codes that are not the doing of the program.
_SQLITE_OUTSIDE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}
# SQLSTATE classes and codes likewise: connection, authorization, resources, operator, system; read-only, privilege.
_POSTGRES_OUTSIDE = ("08", "28", "3D000", "40", "53", "55P03", "57", "58", "XX", "25006", "42501")


def _translate(error: DBAPIError, url: str) -> StoreError | None:
    said = str(error.orig).strip()
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        full, locked = code == sqlite3.SQLITE_FULL, code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        outside = code in _SQLITE_OUTSIDE
    else:
        state = sqlstate(error)
        full, locked = state == "53100", state == "55P03"
        outside = error.connection_invalidated or state.startswith(_POSTGRES_OUTSIDE)
        outside = outside or (not state and type(error).__name__ in ("OperationalError", "InterfaceError"))
    if full:
        return StoreError("store.full", f"the disk of the database {url} is full: {said}", "free space and run again")
    if locked:
        hint = "end the program that holds it, or run again later"
        return DatabaseError("store.database-locked", f"another program is writing to {url}: {said}", hint, url=url)
    if outside:
        hint = "check that it runs, that the address and rights are right, and run again: nothing is left half done"
        return DatabaseError("store.database", f"the database {url} cannot be used: {said}", hint, url=url)
    return None


@contextmanager
def advisory_lock(engine: Engine, *, wait: bool, key: int = WRITER_LOCK) -> Iterator[None]:
    """Hold a lock of a PostgreSQL database; do nothing on SQLite, where the store locks its folder.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The database. The lock has a connection to itself and ends with it, however the process ends.
    wait : bool
        Wait for another holder; asked anew every 0.2 s, so that Ctrl-C works.
    key : int
        Which lock.

    Raises
    ------
    LockHeldError
        ``lock.held``, where ``wait`` is False and the lock is taken.
    DatabaseError
        The database went away; at the end of the block too: then another writer may have been at work.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    name = {"key": key}
    with database_errors(engine.url), engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), name):
            if not wait:
                url = safe_url(engine.url)
                hint = "wait for it to end, or leave out --no-wait to wait here"
                raise LockHeldError("lock.held", f"another process is writing to {url}", hint, url=url)
            time.sleep(_POLL_S)
        release = text("SELECT pg_advisory_unlock(:key)")
        try:
            yield
        except BaseException:
            with suppress(DBAPIError):
                connection.scalar(release, name)
            raise
        connection.scalar(release, name)
