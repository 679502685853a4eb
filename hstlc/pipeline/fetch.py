"""Fetch: bring the products that are due, each verified, to the ingest folder.

What is due is a query, so nothing is lost when a run ends early and nothing is fetched twice. Threads download and
verify (:mod:`hstlc.pipeline.retrieval`); this thread gives files their names and commits
(:mod:`hstlc.pipeline.arrival`).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hstlc.archives.base import Archive
from hstlc.clock import Clock, SystemClock
from hstlc.db import downloads
from hstlc.db.engine import reading, writing
from hstlc.db.notices import clear, notify, open_keys
from hstlc.errors import ArchiveError, StoreError, TransientError
from hstlc.missions.registry import missions
from hstlc.pipeline.arrival import Settled, settle
from hstlc.pipeline.context import Context
from hstlc.pipeline.incoming import find_lost, sweep_incoming
from hstlc.pipeline.pauses import is_over, note_pause, paused
from hstlc.pipeline.results import Failure, Summary
from hstlc.pipeline.retrieval import INCOMING, Download, Tried, retrieve
from hstlc.pipeline.retry import retry
from hstlc.store.permissions import make_directory
from hstlc.store.publish import free_space_guard

__all__ = ["Fetched", "fetch"]

logger = logging.getLogger(__name__)

_DAY = timedelta(days=1)
_ROWS = 200  # rows of products that are read at once
_BUDGET, _ROOM = "fetch budget", "fetch room"  # keys of notices


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of a product; ``state`` as in ``remote_product``, or ``due`` in a dry run."""

    source: str
    name: str
    version: str
    state: str
    bytes: int = 0
    message: str = ""


def fetch(
    context: Context,
    archives: Mapping[str, Archive[Any]],
    summary: Summary,
    *,
    limit: int | None = None,
    dry_run: bool = False,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
    only: Collection[tuple[str, str]] = (),
    download: Download | None = None,
) -> list[Fetched]:
    """Fetch the products that are due.

    Parameters
    ----------
    context : Context
        Opened with ``lock="archive"``.
    archives : mapping of str to Archive
        Of :func:`hstlc.pipeline.sources.open_sources`.
    summary : Summary
        Gets ``fetched``, ``bytes_fetched``, what waits (not public yet, no room, an archive that wants to be left
        alone) and what failed.
    limit : int, optional
        At most so many products.
    dry_run : bool
        Tell what is due; ask for nothing, write nothing.
    clock : Clock, optional
    stop : threading.Event, optional
        Set to begin nothing more; the archives' own event ends what is under way.
    only : collection of (str, str)
        Archive and key of datasets; empty for all.
    download : callable, optional
        Instead of :func:`hstlc.archives.download.download`.

    Returns
    -------
    list of Fetched
        In the order in which they ended.

    Raises
    ------
    DatabaseError, StoreError
        What an archive does wrong is no error here, nor a full disk: the product is tried again.
    """
    clock = clock or next((archive.clock for archive in archives.values()), None) or SystemClock()
    now = clock.now()
    if not dry_run:
        make_directory(context.layout.ingest / INCOMING, context.layout.access)
        sweep_incoming(context)
        find_lost(context, archives.keys())
    alone = {source: text for source in archives if (text := paused(context, source, now))}
    with reading(context.engine) as connection:
        asked = [source for source in archives if source not in alone]
        due = downloads.due_products(connection, asked, now, limit=limit, only=only)
        noticed = open_keys(connection, "fetch ")
        spent = downloads.bytes_since(connection, now - _DAY)
        if dry_run:
            found = downloads.products_by_number(connection, [number for _, number in due])
    if dry_run:
        rows = [found[number] for _, number in due]
        return [_fetched(row, "due", row["declared_bytes"] or 0, row["message"]) for row in rows]
    if download is None:
        from hstlc.archives.download import download as real

        download = real
    work = _Work(context, archives, summary, clock, stop or threading.Event(), download, noticed, spent)
    summary.waiting += alone.values()
    for source in sorted({source for source, _ in due}):
        work.numbers[source] = deque(number for name, number in due if name == source)
    work.run()
    return work.fetched


def _fetched(row: Mapping[str, Any], state: str, size: int = 0, message: str = "") -> Fetched:
    return Fetched(row["source"], row["name"], row["version_key"], state, size, message)


