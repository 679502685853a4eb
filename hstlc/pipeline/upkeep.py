"""What has to be done now and then so that a store lasts: files compared with rows, old papers thrown away."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hstlc.db.audit import forget_audit_before
from hstlc.db.engine import writing
from hstlc.db.notices import clear, notify
from hstlc.db.upkeep import forget_before
from hstlc.pipeline.context import Context
from hstlc.pipeline.sweep import Report, verify
from hstlc.store.publish import remove
from hstlc.store.run import run_of_part

__all__ = ["Upkeep", "upkeep"]

logger = logging.getLogger(__name__)

_NOTICE = "files"
_REPLY = re.compile(r"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)[.\d]*Z_\d+.*\.gz\Z")  # of hstlc.pipeline.pages
_LOG = re.compile(r"(daemon\.log\.\d{4}-\d\d-\d\d|[A-Za-z0-9-]+_\d{4}(-\d\d){5}_\d+\.log)\Z")


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was found and done.

    Attributes
    ----------
    report : Report
        Files that do not fit the rows.
    replies, logs, rows : int
        Answers of archives, log files and rows that were deleted.
    """

    report: Report
    replies: int
    logs: int
    rows: int

    def lines(self) -> list[str]:
        """Return what is not zero, for people."""
        counts = {
            "missing": len(self.report.missing),
            "damaged": len(self.report.damaged),
            "unknown": len(self.report.unknown),
            "replies deleted": self.replies,
            "logs deleted": self.logs,
            "rows deleted": self.rows,
        }
        return [f"{name} {number}" for name, number in counts.items() if number]


def upkeep(context: Context, now: datetime) -> Upkeep:
    """Compare names and sizes of all files with the rows, and delete what is older than the configuration keeps.

    What does not fit becomes the notice ``files``, which is cleared when everything fits again. Content is not read:
    'hstlc files verify' does that.

    Parameters
    ----------
    context : Context
        The store, held as its only writer.
    now : datetime

    Raises
    ------
    StoreError, DatabaseError
    """
    settings, layout = context.settings, context.layout
    report = verify(context, content=False)
    finished = tuple(path for path in report.unknown if run_of_part(path.name) is None)
    report = replace(report, unknown=finished)  # the others are deleted once their run is dead
    replies = list(_old_replies(layout.download, now - timedelta(seconds=settings.downloads.keep_replies_s)))
    logs = list(_old_logs(layout.logs, now - timedelta(seconds=settings.daemon.keep_logs_s)))
    for path in (*replies, *logs):
        remove(path, sync=False)
        logger.debug("deleted %s", path, extra={"action": "old"})
    with writing(context.engine) as connection:
        if report.clean:
            clear(connection, [_NOTICE], now)
        else:
            notify(connection, _NOTICE, "warning", _told(report), now)
        rows = forget_before(connection, now - timedelta(seconds=settings.daemon.keep_attempts_s))
        rows += forget_audit_before(connection, now - timedelta(seconds=settings.daemon.keep_audit_s))
    return Upkeep(report, len(replies), len(logs), rows)


def _told(report: Report) -> str:
    groups = {"missing": report.missing, "damaged": report.damaged, "unknown": report.unknown}
    found = [f"{len(paths)} {name} (such as {paths[0]})" for name, paths in groups.items() if paths]
    return f"files and rows do not fit: {', '.join(found)}; see 'hstlc files verify'"


def _old_replies(folder: Path, before: datetime) -> Iterator[Path]:
    """Yield answers of archives whose name says that they are older; nothing else is in danger there."""
    for directory, _, names in os.walk(folder):
        for name in names:
            match = _REPLY.match(name)
            if match and datetime.strptime(match[1], "%Y-%m-%dT%H-%M-%S").replace(tzinfo=UTC) < before:
                yield Path(directory, name)


def _old_logs(folder: Path, before: datetime) -> Iterator[Path]:
    """Yield log files that nobody has written to since; the one of today's daemon has another name."""
    for path in sorted(folder.iterdir()):
        if _LOG.match(path.name) and path.stat().st_mtime < before.timestamp():
            yield path
