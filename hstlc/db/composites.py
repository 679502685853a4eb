"""The queries of composites: which are to be made, of what, and what became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, case, delete, insert, or_, select, update

from hstlc.db.keys import source_setup
from hstlc.db.light_curves import refresh_light_curves
from hstlc.db.records import COMPOSITE, FILES, MEMBERS, METADATA, OUTPUTS, PRODUCTS, SOURCES, products_of
from hstlc.db.upserts import chunks, identities, upsert

__all__ = [
    "COMPOSITE",
    "CURVE",
    "NO_FILES",
    "WITHDRAWN",
    "CompositeRows",
    "composite_products",
    "configurations",
    "due_configurations",
    "members_of",
    "save_composites",
]

Row = Mapping[str, Any]
Found = tuple[dict[str, Any], list[dict[str, Any]]]

#: Kind of the file that the composite of a source is made of: its light curve in an exposure.
CURVE = "curve"

_CURVE = ("path", "filename", "sha256", "size_bytes")

#: Why an exposure that the archive took back is not part of a composite.
WITHDRAWN = "Withdrawn"

#: Why one is not whose light curve was imported, without the files that it was made of.
NO_FILES = "No files to make it of"

# A light curve that is part of a composite: of the whole aperture, or of a source that several exposures see.
_CURVES = METADATA.join(OUTPUTS, and_(OUTPUTS.c.metadata_id == METADATA.c.id, OUTPUTS.c.configuration != "")).join(
    PRODUCTS, PRODUCTS.c.id == OUTPUTS.c.individual_product_id
)

# What it is made of: the files of an exposure, which are extracted anew, or the light curve of a source as it is.
_DIGEST = case((OUTPUTS.c.source_name == "", PRODUCTS.c.input_digest), else_=PRODUCTS.c.sha256)


def due_configurations(connection: Connection) -> set[str]:
    """Return the configurations with an exposure that is new or changed, and those that an exposure has left.

    A composite whose file is gone, or that other settings made, is for the caller to find.
    """
    new = (
        select(OUTPUTS.c.configuration)
        .select_from(
            _CURVES.outerjoin(
                MEMBERS,
                and_(
                    MEMBERS.c.metadata_id == METADATA.c.id,
                    MEMBERS.c.configuration == OUTPUTS.c.configuration,
                    MEMBERS.c.input_digest == _DIGEST,
                    or_(MEMBERS.c.dataset.is_(None), MEMBERS.c.product_id == OUTPUTS.c.composite_product_id),
                    (METADATA.c.withdrawn != "") == (MEMBERS.c.excluded_reason == WITHDRAWN),
                ),
            )
        )
        .where(MEMBERS.c.id.is_(None))
        .distinct()
    )
    left = (
        select(MEMBERS.c.configuration)
        .select_from(
            MEMBERS.outerjoin(METADATA, METADATA.c.id == MEMBERS.c.metadata_id).outerjoin(
                OUTPUTS,
                and_(
                    OUTPUTS.c.metadata_id == MEMBERS.c.metadata_id,
                    OUTPUTS.c.configuration == MEMBERS.c.configuration,
                    OUTPUTS.c.individual_product_id.is_not(None),
                ),
            )
        )
        .where(or_(OUTPUTS.c.id.is_(None), METADATA.c.id.is_(None)))
        .distinct()
    )
    return {row[0] for query in (new, left) for row in connection.execute(query)}


def configurations(connection: Connection) -> set[str]:
    """Return the configurations of all exposures that have a light curve."""
    return {row[0] for row in connection.execute(select(OUTPUTS.c.configuration).select_from(_CURVES).distinct())}


def composite_products(connection: Connection, wanted: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the rows of ``product`` of all composites, or of some, by configuration."""
    if wanted is not None:
        return {key: dict(row) for key, row in products_of(connection, wanted, COMPOSITE).items()}
    rows = connection.execute(select(PRODUCTS).where(PRODUCTS.c.kind == COMPOSITE)).mappings()
    return {row["key"]: dict(row) for row in rows}