@dataclass(slots=True)
class _Work:
    """What is under way."""

    context: Context
    archives: Mapping[str, Archive[Any]]
    summary: Summary
    clock: Clock
    stop: threading.Event
    download: Download
    noticed: set[str]
    spent: int
    numbers: dict[str, deque[int]] = field(default_factory=dict)
    rows: dict[str, deque[Mapping[str, Any]]] = field(default_factory=dict)
    running: dict[Future[Tried], Mapping[str, Any]] = field(default_factory=dict)
    pools: dict[str, ThreadPoolExecutor] = field(default_factory=dict)
    fetched: list[Fetched] = field(default_factory=list)
    full: bool = False
    spent_up: bool = False

    def run(self) -> None:
        """Fetch everything, as many at once as each archive allows."""
        with ExitStack() as stack:
            for source in self.numbers:
                workers = self.archives[source].settings.concurrency
                pool = ThreadPoolExecutor(workers, thread_name_prefix=f"fetch-{source}")
                self.pools[source] = stack.enter_context(pool)
            try:
                self._run()
            except BaseException:
                for source in self.pools:  # threads end at their next block
                    self.archives[source].http.stop.set()
                raise

    def _run(self) -> None:
        while True:
            for source in self.pools:
                self._fill(source)
            if not self.running:
                break
            for future in wait(self.running, return_when=FIRST_COMPLETED).done:
                row = self.running.pop(future)
                self._settle(row, future.result())
        over = {key for key, lasts in ((_ROOM, self.full), (_BUDGET, self.spent_up)) if not lasts} & self.noticed
        if over:
            with writing(self.context.engine) as connection:
                clear(connection, over, self.clock.now())

    # --- what is begun

    def _fill(self, source: str) -> None:
        archive, active = self.archives[source], sum(row["source"] == source for row in self.running.values())
        while active < archive.settings.concurrency and not self.stop.is_set():
            row = self._next(source)
            if row is None or self._budget_is_spent():
                return
            error = self._no_room(row)
            if error is not None and self.running:
                self.rows[source].appendleft(row)  # what is under way may leave room
                return
            now = self.clock.now()
            if error is not None:
                self.full = True
                self._defer(row, error, now)
                continue
            incoming, limits = self.context.layout.ingest / INCOMING, self.context.settings.downloads
            future = self.pools[source].submit(retrieve, archive, row, incoming, limits, self.download, now)
            self.running[future] = row
            active += 1

    def _next(self, source: str) -> Mapping[str, Any] | None:
        rows = self.rows.setdefault(source, deque())
        if not rows:
            numbers = self.numbers.get(source, deque())
            some = [numbers.popleft() for _ in range(min(_ROWS, len(numbers)))]
            with reading(self.context.engine) as connection:
                found = downloads.products_by_number(connection, some)
            rows.extend(found[number] for number in some if number in found)
        return rows.popleft() if rows else None

    def _budget_is_spent(self) -> bool:
        most = self.context.settings.downloads.daily_bytes
        coming = sum(other["declared_bytes"] or 0 for other in self.running.values())
        if not most or self.spent + coming < most:
            return False
        self.numbers.clear()
        self.rows.clear()
        if not self.spent_up:
            self.spent_up = True
            text = f"{self.spent} bytes came in 24 hours, downloads.daily_bytes allows {most}: the rest comes later"
            self.summary.waiting.append(text)
            with writing(self.context.engine) as connection:
                notify(connection, _BUDGET, "info", text, self.clock.now())
        return True

    def _no_room(self, row: Mapping[str, Any]) -> StoreError | None:
        unknown = self.context.settings.downloads.unknown_size
        needed = sum(other["declared_bytes"] or unknown for other in (row, *self.running.values()))
        try:
            free_space_guard(self.context.layout.ingest, needed, self.context.settings.min_free_space)
        except StoreError as error:
            return error
        return None

    def _defer(self, row: Mapping[str, Any], error: StoreError, now: datetime) -> None:
        decision = retry(error, row, now, self.context.settings.downloads)
        with writing(self.context.engine) as connection:
            downloads.save_product(connection, row["id"], decision.values)
            notify(connection, _ROOM, "error", str(error), now)
        self._tell(row, Settled("deferred", error.message, error.code, decision.values["next_try_at"]), 0)

    # --- what ended

    def _settle(self, row: Mapping[str, Any], tried: Tried) -> None:
        now, error = self.clock.now(), tried.error
        self.spent += tried.bytes_read
        self.summary.bytes_fetched += tried.bytes_read
        if error is not None and is_over(error):  # nothing was learned of the product
            self._leave(row, error)
            return
        installed = self.archives[row["source"]].mission in missions()
        try:
            settled = settle(self.context, row, tried, now, installed=installed, noticed=self.noticed)
        except StoreError as fault:
            if isinstance(fault, ConnectionError):  # the database
                raise
            self._put_off(row, tried, fault, now)
            return
        if isinstance(error, StoreError) and not isinstance(error, ArchiveError):
            self._note_room(error, now)
        self._tell(row, settled, tried.bytes_read)

    def _put_off(self, row: Mapping[str, Any], tried: Tried, fault: StoreError, now: datetime) -> None:
        """Record that a file came and could not be published."""
        again = Tried(None, fault, tried.started, tried.seconds, tried.status, tried.bytes_read, tried.resumed_from)
        settled = settle(self.context, row, again, now, installed=True, noticed=self.noticed)
        self._note_room(fault, now)
        self._tell(row, settled, tried.bytes_read)

    def _note_room(self, error: StoreError, now: datetime) -> None:
        self.full = True
        with writing(self.context.engine) as connection:
            notify(connection, _ROOM, "error", str(error), now)

    def _leave(self, row: Mapping[str, Any], error: Exception) -> None:
        """Ask an archive for nothing more in this run."""
        source = row["source"]
        self.numbers.pop(source, None)
        self.rows.pop(source, None)
        if isinstance(error, ArchiveError):
            note_pause(self.context, source, error)
            text = f"{source}: {error.message}"
            if text not in self.summary.waiting and isinstance(error, TransientError):
                self.summary.waiting.append(text)

    def _tell(self, row: Mapping[str, Any], settled: Settled, size: int) -> None:
        self.fetched.append(_fetched(row, settled.state, size, settled.message))
        name = f"{row['source']} {row['name']}"
        if settled.state in downloads.HELD:
            self.summary.fetched += 1
        elif settled.state in ("forbidden", "deferred") or settled.code == "archive.older-epoch":
            self.summary.waiting.append(f"{name}: {settled.message}")
        elif settled.state != "rejected":
            again = settled.next_try_at
            hint = (
                f"tried again after {again:%Y-%m-%d %H:%M} UTC"
                if again
                else "given up: 'hstlc fetch --retry' tries anew"
            )
            self.summary.failures.append(Failure(name, settled.code, settled.message, hint))
