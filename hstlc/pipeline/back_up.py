"""Copies of an SQLite database, made while it is in use."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from hstlc.db.engine import normalize_url, safe_url
from hstlc.errors import DatabaseError
from hstlc.pipeline.context import Context
from hstlc.store import disk
from hstlc.store.faults import translated
from hstlc.store.permissions import make_directory
from hstlc.store.publish import Staged, discard, free_space_guard, publish, remove, sweep_parts

__all__ = ["BACK_UPS", "back_up", "back_ups"]

logger = logging.getLogger(__name__)

#: Folder of the copies, below the data tree.
BACK_UPS = "backups"


def back_up(context: Context, now: datetime) -> str:
    """Copy the database as it is at one moment, check the copy, and delete the oldest beyond ``daemon.back_ups``.

    Parameters
    ----------
    context : Context
    now : datetime
        Goes into the name, ``hstlc_<UTC>.db``.

    Returns
    -------
    str
        What was done, for people. A PostgreSQL database is left to its administrator and pg_dump.

    Raises
    ------
    StoreError
        ``store.full``, ``store.read-only``, ``store.io``: there is no new copy, the others stay.
    DatabaseError
        ``store.damaged``: the copy, and so most likely the database, fails SQLite's own check.
    """
    url = normalize_url(context.settings.db_connection_string)
    if url.get_backend_name() != "sqlite":
        return "PostgreSQL is backed up with pg_dump by its administrator"
    source = Path(str(url.database))
    folder = make_directory(context.layout.home / BACK_UPS, context.layout.access)
    sweep_parts(folder)
    free_space_guard(folder, source.stat().st_size, context.settings.min_free_space)
    name = f"hstlc_{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.db"
    part = folder / f"{name}.{context.run}.part"
    staged = Staged(part, folder / name, "", 0, context.layout.access)
    try:
        with translated(part):
            _copy(source, part)
            with part.open("rb") as handle:
                disk.fsync(handle.fileno())
        publish(staged, replace=True)  # of the same second, so of the same content or later
    finally:
        discard(staged)
    kept = context.settings.daemon.back_ups
    for old in back_ups(folder)[:-kept]:
        remove(old)
        logger.info("deleted %s", old, extra={"action": "back-up"})
    return f"{BACK_UPS}/{name}"


def back_ups(folder: Path) -> list[Path]:
    """Return the copies in a folder, the oldest first."""
    return sorted(folder.glob("hstlc_*T*Z.db"))


def _copy(source: Path, target: Path) -> None:
    """Copy in one step, which in a write-ahead log keeps nobody from writing, and have SQLite check the result."""
    target.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        try:
            reader.backup(writer)
            writer.execute("PRAGMA journal_mode=DELETE")  # one file, without -wal and -shm beside it
            said = writer.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.Error as error:
            said = str(error)
    if said != "ok":
        where = safe_url(f"sqlite:///{source}")
        raise DatabaseError(
            "store.damaged",
            f"the copy of {where} was expected to pass SQLite's integrity check, found: {said}",
            "keep the earlier copies, check the disk, and restore the latest copy that is whole",
            path=str(source),
        )
