"""VOSI 1.1: what there is, whether it works, and which columns it has."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from hstlc.db.cone import Cone
from hstlc.db.vo_rows import curves_in_cone
from hstlc.errors import HstlcError
from hstlc.web.rendering import render
from hstlc.web.site import HereSite
from hstlc.web.vo.addresses import addresses_of
from hstlc.web.vo.cone_search import FIELDS, TITLE, most_rows
from hstlc.web.vo.datalink import STANDARD

__all__ = ["router"]

router = APIRouter()

_MEDIA = "text/xml"
_VOTYPES = {"bool": "boolean", "int": "int", "long": "long", "float": "double"}
_XML: dict[int | str, dict[str, Any]] = {200: {"content": {_MEDIA: {}}, "description": "XML of VOSI 1.1"}}


@router.get("/capabilities", summary="VOSI capabilities", response_class=Response, responses=_XML)
def capabilities(request: Request, site: HereSite) -> Response:
    """Return which services there are, at which addresses, and what they take."""
    addresses = addresses_of(request, site.settings.web)
    return _xml(request, "capabilities", addresses=addresses, most=most_rows(site), links=STANDARD)


@router.get("/availability", summary="VOSI availability", response_class=Response, responses=_XML)
def availability(request: Request, site: HereSite) -> Response:
    """Return whether the services work: whether the database answers."""
    try:
        with site.reading() as connection:
            curves_in_cone(connection, Cone(0.0, 0.0, 180.0), 1, 1)
    except HstlcError:
        return _xml(request, "availability", available=False)
    return _xml(request, "availability", available=True)


@router.get("/tables", summary="VOSI tables", response_class=Response, responses=_XML)
def tables(request: Request) -> Response:
    """Return the columns of the cone search."""
    return _xml(request, "tables", fields=FIELDS[3], title=TITLE, types=_VOTYPES)


def _xml(request: Request, name: str, **values: Any) -> Response:
    return Response(render(request, f"vo/{name}.xml", **values).body, media_type=_MEDIA)
