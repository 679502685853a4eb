"""The queries of the virtual observatory: light curves in a cone, and what is linked to a light curve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, literal, or_, select

from hstlc.db.cone import Cone, within
from hstlc.db.records import LIGHT_CURVES, OUTPUTS, PRODUCTS, STATS
from hstlc.db.upserts import chunks

__all__ = ["PUBLISHER", "Linked", "cone_columns", "curves_in_cone", "linked", "publisher_did"]

#: What our identifiers of datasets begin with.
PUBLISHER = "ivo://hstlc/"

_ID: ColumnElement[str] = literal(PUBLISHER) + LIGHT_CURVES.c.mission + literal("?") + LIGHT_CURVES.c.filename

_BRIEF = ("ra_deg", "dec_deg")
_USUAL = (
    *("kind", "mission", "targname", "source_name", "band", "instrume", "start_mjd", "end_mjd", "exptime_s"),
    *("filename", "size_bytes"),
)
_ALL = ("rootname", "detector", "opt_elem", "cenwave", "aperture", "proposid", "exposures")
_ALL_STATS = (
    *("total", "mean", "poisson_factor", "excess_factor", "reduced_chi2", "chi2_p", "peak_period_s"),
    *("false_alarm_probability", "fractional_variability", "exposure_s", "bins_used", "candidates", "interesting"),
)

#: Kinds of product that show a light curve.
_PICTURES = ("quicklook", "plot")


def publisher_did(mission: str, filename: str) -> str:
    """Return the identifier of a light curve, as the view ``obscore`` has it.

    Examples
    --------
    >>> publisher_did("hst", "ld9m10ujq_curve.fits")
    'ivo://hstlc/hst?ld9m10ujq_curve.fits'
    """
    return f"{PUBLISHER}{mission}?{filename}"


def cone_columns(verbosity: int) -> list[ColumnElement[Any]]:
    """Return the columns that a cone search with a verbosity of 1, 2 or 3 answers with, besides identifier and address.

    Names and infos are those of ``light_curve`` and ``stats``.
    """
    names = (_BRIEF, _BRIEF + _USUAL, _BRIEF + _USUAL + _ALL)[verbosity - 1]
    columns: list[ColumnElement[Any]] = [LIGHT_CURVES.c[name] for name in names]
    return columns + ([STATS.c[name] for name in _ALL_STATS] if verbosity == 3 else [])


def curves_in_cone(connection: Connection, cone: Cone, verbosity: int, limit: int) -> Sequence[Row[Any]]:
    """Return light curves in a cone: identifier, number of the product, then :func:`cone_columns`.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    cone : Cone
    verbosity : int
        1, 2 or 3.
    limit : int
        Rows at most; which ones of more is not defined.
    """
    condition, _ = within(LIGHT_CURVES.c.ra_deg, LIGHT_CURVES.c.dec_deg, cone)
    columns = (_ID.label("obs_publisher_did"), LIGHT_CURVES.c.product_id, *cone_columns(verbosity))
    rows: Select[Any] = select(*columns)
    if verbosity == 3:
        joined = LIGHT_CURVES.outerjoin(STATS, STATS.c.product_id == LIGHT_CURVES.c.product_id)
        rows = rows.select_from(joined)
    return connection.execute(rows.where(condition).limit(limit)).all()


@dataclass(slots=True)
class Linked:
    """A light curve with what is linked to it.

    Attributes
    ----------
    curve : mapping
        Its row of ``light_curve``.
    pictures : set of str
        Kinds of product that show it: ``quicklook``, ``plot``.
    composites, members : list of mapping
        Rows of ``light_curve`` that are made of it, and that it is made of.
    """

    curve: Mapping[str, Any]
    pictures: set[str] = field(default_factory=set)
    composites: list[Mapping[str, Any]] = field(default_factory=list)
    members: list[Mapping[str, Any]] = field(default_factory=list)


def linked(connection: Connection, names: Iterable[str], *, most: int) -> dict[str, Linked]:
    """Return light curves by what they were asked for by; those that are not known are missing.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    names : iterable of str
        Identifiers (:func:`publisher_did`), file names, or numbers of products.
    most : int
        Composites and members of each at most.
    """
    found: dict[str, Linked] = {}
    for chunk in chunks(sorted(set(names))):
        found |= _named(connection, chunk)
    by_product: dict[int, list[Linked]] = {}
    for one in found.values():
        by_product.setdefault(one.curve["product_id"], []).append(one)
    for numbers in chunks(sorted(by_product)):
        shown = select(PRODUCTS.c.parent_id, PRODUCTS.c.kind).where(
            PRODUCTS.c.parent_id.in_(numbers), PRODUCTS.c.kind.in_(_PICTURES)
        )
        for number, kind in connection.execute(shown):
            for one in by_product[number]:
                one.pictures.add(kind)
        for number in numbers:
            composite = by_product[number][0].curve["kind"] == "composite"
            related = _related(connection, number, composite=composite, most=most)
            for one in by_product[number]:
                (one.members if composite else one.composites).extend(related)
    return found


def _named(connection: Connection, names: Sequence[str]) -> dict[str, Linked]:
    """Return the curves of some names; of several files of one name the one that was made last is meant."""
    filenames = [
        name.removeprefix(PUBLISHER).partition("?")[2] if name.startswith(PUBLISHER) else name for name in names
    ]
    numbers = {name: int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 10}
    wanted = or_(LIGHT_CURVES.c.filename.in_(filenames), LIGHT_CURVES.c.product_id.in_(numbers.values()))
    order = LIGHT_CURVES.c.made_at, LIGHT_CURVES.c.product_id.desc()
    found: dict[str | int, Mapping[str, Any]] = {}
    for row in connection.execute(select(LIGHT_CURVES).where(wanted).order_by(*order)).mappings():
        for key in (row["filename"], row["product_id"], publisher_did(row["mission"], row["filename"])):
            found[key] = dict(row)
    keys = {name: numbers.get(name, name) for name in names}
    return {name: Linked(found[key]) for name, key in keys.items() if key in found}


def _related(connection: Connection, product: int, *, composite: bool, most: int) -> list[Mapping[str, Any]]:
    """Return the members of a composite, or the composites that a curve is part of, by time and name."""
    own, other = OUTPUTS.c.individual_product_id, OUTPUTS.c.composite_product_id
    if composite:
        own, other = other, own
    numbers = select(other).where(own == product, other.is_not(None))
    rows = select(LIGHT_CURVES).where(LIGHT_CURVES.c.product_id.in_(numbers))
    order = LIGHT_CURVES.c.start_mjd.is_(None), LIGHT_CURVES.c.start_mjd, LIGHT_CURVES.c.filename
    return [dict(row) for row in connection.execute(rows.order_by(*order).limit(most)).mappings()]
