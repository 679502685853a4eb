"""Pages of what was found and done: candidates, findings, rejected files, runs, notices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from hstlc.db.logbook import BOOKS, page
from hstlc.db.time_limit import time_limit
from hstlc.missions.registry import missions
from hstlc.pipeline.reasons import registered_reasons
from hstlc.web.figures import Figures
from hstlc.web.filters import BadDataChoice, CandidateChoice, Choice, FindingChoice, NoticeChoice, Place, RunChoice
from hstlc.web.folders import without_folders
from hstlc.web.rendering import render
from hstlc.web.site import HereSite, Site
from hstlc.web.wording import curve_address, mjd_moment, moment, number, size, span, target_address

__all__ = ["router"]

router = APIRouter()

Row = Mapping[str, Any]

_ANY = ("", "any")
_DURING_EXTRACTION = "Noticed while the light curve is made."
_MOST_FAILURES = 20


@router.get("/candidates")
def candidates(
    request: Request, site: HereSite, choice: CandidateChoice, after: Place = "", before: Place = ""
) -> Response:
    """Show flares and dips."""
    kinds = (_ANY, ("flare", "flare"), ("dip", "dip"))
    sorts = (("newest", "found last"), ("probability", "least probable by chance"), ("start", "latest on the sky"))
    fields = [
        _missions_field(request),
        {"name": "kind", "label": "Kind", "options": kinds},
        {"name": "probability", "label": "Chance at most", "type": "number"},
        {"name": "target", "label": "Target or source", "type": "search"},
        {"name": "sort", "label": "First", "options": sorts},
    ]
    return _listing(request, site, "candidates", choice, fields, _candidate, after, before)


@router.get("/findings")
def findings(
    request: Request, site: HereSite, choice: FindingChoice, after: Place = "", before: Place = ""
) -> Response:
    """Show what the checks found."""
    offered = _figures(request).choices("findings")
    severities = (_ANY, ("reject", "reject: no light curve"), ("flag", "flag: with the light curve"))
    fields = [
        _missions_field(request),
        {"name": "severity", "label": "Severity", "options": severities},
        _offered_field("reason", "Reason", offered["reason"], choice),
        _offered_field("check", "Check", offered["check"], choice),
        {"name": "text", "label": "Exposure, file or message", "type": "search"},
    ]
    return _listing(request, site, "findings", choice, fields, _finding, after, before)


@router.get("/bad-data")
def bad_data(
    request: Request, site: HereSite, choice: BadDataChoice, after: Place = "", before: Place = ""
) -> Response:
    """Show the files that were rejected."""
    fields = [
        _missions_field(request),
        _offered_field("reason", "Reason", _figures(request).choices("bad-data")["reason"], choice),
        {"name": "text", "label": "Exposure, file or message", "type": "search"},
    ]
    return _listing(request, site, "bad-data", choice, fields, _bad, after, before)


@router.get("/runs")
def runs(request: Request, site: HereSite, choice: RunChoice, after: Place = "", before: Place = "") -> Response:
    """Show the runs of commands and jobs."""
    states = (_ANY, ("running", "running"), ("done", "done"), ("failed", "failed"))
    fields = [
        _offered_field("command", "Command", _figures(request).choices("runs")["command"], choice),
        {"name": "status", "label": "How it ended", "options": states},
    ]
    return _listing(request, site, "runs", choice, fields, _run, after, before)


@router.get("/notices")
def notices(request: Request, site: HereSite, choice: NoticeChoice, after: Place = "", before: Place = "") -> Response:
    """Show what a person should know."""
    severities = (_ANY, ("error", "error"), ("warning", "warning"), ("info", "info"))
    fields = [
        {"name": "state", "label": "State", "options": (_ANY, ("open", "open"), ("over", "over"))},
        {"name": "severity", "label": "Severity", "options": severities},
    ]
    return _listing(request, site, "notices", choice, fields, _notice, after, before)


def _listing(
    request: Request,
    site: Site,
    name: str,
    choice: Choice,
    fields: Sequence[Mapping[str, Any]],
    shown: Callable[[Row], Mapping[str, Any]],
    after: str,
    before: str,
) -> Response:
    """Return the page of a book: its filters, one page of its rows, and the ways on."""
    book, chosen, folders = BOOKS[name], choice.chosen, site.layout.directories
    with site.reading() as connection, time_limit(connection, site.settings.web.query_timeout_s):
        found = page(
            connection,
            book,
            choice.filters,
            sort=choice.sort,
            after=after,
            before=before,
            limit=site.settings.web.rows,
        )
    rows = [shown(row | {key: without_folders(row[key], folders) for key in _TOLD & row.keys()}) for row in found.rows]
    query = urlencode(chosen)
    return render(
        request,
        f"{name.replace('-', '_')}.html",
        title=book.title,
        rows=rows,
        reasons={row["reason"]: row["means"] for row in rows if row.get("means")},
        info={label: column.info for label, column in book.columns.items()},
        fields=[{"type": "text", "options": (), "value": chosen.get(one["name"], ""), **one} for one in fields],
        filtered=bool(set(chosen) - {"sort"}),
        newer=f"/{name}?{urlencode({**chosen, 'before': found.previous})}" if found.previous else "",
        older=f"/{name}?{urlencode({**chosen, 'after': found.next})}" if found.next else "",
        first=f"/{name}?{query}" if query else f"/{name}",
        beyond=bool(after or before),
        download=f"/api/v1/{name}?{query}&format=" if query else f"/api/v1/{name}?format=",
    )


#: Columns whose texts can name folders of the disk.
_TOLD = frozenset({"message", "counts", "filename", "key"})


def _figures(request: Request) -> Figures:
    figures: Figures = request.app.state.figures
    return figures


def _missions_field(request: Request) -> dict[str, Any]:
    named = _figures(request).known_missions()
    return {"name": "mission", "label": "Mission", "options": (("", "all"), *named.items())}


def _offered_field(name: str, label: str, values: Sequence[str], choice: Choice) -> dict[str, Any]:
    """Return a filter with the values that there are, and the one of the address even where it is of nothing."""
    chosen = choice.filters[name]
    offered = values if not chosen or chosen in values else [*values, chosen]
    return {"name": name, "label": label, "options": (_ANY, *((value, value) for value in offered))}


def _candidate(row: Row) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "mission": row["mission"],
        "instrument": row["instrume"],
        "target": row["targname"],
        "target_href": target_address(row["targname"]),
        "source": row["source_name"],
        "band": row["band"],
        "filename": row["filename"],
        "href": curve_address(row["filename"], row["start_mjd"], row["end_mjd"]),
        "start": mjd_moment(row["start_mjd"]),
        "start_mjd": f"{row['start_mjd']:.5f}",
        "duration": number(row["duration_s"]),
        "counts": number(row["counts"]),
        "expected": number(row["expected_counts"]),
        "ratio": number(row["peak_ratio"], 3),
        "probability": number(row["probability"], 2),
    }


def _finding(row: Row) -> dict[str, Any]:
    mission = missions().get(row["mission"])
    own = {check.name: check.explanation for check in mission.checks} if mission is not None else {}
    return {
        **{name: row[name] for name in ("severity", "reason", "mission", "rootname", "filename", "message")},
        "check": row["check_name"],
        "target": row["targname"] or "",
        "target_href": target_address(row["targname"]) if row["targname"] else "",
        "curves_href": f"/curves?{urlencode({'rootname': row['rootname']})}" if row["targname"] else "",
        "found": moment(row["found_at"]),
        "means": own.get(row["check_name"]) or _meanings().get(row["reason"], _DURING_EXTRACTION),
    }


@cache
def _meanings() -> Mapping[str, str]:
    return registered_reasons()


def _bad(row: Row) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("mission", "rootname", "kind", "filename", "reason", "message")},
        "day": row["ingest_date"].isoformat(),
        "size": size(row["size_bytes"]),
        "means": _meanings().get(row["reason"], ""),
    }


def _run(row: Row) -> dict[str, Any]:
    counts = row["counts"]
    failed = [one for one in counts.get("failed") or () if isinstance(one, dict)]
    took = (row["ended_at"] - row["started_at"]).total_seconds() if row["ended_at"] is not None else None
    return {
        **{name: row[name] for name in ("id", "command", "status", "message", "version")},
        "began": moment(row["started_at"], seconds=True),
        "took": span(took) if took is not None else "",
        "did": _done(counts),
        "failed": failed[:_MOST_FAILURES],
        "failures": len(failed),
    }


def _done(counts: Mapping[str, Any]) -> list[str]:
    """Return what a run did as phrases, such as ``54 ingested``."""
    phrases = []
    for name, value in counts.items():
        if isinstance(value, dict):
            value = sum(one for one in value.values() if isinstance(one, int))
        elif isinstance(value, list):
            value = len(value)
        if isinstance(value, bool) or not isinstance(value, int) or value == 0:
            continue
        phrases.append(f"{size(value)} fetched" if name == "bytes_fetched" else f"{number(value)} {name}")
    return phrases


def _notice(row: Row) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("severity", "key", "message", "count")},
        "first": moment(row["first_at"]),
        "last": moment(row["last_at"]),
        "over": moment(row["cleared_at"]),
    }
