"""The table ``light_curve``: one row for each light curve, put together from the tables that say what it is of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, case, delete, exists, false, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hstlc.db.records import (
    COMPOSITE,
    INDIVIDUAL,
    LIGHT_CURVES,
    METADATA,
    OUTPUTS,
    PRODUCTS,
    SETUPS,
    SOURCES,
    STATS,
    Row,
)
from hstlc.db.upserts import chunks, upsert

__all__ = [
    "SETUP_NAMES",
    "curves_of_exposures",
    "find_light_curve",
    "light_curves_differ",
    "refresh_light_curves",
    "refresh_of_exposures",
    "refresh_orphans",
    "save_statistics",
]

_EXPOSURE = ("mission", "targname", "detector", "opt_elem", "cenwave", "aperture", "proposid")
_SOURCE = and_(SOURCES.c.metadata_id == OUTPUTS.c.metadata_id, SOURCES.c.name == OUTPUTS.c.source_name)


def _common(source_name: Any) -> dict[str, Any]:
    return {
        "product_id": PRODUCTS.c.id,
        "kind": PRODUCTS.c.kind,
        **{name: PRODUCTS.c[name] for name in ("filename", "path", "size_bytes", "made_at")},
        "metadata_id": METADATA.c.id,
        **{name: METADATA.c[name] for name in _EXPOSURE},
        "source_name": source_name,
        "band": OUTPUTS.c.band,
        "instrume": case((OUTPUTS.c.instrume == "", METADATA.c.instrume), else_=OUTPUTS.c.instrume),
        "ra_deg": func.coalesce(SOURCES.c.ra_deg, METADATA.c.ra_deg),
        "dec_deg": func.coalesce(SOURCES.c.dec_deg, METADATA.c.dec_deg),
        "lead": OUTPUTS.c.lead,
    }


def _individuals() -> Select[Any]:
    """Return the rows of the light curves of single exposures."""
    columns = _common(OUTPUTS.c.source_name) | {
        "rootname": METADATA.c.rootname,
        "exposures": literal(1),
        "start_mjd": METADATA.c.expstart_mjd,
        "end_mjd": METADATA.c.expend_mjd,
        "exptime_s": METADATA.c.exptime_s,
    }
    joined = (
        PRODUCTS.join(OUTPUTS, OUTPUTS.c.individual_product_id == PRODUCTS.c.id)
        .join(METADATA, METADATA.c.id == OUTPUTS.c.metadata_id)
        .outerjoin(SOURCES, _SOURCE)
    )
    return _labelled(columns).select_from(joined).where(PRODUCTS.c.kind == INDIVIDUAL)


def _composites() -> Select[Any]:
    """Return the rows of composites; what members differ in is that of the first of them."""
    part = OUTPUTS.alias("part")
    member = METADATA.alias("member")
    of_it = part.join(member, member.c.id == part.c.metadata_id)

    def over(value: Any) -> Any:
        own = select(value).select_from(of_it).where(part.c.composite_product_id == PRODUCTS.c.id)
        return own.correlate(PRODUCTS).scalar_subquery()

    first = (
        select(part.c.id)
        .select_from(of_it)
        .where(part.c.composite_product_id == PRODUCTS.c.id)
        .order_by(member.c.expstart_mjd.is_(None), member.c.expstart_mjd, member.c.rootname, part.c.id)
        .limit(1)
        .correlate(PRODUCTS)
        .scalar_subquery()
    )
    named = case((func.coalesce(SOURCES.c.same_as, "") == "", OUTPUTS.c.source_name), else_=SOURCES.c.same_as)
    columns = _common(named) | {
        "rootname": literal(""),
        "exposures": over(func.count()),
        "start_mjd": over(func.min(member.c.expstart_mjd)),
        "end_mjd": over(func.max(member.c.expend_mjd)),
        "exptime_s": over(func.sum(member.c.exptime_s)),
    }
    joined = (
        PRODUCTS.join(OUTPUTS, OUTPUTS.c.id == first)
        .join(METADATA, METADATA.c.id == OUTPUTS.c.metadata_id)
        .outerjoin(SOURCES, _SOURCE)
    )
    return _labelled(columns).select_from(joined).where(PRODUCTS.c.kind == COMPOSITE)


def _labelled(columns: dict[str, Any]) -> Select[Any]:
    return select(*(columns[name].label(name) for name in _NAMES))


_OF_CURVE = ("mission", "instrume", "kind", "lead")
#: What a setup is one of; the last is of the statistics: true, or not so, or not known.
SETUP_NAMES = (*_OF_CURVE, "interesting")
_VARIES = func.coalesce(STATS.c.interesting, false())
_NAMES = tuple(column.name for column in LIGHT_CURVES.columns if column.name != "setup_id")


def refresh_light_curves(connection: Connection, products: Iterable[int] | None = None) -> None:
    """Write the rows of some light curves anew, or of all; those that are of nothing any more are deleted.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In the transaction that changed what the rows are put together from.
    products : iterable of int, optional
        Ids of ``product``; others than light curves do not matter.
    """
    if products is None:
        _write(connection, None)
        return
    for chunk in chunks(sorted(set(products))):
        _write(connection, chunk)


def refresh_of_exposures(connection: Connection, exposures: Iterable[int]) -> None:
    """Write the rows of all light curves that some exposures, by id of ``metadata``, have a part in."""
    refresh_light_curves(connection, curves_of_exposures(connection, exposures))


def curves_of_exposures(connection: Connection, exposures: Iterable[int]) -> set[int]:
    """Return the ids of the products that some exposures, by id of ``metadata``, have a part in: also composites."""
    found: set[int] = set()
    for chunk in chunks(sorted(set(exposures))):
        columns = OUTPUTS.c.individual_product_id, OUTPUTS.c.composite_product_id
        for row in connection.execute(select(*columns).where(OUTPUTS.c.metadata_id.in_(chunk)).distinct()):
            found |= {number for number in row if number is not None}
    return found


def _write(connection: Connection, chunk: list[int] | None) -> None:
    upserting = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert
    insert = upserting(LIGHT_CURVES)
    changed = {name: insert.excluded[name] for name in (*_NAMES, "setup_id") if name != "product_id"}
    of_something = exists().where(OUTPUTS.c.individual_product_id == LIGHT_CURVES.c.product_id)
    of_some = exists().where(OUTPUTS.c.composite_product_id == LIGHT_CURVES.c.product_id)
    gone = delete(LIGHT_CURVES).where(~of_something, ~of_some)
    connection.execute(gone if chunk is None else gone.where(LIGHT_CURVES.c.product_id.in_(chunk)))
    for rows in (_individuals(), _composites()):
        chosen = (rows if chunk is None else rows.where(PRODUCTS.c.id.in_(chunk))).subquery("found")
        with_stats = chosen.outerjoin(STATS, STATS.c.product_id == chosen.c.product_id)
        of_each = {**{name: chosen.c[name] for name in _OF_CURVE}, "interesting": _VARIES}
        setups = select(*of_each.values()).select_from(with_stats).distinct().where(chosen.c.product_id > 0)
        known = upserting(SETUPS).from_select(SETUP_NAMES, setups)  # SQLite needs a WHERE before ON
        connection.execute(known.on_conflict_do_nothing(index_elements=SETUP_NAMES))
        joined = with_stats.join(SETUPS, and_(*(SETUPS.c[name] == value for name, value in of_each.items())))
        whole = select(*(chosen.c[name] for name in _NAMES), SETUPS.c.id).select_from(joined).where(SETUPS.c.id > 0)
        written = insert.from_select([*_NAMES, "setup_id"], whole)
        connection.execute(written.on_conflict_do_update(index_elements=["product_id"], set_=changed))
    left = STATS.c.setup_id.is_not(None), ~exists().where(LIGHT_CURVES.c.product_id == STATS.c.product_id)
    leaving = update(STATS).values(setup_id=None).where(*left)
    connection.execute(leaving if chunk is None else leaving.where(STATS.c.product_id.in_(chunk)))
    moved = STATS.c.product_id == LIGHT_CURVES.c.product_id, STATS.c.setup_id.is_distinct_from(LIGHT_CURVES.c.setup_id)
    moving = update(STATS).values(setup_id=LIGHT_CURVES.c.setup_id).where(*moved)
    connection.execute(moving if chunk is None else moving.where(LIGHT_CURVES.c.product_id.in_(chunk)))
    connection.execute(delete(SETUPS).where(~exists().where(LIGHT_CURVES.c.setup_id == SETUPS.c.id)))


def save_statistics(connection: Connection, rows: Sequence[Row]) -> None:
    """Record statistics, one row a curve; ``deliver`` is a person's decision and stays."""
    products = sorted({row["product_id"] for row in rows})
    setups: dict[int, int] = {}
    for chunk in chunks(products):
        known = select(LIGHT_CURVES.c.product_id, LIGHT_CURVES.c.setup_id).where(LIGHT_CURVES.c.product_id.in_(chunk))
        setups |= {row[0]: row[1] for row in connection.execute(known)}
    whole = ({"deliver": False, "setup_id": setups.get(row["product_id"]), **row} for row in rows)
    upsert(connection, STATS, ("product_id",), whole, keep=("deliver",))
    for chunk in chunks(products):
        joined = STATS.join(SETUPS, SETUPS.c.id == STATS.c.setup_id)
        other = select(STATS.c.product_id).select_from(joined).where(SETUPS.c.interesting != _VARIES)
        refresh_light_curves(connection, connection.scalars(other.where(STATS.c.product_id.in_(chunk))))


