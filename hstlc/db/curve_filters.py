"""What a list of light curves is limited to, as conditions, and which of them finds few rows by an index of its own."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, false, func, or_, select, text, union
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from hstlc.db.cone import Cone, within
from hstlc.db.curve_columns import COLUMNS, LIKE_NAMES, SORTED_BY
from hstlc.db.light_curves import SETUP_NAMES
from hstlc.db.records import LIGHT_CURVES, SETUPS, STATS

__all__ = ["Chosen", "Filter", "Limits", "bounds", "conditions", "fewest", "finder", "split", "unindexed"]

_RARE = 100  # rows: no need to look for fewer
_FLAGS = ("interesting", "periodogram")  # an index has the rows where they are true
_LAST = "\U0010ffff"  # after every character of a text, in order of bytes
_EQUAL_NAMES = (*LIKE_NAMES, "filename")  # texts whose equals an index finds


@dataclass(frozen=True, slots=True)
class Filter:
    """What one column must be.

    Attributes
    ----------
    name : str
        One of :data:`hstlc.db.curve_columns.COLUMNS`.
    relation : str
        ``among`` (one of several values, None: NULL), ``least``, ``most``, or ``begins``.
    value : object
        A tuple of values, or one.
    """

    name: str
    relation: Literal["among", "least", "most", "begins"]
    value: Any


@dataclass(frozen=True, slots=True)
class Limits:
    """What the rows of a list must be: all of it.

    Attributes
    ----------
    filters : tuple of Filter
    cone : Cone or None
        Where on the sky.
    text : str
        What target, source, exposure or file begin with: as it is written, or in upper or lower case; '': anything.
    """

    filters: tuple[Filter, ...] = ()
    cone: Cone | None = None
    text: str = ""

    def beyond(self, name: str) -> bool:
        """Tell whether there are limits other than of one column."""
        return self.cone is not None or bool(self.text) or any(one.name != name for one in self.filters)

    def tables(self) -> set[Any]:
        """Return which of ``light_curve`` and ``stats`` the limits are about."""
        found: set[Any] = {COLUMNS[one.name].table for one in self.filters}
        return found | {LIGHT_CURVES} if self.text or self.cone is not None else found

    def possible(self, name: str) -> tuple[bool, bool]:
        """Tell whether a column can have values, and whether it can be NULL."""
        among = [one.value for one in self.filters if one.name == name and one.relation == "among"]
        bounded = any(one.name == name and one.relation != "among" for one in self.filters)
        with_value = all(any(value is not None for value in values) for values in among)
        return with_value, not bounded and all(None in values for values in among)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows that a limit leaves: of ``light_curve`` or ``stats``, by :func:`finder`."""

    table: Any
    query: Any

    def joined(self, dialect: str, tables: Set[Any]) -> Any:
        """Return the rows joined with some tables of the two."""
        some = self.query.cte("chosen").prefix_with("MATERIALIZED")
        first = self.table
        found = some.join(first, finder(first, dialect) == some.c.row)
        for other in tables:
            if other is not first:
                found = found.join(other, other.c.product_id == first.c.product_id)
        return found


def finder(table: Any, dialect: str) -> ColumnElement[Any]:
    """Return the column of ``light_curve`` or ``stats`` that an index has and that finds rows fastest."""
    found: ColumnElement[Any] = table.c.id if table is STATS and dialect == "sqlite" else table.c.product_id
    return found


class unindexed(FunctionElement[Any]):  # noqa: N801 - used as a function of SQL
    """A value for which SQLite looks into no index: its planner knows neither LIMIT nor which values are rare."""

    inherit_cache = True

    def __init__(self, value: ColumnElement[Any]) -> None:
        super().__init__(value)
        self.type = value.type


@compiles(unindexed)
def _as_it_is(element: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.process(next(iter(element.clauses)), **options))


@compiles(unindexed, "sqlite")
def _behind_plus(element: Any, compiler: Any, **options: Any) -> str:
    return "+" + str(compiler.process(next(iter(element.clauses)), **options))


Wrap = Callable[[ColumnElement[Any]], ColumnElement[Any]]


def conditions(limits: Limits, dialect: str) -> list[ColumnElement[bool]]:
    """Return the conditions on ``light_curve`` and ``stats``, joined.

    Parameters
    ----------
    limits : Limits
    dialect : str
        Name of the database's dialect.
    """
    found = [_condition(one, dialect, unindexed) for one in limits.filters]
    if limits.cone is not None:
        found.append(_in_cone(limits.cone, unindexed))
    if limits.text:
        found.append(or_(*_beginnings(limits.text, dialect, unindexed)))
    return found


def bounds(limits: Limits, name: str, dialect: str) -> list[ColumnElement[bool]]:
    """Return conditions on one column that an index of it can answer: no row beyond them is within the limits."""
    column, found = COLUMNS[name], []
    for one in limits.filters:
        if one.name == name and one.relation != "begins":
            found.append(_condition(one, dialect, _bare))
        elif one.name == name and dialect == "sqlite":  # others sort texts as people do
            ways = _ways(one.value)
            found += [column >= min(ways), column < max(ways) + _LAST]
    return found


