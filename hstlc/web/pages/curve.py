"""The page of one light curve, and its picture."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection
from starlette.responses import FileResponse

from hstlc.db.curve_page import curve_rows
from hstlc.db.light_curves import find_light_curve
from hstlc.db.pictures import picture_of
from hstlc.pipeline.stored import is_stored, stored_path
from hstlc.web.errors import NotFoundError
from hstlc.web.pages.curve_values import curve_values
from hstlc.web.rendering import render
from hstlc.web.site import Database, HereSite

__all__ = ["router"]

router = APIRouter()

_LONGEST_NAME = 255
_LONGEST_VALUE = 100
_HINT = "the table of light curves is at /curves"

Name = Annotated[str, Path(min_length=1, max_length=_LONGEST_NAME)]


@router.get("/curve/{name}")
def page(request: Request, connection: Database, name: Name) -> Response:
    """Return the page of a light curve; parameters are those of the form in it."""
    rows = curve_rows(connection, _found(connection, name))
    drawn = picture_of(connection, rows.curve["product_id"], "plot") is not None
    given = {key: value for key, value in request.query_params.items() if len(value) <= _LONGEST_VALUE}
    return render(request, "curve.html", **curve_values(rows, given, drawn=drawn))


@router.get("/curve/{name}/plot.png")
def plot(site: HereSite, connection: Database, name: Name) -> Response:
    """Return the picture that was drawn of a light curve."""
    row = picture_of(connection, _found(connection, name)["product_id"], "plot")
    if row is None or not row["filename"].endswith(".png") or not is_stored(site.layout, row):
        raise NotFoundError(f"{name}: there is no picture of it", "hstlc make-plots draws what is missing")
    headers = {"etag": f'"{row["sha256"]}"', "cache-control": "no-cache"}
    return FileResponse(stored_path(site.layout, row), media_type="image/png", headers=headers)


def _found(connection: Connection, name: str) -> dict[str, Any]:
    row = find_light_curve(connection, name)
    if row is None:
        raise NotFoundError(f"{name}: there is no such light curve", _HINT)
    return row
