"""One read-only statement of the user's own, held there by the database itself, not by reading the SQL.

SQLite: a connection opened read-only, with an authorizer that lets nothing but reading pass (``mode=ro`` alone
still lets ATTACH write elsewhere). PostgreSQL: a login role without rights (a read-only transaction alone is left
with COMMIT), and the statement is opened as a cursor by the server, which takes one query and nothing else.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
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
    hidden: Collection[str] = (),
    most_bytes: int | None = None,
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
    hidden : collection of str
        Tables that must not be read. SQLite refuses statements that do; a PostgreSQL login that could is not used.
    most_bytes : int, optional
        Largest answer, as text.

    Raises
    ------
    UsageError
        ``usage.sql`` (wrong, not one statement, not read-only), ``usage.sql-timeout``, ``usage.sql-large``,
        ``usage.no-reader``, ``usage.reader-rights`` (the reader can do more than read, or reads what is hidden).
    DatabaseError
        ``store.database`` or ``store.database-locked``.
    """
    url = normalize_url(address)
    if not sql.strip() or "\0" in sql:
        raise _sql_error("the statement is empty or holds a NUL character")
    if url.get_backend_name() == "sqlite":
        return _select_sqlite(url, sql, limit, timeout_s, frozenset(hidden), most_bytes)
    if reader_url is None:
        message = "SQL of your own needs a PostgreSQL role that can only read, and none is configured"
        hint = (
            f"as the owner of the tables, with the right to create roles, run: {reader_sql(url.database or 'hstlc')} "
            "Then set db_readonly_connection_string to the address with it"
        )
        raise UsageError("usage.no-reader", message, hint)
    return _select_postgres(normalize_url(reader_url), sql, limit, timeout_s, sorted(hidden), most_bytes)


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


def _large_error(most_bytes: int | None) -> UsageError:
    hint = "ask for fewer rows or columns, such as with LIMIT"
    return UsageError("usage.sql-large", f"the answer is larger than {most_bytes} bytes", hint)


# SQLite ---------------------------------------------------------------------------------------------------------------


def _select_sqlite(
    url: URL, sql: str, limit: int, timeout_s: float, hidden: frozenset[str], most_bytes: int | None
) -> ResultSet:
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
            connection.set_authorizer(_authorizer(hidden))
            end = time.monotonic() + timeout_s
            connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
            cursor = connection.execute(sql)
            if cursor.description is None:
                raise _sql_error("the statement returns no rows")
            rows = _within(islice(cursor, limit + 1), most_bytes)
            return ResultSet(tuple(column[0] for column in cursor.description), rows[:limit], len(rows) > limit)
    except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError) as error:  # Warning: a second statement, Python 3.11
        raise _sqlite_error(error, shown, timeout_s) from error


def _authorizer(hidden: frozenset[str]) -> Callable[..., int]:
    def authorize(action: int, name: str | None, detail: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and (name or "").lower() in hidden:
            return sqlite3.SQLITE_DENY
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION and (detail or "").lower() not in ("load_extension", "fts3_tokenizer"):
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    return authorize


def _within(rows: Iterable[tuple[Any, ...]], most_bytes: int | None) -> list[tuple[Any, ...]]:
    """Return the rows, or raise as soon as they are too large together."""
    kept: list[tuple[Any, ...]] = []
    left = float("inf") if most_bytes is None else most_bytes
    for row in rows:
        left -= sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
        if left < 0:
            raise _large_error(most_bytes)
        kept.append(row)
    return kept


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

# The same, read once to its end on the server, so that nothing larger than what is allowed comes over here. The limits
# are kept before the statement runs: it could set others.
_MEASURE = """DO $do$ DECLARE c refcursor := 'answer'; line record; size bigint := 0;
  most bigint := current_setting('hstlc.bytes'); number integer := current_setting('hstlc.rows');
BEGIN
  OPEN c SCROLL FOR EXECUTE current_setting('hstlc.sql');
  WHILE number > 0 LOOP
    FETCH c INTO line;
    EXIT WHEN NOT FOUND;
    size := size + octet_length(line::text);
    number := number - 1;
    IF size > most THEN RAISE EXCEPTION 'too large' USING ERRCODE = 'HS001'; END IF;
  END LOOP;
  MOVE ABSOLUTE 0 FROM c;
END $do$"""

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


def _select_postgres(
    url: URL, sql: str, limit: int, timeout_s: float, hidden: Sequence[str], most_bytes: int | None
) -> ResultSet:
    if url.get_backend_name() != "postgresql":
        hint = "give the address of the same database with a login that can only read"
        raise UsageError("usage.database-url", "db_readonly_connection_string is not a PostgreSQL address", hint)
    engine = make_engine(url, poolclass=NullPool)
    with database_errors(url), engine.connect() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(timeout_s * 1000))}")
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
        _refuse_rights(connection, url)
        _refuse_hidden(connection, url, hidden)
        with _user_errors(timeout_s, most_bytes):
            given = {"sql": sql, "rows": limit + 1, "bytes": most_bytes or 0}
            for name, value in given.items():
                setting = {"name": f"hstlc.{name}", "value": str(value)}
                connection.execute(text("SELECT set_config(:name, :value, true)"), setting)
            connection.exec_driver_sql(_OPEN if most_bytes is None else _MEASURE)
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


def _refuse_hidden(connection: Connection, url: URL, hidden: Sequence[str]) -> None:
    """Refuse a login that could read a table that is hidden."""
    may = text("SELECT has_any_column_privilege(session_user, to_regclass(:name)::oid, 'SELECT')")
    open_ = [name for name in hidden if connection.scalar(may, {"name": name})]
    if open_:
        names = ", ".join(open_)
        hint = f"as the owner of the tables, run: REVOKE SELECT ON {names} FROM {url.username};"
        raise UsageError("usage.reader-rights", f"the reader {url.username} can read {names}", hint, rights=open_)


@contextmanager
def _user_errors(timeout_s: float, most_bytes: int | None) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        state = sqlstate(error)
        if state == "HS001":
            raise _large_error(most_bytes) from error
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
