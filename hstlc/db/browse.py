"""Lists of light curves with their statistics: sorted by any column that has an index, limited, in pages.

A page begins after the last row of the one before, by the value that the list is sorted by and the number of the
product, so that the thousandth page costs what the first does. NULL comes last, whichever way the list is sorted.

Indexes have the rows of each setup (mission, instrument, kind, lead, and whether they vary) in order, and the list is
those merged: a limit to some setups costs nothing. Rows are met on the way along the order, unless other limits leave
few rows: then those are sorted. Where they leave more, and too few of them were met on a way as long, they are sorted
after all: a way that looks short can be long when a limit and the order have to do with each other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Dialect, select

from hstlc.db.curve_columns import COLUMNS, SORTED_BY
from hstlc.db.curve_filters import Chosen, Limits, aside, bounds, conditions, fewest, finder, split
from hstlc.db.records import LIGHT_CURVES, SETUPS, STATS
from hstlc.db.sql_text import NOTHING, Sql, all_of, bound, chain, commas, converted, name_of, run, sql

__all__ = ["Order", "Page", "Place", "browse", "count_curves", "instruments", "stream"]

Row = Sequence[Any]

_FEW = 12_000  # rows that are sorted rather than met on the way
_SORTED = 50_000  # the most rows that are sorted, once as many were looked at on the way
_STRIDE = 400  # rows to look at first where there is a limit; each stride that follows is longer
_LONGEST = 50_000  # rows of the longest stride
_CHUNK = 1_000  # rows that are read at once to be passed on
_TOGETHER = 40_000  # rows of all setups that PostgreSQL may read for one stride; beyond, it merges them or sorts all


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by.

    Attributes
    ----------
    name : str
        One of :data:`hstlc.db.curve_columns.SORTED_BY`.
    falling : bool
        Highest first.
    """

    name: str
    falling: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a list: its value of what the list is sorted by, and its product."""

    value: Any
    product_id: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list.

    Attributes
    ----------
    rows : list of sequences
        The columns that were asked for, in their order.
    previous, next : Place or None
        The first and the last row, if there are rows before and after them.
    """

    rows: list[Row]
    previous: Place | None
    next: Place | None


def browse(
    connection: Connection,
    columns: Sequence[str],
    order: Order,
    limits: Limits,
    size: int,
    *,
    after: Place | None = None,
    before: Place | None = None,
) -> Page:
    """Return one page of the list of light curves.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    columns : sequence of str
        Names of :data:`hstlc.db.curve_columns.COLUMNS`.
    order : Order
    limits : Limits
    size : int
        Rows of a page.
    after, before : Place, optional
        A row that the page follows or precedes, at most one of them; none: the first page.

    Returns
    -------
    Page
    """
    place, backwards = (before, True) if before is not None else (after, False)
    asked = _asked(connection, columns, order, limits, place, backwards=backwards)
    found = _found(connection, asked, size + 1)
    more = len(found) > size
    del found[size:]
    if backwards:
        found.reverse()
    if not found:
        return Page([], None, None)
    first, last = (Place(row[-2], row[-1]) for row in (found[0], found[-1]))
    rows = [row[:-2] for row in found]
    precedes, follows = (more, True) if backwards else (place is not None, more)
    return Page(rows, first if precedes else None, last if follows else None)


def stream(connection: Connection, columns: Sequence[str], order: Order, limits: Limits, most: int) -> Iterator[Row]:
    """Yield the first rows of a list, read from the database some thousands at a time.

    Parameters
    ----------
    connection, columns, order, limits
        As of :func:`browse`.
    most : int
        Rows at most.
    """
    asked = _asked(connection, columns, order, limits)
    _, chosen = fewest(connection, asked.limits, asked.setups, order.name, _SORTED)
    rows = _streamed(connection, asked, chosen)
    for row in itertools.islice(rows, most):
        yield row[:-2]


def count_curves(connection: Connection, limits: Limits, most: int) -> int:
    """Return the number of light curves of a list, or ``most`` if there are as many or more.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    limits : Limits
    most : int
        No more than these are counted.
    """
    setups, own = split(connection, limits)
    if not setups:
        return 0
    _, chosen = fewest(connection, own, setups, "", _SORTED)
    dialect = connection.dialect
    before, joined = NOTHING, Sql("stats")
    if chosen is not None:
        before, joined = chosen.joined(dialect, {STATS, *own.tables()})
    elif LIGHT_CURVES in own.tables():
        joined = Sql("stats JOIN light_curve ON light_curve.product_id = stats.product_id")
    where = all_of([sql("stats.setup_id IN ({})", commas(setups)), *conditions(own, dialect)])
    found = sql("{} SELECT stats.product_id FROM {} WHERE {} LIMIT {}", before, joined, where, most)
    number: int = run(connection, sql("SELECT count(*) FROM ({}) AS found", found)).scalar_one()
    return number


