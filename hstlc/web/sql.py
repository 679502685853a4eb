"""SQL of a user's own: read-only, a few statements at a time, each with limits."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request

from hstlc.db.readonly import ResultSet, select
from hstlc.db.tables import Base
from hstlc.db.users import PRIVATE
from hstlc.db.views import OBSCORE
from hstlc.errors import DatabaseError, HstlcError, UsageError
from hstlc.web.auditing import audit
from hstlc.web.site import Site
from hstlc.web.threads import taking_time
from hstlc.web.users import User

__all__ = ["EXAMPLES", "Answer", "readable_tables", "run_sql", "units_of"]

_VARIABLE = """SELECT m.targname, s.lightcurve_filename, s.poisson_factor
FROM stats s JOIN outputs o ON s.lightcurve_filename = o.individual_filename
JOIN metadata m ON o.metadata_id = m.id
ORDER BY s.poisson_factor DESC LIMIT 20"""

#: For the page: what it is, and the statement.
EXAMPLES = (
    ("Longest exposures", "SELECT targname, rootname, exptime_s FROM metadata ORDER BY exptime_s DESC LIMIT 20"),
    ("Most variable light curves", _VARIABLE),
    ("Why files were rejected", "SELECT reason, count(*) AS files FROM bad_data GROUP BY reason ORDER BY files DESC"),
    ("Observations as ObsCore", "SELECT target_name, obs_collection, t_min, t_exptime FROM obscore LIMIT 20"),
)

_TYPES = {
    "Double": "number",
    "Integer": "integer",
    "BigInteger": "integer",
    "Boolean": "true or false",
    "DateTime": "time, UTC",
    "Date": "date",
    "JSON": "JSON",
}

_making = threading.Lock()
_ADMINISTRATOR = ("usage.no-reader", "usage.reader-rights", "usage.database-url")


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of a statement, and how long it took in seconds."""

    result: ResultSet
    seconds: float


class _Slots:
    """How many statements run: in all, and of each user."""

    def __init__(self, most: int, of_user: int) -> None:
        self._most, self._of_user = most, of_user
        self._running: Counter[int] = Counter()
        self._guard = threading.Lock()

    @contextmanager
    def taken(self, user: int) -> Iterator[None]:
        with self._guard:
            if self._running[user] >= self._of_user:
                raise _busy(f"{self._of_user} statements of yours are running: wait for one of them")
            if self._running.total() >= self._most:
                raise _busy("other users' statements are running: try again soon")
            self._running[user] += 1
        try:
            yield
        finally:
            with self._guard:
                self._running[user] -= 1
                self._running += Counter()  # forgets who has none


def _busy(message: str) -> HTTPException:
    return HTTPException(429, message, headers={"Retry-After": "5"})


def run_sql(request: Request, site: Site, user: User, sql: str, limit: int | None) -> Answer:
    """Run one read-only statement of a user; what was asked, and how it ended, is recorded.

    Parameters
    ----------
    request : Request
    site : Site
    user : User
    sql : str
    limit : int or None
        Most rows; never more than ``web.sql_rows``.

    Raises
    ------
    UsageError
        ``usage.sql``, ``usage.sql-timeout``, ``usage.sql-large``.
    DatabaseError
        With the code ``usage.no-reader`` and the like: SQL is not set up at this server; ``store.database``.
    HTTPException
        429: too many statements run.
    """
    section, begun, rows, status = site.settings.web, time.monotonic(), None, 500
    try:
        with _slots(request, site).taken(user.id), taking_time():
            result = _select(site, sql, min(limit or section.sql_rows, section.sql_rows))
        rows, status = len(result.rows), 200
        return Answer(result, time.monotonic() - begun)
    except HstlcError as error:
        status = error.http_status
        raise
    except HTTPException as error:
        status = error.status_code
        raise
    finally:
        seconds = time.monotonic() - begun
        audit(request, "sql", sql, status, user=user.name, seconds=seconds, rows=rows)


def _select(site: Site, sql: str, limit: int) -> ResultSet:
    settings = site.settings
    try:
        return select(
            settings.db_connection_string,
            sql,
            limit=limit,
            timeout_s=settings.web.sql_timeout_s,
            reader_url=settings.db_readonly_connection_string,
            hidden=PRIVATE,
            most_bytes=settings.web.sql_bytes,
        )
    except UsageError as error:
        if error.code in _ADMINISTRATOR:  # nothing that this user can cure
            raise DatabaseError(error.code, "SQL is not set up at this server", error.hint) from error
        raise


def _slots(request: Request, site: Site) -> _Slots:
    state = request.app.state
    with _making:
        if not hasattr(state, "sql_slots"):
            state.sql_slots = _Slots(site.settings.web.sql_at_once, site.settings.web.sql_of_user)
        slots: _Slots = state.sql_slots
        return slots


def readable_tables() -> list[dict[str, Any]]:
    """Return the tables and views for the page: name, and of each column name, type, unit and what it is."""
    tables = [table for table in Base.metadata.sorted_tables if table.name not in PRIVATE]
    found = [
        {
            "name": table.name,
            "columns": [
                {"name": column.name, "type": _type(column), **{k: column.info.get(k, "") for k in ("unit", "doc")}}
                for column in table.columns
            ],
        }
        for table in sorted(tables, key=lambda table: table.name)
    ]
    view = [{"name": one.name, "type": "", "unit": one.unit, "doc": one.doc} for one in OBSCORE]
    return [*found, {"name": "obscore", "columns": view}]


def units_of(names: Sequence[str]) -> dict[str, str]:
    """Return the units of columns of an answer, '' for those whose name does not say which column of ours it is."""
    found: dict[str, set[str]] = defaultdict(set)
    for table in readable_tables():
        for column in table["columns"]:
            found[column["name"]].add(column["unit"])
    return {name: next(iter(found[name])) if len(found[name]) == 1 else "" for name in names}


def _type(column: Any) -> str:
    kind = type(getattr(column.type, "impl", column.type)).__name__
    return _TYPES.get(kind, "text")
