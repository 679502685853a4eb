"""The queries of plots: which are due, what the tables show, what was drawn."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select

from hstlc.db.composites import COMPOSITE
from hstlc.db.records import INDIVIDUAL, METADATA, OUTPUTS, PRODUCTS, SOURCES, STATS
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
_PLACE = ("path", "filename", "sha256")
_WHERE_AND_WHEN = ("ra_deg", "dec_deg", "expstart_mjd", "exptime_s")


def due_plots(
    connection: Connection,
    kinds: Sequence[str],
    *,
    everything: bool,
    version: int,
    settings: str,
    lost: Collection[int] = (),
) -> list[dict[str, Any]]:
    """Return the light curves whose plots are missing or show other curves, composites first, in order of key.

    Those of a source that another band stands for have none of their own: the page of that band shows them.

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
    lost : collection of int
        Curves whose plots are to be drawn again, by id.

    Returns
    -------
    list of dict
        Columns of ``product``; ``others``: ``band``, ``path``, ``filename`` and ``sha256`` of the other curves of its
        source; and ``input``: the digest of all that its page shows.
    """
    page = PRODUCTS.alias("page")
    rows = connection.execute(
        select(
            PRODUCTS,
            page.c.input_digest.label("shown"),
            page.c.step_version.label("page_version"),
            page.c.settings_digest.label("page_settings"),
        )
        .select_from(PRODUCTS.outerjoin(page, and_(page.c.parent_id == PRODUCTS.c.id, page.c.kind == PAGE)))
        .where(PRODUCTS.c.kind.in_(kinds), ~_shown_elsewhere(PRODUCTS.c.id))
        .order_by(PRODUCTS.c.kind, PRODUCTS.c.key)
    )
    others = _other_bands(connection)
    due = []
    for row in map(dict, rows.mappings()):
        shown, drawn_by = row.pop("shown"), (row.pop("page_version"), row.pop("page_settings"))
        row["others"] = others.get(row["id"], [])
        row["input"] = _input(row)
        stale = shown != row["input"] or (everything and drawn_by != (version, settings))
        if stale or row["id"] in lost:
            due.append(row)
    return due


def _shown_elsewhere(product: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that a light curve is part of a source's and that other bands stand for the source."""
    own = or_(OUTPUTS.c.individual_product_id == product, OUTPUTS.c.composite_product_id == product)
    return and_(exists().where(own, ~OUTPUTS.c.lead), ~exists().where(own, OUTPUTS.c.lead))


def _other_bands(connection: Connection) -> dict[int, list[dict[str, Any]]]:
    """Return the other curves of the source of each curve that stands for one, by its id."""
    lead = OUTPUTS.alias("lead")
    same = and_(OUTPUTS.c.metadata_id == lead.c.metadata_id, OUTPUTS.c.source_name == lead.c.source_name)
    found: dict[int, list[dict[str, Any]]] = {}
    for name in ("individual_product_id", "composite_product_id"):
        joined = lead.join(OUTPUTS, and_(same, ~OUTPUTS.c.lead)).join(PRODUCTS, PRODUCTS.c.id == OUTPUTS.c[name])
        rows = connection.execute(
            select(lead.c[name].label("lead_id"), OUTPUTS.c.band, *(PRODUCTS.c[column] for column in _PLACE))
            .distinct()
            .select_from(joined)
            .where(lead.c.lead, lead.c.source_name != "", lead.c[name].is_not(None))
            .order_by(lead.c[name], OUTPUTS.c.band, PRODUCTS.c.filename)
        )
        for row in map(dict, rows.mappings()):
            found.setdefault(row.pop("lead_id"), []).append(row)
    return found


def _input(row: Row) -> str:
    """Return the digest of what a page shows: that of the curve, where it shows no other."""
    if not row["others"]:
        return str(row["sha256"])
    text = json.dumps([row["sha256"], *([one["band"], one["sha256"]] for one in row["others"])])
    return hashlib.sha256(text.encode("ascii")).hexdigest()


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
    """Return the rows of plots whose light curve is gone, or shown on the page of another band."""
    gone = or_(PRODUCTS.c.parent_id.is_(None), _shown_elsewhere(PRODUCTS.c.parent_id))
    return [
        dict(row) for row in connection.execute(select(PRODUCTS).where(PRODUCTS.c.kind.in_(VIEWS), gone)).mappings()
    ]


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
    """Return every whole-aperture light curve, and that which stands for each source, with what they show.

    Returns
    -------
    list of dict
        Columns of ``metadata`` (of a composite those that its exposures have in common, the first start, the summed
        exposure time), ``source`` and ``band`` ('' for the whole aperture), ``kind``, ``path``, ``filename``,
        ``members`` (number of exposures), all columns of ``stats`` (None where there are none), and ``plots``: kind of
        plot to (path, filename).
    """
    setup = [METADATA.c[name] for name in (*_SETUP, *_WHERE_AND_WHEN)]
    of_source = and_(SOURCES.c.metadata_id == OUTPUTS.c.metadata_id, SOURCES.c.name == OUTPUTS.c.source_name)
    own = [OUTPUTS.c[name] for name in ("source_name", "band", "instrume", "lead")]
    exposures = connection.execute(
        select(
            *setup,
            *(column.label(f"own_{column.name}") for column in own),
            SOURCES.c.same_as,
            OUTPUTS.c.individual_product_id,
            OUTPUTS.c.composite_product_id,
        )
        .select_from(METADATA.join(OUTPUTS, OUTPUTS.c.metadata_id == METADATA.c.id).outerjoin(SOURCES, of_source))
        .where(or_(and_(OUTPUTS.c.source_name == "", OUTPUTS.c.band == ""), _of_leads()))
        .order_by(METADATA.c.expstart_mjd, METADATA.c.rootname, OUTPUTS.c.source_name)
    ).mappings()
    members: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in exposures:
        single = row["individual_product_id"] if row["own_lead"] else None
        for product in (single, row["composite_product_id"]):
            if product is not None:
                members[product].append(_described(dict(row)))
    plots: dict[int, dict[str, tuple[str, str]]] = defaultdict(dict)
    for plot in plots_of(connection):
        if plot["parent_id"] is not None:
            plots[plot["parent_id"]][plot["kind"]] = plot["path"], plot["filename"]
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


def _of_leads() -> ColumnElement[bool]:
    """Return the condition that a light curve stands for a source, or is part of a composite that does."""
    lead = OUTPUTS.alias("lead")
    composites = select(lead.c.composite_product_id).where(lead.c.lead, lead.c.source_name != "")
    return and_(OUTPUTS.c.source_name != "", or_(OUTPUTS.c.lead, OUTPUTS.c.composite_product_id.in_(composites)))


def _described(row: Row) -> dict[str, Any]:
    """Return what a row says of a light curve, with the name of its source in all exposures."""
    left_out = ("same_as", "individual_product_id", "composite_product_id")
    plain = {name: value for name, value in row.items() if not name.startswith("own_") and name not in left_out}
    source = row["same_as"] or row["own_source_name"]
    band = row["own_band"] if row["own_source_name"] else ""
    return {**plain, "source": source, "band": band, "instrume": row["own_instrume"] or row["instrume"]}


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
