"""The store of a run: settings, folders, database, and the lock that makes this run its only writer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine

from hstlc.config import Settings
from hstlc.db.engine import ARCHIVE_LOCK, WRITER_LOCK, advisory_lock, make_engine, normalize_url, reading
from hstlc.db.migrate import State, ensure_schema, state_of
from hstlc.store.layout import Layout
from hstlc.store.lock import flock
from hstlc.store.permissions import apply_permissions
from hstlc.store.run import run_id

__all__ = ["ARCHIVE_LOCK_NAME", "LOCK_NAME", "Context", "Lock", "database_exists", "open_store"]

LOCK_NAME = ".hstlc.lock"
ARCHIVE_LOCK_NAME = ".hstlc.archive.lock"

#: What a run is the only one to do: write to the store, or ask archives and bring files from there.
Lock = Literal["store", "archive"]

_LOCKS: dict[Lock, tuple[str, int]] = {
    "store": (LOCK_NAME, WRITER_LOCK),
    "archive": (ARCHIVE_LOCK_NAME, ARCHIVE_LOCK),
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a step needs to work on the store."""

    settings: Settings
    layout: Layout
    engine: Engine
    run: str
    lock: Lock = "store"


@contextmanager
def open_store(settings: Settings, *, write: bool = True, wait: bool = True, lock: Lock = "store") -> Iterator[Context]:
    """Open the data tree and the database, made on first use when ``write``.

    Parameters
    ----------
    settings : Settings
    write : bool
        Be the store's only writer for the length of the block: a lock on the data tree with SQLite, an advisory lock
        with PostgreSQL. Without, nothing is locked or made.
    wait : bool
        Wait for another writer, or raise at once.
    lock : str
        ``store``, or ``archive`` for polling and fetching, which may go on while a writer works on the store.

    Raises
    ------
    LockHeldError
        ``lock.held``.
    UsageError
        ``usage.schema``: the database is of another version.
    StoreError, DatabaseError
    """
    layout = settings.layout
    engine = make_engine(settings.db_connection_string)
    context = Context(settings, layout, engine, run_id(), lock)
    name, key = _LOCKS[lock]
    try:
        if not write:
            yield context
            return
        layout.make_directories()
        held = advisory_lock(engine, wait=wait, key=key)
        if engine.dialect.name == "sqlite":
            held = flock(layout.home / name, wait)
        with held:
            ensure_schema(engine)
            for shared in (layout.home / name, Path(engine.url.database or "")):
                if engine.dialect.name == "sqlite" and shared.is_file():
                    apply_permissions(shared, layout.access)  # others of the group write to it too
            yield context
    finally:
        engine.dispose()


def database_exists(settings: Settings) -> bool:
    """Tell whether the database has our tables; nothing is made, not even the file of an SQLite one.

    Raises
    ------
    UsageError
        ``usage.schema``: it is of another version.
    DatabaseError
    """
    url = normalize_url(settings.db_connection_string)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).is_file()):
        return False
    engine = make_engine(url)
    try:
        with reading(engine) as connection:
            if state_of(connection) is State.EMPTY:
                return False
        ensure_schema(engine)
        return True
    finally:
        engine.dispose()
