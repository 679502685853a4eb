"""Pages of targets: by name, place or identifier."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BeforeValidator, Field
from sqlalchemy import Connection
from starlette.responses import RedirectResponse

from hstlc.db.cone import Cone
from hstlc.db.target_pages import (
    Found,
    named_targets,
    of_target,
    target_page,
    target_rows,
    targets_around,
    targets_of_curves,
)
from hstlc.db.targets import TARGETS, find_target
from hstlc.db.time_limit import time_limit
from hstlc.missions.registry import missions
from hstlc.web.errors import NotFoundError
from hstlc.web.folders import without_folders
from hstlc.web.pages.target_values import line_of, shown
from hstlc.web.places import ARCMIN, cone_of, read_place, sexagesimal
from hstlc.web.rendering import render
from hstlc.web.site import HereSite
from hstlc.web.wording import curve_address, target_address

__all__ = ["Degrees", "Text", "router"]

router = APIRouter()

# An empty field of a form is a parameter with nothing in it.
_MAYBE = BeforeValidator(lambda value: None if value == "" else value)
Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
Degrees = Annotated[Annotated[float, Field(ge=-90, le=360, allow_inf_nan=False)] | None, _MAYBE, Query()]
Radius = Annotated[Annotated[float, Field(ge=0, le=180, allow_inf_nan=False)] | None, _MAYBE, Query()]

_FOUND = {
    "exposure": "Targets of the exposure {}",
    "source": "Targets with the source {} in their field",
    "program": "Targets of program {}",
}


@router.get("/targets")
def targets(
    request: Request,
    site: HereSite,
    q: Text = "",
    ra: Degrees = None,
    dec: Degrees = None,
    radius: Radius = None,
    mission: Text = "",
    after: Text = "",
    before: Text = "",
) -> Response:
    """Show targets: all by name, those that a text means, or those around a place."""
    text = " ".join(q.split())
    cone = cone_of(ra, dec, radius) or (read_place(text) if text else None)
    limit, title, note = site.settings.web.rows, "Targets", ""
    with site.reading() as connection, time_limit(connection, site.settings.web.query_timeout_s):
        if cone is not None:
            found = targets_around(connection, cone, mission=mission, limit=limit)
            title = f"Targets within {_radius(cone)} of {sexagesimal(cone.ra_deg, cone.dec_deg)}"
            note = f"The nearest {limit} of them." if found.more else ""
        elif text:
            answer = _looked_up(connection, text, limit)
            if isinstance(answer, str):
                return RedirectResponse(answer, 302)
            found, title = answer
            note = f"The first {limit} of them: write more of the name." if found.more else ""
        else:
            found = target_page(connection, after=after, before=before, mission=mission, limit=limit)
    titles = {name: one.title for name, one in missions().items()}
    listed = cone is None and not text
    pages = _pages(found, after, before, {"mission": mission} if mission else {}) if listed else {}
    return render(
        request,
        "targets.html",
        title=title,
        note=note,
        q=text,
        rows=[line_of(row) for row in found.rows],
        distances=cone is not None,
        around=_around(cone),
        missions=titles,
        mission=mission,
        listed=listed,
        filtered=bool(mission or text or cone),
        newer=pages.get("newer", ""),
        older=pages.get("older", ""),
        beyond=bool(after or before),
        first=f"/targets?{urlencode({'mission': mission})}" if mission else "/targets",
        units={column.name: column.info for column in TARGETS.c},
    )


@router.get("/target/{name:path}")
def target(
    request: Request,
    site: HereSite,
    name: Annotated[str, Path(max_length=200, pattern=r"^[^\x00]*$")],
) -> Response:
    """Show what there is of a target; another of its names leads to its own."""
    with site.reading() as connection, time_limit(connection, site.settings.web.query_timeout_s):
        row = find_target(connection, name)
        if row is None:
            raise NotFoundError(f"there is no target {name!r}", "look for it at /targets")
        if row["name"] != name:
            return RedirectResponse(target_address(row["name"]), 302)
        rows = of_target(connection, row)
    values = shown(row, rows)
    values["findings"] = without_folders(values["findings"], site.layout.directories)
    return render(request, "target.html", **values)


def _looked_up(connection: Connection, text: str, limit: int) -> str | tuple[Found, str]:
    """Return the address that a text means, or the targets that it may mean and what they are called."""
    if (row := find_target(connection, text)) is not None:
        return target_address(row["name"])
    kind, names = targets_of_curves(connection, text)
    if kind == "curve":
        return curve_address(names[0])
    if len(names) == 1:
        return target_address(names[0])
    if names:
        found = target_rows(connection, names[:limit])
        return Found(found.rows, len(names) > limit), _FOUND[kind].format(text)
    return named_targets(connection, text, limit=limit), f"Targets with “{text}” in a name"


def _radius(cone: Cone) -> str:
    return f"{cone.radius_deg:.3g}°" if cone.radius_deg >= 1.0 else f"{cone.radius_deg / ARCMIN:.3g}′"


def _around(cone: Cone | None) -> dict[str, str]:
    if cone is None:
        return {"ra": "", "dec": "", "radius": ""}
    return {"ra": f"{cone.ra_deg:.9g}", "dec": f"{cone.dec_deg:.9g}", "radius": f"{cone.radius_deg:.6g}"}


def _pages(found: Found, after: str, before: str, chosen: dict[str, Any]) -> dict[str, str]:
    """Return the addresses of the pages before and after one of the list by name."""
    if not found.rows:
        return {}
    first, last = found.rows[0]["name"], found.rows[-1]["name"]
    pages = {}
    if after or (before and found.more):
        pages["newer"] = f"/targets?{urlencode({**chosen, 'before': first})}"
    if before or found.more:
        pages["older"] = f"/targets?{urlencode({**chosen, 'after': last})}"
    return pages
