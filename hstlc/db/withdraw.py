"""The queries of withdrawn exposures: which there are, and marking them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, RowMapping, select, update

from hstlc.db.records import METADATA
from hstlc.db.upserts import chunks

__all__ = ["find_exposures", "mark_withdrawn"]


def find_exposures(connection: Connection, rootnames: Iterable[str]) -> list[RowMapping]:
    """Return id, mission, rootname, configuration and mark of the exposures of some rootnames, sorted, of any mission.

    An exposure that was rejected has no row, hence no mark.
    """
    columns = [METADATA.c[name] for name in ("id", "mission", "rootname", "configuration", "withdrawn")]
    found: list[RowMapping] = []
    for chunk in chunks(sorted(set(rootnames))):
        found += connection.execute(select(*columns).where(METADATA.c.rootname.in_(chunk))).mappings()
    return sorted(found, key=lambda row: (row["rootname"], row["mission"]))


def mark_withdrawn(connection: Connection, identities: Iterable[int], reason: str) -> None:
    """Mark exposures, by their id in ``metadata``, as withdrawn for a reason; with '' as not withdrawn."""
    for chunk in chunks(sorted(set(identities))):
        marked = update(METADATA).where(METADATA.c.id.in_(chunk))
        connection.execute(marked.values(withdrawn=reason, updated_at=datetime.now(UTC)))
