"""What a list of light curves is limited to, as conditions, and which of them finds few rows by an index of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Column, Connection, Dialect, Double, Table, literal_column

from hstlc.db.cone import Cone, within
from hstlc.db.curve_columns import COLUMNS, LIKE_NAMES, SORTED_BY
from hstlc.db.light_curves import SETUP_NAMES
from hstlc.db.records import LIGHT_CURVES, SETUPS, STATS
from hstlc.db.sql_text import NOTHING, Sql, all_of, any_of, bound, chain, commas, name_of, run, spaces, sql

__all__ = ["Chosen", "Filter", "Limits", "aside", "bounds", "conditions", "fewest", "finder", "split"]

_RARE = 100  # rows: no need to look for fewer
_FLAG = "periodogram"  # an index has the rows where it is true
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
    """Rows that a limit leaves.

    Attributes
    ----------
    table : sqlalchemy.Table
        ``light_curve`` or ``stats``.
    ways : tuple of Sql
        Conditions on its rows of which one holds, each with an index that finds them.
    """

    table: Table
    ways: tuple[Sql, ...]

    def joined(self, dialect: Dialect, tables: Set[Table]) -> tuple[Sql, Sql]:
        """Return what stands before a query of these rows, and after FROM: joined with some tables of the two.

        Each row of the other tables is looked up by its number. PostgreSQL takes limits for independent of each other
        and few rows for none, and would go through some other index: nothing gets past ``OFFSET 0``.
        """
        name = Sql(self.table.name)
        first = queries(self.table, self.ways, finder(self.table, dialect))
        others = [other for other in tables if other is not self.table]
        if dialect.name == "sqlite":
            joins = [sql("JOIN {} ON {} = chosen.found", name, finder(self.table, dialect))]
            for other in others:
                same = name_of(other.c.product_id), name_of(self.table.c.product_id)
                joins.append(sql("JOIN {} ON {} = {}", Sql(other.name), *same))
            found = chain(first, " UNION ")
            return sql("WITH chosen AS MATERIALIZED ({})", found), sql("chosen {}", spaces(joins))
        of_one = self.ways[0]
        if len(self.ways) > 1:
            found = chain(first, " UNION ")
            of_one = sql("{} IN ({})", finder(self.table, dialect), found)
        parts = [sql("(SELECT * FROM {} WHERE {} OFFSET 0) AS {}", name, of_one, name)]
        for other in others:
            own = Sql(other.name)
            text = "CROSS JOIN LATERAL (SELECT * FROM {} WHERE {} = {} OFFSET 0) AS {}"
            same = name_of(other.c.product_id), name_of(self.table.c.product_id)
            parts.append(sql(text, own, *same, own))
        return NOTHING, spaces(parts)


def queries(table: Table, ways: Iterable[Sql], column: Sql) -> list[Sql]:
    """Return the queries of one column, as ``found``, of the rows of a table by each of some conditions."""
    return [sql("SELECT {} AS found FROM {} WHERE {}", column, Sql(table.name), way) for way in ways]


def finder(table: Table, dialect: Dialect) -> Sql:
    """Return the column of ``light_curve`` or ``stats`` that an index has and that finds rows fastest."""
    return name_of(table.c.id if table is STATS and dialect.name == "sqlite" else table.c.product_id)


def aside(column: Column[Any], dialect: Dialect) -> Sql:
    """Return a column for which SQLite looks into no index: it knows neither LIMIT nor which values are rare."""
    return sql("+{}", name_of(column)) if dialect.name == "sqlite" else name_of(column)


def conditions(limits: Limits, dialect: Dialect) -> list[Sql]:
    """Return the conditions on ``light_curve`` and ``stats``, joined.

    Parameters
    ----------
    limits : Limits
    dialect : sqlalchemy.Dialect
    """
    found = [_condition(one, aside(COLUMNS[one.name], dialect), dialect) for one in limits.filters]
    if limits.cone is not None:
        found.append(_in_cone(limits.cone, dialect, lambda column: aside(column, dialect)))
    if limits.text:
        found.append(any_of(_meant(limits.text, lambda column: aside(column, dialect))))
    return found


def bounds(limits: Limits, name: str, dialect: Dialect) -> list[Sql]:
    """Return conditions on one column that an index of it can answer: no row beyond them is within the limits."""
    column, found = name_of(COLUMNS[name]), []
    for one in limits.filters:
        if one.name == name and one.relation != "begins":
            found.append(_condition(one, column, dialect))
        elif one.name == name:
            ways = _ways(one.value)
            found.append(sql("{} >= {} AND {} < {}", column, min(ways), column, max(ways) + _LAST))
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
    own = [one for one in limits.filters if _of_setup(one)]
    wanted = [_among(name_of(SETUPS.c[one.name]), one.value) for one in own]
    for name, where in _ranges(limits, connection.dialect):
        table = COLUMNS[name].table
        text = f"EXISTS (SELECT 1 FROM {table.name} WHERE {table.name}.setup_id = setup.id AND {{}})"
        wanted.append(sql(text, where))
    rows = run(connection, sql("SELECT setup.id FROM setup WHERE {} ORDER BY setup.id", all_of(wanted)))
    others = tuple(one for one in limits.filters if one not in own)
    return tuple(row[0] for row in rows), replace(limits, filters=others)


def _of_setup(one: Filter) -> bool:
    """Tell whether a limit leaves all light curves of some setups."""
    if one.name == "interesting":
        return bool(one.value == (True,))  # no setup has those alone that do not vary
    return one.name in SETUP_NAMES and one.relation == "among"


def _condition(one: Filter, column: Sql, dialect: Dialect) -> Sql:
    if one.relation == "begins":
        return any_of(_begins(column, one.value))
    if one.relation == "among":
        return _among(column, [bound(COLUMNS[one.name], value, dialect) for value in one.value])
    text = "{} >= {}" if one.relation == "least" else "{} <= {}"
    return sql(text, column, bound(COLUMNS[one.name], one.value, dialect))


def _among(column: Sql, given: Sequence[Any]) -> Sql:
    values = [value for value in given if value is not None]
    ways = [sql("{} = {}", column, values[0])] if len(values) == 1 else []
    if len(values) > 1:
        ways.append(sql("{} IN ({})", column, commas(values)))
    if None in given:
        ways.append(sql("{} IS NULL", column))
    return any_of(ways)


def _begins(column: Sql, text: str) -> list[Sql]:
    return [sql("({} >= {} AND {} < {})", column, way, column, way + _LAST) for way in _ways(text)]


def _ways(text: str) -> list[str]:
    return [*dict.fromkeys((text, text.upper(), text.lower()))]


def _meant(text: str, own: Callable[[Column[Any]], Sql] = name_of) -> list[Sql]:
    """Return the conditions of which one must hold where a text is looked for: beginnings, or the name of a file."""
    ways = [way for name in LIKE_NAMES for way in _begins(own(COLUMNS[name]), text)]
    return [*ways, sql("{} = {}", own(COLUMNS["filename"]), text)]


def _in_cone(cone: Cone, dialect: Dialect, own: Callable[[Column[Any]], Sql] = name_of) -> Sql:
    """Return the condition that a light curve is in a cone; the formula is that of SQLAlchemy's expressions."""
    place: list[Any] = [literal_column(own(LIGHT_CURVES.c[name]).text, Double()) for name in ("ra_deg", "dec_deg")]
    condition = within(place[0], place[1], cone)[0]
    return Sql(str(condition.compile(dialect=dialect, compile_kwargs={"literal_binds": True})))


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
    for table, ways in _indexed(limits, setups, connection.dialect, sort):
        found_by = queries(table, ways, finder(table, connection.dialect))
        counts = [sql("(SELECT count(*) FROM ({} LIMIT {}) AS way)", query, most) for query in found_by]
        number = min(most, sum(run(connection, sql("SELECT {}", commas(counts))).one()))
        if best < 0 or number < best:
            best = number
            found = None if number >= most else Chosen(table, ways)
        if best < _RARE:
            break
    return best, found


