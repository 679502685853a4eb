"""Rows that say how something went, deleted when they are old."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Table, delete

from hstlc.db.archive_tables import ArchiveWalk, DownloadAttempt
from hstlc.db.tables import Base, Run

__all__ = ["forget_before"]


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


ATTEMPTS, WALKS, RUNS = map(_table, (DownloadAttempt, ArchiveWalk, Run))


def forget_before(connection: Connection, moment: datetime) -> int:
    """Delete downloads, walks and runs that began before a moment; return how many. A run under way stays."""
    ended = RUNS.c.status != "running"
    old = (
        delete(ATTEMPTS).where(ATTEMPTS.c.tried_at < moment),
        delete(WALKS).where(WALKS.c.started_at < moment, WALKS.c.state != "running"),
        delete(RUNS).where(RUNS.c.started_at < moment, ended),
    )
    return sum(connection.execute(statement).rowcount for statement in old)
