"""The queries of the page of one light curve: what it is of, what belongs to it, what comes before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, func, or_, select

from hstlc.db.composites import COMPOSITE
from hstlc.db.records import (
    FILES,
    FINDINGS,
    INDIVIDUAL,
    LIGHT_CURVES,
    MEMBERS,
    METADATA,
    OUTPUTS,
    PRODUCTS,
    RATIOS,
    SOURCES,
    STATS,
)
from hstlc.db.tables import Candidate
from hstlc.db.upserts import chunks

__all__ = ["MOST", "CurveRows", "curve_rows"]

Row = dict[str, Any]

_candidates = Candidate.__table__
assert isinstance(_candidates, Table)
_CANDIDATES = _candidates

#: Most rows of each list: exposures, files, findings, candidates, other curves. Addresses of tables have the rest.
MOST = 200

_BRIEF = ("product_id", "filename", "kind", "band", "instrume", "detector", "source_name", "rootname", "start_mjd")


@dataclass(frozen=True, slots=True, eq=False)
class CurveRows:
    """The rows that the page of a light curve shows; lists have at most 200 rows.

    Attributes
    ----------
    curve : dict
        Of ``light_curve``.
    product : dict
        Of ``product``.
    stats : dict or None
        Of ``stats``; None: not computed yet.
    members : list of dict
        Columns of ``metadata`` of the exposures in it, in order of time, with ``dataset``, ``excluded_reason`` and
        ``curve``, the file name of the light curve of the exposure alone (None: there is none).
    files : list of dict
        Of ``exposure_file``: the files that are current, of all members.
    findings, candidates : list of dict
        Of ``finding`` for the members, and of ``candidate``, the least likely by chance first.
    source : dict or None
        Of ``source``; None: the curve is of the whole aperture.
    ratios : list of dict
        Of ``hardness_ratio``, of that source.
    bands : list of dict
        Of ``light_curve``: the curves of other bands and cameras of the same source, itself included.
    composites : list of dict
        Of ``light_curve``: the composites that it is part of.
    sources : list of dict
        Of ``light_curve``: of an exposure, the curves that stand for the sources in its field.
    previous, next : dict or None
        Of ``light_curve``: the curves of the same kind, target, source and band before and after it.
    """

    curve: Row
    product: Row
    stats: Row | None
    members: list[Row]
    files: list[Row]
    findings: list[Row]
    candidates: list[Row]
    source: Row | None
    ratios: list[Row]
    bands: list[Row]
    composites: list[Row]
    sources: list[Row]
    previous: Row | None
    next: Row | None


def curve_rows(connection: Connection, curve: Row) -> CurveRows:
    """Return all that the page of a light curve shows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    curve : dict
        The row of ``light_curve``, as :func:`hstlc.db.light_curves.find_light_curve` returns it.
    """
    number = curve["product_id"]
    product = _one(connection, select(PRODUCTS).where(PRODUCTS.c.id == number)) or {}
    members = _members(connection, curve)
    source = _source(connection, curve)
    candidates = (
        select(_CANDIDATES)
        .where(_CANDIDATES.c.product_id == number)
        .order_by(_CANDIDATES.c.probability, _CANDIDATES.c.start_mjd, _CANDIDATES.c.id)
    )
    ratios = select(RATIOS).where(RATIOS.c.source_id == (source or {}).get("id", 0)).order_by(RATIOS.c.id)
    return CurveRows(
        curve,
        product,
        _one(connection, select(STATS).where(STATS.c.product_id == number)),
        members,
        _files(connection, [row["id"] for row in members]),
        _findings(connection, members),
        _many(connection, candidates),
        source,
        _many(connection, ratios) if source else [],
        _many(connection, _bands(curve)) if curve["source_name"] else [],
        _many(connection, _composites(number)) if curve["kind"] == INDIVIDUAL else [],
        _many(connection, _sources(curve)) if curve["kind"] == INDIVIDUAL and not curve["source_name"] else [],
        _neighbor(connection, curve, later=False),
        _neighbor(connection, curve, later=True),
    )


def _members(connection: Connection, curve: Row) -> list[Row]:
    """Return the exposures of a light curve; of a composite also those that were left out."""
    if curve["kind"] != COMPOSITE:
        found = _many(connection, select(METADATA).where(METADATA.c.id == curve["metadata_id"]))
        return [{**row, "dataset": 1, "excluded_reason": "", "curve": curve["filename"]} for row in found]
    own = and_(OUTPUTS.c.metadata_id == MEMBERS.c.metadata_id, OUTPUTS.c.configuration == MEMBERS.c.configuration)
    joined = MEMBERS.join(METADATA, METADATA.c.id == MEMBERS.c.metadata_id).outerjoin(OUTPUTS, own)
    columns = MEMBERS.c.dataset, MEMBERS.c.excluded_reason, OUTPUTS.c.individual_filename.label("curve")
    query = select(METADATA, *columns).select_from(joined).where(MEMBERS.c.product_id == curve["product_id"])
    return _many(connection, query.order_by(MEMBERS.c.dataset.is_(None), MEMBERS.c.dataset, MEMBERS.c.id))


def _files(connection: Connection, exposures: Iterable[int]) -> list[Row]:
    numbers = sorted(set(exposures))
    query = select(FILES).where(FILES.c.metadata_id.in_(numbers), FILES.c.state == "current")
    return _many(connection, query.order_by(FILES.c.rootname, FILES.c.kind, FILES.c.id)) if numbers else []


def _findings(connection: Connection, members: Iterable[Row]) -> list[Row]:
    found: list[Row] = []
    names = sorted({(row["mission"], row["rootname"]) for row in members})
    for mission in sorted({mission for mission, _ in names}):
        for chunk in chunks([root for own, root in names if own == mission]):
            query = select(FINDINGS).where(FINDINGS.c.mission == mission, FINDINGS.c.rootname.in_(chunk))
            found += _many(connection, query.order_by(FINDINGS.c.rootname, FINDINGS.c.id))
    return found[:MOST]


def _source(connection: Connection, curve: Row) -> Row | None:
    if not curve["source_name"] or curve["metadata_id"] is None:
        return None
    named = or_(SOURCES.c.name == curve["source_name"], SOURCES.c.same_as == curve["source_name"])
    query = select(SOURCES).where(SOURCES.c.metadata_id == curve["metadata_id"], named)
    return _one(connection, query.order_by(SOURCES.c.id))


def _brief() -> Select[Any]:
    return select(*(LIGHT_CURVES.c[name] for name in _BRIEF))


def _bands(curve: Row) -> Select[Any]:
    """Return the curves of a source: in the same exposure, or of the same exposures together."""
    same = LIGHT_CURVES.c.source_name == curve["source_name"], LIGHT_CURVES.c.kind == curve["kind"]
    here: tuple[ColumnElement[bool], ...] = (LIGHT_CURVES.c.mission == curve["mission"],)
    if curve["kind"] != COMPOSITE:
        here = (LIGHT_CURVES.c.metadata_id == curve["metadata_id"],)
    return (
        _brief().where(*same, *here).order_by(LIGHT_CURVES.c.instrume, LIGHT_CURVES.c.band, LIGHT_CURVES.c.product_id)
    )


def _composites(number: int) -> Select[Any]:
    part = select(OUTPUTS.c.composite_product_id).where(OUTPUTS.c.individual_product_id == number)
    return _brief().where(LIGHT_CURVES.c.product_id.in_(part)).order_by(LIGHT_CURVES.c.product_id)


def _sources(curve: Row) -> Select[Any]:
    own = LIGHT_CURVES.c.metadata_id == curve["metadata_id"], LIGHT_CURVES.c.kind == INDIVIDUAL
    of_source = LIGHT_CURVES.c.source_name != "", LIGHT_CURVES.c.lead
    return _brief().where(*own, *of_source).order_by(LIGHT_CURVES.c.source_name, LIGHT_CURVES.c.product_id)


def _neighbor(connection: Connection, curve: Row, *, later: bool) -> Row | None:
    """Return the curve before or after one, by start; of those that start together by number."""
    if curve["start_mjd"] is None:
        return None
    start = LIGHT_CURVES.c.start_mjd + 0.0  # by the index of targets: that of starts would lead through all of them
    number = LIGHT_CURVES.c.product_id
    same = [LIGHT_CURVES.c[name] == curve[name] for name in ("targname", "kind", "band")]
    # Nor by that of sources where there is none: nearly all curves may have none.
    source = LIGHT_CURVES.c.source_name if curve["source_name"] else func.coalesce(LIGHT_CURVES.c.source_name, "")
    same.append(source == curve["source_name"])
    order: tuple[Any, Any]
    if later:
        beyond = or_(start > curve["start_mjd"], and_(start == curve["start_mjd"], number > curve["product_id"]))
        order = start, number
    else:
        beyond = or_(start < curve["start_mjd"], and_(start == curve["start_mjd"], number < curve["product_id"]))
        order = start.desc(), number.desc()
    return _one(connection, _brief().where(*same, beyond).order_by(*order))


def _one(connection: Connection, query: Select[Any]) -> Row | None:
    row = connection.execute(query.limit(1)).mappings().first()
    return None if row is None else dict(row)


def _many(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query.limit(MOST)).mappings()]