def instruments(connection: Connection) -> list[tuple[str, str]]:
    """Return the missions and instruments that there are light curves of, in order."""
    used = select(LIGHT_CURVES.c.product_id).where(LIGHT_CURVES.c.setup_id == SETUPS.c.id).exists()
    query = select(SETUPS.c.mission, SETUPS.c.instrume).where(used).distinct()
    return sorted((row[0], row[1]) for row in connection.execute(query))


@dataclass(frozen=True, slots=True)
class _Asked:
    dialect: Dialect
    columns: tuple[str, ...]
    order: Order
    setups: tuple[int, ...]
    limits: Limits  # beyond those that the setups are chosen by
    place: Place | None
    backwards: bool

    @property
    def column(self) -> Column[Any]:
        """What the list is sorted by."""
        return COLUMNS[self.order.name]

    @property
    def falling(self) -> bool:
        """Whether the highest row is met first."""
        return self.order.falling != self.backwards

    def sorted_by(self, value: Sql, product: Sql) -> Sql:
        """Return what follows ORDER BY."""
        return sql("{} DESC, {} DESC" if self.falling else "{}, {}", value, product)


def _asked(
    connection: Connection,
    columns: Sequence[str],
    order: Order,
    limits: Limits,
    place: Place | None = None,
    *,
    backwards: bool = False,
) -> _Asked:
    setups, own = split(connection, limits)
    return _Asked(connection.dialect, tuple(columns), order, setups, own, place, backwards)


def _streamed(connection: Connection, asked: _Asked, chosen: Chosen | None) -> Iterator[Row]:
    if chosen is None:
        for rows, _ in _along(connection, asked, _CHUNK, _LONGEST):
            yield from rows
        return
    for query in _by_sorting(asked, chosen):
        yield from _read(connection, asked, _whole(asked, query), yield_per=_CHUNK)


def _read(connection: Connection, asked: _Asked, query: Sql, **options: Any) -> Iterator[Row]:
    columns = [*(COLUMNS[name] for name in asked.columns), asked.column]
    return converted(run(connection, query, **options), columns, asked.dialect)


def _found(connection: Connection, asked: _Asked, size: int) -> list[Row]:
    """Return the rows of a page, the nearest to its place first."""
    limits, sort = asked.limits, asked.order.name
    number, chosen = fewest(connection, limits, asked.setups, sort, _FEW)
    if chosen is not None:
        return _sorted(connection, asked, chosen, size)
    found: list[Row] = []
    reach = number if number > 0 else math.inf
    for rows, looked in _along(connection, asked, max(size, _STRIDE) if limits.beyond(sort) else size, size):
        found += rows
        if len(found) >= size:
            break
        if looked >= reach and chosen is None:
            number, chosen = fewest(connection, limits, asked.setups, sort, _SORTED)
            reach = number if chosen is not None else math.inf
        if looked >= reach and chosen is not None:
            return _sorted(connection, asked, chosen, size)
    return found[:size]


def _along(connection: Connection, asked: _Asked, stride: int, most: int) -> Iterator[tuple[list[Row], int]]:
    """Yield rows as they are met, at most so many of each stride, and how many were looked at so far."""
    looked = 0
    for null, start in _parts(asked) if asked.setups else ():
        place: Place | None = start
        while True:
            way = _way(asked, null, place, stride)
            met = _whole(asked, way, conditions(asked.limits, asked.dialect))
            rows = list(_read(connection, asked, sql("{} LIMIT {}", met, most)))
            looked += stride
            yield rows, looked
            last = sql("SELECT value, product_id FROM ({}) AS way LIMIT 1 OFFSET {}", way, stride - 1)
            end = next(converted(run(connection, last), [asked.column], asked.dialect), None)
            if end is None:
                break
            place = Place(*end)
            growth = 1.2 * most / max(1, len(rows))  # so that the next stride meets the rest
            stride = min(round(min(max(2.0, growth), 16.0) * stride), _LONGEST)


def _parts(asked: _Asked) -> Iterator[tuple[bool, Place | None]]:
    """Yield the parts of a list from a place on: whether they are the rows with NULL, and where they begin."""
    place = asked.place
    with_value, with_null = asked.limits.possible(asked.order.name)
    if not asked.column.nullable:
        with_null = False
    for null in (True, False) if asked.backwards else (False, True):
        if not (with_null if null else with_value):
            continue
        if place is None or null == (place.value is None):
            yield null, place
        elif null != asked.backwards:  # it comes after the part of the place
            yield null, None


