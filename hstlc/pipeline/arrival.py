"""Files that came from an archive get their place and their rows: in the ingest folder, or where they wait."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from hstlc.archives.limits import DownloadSettings
from hstlc.db import downloads
from hstlc.db.engine import reading, writing
from hstlc.db.notices import Severity, clear, notify
from hstlc.errors import InconsistentError
from hstlc.logs import redact
from hstlc.pipeline.context import Context
from hstlc.pipeline.retrieval import INCOMING, Retrieved, RetrievedFile, Tried, discard_incoming
from hstlc.pipeline.retry import given_up, later, retry
from hstlc.store.digest import sha256_file
from hstlc.store.layout import slug
from hstlc.store.permissions import make_directory
from hstlc.store.points import point
from hstlc.store.publish import Staged, publish, stage

__all__ = ["Settled", "free_folder", "notice_key", "settle"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a product: its state, why, and when it is tried again (None: it is not)."""

    state: str
    message: str = ""
    code: str = ""
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What to write of files that came; ``publish`` says whether they get a place."""

    values: Mapping[str, Any]
    publish: bool = False
    keep: bool = False
    older: tuple[int, ...] = ()
    severity: Severity | None = None


def notice_key(row: Mapping[str, Any]) -> str:
    """Return what a notice of a product is about."""
    return f"fetch {row['source']} {row['name']}"[:128]


def settle(
    context: Context,
    row: Mapping[str, Any],
    tried: Tried,
    now: datetime,
    *,
    installed: bool,
    noticed: Collection[str] = (),
) -> Settled:
    """Publish what came, and commit the rows of a try, whatever came of it.

    Parameters
    ----------
    context : Context
    row : mapping
        Of ``remote_product``, with the release date of its dataset.
    tried : Tried
    now : datetime
    installed : bool
        The mission of the file is; else it waits in the download folder.
    noticed : collection of str
        Keys of the notices that last.

    Raises
    ------
    DatabaseError, StoreError
        The rows could not be committed, the file could not be published. Nothing is lost: it is fetched again.
    """
    limits = context.settings.downloads
    if tried.retrieved is None:
        error = tried.error or RuntimeError("a try ended without a word")
        decision = retry(error, row, now, limits)
        verdict = _Verdict(decision.values, severity=decision.severity)
    else:
        with reading(context.engine) as connection:
            verdict = _judge(connection, row, tried.retrieved, now, limits, installed=installed)
    files = _place(context, row, tried.retrieved, verdict, now) if tried.retrieved and verdict.keep else []
    with writing(context.engine) as connection:
        downloads.save_product(connection, row["id"], verdict.values)
        downloads.save_files(connection, files)
        downloads.add_attempt(connection, _attempt(row, tried, verdict))
        downloads.queue_again(connection, verdict.older)
        _notify(connection, row, verdict, now, noticed)
        point("before-commit")
    point("committed")
    if tried.retrieved is not None:
        discard_incoming(context.layout.ingest / INCOMING, row["id"], parts=True)
    values = verdict.values
    said = {"action": str(values["state"])}
    logger.info("%s %s: %s %s", row["source"], row["name"], values["state"], values.get("message", ""), extra=said)
    return Settled(values["state"], values.get("message", ""), values.get("error_code", ""), values.get("next_try_at"))


def _judge(
    connection: Connection,
    row: Mapping[str, Any],
    retrieved: Retrieved,
    now: datetime,
    limits: DownloadSettings,
    *,
    installed: bool,
) -> _Verdict:
    """Say what files are: wanted, or the same as before, or of another processing than those they belong to."""
    done: dict[str, Any] = {
        "attempts": 0,
        "next_try_at": None,
        "failing_since_at": None,
        "error_code": "",
        "message": "",
    }
    done |= {"epoch": retrieved.epoch[:64], "done_at": now}
    if retrieved.rejection:
        return _Verdict({**done, "state": "rejected", "message": redact(retrieved.rejection)})
    others = downloads.siblings(connection, row) if retrieved.epoch else []
    newest = max((other["epoch"] for other in others), default="")
    severity: Severity | None = None
    if retrieved.epoch[:64] < newest:
        said = f"{row['name']}: processed at {retrieved.epoch}, other files of {row['group_key']} at {newest}"
        if not given_up(row, now, limits):
            why = {"error_code": "archive.older-epoch", "message": f"{said}; a later one is waited for"}
            return _Verdict({**later(row, now, limits), **why, "state": "queued"})
        done["message"] = f"{said}; no later one came, it is taken as it is"
        severity = "warning"
    older = tuple(other["id"] for other in others if other["epoch"] < retrieved.epoch[:64])
    digests = {file.sha256 for file in retrieved.files}
    if digests <= downloads.earlier_digests(connection, row):
        return _Verdict({**done, "state": "identical"}, keep=True, older=older, severity=severity)
    state = "done" if installed else "waiting"
    return _Verdict({**done, "state": state}, publish=True, keep=True, older=older, severity=severity)


def _place(
    context: Context, row: Mapping[str, Any], retrieved: Retrieved, verdict: _Verdict, now: datetime
) -> list[dict[str, Any]]:
    """Give the files their names, where they get one, and return their rows."""
    layout = context.layout
    waiting = verdict.values["state"] == "waiting"
    home = layout.download / "waiting" / slug(row["source"]) if waiting else layout.ingest
    known: set[str] = set()
    if verdict.publish:
        with reading(context.engine) as connection:
            known = downloads.known_digests(connection, [file.sha256 for file in retrieved.files])
    rows = []
    for file in retrieved.files:
        folder = home
        if verdict.publish and file.sha256 not in known:
            folder = free_folder(home, file.filename, file.sha256)
            _publish(context, file, folder, move=not waiting)
        rows.append(
            {
                "product_id": row["id"],
                "filename": file.filename,
                "path": layout.relative(folder),
                "sha256": file.sha256,
                "size_bytes": file.size,
                "etag": retrieved.etag[:255],
                "added_at": now,
            }
        )
    return rows


def free_folder(home: Path, filename: str, sha256: str) -> Path:
    """Return a folder where the name is free, or that of the same content: another one is never overwritten."""
    target = home / filename
    try:
        taken = target.exists() and sha256_file(target) != sha256
    except InconsistentError:  # taken in a moment ago
        taken = False
    return home / sha256[:8] if taken else home


def _publish(context: Context, file: RetrievedFile, folder: Path, *, move: bool) -> None:
    access = context.layout.access
    make_directory(folder, access)
    if move:  # beside, on the same file system, whole and on the disk
        staged = Staged(file.path, folder / file.filename, file.sha256, file.size, access)
    else:
        staged = stage(file.path, folder, file.filename, context.run, link=True, access=access)
    publish(staged)


def _attempt(row: Mapping[str, Any], tried: Tried, verdict: _Verdict) -> dict[str, Any]:
    return {
        "product_id": row["id"],
        "tried_at": tried.started,
        "seconds": tried.seconds,
        "status": tried.status,
        "bytes_read": tried.bytes_read,
        "resumed_from": tried.resumed_from,
        "error_code": verdict.values.get("error_code", ""),
        "message": verdict.values.get("message", ""),
    }


def _notify(
    connection: Connection, row: Mapping[str, Any], verdict: _Verdict, now: datetime, noticed: Collection[str]
) -> None:
    key, values = notice_key(row), verdict.values
    if verdict.severity is not None:
        end = "" if verdict.publish or verdict.keep or values.get("next_try_at") else "; it is given up"
        said = f"{row['source']} {row['name']}: {values.get('message', '')}{end}"
        notify(connection, key, verdict.severity, said, now)
    elif key in noticed and values["state"] in (*downloads.HELD, "rejected"):
        clear(connection, [key], now)
