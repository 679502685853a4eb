"""Work that users may ask for: which arguments it takes, and whether there is such a thing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from fastapi import HTTPException
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hstlc.db import requests
from hstlc.db.engine import reading, writing
from hstlc.db.targets import find_target
from hstlc.errors import UsageError
from hstlc.web.errors import NotFoundError
from hstlc.web.site import Site
from hstlc.web.users import User

__all__ = ["Get", "Reprocess", "Work", "ask", "request_values"]


def _printable(text: str) -> str:
    text = text.strip()
    if not text.isprintable():
        raise ValueError("plain text without line breaks is wanted")
    return text


Name = Annotated[str, Field(max_length=128), AfterValidator(_printable)]
Degrees = Annotated[float, Field(allow_inf_nan=False)]


class Reprocess(BaseModel):
    """Make again what is stale of an exposure, of a target, or of all exposures of one configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["reprocess"] = "reprocess"
    mission: Annotated[Name, Field(description="of the exposure, such as hst")] = ""
    rootname: Annotated[Name, Field(description="of the exposure")] = ""
    target: Annotated[Name, Field(description="one of its names")] = ""
    configuration: Annotated[
        str, Field(max_length=512, description="as in outputs.configuration"), AfterValidator(_printable)
    ] = ""

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        exposure = bool(self.mission) + bool(self.rootname)
        if exposure == 1 or (exposure > 0) + bool(self.target) + bool(self.configuration) != 1:
            raise ValueError("give a target, or mission and exposure (rootname), or a configuration")
        return self


class Get(BaseModel):
    """Fetch what archives have of a target or a place on the sky."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["get"] = "get"
    target: Annotated[Name, Field(description="a name that a resolver knows, or any name where a place is given")] = ""
    ra_deg: Annotated[Degrees | None, Field(ge=0, le=360, description="right ascension, ICRS, degrees")] = None
    dec_deg: Annotated[Degrees | None, Field(ge=-90, le=90, description="declination, ICRS, degrees")] = None
    radius_deg: Annotated[Degrees, Field(gt=0, le=1, description="distance from the place, degrees")] = 2 / 60
    sources: Annotated[
        tuple[Name, ...], Field(max_length=20, description="names of archives; none: those that are switched on")
    ] = ()
    minimum_significance: Annotated[
        Degrees | None, Field(ge=0, description="of catalogs of sources: only those of at least this significance")
    ] = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.ra_deg is None) != (self.dec_deg is None):
            raise ValueError("right ascension and declination go together (ra_deg, dec_deg)")
        if not self.target and self.ra_deg is None:
            raise ValueError("give a target or a place (target, or ra_deg and dec_deg)")
        return self


Work = Annotated[Reprocess | Get, Field(discriminator="kind")]


def ask(site: Site, user: User, work: Reprocess | Get) -> tuple[dict[str, Any], bool]:
    """Queue work for the daemon; it is safe in the database when this returns.

    Parameters
    ----------
    site : Site
    user : User
    work : Reprocess or Get

    Returns
    -------
    dict
        The row of the request.
    bool
        False: the same one was queued already, and this is it.

    Raises
    ------
    NotFoundError
        The store has no such thing.
    UsageError
        ``usage.no-source``, ``usage.unknown-source``.
    HTTPException
        429: the user has too many queued.
    DatabaseError
        ``store.database-locked``: a writer held the database for longer than half a minute.
    """
    arguments = _arguments_of_get(site, work) if isinstance(work, Get) else _arguments_of_reprocess(site, work)
    most = site.settings.web.requests_queued
    with writing(site.engine) as connection:
        row, new = requests.add_request(connection, work.kind, arguments, user.row(), datetime.now(UTC), most=most)
    if row is None:
        raise HTTPException(429, f"you have {most} requests queued: wait, or cancel one", headers={"Retry-After": "60"})
    return row, new


def _arguments_of_reprocess(site: Site, work: Reprocess) -> dict[str, Any]:
    with reading(site.engine) as connection:
        if work.rootname:
            if not requests.has_exposure(connection, work.mission, work.rootname):
                raise NotFoundError(f"the store has no exposure {work.rootname} of the mission {work.mission}")
            return {"mission": work.mission, "rootname": work.rootname}
        if work.configuration:
            if not requests.has_configuration(connection, work.configuration):
                raise NotFoundError(f"no exposure has the configuration {work.configuration}")
            return {"configuration": work.configuration}
        target = find_target(connection, work.target)
    if target is None:
        raise NotFoundError(f"the store has no target {work.target}", "look for it at /targets")
    return {"target": target["name"]}


def _arguments_of_get(site: Site, work: Get) -> dict[str, Any]:
    enabled = sorted(name for name, section in site.settings.archives.items() if section.enabled)
    unknown = sorted(set(work.sources) - set(enabled))
    if unknown or not enabled:
        code = "usage.unknown-source" if unknown else "usage.no-source"
        names = ", ".join(enabled) or "none"
        raise UsageError(code, f"archives that are switched on here: {names}", "ask whoever runs this server")
    arguments = work.model_dump(exclude={"kind", "sources"}, exclude_none=True)
    return {name: value for name, value in arguments.items() if value != ""} | {"sources": sorted(set(work.sources))}


def request_values(row: dict[str, Any]) -> dict[str, Any]:
    """Return a request as plain values for programs.

    Parameters
    ----------
    row : mapping
        Of ``job_request``.
    """
    times = ("requested_at", "started_at", "finished_at")
    return {
        "id": row["id"],
        "href": f"/api/v1/requests/{row['id']}",
        "kind": row["kind"],
        "arguments": row["arguments"],
        "state": row["state"],
        "user": row["user_name"],
        **{name: row[name].isoformat().replace("+00:00", "Z") if row[name] else None for name in times},
        "attempts": row["attempts"],
        "counts": row["counts"],
        "message": row["message"],
        **({"before": row["before"]} if "before" in row else {}),
    }
