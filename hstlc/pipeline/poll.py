"""Poll: ask an archive what is new, and remember it.

A stream of an archive is walked page by page through a window that begins before its watermark. Each page is a
transaction; the watermark moves in the one that ends a walk which met everything. A walk that fails keeps what it met,
and the next one goes over the same window again, which changes nothing twice.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from hstlc.archives.base import Archive, Selection, Stream, Window
from hstlc.clock import Clock
from hstlc.db import archives as rows
from hstlc.db.engine import reading
from hstlc.db.selections import selections
from hstlc.errors import UsageError
from hstlc.pipeline.context import Context
from hstlc.pipeline.results import Summary
from hstlc.pipeline.walk import Walk, Walked, Walker

__all__ = ["Walked", "poll", "poll_selection"]


def poll(
    context: Context,
    archive: Archive[Any],
    summary: Summary,
    *,
    streams: Collection[str] | None = None,
    since: datetime | None = None,
    full: bool = False,
    dry_run: bool = False,
    accept_shrunk: bool = False,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
) -> list[Walked]:
    """Walk the streams of an archive and the selections that are stored for it, and list products of what is new.

    Parameters
    ----------
    context : Context
        Opened with ``lock="archive"``.
    archive : Archive
    summary : Summary
        Gets ``datasets`` (new or changed), ``products`` (newly listed), and what failed.
    streams : collection of str, optional
        Only these.
    since : datetime, optional
        Where the windows begin instead. The watermark does not go back, nor over a gap.
    full : bool
        Walk the streams that meet everything, and count what they do not meet.
    dry_run : bool
        Ask and tell, write nothing.
    accept_shrunk : bool
        Believe a full walk that meets much less than the one before.
    clock : Clock, optional
    stop : threading.Event, optional
        Set to end between two pages.

    Returns
    -------
    list of Walked

    Raises
    ------
    UsageError
        ``usage.unknown-stream``.
    DatabaseError, StoreError
        What an archive does wrong is no error here: it is counted in ``summary``, and the other streams go on.
    """
    clock = clock or archive.clock
    wanted = _wanted(archive, streams, full)
    walker = Walker(context, archive, summary, clock, stop, dry_run=dry_run, accept_shrunk=accept_shrunk)
    if not walker.begin():
        return walker.walked
    chosen = [] if full or streams is not None else _stored_selections(context, archive)
    for stream in wanted:
        walker.walk(_window_walk(context, archive, stream, since, clock.now()))
    for selection in chosen:
        walker.walk(_selection_walk(archive, selection, clock.now()))
    walker.list_products()
    return walker.walked


def poll_selection(
    context: Context,
    archive: Archive[Any],
    selection: Selection,
    summary: Summary,
    *,
    dry_run: bool = False,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
) -> list[str]:
    """Walk one selection, stored or not, list its products and return the keys of its datasets; see :func:`poll`."""
    clock = clock or archive.clock
    walker = Walker(context, archive, summary, clock, stop, dry_run=dry_run)
    walk = _selection_walk(archive, selection, clock.now())
    if walker.begin():
        walker.walk(walk)
        walker.list_products()
    return list(dict.fromkeys(walk.keys or ()))


def _wanted(archive: Archive[Any], names: Collection[str] | None, full: bool) -> list[Stream]:
    every = archive.streams()
    if names is None:
        return [stream for stream in every if stream.full == full]
    unknown = sorted(set(names) - {stream.name for stream in every})
    if unknown:
        known = ", ".join(stream.name for stream in every) or "none"
        raise UsageError(
            "usage.unknown-stream", f"{archive.name} has no stream {unknown[0]!r}", f"its streams are: {known}"
        )
    return [stream for stream in every if stream.name in names]


def _window_walk(
    context: Context, archive: Archive[Any], stream: Stream, since: datetime | None, now: datetime
) -> Walk:
    with reading(context.engine) as connection:
        mark = rows.watermark(connection, archive.name, stream.name)
    begin = None if mark is None or stream.full else mark - timedelta(seconds=stream.overlap_s)
    if since is not None and not stream.full:
        begin = since
    gap = since is not None and mark is not None and since > mark
    window = Window(stream.name, begin, now)
    return Walk(stream, window, lambda: archive.search(window), moves=not gap)


def _selection_walk(archive: Archive[Any], selection: Selection, now: datetime) -> Walk:
    stream = Stream(f"selection:{selection.name or selection.target or 'place'}"[:80])
    return Walk(stream, Window(stream.name, None, now), lambda: archive.find(selection), keys=[])


def _stored_selections(context: Context, archive: Archive[Any]) -> list[Selection]:
    names = ("target", "ra_deg", "dec_deg", "radius_deg", "minimum_significance", "name")
    with reading(context.engine) as connection:
        return [Selection(**{name: row[name] for name in names}) for row in selections(connection, archive.name)]
