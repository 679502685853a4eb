"""The pictures of light curves: which file shows which."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from hstlc.db.records import PRODUCTS

__all__ = ["picture_of"]


def picture_of(connection: Connection, product: int, kind: str) -> dict[str, Any] | None:
    """Return the row of ``product`` of a picture of a light curve; None: it has none.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    product : int
        Id of the light curve in ``product``.
    kind : str
        One of :data:`hstlc.db.plots.VIEWS`, such as ``quicklook``.
    """
    own = select(PRODUCTS).where(PRODUCTS.c.parent_id == product, PRODUCTS.c.kind == kind).limit(1)
    row = connection.execute(own).mappings().first()
    return None if row is None else dict(row)
