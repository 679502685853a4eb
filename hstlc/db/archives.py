"""The queries of polling: what archives showed, up to where they are known, and how walks ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, func, insert, or_, select, update

from hstlc.db.archive_tables import ArchiveCursor, ArchiveSource, ArchiveWalk, RemoteDataset, RemoteProduct
from hstlc.db.columns import Base
from hstlc.db.tables import Run
from hstlc.db.upserts import chunks, upsert

__all__ = [
    *("GONE", "MOST_MISSED", "PageCounts", "begin_walk", "cursors", "due_listings", "finish_walk"),
    *("known_datasets", "last_walks", "mark_missing", "move_cursor", "next_stamp", "pause", "rows_met"),
    *("save_columns", "save_full_rows", "save_page", "source_state", "source_states", "watermark"),
]

Row = Mapping[str, Any]

#: Code of products whose dataset is gone.
GONE = "archive.gone"
#: Full walks in a row that must miss a dataset before it counts as gone.
MOST_MISSED = 2
#: States of products that are not fetched and may still be.
PENDING = ("queued", "deferred", "forbidden", "missing", "failed")


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


SOURCES, CURSORS, WALKS, DATASETS = map(_table, (ArchiveSource, ArchiveCursor, ArchiveWalk, RemoteDataset))
PRODUCTS, RUNS = map(_table, (RemoteProduct, Run))


# --- sources


def source_states(connection: Connection) -> list[RowMapping]:
    """Return the rows of all archives that were ever asked, in order of name."""
    return list(connection.execute(select(SOURCES).order_by(SOURCES.c.source)).mappings())


def source_state(connection: Connection, source: str) -> RowMapping | None:
    """Return the row of an archive; None: it was never asked."""
    return connection.execute(select(SOURCES).where(SOURCES.c.source == source)).mappings().one_or_none()


def save_columns(connection: Connection, source: str, columns: Mapping[str, str], now: datetime) -> None:
    """Note the columns that an archive has."""
    row = {"source": source, "columns": dict(columns), "columns_seen_at": now}
    upsert(connection, SOURCES, ("source",), [{**_NO_SOURCE, **row}], keep=("full_rows", "pause_reason"))


def save_full_rows(connection: Connection, source: str, number: int) -> None:
    """Note how many datasets a full walk met."""
    row = {**_NO_SOURCE, "source": source, "full_rows": number}
    upsert(connection, SOURCES, ("source",), [row], keep=("columns", "pause_reason"))


def pause(connection: Connection, source: str, until: datetime | None, reason: str = "") -> None:
    """Note until when an archive is to be left alone; None: it is not."""
    row = {**_NO_SOURCE, "source": source, "paused_until": until, "pause_reason": reason}
    upsert(connection, SOURCES, ("source",), [row], keep=("columns", "full_rows"))


_NO_SOURCE: dict[str, Any] = {"columns": {}, "full_rows": 0, "pause_reason": ""}


# --- cursors


def cursors(connection: Connection) -> list[RowMapping]:
    """Return up to where each stream is known, in order of archive and stream."""
    return list(connection.execute(select(CURSORS).order_by(CURSORS.c.source, CURSORS.c.stream)).mappings())


def watermark(connection: Connection, source: str, stream: str) -> datetime | None:
    """Return up to where a stream is known whole; None: not at all."""
    found: datetime | None = connection.scalar(
        select(CURSORS.c.watermark).where(CURSORS.c.source == source, CURSORS.c.stream == stream)
    )
    return found


def move_cursor(connection: Connection, source: str, stream: str, to: datetime | None, now: datetime) -> None:
    """Note that a walk met everything up to a date; a cursor never goes back."""
    before = watermark(connection, source, stream)
    later = max((moment for moment in (before, to) if moment is not None), default=None)
    row = {"source": source, "stream": stream, "watermark": later, "moved_at": now}
    upsert(connection, CURSORS, ("source", "stream"), [row])


# --- walks


def next_stamp(connection: Connection, source: str, now: datetime) -> datetime:
    """Return when a walk that begins now counts as begun: later than every earlier walk of the archive.

    Datasets carry it as the moment when they were last met, so no two walks may share it. Where the clock was put back
    by more than an hour it is believed.
    """
    latest = connection.scalar(select(func.max(WALKS.c.started_at)).where(WALKS.c.source == source))
    if latest is None or latest < now or latest - now > timedelta(hours=1):
        return now
    stamp: datetime = latest + timedelta(microseconds=1)
    return stamp


def begin_walk(connection: Connection, row: Row, commands: Iterable[str]) -> int:
    """Record that a walk began; return its number. One of the same archive that still runs has died.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    row : mapping
        ``source, stream, window_since, window_until, started_at``.
    commands : iterable of str
        The walk is part of the run of one of these that is at work.
    """
    died = {"state": "failed", "error_code": "archive.died", "message": "the process ended without a word"}
    dead = (WALKS.c.source == row["source"]) & (WALKS.c.state == "running")
    connection.execute(update(WALKS).where(dead).values(**died))
    running = select(func.max(RUNS.c.id)).where(RUNS.c.status == "running", RUNS.c.command.in_(list(commands)))
    values = {**row, "state": "running", "run_id": connection.scalar(running)}
    identity: int = connection.execute(insert(WALKS).values(**values).returning(WALKS.c.id)).scalar_one()
    return identity


def finish_walk(connection: Connection, walk: int, values: Row) -> None:
    """Record how a walk ended."""
    connection.execute(update(WALKS).where(WALKS.c.id == walk).values(**values))


def last_walks(connection: Connection) -> list[RowMapping]:
    """Return the last walk of each stream, in order of archive and stream."""
    last = select(func.max(WALKS.c.id)).group_by(WALKS.c.source, WALKS.c.stream)
    rows = select(WALKS).where(WALKS.c.id.in_(last)).order_by(WALKS.c.source, WALKS.c.stream)
    return list(connection.execute(rows).mappings())


# --- datasets


@dataclass(frozen=True, slots=True)
class PageCounts:
    """How many datasets of a page are new, and of how many the archive says something else than before."""

    new: int
    changed: int


def known_datasets(connection: Connection, source: str, keys: Iterable[str]) -> dict[str, RowMapping]:
    """Return what is known of some datasets, by key."""
    columns = ("id", "dataset_key", "version_key", "columns_digest", "gone_at", "last_seen_at")
    found: dict[str, RowMapping] = {}
    for chunk in chunks(keys):
        rows = select(*(DATASETS.c[name] for name in columns))
        rows = rows.where(DATASETS.c.source == source, DATASETS.c.dataset_key.in_(chunk))
        found |= {row["dataset_key"]: row for row in connection.execute(rows).mappings()}
    return found


def save_page(
    connection: Connection, source: str, rows: Sequence[Row], stamp: datetime, *, dry_run: bool = False
) -> PageCounts:
    """Record the datasets of a page, of different keys.

    Of one that the same walk met before, the later version stays; else what came last holds.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    source : str
    rows : sequence of mappings
        Columns of ``remote_dataset`` as the archive states them, and their digest.
    stamp : datetime
        Of the walk, of :func:`next_stamp`.
    dry_run : bool
        Count only.
    """
    known = known_datasets(connection, source, [row["dataset_key"] for row in rows])
    new, changed, same, returned = [], [], [], []
    for row in rows:
        before = known.get(row["dataset_key"])
        seen = {"last_seen_at": stamp, "missed_walks": 0, "gone_at": None}
        if before is None:
            new.append({**row, **seen, "source": source, "first_seen_at": stamp, "changed_at": None})
            continue
        if before["last_seen_at"] == stamp and row["version_key"] < before["version_key"]:
            continue
        if before["gone_at"] is not None:
            returned.append(before["id"])
        if (row["version_key"], row["columns_digest"]) == (before["version_key"], before["columns_digest"]):
            same.append(before["id"])
        else:
            changed.append({**row, **seen, "source": source, "first_seen_at": stamp, "changed_at": stamp})
    if not dry_run:
        upsert(connection, DATASETS, ("source", "dataset_key"), [*new, *changed], keep=("first_seen_at",))
        met = {"last_seen_at": stamp, "missed_walks": 0, "gone_at": None}
        for chunk in chunks(same):
            connection.execute(update(DATASETS).where(DATASETS.c.id.in_(chunk)).values(**met))
        _revive(connection, returned)
    return PageCounts(len(new), len(changed))


def _revive(connection: Connection, datasets: Iterable[int]) -> None:
    """Queue the products of datasets that came back."""
    again = {"state": "queued", "next_try_at": None, "attempts": 0, "error_code": "", "message": ""}
    for chunk in chunks(datasets):
        gone = PRODUCTS.c.dataset_id.in_(chunk) & (PRODUCTS.c.state == "missing") & (PRODUCTS.c.error_code == GONE)
        connection.execute(update(PRODUCTS).where(gone).values(**again))


def rows_met(connection: Connection, source: str, stamp: datetime) -> int:
    """Return how many datasets a walk met so far."""
    met = (DATASETS.c.source == source) & (DATASETS.c.last_seen_at == stamp)
    return connection.scalar(select(func.count()).select_from(DATASETS).where(met)) or 0


def mark_missing(connection: Connection, source: str, stamp: datetime) -> int:
    """Count the datasets that a full walk did not meet, and mark as gone those that :data:`MOST_MISSED` did not.

    Products of theirs that were not fetched yet are missing from then on; nothing is deleted.
    """
    missed = (DATASETS.c.source == source) & DATASETS.c.gone_at.is_(None) & (DATASETS.c.last_seen_at < stamp)
    number = connection.execute(update(DATASETS).where(missed).values(missed_walks=DATASETS.c.missed_walks + 1))
    gone = missed & (DATASETS.c.missed_walks >= MOST_MISSED)
    connection.execute(update(DATASETS).where(gone).values(gone_at=stamp))
    theirs = select(DATASETS.c.id).where(DATASETS.c.source == source, DATASETS.c.gone_at == stamp)
    state = {"state": "missing", "next_try_at": None, "error_code": GONE, "message": "its dataset is gone"}
    pending = PRODUCTS.c.dataset_id.in_(theirs) & PRODUCTS.c.state.in_(PENDING)
    connection.execute(update(PRODUCTS).where(pending).values(**state))
    return number.rowcount


def due_listings(
    connection: Connection, source: str, now: datetime, *, before: datetime | None, after: int, limit: int
) -> list[RowMapping]:
    """Return public datasets whose products are not known in the version that the archive has.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    source : str
    now : datetime
    before : datetime or None
        Also those that were listed before then.
    after : int
        Only with a larger row number: the last one of the previous call.
    limit : int
    """
    unlisted = or_(DATASETS.c.listed_version != DATASETS.c.version_key, DATASETS.c.listed_at.is_(None))
    if before is not None:
        unlisted = or_(unlisted, DATASETS.c.listed_at < before)
    public = or_(DATASETS.c.release_date.is_(None), DATASETS.c.release_date <= now)
    rows = select(DATASETS).where(DATASETS.c.source == source, DATASETS.c.id > after, unlisted, public)
    rows = rows.where(DATASETS.c.gone_at.is_(None)).order_by(DATASETS.c.id).limit(limit)
    return list(connection.execute(rows).mappings())
