"""The queries of the table ``audit``: who asked for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, delete, insert, select

from hstlc.db.web_tables import Audit

__all__ = ["add_audit", "audit_rows", "forget_audit_before"]

AUDIT = cast(Table, Audit.__table__)


def add_audit(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Record requests: ``at, user_name, address, action, detail, status, seconds, rows`` each."""
    if rows:
        connection.execute(insert(AUDIT), [dict(row) for row in rows])


def audit_rows(connection: Connection, *, action: str = "", limit: int = 1000) -> list[dict[str, Any]]:
    """Return the latest rows, the newest first.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    action : str
        Only of this action; '' for all.
    limit : int
        At most so many.
    """
    query = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)
    if action:
        query = query.where(AUDIT.c.action == action)
    return [dict(row) for row in connection.execute(query).mappings()]


def forget_audit_before(connection: Connection, moment: datetime) -> int:
    """Delete the rows from before a moment; return how many."""
    return connection.execute(delete(AUDIT).where(AUDIT.c.at < moment)).rowcount
