"""Targets for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response

from hstlc.db.cone import Cone
from hstlc.db.records import LIGHT_CURVES, STATS
from hstlc.db.target_pages import (
    COUNTED,
    CURVE_STATS,
    Found,
    TargetRows,
    named_targets,
    of_target,
    target_page,
    targets_around,
)
from hstlc.db.targets import TARGETS, find_target
from hstlc.db.time_limit import time_limit
from hstlc.errors import UsageError
from hstlc.web.errors import NotFoundError
from hstlc.web.folders import without_folders
from hstlc.web.formats import Field, RowFormat, answer_rows, fields_of
from hstlc.web.places import DEFAULT_RADIUS_DEG, cone_of
from hstlc.web.site import HereSite

__all__ = ["router"]

router = APIRouter(tags=["targets"])

_FIELDS = (
    *fields_of([TARGETS.c.name, TARGETS.c.ra_deg, TARGETS.c.dec_deg, TARGETS.c.moving]),
    Field("curves", "int", ucd="meta.number", doc=f"light curves; {COUNTED}: so many or more"),
    Field("instruments", "text", ucd="instr", doc="mission and instrument of these, with commas"),
)
_DISTANCE = Field("distance_deg", "float", "deg", "pos.angDistance", "distance from the place that was asked for")
_CURVE_NAMES = tuple(column.name for column in LIGHT_CURVES.c if column.name not in ("id", "path", "metadata_id"))
_CURVE_FIELDS = fields_of([*(LIGHT_CURVES.c[name] for name in _CURVE_NAMES), *(STATS.c[name] for name in CURVE_STATS)])

_Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.get("/targets", summary="Targets, by name or around a place")
def targets(
    request: Request,
    site: HereSite,
    q: Annotated[_Text, Query(description="part of a name, also of one that an observer used")] = "",
    ra: Annotated[float | None, Query(ge=0, le=360, allow_inf_nan=False, description="ICRS, degrees")] = None,
    dec: Annotated[float | None, Query(ge=-90, le=90, allow_inf_nan=False, description="ICRS, degrees")] = None,
    radius: Annotated[
        float, Query(ge=0, le=180, allow_inf_nan=False, description="around ra and dec, degrees")
    ] = DEFAULT_RADIUS_DEG,
    mission: Annotated[_Text, Query(description="only targets that it observed")] = "",
    after: Annotated[_Text, Query(description="only names after this one, as `next` has it")] = "",
    limit: Annotated[int, Query(ge=1, le=1000, description="most rows")] = 100,
    format: RowFormat = "json",  # noqa: A002 - the name of the parameter
) -> Response:
    """Return targets: around a place the nearest first, else by name; ``next`` is the address of more by name."""
    text, cone = " ".join(q.split()), cone_of(ra, dec, radius)
    if cone is not None and text:
        raise UsageError("usage.parameter", "q and a place are both given", "give q, or ra and dec")
    following = ""
    with site.reading() as connection, time_limit(connection, site.settings.web.query_timeout_s):
        if cone is not None:
            found = targets_around(connection, cone, mission=mission, limit=limit)
        elif text:
            found = named_targets(connection, text, limit=limit)
        else:
            found = target_page(connection, after=after, mission=mission, limit=limit)
            following = _next(found, mission, limit, format)
    fields = (*_FIELDS, _DISTANCE) if cone is not None else _FIELDS
    extra = {"more": found.more} | ({"next": following} if following else {})
    return answer_rows(
        request, fields, _rows(found, cone), format, "targets", title="Targets", extra=extra,
        links={"next": following} if following else None,
    )  # fmt: skip


@router.get("/targets/{name:path}", summary="What there is of a target")
def target(
    request: Request,
    site: HereSite,
    name: Annotated[str, Path(max_length=200, pattern=r"^[^\x00]*$", description="any of its names")],
    format: RowFormat = "json",  # noqa: A002
) -> Response:
    """Return the newest light curves of a target as rows; as JSON with all that its page has."""
    with site.reading() as connection, time_limit(connection, site.settings.web.query_timeout_s):
        row = find_target(connection, name)
        if row is None:
            raise NotFoundError(f"there is no target {name!r}", "look for it at /targets")
        found = of_target(connection, row)
    about = {key: row[key] for key in ("name", "ra_deg", "dec_deg", "moving")}
    names = [field.name for field in _CURVE_FIELDS]
    curves = ([curve[key] for key in names] for curve in found.curves)
    extra = {} if format != "json" else {"target": about, **_rest(found, site.layout.directories)}
    return answer_rows(
        request, _CURVE_FIELDS, curves, format, "target", title=f"Light curves of {row['name']}", extra=extra
    )


def _rest(found: TargetRows, folders: Sequence[Any]) -> dict[str, Any]:
    return {
        "aliases": found.aliases,
        "exposures": [{key: value for key, value in row.items() if key != "id"} for row in found.exposures],
        "sources": found.sources,
        "candidates": [{key: value for key, value in row.items() if key != "id"} for row in found.candidates],
        "findings": without_folders(found.findings, folders),
        "not_all": sorted(found.more),
    }


def _rows(found: Found, cone: Cone | None) -> Iterator[tuple[Any, ...]]:
    for row in found.rows:
        number = min(COUNTED, sum(one["number"] for one in row["curves"]))
        instruments = ", ".join(f"{one['mission']} {one['instrume']}" for one in row["curves"])
        values = (row["name"], row["ra_deg"], row["dec_deg"], row["moving"], number, instruments)
        yield values if cone is None else (*values, row["distance_deg"])


def _next(found: Found, mission: str, limit: int, form: str) -> str:
    if not found.more:
        return ""
    chosen = {"after": found.rows[-1]["name"], "limit": limit, "format": form}
    return f"/api/v1/targets?{urlencode(chosen | ({'mission': mission} if mission else {}))}"