def members_of(connection: Connection, wanted: Iterable[str]) -> dict[str, list[Found]]:
    """Return the exposures of some configurations in order of time.

    Returns
    -------
    dict of str to list of tuple
        By configuration: row of ``metadata`` with the ``input_digest`` of the light curve, and what the composite is
        made of: rows of ``exposure_file``, in order of kind, or of a source the row of its light curve, with the kind
        :data:`CURVE`. Of a source, ``targname``, ``instrume``, ``detector``, ``opt_elem``, ``cenwave`` and ``aperture``
        are those of the composite (:func:`hstlc.db.keys.source_setup`). A configuration without exposures is missing.
    """
    rows: list[dict[str, Any]] = []
    files: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for chunk in chunks(sorted(set(wanted))):
        found = connection.execute(
            select(
                METADATA,
                *(_DIGEST.label("digest"), OUTPUTS.c.configuration.label("part_of"), OUTPUTS.c.band),
                *(OUTPUTS.c.instrume.label("camera"), SOURCES.c.same_as),
                *(PRODUCTS.c[name].label(f"curve_{name}") for name in _CURVE),
            )
            .select_from(
                _CURVES.outerjoin(
                    SOURCES, and_(SOURCES.c.metadata_id == METADATA.c.id, SOURCES.c.name == OUTPUTS.c.source_name)
                )
            )
            .where(OUTPUTS.c.configuration.in_(chunk))
            .order_by(OUTPUTS.c.configuration, METADATA.c.expstart_mjd, METADATA.c.rootname)
        ).mappings()
        rows += map(dict, found)
    for chunk in chunks(sorted({row["id"] for row in rows if row["same_as"] is None})):
        found = connection.execute(
            select(FILES)
            .where(FILES.c.metadata_id.in_(chunk), FILES.c.state == "current")
            .order_by(FILES.c.metadata_id, FILES.c.kind)
        ).mappings()
        for file in found:
            files[file["metadata_id"]].append(dict(file))
    result: dict[str, list[Found]] = defaultdict(list)
    for row in rows:
        made_of = _source(row) if row["same_as"] is not None else files[row["id"]]
        result[row["part_of"]].append((row | {"input_digest": row["digest"]}, made_of))
    return dict(result)


def _source(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Give a row of ``metadata`` the columns of the composite of a source, and return the row of its light curve."""
    row |= source_setup(row["mission"], row["camera"] or row["instrume"], row["same_as"], row["band"])
    return [{"kind": CURVE} | {name: row[f"curve_{name}"] for name in _CURVE}]


@dataclass(frozen=True, slots=True)
class CompositeRows:
    """The rows of a composite.

    Attributes
    ----------
    configuration : str
    product : mapping or None
        Columns of ``product`` but id, kind, key; None when no exposure can be a member.
    members : sequence of mappings
        ``metadata_id, dataset, excluded_reason, input_digest``: also of exposures that cannot be a member.
    """

    configuration: str
    product: Row | None
    members: Sequence[Row]


def save_composites(connection: Connection, made: Sequence[CompositeRows]) -> None:
    """Record different composites and their members; all that was known of them before is replaced."""
    wanted = {one.configuration for one in made}
    nothing = {"composite_path": None, "composite_filename": None, "composite_product_id": None}
    for chunk in chunks(sorted(wanted)):
        connection.execute(delete(MEMBERS).where(MEMBERS.c.configuration.in_(chunk)))
        before = select(PRODUCTS.c.id).where(PRODUCTS.c.kind == COMPOSITE, PRODUCTS.c.key.in_(chunk))
        connection.execute(update(OUTPUTS).where(OUTPUTS.c.composite_product_id.in_(before)).values(nothing))
    for chunk in chunks(sorted(one.configuration for one in made if one.product is None)):
        connection.execute(delete(PRODUCTS).where(PRODUCTS.c.kind == COMPOSITE, PRODUCTS.c.key.in_(chunk)))
    products = [{"kind": COMPOSITE, "key": one.configuration, **one.product} for one in made if one.product is not None]
    upsert(connection, PRODUCTS, ("kind", "key"), products)
    numbers = identities(connection, PRODUCTS, ("kind", "key"), [(COMPOSITE, row["key"]) for row in products])
    members = [
        {"configuration": one.configuration, "product_id": numbers.get((COMPOSITE, one.configuration)), **member}
        for one in made
        for member in one.members
    ]
    if members:
        connection.execute(insert(MEMBERS), members)
    place = {
        "composite_path": PRODUCTS.c.path,
        "composite_filename": PRODUCTS.c.filename,
        "composite_product_id": PRODUCTS.c.id,
    }
    for chunk in chunks(sorted(wanted)):
        part = and_(MEMBERS.c.configuration.in_(chunk), MEMBERS.c.dataset.is_not(None))
        own = and_(OUTPUTS.c.metadata_id == MEMBERS.c.metadata_id, OUTPUTS.c.configuration == MEMBERS.c.configuration)
        connection.execute(update(OUTPUTS).where(part, PRODUCTS.c.id == MEMBERS.c.product_id, own).values(place))
    refresh_light_curves(connection, numbers.values())
