"""One read-only statement of the user's own, held there by the database itself, not by reading the SQL.

SQLite: a connection opened read-only, with an authorizer that lets nothing but reading pass (``mode=ro`` alone
still lets ATTACH write elsewhere). PostgreSQL: a login role without rights (a read-only transaction alone is left
with COMMIT), and the statement is opened as a cursor by the server, which takes one query and nothing else.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from hstlc.db.engine import database_errors, make_engine, normalize_url, safe_url, sqlstate
from hstlc.errors import DatabaseError, UsageError

__all__ = ["ResultSet", "reader_sql", "select"]

_VALUE_BYTES = 16_000_000  # longest text or blob that SQLite may make: zeroblob(1e9) is a way to fill the memory
_STEPS = 5_000  # SQLite virtual-machine steps between two looks at the clock


@dataclass(frozen=True, slots=True)
class ResultSet:
    """Answer to a statement.

    Attributes
    ----------
    columns : tuple of str
        Names of the columns, which may repeat.
    rows : list of tuple
        Plain values: None, bool, int, float, str, bytes; JSON as dict or list; dates and times as ISO 8601 text.
    truncated : bool
        There were more rows than asked for.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    truncated: bool


def select(
    address: str | URL,
    sql: str,
    *,
    limit: int = 10_000,
    timeout_s: float = 30,
    reader_url: str | URL | None = None,
) -> ResultSet:
    """Run exactly one read-only statement and return its rows.

    Parameters
    ----------
    address : str or sqlalchemy.URL
        The database of the program.
    sql : str
        One statement that returns rows.
    limit : int
        Most rows to return.
    timeout_s : float, seconds
        Longest time the statement may take.
    reader_url : str or sqlalchemy.URL, optional
        PostgreSQL only, and needed there: the same database with a login that can read and do nothing else.

    Raises
    ------
    UsageError
        ``usage.sql`` (wrong, not one statement, not read-only), ``usage.sql-timeout``, ``usage.no-reader``,
        ``usage.reader-rights`` (the reader can do more than read).
    DatabaseError
        ``store.database`` or ``store.database-locked``.
    """
    url = normalize_url(address)
    if not sql.strip() or "\0" in sql:
        raise _sql_error("the statement is empty or holds a NUL character")
    if url.get_backend_name() == "sqlite":
        return _select_sqlite(url, sql, limit, timeout_s)
    if reader_url is None:
        message = "SQL of your own needs a PostgreSQL role that can only read, and none is configured"
        hint = (
            f"as the owner of the tables, with the right to create roles, run: {reader_sql(url.database or 'hstlc')} "
            "Then set db_readonly_connection_string to the address with it"
        )
        raise UsageError("usage.no-reader", message, hint)
    return _select_postgres(normalize_url(reader_url), sql, limit, timeout_s)


def reader_sql(database: str, role: str = "hstlc_reader", password: str = "...") -> str:
    """Return the SQL that makes a role which can read the tables of ``database`` and do nothing else.

    Run it as the owner of the tables: default privileges hold for tables that the same role makes later.
    """
    return (
        f"CREATE ROLE {role} LOGIN PASSWORD '{password}'; "
        f'GRANT CONNECT ON DATABASE "{database}" TO {role}; '
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC; "
        f"GRANT USAGE ON SCHEMA public TO {role}; "
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; "
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role};"
    )


def _sql_error(message: str) -> UsageError:
    return UsageError("usage.sql", message, "give one SELECT statement; nothing can be changed this way")


def _timeout_error(timeout_s: float) -> UsageError:
    hint = "ask for less, or with a condition on an indexed column"
    return UsageError("usage.sql-timeout", f"the statement took longer than {timeout_s:g} s", hint)


# SQLite ---------------------------------------------------------------------------------------------------------------


def _select_sqlite(url: URL, sql: str, limit: int, timeout_s: float) -> ResultSet:
    shown = safe_url(url)
    if url.database in (None, "", ":memory:"):
        raise UsageError("usage.sql", f"{shown} is in memory, of this process alone", "use a database in a file")
    path = Path(str(url.database)).absolute()
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
            connection.execute("PRAGMA query_only=ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _VALUE_BYTES)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200)
            connection.set_authorizer(_authorize)
            end = time.monotonic() + timeout_s
            connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
            cursor = connection.execute(sql)
            if cursor.description is None:
                raise _sql_error("the statement returns no rows")
            rows = cursor.fetchmany(limit + 1)
            return ResultSet(tuple(column[0] for column in cursor.description), rows[:limit], len(rows) > limit)
    except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError) as error:  # Warning: a second statement, Python 3.11
        raise _sqlite_error(error, shown, timeout_s) from error


