"""What there is to tell of archives: how far they are known, and whether they are as they are believed to be."""

from __future__ import annotations

from typing import Any

from hstlc.archives.base import Archive
from hstlc.archives.registry import archives
from hstlc.config import Settings
from hstlc.db import downloads
from hstlc.db.archives import cursors, last_walks, source_states
from hstlc.db.engine import reading
from hstlc.errors import ArchiveError
from hstlc.pipeline.context import database_exists, open_store

__all__ = ["facts_of", "source_report"]


def source_report(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return by archive: streams with watermark and last walk, products by state, and until when it is left alone.

    Without a database there is nothing to tell of any of them.
    """
    report: dict[str, dict[str, Any]] = {
        name: {
            "enabled": bool(name in settings.archives and settings.archives[name].enabled),
            "streams": [],
            "products": {},
            "paused_until": None,
            "pause_reason": "",
        }
        for name in archives()
    }
    if not database_exists(settings):
        return report
    with open_store(settings, write=False) as context, reading(context.engine) as connection:
        states, walks = source_states(connection), last_walks(connection)
        marks = {(row["source"], row["stream"]): row["watermark"] for row in cursors(connection)}
        counts = downloads.counts_by_state(connection)
    for row in states:
        if row["source"] in report:
            report[row["source"]] |= {name: row[name] for name in ("paused_until", "pause_reason")}
    for walk in walks:
        told = {name: walk[name] for name in ("stream", "state", "finished_at", "message", "rows_seen", "rows_new")}
        mark = marks.get((walk["source"], walk["stream"]))
        report.get(walk["source"], {"streams": []})["streams"].append({**told, "watermark": mark})
    for count in counts:
        if count["source"] in report:
            found = {"number": count["number"], "bytes": int(count["bytes"] or 0)}  # PostgreSQL sums to decimals
            report[count["source"]]["products"][count["state"]] = found
    return report


def facts_of(archive: Archive[Any]) -> list[dict[str, Any]]:
    """Ask an archive what holds of what is believed of it.

    An error ends the list as a fact that does not hold. Where nothing could be found to hold, the first is that it
    answers, which does not.
    """
    facts: list[dict[str, Any]] = []
    try:
        for fact in archive.facts():
            facts.append({"name": fact.name, "holds": fact.holds, "found": fact.found, "setting": fact.setting})
    except ArchiveError as error:
        facts.append({"name": "it answers", "holds": False, "found": f"[{error.code}] {error.message}", "setting": ""})
    if not any(one["holds"] for one in facts):
        why = next((one["found"] for one in facts if one["found"]), "")
        facts.insert(0, {"name": "it answers", "holds": False, "found": why, "setting": ""})
    return facts
