"""The queries of delivery: which light curves are marked, and which composites there are to hand on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, and_, select, update

from hstlc.db.composites import COMPOSITE
from hstlc.db.records import MEMBERS, METADATA, PRODUCTS, STATS
from hstlc.db.upserts import chunks

__all__ = ["composites_to_deliver", "mark", "marked_curves"]


def marked_curves(connection: Connection) -> list[Mapping[str, Any]]:
    """Return id, lightcurve_filename and deliver of every row of ``stats``, with the kind of its light curve."""
    columns = (STATS.c.id, STATS.c.lightcurve_filename, STATS.c.deliver, PRODUCTS.c.kind)
    joined = STATS.join(PRODUCTS, PRODUCTS.c.id == STATS.c.product_id)
    rows = connection.execute(select(*columns).select_from(joined).order_by(STATS.c.lightcurve_filename, STATS.c.id))
    return [dict(row) for row in rows.mappings()]


def mark(connection: Connection, identities: Iterable[int], *, deliver: bool) -> None:
    """Set ``deliver`` of rows of ``stats``."""
    for chunk in chunks(sorted(set(identities))):
        connection.execute(update(STATS).where(STATS.c.id.in_(chunk)).values(deliver=deliver))


def composites_to_deliver(connection: Connection, *, marked: bool) -> list[dict[str, Any]]:
    """Return the composites with what their first exposure says of the configuration, in order of their keys.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    marked : bool
        Only those whose statistics are marked ``deliver``.

    Returns
    -------
    list of dict
        ``key, path, filename, sha256, size_bytes`` of ``product``, and ``mission, telescop, instrume, detector,
        targname, opt_elem, cenwave, aperture`` of ``metadata``, None where that exposure is gone.
    """
    product = [PRODUCTS.c[name] for name in ("key", "path", "filename", "sha256", "size_bytes")]
    setup = "mission telescop instrume detector targname opt_elem cenwave aperture"
    first = and_(MEMBERS.c.product_id == PRODUCTS.c.id, MEMBERS.c.dataset == 1)
    joined = (
        PRODUCTS.outerjoin(MEMBERS, first)
        .outerjoin(METADATA, METADATA.c.id == MEMBERS.c.metadata_id)
        .outerjoin(STATS, STATS.c.product_id == PRODUCTS.c.id)
    )
    query = select(*product, *(METADATA.c[name] for name in setup.split())).select_from(joined)
    query = query.where(PRODUCTS.c.kind == COMPOSITE).order_by(PRODUCTS.c.key)
    if marked:
        query = query.where(STATS.c.deliver.is_(True))
    return [dict(row) for row in connection.execute(query).mappings()]