def split(connection: Connection, limits: Limits) -> tuple[tuple[int, ...], Limits]:
    """Return the setups that some limits leave, and the limits beyond those.

    A setup is left out if it is not one of the wanted ones, or if an index tells that none of its rows is in a range.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    limits : Limits

    Returns
    -------
    setups : tuple of int
        Numbers of rows of ``setup``.
    beyond : Limits
    """
    own = [one for one in limits.filters if one.name in SETUP_NAMES and one.relation == "among"]
    query = select(SETUPS.c.id).order_by(SETUPS.c.id)
    query = query.where(*(_among(SETUPS.c[one.name], one.value) for one in own))
    for name, where in _ranges(limits):
        table: Any = COLUMNS[name].table
        query = query.where(select(table.c.product_id).where(table.c.setup_id == SETUPS.c.id, *where).exists())
    others = tuple(one for one in limits.filters if one not in own)
    return tuple(connection.scalars(query)), replace(limits, filters=others)


def _condition(one: Filter, dialect: str, wrap: Wrap) -> ColumnElement[bool]:
    column: ColumnElement[Any] = wrap(COLUMNS[one.name])
    if one.relation == "least":
        return and_(column >= one.value)
    if one.relation == "most":
        return and_(column <= one.value)
    if one.relation == "begins":
        return _begins(COLUMNS[one.name], one.value, dialect, wrap)
    return _among(column, one.value)


def _among(column: ColumnElement[Any], given: tuple[Any, ...]) -> ColumnElement[bool]:
    values = [value for value in given if value is not None]
    ways = [column == values[0] if len(values) == 1 else column.in_(values)] if values else []
    return or_(*ways, column.is_(None)) if None in given else or_(false(), *ways)


def _begins(column: Column[Any], text: str, dialect: str, wrap: Wrap) -> ColumnElement[bool]:
    own = wrap(column)
    ways = []
    for way in _ways(text):
        if dialect == "postgresql":
            ways.append(own.startswith(way, autoescape=True))
        else:
            ways.append(and_(own >= way, own < way + _LAST))
    return or_(*ways)


def _ways(text: str) -> list[str]:
    return [*dict.fromkeys((text, text.upper(), text.lower()))]


def _beginnings(text: str, dialect: str, wrap: Wrap) -> list[ColumnElement[bool]]:
    ways = [_begins(COLUMNS[name], text, dialect, wrap) for name in LIKE_NAMES]
    return [*ways, wrap(COLUMNS["filename"]) == text]


def _in_cone(cone: Cone, wrap: Wrap) -> ColumnElement[bool]:
    return within(wrap(LIGHT_CURVES.c.ra_deg), wrap(LIGHT_CURVES.c.dec_deg), cone)[0]


def fewest(
    connection: Connection, limits: Limits, setups: tuple[int, ...], sort: str, most: int
) -> tuple[int, Chosen | None]:
    """Return how many rows the narrowest of the limits with an index of its own leaves, and their query.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    limits : Limits
    setups : tuple of int
        Those that are wanted.
    sort : str
        Name of the column that the list is sorted by: its own limits bound the way through its index already.
    most : int
        No more rows than these are counted.

    Returns
    -------
    number : int
        ``most`` if there are more; -1 if no limit has an index.
    chosen : Chosen or None
        None if there are more, or no index.
    """
    best = -1
    found: Chosen | None = None
    for table, ways in _indexed(limits, setups, connection.dialect.name, sort):
        counts = [select(func.count()).select_from(way.limit(most).subquery()).scalar_subquery() for way in ways]
        number = min(most, sum(connection.execute(select(*counts)).one()))
        if best < 0 or number < best:
            best = number
            found = None if number >= most else Chosen(table, ways[0] if len(ways) == 1 else union(*ways))
        if best < _RARE:
            break
    return best, found


def _ranges(limits: Limits) -> list[tuple[str, list[ColumnElement[bool]]]]:
    """Return the columns that lists are sorted by and that have lowest or highest values, and those as conditions."""
    found: dict[str, list[ColumnElement[bool]]] = {}
    for one in limits.filters:
        if one.relation in ("least", "most") and one.name in SORTED_BY:
            found.setdefault(one.name, []).append(_condition(one, "", _bare))
    return list(found.items())


def _indexed(limits: Limits, setups: tuple[int, ...], dialect: str, sort: str) -> list[tuple[Any, list[Select[Any]]]]:
    """Return queries of rows of a table by one limit each that an index answers: any of a few, narrow ones first."""
    curves, stats = (select(finder(table, dialect).label("row")) for table in (LIGHT_CURVES, STATS))
    found: list[tuple[Any, list[Select[Any]]]] = []
    for one in limits.filters:
        if (one.name in _EQUAL_NAMES and one.relation == "among") or one.relation == "begins":
            found.append((LIGHT_CURVES, [curves.where(_condition(one, dialect, _bare))]))
    if limits.text:
        found.append((LIGHT_CURVES, [curves.where(way) for way in _beginnings(limits.text, dialect, _bare)]))
    if limits.cone is not None:
        found.append((LIGHT_CURVES, [curves.where(_in_cone(limits.cone, _bare))]))
    for name, where in _ranges(limits):
        table: Any = COLUMNS[name].table
        if name != sort:
            rows = stats if table is STATS else curves
            found.append((table, [rows.where(table.c.setup_id.in_(setups), *where)]))
    flags = [one.name for one in limits.filters if one.name in _FLAGS and one.value == (True,)]
    found += [(STATS, [stats.where(text(f"stats.{name}"))]) for name in flags]  # not "= 1"
    return found


def _bare(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a value as it is: an index of it may be used."""
    return value
