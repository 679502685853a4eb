"""The first page: what is new, how much there is of what, how the jobs are, where the targets are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from hstlc.db.records import INDIVIDUAL
from hstlc.errors import UsageError
from hstlc.web.figures import Counts, Figures, News
from hstlc.web.folders import without_folders
from hstlc.web.rendering import render
from hstlc.web.site import HereSite
from hstlc.web.wording import (
    ago,
    curve_address,
    mjd_moment,
    moment,
    number,
    size,
    span,
    target_address,
)

__all__ = ["router"]

router = APIRouter()

Row = Mapping[str, Any]

_DAEMON = {
    "alive": "The daemon is at work",
    "silent": "The daemon is silent: it died, or is cut off",
    "none": "No daemon is at work",
}


@router.get("/")
def overview(
    request: Request,
    site: HereSite,
    mission: Annotated[str, Query(max_length=16, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    """Show what is new, how much there is, where it is and how the work goes."""
    figures: Figures = request.app.state.figures
    known = figures.known_missions()
    if mission and mission not in known:
        raise UsageError("usage.unknown-mission", f"there is no mission {mission!r}", f"there are: {', '.join(known)}")
    counts, news, sky = figures.counts(), figures.news(mission), figures.sky(mission)
    now = datetime.now(UTC)
    folders = site.layout.directories
    return render(
        request,
        "overview.html",
        mission=mission,
        missions=known,
        total=_total(counts.value, mission),
        rows=_counts(counts.value, known, mission),
        curves=[_curve(row, known, now) for row in news.value.curves],
        candidates=[_candidate(row) for row in news.value.candidates],
        work=without_folders(_work(news.value, now), folders),
        sky=sky.value,
        counted=moment(counts.at, seconds=True),
        looked=moment(news.at, seconds=True),
        chosen=f"?{urlencode({'mission': mission})}" if mission else "",
    )


def _total(counts: Counts, mission: str) -> dict[str, str]:
    chosen = [row for row in counts.instruments if not mission or row.mission == mission]
    whole = [row for row in counts.missions if not mission or row.mission == mission]
    return {
        "curves": number(sum(row.individual + row.composite for row in chosen)),
        "exposures": number(sum(row.exposures for row in whole)),
        "any": "yes" if whole else "",
        "first": mjd_moment(min((row.first_mjd for row in whole if row.first_mjd is not None), default=None))[:10],
        "last": mjd_moment(max((row.last_mjd for row in whole if row.last_mjd is not None), default=None))[:10],
    }


def _counts(counts: Counts, known: Mapping[str, str], mission: str) -> list[dict[str, Any]]:
    """Return a group of rows for each mission: its instruments, and itself where these are several."""
    of = {row.mission: row for row in counts.missions}
    groups = []
    for name, title in known.items():
        if mission and name != mission:
            continue
        own, whole = [row for row in counts.instruments if row.mission == name], of.get(name)
        lines = [
            {
                "instrument": row.instrume,
                "href": f"/curves?{urlencode({'mission': name, 'instrume': row.instrume})}",
                "individual": number(row.individual),
                "composite": number(row.composite),
                "exposures": number(row.exposures),
                "targets": number(row.targets),
                "kiloseconds": _kiloseconds(row.exposure_s),
            }
            for row in own
        ]
        groups.append(
            {
                "title": title,
                "href": f"/?{urlencode({'mission': name})}",
                "lines": lines,
                "individual": number(sum(row.individual for row in own)),
                "composite": number(sum(row.composite for row in own)),
                "exposures": number(whole.exposures if whole is not None else 0),
                "targets": number(whole.targets if whole is not None else 0),
                "kiloseconds": _kiloseconds(whole.exposure_s if whole is not None else 0.0),
            }
        )
    return groups


def _kiloseconds(seconds: float) -> str:
    return f"{seconds / 1000:,.1f}".replace(",", " ")


def _curve(row: Row, known: Mapping[str, str], now: datetime) -> dict[str, Any]:
    setup = " ".join(part for part in (row["instrume"], row["opt_elem"], row["band"]) if part not in ("", "NONE"))
    number_of = "one exposure" if row["exposures"] == 1 else f"{row['exposures']} exposures"
    address = curve_address(row["filename"])
    return {
        "href": address,
        "thumbnail": f"{address}/thumbnail.png",
        "name": row["source_name"] or row["targname"],
        "target": row["targname"],
        "target_href": target_address(row["targname"]),
        "setup": setup,
        "kind": number_of if row["kind"] == INDIVIDUAL else f"composite of {number_of}",
        "mission": known.get(row["mission"], row["mission"]),
        "made": moment(row["made_at"]),
        "ago": ago(row["made_at"], now),
    }


def _candidate(row: Row) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "target": row["source_name"] or row["targname"],
        "href": curve_address(row["filename"], row["start_mjd"], row["end_mjd"]),
        "target_href": target_address(row["targname"]),
        "start": mjd_moment(row["start_mjd"]),
        "duration": number(row["duration_s"]),
        "counts": number(row["counts"]),
        "expected": number(row["expected_counts"]),
        "probability": number(row["probability"], 2),
    }


def _work(news: News, now: datetime) -> dict[str, Any]:
    work = news.work
    return {
        "state": work["daemon"],
        "says": _DAEMON[work["daemon"]] + (f", since {moment(work['since'])} UTC" if work["since"] else ""),
        "jobs": [_job(row, now) for row in work["jobs"]],
        "streams": [_stream(row, now) for row in work["streams"]],
        "downloads": [
            {
                "source": row["source"],
                "state": row["state"],
                "number": number(row["number"]),
                "size": size(row["bytes"]) if row["bytes"] else "",
            }
            for row in work["downloads"]
        ],
        "requests": [f"{count} {state}" for state, count in work["requests"].items()],
        "notices": [
            {"severity": row["severity"], "message": row["message"], "since": moment(row["first_at"])}
            for row in work["notices"][:5]
        ],
        "more_notices": max(0, len(work["notices"]) - 5),
    }


def _job(row: Row, now: datetime) -> dict[str, Any]:
    failures = f" ({row['failures']} in a row)" if row["failures"] > 1 else ""
    took = ""
    if row["started_at"] is not None and row["finished_at"] is not None and not row["running"]:
        took = span(max(0.0, (row["finished_at"] - row["started_at"]).total_seconds()))
    return {
        "name": row["name"],
        "state": "running" if row["running"] else row["status"] or "not run yet",
        "failures": failures,
        "last": ago(row["started_at"], now),
        "last_at": moment(row["started_at"]),
        "took": took,
        "next": "" if row["running"] else ago(row["next_at"], now),
        "message": row["message"],
    }


def _stream(row: Row, now: datetime) -> dict[str, Any]:
    paused = row["paused_until"] is not None and row["paused_until"] > now
    return {
        "source": row["source"],
        "stream": row["stream"],
        "watermark": moment(row["watermark"]),
        "walked": moment(row["moved_at"]),
        "state": f"asked to wait until {moment(row['paused_until'])}" if paused else row["walk_state"],
    }
