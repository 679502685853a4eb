"""The schema of an empty database: made by the migrations once a process, then by what they told the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from hstlc.db import migrate

__all__ = ["really_migrate", "repeat_migrations"]

Told = list[tuple[str, Any]]
really_migrate = migrate.run_migrations
_told: dict[tuple[str, Path], Told] = {}


def repeat_migrations(connection: Connection) -> None:
    """Do what :func:`hstlc.db.migrate.run_migrations` does; on an empty database sooner, on SQLite five times.

    tests/migrations compares what the two make.
    """
    key = connection.dialect.name, migrate.migrations_folder()
    if migrate.state_of(connection) is not migrate.State.EMPTY:
        really_migrate(connection)
    elif key not in _told:
        _told[key] = _listen(connection)
    else:
        for statement, values in _told[key]:
            connection.exec_driver_sql(statement, values)


def _listen(connection: Connection) -> Told:
    """Run the migrations; return the statements that change something, with their values."""
    told: Told = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "WITH")):
            told.append((statement, values))

    event.listen(connection, "before_cursor_execute", hear)
    try:
        really_migrate(connection)
    finally:
        event.remove(connection, "before_cursor_execute", hear)
    return told
