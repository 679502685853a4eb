"""The queries of reports: the light curves of sources with what is known of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, exists, or_, select

from hstlc.db.records import METADATA, OUTPUTS, PRODUCTS, SOURCES, STATS

__all__ = ["reported_curves", "source_places"]

_EXPOSURE = ("mission", "rootname", "targname", "target_id", "detector", "expstart_mjd", "expend_mjd", "exptime_s")
_SOURCE = ("same_as", "number", "catalogue", "significance", "offaxis_arcmin")
_STATS = ("gl_index", "gl_probability", "interesting")


def reported_curves(connection: Connection) -> list[dict[str, Any]]:
    """Return the light curves of all sources, and those of whole exposures without sources, in order of time.

    Returns
    -------
    list of dict
        Columns of ``product`` and of ``metadata``, of ``source`` (None for a whole exposure) and ``stats``;
        ``source_name``, ``band``, ``lead``, ``instrume``; ``ra_deg`` and ``dec_deg`` of the source, else of the target.
    """
    of_source = and_(SOURCES.c.metadata_id == OUTPUTS.c.metadata_id, SOURCES.c.name == OUTPUTS.c.source_name)
    without = ~exists().where(SOURCES.c.metadata_id == METADATA.c.id).correlate(METADATA)
    rows = connection.execute(
        select(
            PRODUCTS,
            *(METADATA.c[name] for name in _EXPOSURE),
            *(SOURCES.c[name] for name in _SOURCE),
            *(STATS.c[name] for name in _STATS),
            *(OUTPUTS.c[name] for name in ("source_name", "band", "lead")),
            OUTPUTS.c.instrume.label("camera"),
            METADATA.c.instrume,
            SOURCES.c.counts.label("source_counts"),
            METADATA.c.ra_deg.label("target_ra_deg"),
            METADATA.c.dec_deg.label("target_dec_deg"),
            SOURCES.c.ra_deg,
            SOURCES.c.dec_deg,
        )
        .select_from(
            OUTPUTS.join(METADATA, METADATA.c.id == OUTPUTS.c.metadata_id)
            .join(PRODUCTS, PRODUCTS.c.id == OUTPUTS.c.individual_product_id)
            .outerjoin(SOURCES, of_source)
            .outerjoin(STATS, STATS.c.product_id == PRODUCTS.c.id)
        )
        .where(or_(SOURCES.c.id.is_not(None), and_(OUTPUTS.c.source_name == "", without)))
        .order_by(METADATA.c.expstart_mjd, METADATA.c.mission, METADATA.c.rootname, OUTPUTS.c.source_name)
        .order_by(OUTPUTS.c.lead.desc(), OUTPUTS.c.band)
    )
    return [_placed(dict(row)) for row in rows.mappings()]


def _placed(row: dict[str, Any]) -> dict[str, Any]:
    of_source = row["same_as"] is not None
    places = {name: row[name] if of_source else row[f"target_{name}"] for name in ("ra_deg", "dec_deg")}
    return {
        **row,
        **places,
        "instrume": row["camera"] or row["instrume"],
        "lead": row["lead"] if of_source else row["band"] == "",
    }


def source_places(connection: Connection, name: str) -> list[tuple[str, float, float]]:
    """Return the one name and the places of the sources that are called so, in an exposure or in all; else none."""
    called = or_(SOURCES.c.name == name, SOURCES.c.same_as == name)
    rows = connection.execute(
        select(SOURCES.c.same_as, SOURCES.c.name, SOURCES.c.ra_deg, SOURCES.c.dec_deg)
        .where(called)
        .order_by(SOURCES.c.id)
    )
    return [(row.same_as or row.name, row.ra_deg, row.dec_deg) for row in rows]