def refresh_orphans(connection: Connection) -> None:
    """Write the rows anew whose exposure somebody deleted from ``metadata``."""
    orphans = select(LIGHT_CURVES.c.product_id).where(LIGHT_CURVES.c.metadata_id.is_(None))
    refresh_light_curves(connection, connection.scalars(orphans))


def light_curves_differ(connection: Connection) -> list[int]:
    """Return the ids of products whose row is missing, too many or other than it should be: none, if all is well."""
    columns = [LIGHT_CURVES.c[name] for name in _NAMES]
    found = {tuple(row) for row in connection.execute(select(*columns))}
    due = {tuple(row) for query in (_individuals(), _composites()) for row in connection.execute(query)}
    curve = LIGHT_CURVES.outerjoin(SETUPS, SETUPS.c.id == LIGHT_CURVES.c.setup_id)
    curve = curve.outerjoin(STATS, STATS.c.product_id == LIGHT_CURVES.c.product_id)
    other = or_(
        SETUPS.c.id.is_(None),
        *(SETUPS.c[name] != LIGHT_CURVES.c[name] for name in _OF_CURVE),
        and_(STATS.c.id.is_not(None), SETUPS.c.interesting != _VARIES),
        and_(STATS.c.id.is_not(None), STATS.c.setup_id.is_distinct_from(LIGHT_CURVES.c.setup_id)),
    )
    wrong = connection.scalars(select(LIGHT_CURVES.c.product_id).select_from(curve).where(other))
    curves = select(LIGHT_CURVES.c.product_id)
    left = select(STATS.c.product_id).where(STATS.c.setup_id.is_not(None), STATS.c.product_id.not_in(curves))
    return sorted({row[0] for row in found ^ due} | {*wrong, *connection.scalars(left)})


def find_light_curve(connection: Connection, name: str) -> dict[str, Any] | None:
    """Return the row of a light curve by its file name or the number of its product; None: there is none.

    Of several files of one name the one that was made last is meant.
    """
    wanted = LIGHT_CURVES.c.filename == name
    if name.isascii() and name.isdecimal() and len(name) < 10:
        wanted = LIGHT_CURVES.c.product_id == int(name)
    newest = (
        select(LIGHT_CURVES).where(wanted).order_by(LIGHT_CURVES.c.made_at.desc(), LIGHT_CURVES.c.product_id).limit(1)
    )
    row = connection.execute(newest).mappings().first()
    return None if row is None else dict(row)
