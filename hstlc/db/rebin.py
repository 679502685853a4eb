"""The queries of light curves that are made again: what a stored one is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from hstlc.db.records import COMPOSITE, FILES, MEMBERS, METADATA, OUTPUTS, PRODUCTS, SOURCES, STATS
from hstlc.db.upserts import chunks

__all__ = ["PartRows", "bands_beside", "curve_of_source", "exclusions", "parts_of", "place_in_field"]

Row = Mapping[str, Any]

#: Light curves of one source or target that are looked through.
_MOST_OF_SOURCE = 10_000

_CURVE = ("id", "path", "filename", "sha256", "input_digest", "settings_digest", "step_version", "made_at")


@dataclass(frozen=True, slots=True)
class PartRows:
    """An exposure that a light curve is made of.

    Attributes
    ----------
    dataset : int
        Its number in the light curve, from 1.
    source_name, band : str
        What of the exposure.
    exposure : mapping
        Row of ``metadata``.
    curve : mapping
        Of the row of ``product`` of its own light curve; ``id`` is None where there is none.
    files : sequence of mappings
        Rows of ``exposure_file`` that are current, in order of kind.
    """

    dataset: int
    source_name: str
    band: str
    exposure: Row
    curve: Row
    files: Sequence[Row]


def parts_of(connection: Connection, product_id: int, kind: str) -> list[PartRows]:
    """Return what a light curve is made of, in the order of its datasets.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    product_id : int
        Id of ``product``.
    kind : str
        individual or composite.
    """
    wanted: list[Any] = [
        METADATA,
        OUTPUTS.c.source_name.label("of_source"),
        OUTPUTS.c.band.label("of_band"),
        *(PRODUCTS.c[name].label(f"curve_{name}") for name in _CURVE),
    ]
    own = OUTPUTS.outerjoin(PRODUCTS, PRODUCTS.c.id == OUTPUTS.c.individual_product_id)
    query: Select[Any]
    if kind == COMPOSITE:
        of_it = and_(MEMBERS.c.metadata_id == OUTPUTS.c.metadata_id, MEMBERS.c.configuration == OUTPUTS.c.configuration)
        query = (
            select(*wanted, MEMBERS.c.dataset.label("number"))
            .select_from(own.join(MEMBERS, of_it).join(METADATA, METADATA.c.id == OUTPUTS.c.metadata_id))
            .where(MEMBERS.c.product_id == product_id, MEMBERS.c.dataset.is_not(None))
            .order_by(MEMBERS.c.dataset)
        )
    else:
        query = (
            select(*wanted)
            .select_from(own.join(METADATA, METADATA.c.id == OUTPUTS.c.metadata_id))
            .where(OUTPUTS.c.individual_product_id == product_id)
            .limit(1)
        )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    files = _files(connection, [row["id"] for row in rows])
    return [
        PartRows(
            row.get("number", 1),
            row["of_source"],
            row["of_band"],
            row,
            {name: row[f"curve_{name}"] for name in _CURVE},
            files[row["id"]],
        )
        for row in rows
    ]


def _files(connection: Connection, exposures: Sequence[int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for chunk in chunks(sorted(set(exposures))):
        rows = connection.execute(
            select(FILES).where(FILES.c.metadata_id.in_(chunk), FILES.c.state == "current").order_by(FILES.c.kind)
        )
        for row in rows.mappings():
            found[row["metadata_id"]].append(dict(row))
    return found


def bands_beside(
    connection: Connection, metadata_id: int, source_name: str
) -> dict[str, tuple[float | None, float | None]]:
    """Return the bands that a source of an exposure has light curves of, '' is that of everything.

    To each belong the shortest and the longest wavelength, m, where statistics tell them.
    """
    joined = OUTPUTS.outerjoin(STATS, STATS.c.product_id == OUTPUTS.c.individual_product_id)
    rows = select(OUTPUTS.c.band, STATS.c.em_min_m, STATS.c.em_max_m).select_from(joined)
    of_it = rows.where(
        OUTPUTS.c.metadata_id == metadata_id,
        OUTPUTS.c.source_name == source_name,
        OUTPUTS.c.individual_product_id.is_not(None),
    )
    return {band: (shortest, longest) for band, shortest, longest in connection.execute(of_it.order_by(OUTPUTS.c.id))}


def exclusions(connection: Connection, product_id: int) -> list[Row]:
    """Return ``dataset, rootname, excluded_reason`` of all exposures of the configuration of a composite."""
    rows = connection.execute(
        select(MEMBERS.c.dataset, METADATA.c.rootname, MEMBERS.c.excluded_reason)
        .select_from(MEMBERS.join(METADATA, METADATA.c.id == MEMBERS.c.metadata_id))
        .where(MEMBERS.c.product_id == product_id)
        .order_by(MEMBERS.c.dataset.is_(None), MEMBERS.c.dataset, METADATA.c.expstart_mjd)
    )
    return [dict(row) for row in rows.mappings()]


def curve_of_source(connection: Connection, source: str, observation: str, instrume: str) -> int | None:
    """Return the product of the light curve that stands for a source in an exposure; None: there is none.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    source : str
        Name of the source in the exposure, or of the target.
    observation : str
        Rootname of the exposure, or number of its observation, with or without leading zeros.
    instrume : str
        Instrument of the exposure, in any case; '': any.
    """
    rows = connection.execute(
        select(OUTPUTS.c.individual_product_id, METADATA.c.rootname, METADATA.c.instrume, METADATA.c.extra)
        .select_from(OUTPUTS.join(METADATA, METADATA.c.id == OUTPUTS.c.metadata_id))
        .where(
            OUTPUTS.c.individual_product_id.is_not(None),
            (OUTPUTS.c.source_name == source) | (METADATA.c.targname == source),
        )
        .order_by(OUTPUTS.c.source_name != source, OUTPUTS.c.lead.desc(), OUTPUTS.c.id)
        .limit(_MOST_OF_SOURCE)
    )
    wanted = observation.strip().lstrip("0")
    for number, rootname, instrument, extra in rows:
        names = {rootname, rootname.lstrip("0"), str((extra or {}).get("obs_id", "")).strip().lstrip("0")}
        if wanted in names - {""} and instrume.strip().upper() in ("", instrument.upper()):
            return int(number)
    return None


def place_in_field(connection: Connection, product_id: int) -> tuple[float | None, Row]:
    """Return how far from the axis the source of a light curve is, arcmin, and what only its mission knows of it."""
    of_it = and_(SOURCES.c.metadata_id == OUTPUTS.c.metadata_id, SOURCES.c.name == OUTPUTS.c.source_name)
    row = connection.execute(
        select(SOURCES.c.offaxis_arcmin, SOURCES.c.extra)
        .select_from(OUTPUTS.join(SOURCES, of_it))
        .where(OUTPUTS.c.individual_product_id == product_id)
    ).first()
    return (None, {}) if row is None else (row[0], row[1] or {})
