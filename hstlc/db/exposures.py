"""What a run says of exposures, recorded: files, light curves, sources, findings; in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select

from hstlc.db.keys import product_key
from hstlc.db.light_curves import curves_of_exposures, refresh_light_curves
from hstlc.db.records import (
    BAD,
    FILES,
    FINDINGS,
    INDIVIDUAL,
    METADATA,
    OUTPUTS,
    PRODUCTS,
    RATIOS,
    SOURCES,
    save_bad_data,
)
from hstlc.db.upserts import chunks, identities, key_chunks, upsert

__all__ = ["WHOLE", "ExposureRows", "save_exposures"]

Key = tuple[str, str]
Row = Mapping[str, Any]

#: What ``outputs`` says of the light curve of a whole exposure.
WHOLE: Row = {"source_name": "", "band": "", "instrume": "", "lead": True}


@dataclass(frozen=True, slots=True)
class ExposureRows:
    """The rows of an exposure, accepted or rejected.

    Attributes
    ----------
    mission, rootname : str
    metadata : mapping or None
        Columns of ``metadata`` but id, mission, rootname; None for a rejected exposure.
    files : sequence of mappings
        Every known version of every file, columns of ``exposure_file`` but id, mission, rootname, metadata_id.
    products : sequence of mappings
        Columns of ``product`` but id, key, metadata_id, with ``source_name``, ``band``, ``instrume`` and ``lead`` of
        each as ``outputs`` has them (:data:`WHOLE` where they are of the whole exposure); replace those of before.
    bad : sequence of mappings
        Rejected files, columns of ``bad_data`` but id, mission, rootname.
    findings : sequence of mappings
        ``filename, check_name, severity, reason, message``; replace those of before.
    sources : sequence of mappings
        Columns of ``source`` but id, mission, metadata_id, same_as, with the rows of ``hardness_ratio`` of each as
        ``hardness``; replace those of before.
    composes : bool
        Its whole-aperture light curve is part of a composite.
    """

    mission: str
    rootname: str
    metadata: Row | None
    files: Sequence[Row]
    products: Sequence[Row]
    bad: Sequence[Row]
    findings: Sequence[Row]
    sources: Sequence[Row] = ()
    composes: bool = True

    @property
    def columns(self) -> dict[str, str]:
        """The exposure as columns."""
        return {"mission": self.mission, "rootname": self.rootname}

    @property
    def key(self) -> Key:
        """Mission and rootname."""
        return self.mission, self.rootname


def save_exposures(connection: Connection, exposures: Sequence[ExposureRows]) -> None:
    """Record different exposures.

    An accepted one gets metadata, its files, its products and its findings, and its files are not bad any more. A
    rejected one has its files as bad data, and no products, statistics or metadata any more.
    """
    known = identities(connection, METADATA, ("mission", "rootname"), (one.key for one in exposures))
    before = curves_of_exposures(connection, known.values())
    _forget_curves(connection, [one.key for one in exposures if one.metadata is None])
    described = [{**one.columns, **one.metadata} for one in exposures if one.metadata is not None]
    upsert(connection, METADATA, ("mission", "rootname"), described)
    accepted = {one.key: one for one in exposures if one.metadata is not None}
    numbers = identities(connection, METADATA, ("mission", "rootname"), accepted)
    files = [{**one.columns, "metadata_id": numbers.get(one.key), **row} for one in exposures for row in one.files]
    upsert(connection, FILES, ("mission", "rootname", "kind", "sha256"), files, keep=("added_at",))
    by_number = {number: accepted[key] for key, number in numbers.items()}
    _save_products(connection, by_number)
    _save_sources(connection, by_number)
    good = ({row["sha256"] for row in one.files} - {row["sha256"] for row in one.bad} for one in exposures)
    _forget_bad(connection, set().union(*good))
    _forget_imported_bad(connection, [one.key for one in exposures if one.files])
    save_bad_data(connection, [{**one.columns, **row} for one in exposures for row in one.bad])
    _save_findings(connection, exposures)
    refresh_light_curves(connection, before | curves_of_exposures(connection, by_number))


def _forget_curves(connection: Connection, keys: Iterable[Key]) -> None:
    """Delete metadata and light curves of some exposures, and all that depends on them."""
    for mission, chunk in key_chunks(keys):
        exposure = and_(METADATA.c.mission == mission, METADATA.c.rootname.in_(chunk))
        connection.execute(delete(PRODUCTS).where(PRODUCTS.c.metadata_id.in_(select(METADATA.c.id).where(exposure))))
        connection.execute(delete(METADATA).where(exposure))


def _save_products(connection: Connection, exposures: Mapping[int, ExposureRows]) -> None:
    """Record the products of exposures, which come by their id in ``metadata``, in place of those of before."""
    products = [
        {
            **WHOLE,
            **row,
            "key": product_key(one.mission, one.rootname, row.get("source_name", ""), row["band"]),
            "metadata_id": number,
        }
        for number, one in exposures.items()
        for row in one.products
    ]
    columns = ({name: value for name, value in row.items() if name not in WHOLE} for row in products)
    upsert(connection, PRODUCTS, ("kind", "key"), columns)
    numbers = identities(connection, PRODUCTS, ("kind", "key"), [(row["kind"], row["key"]) for row in products])
    outputs = [
        {
            **{name: row[name] for name in ("metadata_id", *WHOLE)},
            "individual_path": row["path"],
            "individual_filename": row["filename"],
            "individual_product_id": numbers[row["kind"], row["key"]],
            "configuration": _configuration(exposures[row["metadata_id"]], row),
        }
        for row in products
        if row["kind"] == INDIVIDUAL
    ]
    whole = [row for row in outputs if not row["source_name"]]
    upsert(connection, OUTPUTS, ("metadata_id", "source_name", "band"), whole)
    of_sources = [row for row in outputs if row["source_name"]]
    upsert(connection, OUTPUTS, ("metadata_id", "source_name", "band"), of_sources, keep=("configuration",))
    made = set(numbers.values())
    for chunk in chunks(sorted(exposures)):
        known = connection.execute(select(PRODUCTS.c.id).where(PRODUCTS.c.metadata_id.in_(chunk)))
        for gone in chunks(sorted({row.id for row in known} - made)):
            connection.execute(delete(OUTPUTS).where(OUTPUTS.c.individual_product_id.in_(gone)))
            connection.execute(delete(PRODUCTS).where(PRODUCTS.c.id.in_(gone)))


def _configuration(one: ExposureRows, row: Row) -> str:
    """Return the composite of a light curve; those of sources come later, once other exposures of them are known."""
    whole = one.composes and not row["source_name"] and not row["band"]
    return str(one.metadata["configuration"]) if whole and one.metadata is not None else ""


def _save_sources(connection: Connection, exposures: Mapping[int, ExposureRows]) -> None:
    """Record the sources of exposures in place of those of before."""
    for chunk in chunks(sorted(exposures)):
        connection.execute(delete(SOURCES).where(SOURCES.c.metadata_id.in_(chunk)))
    rows = [
        {**row, "mission": one.mission, "metadata_id": number}
        for number, one in exposures.items()
        for row in one.sources
    ]
    columns = [{name: value for name, value in row.items() if name != "hardness"} for row in rows]
    if not columns:
        return
    connection.execute(insert(SOURCES), columns)
    keys = [(row["metadata_id"], row["name"]) for row in rows]
    numbers = identities(connection, SOURCES, ("metadata_id", "name"), keys)
    ratios = [
        {"source_id": numbers[key], **ratio} for key, row in zip(keys, rows, strict=True) for ratio in row["hardness"]
    ]
    if ratios:
        connection.execute(insert(RATIOS), ratios)


def _forget_bad(connection: Connection, digests: Iterable[str]) -> None:
    """Delete the rows of files that are not bad any more; other files of the exposure that were refused keep theirs."""
    for chunk in chunks(sorted(digests)):
        connection.execute(delete(BAD).where(BAD.c.sha256.in_(chunk)))


def _forget_imported_bad(connection: Connection, keys: Iterable[Key]) -> None:
    """Delete the imported rows of rejected files, which have no digest, of exposures whose files came."""
    for mission, chunk in key_chunks(keys):
        listed = and_(BAD.c.sha256 == "", BAD.c.mission == mission, BAD.c.rootname.in_(chunk))
        connection.execute(delete(BAD).where(listed))


def _save_findings(connection: Connection, exposures: Sequence[ExposureRows]) -> None:
    for mission, chunk in key_chunks(one.key for one in exposures):
        connection.execute(delete(FINDINGS).where(FINDINGS.c.mission == mission, FINDINGS.c.rootname.in_(chunk)))
    now = datetime.now(UTC)
    rows = [{**one.columns, "found_at": now, **row} for one in exposures for row in one.findings]
    if rows:
        connection.execute(insert(FINDINGS), rows)
