"""The queries of imported light curves: which statistics and rejected files are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from hstlc.db.composites import COMPOSITE
from hstlc.db.records import BAD, INDIVIDUAL, PRODUCTS, STATS
from hstlc.db.upserts import chunks

__all__ = ["described", "imported", "known_bad"]


def described(connection: Connection, products: Iterable[int]) -> dict[int, str]:
    """Return the light curves that have statistics: id of the product to SHA-256 of the file that was described."""
    found: dict[int, str] = {}
    for chunk in chunks(sorted(set(products))):
        rows = connection.execute(select(STATS.c.product_id, STATS.c.curve_sha256).where(STATS.c.product_id.in_(chunk)))
        found |= {row.product_id: row.curve_sha256 for row in rows}
    return found


def imported(connection: Connection, filenames: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows of ``product`` of imported light curves of some file names."""
    found: list[dict[str, Any]] = []
    for chunk in chunks(sorted(set(filenames))):
        rows = connection.execute(
            select(PRODUCTS)
            .where(PRODUCTS.c.filename.in_(chunk), PRODUCTS.c.kind.in_((INDIVIDUAL, COMPOSITE)))
            .where(PRODUCTS.c.step_version == 0)
            .order_by(PRODUCTS.c.id)
        )
        found += [dict(row) for row in rows.mappings()]
    return found


def known_bad(connection: Connection, filenames: Iterable[str]) -> dict[str, set[str]]:
    """Return the rejected files of some names: name to SHA-256, which is '' for one that only an old table knows."""
    found: dict[str, set[str]] = defaultdict(set)
    for chunk in chunks(sorted(set(filenames))):
        rows = connection.execute(select(BAD.c.filename, BAD.c.sha256).where(BAD.c.filename.in_(chunk)))
        for row in rows:
            found[row.filename].add(row.sha256)
    return dict(found)
