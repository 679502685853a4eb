"""A light curve in other bins for clients of the virtual observatory, which write names of parameters in any case."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from hstlc.db.vo_rows import linked
from hstlc.errors import UsageError
from hstlc.web.errors import PROBLEM
from hstlc.web.site import HereSite
from hstlc.web.vo.addresses import Addresses, addresses_of
from hstlc.web.vo.documents import Input, Service, error_document
from hstlc.web.vo.parameters import Asked, Parameters, documented, plain_text

__all__ = ["KEY", "router", "service"]

router = APIRouter()

#: XML ID of the service.
KEY = "rebin"

_MEDIA = "application/x-votable+xml"
_INPUTS = (
    Input("ID", "identifier of the light curve", ref="ID", ucd="meta.id;meta.main"),
    Input("BIN", "width of the bins", unit="s"),
    Input("COUNTS", "least counts of a bin, instead of a width", unit="ct"),
    Input("BLOCKS", "Bayesian blocks: the probability of one block too many, instead of a width"),
    Input("ENERGY", "lowest and highest energy as LOW,HIGH in keV, where the instrument measures it", unit="keV"),
    Input(
        "WAVELENGTH", "lowest and highest wavelength as LOW,HIGH in Angstrom, where the instrument measures it",
        unit="0.1nm",
    ),
    Input("BAND", "name of a band, instead of limits", ucd="instr.bandpass"),
    Input("BACKGROUND", "whether the background is subtracted", value="subtract", options=("subtract", "keep")),
    Input("TIME", "UTC, or barycentric dynamical time at the barycenter", value="utc", options=("utc", "tdb")),
    Input("FORMAT", "format of the answer", value="votable", options=("votable", "fits", "csv", "json")),
)  # fmt: skip


def service(addresses: Addresses) -> Service:
    """Return the description of the service, for rows whose field ``ID`` has identifiers."""
    text = "a light curve in other bins, bands or time systems; at most one of BIN, COUNTS and BLOCKS, and one of "
    return Service(
        KEY, f"{text}ENERGY, WAVELENGTH and BAND", addresses.of("/vo/bins"), _INPUTS, key=KEY, media_type=_MEDIA
    )


@router.get(
    "/bins",
    summary="A light curve in other bins",
    response_class=RedirectResponse,
    status_code=303,
    responses={
        400: {"content": {_MEDIA: {}, PROBLEM: {}}, "description": "an INFO QUERY_STATUS, or a problem, says why"},
        404: {"content": {_MEDIA: {}, PROBLEM: {}}, "description": "likewise"},
    },
    openapi_extra=documented([(one.name, "string", one.doc, one.name == "ID") for one in _INPUTS]),
)
def bins(request: Request, site: HereSite, asked: Asked) -> Response:
    """Lead to the same light curve at ``/api/v1/curves/NAME/data``; names of parameters in any case."""
    try:
        return _answer(request, site, asked)
    except UsageError as error:
        return _failed(400, f"UsageFault: {error.message}: {error.hint}")


def _answer(request: Request, site: HereSite, asked: Parameters) -> Response:
    name = asked.one("ID")
    if not name:
        return _failed(400, "UsageFault: ID is missing")
    with site.reading() as connection:
        found = linked(connection, [name] if name.isprintable() else [], most=0)
    if not found:
        return _failed(404, f"NotFoundFault: there is no light curve {plain_text(name[:200])}")
    chosen = {one.name.lower(): asked.one(one.name) or one.value for one in _INPUTS if one.name != "ID"}
    address = addresses_of(request, site.settings.web).of_curve(found[name].curve["product_id"], "data")
    return RedirectResponse(f"{address}?{urlencode({key: value for key, value in chosen.items() if value})}", 303)


def _failed(status: int, message: str) -> Response:
    return Response(error_document(message, name="QUERY_STATUS"), status, media_type=_MEDIA)
