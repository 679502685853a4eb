"""The queries of flares and dips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, insert

from hstlc.db.tables import Candidate
from hstlc.db.upserts import chunks

__all__ = ["save_candidates"]


def save_candidates(connection: Connection, found: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    """Record the flares and dips of light curves in place of those of before.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction.
    found : mapping of int to sequence of mappings
        By the id of the light curve in ``product``: the other columns of ``candidate``, none for a quiet curve.
    """
    table = Candidate.__table__
    assert isinstance(table, Table)
    for chunk in chunks(sorted(found)):
        connection.execute(delete(table).where(table.c.product_id.in_(chunk)))
    rows = [{"product_id": product, **row} for product in sorted(found) for row in found[product]]
    if rows:
        connection.execute(insert(table), rows)
