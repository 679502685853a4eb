"""What a person should know, as rows: while something lasts it is counted, not repeated."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, Table, insert, select, update

from hstlc.db.archive_tables import Notice
from hstlc.db.upserts import chunks
from hstlc.logs import redact

__all__ = ["Severity", "clear", "mark_told", "notices", "notify", "open_keys", "untold"]

Severity = Literal["info", "warning", "error"]

_KEY_LENGTH = 128


def _table() -> Table:
    table = Notice.__table__
    assert isinstance(table, Table)
    return table


NOTICES = _table()


def notify(connection: Connection, key: str, severity: Severity, message: str, now: datetime) -> None:
    """Note that something happened, or that it still lasts.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction.
    key : str
        What it is about; one row each. Cut after 128 characters.
    severity : str
    message : str
        What happened, and what to do; secrets are taken out.
    now : datetime
    """
    key, said = key[:_KEY_LENGTH], redact(message)
    row = connection.execute(select(NOTICES).where(NOTICES.c.key == key)).mappings().one_or_none()
    fresh = {"severity": severity, "message": said, "last_at": now}
    if row is None:
        connection.execute(insert(NOTICES).values(key=key, first_at=now, count=1, **fresh))
        return
    if row["cleared_at"] is None:
        change: dict[str, Any] = {**fresh, "count": row["count"] + 1}
    else:  # it was over and began anew
        change = {**fresh, "count": 1, "first_at": now, "cleared_at": None, "told_at": None}
    connection.execute(update(NOTICES).where(NOTICES.c.id == row["id"]).values(**change))


def clear(connection: Connection, keys: Iterable[str], now: datetime) -> int:
    """Note that some things are over; return how many of them lasted."""
    cleared = 0
    for chunk in chunks({key[:_KEY_LENGTH] for key in keys}):
        lasting = NOTICES.c.key.in_(chunk) & NOTICES.c.cleared_at.is_(None)
        cleared += connection.execute(update(NOTICES).where(lasting).values(cleared_at=now)).rowcount
    return cleared


def open_keys(connection: Connection, prefix: str) -> set[str]:
    """Return the keys of the notices that last and begin with ``prefix``."""
    lasting = NOTICES.c.cleared_at.is_(None) & NOTICES.c.key.startswith(prefix, autoescape=True)
    return set(connection.scalars(select(NOTICES.c.key).where(lasting)))


def notices(connection: Connection, *, every: bool = False) -> list[RowMapping]:
    """Return the notices that last, or all of them, the latest first."""
    rows = select(NOTICES).order_by(NOTICES.c.last_at.desc(), NOTICES.c.id.desc())
    if not every:
        rows = rows.where(NOTICES.c.cleared_at.is_(None))
    return list(connection.execute(rows).mappings())


def untold(connection: Connection) -> list[RowMapping]:
    """Return the notices that last and were not handed on yet, the earliest first."""
    new = NOTICES.c.cleared_at.is_(None) & NOTICES.c.told_at.is_(None)
    return list(connection.execute(select(NOTICES).where(new).order_by(NOTICES.c.first_at, NOTICES.c.id)).mappings())


def mark_told(connection: Connection, identity: int, now: datetime) -> None:
    """Note that a notice was handed on."""
    connection.execute(update(NOTICES).where(NOTICES.c.id == identity).values(told_at=now))
