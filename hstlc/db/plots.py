"""The queries of plots: which are due, what the tables show, what was drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select

from hstlc.db.composites import COMPOSITE
from hstlc.db.records import INDIVIDUAL, METADATA, OUTPUTS, PRODUCTS, STATS
from hstlc.db.upserts import chunks, upsert

__all__ = [
    "FOLDER_PAGE",
    "PAGE",
    "VIEWS",
    "described_curves",
    "drawn_otherwise",
    "due_plots",
    "folder_pages",
    "orphans",
    "plots_of",
    "remove_plots",
    "save_plots",
]

Row = Mapping[str, Any]

PAGE = "page"

#: Kinds of plot that a light curve has.
VIEWS = (PAGE, "plot", "quicklook", "periodogram")

#: Pages over all light curves, and what they share.
FOLDER_PAGE = "folder-page"

_SETUP = ("mission", "targname", "instrume", "detector", "opt_elem", "cenwave", "aperture", "rootname", "proposid")
_WHERE_AND_WHEN = ("ra_deg", "dec_deg", "expstart_mjd", "exptime_s")


def due_plots(
    connection: Connection, kinds: Sequence[str], *, everything: bool, version: int, settings: str
) -> list[dict[str, Any]]:
    """Return the light curves whose plots are missing or show another curve, composites first, in order of key.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    kinds : sequence of str
        ``individual``, ``composite``.
    everything : bool
        Also those that another version or other settings drew.
    version : int
        Version of the plots.
    settings : str
        Digest of their settings.
    """
    page = PRODUCTS.alias("page")
    stale = or_(page.c.id.is_(None), page.c.input_digest != PRODUCTS.c.sha256)
    if everything:
        stale = or_(stale, page.c.step_version != version, page.c.settings_digest != settings)
    rows = connection.execute(
        select(PRODUCTS)
        .select_from(PRODUCTS.outerjoin(page, and_(page.c.parent_id == PRODUCTS.c.id, page.c.kind == PAGE)))
        .where(PRODUCTS.c.kind.in_(kinds), stale)
        .order_by(PRODUCTS.c.kind, PRODUCTS.c.key)
    )
    return [dict(row) for row in rows.mappings()]


def plots_of(connection: Connection, parents: Iterable[int] | None = None) -> list[dict[str, Any]]:
    """Return the rows of plots: of some light curves, or of all."""
    statement = select(PRODUCTS).where(PRODUCTS.c.kind.in_(VIEWS)).order_by(PRODUCTS.c.id)
    if parents is None:
        return [dict(row) for row in connection.execute(statement).mappings()]
    found: list[dict[str, Any]] = []
    for chunk in chunks(sorted(set(parents))):
        rows = connection.execute(statement.where(PRODUCTS.c.parent_id.in_(chunk)))
        found += [dict(row) for row in rows.mappings()]
    return found


def orphans(connection: Connection) -> list[dict[str, Any]]:
    """Return the rows of plots whose light curve is gone."""
    gone = select(PRODUCTS).where(PRODUCTS.c.kind.in_(VIEWS), PRODUCTS.c.parent_id.is_(None))
    return [dict(row) for row in connection.execute(gone).mappings()]


def folder_pages(connection: Connection) -> list[dict[str, Any]]:
    """Return the rows of the pages over all light curves, and of what pages share."""
    rows = connection.execute(select(PRODUCTS).where(PRODUCTS.c.kind == FOLDER_PAGE).order_by(PRODUCTS.c.key))
    return [dict(row) for row in rows.mappings()]


def drawn_otherwise(connection: Connection, settings: str) -> bool:
    """Tell whether there are plots that other settings drew."""
    other = select(PRODUCTS.c.id).where(PRODUCTS.c.kind.in_(VIEWS), PRODUCTS.c.settings_digest != settings)
    return connection.execute(other.limit(1)).first() is not None


def save_plots(connection: Connection, rows: Iterable[Row]) -> None:
    """Record plots: columns of ``product`` but id."""
    upsert(connection, PRODUCTS, ("kind", "key"), rows)


def remove_plots(connection: Connection, identities: Iterable[int]) -> None:
    """Forget plots that are not shown any more."""
    for chunk in chunks(identities):
        connection.execute(delete(PRODUCTS).where(PRODUCTS.c.id.in_(chunk)))


def described_curves(connection: Connection) -> list[dict[str, Any]]:
    """Return every whole-aperture light curve with what was observed, its statistics and its plots.

    Returns
    -------
    list of dict
        Columns of ``metadata`` (of a composite those that its exposures have in common, the first start, the summed
        exposure time), ``kind``, ``path``, ``filename``, ``members`` (number of exposures), all columns of ``stats``
        (None where there are none), and ``plots``: kind of plot to (path, filename).
    """
    setup = [METADATA.c[name] for name in (*_SETUP, *_WHERE_AND_WHEN)]
    exposures = connection.execute(
        select(*setup, OUTPUTS.c.individual_product_id, OUTPUTS.c.composite_product_id)
        .select_from(METADATA.join(OUTPUTS, OUTPUTS.c.metadata_id == METADATA.c.id))
        .where(OUTPUTS.c.source_name == "", OUTPUTS.c.band == "")
        .order_by(METADATA.c.expstart_mjd, METADATA.c.rootname)
    ).mappings()
    members: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in map(dict, exposures):
        for product in (row.pop("individual_product_id"), row.pop("composite_product_id")):
            if product is not None:
                members[product].append(row)
    plots: dict[int, dict[str, tuple[str, str]]] = defaultdict(dict)
    for row in plots_of(connection):
        if row["parent_id"] is not None:
            plots[row["parent_id"]][row["kind"]] = row["path"], row["filename"]
    curves = connection.execute(
        select(PRODUCTS.c.id.label("curve_id"), PRODUCTS.c.kind, PRODUCTS.c.path, PRODUCTS.c.filename, STATS)
        .select_from(PRODUCTS.outerjoin(STATS, and_(STATS.c.product_id == PRODUCTS.c.id)))
        .where(PRODUCTS.c.kind.in_((INDIVIDUAL, COMPOSITE)))
        .order_by(PRODUCTS.c.kind, PRODUCTS.c.key)
    ).mappings()
    return [
        _together(members[row["curve_id"]])
        | dict(row)
        | {"members": len(members[row["curve_id"]]), "plots": plots[row["curve_id"]]}
        for row in curves
        if members[row["curve_id"]]
    ]


def _together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one row for the exposures of a curve, which come in order of time."""
    first = rows[0]
    if len(rows) == 1:
        return first
    times = [row["exptime_s"] for row in rows if row["exptime_s"] is not None]
    proposals = {row["proposid"] for row in rows}
    return {
        **first,
        "rootname": "",
        "exptime_s": sum(times) if times else None,
        "proposid": first["proposid"] if len(proposals) == 1 else None,
    }
