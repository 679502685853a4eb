"""How long the queries of one answer may take, on both databases."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from hstlc.db.engine import sqlstate
from hstlc.errors import UsageError

__all__ = ["time_limit"]

_STEPS = 20_000  # steps of SQLite's machine between two looks at the clock: about a millisecond


@contextmanager
def time_limit(connection: Connection, seconds: float) -> Iterator[None]:
    """Let the queries of a block take so long.

    SQLite: all of them together; PostgreSQL: each of them, in this transaction.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        For reading.
    seconds : float

    Raises
    ------
    UsageError
        ``usage.query-timeout``.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}")
        with _told(seconds):
            yield
        return
    driver: Any = connection.connection.driver_connection
    end = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        with _told(seconds):
            yield
    finally:
        driver.set_progress_handler(None, 0)


@contextmanager
def _told(seconds: float) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.OperationalError) as error:
        raised = error.orig if isinstance(error, DBAPIError) else error
        stopped = getattr(raised, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_INTERRUPT
        if not stopped and (not isinstance(error, DBAPIError) or sqlstate(error) != "57014"):
            raise
        hint = "ask for less: with the name of a target or source, a place, or narrower limits"
        raise UsageError("usage.query-timeout", f"the answer took longer than {seconds:g} s", hint) from error
