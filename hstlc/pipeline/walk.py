"""One poll of one archive: its walks, one after the other, and what becomes of those that fail."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hstlc.archives.base import Archive, Page, Stream, Window
from hstlc.clock import Clock
from hstlc.db import archives as rows
from hstlc.db.engine import reading, writing
from hstlc.db.notices import clear, notify
from hstlc.errors import ArchiveError, HstlcError, TransientError
from hstlc.pipeline.context import Context
from hstlc.pipeline.drift import check_columns
from hstlc.pipeline.listing import list_products
from hstlc.pipeline.pages import dataset_rows, store_reply
from hstlc.pipeline.pauses import is_over, note_pause, paused
from hstlc.pipeline.results import Summary, failure_of
from hstlc.pipeline.run import ARCHIVE_COMMANDS
from hstlc.store.points import point

__all__ = ["Walk", "Walked", "Walker"]

logger = logging.getLogger(__name__)

# A full walk that meets so much less than the one before has met an outage, not a removal.
_SHRUNK, _SHRUNK_ROWS = 0.8, 5


@dataclass(frozen=True, slots=True)
class Walk:
    """What to walk.

    Attributes
    ----------
    stream : Stream
    window : Window
    pages : callable
        Asks the archive.
    moves : bool
        Its end may move the watermark.
    keys : list of str or None
        Gets the keys of the datasets that are met.
    """

    stream: Stream
    window: Window
    pages: Callable[[], Iterator[Page]]
    moves: bool = True
    keys: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Walked:
    """How a walk ended.

    Attributes
    ----------
    source, stream : str
    since : datetime or None
    until : datetime
    state : str
        ``done``, ``failed`` or ``skipped``.
    seen, new, changed, missing, pages : int
        Datasets met, those that are new or changed, those that a full walk did not meet; answers.
    message : str
        Why it failed or was skipped.
    """

    source: str
    stream: str
    since: datetime | None
    until: datetime
    state: str
    seen: int = 0
    new: int = 0
    changed: int = 0
    missing: int = 0
    pages: int = 0
    message: str = ""


@dataclass(slots=True)
class _Tally:
    seen: int = 0
    new: int = 0
    changed: int = 0
    missing: int = 0
    pages: int = 0
    latest: datetime | None = None
    before: tuple[int, int, int] = field(default=(0, 0, 0))


class Walker:
    """Walks an archive; see :func:`hstlc.pipeline.poll.poll` for the parameters."""

    def __init__(
        self,
        context: Context,
        archive: Archive[Any],
        summary: Summary,
        clock: Clock,
        stop: threading.Event | None,
        *,
        dry_run: bool = False,
        accept_shrunk: bool = False,
    ) -> None:
        self.context = context
        self.archive = archive
        self.summary = summary
        self.clock = clock
        self.stop = stop or threading.Event()
        self.dry_run = dry_run
        self.accept_shrunk = accept_shrunk
        self.walked: list[Walked] = []
        self.over = False

    def begin(self) -> bool:
        """Tell whether the archive may be asked, and has the columns that its client needs."""
        archive, now = self.archive, self.clock.now()
        text = paused(self.context, archive.name, now)
        if text:
            self.summary.waiting.append(text)
            self.walked.append(Walked(archive.name, "", None, now, "skipped", message=text))
            return False
        try:
            check_columns(self.context, archive, now, dry_run=self.dry_run)
        except Exception as error:
            _raise_ours(error)
            walk = Walk(Stream("columns"), Window("columns", None, now), lambda: iter(()), moves=False)
            number, _, tally = self._begin(walk)
            self._fail(walk, number, tally, error)
            return False
        return True

    def walk(self, walk: Walk) -> None:
        """Walk to the end, or until the archive or the process gives up."""
        self.over = self.over or self.stop.is_set()
        if self.over:
            return
        number, stamp, tally = self._begin(walk)
        try:
            for page in walk.pages():
                self._take(walk, page, stamp, tally)
                if self.stop.is_set():
                    raise TransientError("archive.stopped", f"{self.archive.name}: stopped between two pages")
            self._finish(walk, number, stamp, tally)
        except Exception as error:
            _raise_ours(error)
            self._fail(walk, number, tally, error)

    def list_products(self) -> None:
        """List the products of what is new."""
        if not (self.over or self.dry_run):
            list_products(self.context, self.archive, self.summary, clock=self.clock, stop=self.stop)

    def _begin(self, walk: Walk) -> tuple[int, datetime, _Tally]:
        tally, now = _Tally(before=self._traffic()), self.clock.now()
        if self.dry_run:
            return 0, now, tally
        window = {"window_since": walk.window.since, "window_until": walk.window.until}
        with writing(self.context.engine) as connection:
            stamp = rows.next_stamp(connection, self.archive.name, now)
            row = {"source": self.archive.name, "stream": walk.stream.name, **window, "started_at": stamp}
            return rows.begin_walk(connection, row, ARCHIVE_COMMANDS), stamp, tally

    def _take(self, walk: Walk, page: Page, stamp: datetime, tally: _Tally) -> None:
        """Store an answer and what it says, in one transaction."""
        name, stream = self.archive.name, walk.stream.name
        found = dataset_rows(name, page)
        tally.pages += 1
        if self.dry_run:
            with reading(self.context.engine) as connection:
                counts = rows.save_page(connection, name, found, stamp, dry_run=True)
        else:
            store_reply(self.context, name, stream, page, stamp, tally.pages)
            with writing(self.context.engine) as connection:
                counts = rows.save_page(connection, name, found, stamp)
                point("before-commit")
            point("committed")
        if walk.keys is not None:
            walk.keys.extend(row["dataset_key"] for row in found)
        tally.seen += len(found)
        tally.new += counts.new
        tally.changed += counts.changed
        self.summary.datasets += counts.new + counts.changed
        if page.watermark is not None:
            reached = min(page.watermark, walk.window.until)  # a date in the future would hide all that comes before it
            tally.latest = reached if tally.latest is None else max(tally.latest, reached)

    def _finish(self, walk: Walk, number: int, stamp: datetime, tally: _Tally) -> None:
        name, stream, now = self.archive.name, walk.stream, self.clock.now()
        if not self.dry_run:
            with writing(self.context.engine) as connection:
                if stream.full:
                    met = rows.rows_met(connection, name, stamp)
                    self._refuse_shrunk(rows.source_state(connection, name), met)
                    tally.missing = rows.mark_missing(connection, name, stamp)
                    rows.save_full_rows(connection, name, met)
                if walk.moves:
                    rows.move_cursor(connection, name, stream.name, tally.latest, now)
                rows.finish_walk(connection, number, self._row(tally, "done", now))
                clear(connection, [f"walk {name} {stream.name}"], now)
                point("before-commit")
            point("committed")
        self._note(walk, tally, "done")

    def _refuse_shrunk(self, state: Any, met: int) -> None:
        before = 0 if state is None else state["full_rows"]
        lost = before - met
        if self.accept_shrunk or not before or (met and (met >= _SHRUNK * before or lost < _SHRUNK_ROWS)):
            return
        raise TransientError(
            "archive.shrunk",
            f"{self.archive.name}: expected about {before} datasets as in the last full walk, found {met}; nothing is"
            " marked as missing",
            "this is taken for an outage; if the archive did remove so much, or the configuration asks for less,"
            " poll with --full --accept-shrunk",
            expected=before,
            found=met,
        )

    def _fail(self, walk: Walk, number: int, tally: _Tally, error: Exception) -> None:
        name, stream, now = self.archive.name, walk.stream.name, self.clock.now()
        failure = failure_of(error, what=f"{name} {stream}")
        self.over = self.over or is_over(error)
        if isinstance(error, ArchiveError) and is_over(error):
            if not self.dry_run:
                note_pause(self.context, name, error)
            self.summary.waiting.append(f"{name} {stream}: {failure.message}")
        else:
            self.summary.failures.append(failure)
        if not self.dry_run:
            with writing(self.context.engine) as connection:
                why = {"error_code": failure.code, "message": failure.message}
                rows.finish_walk(connection, number, {**self._row(tally, "failed", now), **why})
                if not self.over and stream != "columns":
                    hint = f" ({failure.hint})" if failure.hint else ""
                    notify(connection, f"walk {name} {stream}", "warning", f"{failure.message}{hint}", now)
        self._note(walk, tally, "failed", failure.message)

    def _traffic(self) -> tuple[int, int, int]:
        traffic = self.archive.http.traffic
        return traffic.requests, traffic.retries, traffic.bytes

    def _row(self, tally: _Tally, state: str, now: datetime) -> dict[str, Any]:
        sent, again, read = (after - before for after, before in zip(self._traffic(), tally.before, strict=True))
        counts = {"rows_seen": tally.seen, "rows_new": tally.new, "rows_changed": tally.changed}
        counts |= {"pages": tally.pages, "rows_missing": tally.missing}
        return {**counts, "state": state, "finished_at": now, "requests": sent, "retries": again, "bytes_read": read}

    def _note(self, walk: Walk, tally: _Tally, state: str, message: str = "") -> None:
        window, name = walk.window, self.archive.name
        counts = (tally.seen, tally.new, tally.changed, tally.missing, tally.pages)
        self.walked.append(Walked(name, walk.stream.name, window.since, window.until, state, *counts, message))
        said = f"{tally.seen} datasets, {tally.new} new, {tally.changed} changed, {tally.missing} missing"
        log = logger.info if state == "done" else logger.warning
        log("%s %s %s: %s%s", name, walk.stream.name, state, said, f"; {message}" if message else "")


def _raise_ours(error: Exception) -> None:
    """Raise what is no fault of the archive or its client: of the disk, the database, the configuration."""
    if isinstance(error, HstlcError) and not isinstance(error, ArchiveError):
        raise error
