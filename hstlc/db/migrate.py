"""The schema: made once in an empty database, brought up to date only when asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, inspect, text

from hstlc.db.engine import database_errors, make_engine, reading, safe_url, writing
from hstlc.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["current_and_head", "ensure_schema", "migrations_folder", "upgrade"]

VERSION_TABLE = "alembic_version"
_SCHEMA_LOCK = 0x736368656D61  # "schema" in ASCII: two who find the database empty do not both fill it


class State(Enum):
    """How a database stands to the migrations we have."""

    EMPTY = "empty"
    CURRENT = "current"
    OLDER = "older"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"


def migrations_folder() -> Path:
    """Return the folder of the migrations: in the installed package, else beside it in the repository."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "migrations"
    return inside if (inside / "env.py").is_file() else package.parent / "migrations"


def current_and_head(engine: Engine) -> tuple[str | None, str]:
    """Return the revision of the database (None: it has none) and the newest revision there is.

    Raises
    ------
    DatabaseError
        ``store.database``.
    """
    with reading(engine) as connection:
        return _revision(connection), _revisions(migrations_folder())[0]


def ensure_schema(engine: Engine) -> None:
    """Fill an empty database, let one of our revision pass, and refuse any other.

    Raises
    ------
    UsageError
        ``usage.schema`` (older than this program), ``usage.schema-unknown`` (newer, or not one of ours) or
        ``usage.schema-foreign`` (has tables, but none of ours).
    DatabaseError
        ``store.database``.
    """
    with reading(engine) as connection:
        state = state_of(connection)
    if state is State.EMPTY:
        with writing(engine) as connection:
            _take_schema_lock(connection)
            if state_of(connection) is State.EMPTY:
                run_migrations(connection)
            state = state_of(connection)
    if state is State.OLDER:
        current, head = current_and_head(engine)
        raise UsageError(
            "usage.schema",
            f"the database {safe_url(engine.url)} has schema {current}, this program needs {head}",
            "make a backup, then run 'hstlc db upgrade'",
            current=current,
            head=head,
        )
    refuse_others(engine, state)


def upgrade(address: str | URL) -> tuple[str | None, str]:
    """Bring a database to the newest schema, in one transaction; return its revision before and after.

    Parameters
    ----------
    address : str or sqlalchemy.URL
        Address of an empty database or of one of ours.

    Raises
    ------
    UsageError
        ``usage.schema-unknown`` or ``usage.schema-foreign``.
    DatabaseError
        ``store.database``; also when rows would refer to missing rows afterwards. Nothing is changed then.
    """
    engine = make_engine(address)
    try:
        with database_errors(engine.url), _without_foreign_keys(engine) as connection, connection.begin():
            _take_schema_lock(connection)
            refuse_others(engine, state_of(connection))
            before = _revision(connection)
            run_migrations(connection)
            _refuse_broken_references(connection)
            return before, _revisions(migrations_folder())[0]
    finally:
        engine.dispose()


def run_migrations(connection: Connection) -> None:
    """Apply what is missing, in the caller's transaction."""
    from alembic import command

    config = _config(migrations_folder())
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def state_of(connection: Connection) -> State:
    """Return how this database stands to our migrations."""
    tables = set(inspect(connection).get_table_names())
    current = _revision(connection) if VERSION_TABLE in tables else None
    if current is None:
        return State.FOREIGN if tables - {VERSION_TABLE} else State.EMPTY
    newest_first = _revisions(migrations_folder())
    if current == newest_first[0]:
        return State.CURRENT
    return State.OLDER if current in newest_first else State.UNKNOWN


def refuse_others(engine: Engine, state: State) -> None:
    """Raise for a database that is not ours, or of a schema that only a newer program knows."""
    url = safe_url(engine.url)
    if state is State.UNKNOWN:
        current, head = current_and_head(engine)
        message = f"the database {url} has schema {current}: this hstlc, which knows up to {head}, is older than that"
        raise UsageError("usage.schema-unknown", message, "install the newer hstlc", current=current, head=head)
    if state is State.FOREIGN:
        message = f"the database {url} holds tables that hstlc did not make; it is left as it is"
        raise UsageError("usage.schema-foreign", message, "give hstlc a database of its own in db_connection_string")


def _config(folder: Path) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


@cache
def _revisions(folder: Path) -> tuple[str, ...]:
    """Return the revisions that the migrations of a folder lead through, the newest first."""
    from alembic.script import ScriptDirectory

    return tuple(script.revision for script in ScriptDirectory.from_config(_config(folder)).walk_revisions())


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return revision


def _take_schema_lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})


@contextmanager
def _without_foreign_keys(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose table rebuilds do not delete the rows that refer to the rebuilt table.

    SQLite alters many things only by making a table anew; dropping the old one would cascade. The switch works
    outside of transactions only, so it goes to the driver, and the connection is not used again.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA foreign_keys=OFF")
        yield connection
        connection.invalidate()


def _refuse_broken_references(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        message = f"{len(broken)} rows of {tables} refer to rows that do not exist; nothing was changed"
        raise DatabaseError("store.database", message, "restore the database from a backup, or delete these rows")
