"""The queries of composites: which are to be made, of what, and what became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from hstlc.db.records import FILES, MEMBERS, METADATA, OUTPUTS, PRODUCTS, products_of
from hstlc.db.upserts import chunks, identities, upsert

__all__ = [
    "COMPOSITE",
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

COMPOSITE = "composite"

#: Why an exposure that the archive took back is not part of a composite.
WITHDRAWN = "Withdrawn"

#: Why one is not whose light curve was imported, without the files that it was made of.
NO_FILES = "No files to make it of"

# A whole-aperture light curve of an exposure that has one.
_CURVES = METADATA.join(
    OUTPUTS, and_(OUTPUTS.c.metadata_id == METADATA.c.id, OUTPUTS.c.source_name == "", OUTPUTS.c.band == "")
).join(PRODUCTS, PRODUCTS.c.id == OUTPUTS.c.individual_product_id)


def due_configurations(connection: Connection) -> set[str]:
    """Return the configurations with an exposure that is new or changed, and those that an exposure has left.

    A composite whose file is gone, or that other settings made, is for the caller to find.
    """
    new = (
        select(METADATA.c.configuration)
        .select_from(
            _CURVES.outerjoin(
                MEMBERS,
                and_(
                    MEMBERS.c.metadata_id == METADATA.c.id,
                    MEMBERS.c.configuration == METADATA.c.configuration,
                    MEMBERS.c.input_digest == PRODUCTS.c.input_digest,
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
                    OUTPUTS.c.source_name == "",
                    OUTPUTS.c.band == "",
                    OUTPUTS.c.individual_product_id.is_not(None),
                ),
            )
        )
        .where(
            or_(OUTPUTS.c.id.is_(None), METADATA.c.id.is_(None), METADATA.c.configuration != MEMBERS.c.configuration)
        )
        .distinct()
    )
    return {row[0] for query in (new, left) for row in connection.execute(query)}


def configurations(connection: Connection) -> set[str]:
    """Return the configurations of all exposures that have a light curve."""
    return {row[0] for row in connection.execute(select(METADATA.c.configuration).select_from(_CURVES).distinct())}


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
        By configuration: row of ``metadata`` with the ``input_digest`` of the light curve, and rows of
        ``exposure_file`` of the files it is made of, in order of kind. A configuration without exposures is missing.
    """
    rows: list[dict[str, Any]] = []
    files: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for chunk in chunks(sorted(set(wanted))):
        found = connection.execute(
            select(METADATA, PRODUCTS.c.input_digest)
            .select_from(_CURVES)
            .where(METADATA.c.configuration.in_(chunk))
            .order_by(METADATA.c.configuration, METADATA.c.expstart_mjd, METADATA.c.rootname)
        ).mappings()
        rows += map(dict, found)
    for chunk in chunks(row["id"] for row in rows):
        found = connection.execute(
            select(FILES)
            .where(FILES.c.metadata_id.in_(chunk), FILES.c.state == "current")
            .order_by(FILES.c.metadata_id, FILES.c.kind)
        ).mappings()
        for file in found:
            files[file["metadata_id"]].append(dict(file))
    result: dict[str, list[Found]] = defaultdict(list)
    for row in rows:
        result[row["configuration"]].append((row, files[row["id"]]))
    return dict(result)


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
        whole = and_(OUTPUTS.c.metadata_id == MEMBERS.c.metadata_id, OUTPUTS.c.source_name == "", OUTPUTS.c.band == "")
        connection.execute(update(OUTPUTS).where(part, PRODUCTS.c.id == MEMBERS.c.product_id, whole).values(place))