def _authorize(action: int, _: str | None, detail: str | None, *__: object) -> int:
    if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE):
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and (detail or "").lower() not in ("load_extension", "fts3_tokenizer"):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _sqlite_error(error: Exception, shown: str, timeout_s: float) -> UsageError | DatabaseError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return _timeout_error(timeout_s)
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR):
        hint = "check that the file exists, is a database and can be read"
        return DatabaseError("store.database", f"the database {shown} cannot be read: {error}", hint, url=shown)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        hint = "run again when the other program is done"
        return DatabaseError("store.database-locked", f"the database {shown} is locked", hint, url=shown)
    return _sql_error(f"the database says: {error}")


# PostgreSQL -----------------------------------------------------------------------------------------------------------

# The server opens the text as a cursor: it refuses a second statement and whatever is not a query, before it runs.
_OPEN = "DO $do$ DECLARE c refcursor := 'answer'; BEGIN OPEN c FOR EXECUTE current_setting('hstlc.sql'); END $do$"

# What the login, or any role it can become, may do beyond reading; no row: nothing.
_RIGHTS = """
WITH role AS (SELECT * FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER')),
     object AS (SELECT c.oid, c.relname, c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%'
                AND n.nspname <> 'information_schema')
SELECT 'is superuser, or can make roles or databases, replicate or bypass row security' FROM role
 WHERE rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
UNION SELECT 'is a member of ' || rolname FROM role
 WHERE rolname IN ('pg_write_server_files', 'pg_execute_server_program', 'pg_read_server_files', 'pg_write_all_data')
UNION SELECT 'may change the table ' || relname FROM role, object
 WHERE relowner = role.oid OR has_table_privilege(role.oid, object.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
    OR has_any_column_privilege(role.oid, object.oid, 'INSERT, UPDATE')
UNION SELECT 'may create objects in the schema ' || nspname FROM role, pg_namespace
 WHERE nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(role.oid, pg_namespace.oid, 'CREATE')
UNION SELECT 'may create schemas' FROM role WHERE has_database_privilege(role.oid, current_database(), 'CREATE')
"""


def _select_postgres(url: URL, sql: str, limit: int, timeout_s: float) -> ResultSet:
    if url.get_backend_name() != "postgresql":
        hint = "give the address of the same database with a login that can only read"
        raise UsageError("usage.database-url", "db_readonly_connection_string is not a PostgreSQL address", hint)
    engine = make_engine(url, poolclass=NullPool)
    with database_errors(url), engine.connect() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(timeout_s * 1000))}")
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
        _refuse_rights(connection, url)
        with _user_errors(timeout_s):
            connection.execute(text("SELECT set_config('hstlc.sql', :sql, true)"), {"sql": sql})
            connection.exec_driver_sql(_OPEN)
            result = connection.exec_driver_sql(f"FETCH {limit + 1} FROM answer")
            columns, rows = tuple(result.keys()), result.fetchall()
        return ResultSet(columns, [tuple(map(_plain, row)) for row in rows[:limit]], len(rows) > limit)


def _refuse_rights(connection: Connection, url: URL) -> None:
    rights = sorted(connection.scalars(text(_RIGHTS)))
    if rights:
        more = f"; and {len(rights) - 3} things more" if len(rights) > 3 else ""
        message = f"the reader {url.username} can do more than read: it {'; it '.join(rights[:3])}{more}"
        hint = f"revoke that, or make another one: {reader_sql(url.database or 'hstlc')}"
        raise UsageError("usage.reader-rights", message, hint, rights=rights)


@contextmanager
def _user_errors(timeout_s: float) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        state = sqlstate(error)
        if state == "57014":
            raise _timeout_error(timeout_s) from error
        if error.connection_invalidated or not state or state.startswith(("08", "53", "57", "58", "XX")):
            raise
        raise _sql_error(f"the database says: {str(error.orig).splitlines()[0]}") from error
    except UnicodeEncodeError as error:
        raise _sql_error(f"the statement is not Unicode text: {error}") from error


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, memoryview):
        return bytes(value)
    if value is None or isinstance(value, bool | int | float | str | bytes | dict | list):
        return value
    return str(value)
