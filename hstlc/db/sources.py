"""The queries of sources: which exposures see them, and which composites their light curves are part of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select, update

from hstlc.db.light_curves import refresh_of_exposures
from hstlc.db.records import METADATA, OUTPUTS, SOURCES
from hstlc.db.upserts import chunks

__all__ = ["curves_of_sources", "name_sources", "set_configurations", "sources_in_time"]

Row = Mapping[str, Any]


def sources_in_time(connection: Connection, mission: str) -> list[dict[str, Any]]:
    """Return ``id, metadata_id, name, same_as, ra_deg, dec_deg`` of all sources of a mission, in order of time."""
    columns = [SOURCES.c[name] for name in ("id", "metadata_id", "name", "same_as", "ra_deg", "dec_deg")]
    rows = connection.execute(
        select(*columns)
        .select_from(SOURCES.join(METADATA, METADATA.c.id == SOURCES.c.metadata_id))
        .where(SOURCES.c.mission == mission)
        .order_by(METADATA.c.expstart_mjd, METADATA.c.rootname, SOURCES.c.name)
    )
    return [dict(row) for row in rows.mappings()]


def curves_of_sources(connection: Connection, mission: str) -> list[dict[str, Any]]:
    """Return ``id, metadata_id, source_name, band, configuration`` of their light curves, with the instrument."""
    columns = [OUTPUTS.c[name] for name in ("id", "metadata_id", "source_name", "band", "configuration")]
    rows = connection.execute(
        select(*columns, OUTPUTS.c.instrume.label("camera"), METADATA.c.instrume)
        .select_from(OUTPUTS.join(METADATA, METADATA.c.id == OUTPUTS.c.metadata_id))
        .where(
            and_(
                METADATA.c.mission == mission,
                OUTPUTS.c.source_name != "",
                OUTPUTS.c.individual_product_id.is_not(None),
            )
        )
    )
    return [{**row, "instrume": row["camera"] or row["instrume"]} for row in map(dict, rows.mappings())]


def name_sources(connection: Connection, names: Iterable[tuple[int, str]]) -> None:
    """Set ``same_as`` of rows of ``source``, which come as pairs of id and name."""
    values = [{"row_id": number, "new_name": name} for number, name in names]
    if values:
        by_id = SOURCES.c.id == bindparam("row_id")
        connection.execute(update(SOURCES).where(by_id).values(same_as=bindparam("new_name")), values)
        for chunk in chunks(row["row_id"] for row in values):
            seen = connection.scalars(select(SOURCES.c.metadata_id).where(SOURCES.c.id.in_(chunk)).distinct())
            refresh_of_exposures(connection, seen)


def set_configurations(connection: Connection, keys: Iterable[tuple[int, str]]) -> None:
    """Set ``configuration`` of rows of ``outputs``, which come as pairs of id and key."""
    values = [{"row_id": number, "new_key": key} for number, key in keys]
    if values:
        by_id = OUTPUTS.c.id == bindparam("row_id")
        connection.execute(update(OUTPUTS).where(by_id).values(configuration=bindparam("new_key")), values)
