"""The table of light curves: sorted, filtered, in pages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup, escape

from hstlc.db.browse import browse
from hstlc.db.curve_columns import COLUMNS, DEFAULT, SORTED_BY
from hstlc.db.time_limit import time_limit
from hstlc.web.curve_cells import NEEDED, is_number, label, table_body
from hstlc.web.curve_choices import CurveChoices, choices_of
from hstlc.web.curve_query import KINDS, CurveQuery, read_query
from hstlc.web.rendering import fragment, render
from hstlc.web.site import HereSite

__all__ = ["router"]

router = APIRouter()

_API = "/api/v1/curves"
_PATH = "/curves"

#: Fields of the form that give lowest and highest values, beside those of columns that are limited already.
_RANGES = (
    *("total", "mean", "poisson_factor", "chi2_p", "fractional_variability", "peak_period_s"),
    *("false_alarm_probability", "candidates", "exposure_s", "start_mjd"),
)
_PLAIN = ("q", "targname", "source_name", "mission", "instrume", "kind", "lead", "interesting", "ra", "dec", "radius")


@router.get(_PATH)
def curves(request: Request, site: HereSite) -> Response:
    """Show one page of the table of light curves."""
    web = site.settings.web
    query = read_query(request.query_params.multi_items(), web.rows)
    with site.reading() as connection, time_limit(connection, web.query_timeout_s):
        wanted = (*NEEDED, *query.columns)
        page = browse(connection, wanted, query.order, query.limits, query.size, after=query.after, before=query.before)
    limited = bool(query.limits.filters or query.limits.cone or query.limits.text)
    return render(
        request,
        "curves.html",
        body=table_body(query.columns, page.rows),
        found=len(page.rows),
        heads=[_head(query, name) for name in query.columns],
        first=query.address(_PATH) if query.after or query.before else "",
        previous=query.at(_PATH, before=page.previous),
        next=query.at(_PATH, after=page.next),
        count=query.address(f"{_API}/count", without=("sort", "columns", "rows")),
        sorted_by=label(query.order.name),
        falling=query.order.falling,
        form=_form(query.chosen, query.columns, choices_of(request), limited),
        downloads=[(name, query.address(_API, format=form, **_own(query))) for name, form in _FORMATS],
        most_rows=web.most_rows,
        limited=limited,
    )


_FORMATS = (("CSV", "csv"), ("FITS", "fits"), ("VOTable", "votable"), ("JSON", "json"))


@lru_cache(maxsize=256)
def _form(
    chosen: tuple[tuple[str, str], ...], columns: tuple[str, ...], choices: CurveChoices, limited: bool
) -> Markup:
    """Return the form: the same on all pages of a list."""
    given = dict(chosen)
    return fragment(
        "curves_form.html",
        given=given,
        hidden=[(name, value) for name, value in chosen if not _in_form(name)],
        ranges=_ranges(given),
        columns=_boxes(columns),
        choices=choices,
        limited=limited,
    )


@lru_cache(maxsize=256)
def _boxes(chosen: tuple[str, ...]) -> Markup:
    """Return the boxes of the form that choose columns."""
    found = []
    for name, column in COLUMNS.items():
        checked = " checked" if name in chosen else ""
        box = f'<input type="checkbox" name="columns" value="{name}"{checked}>'
        found.append(f'<li><label title="{escape(column.info["doc"])}">{box} {escape(label(name))}</label></li>')
    return Markup("\n".join(found))


def _own(query: CurveQuery) -> dict[str, str]:
    """Return the columns of a file: those of the page, and the name of the curve."""
    return {"columns": ",".join(dict.fromkeys(("filename", *query.columns)))}


def _head(query: CurveQuery, name: str) -> dict[str, Any]:
    """Return what the head of a column shows: its name, unit and meaning, and the address that sorts by it."""
    info = COLUMNS[name].info
    here = query.order.name == name
    address = ""
    if name in SORTED_BY:
        falls = not query.order.falling if here else is_number(name) and not name.endswith("_p")
        address = query.address(_PATH, sort=("-" if falls else "") + name)
    return {
        "label": label(name),
        "unit": "" if name.endswith("_mjd") else info["unit"],
        "doc": info["doc"],
        "number": is_number(name),
        "address": address,
        "sort": ("descending" if query.order.falling else "ascending") if here else "",
    }


def _ranges(given: Mapping[str, str]) -> list[dict[str, str]]:
    limited = [name.rpartition("_")[0] for name in given if name.endswith(("_min", "_max"))]
    names = dict.fromkeys([*_RANGES, *limited])
    return [
        {
            "name": name,
            "label": "Start, MJD" if name == "start_mjd" else label(name),
            "unit": COLUMNS[name].info["unit"],
            "doc": COLUMNS[name].info["doc"],
            "min": given.get(f"{name}_min", ""),
            "max": given.get(f"{name}_max", ""),
        }
        for name in names
        if KINDS.get(name) in ("int", "long", "float", "time")
    ]


def _in_form(name: str) -> bool:
    return name in (*_PLAIN, "columns", "sort") or name.endswith(("_min", "_max"))


assert set(DEFAULT) <= set(COLUMNS)
