"""Simple Cone Search 1.03: the light curves around a place on the sky."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from hstlc.db.cone import Cone
from hstlc.db.vo_rows import cone_columns, curves_in_cone
from hstlc.errors import UsageError
from hstlc.web.formats import Field, answer_rows, fields_of
from hstlc.web.site import HereSite, Site
from hstlc.web.vo.addresses import Addresses, addresses_of
from hstlc.web.vo.documents import Input, Service, error_document, results
from hstlc.web.vo.parameters import Asked, Parameters, documented

__all__ = ["FIELDS", "TITLE", "links_service", "most_rows", "router"]

router = APIRouter()

#: Rows of one answer at most: some seconds and 100 MB to write. Files and SQL have more.
_MOST_ROWS = 10_000

TITLE = "Light curves from the photon lists of space missions"

#: The standard wants these words of UCD1, whatever UCD1+ became since; clients look for them.
_FIRST_UCDS = {"obs_publisher_did": "ID_MAIN", "ra_deg": "POS_EQ_RA_MAIN", "dec_deg": "POS_EQ_DEC_MAIN"}

_ID = Field("obs_publisher_did", "text", ucd="meta.id;meta.main", doc="identifier of the light curve, for DataLink")
_FILE = (
    Field("access_url", "text", ucd="meta.ref.url;meta.dataset", doc="address of the light curve"),
    Field("access_format", "text", ucd="meta.code.mime", doc="media type of what is there"),
)

#: Fields by verbosity, 1 to 3; the main words of other columns are left to those that the standard names.
FIELDS: dict[int, tuple[Field, ...]] = {
    verbosity: (
        _ID,
        *(
            Field(one.name, one.kind, one.unit, one.ucd.replace(";meta.main", ""), one.doc)
            for one in fields_of(cone_columns(verbosity))
        ),
        *_FILE,
    )
    for verbosity in (1, 2, 3)
}

_PARAMETERS = (
    ("RA", "number", "right ascension of the middle, ICRS, degrees", True),
    ("DEC", "number", "declination of the middle, ICRS, degrees", True),
    ("SR", "number", "radius, degrees; 0: only the columns, no rows", True),
    ("VERB", "integer", "1: few columns, 2: the usual ones, 3: all", False),
    ("MAXREC", "integer", "rows at most; 0: only the columns", False),
    ("RESPONSEFORMAT", "string", "votable, csv or fits, or their media types", False),
)


def most_rows(site: Site) -> int:
    """Return how many rows an answer has at most."""
    return min(_MOST_ROWS, site.settings.web.most_rows)


def links_service(addresses: Addresses) -> Service:
    """Return the description of the DataLink service for rows with identifiers."""
    identifier = Input("ID", "identifier of the light curve", ref="obs_publisher_did", ucd="meta.id;meta.main")
    return Service(
        "links", "what is linked to a light curve: files, pictures, other bins", addresses.of("/vo/datalink"),
        (identifier,), key="links", standard="ivo://ivoa.net/std/DataLink#links-1.1",
        media_type="application/x-votable+xml;content=datalink",
    )  # fmt: skip


@router.post("/scs", include_in_schema=False)
@router.get(
    "/scs",
    summary="Simple Cone Search 1.03",
    response_class=Response,
    responses={200: {"content": {"text/xml": {}}, "description": "VOTable; errors are an INFO of the name Error"}},
    openapi_extra=documented(_PARAMETERS),
)
def cone_search(request: Request, site: HereSite, asked: Asked) -> Response:
    """Return the light curves around a place; names of parameters in any case, others are ignored."""
    try:
        return _answer(request, site, asked)
    except UsageError as error:
        return Response(error_document(f"{error.message}: {error.hint}"), media_type="text/xml;content=x-votable")


def _answer(request: Request, site: Site, asked: Parameters) -> Response:
    cone = Cone(asked.number("RA", 0.0, 360.0), asked.number("DEC", -90.0, 90.0), asked.number("SR", 0.0, 180.0))
    verbosity, most = asked.whole("VERB", 2, 1, 3), most_rows(site)
    limit = min(asked.whole("MAXREC", most, 0), most)
    form = asked.format()
    addresses = addresses_of(request, site.settings.web)
    fields, found = FIELDS[verbosity], []
    if cone.radius_deg > 0.0 and limit > 0:
        with site.reading() as connection:
            found = list(curves_in_cone(connection, cone, verbosity, limit + 1))
    status = "OVERFLOW" if len(found) > limit else "OK"
    rows = _with_addresses(found[:limit], addresses)
    if form != "votable":
        return answer_rows(request, fields, rows, form, "cone_search", title=TITLE)
    document = results(
        fields, rows, "light_curves", TITLE,
        infos={"QUERY_STATUS": status}, services=[links_service(addresses)], ucds=_FIRST_UCDS,
    )  # fmt: skip
    media = "application/x-votable+xml" if asked.one("RESPONSEFORMAT") else "text/xml;content=x-votable"
    return Response(document, media_type=media)


def _with_addresses(found: Sequence[Sequence[Any]], addresses: Addresses) -> Iterator[tuple[Any, ...]]:
    """Yield rows with the address of the file at their end in place of the number of the product."""
    for identifier, product, *values in found:
        yield identifier, *values, addresses.of_curve(product, "file"), "application/fits"
