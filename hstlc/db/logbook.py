"""What was found and done, page by page: candidates, findings, rejected files, runs and notices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, case, or_, select

from hstlc.db.notices import NOTICES
from hstlc.db.paging import Key, Slice, slice_of
from hstlc.db.records import BAD, FINDINGS, LIGHT_CURVES, METADATA, RUNS
from hstlc.db.tables import Candidate

__all__ = ["BOOKS", "Book", "choices", "page"]

_candidates = Candidate.__table__
assert isinstance(_candidates, Table)
CANDIDATES = _candidates

_Condition = Callable[[Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Book:
    """One kind of rows that people turn the pages of.

    Attributes
    ----------
    name : str
        As in addresses, such as ``bad-data``.
    title : str
        For people.
    columns : mapping of str to sqlalchemy.Column
        What a row has, by the name it has there; each says its unit, UCD and meaning.
    source : object
        Tables to select from.
    orders : mapping of str to tuple of Key
        Ways to sort the rows; the first is the usual one.
    conditions : mapping of str to callable
        Names of filters, and what of the rows a value of each lets pass.
    choices : mapping of str to sqlalchemy.Column
        Filters with few values, which :func:`choices` tells.
    """

    name: str
    title: str
    columns: Mapping[str, Column[Any]]
    source: Any
    orders: Mapping[str, tuple[Key, ...]]
    conditions: Mapping[str, _Condition]
    choices: Mapping[str, Column[Any]]


def page(
    connection: Connection,
    book: Book,
    filters: Mapping[str, Any],
    *,
    sort: str = "",
    after: str = "",
    before: str = "",
    limit: int,
) -> Slice:
    """Return one page of a book.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    book : Book
    filters : mapping
        Values by name of filter; None and '' let everything pass.
    sort : str
        One of ``book.orders``; '': the first.
    after, before : str
        See :func:`hstlc.db.paging.slice_of`.
    limit : int
        Rows of the page.

    Returns
    -------
    Slice
        Rows with the columns of the book.

    Raises
    ------
    UsageError
        ``usage.bad-place``.
    """
    keys = book.orders[sort or next(iter(book.orders))]
    hidden = [key.value.label(key.label) for key in keys if key.label not in book.columns]
    rows: Select[Any] = select(*(column.label(name) for name, column in book.columns.items()), *hidden)
    rows = rows.select_from(book.source)
    for name, value in filters.items():
        if value is not None and value != "":
            rows = rows.where(book.conditions[name](value))
    found = slice_of(connection, rows, keys, after=after, before=before, limit=limit)
    for row in found.rows:
        for key in hidden:
            del row[key.name]
    return found


def choices(connection: Connection, book: Book) -> dict[str, list[str]]:
    """Return the values that the filters with few values can have, in order, without ''."""
    found = {}
    for name, column in book.choices.items():
        values = connection.scalars(select(column).distinct().order_by(column))
        found[name] = [value for value in values if value]
    return found


def _equals(column: ColumnElement[Any]) -> _Condition:
    return lambda value: column == value


def _any_contains(*columns: ColumnElement[str]) -> _Condition:
    return lambda text: or_(*(column.icontains(text, autoescape=True) for column in columns))


def _named(table: Table, *names: str) -> dict[str, Column[Any]]:
    return {name: table.c[name] for name in names}


def _newest(table: Table) -> tuple[Key, ...]:
    return (Key("id", table.c.id, descending=True),)


def _candidate_book() -> Book:
    c, curve = CANDIDATES.c, LIGHT_CURVES.c
    columns = {
        **_named(CANDIDATES, "id", "kind"),
        **_named(LIGHT_CURVES, "mission", "instrume", "targname", "source_name", "band", "filename", "product_id"),
        **_named(CANDIDATES, "dataset", "start_mjd", "peak_mjd", "end_mjd", "duration_s", "counts", "expected_counts"),
        **_named(CANDIDATES, "peak_ratio", "probability", "trials"),
    }
    return Book(
        "candidates",
        "Flares and dips",
        columns,
        CANDIDATES.join(LIGHT_CURVES, curve.product_id == c.product_id),
        {
            "newest": _newest(CANDIDATES),
            "probability": (Key("probability", c.probability, float), Key("id", c.id)),
            "start": (Key("start_mjd", c.start_mjd, float, descending=True), Key("id", c.id, descending=True)),
        },
        {
            "mission": _equals(curve.mission),
            "kind": _equals(c.kind),
            "probability": lambda most: c.probability <= most,
            "target": _any_contains(curve.targname, curve.source_name),
        },
        {},
    )


def _finding_book() -> Book:
    f = FINDINGS.c
    columns = {
        **_named(FINDINGS, "id", "severity", "reason", "check_name", "mission", "rootname"),
        "targname": METADATA.c.targname,
        **_named(FINDINGS, "filename", "message", "found_at"),
    }
    same = (METADATA.c.mission == f.mission) & (METADATA.c.rootname == f.rootname)
    return Book(
        "findings",
        "Findings",
        columns,
        FINDINGS.outerjoin(METADATA, same),
        {"newest": _newest(FINDINGS)},
        {
            **{name: _equals(f[name]) for name in ("severity", "reason", "mission")},
            "check": _equals(f.check_name),
            "text": _any_contains(f.rootname, f.filename, f.message),
        },
        {"reason": f.reason, "check": f.check_name},
    )


def _bad_book() -> Book:
    b = BAD.c
    names = ("id", "mission", "rootname", "kind", "filename", "ingest_date", "reason", "message", "size_bytes")
    return Book(
        "bad-data",
        "Rejected files",
        _named(BAD, *names, "sha256"),
        BAD,
        {"newest": _newest(BAD)},
        {
            **{name: _equals(b[name]) for name in ("reason", "mission")},
            "text": _any_contains(b.rootname, b.filename, b.message),
        },
        {"reason": b.reason},
    )


def _run_book() -> Book:
    names = ("id", "command", "status", "started_at", "ended_at", "counts", "message", "version")
    return Book(
        "runs",
        "Runs",
        _named(RUNS, *names),
        RUNS,
        {"newest": _newest(RUNS)},
        {"command": _equals(RUNS.c.command), "status": _equals(RUNS.c.status)},
        {"command": RUNS.c.command, "status": RUNS.c.status},
    )


def _notice_book() -> Book:
    n = NOTICES.c
    over = case((n.cleared_at.is_(None), 0), else_=1)
    names = ("id", "severity", "key", "message", "count", "first_at", "last_at", "cleared_at")
    return Book(
        "notices",
        "Notices",
        _named(NOTICES, *names),
        NOTICES,
        {
            "open": (
                Key("is_over", over),
                Key("last_at", n.last_at, datetime, descending=True),
                Key("id", n.id, descending=True),
            )
        },
        {
            "severity": _equals(n.severity),
            "state": lambda state: n.cleared_at.is_(None) if state == "open" else n.cleared_at.is_not(None),
        },
        {},
    )


#: All books, by name.
BOOKS: Mapping[str, Book] = {
    book.name: book for book in (_candidate_book(), _finding_book(), _bad_book(), _run_book(), _notice_book())
}
