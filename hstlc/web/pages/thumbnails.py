"""Thumbnails of light curves."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.responses import FileResponse

from hstlc.db.light_curves import find_light_curve
from hstlc.db.pictures import picture_of
from hstlc.errors import StoreError
from hstlc.pipeline.stored import stored_path
from hstlc.web.errors import NotFoundError
from hstlc.web.formats import not_modified
from hstlc.web.site import Database, HereSite

__all__ = ["router"]

router = APIRouter()

_KEPT = {"cache-control": "public, max-age=300"}

#: Shown where there is no picture yet, as large as one.
_NONE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 80" role="img" aria-label="no picture yet">'
    b'<rect width="160" height="80" fill="#8883"/>'
    b'<path d="M12 46h20l8-10 8 18 8-8h92" fill="none" stroke="#888" stroke-width="2"/></svg>'
)


@router.get("/curve/{name}/thumbnail.png")
def thumbnail(
    request: Request,
    site: HereSite,
    database: Database,
    name: Annotated[str, Path(max_length=255, pattern=r"^[^\x00]*$")],
) -> Response:
    """Return the small picture of a light curve, or a placeholder where it was not drawn."""
    curve = find_light_curve(database, name)
    if curve is None:
        raise NotFoundError(f"there is no light curve {name!r}", "find it at /curves")
    row = picture_of(database, curve["product_id"], "quicklook")
    if row is None:
        return Response(_NONE, media_type="image/svg+xml", headers=_KEPT)
    etag = f'"{row["sha256"]}"'
    headers = {**_KEPT, "etag": etag}
    if not_modified(request, etag):
        return Response(status_code=304, headers=headers)
    try:
        path = stored_path(site.layout, row)
    except StoreError:
        return Response(_NONE, media_type="image/svg+xml", headers=_KEPT)
    if not path.is_file():
        return Response(_NONE, media_type="image/svg+xml", headers=_KEPT)
    return FileResponse(path, media_type="image/png", headers=headers)
