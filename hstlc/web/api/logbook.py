"""What was found and done for programs: candidates, findings, rejected files, runs, notices; missions and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from hstlc.db.logbook import BOOKS, Book, page
from hstlc.db.tables import Base
from hstlc.db.time_limit import time_limit
from hstlc.missions.registry import missions
from hstlc.web.figures import Figures
from hstlc.web.filters import BadDataChoice, CandidateChoice, Choice, FindingChoice, NoticeChoice, Place, RunChoice
from hstlc.web.folders import without_folders
from hstlc.web.formats import Field, RowFormat, answer_rows, fields_of
from hstlc.web.site import HereSite, Site

__all__ = ["router"]

router = APIRouter(tags=["logbook"])

_JSON_ROWS, _BATCH = 100, 1000

_Limit = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="most rows; by default 100 as JSON and all in files")
]

#: What a mission is to programs.
_MISSION_FIELDS = (
    Field("mission", "text", ucd="meta.id;meta.main", doc="name of the mission, such as in addresses"),
    Field("title", "text", ucd="meta.title", doc="what people call it"),
    Field("instruments", "text", ucd="instr", doc="instruments that can be read"),
    Field("installed", "bool", ucd="meta.code", doc="whether new data of it can be read"),
    Field("exposures", "int", ucd="meta.number", doc="exposures in this store"),
    Field("targets", "int", ucd="meta.number", doc="targets of these"),
    Field("individual", "int", ucd="meta.number", doc="light curves of one exposure"),
    Field("composite", "int", ucd="meta.number", doc="light curves of several exposures"),
    Field("exposure_s", "float", "s", "time.duration;obs.exposure", "exposure time that the headers state"),
    Field("first_mjd", "float", "d", "time.start;obs.exposure", "first start, modified Julian date, UTC"),
    Field("last_mjd", "float", "d", "time.end;obs.exposure", "last end, modified Julian date, UTC"),
)

_COLUMN_FIELDS = tuple(
    Field(name, "text", ucd="meta", doc=doc)
    for name, doc in (
        ("table", "name of the table"),
        ("column", "name of the column"),
        ("type", "type in SQL"),
        ("unit", "unit; '': none"),
        ("ucd", "IVOA unified content descriptor"),
        ("doc", "what it is"),
    )
)


@router.get("/candidates", summary="Flares and dips")
def candidates(
    request: Request,
    site: HereSite,
    choice: CandidateChoice,
    format: RowFormat = "json",  # noqa: A002 - the name of the parameter
    limit: _Limit = None,
    after: Place = "",
    before: Place = "",
) -> Response:
    """Return flares and dips of light curves that chance hardly explains."""
    return _answer(request, site, BOOKS["candidates"], choice, format, limit, after, before)


@router.get("/findings", summary="What the checks found")
def findings(
    request: Request,
    site: HereSite,
    choice: FindingChoice,
    format: RowFormat = "json",  # noqa: A002
    limit: _Limit = None,
    after: Place = "",
    before: Place = "",
) -> Response:
    """Return what the checks found in exposures, whether it rejected them or only flagged them."""
    return _answer(request, site, BOOKS["findings"], choice, format, limit, after, before)


@router.get("/bad-data", summary="Rejected files")
def bad_data(
    request: Request,
    site: HereSite,
    choice: BadDataChoice,
    format: RowFormat = "json",  # noqa: A002
    limit: _Limit = None,
    after: Place = "",
    before: Place = "",
) -> Response:
    """Return the files that were rejected, with the first reason."""
    return _answer(request, site, BOOKS["bad-data"], choice, format, limit, after, before)


@router.get("/runs", summary="Runs of commands and jobs")
def runs(
    request: Request,
    site: HereSite,
    choice: RunChoice,
    format: RowFormat = "json",  # noqa: A002
    limit: _Limit = None,
    after: Place = "",
    before: Place = "",
) -> Response:
    """Return the runs of commands and jobs, how many of what they did and how they ended."""
    return _answer(request, site, BOOKS["runs"], choice, format, limit, after, before)


@router.get("/notices", summary="What a person should know")
def notices(
    request: Request,
    site: HereSite,
    choice: NoticeChoice,
    format: RowFormat = "json",  # noqa: A002
    limit: _Limit = None,
    after: Place = "",
    before: Place = "",
) -> Response:
    """Return what a person should know, what lasts first."""
    return _answer(request, site, BOOKS["notices"], choice, format, limit, after, before)


@router.get("/missions", summary="Missions, and how much there is of each")
def mission_list(request: Request, format: RowFormat = "json") -> Response:  # noqa: A002
    """Return the missions that are installed or have data; the figures may be a minute old."""
    figures: Figures = request.app.state.figures
    counts = figures.counts()
    found = {row.mission: row for row in counts.value.missions}
    rows = []
    for name, title in sorted(figures.known_missions().items()):
        installed, count = missions().get(name), found.get(name)
        own = [row for row in counts.value.instruments if row.mission == name]
        rows.append(
            (
                name,
                title,
                ", ".join(installed.instruments if installed is not None else [row.instrume for row in own]),
                installed is not None,
                count.exposures if count is not None else 0,
                count.targets if count is not None else 0,
                sum(row.individual for row in own),
                sum(row.composite for row in own),
                count.exposure_s if count is not None else 0.0,
                count.first_mjd if count is not None else None,
                count.last_mjd if count is not None else None,
            )
        )
    return answer_rows(request, _MISSION_FIELDS, rows, format, "missions", title="Missions")


@router.get("/columns", summary="Columns of all tables: unit, UCD and meaning")
def columns(
    request: Request,
    table: Annotated[str, Query(max_length=64, description="of one table only")] = "",
    format: RowFormat = "json",  # noqa: A002
) -> Response:
    """Return what each column of the database means: the words that tables, VOTables and documents use."""
    rows = [
        (own.name, column.name, str(column.type), *(column.info.get(name, "") for name in ("unit", "ucd", "doc")))
        for own in sorted(Base.metadata.tables.values(), key=lambda own: own.name)
        for column in own.columns
        if not table or own.name == table
    ]
    return answer_rows(request, _COLUMN_FIELDS, rows, format, "columns", title="Columns")


def _answer(
    request: Request,
    site: Site,
    book: Book,
    choice: Choice,
    form: RowFormat,
    limit: int | None,
    after: str,
    before: str,
) -> Response:
    usual = _JSON_ROWS if form == "json" else site.settings.web.most_rows
    most = min(limit or usual, site.settings.web.most_rows)
    fields = fields_of(list(book.columns.items()))
    clean = _cleaner(book, site)
    with site.reading() as connection:
        if form != "json" and not before:
            rows = _walk(connection, book, choice, after, most, site.settings.web.query_timeout_s)
            return answer_rows(request, fields, map(clean, rows), form, book.name, title=book.title)
        with time_limit(connection, site.settings.web.query_timeout_s):
            found = page(connection, book, choice.filters, sort=choice.sort, after=after, before=before, limit=most)
    here = f"/api/v1/{book.name}"
    chosen = choice.chosen | ({"limit": str(limit)} if limit else {})
    links = {
        "next": f"{here}?{urlencode({**chosen, 'after': found.next})}" if found.next else None,
        "previous": f"{here}?{urlencode({**chosen, 'before': found.previous})}" if found.previous else None,
    }
    extra = links if form == "json" else None
    return answer_rows(request, fields, map(clean, found.rows), form, book.name, title=book.title, extra=extra)


def _walk(
    connection: Connection, book: Book, choice: Choice, after: str, most: int, seconds: float
) -> Iterator[dict[str, Any]]:
    """Give rows of many pages one after the other; only one page is in memory, and each may take so long."""
    while most > 0:
        with time_limit(connection, seconds):
            found = page(connection, book, choice.filters, sort=choice.sort, after=after, limit=min(most, _BATCH))
        yield from found.rows
        most, after = most - len(found.rows), found.next
        if not after:
            return


def _cleaner(book: Book, site: Site) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """Return what makes a row for everybody of one of the database: without folders of the disk."""
    folders = site.layout.directories
    names = list(book.columns)
    told = {name for name in names if name in ("message", "counts", "filename", "key")}

    def clean(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(without_folders(row[name], folders) if name in told else row[name] for name in names)

    return clean