def _way(asked: _Asked, null: bool, place: Place | None, stride: int) -> Sql:
    """Return the query of the next so many rows of one part of a list, in order: those of its setups, merged.

    They are ``value, product_id, found``, the last by :func:`hstlc.db.curve_filters.finder`.
    """
    table, value, product = asked.column.table, name_of(asked.column), Sql(f"{asked.column.table.name}.product_id")
    hint = Sql(f" INDEXED BY {SORTED_BY[asked.order.name]}") if asked.dialect.name == "sqlite" else NOTHING
    limited = _limited(asked, value, product, null, place)
    where = all_of([limited, *bounds(asked.limits, asked.order.name, asked.dialect)])
    columns = sql("{} AS value, {} AS product_id, {} AS found", value, product, finder(table, asked.dialect))
    keys = asked.sorted_by(Sql("value"), Sql("product_id"))

    def branch(setup: Any) -> Sql:
        own = columns, Sql(table.name), hint, Sql(table.name), setup, where
        return sql("SELECT {} FROM {}{} WHERE {}.setup_id = {} AND {}", *own)

    ordered = "{} ORDER BY {} LIMIT {}"
    if len(asked.setups) == 1:
        return sql(ordered, branch(asked.setups[0]), keys, stride)
    if asked.dialect.name == "sqlite":  # it merges branches in order
        return sql(ordered, chain((branch(setup) for setup in asked.setups), " UNION ALL "), keys, stride)
    if stride * len(asked.setups) <= _TOGETHER:
        numbers = sql("(VALUES {}) AS own(setup_id)", commas(sql("({})", setup) for setup in asked.setups))
        best = sql(ordered, branch(Sql("own.setup_id")), keys, stride)
        return sql(ordered, sql("SELECT way.* FROM {} CROSS JOIN LATERAL ({}) AS way", numbers, best), keys, stride)
    branches = (sql("({} ORDER BY {})", branch(setup), keys) for setup in asked.setups)
    return sql(ordered, chain(branches, " UNION ALL "), keys, stride)


def _sorted(connection: Connection, asked: _Asked, chosen: Chosen, size: int) -> list[Row]:
    """Return the first rows of a page of those that are chosen."""
    found: list[Row] = []
    for query in _by_sorting(asked, chosen):
        found += _read(connection, asked, _whole(asked, sql("{} LIMIT {}", query, size - len(found))))
        if len(found) >= size:
            break
    return found


def _by_sorting(asked: _Asked, chosen: Chosen) -> Iterator[Sql]:
    """Yield the queries of value, product and row that one after the other are those that are chosen, sorted."""
    if not asked.setups:
        return
    own, dialect = asked.column.table, asked.dialect
    value, product = aside(asked.column, dialect), aside(own.c.product_id, dialect)
    setup = sql("{} IN ({})", aside(chosen.table.c.setup_id, dialect), commas(asked.setups))
    columns = sql("{} AS value, {} AS product_id, {} AS found", value, product, finder(own, dialect))
    # STATS always: a light curve may have none yet, and must not be counted. All of STATS have a light curve.
    before, joined = chosen.joined(dialect, {own, STATS, *asked.limits.tables()})
    keys = asked.sorted_by(value, product)
    for null, place in _parts(asked):
        where = all_of([setup, _limited(asked, value, product, null, place), *conditions(asked.limits, dialect)])
        yield sql("{} SELECT {} FROM {} WHERE {} ORDER BY {}", before, columns, joined, where, keys)


def _whole(asked: _Asked, some: Sql, where: Sequence[Sql] = ()) -> Sql:
    """Return the query of the columns that are asked for, with the two that the list is sorted by at the end."""
    own = asked.column.table
    other = LIGHT_CURVES if own is STATS else STATS
    columns = commas([*(name_of(COLUMNS[name]) for name in asked.columns), Sql("part.value"), Sql("part.product_id")])
    joined = sql("JOIN {} ON {} = part.found", Sql(own.name), finder(own, asked.dialect))
    joined = sql("{} JOIN {} ON {}", joined, Sql(other.name), Sql("light_curve.product_id = stats.product_id"))
    keys = asked.sorted_by(Sql("part.value"), Sql("part.product_id"))
    return sql("SELECT {} FROM ({}) AS part {} WHERE {} ORDER BY {}", columns, some, joined, all_of(where), keys)


def _limited(asked: _Asked, value: Sql, product: Sql, null: bool, place: Place | None) -> Sql:
    """Return the condition of a part of a list, from a place on."""
    part = sql("{} IS NULL" if null else "{} IS NOT NULL", value)
    if place is None:
        return part
    sign = Sql("<" if asked.falling else ">")
    if null:
        return sql("{} AND {} {} {}", part, product, sign, place.product_id)
    here = bound(asked.column, place.value, asked.dialect)
    return sql("{} AND ({}, {}) {} ({}, {})", part, value, product, sign, here, place.product_id)