def _ranges(limits: Limits, dialect: Dialect) -> list[tuple[str, Sql]]:
    """Return the columns that lists are sorted by and that have lowest or highest values, and those as conditions."""
    found: dict[str, list[Sql]] = {}
    for one in limits.filters:
        if one.relation in ("least", "most") and one.name in SORTED_BY:
            found.setdefault(one.name, []).append(_condition(one, name_of(COLUMNS[one.name]), dialect))
    return [(name, all_of(where)) for name, where in found.items()]


def _indexed(
    limits: Limits, setups: tuple[int, ...], dialect: Dialect, sort: str
) -> list[tuple[Table, tuple[Sql, ...]]]:
    """Return conditions on rows of a table, one of a few, for each limit that an index answers; narrow ones first."""
    found: list[tuple[Table, tuple[Sql, ...]]] = []

    def add(table: Table, *ways: Sql) -> None:
        found.append((table, ways))

    for one in limits.filters:
        if one.relation == "begins":  # each way to write it by itself: PostgreSQL would read the whole index
            add(LIGHT_CURVES, *_begins(name_of(COLUMNS[one.name]), one.value))
        elif one.name in _EQUAL_NAMES and one.relation == "among":
            add(LIGHT_CURVES, _condition(one, name_of(COLUMNS[one.name]), dialect))
    if limits.text:
        add(LIGHT_CURVES, *_meant(limits.text))
    if limits.cone is not None:
        add(LIGHT_CURVES, _in_cone(limits.cone, dialect))
    for name, where in _ranges(limits, dialect):
        table = COLUMNS[name].table
        if name != sort:
            add(table, sql("{}.setup_id IN ({}) AND {}", Sql(table.name), commas(setups or (0,)), where))
    for one in limits.filters:
        if one.name == _FLAG and one.value == (True,):
            add(STATS, name_of(STATS.c[_FLAG]))  # not "= 1": the index would not be taken
    return found
