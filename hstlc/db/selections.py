"""Places and names that somebody wants everything of, as rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, select

from hstlc.db.archive_tables import ArchiveSelection
from hstlc.db.upserts import upsert

__all__ = ["add_selection", "remove_selection", "selections"]


def _table() -> Table:
    table = ArchiveSelection.__table__
    assert isinstance(table, Table)
    return table


SELECTIONS = _table()


def add_selection(connection: Connection, row: Mapping[str, Any], now: datetime) -> None:
    """Store a selection; one of the same name is replaced.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    row : mapping
        ``name, source, target, ra_deg, dec_deg, radius_deg, minimum_significance``.
    now : datetime
    """
    upsert(connection, SELECTIONS, ("name",), [{**row, "made_at": now}])


def remove_selection(connection: Connection, name: str) -> bool:
    """Forget a selection, not what was found by it; tell whether there was one of that name."""
    return connection.execute(delete(SELECTIONS).where(SELECTIONS.c.name == name)).rowcount > 0


def selections(connection: Connection, source: str = "") -> list[RowMapping]:
    """Return the selections of an archive, or of all, in order of name."""
    rows = select(SELECTIONS).order_by(SELECTIONS.c.name)
    if source:
        rows = rows.where(SELECTIONS.c.source == source)
    return list(connection.execute(rows).mappings())
