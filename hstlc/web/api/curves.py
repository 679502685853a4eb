"""Light curves and their statistics for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection
from starlette.responses import FileResponse

from hstlc.db.browse import browse, count_curves, stream
from hstlc.db.curve_columns import COLUMNS
from hstlc.db.curve_page import CurveRows, curve_rows
from hstlc.db.light_curves import find_light_curve
from hstlc.db.pictures import picture_of
from hstlc.db.records import LIGHT_CURVES, METADATA, RATIOS, SOURCES, STATS
from hstlc.db.tables import Candidate
from hstlc.db.time_limit import time_limit
from hstlc.errors import StoreError, UsageError
from hstlc.pipeline.stored import stored_path
from hstlc.web.curve_query import CurveQuery, parameters, read_query
from hstlc.web.errors import NotFoundError
from hstlc.web.formats import RowFormat, answer_rows, content_etag, fields_of, not_modified
from hstlc.web.site import HereSite, Site

__all__ = ["router"]

router = APIRouter(tags=["light curves"])

_PATH = "/api/v1/curves"
_MOST_JSON, _MOST_COUNTED = 10_000, 10_000
_COUNT_S = 3.0  # longest time of counting: a page shows how many there are, and does without
_DOWNLOAD_TIMES = 3.0  # a file may take so many times longer than a page

Name = Annotated[
    str,
    Path(max_length=255, pattern=r"^[^\x00]*$", description="file name of the light curve or number of its product"),
]


def _described(**options: Any) -> dict[str, Any]:
    return {"parameters": parameters(**options)}


@router.get("/curves", openapi_extra=_described(most=_MOST_JSON))
def list_curves(request: Request, site: HereSite, format: RowFormat = "json") -> Response:  # noqa: A002
    """List light curves with their statistics: sorted, limited, in pages or as a file.

    JSON has the addresses of the pages before and after, as members and as header Link; the other formats have all
    rows from the first on, up to the limit. A column limits the list by its name (equal), or by its name with _min or
    _max.
    """
    web = site.settings.web
    most = _MOST_JSON if format == "json" else web.most_rows
    given = request.query_params.multi_items()
    query = read_query(given, web.rows if format == "json" else most, most)
    if not any(name == "columns" for name, _ in query.chosen):
        query = replace(query, columns=("product_id", "filename", *query.columns))
    fields = fields_of(COLUMNS[name] for name in query.columns)
    title = "light curves and their statistics"
    if format != "json" and (query.after or query.before):
        raise UsageError("usage.place", "a file begins with the first row", "leave out after and before")
    with site.reading() as connection:
        if format == "json":
            with time_limit(connection, web.query_timeout_s):
                page = browse(
                    connection, query.columns, query.order, query.limits, query.size, after=query.after,
                    before=query.before,
                )  # fmt: skip
            links = {"next": query.at(_PATH, after=page.next), "prev": query.at(_PATH, before=page.previous)}
            extra = {"next": links["next"] or None, "previous": links["prev"] or None, "sort": query.sort}
            links = {name: address for name, address in links.items() if address}
            return answer_rows(request, fields, page.rows, format, "curves", title=title, extra=extra, links=links)
        notes: dict[str, Any] = {"sort": query.sort}
        with time_limit(connection, _DOWNLOAD_TIMES * web.query_timeout_s):
            answer = answer_rows(
                request, fields, _first(connection, query, notes), format, "curves", title=title, extra=notes
            )
        if "cut" in notes:
            answer.headers["x-cut-at-rows"] = str(query.size)
        return answer


def _first(connection: Connection, query: CurveQuery, notes: dict[str, Any]) -> Iterator[Sequence[Any]]:
    """Yield the first rows of a list, and note when there are more."""
    for number, row in enumerate(stream(connection, query.columns, query.order, query.limits, query.size + 1)):
        if number == query.size:
            notes |= {"cut": f"only the first {query.size} rows", "QUERY_STATUS": "OVERFLOW"}
            return
        yield row


@router.get("/curves/count", openapi_extra=_described())
def count(request: Request, site: HereSite) -> Response:
    """Count the light curves of a list, as far as 10000.

    ``complete`` is false when there are more; ``count`` is null when counting takes too long.
    """
    query = read_query(request.query_params.multi_items(), 1)
    seconds = min(_COUNT_S, site.settings.web.query_timeout_s)
    found: int | None = None
    with site.reading() as connection:
        try:
            with time_limit(connection, seconds):
                found = count_curves(connection, query.limits, _MOST_COUNTED + 1)
        except UsageError as error:
            if error.code != "usage.query-timeout":
                raise
    complete = found is not None and found <= _MOST_COUNTED
    body = {"count": None if found is None else min(found, _MOST_COUNTED), "complete": complete}
    return _json(request, body)


@router.get("/curves/{name}")
def one_curve(request: Request, site: HereSite, name: Name) -> Response:
    """Tell all that the database knows of one light curve."""
    with site.reading() as connection, time_limit(connection, site.settings.web.query_timeout_s):
        rows = curve_rows(connection, _known(connection, name))
    return _json(request, _whole(rows))


@router.get("/curves/{name}/file", response_class=FileResponse)
def file(request: Request, site: HereSite, name: Name) -> Response:
    """Return the light curve itself, a FITS file; parts of it by the header Range."""
    with site.reading() as connection:
        curve = _known(connection, name)
        sha256 = curve_rows(connection, curve).product["sha256"]
    return _stored(request, site, {**curve, "sha256": sha256}, "application/fits", attachment=True)


@router.get("/curves/{name}/plot", response_class=FileResponse)
def plot(request: Request, site: HereSite, name: Name) -> Response:
    """Return the plot of a light curve, a PNG, if one was drawn."""
    with site.reading() as connection:
        row = picture_of(connection, _known(connection, name)["product_id"], "plot")
    if row is None:
        raise NotFoundError(f"there is no plot of {name!r}", "hstlc make-plots draws it; another band may show it")
    return _stored(request, site, row, "image/png", attachment=False)


def _known(connection: Connection, name: str) -> dict[str, Any]:
    curve = find_light_curve(connection, name)
    if curve is None:
        raise NotFoundError(f"there is no light curve {name!r}", "find it at /curves or /api/v1/curves")
    return curve


def _stored(request: Request, site: Site, row: Mapping[str, Any], media: str, *, attachment: bool) -> Response:
    """Return the file of a row; its name and folder are those of the row, never of the address."""
    etag = f'"{row["sha256"]}"'
    headers = {"etag": etag, "cache-control": "no-cache"}
    try:
        path = stored_path(site.layout, row)
        there = path.is_file()
    except StoreError:
        there = False
    if not there:
        raise NotFoundError(f"the file {row['filename']} is gone", "hstlc ingest makes it again")
    if not_modified(request, etag):
        return Response(status_code=304, headers=headers)
    disposition = "attachment" if attachment else "inline"
    return FileResponse(
        path, media_type=media, filename=str(row["filename"]), content_disposition_type=disposition, headers=headers
    )


_CANDIDATES = Candidate.__table__
_HIDDEN = frozenset({"id", "path", "lightcurve_path", "metadata_id", "target_id", "source_id", "product_id", "extra"})
_SECTIONS = {
    "curve": LIGHT_CURVES, "statistics": STATS, "exposures": METADATA, "source": SOURCES, "hardness_ratios": RATIOS,
    "candidates": _CANDIDATES,
}  # fmt: skip


def _shown(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {name: value for name, value in row.items() if name not in _HIDDEN}


def _whole(rows: CurveRows) -> dict[str, Any]:
    """Return the JSON of one light curve."""
    curve = rows.curve
    own = f"{_PATH}/{quote(curve['filename'], safe='')}"
    members = [_shown(row) for row in rows.members]
    links = {
        "page": f"/curve/{quote(curve['filename'], safe='')}",
        "file": f"{own}/file",
        "plot": f"{own}/plot",
        "data": f"{own}/data",
        "periodogram": f"{own}/periodogram",
        "provenance": f"{own}/provenance",
        "target": f"/api/v1/targets/{quote(curve['targname'], safe='')}",
    }
    units = {
        section: {field.name: {"unit": field.unit, "ucd": field.ucd, "doc": field.doc} for field in fields_of(table.c)}
        for section, table in _SECTIONS.items()
    }
    for section in units.values():
        for name in _HIDDEN & section.keys():
            del section[name]
    return {
        "name": curve["filename"],
        "product_id": curve["product_id"],
        "sha256": rows.product.get("sha256"),
        "curve": _shown(curve),
        "statistics": _shown(rows.stats),
        "exposures": [row for row in members if row and not row.get("excluded_reason")],
        "excluded": [row for row in members if row and row.get("excluded_reason")],
        "source": _shown(rows.source),
        "hardness_ratios": [_shown(row) for row in rows.ratios],
        "candidates": [_shown(row) for row in rows.candidates],
        "other_bands": [row["filename"] for row in rows.bands if row["filename"] != curve["filename"]],
        "composites": [row["filename"] for row in rows.composites],
        "columns": units,
        "links": links,
    }


def _json(request: Request, body: Any) -> Response:
    data = orjson.dumps(body, option=orjson.OPT_UTC_Z)
    headers = {"etag": content_etag(data), "cache-control": "no-cache"}
    if not_modified(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="application/json", headers=headers)
