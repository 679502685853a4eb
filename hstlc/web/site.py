"""What every answer is made of: settings, data tree and database of the store that is served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Connection, Engine

from hstlc.config import Settings
from hstlc.db.engine import make_engine, reading
from hstlc.store.layout import Layout

__all__ = ["Database", "HereSite", "Site", "open_site"]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A store, open for reading.

    Attributes
    ----------
    settings : Settings
    layout : Layout
        Of its folders.
    engine : sqlalchemy.Engine
        One pool of connections for all requests of this process.
    """

    settings: Settings
    layout: Layout
    engine: Engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Return a connection for the queries of one answer; nothing can be written with it."""
        with reading(self.engine) as connection:
            yield connection


def open_site(settings: Settings) -> Site:
    """Open a store for reading; nothing is made."""
    return Site(
        settings,
        settings.layout,
        make_engine(settings.db_connection_string, pool_size=8, max_overflow=16, pool_use_lifo=True),
    )


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


def _database(request: Request) -> Iterator[Connection]:
    with _site(request).reading() as connection:
        yield connection


#: Parameters of a route: the store, and a connection for reading that is closed after the answer.
HereSite = Annotated[Site, Depends(_site)]
Database = Annotated[Connection, Depends(_database)]
