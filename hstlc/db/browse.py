"""Lists of light curves with their statistics: sorted by any column that has an index, limited, in pages.

A page begins after the last row of the one before, by the value that the list is sorted by and the number of the
product, so that the thousandth page costs what the first does. NULL comes last, whichever way the list is sorted.

Indexes have the rows of each setup (mission, instrument, kind and lead) in order, and the list is those merged: a limit
to some setups costs nothing. Rows are met on the way along the order, unless other limits leave few rows: then those
are sorted. Where they leave more, and too few of them were met on a way as long, they are sorted after all: a way that
looks short can be long when a limit and the order have to do with each other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, asc, desc, func, select, tuple_, union_all

from hstlc.db.curve_columns import COLUMNS, SORTED_BY
from hstlc.db.curve_filters import Chosen, Limits, bounds, conditions, fewest, finder, split, unindexed
from hstlc.db.records import LIGHT_CURVES, SETUPS, STATS

__all__ = ["Order", "Page", "Place", "browse", "count_curves", "instruments", "stream"]

Row = Sequence[Any]

_FEW = 7_000  # rows that are sorted rather than met on the way
_SORTED = 50_000  # the most rows that are sorted, once as many were looked at on the way
_STRIDE = 400  # rows to look at first where there is a limit, twice as many in each stride that follows
_LONGEST = 50_000  # rows of the longest stride
_CHUNK = 1_000  # rows that are read at once to be passed on


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
    _, chosen = fewest(connection, own, setups, "", _SORTED)
    dialect = connection.dialect.name
    joined: Any = STATS
    if chosen is not None:
        joined = chosen.joined(dialect, {STATS, *own.tables()})
    elif LIGHT_CURVES in own.tables():
        joined = STATS.join(LIGHT_CURVES, LIGHT_CURVES.c.product_id == STATS.c.product_id)
    where = conditions(own, dialect)
    query = select(STATS.c.product_id).select_from(joined).where(STATS.c.setup_id.in_(setups), *where)
    return connection.scalar(select(func.count()).select_from(query.limit(most).subquery())) or 0


def instruments(connection: Connection) -> list[tuple[str, str]]:
    """Return the missions and instruments that there are light curves of, in order."""
    used = select(LIGHT_CURVES.c.product_id).where(LIGHT_CURVES.c.setup_id == SETUPS.c.id).exists()
    query = select(SETUPS.c.mission, SETUPS.c.instrume).where(used).distinct()
    return sorted((row[0], row[1]) for row in connection.execute(query))


@dataclass(frozen=True, slots=True)
class _Asked:
    dialect: str
    columns: tuple[str, ...]
    order: Order
    setups: tuple[int, ...]
    limits: Limits  # beyond those that the setups are chosen by
    place: Place | None
    backwards: bool

    @property
    def falling(self) -> bool:
        """Whether the highest row is met first."""
        return self.order.falling != self.backwards


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
    return _Asked(connection.dialect.name, tuple(columns), order, setups, own, place, backwards)


def _streamed(connection: Connection, asked: _Asked, chosen: Chosen | None) -> Iterator[Row]:
    if chosen is None:
        for rows, _ in _along(connection, asked, _CHUNK, _LONGEST):
            yield from rows
        return
    own = connection.execution_options(yield_per=_CHUNK)
    for query in _by_sorting(asked, chosen):
        yield from own.execute(_whole(asked, query))


def _found(connection: Connection, asked: _Asked, size: int) -> list[Row]:
    """Return the rows of a page, the nearest to its place first."""
    limits, sort = asked.limits, asked.order.name
    number, chosen = fewest(connection, limits, asked.setups, sort, _FEW)
    if chosen is not None:
        return _sorted(connection, asked, chosen, size)
    found: list[Row] = []
    reach = _FEW if number > 0 else math.inf
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


def _along(connection: Connection, asked: _Asked, stride: int, most: int) -> Iterator[tuple[Sequence[Row], int]]:
    """Yield rows as they are met, at most so many of each stride, and how many were looked at so far."""
    looked = 0
    for null, start in _parts(asked) if asked.setups else ():
        place: Place | None = start
        while True:
            way = _way(asked, null, place)
            rows = connection.execute(_met(asked, way.limit(stride)).limit(most)).all()
            looked += stride
            yield rows, looked
            end = connection.execute(way.offset(stride - 1).limit(1)).first()
            if end is None:
                break
            place = Place(end.value, end.product_id)
            stride = min(2 * stride, _LONGEST)


def _parts(asked: _Asked) -> Iterator[tuple[bool, Place | None]]:
    """Yield the parts of a list from a place on: whether they are the rows with NULL, and where they begin."""
    place = asked.place
    with_value, with_null = asked.limits.possible(asked.order.name)
    if not COLUMNS[asked.order.name].nullable:
        with_null = False
    for null in (True, False) if asked.backwards else (False, True):
        if not (with_null if null else with_value):
            continue
        if place is None or null == (place.value is None):
            yield null, place
        elif null != asked.backwards:  # it comes after the part of the place
            yield null, None


def _way(asked: _Asked, null: bool, place: Place | None) -> Any:
    """Return the query of value and product of one part of a list, in order: those of its setups, merged."""
    column = COLUMNS[asked.order.name]
    own: Any = column.table
    where = [
        *_limited(column, own.c.product_id, null, place, asked.falling),
        *bounds(asked.limits, column.name, asked.dialect),
    ]
    product, row = own.c.product_id.label("product_id"), finder(own, asked.dialect).label("row")
    query = select(column.label("value"), product, row).where(*where)
    hinted = query.with_hint(own, f"INDEXED BY {SORTED_BY[column.name]}", "sqlite")
    keys: list[Any] = [desc(name) if asked.falling else asc(name) for name in ("value", "product_id")]
    branches = [hinted.where(own.c.setup_id == setup) for setup in asked.setups]
    if len(branches) == 1:
        return branches[0].order_by(*keys)
    if asked.dialect == "postgresql":  # it merges what is sorted, and would sort everything else; SQLite always merges
        branches = [branch.order_by(*keys) for branch in branches]
    return union_all(*branches).order_by(*keys)


def _met(asked: _Asked, way: Any) -> Select[Any]:
    """Return the query of the rows on a way that are within the limits."""
    return _whole(asked, way).where(*conditions(asked.limits, asked.dialect))


def _sorted(connection: Connection, asked: _Asked, chosen: Chosen, size: int) -> list[Row]:
    """Return the first rows of a page of those that are chosen."""
    found: list[Row] = []
    for query in _by_sorting(asked, chosen):
        found += connection.execute(_whole(asked, query.limit(size - len(found)))).all()
        if len(found) >= size:
            break
    return found


def _by_sorting(asked: _Asked, chosen: Chosen) -> Iterator[Any]:
    """Yield the queries of value, product and row that one after the other are those that are chosen, sorted."""
    column = COLUMNS[asked.order.name]
    own: Any = column.table
    value, product = unindexed(column), unindexed(own.c.product_id)
    setup = unindexed(chosen.table.c.setup_id).in_(asked.setups)
    query = select(column.label("value"), own.c.product_id.label("product_id"), finder(own, asked.dialect).label("row"))
    # STATS always: a light curve may have none yet, and must not be counted. All of STATS have a light curve.
    query = query.select_from(chosen.joined(asked.dialect, {own, STATS, *asked.limits.tables()}))
    for null, place in _parts(asked):
        where = _limited(value, product, null, place, asked.falling)
        ordered = query.order_by(*_keys(value, product, asked.falling))
        yield ordered.where(setup, *where, *conditions(asked.limits, asked.dialect))


def _whole(asked: _Asked, some: Any) -> Select[Any]:
    """Return the query of the columns that are asked for, with the two that the list is sorted by at the end."""
    column = COLUMNS[asked.order.name]
    own: Any = column.table
    other = LIGHT_CURVES if own is STATS else STATS
    part = some.subquery("part")
    joined = part.join(own, finder(own, asked.dialect) == part.c.row)
    joined = joined.join(other, other.c.product_id == own.c.product_id)
    columns: list[Any] = [COLUMNS[name].label(name) for name in asked.columns]
    query = select(*columns, part.c.value, part.c.product_id).select_from(joined)
    return query.order_by(*_keys(part.c.value, part.c.product_id, asked.falling))


def _keys(value: Any, product: Any, falling: bool) -> tuple[Any, Any]:
    return (value.desc(), product.desc()) if falling else (value, product)


def _limited(value: Any, product: Any, null: bool, place: Place | None, falling: bool) -> list[Any]:
    """Return the conditions of a part of a list, from a place on."""
    where = [value.is_(None) if null else value.is_not(None)]
    if place is not None:
        here, there = (
            (product, place.product_id) if null else (tuple_(value, product), tuple_(place.value, place.product_id))
        )
        where.append(here < there if falling else here > there)
    return where
