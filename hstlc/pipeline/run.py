"""A run of a command as a row."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hstlc.db import records
from hstlc.db.engine import writing
from hstlc.errors import DatabaseError, HstlcError
from hstlc.logs import redact
from hstlc.pipeline.context import Context
from hstlc.pipeline.results import Summary
from hstlc.pipeline.sweep import sweep, sweep_downloads
from hstlc.version import VERSION

__all__ = ["ARCHIVE_COMMANDS", "recorded_run"]

#: Commands that hold the lock of archives instead of the store's.
ARCHIVE_COMMANDS = frozenset({"poll", "reconcile", "fetch"})

logger = logging.getLogger(__name__)


@contextmanager
def recorded_run(context: Context, command: str, summary: Summary) -> Iterator[None]:
    """Put the store in order, and record that a command began and how it ended.

    One of :data:`ARCHIVE_COMMANDS` leaves the store as it is: a writer may be at work in it. A database that is gone at
    the end hides no earlier error.
    """
    archives = context.lock == "archive"
    rivals, others = (ARCHIVE_COMMANDS, ()) if archives else ((), ARCHIVE_COMMANDS)
    with writing(context.engine) as connection:
        run = records.begin_run(connection, command, VERSION, rivals=rivals, others=others)
    try:
        if archives:
            sweep_downloads(context)
        else:
            sweep(context)
        yield
    except BaseException as error:
        if not isinstance(error, DatabaseError):  # then there is nothing to write to, and SQLite would make a new one
            _record_failure(context, run, summary, redact(f"{type(error).__name__}: {error}"))
        raise
    status = "failed" if summary.failures else "done"
    with writing(context.engine) as connection:
        records.finish_run(connection, run, status=status, counts=summary.as_dict())
    logger.info("%s %s: %s", command, status, summary.as_dict(), extra={"action": "run"})


def _record_failure(context: Context, run: int, summary: Summary, message: str) -> None:
    with suppress(HstlcError), writing(context.engine) as connection:
        records.finish_run(connection, run, status="failed", counts=summary.as_dict(), message=message)
