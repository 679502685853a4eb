"""How the daemon and its store are doing, as plain values for people and programs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from hstlc.config import Settings
from hstlc.db import downloads, jobs, status
from hstlc.db.engine import make_engine, reading, safe_url
from hstlc.db.leader import leader
from hstlc.db.notices import notices
from hstlc.errors import HstlcError, StepError
from hstlc.logs import redact
from hstlc.pipeline.context import database_exists
from hstlc.scheduler.health import HEALTH_NAME, read_health
from hstlc.scheduler.jobs import JOBS

__all__ = ["gather", "raise_for_trouble"]

_LATEST_RUNS = 5
_DAEMON = {"none": "no daemon leads", "silent": "the daemon is silent"}


def gather(settings: Settings, now: datetime) -> dict[str, Any]:
    """Return all there is to say; without a database what can be said without one.

    Nothing is written, and nobody is waited for.
    """
    found: dict[str, Any] = {
        "at": now,
        "database": safe_url(settings.db_connection_string),
        "database_error": "",
        "daemon": {"state": "none"},
        "jobs": [],
        "products": [],
        "ingest_files": _files(settings.ingest_dir),
        "failed_products": [],
        "failed_runs": [],
        "notices": [],
        "disks": _disks(settings),
    }
    health = read_health(settings.home_dir / HEALTH_NAME)
    try:
        if not database_exists(settings):
            found["database_error"] = "there are no tables yet: 'hstlc daemon' or 'hstlc ingest' makes them"
        else:
            found |= _of_database(settings, now, health)
    except HstlcError as error:
        found["database_error"] = redact(str(error))
    if found["database_error"] and health:
        found["daemon"] = {"state": "unknown", **health}
    return found


def _of_database(settings: Settings, now: datetime, health: Mapping[str, Any]) -> dict[str, Any]:
    engine = make_engine(settings.db_connection_string)
    try:
        with reading(engine) as connection:
            found = leader(connection)
            row = dict(found) if found is not None else None
            job_rows = {name: dict(job) for name, job in jobs.jobs(connection).items()}
            return {
                "daemon": _daemon(row, now, settings.daemon.lease_s, health),
                "jobs": _jobs(job_rows, row),
                "products": _product_counts(connection),
                "failed_products": status.failed_products(connection),
                "failed_runs": [_run(run) for run in status.failed_runs(connection, _LATEST_RUNS)],
                "notices": [_notice(dict(notice)) for notice in notices(connection)],
            }
    finally:
        engine.dispose()


def _product_counts(connection: Connection) -> list[dict[str, Any]]:
    """Return source, state, number and bytes of all products."""
    rows = downloads.counts_by_state(connection)
    named = ((row["source"], row["state"], row["number"], int(row["bytes"])) for row in rows)
    return [dict(zip(("source", "state", "products", "bytes"), row, strict=True)) for row in named]


def _daemon(row: Mapping[str, Any] | None, now: datetime, lease_s: float, health: Mapping[str, Any]) -> dict[str, Any]:
    """Return who leads: alive, silent (its lease ran out: dead, stopped, or cut off), or none."""
    if row is None:
        return {"state": "none"}
    if not row["owner"]:
        return {"state": "none", "epoch": row["epoch"], "ended_at": row["lease_until"]}
    beat = row["lease_until"] - timedelta(seconds=lease_s)
    if health.get("owner") == row["owner"] and health.get("epoch") == row["epoch"]:
        beat = datetime.fromisoformat(health["heartbeat"])
    return {
        "state": "alive" if row["lease_until"] >= now else "silent",
        "owner": row["owner"],
        "epoch": row["epoch"],
        "since": row["taken_at"],
        "heartbeat": beat,
        "lease_until": row["lease_until"],
    }


def _jobs(rows: Mapping[str, Mapping[str, Any]], row: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the jobs in their order, those of other versions last."""
    names = [*(name for name in JOBS if name in rows), *(name for name in rows if name not in JOBS)]
    keys = ("name", "started_at", "finished_at", "status", "message", "failures", "next_at")
    epoch = row["epoch"] if row is not None and row["owner"] else None
    return [
        {
            **{key: rows[name][key] for key in keys},
            "running": epoch is not None and rows[name]["running_epoch"] == epoch,
        }
        for name in names
    ]


def _run(run: Mapping[str, Any]) -> dict[str, Any]:
    failed = run["counts"].get("failed") or []
    message = run["message"] or (f"[{failed[0]['code']}] {failed[0]['message']}" if failed else "")
    return {"command": run["command"], "started_at": run["started_at"], "failed": len(failed), "message": message}


def _notice(notice: Mapping[str, Any]) -> dict[str, Any]:
    return {name: notice[name] for name in ("key", "severity", "message", "count", "first_at", "last_at")}


def _files(folder: Path) -> int:
    """Return how many files wait in the ingest folder; downloads under way are in hidden folders."""
    number = 0
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        number += sum(not name.startswith(".") and not name.endswith(".part") for name in names)
    return number


def _disks(settings: Settings) -> list[dict[str, Any]]:
    """Return the file systems of the data tree, with the folders that lie on each."""
    found: dict[int, dict[str, Any]] = {}
    for folder in settings.layout.directories:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        usage = shutil.disk_usage(existing)
        disk = found.setdefault(
            existing.stat().st_dev,
            {
                "folders": [],
                "free_bytes": usage.free,
                "total_bytes": usage.total,
                "min_free_space": settings.min_free_space,
                "enough": usage.free >= settings.min_free_space,
            },
        )
        disk["folders"].append(str(folder))
    return list(found.values())


def raise_for_trouble(found: Mapping[str, Any]) -> None:
    """Raise when somebody should look: for monitoring.

    Raises
    ------
    StepError
        ``step.unhealthy``: no daemon is alive, the database does not answer, a disk is full, or an error is open.
    """
    trouble: Sequence[str] = [
        *([found["database_error"]] if found["database_error"] else []),
        *([_DAEMON[found["daemon"]["state"]]] if found["daemon"]["state"] != "alive" else []),
        *(f"{notice['key']}: {notice['message']}" for notice in found["notices"] if notice["severity"] == "error"),
        *(f"the disk of {disk['folders'][0]} is full" for disk in found["disks"] if not disk["enough"]),
    ]
    if trouble:
        raise StepError("step.unhealthy", "; ".join(trouble), "see 'hstlc status' and the log", trouble=list(trouble))
