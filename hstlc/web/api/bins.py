"""One light curve in bins of any kind, and the call of the old server."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from hstlc.db.rebin import curve_of_source, place_in_field
from hstlc.errors import UsageError
from hstlc.store.digest import digest
from hstlc.version import VERSION
from hstlc.web.api.old_row import old_row
from hstlc.web.errors import NotFoundError
from hstlc.web.formats import Field, RowFormat, answer_rows, not_modified
from hstlc.web.rebin.pool import Pool
from hstlc.web.rebin.provenance import provenance
from hstlc.web.rebin.subject import Selection, Subject, find_subject
from hstlc.web.rebin.work import Job, Kind
from hstlc.web.site import Database, HereSite, Site

__all__ = ["old_router", "router"]

router = APIRouter(tags=["light curves in other bins"])

#: The call of the old server, at its old address.
old_router = APIRouter(tags=["light curves in other bins"])

View = Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_.-]*$", description="page that asks")]


def _selection(
    bin: Annotated[float | None, Query(allow_inf_nan=False, description="width of the bins, s")] = None,  # noqa: A002
    counts: Annotated[int | None, Query(le=10**9, description="least counts of a bin")] = None,
    blocks: Annotated[float | None, Query(allow_inf_nan=False, description="chance of one block too many")] = None,
    energy: Annotated[str | None, Query(max_length=80, description="LOW,HIGH in keV")] = None,
    wavelength: Annotated[str | None, Query(max_length=80, description="LOW,HIGH in Angstrom")] = None,
    band: Annotated[str, Query(max_length=64, description="name of a band")] = "",
    background: Annotated[Literal["subtract", "keep"], Query(description="expected counts of it")] = "subtract",
    time: Annotated[Literal["utc", "tdb"], Query(description="tdb: at the barycenter")] = "utc",
    start: Annotated[float | None, Query(allow_inf_nan=False, description="only from here, s after reference")] = None,
    stop: Annotated[float | None, Query(allow_inf_nan=False, description="only up to here, s")] = None,
    fold: Annotated[float | None, Query(allow_inf_nan=False, description="period to fold with, s")] = None,
    phase_bins: Annotated[int, Query(le=10**6, description="bins of a cycle")] = 20,
    epoch: Annotated[float | None, Query(allow_inf_nan=False, description="MJD of phase 0")] = None,
) -> Selection:
    return Selection(
        bin,
        counts,
        blocks,
        _pair(energy),
        _pair(wavelength),
        band,
        background == "keep",
        time == "tdb",
        start,
        stop,
        fold,
        phase_bins,
        epoch,
    )


def _pair(text: str | None) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError("usage.band", f"{text!r} is not a pair of numbers", "give LOW,HIGH such as 0.5,2") from None
    if not (abs(low) < 1e9 and abs(high) < 1e9):
        raise UsageError("usage.band", f"{text!r} is beyond any band", "give LOW,HIGH such as 0.5,2")
    return low, high


Chosen = Annotated[Selection, Depends(_selection)]


def _subject(site: Site, name: str) -> Subject:
    with site.reading() as connection:
        return find_subject(connection, name, site.layout, site.settings)


def _etag(subject: Subject, selection: Selection, kind: str) -> str:
    """Return what is another text when the answer may be another one."""
    parts = [part.key for part in subject.parts]
    changed = subject.path.stat().st_mtime_ns if subject.path.is_file() else 0
    return f'"{digest([VERSION, subject.product_id, changed, parts, repr(selection), kind])[:32]}"'


async def _asked(request: Request, site: Site, name: str, selection: Selection, kind: Kind, view: str) -> Response:
    """Return an answer of bytes, or 304 where the client has it already."""
    subject = await run_in_threadpool(_subject, site, name)
    media, further = _MEDIA[kind]
    headers = {"etag": _etag(subject, selection, kind), "cache-control": "no-cache", **further}
    if not_modified(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    data = await _pool(request).run(Job(kind, subject, selection), view, request.is_disconnected)
    return Response(data, media_type=media, headers=headers)


_MEDIA: dict[str, tuple[str, dict[str, str]]] = {
    "json": ("application/json", {}),
    "periodogram": ("application/json", {}),
    "stamp": ("application/json", {}),
    "snippet": ("text/x-python", {}),
    "fits": ("application/fits", {}),
    "picture": ("image/svg+xml", {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}),
}


def _pool(request: Request) -> Pool:
    pool: Pool = request.app.state.rebin
    return pool


@router.get("/curves/{name}/data")
async def data(
    request: Request,
    site: HereSite,
    name: str,
    selection: Chosen,
    view: View = "",
    format: RowFormat = "json",  # noqa: A002
) -> Response:
    """Light curve in other bins, another band, folded, or as it is stored; made of the events.

    JSON has ``columns`` (unit, doc), ``data`` (values by column; NaN is null), ``meta``, ``summary`` and ``snippet``.
    """
    if format == "json":
        return await _asked(request, site, name, selection, "json", view)
    subject = await run_in_threadpool(_subject, site, name)
    stem = f"{subject.name.removesuffix('.fits')}_shown"
    if format == "fits" and selection.fold_s is None:
        answer = await _asked(request, site, name, selection, "fits", view)
        answer.headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(stem)}.fits"
        return answer
    columns = await _pool(request).run(Job("columns", subject, selection), view, request.is_disconnected)
    fields = [
        Field(key, "int" if one.values.dtype.kind == "i" else "float", one.unit, one.ucd, one.doc)
        for key, one in columns.items()
    ]

    def answered() -> Response:
        rows = zip(*(one.values.tolist() for one in columns.values()), strict=True)
        found: Response = answer_rows(request, fields, rows, format, stem, title=subject.title)
        return found

    return await run_in_threadpool(answered)


@router.get("/curves/{name}/periodogram")
async def periodogram(request: Request, site: HereSite, name: str, selection: Chosen, view: View = "") -> Response:
    """Periodogram of a light curve, with the highest peaks and what else could make them."""
    return await _asked(request, site, name, selection, "periodogram", view)


@router.get("/curves/{name}/stamp")
async def stamp(request: Request, site: HereSite, name: str, selection: Chosen, view: View = "") -> Response:
    """Where the events of a stretch of time fell: on the sky and on the detector."""
    return await _asked(request, site, name, selection, "stamp", view)


@router.get("/curves/{name}/snippet", response_class=Response, responses={200: {"content": {"text/x-python": {}}}})
async def snippet(request: Request, site: HereSite, name: str, selection: Chosen) -> Response:
    """Python that makes what is seen from the files."""
    return await _asked(request, site, name, selection, "snippet", "")


@router.get("/curves/{name}/plot.svg", response_class=Response, responses={200: {"content": {"image/svg+xml": {}}}})
async def picture(request: Request, site: HereSite, name: str, selection: Chosen) -> Response:
    """Picture of a light curve in other bins."""
    return await _asked(request, site, name, selection, "picture", "")


@router.get("/curves/{name}/provenance")
def origin(site: HereSite, connection: Database, name: str) -> Response:
    """Files, settings and versions that a light curve is made of."""
    return Response(orjson.dumps(provenance(connection, name, site.settings)), media_type="application/json")


class Recalculation(BaseModel):
    """What the old server was asked."""

    model_config = ConfigDict(extra="ignore")

    sourceName: str = ""  # noqa: N815
    observationID: str | int = ""  # noqa: N815
    instrument: str = ""
    newBinsize: Any = None  # noqa: N815


@old_router.post("/recalculate")
async def recalculate(request: Request, site: HereSite, asked: Recalculation) -> Response:
    """Light curve in bins of another width, as the old server answered: ``newData`` and ``newPlotPath``."""
    width_s = _old_width(asked.newBinsize)
    subject, offaxis_arcmin, azimuth_deg = await run_in_threadpool(_old_subject, site, asked)
    job = Job("row", subject, Selection(bin_s=width_s))
    try:
        found = await _pool(request).run(job, "", request.is_disconnected)
    except UsageError as error:
        raise UsageError("usage.bin-width", f"Invalid Binsize! {error.message}", error.hint) from None
    address = f"/api/v1/curves/{quote(subject.name, safe='')}/plot.svg?{urlencode({'bin': width_s})}"
    answer = {"newData": old_row(subject, found, offaxis_arcmin, azimuth_deg), "newPlotPath": address}
    return Response(orjson.dumps(answer), media_type="application/json")


def _old_width(value: Any) -> float:
    try:
        width_s = float(value)
    except (TypeError, ValueError):
        width_s = -1.0
    if not 0 < width_s < 1e9:
        raise UsageError("usage.bin-width", "Invalid Binsize!", "give newBinsize, a number of seconds above 0")
    return width_s


def _old_subject(site: Site, asked: Recalculation) -> tuple[Subject, float | None, float | None]:
    with site.reading() as connection:
        number = curve_of_source(
            connection, asked.sourceName[:200], str(asked.observationID)[:100], asked.instrument[:50]
        )
        if number is None:
            raise NotFoundError("there is no light curve of this source and observation", "look for it at /curves")
        offaxis_arcmin, extra = place_in_field(connection, number)
        subject = find_subject(connection, str(number), site.layout, site.settings)
        return subject, offaxis_arcmin, extra.get("phi_deg")
