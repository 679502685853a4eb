"""DataLink 1.1: files, pictures, other bins, and light curves that are made of a light curve or that it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from hstlc.db.vo_rows import Linked, linked, publisher_did
from hstlc.errors import UsageError
from hstlc.web.errors import PROBLEM
from hstlc.web.formats import Field, answer_rows
from hstlc.web.site import HereSite, Site
from hstlc.web.vo import bins
from hstlc.web.vo.addresses import Addresses, addresses_of
from hstlc.web.vo.documents import Input, Service, error_document, results
from hstlc.web.vo.parameters import Asked, Parameters, documented, plain_text

__all__ = ["STANDARD", "router"]

router = APIRouter()

STANDARD = "ivo://ivoa.net/std/DataLink#links-1.1"
_MEDIA = "application/x-votable+xml;content=datalink"
_FITS, _LIGHT_CURVE = "application/fits", "#light-curve"
_MOST_IDS = 100  # of one answer; more are an overflow
_MOST_RELATED = 500

#: Names, order and UCDs of DataLink 1.1, table 1.
FIELDS = (
    Field("ID", "text", ucd="meta.id;meta.main", doc="identifier as it was asked for"),
    Field("access_url", "text", ucd="meta.ref.url", doc="address of what is linked"),
    Field("service_def", "text", ucd="meta.ref", doc="the service of this document that makes it"),
    Field("error_message", "text", ucd="meta.code.error", doc="why there is no link"),
    Field("description", "text", ucd="meta.note", doc="what is linked"),
    Field("semantics", "text", ucd="meta.code", doc="its relation, http://www.ivoa.net/rdf/datalink/core"),
    Field("content_type", "text", ucd="meta.code.mime", doc="its media type"),
    Field("content_length", "long", "byte", "phys.size;meta.file", "its size"),
    Field("content_qualifier", "text", ucd="meta.code", doc="its kind, http://www.ivoa.net/rdf/product-type"),
)


@dataclass(frozen=True, slots=True)
class _Link:
    """One row of the answer, in the order of :data:`FIELDS`."""

    ID: str
    access_url: str | None = None
    service_def: str | None = None
    error_message: str | None = None
    description: str | None = None
    semantics: str = "#this"
    content_type: str | None = None
    content_length: int | None = None
    content_qualifier: str | None = None


@router.post("/datalink", include_in_schema=False)
@router.get(
    "/datalink",
    summary="DataLink 1.1",
    response_class=Response,
    responses={
        200: {"content": {_MEDIA: {}}, "description": "table of links"},
        400: {"content": {_MEDIA: {}, PROBLEM: {}}, "description": "an INFO QUERY_STATUS, or a problem, says why"},
    },
    openapi_extra=documented(
        (
            ("ID", "string", "identifier, file name or number of a light curve; several times for several", False),
            ("RESPONSEFORMAT", "string", "votable or csv, or their media types", False),
        )
    ),
)
def datalink(request: Request, site: HereSite, asked: Asked) -> Response:
    """Return what is linked to light curves; an identifier that is not known gives a row that says so."""
    try:
        return _answer(request, site, asked)
    except UsageError as error:
        text = f"UsageFault: {error.message}: {error.hint}"
        return Response(error_document(text, name="QUERY_STATUS"), 400, media_type=_MEDIA)


def _answer(request: Request, site: Site, asked: Parameters) -> Response:
    form, addresses = asked.format(), addresses_of(request, site.settings.web)
    wanted = list(dict.fromkeys(asked.all("ID")))
    names = [name for name in wanted[:_MOST_IDS] if name.isprintable()]
    with site.reading() as connection:
        found = linked(connection, names, most=_MOST_RELATED)
    links = [link for name in wanted[:_MOST_IDS] for link in _links(name, found.get(name), addresses)]
    rows = map(astuple, links)
    if form != "votable":
        return answer_rows(request, FIELDS, rows, form, "datalink", title="Links of light curves")
    infos = {"QUERY_STATUS": "OVERFLOW" if len(wanted) > _MOST_IDS else "OK", "standardID": STANDARD}
    services = [bins.service(addresses) if found else _itself(addresses)]
    document = results(FIELDS, rows, "links", "Links of light curves", infos=infos, services=services)
    media = "application/x-votable+xml" if asked.one("RESPONSEFORMAT") else _MEDIA
    return Response(document, media_type=media)


def _links(name: str, found: Linked | None, addresses: Addresses) -> Iterator[_Link]:
    if found is None:
        yield _Link(plain_text(name[:200]), error_message="NotFoundFault: there is no light curve of this identifier")
        return
    curve, product = found.curve, found.curve["product_id"]
    file = addresses.of_curve(product, "file")
    yield _Link(name, file, None, None, "the light curve", "#this", _FITS, curve["size_bytes"], _LIGHT_CURVE)
    if "quicklook" in found.pictures:
        yield _Link(name, addresses.of_page(product, "thumbnail.png"), None, None, "a small plot of it",
                    "#preview", "image/png")  # fmt: skip
    if "plot" in found.pictures:
        yield _Link(name, addresses.of_page(product, "plot.png"), None, None, "a plot of it", "#preview-plot",
                    "image/png")  # fmt: skip
    yield _Link(name, None, bins.KEY, None, "the same in other bins, bands or time systems", "#proc",
                "application/x-votable+xml", None, _LIGHT_CURVE)  # fmt: skip
    for members, semantics, text in (
        (found.members, "#progenitor", "light curve of an exposure that it is made of"),
        (found.composites, "#derivation", "composite that it is part of"),
    ):
        for other in members:
            yield _Link(name, addresses.of_curve(other["product_id"], "file"), None, None,
                        f"{text}: {other['filename']}", semantics, _FITS, other["size_bytes"],
                        _LIGHT_CURVE)  # fmt: skip
    yield _Link(name, addresses.of_curve(product, "provenance"), None, None,
                "which files it was made of, with their SHA-256, and with which settings and versions",
                "#documentation", "application/json")  # fmt: skip
    yield _Link(name, addresses.of_page(product), None, None, "its page", "#documentation", "text/html")


def _itself(addresses: Addresses) -> Service:
    example = quote(publisher_did("MISSION", "NAME"), safe="")
    return Service(
        "links", f"links of light curves, such as {addresses.of('/vo/datalink')}?ID={example}",
        addresses.of("/vo/datalink"), (Input("ID", "identifier of a light curve", ucd="meta.id;meta.main"),),
        standard=STANDARD, media_type=_MEDIA, itself=True,
    )  # fmt: skip
