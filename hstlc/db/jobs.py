"""The jobs of the daemon as rows: when each ran and how it ended, when it is due."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, Table, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hstlc.db.archive_tables import Job
from hstlc.db.upserts import upsert
from hstlc.errors import LockHeldError

__all__ = ["begin", "finish", "interrupted", "jobs", "postpone"]

assert isinstance(Job.__table__, Table)
JOBS = Job.__table__


def jobs(connection: Connection) -> dict[str, RowMapping]:
    """Return the rows of all jobs, by name."""
    return {row["name"]: row for row in connection.execute(select(JOBS).order_by(JOBS.c.id)).mappings()}


def begin(connection: Connection, name: str, epoch: int, now: datetime, *, again: bool = False) -> None:
    """Record that a job begins.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    name : str
    epoch : int
        Of the leadership.
    now : datetime
    again : bool
        The caller knows that its own last run of it is over, though that could not be recorded.

    Raises
    ------
    LockHeldError
        ``lock.job``: it runs already, under this or a later leadership.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(JOBS).values(name=name).on_conflict_do_nothing(index_elements=["name"]))
    free = or_(JOBS.c.running_epoch.is_(None), JOBS.c.running_epoch < epoch + again)
    begun = update(JOBS).where(JOBS.c.name == name, free)
    if connection.execute(begun.values(running_epoch=epoch, started_at=now)).rowcount != 1:
        raise LockHeldError(
            "lock.job",
            f"expected the job {name} to be at rest, found that it runs",
            "wait until it has ended: 'hstlc status' tells",
            job=name,
        )


def finish(
    connection: Connection,
    name: str,
    epoch: int,
    *,
    status: str,
    message: str,
    failures: int,
    next_at: datetime | None,
    now: datetime,
) -> None:
    """Record how a job that :func:`begin` began under this leadership ended, and when it is due again."""
    ended = {"status": status, "message": message, "failures": failures, "next_at": next_at}
    ours = and_(JOBS.c.name == name, JOBS.c.running_epoch == epoch)
    connection.execute(update(JOBS).where(ours).values(running_epoch=None, finished_at=now, **ended))


def postpone(connection: Connection, due: dict[str, datetime]) -> None:
    """Record when jobs are due."""
    upsert(connection, JOBS, ("name",), [{"name": name, "next_at": when} for name, when in due.items()])


def interrupted(connection: Connection, epoch: int, now: datetime) -> list[str]:
    """Record of the jobs that an earlier leader left in the middle that they failed and are due; return their names."""
    left = and_(JOBS.c.running_epoch.is_not(None), JOBS.c.running_epoch < epoch)
    values = {"running_epoch": None, "finished_at": now, "status": "failed", "next_at": now}
    values["message"] = "the daemon ended in the middle of it"
    return sorted(connection.execute(update(JOBS).where(left).values(**values).returning(JOBS.c.name)).scalars())
